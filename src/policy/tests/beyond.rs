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
        let set = crate::policy::read(folder.path()).set;
        let at = crate::policy::units::end_of(crate::policy::units::date(day).unwrap());
        crate::policy::due(&set, at).into_iter().map(|due| due.code).collect::<Vec<_>>()
    };
    assert_eq!(on("2026-05-30"), []);
    assert_eq!(on("2026-05-31"), [Code::TransferExpires]);
    assert_eq!(on("2026-06-29"), [Code::TransferExpires]);
    assert_eq!(on("2026-06-30"), [Code::TransferExpired]);
}

/// The shipped activity with a route by customer, without a body.
fn by_customer(path: &str, query: &str, headers: &str) -> Folder {
    let route = format!(
        "routes:\n  - match: GET /favourites/{{customer}}\n    payload: none\n    path: {{ customer: {path} }}\n    query: {query}\n    headers: {headers}\n    access: {{ all_scopes: [predict], on_behalf_of: others }}\n"
    );
    let start = "routes:\n";
    Folder::shipped().change(ACTIVITY, start, &route)
}

#[test]
fn parameters_are_asked_what_fields_are_asked() {
    const PATH: &str = "{ category: pd:Identifier, type: string, upstream: pseudonymize, stored: encrypted }";
    let token = |folder: Folder| folder.change(ACTIVITY, ", on_behalf_of: others", "");
    assert_eq!(token(by_customer(PATH, "{}", "{}")).lines(), "");
    assert_eq!(
        by_customer(PATH, "{}", "{}")
            .change(ACTIVITY, "data_subject: token.sub", "data_subject: path.customer")
            .change(
                ACTIVITY,
                "  - match: POST /predict/",
                "  - match: POST /predict/{customer}\n    path: { customer: { category: pd:Identifier, type: string, upstream: pseudonymize, stored: encrypted } }"
            )
            .lines(),
        ""
    );
    let mut text = String::new();
    for (path, query, headers) in [
        ("{ category: pd:Identifier, type: string }", "{}", "{}"),
        ("{ category: pd:Identifier, type: string, upstream: leave_out, stored: encrypted }", "{}", "{}"),
        ("{ category: pd:Identifier, type: string, upstream: unchanged, stored: encrypted }", "{}", "{}"),
        (
            "{ category: pd:Identifier, type: string, upstream: { redact: a/b }, stored: leave_out }",
            "{}",
            "{}",
        ),
        (PATH, "{ mail: { category: pd:EmailAdress, type: string, upstream: tokenise } }", "{}"),
        (PATH, "{ age: { category: pd:Age, type: integer, upstream: { generalize: { prefix: 2 } } } }", "{}"),
        (PATH, "{ gender: { category: pd:SexualPreference, type: string, upstream: unchanged } }", "{}"),
        (PATH, "{ number: { type: integer, upstream: pseudonymize } }", "{}"),
        (
            PATH,
            "{ page: { type: integer, upstream: unchanged, export: unchanged, caller: unchanged } }",
            "{}",
        ),
        (PATH, "{ name: { type: string, sanitize: text, nullable: true, upstream: leave_out } }", "{}"),
        (PATH, "{}", "{ x-who: { type: string, upstream: { mask: { keep_last: 2 } } } }"),
        (PATH, "{}", "{ x-who: { type: string, upstream: { redact: \"caf\u{e9}\" } } }"),
    ] {
        let lines = token(by_customer(path, query, headers)).lines();
        text.push_str(&format!("# path {path}, query {query}, headers {headers}\n{lines}\n"));
    }
    for (name, folder) in [
        (
            "a recipient of pseudonyms",
            token(by_customer(&PATH.replace("pseudonymize,", "unchanged, justification: agreed,"), "{}", "{}"))
                .change(ACTIVITY, "upstream: favourites-model", "upstream: us-model"),
        ),
        (
            "a person whom not every route names",
            by_customer(PATH, "{}", "{}").change(ACTIVITY, "data_subject: token.sub", "data_subject: path.customer"),
        ),
        (
            "a person who may be missing",
            by_customer(PATH, "{ who: { type: string, required: false } }", "{}")
                .change(ACTIVITY, "data_subject: token.sub", "data_subject: query.who"),
        ),
        (
            "a person in a body that there is not",
            by_customer(PATH, "{}", "{}").change(ACTIVITY, "data_subject: token.sub", "data_subject: body.email"),
        ),
        (
            "a field of a parameter's name",
            token(by_customer(PATH, "{}", "{}"))
                .change(ACTIVITY, "    prediction: {", "    path.customer: { type: string, caller: unchanged }\n    prediction: {"),
        ),
        (
            "where nothing is forwarded",
            Folder::shipped().change(
                "favourites-access.yaml",
                "path: { user_id: { type: integer, range: 0.. } }",
                "path: { user_id: { type: integer, range: 0.., category: pd:Identifier, upstream: pseudonymize, stored: leave_out } }",
            ),
        ),
        (
            "a header of an answer",
            Folder::shipped().change(ACTIVITY, "response:\n", "response:\n  headers: { x-model: { type: string, upstream: unchanged } }\n"),
        ),
    ] {
        text.push_str(&format!("# {name}\n{}\n", folder.lines()));
    }
    assert_snapshot!("parameters", text);
}
