//! The tour's client: HTTPS over a real socket, believing the demo's authority alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use rustls::ClientConfig;
use serde_json::Value;

use crate::net::dial::{HeadCaps, Target};
use crate::net::tls::{self, Authorities};
use crate::payload::read;

/// What an answer may measure.
const CAP: usize = 1024 * 1024;
const PACE: read::Pace =
    read::Pace { grace: Duration::from_secs(30), bytes_per_second: 0, total: Duration::from_secs(30) };

/// A client of one gateway.
#[derive(Clone, Debug)]
pub(super) struct Client {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// The last segment of the problem's type, if the answer is one.
    pub(super) fn problem(&self) -> Option<&str> {
        self.body.get("type").and_then(Value::as_str).and_then(|uri| uri.rsplit('/').next())
    }
}

impl Client {
    pub(super) fn new(address: SocketAddr, authority: &Path) -> anyhow::Result<Self> {
        Ok(Self { address, tls: tls::client(&Authorities::File(authority.to_owned()))? })
    }

    /// Sends one request on a connection of its own.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        json: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let authority = format!("localhost:{}", self.address.port());
        let url: Uri = format!("https://{authority}").parse()?;
        let target = Target::new(&url, Some(Arc::clone(&self.tls)))?;
        let (mut sender, connection) = target.http(Duration::from_secs(5), HeadCaps::default()).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, authority);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match json {
            Some(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                serde_json::to_vec(json)?
            }
            None => Vec::new(),
        };
        let response = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let (head, body) = response.into_parts();
        let body = read::capped(body, CAP, &PACE).await.context("the answer broke off")?;
        connection.abort();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}
