//! Against sockets that answer what a test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Barrier, mpsc};
use tokio::time::timeout;

use super::*;
use crate::net::Content;

const SOON: Duration = Duration::from_secs(10);
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// An upstream that gives each request of each connection the next of its answers, and tells what it saw.
struct Api {
    upstream: Upstream,
    heads: mpsc::Receiver<String>,
    connections: Arc<AtomicUsize>,
}

/// What an upstream does with a request.
#[derive(Clone, Copy)]
enum Reply {
    Say(&'static str),
    /// Answers, then closes.
    SayAndClose(&'static str),
    Nothing,
    Close,
}

use Reply::{Close, Nothing, Say, SayAndClose};

impl Api {
    async fn start(replies: &'static [Reply], change: impl FnOnce(&mut UpstreamConfig)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let (tell, heads) = mpsc::channel(100);
        let (counted, next) = (Arc::clone(&connections), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, replies, Arc::clone(&next), tell.clone()));
            }
        });
        let mut config = UpstreamConfig::new(url.parse().unwrap());
        config.timeouts.total = SOON;
        change(&mut config);
        Self { upstream: Upstream::new(config).unwrap(), heads, connections }
    }

    async fn ask(&self) -> Result<(StatusCode, Vec<u8>), UpstreamError> {
        read(self.upstream.send(post("/p?q=1", "body")).await?).await
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    replies: &'static [Reply],
    next: Arc<AtomicUsize>,
    tell: mpsc::Sender<String>,
) {
    let mut seen = Vec::new();
    loop {
        while !seen.ends_with(b"body") {
            let mut byte = [0];
            if socket.read(&mut byte).await.unwrap_or(0) == 0 {
                return;
            }
            seen.push(byte[0]);
        }
        let _ = tell.send(String::from_utf8(std::mem::take(&mut seen)).unwrap()).await;
        let reply = next.fetch_add(1, Ordering::SeqCst);
        match replies.get(reply).or(replies.last()).unwrap() {
            Say(text) => socket.write_all(text.as_bytes()).await.unwrap(),
            SayAndClose(text) => return socket.write_all(text.as_bytes()).await.unwrap(),
            Nothing => {}
            Close => return,
        }
    }
}

impl Upstream {
    /// As [`Upstream::ask`], of a request that has been put together.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        self.send_if(request, || Some(())).await
    }

    /// The same with a gate.
    pub(crate) async fn send_if<G>(
        &self,
        request: Request<Full<Bytes>>,
        gate: impl Fn() -> Option<G>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let (head, mut body) = request.into_parts();
        let target = head.uri.path_and_query().unwrap();
        let body = body.frame().await.map(|whole| whole.unwrap().into_data().unwrap()).unwrap_or_default();
        let (fields, body) = (Fields::Map(&head.headers), Content::full(body));
        self.ask_if(Ask { method: &head.method, target, fields, body, wanted: Wanted::All }, gate).await
    }
}

fn post(path: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(path).body(Full::from(body)).unwrap()
}

pub(super) async fn read(
    mut response: Response<UpstreamBody>,
) -> Result<(StatusCode, Vec<u8>), UpstreamError> {
    let mut bytes = Vec::new();
    while let Some(frame) = response.frame().await {
        bytes.extend_from_slice(&frame?.into_data().unwrap_or_default());
    }
    Ok((response.status(), bytes))
}

#[tokio::test]
async fn a_connection_carries_one_exchange_after_another() {
    let mut api = Api::start(
        &[
            Say(OK),
            Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            Say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            Say("HTTP/1.1 204 No Content\r\n\r\n"),
            Say(OK),
        ],
        |_| {},
    )
    .await;
    let mut bodies = Vec::new();
    for _ in 0..5 {
        bodies.push(String::from_utf8(api.ask().await.unwrap().1).unwrap());
    }
    assert_eq!(bodies, ["ok", "ok", "", "", "ok"]);
    assert_eq!(api.connections(), 1);
    let head = api.heads.recv().await.unwrap().to_lowercase();
    assert!(head.starts_with("post /p?q=1 http/1.1\r\n"), "{head}");
    assert_eq!(head.matches("content-length: 4\r\n").count(), 1, "{head}");
    assert!(head.contains("host: 127.0.0.1:"), "{head}");
}

#[tokio::test]
async fn framing_and_host_are_never_the_callers() {
    let mut api = Api::start(&[Say(OK)], |config| {
        config.url = format!("{}base/", config.url).parse().unwrap();
    })
    .await;
    let mut request = post("/p", "body");
    request.headers_mut().insert("host", "evil".parse().unwrap());
    request.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
    request.headers_mut().insert("connection", "close".parse().unwrap());
    request.headers_mut().append("content-length", "9".parse().unwrap());
    read(api.upstream.send(request).await.unwrap()).await.unwrap();
    let head = api.heads.recv().await.unwrap().to_lowercase();
    assert!(head.starts_with("post /base/p http/1.1\r\n"), "{head}");
    assert!(!head.contains("evil") && !head.contains("chunked") && !head.contains("connection"), "{head}");
    assert_eq!(head.matches("content-length: 4\r\n").count(), 1, "{head}");
    assert_eq!(head.matches("content-length").count(), 1, "{head}");
    assert!(api.upstream.send(post("*", "body")).await.is_err());
}

#[tokio::test]
async fn exchanges_at_once_have_connections_of_their_own() {
    let api = Api::start(&[Say(OK)], |_| {}).await;
    let (one, other) = tokio::join!(api.ask(), api.ask());
    assert_eq!((one.unwrap().1, other.unwrap().1), (b"ok".to_vec(), b"ok".to_vec()));
    assert_eq!(api.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_and_the_request_is_seen_once() {
    let mut api = Api::start(&[SayAndClose(OK), Say(OK)], |_| {}).await;
    api.ask().await.unwrap();
    // The close is on its way through the loopback.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(api.ask().await.unwrap().1, b"ok");
    assert_eq!(api.connections(), 2);
    api.heads.close();
    let mut seen = 0;
    while api.heads.recv().await.is_some() {
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[tokio::test]
async fn a_request_that_was_sent_is_never_sent_again() {
    for replies in [&[Close][..], &[Say(OK), Close]] {
        let replies: &'static [Reply] = replies.to_vec().leak();
        let mut api = Api::start(replies, |_| {}).await;
        for _ in 1..replies.len() {
            api.ask().await.unwrap();
        }
        let error = api.ask().await.unwrap_err();
        assert!(matches!(error, UpstreamError::Broken(_)), "{error:?}");
        for _ in 0..replies.len() {
            api.heads.recv().await.unwrap();
        }
        assert!(timeout(Duration::from_millis(30), api.heads.recv()).await.is_err(), "sent again");
    }
}

#[tokio::test]
async fn a_connection_with_unread_bytes_or_half_an_answer_is_not_used_again() {
    for first in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
    ] {
        let replies: &'static [Reply] = vec![Say(first), Say(OK)].leak();
        let api = Api::start(replies, |_| {}).await;
        assert_eq!(api.ask().await.unwrap().1, b"ok", "{first}");
        assert_eq!(api.ask().await.unwrap().1, b"ok", "{first}");
        assert_eq!(api.connections(), 2, "{first}");
    }
    let api = Api::start(&[Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"), Say(OK)], |_| {}).await;
    drop(api.upstream.send(post("/p", "body")).await.unwrap());
    assert_eq!(api.ask().await.unwrap().1, b"ok");
    assert_eq!(api.connections(), 2);
}

#[tokio::test]
async fn what_is_no_answer_is_broken() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "SSH-2.0-x\r\n",
        "ok",
        "",
    ] {
        let replies: &'static [Reply] = vec![SayAndClose(answer)].leak();
        let api = Api::start(replies, |_| {}).await;
        let result = timeout(SOON, api.ask()).await.expect(answer);
        assert!(matches!(result, Err(UpstreamError::Broken(_))), "{answer}: {result:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_broken() {
    let many: &'static str = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200)).leak();
    let long: &'static str = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000)).leak();
    for answer in [many, long] {
        let api = Api::start(vec![SayAndClose(answer)].leak(), |_| {}).await;
        let result = api.ask().await;
        assert!(matches!(result, Err(UpstreamError::Broken(_))), "{}: {result:?}", answer.len());
    }
}

#[tokio::test]
async fn the_time_limit_holds_for_the_head_and_for_the_body() {
    let short = |config: &mut UpstreamConfig| config.timeouts.total = Duration::from_millis(60);
    let api = Api::start(&[Nothing], short).await;
    assert!(matches!(timeout(SOON, api.ask()).await.unwrap(), Err(UpstreamError::TimedOut(_))));
    let api = Api::start(&[Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")], short).await;
    let response = api.upstream.send(post("/p", "body")).await.unwrap();
    assert!(response.body().deadline() > Instant::now() - SOON);
    assert!(matches!(timeout(SOON, read(response)).await.unwrap(), Err(UpstreamError::TimedOut(_))));
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let upstream = Upstream::new(UpstreamConfig::new(url.parse().unwrap())).unwrap();
    let error = upstream.send(post("/", "")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn an_upstream_at_a_unix_socket_is_asked_there_and_by_the_name_of_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("model.sock");
    let mut config = UpstreamConfig::new("http://model.invalid/v1".parse().unwrap());
    config.socket = Some(socket.clone());
    let upstream = Upstream::new(config).unwrap();
    let error = upstream.send(post("/p", "body")).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unavailable(_)), "{error:?}");

    let listener = UnixListener::bind(socket).unwrap();
    let (tell, mut heads) = mpsc::channel(100);
    let served = tokio::spawn(async move {
        // One connection, which is kept.
        let (connection, _) = listener.accept().await.unwrap();
        drop(listener);
        serve(connection, &[Say(OK)], Arc::default(), tell).await;
    });
    for _ in 0..2 {
        let answer = read(upstream.send(post("/p", "body")).await.unwrap()).await.unwrap();
        assert_eq!(answer, (StatusCode::OK, b"ok".to_vec()));
        let head = heads.recv().await.unwrap();
        assert!(head.starts_with("POST /v1/p HTTP/1.1\r\nhost: model.invalid\r\n"), "{head}");
    }
    served.abort();
}

#[tokio::test]
async fn a_unix_socket_whose_queue_is_full_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("model.sock");
    let listener = tokio::net::UnixSocket::new_stream().unwrap();
    listener.bind(&socket).unwrap();
    let listener = listener.listen(1).unwrap();
    let mut config = UpstreamConfig::new("http://model.invalid".parse().unwrap());
    config.socket = Some(socket);
    let upstream = Upstream::new(config).unwrap();
    let asked = join_all((0..6).map(|_| async { read(upstream.send(post("/p", "body")).await?).await }));
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, &[Say(OK)], Arc::default(), mpsc::channel(100).0));
        }
    });
    for answer in asked.await {
        assert_eq!(answer.unwrap(), (StatusCode::OK, b"ok".to_vec()));
    }
}

#[test]
fn there_is_no_tls_at_a_unix_socket() {
    let mut config = UpstreamConfig::new("https://model.invalid".parse().unwrap());
    config.socket = Some("model.sock".into());
    config.tls = Some(crate::net::tls::client(&crate::net::tls::Authorities::System).unwrap());
    assert!(matches!(Upstream::new(config), Err(TargetError::TlsAtSocket)));
}

/// Answers that wait for one sync go to all their callers at once, who all ask again.
#[tokio::test]
async fn connections_of_a_burst_are_used_again() {
    const CALLERS: usize = 200;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config =
        UpstreamConfig::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    (config.timeouts.total, config.timeouts.idle) = (SOON, SOON);
    let upstream = Upstream::new(config).unwrap();
    let (opened, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(CALLERS)));
    let counted = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let all = Arc::clone(&all);
            tokio::spawn(async move {
                let mut head = [0; 1024];
                while socket.read(&mut head).await.unwrap_or(0) > 0 {
                    all.wait().await;
                    socket.write_all(OK.as_bytes()).await.unwrap();
                }
            });
        }
    });
    for _ in 0..3 {
        let asked = (0..CALLERS).map(|_| async { read(upstream.send(post("/p", "")).await?).await });
        for answer in join_all(asked).await {
            assert_eq!(answer.unwrap(), (StatusCode::OK, b"ok".to_vec()));
        }
    }
    assert_eq!(opened.load(Ordering::SeqCst), CALLERS);
}

#[tokio::test]
async fn unused_connections_are_closed_in_time_also_of_an_upstream_that_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config =
        UpstreamConfig::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    config.timeouts.idle = Duration::from_millis(30);
    let upstream = Upstream::new(config).unwrap();
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        assert_ne!(socket.read(&mut head).await.unwrap(), 0);
        socket.write_all(OK.as_bytes()).await.unwrap();
        socket
    };
    let (mut socket, answer) =
        tokio::join!(served, async { read(upstream.send(post("/", "")).await.unwrap()).await.unwrap() });
    assert_eq!(answer.1, b"ok");
    drop(upstream);
    let end = timeout(SOON, socket.read_u8()).await.expect("the connection stays");
    assert!(end.is_err());
}

#[test]
fn only_addresses_that_can_be_connected_to_are_taken() {
    for url in ["ftp://a", "https://a", "http://u@a", "/a", "http://a/?q"] {
        assert!(Upstream::new(UpstreamConfig::new(url.parse().unwrap())).is_err(), "{url}");
    }
}
