//! Whole exchanges under policies that the shipped ones do not show.

mod detect;
mod made_up;
mod patterns;
mod stored;

use std::fs;
use std::path::Path;

use super::examples::{STANDING, STANDING_CASES};
use super::setting::Setting;
use super::*;
use crate::plan::{Covers, Loaded};
use crate::{config, plan};

/// Legitimate interests, so that nothing but an objection or a restriction stops a call; the person stands in the body.
const SCORING: &str = r#"
activity: scoring
title: Scoring
purpose: product-recommendation
legal_basis: legitimate_interests
assessment: LIA-1
data_subject_categories: [customers]
data_subject: body.customer
retention: 30d after exchange
upstream: favourites-model
routes:
  - match: POST /score/
    payload: json
    access: { all_scopes: [predict], on_behalf_of: behalf }
    rate_limit: { rate: 1/h, burst: 2, per: caller }
    query: { tag: { type: string, required: false } }
  - match: GET /status
    personal_data: none
    access: { any_scope: [watch, operate] }
    rate_limit: { rate: 1/h, burst: 1, per: address }
request:
  fields:
    customer: { category: pd:Identifier, type: string, length: 1..60, upstream: pseudonymize, stored: encrypted }
response:
  fields:
    score: { type: integer, caller: unchanged, stored: encrypted }
"#;

const SCORING_CASES: &str = r#"
- case: acting for a customer
  given: { token: { sub: robot, client_id: robot, scopes: [predict, behalf] } }
  send: { method: POST, path: "/score/?tag=a;b=c", json: { customer: ada } }
  upstream_sees: { customer: { matches: "^p1_" } }
  caller_gets: { status: 200 }
- case: two spellings of a number would be two persons
  given: { token: { sub: robot, client_id: robot, scopes: [predict, behalf] } }
  send: { method: POST, path: /score/, text: '{"customer": -0}' }
  caller_gets: { status: 422, problem: field-invalid }
  upstream_sees: nothing
- case: a route without personal data asks for the scopes that its policy names
  send: { method: GET, path: /status }
  caller_gets: { status: 401, problem: authentication-required }
  upstream_sees: nothing
- case: and refuses whoever lacks them
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: GET, path: /status }
  caller_gets: { status: 403, problem: scope-missing }
  upstream_sees: nothing
- case: and serves whoever has one
  given: { token: { sub: ada, scopes: [operate] } }
  send: { method: GET, path: /status }
  caller_gets: { status: 200 }
- case: its limit holds
  given:
    exchanges: [ { token: { sub: ada, scopes: [watch] }, send: { method: GET, path: /status } } ]
    token: { sub: ada, scopes: [watch] }
  send: { method: GET, path: /status }
  caller_gets: { status: 429, problem: rate-limited }
  upstream_sees: nothing
"#;

/// An activity that is asked without a body.
const LATEST: &str = r#"
activity: latest
title: The latest score
purpose: product-recommendation
legal_basis: contract
data_subject_categories: [customers]
data_subject: token.sub
retention: 30d after exchange
upstream: favourites-model
routes:
  - match: GET /latest/{model}
    payload: json
    access: { all_scopes: [predict] }
    path: { model: { type: string, length: 1..20 } }
response:
  fields:
    score: { type: integer, caller: unchanged, stored: encrypted }
"#;

const LATEST_CASES: &str = r#"
- case: a call without a body is a whole one
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: GET, path: /latest/a }
  upstream_answers: { status: 200, json: { score: 7 } }
  caller_gets: { status: 200, json: { score: 7 } }
  stored: { score: 7 }
- case: with a body that nobody declared it is refused
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: GET, path: /latest/a, json: { who: bob } }
  caller_gets: { status: 422, problem: field-not-permitted }
  upstream_sees: nothing
"#;

/// Tensors, in calls and answers.
const TENSORS: &str = r#"
activity: tensors
title: Scoring rows
purpose: product-recommendation
legal_basis: contract
data_subject_categories: [customers]
data_subject: token.sub
retention: 30d after exchange
upstream: favourites-model
routes:
  - match: POST /v2/models/tensors/infer
    payload: kserve-v2
    access: { all_scopes: [predict] }
request:
  fields:
    account: { category: pd:AccountIdentifier, type: integer, upstream: { pseudonymize: { as: string } }, stored: leave_out }
    "spent[*]": { category: pd:Purchase, type: number, upstream: unchanged, stored: leave_out }
response:
  fields:
    score: { type: number, range: 0..1, caller: unchanged, stored: leave_out }
    "words[*]": { type: string, caller: unchanged, stored: leave_out }
"#;

const TENSORS_CASES: &str = r#"
- case: a column of numbers is one of texts once they are pseudonyms
  given: { token: { sub: ada, scopes: [predict] } }
  send:
    method: POST
    path: /v2/models/tensors/infer
    json:
      id: ada
      inputs:
        - { name: spent, shape: [1, 2], datatype: FP32, data: [[1.5, 2]] }
        - { name: account, shape: [1], datatype: INT64, data: [4711] }
  upstream_sees:
    inputs:
      - { name: spent, shape: [1, 2], datatype: FP32, data: [[1.5, 2]] }
      - { name: account, shape: [1], datatype: BYTES, data: [ { matches: "^p1_" } ] }
  caller_gets:
    status: 200
    json:
      outputs:
        - { name: score, shape: [1], datatype: INT64, data: [1] }
        - { name: words, shape: [1, 1], datatype: BYTES, data: [text] }
- case: what is no tensor is refused
  given: { token: { sub: ada, scopes: [predict] } }
  send:
    method: POST
    path: /v2/models/tensors/infer
    json: { inputs: [ { name: account, shape: [2], datatype: INT64, data: [4711] } ] }
  caller_gets: { status: 415, problem: payload-not-inspectable }
  upstream_sees: nothing
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(shipped.join("policies/organisation.yaml"), policies.join("organisation.yaml")).unwrap();
    fs::copy(shipped.join("consentry.example.yaml"), folder.path().join("consentry.yaml")).unwrap();
    for (name, text) in [
        ("scoring.yaml", SCORING),
        ("scoring.cases.yaml", SCORING_CASES),
        ("latest.yaml", LATEST),
        ("latest.cases.yaml", LATEST_CASES),
        ("tensors.yaml", TENSORS),
        ("tensors.cases.yaml", TENSORS_CASES),
        ("standing.yaml", STANDING),
        ("standing.cases.yaml", STANDING_CASES),
    ] {
        fs::write(policies.join(name), text).unwrap();
    }
    folder
}

fn read(folder: &Path) -> (Config, Plan, PolicySet) {
    let (config, _) = config::load(&folder.join("consentry.yaml")).unwrap();
    let Loaded { plan, set, warnings } =
        plan::load(&config.policies, &config.deployment()).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(warnings.errors(), 0);
    (config, plan, set)
}

#[tokio::test]
async fn what_a_policy_says_holds_on_every_kind_of_route() {
    let folder = folder();
    let (config, plan, set) = read(folder.path());
    let (verdicts, coverage) = run(&config, &plan, &set, |_| {}).await.unwrap();
    assert_eq!(verdicts.len(), 13);
    for Verdict { case, faults, .. } in verdicts {
        assert!(faults.is_empty(), "{case}: {faults:?}");
    }
    let actions = || {
        coverage.items().iter().filter(|item| &*item.activity == "standing" && item.covers == Covers::Action)
    };
    let short: Vec<_> = actions().filter(|item| !item.covered).map(|item| &item.what).collect();
    assert!(actions().count() == 9 && short.is_empty(), "{} {short:?}", actions().count());
}

/// GDPR Art. 5(1)(c): whoever is refused leaves no key and no reference behind, however often they come; and a limit
/// holds before a refusal is written down.
#[tokio::test]
async fn a_refusal_mints_nothing_and_is_limited() {
    let folder = folder();
    let cases = r#"
- case: a field that nobody declared
  given: { token: { sub: robot, client_id: robot, scopes: [predict, behalf] } }
  send: { method: POST, path: /score/, json: { customer: ada, more: 1 } }
  caller_gets: { status: 422 }
- case: a scope that is missing
  given: { token: { sub: thief, client_id: thief, scopes: [other] } }
  send: { method: POST, path: /score/, json: { customer: ada } }
  caller_gets: { status: 403, problem: scope-missing }
"#;
    fs::write(folder.path().join("policies/scoring.cases.yaml"), cases).unwrap();
    let (config, _, set) = read(folder.path());
    let file = set.cases.iter().find(|file| file.activity == "scoring").unwrap();
    let [undeclared, scope] = &file.cases[..] else { panic!("two cases") };

    let mut setting = Setting::new(&config, undeclared).await.unwrap();
    assert_eq!(setting.act(undeclared).await.unwrap().status, 422);
    let entries = setting.store().audit_entries(1, 100).await.unwrap();
    let texts: Vec<String> =
        entries.iter().map(|entry| String::from_utf8(entry.encoded.clone()).unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains("field-not-permitted")), "{texts:?}");
    assert!(texts.iter().all(|text| !text.contains("key-minted")), "{texts:?}");

    let statuses = [
        setting.act(scope).await.unwrap().status,
        setting.act(scope).await.unwrap().status,
        setting.act(scope).await.unwrap().status,
    ];
    assert_eq!(statuses, [403, 403, 429]);
    let refusals = setting.store().audit_entries(1, 100).await.unwrap();
    let refusals =
        refusals.iter().filter(|entry| String::from_utf8_lossy(&entry.encoded).contains("scope-missing"));
    assert_eq!(refusals.count(), 2);
    setting.close().await;
}

/// A withdrawal in a namespace that nobody's credential has would be answered as done, and bind nobody.
#[tokio::test]
async fn a_namespace_that_no_credential_has_is_a_mistake() {
    let folder = folder();
    let (config, _, set) = read(folder.path());
    let case = &set.cases.first().unwrap().cases[0];
    let setting = Setting::new(&config, case).await.unwrap();
    let withdraw = |namespace: &str| crate::admin::Command::ConsentWithdraw {
        person: crate::admin::PersonId {
            namespace: namespace.to_owned(),
            identifier: "ada".to_owned().into(),
        },
        purpose: "product-recommendation".to_owned(),
        method: "api".to_owned(),
    };
    let refused = setting.office().carry_out(withdraw("custmers")).await.unwrap_err();
    assert!(refused.is_asked_wrong() && refused.to_string().contains("customers"), "{refused}");
    assert!(setting.office().carry_out(withdraw("customers")).await.unwrap().done);
    setting.close().await;
}

/// Activities whose bodies are no JSON, with cases that cover all of them.
const BODIES: &[(&str, &str, &str)] = &[
    (
        "table",
        r#"
    payload: csv
request:
  fields:
    email:  { category: pd:EmailAddress, type: string, format: email, upstream: pseudonymize, stored: leave_out }
    note:   { category: pd:Opinion, type: string, required: false, upstream: leave_out, stored: leave_out }
    visits: { category: pd:Purchase, type: integer, upstream: unchanged, stored: leave_out }
response:
  fields:
    score: { type: integer, caller: unchanged, stored: leave_out }
"#,
        r#"
- case: columns go and rows are realigned
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /table, text: "note,visits,email\nso,7,ada@example.org\n,8,bob@example.org\n" }
  upstream_sees: { matches: "^visits,email\n7,p1_[0-9a-z]{26}\n8,p1_[0-9a-z]{26}\n$" }
  caller_gets: { status: 200, text: "\"score\"\n1\n1\n" }
- case: an answer is a table too
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /table, text: "visits,email\n7,ada@example.org\n" }
  upstream_answers: { text: "score\n42\n" }
  caller_gets: { status: 200, text: "score\n42\n" }
- case: what is no table is refused
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /table, text: "visits,email\n7\n" }
  caller_gets: { status: 415, problem: payload-not-inspectable }
  upstream_sees: nothing
- case: JSON is no table
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /table, json: { visits: 7 } }
  caller_gets: { status: 415, problem: payload-not-inspectable }
"#,
    ),
    (
        "parts",
        r#"
    payload: multipart
request:
  fields:
    patient: { category: pd:Identifier, type: string, upstream: pseudonymize, stored: leave_out }
    report:  { category: pd:Opinion, type: file, length: ..1KiB, media: [application/pdf], upstream: unchanged, stored: leave_out }
response:
  fields:
    score: { type: integer, caller: unchanged, stored: leave_out }
"#,
        r#"
- case: a file travels under the name of its field
  given: { token: { sub: ada, scopes: [predict] } }
  send:
    method: POST
    path: /parts
    text: |
      --x
      Content-Disposition: form-data; name="patient"

      4711
      --x
      Content-Disposition: form-data; name="report"; filename="Ada King.pdf"
      Content-Type: application/pdf

      %PDF-1.7
      --x--
  upstream_sees:
    matches: '(?s)^--boundary.*name="patient"\n\np1_[0-9a-z]{26}\n--boundary.*name="report"; filename="report.pdf"\nContent-Type: application/pdf\n\n%PDF-1.7\n--boundary--\n$'
  caller_gets: { status: 200, json: { score: 1 } }
- case: a file that is no text
  given: { token: { sub: ada, scopes: [predict] } }
  send:
    method: POST
    path: /parts
    parts: [ { name: patient, text: 4711 }, { name: report, media: application/pdf, base64: "JVBE Ri3/" } ]
  upstream_sees:
    matches: '(?s)^--boundary.*name="report"; filename="report.pdf"\nContent-Type: application/pdf\n\n%PDF-\x{fffd}\n--boundary--\n$'
  caller_gets: { status: 200, json: { score: 1 } }
- case: a file of another beginning
  given: { token: { sub: ada, scopes: [predict] } }
  send:
    method: POST
    path: /parts
    parts: [ { name: patient, text: 4711 }, { name: report, media: application/pdf, text: boundary0 } ]
  upstream_sees: nothing
  caller_gets: { status: 422, problem: field-invalid }
- case: a file of no media type
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /parts, parts: [ { name: patient, text: 4711 }, { name: report, base64: JVBERi3/ } ] }
  upstream_sees: nothing
  caller_gets: { status: 422, problem: field-invalid }
"#,
    ),
    (
        "plain",
        r#"
    payload: text
request:
  fields:
    text: { category: pd:Opinion, type: string, upstream: { redact: "(a text)" }, stored: encrypted }
response:
  fields:
    text: { type: string, caller: unchanged, stored: leave_out }
"#,
        r#"
- case: a text
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /plain, text: "I am Ada." }
  upstream_answers: { text: 42 }
  upstream_sees: "(a text)"
  caller_gets: { status: 200, text: 42 }
  stored: { text: I am Ada. }
"#,
    ),
    (
        "lines",
        r#"
    payload: { request: ndjson, response: ndjson }
request:
  fields:
    age: { category: pd:Age, type: integer, upstream: { generalize: { bands_of: 10 } }, stored: leave_out }
response:
  fields:
    score: { type: integer, caller: unchanged, stored: leave_out }
"#,
        r#"
- case: lines
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /lines, text: "{\"age\":36}\n{\"age\":41}\n" }
  upstream_sees: "{\"age\":30}\n{\"age\":40}\n"
  caller_gets: { status: 200, text: "{\"score\":1}\n{\"score\":1}\n" }
"#,
    ),
    (
        "pairs",
        r#"
    payload: form
request:
  fields:
    age: { category: pd:Age, type: integer, upstream: { generalize: { bands_of: 10 } }, stored: leave_out }
response:
  fields:
    score: { type: integer, caller: unchanged, stored: leave_out }
"#,
        r#"
- case: pairs
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /pairs, text: age=36 }
  upstream_sees: age=30
  caller_gets: { status: 200, json: { score: 1 } }
"#,
    ),
];

#[tokio::test]
async fn bodies_of_every_format_are_sent_shown_and_counted() {
    let folder = folder();
    let policies = folder.path().join("policies");
    for name in ["scoring", "latest", "tensors"] {
        fs::remove_file(policies.join(format!("{name}.yaml"))).unwrap();
        fs::remove_file(policies.join(format!("{name}.cases.yaml"))).unwrap();
    }
    for (name, rest, cases) in BODIES {
        let head = format!(
            "activity: {name}\ntitle: Bodies\npurpose: product-recommendation\nlegal_basis: contract\n\
             data_subject_categories: [customers]\ndata_subject: token.sub\nretention: 30d after exchange\n\
             upstream: favourites-model\nroutes:\n  - match: POST /{name}\n    access: {{ all_scopes: [predict] }}"
        );
        fs::write(policies.join(format!("{name}.yaml")), format!("{head}{rest}")).unwrap();
        fs::write(policies.join(format!("{name}.cases.yaml")), cases).unwrap();
    }
    let (config, plan, set) = read(folder.path());
    let (verdicts, coverage) = run(&config, &plan, &set, |_| {}).await.unwrap();
    assert_eq!(verdicts.len(), 14);
    for Verdict { case, faults, .. } in verdicts {
        assert!(faults.is_empty(), "{case}: {faults:?}");
    }
    let short: Vec<&str> = coverage
        .short()
        .filter(|item| item.covers != Covers::Refusal)
        .map(|item| item.what.as_str())
        .collect();
    // Nobody looked at what else of these is kept: nothing.
    assert!(short.iter().all(|what| what.contains(" stored: leave_out")), "{short:?}");
}

#[tokio::test]
async fn the_cases_of_a_shadow_run_as_if_it_were_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for name in ["organisation.yaml", "favourites.yaml"] {
        fs::copy(shipped.join(name), policies.join(name)).unwrap();
    }
    let text = fs::read_to_string(policies.join("favourites.yaml")).unwrap();
    let next = text
        .replacen("activity: favourites ", "activity: favourites-next\nshadows: favourites #", 1)
        .replacen("bands_of: 10", "bands_of: 5", 1);
    fs::write(policies.join("favourites-next.yaml"), next).unwrap();
    let case = |age: u32| {
        format!(
            r#"
- case: an age in bands
  given: {{ consent: [product-recommendation], token: {{ sub: u1, scopes: [predict] }} }}
  send: {{ method: POST, path: /predict/, json: {{ first_name: Ada, last_name: King, email: ada@example.org, age: 36, sex: Female, favorite_color: Red, favorite_food: Pizza }} }}
  upstream_sees: {{ email: {{ matches: "^p1_" }}, age: {age}, sex: Female, favorite_color: Red, favorite_food: Pizza }}
  caller_gets: {{ status: 200 }}
"#
        )
    };
    fs::write(policies.join("favourites.cases.yaml"), case(30)).unwrap();
    fs::write(policies.join("favourites-next.cases.yaml"), case(35)).unwrap();
    let deployment = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployment/consentry.yaml");
    let (config, _) = config::load(&deployment).unwrap();
    let config = Config { policies, ..config };
    let Loaded { plan, set, .. } = plan::load(&config.policies, &config.deployment()).unwrap();
    let (verdicts, coverage) = run(&config, &plan, &set, |_| {}).await.unwrap();
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().all(|verdict| verdict.faults.is_empty()), "{verdicts:?}");
    assert_eq!(coverage.ratio(Covers::Route).0, 1);
    let routes = plan::explain::wanted(&plan, Some("favourites-next"));
    let explained = plan::explain::explain(&plan, routes[0]).text();
    assert!(explained.contains("favourites; not in force"), "{explained}");
}
