//! Parameters of path, query and headers, treated as fields are; calls without a body.

use consentry::admin::Command;
use consentry::identity::DevelopmentToken;
use consentry::problem::Problem::{FieldInvalid, FieldNotPermitted, SubjectMismatch, UriTooLong};
use http::Method;

use crate::support::gateway::RISK;
use crate::support::{Call, Gateway, Options, Reply, canary};

const STANDING: &str = r#"
activity: standing
title: Foreseeing who might leave, by customer number
purpose: churn-forecast
legal_basis: legitimate_interests
assessment: LIA-1
data_subject_categories: [account-holders]
data_subject: path.customer
retention: 14d after exchange
upstream: scorer
pseudonymization_domain: churn
routes:
  - match: GET /v1/standing/{customer}
    payload: none
    path: { customer: { category: pd:Identifier, type: string, length: 1..64, upstream: pseudonymize, stored: encrypted } }
    query:
      mail:  { category: pd:EmailAddress, type: string, format: email, required: false, upstream: leave_out, stored: pseudonymize }
      born:  { category: pd:BirthDate, type: string, format: date, required: false, upstream: { generalize: { date_to: year } } }
      depth: { type: integer, required: false }
      card:  { category: pd:PaymentCardNumber, type: string, required: false, upstream: refuse_if_present, stored: leave_out }
    headers:
      x-plan:  { type: string }
      x-agent: { category: pd:Name, type: string, upstream: { redact: "an agent" }, stored: encrypted }
    access: { all_scopes: [score], on_behalf_of: score-others }
  - match: GET /v1/standing/admin
    payload: none
    query: { x: { type: string, required: false } }
    access: { all_scopes: [score] }
request:
  path: {}
  fields: {}
response:
  unknown_fields: leave_out
  fields: { risk: { type: number, caller: unchanged, stored: leave_out } }
"#;

async fn gateway(policy: &str) -> Gateway {
    let files = vec![("policies/standing.yaml", policy.to_owned())];
    Gateway::with(Options { files, ..Options::default() }).await
}

/// The policy with its one route by customer.
fn by_customer() -> String {
    let start = STANDING.find("  - match: GET /v1/standing/admin").unwrap();
    let end = STANDING.find("request:\n").unwrap();
    format!("{}{}", &STANDING[..start], &STANDING[end..]).replace("  path: {}\n", "")
}

#[tokio::test]
async fn the_upstream_sees_of_a_head_what_the_policy_says_and_the_record_keeps_it() {
    let gateway = gateway(&by_customer()).await;
    let token = gateway.token(canary::HOLDER, &["score"]);
    let target = format!(
        "/v1/standing/{}?mail={}&born=1987-05-04&depth=7",
        canary::HOLDER,
        canary::EMAIL.replace('@', "%40")
    );
    let call =
        Call::get(target).bearer(&token).header("x-plan", "gold").header("x-agent", "An agent of ours");
    gateway.upstream.answer(Reply::json(RISK));
    assert_eq!(gateway.send(call.clone()).await.ok().text(), RISK);
    let seen = gateway.upstream.one();
    let (path, query) = seen.target.split_once('?').unwrap();
    assert!(path.starts_with("/v1/standing/p1_"), "{path}");
    assert_eq!(query, "born=1987-01-01&depth=7");
    assert_eq!(seen.headers["x-plan"], "gold");
    assert_eq!(seen.headers["x-agent"], "an agent");
    assert!(seen.body.is_empty() && !seen.headers.contains_key("content-type"));
    canary::none_in("the head that was forwarded", format!("{seen:?}").as_bytes());

    let kept = gateway.kept("standing").await.unwrap();
    assert_eq!(kept["path"]["customer"], canary::HOLDER);
    assert_eq!(kept["header"]["x-agent"], "An agent of ours");
    assert!(kept["query"]["mail"].as_str().unwrap().starts_with("p1_"), "{kept}");
    assert!(kept["query"].get("born").is_none() && kept["query"].get("depth").is_none(), "{kept}");

    // The same person has the same pseudonym in the path as in the domain's bodies.
    gateway.send(call).await.ok();
    assert!(gateway.upstream.one().target.starts_with(path));
    gateway.close().await;
}

#[tokio::test]
async fn the_notice_tells_of_what_a_head_holds() {
    let gateway = gateway(&by_customer()).await;
    let answer = gateway.send(Call::get("/.well-known/consentry/notice")).await.ok();
    let text = answer.text();
    let own = text.split("<section>").find(|section| section.contains("by customer number")).unwrap();
    let data = own.split("Which data</dt>").nth(1).and_then(|rest| rest.split("</dd>").next()).unwrap();
    for category in ["pd:Identifier", "pd:EmailAddress", "pd:BirthDate", "pd:PaymentCardNumber", "pd:Name"] {
        assert!(data.contains(category), "{category} is not in {own}");
    }
    gateway.close().await;
}

#[tokio::test]
async fn whoever_is_named_in_the_path_is_the_caller_or_somebody_for_whom_they_may_act() {
    let gateway = gateway(&by_customer()).await;
    let of = |whom: &str| Call::get(format!("/v1/standing/{whom}"));
    gateway
        .refuses(of(canary::OTHER).bearer(&gateway.token(canary::HOLDER, &["score"])), SubjectMismatch)
        .await;
    let program = |scopes: &[&str]| {
        gateway.token_of(DevelopmentToken {
            sub: "crm".into(),
            client_id: Some("crm".into()),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..DevelopmentToken::default()
        })
    };
    gateway.refuses(of(canary::OTHER).bearer(&program(&["score"])), SubjectMismatch).await;
    gateway.upstream.answer(Reply::json(RISK));
    gateway.send(of(canary::OTHER).bearer(&program(&["score", "score-others"]))).await.ok();
    drop(gateway.upstream.take());
    let object = Command::Object {
        person: crate::support::admin::person(canary::OTHER),
        purpose: "churn-forecast".to_owned(),
        lift: false,
    };
    gateway.admin.done(object).await;
    let refused = of(canary::OTHER).bearer(&program(&["score", "score-others"]));
    gateway.refuses(refused, consentry::problem::Problem::ObjectionRaised).await;
    gateway.close().await;
}

#[tokio::test]
async fn what_may_not_stand_there_is_refused_and_a_body_too() {
    let gateway = gateway(&by_customer()).await;
    let token = gateway.token(canary::HOLDER, &["score"]);
    let of = |query: &str| Call::get(format!("/v1/standing/{}{query}", canary::HOLDER)).bearer(&token);
    gateway.refuses(of("?card=4111"), FieldNotPermitted).await.at("card");
    let shown = gateway.admin.show(canary::HOLDER).await;
    assert!(shown.contains("said nothing"), "a refused call gives nobody a reference: {shown}");
    gateway.refuses(of("?mail=nobody"), FieldInvalid).await.at("mail");
    let many: Vec<_> = (0..101).map(|number| format!("p{number}=1")).collect();
    for long in [format!("?mail={}", "a".repeat(8192)), format!("?{}", many.join("&"))] {
        gateway.refuses(of(&long), UriTooLong).await;
    }
    let body = Call::new(Method::GET, format!("/v1/standing/{}", canary::HOLDER));
    let body = body.body("{}").header("content-type", "application/json").bearer(&token);
    gateway.refuses(body, FieldNotPermitted).await;
    gateway.upstream.answer(Reply::json(RISK));
    gateway.send(of("")).await.ok();
    drop(gateway.upstream.take());
    gateway.close().await;
}

/// A part of a value, put into the path, must not become another route's path.
#[tokio::test]
async fn a_treated_path_never_leaves_its_route() {
    let policy = STANDING
        .replace("data_subject: path.customer", "data_subject: token.sub")
        .replace(", on_behalf_of: score-others", "")
        .replace("  path: {}\n", "")
        .replace(
            "pd:Identifier, type: string, length: 1..64, upstream: pseudonymize",
            "pd:Identifier, type: string, length: 1..64, justification: a prefix is tried, upstream: { generalize: { prefix: 5 } }",
        );
    let gateway = gateway(&policy).await;
    let token = gateway.token(canary::HOLDER, &["score"]);
    let of = |customer: &str| Call::get(format!("/v1/standing/{customer}")).bearer(&token);
    gateway.refuses(of("administrator"), FieldInvalid).await.at("customer");
    gateway.refuses(of("adm"), FieldInvalid).await.at("customer");
    gateway.upstream.answer(Reply::json(RISK));
    gateway.send(of("Nantes%20Sud")).await.ok();
    assert_eq!(gateway.upstream.one().target, "/v1/standing/Nante");
    gateway.send(of("caf%C3%A9%2B%3B1")).await.ok();
    assert_eq!(gateway.upstream.one().target, "/v1/standing/caf%C3%A9%2B");
    gateway.close().await;

    // Of two nobody can tell which it is.
    let policy = policy
        .replace("GET /v1/standing/{customer}", "GET /v1/standing/{branch}/{customer}")
        .replace("GET /v1/standing/admin", "GET /v1/standing/x/admin")
        .replace("path: { customer:", "path: { branch: { type: string, category: pd:Location, upstream: pseudonymize, stored: leave_out }, customer:");
    let gateway = self::gateway(&policy).await;
    let call = Call::get("/v1/standing/north/.a").bearer(&gateway.token(canary::HOLDER, &["score"]));
    let answer = gateway.refuses(call, FieldInvalid).await;
    assert_eq!(answer.json().get("field"), None, "{}", answer.text());
    gateway.close().await;
}
