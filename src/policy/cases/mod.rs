//! Cases as written: `policies/NAME.cases.yaml`, the tests of an activity. The composition root runs them.
//!
//! ```yaml
//! - case: the model never sees who asks
//!   given:
//!     consent: [product-recommendation]         # purposes that the person of the token has agreed to
//!     token: { sub: u1, scopes: [predict] }     # without it the call carries no credential
//!     clock: 2026-11-23T08:00:00Z               # when the call is made
//!     exchanges: [ { token: …, send: … } ]      # calls made before, each with the consent that it needs
//!     advance: 31d                              # what passes between those calls and this one
//!     withdrawn: [research]                     # purposes whose consent was given and taken back
//!     objected: [research]                      # purposes that the person objects to
//!     restricted: true                          # GDPR Art. 18
//!   send: { method: POST, path: /predict/, json: { … } }
//!   upstream_answers: { status: 200, json: { … } }
//!   upstream_sees: { age: 30 }                  # or `nothing`: no call reaches it
//!   upstream_asked: { path: { matches: "^/score/p1_" }, query: {}, headers: { x-plan: gold } }
//!   caller_gets: { status: 200, problem: consent-missing, json: { … } }
//! ```
//!
//! A body that is not JSON is a `text` in `send`, `upstream_answers` and `caller_gets`, and in `upstream_sees` a text. One of
//! parts may be written part by part in `send`: `parts: [ { name: scan, media: image/png, base64: iVBORw0KGgo= } ]`.
//!
//! An expected value is compared whole: a member that is not named must not be there. `{ matches: REGEX }` compares a
//! text by pattern, `any` accepts whatever is there, `absent` a member that is not.

mod difference;
mod read;

use std::time::Duration;

use http::Method;
use regex::Regex;
use serde_json::{Map as Object, Value};

use super::diagnostics::{Span, Spanned};
use crate::clock::Timestamp;
use crate::problem::Problem;

pub use difference::{Difference, unexpected};
pub use read::call;
pub(super) use read::{check, read};

/// The cases of one activity.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// The activity's name, from the file's.
    pub activity: String,
    /// What to underline where the file as a whole is at fault.
    pub span: Span,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// A call, and what must come of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: Spanned<String>,
    /// What holds before the call.
    pub given: Given,
    /// The call.
    pub send: Call,
    /// What the upstream in the test replies; `None`: a reply that the runner makes from the response's fields.
    pub upstream_answers: Option<UpstreamAnswers>,
    /// What must reach the upstream; `None`: not looked at.
    pub upstream_sees: Option<UpstreamSees>,
    /// How the upstream must be asked: path, query, headers; `None`: not looked at.
    pub upstream_asked: Option<UpstreamAsked>,
    /// What the caller must get.
    pub caller_gets: Option<CallerGets>,
    /// The stored forms of the record that the call leaves, by field, after unsealing; `None`: not looked at.
    pub stored: Option<Expected>,
}

/// What holds before a call.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Purposes that the person has agreed to.
    pub consent: Vec<Spanned<String>>,
    /// Purposes whose consent the person has withdrawn.
    pub withdrawn: Vec<Spanned<String>>,
    /// Purposes that the person objects to.
    pub objected: Vec<Spanned<String>>,
    /// Whether the person's data is restricted.
    pub restricted: bool,
    /// What others have said, in the namespace of the token: those whose data the body holds.
    pub persons: Vec<Said>,
    /// The credential; `None`: the call carries none.
    pub token: Option<Token>,
    /// When it is.
    pub clock: Option<Timestamp>,
    /// Calls made before.
    pub exchanges: Vec<Exchange>,
    /// What passes between those calls and this one.
    pub advance: Option<Duration>,
    /// What analysers find: an entity, and a text wherever it stands.
    pub analyzer_finds: Vec<(String, String)>,
}

/// What somebody has said who is not the token's person.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Who.
    pub sub: String,
    /// Purposes that they have agreed to.
    pub consent: Vec<Spanned<String>>,
    /// Purposes whose consent they have withdrawn.
    pub withdrawn: Vec<Spanned<String>>,
    /// Purposes that they object to.
    pub objected: Vec<Spanned<String>>,
    /// Whether their data is restricted.
    pub restricted: bool,
}

/// A call made before.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Purposes that its person has agreed to by then.
    pub consent: Vec<Spanned<String>>,
    /// Purposes whose consent its person withdraws after it.
    pub withdrawn: Vec<Spanned<String>>,
    /// Its credential.
    pub token: Token,
    /// The call.
    pub send: Call,
}

/// What a token says.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// `sub`.
    pub sub: Option<String>,
    /// `scope`.
    pub scopes: Vec<String>,
    /// `client_id`; equal to `sub` for a program.
    pub client_id: Option<String>,
    /// The namespace of its issuer; `None`: the first issuer's.
    pub namespace: Option<String>,
    /// Further claims.
    pub claims: Object<String, Value>,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: Spanned<String>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: CallBody,
}

/// A call's body.
#[derive(Clone, Debug, PartialEq)]
pub enum CallBody {
    /// None.
    None,
    /// A JSON value.
    Json(Value),
    /// Text as it stands, sent as what the route reads.
    Text(String),
    /// The parts of a `multipart/form-data`, in this order.
    Parts(Vec<Part>),
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// Its media type; with one it is a file.
    pub media: Option<String>,
    /// What is in it.
    pub content: Content,
}

/// What is in a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// What may be no text; with or without a media type it is a file.
    Bytes(Vec<u8>),
}

impl Content {
    /// The same as bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// What the upstream in the test replies.
#[derive(Clone, Debug)]
pub struct UpstreamAnswers {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub json: Option<Value>,
    /// The same as text, sent as what the route's answers are.
    pub text: Option<String>,
}

/// What must reach the upstream.
#[derive(Clone, Debug)]
pub enum UpstreamSees {
    /// No call.
    Nothing,
    /// A call with this body.
    Body(Expected),
}

/// How the upstream must be asked.
#[derive(Clone, Debug, Default)]
pub struct UpstreamAsked {
    /// The path, a text.
    pub path: Option<Expected>,
    /// The parameters of the query, by name.
    pub query: Option<Expected>,
    /// The declared headers, by name.
    pub headers: Option<Expected>,
}

impl UpstreamAsked {
    /// What is looked at, with its name.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &Expected)> {
        let Self { path, query, headers } = self;
        let parts = [("path", path), ("query", query), ("headers", headers)];
        parts.into_iter().filter_map(|(name, part)| Some((name, part.as_ref()?)))
    }
}

/// What the caller must get.
#[derive(Clone, Debug, Default)]
pub struct CallerGets {
    /// The status.
    pub status: Option<u16>,
    /// The problem.
    pub problem: Option<Problem>,
    /// The body, where it is JSON.
    pub json: Option<Expected>,
    /// The body, where it is another text.
    pub text: Option<Expected>,
}

/// What a JSON value must be.
#[derive(Clone, Debug)]
pub enum Expected {
    /// This value.
    Exactly(Value),
    /// A text that fits.
    Matches(Regex),
    /// Whatever is there.
    Any,
    /// Nothing: the member is not there.
    Absent,
    /// An object of these members and no others.
    Members(Vec<(String, Expected)>),
    /// An array of these elements, in this order.
    Elements(Vec<Expected>),
}

impl Expected {
    /// Whether a value, or its absence, is as expected.
    pub fn accepts(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Exactly(expected), Some(value)) => expected == value,
            (Self::Matches(pattern), Some(value)) => {
                value.as_str().is_some_and(|text| pattern.is_match(text))
            }
            (Self::Members(members), Some(Value::Object(object))) => {
                members.iter().all(|(name, expected)| expected.accepts(object.get(name)))
                    && object.keys().all(|key| members.iter().any(|(name, _)| name == key))
            }
            (Self::Elements(elements), Some(Value::Array(array))) => {
                elements.len() == array.len()
                    && elements.iter().zip(array).all(|(expected, value)| expected.accepts(Some(value)))
            }
            (Self::Members(_) | Self::Elements(_), Some(_)) => false,
        }
    }
}
