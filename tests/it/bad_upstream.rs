//! An API that is down, slow, broken or talkative: nothing of its fault reaches the caller, nothing of the call is kept,
//! and what was begun is ended in the journal.

use std::time::Duration;

use consentry::problem::Problem::{UpstreamAnswerRefused, UpstreamUnavailable};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::living::figure;
use crate::support::gateway::RISK;
use crate::support::{Call, Gateway, Options, Reply, canary, clean_body, gzip};

#[tokio::test]
async fn an_answer_that_is_not_as_declared_goes_no_further() {
    let gateway = Gateway::with_holder().await;
    let echo = clean_body();
    let bomb = gzip(&vec![b' '; 20 << 20]);
    let replies = [
        Reply::of(200, "text/html", format!("<h1>{}</h1>", canary::EMAIL)),
        Reply::of(200, "text/plain", RISK),
        Reply::of(200, "application/json; charset=latin1", RISK),
        Reply::of(500, "application/json", format!(r#"{{"detail": "no column for {}"}}"#, canary::NAME)),
        Reply::of(422, "application/json", format!(r#"{{"detail": [{{"input": {echo}}}]}}"#)),
        Reply::of(404, "application/json", RISK),
        Reply::of(302, "application/json", RISK).header("location", "http://evil.example/?u=1"),
        Reply::of(307, "application/json", RISK).header("location", "/v1/elsewhere"),
        Reply::json(""),
        Reply::json("nothing"),
        Reply::json(r#"{"risk": 0.25"#),
        Reply::json(r#"{"risk": 0.25}{"risk": 0.5}"#),
        Reply::json(r#"{"risk": 0.25, "risk": 0.5}"#),
        Reply::json(r#"{"risk": NaN}"#),
        Reply::json(r#"{"risk": "0.25"}"#),
        Reply::json(r#"{"risk": 1.25}"#),
        Reply::json(r#"{"risk": [0.25]}"#),
        Reply::json(r#"{"because": []}"#),
        Reply::json(r#"[{"risk": 0.25}]"#),
        Reply::json(r#"{"risk": 0.25, "because": {"code": "x"}}"#),
        Reply::json(vec![b' '; 9 << 20]),
        Reply::json(format!("{{\"risk\": 0.25, \"a\": {}{}}}", "[".repeat(5000), "]".repeat(5000))),
        Reply::json(gzip(RISK.as_bytes())).header("content-encoding", "gzip, gzip"),
        Reply::json(gzip(RISK.as_bytes())).header("content-encoding", "lzma"),
        Reply::json(bomb).header("content-encoding", "gzip"),
        Reply::json(RISK).header("content-encoding", "gzip"),
        Reply::json(gzip(RISK.as_bytes()))
            .header("content-encoding", "gzip")
            .header("content-encoding", "identity"),
        Reply::json(RISK).header("content-type", "text/html"),
        Reply::of(206, "application/json", RISK),
        Reply::Truncated(RISK.into()),
        Reply::Raw("SSH-2.0-model\r\n".into()),
        Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".into()),
        Reply::Raw("".into()),
    ];
    for reply in replies {
        let shown = format!("{reply:.200?}");
        gateway.upstream.answer(reply);
        // A connection of its own upstream, so that a raw answer meets a request and not a pooled connection.
        let answer = gateway.send(gateway.score(clean_body())).await;
        assert_eq!(answer.status, 502, "{shown}");
        answer.problem(UpstreamAnswerRefused);
        drop(gateway.upstream.take());
    }
    assert_eq!(gateway.kept("churn").await, None, "an exchange without an answer leaves no record");
    assert!(gateway.store().open_intents().await.unwrap().is_empty(), "every exchange was ended");
    gateway.healthy().await;
    assert!(gateway.kept("churn").await.is_some());
    gateway.close().await;
}

#[tokio::test]
async fn an_answer_with_more_than_was_declared_is_cut_or_refused_as_the_policy_says() {
    let gateway = Gateway::with_holder().await;
    // `churn` leaves out, and keeps every byte of what stays.
    let told = format!(
        r#"{{"debug": {{"input": "{}"}}, "risk":  2.50e-1, "because": [{{"code": "c\u00e9", "detail": "{}"}}, {{}}]}}"#,
        canary::EMAIL,
        canary::NAME
    );
    gateway.upstream.answer(Reply::json(told).header("server", "uvicorn").header("x-trace", canary::HEADER));
    let answer = gateway.send(gateway.score(clean_body())).await.ok();
    assert_eq!(answer.text().replace(' ', ""), r#"{"risk":2.50e-1,"because":[{"code":"c\u00e9"},{}]}"#);
    for name in ["server", "x-trace", "set-cookie"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    canary::none_in("the answer's head", format!("{:?}", answer.headers).as_bytes());
    // `loans` refuses.
    let body = format!(
        r#"{{"applicant": {{"id": "{}", "name": "{}"}}, "amount": 5000}}"#,
        canary::HOLDER,
        canary::NAME
    );
    let lend = Call::json("/v1/loans/7/decide", body).bearer(&gateway.token(canary::HOLDER, &["lend"]));
    gateway.upstream.answer(Reply::json(r#"{"approved": true, "score": 3}"#));
    gateway.send(lend.clone()).await.problem(UpstreamAnswerRefused);
    gateway.upstream.answer(Reply::json(r#"{"approved": true}"#));
    assert_eq!(gateway.send(lend).await.ok().text(), r#"{"approved": true}"#);
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let gateway = Gateway::with_holder().await;
    gateway.upstream.answer(Reply::json(gzip(RISK.as_bytes())).header("content-encoding", "gzip"));
    let answer = gateway.send(gateway.score(clean_body())).await.ok();
    assert_eq!((answer.text(), answer.header("content-encoding")), (RISK, None));
    gateway.close().await;
}

#[tokio::test]
async fn an_open_routes_answer_that_cannot_be_read_as_it_stands_goes_no_further() {
    let gateway = Gateway::with_holder().await;
    let zipped = gzip(b"alive");
    for reply in [
        Reply::of(200, "text/plain", zipped.clone()).header("content-encoding", "gzip"),
        Reply::of(200, "text/plain", zipped.clone()).header("content-encoding", "identity, gzip"),
        Reply::of(200, "text/plain", zipped)
            .header("content-encoding", "identity")
            .header("content-encoding", "gzip"),
        Reply::of(200, "text/plain", "alive").header("content-type", "text/html"),
        Reply::of(206, "text/plain", "ali").header("content-range", "bytes 0-2/5"),
        Reply::of(302, "text/plain", "").header("location", "/elsewhere"),
        Reply::of(500, "text/plain", "no"),
    ] {
        let shown = format!("{reply:.200?}");
        gateway.upstream.answer(reply);
        let answer = gateway.send(Call::get("/v1/live")).await;
        assert_eq!(answer.status, 502, "{shown}");
        answer.problem(UpstreamAnswerRefused);
    }
    gateway.upstream.answer(Reply::of(200, "text/plain", "alive").header("content-encoding", "Identity"));
    let answer = gateway.send(Call::get("/v1/live")).await.ok();
    assert_eq!((answer.text(), answer.header("content-encoding")), ("alive", None));
    gateway.close().await;
}

#[tokio::test]
async fn an_api_that_is_down_is_502_and_comes_back_by_itself() {
    let mut gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    gateway.upstream.down().await;
    for _ in 0..3 {
        gateway.send(gateway.score(clean_body())).await.problem(UpstreamUnavailable);
    }
    gateway.send(Call::get("/v1/live")).await.problem(UpstreamUnavailable);
    gateway.upstream.saw_nothing();
    assert!(gateway.store().open_intents().await.unwrap().is_empty());
    gateway.upstream.up().await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn an_api_that_is_too_slow_is_504() {
    let gateway = Gateway::with(Options { patience: Some("900ms"), ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    for reply in [Reply::Never, Reply::Stalled(r#"{"ri"#.into())] {
        gateway.upstream.answer(reply);
        let answer = gateway.send(gateway.score(clean_body())).await;
        answer.problem_with(UpstreamUnavailable, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(
            gateway.upstream.take().len(),
            1,
            "a call that may have been carried out is not sent again"
        );
    }
    assert!(gateway.store().open_intents().await.unwrap().is_empty());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_caller_who_takes_no_answer_keeps_the_api_for_its_time_and_no_longer() {
    let gateway = Gateway::with(Options { patience: Some("2s"), ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    // More than sockets hold.
    gateway.upstream.answer(Reply::of(200, "text/plain", vec![b'x'; 48 << 20]));
    let mut caller = gateway.client.stream(b"http/1.1").await;
    caller.write_all(b"GET /v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut begins = [0; 15];
    caller.read_exact(&mut begins).await.unwrap();
    assert_eq!(&begins, b"HTTP/1.1 200 OK");
    // What is written to a connection that was ended fails; nothing more is read.
    let ended = async {
        while caller.write_all(b"G").await.is_ok() && caller.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(9), ended).await.expect("the answer is still held");
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_route_without_personal_data_passes_nothing_of_the_caller() {
    let gateway = Gateway::start().await;
    gateway.upstream.answer(Reply::of(200, "text/plain", "up\n").header("server", "uvicorn"));
    let call = Call::get("/v1/live").header("x-campaign", "a").header("cookie", "a=b").bearer("whoever");
    let answer = gateway.send(call).await.ok();
    assert_eq!(
        (answer.text(), answer.header("content-type"), answer.header("server")),
        ("up\n", Some("text/plain"), None)
    );
    let seen = gateway.upstream.one();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.body.len()), ("GET", "/v1/live", 0));
    let mut names: Vec<&str> = seen.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept-encoding", "host"]);
    use consentry::problem::Problem::FieldNotPermitted;
    gateway.refuses(Call::get("/v1/live").body(canary::NAME), FieldNotPermitted).await;
    gateway.refuses(Call::get("/v1/live?who=quirina"), FieldNotPermitted).await;
    for status in [301, 500, 503] {
        gateway.upstream.answer(Reply::of(status, "text/html", canary::NAME));
        gateway.send(Call::get("/v1/live")).await.problem(UpstreamAnswerRefused);
    }
    gateway.close().await;
}

/// What the figures say of requests to the upstream that ended so, and of those that have a time.
async fn ended(gateway: &Gateway, result: &str) -> (u64, u64) {
    let metrics = gateway.admin.metrics().await;
    let so = format!("consentry_upstream_requests_total{{upstream=\"scorer\",result=\"{result}\"}}");
    (
        figure(&metrics, &so),
        figure(&metrics, "consentry_upstream_duration_seconds_count{upstream=\"scorer\"}"),
    )
}

#[tokio::test]
async fn a_request_without_an_answer_is_counted_by_its_upstream_and_by_how_it_ended() {
    let options = Options { patience: Some("900ms"), ..Options::default() };
    let mut gateway = Gateway::with(options).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    let results = ["answered", "server_error", "timed_out", "unreachable", "broken", "abandoned"];
    for result in results {
        assert_eq!(ended(&gateway, result).await, (0, 0), "{result}");
    }
    let governed = gateway.score(clean_body());
    for (at, call) in [governed, Call::get("/v1/live")].into_iter().enumerate() {
        let before = 7 * at as u64;
        for (times, reply, status, result) in [
            (1, Reply::json(RISK), 200, "answered"),
            (2, Reply::of(500, "application/json", "{}"), 502, "server_error"),
            (3, Reply::Never, 504, "timed_out"),
            (4, Reply::Raw("".into()), 502, "broken"),
            (5, Reply::Raw("SSH-2.0-model\r\n".into()), 502, "broken"),
            (6, Reply::of(206, "application/json", RISK), 502, "answered"),
        ] {
            let shown = format!("{reply:.80?} of {call:?}");
            let earlier = ended(&gateway, result).await.0;
            if matches!(reply, Reply::Raw(_)) {
                // On a new connection, where it meets the request.
                gateway.upstream.down().await;
                gateway.upstream.up().await;
            }
            gateway.upstream.answer(reply);
            assert_eq!(gateway.send(call.clone()).await.status, status, "{shown}");
            assert_eq!(ended(&gateway, result).await, (earlier + 1, before + times), "{shown}");
        }
        gateway.upstream.down().await;
        gateway.send(call.clone()).await.problem(UpstreamUnavailable);
        assert_eq!(ended(&gateway, "unreachable").await, (1 + at as u64, before + 6), "{call:?}");
        gateway.upstream.up().await;
        gateway.upstream.answer(Reply::json(RISK));
        gateway.send(call).await.ok();
    }
    gateway.close().await;
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_counted_as_one() {
    let mut gateway = Gateway::with(Options { patience: Some("2s"), ..Options::default() }).await;
    let counted = async |gateway: &Gateway, outcome: &str| {
        let name = format!("consentry_exchanges_total{{activity=\"churn\",outcome=\"{outcome}\"}}");
        figure(&gateway.admin.metrics().await, &name)
    };
    // An answer of two pieces, whole.
    gateway.upstream.answer(Reply::of(200, "text/plain", vec![b'x'; 3 << 20]));
    assert_eq!(gateway.send(Call::get("/v1/live")).await.ok().body.len(), 3 << 20);
    assert_eq!((ended(&gateway, "answered").await, counted(&gateway, "Answered").await), ((1, 1), 1));
    gateway.upstream.answer(Reply::of(404, "text/plain", vec![b'x'; 3 << 20]));
    assert_eq!(gateway.send(Call::get("/v1/live")).await.status, 404);
    assert_eq!((ended(&gateway, "answered").await, counted(&gateway, "Refused").await), ((2, 2), 1));

    let call = b"GET /v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 105\r\n\r\nalive";
    for (times, reply, result) in
        [(1, Reply::Raw(cut.into()), "broken"), (2, Reply::Stalled("alive".into()), "timed_out")]
    {
        gateway.upstream.down().await;
        gateway.upstream.up().await;
        gateway.upstream.answer(reply);
        let answer = gateway.client.raw(call).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("alive"), "{answer}");
        assert_eq!(ended(&gateway, result).await, (1, 2 + times), "{result}");
        assert_eq!(
            (counted(&gateway, "Broken").await, counted(&gateway, "Answered").await),
            (times, 1),
            "{result}"
        );
    }

    // A caller who leaves in the middle, which is no fault of the upstream's.
    gateway.upstream.answer(Reply::Stalled("alive".into()));
    let mut caller = gateway.client.stream(b"http/1.1").await;
    caller.write_all(call).await.unwrap();
    caller.read_exact(&mut [0; 15]).await.unwrap();
    drop(caller);
    for _ in 0..200 {
        if counted(&gateway, "Abandoned").await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((counted(&gateway, "Abandoned").await, ended(&gateway, "abandoned").await), (1, (1, 4)));
    assert_eq!((counted(&gateway, "Broken").await, counted(&gateway, "Answered").await), (2, 1));
    gateway.close().await;
}
