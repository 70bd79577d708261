//! Where an answer ends is said in one way, and what is said is kept.

use super::support::*;

/// The head of the answer to `request`, in lower case, and what follows it until the end of the connection.
async fn ask(server: &Server, request: &str) -> (String, String) {
    let answer = server.say(request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_lowercase(), body.to_owned())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn an_answer_has_a_length_a_date_and_no_field_twice() {
    let server = Server::plain();
    let (head, body) = ask(&server, &get("/unread")).await;
    let mut fields: Vec<_> = head.lines().skip(1).map(|line| line.split_once(": ").unwrap().0).collect();
    fields.sort_unstable();
    assert_eq!((fields, &*body), (vec!["connection", "content-length", "date"], "no"));
    assert!(head.contains("\r\ndate: ") && head.contains(" gmt"), "{head}");
    let (head, _) = ask(&server, &get("/dated")).await;
    assert_eq!(head.matches("date: ").count(), 1, "{head}");
    assert!(head.contains("date: sun, 06 nov 1994 08:49:37 gmt"), "{head}");
}

#[tokio::test]
async fn an_answer_to_head_and_one_that_has_no_content_have_none() {
    let server = Server::plain();
    for (method, path, length) in [
        ("HEAD", "/unread", Some("2")),
        ("HEAD", "/stream", None),
        ("HEAD", "/dated", None),
        ("HEAD", "/announced", Some("6")),
        ("GET", "/no-content", None),
        ("GET", "/not-modified", Some("7")),
        ("HEAD", "/not-modified", Some("7")),
    ] {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let (head, body) = ask(&server, &request).await;
        let told = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        assert_eq!((told, &*body), (length, ""), "{method} {path}: {head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn what_has_no_length_comes_in_chunks_and_to_http_1_0_until_the_end() {
    let server = Server::plain();
    let (head, body) = ask(&server, &get("/stream")).await;
    assert!(head.contains("transfer-encoding: chunked") && !head.contains("content-length"), "{head}");
    assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");

    for connection in ["close", "keep-alive"] {
        let request = format!("GET /stream HTTP/1.0\r\nhost: a\r\nconnection: {connection}\r\n\r\n");
        let (head, body) = ask(&server, &request).await;
        assert!(!head.contains("transfer-encoding") && head.contains("connection: close"), "{head}");
        assert_eq!(body, "onetwo");
    }
    let mut socket = server.connect().await;
    for _ in 0..2 {
        tell(&mut socket, "GET /unread HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n").await;
        let answer = hear_one(&mut socket).await;
        assert!(answer.contains("connection: keep-alive") && answer.ends_with("no"), "{answer}");
    }
}

#[tokio::test]
async fn who_waits_for_a_slow_answer_sees_how_it_begins() {
    let server = Server::plain();
    let mut socket = server.connect().await;
    tell(&mut socket, "GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let head = hear_one(&mut socket).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    server.seen.release.add_permits(1);
    assert_eq!(hear(&mut socket).await, "4\r\nlate\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_answer_of_another_length_than_it_says_breaks_off() {
    let server = Server::plain();
    let (head, body) = ask(&server, &get("/announced")).await;
    assert!(head.contains("content-length: 6"), "{head}");
    assert_eq!(body, "onetwo");
    for (path, what) in [("/short", "onetwo"), ("/long", "one"), ("/longer", ""), ("/broken", "3\r\none\r\n")]
    {
        let requests = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").repeat(2);
        let answer = server.say(requests.as_bytes()).await;
        assert!(answer.matches("HTTP/1.1 200").count() <= 1, "{path}: {answer}");
        assert_eq!(answer.split_once("\r\n\r\n").map_or("", |(_, body)| body), what, "{path}");
        server.is_well().await;
    }
}

#[tokio::test]
async fn to_http_1_0_what_breaks_off_does_not_look_whole() {
    let server = Server::plain();
    let mut socket = server.connect().await;
    tell(&mut socket, "GET /broken HTTP/1.0\r\nhost: a\r\n\r\n").await;
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut answer).await;
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_caller_who_leaves_takes_their_exchange_along() {
    let server = Server::plain();
    // While it is being worked on, and while its answer pauses.
    let mut socket = server.connect().await;
    tell(&mut socket, "GET /held HTTP/1.1\r\nhost: a\r\n\r\n").await;
    server.seen.arrived.acquire().await.unwrap().forget();
    drop(socket);
    let mut socket = server.connect().await;
    tell(&mut socket, "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    hear_one(&mut socket).await;
    drop(socket);
    let handle = server.handle.as_ref().unwrap();
    let gone = async {
        while handle.counter()() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the exchange goes on");
    assert_eq!(server.taken(), Vec::<String>::new());
}
