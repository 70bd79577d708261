//! What is proposed for a field: its category, rules where the API has none, and for each destination the most private
//! action with which the API should still work.

use serde_json::Value;

use super::category::{Guessed, category};
use super::model::Field;
use super::sample;
use crate::action::{Action, DateTo, Generalize, Materials, Spec};
use crate::check::{Check, Format, Length, Range, RuleKind, Rules};
use crate::payload::{self, Kind, Treated};
use crate::policy::categories::{self, Facts};

/// Which way a field travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the upstream.
    Request,
    /// To the caller.
    Response,
}

/// A proposal for a field.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub(super) field: Field,
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
/// Categories by which a model may need to tell one from another.
const JOINED: [&str; 4] = ["pd:Identifier", "pd:AccountIdentifier", "pd:UID", "pd:Username"];

pub(super) fn propose(field: &Field, way: Way) -> Proposal {
    let found =
        category(&field.path, field.rules.format, &field.describes).and_then(|found| plausible(field, found));
    let (name, tenths, mut because) = match found {
        Some(found) => (Some(found.category), found.tenths, vec![found.because]),
        None => (None, 5, vec!["nothing says that it is about a person: look yourself".to_owned()]),
    };
    let facts = name.as_deref().and_then(categories::facts).unwrap_or_default();
    let rules = rules(field, name.as_deref(), &mut because);
    let sample = sample::sample(&rules, name.as_deref(), field.example.as_ref());
    let mut proposal = Proposal {
        field: field.clone(),
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
        Way::Request => outward(&mut proposal, &mut because),
        Way::Response => answer(&mut proposal, &mut because),
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
        Some(RuleKind::Integer) => numbered && field.rules.one_of.is_empty() && !few(&field.rules),
        _ => false,
    };
    tells.then_some(found)
}

/// Whether a number has fewer than a hundred values.
fn few(rules: &Rules) -> bool {
    let end = |end: &Option<String>| end.as_ref().and_then(|end| end.parse::<f64>().ok());
    let Some(range) = &rules.range else { return false };
    matches!((end(&range.min), end(&range.max)), (Some(min), Some(max)) if max - min < 100.0)
}

/// The API's rules, and bounds where it has none: a value without any is limited by the body's size alone.
fn rules(field: &Field, category: Option<&str>, because: &mut Vec<String>) -> Rules {
    let mut rules = field.rules.clone();
    let open = rules.one_of.is_empty() && rules.pattern.is_none() && rules.format.is_none();
    let before = rules.clone();
    if rules.kind == Some(RuleKind::String) && open && rules.length.is_none() {
        if category == Some("pd:EmailAddress") {
            rules.format = Some(Format::Email);
        } else {
            let most = match category {
                Some("pd:Name" | "pd:City" | "pd:Street" | "pd:Country") => 200,
                Some("pd:Communication") => 10_000,
                _ => 1_000,
            };
            rules.length = Some(Length { min: 0, max: Some(most) });
        }
    }
    let bounded = rules.range.is_some() || !rules.one_of.is_empty();
    if category == Some("pd:Age") && rules.kind == Some(RuleKind::Integer) && !bounded {
        rules.range = Some(Range { min: Some("0".into()), max: Some("130".into()) });
    }
    let fits = |example: &Value| {
        let Some((kind, check)) = rules.kind.zip(Check::compile(&rules).ok()) else { return false };
        sample::spelled(example, kind).is_none_or(|text| {
            check.run(payload::Value { kind: sample::spelled_kind(&text, kind), text: &text }).is_ok()
        })
    };
    if rules == before {
        return rules;
    }
    if field.example.as_ref().is_some_and(|example| !fits(example)) {
        return before;
    }
    let what = if rules.format.is_some() { "format" } else { "bounds" };
    because.push(format!("the {what} are ours: the API names none").replace("format are", "format is"));
    rules
}

fn outward(proposal: &mut Proposal, because: &mut Vec<String>) {
    let category = proposal.category.clone().unwrap_or_default();
    let required = proposal.field.required;
    if matches!(category.as_str(), "pd:Password" | "pd:PINCode") {
        proposal.stored = Spec::LeaveOut;
        if !required {
            proposal.outward = Spec::LeaveOut;
        }
        because.push("a secret is kept nowhere".into());
        return;
    }
    if proposal.facts.identifying {
        proposal.outward = identifying(proposal, &category, because);
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
        None if category == "pd:Communication" => {
            proposal.tenths = proposal.tenths.min(4);
            because.push("free text can hold anything about anybody".into());
        }
        None if proposal.category.is_some() => {
            because.push("unchanged: the model is taken to need it".into())
        }
        None => {}
    }
}

/// The most private of what the API should still accept for a value that tells who somebody is.
fn identifying(proposal: &mut Proposal, category: &str, because: &mut Vec<String>) -> Spec {
    let joined = JOINED.contains(&category);
    if !proposal.field.required && !joined {
        because.push("it identifies, and the API can do without".into());
        return Spec::LeaveOut;
    }
    let pseudonym = Spec::Pseudonymize { as_integer: proposal.rules.kind == Some(RuleKind::Integer) };
    if works(proposal, &pseudonym) {
        let why = if proposal.field.required {
            "the API requires it"
        } else {
            "a model may tell persons apart by it"
        };
        because.push(format!("it identifies: a pseudonym, for {why}"));
        return pseudonym;
    }
    if !proposal.field.required {
        because.push("it identifies, and the API can do without".into());
        return Spec::LeaveOut;
    }
    let text = proposal.rules.kind == Some(RuleKind::String);
    let fixed = PLACEHOLDERS.iter().find(|fixed| text && accepted(proposal, Kind::String, fixed));
    if let Some(fixed) = fixed {
        proposal.tenths = proposal.tenths.min(6);
        because.push("it identifies: a fixed value, for the API requires one of this form".into());
        return Spec::Redact((*fixed).to_owned());
    }
    proposal.tenths = proposal.tenths.min(3);
    because.push("it identifies, and nothing but the value would fit: let the API do without, or write `unchanged` and a `justification`".into());
    Spec::LeaveOut
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
mod tests {
    use super::*;
    use crate::payload::Path;

    fn field(path: &str, kind: RuleKind, required: bool) -> Field {
        Field {
            path: Path::parse(path).unwrap(),
            rules: Rules { kind: Some(kind), ..Rules::default() },
            required,
            describes: String::new(),
            example: None,
            because: Vec::new(),
            tenths: 10,
            seen: false,
        }
    }

    fn range(min: &str, max: &str) -> Option<Range> {
        Some(Range { min: Some(min.into()), max: Some(max.into()) })
    }

    fn upstream(field: &Field) -> Spec {
        propose(field, Way::Request).outward
    }

    #[test]
    fn what_identifies_goes_no_further_than_the_api_needs() {
        let text = |required| field("last_name", RuleKind::String, required);
        assert_eq!(upstream(&text(false)), Spec::LeaveOut);
        assert_eq!(upstream(&text(true)), Spec::Pseudonymize { as_integer: false });
        let mut email = field("email", RuleKind::String, true);
        assert_eq!(upstream(&email), Spec::Pseudonymize { as_integer: false });
        email.rules.format = Some(Format::Email);
        assert_eq!(upstream(&email), Spec::Redact("nobody@example.org".into()));
        assert_eq!(propose(&email, Way::Request).tenths, 6);
        let mut id = field("customer_id", RuleKind::Integer, false);
        assert_eq!(upstream(&id), Spec::Pseudonymize { as_integer: true });
        id.rules.range = range("1", "100000");
        assert_eq!(upstream(&id), Spec::LeaveOut);
        id.required = true;
        let proposal = propose(&id, Way::Request);
        assert_eq!((proposal.outward, proposal.tenths), (Spec::LeaveOut, 3));
    }

    #[test]
    fn what_describes_is_made_coarser_where_the_api_still_takes_it() {
        let mut age = field("age", RuleKind::Integer, true);
        assert_eq!(upstream(&age), Spec::Generalize(Generalize::BandsOf { width: 10, label: false }));
        age.rules.range = range("18", "99");
        assert_eq!(upstream(&age), Spec::Unchanged, "18 would become 10, which the API refuses");
        age.rules.range = range("20", "99");
        assert_eq!(upstream(&age), Spec::Generalize(Generalize::BandsOf { width: 10, label: false }));
        let mut born = field("geburtsdatum", RuleKind::String, true);
        assert_eq!(upstream(&born), Spec::Unchanged, "nothing says that it is a date");
        born.rules.format = Some(Format::Date);
        assert_eq!(upstream(&born), Spec::Generalize(Generalize::DateTo(DateTo::Year)));
        let mut zip = field("plz", RuleKind::String, true);
        assert_eq!(upstream(&zip), Spec::Generalize(Generalize::Prefix(2)));
        zip.rules.pattern = Some("[0-9]{5}".into());
        assert_eq!(upstream(&zip), Spec::Unchanged);
    }

    #[test]
    fn a_yes_or_no_identifies_nobody() {
        let telephone = propose(&field("telephone", RuleKind::Boolean, true), Way::Request);
        assert_eq!((telephone.category, telephone.outward), (None, Spec::Unchanged));
        let mut telephone = field("telephone", RuleKind::Integer, true);
        telephone.rules.range = range("0", "1");
        assert_eq!(propose(&telephone, Way::Request).category, None);
    }

    #[test]
    fn special_categories_say_what_they_need() {
        let proposal = propose(&field("diagnosis", RuleKind::String, true), Way::Request);
        assert_eq!(proposal.category.as_deref(), Some("pd:MedicalHealth"));
        assert!(
            proposal.facts.special && proposal.because.contains("art9_condition"),
            "{}",
            proposal.because
        );
        let proposal = propose(&field("password", RuleKind::String, false), Way::Request);
        assert_eq!((proposal.outward, proposal.stored), (Spec::LeaveOut, Spec::LeaveOut));
    }
}
