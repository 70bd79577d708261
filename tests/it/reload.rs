//! Reload: what is good comes into force whole, what is not changes nothing, and nobody under way notices.

use std::sync::Arc;

use consentry::admin::Command;
use consentry::problem::Problem::{FieldInvalid, FieldNotPermitted, RouteUnknown};

use crate::support::gateway::{RISK, write};
use crate::support::load::Callers;
use crate::support::{Call, Gateway, Reply, canary, changed, clean_body};

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

#[tokio::test]
async fn a_mistake_in_one_file_keeps_the_others_from_coming_into_force() {
    let gateway = Gateway::with_holder().await;
    gateway.edit_policy("churn.yaml", |text| {
        text.replace("upstream: { redact: \"(a remark)\" }", "upstream: refuse_if_present")
    });
    write(gateway.folder.path(), "server.key", "");
    let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
    assert!(!reply.done);
    let remark = changed("}]}", &format!("}}], \"remark\": \"{}\"}}", canary::REMARK));
    gateway.send(gateway.score(remark.clone())).await.ok();
    drop(gateway.upstream.take());
    gateway.authority.sign(gateway.folder.path());
    gateway.admin.done(Command::Reload {}).await;
    gateway.refuses(gateway.score(remark), FieldNotPermitted).await.at("remark");
    gateway.healthy().await;
    gateway.close().await;
}
