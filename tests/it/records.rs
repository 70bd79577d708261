//! What is answered from what is kept: a page without names, and one record for a reason.

use consentry::admin::Command;
use consentry::identity::DevelopmentToken;
use consentry::problem::Problem::{
    FieldInvalid, FieldNotPermitted, InternalError, MethodNotPermitted, ReasonRequired, RecordUnknown,
    ScopeMissing,
};
use serde_json::{Value, json};

use crate::support::admin::person;
use crate::support::{Call, Gateway, canary, changed, clean_body};

/// A gateway that keeps two records of the holder and one of the other.
async fn gateway() -> Gateway {
    let gateway = Gateway::with_holder().await;
    gateway.admin.grant(canary::OTHER, "churn-forecast").await;
    for (who, body) in [
        (canary::HOLDER, clean_body()),
        (canary::OTHER, changed("1987", "1954").replace(canary::EMAIL, "anselm@orchid.example")),
        (canary::HOLDER, changed("1987", "1988")),
    ] {
        let call = Call::json("/v1/churn/score", body).bearer(&gateway.token(who, &["score"]));
        gateway.send(call).await.ok();
    }
    assert_eq!(gateway.upstream.take().len(), 3);
    gateway
}

async fn page(gateway: &Gateway) -> Vec<Value> {
    let call = Call::get("/v1/study/rows").bearer(&gateway.token("analyst", &["study"]));
    let answer = gateway.send(call).await.ok();
    canary::none_in("a page", answer.text().replace(canary::SHOP, "").as_bytes());
    let json = answer.json();
    assert_eq!((&json["page"], &json["pages"]), (&json!(1), &json!(1)));
    json["records"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_page_shows_whom_it_may_and_nobodys_name() {
    let gateway = gateway().await;
    assert!(page(&gateway).await.is_empty(), "the forecast's consent is none to the study");
    gateway.admin.grant(canary::HOLDER, "churn-study").await;
    let rows = page(&gateway).await;
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let mut names: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["birth_year", "contact.email", "person", "risk", "visits[*].shop"]);
        assert_eq!(row["birth_year"], 1980);
        assert_eq!(row["visits[*].shop"], json!([canary::SHOP]));
        assert_eq!(row["risk"], 0.25);
        assert!(row["person"].as_str().unwrap().starts_with("p1_"));
    }
    assert_eq!(rows[0]["person"], rows[1]["person"], "one person is one pseudonym");
    assert_eq!(rows[0]["contact.email"], rows[1]["contact.email"]);
    // The export's pseudonyms are of its own domain.
    gateway.send(gateway.score(clean_body())).await.ok();
    assert_ne!(gateway.upstream.one().json()["contact"]["email"], rows[0]["contact.email"]);

    gateway.admin.grant(canary::OTHER, "churn-study").await;
    assert_eq!(page(&gateway).await.len(), 4);
    gateway.admin.done(Command::Restrict { person: person(canary::OTHER), lift: false }).await;
    assert_eq!(page(&gateway).await.len(), 3);
    gateway.admin.withdraw(canary::HOLDER, "churn-study").await;
    assert!(page(&gateway).await.is_empty());
    gateway.upstream.saw_nothing();
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_page_shows_every_value_of_a_list() {
    let gateway = Gateway::with_holder().await;
    gateway.admin.grant(canary::HOLDER, "churn-study").await;
    let visits = r#"[{"shop": "one", "spent": 1}, {"shop": "[2]", "spent": 2}, {"#;
    gateway.send(gateway.score(changed("[{", visits))).await.ok();
    let rows = page(&gateway).await;
    assert_eq!(rows[0]["visits[*].shop"], json!(["one", "[2]", canary::SHOP]));
    gateway.close().await;
}

/// One value that somebody sent is no way to take a page from everybody else, nor from themselves what is kept of them.
#[tokio::test]
async fn a_value_beyond_measure_is_left_out_of_a_page_and_shown_to_its_person() {
    let gateway = Gateway::with_holder().await;
    gateway.edit_policy("churn.yaml", |text| {
        let weight = "type: number, required: false, upstream: unchanged, stored: ";
        let kept = format!("{weight}encrypted, export: {{ generalize: {{ bands_of: 10 }} }}");
        text.replace(&format!("{weight}leave_out"), &kept)
    });
    gateway.admin.done(Command::Reload {}).await;
    gateway.admin.grant(canary::HOLDER, "churn-study").await;
    let many = "9".repeat(40);
    for weight in ["73", "1e400", &many, "-7.25"] {
        let weight = format!(r#""weight": {weight}, "birth_year""#);
        gateway.send(gateway.score(changed(r#""birth_year""#, &weight))).await.ok();
    }
    let rows = page(&gateway).await;
    let mut weights: Vec<_> = rows.iter().map(|row| row["weight"].to_string()).collect();
    weights.sort_unstable();
    assert_eq!(weights, ["-10.0", "70", "null", "null"]);

    let access = Command::Access { person: person(canary::HOLDER), reason: "subject-access".into() };
    let shown = gateway.admin.done(access).await;
    let data = shown.data.as_ref().unwrap().get();
    for text in [&*shown.says, data] {
        for weight in ["73", "1e400", &many, "-7.25"] {
            assert!(text.contains(&format!(r#""weight":{weight}"#)), "{weight}: {text}");
        }
        assert!(text.contains(canary::NAME), "{text}");
        assert!(text.contains("churn-study"), "what they agreed to is part of it: {text}");
    }
    gateway.close().await;
}

/// Whoever can write to the data file takes one record away, and nobody else's.
#[tokio::test]
async fn a_damaged_record_is_counted_and_left_out_of_its_page() {
    let gateway = gateway().await;
    for who in [canary::HOLDER, canary::OTHER] {
        gateway.admin.grant(who, "churn-study").await;
    }
    assert_eq!(page(&gateway).await.len(), 3);
    let file = rusqlite::Connection::open(gateway.folder.path().join("data/consentry.db")).unwrap();
    let first = "SELECT fields FROM record WHERE row = (SELECT min(row) FROM record)";
    let whole: Vec<u8> = file.query_row(first, [], |row| row.get(0)).unwrap();
    let swap = "UPDATE record SET fields = (SELECT fields FROM record ORDER BY row DESC LIMIT 1) \
                WHERE row = (SELECT min(row) FROM record)";
    let cut = "UPDATE record SET fields = x'01' WHERE row = (SELECT min(row) FROM record)";
    for damage in [swap, cut] {
        assert_eq!(file.execute(damage, []), Ok(1));
        let call = Call::get("/v1/study/rows").bearer(&gateway.token("analyst", &["study"]));
        let answer = gateway.send(call).await.ok().json();
        assert_eq!((answer["records"].as_array().unwrap().len(), &answer["damaged"]), (2, &json!(1)));
        let access = Command::Access { person: person(canary::HOLDER), reason: "subject-access".into() };
        assert_eq!(gateway.admin.data(access).await["damaged"], 1);
        let (_, verified) = gateway.admin.ask(&Command::AuditVerify { against: None }).await;
        assert!(!verified.done && verified.says.contains("record 0 of `"), "{}", verified.says);
    }
    // Singly there is nothing else to show, and asking again would not help.
    gateway.send(open(&gateway, "0", Some("complaint"))).await.problem(InternalError);
    gateway.send(open(&gateway, "1", Some("complaint"))).await.ok();
    let mend = "UPDATE record SET fields = ?1 WHERE row = (SELECT min(row) FROM record)";
    assert_eq!(file.execute(mend, [whole]), Ok(1));
    drop(file);
    gateway.close().await;
}

#[tokio::test]
async fn a_page_is_asked_for_as_declared() {
    let gateway = gateway().await;
    let token = gateway.token("analyst", &["study"]);
    let get = |target: &str| Call::get(target.to_owned()).bearer(&token);
    for target in
        ["/v1/study/rows?page=0", "/v1/study/rows?page=-1", "/v1/study/rows?page=all", "/v1/study/rows?page="]
    {
        gateway.refuses(get(target), FieldInvalid).await.at("page");
    }
    gateway.refuses(get("/v1/study/rows?order=name"), FieldNotPermitted).await;
    gateway.refuses(get("/v1/study/rows").body("{}"), FieldNotPermitted).await;
    gateway
        .refuses(Call::get("/v1/study/rows").bearer(&gateway.token("analyst", &["score"])), ScopeMissing)
        .await;
    gateway.refuses(Call::json("/v1/study/rows", "{}").bearer(&token), MethodNotPermitted).await;
    let beyond = gateway.send(get("/v1/study/rows?page=99999999999")).await.ok().json();
    assert_eq!(beyond["records"], json!([]));
    gateway.close().await;
}

fn open(gateway: &Gateway, number: &str, reason: Option<&str>) -> Call {
    let token = gateway.token_of(DevelopmentToken {
        sub: "clerk".to_owned(),
        scopes: vec!["open-record".to_owned()],
        reason: reason.map(str::to_owned),
        ..DevelopmentToken::default()
    });
    Call::get(format!("/v1/kept/{number}")).bearer(&token)
}

#[tokio::test]
async fn a_record_is_opened_for_a_reason_that_is_written_down() {
    let gateway = gateway().await;
    let expected = json!({
        "contact": { "name": canary::NAME, "email": canary::EMAIL },
        "birth_year": 1987,
        "visits": [{ "shop": canary::SHOP }],
        "risk": 0.25,
    });
    let answer = gateway.send(open(&gateway, "0", Some("subject-access"))).await.ok();
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let in_header = open(&gateway, "0", None).header("consentry-reason", "complaint");
    assert_eq!(gateway.send(in_header).await.ok().json(), expected);
    for call in [
        open(&gateway, "0", None),
        open(&gateway, "0", Some("curiosity")),
        open(&gateway, "0", None).header("consentry-reason", "because quirina.zampolle@orchid.example"),
        // The token's word stands, whatever the header says.
        open(&gateway, "0", Some("curiosity")).header("consentry-reason", "complaint"),
    ] {
        gateway.refuses(call, ReasonRequired).await;
    }
    let call = Call::get("/v1/kept/0").bearer(&gateway.token("clerk", &["study"]));
    gateway.refuses(call.header("consentry-reason", "complaint"), ScopeMissing).await;
    for (number, problem) in
        [("-1", FieldInvalid), ("one", FieldInvalid), ("0x0", FieldInvalid), ("3", RecordUnknown)]
    {
        gateway.refuses(open(&gateway, number, Some("complaint")), problem).await;
    }
    gateway.refuses(open(&gateway, "18446744073709551616", Some("complaint")), RecordUnknown).await;
    assert_eq!(gateway.send(open(&gateway, "1", Some("complaint"))).await.ok().json()["birth_year"], 1954);
    gateway.close().await;
}

#[tokio::test]
async fn what_was_erased_is_unknown_and_the_numbers_stay() {
    let gateway = gateway().await;
    gateway.admin.done(Command::Erase { person: person(canary::HOLDER) }).await;
    for gone in ["0", "2"] {
        gateway.refuses(open(&gateway, gone, Some("subject-access")), RecordUnknown).await;
    }
    let other = gateway.send(open(&gateway, "1", Some("subject-access"))).await.ok().json();
    assert_eq!(
        (&other["birth_year"], &other["contact"]["email"]),
        (&json!(1954), &json!("anselm@orchid.example"))
    );
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    assert_eq!(
        gateway.send(open(&gateway, "3", Some("subject-access"))).await.ok().json()["birth_year"],
        1987
    );
    gateway.refuses(open(&gateway, "0", Some("subject-access")), RecordUnknown).await;
    gateway.close().await;
}
