//! HTTP/2: the same handler, the same refusals.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::timeout;

use super::support::*;
use crate::net::Protocol;
use crate::net::tls::Protocols;
use crate::proxy::{Drained, Limits, ListenerConfig};

struct Caller {
    sender: SendRequest<Full<Bytes>>,
    driven: tokio::task::JoinHandle<hyper::Result<()>>,
    _dir: tempfile::TempDir,
}

async fn start(change: impl FnOnce(&mut ListenerConfig)) -> (Server, Caller) {
    start_with(None, change).await
}

/// A caller whose streams have a window of so many bytes.
async fn start_with(
    window: impl Into<Option<u32>>,
    change: impl FnOnce(&mut ListenerConfig),
) -> (Server, Caller) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = secure(&certificates(dir.path()), Protocols::Http2AndHttp1);
    change(&mut config);
    let server = Server::start(&config);
    let tls = shake(server.addr, caller(dir.path(), &["h2"])).await.unwrap();
    let mut http2 = Builder::new(TokioExecutor::new());
    http2.initial_stream_window_size(window);
    let (sender, connection) = http2.handshake(TokioIo::new(tls)).await.unwrap();
    (server, Caller { sender, driven: tokio::spawn(connection), _dir: dir })
}

impl Caller {
    async fn ask(
        &mut self,
        request: http::request::Builder,
        body: &'static str,
    ) -> hyper::Result<(StatusCode, Vec<u8>)> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::from(body)).unwrap());
        whole(timeout(SOON, response).await.expect("no answer")?).await
    }
}

async fn whole(mut response: Response<Incoming>) -> hyper::Result<(StatusCode, Vec<u8>)> {
    let mut bytes = Vec::new();
    while let Some(frame) = response.frame().await {
        bytes.extend_from_slice(&frame?.into_data().unwrap_or_default());
    }
    Ok((response.status(), bytes))
}

fn post(path: &str) -> http::request::Builder {
    Request::post(format!("https://localhost{path}"))
}

#[tokio::test]
async fn an_answer_to_head_has_a_length_and_no_body() {
    let (server, mut caller) = start(|_| {}).await;
    let head = Request::head("https://localhost/unread").body(Full::default()).unwrap();
    let get = Request::get("https://localhost/unread").body(Full::default()).unwrap();
    let mut lengths = Vec::new();
    for request in [get, head] {
        caller.sender.ready().await.unwrap();
        let is_head = request.method() == http::Method::HEAD;
        let answer = timeout(SOON, caller.sender.send_request(request)).await.expect("no answer").unwrap();
        lengths.push(answer.headers()[http::header::CONTENT_LENGTH].clone());
        let (status, body) = whole(answer).await.unwrap();
        assert_eq!((status, body.is_empty()), (StatusCode::OK, is_head));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_caller_who_still_sends_reads_the_answer_and_the_connection_goes_on() {
    let (server, mut caller) = start(|_| {}).await;
    for _ in 0..30 {
        let body = Full::from(vec![b'x'; 2_000_000]);
        caller.sender.ready().await.unwrap();
        let answer = timeout(SOON, caller.sender.send_request(post("/unread").body(body).unwrap())).await;
        let answer = whole(answer.expect("no answer").unwrap()).await.unwrap();
        assert_eq!(answer, (StatusCode::OK, b"no".to_vec()));
    }
    assert_eq!(caller.ask(post("/one"), "x").await.unwrap(), (StatusCode::OK, b"x".to_vec()));
    server.stop().await;
}

#[tokio::test]
async fn many_exchanges_share_a_connection() {
    let (server, mut caller) = start(|_| {}).await;
    let held: Vec<_> = (0..30)
        .map(|_| {
            let request = post("/held").body(Full::from("abc")).unwrap();
            tokio::spawn(caller.sender.send_request(request))
        })
        .collect();
    timeout(SOON, server.seen.arrived.acquire_many(30)).await.unwrap().unwrap().forget();
    // One that comes later does not wait for those that are held.
    assert_eq!(caller.ask(post("/quick"), "x").await.unwrap(), (StatusCode::OK, b"x".to_vec()));
    server.seen.release.add_permits(30);
    for response in held {
        let answer = whole(response.await.unwrap().unwrap()).await.unwrap();
        assert_eq!(answer, (StatusCode::OK, b"abc".to_vec()));
    }
    assert!(server.seen.connections.lock().unwrap().iter().all(|info| info.protocol == Protocol::Http2));
}

#[tokio::test]
async fn what_has_two_readings_is_refused_as_in_http_1() {
    let (server, mut caller) = start(|_| {}).await;
    for (request, status) in [
        (post("/").header("host", "other"), 421),
        (post("/").header("host", "localhost").header("host", "localhost"), 400),
        (Request::post("http://localhost/"), 421),
        (Request::post("https://user@localhost/"), 400),
        (Request::builder().method("TRACE").uri("https://localhost/"), 405),
        (Request::builder().method("BREW").uri("https://localhost/"), 405),
        (post("/").header("x-http-method-override", "GET"), 400),
        (
            post("/")
                .header("content-length", "1")
                .header("content-type", "a/b")
                .header("content-type", "a/b"),
            400,
        ),
    ] {
        let shown = format!("{request:?}");
        // A refusal by the protocol itself is as good; a handler that is called is not.
        if let Ok((answered, _)) = caller.ask(request, "x").await {
            assert_eq!(answered, status, "{shown}");
        }
        assert_eq!(server.taken(), Vec::<String>::new(), "{shown}");
    }
    assert_eq!(caller.ask(post("/well"), "x").await.unwrap().0, StatusCode::OK);
    assert_eq!(server.taken(), ["POST /well"]);
}

#[tokio::test]
async fn a_body_of_another_length_than_said_is_broken() {
    let (server, mut caller) = start(|_| {}).await;
    let answer = caller.ask(post("/").header("content-length", "5"), "x").await;
    assert!(!matches!(answer, Ok((StatusCode::OK, _))), "{answer:?}");
    assert_eq!(server.taken(), Vec::<String>::new());
}

#[tokio::test]
async fn too_many_fields_are_431() {
    let (server, mut caller) =
        start(|config| config.limits = Limits { head_fields: 5, ..Limits::default() }).await;
    let many = (0..10).fold(post("/"), |request, n| request.header(format!("x-{n}"), "y"));
    assert_eq!(caller.ask(many, "").await.unwrap().0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(server.taken(), Vec::<String>::new());
}

#[tokio::test]
async fn an_idle_connection_is_ended_and_one_at_work_is_not() {
    let short = Duration::from_millis(60);
    let (server, mut caller) = start(|config| {
        config.timers.idle = short;
        config.timers.stalled = short;
        config.timers.head = short;
    })
    .await;
    let held = caller.sender.send_request(post("/held").body(Full::from("abc")).unwrap());
    let held = tokio::spawn(held);
    server.seen.arrived.acquire().await.unwrap().forget();
    assert!(timeout(4 * short, &mut caller.driven).await.is_err(), "ended at work");
    server.seen.release.add_permits(1);
    assert_eq!(whole(held.await.unwrap().unwrap()).await.unwrap().1, b"abc");
    let _ = timeout(SOON, &mut caller.driven).await.expect("an idle connection stays");
}

#[tokio::test]
async fn a_caller_who_never_opens_the_window_is_ended() {
    let (server, mut caller) = start(|config| config.timers.stalled = Duration::from_millis(60)).await;
    let request = post("/large").body(Full::default()).unwrap();
    // The answer's body is kept and never read.
    let _unread = caller.sender.send_request(request).await.unwrap();
    let _ = timeout(SOON, &mut caller.driven).await.expect("the connection stays");
    assert!(server.handle.is_some());
}

/// It is the source that is slow, and not the caller.
#[tokio::test]
async fn an_answer_whose_source_pauses_is_waited_for() {
    let stalled = Duration::from_millis(60);
    let (server, mut caller) = start_with(65_535, |config| config.timers.stalled = stalled).await;
    let answer = caller.sender.send_request(post("/slow").body(Full::default()).unwrap()).await.unwrap();
    tokio::time::sleep(8 * stalled).await;
    server.seen.release.add_permits(1);
    assert_eq!(whole(answer).await.unwrap().1, b"late");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_reset_whatever_else_its_connection_does() {
    let short = Duration::from_millis(500);
    let long = Duration::from_secs(60);
    let cases = [
        (0, "/large", "", short),
        (1000, "/large", "", short),
        (0, "/", "x", short),
        (0, "/until", "", long),
    ];
    for (window, path, sent, stalled) in cases {
        let (server, mut caller) = start_with(window, |config| config.timers.stalled = stalled).await;
        let held = caller.sender.send_request(post("/held").body(Full::default()).unwrap());
        let held = tokio::spawn(held);
        server.seen.arrived.acquire().await.unwrap().forget();
        let mut unread = Vec::new();
        for _ in 0..3 {
            caller.sender.ready().await.unwrap();
            let request = post(path).body(Full::from(sent)).unwrap();
            unread.push(caller.sender.send_request(request).await.unwrap());
        }
        // A handler is at work, and other answers are taken.
        let others = async {
            loop {
                assert_eq!(caller.ask(post("/"), "").await.unwrap().0, StatusCode::OK);
            }
        };
        let reset = async {
            for answer in &mut unread {
                // What fits the window comes.
                let end = loop {
                    match answer.frame().await {
                        Some(Ok(_)) => {}
                        end => break end,
                    }
                };
                let error = end.expect("it was taken").unwrap_err();
                let reset = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
                assert_eq!(reset.and_then(h2::Error::reason), Some(h2::Reason::CANCEL), "{path}: {error:?}");
            }
        };
        tokio::select! {
            () = others => {}
            () = async { tokio::time::sleep(4 * short).await; reset.await } => {}
            () = tokio::time::sleep(SOON) => panic!("{window} {path}: nothing is reset"),
        }
        server.seen.release.add_permits(1);
        assert_eq!(whole(held.await.unwrap().unwrap()).await.unwrap().0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_connection_is_not_idle_while_what_was_answered_leaves() {
    let (idle, pause) = (Duration::from_millis(60), Duration::from_millis(30));
    // One piece for the gateway, and many windows for the caller.
    let body: &str = Box::leak("x".repeat(10_000).into_boxed_str());
    let (_server, mut caller) = start_with(1000, |config| config.timers.idle = idle).await;
    let mut answer = caller.sender.send_request(post("/").body(Full::from(body)).unwrap()).await.unwrap();
    let mut length = 0;
    while let Some(frame) = answer.frame().await {
        length += frame.expect("the connection was ended").into_data().unwrap().len();
        tokio::time::sleep(pause).await;
    }
    assert_eq!(length, body.len());
    let _ = timeout(SOON, &mut caller.driven).await.expect("an idle connection stays");
}

#[tokio::test]
async fn a_drain_ends_streams_first() {
    let (server, mut caller) = start(|_| {}).await;
    let held = caller.sender.send_request(post("/held").body(Full::from("abc")).unwrap());
    let held = tokio::spawn(held);
    server.seen.arrived.acquire().await.unwrap().forget();
    let seen = std::sync::Arc::clone(&server.seen);
    let stopping = tokio::spawn(server.stop());
    // No new stream is taken once the goodbye has come.
    let refused = async { while caller.ask(post("/more"), "x").await.is_ok() {} };
    timeout(SOON, refused).await.expect("streams are taken while draining");
    seen.release.add_permits(1);
    assert_eq!(whole(held.await.unwrap().unwrap()).await.unwrap(), (StatusCode::OK, b"abc".to_vec()));
    assert_eq!(stopping.await.unwrap(), Drained { cut_off: 0 });
}
