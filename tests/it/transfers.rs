//! Transfers to a third country: refused once their instrument has ended, and without a person's consent where they rest
//! on that.

use std::time::Duration;

use consentry::admin::Command;
use consentry::problem::Problem::{ConsentMissing, TransferNotPermitted};

use crate::support::{Gateway, canary, clean_body};

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
    gateway.admin.withdraw(canary::HOLDER, "to-india").await;
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
