//! Whole bodies against a JSON Schema (draft 2020-12): what must hold between fields, where a rule for each is not enough.
//! Compiled once; patterns are read by an engine of linear time; nothing is fetched but through the one who compiles.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Draft, PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

/// The draft that a schema may name, and none but this.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// The most memory of a compiled pattern, in bytes.
const PATTERN: usize = 1 << 20;

/// A schema as it is run.
pub struct Schema {
    validator: Validator,
    /// What it was compiled from, by address: itself, and what it refers to.
    documents: BTreeMap<String, Value>,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SchemaError {
    /// A JSON pointer (RFC 6901) into the schema's own file; empty for the whole of it.
    pub at: String,
    /// What is wrong there, without a full stop.
    pub what: String,
}

/// Where a body does not fit. Holds no value, but the names of members as they came: whoever tells a caller, tells the
/// declared ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The way to the value at fault.
    pub at: Vec<Part>,
    /// The keyword of the schema that it breaks.
    pub keyword: String,
}

/// A step into a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The member of this name.
    Member(String),
    /// The element at this place.
    Element(usize),
}

/// Fetches what a schema refers to, where it may.
pub trait Other: Send + Sync + 'static {
    /// The document at this address.
    ///
    /// # Errors
    /// Why there is none, in a few words.
    fn fetch(&self, uri: &str) -> Result<Value, String>;
}

struct Fetched<T> {
    other: T,
    documents: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl<T: Other> Retrieve for Fetched<T> {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let document = self.other.fetch(uri.as_str())?;
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.insert(uri.as_str().to_owned(), document.clone());
        Ok(document)
    }
}

impl Schema {
    /// Compiles a schema that is known by `uri`, against which its references are resolved. `format` is asserted, and one
    /// that is not of the draft is an error: a rule that says nothing would be taken for one that holds.
    ///
    /// # Errors
    /// The first fault and its place.
    pub fn compile(schema: &Value, uri: &str, other: impl Other) -> Result<Self, SchemaError> {
        let fault = |at: &str, what: String| SchemaError { at: at.to_owned(), what };
        if let Some(named) = schema.get("$schema")
            && named.as_str().map(|named| named.trim_end_matches('#')) != Some(DRAFT)
        {
            return Err(fault("/$schema", format!("the draft is {DRAFT}, and this is another")));
        }
        let documents = Arc::new(Mutex::new(BTreeMap::from([(uri.to_owned(), schema.clone())])));
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_base_uri(uri)
            .with_retriever(Fetched { other, documents: Arc::clone(&documents) })
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN).dfa_size_limit(PATTERN))
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false);
        match options.build(schema) {
            Ok(validator) => {
                let documents =
                    std::mem::take(&mut *documents.lock().unwrap_or_else(PoisonError::into_inner));
                Ok(Self { validator, documents })
            }
            Err(error) => {
                let (at, what) = (error.instance_path().as_str(), error.to_string());
                // What a reference leads to is looked up before the walk that knows places.
                let at = if at.is_empty() { reference(schema, &what, "") } else { Some(at.to_owned()) };
                let what = match what.strip_prefix("Unknown format: ").and_then(|rest| rest.split('.').next())
                {
                    Some(format) => format!("there is no format {format}"),
                    None => what.trim_end_matches('.').to_owned(),
                };
                Err(fault(&at.unwrap_or_default(), what))
            }
        }
    }

    /// Whether it asks the same in the same words, whatever its files are called and however they are laid out.
    pub fn is_as(&self, other: &Self) -> bool {
        self.documents.values().eq(other.documents.values())
    }

    /// Whether a body fits.
    ///
    /// # Errors
    /// The first place where it does not.
    pub fn check(&self, body: &Value) -> Result<(), Misfit> {
        self.validator.validate(body).map_err(|error| {
            let part = |segment| match segment {
                jsonschema::paths::LocationSegment::Property(name) => Part::Member(name.into_owned()),
                jsonschema::paths::LocationSegment::Index(index) => Part::Element(index),
            };
            let at = error.instance_path().segments().map(part).collect();
            Misfit { at, keyword: error.kind().keyword().to_owned() }
        })
    }
}

/// The place of the `$ref` that an error speaks of.
fn reference(schema: &Value, error: &str, at: &str) -> Option<String> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let named = value.as_str().map(|to| to.trim_start_matches('#')).filter(|to| !to.is_empty());
            match named {
                Some(to) if name == "$ref" && error.contains(to) => Some(here),
                _ => reference(value, error, &here),
            }
        }),
        Value::Array(elements) => {
            let mut all = elements.iter().enumerate();
            all.find_map(|(index, value)| reference(value, error, &format!("{at}/{index}")))
        }
        _ => None,
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct None;

    impl Other for None {
        fn fetch(&self, uri: &str) -> Result<Value, String> {
            Err(format!("{uri} is not fetched"))
        }
    }

    fn schema(schema: &Value) -> Result<Schema, SchemaError> {
        Schema::compile(schema, "policies:///s.json", None)
    }

    #[test]
    fn what_must_hold_between_fields_holds() {
        let schema = schema(&json!({
            "type": "object",
            "properties": { "age": { "type": "integer" }, "guardian": { "type": "string", "format": "email" } },
            "if": { "properties": { "age": { "maximum": 15 } } },
            "then": { "required": ["guardian"] },
        }))
        .unwrap();
        assert_eq!(schema.check(&json!({ "age": 40 })), Ok(()));
        assert_eq!(schema.check(&json!({ "age": 9, "guardian": "a@example.org" })), Ok(()));
        assert_eq!(schema.check(&json!({ "age": 9 })).unwrap_err().keyword, "required");
        let wrong = schema.check(&json!({ "age": 9, "guardian": "nobody" })).unwrap_err();
        assert_eq!((wrong.at, &*wrong.keyword), (vec![Part::Member("guardian".into())], "format"));
    }

    #[test]
    fn a_broken_schema_tells_its_place_and_never_loads() {
        for (broken, at) in [
            (json!({ "properties": { "a": { "type": "strin" } } }), "/properties/a/type"),
            (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), "/$schema"),
            (json!({ "properties": { "a": { "pattern": "(" } } }), "/properties/a/pattern"),
            (json!({ "properties": { "a": { "pattern": "(?=a)b" } } }), "/properties/a/pattern"),
            (json!({ "properties": { "a": { "format": "zip" } } }), "/properties/a/format"),
            (
                json!({ "properties": { "a": { "$ref": "https://example.org/s.json" } } }),
                "/properties/a/$ref",
            ),
            (json!({ "properties": { "a": { "$ref": "file:///etc/hostname" } } }), "/properties/a/$ref"),
            (json!({ "properties": { "a": { "$ref": "#/$defs/none" } } }), "/properties/a/$ref"),
            (json!([]), ""),
        ] {
            let error = schema(&broken).unwrap_err();
            assert_eq!(error.at, at, "{broken}: {error}");
            assert!(!error.what.is_empty());
        }
    }

    #[test]
    fn what_refers_to_itself_ends() {
        for endless in [
            json!({ "$ref": "#" }),
            json!({ "allOf": [{ "$ref": "#" }] }),
            json!({ "anyOf": [{ "$ref": "#" }, { "type": "string" }] }),
            json!({ "not": { "$ref": "#" } }),
            json!({ "if": { "$ref": "#" }, "then": { "$ref": "#" } }),
            json!({ "$dynamicAnchor": "n", "allOf": [{ "$dynamicRef": "#n" }] }),
            json!({ "$defs": { "a": { "oneOf": [{ "$ref": "#/$defs/b" }] }, "b": { "allOf": [{ "$ref": "#/$defs/a" }] } }, "$ref": "#/$defs/a" }),
        ] {
            if let Ok(schema) = schema(&endless) {
                let _either = schema.check(&json!({ "a": [1] }));
            }
        }
        let tree =
            json!({ "type": "object", "properties": { "a": { "allOf": [{ "anyOf": [{ "$ref": "#" }] }] } } });
        let body = (0..127).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert_eq!(schema(&tree).unwrap().check(&body), Ok(()));
    }
}
