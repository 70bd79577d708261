//! Nobody's data in clear where the policy does not put it. Every test ends with this look (`Gateway::close`); here it is
//! shown that the net holds, and a mix of everything runs through one gateway.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use consentry::admin::Command;
use consentry::problem::Problem::TokenInvalid;

use crate::support::admin::person;
use crate::support::{Call, Gateway, Reply, canary, changed, clean_body};

#[test]
fn the_net_holds_what_it_should() {
    let name = canary::NAME;
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    for lead in ["", "a", "ab", "abc"] {
        let text = format!("{lead}{name}, and more");
        for text in [text.clone(), STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            assert!(canary::found(format!("..{text}..").as_bytes()).is_some(), "{text} slipped through");
        }
    }
    assert!(
        canary::found(hex.as_bytes()).is_some() && canary::found(hex.to_uppercase().as_bytes()).is_some()
    );
    assert!(canary::found(name.to_uppercase().as_bytes()).is_some());
    assert!(canary::found(b"nobody here, \xff\x00 and nothing").is_none());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kept"), [b"\x00\x01".as_slice(), name.as_bytes()].concat()).unwrap();
    assert!(std::panic::catch_unwind(|| canary::none_below(folder.path())).is_err());
}

#[test]
fn the_log_is_looked_at_down_to_its_finest_level() {
    canary::watch_the_log();
    let before = canary::logged();
    tracing::trace!(who = canary::LOG_ONLY);
    assert!(canary::logged() > before && canary::holds());
}

#[tokio::test]
async fn a_mix_of_everything_leaves_no_trace_of_anybody() {
    let gateway = Gateway::with_holder().await;
    let logged = canary::logged();
    gateway.admin.grant(canary::HOLDER, "churn-study").await;
    let all = format!(r#"}}], "remark": "{}", "slogan": "{}"}}"#, canary::REMARK, canary::REMARK);
    let full = changed("}]}", &all);
    let full = full.replacen("\"email\"", &format!("\"phone\": \"{}\", \"email\"", canary::PHONE), 1);
    let lend =
        format!(r#"{{"applicant": {{"id": "{}", "name": "{}"}}, "amount": 3}}"#, canary::OTHER, canary::NAME);
    let lend =
        Call::json("/v1/loans/3/decide", lend).bearer(&gateway.token(canary::BROKER, &["lend", "broker"]));
    let calls = || {
        vec![
            gateway.score(full.clone()).header("x-campaign", canary::HEADER),
            lend.clone(),
            gateway.score(changed("1987", &format!("\"{}\"", canary::NAME))),
            gateway.score(changed("\"birth_year\"", &format!("\"{}\"", canary::EMAIL))),
            gateway.score(changed("1987", &format!("1987, \"{}\": {{", canary::CARD))),
            gateway.score(changed(canary::EMAIL, canary::CARD)),
            gateway.score(format!("{}{}", clean_body(), canary::REMARK)),
            Call::get(format!("/v1/nobody/{}", canary::HOLDER)),
            Call::get(format!("/v1/live?who={}", canary::EMAIL)),
            Call::json("/v1/churn/score", clean_body()).bearer(canary::HOLDER),
            Call::json("/v1/churn/score", clean_body()).bearer(&gateway.token(canary::OTHER, &["score"])),
            Call::json("/v1/churn/score", clean_body()).header("cookie", canary::EMAIL),
            gateway.score(clean_body()).header("consentry-purpose", canary::HEADER),
            Call::get("/v1/study/rows").bearer(&gateway.token(canary::OTHER, &["study"])),
            Call::get("/v1/kept/0")
                .bearer(&gateway.token(canary::OTHER, &["open-record"]))
                .header("consentry-reason", "complaint"),
        ]
    };
    for reply in [
        Reply::json(r#"{"risk": 0.5, "because": []}"#),
        Reply::json(format!(
            r#"{{"risk": 0.5, "because": [{{"detail": "{}"}}], "{}": 1}}"#,
            canary::NAME,
            canary::SHOP
        )),
        Reply::json(format!(r#"{{"risk": "{}"}}"#, canary::NAME)),
        Reply::of(500, "text/html", canary::EMAIL),
        Reply::Raw(canary::NAME.into()),
    ] {
        gateway.upstream.answer(reply);
        let mut http2 = gateway.client.http2().await;
        for call in calls() {
            let answers = [gateway.send(call.clone()).await, http2.send(call).await.unwrap()];
            for answer in answers {
                if answer.status != 200 {
                    canary::none_in("a problem", &answer.body);
                }
                canary::none_in("a head", format!("{:?}", answer.headers).as_bytes());
            }
        }
    }
    gateway
        .client
        .raw(
            format!(
                "POST /{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                canary::HOLDER,
                canary::HEADER
            )
            .as_bytes(),
        )
        .await;
    gateway.admin.ask(&Command::ConsentShow { person: person(canary::HOLDER) }).await;
    gateway.admin.done(Command::Restrict { person: person(canary::OTHER), lift: false }).await;
    gateway.admin.withdraw(canary::HOLDER, "churn-study").await;
    gateway.admin.done(Command::Erase { person: person(canary::OTHER) }).await;
    gateway.admin.done(Command::Retention {}).await;
    drop(gateway.upstream.take());
    gateway.healthy().await;
    assert!(canary::logged() > logged + 100, "the log said something");
    gateway.close().await;
}

#[tokio::test]
async fn ten_thousand_bad_tokens_leave_the_disk_as_it_is() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    let data = gateway.folder.path().join("data");
    let size = || -> u64 {
        canary::files(&data).into_iter().map(|path| std::fs::metadata(path).unwrap().len()).sum()
    };
    let before = size();
    assert!(before > 10_000, "{before}");
    let good = gateway.token(canary::HOLDER, &["score"]);
    let cut = good.rsplit_once('.').unwrap().0.to_owned();
    let callers = (0..4).map(|caller| {
        let (client, cut) = (gateway.client.clone(), cut.clone());
        tokio::spawn(async move {
            let mut connection = client.http1().await;
            for number in 0..2500 {
                let token = format!("{cut}.{:043}", caller * 2500 + number);
                let call = Call::json("/v1/churn/score", "{}").bearer(&token);
                let answer = connection.send(call).await.unwrap();
                assert_eq!(answer.status, 401);
                if number == 0 {
                    answer.problem(TokenInvalid);
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    // The gateway's own upkeep writes a page or two at its start; an entry for each token would be megabytes.
    assert!(size() < before + 64 * 1024, "{before} grew to {}", size());
    gateway.upstream.saw_nothing();
    assert!(gateway.admin.metrics().await.contains("problem=\"token-invalid\""));
    gateway.healthy().await;
    gateway.close().await;
}
