//! Routes as run, and the matcher that finds them.

use std::sync::Arc;

use http::Method;

use super::{Activity, Field};
use crate::action::Action;
use crate::check::Check;
use crate::condition::Condition;
use crate::payload::{FieldId, Walker};
use crate::policy::{Access, DeniedRow, HeadPart, Limits, RateLimit, RouteKind, Segment};

/// One method and path that the gateway serves.
#[derive(Debug)]
pub struct Route {
    /// Its place in [`super::Plan::routes`].
    pub index: usize,
    /// As the policy writes it: `POST /predict/{model}`.
    pub text: Arc<str>,
    /// Its method.
    pub method: Method,
    /// What a call of it is.
    pub kind: RouteKind,
    /// Whether a call has no body.
    pub bodyless: bool,
    /// How the bodies of a governed route are read; `None` for the others.
    pub payload: Option<Payload>,
    /// Who may call it.
    pub access: Access,
    /// What else must hold for a call.
    pub when: Option<Condition>,
    /// How often.
    pub rate_limit: Option<RateLimit>,
    /// How much at once.
    pub limits: Limits,
    /// Path parameters, in the order of the path.
    pub path: Vec<Param>,
    /// Query parameters that may come; any other is refused.
    pub query: Vec<Param>,
    /// Request headers that go to the upstream; any other is left out.
    pub headers: Vec<Param>,
    /// The activity that it belongs to.
    pub activity: Arc<Activity>,
    pub(super) segments: Vec<Segment>,
}

impl Route {
    /// What tells it from every other, also in another version of the policies: its activity, and itself as it is written.
    pub(crate) fn name(&self) -> (&str, &str) {
        (&self.activity.name, &self.text)
    }

    /// Whether calls of its method mostly come without a body, so that one without is whole.
    pub fn may_lack_a_body(&self) -> bool {
        matches!(self.method, Method::GET | Method::DELETE)
    }

    /// All parameters, with their places.
    pub fn parameters(&self) -> impl Iterator<Item = (HeadPart, &Param)> {
        let path = self.path.iter().map(|param| (HeadPart::Path, param));
        let query = self.query.iter().map(|param| (HeadPart::Query, param));
        path.chain(query).chain(self.headers.iter().map(|param| (HeadPart::Header, param)))
    }

    /// What becomes of those parameters that are treated.
    pub fn treated(&self) -> impl Iterator<Item = (HeadPart, &Param, &Field)> {
        self.parameters().filter_map(|(place, param)| Some((place, param, param.field.as_deref()?)))
    }

    /// Whether anything is kept of a call or of its answer.
    pub fn keeps(&self) -> bool {
        self.fields().any(|field| field.stored.is_some())
    }

    /// Whether anything of a call or of its answer becomes a pseudonym.
    pub fn pseudonymizes(&self) -> bool {
        self.fields().flat_map(Field::actions).any(Action::needs_pseudonyms)
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let bodies = self.activity.request.fields.iter().chain(&self.activity.response.fields);
        bodies.chain(self.treated().map(|(_, _, field)| field))
    }

    /// The path with these values in the places of its parameters, each percent-encoded but for what RFC 3986 leaves to
    /// anybody.
    pub fn path_with<'v>(&self, mut value: impl FnMut(usize) -> &'v str) -> String {
        const KEPT: percent_encoding::AsciiSet =
            percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        let mut path = String::new();
        let mut index = 0;
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Param(_) => {
                    path.extend(percent_encoding::utf8_percent_encode(value(index), &KEPT));
                    index += 1;
                }
            }
        }
        path
    }
}

/// How the bodies of a governed route are read.
#[derive(Debug)]
pub struct Payload {
    /// What callers send.
    pub request: Walker,
    /// What the upstream answers.
    pub response: Walker,
    /// Finds the person's field in a request, and nothing else, where the body says whose data it is.
    pub person: Option<Walker>,
    /// The number of the person's field in that walker.
    pub person_field: FieldId,
    /// What becomes of a batch with a row that may not be processed.
    pub on_denied_row: DeniedRow,
}

/// A declared query or path parameter, or an allowed header.
#[derive(Debug)]
pub struct Param {
    /// Its name; a header's in lower case.
    pub name: Arc<str>,
    /// Whether a call without it is refused.
    pub required: bool,
    /// What it must look like. The value comes as text: a number is one that is spelled in it.
    pub check: Check,
    /// The declared type, by which the text is read.
    pub kind: crate::payload::Kind,
    /// What becomes of it, where the policy treats it as a field; `None` where it passes as it came and is not kept.
    pub field: Option<Box<Field>>,
}

/// A route, and what its path parameters are in this call.
#[derive(Debug)]
pub struct Match<'a> {
    /// The route.
    pub route: &'a Arc<Route>,
    /// Percent-decoded values, in the order of [`Route::path`].
    pub params: Vec<String>,
}

/// Why no route was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No route has the path.
    Unknown,
    /// The path is served for other methods only.
    Method {
        /// What an `Allow` header lists.
        allow: String,
    },
}
