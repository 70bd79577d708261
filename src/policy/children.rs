//! What GDPR Art. 8 asks where a service is offered to children, and what of it a policy can say.

use super::codes::Code;
use super::countries::{Adequacy, adequacy, age_of_consent};
use super::diagnostics::Spanned;
use super::model::{Activity, Children, Field};
use super::reader::Reader;
use super::words::LegalBasis;
use crate::check::RuleKind;

/// From this age on a child consents alone wherever the regulation holds (Art. 8(1)).
const EVERYWHERE: u32 = 16;

pub(super) fn check(activity: &Activity, reader: &mut Reader) {
    let consent = activity.legal_basis.as_ref().is_some_and(|basis| basis.value == LegalBasis::Consent);
    let Some(Spanned { value: children, span }) = &activity.offered_to_children else {
        if consent && activity.records_of.is_none() {
            unsaid(activity, reader);
        }
        return;
    };
    let Children::From { member_state, minimum_age, parental_authorisation } = children else { return };
    let Some(alone) = age_of_consent(&member_state.value) else {
        let message = match adequacy(&member_state.value) {
            Some(Adequacy::Eea) => {
                format!("`{}` is a part of a member state with a code of its own.", member_state.value)
            }
            _ => {
                format!("`{}` is not the code of a state of the European Economic Area.", member_state.value)
            }
        };
        let help =
            "Write two capital letters of ISO 3166-1, of the state whose law sets the age: `FR`, `DE`.";
        reader.report(Code::WrongValue, member_state.span, message, help);
        return;
    };
    if consent && *minimum_age < alone && parental_authorisation.is_none() {
        let help = format!(
            "Add `parental_authorisation:` with the reference of how a parent's is obtained and verified, or raise `minimum_age` to {alone}."
        );
        let message = format!(
            "In `{}` a child consents alone from {alone} years on, and the service is offered from {minimum_age} on.",
            member_state.value
        );
        reader.report(Code::ChildConsent, *span, message, help);
    }
    for field in ages(activity).filter(|field| counts_years(field) && admits_below(field, *minimum_age)) {
        let help = format!("Write a range that begins there: `range: {minimum_age}..`.");
        let message = format!(
            "The service is offered from {minimum_age} years on, and `{}` lets in lower ages.",
            field.name.value
        );
        reader.report(Code::ChildAgeAdmitted, field.name.span, message, help);
    }
}

/// A consent that may be a child's, where nothing is said of children.
fn unsaid(activity: &Activity, reader: &mut Reader) {
    for field in ages(activity).filter(|field| admits_below(field, EVERYWHERE)) {
        let help = "Say `offered_to_children: none`, or to whom it is offered: `{ member_state: FR, minimum_age: 15 }`.";
        let message = format!(
            "`{}` may be a child's, whose consent may not count, and nothing is said of children.",
            field.name.value
        );
        reader.report(Code::ChildAgeUnsaid, field.name.span, message, help);
    }
}

/// The request's fields that tell how old somebody is.
fn ages(activity: &Activity) -> impl Iterator<Item = &Field> {
    let tells = |field: &&Field| {
        let category = field.category.as_ref().map(|category| category.value.as_str());
        matches!(category, Some("pd:Age" | "pd:AgeExact" | "pd:BirthDate"))
    };
    activity.request.iter().flat_map(|side| &side.fields).filter(tells)
}

fn is_birth(field: &Field) -> bool {
    field.category.as_ref().is_some_and(|category| category.value == "pd:BirthDate")
}

/// Whether its values are ages in years, which rules can be held against.
fn counts_years(field: &Field) -> bool {
    !is_birth(field) && matches!(field.rules.kind, Some(RuleKind::Integer | RuleKind::Number))
}

/// Whether a value may be an age below this one. What no rule speaks of may be anything.
fn admits_below(field: &Field, age: u32) -> bool {
    let rules = &field.rules;
    let below = |text: &String| text.parse::<f64>().map_or(true, |value| value < f64::from(age));
    if !counts_years(field) {
        return true;
    }
    if !rules.one_of.is_empty() {
        return rules.one_of.iter().any(below);
    }
    rules.range.as_ref().and_then(|range| range.min.as_ref()).is_none_or(below)
}
