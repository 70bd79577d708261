//! What is known of an API before a policy is drafted: read from its description, or seen in its traffic.

use serde_json::Value;

use super::category::Guessed;
use crate::check::Rules;
use crate::payload::Path;
use crate::policy::fault_of_route;

/// An API, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// What it calls itself.
    pub title: Option<String>,
    /// Where it is, by its own word: scheme, host and port.
    pub origin: Option<String>,
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

/// A call of an API.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `POST`.
    pub method: String,
    /// `/score/{id}`.
    pub path: String,
    /// The payload format of a governed call (`json`); `None` for one that holds no personal data.
    pub payload: Option<&'static str>,
    /// How sure that is, in tenths.
    pub tenths: u8,
    /// What speaks for it.
    pub because: String,
    /// Scopes that the API itself asks for.
    pub scopes: Scopes,
    /// What stands for each `{name}`.
    pub path_parameters: Vec<Parameter>,
    /// Query parameters.
    pub query: Vec<Parameter>,
    /// Request headers.
    pub headers: Vec<Parameter>,
    /// Fields of the body.
    pub request: Vec<Field>,
    /// Fields of the answer.
    pub response: Vec<Field>,
    /// What of it could not be drafted, and why.
    pub notes: Vec<String>,
}

impl Operation {
    /// A call of which no more is known yet.
    pub fn of(method: &str, path: &str, payload: &'static str, tenths: u8, because: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            payload: Some(payload),
            tenths,
            because: because.to_owned(),
            scopes: Scopes::Unknown,
            path_parameters: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            request: Vec::new(),
            response: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The call by which operators ask how an API is.
    pub fn health(path: &str) -> Self {
        let because = "no body, no parameters, and its name says how the API is";
        Self { payload: None, ..Self::of("GET", path, "json", 9, because) }
    }

    /// Whether its bodies are lists of rows, each perhaps of a person of its own.
    pub fn has_rows(&self) -> bool {
        matches!(self.payload, Some("mlflow" | "kserve-v2"))
    }

    /// As a policy's `match` has it.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
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

/// A parameter of a path, a query, or a header.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What the API asks of it.
    pub rules: Rules,
    /// Whether the API needs it.
    pub required: bool,
    /// What is written about it.
    pub describes: String,
    /// A value that the API's description gives.
    pub example: Option<Value>,
}
