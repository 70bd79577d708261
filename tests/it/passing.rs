//! `body: pass`: a body that nobody reads goes through as it comes, within its cap, and never in part as if it were whole.

use std::time::Duration;

use bytes::Bytes;
use consentry::net::dial::Stream;
use consentry::problem::Problem::{PayloadTooLarge, RequestMalformed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::{Call, Gateway, Options, Reply};

const SOON: Duration = Duration::from_secs(8);
const OPEN: &str = "  - match: GET /v1/live\n    personal_data: none\n";
const SCANS: &str = r#"  - match: POST /v1/scans
    personal_data: none
    body: pass
    justification: pictures of machine parts show nobody
    limits: { body: 2MiB }
"#;

async fn gateway() -> Gateway {
    gateway_for("2MiB").await
}

async fn gateway_for(cap: &str) -> Gateway {
    let scans = SCANS.replace("2MiB", cap);
    let policy = include_str!("policies/churn.yaml").replacen(OPEN, &format!("{OPEN}{scans}"), 1);
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

/// An API of the test's own in the place of the gateway's.
async fn api(gateway: &mut Gateway) -> TcpListener {
    gateway.upstream.down().await;
    TcpListener::bind(gateway.upstream.address).await.unwrap()
}

/// Reads a request's head, and gives what it announces of its body.
async fn head(socket: &mut TcpStream) -> usize {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0, |length| length.parse().unwrap())
}

async fn say(socket: &mut TcpStream) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nsound";
    socket.write_all(answer).await.unwrap();
}

const HALF: usize = 500_000;

/// A caller who has sent half of a body, of which some has arrived at the API.
async fn half(gateway: &Gateway, api: &TcpListener) -> (Stream, TcpStream) {
    let mut caller = gateway.client.stream(b"http/1.1").await;
    let head_of_it =
        format!("POST /v1/scans HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", 2 * HALF);
    caller.write_all(head_of_it.as_bytes()).await.unwrap();
    caller.write_all(&bytes(HALF)).await.unwrap();
    caller.flush().await.unwrap();
    let (mut socket, _) = timeout(SOON, api.accept()).await.expect("half of it is enough to begin").unwrap();
    assert_eq!(head(&mut socket).await, 2 * HALF);
    let mut came = vec![0; HALF];
    timeout(SOON, socket.read_exact(&mut came)).await.expect("what was sent is here").unwrap();
    assert_eq!(came, bytes(HALF));
    (caller, socket)
}

#[tokio::test]
async fn a_body_arrives_while_it_is_sent() {
    let mut gateway = gateway().await;
    let api = api(&mut gateway).await;
    let (mut caller, mut socket) = half(&gateway, &api).await;
    caller.write_all(&bytes(HALF)).await.unwrap();
    caller.flush().await.unwrap();
    let mut rest = vec![0; HALF];
    timeout(SOON, socket.read_exact(&mut rest)).await.unwrap().unwrap();
    say(&mut socket).await;
    let mut answer = [0; 15];
    timeout(SOON, caller.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    gateway.close().await;
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_leaves_no_whole_body() {
    let mut gateway = gateway().await;
    let api = api(&mut gateway).await;
    let (caller, mut socket) = half(&gateway, &api).await;
    drop(caller);
    // It ends, and nothing more comes before that.
    let mut more = Vec::new();
    let ended = timeout(SOON, socket.read_to_end(&mut more)).await.expect("the connection is closed");
    assert!(ended.is_err() || more.is_empty(), "{} bytes more", more.len());
    gateway.close().await;
}

/// One connection of HTTP/2 has a window that all its streams share.
#[tokio::test]
async fn bodies_that_their_api_does_not_take_hold_up_no_others() {
    /// More than the sockets of all of them hold.
    const LARGE: usize = 60 << 20;
    let mut gateway = gateway_for("64MiB").await;
    let api = api(&mut gateway).await;
    let (told, mut heard) = mpsc::channel(100);
    let serving = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut socket, _) = api.accept().await.unwrap();
            let length = head(&mut socket).await;
            if length == LARGE {
                held.push(socket);
            } else {
                socket.read_exact(&mut vec![0; length]).await.unwrap();
                say(&mut socket).await;
            }
            told.send(length).await.unwrap();
        }
    });
    let caller = gateway.client.http2().await;
    let (mut large, body) = (JoinSet::new(), Bytes::from(vec![0; LARGE]));
    for _ in 0..9 {
        let (mut caller, body) = (caller.clone(), body.clone());
        large.spawn(async move { drop(caller.send(scan(body)).await) });
        assert_eq!(timeout(SOON, heard.recv()).await.unwrap(), Some(LARGE));
    }
    // Until nothing more of them goes.
    sleep(Duration::from_secs(2)).await;
    let small = timeout(SOON, caller.clone().send(scan(bytes(1000)))).await.expect("its body comes").unwrap();
    assert_eq!(small.ok().text(), "sound");
    serving.abort();
    large.shutdown().await;
    gateway.close().await;
}
