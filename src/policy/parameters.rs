//! Parameters that are treated as fields are: what must fit together. What the law asks of fields, `law` asks of them too.

use super::checks::unknown;
use super::codes::Code;
use super::diagnostics::Spanned;
use super::law;
use super::model::{
    Activity, DataSubject, Field, HeadPart, Organisation, Param, PolicySet, Route, RouteKind, Segment,
};
use super::reader::Reader;
use crate::action::Spec;
use crate::check::RuleKind;

/// The parameters of an activity that are treated, those of its request before its routes' own.
pub(crate) fn treated(activity: &Activity) -> impl Iterator<Item = (HeadPart, &Field)> {
    let shared = activity.request.iter().map(|side| (&side.path, &side.query, &side.headers));
    let own = activity.routes.iter().map(|route| (&route.path, &route.query, &route.headers));
    shared.chain(own).flat_map(|(path, query, headers)| {
        [(HeadPart::Path, path), (HeadPart::Query, query), (HeadPart::Header, headers)]
            .into_iter()
            .flat_map(|(place, params)| params.iter().map(move |param| (place, param)))
            .filter_map(|(place, param)| Some((place, param.treated.as_deref()?)))
    })
}

/// The parameter of this place and name that a route has.
pub(crate) fn of_route<'a>(
    activity: &'a Activity,
    route: &'a Route,
    place: HeadPart,
    name: &str,
) -> Option<&'a Param> {
    let shared = activity.request.as_ref();
    let (own, shared) = match place {
        HeadPart::Path => (&route.path, shared.map(|side| &side.path)),
        HeadPart::Query => (&route.query, shared.map(|side| &side.query)),
        HeadPart::Header => (&route.headers, shared.map(|side| &side.headers)),
    };
    let in_path =
        route.segments.iter().any(|segment| matches!(segment, Segment::Param(other) if **other == *name));
    own.iter()
        .chain(shared.into_iter().flatten())
        .find(|param| param.name.value == name)
        .filter(|_| place != HeadPart::Path || in_path)
}

pub(super) fn check(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    for (place, field) in treated(activity) {
        action(set.organisation.as_ref(), place, field, reader);
        names(activity, field, reader);
    }
    for route in activity.routes.iter().filter(|route| route.kind != RouteKind::Governed) {
        let params = [&route.path, &route.query, &route.headers].into_iter().flatten();
        for field in params.filter_map(|param| param.treated.as_ref()) {
            let help = "Leave `category`, `upstream`, `stored` and `justification` out: here nothing is forwarded field by field.";
            let message = format!("`{}` is not treated on this route.", field.name.value);
            reader.report(Code::NotHere, field.name.span, message, help);
        }
    }
    data_subject(activity, reader);
}

/// Headers that say how to answer, or which call this is, and nothing of a person.
const TECHNICAL: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-language",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "prefer",
    "range",
    "traceparent",
    "tracestate",
    "x-correlation-id",
    "x-request-id",
];

/// A text in path, query or a header may say who somebody is, and passes as it came where nothing else is said.
pub(super) fn without_category(activity: &Activity, reader: &mut Reader) {
    let governed = activity.routes.iter().filter(|route| route.kind == RouteKind::Governed);
    let shared = activity.request.iter().map(|side| (&side.path, &side.query, &side.headers));
    let own = governed.map(|route| (&route.path, &route.query, &route.headers));
    let all =
        shared.chain(own).flat_map(|(path, query, headers)| [path, query, headers].into_iter().flatten());
    for param in all.filter(|param| param.treated.is_none() && param.sound) {
        let name = &param.name.value;
        let open = matches!(param.rules.kind, None | Some(RuleKind::String)) && param.rules.one_of.is_empty();
        if open && !TECHNICAL.contains(&name.to_ascii_lowercase().as_str()) {
            let help = "Say `category: pd:…` and what becomes of it (`upstream: unchanged` if it must pass), or close the list of its values with `one_of`.";
            let message = format!("`{name}` passes to the upstream as it came, and has no category.");
            reader.report(Code::NoCategory, param.name.span, message, help);
        }
    }
}

/// A segment of a path is always there, and a header is ASCII.
fn action(organisation: Option<&Organisation>, place: HeadPart, field: &Field, reader: &mut Reader) {
    let default = organisation.and_then(|organisation| law::defaults(organisation, field));
    let own = field.destinations.upstream.as_ref();
    let outward = own.or(default.and_then(|default| default.upstream.as_ref()));
    let span = own.map_or(field.name.span, |spec| spec.span);
    let outward = outward.map_or(&Spec::LeaveOut, |spec| &spec.value);
    let ascii = |text: &str| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let segment = |text: &str| !matches!(text, "" | "." | "..") && !text.contains(['/', '\\']);
    let (why, help) = match (place, outward) {
        (HeadPart::Path, Spec::LeaveOut | Spec::RefuseIfPresent) => (
            "it is always there",
            "Say `upstream: pseudonymize`, `generalize`, `redact` or `unchanged`: something must stand between the slashes.",
        ),
        (HeadPart::Header, Spec::Mask { .. }) => {
            ("a mask is no ASCII", "Say `redact`, `pseudonymize` or `leave_out`: a header is ASCII.")
        }
        (HeadPart::Header, Spec::Redact(text)) if !ascii(text) => {
            ("the text is no ASCII", "Write a text of letters, digits and signs of ASCII.")
        }
        (HeadPart::Path, Spec::Redact(text)) if !segment(text) => {
            ("the text is no segment of a path", "Write a text without slashes, which is more than dots.")
        }
        _ => return,
    };
    let message = format!("`{}` cannot be treated so on its way to the upstream: {why}.", field.name.value);
    reader.report(Code::ParameterAction, span, message, help);
}

/// A record holds parameters beside the fields of both bodies, under their names.
fn names(activity: &Activity, field: &Field, reader: &mut Reader) {
    let clash = |other: &&Field| {
        let (Some(one), Some(other)) = (&field.path, &other.path) else { return false };
        let both = one.steps().iter().zip(other.steps());
        both.take_while(|(one, other)| one == other).count() == one.steps().len().min(other.steps().len())
    };
    let mut fields =
        [&activity.request, &activity.response].into_iter().flatten().flat_map(|side| &side.fields);
    if let Some(other) = fields.find(clash) {
        let message = format!("`{}` is a parameter's name in a record too, or within it.", other.name.value);
        let help = "Give the field or the parameter another name: a record holds both.";
        reader.report(Code::FieldClash, other.name.span, message, help);
    }
}

/// Who is named by a parameter must be named by every call.
fn data_subject(activity: &Activity, reader: &mut Reader) {
    let Some(Spanned { value: DataSubject::Parameter(place, name), span }) = &activity.data_subject else {
        return;
    };
    for route in activity.routes.iter().filter(|route| route.kind == RouteKind::Governed) {
        let Some(param) = of_route(activity, route, *place, name) else {
            let what = Spanned::new(name.clone(), *span);
            let known = [&route.path, &route.query, &route.headers];
            let known: Vec<&str> =
                known.into_iter().flatten().map(|param| param.name.value.as_str()).collect();
            let of = format!("{} parameter", place.word());
            unknown(&what, &of, &format!(" in `{}`", route.text.value), known.into_iter(), reader);
            continue;
        };
        let fault = if !param.required {
            "it may be missing"
        } else if !matches!(param.rules.kind, None | Some(RuleKind::String | RuleKind::Integer)) {
            "it is neither text nor a whole number"
        } else {
            continue;
        };
        let message = format!("`{}.{name}` cannot say whose data it is: {fault}.", place.word());
        let help = "Name a required parameter of type string or integer that every governed route has.";
        reader.report(Code::DataSubjectField, *span, message, help);
    }
}
