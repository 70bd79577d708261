use serde_json::{Value, json};

use super::*;
use crate::check::{Format, RuleKind};
use crate::draft::model::{Body, Operation};
use crate::payload::Format as Payload;

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
                "listed": { "type": ["array", "null"], "items": {
                    "type": ["object", "null"], "required": ["x"], "properties": { "x": { "type": "integer" } },
                } },
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
        ("listed[*].x", RuleKind::Integer, false, false),
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
    let null = "it may be null as a whole in the API; here null passes";
    for part in [
        &format!("`second`: {null}, and nothing below it has to be there"),
        &format!("`listed`: {null}, but not as the list of rows, and"),
        &format!("`listed[*]`: {null}, but not as a row, and"),
        "`mixed`: it can be one of several",
        "`free`:",
        "`anything`:",
    ] {
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
        "/me": { "get": { "responses": answer(person.clone()) }, "head": { "responses": answer(person) } },
        "/gone": { "delete": { "responses": { "204": { "description": "gone" } } } },
        "/page/{n}": { "get": { "responses": { "200": { "content": { "text/html": {} } } } } },
        "/people/{id}": { "get": { "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }] } },
        "/jobs": { "delete": {} },
        "/form": { "post": { "requestBody": { "content": { "multipart/form-data": { "schema": {} } } } } },
    } });
    let api = api(&document).unwrap();
    assert_eq!((api.origin.as_deref(), api.base.as_str()), (Some("https://api.example.org"), "/v1"));
    let mut open: Vec<(String, Option<Body>, u8)> = api
        .operations
        .iter()
        .map(|operation| (operation.route(), operation.payload, operation.tenths))
        .collect();
    open.sort_by(|one, other| one.0.cmp(&other.0));
    let governed = |route: &str| (route.to_owned(), Some(Body::None), 7);
    assert_eq!(
        open,
        [
            governed("DELETE /v1/jobs"),
            ("GET /v1/health".to_owned(), None, 9),
            ("GET /v1/labels".to_owned(), None, 4),
            governed("GET /v1/me"),
            governed("GET /v1/people/{id}"),
        ]
    );
    let person = api.operations.iter().find(|operation| operation.route() == "GET /v1/people/{id}").unwrap();
    assert!(person.parameters[0].is_treated());
    for part in [
        "POST /v1/form: nothing of its body",
        "HEAD /v1/me: a call of this method",
        "DELETE /v1/gone: it answers nothing",
        "GET /v1/page/{n}: its answer is text/html",
    ] {
        assert!(api.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", api.notes);
    }
}

#[test]
fn a_call_of_whose_body_nothing_is_said_is_a_weak_guess() {
    let nothing = json!({ "responses": { "200": { "content": { "application/json": { "schema": {} } } } } });
    let item = json!({ "post": nothing, "put": nothing, "patch": nothing, "delete": nothing });
    let api = api(&json!({ "openapi": "3.1.0", "paths": { "/predict": item } })).unwrap();
    assert_eq!(api.operations.len(), 4);
    for operation in api.operations {
        assert_eq!(operation.payload, Some(Body::None));
        let told = ["`consentry learn` drafts it", "`payload: ndjson`"]
            .iter()
            .all(|told| operation.notes.iter().any(|note| note.contains(told)));
        let body = operation.method != "DELETE";
        assert_eq!((told, operation.tenths < 5), (body, body), "{}", operation.route());
    }
}

#[test]
fn forms_are_drafted_with_their_files() {
    let schema = json!({ "type": "object", "required": ["scan", "patient_no"], "properties": {
        "scan": { "type": "string", "format": "binary" },
        "more": { "type": "array", "items": { "type": "string", "contentMediaType": "application/octet-stream" } },
        "patient_no": { "type": "string" },
    } });
    for (media, kind, format) in [
        ("multipart/form-data", RuleKind::File, Payload::Multipart),
        ("application/x-www-form-urlencoded", RuleKind::String, Payload::Form),
    ] {
        let document = json!({ "openapi": "3.1.0", "paths": { "/scan": { "post": {
            "requestBody": { "content": { media: { "schema": schema } } } } } } });
        let api = api(&document).unwrap();
        let [operation] = api.operations.as_slice() else { panic!("{:?}", api.notes) };
        assert_eq!(operation.payload, Some(Body::Of(format)));
        let kinds: Vec<_> = operation
            .request
            .iter()
            .map(|field| (field.path.to_string(), field.rules.kind.unwrap()))
            .collect();
        let mut expected = vec![
            ("more[*]".to_owned(), kind),
            ("patient_no".to_owned(), RuleKind::String),
            ("scan".to_owned(), kind),
        ];
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        let mut kinds = kinds;
        kinds.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(kinds, expected);
    }
}

#[test]
fn constraints_that_no_field_can_say_are_told() {
    let document = json!({ "openapi": "3.1.0", "paths": { "/a": { "post": {
        "parameters": [{ "name": "step", "in": "query", "schema": { "type": "integer", "multipleOf": 5 } }],
        "requestBody": { "content": { "application/json": { "schema": { "type": "object", "minProperties": 1, "properties": {
            "tags": { "type": "array", "minItems": 1, "maxItems": 3, "uniqueItems": true, "items": { "type": "string" } },
            "price": { "type": "number", "multipleOf": 0.01 } } } } } } } } } });
    let api = api(&document).unwrap();
    let notes = &api.operations[0].notes;
    for told in [
        "query parameter `step`: `multipleOf`:",
        "the body: `minProperties`:",
        "`tags`: `minItems`, `maxItems`, `uniqueItems`:",
        "`price`: `multipleOf`:",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(told)), "{told}: {notes:?}");
    }
}

/// What else is asked of it does not stand in the place of the reason.
#[test]
fn why_a_body_cannot_be_declared_is_told() {
    let mut described = described(
        json!({ "type": "object", "minProperties": 1, "additionalProperties": { "type": "string" } }),
        json!({}),
    );
    described["paths"]["/a"]["post"]["parameters"] =
        json!([{ "name": "n", "in": "query", "schema": { "type": "integer", "multipleOf": 5 } }]);
    let api = api(&described).unwrap();
    let told = |note: &&String| note.contains("nothing of its body can be declared");
    let told = api.notes.iter().find(told).unwrap();
    assert!(told.contains("whose names the description does not give"), "{told}");
}

#[test]
fn what_must_be_there_and_cannot_be_declared_is_told_apart() {
    let union = json!({ "anyOf": [{ "type": "integer" }, { "type": "string" }] });
    let map = json!({ "type": "object", "additionalProperties": { "type": "number" } });
    let body = json!({ "type": "object", "required": ["a", "v", "d"], "properties": {
        "a": { "type": "string" }, "v": union, "d": map, "w": union, "o": { "type": "object", "required": ["v"], "properties": { "v": union } },
    } });
    let operation = of(body, json!({}));
    let mut blocked: Vec<String> = operation.blocked.iter().map(|blocked| blocked.path.to_string()).collect();
    blocked.sort();
    assert_eq!(blocked, ["d", "v"], "what is optional, or below it, hinders nobody");
    assert_eq!(operation.notes.len(), 4, "{:?}", operation.notes);
    let by_hand =
        |path: &str| operation.blocked.iter().any(|one| one.by_hand && one.path.to_string() == path);
    assert!(by_hand("v") && !by_hand("d"), "a number or a text can be declared as one of them");
}

#[test]
fn what_is_no_description_is_refused() {
    for document in
        [json!({}), json!({ "swagger": "2.0", "paths": {} }), json!([]), json!({ "openapi": "3.1.0" })]
    {
        assert!(matches!(api(&document), Err(DocumentError::NotThat(_))), "{document}");
    }
}

#[test]
fn what_answers_of_persons_is_not_open() {
    let text = json!({ "type": "string" });
    let answer = |names: &[&str]| {
        let members: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), text.clone())).collect();
        let schema = json!({ "type": "array", "items": { "type": "object", "properties": members } });
        json!({ "get": { "responses": { "200": { "content": { "application/json": { "schema": schema } } } } } })
    };
    let document = json!({ "openapi": "3.0.3", "paths": {
        "/wards": answer(&["ward", "main_diagnosis_code", "ward_medication"]),
        "/beds": answer(&["ward", "prior_arrests_share"]),
        "/patients": answer(&["ward"]),
        "/v1/employees/": answer(&["ward"]),
        "/all-users": answer(&["ward"]),
        "/labels": answer(&["ward"]),
        "/patients/labels": answer(&["ward"]),
    } });
    let api = api(&document).unwrap();
    let mut open: Vec<String> = api
        .operations
        .iter()
        .filter(|operation| operation.payload.is_none())
        .map(|operation| operation.route())
        .collect();
    open.sort();
    assert_eq!((open, api.operations.len()), (vec!["GET /labels".into(), "GET /patients/labels".into()], 7));
}
