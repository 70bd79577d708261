//! `body: pass`: a body that nobody reads goes through as it comes, within its cap, and never in part as if it were whole.

use std::time::Duration;

use bytes::Bytes;
use consentry::problem::Problem::{PayloadTooLarge, RequestMalformed};
use tokio::io::AsyncWriteExt as _;

use crate::support::{Call, Gateway, Options, Reply};

const OPEN: &str = "  - match: GET /v1/live\n    personal_data: none\n";
const SCANS: &str = r#"  - match: POST /v1/scans
    personal_data: none
    body: pass
    justification: pictures of machine parts show nobody
    limits: { body: 2MiB }
"#;

async fn gateway() -> Gateway {
    let policy = include_str!("policies/churn.yaml").replacen(OPEN, &format!("{OPEN}{SCANS}"), 1);
    let files = vec![("policies/churn.yaml", policy)];
    let gateway = Gateway::with(Options { files, ..Options::default() }).await;
    gateway.upstream.answer(Reply::of(200, "text/plain", "sound"));
    gateway
}

fn scan(body: Bytes) -> Call {
    Call::new(http::Method::POST, "/v1/scans").header("content-type", "image/png").body(body)
}

fn bytes(count: usize) -> Bytes {
    (0..count).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_body_arrives_as_it_was_sent_whatever_its_size_and_framing() {
    let gateway = gateway().await;
    let (mut one, mut two) = (gateway.client.http1().await, gateway.client.http2().await);
    for count in [0, 1, 64 * 1024, 64 * 1024 + 1, 2 * 1024 * 1024] {
        let whole = bytes(count);
        let pieces: Vec<Bytes> = whole.chunks(50_000).map(Bytes::copy_from_slice).collect();
        for call in [scan(whole.clone()), scan(Bytes::new()).chunks(pieces)] {
            for http2 in [false, true] {
                let sent = if http2 { two.send(call.clone()).await } else { one.send(call.clone()).await };
                assert_eq!(sent.unwrap().ok().text(), "sound", "{count}");
                let seen = gateway.upstream.one();
                assert_eq!(seen.body, whole, "{count}");
                assert_eq!(seen.headers["content-type"], "image/png");
                let framed = [seen.headers.get("content-length"), seen.headers.get("transfer-encoding")];
                assert_eq!(framed.iter().flatten().count(), 1, "{framed:?}");
            }
        }
    }
    gateway.close().await;
}

#[tokio::test]
async fn more_than_the_cap_never_arrives_whole() {
    let gateway = gateway().await;
    let much = bytes(2 * 1024 * 1024 + 1);
    gateway.send(scan(much.clone())).await.problem(PayloadTooLarge);
    gateway.upstream.saw_nothing();
    // Nobody knows before it has come.
    let pieces = much.chunks(50_000).map(Bytes::copy_from_slice).collect();
    gateway.send(scan(Bytes::new()).chunks(pieces)).await.problem(PayloadTooLarge);
    assert!(gateway.upstream.take().iter().all(|seen| seen.body.is_empty()), "half a body is none");
    let broken = "POST /v1/scans HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("18000\r\n{}\r\n", "x".repeat(0x18000));
    let answer = gateway.client.raw(format!("{broken}{chunk}zz\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(RequestMalformed.slug()), "{answer}");
    assert!(gateway.upstream.take().iter().all(|seen| seen.body.is_empty()), "half a body is none");
    assert_eq!(gateway.send(scan(bytes(7))).await.ok().text(), "sound");
    gateway.close().await;
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_sent_nothing() {
    let gateway = gateway().await;
    let mut stream = gateway.client.stream(b"http/1.1").await;
    let head = "POST /v1/scans HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes(500_000)).await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(gateway.upstream.take().iter().all(|seen| seen.body.is_empty()), "half a body is none");
    assert_eq!(gateway.send(scan(bytes(7))).await.ok().text(), "sound");
    gateway.close().await;
}
