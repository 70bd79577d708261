//! Conditions: who may call, and who sees what of an answer.

use consentry::admin::Command;
use consentry::identity::DevelopmentToken;
use consentry::problem::Problem::{AccessNotPermitted, AuthenticationRequired, ScopeMissing};
use serde_json::{Value, json};

use crate::support::gateway::RISK;
use crate::support::{Call, Gateway, Reply, canary, clean_body};

const ANSWER: &str = r#"{"risk": 0.25, "because": [{"code": "age", "detail": "detail of the case"}]}"#;

impl Gateway {
    fn by(&self, scopes: &[&str], said: Value) -> Call {
        let token = self.token_of(DevelopmentToken {
            sub: canary::HOLDER.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            claims: said.as_object().unwrap().clone(),
            ..DevelopmentToken::default()
        });
        Call::json("/v1/churn/score", clean_body()).bearer(&token)
    }

    async fn with_policy(change: impl Fn(String) -> String) -> Self {
        let gateway = Self::with_holder().await;
        gateway.edit_policy("churn.yaml", change);
        gateway.admin.done(Command::Reload {}).await;
        gateway
    }
}

#[tokio::test]
async fn a_call_is_made_only_when_the_policys_condition_holds() {
    let when = "all_scopes: [score], when: \"caller.claims.department == 'care' && (!has(query.variant) || query.variant == 'a')\"";
    let gateway = Gateway::with_policy(|text| text.replace("all_scopes: [score]", when)).await;
    let care = || json!({ "department": "care" });
    let answer =
        gateway.refuses(gateway.by(&["score"], json!({ "department": "sales" })), AccessNotPermitted).await;
    assert!(answer.header("www-authenticate").is_none(), "no scope is missing");
    gateway.refuses(gateway.by(&["score"], json!({})), AccessNotPermitted).await;
    gateway.refuses(gateway.by(&["score"], json!({ "department": ["care"] })), AccessNotPermitted).await;
    gateway.refuses(gateway.by(&["other"], care()), ScopeMissing).await;
    gateway.send(gateway.by(&["score"], care())).await.ok();
    drop(gateway.upstream.take());
    gateway.send(gateway.by(&["score"], care()).target("/v1/churn/score?variant=a")).await.ok();
    drop(gateway.upstream.take());
    gateway
        .refuses(gateway.by(&["score"], care()).target("/v1/churn/score?variant=b"), AccessNotPermitted)
        .await;
    let shown = gateway.admin.done(Command::AuditShow { from: 1, count: 1000 }).await.says;
    assert!(shown.contains("access-not-permitted"), "the refusal is evidence");
    gateway.close().await;
}

#[tokio::test]
async fn a_remembered_token_is_known_as_the_conditions_of_a_reload_need_it() {
    let gateway = Gateway::with_holder().await;
    let call = gateway.by(&["score"], json!({ "department": "care" }));
    gateway.send(call.clone()).await.ok();
    drop(gateway.upstream.take());
    for (department, served) in [("care", true), ("sales", false), ("care", true)] {
        gateway.edit_policy("churn.yaml", |text| {
            let text = text.replace(", when: \"caller.claims.department == 'care'\"", "");
            let text = text.replace(", when: \"caller.claims.department == 'sales'\"", "");
            let when = format!("all_scopes: [score], when: \"caller.claims.department == '{department}'\"");
            text.replace("all_scopes: [score]", &when)
        });
        gateway.admin.done(Command::Reload {}).await;
        if served {
            gateway.send(call.clone()).await.ok();
            drop(gateway.upstream.take());
        } else {
            gateway.refuses(call.clone(), AccessNotPermitted).await;
        }
    }
    gateway.close().await;
}

#[tokio::test]
async fn an_answer_shows_each_caller_what_the_policy_says_of_them() {
    let gateway = Gateway::with_policy(|text| {
        text.replace("because[*].detail: { type: string, required: false, caller: leave_out", "because[*].detail: { type: string, required: false, caller: { all_scopes: [detail] }")
            .replace(
                "range: 0..1, caller: unchanged",
                "range: 0..1, caller: { when: \"has(caller.claims.level) && caller.claims.level >= 3\", then: unchanged, otherwise: { generalize: { bands_of: 1 } } }",
            )
    })
    .await;
    let gets = async |scopes: &[&str], said: Value| {
        gateway.upstream.answer(Reply::json(ANSWER));
        let answer = gateway.send(gateway.by(scopes, said)).await.ok();
        drop(gateway.upstream.take());
        serde_json::from_str::<Value>(answer.text()).unwrap()
    };
    let bare = json!({ "risk": 0.0, "because": [{ "code": "age" }] });
    assert_eq!(gets(&["score"], json!({})).await, bare);
    assert_eq!(gets(&["score"], json!({ "level": 2 })).await, bare);
    let detailed = json!({ "risk": 0.0, "because": [{ "code": "age", "detail": "detail of the case" }] });
    assert_eq!(gets(&["score", "detail"], json!({})).await, detailed);
    let exact = json!({ "risk": 0.25, "because": [{ "code": "age" }] });
    assert_eq!(gets(&["score"], json!({ "level": 3 })).await, exact);
    // What is kept does not depend on who asked.
    assert_eq!(gateway.kept("churn").await.unwrap()["risk"], 0.25);
    // What cannot be decided is refused before anything is sent.
    gateway.refuses(gateway.by(&["score"], json!({ "level": "three" })), AccessNotPermitted).await;
    gateway.close().await;
}

#[tokio::test]
async fn a_condition_on_a_route_without_personal_data_asks_who_calls() {
    let gateway = Gateway::with_policy(|text| {
        text.replace(
            "  - match: GET /v1/live\n",
            "  - match: GET /v1/live\n    access: { when: \"caller.kind == 'program'\" }\n",
        )
    })
    .await;
    gateway.refuses(Call::get("/v1/live"), AuthenticationRequired).await;
    let person = gateway.token(canary::HOLDER, &[]);
    gateway.refuses(Call::get("/v1/live").bearer(&person), AccessNotPermitted).await;
    let program = DevelopmentToken {
        sub: "probe".into(),
        client_id: Some("probe".into()),
        ..DevelopmentToken::default()
    };
    gateway.upstream.answer(Reply::json(RISK));
    gateway.send(Call::get("/v1/live").bearer(&gateway.token_of(program))).await.ok();
    gateway.close().await;
}
