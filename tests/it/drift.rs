//! Drift: what is declared and never comes, what comes and is not declared; and nobody's text in any of it.

use std::path::Path;

use consentry::admin::Command;
use consentry::drift::{self, RouteReport};
use consentry::policy::{self, Diagnostic};
use consentry::problem::Problem::FieldNotPermitted;
use serde_json::Value;

use crate::living::figure;
use crate::support::{Call, Gateway, Options, canary, changed, clean_body};

impl Gateway {
    /// What has drifted of a route.
    async fn drift(&self, route: &str) -> Value {
        let data = self.admin.data(Command::Drift {}).await;
        let routes = data["routes"].as_array().unwrap();
        routes.iter().find(|found| found["route"] == route).unwrap().clone()
    }

    /// The same as `check` would tell it: code, file, the words at fault, message.
    async fn findings(&self) -> Vec<String> {
        let data = self.admin.data(Command::Drift {}).await;
        let routes: Vec<RouteReport> = serde_json::from_value(data["routes"].clone()).unwrap();
        let set = policy::read(&self.folder.path().join("policies")).set;
        let found = drift::findings(&routes, &set);
        let line = |one: &Diagnostic| {
            let span = one.span.unwrap();
            let (file, ..) = found.sources().place(span).unwrap();
            let file = Path::new(file).file_name().unwrap().to_str().unwrap();
            format!("{} {file} {}: {}", one.code.code(), found.sources().text(span), one.message)
        };
        found.iter().map(line).collect()
    }

    async fn offer(&self, person: &str, member: &str) {
        let body = format!(r#"{{"interest": "books", "{member}": 38}}"#);
        let call = Call::json("/v1/offers", body).bearer(&self.token(person, &["offers"]));
        self.refuses(call, FieldNotPermitted).await;
    }
}

fn missing(side: &Value) -> Vec<&str> {
    side.as_array().unwrap().iter().map(|missing| missing["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_declared_and_never_comes_is_told_until_it_comes() {
    let options = Options { more: "drift: { window: 12 }\n".into(), ..Options::default() };
    let gateway = Gateway::with(options).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    let route = "POST /v1/churn/score";
    for _ in 0..11 {
        gateway.send(gateway.score(clean_body())).await.ok();
    }
    let early = gateway.drift(route).await;
    assert!(missing(&early["request"]["missing"]).is_empty() && early["exchanges"] == 11, "{early}");
    gateway.send(gateway.score(clean_body())).await.ok();
    let drift = gateway.drift(route).await;
    let expected = ["contact.phone", "remark", "card", "slogan", "weight"];
    assert_eq!(missing(&drift["request"]["missing"]), expected, "{drift}");
    assert_eq!(missing(&drift["response"]["missing"]), ["because[*].code", "because[*].detail"]);
    assert_eq!((missing(&drift["query"]), missing(&drift["headers"])), (vec!["variant"], vec!["x-campaign"]));
    assert!(drift["uncalled_for"].is_null());
    assert_eq!(gateway.drift("GET /v1/live").await["uncalled_for"], 12);
    let lines = gateway.findings().await;
    for expected in [
        "CP0701 churn.yaml contact.phone: `contact.phone` did not occur in the last 12 exchanges of `POST /v1/churn/score`.",
        "CP0701 churn.yaml variant: `variant` did not occur in the last 12 exchanges of `POST /v1/churn/score`.",
        "CP0701 churn.yaml x-campaign: `x-campaign` did not occur in the last 12 exchanges of `POST /v1/churn/score`.",
        "CP0701 churn.yaml GET /v1/live: `GET /v1/live` was not called in the last 12 calls.",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    let metrics = gateway.admin.metrics().await;
    for (what, count) in [("field", 7), ("parameter", 2), ("route", 1)] {
        let name = format!("consentry_drift_missing{{activity=\"churn\",what=\"{what}\"}}");
        assert_eq!(figure(&metrics, &name), count, "{metrics}");
    }

    // What comes is not missing any more. A reload keeps what it does not touch, and begins with what is new.
    let weighed =
        changed("1987", "1987, \"weight\": 3").replacen("\"email\"", "\"phone\": \"06\", \"email\"", 1);
    let call = Call::json("/v1/churn/score?variant=a", weighed)
        .bearer(&gateway.token(canary::HOLDER, &["score"]))
        .header("x-campaign", canary::HEADER);
    gateway.send(call).await.ok();
    gateway.send(Call::get("/v1/live")).await.ok();
    gateway.edit_policy("churn.yaml", |text| text.replace("    remark:", "    opinion:"));
    gateway.admin.done(Command::Reload {}).await;
    let drift = gateway.drift(route).await;
    assert_eq!(missing(&drift["request"]["missing"]), ["card", "slogan"], "{drift}");
    assert!(missing(&drift["query"]).is_empty() && missing(&drift["headers"]).is_empty(), "{drift}");
    assert!(gateway.drift("GET /v1/live").await["uncalled_for"].is_null());
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn what_comes_undeclared_is_counted_and_named_only_where_many_persons_send_it() {
    let gateway = Gateway::with_holder().await;
    let names = |drift: &Value| drift["request"]["names"].to_string();
    for person in 0..19 {
        gateway.offer(&format!("person-{person}"), "shoe_size").await;
        // Somebody's data for a key; some of it looks like a name of a field, and few send it.
        for data in [canary::EMAIL, canary::NAME, canary::PHONE] {
            gateway.offer(&format!("person-{person}"), data).await;
        }
    }
    for _ in 0..25 {
        gateway.offer("person-0", canary::HOLDER).await;
        gateway.offer("person-1", canary::BROKER).await;
    }
    let drift = gateway.drift("POST /v1/offers").await;
    assert_eq!(drift["request"]["undeclared"], 19 * 4 + 50, "{drift}");
    assert_eq!(names(&drift), "[]");
    gateway.offer("person-19", "shoe_size").await;
    let drift = gateway.drift("POST /v1/offers").await;
    assert_eq!(names(&drift), r#"[{"bodies":20,"name":"shoe_size"}]"#);
    let told = gateway.admin.done(Command::Drift {}).await.says;
    assert!(told.contains("undeclared shoe_size"), "{told}");
    let found = gateway.findings().await;
    let named =
        |line: &String| line.starts_with("CP0702 offers.yaml ") && line.ends_with("`shoe_size` among them.");
    assert!(found.iter().any(named), "{found:#?}");
    let metrics = gateway.admin.metrics().await;
    let name = "consentry_drift_undeclared_total{activity=\"offers\",what=\"request\"}";
    assert_eq!(figure(&metrics, name), 19 * 4 + 51, "{metrics}");
    assert!(!metrics.contains("shoe"), "{metrics}");
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_body_that_is_walked_twice_counts_once() {
    // The first exchange of a person is rehearsed, before a key is made for them.
    let gateway = Gateway::with_holder().await;
    gateway.edit_policy("churn.yaml", |text| {
        text.replace("request:\n  fields", "request:\n  unknown_fields: leave_out\n  fields")
    });
    gateway.admin.done(Command::Reload {}).await;
    gateway.send(gateway.score(changed("\"birth_year\"", "\"shoe_size\": 38, \"birth_year\""))).await.ok();
    let drift = gateway.drift("POST /v1/churn/score").await;
    assert_eq!(
        (&drift["request"]["undeclared"], &drift["request"]["bodies"]),
        (&1.into(), &1.into()),
        "{drift}"
    );
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}
