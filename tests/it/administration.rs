//! The administration over TLS, as whoever reaches its port meets it.

use std::time::Duration;

use consentry::admin::new_token;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::{Call, Gateway, Options};

/// A gateway with its administration on a port, who reaches that, and the token of an operator.
async fn over_tls() -> (Gateway, Client, String) {
    let (token, hash) = new_token();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let admin = format!(
        "  https: \"127.0.0.1:0\"\n  certificate: server.pem\n  key: server.key\n  \
         tokens: [{{ name: ops, role: operator, hash: \"sha256:{hash}\" }}]\n"
    );
    let gateway = Gateway::with(Options { admin, ..Options::default() }).await;
    let client = Client::new(gateway.admin_address().unwrap(), &gateway.folder.path().join("ca.pem"));
    (gateway, client, token.to_string())
}

/// A command whose body does not come.
const HEAD: &str = "POST /v1/commands HTTP/1.1\r\nHost: admin\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_token_holds_nobody_off() {
    let (gateway, client, token) = over_tls().await;
    let mut held = Vec::new();
    for _ in 0..80 {
        let mut stream = client.stream(b"http/1.1").await;
        stream.write_all(HEAD.as_bytes()).await.unwrap();
        held.push(stream);
    }
    // Nor does who does not even begin with TLS.
    let mut silent = Vec::new();
    for _ in 0..80 {
        silent.push(TcpStream::connect(gateway.admin_address().unwrap()).await.unwrap());
    }
    // Sooner than any of them would leave by themselves.
    let health = tokio::time::timeout(Duration::from_secs(3), client.send(Call::get("/health"))).await;
    assert_eq!(health.expect("strangers hold everybody off").text(), "ok\n");
    let retention = Call::json("/v1/commands", r#"{"command":"retention"}"#).bearer(&token);
    let reply = client.send(retention).await.ok();
    assert_eq!(reply.json()["done"], true, "{reply:?}");
    // The token is looked at in the head: what is promised of a body is not waited for, but for a moment.
    let mut held = client.stream(b"http/1.1").await;
    held.write_all(HEAD.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(9), held.read_to_end(&mut answer)).await;
    drop(read.expect("the rest of the body is waited for"));
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    gateway.close().await;
}
