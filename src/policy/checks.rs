//! What must fit together for a set to make sense: names and fields. Routes are in `check_routes`,
//! what the law asks in `law`.

use super::check_routes;
use super::codes::Code;
use super::diagnostics::Spanned;
use super::model::{Activity, DataSubject, Field, PolicySet, Side};
use super::read_field::check_action;
use super::reader::{Reader, capital, did_you_mean};
use crate::action::Spec;
use crate::check::RuleKind;
use crate::payload::{Clash, FieldId, Layout};

pub(super) fn run(set: &PolicySet, reader: &mut Reader) {
    for activity in &set.activities {
        names(set, activity, reader);
        for side in [&activity.request, &activity.response].into_iter().flatten() {
            clashes(side, reader);
            exports(side, reader);
        }
        kept_twice(set, activity, reader);
        data_subject(activity, reader);
        category_actions(set, activity, reader);
        check_routes::of_activity(set, activity, reader);
    }
    check_routes::overlaps(set, reader);
    for file in &set.cases {
        super::cases::check(file, set, reader);
    }
}

/// Reports a name that nothing declares. `place` says where it should be: " in consentry.yaml", or nothing.
pub(crate) fn unknown<'a>(
    name: &Spanned<String>,
    what: &str,
    place: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    reader: &mut Reader,
) {
    let help = did_you_mean(&name.value, known);
    reader.report(Code::UnknownName, name.span, format!("There is no {what} `{}`{place}.", name.value), help);
}

fn names(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    if let Some(organisation) = &set.organisation {
        let known = || organisation.purposes.iter().map(|purpose| purpose.name.value.as_str());
        if let Some(purpose) = &activity.purpose
            && !known().any(|name| name == purpose.value)
        {
            unknown(purpose, "purpose", "", known(), reader);
        }
        let known = || organisation.recipients.iter().map(|recipient| recipient.id.value.as_str());
        for recipient in &activity.other_recipients {
            if !known().any(|name| name == recipient.value) {
                unknown(recipient, "recipient", "", known(), reader);
            }
        }
    }
    let Some(source) = &activity.records_of else { return };
    match set.activities.iter().find(|other| other.name == source.value) {
        None if set.unread.contains(&source.value) => {}
        None => {
            let known = set
                .activities
                .iter()
                .filter(|other| other.name != activity.name && other.records_of.is_none());
            unknown(source, "activity", "", known.map(|other| other.name.as_str()), reader);
        }
        Some(other) if other.records_of.is_some() => {
            let help = "Name the activity that keeps the records itself.";
            reader.report(
                Code::UnknownName,
                source.span,
                format!("`{}` keeps no records of its own.", source.value),
                help,
            );
        }
        Some(_) => {}
    }
}

/// Every field that contradicts an earlier one, not only the first.
fn clashes(side: &Side, reader: &mut Reader) {
    let mut fields: Vec<_> =
        side.fields.iter().filter_map(|field| Some((field, field.path.clone()?))).collect();
    loop {
        let paths: Vec<_> = fields.iter().map(|(_, path)| path.clone()).collect();
        let Err(clash) = Layout::compile(&paths, side.unknown_fields) else { return };
        let FieldId(second) = match clash {
            Clash::Twice { second, .. } | Clash::Within { second, .. } => second,
            Clash::Shape { field, .. } => field,
            Clash::TooMany => {
                reader.report(
                    Code::FieldClash,
                    side.span,
                    format!("{}.", capital(&clash.to_string())),
                    "Declare fewer fields.",
                );
                return;
            }
        };
        if usize::from(second) >= fields.len() {
            return;
        }
        let (field, _) = fields.remove(usize::from(second));
        let help = "Declare either the whole as one value, or its parts.";
        reader.report(Code::FieldClash, field.name.span, format!("{}.", capital(&clash.to_string())), help);
    }
}

/// A record holds the fields of both sides under their names, so no name may be kept from both.
fn kept_twice(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let default = |field: &Field| {
        let category = field.category.as_ref()?;
        let defaults = &set.organisation.as_ref()?.categories;
        defaults.iter().find(|(name, _)| name.value == category.value)?.1.stored.as_ref()
    };
    let kept = |field: &&Field| {
        let stored = field.destinations.stored.as_ref().or_else(|| default(field));
        stored.is_some_and(|stored| stored.value != Spec::LeaveOut)
    };
    let (Some(request), Some(response)) = (&activity.request, &activity.response) else { return };
    for field in response.fields.iter().filter(kept) {
        if request.fields.iter().filter(kept).any(|asked| asked.path == field.path) {
            let help = "Keep one of the two: leave `stored` out on the other side.";
            let message = format!("`{}` is kept from the request already.", field.name.value);
            reader.report(Code::FieldClash, field.name.span, message, help);
        }
    }
}

fn exports(side: &Side, reader: &mut Reader) {
    let nothing = |spec: &Option<Spanned<Spec>>| !matches!(spec, Some(spec) if spec.value != Spec::LeaveOut);
    for field in &side.fields {
        if let Some(export) = &field.destinations.export
            && export.value != Spec::LeaveOut
            && field.destinations.stored.is_some()
            && nothing(&field.destinations.stored)
        {
            let help = "Store it, or leave `export` out.";
            reader.report(
                Code::NothingToExport,
                export.span,
                "An export shows what is kept, and this field is not.",
                help,
            );
        }
    }
}

/// A category's default must fit every field that takes it.
fn category_actions(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    let Some(organisation) = &set.organisation else { return };
    for (side, request) in [(&activity.request, true), (&activity.response, false)] {
        for field in side.iter().flat_map(|side| &side.fields) {
            let Some(category) = &field.category else { continue };
            let Some((_, default)) =
                organisation.categories.iter().find(|(name, _)| name.value == category.value)
            else {
                continue;
            };
            let own = &field.destinations;
            let outward =
                if request { (&own.upstream, &default.upstream) } else { (&own.caller, &default.caller) };
            for (own, default) in [outward, (&own.stored, &default.stored), (&own.export, &default.export)] {
                if let (None, Some(default)) = (own, default) {
                    check_action(
                        &Spanned::new(default.value.clone(), field.name.span),
                        field.rules.kind,
                        reader,
                    );
                }
            }
        }
    }
}

fn data_subject(activity: &Activity, reader: &mut Reader) {
    let Some(Spanned { value: DataSubject::Body(path), span }) = &activity.data_subject else { return };
    let Some(request) = &activity.request else { return };
    let Some(field) = request.fields.iter().find(|field| field.path.as_ref() == Some(path)) else {
        let name = Spanned::new(path.to_string(), *span);
        unknown(
            &name,
            "request field",
            "",
            request.fields.iter().map(|field| field.name.value.as_str()),
            reader,
        );
        return;
    };
    let fault = if path.is_many() {
        Some("it can name several persons")
    } else if !field.required || field.rules.nullable {
        Some("it may be missing")
    } else if !matches!(field.rules.kind, None | Some(RuleKind::String | RuleKind::Integer)) {
        Some("it is neither text nor a whole number")
    } else if field.rules.sanitize.is_some() {
        Some("sanitising may change who it names after the person was looked up")
    } else {
        None
    };
    if let Some(fault) = fault {
        let help = "Name a required field of type string or integer that stands once in the body and is not sanitised.";
        reader.report(
            Code::DataSubjectField,
            *span,
            format!("`{path}` cannot say whose data it is: {fault}."),
            help,
        );
    }
}
