//! Reload: what is good comes into force whole, what is not changes nothing, and nobody under way notices.

use std::sync::Arc;

use consentry::admin::Command;
use consentry::problem::Problem::{ActivityClosed, FieldInvalid, FieldNotPermitted, RouteUnknown};

use crate::support::gateway::{RISK, write};
use crate::support::load::Callers;
use crate::support::{Call, Gateway, Options, Reply, canary, changed, clean_body};

#[tokio::test]
async fn a_good_set_is_swapped_and_a_bad_one_says_all_and_changes_nothing() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    gateway.edit_policy("churn.yaml", |text| {
        text.replace("1900..2030", "1950..2030").replace("/v1/live", "/v1/alive")
    });
    let before = gateway.score(changed("1987", "1940"));
    gateway.send(before.clone()).await.ok();
    drop(gateway.upstream.take());
    let reply = gateway.admin.done(Command::Reload {}).await;
    assert!(reply.says.starts_with("In force: 6 activities"), "{}", reply.says);
    gateway.refuses(before.clone(), FieldInvalid).await.at("birth_year");
    gateway.refuses(Call::get("/v1/live"), RouteUnknown).await;
    gateway.healthy().await;

    gateway.edit_policy("churn.yaml", |text| {
        text.replace("1950..2030", "1900..")
            .replace("purpose: churn-forecast", "purpose: churn-foreboding")
            .replace("retention: 14d after exchange", "retention: a while")
            .replace("format: email", "format: e-mail")
            .replace("keep_last: 3", "keep_last: three")
    });
    gateway.edit_policy("offers.yaml", |text| text.replace("any_scope", "some_scope"));
    let (status, reply) = gateway.admin.ask(&Command::Reload {}).await;
    assert!(status.is_success() && !reply.done);
    assert!(reply.says.contains("what was in force stays in force"), "{}", reply.says);
    for mistake in
        ["churn-foreboding", "a while", "e-mail", "three", "some_scope", "churn.yaml", "offers.yaml"]
    {
        assert!(reply.says.contains(mistake), "{mistake} is not in {}", reply.says);
    }
    gateway.refuses(before, FieldInvalid).await;
    gateway.healthy().await;

    for entry in std::fs::read_dir(gateway.folder.path().join("policies")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
    assert!(!reply.done, "an empty folder is not allow-all: {}", reply.says);
    gateway.healthy().await;
    let metrics = gateway.admin.metrics().await;
    assert!(metrics.contains("reload"), "{metrics}");
    gateway.close().await;
}

#[tokio::test]
async fn an_exchange_sees_one_set_from_start_to_end() {
    let gateway = Gateway::with_holder().await;
    gateway.upstream.answer(Reply::Held(Box::new(Reply::json(RISK))));
    let (client, call) = (gateway.client.clone(), gateway.score(clean_body()));
    let under_way = tokio::spawn(async move { client.send(call).await });
    gateway.upstream.arrival().await;
    gateway.edit_policy("churn.yaml", |text| {
        text.replace("range: 0..1, caller: unchanged", "range: 0..1, caller: leave_out")
    });
    gateway.admin.done(Command::Reload {}).await;
    gateway.upstream.release();
    assert_eq!(under_way.await.unwrap().ok().text(), RISK);
    gateway.upstream.answer(Reply::json(RISK));
    assert_eq!(gateway.send(gateway.score(clean_body())).await.ok().text(), "{}");
    gateway.close().await;
}

#[tokio::test]
async fn calls_under_load_do_not_notice_a_reload() {
    let gateway = Gateway::with_holder().await;
    let callers = Callers::begin(&gateway, 4).await;
    for round in 0..8 {
        let seen = callers.done();
        let (from, to) =
            if round % 2 == 0 { ("keep_last: 3", "keep_last: 2") } else { ("keep_last: 2", "keep_last: 3") };
        gateway.edit_policy("churn.yaml", |text| text.replace(from, to));
        gateway.admin.done(Command::Reload {}).await;
        callers.reach(seen + 8).await;
    }
    let done = callers.end().await;
    assert_eq!(gateway.upstream.take().len(), done);
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn policies_that_are_not_in_force_are_kept_for_who_holds_them_and_no_longer() {
    let gateway = Gateway::with_holder().await;
    let held = gateway.live();
    let before = Arc::downgrade(&held);
    gateway.edit_policy("churn.yaml", |text| text.replace("keep_last: 3", "keep_last: 2"));
    gateway.admin.done(Command::Reload {}).await;
    gateway.sweep();
    assert!(!Arc::ptr_eq(&held, &gateway.live()));
    drop(held);
    gateway.healthy().await;
    gateway.sweep();
    assert!(before.upgrade().is_none(), "what nobody holds is in memory still");
    gateway.close().await;
}

#[tokio::test]
async fn certificates_are_swapped_and_no_connection_is_dropped() {
    let gateway = Gateway::with_holder().await;
    let mut old_1 = gateway.client.http1().await;
    let mut old_2 = gateway.client.http2().await;
    let call = || gateway.score(clean_body());
    let first = gateway.client.certificate().await;
    old_1.send(call()).await.unwrap().ok();
    gateway.authority.sign(gateway.folder.path());
    gateway.admin.done(Command::Reload {}).await;
    let second = gateway.client.certificate().await;
    assert_ne!(first, second);
    old_1.send(call()).await.unwrap().ok();
    old_2.send(call()).await.unwrap().ok();
    // A key of another certificate, and no key at all: those in force stay.
    let key = std::fs::read_to_string(gateway.folder.path().join("server.key")).unwrap();
    gateway.authority.sign(gateway.folder.path());
    for wrong in [key.as_str(), "", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        write(gateway.folder.path(), "server.key", wrong);
        let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
        assert!(!reply.done && reply.says.contains("server."), "{}", reply.says);
        assert_eq!(gateway.client.certificate().await, second);
    }
    old_1.send(call()).await.unwrap().ok();
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

/// Policies and what they need come into force together: a key that one of them names is not in order, and none of it is.
#[tokio::test]
async fn a_mistake_in_what_policies_need_keeps_all_of_them_from_coming_into_force() {
    let gateway = Gateway::with(Options { more: "reload: by_command\n".into(), ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.edit_policy("churn.yaml", |text| {
        text.replace("upstream: { redact: \"(a remark)\" }", "upstream: refuse_if_present")
    });
    let key = std::fs::read_to_string(gateway.folder.path().join("partner.fernet")).unwrap();
    write(gateway.folder.path(), "partner.fernet", "no key");
    let before = gateway.client.certificate().await;
    gateway.authority.sign(gateway.folder.path());
    let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
    assert!(!reply.done && reply.says.contains("what was in force stays in force"), "{}", reply.says);
    assert!(reply.says.contains("partner"), "{}", reply.says);
    // A certificate is no matter of theirs.
    assert!(
        reply.says.ends_with("Certificates and API keys are in force as their files are."),
        "{}",
        reply.says
    );
    assert_ne!(gateway.client.certificate().await, before);
    let remark = changed("}]}", &format!("}}], \"remark\": \"{}\"}}", canary::REMARK));
    gateway.send(gateway.score(remark.clone())).await.ok();
    drop(gateway.upstream.take());
    write(gateway.folder.path(), "partner.fernet", &key);
    gateway.admin.done(Command::Reload {}).await;
    gateway.refuses(gateway.score(remark), FieldNotPermitted).await.at("remark");
    gateway.close().await;
}

/// `mode: closed` is the emergency stop: it is not to wait for anybody's certificate.
#[tokio::test]
async fn a_certificate_or_api_keys_that_are_bad_hold_no_policy_back_and_are_told() {
    let gateway = Gateway::with(Options {
        more: "api_keys: api-keys.yaml\nreload: by_command\n".into(),
        files: vec![("api-keys.yaml", "keys: []\n".into())],
        ..Options::default()
    })
    .await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    let certificate = gateway.client.certificate().await;
    write(gateway.folder.path(), "server.key", "");
    write(gateway.folder.path(), "api-keys.yaml", "keys:\n  - { id: 1, nmae: crm }\n");
    gateway.edit_policy("churn.yaml", |text| format!("mode: closed\n{text}"));
    let (status, reply) = gateway.admin.ask(&Command::Reload {}).await;
    assert!(status.is_success() && !reply.done, "{}", reply.says);
    for says in [
        "In force: 6 activities",
        "NOT in force, the certificate before stays: ",
        "server.key cannot be read as PEM",
        "NOT in force, the API keys before stay",
        "api-keys.yaml:2",
        "nmae",
    ] {
        assert!(reply.says.contains(says), "{says} is not in {}", reply.says);
    }
    assert!(!reply.says.contains("policies are not valid"), "{}", reply.says);
    gateway.refuses(gateway.score(clean_body()), ActivityClosed).await;
    assert_eq!(gateway.client.certificate().await, certificate);
    let metrics = gateway.admin.metrics().await;
    for line in [
        "consentry_reloads_total{result=\"accepted\"} 1\n",
        "consentry_policies_refused 0\n",
        "consentry_api_keys_refused 1\n",
        "consentry_certificates_refused 1\n",
        "consentry_certificates_unseen 0\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let health = gateway.admin.send("GET", "/health", Vec::new()).await.1;
    let health = String::from_utf8(health.to_vec()).unwrap();
    assert!(
        health.contains("the file of API keys is NOT in force") && health.contains("server.key"),
        "{health}"
    );
    assert!(!health.contains("what is saved is NOT in force"), "{health}");
    // It was a command, and it put policies in force: both are evidence.
    let audit = gateway.admin.done(Command::AuditShow { from: 1, count: 1000 }).await.says;
    assert_eq!(audit.matches("\"administered\"").count(), 1, "{audit}");

    gateway.authority.sign(gateway.folder.path());
    write(gateway.folder.path(), "api-keys.yaml", "keys: []\n");
    let reply = gateway.admin.done(Command::Reload {}).await;
    assert!(!reply.says.contains("NOT"), "{}", reply.says);
    assert_ne!(gateway.client.certificate().await, certificate);
    assert_eq!(gateway.admin.send("GET", "/health", Vec::new()).await.1, "ok\n");
    gateway.close().await;
}
