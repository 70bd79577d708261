//! What HTTP/1.1 implementations read differently never reaches a handler.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::support::*;
use crate::net::Protocol;
use crate::net::tls::Protocols;

/// Heads and bodies that have, or have had, two readings.
const AMBIGUOUS: &[(&str, &str)] = &[
    (
        "both lengths",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "both lengths, other order",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    ),
    ("doubled length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx"),
    ("two lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy"),
    ("listed length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\nx"),
    ("signed length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\nx"),
    ("negative length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\nx"),
    ("hexadecimal length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x1\r\n\r\nx"),
    ("no length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\n"),
    ("huge length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551617\r\n\r\nx"),
    ("unknown coding", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("identity", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\n\r\n"),
    ("stacked coding", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (
        "coding in two lines",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "doubled coding",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("coding with a quote", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    (
        "coding with a parameter",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked;a=b\r\n\r\n0\r\n\r\n",
    ),
    (
        "coding after a vertical tab",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    ),
    ("coding in HTTP/1.0", "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("space before the colon", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length : 1\r\n\r\nx"),
    ("folded line", "GET / HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\n\r\n"),
    ("folded coding", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("bare LF after a field", "GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n"),
    ("bare LF after the request line", "GET / HTTP/1.1\nhost: a\r\n\r\n"),
    ("bare LF at the end", "GET / HTTP/1.1\r\nhost: a\r\n\n"),
    ("only bare LF", "GET / HTTP/1.1\nhost: a\n\n"),
    ("bare CR in a value", "GET / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n"),
    ("CR CR LF", "GET / HTTP/1.1\r\nhost: a\r\r\n\r\n"),
    ("NUL in a value", "GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n"),
    ("NUL in a name", "GET / HTTP/1.1\r\nhost: a\r\nx\0: a\r\n\r\n"),
    ("field without a colon", "GET / HTTP/1.1\r\nhost: a\r\nxy\r\n\r\n"),
    ("field without a name", "GET / HTTP/1.1\r\nhost: a\r\n: y\r\n\r\n"),
    ("empty line first", "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("two spaces", "GET  / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("tab for a space", "GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("space in the target", "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("fragment", "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("unencoded target", "GET /\u{e9} HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("no version", "GET /\r\nhost: a\r\n\r\n"),
    ("other version", "GET / HTTP/1.2\r\nhost: a\r\n\r\n"),
    ("version 2 in words", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("TLS on a plain port", "\x16\x03\x01\x02\0\x01\0\x01\u{1}\n\n"),
];

/// Bodies that break after a head that is well formed: the handler sees a broken body, never a whole one.
const BROKEN_CHUNKS: &[(&str, &str)] = &[
    ("extension", "1;a=b\r\nx\r\n0\r\n\r\n"),
    ("extension with a newline", "1;\nx\r\n0\r\n\r\n"),
    ("bare LF after the size", "1\nx\r\n0\r\n\r\n"),
    ("bare LF after the data", "1\r\nx\n0\r\n\r\n"),
    ("space after the size", "1 \r\nx\r\n0\r\n\r\n"),
    ("signed size", "+1\r\nx\r\n0\r\n\r\n"),
    ("prefixed size", "0x1\r\nx\r\n0\r\n\r\n"),
    ("empty size", "\r\nx\r\n0\r\n\r\n"),
    ("huge size", "ffffffffffffffff1\r\nx\r\n0\r\n\r\n"),
    ("more data than said", "1\r\nxy\r\n0\r\n\r\n"),
    ("no end of data", "1\r\nx0\r\n\r\n"),
    ("trailer without a colon", "1\r\nx\r\n0\r\nab\r\n\r\n"),
    ("bare LF in a trailer", "1\r\nx\r\n0\r\na: b\n\r\n"),
    ("bare LF at the end", "1\r\nx\r\n0\r\n\n"),
];

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn ambiguous_heads_reach_no_handler_and_close_the_connection() {
    let server = Server::plain();
    for (what, bytes) in AMBIGUOUS {
        let answer = server.say(format!("{bytes}{SMUGGLED}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{what}: {answer}");
        assert_eq!(server.taken(), Vec::<String>::new(), "{what}");
        server.is_well().await;
    }
}

#[tokio::test]
async fn ambiguous_heads_are_refused_in_whatever_pieces_they_come() {
    let server = Server::plain();
    for (what, bytes) in AMBIGUOUS {
        let mut socket = server.connect().await;
        socket.set_nodelay(true).unwrap();
        for byte in bytes.bytes() {
            // The server may have closed by now.
            let _ = socket.write_all(&[byte]).await;
            tokio::task::yield_now().await;
        }
        let answer = hear(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{what}: {answer}");
        assert_eq!(server.taken(), Vec::<String>::new(), "{what}");
    }
    server.is_well().await;
}

#[tokio::test]
async fn a_request_before_an_ambiguous_one_is_answered() {
    let server = Server::plain();
    let (_, bytes) = AMBIGUOUS[0];
    let answer =
        server.say(format!("GET /first HTTP/1.1\r\nhost: a\r\n\r\n{bytes}{SMUGGLED}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("HTTP/1.1 400"), "{answer}");
    assert_eq!(server.taken(), ["GET /first"]);
}

#[tokio::test]
async fn broken_chunks_are_a_broken_body() {
    let server = Server::plain();
    for (what, chunks) in BROKEN_CHUNKS {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        let answer = server.say(format!("{head}{chunks}{SMUGGLED}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{what}: {answer}");
        assert_eq!(server.taken(), Vec::<String>::new(), "{what}");
        server.is_well().await;
    }
}

#[tokio::test]
async fn well_framed_requests_follow_one_another_in_whatever_pieces_they_come() {
    let server = Server::plain();
    let bytes = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                 POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:  Chunked \r\n\r\n2\r\nab\r\n0A\r\n0123456789\r\n0\r\nx: y\r\n\r\n\
                 GET /none?a=b HTTP/1.1\r\nHost: a\r\nX: caf\u{e9}\r\n\r\n\
                 POST /zero HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        .as_bytes();
    for size in [1, 2, 3, 7, 50, bytes.len()] {
        let mut socket = server.connect().await;
        socket.set_nodelay(true).unwrap();
        for piece in bytes.chunks(size) {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let answer = hear(&mut socket).await;
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 4, "{size}: {answer}");
        let requests = std::mem::take(&mut *server.seen.requests.lock().unwrap());
        let expected = [
            ("POST /length", "abc"),
            ("POST /chunked", "ab0123456789"),
            ("GET /none", ""),
            ("POST /zero", ""),
        ];
        let expected = expected.map(|(line, body)| (line.to_owned(), bytes::Bytes::from(body)));
        assert_eq!(requests, expected, "{size}");
    }
    assert!(server.seen.connections.lock().unwrap().iter().all(|info| info.protocol == Protocol::Http1));
}

#[tokio::test]
async fn the_door_refuses_with_the_handlers_words() {
    let server = Server::plain();
    for (head, status, slug) in [
        ("GET / HTTP/1.1\r\n", 400, "request-malformed"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n", 400, "request-malformed"),
        ("GET http://b/ HTTP/1.1\r\nhost: a\r\n", 421, "misdirected"),
        ("GET https://a/ HTTP/1.1\r\nhost: a\r\n", 421, "misdirected"),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n", 405, "method-not-permitted"),
        ("TRACE / HTTP/1.1\r\nhost: a\r\n", 405, "method-not-permitted"),
        ("BREW / HTTP/1.1\r\nhost: a\r\n", 405, "method-not-permitted"),
        ("GET / HTTP/1.1\r\nhost: a\r\nx-http-method-override: DELETE\r\n", 400, "request-malformed"),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
            400,
            "request-malformed",
        ),
        ("GET / HTTP/1.1\r\nhost: a\r\nconnection: authorization\r\n", 400, "request-malformed"),
    ] {
        let mut socket = server.connect().await;
        tell(&mut socket, &format!("{head}\r\n")).await;
        let answer = hear_one(&mut socket).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with(slug),
            "{head}: {answer}"
        );
        assert_eq!(server.taken(), Vec::<String>::new(), "{head}");
    }
    server.is_well().await;
}

#[tokio::test]
async fn a_head_too_large_or_of_too_many_fields_is_431() {
    let mut config = config();
    config.limits.head_bytes = 16 * 1024;
    config.limits.head_fields = 20;
    let server = Server::start(&config);
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(17_000));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(30));
    let lines =
        format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", format!("x: {}\r\n", "y".repeat(1700)).repeat(10));
    for head in [long, many, lines] {
        let answer = server.say(format!("{head}{SMUGGLED}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        assert_eq!(server.taken(), Vec::<String>::new());
    }
    let fits =
        format!("GET /fits HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n", "x".repeat(15_000));
    assert!(server.say(fits.as_bytes()).await.starts_with("HTTP/1.1 200"));
    assert_eq!(server.taken(), ["GET /fits"]);
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(70_000));
    let answer = server.say(long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    server.is_well().await;
}

#[tokio::test]
async fn continue_is_said_only_when_the_body_is_wanted() {
    let server = Server::plain();
    let mut socket = server.connect().await;
    tell(&mut socket, "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
        .await;
    assert!(hear_one(&mut socket).await.starts_with("HTTP/1.1 100"));
    tell(&mut socket, "x").await;
    assert!(hear_one(&mut socket).await.starts_with("HTTP/1.1 200"));

    let mut socket = server.connect().await;
    tell(
        &mut socket,
        "POST /unread HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n",
    )
    .await;
    let answer = hear_one(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("no"), "{answer}");
}

/// Sends a body that nobody wants to its end, and only then listens, as many clients do.
async fn hears_behind_a_body(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), length: usize) {
    tell(stream, &format!("POST /unread HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n"))
        .await;
    let sent = async {
        stream.write_all(&vec![b'x'; length]).await?;
        stream.flush().await
    };
    sent.await.unwrap_or_else(|error| panic!("after {length} bytes at most: {error}"));
    let answer = hear(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("no"), "{answer}");
}

#[tokio::test]
async fn a_caller_who_still_sends_comes_to_read_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let tls = Server::start(&secure(&certificates(dir.path()), Protocols::Http2AndHttp1));
    let plain = Server::plain();
    for length in [300_000, 20_000_000] {
        hears_behind_a_body(&mut plain.connect().await, length).await;
        let mut stream = shake(tls.addr, caller(dir.path(), &["http/1.1"])).await.unwrap();
        hears_behind_a_body(&mut stream, length).await;
    }
}

#[tokio::test]
async fn who_sends_without_end_is_not_listened_to_without_end() {
    let server = Server::plain();
    let mut socket = server.connect().await;
    tell(&mut socket, "POST /unread HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let piece = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let mut pieces = 0;
    while socket.write_all(piece.as_bytes()).await.is_ok() {
        pieces += 1;
        assert!(pieces < 128, "{pieces} MiB and more are taken");
    }
    server.is_well().await;
}
