//! The administration as whoever reaches it meets it, over TLS mostly.

use std::fs;
use std::future::pending;
use std::os::unix::fs::PermissionsExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use consentry::admin::{self, Command, Control, Lapsed, Named, Refusal, Reloaded, Unrenewed, new_token};
use consentry::clock::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::support::admin::{Admin, person};
use crate::support::client::Client;
use crate::support::{Call, Gateway, Options, canary};

/// A gateway with its administration on a port, who reaches that, and the token of an operator.
async fn over_tls() -> (Gateway, Client, String) {
    over_tls_as("operator").await
}

/// The same with the token of another role.
async fn over_tls_as(role: &str) -> (Gateway, Client, String) {
    let (token, hash) = new_token();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let admin = format!(
        "  https: \"127.0.0.1:0\"\n  certificate: server.pem\n  key: server.key\n  \
         tokens: [{{ name: ops, role: {role}, hash: \"sha256:{hash}\" }}]\n"
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

/// Who gave which command is in the log; how often it came to what is counted, attempts among it.
#[tokio::test]
async fn commands_are_counted_by_what_came_of_them() {
    let (gateway, client, token) = over_tls().await;
    let ask =
        |body: &str, token: &str| client.send(Call::json("/v1/commands", body.to_owned()).bearer(token));
    for _ in 0..5 {
        assert_eq!(ask(r#"{"command":"retention"}"#, "ca_wrong").await.status, 401);
    }
    let erase = format!(
        r#"{{"command":"erase","person":{{"namespace":"holders","identifier":"{}"}}}}"#,
        canary::HOLDER
    );
    assert_eq!(ask(&erase, &token).await.status, 403);
    assert_eq!(ask(r#"{"command":"none-such"}"#, &token).await.status, 400);
    assert_eq!(ask(r#"{"command":"retention"}"#, &token).await.status, 200);
    assert_eq!(client.send(Call::get("/metrics").bearer("ca_wrong")).await.status, 401);
    gateway.admin.done(Command::Erase { person: person(canary::HOLDER) }).await;
    let metrics = gateway.admin.metrics().await;
    for (command, result, count) in [
        ("none", "unauthenticated", 5),
        ("erase", "forbidden", 1),
        ("none", "malformed", 1),
        ("retention", "done", 1),
        ("metrics", "unauthenticated", 1),
        ("erase", "done", 1),
    ] {
        let line = format!("consentry_commands_total{{command=\"{command}\",result=\"{result}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} {metrics}");
    }
    gateway.close().await;
}

/// Whoever scrapes may see what is amiss, and do nothing.
#[tokio::test]
async fn a_monitor_reads_figures_and_health_and_gives_no_command() {
    let (gateway, client, token) = over_tls_as("monitor").await;
    assert_eq!(client.send(Call::get("/metrics").bearer(&token)).await.status, 200);
    for command in ["retention", "reload", "key-rotate", "drift", "audit-verify", "audit-key"] {
        let body = format!("{{\"command\":\"{command}\"}}");
        assert_eq!(
            client.send(Call::json("/v1/commands", body).bearer(&token)).await.status,
            403,
            "{command}"
        );
    }
    // A mode that a secret may not have: why it is not in force is told to whoever watches, and to no stranger.
    let secret = gateway.folder.path().join("issuer.secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    gateway.admin.ask(&Command::Reload {}).await;
    let stranger = client.send(Call::get("/health")).await.text().to_owned();
    let monitor = client.send(Call::get("/health").bearer(&token)).await.text().to_owned();
    assert!(stranger.contains("NOT in force") && !stranger.contains("issuer.secret"), "{stranger}");
    assert!(monitor.contains("NOT in force") && monitor.contains("issuer.secret"), "{monitor}");
    gateway.close().await;
}

/// All is in order, but that the disk of the certificates has not answered since then.
struct Hung(Timestamp);

impl Control for Hung {
    fn reload(&self) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>> {
        Box::pin(pending())
    }

    fn master_key(
        &self,
        _: Option<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Named, String>> + Send + '_>> {
        Box::pin(pending())
    }

    fn refused(&self) -> Option<Refusal> {
        None
    }

    fn unrenewed(&self) -> Vec<Unrenewed> {
        Vec::new()
    }

    fn lapsed(&self) -> Vec<Lapsed> {
        Vec::new()
    }

    fn unseen(&self) -> Option<Timestamp> {
        Some(self.0)
    }
}

#[tokio::test]
async fn a_disk_of_certificates_that_does_not_answer_is_told_by_health_and_metrics() {
    let gateway = Gateway::start().await;
    let socket = gateway.folder.path().join("hung.sock");
    let (stop, stopped) = watch::channel(false);
    let office = Arc::new(gateway.office(Hung(gateway.clock.now())));
    let served = admin::serve_socket(&socket, office, stopped).unwrap();
    let hung = Admin::new(&socket);
    let (status, health) = hung.send("GET", "/health", Vec::new()).await;
    let says = "ok\nwhether a certificate was renewed is NOT known: the disk of its files has not answered since \
                2026-03-02T10:00:00Z; what is renewed comes into force once it does\n";
    assert_eq!((status.as_u16(), String::from_utf8_lossy(&health).as_ref()), (200, says));
    let metrics = hung.metrics().await;
    assert!(metrics.contains("consentry_certificates_unseen 1\n"), "{metrics}");
    stop.send(true).unwrap();
    drop(served);
    // Beside it one whose disk answers.
    assert_eq!(gateway.admin.send("GET", "/health", Vec::new()).await.1, "ok\n");
    let metrics = gateway.admin.metrics().await;
    assert!(metrics.contains("consentry_certificates_unseen 0\n"), "{metrics}");
    gateway.close().await;
}
