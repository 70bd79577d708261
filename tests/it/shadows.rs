//! Shadows: held against live traffic, counted, and otherwise not there.

use std::time::Duration;

use consentry::admin::Command;
use consentry::problem::Problem::{ConsentMissing, FieldInvalid, FieldNotPermitted};
use serde_json::{Value, json};

use crate::living::figure;
use crate::support::gateway::{RISK, write};
use crate::support::{Call, Gateway, Reply, canary, changed, clean_body};

const CHURN: &str = include_str!("policies/churn.yaml");

fn shadow(change: impl FnOnce(String) -> String) -> String {
    let text = CHURN.replace("activity: churn\n", "activity: churn-next\nshadows: churn\n");
    change(text.replace("pseudonymization_domain: churn\n", "").replace("Foreseeing", "Dreaming of"))
}

impl Gateway {
    async fn shadowed(&self, change: impl FnOnce(String) -> String) {
        write(self.folder.path(), "policies/churn-next.yaml", &shadow(change));
        self.admin.done(Command::Reload {}).await;
    }

    /// The shadow's report, once it has looked at so many exchanges.
    async fn shadow(&self, exchanges: u64) -> Value {
        for _ in 0..1200 {
            let data = self.admin.data(Command::Drift {}).await;
            let report = data["shadows"][0].clone();
            assert!(report["exchanges"].as_u64().unwrap() <= exchanges, "{report}");
            if report["exchanges"] == exchanges {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the shadow has not looked after half a minute");
    }
}

#[tokio::test]
async fn a_stricter_shadow_is_counted_and_nobody_notices() {
    let gateway = Gateway::with_holder().await;
    let phone = changed("\"email\"", &format!("\"phone\": \"{}\", \"email\"", canary::PHONE));
    let early = changed("1987", "1940");
    let mut before = Vec::new();
    for body in [clean_body(), phone.clone(), early.clone()] {
        let answer = gateway.send(gateway.score(body)).await.ok();
        before.push((answer.body, gateway.upstream.one().body));
    }
    gateway
        .shadowed(|text| {
            text.replace("upstream: { mask: { keep_last: 3 } }", "upstream: leave_out")
                .replace("1900..2030", "1950..2030")
                .replace(
                    "stored: encrypted, export: unchanged }\n    visits",
                    "stored: leave_out }\n    visits",
                )
        })
        .await;
    let kept = gateway.kept("churn").await;
    for (body, (answer, seen)) in [clean_body(), phone, early].into_iter().zip(before) {
        let now = gateway.send(gateway.score(body)).await.ok();
        assert_eq!((now.body, gateway.upstream.one().body), (answer, seen), "not a byte is another");
    }
    let report = gateway.shadow(3).await;
    assert_eq!(report["outcomes"], json!({ "stricter": 3 }), "{report}");
    let refused =
        json!([{ "in_force": null, "shadow": "field-invalid", "field": "birth_year", "exchanges": 1 }]);
    assert_eq!(report["problems"], refused, "{report}");
    let fields = json!([
        { "place": "upstream", "field": "contact.phone", "exchanges": 1 },
        { "place": "stored", "field": "visits[*].shop", "exchanges": 2 },
    ]);
    assert_eq!(report["fields"], fields, "{report}");
    let metrics = gateway.admin.metrics().await;
    let name = "consentry_shadow_exchanges_total{activity=\"churn-next\",outcome=\"stricter\"}";
    assert_eq!(figure(&metrics, name), 3, "{metrics}");

    // It keeps nothing, mints nothing, writes nothing, and nobody reads of it.
    assert_eq!(gateway.store().records_count("churn-next").await.unwrap(), 0);
    assert_eq!(gateway.kept("churn").await.unwrap()["visits"], kept.unwrap()["visits"]);
    let audit = gateway.admin.done(Command::AuditShow { from: 1, count: 1000 }).await.says;
    assert!(!audit.contains("churn-next"), "{audit}");
    let notice = gateway.send(Call::get("/.well-known/consentry/notice")).await.ok();
    assert!(!notice.text().contains("Dreaming") && notice.text().contains("Foreseeing"), "{}", notice.text());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn what_a_shadow_would_let_through_or_treat_otherwise_is_told_apart() {
    let gateway = Gateway::with_holder().await;
    gateway
        .shadowed(|text| {
            text.replace("keep_last: 3", "keep_last: 2").replace(
                "    slogan:",
                "    shoe_size: { category: pd:Preference, type: integer, required: false, upstream: unchanged }\n    slogan:",
            )
        })
        .await;
    gateway.send(gateway.score(clean_body())).await.ok();
    let phone = changed("\"email\"", &format!("\"phone\": \"{}\", \"email\"", canary::PHONE));
    gateway.send(gateway.score(phone)).await.ok();
    drop(gateway.upstream.take());
    gateway.refuses(gateway.score(changed("1987", "1987, \"shoe_size\": 38")), FieldNotPermitted).await;
    gateway.refuses(gateway.score(changed("1987", "1800")), FieldInvalid).await;
    let stranger =
        Call::json("/v1/churn/score", clean_body()).bearer(&gateway.token(canary::OTHER, &["score"]));
    gateway.refuses(stranger, ConsentMissing).await;
    let report = gateway.shadow(5).await;
    assert_eq!(report["outcomes"], json!({ "same": 3, "looser": 1, "otherwise": 1 }), "{report}");
    assert_eq!(report["problems"][0]["in_force"], "field-not-permitted");
    assert_eq!(report["problems"][0]["shadow"], Value::Null);

    // Another purpose asks for another consent; another answer is refused. What is compared begins anew.
    gateway
        .shadowed(|text| {
            text.replace("purpose: churn-forecast", "purpose: churn-study")
                .replace("range: 0..1,", "range: 0.5..1,")
        })
        .await;
    gateway.send(gateway.score(clean_body())).await.ok();
    gateway.shadow(1).await;
    gateway.admin.grant(canary::HOLDER, "churn-study").await;
    gateway.send(gateway.score(clean_body())).await.ok();
    gateway.upstream.answer(Reply::of(500, "text/plain", canary::NAME));
    gateway.send(gateway.score(clean_body())).await;
    gateway.upstream.answer(Reply::json(RISK));
    let report = gateway.shadow(3).await;
    assert_eq!(report["outcomes"], json!({ "same": 1, "stricter": 2 }), "{report}");
    let problems: Vec<&str> =
        report["problems"].as_array().unwrap().iter().map(|one| one["shadow"].as_str().unwrap()).collect();
    assert_eq!(problems, ["consent-missing", "upstream-answer-refused"]);
    let told = gateway.admin.done(Command::Drift {}).await.says;
    assert!(told.contains("answered would be consent-missing"), "{told}");
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_caller_is_compared_by_what_callers_like_them_get() {
    const CODE: &str = "code:   { type: string, required: false, caller: unchanged,";
    let gated = |text: &str, otherwise: &str| {
        let caller = format!("caller: {{ all_scopes: [exact], otherwise: {otherwise} }},");
        text.replace(CODE, &format!("code: {{ type: string, required: false, {caller}"))
    };
    let gateway = Gateway::with_holder().await;
    gateway.edit_policy("churn.yaml", |text| gated(&text, "{ redact: \"a reason\" }"));
    let answer = r#"{"risk": 0.25, "because": [{"code": "A1"}]}"#;
    gateway.upstream.answer(Reply::json(answer));
    for (otherwise, outcome) in [("unchanged", "looser"), ("leave_out", "stricter")] {
        gateway.shadowed(|text| gated(&text, otherwise)).await;
        gateway.send(gateway.score(clean_body())).await.ok();
        let open = Call::json("/v1/churn/score", clean_body())
            .bearer(&gateway.token(canary::HOLDER, &["score", "exact"]));
        gateway.send(open).await.ok();
        let report = gateway.shadow(2).await;
        assert_eq!(report["outcomes"], json!({ "same": 1, outcome: 1 }), "{otherwise}: {report}");
    }
    drop(gateway.upstream.take());
    gateway.close().await;
}

#[tokio::test]
async fn what_a_shadow_has_no_room_for_is_dropped_and_the_exchange_goes_on() {
    let gateway = Gateway::with_holder().await;
    gateway.shadowed(|text| text.replace("keep_last: 3", "keep_last: 2")).await;
    let answer = format!(r#"{{"risk": 0.25, "because": [{{"detail": "{}"}}]}}"#, "x".repeat(1_100_000));
    gateway.upstream.answer(Reply::json(answer));
    gateway.send(gateway.score(clean_body())).await.ok();
    let dropped = "consentry_shadow_dropped_total{activity=\"churn-next\"}";
    assert_eq!(figure(&gateway.admin.metrics().await, dropped), 1);
    drop(gateway.upstream.take());
    gateway.healthy().await;
    let report = gateway.shadow(1).await;
    assert_eq!((&report["dropped"], &report["outcomes"]["same"]), (&1.into(), &1.into()), "{report}");
    gateway.close().await;
}
