//! What is known of an API before a policy is drafted: read from its description, or seen in its traffic.

use serde_json::Value;

use super::category::Guessed;
use super::parameter::of_parameter;
use crate::check::Rules;
use crate::payload::{Format, Path, Step};
use crate::policy::fault_of_route;

/// An API, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// What an activity of it is called, if it is one and nobody says another name.
    pub name: Option<String>,
    /// Where it is, by its own word: scheme, host and port.
    pub origin: Option<String>,
    /// What stands before the path of each of its calls, by its own word: `/api/v2`, or nothing.
    pub base: String,
    /// Its calls.
    pub operations: Vec<Operation>,
    /// What of it could not be drafted, and why.
    pub notes: Vec<String>,
}

impl Api {
    /// Adds a call, or a note where no route of a policy could match it.
    pub fn add(&mut self, operation: Operation) {
        match fault_of_route(&operation.route()) {
            None => self.operations.push(operation),
            Some(fault) => self.notes.push(format!("{}: {fault}", operation.route())),
        }
    }
}

/// What the body of a governed call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none; its answer is JSON.
    None,
    /// Of this format.
    Of(Format),
}

impl Body {
    /// As a policy's `payload` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Of(format) => format.word(),
        }
    }

    /// The format of bodies, and of answers.
    pub fn formats(self) -> (Format, Format) {
        match self {
            Self::None => (Format::Json, Format::Json),
            Self::Of(format) => (format, format.answers()),
        }
    }
}

/// A call of an API.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `POST`.
    pub method: String,
    /// `/score/{id}`.
    pub path: String,
    /// The body of a governed call; `None` for one that holds no personal data.
    pub payload: Option<Body>,
    /// How sure that is, in tenths.
    pub tenths: u8,
    /// What speaks for it.
    pub because: String,
    /// Scopes that the API itself asks for.
    pub scopes: Scopes,
    /// What may stand in the head: one for each `{name}` of the path, and what comes in query and headers.
    pub parameters: Vec<Parameter>,
    /// Fields of the body.
    pub request: Vec<Field>,
    /// Fields of the answer.
    pub response: Vec<Field>,
    /// What the API requires and no field can be: no call with it passes here, and none without it there.
    pub blocked: Vec<Blocked>,
    /// What of it could not be drafted, and why.
    pub notes: Vec<String>,
}

/// A member of a body that the API requires and that cannot be declared.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// Where it is.
    pub path: Path,
    /// Why no field can be that.
    pub why: String,
    /// Whether one can all the same, of one of its types: which one only its callers know.
    pub by_hand: bool,
}

impl Operation {
    /// A call of which no more is known yet.
    pub fn of(method: &str, path: &str, format: Format, tenths: u8, because: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            payload: Some(Body::Of(format)),
            tenths,
            because: because.to_owned(),
            scopes: Scopes::Unknown,
            parameters: Vec::new(),
            request: Vec::new(),
            response: Vec::new(),
            blocked: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The call by which operators ask how an API is.
    pub fn health(path: &str) -> Self {
        let because = "no body, no parameters, and its name says how the API is";
        Self { payload: None, ..Self::of("GET", path, Format::Json, 9, because) }
    }

    /// As a policy's `match` has it.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The names that stand in braces in its path, each with the literal piece before it.
    pub fn places(&self) -> Vec<(&str, Option<Above<'_>>)> {
        let mut before: Option<Above<'_>> = None;
        let mut places = Vec::new();
        for segment in self.path.split('/') {
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => {
                    places.push((name, before));
                    before = before.map(|above| Above { right: false, ..above });
                }
                None => before = Some(Above { piece: segment, right: true }),
            }
        }
        places
    }
}

/// Scopes that a caller of the API needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scopes {
    /// It asks for none, or does not say.
    #[default]
    Unknown,
    /// All of these.
    All(Vec<String>),
    /// One of these.
    Any(Vec<String>),
}

/// A field of a body.
#[derive(Clone, Debug)]
pub struct Field {
    /// Where it is.
    pub path: Path,
    /// What the API itself asks of a value.
    pub rules: Rules,
    /// Whether the API needs it.
    pub required: bool,
    /// What is written about it.
    pub describes: String,
    /// A value that the API's description gives.
    pub example: Option<Value>,
    /// What speaks for the rules.
    pub because: Vec<String>,
    /// How sure one can be of them at most, in tenths.
    pub tenths: u8,
    /// Whether the rules are what was seen: then nobody knows what else the API would take.
    pub seen: bool,
    /// What it is, where something else than its name says so.
    pub(super) known: Option<Guessed>,
    /// What it is as a tensor.
    pub tensor: Option<Tensor>,
}

impl Field {
    /// A field of which no more is known yet.
    pub fn of(path: Path, rules: Rules, required: bool) -> Self {
        Self {
            path,
            rules,
            required,
            describes: String::new(),
            example: None,
            because: Vec::new(),
            tenths: 10,
            seen: false,
            known: None,
            tensor: None,
        }
    }
}

/// A tensor as a model's metadata describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// `INT64`.
    pub datatype: String,
    /// Sizes; below zero where any will do.
    pub shape: Vec<i64>,
}

/// Where a parameter stands in a call's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// The query.
    Query,
    /// A header.
    Header,
}

impl Place {
    /// The first step of a parameter's name in a record: `path.id`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }

    /// The key of a route under which it is declared.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Header => "headers",
            other => other.word(),
        }
    }
}

/// The literal piece of a path before a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Above<'p> {
    /// `patients` of `/patients/{id}`.
    pub piece: &'p str,
    /// Whether no other parameter stands between the two.
    pub right: bool,
}

/// A parameter of a path, a query, or a header.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Where it stands.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// What it is, under its name in a record: `path.id`. Its category is not guessed from that, but known or none.
    pub field: Field,
}

impl Parameter {
    /// A parameter of this name; `above` is the piece of the path before it. `None` where no record could name it.
    pub fn of(
        place: Place,
        name: &str,
        above: Option<Above<'_>>,
        rules: Rules,
        required: bool,
        describes: &str,
    ) -> Option<Self> {
        let path = Path::of(vec![Step::Member(place.word().into()), Step::Member(name.into())])?;
        let known = of_parameter(place, name, above, &rules, describes);
        let field = Field { known, describes: describes.to_owned(), ..Field::of(path, rules, required) };
        Some(Self { place, name: name.to_owned(), field })
    }

    /// Whether it is treated as a field is: it looks personal.
    pub fn is_treated(&self) -> bool {
        self.field.known.is_some()
    }
}
