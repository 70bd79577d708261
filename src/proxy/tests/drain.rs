//! A drain loses no exchange, and ends.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::TcpStream;

use super::support::*;
use crate::proxy::{Drained, Listeners};

#[tokio::test]
async fn exchanges_end_idle_connections_close_and_nobody_new_is_taken() {
    let server = Server::plain();
    let mut idle = server.connect().await;
    tell(&mut idle, "GET /idle HTTP/1.1\r\nhost: a\r\n\r\n").await;
    hear_one(&mut idle).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut socket = server.connect().await;
        tell(&mut socket, "POST /held HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx").await;
        held.push(socket);
    }
    server.seen.arrived.acquire_many(20).await.unwrap().forget();
    let (addr, seen) = (server.addr, std::sync::Arc::clone(&server.seen));
    let stopping = tokio::spawn(server.stop());
    // Closing the idle one comes after the listener is gone.
    assert_eq!(hear(&mut idle).await, "");
    assert_eq!(TcpStream::connect(addr).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(!stopping.is_finished());
    seen.release.add_permits(20);
    for mut socket in held {
        let answer = hear(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nx"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(stopping.await.unwrap(), Drained { cut_off: 0 });
}

#[tokio::test]
async fn a_head_that_has_begun_comes_to_its_end() {
    let server = Server::plain();
    let mut new = server.connect().await;
    let mut kept = server.connect().await;
    tell(&mut kept, "GET /one HTTP/1.1\r\nhost: a\r\n\r\n").await;
    hear_one(&mut kept).await;
    for socket in [&mut new, &mut kept] {
        tell(socket, "GET /half HT").await;
    }
    let stopping = tokio::spawn(server.stop());
    // Longer than callers are waited for who have said nothing.
    tokio::time::sleep(Duration::from_millis(200)).await;
    for socket in [&mut new, &mut kept] {
        tell(socket, "TP/1.1\r\nhost: a\r\n\r\n").await;
        let answer = hear(socket).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(stopping.await.unwrap(), Drained { cut_off: 0 });
}

#[tokio::test]
async fn a_request_on_its_way_while_draining_begins_is_answered() {
    let mut config = config();
    config.timers.linger = Duration::from_millis(300);
    let server = Server::start(&config);
    let mut waiting = server.connect().await;
    tell(&mut waiting, "GET /one HTTP/1.1\r\nhost: a\r\n\r\n").await;
    hear_one(&mut waiting).await;
    // Connected, and perhaps still in the kernel's queue.
    let mut queued = Vec::new();
    for _ in 0..10 {
        let mut socket = server.connect().await;
        tell(&mut socket, "GET /queued HTTP/1.1\r\nhost: a\r\n\r\n").await;
        queued.push(socket);
    }
    let stopping = tokio::spawn(server.stop());
    tokio::task::yield_now().await;
    tell(&mut waiting, "GET /late HTTP/1.1\r\nhost: a\r\n\r\n").await;
    for socket in queued.iter_mut().chain([&mut waiting]) {
        let answer = hear(socket).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(stopping.await.unwrap(), Drained { cut_off: 0 });
}

#[tokio::test]
async fn what_does_not_end_is_cut_off_and_counted() {
    let mut config = config();
    config.timers.drain = Duration::from_millis(60);
    let server = Server::start(&config);
    let mut socket = server.connect().await;
    tell(&mut socket, "GET /held HTTP/1.1\r\nhost: a\r\n\r\n").await;
    server.seen.arrived.acquire().await.unwrap().forget();
    assert_eq!(server.stop().await, Drained { cut_off: 1 });
    assert_eq!(hear(&mut socket).await, "");
}

#[tokio::test]
async fn a_lost_shutdown_sender_is_a_shutdown() {
    let mut server = Server::plain();
    let handle = server.handle.take().unwrap();
    drop(server);
    assert_eq!(
        tokio::task::spawn_blocking(move || handle.join()).await.unwrap().unwrap(),
        Drained::default()
    );
}

#[test]
fn an_address_in_use_is_named_with_a_way_out() {
    let mut config = config();
    let bound = Listeners::bind(&config).unwrap();
    assert_ne!(bound.local_addr().port(), 0);
    config.addr = bound.local_addr();
    let error = Listeners::bind(&config).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&config.addr.to_string()) && text.contains("choose another port"), "{text}");
    assert_eq!(error.source.kind(), ErrorKind::AddrInUse);
    config.addr = "192.0.2.1:0".parse().unwrap();
    assert!(Listeners::bind(&config).unwrap_err().to_string().contains("no such address"));
}
