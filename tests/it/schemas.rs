//! Whole bodies against a JSON Schema: what fits its fields and not the schema is refused, both ways, with no word of
//! what came.

use consentry::admin::Command;
use consentry::problem::Problem::{FieldInvalid, UpstreamAnswerRefused};

use crate::support::gateway::write;
use crate::support::{Gateway, Options, Reply, canary, changed, clean_body};

const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "if": { "properties": { "birth_year": { "minimum": 2010 } } },
  "then": { "required": ["guardian"] },
  "properties": {
    "visits": { "items": { "$ref": "parts/visit.json" } },
    "contact": { "propertyNames": { "maxLength": 40 } }
  }
}"##;
const VISIT: &str = r#"{ "if": { "properties": { "spent": { "minimum": 1000 } } }, "then": { "properties": { "shop": { "const": "agreed" } } } }"#;
const ANSWER: &str =
    r#"{ "if": { "properties": { "risk": { "minimum": 0.9 } } }, "then": { "required": ["because"] } }"#;

fn files() -> Vec<(&'static str, String)> {
    vec![
        ("policies/churn.schema.json", SCHEMA.to_owned()),
        ("policies/parts/visit.json", format!("\u{feff}{VISIT}")),
        ("policies/answer.json", ANSWER.to_owned()),
    ]
}

async fn gateway() -> Gateway {
    let gateway = Gateway::with(Options { files: files(), ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.edit_policy("churn.yaml", |text| {
        text.replace("request:\n", "request:\n  schema: churn.schema.json\n")
            .replace("response:\n", "response:\n  schema: answer.json\n")
    });
    gateway.admin.done(Command::Reload {}).await;
    gateway
}

#[tokio::test]
async fn a_body_that_fits_its_fields_and_not_the_schema_is_refused_and_named_without_its_values() {
    let gateway = gateway().await;
    gateway.healthy().await;
    let answer = gateway.refuses(gateway.score(changed("1987", "2015")), FieldInvalid).await;
    let told = answer.text();
    assert!(told.contains("The body does not fit the policy's schema (`required`)"), "{told}");
    assert!(!told.contains("guardian"), "an undeclared name is not told: {told}");
    let answer = gateway.refuses(gateway.score(dear_visit()), FieldInvalid).await.at("visits[*].shop");
    assert!(answer.text().contains("What is at /visits/0/shop does not fit"), "{}", answer.text());
    gateway.healthy().await;
    gateway.close().await;
}

fn dear_visit() -> String {
    let mut body: serde_json::Value = serde_json::from_str(&clean_body()).unwrap();
    body["visits"][0]["spent"] = 1200.into();
    body.to_string()
}

/// As deep as a policy may permit, which is as deep as other readers of JSON go no more.
#[tokio::test]
async fn a_body_as_deep_as_its_policy_permits_is_held_against_its_schema() {
    let gateway = gateway().await;
    gateway.edit_policy("churn.yaml", |text| text.replace("depth: 6", "depth: 128"));
    gateway.edit_policy("churn.yaml", |text| {
        text.replace("request:\n", "request:\n  unknown_fields: leave_out\n")
    });
    gateway.admin.done(Command::Reload {}).await;
    let deep = format!("\"deep\": {}{}, \"birth_year\"", "[".repeat(127), "]".repeat(127));
    let with = |year: &str| clean_body().replace("\"birth_year\"", &deep).replace("1987", year);
    gateway.send(gateway.score(with("1987"))).await.ok();
    drop(gateway.upstream.take());
    gateway.refuses(gateway.score(with("2015")), FieldInvalid).await;
    gateway.close().await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_the_upstreams_fault() {
    let gateway = gateway().await;
    gateway.upstream.answer(Reply::json(r#"{"risk": 0.95}"#));
    gateway.send(gateway.score(clean_body())).await.problem(UpstreamAnswerRefused);
    drop(gateway.upstream.take());
    gateway.upstream.answer(Reply::json(r#"{"risk": 0.95, "because": [{"code": "age"}]}"#));
    gateway.send(gateway.score(clean_body())).await.ok();
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_schema_counts_into_the_policys_digest_and_a_broken_one_changes_nothing() {
    let gateway = gateway().await;
    let digests = |gateway: &Gateway| {
        let live = gateway.live();
        let churn = live.plan.activities.iter().find(|activity| &*activity.name == "churn").unwrap();
        (live.plan.digest, churn.digest)
    };
    let before = digests(&gateway);
    write(gateway.folder.path(), "policies/parts/visit.json", "{}");
    gateway.admin.done(Command::Reload {}).await;
    let after = digests(&gateway);
    assert!(before.0 != after.0 && before.1 != after.1, "what is referred to counts too");
    gateway.send(gateway.score(dear_visit())).await.ok();
    drop(gateway.upstream.take());

    for broken in
        [r#"{ "properties": { "a": { "type": "nummer" } } }"#, "{", r#"{ "$ref": "../consentry.yaml" }"#]
    {
        write(gateway.folder.path(), "policies/parts/visit.json", broken);
        let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
        assert!(!reply.done && reply.says.contains("CP0213"), "{}", reply.says);
        assert_eq!(digests(&gateway), after);
        gateway.healthy().await;
    }
    gateway.close().await;
}
