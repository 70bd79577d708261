//! A connection that rests between its requests is the same connection to its caller.

use tokio::io::AsyncWriteExt;

use super::support::*;
use crate::net::tls::Protocols;
use crate::proxy::Drained;

#[tokio::test]
async fn requests_are_answered_however_they_are_cut() {
    let server = Server::plain();
    let mut socket = server.connect().await;
    let request = "POST /one HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
    for cut in 0..request.len() {
        let (one, other) = request.split_at(cut);
        tell(&mut socket, one).await;
        tokio::task::yield_now().await;
        tell(&mut socket, other).await;
        assert!(hear_one(&mut socket).await.ends_with("\r\n\r\nabc"), "{cut}");
    }
    assert_eq!(server.taken(), vec!["POST /one"; request.len()]);
    // Larger than what is fetched at once, and chunked.
    let body = "x".repeat(50_000);
    for _ in 0..3 {
        tell(&mut socket, &format!("POST /big HTTP/1.1\r\nhost: a\r\ncontent-length: 50000\r\n\r\n{body}"))
            .await;
        assert!(hear_one(&mut socket).await.ends_with(&body));
        let chunked =
            "POST /c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        tell(&mut socket, chunked).await;
        assert!(hear_one(&mut socket).await.ends_with("\r\n\r\nabc"));
    }
}

#[tokio::test]
async fn requests_that_come_together_are_all_answered() {
    let server = Server::plain();
    let mut socket = server.connect().await;
    for _ in 0..3 {
        tell(&mut socket, &"GET /p HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10)).await;
        for _ in 0..10 {
            assert!(hear_one(&mut socket).await.starts_with("HTTP/1.1 200"));
        }
    }
    assert_eq!(server.taken(), vec!["GET /p"; 30]);
}

#[tokio::test]
async fn a_body_that_nobody_read_is_no_request() {
    let server = Server::plain();
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let head = format!("POST /unread HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", smuggled.len());
    for cut in 0..=smuggled.len() {
        let mut socket = server.connect().await;
        let (now, later) = smuggled.split_at(cut);
        tell(&mut socket, &format!("{head}{now}")).await;
        assert!(hear_one(&mut socket).await.ends_with("no"), "{cut}");
        // The connection may be closed by now, or go on: what is sent here is a body in any case.
        let _ = socket.write_all(later.as_bytes()).await;
        let _ = socket.write_all(b"GET /next HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        hear(&mut socket).await;
        assert!(server.taken().iter().all(|request| request == "GET /next"), "{cut}");
    }
}

#[tokio::test]
async fn what_is_ambiguous_after_a_rest_is_refused() {
    let server = Server::plain();
    for line in ["GET / HTTP/1.1\nhost: a\r\n\r\n", "GET /#a HTTP/1.1\r\n\r\n", "\0"] {
        let mut socket = server.connect().await;
        tell(&mut socket, "GET /one HTTP/1.1\r\nhost: a\r\n\r\n").await;
        hear_one(&mut socket).await;
        tell(&mut socket, line).await;
        socket.shutdown().await.unwrap();
        let answer = hear(&mut socket).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert_eq!(server.taken(), ["GET /one"]);
    }
}

#[tokio::test]
async fn who_rests_behind_tls_goes_on_and_is_drained() {
    let folder = tempfile::tempdir().unwrap();
    let config = secure(&certificates(folder.path()), Protocols::Http1Only);
    let server = Server::start(&config);
    let mut rests = shake(server.addr, caller(folder.path(), &[])).await.unwrap();
    let mut left = shake(server.addr, caller(folder.path(), &[])).await.unwrap();
    for _ in 0..5 {
        tell(&mut rests, "GET /one HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(hear_one(&mut rests).await.starts_with("HTTP/1.1 200"));
    }
    tell(&mut left, "GET /one HTTP/1.1\r\nhost: a\r\n\r\n").await;
    hear_one(&mut left).await;
    left.shutdown().await.unwrap();
    assert_eq!(hear(&mut left).await, "");
    let stopping = tokio::spawn(server.stop());
    assert_eq!(hear(&mut rests).await, "");
    assert_eq!(stopping.await.unwrap(), Drained { cut_off: 0 });
}
