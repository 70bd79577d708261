//! What must fit together for routes to make sense.

use super::codes::Code;
use super::model::{Activity, DataSubject, Param, PolicySet, Route, RouteKind, Segment};
use super::reader::Reader;
use super::words::{Answer, DeniedRow, Per};
use crate::check::RuleKind;
use crate::payload::Path;

pub(super) fn of_activity(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    for route in &activity.routes {
        parameters(activity, route, reader);
        reasons(set, route, reader);
        belongs(activity, route, reader);
    }
    unused_paths(activity, reader);
}

/// A reason that is asked for must be one that can be given.
fn reasons(set: &PolicySet, route: &Route, reader: &mut Reader) {
    let (Some(organisation), Some(access)) = (&set.organisation, &route.access) else { return };
    if access.value.reason_required && organisation.reasons.is_empty() {
        let help = "List the codes under `reasons` in organisation.yaml.";
        reader.report(
            Code::Missing,
            access.span,
            "A reason is required, and the organisation knows none.",
            help,
        );
    }
}

/// The parameters that a route has, its own before its activity's.
pub(crate) fn path_parameters<'a>(
    activity: &'a Activity,
    route: &'a Route,
) -> impl Iterator<Item = &'a Param> {
    let shared = activity.request.iter().flat_map(|side| &side.path);
    let own = |param: &&Param| !route.path.iter().any(|other| other.name.value == param.name.value);
    route.path.iter().chain(shared.filter(own))
}

fn parameters(activity: &Activity, route: &Route, reader: &mut Reader) {
    let in_path = |name: &str| {
        route.segments.iter().any(|segment| matches!(segment, Segment::Param(param) if **param == *name))
    };
    for segment in &route.segments {
        let Segment::Param(name) = segment else { continue };
        if !path_parameters(activity, route).any(|param| *param.name.value == **name) {
            let help = format!("Declare it: `path: {{ {name}: {{ type: integer, range: 0.. }} }}`.");
            reader.report(
                Code::Parameter,
                route.text.span,
                format!("The path parameter `{name}` is not declared."),
                help,
            );
        }
    }
    for param in &route.path {
        if !in_path(&param.name.value) {
            let help = format!("Write `{{{}}}` in the path of `match`, or leave it out.", param.name.value);
            reader.report(
                Code::Parameter,
                param.name.span,
                format!("The path has no parameter `{}`.", param.name.value),
                help,
            );
        }
    }
    for param in path_parameters(activity, route).filter(|param| in_path(&param.name.value)) {
        if !param.required {
            reader.report(
                Code::Parameter,
                param.name.span,
                format!("The path parameter `{}` is always there.", param.name.value),
                "Leave `required` out.",
            );
        }
    }
}

fn unused_paths(activity: &Activity, reader: &mut Reader) {
    for param in activity.request.iter().flat_map(|side| &side.path) {
        let used = |route: &Route| {
            route
                .segments
                .iter()
                .any(|segment| matches!(segment, Segment::Param(name) if **name == *param.name.value))
        };
        if !activity.routes.iter().any(used) {
            let help = "Write it into the path of a route, or leave it out.";
            reader.report(
                Code::Parameter,
                param.name.span,
                format!("No route has a path parameter `{}`.", param.name.value),
                help,
            );
        }
    }
}

/// Whether the kind of a route fits its activity.
fn belongs(activity: &Activity, route: &Route, reader: &mut Reader) {
    let of_records = activity.records_of.is_some();
    let at = route.text.span;
    match route.kind {
        RouteKind::Answer(_) if !of_records => {
            let help = "Name the activity whose records are used with `records_of`, in a file of its own.";
            reader.report(Code::NotHere, at, "An answer from kept records is a processing of its own.", help);
        }
        RouteKind::Governed | RouteKind::Open { .. } if of_records => {
            let help = "Say `answer: pseudonymized_records` or `re_identified_record`, or move the route to an activity with an upstream.";
            reader.report(Code::NotHere, at, "An activity with `records_of` forwards nothing.", help);
        }
        RouteKind::Answer(answer) => answers(answer, route, reader),
        RouteKind::Governed if matches!(route.method, http::Method::HEAD | http::Method::OPTIONS) => {
            let help = "Use GET or POST, or say `personal_data: none`.";
            let message = "The answer to this method has no body that could be minimised.";
            reader.report(Code::NotHere, at, message, help);
        }
        RouteKind::Governed | RouteKind::Open { .. } => {}
    }
    words_of_access(activity, route, reader);
    denied_rows(activity, route, reader);
    if let Some(limit) = &route.rate_limit
        && limit.per == Per::DataSubject
        && route.kind != RouteKind::Governed
    {
        let help = "Say `per: caller` or `per: address`.";
        reader.report(
            Code::NotHere,
            at,
            "This route has no data subject whose calls could be counted.",
            help,
        );
    }
}

/// A row can be left out only where there are rows, each somebody's, on both ways.
fn denied_rows(activity: &Activity, route: &Route, reader: &mut Reader) {
    let own = route.on_denied_row.as_ref();
    let leaves_out = own.map_or(activity.on_denied_row, |own| own.value) == DeniedRow::LeaveOutRow;
    if route.kind != RouteKind::Governed || !(leaves_out || own.is_some()) {
        return;
    }
    let at = own.map_or(route.text.span, |own| own.span);
    let rows =
        matches!(&activity.data_subject, Some(subject) if matches!(subject.value, DataSubject::Rows(_)));
    if !rows {
        let help = "Leave `on_denied_row` out, or say `data_subject: rows.FIELD`.";
        reader.report(Code::NotHere, at, "All rows of a call are one person's here.", help);
        return;
    }
    let mut answer =
        activity.response.iter().flat_map(|side| &side.fields).filter_map(|field| field.path.as_ref());
    let rows = route.payload.value.response.has_rows()
        || answer.clone().any(Path::is_many) && super::checks::json_rows(&mut answer).is_some();
    if leaves_out && !rows {
        let help = "Declare the list that has one element for each row, `results[*].score` for example, or say `on_denied_row: refuse`.";
        reader.report(Code::NotHere, at, "The answer has no rows, so none can be told to be missing.", help);
    }
}

/// What `access` says must be something that the route can do.
fn words_of_access(activity: &Activity, route: &Route, reader: &mut Reader) {
    let Some(access) = &route.access else { return };
    let by_body = matches!(
        &activity.data_subject,
        Some(subject) if !matches!(subject.value, DataSubject::Claim(_))
    );
    if access.value.on_behalf_of.is_some() && !(by_body && route.kind == RouteKind::Governed) {
        let help = "Leave it out, or find the person in the call: `data_subject: body.FIELD`, `path.NAME`.";
        let message = "`on_behalf_of` is for calls that say whose data it is; here nobody could use it.";
        reader.report(Code::NotHere, access.span, message, help);
    }
    if access.value.reason_required && !matches!(route.kind, RouteKind::Answer(_)) {
        let help = "Leave it out: a reason is kept with what the gateway answers from its records.";
        reader.report(Code::NotHere, access.span, "Nothing would keep the reason that is asked for.", help);
    }
}

fn answers(answer: Answer, route: &Route, reader: &mut Reader) {
    if route.method != http::Method::GET {
        reader.report(
            Code::NotHere,
            route.text.span,
            "An answer from kept records is read with GET.",
            "Write `match: GET …`.",
        );
    }
    for header in &route.headers {
        let help = "Leave it out: nothing is forwarded here.";
        reader.report(
            Code::NotHere,
            header.name.span,
            "No header passes where the gateway answers itself.",
            help,
        );
    }
    let paged = answer == Answer::PseudonymizedRecords;
    for param in route.query.iter().filter(|param| param.sound) {
        let page = paged && param.name.value == "page";
        if !page || param.required || param.rules.kind != Some(RuleKind::Integer) {
            let help = if paged {
                "Write `query: { page: { type: integer, range: 1.., required: false } }`, or leave `query` out."
            } else {
                "Leave `query` out: the path says which record."
            };
            reader.report(
                Code::Parameter,
                param.name.span,
                format!("`{}` is not a parameter that this answer knows.", param.name.value),
                help,
            );
        }
    }
    let parameters = route.segments.iter().filter(|segment| matches!(segment, Segment::Param(_))).count();
    let fits = if paged {
        parameters == 0
    } else {
        parameters == 1
            && route.path.iter().all(|param| !param.sound || param.rules.kind == Some(RuleKind::Integer))
    };
    if !fits {
        let (message, help) = if paged {
            ("A page of records has no path parameter.", "Write the path without `{…}`.")
        } else {
            (
                "A single record is named by one whole number in the path.",
                "Write `match: GET /decrypt/{user_id}` and `path: { user_id: { type: integer, range: 0.. } }`.",
            )
        };
        reader.report(Code::Parameter, route.text.span, message, help);
    }
}

/// How two routes of one method stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlap {
    /// No path fits both, or one is the more specific.
    Clear,
    /// They fit the same paths.
    Same,
    /// Some path fits both, and neither is the more specific.
    Ambiguous,
}

fn overlap(one: &[Segment], other: &[Segment]) -> Overlap {
    if one.len() != other.len() {
        return Overlap::Clear;
    }
    let (mut one_wins, mut other_wins) = (false, false);
    for pair in one.iter().zip(other) {
        match pair {
            (Segment::Literal(one), Segment::Literal(other)) if one != other => return Overlap::Clear,
            // A parameter is never empty, so it does not meet an empty segment.
            (Segment::Literal(text), Segment::Param(_)) | (Segment::Param(_), Segment::Literal(text))
                if text.is_empty() =>
            {
                return Overlap::Clear;
            }
            (Segment::Literal(_), Segment::Param(_)) => one_wins = true,
            (Segment::Param(_), Segment::Literal(_)) => other_wins = true,
            (Segment::Literal(_), Segment::Literal(_)) | (Segment::Param(_), Segment::Param(_)) => {}
        }
    }
    match (one_wins, other_wins) {
        (true, true) => Overlap::Ambiguous,
        (false, false) => Overlap::Same,
        _ => Overlap::Clear,
    }
}

/// INVARIANT (the plan's matcher relies on it): of two routes of one method that fit one path, one is the more specific.
pub(super) fn overlaps(set: &PolicySet, activities: &[Activity], reader: &mut Reader) {
    let routes: Vec<&Route> = activities.iter().flat_map(|activity| &activity.routes).collect();
    for (index, route) in routes.iter().enumerate() {
        for earlier in routes.iter().take(index).filter(|earlier| earlier.method == route.method) {
            // Not looked up before it is told: there are many pairs, and lines are counted from the file's beginning.
            let place = || match set.sources.place(earlier.text.span) {
                Some((file, line, _)) => format!("{file}, line {line}"),
                None => "an earlier route".into(),
            };
            match overlap(&earlier.segments, &route.segments) {
                Overlap::Clear => {}
                Overlap::Same => {
                    let help = format!("Keep one of the two; the other is in {}.", place());
                    reader.report(
                        Code::RouteTwice,
                        route.text.span,
                        format!("`{}` fits the same calls as `{}`.", route.text.value, earlier.text.value),
                        help,
                    );
                }
                Overlap::Ambiguous => {
                    let help = format!(
                        "Change one of the two paths so that no call fits both; the other is in {}.",
                        place()
                    );
                    reader.report(
                        Code::RouteAmbiguous,
                        route.text.span,
                        format!("Some call fits both `{}` and `{}`.", route.text.value, earlier.text.value),
                        help,
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Vec<Segment> {
        let piece = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Param(name.into()),
            None => Segment::Literal(text.into()),
        };
        path.trim_start_matches('/').split('/').map(piece).collect()
    }

    #[test]
    fn overlaps_are_seen() {
        let cases = [
            ("/a", "/b", Overlap::Clear),
            ("/a", "/a/", Overlap::Clear),
            ("/a/{x}", "/a/b", Overlap::Clear),
            ("/a/{x}", "/a/{y}", Overlap::Same),
            ("/a/{x}", "/{y}/b", Overlap::Ambiguous),
            ("/a/{x}/c", "/{y}/b/d", Overlap::Clear),
            ("/a/{x}", "/a/", Overlap::Clear),
            ("/{x}", "/{x}/{y}", Overlap::Clear),
        ];
        for (one, other, expected) in cases {
            assert_eq!(overlap(&segments(one), &segments(other)), expected, "{one} {other}");
            assert_eq!(overlap(&segments(other), &segments(one)), expected, "{other} {one}");
        }
    }
}
