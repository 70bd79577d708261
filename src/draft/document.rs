//! A description that somebody wrote, JSON or YAML, as a bounded tree. Nothing in it is followed outside itself.

use serde_json::{Map, Number, Value};
use thiserror::Error;

use crate::policy::yaml::{self, Content, Meaning, Node};

/// The largest description, in bytes.
pub const MAX_BYTES: usize = 8 << 20;

/// Why a description cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// More than the cap.
    #[error("it is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// Neither JSON nor YAML.
    #[error("it is neither JSON nor YAML: {0}")]
    NotReadable(String),
    /// Something else than was asked for.
    #[error("it is not {0}")]
    NotThat(&'static str),
}

/// Reads a description: JSON where it begins as JSON does, else YAML.
///
/// # Errors
/// [`DocumentError`].
pub fn read(bytes: &[u8]) -> Result<Value, DocumentError> {
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| DocumentError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) {
        return serde_json::from_str(text).map_err(|error| DocumentError::NotReadable(error.to_string()));
    }
    let mut found = Vec::new();
    let node = yaml::parse(0, text, &mut found);
    match (node, found.first()) {
        (Some(node), None) => Ok(value(&node)),
        (_, found) => {
            let line = found.and_then(|found| found.span).and_then(|span| text.get(..span.start));
            let line = line.map_or(1, |before| before.matches('\n').count() + 1);
            let message = found.map_or("it is empty", |found| found.message.as_str());
            Err(DocumentError::NotReadable(format!("line {line}: {message}")))
        }
    }
}

fn value(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Value::Null,
            Meaning::Boolean(truth) => truth.into(),
            Meaning::Integer(number) => number.into(),
            Meaning::Number => serde_json::from_str::<Number>(&scalar.text)
                .map_or_else(|_| scalar.text.clone().into(), Value::Number),
            Meaning::Text => scalar.text.clone().into(),
        },
        Content::List(nodes) => nodes.iter().map(value).collect(),
        Content::Map(entries) => {
            let members: Map<String, Value> =
                entries.iter().map(|entry| (entry.key.clone(), value(&entry.value))).collect();
            Value::Object(members)
        }
    }
}

/// What a reference within the document names (RFC 6901 in a fragment); `None` where nothing is there, or the
/// reference leads elsewhere.
pub(super) fn local<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    let pointer = reference.strip_prefix('#')?;
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().ok()?;
    document.pointer(&pointer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_and_yaml_are_read_alike() {
        let expected = json!({ "a": [1, 1.5, "x", null, true], "b": { "c": "1" } });
        assert_eq!(read(expected.to_string().as_bytes()), Ok(expected.clone()));
        assert_eq!(read(b"a: [1, 1.5, x, null, true]\nb:\n  c: '1'\n"), Ok(expected));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(read(b"\xff"), Err(DocumentError::NotText));
        assert_eq!(read(&vec![b' '; MAX_BYTES + 1]), Err(DocumentError::TooLarge));
        let deep = "[".repeat(100_000);
        assert!(matches!(read(deep.as_bytes()), Err(DocumentError::NotReadable(_))));
        assert!(
            matches!(read(b"a: &x 1\nb: *x\n"), Err(DocumentError::NotReadable(why)) if why.contains("line 1"))
        );
        assert!(matches!(read(b""), Err(DocumentError::NotReadable(_))));
    }

    #[test]
    fn references_stay_within() {
        let document = json!({ "a/b": { "c~d": 1 } });
        assert_eq!(local(&document, "#/a~1b/c~0d"), Some(&json!(1)));
        assert_eq!(local(&document, "#/a~1b/c%7E0d"), Some(&json!(1)));
        assert_eq!(local(&document, "#/x"), None);
        assert_eq!(local(&document, "https://example.org/#/a~1b"), None);
        assert_eq!(local(&document, "other.json"), None);
    }
}
