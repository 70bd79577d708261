//! A row of the register.

use std::cmp::Ordering;
use std::sync::Arc;

use super::organisation::beyond;
use super::words::{instead, names, optional, quoted, term, text, whose};
use super::{Changes, Class, Whom, field};
use crate::payload::Direction;
use crate::plan::{
    Activity, Art9Condition, DataSubject, DecisionGround, FurtherProcessing, JournalMode, LegalBasis, Mode,
    Plan, Recipient, RouteKind,
};

const ABOUT: &str = "activity";

/// A new activity: what it is for, who receives, and what of each field; its routes are told apart.
pub(super) fn added(plan: &Plan, activity: &Activity, found: &mut Changes) {
    let mut says = format!(
        "is new: {}, for {} on {}",
        text(&activity.title),
        quoted(&activity.purpose.name),
        activity.legal_basis.word()
    );
    if let Some(source) = activity.records_of.and_then(|index| plan.activities.get(index)) {
        says.push_str(&format!(", from the records of {}", quoted(&source.name)));
    } else if !activity.retention.is_zero() {
        says.push_str(&format!("; records are kept {}", term(activity.retention)));
    }
    found.add(Class::More, Whom::Persons, ABOUT, says);
    if let Some(recipient) = &activity.recipient {
        receives(recipient, "the upstream", found);
    }
    activity.other_recipients.iter().for_each(|other| receives(other, "another recipient", found));
    if activity.records_of.is_none() {
        field::all_new(&activity.request, Direction::Request, found);
        field::all_new(&activity.response, Direction::Response, found);
    }
}

/// One that is gone, or has another name: of what it kept nothing says any more when it must go.
pub(super) fn removed(old_plan: &Plan, plan: &Plan, activity: &Activity, found: &mut Changes) {
    let says = format!("{} is gone", text(&activity.title));
    found.add(Class::Less, Whom::Persons, ABOUT, says);
    let mut governed = old_plan
        .routes
        .iter()
        .filter(|route| route.activity.index == activity.index && route.kind == RouteKind::Governed);
    if !activity.retention.is_zero() && governed.clone().any(|route| route.keeps()) {
        let says = "what it kept is kept without an end: no policy says when it must go, and a withdrawal leaves it. Let it \
                    come to its term first, under `mode: closed`, or erase it";
        found.add(Class::More, Whom::Store, ABOUT, says);
    }
    let domain = &activity.pseudonymization_domain;
    let of_its_name = *domain == activity.name;
    if of_its_name
        && !plan.activities.iter().any(|other| other.pseudonymization_domain == *domain)
        && governed.any(|route| route.pseudonymizes())
    {
        let says = format!(
            "its pseudonymization domain {domain} goes with its name: under another name the same values get other \
             pseudonyms, unless that policy says `pseudonymization_domain: {}`",
            activity.name,
            domain = quoted(domain),
        );
        found.add(Class::Other, Whom::Upstream, ABOUT, says);
    }
}

pub(super) fn compare(
    (old_plan, old): (&Plan, &Activity),
    (plan, new): (&Plan, &Activity),
    found: &mut Changes,
) {
    // Every member is named, so that a new one cannot be forgotten.
    let Activity {
        index: _,
        name: _,
        title,
        digest: _,
        purpose,
        legal_basis,
        assessment,
        art9_condition,
        data_subject_categories,
        data_subject,
        retention,
        upstream,
        recipient,
        other_recipients,
        analysed_by: _, // among the other recipients
        shadows: _,     // what has some is not in force, and not compared
        pseudonymization_domain,
        journal,
        mode,
        records_of,
        further_processing,
        may_outlive_source,
        consent_expires: _, // the organisation's
        automated_decision,
        request,
        response,
    } = new;
    self::mode(old.mode, *mode, found);
    if *title != old.title {
        let says = format!("is called {}", instead(text(title), text(&old.title)));
        found.add(Class::Other, Whom::Register, ABOUT, says);
    }
    if purpose.name != old.purpose.name {
        let says = format!("is for {}", instead(quoted(&purpose.name), quoted(&old.purpose.name)));
        found.add(Class::More, Whom::Persons, ABOUT, says);
    }
    basis(old.legal_basis, *legal_basis, found);
    // Whoever has objected may have consented too, to the same purpose elsewhere. To direct marketing an objection counts always.
    if old.legal_basis.may_be_objected_to()
        && *legal_basis == LegalBasis::Consent
        && !purpose.direct_marketing
    {
        let says = "an objection no longer stops it for those who have consented to the purpose";
        found.add(Class::More, Whom::Persons, ABOUT, says);
    }
    if *assessment != old.assessment {
        let says = instead(optional(assessment.as_deref()), optional(old.assessment.as_deref()));
        found.add(Class::Other, Whom::Register, ABOUT, format!("the balancing test is {says}"));
    }
    art9(old.art9_condition, *art9_condition, found);
    categories(&old.data_subject_categories, data_subject_categories, found);
    if *data_subject != old.data_subject {
        let says = format!(
            "whose data it is stands in {}",
            instead(subject(data_subject), subject(&old.data_subject))
        );
        found.add(Class::More, Whom::Persons, ABOUT, says);
    }
    // In an activity that answers from records the term is the source's, and told there.
    if records_of.is_none()
        && let Some(class) = Class::of(Some(retention.cmp(&old.retention)))
    {
        let says = format!("records are kept {}", instead(term(*retention), term(old.retention)));
        found.add(class, Whom::Store, ABOUT, says);
    }
    self::upstream(
        (old.upstream.as_ref(), old.recipient.as_deref()),
        (upstream.as_ref(), recipient.as_deref()),
        found,
    );
    others(&old.other_recipients, other_recipients, found);
    if *pseudonymization_domain != old.pseudonymization_domain {
        domain((old_plan, old), (plan, new), found);
    }
    self::journal(old.journal, *journal, found);
    let source = |plan: &Plan, index: Option<usize>| {
        index.and_then(|index| plan.activities.get(index)).map(|source| Arc::clone(&source.name))
    };
    let (now, then) = (source(plan, *records_of), source(old_plan, old.records_of));
    if now != then {
        let name = |source: &Option<Arc<str>>| source.as_deref().map_or_else(|| "nobody".to_owned(), quoted);
        let says = format!("answers from the records of {}", instead(name(&now), name(&then)));
        found.add(Class::More, Whom::Persons, ABOUT, says);
    }
    further(old.further_processing.as_ref(), further_processing.as_ref(), found);
    if *may_outlive_source != old.may_outlive_source {
        let says = match may_outlive_source {
            true => "records may be read after the consent that they were kept on is withdrawn",
            false => "records are no longer read after the consent that they were kept on is withdrawn",
        };
        found.add(Class::more_if(*may_outlive_source), Whom::Persons, ABOUT, says);
    }
    decision(old.automated_decision.as_ref(), automated_decision.as_ref(), found);
    // The fields of a source are its own, and told there.
    if records_of.is_none() && old.records_of.is_none() {
        field::compare(&old.request, request, Direction::Request, found);
        field::compare(&old.response, response, Direction::Response, found);
    }
}

fn receives(recipient: &Recipient, as_what: &str, found: &mut Changes) {
    let says = format!(
        "{as_what} is {}, {}{}",
        whose(recipient),
        recipient.role.word().replace('_', " "),
        beyond(&recipient.country)
    );
    found.add(Class::More, Whom::Upstream, ABOUT, says);
}

fn mode(old: Mode, new: Mode, found: &mut Changes) {
    match (old, new) {
        (Mode::Enforce, Mode::Closed) => {
            found.add(Class::Less, Whom::Callers, ABOUT, "is closed: every call is refused");
        }
        (Mode::Closed, Mode::Enforce) => {
            found.add(Class::More, Whom::Callers, ABOUT, "is open: calls are no longer all refused");
        }
        (Mode::Enforce, Mode::Enforce) | (Mode::Closed, Mode::Closed) => {}
    }
}

fn basis(old: LegalBasis, new: LegalBasis, found: &mut Changes) {
    if old == new {
        return;
    }
    // How much the persons have to say about it.
    let say = |basis: LegalBasis| match basis {
        LegalBasis::Consent => 2,
        basis if basis.may_be_objected_to() => 1,
        _ => 0,
    };
    let (class, so) = match say(new).cmp(&say(old)) {
        Ordering::Greater if new == LegalBasis::Consent => (Class::Less, ": people are asked first"),
        Ordering::Greater => (Class::Less, ": people may object"),
        Ordering::Less if old == LegalBasis::Consent => (Class::More, ": people are no longer asked"),
        Ordering::Less => (Class::More, ": people can no longer object"),
        Ordering::Equal => (Class::Other, ""),
    };
    let says = format!("rests on {}{so}", instead(new.word(), old.word()));
    found.add(class, Whom::Persons, ABOUT, says);
}

fn art9(old: Option<Art9Condition>, new: Option<Art9Condition>, found: &mut Changes) {
    let (class, says) = match (old, new) {
        (old, new) if old == new => return,
        (None, Some(new)) => {
            (Class::More, format!("may process special categories, on {} (Art. 9)", new.word()))
        }
        (Some(_), None) => (Class::Less, "may no longer process special categories (Art. 9)".to_owned()),
        (Some(old), Some(new)) => {
            (Class::Other, format!("special categories rest on {} (Art. 9)", instead(new.word(), old.word())))
        }
        (None, None) => return,
    };
    found.add(class, Whom::Persons, ABOUT, says);
}

fn categories(old: &[String], new: &[String], found: &mut Changes) {
    let come: Vec<_> = new.iter().filter(|category| !old.contains(category)).collect();
    let gone: Vec<_> = old.iter().filter(|category| !new.contains(category)).collect();
    for (class, categories, says) in
        [(Class::More, come, "is about more people"), (Class::Less, gone, "is no longer about")]
    {
        if !categories.is_empty() {
            found.add(class, Whom::Persons, ABOUT, format!("{says}: {}", names(categories)));
        }
    }
}

fn subject(subject: &Option<DataSubject>) -> String {
    match subject {
        None => "nothing".to_owned(),
        Some(DataSubject::Claim(claim)) => format!("the token's {}", quoted(claim)),
        Some(DataSubject::Parameter(place, name)) => format!("the {}'s {}", place.word(), quoted(name)),
        Some(DataSubject::Body(path, _)) => format!("the body's {}", quoted(&path.to_string())),
        Some(DataSubject::Rows(path, _)) => format!("each row's {}", quoted(&path.to_string())),
    }
}

fn upstream(
    (old, old_recipient): (Option<&Arc<str>>, Option<&Recipient>),
    (new, recipient): (Option<&Arc<str>>, Option<&Recipient>),
    found: &mut Changes,
) {
    let id = |recipient: Option<&Recipient>| recipient.map(|recipient| Arc::clone(&recipient.id));
    let show = |upstream: Option<&Arc<str>>, recipient: Option<&Recipient>| match (upstream, recipient) {
        (Some(upstream), Some(recipient)) => format!("{}, run by {}", quoted(upstream), whose(recipient)),
        (Some(upstream), None) => quoted(upstream),
        (None, _) => "nobody".to_owned(),
    };
    if old == new && id(old_recipient) == id(recipient) {
        return;
    }
    let class = match (new.is_some(), id(old_recipient) == id(recipient)) {
        (false, _) => Class::Less,
        // Another address of the same recipient.
        (true, true) => Class::Other,
        (true, false) => Class::More,
    };
    let says = format!(
        "calls go to {}{}",
        instead(show(new, recipient), show(old, old_recipient)),
        recipient.map_or("", |recipient| beyond(&recipient.country))
    );
    found.add(class, Whom::Upstream, ABOUT, says);
}

fn others(old: &[Arc<Recipient>], new: &[Arc<Recipient>], found: &mut Changes) {
    let among = |all: &[Arc<Recipient>], one: &Recipient| all.iter().any(|other| other.id == one.id);
    for recipient in new.iter().filter(|recipient| !among(old, recipient)) {
        receives(recipient, "another recipient", found);
    }
    for recipient in old.iter().filter(|recipient| !among(new, recipient)) {
        found.add(
            Class::Less,
            Whom::Upstream,
            ABOUT,
            format!("{} no longer receives anything", whose(recipient)),
        );
    }
}

/// Pseudonyms of one domain can be joined with one another, and with those that it had before: its secret outlives the
/// activities that use it.
fn domain((old_plan, old): (&Plan, &Activity), (plan, new): (&Plan, &Activity), found: &mut Changes) {
    let others = |plan: &Plan, domain: &Arc<str>| -> Vec<Arc<str>> {
        let shares =
            |other: &&Arc<Activity>| other.name != new.name && other.pseudonymization_domain == *domain;
        plan.activities.iter().filter(shares).map(|other| Arc::clone(&other.name)).collect()
    };
    let now = others(plan, &new.pseudonymization_domain);
    let then = others(old_plan, &old.pseudonymization_domain);
    let had = others(old_plan, &new.pseudonymization_domain);
    let domains = instead(quoted(&new.pseudonymization_domain), quoted(&old.pseudonymization_domain));
    let mut says = format!("pseudonyms are of the domain {domains}");
    says.push_str(&match had.is_empty() {
        true => " and lead to none of before".to_owned(),
        false => format!(", and lead to those that were made for {}", names(&had)),
    });
    let joined: Vec<_> = now.iter().filter(|name| !then.contains(name)).collect();
    let class = if !joined.is_empty() {
        says.push_str(&format!("; they can be joined with those of {}", names(joined)));
        Class::More
    } else if !had.is_empty() {
        Class::More
    } else if !then.is_empty() && now.is_empty() {
        says.push_str(&format!("; they can no longer be joined with those of {}", names(then)));
        Class::Less
    } else {
        Class::Other
    };
    found.add(class, Whom::Upstream, ABOUT, says);
}

fn journal(old: JournalMode, new: JournalMode, found: &mut Changes) {
    match (old, new) {
        (JournalMode::BeforeForward, JournalMode::Overlapped) => {
            let says = "a crash may leave a call that the upstream saw and the journal does not know";
            found.add(Class::More, Whom::Upstream, ABOUT, says);
        }
        (JournalMode::Overlapped, JournalMode::BeforeForward) => {
            let says = "the upstream sees nothing that the journal does not know";
            found.add(Class::Less, Whom::Upstream, ABOUT, says);
        }
        (JournalMode::BeforeForward, JournalMode::BeforeForward)
        | (JournalMode::Overlapped, JournalMode::Overlapped) => {}
    }
}

fn further(old: Option<&FurtherProcessing>, new: Option<&FurtherProcessing>, found: &mut Changes) {
    if old == new {
        return;
    }
    let own = |ground: Option<&FurtherProcessing>| ground == Some(&FurtherProcessing::OwnConsent);
    let class = match (own(old), own(new)) {
        (true, false) => Class::More,
        (false, true) => Class::Less,
        _ => Class::Other,
    };
    let show = |ground: Option<&FurtherProcessing>| {
        ground.map_or_else(|| "nothing".to_owned(), |ground| quoted(&ground.describe()))
    };
    found.add(class, Whom::Persons, ABOUT, format!("the re-use rests on {}", instead(show(new), show(old))));
}

fn decision(
    old: Option<&(DecisionGround, String)>,
    new: Option<&(DecisionGround, String)>,
    found: &mut Changes,
) {
    let (class, says) = match (old, new) {
        (old, new) if old == new => return,
        (None, Some((ground, _))) => {
            (Class::More, format!("decides automatically, on {} (Art. 22)", ground.word()))
        }
        (_, None) => (Class::Less, "no longer decides automatically (Art. 22)".to_owned()),
        (Some((old, before)), Some((new, contest))) => {
            let says = format!(
                "an automated decision rests on {} and is contested at {}",
                instead(new.word(), old.word()),
                instead(text(contest), text(before))
            );
            (Class::Other, says)
        }
    };
    found.add(class, Whom::Persons, ABOUT, says);
}
