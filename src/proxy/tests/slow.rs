//! Nobody keeps a connection by being slow, and nobody who is slow keeps others waiting.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::*;
use crate::net::TrustedProxies;
use crate::proxy::Timers;

const SHORT: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_secs(60);

/// Every timer is long but those that a test shortens.
fn timed(shorten: impl FnOnce(&mut Timers)) -> Server {
    let mut config = config();
    config.timers = Timers {
        handshake: LONG,
        head: LONG,
        idle: LONG,
        stalled: LONG,
        unread: LONG,
        silence: LONG,
        linger: SHORT,
        drain: SHORT,
    };
    shorten(&mut config.timers);
    Server::start(&config)
}

#[tokio::test]
async fn silence_before_the_first_byte_and_within_a_head_ends_the_connection() {
    let server = timed(|timers| timers.head = SHORT);
    for said in ["", "G", "GET / HTTP/1.1\r\nhost: a\r\n"] {
        let begun = Instant::now();
        assert_eq!(server.say(said.as_bytes()).await, "", "{said}");
        assert!(begun.elapsed() >= SHORT, "{said}");
    }
    server.is_well().await;
}

#[tokio::test]
async fn a_head_that_drips_is_ended_all_the_same() {
    let server = timed(|timers| timers.head = SHORT);
    let mut socket = server.connect().await;
    let (mut reader, mut writer) = socket.split();
    let drip = async {
        tell(&mut writer, "GET / HTTP/1.1\r\nhost: a\r\n").await;
        // A real wait: what is tested is that bytes do not move the limit.
        while writer.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        answer = hear(&mut reader) => assert_eq!(answer, ""),
        () = drip => {}
    }
    assert_eq!(server.taken(), Vec::<String>::new());
    server.is_well().await;
}

#[tokio::test]
async fn an_idle_connection_lives_as_long_as_idle_says_and_not_as_head_says() {
    let server = timed(|timers| {
        timers.head = SHORT;
        timers.idle = 4 * SHORT;
    });
    let mut socket = server.connect().await;
    tell(&mut socket, "GET /one HTTP/1.1\r\nhost: a\r\n\r\n").await;
    hear_one(&mut socket).await;
    let begun = Instant::now();
    assert_eq!(hear(&mut socket).await, "");
    assert!(begun.elapsed() >= 3 * SHORT, "{:?}", begun.elapsed());

    // The time of a second head begins with its first byte.
    let mut socket = server.connect().await;
    tell(&mut socket, "GET /two HTTP/1.1\r\nhost: a\r\n\r\nGET /th").await;
    hear_one(&mut socket).await;
    let begun = Instant::now();
    assert_eq!(hear(&mut socket).await, "");
    assert!(begun.elapsed() < 4 * SHORT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_body_that_stops_ends_the_connection_and_a_handler_that_thinks_does_not() {
    let server = timed(|timers| timers.stalled = SHORT);
    let answer = server.say(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await;
    assert_eq!(answer, "");
    assert_eq!(server.taken(), Vec::<String>::new());

    for expect in ["", "expect: 100-continue\r\n"] {
        let mut socket = server.connect().await;
        let body = if expect.is_empty() { "abc" } else { "" };
        tell(
            &mut socket,
            &format!("POST /held HTTP/1.1\r\nhost: a\r\n{expect}content-length: 3\r\n\r\n{body}"),
        )
        .await;
        server.seen.arrived.acquire().await.unwrap().forget();
        let silence = timeout(3 * SHORT, socket.read_u8()).await;
        assert!(silence.is_err(), "{silence:?}");
        server.seen.release.add_permits(1);
        if !expect.is_empty() {
            assert!(hear_one(&mut socket).await.starts_with("HTTP/1.1 100"));
            tell(&mut socket, "abc").await;
        }
        assert!(hear_one(&mut socket).await.ends_with("abc"));
    }
}

#[tokio::test]
async fn a_caller_who_does_not_read_is_ended() {
    // The second answer has an end of its own, which is not for its caller to put off.
    for (path, stalled) in [("large", SHORT), ("until", LONG)] {
        let server = timed(|timers| timers.stalled = stalled);
        let mut socket = server.connect().await;
        tell(&mut socket, &format!("GET /{path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        socket.readable().await.unwrap();
        gone(&server).await;
        server.is_well().await;
    }
}

/// Asks with a body of which three bytes come, and hears the answer that does not wait for the rest, and its end.
async fn answered_early(server: &Server) -> TcpStream {
    let mut socket = server.connect().await;
    tell(&mut socket, "POST /unread HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nabc").await;
    assert!(hear(&mut socket).await.ends_with("no"));
    assert_eq!(server.handle.as_ref().unwrap().connections(), 1, "it is waited for what is still sent");
    socket
}

/// Sends a byte now and then, until the connection is cut off. A real wait: what is tested is that bytes do not move a limit.
async fn drip(socket: &mut TcpStream) {
    while socket.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Returns once nobody is connected.
async fn gone(server: &Server) {
    let handle = server.handle.as_ref().unwrap();
    let gone = async {
        while handle.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, gone).await.expect("the connection stays");
}

#[tokio::test]
async fn who_is_answered_and_sends_no_more_is_cut_off_after_a_silence() {
    let server = timed(|timers| timers.silence = 4 * SHORT);
    let begun = Instant::now();
    let _socket = answered_early(&server).await;
    gone(&server).await;
    assert!(begun.elapsed() >= 4 * SHORT, "{:?}", begun.elapsed());
    server.is_well().await;
}

#[tokio::test]
async fn who_is_answered_and_goes_on_sending_is_cut_off_in_the_end() {
    let server = timed(|timers| {
        timers.silence = 4 * SHORT;
        timers.unread = 10 * SHORT;
    });
    let begun = Instant::now();
    let mut socket = answered_early(&server).await;
    timeout(SOON, drip(&mut socket)).await.expect("bytes move the end of it all");
    assert!(begun.elapsed() >= 10 * SHORT, "{:?}", begun.elapsed());
    gone(&server).await;
    server.is_well().await;
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_a_silence_for_who_is_answered_and_goes_on_sending() {
    let server = timed(|timers| {
        timers.silence = 2 * SHORT;
        timers.drain = LONG;
    });
    let mut socket = answered_early(&server).await;
    let sends = tokio::spawn(async move { drip(&mut socket).await });
    timeout(SOON, server.stop()).await.expect("the stop waits");
    sends.await.unwrap();
}

#[tokio::test]
async fn slow_callers_do_not_slow_others() {
    let server = timed(|_| {});
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut socket = server.connect().await;
        tell(&mut socket, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await;
        slow.push(socket);
    }
    server.is_well().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let mut config = config();
    config.limits.connections_per_address = 3;
    let server = Server::start(&config);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut socket = server.connect().await;
        tell(&mut socket, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        hear_one(&mut socket).await;
        held.push(socket);
    }
    assert_eq!(server.say(b"GET /more HTTP/1.1\r\nhost: a\r\n\r\n").await, "");
    assert!(!server.taken().contains(&"GET /more".to_owned()));
    held.clear();
    gone(&server).await;
    server.is_well().await;

    config.trusted = TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]);
    let server = Server::start(&config);
    for _ in 0..5 {
        let mut socket = server.connect().await;
        tell(&mut socket, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        hear_one(&mut socket).await;
        held.push(socket);
    }
}
