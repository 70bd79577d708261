//! Bodies that come piece by piece, against a socket that is read byte for byte.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join};
use http::uri::PathAndQuery;
use http::{Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::tests::read;
use super::*;
use crate::net::Content;

const SOON: Duration = Duration::from_secs(10);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A body whose pieces a test hands over.
struct Fed {
    pieces: mpsc::Receiver<io::Result<&'static str>>,
    length: Option<u64>,
}

impl Body for Fed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
        self.get_mut().pieces.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(frame)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

type Feed = mpsc::Sender<io::Result<&'static str>>;

fn fed(length: Option<u64>) -> (Feed, Content) {
    let (feed, pieces) = mpsc::channel(100);
    (feed, Content::stream(Fed { pieces, length }))
}

async fn upstream(total: Duration) -> (Upstream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config =
        UpstreamConfig::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    config.timeouts.total = total;
    (Upstream::new(config).unwrap(), listener)
}

async fn ask(upstream: &Upstream, body: Content) -> Result<(StatusCode, Vec<u8>), UpstreamError> {
    let target = PathAndQuery::from_static("/p");
    let (fields, wanted) = (Fields::List(&[]), Wanted::All);
    let asked = upstream.ask(Ask { method: &Method::POST, target: &target, fields, body, wanted });
    timeout(SOON, async { read(asked.await?).await }).await.expect("an answer, or an error")
}

/// Reads until what was sent ends so, and gives what came behind the head.
async fn until(socket: &mut TcpStream, end: &str) -> (String, String) {
    let mut seen = Vec::new();
    let reading = async {
        while !seen.ends_with(end.as_bytes()) {
            seen.push(socket.read_u8().await.expect("more"));
        }
    };
    timeout(SOON, reading).await.expect("it comes");
    let seen = String::from_utf8(seen).unwrap();
    let (head, body) = seen.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_body_is_sent_as_it_comes_and_its_connection_carries_the_next() {
    let (upstream, listener) = upstream(SOON).await;
    let mut connection = None;
    for (length, framed, pieces) in [
        (Some(6), "content-length: 6", ["abc", "def"]),
        (None, "transfer-encoding: chunked", ["3\r\nabc", "\r\n3\r\ndef\r\n0\r\n\r\n"]),
    ] {
        let (feed, body) = fed(length);
        let served = async {
            let mut socket = match connection.take() {
                Some(socket) => socket,
                None => listener.accept().await.unwrap().0,
            };
            let (head, _) = until(&mut socket, "\r\n\r\n").await;
            assert!(head.ends_with(framed), "{head}");
            feed.try_send(Ok("abc")).unwrap();
            let mut came = pieces.map(|piece| vec![0; piece.len()]);
            // What there is is here before the rest is.
            socket.read_exact(&mut came[0]).await.unwrap();
            for piece in ["", "def"] {
                feed.try_send(Ok(piece)).unwrap();
            }
            drop(feed);
            socket.read_exact(&mut came[1]).await.unwrap();
            assert_eq!(came, pieces.map(|piece| piece.as_bytes().to_vec()));
            socket.write_all(OK).await.unwrap();
            socket
        };
        let (answer, socket) = join(ask(&upstream, body), served).await;
        assert_eq!(answer.unwrap(), (StatusCode::OK, b"ok".to_vec()));
        connection = Some(socket);
    }
}

#[tokio::test]
async fn an_empty_body_of_unknown_length_is_one_chunk() {
    let (upstream, listener) = upstream(SOON).await;
    let (feed, body) = fed(None);
    drop(feed);
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (head, body) = until(&mut socket, "0\r\n\r\n").await;
        assert!(head.ends_with("transfer-encoding: chunked") && body == "0\r\n\r\n", "{head} {body}");
        socket.write_all(OK).await.unwrap();
    };
    let (answer, ()) = join(ask(&upstream, body), served).await;
    assert_eq!(answer.unwrap().0, StatusCode::OK);
}

/// Who reads half a body must not take it for a whole one.
#[tokio::test]
async fn a_body_that_breaks_off_or_is_not_as_long_as_it_said_is_never_whole() {
    let broken = || Err(io::ErrorKind::ConnectionReset.into());
    for (length, pieces) in [
        (None, vec![Ok("abc"), broken()]),
        (Some(6), vec![Ok("abc"), broken()]),
        (Some(6), vec![Ok("abc")]),
        (Some(2), vec![Ok("abc")]),
    ] {
        let (upstream, listener) = upstream(SOON).await;
        let (feed, body) = fed(length);
        pieces.into_iter().for_each(|piece| feed.try_send(piece).unwrap());
        drop(feed);
        let served = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut seen = String::new();
            socket.read_to_string(&mut seen).await.unwrap();
            let (_, body) = seen.split_once("\r\n\r\n").unwrap();
            assert!(!body.ends_with("0\r\n\r\n") && body.len() < 6 + 5, "{seen}");
            assert!(length.is_none_or(|length| (body.len() as u64) < length), "{seen}");
        };
        let (answer, ()) = join(ask(&upstream, body), served).await;
        assert!(matches!(answer, Err(UpstreamError::Unread(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_ends_the_request() {
    let (upstream, listener) = upstream(SOON).await;
    for _ in 0..2 {
        let (feed, body) = fed(Some(1 << 40));
        feed.try_send(Ok("abc")).unwrap();
        let served = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            until(&mut socket, "abc").await;
            socket.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nmu").await.unwrap();
            sleep(Duration::from_millis(20)).await;
            socket.write_all(b"ch").await.unwrap();
            // Half a request leaves no connection behind.
            assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
        };
        let (answer, ()) = join(ask(&upstream, body), served).await;
        assert_eq!(answer.unwrap(), (StatusCode::PAYLOAD_TOO_LARGE, b"much".to_vec()));
        assert!(feed.is_closed());
    }
}

#[tokio::test]
async fn an_upstreams_time_begins_when_the_body_is_there() {
    let total = Duration::from_millis(400);
    let (upstream, listener) = upstream(total).await;
    let (feed, body) = fed(Some(6));
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        feed.try_send(Ok("abc")).unwrap();
        sleep(2 * total).await;
        feed.try_send(Ok("def")).unwrap();
        until(&mut socket, "abcdef").await;
        sleep(total / 4).await;
        socket.write_all(OK).await.unwrap();
        socket
    };
    let (answer, _socket) = join(ask(&upstream, body), served).await;
    assert_eq!(answer.unwrap().0, StatusCode::OK);
    // And it ends: for an answer that does not come, and for a body that is not taken, or too slowly.
    let (feed, body) = fed(Some(3));
    feed.try_send(Ok("abc")).unwrap();
    assert!(matches!(ask(&upstream, body).await, Err(UpstreamError::TimedOut(_))));
    static MUCH: [u8; 1 << 20] = [b'x'; 1 << 20];
    let (feed, body) = fed(None);
    for _ in 0..64 {
        feed.try_send(Ok(std::str::from_utf8(&MUCH).unwrap())).unwrap();
    }
    assert!(matches!(ask(&upstream, body).await, Err(UpstreamError::TimedOut(_))));
    let (feed, body) = fed(None);
    for _ in 0..64 {
        feed.try_send(Ok(std::str::from_utf8(&MUCH).unwrap())).unwrap();
    }
    // Those before were never taken from the queue of the socket.
    let slowly = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut room = vec![0; MUCH.len()];
            while let Ok(1..) = socket.read(&mut room).await {
                sleep(total / 8).await;
            }
        }
    };
    let (asked, slowly) = (pin!(ask(&upstream, body)), pin!(slowly));
    let answer = futures_util::future::select(asked, slowly).await;
    assert!(matches!(answer, Either::Left((Err(UpstreamError::TimedOut(_)), _))));
}

/// Who answers while they read would be left without the rest.
#[tokio::test]
async fn a_success_that_goes_on_while_the_request_does_is_refused_at_once() {
    let (upstream, listener) = upstream(SOON).await;
    for (answer, whole) in [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd", true),
    ] {
        let (feed, body) = fed(None);
        feed.try_send(Ok("abc")).unwrap();
        let served = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            until(&mut socket, "abc").await;
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket
        };
        let began = Instant::now();
        let (answered, _socket) = join(ask(&upstream, body), served).await;
        assert!(began.elapsed() < SOON / 2, "{answer}");
        match answered {
            Ok((_, body)) => assert!(whole && body == b"abcd", "{answer}"),
            Err(error) => assert!(!whole && matches!(error, UpstreamError::Broken(_)), "{answer}"),
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_byte_of_the_body() {
    let (upstream, listener) = upstream(SOON).await;
    for last in [false, true] {
        let (feed, body) = fed(None);
        feed.try_send(Ok("abc")).unwrap();
        drop(feed);
        let served = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (_, body) = until(&mut socket, "0\r\n\r\n").await;
            assert_eq!(body, "3\r\nabc\r\n0\r\n\r\n");
            socket.write_all(OK).await.unwrap();
        };
        let (answer, ()) = join(ask(&upstream, body), served).await;
        assert_eq!(answer.unwrap().0, StatusCode::OK, "{last}");
        // The socket is closed now, and the connection still kept.
        sleep(Duration::from_millis(20)).await;
    }
}
