//! Drafts as a whole: they parse back, whatever an API calls its fields, and lack only what people must say.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::{self, Code, PolicySet};

/// A folder as `import` writes it, and what the reader finds in it.
fn written(document: &Value, said: &Said) -> (Vec<Drafted>, PolicySet, Vec<policy::Diagnostic>) {
    let folder = tempfile::tempdir().unwrap();
    let api = openapi::api(document).unwrap();
    let drafts: Vec<Drafted> =
        groups(&api, None, &[]).iter().map(|group| activity(group, "a test", "api", said)).collect();
    for drafted in &drafts {
        let write = |name: String, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(format!("{}.yaml", drafted.name), &drafted.policy);
        drafted.cases.iter().for_each(|cases| write(format!("{}.cases.yaml", drafted.name), cases));
    }
    let (text, _) = organisation(said, "own-it", true);
    fs::write(folder.path().join("organisation.yaml"), text).unwrap();
    let read = policy::read(folder.path());
    (drafts, read.set, read.found)
}

fn all_said() -> Said {
    let text = |text: &str| Some(text.to_owned());
    Said {
        purpose: text("service"),
        says: text("to serve you"),
        legal_basis: text("contract"),
        retention: text("30d after exchange"),
        controller: text("Example SA"),
        address: text("1 rue de l'Exemple"),
        contact: text("privacy@example.org"),
        country: text("FR"),
        ..Said::default()
    }
}

fn document(fields: BTreeMap<String, Value>) -> Value {
    let required: Vec<&String> = fields.keys().collect();
    let body = json!({ "type": "object", "required": required, "properties": fields });
    json!({ "openapi": "3.1.0", "paths": { "/score": { "post": {
        "requestBody": { "content": { "application/json": { "schema": body } } },
        "responses": { "200": { "content": { "application/json": { "schema": body } } } },
    } }, "/health": { "get": {} } } })
}

#[test]
fn nothing_of_a_draft_is_served_and_each_guess_is_reported_where_it_stands() {
    let fields = [
        ("customer_id", json!({ "type": "string" })),
        ("email", json!({ "type": "string", "format": "email" })),
        ("age", json!({ "type": "integer", "minimum": 0 })),
    ];
    let fields = fields.map(|(name, schema)| (name.to_owned(), schema));
    let (drafts, set, found) = written(&document(fields.into()), &Said::default());
    assert!(policy::has_errors(&found));
    let proposed: Vec<&policy::Diagnostic> =
        found.iter().filter(|found| found.code == Code::Proposed).collect();
    // One for each file, organisation.yaml's recipient too.
    assert_eq!(proposed.len(), 2, "{proposed:?}");
    assert!(proposed.iter().all(|found| set.sources.text(found.span.unwrap()) == "proposed"));
    let told = format!("{} places of this file", drafts[0].guesses);
    assert!(proposed.iter().any(|found| found.message.starts_with(&told)), "{proposed:?}");
    let marked: Vec<Proposed> = super::proposed(&drafts[0].policy).unwrap();
    for place in
        ["title", "data_subject", "routes.POST /score", "routes.POST /score.access", "request.fields.email"]
    {
        assert!(marked.iter().any(|marked| marked.place == place), "{place}: {marked:?}");
    }
    assert!(marked.iter().all(|marked| marked.line.1.contains("# proposed 0.")), "{marked:?}");
    assert_eq!(drafts[0].holes, ["purpose", "legal_basis", "retention"]);
    assert!(drafts[0].policy.starts_with("# yaml-language-server: $schema=schema/activity.schema.json\n"));
    assert!(drafts[0].policy.lines().all(|line| line.chars().count() <= 120), "{}", drafts[0].policy);
}

#[test]
fn what_people_said_and_accepted_is_whole() {
    let fields = [
        ("patient_id", json!({ "type": "string", "maxLength": 40 })),
        ("diagnosis", json!({ "type": "string" })),
    ];
    let fields = fields.map(|(name, schema)| (name.to_owned(), schema));
    let (drafts, _, _) = written(&document(fields.clone().into()), &all_said());
    assert_eq!(drafts[0].holes, ["art9_condition"]);
    let said = Said { art9_condition: Some("health_care".into()), ..all_said() };
    let (drafts, _, _) = written(&document(fields.into()), &said);
    assert!(drafts[0].holes.is_empty());
    let policy = accept(&drafts[0].policy, |_| true).unwrap();
    assert!(!policy.contains("proposed") && !policy.contains("in force"), "{policy}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(format!("{}.yaml", drafts[0].name)), policy).unwrap();
    fs::write(
        folder.path().join(format!("{}.cases.yaml", drafts[0].name)),
        drafts[0].cases.as_ref().unwrap(),
    )
    .unwrap();
    let (text, holes) = organisation(&all_said(), "own-it", true);
    assert!(holes.is_empty());
    fs::write(folder.path().join("organisation.yaml"), accept(&text, |_| true).unwrap()).unwrap();
    let read = policy::read(folder.path());
    assert!(!policy::has_errors(&read.found), "{:?}", read.found);
    // What `consentry access` gives as its reason, if nobody says another.
    let organisation = read.set.organisation.unwrap();
    let reasons: Vec<&str> = organisation.reasons.iter().map(|reason| reason.value.as_str()).collect();
    assert_eq!(reasons, [policy::DATA_SUBJECT_REQUEST]);
}

/// A draft of a call with rows that name customers, and this answer.
fn of_rows(answer: Value) -> Drafted {
    let row = json!({ "type": "object", "required": ["customer_id"], "properties": { "customer_id": { "type": "string" } } });
    let body = json!({ "type": "object", "required": ["rows", "model"], "properties": {
        "rows": { "type": "array", "items": row }, "model": { "type": "string" } } });
    let document = json!({ "openapi": "3.1.0", "paths": { "/score": { "post": {
        "requestBody": { "content": { "application/json": { "schema": body } } },
        "responses": { "200": { "content": { "application/json": { "schema": answer } } } } } } } });
    let (mut drafts, _, found) = written(&document, &all_said());
    assert!(
        found
            .iter()
            .all(|found| found.code == Code::Proposed || !policy::has_errors(std::slice::from_ref(found))),
        "{found:?}"
    );
    drafts.remove(0)
}

#[test]
fn rows_are_each_somebodys_where_one_list_can_be_taken_for_them() {
    let numbers = json!({ "type": "array", "items": { "type": "number" } });
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    for answer in [json!({ "scores": numbers }), json!({ "count": { "type": "number" } })] {
        let policy = of_rows(object(answer)).policy;
        assert!(policy.contains("data_subject: \"rows.rows[*].customer_id\""), "{policy}");
        assert!(policy.contains("on_behalf_of: score-for-others"), "{policy}");
        let whole = policy.lines().find(|line| line.trim_start().starts_with("model:")).unwrap();
        assert!(whole.contains("stored: leave_out"), "what is of all rows is kept for none: {whole}");
    }
    let drafted = of_rows(object(json!({ "scores": numbers, "reasons": numbers })));
    assert!(drafted.policy.contains("data_subject: token.sub"), "{}", drafted.policy);
    assert!(drafted.notes.iter().any(|note| note.contains("no list is kept")), "{:?}", drafted.notes);
    let kept = drafted.policy.matches("stored: encrypted").count();
    assert_eq!(kept, 1, "the model alone: {}", drafted.policy);
}

#[test]
fn a_case_shows_of_a_number_in_a_path_that_it_is_another() {
    let number = json!({ "type": "integer" });
    let document = json!({ "openapi": "3.1.0", "paths": { "/v1/tenants/{tenant_id}": { "get": {
        "parameters": [
            { "in": "path", "name": "tenant_id", "required": true, "schema": number },
            { "in": "query", "name": "applicant_id", "required": true, "schema": number },
        ],
        "responses": { "200": { "content": { "application/json": { "schema": { "type": "object", "properties": { "score": number } } } } } },
    } } } });
    let (drafts, _, _) = written(&document, &all_said());
    assert!(drafts[0].policy.contains("pseudonymize: { as: integer }"), "{}", drafts[0].policy);
    let cases = drafts[0].cases.as_ref().unwrap();
    assert!(cases.contains(r#"path: "/v1/tenants/1?applicant_id=1""#), "{cases}");
    assert!(cases.contains(r#"path: { matches: "^/v1/tenants/[0-9]{6,}$" }"#), "{cases}");
    assert!(cases.contains(r#"applicant_id: { matches: "^[0-9]{6,}$" }"#), "{cases}");
}

#[test]
fn what_a_person_can_declare_is_not_said_to_need_another_api() {
    let decimal = json!({ "anyOf": [{ "type": "number" }, { "type": "string", "pattern": "^[0-9.]+$" }] });
    let map = json!({ "type": "object", "additionalProperties": { "type": "number" } });
    let drafted = |field: &Value| {
        let fields = [("amount".to_owned(), field.clone()), ("plan".to_owned(), json!({ "type": "string" }))];
        let policy = written(&document(fields.into()), &all_said()).0.remove(0).policy;
        let comments = policy.lines().filter_map(|line| line.trim_start().strip_prefix("# "));
        comments.collect::<Vec<_>>().join(" ")
    };
    for (field, told) in [(decimal, "Declare it under `request.fields`"), (map, "Change the API")] {
        let said = drafted(&field);
        let both = ["Declare it under", "Change the API"].map(|told| said.contains(told));
        assert!(said.contains(told) && both != [true, true], "{said}");
    }
}

fn schema() -> impl Strategy<Value = Value> {
    let text = proptest::option::of("(\\PC|[\"'\\\\:#\\n\\t{}\\[\\],&*!|>%@`]){0,12}");
    prop_oneof![
        Just(json!({ "type": "integer", "minimum": 1 })),
        Just(json!({ "type": "number", "maximum": 0.5 })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "type": "array", "items": { "type": "string" } })),
        text.prop_map(|text| match text {
            Some(text) => json!({ "type": "string", "enum": [text], "description": text }),
            None => json!({ "type": ["string", "null"], "pattern": "^[\"'#\\n: ]+$" }),
        }),
        "\\PC{0,20}".prop_map(|text| json!({ "type": "string", "description": text, "example": text })),
        "[a-z\"'#\\n: -]{1,9}"
            .prop_map(|name| json!({ "type": "object", "properties": { name: { "type": "string" } } })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_names_a_draft_reads_back(
        fields in proptest::collection::btree_map("(\\PC|[\"'\\\\:#\\n\\r\\t{}\\[\\],&*!|>%@`?.-]|[\u{2028}\u{feff}\u{202e}]){0,24}", schema(), 1..6)
    ) {
        let names: Vec<String> = fields.keys().cloned().collect();
        let (drafts, set, found) = written(&document(fields), &all_said());
        // What is wrong is only that it is proposed, or that a special category needs its condition.
        let other: Vec<_> = found.iter().filter(|found| found.code.severity() == policy::Severity::Error).filter(|found| !matches!(found.code, Code::Proposed | Code::WrongValue)).collect();
        prop_assert!(other.is_empty(), "{:?}\n{}", other, drafts[0].policy);
        let activity = &set.activities[0];
        // Every field is there under its own name, or noted.
        let members: Vec<String> = activity.request.as_ref().unwrap().fields.iter().filter_map(|field| match field.path.as_ref().unwrap().steps().first() {
            Some(crate::payload::Step::Member(name)) => Some(name.to_string()),
            _ => None,
        }).collect();
        for name in names {
            prop_assert!(members.contains(&name) || !drafts[0].notes.is_empty(), "{name:?}\n{}", drafts[0].policy);
        }
        // And what is accepted reads back as well.
        let accepted = accept(&drafts[0].policy, |_| true).unwrap();
        prop_assert!(proposed(&accepted).unwrap().is_empty());
    }
}
