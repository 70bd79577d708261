//! What GDPR Art. 22 asks of decisions that no human takes, and explicit consents that a policy speaks of.

use super::categories;
use super::codes::Code;
use super::law::defaults;
use super::model::{Activity, Field, Organisation};
use super::reader::Reader;
use super::words::{Art9Condition, DecisionGround, LegalBasis};
use crate::action::Spec;

/// Categories of an answer that rates a person: what recital 71 calls economic situation, reliability and performance
/// at work. A rating on which others draw strongly can be a decision itself (CJEU, C-634/21).
const RATINGS: &[&str] = &[
    "pd:CreditCapacity",
    "pd:CreditScore",
    "pd:CreditStanding",
    "pd:CreditWorthiness",
    "pd:GeneralReputation",
    "pd:PerformanceAtWork",
    "pd:ProfessionalEvaluation",
    "pd:Reliability",
];

pub(super) fn check(organisation: Option<&Organisation>, activity: &Activity, reader: &mut Reader) {
    if activity.automated_decision.is_some() {
        special_categories(organisation, activity, reader);
    } else if !activity.decision_said {
        unsaid(activity, reader);
    }
    explicit_consent(activity, reader);
}

/// Art. 22(4): special categories carry a decision with explicit consent or substantial public interest only.
fn special_categories(organisation: Option<&Organisation>, activity: &Activity, reader: &mut Reader) {
    // Without any condition, that is what is reported.
    let Some(condition) = &activity.art9_condition else { return };
    if matches!(condition.value, Art9Condition::ExplicitConsent | Art9Condition::SubstantialPublicInterest) {
        return;
    }
    for field in activity.request.iter().flat_map(|side| &side.fields) {
        let Some(category) = &field.category else { continue };
        let special = categories::facts(&category.value).is_some_and(|facts| facts.special);
        if special && is_seen(organisation, field) {
            let help = "Leave it out for the upstream, or name `explicit_consent` or `substantial_public_interest` if that is the condition.";
            let message = format!(
                "The decision is based on `{}`, a special category, and `{}` does not permit that.",
                category.value,
                condition.value.word()
            );
            reader.report(Code::DecisionSpecial, category.span, message, help);
        }
    }
}

/// Whether the upstream gets anything of a field.
fn is_seen(organisation: Option<&Organisation>, field: &Field) -> bool {
    let default = organisation.and_then(|organisation| defaults(organisation, field));
    let own = field.destinations.upstream.as_ref();
    let spec = own.or_else(|| default.and_then(|default| default.upstream.as_ref()));
    spec.is_some_and(|spec| !matches!(spec.value, Spec::LeaveOut | Spec::RefuseIfPresent))
}

fn unsaid(activity: &Activity, reader: &mut Reader) {
    for field in activity.response.iter().flat_map(|side| &side.fields) {
        let Some(category) = &field.category else { continue };
        if RATINGS.contains(&category.value.as_str()) {
            let help = "Say `automated_decision: none` if a human decides, or give `ground` and `contest`.";
            let message = format!(
                "`{}` rates a person, and nothing says whether that decides about them.",
                field.name.value
            );
            reader.report(Code::DecisionUnsaid, category.span, message, help);
        }
    }
}

/// Only an activity that rests on consent looks for one.
fn explicit_consent(activity: &Activity, reader: &mut Reader) {
    if activity.legal_basis.as_ref().is_none_or(|basis| basis.value == LegalBasis::Consent) {
        return;
    }
    let condition = activity.art9_condition.as_ref();
    let condition = condition.filter(|condition| condition.value == Art9Condition::ExplicitConsent);
    let ground = activity.automated_decision.as_ref().map(|(ground, _)| ground);
    let ground = ground.filter(|ground| ground.value == DecisionGround::ExplicitConsent);
    for span in
        [condition.map(|condition| condition.span), ground.map(|ground| ground.span)].into_iter().flatten()
    {
        let help = "Say `legal_basis: consent`, or let the warning stand if the consent is asked for and kept elsewhere.";
        let message = "This rests on explicit consent, and the activity asks nobody for one.";
        reader.report(Code::ConsentNotAsked, span, message, help);
    }
}
