//! What data subjects may ask, carried out through the administration: over its socket, and over TLS with tokens.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::time::Duration;

use consentry::admin::{Command, PersonId, new_token};
use consentry::problem::Problem::{ConsentMissing, ObjectionRaised, ProcessingRestricted};
use http::Method;
use serde_json::json;

use crate::support::admin::person;
use crate::support::client::Client;
use crate::support::{Call, Gateway, Options, canary, clean_body};

#[tokio::test]
async fn what_a_person_said_is_shown_in_their_own_order() {
    let gateway = Gateway::start().await;
    assert!(gateway.admin.show(canary::HOLDER).await.contains("said nothing"));
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    let shown = gateway.admin.show(canary::HOLDER).await;
    let expected = "churn-forecast (notice version 2, fr): given 2026-03-02T10:00:00Z by page, expires 2026-05-31T10:00:00Z";
    assert_eq!(shown.trim(), expected);
    gateway.clock.advance(Duration::from_secs(60));
    gateway.admin.withdraw(canary::HOLDER, "churn-forecast").await;
    let shown = gateway.admin.show(canary::HOLDER).await;
    assert!(shown.contains("withdrawn 2026-03-02T10:01:00Z by spoken"), "{shown}");
    gateway.admin.done(Command::Restrict { person: person(canary::HOLDER), lift: false }).await;
    let object =
        Command::Object { person: person(canary::HOLDER), purpose: "offers".to_owned(), lift: false };
    gateway.admin.done(object).await;
    let shown = gateway.admin.show(canary::HOLDER).await;
    assert!(shown.contains("restrict") && shown.contains("object") && shown.contains("to offers"), "{shown}");
    assert!(gateway.admin.show(canary::OTHER).await.contains("said nothing"), "nobody else said anything");
    gateway.close().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_said_so_and_changes_nothing() {
    let gateway = Gateway::start().await;
    let grant = |purpose: &str, method: &str| Command::ConsentGrant {
        person: person(canary::HOLDER),
        purpose: purpose.to_owned(),
        language: "fr".to_owned(),
        method: method.to_owned(),
    };
    let object =
        Command::Object { person: person(canary::HOLDER), purpose: "dowsing".to_owned(), lift: false };
    for command in [grant("world-domination", "page"), grant("churn-forecast", "telepathy"), object] {
        let (status, reply) = gateway.admin.ask(&command).await;
        assert_eq!((status.as_u16(), reply.done), (422, false), "{}", reply.says);
        assert!(!reply.says.is_empty());
    }
    let nowhere = PersonId { namespace: "customers".to_owned(), ..person(canary::HOLDER) };
    let (status, reply) = gateway.admin.ask(&Command::ConsentShow { person: nowhere }).await;
    assert_eq!((status.as_u16(), reply.done), (422, false), "{}", reply.says);
    assert!(
        reply.says.contains("there are: holders.") && reply.says.contains("`--namespace`"),
        "{}",
        reply.says
    );
    let reason = "curiosity".to_owned();
    let (status, reply) =
        gateway.admin.ask(&Command::Access { person: person(canary::HOLDER), reason }).await;
    assert_eq!((status.as_u16(), reply.done), (422, false), "{}", reply.says);
    for told in ["`curiosity`", "subject-access, complaint"] {
        assert!(reply.says.contains(told), "{}", reply.says);
    }
    for body in ["", "{}", "[]", r#"{"command": "erase"}"#, r#"{"command": "reload", "force": true}"#] {
        let (status, body) = gateway.admin.send("POST", "/v1/commands", body.as_bytes().to_vec()).await;
        assert_eq!(status, 400);
        let reply: consentry::admin::Reply = serde_json::from_slice(&body).unwrap();
        assert!(!reply.done && !reply.says.contains("serde"), "{}", reply.says);
    }
    assert_eq!(gateway.admin.send("GET", "/v1/commands", Vec::new()).await.0, 405);
    assert_eq!(gateway.admin.send("POST", "/v1/churn/score", Vec::new()).await.0, 404);
    assert!(gateway.admin.show(canary::HOLDER).await.contains("said nothing"));
    gateway.close().await;
}

#[tokio::test]
async fn a_purpose_that_is_gone_can_be_withdrawn_from_and_not_be_objected_to() {
    let gateway = Gateway::start().await;
    let pilot = "  pilot: { says: \"to try something\", notice_version: 1 }\nconsent:";
    gateway.edit_policy("organisation.yaml", |text| text.replace("consent:", pilot));
    gateway.admin.done(Command::Reload {}).await;
    gateway.admin.grant(canary::HOLDER, "pilot").await;
    gateway.edit_policy("organisation.yaml", |text| text.replace(pilot, "consent:"));
    gateway.admin.done(Command::Reload {}).await;
    let object = Command::Object { person: person(canary::HOLDER), purpose: "pilot".to_owned(), lift: false };
    let (status, reply) = gateway.admin.ask(&object).await;
    assert_eq!((status.as_u16(), reply.done), (422, false), "{}", reply.says);
    assert!(reply.says.contains("there are: churn-forecast,"), "{}", reply.says);
    gateway.admin.withdraw(canary::HOLDER, "pilot").await;
    assert!(gateway.admin.show(canary::HOLDER).await.contains("withdrawn"));
    gateway.close().await;
}

#[tokio::test]
async fn an_erasure_leaves_nothing_that_opens_and_forgets_no_restriction() {
    let gateway = Gateway::with_holder().await;
    gateway.admin.grant(canary::OTHER, "churn-forecast").await;
    gateway.healthy().await;
    gateway.healthy().await;
    let other = Call::json("/v1/churn/score", clean_body()).bearer(&gateway.token(canary::OTHER, &["score"]));
    gateway.send(other).await.ok();
    drop(gateway.upstream.take());
    gateway.admin.done(Command::Restrict { person: person(canary::HOLDER), lift: false }).await;
    let reply = gateway.admin.done(Command::Erase { person: person(canary::HOLDER) }).await;
    assert!(reply.says.contains("1 keys destroyed, 2 records deleted"), "{}", reply.says);
    let rows = gateway.store().records("churn", None, 0, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(gateway.opened(&rows[0]).await.is_some(), "the other holder's record is untouched");
    // Erasing must not re-open processing: the restriction stands, the consent is gone.
    gateway.refuses(gateway.score(clean_body()), ProcessingRestricted).await;
    gateway.admin.done(Command::Restrict { person: person(canary::HOLDER), lift: true }).await;
    gateway.refuses(gateway.score(clean_body()), ConsentMissing).await;
    gateway.admin.done(Command::Erase { person: person("nobody-ever-seen") }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn an_objection_says_what_it_stops_and_what_goes_on() {
    let gateway = Gateway::start().await;
    for (purpose, stops, goes_on, says) in [
        ("offers", json!(["offers"]), json!(["callback"]), "It stops offers."),
        ("credit-decision", json!([]), json!(["loans"]), "It stops nothing."),
        ("churn-forecast", json!([]), json!(["churn"]), "`consent withdraw`"),
    ] {
        let (person, purpose) = (person(canary::HOLDER), purpose.to_owned());
        let reply = gateway.admin.done(Command::Object { person, purpose, lift: false }).await;
        assert_eq!(reply.read::<serde_json::Value>().unwrap(), json!({ "stops": stops, "goes_on": goes_on }));
        assert!(reply.says.contains(says) && reply.says.contains("`erase`"), "{}", reply.says);
        assert_eq!(reply.says.contains("binds from now on"), stops != json!([]), "{}", reply.says);
    }
    assert!(gateway.admin.show(canary::HOLDER).await.contains("objection to credit-decision since 2026-"));
    gateway.close().await;
}

/// As the page on rights says: it is made of the value and its domain's secret, and an erasure touches neither.
#[tokio::test]
async fn a_pseudonym_outlives_an_erasure() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    let mut sent = Vec::new();
    for _ in 0..2 {
        gateway.send(gateway.score(clean_body())).await.ok();
        sent.push(gateway.upstream.one().text().to_owned());
        gateway.admin.done(Command::Erase { person: person(canary::HOLDER) }).await;
        gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    }
    assert!(sent[0].contains("\"p1_"), "{}", sent[0]);
    assert_eq!(sent[0], sent[1]);
    gateway.close().await;
}

/// Where processing rests on another ground, neither a consent nor its withdrawal changes anything.
#[tokio::test]
async fn a_word_about_consent_says_what_rests_on_it_and_what_goes_on() {
    let gateway = Gateway::start().await;
    let who = || person(canary::HOLDER);
    for (purpose, rests, goes_on) in [
        ("offers", json!([]), json!(["callback", "offers"])),
        ("credit-decision", json!([]), json!(["loans"])),
        ("churn-forecast", json!(["churn"]), json!([])),
    ] {
        let (language, method) = (|| "fr".to_owned(), || "page".to_owned());
        let (grant, refuse, withdraw) = (
            Command::ConsentGrant {
                person: who(),
                purpose: purpose.into(),
                language: language(),
                method: method(),
            },
            Command::ConsentRefuse {
                person: who(),
                purpose: purpose.into(),
                language: language(),
                method: method(),
            },
            Command::ConsentWithdraw { person: who(), purpose: purpose.into(), method: method() },
        );
        for (command, nothing, binds) in [
            (grant, "It permits nothing: no activity rests on it.", false),
            (withdraw, "It stops nothing: no activity rests on it.", true),
            (refuse, "It stops nothing: no activity rests on it.", false),
        ] {
            let (name, gives) = (command.name(), matches!(command, Command::ConsentGrant { .. }));
            let reply = gateway.admin.done(command).await;
            let data = reply.read::<serde_json::Value>().unwrap();
            assert_eq!((&data["rests"], &data["goes_on"]), (&rests, &goes_on), "{name} {purpose}");
            let says = reply.says;
            let idle = rests == json!([]);
            assert_eq!(says.contains(nothing), idle, "{says}");
            assert_eq!(says.contains("binds from now on"), binds && !idle, "{says}");
            assert_eq!(says.contains("`restrict`") && says.contains("`erase`"), idle && !gives, "{says}");
            let object = says.contains("`object` stops offers (Art. 21)");
            assert_eq!(object, purpose == "offers" && !gives, "{says}");
        }
    }
    gateway.close().await;
}

/// A mistyped name must not look done; what is done is the same.
#[tokio::test]
async fn of_somebody_unknown_it_is_said_that_nobody_is_known() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    let (method, purpose) = (|| "spoken".to_owned(), || "churn-forecast".to_owned());
    let unknown = "nobody was known here under this identifier in the namespace `holders`";
    for (who, known) in [(canary::HOLDER, true), ("mistyped", false)] {
        let access = Command::Access { person: person(who), reason: "subject-access".into() };
        assert_eq!(gateway.admin.data(access).await["known"], known);
        let erased = gateway.admin.done(Command::Erase { person: person(who) }).await.says;
        assert_eq!(erased.contains("The person's data is erased"), known, "{erased}");
        assert_eq!(erased.contains("`holders`, so nothing was there to erase"), !known, "{erased}");
        assert_eq!(erased.contains("0 keys destroyed, 0 records deleted."), !known, "{erased}");
    }
    for (number, command) in [
        |person| Command::Restrict { person, lift: false },
        |person| Command::Restrict { person, lift: true },
        |person| Command::Object { person, purpose: "offers".into(), lift: true },
        |person| Command::Object { person, purpose: "offers".into(), lift: false },
    ]
    .into_iter()
    .enumerate()
    {
        let stranger = || person(&format!("mistyped-{number}"));
        let says = gateway.admin.done(command(stranger())).await.says;
        assert!(says.contains(unknown), "{says}");
        // Who was erased, and is restricted, is somebody known.
        gateway.admin.done(Command::Restrict { person: stranger(), lift: false }).await;
        gateway.admin.done(Command::Erase { person: stranger() }).await;
        let says = gateway.admin.done(command(stranger())).await.says;
        assert!(!says.contains(unknown), "{says}");
    }
    let withdraw =
        |who| Command::ConsentWithdraw { person: person(who), purpose: purpose(), method: method() };
    assert!(gateway.admin.done(withdraw("mistyped")).await.says.contains(unknown));
    // The first that is heard of many is that they agree.
    let (person, language) = (person("somebody new"), "fr".to_owned());
    let grant = Command::ConsentGrant { person, purpose: purpose(), language, method: method() };
    assert!(!gateway.admin.done(grant).await.says.contains(unknown));
    assert!(!gateway.admin.done(withdraw("somebody new")).await.says.contains(unknown));
    gateway.close().await;
}

#[tokio::test]
async fn an_objection_survives_an_erasure() {
    let gateway = Gateway::start().await;
    let object =
        Command::Object { person: person(canary::HOLDER), purpose: "offers".to_owned(), lift: false };
    gateway.admin.done(object).await;
    gateway.admin.done(Command::Erase { person: person(canary::HOLDER) }).await;
    let call = Call::json("/v1/offers", r#"{"interest": "bees"}"#);
    gateway.refuses(call.bearer(&gateway.token(canary::HOLDER, &["shop"])), ObjectionRaised).await;
    gateway.close().await;
}

#[tokio::test]
async fn what_comes_to_its_term_goes_and_nothing_before_it() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    gateway.clock.advance(Duration::from_secs(13 * 86_400));
    gateway.healthy().await;
    let retention = || gateway.admin.data(Command::Retention {});
    assert_eq!(retention().await["records"], 0);
    gateway.clock.advance(Duration::from_secs(86_400 + 1));
    let done = retention().await;
    assert_eq!((&done["records"], &done["keys"]), (&json!(1), &json!(1)));
    assert!(gateway.kept("churn").await.is_some(), "the younger one stays");
    gateway.clock.advance(Duration::from_secs(13 * 86_400));
    assert_eq!(retention().await["records"], 1);
    assert_eq!(retention().await["records"], 0);
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn the_audit_agrees_with_a_checkpoint_kept_elsewhere_and_with_no_other() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    let checkpoint = gateway.admin.done(Command::AuditCheckpoint {}).await.says;
    gateway.healthy().await;
    let verify = |against: &str| Command::AuditVerify { against: Some(against.to_owned()) };
    let entries = |data: &serde_json::Value| data["entries"].as_u64().unwrap();
    let first = gateway.admin.data(verify(&checkpoint)).await;
    gateway.healthy().await;
    let later = gateway.admin.data(verify(&checkpoint)).await;
    assert!(entries(&later) > entries(&first));
    let (status, reply) = gateway.admin.ask(&verify("no checkpoint")).await;
    assert_eq!((status.as_u16(), reply.done), (422, false));
    let other = Gateway::with_holder().await;
    other.healthy().await;
    other.healthy().await;
    let foreign = other.admin.done(Command::AuditCheckpoint {}).await.says;
    let (_, reply) = gateway.admin.ask(&verify(&foreign)).await;
    assert!(!reply.done && reply.says.contains("NOT in order"), "{}", reply.says);
    other.close().await;
    gateway.close().await;
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_tells_health_and_figures() {
    let gateway = Gateway::with_holder().await;
    let socket = std::fs::metadata(gateway.folder.path().join("admin.sock")).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    gateway.healthy().await;
    gateway.refuses(gateway.score("{}"), consentry::problem::Problem::FieldInvalid).await;
    let (status, body) = gateway.admin.send("GET", "/health", Vec::new()).await;
    assert_eq!((status.as_u16(), body.as_ref()), (200, b"ok\n".as_slice()));
    let metrics = gateway.admin.metrics().await;
    for figure in ["activity=\"churn\"", "problem=\"field-invalid\"", "# EOF"] {
        assert!(metrics.contains(figure), "{figure}: {metrics}");
    }
    gateway.close().await;
}

#[tokio::test]
async fn over_tls_a_token_does_what_its_role_covers() {
    let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let tokens = ["operator", "officer", "auditor"].map(|role| (role, new_token()));
    let lines = tokens.iter().map(|(role, (_, hash))| {
        format!("    - {{ name: the-{role}, role: {role}, hash: \"sha256:{}\" }}\n", hex(*hash))
    });
    let admin = format!(
        "  https: \"127.0.0.1:0\"\n  certificate: server.pem\n  key: server.key\n  tokens:\n{}",
        lines.collect::<String>()
    );
    let gateway = Gateway::with(Options { admin, ..Options::default() }).await;
    let client = Client::new(gateway.admin_address().unwrap(), &gateway.folder.path().join("ca.pem"));
    let ask = |command: &Command| Call::json("/v1/commands", serde_json::to_vec(command).unwrap());
    let erase = Command::Erase { person: person(canary::HOLDER) };
    let verify = Command::AuditVerify { against: None };
    let reload = Command::Reload {};
    let [operator, officer, auditor] = tokens.map(|(_, (token, _))| token);
    for (command, may) in
        [(&erase, [false, true, false]), (&verify, [false, true, true]), (&reload, [true, false, false])]
    {
        for (token, may) in [&operator, &officer, &auditor].into_iter().zip(may) {
            let answer = client.send(ask(command).bearer(token)).await;
            assert_eq!(answer.status, if may { 200 } else { 403 }, "{} {answer:?}", command.name());
            assert_eq!(answer.json()["done"], may);
        }
        for call in
            [ask(command), ask(command).bearer("ca_wrong"), ask(command).header("authorization", &operator)]
        {
            let answer = client.send(call).await;
            assert_eq!(answer.status, 401);
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        }
    }
    let figures = |token: &str| client.send(Call::new(Method::GET, "/metrics").bearer(token));
    assert_eq!(figures(&operator).await.status, 200);
    assert_eq!(figures(&auditor).await.status, 403);
    assert_eq!(client.send(Call::get("/metrics")).await.status, 401);
    assert_eq!(client.send(Call::get("/health")).await.status, 200);
    // On the callers' listener there is no administration.
    use consentry::problem::Problem::RouteUnknown;
    gateway.refuses(ask(&reload).bearer(&operator), RouteUnknown).await;
    gateway.close().await;
}

/// A policy that goes takes with it what says on what its records rest.
#[tokio::test]
async fn a_withdrawal_names_what_it_leaves() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    let withdraw = || {
        let (person, method) = (person(canary::HOLDER), "spoken".to_owned());
        Command::ConsentWithdraw { person, purpose: "churn-forecast".to_owned(), method }
    };
    gateway.edit_policy("churn.yaml", |text| text.replace("activity: churn\n", "activity: leaving\n"));
    gateway.rename_policy("churn.yaml", "leaving.yaml");
    for other in ["churn-study.yaml", "churn-answers.yaml"] {
        gateway.edit_policy(other, |text| text.replace("records_of: churn\n", "records_of: leaving\n"));
    }
    gateway.admin.done(Command::Reload {}).await;
    let left = gateway.admin.done(withdraw()).await;
    assert!(left.says.contains("for churn stay"), "{}", left.says);
    let told = json!({ "rests": ["leaving"], "goes_on": [], "unnamed": ["churn"] });
    assert_eq!(left.read::<serde_json::Value>().unwrap(), told);
    gateway.admin.done(Command::Erase { person: person(canary::HOLDER) }).await;
    gateway.close().await;
}
