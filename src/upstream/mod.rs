//! The API behind the gateway: connections that are kept per thread, time limits, and exactly one attempt.
//!
//! An [`Upstream`] may be cloned and shared freely; its connections are not shared but belong to the thread that made
//! them. A connection has no task of its own: it is polled by the exchange that uses it ([`Upstream::send`] and the
//! [`UpstreamBody`] that comes of it), which saves two wake-ups a request. Both work in any tokio runtime, and best in
//! one current-thread runtime per core, where an exchange finds the connections that its thread left.
//!
//! A request is sent once. It is sent anew only where hyper hands it back unsent, which happens when a kept connection
//! turns out to be closed before anything was written.

mod body;
mod lease;
mod pool;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version};
use http_body_util::Full;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::net::dial::{DialError, HeadCaps, Target, TargetError};
use lease::{Lease, Sent};
use pool::Pool;

pub use body::UpstreamBody;

/// How long an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// From the call of [`Upstream::send`] to the last byte of the answer's body.
    pub total: Duration,
    /// How long an unused connection is kept. Shorter than the upstream keeps it (uvicorn 5 s, gunicorn 2 s, Node 5 s,
    /// Go and nginx more), so that requests rarely meet a connection that is just being closed.
    pub idle: Duration,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
            idle: Duration::from_millis(1_500),
        }
    }
}

/// What the gateway must know of an upstream.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// `http://` or `https://`, a host, perhaps a port and a path that every request's path is put behind.
    pub url: Uri,
    /// Needed for `https`.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long it may take.
    pub timeouts: UpstreamTimeouts,
    /// How large the head of an answer may be.
    pub head: HeadCaps,
    /// How many unused connections a thread keeps.
    pub kept: usize,
}

impl UpstreamConfig {
    /// An upstream at `url` with the usual limits.
    pub fn new(url: Uri) -> Self {
        Self { url, tls: None, timeouts: UpstreamTimeouts::default(), head: HeadCaps::default(), kept: 64 }
    }
}

/// Why there is no answer. Says nothing of what was sent or received.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// There is no connection, so nothing was sent.
    #[error("the upstream cannot be reached")]
    Unavailable(#[source] DialError),
    /// The time for the whole exchange is over; the upstream may have worked on the request.
    #[error("the upstream did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The gate of [`Upstream::send_if`] did not let the request go, so nothing was sent.
    #[error("the request was held back")]
    Held,
    /// The connection or the answer broke; the upstream may have worked on the request.
    #[error("the upstream's answer is broken")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl UpstreamError {
    /// True where the upstream cannot have seen a byte of the request.
    pub fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Held)
    }
}

/// A sentence as the source of [`UpstreamError::Broken`].
fn broken(what: &'static str) -> UpstreamError {
    UpstreamError::Broken(what.into())
}

/// An API behind the gateway.
#[derive(Clone, Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    host: HeaderValue,
    /// What stands before every path; empty for most.
    prefix: Box<str>,
    timeouts: UpstreamTimeouts,
    head: HeadCaps,
    pool: Pool,
}

impl Upstream {
    /// Prepares; nothing is connected before the first request.
    ///
    /// # Errors
    /// If the URL is not one to connect to.
    pub fn new(config: UpstreamConfig) -> Result<Self, TargetError> {
        let UpstreamConfig { url, tls, timeouts, head, kept } = config;
        let target = Target::new(&url, tls)?;
        let host = url.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        let Some(Ok(host)) = host else { return Err(TargetError::Host) };
        if url.query().is_some() {
            return Err(TargetError::Query);
        }
        let prefix = url.path().trim_end_matches('/').into();
        let pool = Pool::new(kept, timeouts.idle);
        Ok(Self { shared: Arc::new(Shared { target, host, prefix, timeouts, head, pool }) })
    }

    /// Sends `request`, whose URI is a path and perhaps a query, and returns the head of the answer. `Host` is set
    /// here, framing is hyper's, and nothing else is added.
    ///
    /// The time limit holds for the body too: [`UpstreamBody`] fails once it is over.
    ///
    /// # Errors
    /// [`UpstreamError::Unavailable`] where nothing was sent; otherwise the upstream may have seen the request.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<UpstreamBody>, UpstreamError> {
        self.send_if(request, || Some(())).await
    }

    /// As [`Upstream::send`], but `gate` is asked immediately before the first byte, once a connection is there: `None`
    /// sends nothing. What it gives is held until the request has been handed to the socket.
    ///
    /// # Errors
    /// As [`Upstream::send`], and [`UpstreamError::Held`].
    pub async fn send_if<G>(
        &self,
        request: Request<Full<Bytes>>,
        gate: impl Fn() -> Option<G>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let Shared { timeouts, pool, .. } = &*self.shared;
        let mut request = self.addressed(request)?;
        let now = Instant::now();
        let mut clock = Deadline::after(now, timeouts.total);
        loop {
            let (mut lease, kept) = match pool.take(now) {
                Some(lease) => (lease, true),
                // Boxed: most exchanges find a connection, and need no room for making one.
                None => (Box::pin(self.connect(&mut clock)).await?, false),
            };
            match lease.exchange(request, &gate, &mut clock).await {
                Sent::Answered(response) => return answer(response, lease, clock),
                Sent::Unsent(unsent) if kept => request = unsent,
                Sent::Held => return Err(UpstreamError::Held),
                Sent::Unsent(_) => return Err(broken("a new connection was closed before the request")),
                Sent::Failed(error) => return Err(error),
            }
        }
    }

    async fn connect(&self, clock: &mut Deadline) -> Result<Lease, UpstreamError> {
        let Shared { target, timeouts, head, pool, .. } = &*self.shared;
        let connecting = target.http(timeouts.connect, *head);
        let (sender, connection) = tokio::select! {
            made = connecting => made.map_err(UpstreamError::Unavailable)?,
            () = &mut clock.sleep => return Err(UpstreamError::Unavailable(DialError::TimedOut(clock.total))),
        };
        Ok(Lease::new(sender, connection, pool.clone()))
    }

    /// The request with this upstream's host and path, and without a say on framing.
    fn addressed(&self, mut request: Request<Full<Bytes>>) -> Result<Request<Full<Bytes>>, UpstreamError> {
        let Shared { host, prefix, .. } = &*self.shared;
        let uri = request.uri();
        if uri.authority().is_some() || !uri.path().starts_with('/') {
            return Err(broken("a request to an upstream names a path, not a host"));
        }
        if !prefix.is_empty() {
            let behind = uri.path_and_query().map_or("/", PathAndQuery::as_str);
            let joined = format!("{prefix}{behind}").parse();
            *request.uri_mut() = joined.map_err(|_| broken("the path is too long for an upstream"))?;
        }
        *request.version_mut() = Version::HTTP_11;
        let headers = request.headers_mut();
        headers.insert(HOST, host.clone());
        // hyper would believe a length that is there: it is to count the bytes itself.
        headers.remove(CONTENT_LENGTH);
        headers.remove(CONNECTION);
        headers.remove(TRANSFER_ENCODING);
        Ok(request)
    }
}

/// When an exchange must be over.
struct Deadline {
    sleep: std::pin::Pin<Box<Sleep>>,
    total: Duration,
}

impl Deadline {
    fn after(now: Instant, total: Duration) -> Self {
        Self { sleep: Box::pin(sleep_until(now + total)), total }
    }
}

fn answer(
    response: Response<hyper::body::Incoming>,
    lease: Lease,
    clock: Deadline,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    if response.status().is_informational() {
        return Err(broken("the answer switches protocols, which nobody asked for"));
    }
    if !has_one_length(response.headers()) {
        return Err(broken("the answer's length has two readings"));
    }
    let (parts, incoming) = response.into_parts();
    Ok(Response::from_parts(parts, UpstreamBody::new(incoming, lease, clock)))
}

/// hyper lets an answer have both lengths, or a coding before `chunked`; on a connection that is used again that is
/// how one caller comes to see another's answer (RFC 9112 section 6.3).
fn has_one_length(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    match (codings.next(), codings.next()) {
        (None, _) => lengths <= 1,
        (Some(coding), None) => lengths == 0 && coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}
