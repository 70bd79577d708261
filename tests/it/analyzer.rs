//! Free text with an outside analyser: what it finds is replaced, and while it cannot be asked nothing passes.

use std::time::Duration;

use consentry::admin::Command;
use consentry::problem::Problem::{DependencyUnavailable, PayloadTooLarge};
use serde_json::json;

use crate::support::gateway::Options;
use crate::support::{Call, Gateway, Reply, canary, upstream::Upstream};

const LETTERS: &str = r#"
activity: letters
title: Sorting letters
purpose: offers
legal_basis: contract
data_subject_categories: [account-holders]
data_subject: token.sub
retention: 1d after exchange
upstream: scorer
routes:
  - match: POST /v1/letters
    payload: json
    access: { all_scopes: [offers] }
    limits: { body: 1MiB }
request:
  fields:
    "letters[*]":
      category: pd:Opinion
      type: string
      upstream: { detect: { kinds: [email], analyzer: local, entities: [PERSON], score: 0.6, replace_by: redact } }
      stored: leave_out
response:
  fields:
    reply: { type: string, caller: { detect: { analyzer: local, entities: [PERSON], replace_by: mask } }, stored: leave_out }
"#;

/// What Presidio says of `Zoë King`, wherever a text begins with it.
const FOUND: &str =
    r#"[{"entity_type":"PERSON","start":0,"end":8,"score":0.85,"analysis_explanation":null}]"#;

async fn gateway(timeout: &str) -> (Gateway, Upstream) {
    let analyzer = Upstream::start(Reply::json(FOUND)).await;
    let url = format!("http://{}/analyze", analyzer.address);
    let options = Options {
        more: format!(
            "analyzers:\n  local: {{ url: \"{url}\", recipient: score-host, language: en, timeout: {timeout}, at_once: 4 }}\n"
        ),
        files: vec![("policies/letters.yaml", LETTERS.to_owned())],
        ..Options::default()
    };
    let gateway = Gateway::with(options).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.upstream.answer(Reply::json(r#"{"reply":"– –"}"#));
    (gateway, analyzer)
}

fn letters(gateway: &Gateway, letters: &[&str]) -> Call {
    let body = json!({ "letters": letters }).to_string();
    Call::json("/v1/letters", body).bearer(&gateway.token(canary::HOLDER, &["offers"]))
}

#[tokio::test]
async fn what_it_finds_is_replaced_beside_what_the_detectors_find() {
    let (gateway, analyzer) = gateway("20s").await;
    gateway.upstream.answer(Reply::json(r#"{"reply":"Zoë King is written to"}"#));
    let call = letters(&gateway, &["Zoë King (zoe@orchid.example)", "Zoë King again", "Zoë King again", "—"]);
    let answer = gateway.send(call).await.ok();
    assert_eq!(answer.json(), json!({ "reply": "•••• is written to" }));
    let seen = gateway.upstream.one().json();
    assert_eq!(seen["letters"], json!(["[person] ([email])", "[person] again", "[person] again", "—"]));
    // Each text is asked about once, and one that says nothing not at all; no header of the caller goes along.
    let asked = analyzer.take();
    assert_eq!(asked.len(), 3);
    for question in &asked {
        assert_eq!((question.method.as_str(), question.target.as_str()), ("POST", "/analyze"));
        assert!(question.headers.get("authorization").is_none());
    }
    let question =
        asked.iter().map(|asked| asked.json()).find(|asked| asked["text"] == "Zoë King again").unwrap();
    assert_eq!(
        question,
        json!({ "text": "Zoë King again", "language": "en", "entities": ["PERSON"], "score_threshold": 0.6 })
    );
    gateway.healthy().await;
    gateway.close().await;
}

/// A parameter is a field: its text is asked about where no field of the body is.
#[tokio::test]
async fn a_parameter_alone_is_asked_about_too() {
    let (gateway, analyzer) = gateway("20s").await;
    let query = "query: { to: { category: pd:Communication, type: string, upstream: { detect: { analyzer: local, entities: [PERSON], replace_by: redact } }, stored: leave_out } }";
    gateway.edit_policy("letters.yaml", |text| {
        text.replace("analyzer: local, entities: [PERSON], score: 0.6, ", "").replacen(
            "request:\n",
            &format!("request:\n  {query}\n"),
            1,
        )
    });
    gateway.admin.done(Command::Reload {}).await;
    let body = json!({ "letters": ["—"] }).to_string();
    let call = Call::json("/v1/letters?to=Zo%C3%AB%20King", body);
    gateway.send(call.bearer(&gateway.token(canary::HOLDER, &["offers"]))).await.ok();
    assert_eq!(gateway.upstream.one().target, "/v1/letters?to=%5Bperson%5D");
    assert_eq!(analyzer.take().iter().map(|asked| asked.json()["text"].clone()).next().unwrap(), "Zoë King");
    gateway.close().await;
}

#[tokio::test]
async fn while_it_cannot_be_asked_nothing_passes() {
    let (gateway, mut analyzer) = gateway("400ms").await;
    let call = letters(&gateway, &["Zoë King"]);
    for bad in [
        Reply::of(500, "application/json", "[]"),
        Reply::json("{}"),
        Reply::json(r#"[{"entity_type":"PERSON","start":0,"end":800,"score":0.85}]"#),
        Reply::of(200, "text/html", "<p>hello"),
        Reply::Raw("no HTTP\r\n\r\n".into()),
        Reply::Truncated("[".into()),
        Reply::Never,
    ] {
        analyzer.answer(bad);
        let answer = gateway.refuses(call.clone(), DependencyUnavailable).await;
        assert!(answer.headers.get("retry-after").is_some());
    }
    analyzer.down().await;
    gateway.refuses(call.clone(), DependencyUnavailable).await;
    // Calls that need no analyser are served meanwhile.
    gateway.healthy().await;
    gateway.upstream.answer(Reply::json(r#"{"reply":"–"}"#));
    analyzer.up().await;
    analyzer.answer(Reply::json(FOUND));
    gateway.until(&call, 200, DependencyUnavailable).await;
    assert_eq!(gateway.upstream.one().json()["letters"], json!(["[person]"]));
    gateway.close().await;
}

#[tokio::test]
async fn an_answer_is_kept_back_while_nobody_can_say_what_stands_in_it() {
    let (gateway, analyzer) = gateway("400ms").await;
    analyzer.answer(Reply::Never);
    gateway.upstream.answer(Reply::json(r#"{"reply":"Zoë King is written to"}"#));
    // The upstream is asked: nothing in the request needs the analyser.
    gateway.send(letters(&gateway, &["—"])).await.problem(DependencyUnavailable);
    assert_eq!(gateway.upstream.one().json()["letters"], json!(["—"]));
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_server_in_trouble_is_left_alone_and_many_texts_are_too_many() {
    let (gateway, analyzer) = gateway("20s").await;
    analyzer.answer(Reply::of(500, "application/json", "[]"));
    let begun = std::time::Instant::now();
    for _ in 0..12 {
        gateway.refuses(letters(&gateway, &["Zoë King"]), DependencyUnavailable).await;
    }
    let asked = analyzer.take().len();
    // Three times in a row, and once more for each second that passed since.
    assert!((3..=4 + begun.elapsed().as_secs() as usize).contains(&asked), "{asked}");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    analyzer.answer(Reply::json("[]"));
    gateway.send(letters(&gateway, &["Zoë King"])).await.ok();
    drop(gateway.upstream.take());
    let many: Vec<String> = (0..300).map(|number| format!("letter {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    gateway.refuses(letters(&gateway, &many), PayloadTooLarge).await;
    gateway.healthy().await;
    gateway.close().await;
}
