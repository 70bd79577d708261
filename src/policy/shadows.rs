//! Shadows: an activity that names another with `shadows` is not in force; it is held against the other's exchanges.

use super::codes::Code;
use super::diagnostics::Spanned;
use super::model::{Activity, DataSubject, PolicySet, Route, Segment};
use super::reader::Reader;

/// What a shadow must be to be held against something.
pub(super) fn check(set: &PolicySet, shadow: &Activity, reader: &mut Reader) {
    let Some(name) = shadow.shadows.as_ref().filter(|name| !name.value.is_empty()) else { return };
    if set.shadows.iter().any(|other| other.name == name.value) {
        let message = if name.value == shadow.name {
            "An activity is no shadow of its own.".to_owned()
        } else {
            format!("`{}` is a shadow itself: it has no exchanges.", name.value)
        };
        let help = "Name the activity that is in force.";
        reader.report(Code::ShadowOfShadow, name.span, message, help);
        return;
    }
    let Some(now) = set.activities.iter().find(|other| other.name == name.value) else {
        if !set.unread.contains(&name.value) {
            let known = set.activities.iter().map(|other| other.name.as_str());
            super::checks::unknown(name, "activity", "", known, reader);
        }
        return;
    };
    if now.records_of.is_some() || shadow.records_of.is_some() {
        let help = "Shadow an activity that forwards to an upstream.";
        let message = "What answers from kept records has no exchanges that a shadow could be held against.";
        reader.report(Code::ShadowOfRecords, name.span, message, help);
        return;
    }
    for of in [now, shadow] {
        if let Some(Spanned { value: DataSubject::Rows(_), .. }) = &of.data_subject {
            reader.not_yet(name.span, "A shadow of a batch in which each row is its own person");
            return;
        }
    }
    for route in &shadow.routes {
        if !now.routes.iter().any(|other| same(other, route)) {
            let message = format!("`{}` serves no `{}`.", now.name, route.text.value);
            let help = "A shadow has routes of what it shadows, with the same method, path and kind; all or some of them.";
            reader.report(Code::ShadowRoute, route.text.span, message, help);
        }
    }
}

/// Whether two routes get the same calls. What their path parameters are called is their own affair.
pub(crate) fn same(one: &Route, other: &Route) -> bool {
    let alike = |pair: (&Segment, &Segment)| match pair {
        (Segment::Literal(one), Segment::Literal(other)) => one == other,
        (Segment::Param(_), Segment::Param(_)) => true,
        _ => false,
    };
    one.method == other.method
        && std::mem::discriminant(&one.kind) == std::mem::discriminant(&other.kind)
        && one.segments.len() == other.segments.len()
        && one.segments.iter().zip(&other.segments).all(alike)
}
