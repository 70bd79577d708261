//! What goes beyond the fields: conditions, schemas, transfers.

use insta::assert_snapshot;

use super::support::Folder;
use crate::policy::Code;

const ACTIVITY: &str = "favourites.yaml";
const ORGANISATION: &str = "organisation.yaml";

#[test]
fn a_condition_is_underlined_where_it_makes_no_sense() {
    let access = |when: &str| {
        let access = format!("access: {{ all_scopes: [predict], when: {when} }} ");
        Folder::shipped().change(ACTIVITY, "access: { all_scopes: [predict] } ", &access)
    };
    let caller =
        |caller: &str| Folder::shipped().change(ACTIVITY, "caller: unchanged", &format!("caller: {caller}"));
    for good in ["\"'a' in caller.scopes\"", "'caller.claims.department == \"care\"'", "now.hour < 18"] {
        assert_eq!(access(good).lines(), "", "{good}");
    }
    for good in [
        "{ all_scopes: [detail] }",
        "{ any_scope: [detail, admin], otherwise: redact }",
        "{ when: \"caller.kind == 'person'\", then: unchanged, otherwise: { mask: { keep_last: 2 } } }",
    ] {
        assert_eq!(caller(good).lines(), "", "{good}");
    }
    let mut text = String::new();
    for when in [
        "\"caller.scopes.exists(s, s == detail)\"",
        "\"caller.clams.department == 'care'\"",
        "\"query.depth > 3\"",
        "\"caller.kind = 'person'\"",
        "\"caller.claims.age > 30 && request.method == 3\"",
        "\"caller.kind ==\\x20'person' && body.age > 3\"",
        "true && body.age > 3",
        "[a]",
    ] {
        text.push_str(&format!("# access, when: {when}\n{}\n", access(when).lines()));
    }
    for gate in [
        "{ then: unchanged }",
        "{ all_scopes: [detail], then: refuse_if_present }",
        "{ when: \"query.depth > 3\" }",
        "{ all_scopes: [detail], else: leave_out }",
        "{ all_scopes: [detail], otherwise: { generalize: { bands_of: 10 } } }",
    ] {
        text.push_str(&format!("# caller: {gate}\n{}\n", caller(gate).lines()));
    }
    let category = Folder::shipped().change(
        ORGANISATION,
        "pd:Name:         { upstream: leave_out, stored: encrypted }",
        "pd:Name:         { upstream: leave_out, caller: { all_scopes: [detail] }, stored: encrypted }",
    );
    text.push_str(&format!("# of a category\n{}\n", category.lines()));
    assert_snapshot!("conditions", text);
}

#[test]
fn a_schema_is_shown_where_it_is_broken() {
    let named = |schema: &str| {
        Folder::shipped()
            .change(ACTIVITY, "request:\n", "request:\n  schema: whole.json\n")
            .with("whole.json", schema)
            .with("part.json", r#"{ "type": "object" }"#)
    };
    assert_eq!(named(r#"{ "allOf": [{ "$ref": "part.json" }] }"#).lines(), "");
    let mut text = String::new();
    for (name, schema) in [
        ("not JSON", "{\n  \"type\": \"object\",\n  \"required\": [\"age\",]\n}\n"),
        ("an unknown type", "{\n  \"properties\": {\n    \"age\": { \"type\": \"nummer\" }\n  }\n}\n"),
        ("a pattern of no linear time", "{\n  \"patternProperties\": { \"^(?=x)\": true }\n}\n"),
        ("an unknown format", "{ \"properties\": { \"email\": { \"format\": \"mail\" } } }"),
        ("another draft", "{ \"$schema\": \"http://json-schema.org/draft-07/schema#\" }"),
        ("a reference to the net", "{ \"items\": { \"$ref\": \"https://example.org/s.json\" } }"),
        ("a reference out of the folder", "{ \"$ref\": \"../secret.json\" }"),
        ("a reference to what is not there", "{ \"$ref\": \"#/$defs/visit\" }"),
    ] {
        text.push_str(&format!("# {name}\n{}\n", named(schema).lines()));
    }
    for (name, file) in
        [("no file", "none.json"), ("a way out", "../whole.json"), ("a policy", "favourites.yaml")]
    {
        let folder =
            Folder::shipped().change(ACTIVITY, "request:\n", &format!("request:\n  schema: {file}\n"));
        text.push_str(&format!("# {name}\n{}\n", folder.lines()));
    }
    let placed = Folder::shipped().change(
        ACTIVITY,
        "activity: favourites ",
        "schema: whole.json\nactivity: favourites ",
    );
    text.push_str(&format!("# of no body\n{}\n", placed.lines()));
    assert_snapshot!("schemas", text);
}

#[test]
fn a_transfer_is_warned_of_before_its_end_and_refused_after() {
    let folder = Folder::shipped().change(
        ORGANISATION,
        "country: DE",
        "country: IN, transfer_instrument: scc, transfer_valid_until: 2026-06-30",
    );
    let on = |day: &str| {
        let set = crate::policy::load(folder.path()).unwrap().0;
        let at = crate::policy::units::end_of(crate::policy::units::date(day).unwrap());
        crate::policy::due(&set, at).into_iter().map(|due| due.code).collect::<Vec<_>>()
    };
    assert_eq!(on("2026-05-30"), []);
    assert_eq!(on("2026-05-31"), [Code::TransferExpires]);
    assert_eq!(on("2026-06-29"), [Code::TransferExpires]);
    assert_eq!(on("2026-06-30"), [Code::TransferExpired]);
}
