//! What goes to the upstream byte for byte, what comes back, and what is kept.

use consentry::problem::Problem::{ConsentWithdrawn, FieldInvalid};
use serde_json::{Value, json};

use crate::support::gateway::RISK;
use crate::support::{Call, Gateway, Reply, canary};

/// A body with spellings of its own: what is not treated must arrive as it stands here.
fn spelt() -> String {
    format!(
        "{{\n\t\"weight\" :1.50E+1 ,\"visits\":[ {{\"spent\":1e2,  \"shop\":\"{}\"}},\r\n{{ \"shop\" : \"Caf\\u00e9 \\/ \\ud83d\\ude00\" , \"spent\":-0.0e0 }} ],\
         \"contact\":{{\"phone\":\"{}\",\"name\":\"{}\",\"email\":\"{}\"}}, \"remark\":\"{}\",\n  \"birth_year\" : 1987}}  ",
        canary::SHOP,
        canary::PHONE,
        canary::NAME,
        canary::EMAIL,
        canary::REMARK
    )
}

#[tokio::test]
async fn what_is_not_treated_arrives_byte_for_byte_and_the_rest_as_the_policy_says() {
    let gateway = Gateway::with_holder().await;
    gateway.send(gateway.score(spelt())).await.ok();
    let seen = gateway.upstream.one();
    let text = seen.text();
    for untouched in [
        "\"weight\" :1.50E+1 ,",
        &format!("\"visits\":[ {{\"spent\":1e2,  \"shop\":\"{}\"}},\r\n", canary::SHOP),
        "{ \"shop\" : \"Caf\\u00e9 \\/ \\ud83d\\ude00\" , \"spent\":-0.0e0 } ],",
        "\"remark\":\"(a remark)\",\n  \"birth_year\" : 1985}",
    ] {
        assert!(text.contains(untouched), "{untouched:?} is not in {text:?}");
    }
    let json = seen.json();
    assert_eq!(json["contact"].as_object().unwrap().len(), 2, "{text}");
    assert_eq!(json["contact"]["phone"], "••••831");
    let pseudonym = json["contact"]["email"].as_str().unwrap();
    assert!(pseudonym.starts_with("p1_"), "{pseudonym}");
    for gone in [canary::NAME, canary::EMAIL, canary::PHONE, canary::REMARK, canary::HOLDER] {
        assert!(!text.contains(gone), "{gone} reached the upstream");
    }
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v1/churn/score"));
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_pseudonym_is_the_same_within_its_domain_and_another_beyond_it() {
    let gateway = Gateway::with_holder().await;
    let email = |seen: &Value, at: &str| seen.pointer(at).unwrap().as_str().unwrap().to_owned();
    let mut churn = Vec::new();
    for _ in 0..2 {
        gateway.send(gateway.score(spelt())).await.ok();
        churn.push(email(&gateway.upstream.one().json(), "/contact/email"));
    }
    assert_eq!(churn[0], churn[1]);
    gateway.send(gateway.score(spelt().replace(canary::EMAIL, "someone.else@orchid.example"))).await.ok();
    assert_ne!(email(&gateway.upstream.one().json(), "/contact/email"), churn[0]);
    gateway.upstream.answer(Reply::json(r#"{"approved": false}"#));
    gateway.send(lend(&gateway, canary::HOLDER, canary::HOLDER, &["lend"])).await.ok();
    let loans = email(&gateway.upstream.one().json(), "/applicant/email");
    assert!(loans.starts_with("p1_") && loans != churn[0], "{loans}");
    // Another gateway has other secrets.
    let other = Gateway::with_holder().await;
    other.send(other.score(spelt())).await.ok();
    assert_ne!(email(&other.upstream.one().json(), "/contact/email"), churn[0]);
    other.close().await;
    gateway.close().await;
}

fn lend(gateway: &Gateway, caller: &str, applicant: &str, scopes: &[&str]) -> Call {
    let body = format!(
        r#"{{"amount": 12500.00, "channel": "web", "applicant": {{"id": "{applicant}", "name": "{}", "email": "{}", "jobs": [{{"title": "luthier", "pay": 1e4, "since": 2001}}, {{"pay": 0.10}}]}}}}"#,
        canary::NAME,
        canary::EMAIL
    );
    Call::json("/v1/loans/44/decide", body).bearer(&gateway.token(caller, scopes))
}

#[tokio::test]
async fn an_encrypted_value_opens_with_the_interchange_key_and_what_is_undeclared_is_left_out() {
    let gateway = Gateway::start().await;
    gateway.upstream.answer(Reply::json(r#"{"approved":true}"#));
    let answer = gateway.send(lend(&gateway, canary::HOLDER, canary::HOLDER, &["lend"])).await.ok();
    assert_eq!(answer.json(), json!({ "approved": true }));
    let seen = gateway.upstream.one();
    assert_eq!(seen.target, "/v1/loans/44/decide");
    let sealed = seen.json()["applicant"]["name"].as_str().unwrap().to_owned();
    assert_eq!(gateway.interchange.decrypt(&sealed).unwrap().as_slice(), canary::NAME.as_bytes());
    assert!(
        seen.text().contains(r#""jobs": [{"title": "luthier", "pay": 1e4}, {"pay": 0.10}]"#),
        "{}",
        seen.text()
    );
    assert!(seen.text().contains(r#""amount": 12500.00"#), "{}", seen.text());
    assert!(!seen.text().contains("channel") && !seen.text().contains("since"), "{}", seen.text());
    assert!(seen.json()["applicant"]["id"].as_str().unwrap().starts_with("p1_"));
    let kept = gateway.kept("loans").await.unwrap();
    assert_eq!(kept, json!({ "applicant": { "name": canary::NAME }, "amount": 12500.0, "approved": true }));
    gateway.close().await;
}

#[tokio::test]
async fn what_is_kept_is_what_was_sent() {
    let gateway = Gateway::with_holder().await;
    gateway.upstream.answer(Reply::json(r#"{"risk": 0.75, "because": [{"code": "late", "detail": "x"}]}"#));
    let answer = gateway.send(gateway.score(spelt())).await.ok();
    assert_eq!(answer.json(), json!({ "risk": 0.75, "because": [{ "code": "late" }] }));
    let kept = gateway.kept("churn").await.unwrap();
    let expected = json!({
        "contact": { "name": canary::NAME, "email": canary::EMAIL },
        "birth_year": 1987,
        "visits": [{ "shop": canary::SHOP }, { "shop": "Café / 😀" }],
        "risk": 0.75,
    });
    assert_eq!(kept, expected);
    gateway.close().await;
}

#[tokio::test]
async fn null_for_an_object_or_array_is_as_if_it_were_not_there() {
    let gateway = Gateway::with_holder().await;
    // In an answer, as FastAPI writes `Optional[list[Reason]] = None`.
    for answer in
        [r#"{"risk": 0.75, "because": null}"#, r#"{"because":[null , {"code": "late"}],"risk": 0.75}"#]
    {
        gateway.upstream.answer(Reply::json(answer));
        assert_eq!(gateway.send(gateway.score(spelt())).await.ok().text(), answer);
        drop(gateway.upstream.take());
    }
    // In a request: what may be missing, and what may not.
    gateway.upstream.answer(Reply::json(r#"{"approved": true}"#));
    let token = gateway.token(canary::HOLDER, &["lend"]);
    let decide = |body: &str| Call::json("/v1/loans/44/decide", body.to_owned()).bearer(&token);
    let applicant = format!(r#""id": "{}", "name": "{}""#, canary::HOLDER, canary::NAME);
    let body = format!(r#"{{"amount": 1, "applicant": {{{applicant}, "jobs" : null }}}}"#);
    gateway.send(decide(&body)).await.ok();
    assert!(gateway.upstream.one().text().ends_with(r#", "jobs" : null }}"#));
    let expected = json!({ "applicant": { "name": canary::NAME }, "amount": 1, "approved": true });
    assert_eq!(gateway.kept("loans").await.unwrap(), expected);
    // A person's field below it is missing, as where the key is not there.
    for body in [r#"{"amount": 1, "applicant": null}"#, r#"{"amount": 1}"#] {
        gateway.refuses(decide(body), FieldInvalid).await.at("applicant.id");
    }
    let spelt = spelt();
    let (head, rest) = spelt.split_once("[ {").unwrap();
    let visits = format!("{head}null{}", rest.split_once("} ]").unwrap().1);
    let refused = gateway.refuses(gateway.score(visits), FieldInvalid).await;
    assert_eq!(refused.json()["detail"], "The field is missing.");
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn markup_is_taken_from_what_is_sanitised_and_from_nothing_else() {
    let gateway = Gateway::with_holder().await;
    let body = spelt()
        .replace(canary::NAME, "Quirina <b>Zampolle</b><script>x()</script>")
        .replace(canary::SHOP, "<b>Lynx</b> & Co");
    gateway.send(gateway.score(body)).await.ok();
    assert!(gateway.upstream.one().text().contains("\"<b>Lynx</b> & Co\""), "unchanged is byte for byte");
    assert_eq!(gateway.kept("churn").await.unwrap()["contact"]["name"], "Quirina Zampolle");
    gateway.close().await;
}

#[tokio::test]
async fn a_withdrawal_stops_the_next_call_and_not_the_answer_to_one_that_was_sent() {
    let gateway = Gateway::with_holder().await;
    gateway.upstream.answer(Reply::Held(Box::new(Reply::json(RISK))));
    let (client, call) = (gateway.client.clone(), gateway.score(spelt()));
    let under_way = tokio::spawn(async move { client.send(call).await });
    gateway.upstream.arrival().await;
    drop(gateway.upstream.take());
    gateway.admin.withdraw(canary::HOLDER, "churn-forecast").await;
    gateway.refuses(gateway.score(spelt()), ConsentWithdrawn).await;
    gateway.upstream.release();
    // Its keys are gone by then: nothing of it can be kept.
    under_way.await.unwrap().ok();
    let count = gateway.store().records_count("churn").await.unwrap();
    let rows = gateway.store().records("churn", None, 0, 10).await.unwrap();
    assert_eq!(rows.len() as u64, count);
    for row in rows {
        assert!(gateway.opened(&row).await.is_none(), "a record outlived the withdrawal");
    }
    gateway.close().await;
}

#[tokio::test]
async fn http_2_goes_the_same_way_with_many_calls_at_once() {
    let gateway = Gateway::with_holder().await;
    let connection = gateway.client.http2().await;
    let calls = (0..20).map(|number| {
        let body = spelt().replace("1.50E+1", &format!("{number}.0"));
        let (mut connection, call) = (connection.clone(), gateway.score(body));
        tokio::spawn(async move { connection.send(call).await.unwrap().ok() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().text(), RISK);
    }
    let seen = gateway.upstream.take();
    assert_eq!(seen.len(), 20);
    for number in 0..20 {
        let spelt = format!("\"weight\" :{number}.0 ,");
        assert_eq!(seen.iter().filter(|seen| seen.text().contains(&spelt)).count(), 1, "{spelt}");
    }
    let mut connection = connection;
    let answer = connection.send(Call::json("/v1/churn/score", spelt())).await.unwrap();
    answer.problem(consentry::problem::Problem::AuthenticationRequired);
    gateway.close().await;
}
