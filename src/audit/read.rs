//! Reading an encoded event back, for recovery and for display. Off the hot path, so a tree will do.

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::personal::Reference;

use super::DecisionId;
use super::encode::{VERSION, unhex};

/// An event as it was kept. Its kind may be one that a newer gateway wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// When it happened.
    pub at: Timestamp,
    /// The word of its kind.
    pub kind: String,
    /// All members but `at`, `kind` and `v`, sorted by name.
    pub members: Map<String, Value>,
}

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or not an object.
    #[error("the entry is not a JSON object")]
    Json(#[source] serde_json::Error),
    /// Of a version that this gateway does not know.
    #[error("the entry is of a version that this gateway does not know")]
    Version,
    /// Without time or kind.
    #[error("the entry has no `{0}`")]
    Member(&'static str),
}

impl Reading {
    /// Reads an encoded event.
    pub fn new(encoded: &[u8]) -> Result<Self, Unreadable> {
        let mut members: Map<String, Value> = serde_json::from_slice(encoded).map_err(Unreadable::Json)?;
        if members.remove("v").and_then(|v| v.as_u64()) != Some(VERSION) {
            return Err(Unreadable::Version);
        }
        let at = members.remove("at").and_then(|at| at.as_i64()).ok_or(Unreadable::Member("at"))?;
        let Some(Value::String(kind)) = members.remove("kind") else {
            return Err(Unreadable::Member("kind"));
        };
        Ok(Self { at: Timestamp::from_millis(at), kind, members })
    }

    /// The text of a member.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// The number that a member holds.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.members.get(name)?.as_i64()
    }

    /// The numbers that a member lists; none where it holds something else.
    pub fn integers(&self, name: &str) -> Vec<u64> {
        let listed = self.members.get(name).and_then(Value::as_array).into_iter().flatten();
        listed.filter_map(Value::as_u64).collect()
    }

    /// The hash that a member holds.
    pub fn digest(&self, name: &str) -> Option<[u8; 32]> {
        self.text(name).and_then(unhex)
    }

    /// The decision it belongs to.
    pub fn decision(&self) -> Option<DecisionId> {
        self.text("decision")?.parse().ok()
    }

    /// The persons it names, one or several.
    pub fn persons(&self) -> Vec<Reference> {
        let several = self.members.get("persons").and_then(Value::as_array).into_iter().flatten();
        several.chain(self.members.get("person")).filter_map(|value| reference(value.as_str()?)).collect()
    }
}

fn reference(text: &str) -> Option<Reference> {
    text.strip_prefix("r_").and_then(unhex).map(Reference::from_bytes)
}
