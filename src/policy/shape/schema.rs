//! JSON Schema (2020-12) of the shapes, for editors: they complete words, show what each says, and underline what cannot
//! stand. The checks that need more than one file are left to `consentry check`.
//!
//! Beside the standard's words there is `enumDescriptions`, which editors show and validators pass over.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Is, Key, Rule, Shape, Test};

/// A file that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outermost {
    /// One map.
    Map,
    /// A list of maps.
    List,
}

/// The schema of a kind of file.
pub fn of_file(title: &str, outermost: Outermost, shape: &'static Shape) -> Value {
    let mut writer = Writer::default();
    let root = writer.refer(shape);
    let mut schema = object([
        ("$schema", "https://json-schema.org/draft/2020-12/schema".into()),
        ("title", title.into()),
        ("description", shape.says.into()),
    ]);
    let body = match outermost {
        Outermost::Map => root,
        Outermost::List => json!({ "type": "array", "items": root }),
    };
    extend(&mut schema, body);
    schema.insert("$defs".into(), Value::Object(writer.defined.into_iter().collect()));
    Value::Object(schema)
}

/// Writes values, and keeps the shapes that they refer to.
#[derive(Default)]
struct Writer {
    defined: BTreeMap<String, Value>,
}

impl Writer {
    fn refer(&mut self, shape: &'static Shape) -> Value {
        if !self.defined.contains_key(shape.id) {
            // Entered first, so that a shape which holds itself ends.
            self.defined.insert(shape.id.to_owned(), Value::Null);
            let definition = self.keys(shape);
            self.defined.insert(shape.id.to_owned(), definition);
        }
        json!({ "$ref": format!("#/$defs/{}", shape.id) })
    }

    fn keys(&mut self, shape: &'static Shape) -> Value {
        let mut schema = self.closed(shape.keys);
        schema.insert("description".into(), shape.says.into());
        let needed: Vec<&str> = shape.keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
        if !needed.is_empty() {
            schema.insert("required".into(), needed.into());
        }
        if !shape.rules.is_empty() {
            schema.insert("allOf".into(), shape.rules.iter().map(|rule| self.rule(rule)).collect());
        }
        Value::Object(schema)
    }

    /// A map that has no other keys.
    fn closed(&mut self, keys: &'static [Key]) -> Map<String, Value> {
        let properties: Map<String, Value> = keys
            .iter()
            .map(|key| {
                let mut value = object([("description", key.says.into())]);
                extend(&mut value, self.value(key.is));
                (key.name.to_owned(), Value::Object(value))
            })
            .collect();
        object([
            ("type", "object".into()),
            ("properties", Value::Object(properties)),
            ("additionalProperties", false.into()),
        ])
    }

    fn value(&mut self, is: Is) -> Value {
        match is {
            Is::Anything => json!({}),
            Is::Single => json!({ "type": ["string", "number", "boolean", "null"] }),
            Is::Text => json!({ "type": "string", "pattern": r"\S" }),
            Is::Name => json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" }),
            Is::Boolean => json!({ "type": "boolean" }),
            Is::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Is::Number(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
            Is::Form(form) => {
                json!({ "pattern": form.pattern, "examples": [form.example], "type": "string" })
            }
            Is::Words(words) => json!({ "enum": words() }),
            Is::Keys(shape) | Is::Options(shape) => self.refer(shape),
            Is::Named(of, least) => {
                let names = json!({ "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });
                let of = self.value(*of);
                let mut schema = object([
                    ("type", "object".into()),
                    ("propertyNames", names),
                    ("additionalProperties", of),
                ]);
                if least > 0 {
                    schema.insert("minProperties".into(), least.into());
                }
                Value::Object(schema)
            }
            Is::Entries(of) => json!({ "type": "object", "additionalProperties": self.value(*of) }),
            Is::List(list) => {
                let mut schema = object([("type", "array".into()), ("items", self.value(*list.of))]);
                if list.least > 0 {
                    schema.insert("minItems".into(), list.least.into());
                }
                Value::Object(schema)
            }
            Is::Either(several) => {
                let several: Vec<Value> = several.iter().map(|is| self.value(*is)).collect();
                json!({ "anyOf": several })
            }
            Is::Action(shape) => {
                if !self.defined.contains_key(shape.id) {
                    self.defined.insert(shape.id.to_owned(), Value::Null);
                    let definition = self.action(shape);
                    self.defined.insert(shape.id.to_owned(), definition);
                }
                json!({ "$ref": format!("#/$defs/{}", shape.id) })
            }
            Is::Expected => {
                self.defined.entry("expected".to_owned()).or_insert_with(expected);
                json!({ "$ref": "#/$defs/expected" })
            }
            Is::Nothing => json!({ "type": "object", "additionalProperties": false }),
        }
    }

    fn rule(&mut self, rule: &'static Rule) -> Value {
        let each =
            |keys: &[&str]| -> Vec<Value> { keys.iter().map(|key| json!({ "required": [key] })).collect() };
        match rule {
            Rule::One(keys) => json!({ "oneOf": each(keys) }),
            Rule::AtLeastOne(keys) => json!({ "anyOf": each(keys) }),
            Rule::NotAll(keys) => json!({ "not": { "required": keys } }),
            Rule::Then(holds, key, is) => {
                json!({ "if": test(holds), "then": { "properties": { *key: self.value(**is) } } })
            }
            Rule::Where(holds, needs, forbids) => {
                let mut then = Map::new();
                if !needs.is_empty() {
                    then.insert("required".into(), json!(needs));
                }
                if !forbids.is_empty() {
                    let none = forbids.iter().map(|key| ((*key).to_owned(), Value::Bool(false)));
                    then.insert("properties".into(), Value::Object(none.collect()));
                }
                json!({ "if": test(holds), "then": then })
            }
        }
    }

    /// A word alone, or a map of one key. A word whose options must be said cannot stand alone.
    fn action(&mut self, shape: &'static Shape) -> Value {
        let bare: Vec<&Key> = shape.keys.iter().filter(|key| !matches!(key.is, Is::Keys(_))).collect();
        let words: Vec<&str> = bare.iter().map(|key| key.name).collect();
        let says: Vec<&str> = bare.iter().map(|key| key.says).collect();
        let mut options = self.closed(shape.keys);
        options.insert("minProperties".into(), 1.into());
        options.insert("maxProperties".into(), 1.into());
        json!({
            "description": shape.says,
            "anyOf": [{ "enum": words, "enumDescriptions": says }, Value::Object(options)],
        })
    }
}

/// A value of which `{ matches: REGEX }` can be any part.
fn expected() -> Value {
    json!({
        "if": { "type": "object", "required": ["matches"], "maxProperties": 1 },
        "then": { "properties": { "matches": { "type": "string", "pattern": r"\S" } } },
        "else": {
            "additionalProperties": { "$ref": "#/$defs/expected" },
            "items": { "$ref": "#/$defs/expected" },
        },
    })
}

fn test(holds: &Test) -> Value {
    match holds {
        Test::Has(key) => json!({ "required": [key] }),
        Test::HasNot(key) => json!({ "not": { "required": [key] } }),
        Test::Fits(key, pattern) => json!({
            "required": [key],
            "properties": { *key: { "type": "string", "pattern": pattern } },
        }),
        Test::Element(key, of) => json!({
            "required": [key],
            "properties": { *key: { "contains": test(of) } },
        }),
        Test::Lacks(key, word) => json!({ "not": {
            "required": [key],
            "properties": { *key: { "contains": { "const": word } } },
        } }),
        Test::Within(key, of) => json!({
            "required": [key],
            "properties": { *key: { "type": "object", "allOf": [test(of)] } },
        }),
        Test::Not(of) => json!({ "not": test(of) }),
        Test::All(tests) => json!({ "allOf": tests.iter().map(test).collect::<Vec<_>>() }),
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn extend(to: &mut Map<String, Value>, with: Value) {
    if let Value::Object(members) = with {
        to.extend(members);
    }
}
