//! Callers, over real TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use consentry::net::dial::{HeadCaps, Target};
use consentry::net::tls::{self, Authorities};
use consentry::payload::read;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;
use tokio::task::AbortHandle;

use super::{Deployment, SOON};

const CAP: usize = 1024 * 1024;
const PACE: read::Pace = read::Pace { grace: SOON, bytes_per_second: 0, total: SOON };

/// Whoever calls the gateway at one address.
#[derive(Clone)]
pub(crate) struct Caller {
    authority: String,
    target: Arc<Target>,
}

/// A connection of theirs.
pub(crate) struct Line {
    authority: String,
    sender: SendRequest<Full<Bytes>>,
    connection: AbortHandle,
}

/// The connection was closed before a byte of the request was written.
#[derive(Debug, thiserror::Error)]
#[error("nothing was sent")]
pub(crate) struct Unsent;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) decision: String,
    pub(crate) body: Value,
    /// The gateway takes no other request on this connection.
    pub(crate) closes: bool,
}

impl Answer {
    /// The last part of the problem's type.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.body.get("type")?.as_str()?.rsplit('/').next()
    }
}

impl Caller {
    pub(crate) fn new(deployment: &Deployment, address: SocketAddr) -> Self {
        let tls = tls::client(&Authorities::File(deployment.authority())).unwrap();
        let authority = format!("localhost:{}", address.port());
        let target = Target::new(&format!("https://{authority}").parse().unwrap(), Some(tls)).unwrap();
        Self { authority, target: Arc::new(target) }
    }

    pub(crate) async fn connect(&self) -> anyhow::Result<Line> {
        let (sender, connection) = self.target.http(SOON, HeadCaps::default()).await?;
        let connection = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Line { authority: self.authority.clone(), sender, connection })
    }

    /// One request on a connection of its own.
    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> anyhow::Result<Answer> {
        self.connect().await?.post(path, token, body).await
    }
}

impl Line {
    pub(crate) async fn post(&mut self, path: &str, token: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = Request::post(path)
            .header(header::HOST, &self.authority)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        self.sender.ready().await.map_err(|_| Unsent)?;
        let answered = self.sender.try_send_request(request).await;
        let answered = answered.map_err(|mut error| match error.take_message() {
            Some(_) => anyhow::Error::new(Unsent),
            None => error.into_error().into(),
        });
        let (head, body) = answered?.into_parts();
        let text = |name: &str| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
        let decision = text("consentry-decision-id").context("every answer has a decision")?;
        let closes = text("connection").is_some_and(|word| word.eq_ignore_ascii_case("close"));
        let body = read::capped(body, CAP, &PACE).await?;
        Ok(Answer { status: head.status, decision, body: serde_json::from_slice(&body)?, closes })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
