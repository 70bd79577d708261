//! What the law makes an error or a warning, as far as it can be known before a deployment is: each with its article.

use super::codes::Code;
use super::countries::{Adequacy, adequacy};
use super::model::{Activity, Destinations, Field, Organisation, PolicySet, Recipient, RouteKind};
use super::reader::Reader;
use super::spelling::did_you_mean;
use super::words::{Answer, FurtherProcessing, LegalBasis, TransferInstrument};
use super::{categories, children, decisions, parameters, populations};
use crate::payload::Direction;

pub(super) fn run(set: &PolicySet, reader: &mut Reader) {
    let organisation = set.organisation.as_ref();
    if let Some(organisation) = organisation {
        for recipient in &organisation.recipients {
            transfer(recipient, reader);
        }
        for category in
            organisation.identifying.iter().chain(organisation.categories.iter().map(|(name, _)| name))
        {
            known_category(&category.value, category.span, reader);
        }
    }
    for activity in set.all() {
        basis(set, activity, reader);
        categories_of(set, activity, reader);
        if activity.records_of.is_some() {
            re_use(set, activity, reader);
        }
        access(activity, reader);
        children::check(activity, reader);
        decisions::check(organisation, activity, reader);
        for field in activity.request.iter().flat_map(|side| &side.fields) {
            if field.category.is_none() {
                let help = "Say `category: pd:…`, so that register and notice can name it.";
                reader.report(
                    Code::NoCategory,
                    field.name.span,
                    format!("`{}` has no category.", field.name.value),
                    help,
                );
            }
            if let Some(organisation) = organisation {
                identifying_field(organisation, field, Direction::Request, reader);
            }
        }
        parameters::without_category(activity, reader);
        for (_, field) in parameters::treated(activity) {
            if let Some(organisation) = organisation {
                identifying_field(organisation, field, Direction::Request, reader);
            }
        }
        for field in activity.response.iter().flat_map(|side| &side.fields) {
            if let Some(organisation) = organisation {
                identifying_field(organisation, field, Direction::Response, reader);
            }
        }
    }
    populations::check(set, reader);
}

/// Whether a field's category identifies: the shipped list and the organisation's.
pub(crate) fn identifies(organisation: &Organisation, category: &str) -> bool {
    categories::facts(category).is_some_and(|facts| facts.identifying)
        || organisation.identifying.iter().any(|other| other.value == category)
}

/// What the organisation says of a category's fields.
pub(crate) fn defaults<'a>(organisation: &'a Organisation, field: &Field) -> Option<&'a Destinations> {
    let category = field.category.as_ref()?;
    organisation
        .categories
        .iter()
        .find(|(name, _)| name.value == category.value)
        .map(|(_, defaults)| defaults)
}

fn known_category(category: &str, span: super::Span, reader: &mut Reader) {
    if categories::facts(category).is_some() {
        return;
    }
    let bare = category.strip_prefix("pd:").unwrap_or(category);
    let mut help = did_you_mean(bare, categories::names());
    if let Some(name) = help.strip_prefix("Did you mean `") {
        help = format!("Did you mean `pd:{name}");
    } else {
        help =
            "Use a term of the Data Privacy Vocabulary, https://w3id.org/dpv/pd, such as `pd:EmailAddress`."
                .into();
    }
    reader.report(
        Code::UnknownCategory,
        span,
        format!("`{category}` is not a category of personal data."),
        help,
    );
}

/// A recipient outside the Union needs what a transfer rests on.
fn transfer(recipient: &Recipient, reader: &mut Reader) {
    let Some(country) = &recipient.country else { return };
    let (message, help) = match (adequacy(&country.value), recipient.transfer_instrument) {
        (None, _) => {
            let help = "Write the two capital letters of ISO 3166-1: `DE`, `FR`, `GB`, `US`.";
            reader.report(
                Code::WrongValue,
                country.span,
                format!("`{}` is not the code of a country.", country.value),
                help,
            );
            return;
        }
        (Some(Adequacy::Eea | Adequacy::Adequate), _) | (Some(_), Some(_))
            if !misplaced_adequacy(recipient) =>
        {
            return;
        }
        (Some(Adequacy::PartlyAdequate(whom)), _) => (
            format!("The adequacy decision for `{}` covers only {whom}.", country.value),
            "Add `transfer_instrument: adequacy` if this recipient is among them, else `scc` or what the transfer rests on.",
        ),
        (Some(_), Some(_)) => (
            format!("No adequacy decision for `{}` is known.", country.value),
            "Name what the transfer rests on instead: `scc`, `bcr`, `code_of_conduct`, `certification`, `derogation`.",
        ),
        (Some(_), None) => (
            format!("`{}` is a third country, and nothing says what the transfer rests on.", country.value),
            "Add `transfer_instrument:` and scc, bcr, code_of_conduct, certification, public_authorities, authorised_clauses or derogation.",
        ),
    };
    // One that is written and was not understood is reported already.
    if !reader.misread(recipient.id.span, "transfer_instrument") {
        reader.report(Code::ThirdCountry, country.span, message, help);
    }
}

/// Whether a recipient claims a decision that the table does not have.
fn misplaced_adequacy(recipient: &Recipient) -> bool {
    let country = recipient.country.as_ref().and_then(|country| adequacy(&country.value));
    recipient.transfer_instrument == Some(TransferInstrument::Adequacy) && country == Some(Adequacy::Third)
}

/// Consent needs a text that is shown, legitimate interests an assessment.
fn basis(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let Some(basis) = &activity.legal_basis else { return };
    if basis.value == LegalBasis::LegitimateInterests
        && activity.assessment.is_none()
        && !reader.misread_in_file(basis.span, "assessment")
    {
        let help = "Add `assessment:` with the reference of the balancing test.";
        reader.report(
            Code::NoAssessment,
            basis.span,
            "Legitimate interests are claimed without an assessment.",
            help,
        );
    }
    let (Some(organisation), Some(purpose)) = (&set.organisation, &activity.purpose) else { return };
    let declared = organisation.purposes.iter().find(|other| other.name.value == purpose.value);
    if basis.value == LegalBasis::Consent
        && let Some(declared) = declared
        && declared.says.is_none()
        && !reader.misread(declared.name.span, "says")
    {
        let help = "Add `says:` with what a person reads before they agree.";
        let message =
            format!("People are asked for consent to `{}`, and nothing says what they read.", purpose.value);
        reader.report(Code::NoNoticeText, declared.name.span, message, help);
    }
}

fn categories_of(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let own = [&activity.request, &activity.response];
    let fields = own.into_iter().flatten().flat_map(|side| &side.fields);
    let fields = fields.chain(parameters::treated(activity).map(|(_, field)| field));
    for category in fields.filter_map(|field| field.category.as_ref()) {
        known_category(&category.value, category.span, reader);
        let Some(facts) = categories::facts(&category.value) else { continue };
        let misread = |key| reader.misread_in_file(category.span, key);
        let (condition, reference) = (misread("art9_condition"), misread("art10_reference"));
        if facts.special && activity.art9_condition.is_none() && !condition {
            let help = "Add `art9_condition:` to the activity, `explicit_consent` for example, or do without the field.";
            reader.report(
                Code::SpecialCategory,
                category.span,
                format!("`{}` is a special category, and nothing lifts its prohibition.", category.value),
                help,
            );
        }
        if facts.criminal && activity.art10_reference.is_none() && !reference {
            let help = "Add `art10_reference:` to the activity with the law that permits it, or do without the field.";
            reader.report(
                Code::CriminalData,
                category.span,
                format!("`{}` is about criminal offences, and nothing says what permits it.", category.value),
                help,
            );
        }
    }
    let Some(source) = activity.records_of.as_ref() else { return };
    let Some(other) = set.activities.iter().find(|other| other.name == source.value) else { return };
    let kept = [&other.request, &other.response].into_iter().flatten().flat_map(|side| &side.fields);
    let kept = kept.chain(parameters::treated(other).map(|(_, field)| field));
    let facts: Vec<_> = kept.filter_map(|field| categories::facts(&field.category.as_ref()?.value)).collect();
    if facts.iter().any(|facts| facts.special) && activity.art9_condition.is_none() {
        let help = "Add `art9_condition:` for this activity: it is a processing of its own.";
        reader.report(
            Code::SpecialCategory,
            source.span,
            format!("`{}` keeps special categories, and nothing lifts the prohibition here.", source.value),
            help,
        );
    }
    if facts.iter().any(|facts| facts.criminal) && activity.art10_reference.is_none() {
        let help = "Add `art10_reference:` with the law that permits it.";
        reader.report(
            Code::CriminalData,
            source.span,
            format!(
                "`{}` keeps data on criminal offences, and nothing says what permits its use here.",
                source.value
            ),
            help,
        );
    }
}

/// Identifying fields: every destination is a decision, and none is left unprotected without a reason.
fn identifying_field(organisation: &Organisation, field: &Field, direction: Direction, reader: &mut Reader) {
    let Some(category) = field.category.as_ref().filter(|category| identifies(organisation, &category.value))
    else {
        return;
    };
    let default = defaults(organisation, field);
    let own = &field.destinations;
    let outward = own.outward(direction).or(default.and_then(|default| default.outward(direction)));
    let word = match direction {
        Direction::Request => "upstream",
        Direction::Response => "caller",
    };
    let stored = own.stored.as_ref().or(default.and_then(|default| default.stored.as_ref()));
    for (missing, word) in [(outward.is_none(), word), (stored.is_none(), "stored")] {
        if missing && !reader.misread(field.name.span, word) {
            let help = format!("Say `{word}: leave_out`, or what is done to it there.");
            reader.report(
                Code::DestinationNotNamed,
                field.name.span,
                format!("`{}` identifies a person, and the policy does not say `{word}`.", field.name.value),
                help,
            );
        }
    }
    if field.justification.is_some() || reader.misread(field.name.span, "justification") {
        return;
    }
    let export = own.export.as_ref().or(default.and_then(|default| default.export.as_ref()));
    let leaving =
        [(outward.filter(|_| direction == Direction::Request), "the upstream"), (export, "an export")];
    for (spec, whither) in leaving {
        if let Some((spec, how)) = spec.and_then(|spec| Some((spec, spec.value.shows()?))) {
            let help = "Say `pseudonymize` or `leave_out`, or add `justification:` with the reason why it must be so.";
            let span = if own.upstream.as_ref() == Some(spec) || own.export.as_ref() == Some(spec) {
                spec.span
            } else {
                field.name.span
            };
            reader.report(
                Code::IdentifierUnchanged,
                span,
                format!("`{}` ({}) goes to {whither} {how}.", field.name.value, category.value),
                help,
            );
        }
    }
}

/// GDPR Art. 6(4).
fn re_use(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let Some(ground) = &activity.further_processing else { return };
    let source = activity.records_of.as_ref();
    let source = source.and_then(|name| set.activities.iter().find(|other| other.name == name.value));
    match &ground.value {
        FurtherProcessing::OwnConsent => {
            if activity.legal_basis.as_ref().is_some_and(|basis| basis.value != LegalBasis::Consent) {
                let help = "Say `legal_basis: consent`, or name another ground.";
                reader.report(
                    Code::FurtherProcessing,
                    ground.span,
                    "The re-use rests on a consent of its own, and the activity does not.",
                    help,
                );
            }
        }
        FurtherProcessing::Compatibility(_) => {
            let consent = |other: &&Activity| {
                other.legal_basis.as_ref().is_some_and(|basis| basis.value == LegalBasis::Consent)
            };
            if let Some(source) = source.filter(consent) {
                let help = "Ask for a consent of its own, or name the law: what rests on consent serves its purpose alone.";
                reader.report(
                    Code::FurtherProcessing,
                    ground.span,
                    format!("`{}` rests on consent, which no compatibility carries further.", source.name),
                    help,
                );
            }
        }
        FurtherProcessing::Art89(_) | FurtherProcessing::Law(_) => {}
    }
}

fn access(activity: &Activity, reader: &mut Reader) {
    for route in &activity.routes {
        let access = route.access.as_ref().map(|access| &access.value);
        let scoped =
            access.is_some_and(|access| !access.all_scopes.is_empty() || !access.any_scope.is_empty());
        let at = route.access.as_ref().map_or(route.text.span, |access| access.span);
        match route.kind {
            RouteKind::Answer(Answer::ReIdentifiedRecord)
                if !scoped || !access.is_some_and(|access| access.reason_required) =>
            {
                let help = "Write `access: { all_scopes: [re-identify], reason: required }`.";
                let message = "Who re-identifies must hold a scope and give a reason.";
                reader.report(Code::ReIdentifyUnreasoned, at, message, help);
            }
            RouteKind::Governed | RouteKind::Answer(Answer::PseudonymizedRecords)
                if !scoped
                    && access.is_none_or(|access| access.when.is_none())
                    && !["all_scopes", "any_scope", "when"].iter().any(|key| reader.misread(at, key)) =>
            {
                let help = "Write `access: { all_scopes: [NAME] }`.";
                reader.report(
                    Code::AccessOpen,
                    at,
                    format!("Every authenticated caller may call `{}`.", route.text.value),
                    help,
                );
            }
            _ => {}
        }
    }
}
