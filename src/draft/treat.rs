//! What is proposed for a field: its category, rules where the API has none, and for each destination the most private
//! action with which the API should still work.

use serde_json::Value;

use super::category::{Guessed, category, in_doubt};
use super::model::{Field, Place};
use super::{bounds, sample};
use crate::action::{Action, DateTo, DetectSpec, Generalize, Materials, ReplaceBy, Spec};
use crate::check::{Check, RuleKind, Rules};
use crate::detect::{self, Wanted};
use crate::payload::{self, Kind, Treated};
use crate::policy::categories::{self, Facts};

/// Which way a field travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the upstream, in the body.
    Request,
    /// To the upstream, in the head.
    Head(Place),
    /// To the caller.
    Response,
}

/// A proposal for a field.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub(super) field: Field,
    pub(super) way: Way,
    /// `pd:NAME`.
    pub(super) category: Option<String>,
    pub(super) facts: Facts,
    /// The API's rules, and ours where it has none.
    pub(super) rules: Rules,
    /// For the upstream, or the caller.
    pub(super) outward: Spec,
    pub(super) stored: Spec,
    /// How sure, in tenths.
    pub(super) tenths: u8,
    pub(super) because: String,
    /// A value that the rules let through.
    pub(super) sample: Option<Value>,
}

/// How a pseudonym looks to whoever gets it: `p1_` and 26 characters.
const PSEUDONYM: &str = "p1_aaaaaaaaaaaaaaaaaaaaaaaaaa";
/// What takes the place of a value that must be there and of a form that no pseudonym has.
const PLACEHOLDERS: [&str; 6] = [
    "nobody@example.org",
    "00000000-0000-4000-8000-000000000000",
    "1900-01-01",
    "0.0.0.0",
    "+10000000000",
    "https://example.org/",
];
/// What stands for a text of no form.
const FORMLESS: [&str; 2] = ["redacted", "none"];
/// Categories by which a model may need to tell one from another.
const JOINED: [&str; 4] = ["pd:Identifier", "pd:AccountIdentifier", "pd:UID", "pd:Username"];
/// Categories of what is worth something to whoever knows it.
const SECRETS: [&str; 3] = ["pd:Password", "pd:PINCode", "pd:SecretText"];
/// The longest text that is none in somebody's own words; of a pattern in bytes.
const SHORT: u64 = 40;
/// A text that the API itself lets be as long holds sentences, whatever its name.
const LONG: u64 = 500;
/// Categories of what people write in their own words.
const FREE_TEXTS: [&str; 2] = ["pd:Communication", "pd:Opinion"];

pub(super) fn propose(field: &Field, way: Way) -> Proposal {
    let found = match &field.known {
        Some(known) => Some(known.clone()),
        None if matches!(way, Way::Head(_)) => None,
        None => category(&field.path, field.rules.format, &field.describes),
    };
    let found = found.and_then(|found| plausible(field, found));
    let doubt = in_doubt(&field.path).filter(|_| found.is_none());
    let (name, tenths, mut because) = match (found, &doubt) {
        (Some(found), _) => (Some(found.category), found.tenths, vec![found.because]),
        (None, Some(doubt)) => (None, 2, vec![doubt.clone()]),
        (None, None) => (None, 5, vec!["nothing says that it is about a person: look yourself".to_owned()]),
    };
    let facts = name.as_deref().and_then(categories::facts).unwrap_or_default();
    let rules = if way == Way::Response {
        bounds::answered(field, name.as_deref())
    } else {
        bounds::asked(field, name.as_deref(), &mut because)
    };
    let sample = sample::sample(&rules, name.as_deref(), field.example.as_ref());
    // That an answer always had it is no promise of the API.
    let required = field.required && !(way == Way::Response && field.seen);
    let mut proposal = Proposal {
        field: Field { required, ..field.clone() },
        way,
        category: name,
        facts,
        rules,
        outward: Spec::Unchanged,
        stored: Spec::Unchanged,
        tenths: tenths.min(field.tenths),
        because: String::new(),
        sample,
    };
    match way {
        Way::Request | Way::Head(_) => outward(&mut proposal, &mut because),
        Way::Response => {
            answer(&mut proposal, &mut because);
            because.extend(doubt);
        }
    }
    if proposal.rules.kind == Some(RuleKind::File) && proposal.stored != Spec::LeaveOut {
        proposal.stored = Spec::LeaveOut;
        because.push("a file is not kept unless you say so".into());
    }
    if facts.special {
        because.push("special category: needs `art9_condition` (Art. 9)".into());
    }
    if facts.criminal {
        because.push("criminal offences: needs `art10_reference` (Art. 10)".into());
    }
    because.extend(field.because.iter().cloned());
    proposal.because = because.join("; ");
    proposal
}

/// A yes or no, a fraction or one of a few words tells nobody apart, whatever its name.
fn plausible(field: &Field, found: Guessed) -> Option<Guessed> {
    let facts = categories::facts(&found.category)?;
    if found.category == "pd:SecretText" {
        let text = field.rules.kind == Some(RuleKind::String) && field.rules.one_of.is_empty();
        return if text { Some(found) } else { found.otherwise.map(|otherwise| *otherwise) };
    }
    if !facts.identifying || facts.special {
        return Some(found);
    }
    let numbered = JOINED.contains(&found.category.as_str())
        || matches!(
            found.category.as_str(),
            "pd:TelephoneNumber"
                | "pd:OfficialID"
                | "pd:BankAccount"
                | "pd:FinancialAccountNumber"
                | "pd:CreditCardNumber"
                | "pd:HouseNumber"
        );
    let tells = match field.rules.kind {
        Some(RuleKind::String) => field.rules.one_of.is_empty(),
        // Where an API is described by code that knows one type of number, every number is of it.
        Some(RuleKind::Integer | RuleKind::Number) => {
            numbered && field.rules.one_of.is_empty() && !few(&field.rules)
        }
        Some(RuleKind::File) => true,
        _ => false,
    };
    if tells { Some(found) } else { found.otherwise.map(|otherwise| *otherwise) }
}

/// Whether a number has fewer than a hundred values.
fn few(rules: &Rules) -> bool {
    let end = |end: &Option<String>| end.as_ref().and_then(|end| end.parse::<f64>().ok());
    let Some(range) = &rules.range else { return false };
    matches!((end(&range.min), end(&range.max)), (Some(min), Some(max)) if max - min < 100.0)
}

fn outward(proposal: &mut Proposal, because: &mut Vec<String>) {
    let category = proposal.category.clone().unwrap_or_default();
    let can_go = !proposal.field.required;
    if SECRETS.contains(&category.as_str()) {
        proposal.stored = Spec::LeaveOut;
        if can_go {
            proposal.outward = Spec::LeaveOut;
        }
        because.push("a secret is kept nowhere".into());
        return;
    }
    if proposal.facts.identifying {
        proposal.outward = identifying(proposal, &category, because);
        return;
    }
    if can_go && (proposal.facts.special || proposal.facts.criminal) {
        proposal.outward = Spec::LeaveOut;
        proposal.stored = Spec::LeaveOut;
        because.push("the API can do without".into());
        return;
    }
    if is_free_text(proposal, &category) {
        proposal.outward = looked_through();
        proposal.tenths = proposal.tenths.min(4);
        because.push("free text can hold anything about anybody: what is found in it is taken out".into());
        return;
    }
    let coarser = match (category.as_str(), proposal.rules.kind) {
        ("pd:Age", Some(RuleKind::Integer | RuleKind::Number)) => {
            Some((Generalize::BandsOf { width: 10, label: false }, "in bands, if the model tolerates it"))
        }
        ("pd:BirthDate", Some(RuleKind::String)) if proposal.rules.format.is_some() => {
            Some((Generalize::DateTo(DateTo::Year), "the year, if that is enough for the model"))
        }
        ("pd:PostalCode", Some(RuleKind::String)) => {
            Some((Generalize::Prefix(2), "its first two characters, if that is enough for the model"))
        }
        ("pd:GPSCoordinate", Some(RuleKind::Number)) => Some((
            Generalize::BandsOf { width: 1, label: false },
            "whole degrees, if that is enough for the model",
        )),
        _ => None,
    };
    match coarser {
        Some((how, why)) if works(proposal, &Spec::Generalize(how.clone())) => {
            proposal.outward = Spec::Generalize(how);
            proposal.tenths = proposal.tenths.min(7);
            because.push(why.into());
        }
        Some(_) => because.push("a coarser value would not be one that the API takes".into()),
        None if proposal.category.is_some() => {
            because.push("unchanged: the model is taken to need it".into())
        }
        None => {}
    }
}

/// Whether a text of this pattern is short: a longer one holds sentences.
fn narrow(pattern: &str) -> bool {
    let longest = regex_syntax::parse(pattern).ok().and_then(|parsed| parsed.properties().maximum_len());
    longest.and_then(|longest| u64::try_from(longest).ok()).is_some_and(|longest| longest <= SHORT)
}

/// A text in somebody's own words: nothing says of what form it is.
fn is_free_text(proposal: &Proposal, category: &str) -> bool {
    let rules = &proposal.field.rules;
    let open = rules.one_of.is_empty() && rules.format.is_none();
    let open = open && rules.pattern.as_deref().is_none_or(|pattern| !narrow(pattern));
    let long = rules.length.is_none_or(|length| length.max.is_none_or(|most| most > SHORT));
    let sentences = rules.length.and_then(|length| length.max).is_some_and(|most| most >= LONG);
    let by_length = sentences && proposal.category.is_none();
    let written = (proposal.facts.special || by_length) && !proposal.field.seen;
    rules.kind == Some(RuleKind::String) && open && long && (FREE_TEXTS.contains(&category) || written)
}

fn looked_through() -> Spec {
    let wanted = Wanted { kinds: detect::Kind::ALL.to_vec(), ..Wanted::default() };
    Spec::Detect(Box::new(DetectSpec { wanted, ask: None, replace_by: ReplaceBy::Redact }))
}

/// The most private of what the API should still accept for a value that tells who somebody is.
fn identifying(proposal: &mut Proposal, category: &str, because: &mut Vec<String>) -> Spec {
    let joined = JOINED.contains(&category);
    let segment = proposal.way == Way::Head(Place::Path);
    if !proposal.field.required && !joined {
        because.push("it identifies, and the API can do without".into());
        return Spec::LeaveOut;
    }
    let pseudonym = Spec::Pseudonymize { as_integer: proposal.rules.kind == Some(RuleKind::Integer) };
    if works(proposal, &pseudonym) {
        let why = if segment {
            proposal.tenths = proposal.tenths.min(5);
            "; if the API finds something by it, write `unchanged` and a `justification`"
        } else if proposal.field.required {
            ", for the API requires it"
        } else {
            ", for a model may tell persons apart by it"
        };
        because.push(format!("it identifies: a pseudonym{why}"));
        return pseudonym;
    }
    if !proposal.field.required {
        because.push("it identifies, and the API can do without".into());
        return Spec::LeaveOut;
    }
    let only =
        "nothing but the value would fit: let the API do without, or write `unchanged` and a `justification`";
    if let Some(fixed) = fixed(proposal) {
        proposal.tenths = proposal.tenths.min(if segment { 3 } else { 6 });
        because.push("it identifies: a fixed value, for the API requires one of this form".into());
        if joined {
            because.push(format!("if it must tell them apart, {only}"));
        }
        return Spec::Redact(fixed);
    }
    proposal.tenths = proposal.tenths.min(3);
    because.push(format!("it identifies, and {only}"));
    Spec::LeaveOut
}

/// A value of the form that the API asks for, which is nobody's.
fn fixed(proposal: &Proposal) -> Option<String> {
    let rules = &proposal.rules;
    let kind = rules.kind?;
    let made = sample::placeholder(rules).and_then(|value| sample::spelled(&value, kind));
    if kind == RuleKind::String {
        // A date would be no tenant's number, though it may be short enough.
        let formless = rules.format.is_none() && rules.pattern.is_none();
        let form = proposal.category.as_deref().and_then(form_of);
        let is = |fixed: &&str| !formless || form == Some(*fixed);
        let known = PLACEHOLDERS.iter().copied().filter(is).chain(FORMLESS.into_iter().filter(|_| formless));
        return known.map(str::to_owned).chain(made).find(|fixed| accepted(proposal, Kind::String, fixed));
    }
    // In a head every value is a text.
    made.filter(|_| matches!(proposal.way, Way::Head(_)) && kind == RuleKind::Integer)
}

/// The form that values of a category have, where no rule says one.
fn form_of(category: &str) -> Option<&'static str> {
    let [email, _, _, address, phone, _] = PLACEHOLDERS;
    match category {
        "pd:EmailAddress" => Some(email),
        "pd:IPAddress" => Some(address),
        "pd:TelephoneNumber" => Some(phone),
        _ => None,
    }
}

fn answer(proposal: &mut Proposal, because: &mut Vec<String>) {
    if proposal.facts.identifying {
        proposal.outward = Spec::LeaveOut;
        proposal.stored = Spec::LeaveOut;
        proposal.tenths = proposal.tenths.min(5);
        because.push(
            "it identifies, and who calls knows it mostly: `caller: unchanged` where your clients read it"
                .into(),
        );
    } else if SECRETS.contains(&proposal.category.as_deref().unwrap_or_default()) {
        proposal.stored = Spec::LeaveOut;
        because.push("a secret is kept nowhere".into());
    } else if proposal.category.is_none() {
        because.clear();
        because.push("a result, as far as its name says".into());
        proposal.tenths = proposal.tenths.min(6);
    }
}

/// Whether the API, by its own rules, should take what an action makes of every value.
fn works(proposal: &Proposal, spec: &Spec) -> bool {
    match spec {
        Spec::Pseudonymize { as_integer: false } => accepted(proposal, Kind::String, PSEUDONYM),
        Spec::Pseudonymize { as_integer: true } => {
            ["0", "9007199254740991"].iter().all(|text| accepted(proposal, Kind::Integer, text))
        }
        spec => {
            let ends = proposal.rules.range.iter().flat_map(|range| [&range.min, &range.max]).flatten();
            let kind = proposal.rules.kind;
            let sample =
                kind.zip(proposal.sample.as_ref()).and_then(|(kind, value)| sample::spelled(value, kind));
            let all: Vec<String> =
                ends.cloned().chain(proposal.rules.one_of.iter().cloned()).chain(sample).collect();
            !all.is_empty()
                && all.iter().all(|text| {
                    treated(proposal, spec, text).is_some_and(|(kind, text)| accepted(proposal, kind, &text))
                })
        }
    }
}

/// What an action that needs no key makes of a value; `None` where it refuses, or lets nothing through.
pub(super) fn treated(proposal: &Proposal, spec: &Spec, text: &str) -> Option<(Kind, String)> {
    let declared = proposal.rules.kind?;
    let kind = sample::spelled_kind(text, declared);
    let action = Action::compile(spec, Some(declared.kind()), |_| None).ok()?;
    let mut out = String::new();
    match action.apply(payload::Value { kind, text }, &Materials::default(), &mut out).ok()? {
        Treated::Kept => Some((kind, text.to_owned())),
        Treated::LeftOut => None,
        Treated::Replaced(kind) => Some((kind, out)),
    }
}

/// Whether the API's own rules let a value through; where they are only what was seen, whether it is of the same type and
/// format.
fn accepted(proposal: &Proposal, kind: Kind, text: &str) -> bool {
    let own = &proposal.field.rules;
    let seen = Rules { kind: own.kind, format: own.format, ..Rules::default() };
    let check = Check::compile(if proposal.field.seen { &seen } else { own });
    check.is_ok_and(|check| check.run(payload::Value { kind, text }).is_ok())
}

#[cfg(test)]
mod tests;
