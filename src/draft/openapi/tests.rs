use serde_json::{Value, json};

use super::*;
use crate::check::{Format, RuleKind};
use crate::draft::model::Operation;

fn described(request: Value, schemas: Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "T" },
        "paths": { "/a": { "post": {
            "requestBody": { "content": { "application/json": { "schema": request } } },
            "responses": { "200": { "content": { "application/json": { "schema": {
                "type": "object", "properties": { "score": { "type": "number" } }, "required": ["score"] } } } } },
        } } },
        "components": { "schemas": schemas },
    })
}

fn of(request: Value, schemas: Value) -> Operation {
    let api = api(&described(request, schemas)).unwrap();
    let [operation] = api.operations.as_slice() else { panic!("{:?}", api.notes) };
    operation.clone()
}

/// Name, type, required and nullable of each field.
fn fields(operation: &Operation) -> Vec<(String, RuleKind, bool, bool)> {
    let of = |field: &crate::draft::model::Field| {
        (field.path.to_string(), field.rules.kind.unwrap(), field.required, field.rules.nullable)
    };
    operation.request.iter().map(of).collect()
}

#[test]
fn a_nested_body_is_flattened_with_its_references() {
    let schemas = json!({
        "Address": { "type": "object", "required": ["zip"], "properties": { "zip": { "type": "string" } } },
        "Base": { "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" } } },
    });
    let operation = of(
        json!({
            "type": "object",
            "required": ["main", "others", "all"],
            "properties": {
                "main": { "$ref": "#/components/schemas/Address", "description": "Where they live" },
                "second": { "anyOf": [{ "$ref": "#/components/schemas/Address" }, { "type": "null" }] },
                "others": { "type": "array", "items": { "$ref": "#/components/schemas/Address" } },
                "all": { "allOf": [
                    { "$ref": "#/components/schemas/Base" },
                    { "type": "object", "required": ["x"], "properties": { "x": { "type": ["number", "null"] } } },
                ] },
                "old": { "type": "string", "nullable": true },
                "when": { "anyOf": [{ "type": "string", "format": "date" }, { "type": "null" }] },
                "either": { "anyOf": [{ "type": "integer" }, { "type": "number" }] },
                "mixed": { "anyOf": [{ "type": "integer" }, { "type": "string" }] },
                "free": { "type": "object", "additionalProperties": { "type": "string" } },
                "server": { "type": "string", "readOnly": true },
                "anything": {},
            },
        }),
        schemas,
    );
    let mut found = fields(&operation);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let (string, number) = (RuleKind::String, RuleKind::Number);
    let expected = [
        ("all.id", RuleKind::Integer, true, false),
        ("all.x", number, true, true),
        ("either", number, false, false),
        ("main.zip", string, true, false),
        ("old", string, false, true),
        ("others[*].zip", string, true, false),
        ("second.zip", string, false, false),
        ("when", string, false, true),
    ];
    assert_eq!(found, expected.map(|(name, kind, required, null)| (name.to_owned(), kind, required, null)));
    assert_eq!(
        operation.request.iter().find(|field| field.path.to_string() == "when").unwrap().rules.format,
        Some(Format::Date)
    );
    for part in ["`second`: it may be null", "`mixed`: it can be one of several", "`free`:", "`anything`:"] {
        assert!(operation.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", operation.notes);
    }
}

#[test]
fn cycles_depth_breadth_and_foreign_references_end() {
    let tree = json!({ "Tree": { "type": "object", "properties": {
        "v": { "type": "integer" },
        "left": { "$ref": "#/components/schemas/Tree" },
        "all": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } },
    } }, "Loop": { "$ref": "#/components/schemas/Loop" } });
    let operation = of(json!({ "$ref": "#/components/schemas/Tree" }), tree.clone());
    assert_eq!(fields(&operation).len(), 1);
    assert!(operation.notes.iter().any(|note| note.contains("holds itself")), "{:?}", operation.notes);

    let none = |request: Value, why: &str| {
        let api = api(&described(request, tree.clone())).unwrap();
        assert!(api.operations.is_empty());
        assert!(api.notes[0].contains(why), "{:?}", api.notes);
    };
    none(json!({ "$ref": "#/components/schemas/Loop" }), "holds itself");
    none(json!({ "$ref": "https://example.org/x.json" }), "another document");
    none(json!({ "$ref": "#/components/schemas/Gone" }), "another document, or nowhere");
    none(json!(true), "anything");
    none(json!({ "type": "string" }), "without a name");
    let mut deep = json!({ "type": "string" });
    for _ in 0..40 {
        deep = json!({ "type": "object", "properties": { "a": deep } });
    }
    none(deep, "16 levels");

    let wide: serde_json::Map<String, Value> =
        (0..2000).map(|number| (format!("f{number}"), json!({ "type": "integer" }))).collect();
    let operation = of(json!({ "type": "object", "properties": wide }), json!({}));
    assert_eq!(operation.request.len(), 500);
    assert!(operation.notes.iter().any(|note| note.contains("500 fields")));

    // Each level doubles what the next one holds: there is no end of it, and it ends all the same.
    let mut schemas = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({ "$ref": format!("#/components/schemas/L{}", level + 1) });
        let both = json!({ "type": "object", "properties": { "a": next, "b": next } });
        schemas.insert(format!("L{level}"), json!({ "allOf": [both, both] }));
    }
    let before = std::time::Instant::now();
    let api = api(&described(json!({ "$ref": "#/components/schemas/L0" }), Value::Object(schemas))).unwrap();
    assert!(api.operations.is_empty() && before.elapsed().as_secs() < 20);
}

#[test]
fn calls_without_a_body_are_open_where_nothing_speaks_against_it() {
    let person = json!({ "type": "object", "properties": { "email": { "type": "string" } } });
    let answer =
        |schema: Value| json!({ "200": { "content": { "application/json": { "schema": schema } } } });
    let document = json!({ "openapi": "3.0.3", "servers": [{ "url": "https://api.example.org/v1/" }], "paths": {
        "/health": { "get": { "responses": answer(json!({})) } },
        "/labels": { "get": { "responses": answer(json!({ "type": "object", "properties": { "label": { "type": "string" } } })) } },
        "/me": { "get": { "responses": answer(person) } },
        "/people/{id}": { "get": { "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }] } },
        "/jobs": { "delete": {} },
        "/form": { "post": { "requestBody": { "content": { "multipart/form-data": { "schema": {} } } } } },
    } });
    let api = api(&document).unwrap();
    assert_eq!(api.origin.as_deref(), Some("https://api.example.org"));
    let mut open: Vec<(String, u8)> =
        api.operations.iter().map(|operation| (operation.route(), operation.tenths)).collect();
    open.sort();
    assert_eq!(open, [("GET /v1/health".to_owned(), 9), ("GET /v1/labels".to_owned(), 4)]);
    for part in [
        "GET /v1/me: its answer looks personal",
        "GET /v1/people/{id}:",
        "DELETE /v1/jobs:",
        "multipart/form-data",
    ] {
        assert!(api.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", api.notes);
    }
}

#[test]
fn what_is_no_description_is_refused() {
    for document in
        [json!({}), json!({ "swagger": "2.0", "paths": {} }), json!([]), json!({ "openapi": "3.1.0" })]
    {
        assert!(matches!(api(&document), Err(DocumentError::NotThat(_))), "{document}");
    }
}
