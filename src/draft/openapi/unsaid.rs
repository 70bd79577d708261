//! What a JSON Schema says of a value and no field of a policy can say.

use serde_json::{Map, Value};

use super::scalar;

type Part = Map<String, Value>;

/// Words of a list as a whole.
const LIST: [&str; 4] = ["minItems", "maxItems", "uniqueItems", "contains"];
/// Words of an object as a whole.
#[rustfmt::skip]
const OBJECT: [&str; 7] = [
    "minProperties", "maxProperties", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas",
    "dependencies",
];
/// Words of any value.
const ANY: [&str; 2] = ["not", "if"];
/// Words of which one bound is drafted, whatever is written how often.
const ONCE: [&str; 6] = ["minLength", "maxLength", "pattern", "minimum", "maximum", "format"];
/// Formats that ask nothing of a text.
const FREE: [&str; 4] = ["binary", "byte", "password", "string"];

/// The words that are left to the API, where there are any. `kind` is the value's type.
pub(super) fn unsaid(parts: &[&Part], kind: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    let own: &[&str] = match kind {
        "array" => &LIST,
        "object" => &OBJECT,
        "integer" | "number" => &["multipleOf"],
        _ => &[],
    };
    for word in own.iter().chain(&ANY) {
        if parts.iter().filter_map(|part| part.get(*word)).any(|value| asks(word, value, kind)) {
            words.push(word);
        }
    }
    if kind == "number" {
        let excludes = |word: &&&str| {
            let written = parts.iter().filter_map(|part| part.get(**word));
            written.into_iter().any(|value| value.is_number() || *value == Value::Bool(true))
        };
        words.extend(["exclusiveMinimum", "exclusiveMaximum"].iter().filter(excludes));
    }
    if kind == "string" {
        let written = parts.iter().find_map(|part| part.get("format")?.as_str());
        let unknown = written.is_some_and(|word| scalar::format(word).is_none() && !FREE.contains(&word));
        words.extend(unknown.then_some("format"));
    }
    let mut told: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    for word in ONCE {
        let mut written: Vec<&Value> = parts.iter().filter_map(|part| part.get(word)).collect();
        written.dedup();
        if written.len() > 1 && !words.contains(&word) {
            told.push(format!("a second `{word}`"));
        }
    }
    (!told.is_empty())
        .then(|| format!("{}: no field says that, and the API alone checks it", told.join(", ")))
}

/// Whether a word with this value asks anything.
fn asks(word: &str, value: &Value, kind: &str) -> bool {
    match word {
        "minItems" | "minProperties" => value.as_u64().is_some_and(|least| least > 0),
        "uniqueItems" => *value == Value::Bool(true),
        "multipleOf" => kind != "integer" || value.as_f64() != Some(1.0),
        _ => !value.as_object().is_some_and(Map::is_empty),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: &str, parts: &[Value]) -> String {
        let parts: Vec<&Part> = parts.iter().map(|part| part.as_object().unwrap()).collect();
        let told = unsaid(&parts, kind).unwrap_or_default();
        told.split(": no field").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_no_field_can_say_is_told() {
        for (kind, schema, told) in [
            (
                "array",
                json!({ "minItems": 2, "maxItems": 9, "uniqueItems": true }),
                "`minItems`, `maxItems`, `uniqueItems`",
            ),
            ("array", json!({ "contains": { "const": 1 } }), "`contains`"),
            ("object", json!({ "minProperties": 1, "maxProperties": 3 }), "`minProperties`, `maxProperties`"),
            (
                "object",
                json!({ "dependentRequired": { "a": ["b"] }, "not": { "required": ["c"] } }),
                "`dependentRequired`, `not`",
            ),
            ("integer", json!({ "multipleOf": 5, "exclusiveMinimum": 0 }), "`multipleOf`"),
            (
                "number",
                json!({ "exclusiveMinimum": 0, "maximum": 1, "exclusiveMaximum": true }),
                "`exclusiveMinimum`, `exclusiveMaximum`",
            ),
            ("string", json!({ "format": "duration" }), "`format`"),
        ] {
            assert_eq!(of(kind, &[schema]), told);
        }
        let twice = [json!({ "maxLength": 9 }), json!({ "maxLength": 5 }), json!({ "maxLength": 5 })];
        assert_eq!(of("string", &twice), "a second `maxLength`");
    }

    #[test]
    fn what_asks_nothing_or_is_drafted_is_not() {
        for (kind, schema) in [
            ("array", json!({ "minItems": 0, "uniqueItems": false, "items": {} })),
            ("object", json!({ "minProperties": 0, "additionalProperties": false, "required": ["a"] })),
            ("integer", json!({ "multipleOf": 1, "exclusiveMinimum": 0, "format": "int32" })),
            ("string", json!({ "format": "date", "minLength": 1, "pattern": "a" })),
            ("string", json!({ "format": "password", "minItems": 3 })),
            ("boolean", json!({ "default": true })),
        ] {
            assert_eq!(of(kind, &[schema.clone(), schema]), "");
        }
    }
}
