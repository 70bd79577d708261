//! What is told of a request is what the gateway does with it.

use std::path::Path;

use super::*;
use crate::config;
use crate::plan::explain::request::{Sent, Trace};
use crate::plan::{self, Loaded};
use serde_json::Value;

fn shipped() -> (Config, Plan, PolicySet) {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("consentry.example.yaml");
    let (config, _) = config::load(&file).unwrap();
    let Loaded { plan, set, .. } = plan::load(&config.policies, &config.deployment()).unwrap();
    (config, plan, set)
}

/// Pseudonyms are of other secrets, so only that there is one is compared.
fn blurred(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("p1_") => *text = format!("p1_ and {}", text.len()),
        Value::Array(values) => values.iter_mut().for_each(blurred),
        Value::Object(members) => members.values_mut().for_each(blurred),
        _ => {}
    }
}

const GOOD: &str = r#"{"first_name":"Ada <b>","last_name":"King","email":"ada@example.org","age":36,"sex":"Female","favorite_color":"Red","favorite_food":"Pizza"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_is_what_the_gateway_does() {
    let (config, plan, set) = shipped();
    let route = plan.routes.iter().find(|route| &*route.text == "POST /predict/").unwrap();
    let bodies = [
        GOOD.to_owned(),
        GOOD.replace("36", "131"),
        GOOD.replace("36", "\"36\""),
        GOOD.replace("\"age\":36,", ""),
        GOOD.replace("ada@example.org", "ada"),
        GOOD.replace("\"age\"", "\"shoe\":1,\"age\""),
        GOOD.replace("\"King\"", "{}"),
        GOOD.replace("\"King\"", "null"),
        GOOD.replace('}', ""),
        format!("{{\"first_name\":\"{}\"", "a".repeat(70_000)),
        "[]".to_owned(),
        String::new(),
    ];
    for body in bodies {
        let (call, _) = call(route, body.clone()).unwrap();
        let trace = Trace::of(&plan, &set, route, Sent { body: body.as_bytes(), ..Sent::default() }).unwrap();
        let (case, _) = staged(&plan, call, Some(&trace), &mut Vec::new());
        let mut setting = Setting::new(&config, &case).await.unwrap();
        let got = setting.act(&case).await.unwrap();
        setting.close().await;
        let said = verdict(&got);
        assert!(
            trace.faults.iter().all(|fault| fault.problem != Problem::InternalError),
            "{:?}",
            trace.faults
        );
        match got.upstream_saw {
            Some(mut saw) => {
                let mut told: Value = serde_json::from_str(&trace.upstream.unwrap()).unwrap();
                blurred(&mut saw);
                blurred(&mut told);
                assert_eq!(saw, told);
            }
            None => {
                let agrees = trace.faults.iter().any(|fault| {
                    Some(fault.problem) == said.problem
                        && said.field.as_ref().is_none_or(|field| *field == fault.at)
                });
                // Without a body, the media type is what is wrong first.
                let no_body = body.is_empty() && said.problem == Some(Problem::PayloadNotInspectable);
                assert!(agrees || no_body, "{body}: {said:?} {:?}", trace.faults);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_call_is_made_up_for_every_kind_of_route() {
    let (config, plan, _) = shipped();
    for route in &plan.routes {
        let (made, _) =
            call(route, if route.kind == RouteKind::Governed { GOOD.to_owned() } else { String::new() })
                .unwrap();
        let (said, assumed) = outcome(&config, &plan, made, None).await.unwrap();
        // There are no records to answer from, and that is all that stands in the way.
        let open = matches!(said.problem, None | Some(Problem::RecordUnknown));
        assert!(open && !assumed.is_empty(), "{}: {said:?}", route.text);
    }
    let (mut made, _) = call(&plan.routes[2], GOOD.to_owned()).unwrap();
    made.path.value = "/nowhere?a=b".to_owned();
    let (said, _) = outcome(&config, &plan, made, None).await.unwrap();
    assert_eq!((said.status, said.problem), (404, Some(Problem::RouteUnknown)));
}

#[test]
fn what_stands_beside_a_body_is_told_too() {
    let (_, plan, _) = shipped();
    let record = plan.routes.iter().find(|route| route.text.contains("decrypt")).unwrap();
    let (mut made, assumed) = call(record, String::new()).unwrap();
    assert_eq!((&*made.path.value, assumed.len()), ("/decrypt/0", 1));
    made.path.value.push_str("?x=1");
    made.headers = vec![("X-A".into(), "b".into()), ("Authorization".into(), "Bearer x".into())];
    let rows = params(&plan, &made);
    let told: Vec<_> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
    let expected = [
        ["user_id", "path", "0", "nothing"],
        ["x", "query", "1", "refused: not declared"],
        ["x-a", "header", "b", "nothing"],
    ];
    assert_eq!(told, expected);
}

const BATCH: &str = r#"
activity: batch
title: Scoring many
purpose: product-recommendation
legal_basis: consent
data_subject_categories: [customers]
data_subject: rows.people[*].id
retention: 30d after exchange
upstream: favourites-model
routes:
  - match: POST /batch
    payload: json
    access: { all_scopes: [predict], on_behalf_of: behalf }
request:
  fields:
    "people[*].id":  { category: pd:Identifier, type: string, length: 1..60, upstream: pseudonymize, stored: encrypted }
    "people[*].age": { category: pd:Age, type: integer, range: 0..130, upstream: { generalize: { bands_of: 10 } }, stored: leave_out }
response:
  fields:
    "scores[*]": { type: integer, caller: unchanged, stored: leave_out }
"#;

/// The shipped organisation with one activity of another's.
fn with(activity: &str) -> (tempfile::TempDir, Config, Plan, PolicySet) {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    std::fs::copy(shipped.join("policies/organisation.yaml"), policies.join("organisation.yaml")).unwrap();
    std::fs::copy(shipped.join("consentry.example.yaml"), folder.path().join("consentry.yaml")).unwrap();
    let name = activity.trim_start().lines().next().unwrap().trim_start_matches("activity: ");
    std::fs::write(policies.join(format!("{name}.yaml")), activity).unwrap();
    let (config, _) = config::load(&folder.path().join("consentry.yaml")).unwrap();
    let Loaded { plan, set, .. } =
        plan::load(&config.policies, &config.deployment()).unwrap_or_else(|found| panic!("{found}"));
    (folder, config, plan, set)
}

/// Everybody of a batch is taken to have agreed, and the rows are told one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_told_row_by_row() {
    let (_folder, config, plan, set) = with(BATCH);
    let route = &plan.routes[0];
    let body =
        r#"{"people": [{"id": "ada", "age": 36}, {"id": "bob", "age": 51}, {"id": "ada", "age": 37}]}"#;
    let trace = Trace::of(&plan, &set, route, Sent { body: body.as_bytes(), ..Sent::default() }).unwrap();
    assert_eq!(trace.texts("people[*].id"), ["ada", "bob"]);
    let ages: Vec<_> = trace.values.iter().filter(|traced| traced.at.ends_with("age")).collect();
    let told: Vec<_> = ages.iter().map(|traced| (&*traced.at, traced.becomes[0].0.as_deref())).collect();
    let expected = ["people[0].age", "people[1].age", "people[2].age"].into_iter();
    assert_eq!(told, expected.zip([Some("30"), Some("50"), Some("30")]).collect::<Vec<_>>());
    let (made, _) = call(route, body.to_owned()).unwrap();
    let (said, _) = outcome(&config, &plan, made, Some(&trace)).await.unwrap();
    assert!(said.forwarded, "{said:?}");
}

const TEXT: &str = r#"
activity: note
title: Reading a note
purpose: product-recommendation
legal_basis: contract
data_subject_categories: [customers]
data_subject: token.sub
retention: 1d after exchange
upstream: favourites-model
routes:
  - match: POST /note
    payload: { request: text, response: json }
    access: { all_scopes: [predict] }
request:
  fields:
    text: { category: pd:Opinion, type: string, upstream: unchanged, stored: leave_out }
response:
  fields:
    mood: { type: string, caller: unchanged, stored: leave_out }
"#;

/// A model's name for an answer, of tensors that are asked for, is declared by what it answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_text_and_outputs_that_are_asked_for_are_told_as_they_are_served() {
    let tensors = TEXT
        .replace("{ request: text, response: json }", "kserve-v2")
        .replace("    mood: { type: string", "    mood: { type: number");
    let asks = r#"{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["well"]}], "outputs": [{"name": "mood"}]}"#;
    for (activity, body) in [(TEXT, ""), (TEXT, "well"), (&tensors, asks)] {
        let (_folder, config, plan, set) = with(activity);
        let route = &plan.routes[0];
        let trace = Trace::of(&plan, &set, route, Sent { body: body.as_bytes(), ..Sent::default() }).unwrap();
        assert_eq!(trace.faults, [], "{body}");
        let (made, _) = call(route, body.to_owned()).unwrap();
        let (said, _) = outcome(&config, &plan, made, Some(&trace)).await.unwrap();
        assert!(said.forwarded, "{body}: {said:?}");
    }
}

const PARTS: &str = r#"
activity: parts
title: Looking at what was scanned
purpose: product-recommendation
legal_basis: contract
data_subject_categories: [customers]
data_subject: body.person
retention: 1d after exchange
upstream: favourites-model
routes:
  - match: POST /parts
    payload: multipart
    access: { all_scopes: [predict], on_behalf_of: behalf }
request:
  fields:
    person: { category: pd:Identifier, type: string, length: 1..9, upstream: leave_out, stored: leave_out }
    note:   { category: pd:Opinion, type: string, upstream: unchanged, stored: leave_out }
response:
  fields:
    mood: { type: string, caller: unchanged, stored: leave_out }
"#;

/// With the line ends of a file, with those of the wire, with a head of its own or without one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_told_as_they_are_sent() {
    let (_folder, config, plan, set) = with(PARTS);
    let route = &plan.routes[0];
    let body = "--x\nContent-Disposition: form-data; name=\"person\"\n\nada\n--x\nContent-Disposition: form-data; name=\"note\"\n\nwell\n--x--\n";
    for body in [body.to_owned(), body.replace('\n', "\r\n")] {
        let (of_route, _) = call(route, body).unwrap();
        let bare = Call { headers: Vec::new(), ..of_route.clone() };
        let content_type = ("content-type".to_owned(), "multipart/form-data; boundary=x".to_owned());
        let named = Call { headers: vec![content_type], ..of_route.clone() };
        for call in [of_route, bare, named] {
            let trace = trace(&plan, &set, route, &call).unwrap();
            assert_eq!((trace.faults.as_slice(), trace.texts("person")), (&[][..], vec!["ada".to_owned()]));
            let (said, _) = outcome(&config, &plan, call, Some(&trace)).await.unwrap();
            assert!(said.forwarded, "{said:?}");
        }
    }
    let (of_route, _) = call(route, body.to_owned()).unwrap();
    let content_type = ("content-type".to_owned(), "multipart/form-data".to_owned());
    let wrong = Call { headers: vec![content_type], ..of_route };
    let trace = trace(&plan, &set, route, &wrong).unwrap();
    assert!(trace.faults[0].says.contains("boundary"), "{:?}", trace.faults);
}
