//! Transfers to a third country: refused once their instrument has ended, and without a person's consent where they rest
//! on that.

use std::time::Duration;

use consentry::admin::Command;
use consentry::problem::Problem::{ConsentMissing, TransferNotPermitted};

use crate::support::admin::person;
use crate::support::{Gateway, canary, changed, clean_body};

const DAY: Duration = Duration::from_secs(86_400);
const HOST: &str = "agreement: DPA-77, country: FR";

async fn reloaded(gateway: &Gateway, host: &str, purposes: &str) {
    gateway.edit_policy("organisation.yaml", |text| {
        text.replace(HOST, &format!("agreement: DPA-77, {host}"))
            .replace("  offers:  ", &format!("{purposes}  offers:  "))
    });
    gateway.admin.done(Command::Reload {}).await;
}

#[tokio::test]
async fn past_its_last_day_an_instrument_carries_nothing() {
    let gateway = Gateway::with_holder().await;
    let host = "country: IN, transfer_instrument: scc, transfer_valid_until: 2026-03-04";
    reloaded(&gateway, host, "").await;
    gateway.healthy().await;
    gateway.clock.advance(2 * DAY);
    gateway.healthy().await;
    gateway.clock.advance(DAY);
    gateway.refuses(gateway.score(clean_body()), TransferNotPermitted).await;
    let shown = gateway.admin.done(Command::AuditShow { from: 1, count: 1000 }).await.says;
    assert!(shown.contains("transfer-not-permitted"), "the refusal is evidence: {shown}");
    gateway.edit_policy("organisation.yaml", |text| text.replace("2026-03-04", "2026-04-04"));
    gateway.admin.done(Command::Reload {}).await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_derogation_needs_the_persons_own_consent_and_ends_with_it() {
    let gateway = Gateway::start().await;
    let host = "country: IN, transfer_instrument: derogation, transfer_consent: to-india";
    let purpose = "  to-india: { says: \"to send your data to India, where no law protects it as here\", notice_version: 3 }\n";
    reloaded(&gateway, host, purpose).await;
    gateway.admin.grant(canary::HOLDER, "to-india").await;
    gateway.refuses(gateway.score(clean_body()), ConsentMissing).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    let method = "page".to_owned();
    let withdraw =
        Command::ConsentWithdraw { person: person(canary::HOLDER), purpose: "to-india".into(), method };
    let reply = gateway.admin.done(withdraw).await;
    assert!(reply.says.contains("it binds from now on"), "{}", reply.says);
    assert_eq!(
        reply.read::<serde_json::Value>().unwrap()["rests"],
        serde_json::json!(["callback", "churn", "loans", "offers"])
    );
    gateway.refuses(gateway.score(clean_body()), TransferNotPermitted).await;
    gateway.admin.grant(canary::HOLDER, "to-india").await;
    gateway.healthy().await;
    // Another wording was agreed to than the one in force.
    gateway.edit_policy("organisation.yaml", |text| text.replace("notice_version: 3", "notice_version: 4"));
    gateway.admin.done(Command::Reload {}).await;
    gateway.refuses(gateway.score(clean_body()), TransferNotPermitted).await;
    gateway.admin.grant(canary::HOLDER, "to-india").await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_text_that_identifies_does_not_go_to_who_may_have_pseudonyms_only() {
    let gateway = Gateway::with_holder().await;
    let host = "country: IN, transfer_instrument: scc, pseudonymize_before_transfer: true";
    let slogan = |text: &str| changed(r#""birth_year""#, &format!(r#""slogan": "{text}", "birth_year""#));
    let telling = slogan("buy more, says ada.lovelace@example.org");
    gateway.send(gateway.score(telling.clone())).await.ok();
    drop(gateway.upstream.take());
    reloaded(&gateway, host, "").await;
    gateway.healthy().await;
    gateway.send(gateway.score(slogan("buy more, says everybody, 4111 times"))).await.ok();
    drop(gateway.upstream.take());
    for text in [
        "buy more, says ada.lovelace@example.org",
        "ada.lovelace\\u0040example.org",
        "to NL91ABNA0417164300 please",
        "card 4111 1111 1111 1111",
        "call +33 6 12 34 56 78",
    ] {
        let refused = gateway.refuses(gateway.score(slogan(text)), TransferNotPermitted).await;
        assert_eq!(refused.json()["field"], "slogan");
    }
    // What a field's own detection leaves is looked through as well.
    gateway.edit_policy("churn.yaml", |text| {
        text.replace(
            "refuse: [html], upstream: unchanged",
            "refuse: [html], upstream: { detect: { kinds: [email], replace_by: mask } }",
        )
    });
    gateway.admin.done(Command::Reload {}).await;
    gateway.send(gateway.score(telling)).await.ok();
    drop(gateway.upstream.take());
    gateway.refuses(gateway.score(slogan("NL91ABNA0417164300")), TransferNotPermitted).await;
    gateway.close().await;
}
