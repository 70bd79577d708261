//! Conditions (`when:`): expressions of the Common Expression Language, written by whoever writes the policy, about who calls
//! and what is called, never about a body. Compiled and typed at load; what cannot be decided is not met.
//!
//! | name | what it is |
//! |---|---|
//! | `caller.scopes` | list of texts |
//! | `caller.kind` | `person`, `program` or `api_key` |
//! | `caller.namespace` | text |
//! | `caller.claims.NAME` | what the token says there, of any type; kept of a token only where a condition names it |
//! | `request.method`, `request.route` | `POST`; the route as the policy writes it |
//! | `path.NAME`, `query.NAME`, `header.NAME` | declared parameters, of their declared types; also `header['x-plan']` |
//! | `now.hour`, `now.weekday`, `now.date` | in UTC: 0 to 23; 1 (Monday) to 7; `2026-11-30` |
//!
//! The library counts no cost, so the language is cut to what costs little: a text of [`LONGEST`] bytes; no `map` and `filter`, no
//! loop within a loop, no regular expression, no arithmetic. What is left takes time in proportion to the text and to the caller's token.

mod types;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, Value};

use crate::clock::Timestamp;
use crate::payload::Kind;

/// The longest expression, in bytes.
pub const LONGEST: usize = 1024;

/// Brackets of one expression.
const BRACKETS: usize = 24;
/// Brackets within brackets, and choices (`? :`): the library takes much of the stack for each.
const DEEPEST: usize = 10;
/// Letters of operators: a chain of them is as deep as it is long.
const SIGNS: usize = 60;
/// Dots and commas.
const DOTS: usize = 100;

static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An expression that is true or false of a call. Made by [`Condition::compile`] only.
pub struct Condition {
    text: Arc<str>,
    program: Program,
    uses: Uses,
}

/// What an expression speaks of: nothing else is made for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Uses {
    caller: bool,
    request: bool,
    path: bool,
    query: bool,
    header: bool,
    now: bool,
    claims: Vec<Box<str>>,
}

/// The parameters that an expression may name, with their types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Of the path.
    pub path: Vec<(Arc<str>, Kind)>,
    /// Of the query.
    pub query: Vec<(Arc<str>, Kind)>,
    /// Headers, in lower case.
    pub header: Vec<(Arc<str>, Kind)>,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ConditionError {
    /// What is wrong, without a full stop.
    pub what: String,
    /// How to mend it, as a sentence.
    pub mend: String,
    /// The bytes of the expression in question; `None` for the whole of it.
    pub at: Option<Range<usize>>,
}

/// The condition could not be decided: something that it speaks of was not there, or of another type. Says no more, for
/// what was there is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the condition could not be decided: something that it speaks of is missing, or of another type")]
pub struct Undecided;

/// What conditions may know of a caller, made once for each credential. Cheap to clone.
#[derive(Clone)]
pub struct CallerFacts(Value);

/// What a condition is asked about.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Who calls; `None` where nothing was kept of them for conditions.
    pub caller: Option<&'a CallerFacts>,
    /// The method.
    pub method: &'a str,
    /// The route, as the policy writes it.
    pub route: &'a str,
    /// Parameters that came: name, declared type, text.
    pub path: &'a [(&'a str, Kind, &'a str)],
    /// The same of the query.
    pub query: &'a [(&'a str, Kind, &'a str)],
    /// The same of the headers.
    pub header: &'a [(&'a str, Kind, &'a str)],
    /// The present.
    pub now: Timestamp,
}

impl Condition {
    /// Compiles an expression over what it may name.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn compile(text: &str, vocabulary: &Vocabulary) -> Result<Self, ConditionError> {
        if text.len() > LONGEST {
            return Err(ConditionError {
                what: format!("the condition is longer than {LONGEST} bytes"),
                mend: "Shorten it: scopes and claims are a better place for what takes so many words.".into(),
                at: None,
            });
        }
        if !is_shallow(text) {
            return Err(ConditionError {
                what: "the condition holds too many operators, names or brackets".into(),
                mend: "Write it flatter, or as several claims.".into(),
                at: None,
            });
        }
        let program = Program::compile(text).map_err(|errors| types::unreadable(text, &errors))?;
        let uses = types::check(text, &program, vocabulary)?;
        Ok(Self { text: text.into(), program, uses })
    }

    /// Whether the condition is met.
    ///
    /// # Errors
    /// [`Undecided`]: refuse.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, Undecided> {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        let uses = &self.uses;
        if uses.caller {
            context.add_variable_from_value("caller", facts.caller.ok_or(Undecided)?.0.clone());
        }
        if uses.request {
            let request = [("method", text(facts.method)), ("route", text(facts.route))];
            context.add_variable_from_value("request", Value::from(HashMap::from(request)));
        }
        for (used, name, came) in [
            (uses.path, "path", facts.path),
            (uses.query, "query", facts.query),
            (uses.header, "header", facts.header),
        ] {
            if used {
                context.add_variable_from_value(name, parameters(came));
            }
        }
        if uses.now {
            context.add_variable_from_value("now", now(facts.now).ok_or(Undecided)?);
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            // The library's error names values.
            _ => Err(Undecided),
        }
    }

    /// As the policy writes it.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The claims that it names.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.uses.claims.iter().map(|claim| &**claim)
    }
}

impl CallerFacts {
    /// Of a caller of this kind (`person`, `program`, `api_key`), with the claims that some condition names.
    pub fn new<'c>(
        kind: &str,
        namespace: &str,
        scopes: impl Iterator<Item = &'c str>,
        claims: impl Iterator<Item = (&'c str, &'c serde_json::Value)>,
    ) -> Self {
        let scopes: Vec<Value> = scopes.map(text).collect();
        let claims: HashMap<&str, Value> = claims.map(|(name, value)| (name, claim(value))).collect();
        Self(Value::from(HashMap::from([
            ("kind", text(kind)),
            ("namespace", text(namespace)),
            ("scopes", Value::List(Arc::new(scopes))),
            ("claims", Value::from(claims)),
        ])))
    }
}

/// Whether an expression can be read, typed and run on any thread. What stands in its texts counts too: that is only strict.
fn is_shallow(text: &str) -> bool {
    let [mut brackets, mut depth, mut choices, mut signs, mut dots] = [0_usize; 5];
    let words =
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| *word == "in").count();
    text.bytes().all(|byte| {
        match byte {
            b'(' | b'[' | b'{' => (brackets, depth) = (brackets + 1, depth + 1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => choices += 1,
            _ => {}
        }
        signs += usize::from(b"+-*/%<>=!&|".contains(&byte));
        dots += usize::from(matches!(byte, b'.' | b','));
        brackets <= BRACKETS && depth + choices <= DEEPEST && signs + 4 * words <= SIGNS && dots <= DOTS
    })
}

fn text(text: &str) -> Value {
    Value::from(text)
}

/// A claim as it came. A number that an `i64` does not hold is a float.
fn claim(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(number)) => Value::Float(number),
            (None, None) => Value::Null,
        },
        serde_json::Value::String(value) => text(value),
        serde_json::Value::Array(values) => Value::List(Arc::new(values.iter().map(claim).collect())),
        serde_json::Value::Object(members) => {
            let members: HashMap<&str, Value> =
                members.iter().map(|(name, value)| (name.as_str(), claim(value))).collect();
            Value::from(members)
        }
    }
}

/// Parameters by name. Each that came is there: were one left out for what its type cannot hold, `!has(…)` would let it pass.
fn parameters(came: &[(&str, Kind, &str)]) -> Value {
    let all: HashMap<&str, Value> = came
        .iter()
        .map(|(name, kind, came)| (*name, parameter(*kind, came).unwrap_or(Value::Null)))
        .collect();
    Value::from(all)
}

/// A parameter's value; a whole number beyond 64 bits is one with a fraction.
fn parameter(kind: Kind, came: &str) -> Option<Value> {
    match kind {
        Kind::Integer => came.parse().map(Value::Int).or_else(|_| came.parse().map(Value::Float)).ok(),
        Kind::Number => came.parse().map(Value::Float).ok(),
        Kind::Boolean => came.parse().map(Value::Bool).ok(),
        Kind::String | Kind::Null | Kind::File | Kind::Untyped => Some(text(came)),
    }
}

fn now(now: Timestamp) -> Option<Value> {
    let at = time::OffsetDateTime::from_unix_timestamp(now.seconds()).ok()?;
    Some(Value::from(HashMap::from([
        ("hour", Value::Int(at.hour().into())),
        ("weekday", Value::Int(at.weekday().number_from_monday().into())),
        ("date", text(&at.date().to_string())),
    ])))
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({})", self.text)
    }
}

/// Says nothing of whom it is about.
impl fmt::Debug for CallerFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerFacts")
    }
}

#[cfg(test)]
mod tests;
