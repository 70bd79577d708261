//! What `when:` may speak of, and whether it makes sense.

use std::sync::Arc;

use super::codes::Code;
use super::diagnostics::{Sources, Span, Spanned};
use super::model::{Activity, Param, PolicySet, Route, RouteKind, Segment};
use super::path_parameters;
use super::reader::{Reader, capital};
use crate::condition::{Condition, Vocabulary};
use crate::payload::Kind;

/// The parameters that a condition of a route may name.
pub(crate) fn of_route(activity: &Activity, route: &Route) -> Vocabulary {
    let in_path = |name: &str| {
        route.segments.iter().any(|segment| matches!(segment, Segment::Param(other) if **other == *name))
    };
    let shared = activity.request.as_ref().filter(|_| route.kind == RouteKind::Governed);
    let all = |own: &[Param], shared: &[Param]| {
        let others = shared.iter().filter(|param| !own.iter().any(|own| own.name.value == param.name.value));
        own.iter().chain(others).filter_map(named).collect()
    };
    Vocabulary {
        path: path_parameters(activity, route)
            .filter(|param| in_path(&param.name.value))
            .filter_map(named)
            .collect(),
        query: all(&route.query, shared.map_or(&[], |side| &side.query)),
        header: all(&route.headers, shared.map_or(&[], |side| &side.headers)),
    }
}

/// The parameters that a condition of a field may name: those of every governed route.
pub(crate) fn of_fields(activity: &Activity) -> Vocabulary {
    let mut routes = activity.routes.iter().filter(|route| route.kind == RouteKind::Governed);
    let Some(first) = routes.next() else { return Vocabulary::default() };
    routes.fold(of_route(activity, first), |mut common, route| {
        let other = of_route(activity, route);
        common.path.retain(|param| other.path.contains(param));
        common.query.retain(|param| other.query.contains(param));
        common.header.retain(|param| other.header.contains(param));
        common
    })
}

fn named(param: &Param) -> Option<(Arc<str>, Kind)> {
    Some((param.name.value.as_str().into(), param.rules.kind?.kind()))
}

pub(super) fn check(set: &PolicySet, activity: &Activity, reader: &mut Reader) {
    for route in &activity.routes {
        let when = route.access.as_ref().and_then(|access| access.value.when.as_ref());
        if let Some(when) = when {
            compile(&set.sources, when, &of_route(activity, route), reader);
        }
    }
    let fields = activity.response.iter().flat_map(|side| &side.fields);
    let conditions = fields.filter_map(|field| field.destinations.gate.as_ref()?.value.when.as_ref());
    for when in conditions {
        compile(&set.sources, when, &of_fields(activity), reader);
    }
}

fn compile(sources: &Sources, when: &Spanned<String>, vocabulary: &Vocabulary, reader: &mut Reader) {
    let Err(error) = Condition::compile(&when.value, vocabulary) else { return };
    let span = error.at.as_ref().and_then(|at| within(sources, when, at.start, at.end)).unwrap_or(when.span);
    reader.report(Code::Condition, span, format!("{}.", capital(&error.what)), error.mend);
}

/// A part of an expression as a place in the file, where the file spells it letter for letter.
fn within(sources: &Sources, when: &Spanned<String>, start: usize, end: usize) -> Option<Span> {
    let written = sources.text(when.span);
    let before = written.find(when.value.as_str())?;
    let place = |at: usize| when.span.start + before + at;
    Some(Span { start: place(start), end: place(end), ..when.span })
}
