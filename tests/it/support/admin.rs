//! The administration as an officer has it: commands over the unix socket.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use consentry::admin::{Command, PersonId, Reply};
use consentry::payload::read;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{PACE, canary};

/// A person of the namespace in which the tests' issuers speak.
pub(crate) fn person(identifier: &str) -> PersonId {
    PersonId { namespace: "holders".to_owned(), identifier: identifier.to_owned().into() }
}

/// The officer's end of the socket.
#[derive(Clone, Debug)]
pub(crate) struct Admin(PathBuf);

impl Admin {
    pub(crate) fn new(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// Gives a command, and says with which status and reply it was answered.
    pub(crate) async fn ask(&self, command: &Command) -> (StatusCode, Reply) {
        let body = serde_json::to_vec(command).unwrap();
        let (status, body) = self.send("POST", "/v1/commands", body).await;
        // Who asks for what is kept of somebody is shown it, and nobody else anything.
        if !matches!(command, Command::Access { .. }) {
            canary::none_in("a reply", &body);
        }
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Gives a command that must be done.
    pub(crate) async fn done(&self, command: Command) -> Reply {
        let (status, reply) = self.ask(&command).await;
        assert!(status.is_success() && reply.done, "{}: {status} {}", command.name(), reply.says);
        reply
    }

    /// Gives a command that must be done, and reads what programs are told of it.
    pub(crate) async fn data(&self, command: Command) -> serde_json::Value {
        self.done(command).await.read().unwrap()
    }

    pub(crate) async fn metrics(&self) -> String {
        let (status, body) = self.send("GET", "/metrics", Vec::new()).await;
        assert_eq!(status, 200);
        String::from_utf8(body.to_vec()).unwrap()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
        let stream = UnixStream::connect(&self.0).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "admin")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        (head.status, read::capped(body, usize::MAX, &PACE).await.unwrap())
    }

    pub(crate) async fn grant(&self, identifier: &str, purpose: &str) {
        let (language, method) = ("fr".to_owned(), "page".to_owned());
        let (person, purpose) = (person(identifier), purpose.to_owned());
        self.done(Command::ConsentGrant { person, purpose, language, method }).await;
    }

    pub(crate) async fn withdraw(&self, identifier: &str, purpose: &str) {
        let (person, purpose) = (person(identifier), purpose.to_owned());
        self.done(Command::ConsentWithdraw { person, purpose, method: "spoken".to_owned() }).await;
    }

    pub(crate) async fn show(&self, identifier: &str) -> String {
        self.done(Command::ConsentShow { person: person(identifier) }).await.says
    }
}
