//! From routes as written to routes as run.

use std::sync::Arc;

use super::compile::Compiler;
use super::gates::Gates;
use super::{Activity, DataSubject, Field, Param, Payload, Route, Side};
use crate::check::Check;
use crate::condition::{Condition, Vocabulary};
use crate::payload::{Declared, Direction, FieldId, Format, Undeclared, Walker};
use crate::policy::reader::Reader;
use crate::policy::{self, RouteKind, Segment};

impl Compiler<'_> {
    pub(super) fn route(
        &self,
        index: usize,
        written: &policy::Activity,
        route: &policy::Route,
        activity: &Arc<Activity>,
        reader: &mut Reader,
    ) -> Option<Route> {
        let mut compiled = |declared: &policy::Param| {
            let field = match &declared.treated {
                None => None,
                Some(field) => {
                    let none = Vocabulary::default();
                    let recipient = activity.recipient.as_deref();
                    Some(Box::new(self.field(
                        field,
                        Direction::Request,
                        recipient,
                        &mut Gates::new(&none),
                        reader,
                    )?))
                }
            };
            param(declared, field)
        };
        let mut params = |params: &[policy::Param], shared: &[policy::Param]| {
            let own =
                |param: &&policy::Param| !params.iter().any(|other| other.name.value == param.name.value);
            params.iter().chain(shared.iter().filter(own)).map(&mut compiled).collect::<Option<Vec<_>>>()
        };
        let shared = written.request.as_ref().filter(|_| route.kind == RouteKind::Governed);
        let mut path = Vec::new();
        for segment in &route.segments {
            if let Segment::Param(name) = segment {
                let declared =
                    policy::path_parameters(written, route).find(|param| *param.name.value == **name)?;
                path.extend(params(std::slice::from_ref(declared), &[])?);
            }
        }
        let payload = match route.kind {
            RouteKind::Governed => Some(payload(written, route, activity)?),
            RouteKind::Open { .. } | RouteKind::Answer(_) => None,
        };
        let when = route.access.as_ref().and_then(|access| access.value.when.as_ref());
        let when = match when {
            None => None,
            Some(when) => Some(Condition::compile(&when.value, &policy::of_route(written, route)).ok()?),
        };
        Some(Route {
            index,
            when,
            bodyless: route.bodyless,
            payload,
            text: route.text.value.as_str().into(),
            method: route.method.clone(),
            kind: route.kind,
            access: route.access.as_ref().map(|access| access.value.clone()).unwrap_or_default(),
            rate_limit: route.rate_limit,
            limits: route.limits,
            path,
            query: params(&route.query, shared.map_or(&[], |side| &side.query))?,
            headers: params(&route.headers, shared.map_or(&[], |side| &side.headers))?,
            activity: Arc::clone(activity),
            segments: route.segments.clone(),
        })
    }
}

/// Both sides' fields, and the person's, compiled for the formats of a route.
fn payload(written: &policy::Activity, route: &policy::Route, activity: &Activity) -> Option<Payload> {
    let policy::Payload { request, response } = route.payload.value;
    let paths = |side: &Side| side.fields.iter().map(|field| field.path.clone()).collect::<Vec<_>>();
    let (asked, answered) = (paths(&activity.request), paths(&activity.response));
    let (person, rows) = match &activity.data_subject {
        Some(DataSubject::Rows(path, _)) => (Some(path), Some(path)),
        Some(DataSubject::Body(path, _)) => (Some(path), None),
        Some(DataSubject::Claim(_) | DataSubject::Parameter(..)) | None => (None, None),
    };
    let answered_rows = rows.and_then(|_| policy::json_rows(answered.iter()));
    let side = |format, direction, paths: &[_], undeclared, rows| {
        Walker::compile(format, direction, Declared { paths, undeclared, rows }).ok()
    };
    // Which names may come more than once only all declared fields say; elsewhere one is found without the others.
    let whole = matches!(request, Format::Form | Format::Multipart);
    let place = person.and_then(|path| asked.iter().position(|other| other == path));
    let person_field = FieldId(if whole { u16::try_from(place.unwrap_or_default()).ok()? } else { 0 });
    let person = match person {
        None => None,
        Some(path) => {
            let paths = if whole { asked.as_slice() } else { std::slice::from_ref(path) };
            Some(side(request, Direction::Request, paths, Undeclared::LeaveOut, rows)?)
        }
    };
    Some(Payload {
        request: side(request, Direction::Request, &asked, activity.request.unknown_fields, rows)?
            .answered_by(&answered),
        response: side(
            response,
            Direction::Response,
            &answered,
            activity.response.unknown_fields,
            answered_rows,
        )?,
        person,
        person_field,
        on_denied_row: route.on_denied_row.as_ref().map_or(written.on_denied_row, |own| own.value),
    })
}

pub(super) fn param(written: &policy::Param, field: Option<Box<Field>>) -> Option<Param> {
    Some(Param {
        name: written.name.value.as_str().into(),
        required: written.required,
        check: Check::compile(&written.rules).ok()?,
        kind: written.rules.kind?.kind(),
        field,
    })
}
