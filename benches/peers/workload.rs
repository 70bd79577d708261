//! What is sent, what the model behind a target must get of it and what the caller must get back: one definition for
//! every target.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::load::Order;
use crate::material::Algorithm;

/// What a target does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Ends TLS and passes everything on.
    Plain,
    /// Verifies a token and counts its caller; the body passes as it is, the token stays behind.
    Guarded,
    /// All of that, and: asks for the caller's consent, checks and treats every field, keeps a record, filters the answer.
    Governed,
}

/// What a body looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One person's record of 204 bytes.
    Record,
    /// MLflow's `dataframe_split` with so many rows of the same fields.
    Split(usize),
}

/// Which tokens come with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// None.
    None,
    /// One for each of a thousand callers, over and over.
    Rotating(Algorithm),
    /// Another one with each request.
    New(Algorithm),
}

/// What is measured of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measure {
    /// CPU time, requests a second and latencies under this load.
    Load(Order),
    /// Memory with few idle connections and with many.
    Idle,
}

/// One thing to compare targets by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// A letter, and words that tell it from its like.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) title: &'static str,
    /// What targets do that are not there as a plain measure.
    pub(crate) work: Work,
    /// What is sent.
    pub(crate) shape: Shape,
    /// With which tokens.
    pub(crate) tokens: Tokens,
    /// What is measured.
    pub(crate) measure: Measure,
    /// Connections of the load, at most.
    pub(crate) connections: usize,
    /// Cores of the target, and its workers.
    pub(crate) workers: usize,
    /// Whether system calls are counted.
    pub(crate) counted: bool,
    /// The targets, by name.
    pub(crate) peers: &'static [&'static str],
}

impl Workload {
    /// Where requests go.
    pub(crate) fn path(&self) -> &'static str {
        match (self.work, self.shape) {
            (Work::Plain, _) => "/plain",
            (Work::Guarded, _) => "/guarded",
            (Work::Governed, Shape::Split(_)) => "/invocations",
            (Work::Governed, _) => "/predict",
        }
    }

    /// The algorithm of its tokens; of those that a check sends where the load has none.
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self.tokens {
            Tokens::None => Algorithm::Hs256,
            Tokens::Rotating(algorithm) | Tokens::New(algorithm) => algorithm,
        }
    }
}

impl Shape {
    /// A caller's body.
    pub(crate) fn body(self, number: usize) -> Vec<u8> {
        match self {
            Self::Record => record(number).into_bytes(),
            Self::Split(rows) => split(rows, number).into_bytes(),
        }
    }

    /// What of the body reaches the model where it is governed. A text that begins with `email:` stands for a pseudonym of
    /// the address behind it.
    pub(crate) fn treated(self, number: usize) -> Value {
        match self {
            Self::Split(rows) => {
                let row = |row| json!([placeholder(number + row), 36, "Female", "Red", "Pizza"]);
                json!({"dataframe_split": {
                    "columns": ["email", "age", "sex", "favorite_color", "favorite_food"],
                    "data": (0..rows).map(row).collect::<Vec<_>>(),
                }})
            }
            Self::Record => json!({
                "email": placeholder(number), "age": 36, "sex": "Female", "favorite_color": "Red", "favorite_food": "Pizza",
            }),
        }
    }

    /// What the model answers.
    pub(crate) fn answer(self) -> String {
        match self {
            Self::Split(rows) => format!(
                r#"{{"predictions":{},"model_version":"2026.1","took_ms":3}}"#,
                self.predictions(rows)
            ),
            Self::Record => r#"{"prediction":"Telescope","model_version":"2026.1","took_ms":3}"#.to_owned(),
        }
    }

    /// What the caller gets of it.
    pub(crate) fn answered(self, work: Work) -> String {
        match (work, self) {
            (Work::Plain | Work::Guarded, _) => self.answer(),
            (Work::Governed, Self::Split(rows)) => format!(r#"{{"predictions":{}}}"#, self.predictions(rows)),
            (Work::Governed, _) => r#"{"prediction":"Telescope"}"#.to_owned(),
        }
    }

    /// Rows that a request has, if it has any.
    pub(crate) fn rows(self) -> Option<usize> {
        match self {
            Self::Record => None,
            Self::Split(rows) => Some(rows),
        }
    }

    fn predictions(self, rows: usize) -> String {
        format!("[{}]", vec!["0.5"; rows].join(","))
    }
}

/// What a record is made of, by the names of its fields, as JSON.
pub(crate) fn fields(number: usize) -> [(&'static str, String); 7] {
    [
        ("first_name", r#""Augusta Ada Byron""#.to_owned()),
        ("last_name", r#""King of Ockham Park""#.to_owned()),
        ("email", format!("\"{}\"", email(number))),
        ("age", "36".to_owned()),
        ("sex", r#""Female""#.to_owned()),
        ("favorite_color", r#""Red""#.to_owned()),
        ("favorite_food", r#""Pizza""#.to_owned()),
    ]
}

/// A record of these fields.
pub(crate) fn object(fields: &[(&'static str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", fields.join(", "))
}

fn record(number: usize) -> String {
    object(&fields(number))
}

fn split(rows: usize, number: usize) -> String {
    let mut text = r#"{"dataframe_split":{"columns":["#.to_owned();
    let names = fields(0).map(|(name, _)| format!("\"{name}\""));
    text.push_str(&names.join(","));
    text.push_str(r#"],"data":["#);
    for row in 0..rows {
        let values = fields(number + row).map(|(_, value)| value);
        let comma = if row == 0 { "" } else { "," };
        // A `String` takes whatever is written.
        let _ = write!(text, "{comma}[{}]", values.join(","));
    }
    text + "]}}"
}

/// Somebody's address.
pub(crate) fn email(number: usize) -> String {
    format!("augusta.ada.king.byron.{number:06}@example.org")
}

fn placeholder(number: usize) -> String {
    format!("email:{}", email(number))
}

/// That bodies are what they are said to be.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    anyhow::ensure!(Shape::Record.body(7).len() == 204);
    for shape in [Shape::Record, Shape::Split(3)] {
        let _: Value = serde_json::from_slice(&shape.body(7))?;
        let _: Value = serde_json::from_str(&shape.answer())?;
    }
    let answered: Value = serde_json::from_str(&Shape::Split(3).answered(Work::Governed))?;
    anyhow::ensure!(answered == json!({"predictions": [0.5, 0.5, 0.5]}));
    Ok(())
}
