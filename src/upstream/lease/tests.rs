//! What a connection does beyond one request and one answer, against sockets.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::Full;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::net::tls::{self, Authorities};
use crate::upstream::tests::read;
use crate::upstream::{Upstream, UpstreamConfig, UpstreamError};

const SOON: Duration = Duration::from_secs(20);
/// More than sockets hold.
const LARGE: usize = 24 * 1024 * 1024;

/// An upstream, and what it counts of connections. Each one is given to `serve`.
async fn upstream<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (Upstream, Arc<AtomicUsize>) {
    upstream_with(|_| {}, serve).await
}

/// One that gives every request the same answer.
async fn always(answer: &'static [u8]) -> (Upstream, Arc<AtomicUsize>) {
    upstream(move |mut socket| async move {
        while head(&mut socket).await {
            say(&mut socket, answer).await;
        }
    })
    .await
}

/// One with other settings.
async fn upstream_with<F: Future<Output = ()> + Send + 'static>(
    change: impl FnOnce(&mut UpstreamConfig),
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (Upstream, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config =
        UpstreamConfig::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    config.timeouts.total = SOON;
    change(&mut config);
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(socket));
        }
    });
    (Upstream::new(config).unwrap(), connections)
}

fn request(method: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri("/p").body(Full::new(body.into())).unwrap()
}

/// Reads to the end of a head, and what comes with it; false where the connection has ended.
async fn head(socket: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        match socket.read(&mut bytes).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => seen.extend_from_slice(&bytes[..count]),
        }
    }
    true
}

async fn say(socket: &mut (impl AsyncWrite + Unpin), text: &[u8]) {
    socket.write_all(text).await.unwrap();
    socket.flush().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_begins_before_the_request_has_ended_stops_neither() {
    // It writes a whole answer before it reads what it was sent: who only wrote, and then read, would wait for ever.
    let (upstream, connections) = upstream(|mut socket| async move {
        while head(&mut socket).await {
            let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n");
            say(&mut socket, start.as_bytes()).await;
            say(&mut socket, &vec![b'a'; LARGE - 1]).await;
            let mut left = LARGE - 1024;
            let mut sink = vec![0; 1 << 20];
            while left > 0 {
                left -= socket.read(&mut sink).await.unwrap().min(left);
            }
            say(&mut socket, b"z").await;
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let sent = upstream.send(request("POST", vec![b'x'; LARGE]));
    let (status, body) = timeout(SOON, async { read(sent.await.unwrap()).await.unwrap() }).await.unwrap();
    assert_eq!((status, body.len(), body.last()), (StatusCode::OK, LARGE, Some(&b'z')));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_a_request_is_heard_and_ends_the_connection() {
    let (upstream, connections) = upstream(|mut socket| async move {
        if head(&mut socket).await {
            say(&mut socket, b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nmuch").await;
        }
        // It reads no more of this request, and does not close either.
        std::future::pending().await
    })
    .await;
    for number in 1..3 {
        let sent = timeout(SOON, upstream.send(request("POST", vec![b'x'; LARGE]))).await.unwrap().unwrap();
        let (status, body) = timeout(SOON, read(sent)).await.unwrap().unwrap();
        assert_eq!((status, &*body), (StatusCode::PAYLOAD_TOO_LARGE, &b"much"[..]));
        assert_eq!(connections.load(Ordering::SeqCst), number, "half a request leaves no connection behind");
    }
}

#[tokio::test]
async fn a_request_that_is_held_back_leaves_its_connection_to_the_next() {
    let (upstream, connections) = always(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let held = upstream.send_if(request("POST", "body"), || None::<Infallible>).await;
    assert!(matches!(held, Err(UpstreamError::Held)));
    for _ in 0..3 {
        read(upstream.send(request("GET", "")).await.unwrap()).await.unwrap();
        let held = upstream.send_if(request("POST", "body"), || None::<Infallible>).await;
        assert!(matches!(held, Err(UpstreamError::Held)));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_the_gate_gives_is_held_while_bytes_leave_and_no_longer() {
    struct Leave(Arc<AtomicUsize>);
    impl Drop for Leave {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let held = Arc::new(AtomicUsize::new(0));
    let looks = Arc::clone(&held);
    let (upstream, _) = upstream(move |mut socket| {
        let looks = Arc::clone(&looks);
        async move {
            while head(&mut socket).await {
                let text =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{}", looks.load(Ordering::SeqCst));
                say(&mut socket, text.as_bytes()).await;
            }
        }
    })
    .await;
    let asked = AtomicUsize::new(0);
    for _ in 0..2 {
        let gate = || {
            asked.fetch_add(1, Ordering::SeqCst);
            held.fetch_add(1, Ordering::SeqCst);
            Some(Leave(Arc::clone(&held)))
        };
        let (_, body) = read(upstream.send_if(request("POST", "body"), gate).await.unwrap()).await.unwrap();
        assert_eq!(body, b"0", "nobody waits for an upstream under the gate");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn head_has_no_body_and_leaves_its_connection_to_the_next() {
    let (upstream, connections) = always(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
    for _ in 0..3 {
        let (status, body) = read(upstream.send(request("HEAD", "")).await.unwrap()).await.unwrap();
        assert_eq!((status, body.len()), (StatusCode::OK, 0));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connections_time_is_that_of_its_exchange_and_not_of_an_earlier_one() {
    let total = Duration::from_secs(2);
    let (upstream, connections) = upstream_with(
        |config| config.timeouts.total = total,
        move |mut socket| async move {
            let mut late = Duration::from_millis(1);
            while head(&mut socket).await {
                // So late that both exchanges have to wait, and the second beyond the first one's time.
                sleep(late).await;
                late = total * 3 / 4;
                if socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                    return;
                }
            }
        },
    )
    .await;
    upstream.send(request("GET", "")).await.unwrap();
    sleep(total / 2).await;
    upstream.send(request("GET", "")).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_comes_and_goes_is_swept_by_one_task() {
    let (upstream, connections) = always(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    for _ in 0..50 {
        upstream.send(request("GET", "")).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    // The listener, the connection and the sweeper.
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 3);
}

#[tokio::test]
async fn over_tls_an_answer_ends_with_a_notice_or_is_broken() {
    /// More than one record.
    const MANY: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, cert.pem()).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let ended = Arc::new(AtomicUsize::new(0));
    let (upstream, connections) = upstream_with(
        |config| {
            config.url = config.url.to_string().replace("http://", "https://").parse().unwrap();
            config.tls = Some(tls::client(&Authorities::File(file)).unwrap());
        },
        move |socket| {
            let (acceptor, ended) = (acceptor.clone(), Arc::clone(&ended));
            async move {
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let large = format!("HTTP/1.1 200 OK\r\ncontent-length: {MANY}\r\n\r\n");
                for answer in ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", &large] {
                    assert!(head(&mut socket).await);
                    say(&mut socket, answer.as_bytes()).await;
                }
                say(&mut socket, &vec![b'a'; MANY]).await;
                // Then two that go on until the end: with a notice, and on another connection without one.
                assert!(head(&mut socket).await);
                say(&mut socket, b"HTTP/1.1 200 OK\r\n\r\nwhole").await;
                if ended.fetch_add(1, Ordering::SeqCst) == 0 {
                    socket.shutdown().await.unwrap();
                }
            }
        },
    )
    .await;
    for connection in 1..3 {
        let send = async |body| read(upstream.send(request("POST", body)).await.unwrap()).await;
        assert_eq!(send("body").await.unwrap().1, b"ok");
        assert_eq!(send("body").await.unwrap().1.len(), MANY);
        let last = send("body").await;
        assert_eq!(connections.load(Ordering::SeqCst), connection);
        match connection {
            1 => assert_eq!(last.unwrap().1, b"whole"),
            _ => assert!(matches!(last, Err(UpstreamError::Broken(_))), "a cut answer is no answer"),
        }
    }
}

#[tokio::test]
async fn a_body_that_came_with_its_head_is_there_at_once_and_no_other_is() {
    let rest = Arc::new(Notify::new());
    let waits = Arc::clone(&rest);
    let (upstream, connections) = upstream(move |mut socket| {
        let waits = Arc::clone(&waits);
        async move {
            assert!(head(&mut socket).await);
            say(&mut socket, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd").await;
            assert!(head(&mut socket).await);
            say(&mut socket, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab").await;
            waits.notified().await;
            say(&mut socket, b"cd").await;
            assert!(head(&mut socket).await);
            say(&mut socket, b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let whole = upstream.send(request("GET", "")).await.unwrap().into_body();
    assert_eq!(whole.size_hint().exact(), Some(4));
    assert_eq!(whole.into_whole().unwrap(), "abcd");
    let half = upstream.send(request("GET", "")).await.unwrap().into_body();
    assert_eq!(half.size_hint().exact(), Some(4));
    let half = half.into_whole().unwrap_err();
    rest.notify_one();
    assert_eq!(read(Response::new(half)).await.unwrap().1, b"abcd");
    let none = upstream.send(request("GET", "")).await.unwrap().into_body();
    assert!(none.is_end_stream());
    assert_eq!(none.into_whole().unwrap(), "");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_that_is_taken_too_slowly_is_late_though_it_is_there() {
    let total = Duration::from_millis(300);
    let (upstream, _) = upstream_with(
        |config| config.timeouts.total = total,
        |mut socket| async move {
            assert!(head(&mut socket).await);
            say(&mut socket, format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n").as_bytes()).await;
            // More than is taken before the time is over.
            let _ = socket.write_all(&vec![b'a'; LARGE]).await;
        },
    )
    .await;
    let response = upstream.send(request("GET", "")).await.unwrap();
    sleep(2 * total).await;
    let error = read(response).await.unwrap_err();
    assert!(matches!(error, UpstreamError::TimedOut(said) if said == total), "{error:?}");
}

#[tokio::test]
async fn a_large_body_in_chunks_is_read_to_its_end() {
    const CHUNK: usize = 100_000;
    let (upstream, connections) = upstream(|mut socket| async move {
        while head(&mut socket).await {
            say(&mut socket, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            for _ in 0..50 {
                say(&mut socket, format!("{CHUNK:x}\r\n{}\r\n", "x".repeat(CHUNK)).as_bytes()).await;
            }
            say(&mut socket, b"0\r\n\r\n").await;
        }
    })
    .await;
    for _ in 0..2 {
        let (_, body) = read(upstream.send(request("GET", "")).await.unwrap()).await.unwrap();
        assert!(body.len() == 50 * CHUNK && body.iter().all(|byte| *byte == b'x'));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
