//! Who calls, and for whom: tokens of every kind, API keys, key sets, persons of the body, standing.

use std::time::Duration;

use consentry::admin::Command;
use consentry::clock::Timestamp;
use consentry::identity::{ApiKey, DevelopmentToken};
use consentry::problem::Problem::{
    self, AuthenticationRequired, ConsentMissing, ConsentWithdrawn, FieldInvalid, ObjectionRaised,
    ProcessingRestricted, PurposeNotPermitted, RequestMalformed, ScopeMissing, SubjectMismatch, TokenInvalid,
};
use serde_json::{Value, json};

use crate::living::figure;
use crate::support::admin::person;
use crate::support::gateway::{AUDIENCE, ISSUER, write};
use crate::support::issuer::Signer;
use crate::support::upstream::Upstream;
use crate::support::{Call, Gateway, Options, Reply, canary, clean_body};

/// `claims` with one of them changed, or taken away by a null.
fn but(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

fn score(token: &str) -> Call {
    Call::json("/v1/churn/score", clean_body()).bearer(token)
}

#[tokio::test]
async fn a_token_that_is_not_in_order_gets_one_answer_whatever_is_wrong_with_it() {
    let gateway = Gateway::with_holder().await;
    let (signer, claims) = (gateway.signer(), gateway.claims());
    let now = gateway.clock.now().seconds();
    gateway.send(score(&signer.token(None, &claims))).await.ok();
    drop(gateway.upstream.take());
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    let public = Signer::rsa();
    let mut tokens: Vec<String> = [
        ("exp", json!(now - 120)),
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("nbf", json!(now + 3600)),
        ("aud", json!("another-gateway")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("iss", json!("https://id.evil.example")),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", Value::Null),
        ("sub", Value::Null),
        ("sub", json!(7)),
    ]
    .into_iter()
    .map(|(name, value)| signer.token(None, &but(&claims, name, value)))
    .collect();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS512")),
        ("alg", json!("RS256")),
        ("typ", json!("secevent+jwt")),
        ("crit", json!(["exp"])),
    ] {
        tokens.push(signer.signed(&but(&header, name, value), &claims));
    }
    let good = signer.token(None, &claims);
    let unsigned = signer.signed(&json!({ "alg": "none", "typ": "at+jwt" }), &claims);
    tokens.extend([
        Signer::Secret(vec![7; 48]).token(None, &claims),
        public.token(None, &claims),
        public.signed(&header, &claims),
        format!("{}.", unsigned.rsplit_once('.').unwrap().0),
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{good}A"),
        format!("{good}.more"),
        good.replacen("ey", "eY", 1),
        "opaque".to_owned(),
        "..".to_owned(),
        "a".repeat(9000),
        "ck_0123456789abcdef_0123".to_owned(),
    ]);
    let mut bodies = Vec::new();
    for token in &tokens {
        let answer = gateway.refuses(score(token), TokenInvalid).await;
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"Bearer realm="consentry", error="invalid_token""#)
        );
        let mut document = answer.json();
        document.as_object_mut().unwrap().remove("decision_id");
        bodies.push(document.to_string());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "what was wrong is not told");
    // Remembered as good, and yet not beyond its end.
    gateway.clock.advance(Duration::from_secs(900));
    gateway.refuses(score(&good), TokenInvalid).await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn without_a_credential_in_its_place_nobody_is_served() {
    let gateway = Gateway::with_holder().await;
    let good = gateway.token(canary::HOLDER, &["score"]);
    let bare = Call::json("/v1/churn/score", clean_body());
    for call in [
        bare.clone(),
        bare.clone().header("authorization", "Basic cXVpcmluYTpv"),
        bare.clone().header("cookie", &good),
    ] {
        let answer = gateway.refuses(call, AuthenticationRequired).await;
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="consentry""#));
    }
    let in_query = Call::json(format!("/v1/churn/score?access_token={good}"), clean_body());
    let problem = gateway.send(in_query).await;
    assert!(problem.status.is_client_error());
    canary::none_in("the answer", &problem.body);
    gateway.upstream.saw_nothing();
    gateway.refuses(bare.bearer(&good).bearer(&good), RequestMalformed).await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn scope_and_purpose_are_settled_before_the_body_is_read() {
    let gateway = Gateway::with_holder().await;
    for scopes in [&[][..], &["lend"], &["Score"], &["scores"]] {
        let call =
            Call::json("/v1/churn/score", "not even JSON").bearer(&gateway.token(canary::HOLDER, scopes));
        let answer = gateway.refuses(call, ScopeMissing).await;
        let expected = r#"Bearer realm="consentry", error="insufficient_scope", scope="score""#;
        assert_eq!(answer.header("www-authenticate"), Some(expected));
    }
    let named = |purpose: &str| {
        gateway.token_of(DevelopmentToken {
            sub: canary::HOLDER.to_owned(),
            scopes: vec!["score".to_owned()],
            purpose: Some(purpose.to_owned()),
            ..DevelopmentToken::default()
        })
    };
    gateway.refuses(score(&named("churn-study")), PurposeNotPermitted).await;
    let header = |purpose: &str| gateway.score(clean_body()).header("consentry-purpose", purpose);
    gateway.refuses(header("credit-decision"), PurposeNotPermitted).await;
    gateway
        .refuses(score(&named("churn-forecast")).header("consentry-purpose", "offers"), PurposeNotPermitted)
        .await;
    gateway.send(score(&named("churn-forecast")).header("consentry-purpose", "churn-forecast")).await.ok();
    let seen = gateway.upstream.one();
    assert!(!seen.headers.contains_key("consentry-purpose") && !seen.headers.contains_key("authorization"));
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn standing_is_asked_at_every_call() {
    let gateway = Gateway::start().await;
    let call = || gateway.score(clean_body());
    let officer = |command: Command| gateway.admin.done(command);
    gateway.refuses(call(), ConsentMissing).await;
    gateway.admin.grant(canary::HOLDER, "offers").await;
    gateway.admin.grant(canary::OTHER, "churn-forecast").await;
    gateway.refuses(call(), ConsentMissing).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    officer(Command::Restrict { person: person(canary::HOLDER), lift: false }).await;
    gateway.refuses(call(), ProcessingRestricted).await;
    officer(Command::Restrict { person: person(canary::HOLDER), lift: true }).await;
    gateway.healthy().await;
    gateway.admin.withdraw(canary::HOLDER, "churn-forecast").await;
    gateway.refuses(call(), ConsentWithdrawn).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    gateway.clock.advance(Duration::from_secs(91 * 86_400));
    gateway.refuses(call(), ConsentMissing).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    // A later refusal counts, too.
    let (language, method) = ("fr".to_owned(), "paper".to_owned());
    let (who, purpose) = (person(canary::HOLDER), "churn-forecast".to_owned());
    officer(Command::ConsentRefuse { person: who, purpose, language, method }).await;
    gateway.refuses(call(), ConsentMissing).await;
    gateway.close().await;
}

#[tokio::test]
async fn an_objection_stops_what_rests_on_legitimate_interests() {
    let gateway = Gateway::start().await;
    gateway.upstream.answer(Reply::json(r#"{"offer": "a savings book"}"#));
    let offers = |who: &str| {
        Call::json("/v1/offers", r#"{"interest": "bees"}"#).bearer(&gateway.token(who, &["shop"]))
    };
    gateway.send(offers(canary::HOLDER)).await.ok();
    assert_eq!(gateway.upstream.one().text(), r#"{"interest": "bees"}"#);
    let object =
        |lift| Command::Object { person: person(canary::HOLDER), purpose: "offers".to_owned(), lift };
    gateway.admin.done(object(false)).await;
    gateway.refuses(offers(canary::HOLDER), ObjectionRaised).await;
    gateway.send(offers(canary::OTHER)).await.ok();
    drop(gateway.upstream.take());
    gateway.admin.done(object(true)).await;
    gateway.send(offers(canary::HOLDER)).await.ok();
    gateway.close().await;
}

fn loan(applicant: &str) -> String {
    format!(r#"{{"applicant": {{"id": {applicant}, "name": "{}"}}, "amount": 900}}"#, canary::NAME)
}

#[tokio::test]
async fn the_body_is_about_the_caller_or_the_caller_may_act_for_others() {
    let gateway = Gateway::start().await;
    gateway.upstream.answer(Reply::json(r#"{"approved": true}"#));
    let quoted = |id: &str| format!("\"{id}\"");
    let lend = |body: String, token: &str| Call::json("/v1/loans/3/decide", body).bearer(token);
    let holder = gateway.token(canary::HOLDER, &["lend"]);
    let program = |scopes: &[&str]| {
        gateway.token_of(DevelopmentToken {
            sub: canary::BROKER.to_owned(),
            client_id: Some(canary::BROKER.to_owned()),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..DevelopmentToken::default()
        })
    };
    gateway.refuses(lend(loan(&quoted(canary::OTHER)), &holder), SubjectMismatch).await;
    let upper = canary::HOLDER.to_uppercase();
    gateway.refuses(lend(loan(&quoted(&upper)), &holder), SubjectMismatch).await;
    gateway.refuses(lend(loan(&quoted(canary::BROKER)), &program(&["lend"])), SubjectMismatch).await;
    gateway.refuses(lend(loan(&quoted(canary::OTHER)), &program(&["broker"])), ScopeMissing).await;
    for id in ["null", "true", "\"\"", "[]", "{}", "1.5"] {
        gateway.refuses(lend(loan(id), &holder), FieldInvalid).await.at("applicant.id");
    }
    gateway.refuses(lend(r#"{"amount": 900}"#.to_owned(), &holder), FieldInvalid).await.at("applicant.id");
    let twice = loan(&quoted(canary::HOLDER))
        .replace("\"name\"", &format!("\"id\": \"{}\", \"name\"", canary::OTHER));
    gateway.refuses(lend(twice, &holder), RequestMalformed).await;
    // A program's token is nobody's `token.sub`.
    let call = Call::json("/v1/churn/score", clean_body()).bearer(&program(&["score"]));
    gateway.refuses(call, SubjectMismatch).await;
    // An escape is another spelling of the same person.
    let spelt = canary::HOLDER.replace('h', "\\u0068");
    for (body, token) in [
        (loan(&quoted(canary::HOLDER)), holder.clone()),
        (loan(&quoted(&spelt)), holder),
        (loan(&quoted(canary::OTHER)), program(&["lend", "broker"])),
        (loan(&quoted(canary::OTHER)), gateway.token(canary::HOLDER, &["lend", "broker"])),
    ] {
        gateway.send(lend(body, &token)).await.ok();
        gateway.upstream.one();
    }
    // Whoever acts, it is the person's standing that counts.
    gateway.admin.done(Command::Restrict { person: person(canary::OTHER), lift: false }).await;
    let call = lend(loan(&quoted(canary::OTHER)), &program(&["lend", "broker"]));
    gateway.refuses(call, ProcessingRestricted).await;
    gateway.close().await;
}

fn listed(keys: &[(&ApiKey, bool)]) -> String {
    let mut text = "keys:\n".to_owned();
    for (key, revoked) in keys {
        let entry = &key.entry;
        text.push_str(&format!(
            "  - {{ id: \"{}\", name: {}, hash: \"{}\", scopes: [{}], namespace: {}, expires: 2026-06-30, revoked: {revoked} }}\n",
            entry.id,
            entry.name,
            entry.hash,
            entry.scopes.join(", "),
            entry.namespace
        ));
    }
    text
}

#[tokio::test]
async fn an_api_key_opens_what_its_scopes_say_until_it_is_revoked_or_ends() {
    let far = Timestamp::from_millis(1_900_000_000_000);
    let scopes = vec!["lend".to_owned(), "broker".to_owned()];
    let (one, two) = (
        ApiKey::generate("harbour", scopes.clone(), "holders", far),
        ApiKey::generate("quay", scopes, "holders", far),
    );
    let options = Options {
        more: "api_keys: api-keys.yaml\n".to_owned(),
        files: vec![("api-keys.yaml", listed(&[(&one, false), (&two, false)]))],
        ..Options::default()
    };
    let gateway = Gateway::with(options).await;
    gateway.upstream.answer(Reply::json(r#"{"approved": true}"#));
    let body = loan(&format!("\"{}\"", canary::OTHER));
    let call = Call::json("/v1/loans/3/decide", body);
    let (as_bearer, as_header) =
        (call.clone().bearer(&one.text), call.clone().header("consentry-api-key", &two.text));
    for call in [&as_bearer, &as_header] {
        gateway.send(call.clone()).await.ok();
        let seen = gateway.upstream.one();
        assert!(!seen.headers.contains_key("consentry-api-key"));
    }
    gateway.refuses(Call::json("/v1/churn/score", clean_body()).bearer(&one.text), ScopeMissing).await;
    let forged = format!("{}0", &one.text[..one.text.len() - 1]);
    let forged = if forged == *one.text { format!("{}1", &one.text[..one.text.len() - 1]) } else { forged };
    gateway.refuses(call.clone().bearer(&forged), TokenInvalid).await;
    gateway.refuses(call.clone().header("consentry-api-key", &forged), TokenInvalid).await;
    gateway.refuses(as_bearer.clone().header("consentry-api-key", &two.text), RequestMalformed).await;

    write(gateway.folder.path(), "api-keys.yaml", &listed(&[(&one, true), (&two, false)]));
    gateway.admin.done(Command::Reload {}).await;
    gateway.refuses(as_bearer.clone(), TokenInvalid).await;
    gateway.send(as_header.clone()).await.ok();
    drop(gateway.upstream.take());
    gateway.clock.advance(Duration::from_secs(130 * 86_400));
    gateway.refuses(as_header, TokenInvalid).await;
    gateway.close().await;
}

#[tokio::test]
async fn a_key_set_is_fetched_and_a_rotated_key_is_found() {
    let signers = [("rsa-1", Signer::rsa()), ("ec-1", Signer::ec()), ("ed-1", Signer::ed())];
    let set = |signers: &[(&str, Signer)]| {
        json!({ "keys": signers.iter().map(|(kid, signer)| signer.jwk(kid)).collect::<Vec<_>>() }).to_string()
    };
    let keys = Upstream::start(Reply::json(set(&signers))).await;
    let issuers = format!(
        "  - {{ issuer: \"https://staff.fleuve.example\", jwks: \"http://{}/keys\", audience: {AUDIENCE}, algorithms: [RS256, ES256, EdDSA], namespace: holders }}\n",
        keys.address
    );
    let gateway = Gateway::with(Options { issuers, ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    let claims = but(&gateway.claims(), "iss", json!("https://staff.fleuve.example"));
    // The set is fetched in the background; until it is there, the answer is 503 and says when to ask again.
    let token = signers[0].1.token(Some("rsa-1"), &claims);
    gateway.until(&score(&token), 200, Problem::DependencyUnavailable).await;
    for (kid, signer) in &signers {
        gateway.send(score(&signer.token(Some(kid), &claims))).await.ok();
    }
    drop(gateway.upstream.take());
    let stranger = Signer::ec();
    for (kid, signer) in [("ec-1", &stranger), ("ec-9", &stranger), ("rsa-1", &signers[1].1)] {
        gateway.refuses(score(&signer.token(Some(kid), &claims)), TokenInvalid).await;
    }
    gateway.refuses(score(&signers[0].1.token(Some("rsa-1"), &gateway.claims())), TokenInvalid).await;
    // Rotation: the old key goes, another comes; the unknown key id makes the gateway look, and the first call waits for it.
    let new = [("ec-2", Signer::ec())];
    keys.answer(Reply::json(set(&new)));
    gateway.clock.advance(Duration::from_secs(31));
    let token = new[0].1.token(Some("ec-2"), &claims);
    gateway.send(score(&token)).await.ok();
    drop(gateway.upstream.take());
    gateway.refuses(score(&signers[1].1.token(Some("ec-1"), &claims)), TokenInvalid).await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_told_by_health_and_a_figure() {
    let keys = Upstream::start(Reply::of(500, "text/plain", "no")).await;
    let issuers = format!(
        "  - {{ issuer: \"https://staff.fleuve.example\", jwks: \"http://{}/keys\", audience: {AUDIENCE}, algorithms: [ES256], namespace: holders }}\n",
        keys.address
    );
    let gateway = Gateway::with(Options { issuers, ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    let signer = Signer::ec();
    let claims = but(&gateway.claims(), "iss", json!("https://staff.fleuve.example"));
    let call = score(&signer.token(Some("ec-1"), &claims));
    let health = async || {
        let (status, text) = gateway.admin.send("GET", "/health", Vec::new()).await;
        assert_eq!(status, 200);
        String::from_utf8(text.to_vec()).unwrap()
    };
    let name = "consentry_key_set_unfetched{issuer=\"https://staff.fleuve.example\"}";
    let unfetched = async || figure(&gateway.admin.metrics().await, name);
    gateway.refuses(call.clone(), Problem::DependencyUnavailable).await;
    assert_eq!(unfetched().await, 1);
    let told = health().await;
    let (line, so) = (
        "ok\nthe keys of the issuer `https://staff.fleuve.example` cannot be fetched since ",
        "its tokens are refused",
    );
    assert!(told.starts_with(line) && told.contains(so), "{told}");

    // Nor does a set without a key that may be used: no token would help.
    keys.answer(Reply::json(json!({ "keys": [Signer::ed().jwk("ec-1")] }).to_string()));
    gateway.clock.advance(Duration::from_secs(5));
    gateway.refuses(call.clone(), Problem::DependencyUnavailable).await;
    let told = health().await;
    let line = "ok\nthe keys of the issuer `https://staff.fleuve.example` are none that may be used with its algorithms since ";
    assert!(told.starts_with(line) && told.contains(so), "{told}");
    assert_eq!(unfetched().await, 1);

    let set = json!({ "keys": [signer.jwk("ec-1")] }).to_string();
    keys.answer(Reply::json(set));
    gateway.clock.advance(Duration::from_secs(30));
    gateway.send(call).await.ok();
    assert_eq!((health().await.as_str(), unfetched().await), ("ok\n", 0));
    gateway.close().await;
}

#[tokio::test]
async fn an_answer_before_the_body_leaves_the_connection_good_or_says_that_it_ends() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let gateway = Gateway::start().await;
    let mut stream = gateway.client.stream(b"http/1.1").await;
    let refused = |length: usize| {
        format!(
            "POST /v1/churn/score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut answer = vec![0; 8192];
    // Head and body come apart, and the refusal needs no body: the connection is used on all the same.
    for _ in 0..3 {
        stream.write_all(refused(2).as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        stream.write_all(b"{}").await.unwrap();
        stream.flush().await.unwrap();
        let read = stream.read(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer[..read]).to_lowercase();
        assert!(text.starts_with("http/1.1 401") && !text.contains("connection: close"), "{text}");
    }
    // A body that does not come ends the connection, and the answer says so.
    stream.write_all(refused(1000).as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let read = stream.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..read]).to_lowercase();
    assert!(text.starts_with("http/1.1 401") && text.contains("connection: close"), "{text}");
    gateway.close().await;
}
