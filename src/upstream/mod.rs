//! The API behind the gateway: connections that are kept per thread, time limits, and exactly one attempt.
//!
//! An [`Upstream`] may be cloned and shared freely; its connections are not shared but belong to the thread that made
//! them. A connection has no task of its own: it is polled by the exchange that uses it ([`Upstream::ask`] and the
//! [`UpstreamBody`] that comes of it), which saves two wake-ups a request. Both work in any tokio runtime, and best in
//! one current-thread runtime per core, where an exchange finds the connections that its thread left.
//!
//! HTTP/1.1 towards upstreams is spoken here and not by a library (ADR 0020): [`ask`] writes a request's head and body at
//! once, [`reader`] reads an answer strictly.
//!
//! A request is sent once. It is sent anew only where not a byte of it was written, which happens when a kept connection
//! turns out to be closed.

mod ask;
mod body;
mod fault;
mod lease;
mod pool;
mod reader;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_coming;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Response, Uri};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::net::BodyError;
use crate::net::dial::{DialError, HeadCaps, Target, TargetError};
use ask::Outgoing;
use lease::{Expected, Lease, Sent};
use pool::Pool;

pub use ask::{Ask, Fields};
pub use body::UpstreamBody;
pub use fault::Fault;
pub use reader::{Head, Reader, Wanted};

/// How long an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// From the call of [`Upstream::ask`] to the last byte of the answer's body, without the time for which the rest of a request's
    /// body was awaited.
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
    /// The unix socket that it listens at, instead of the host of `url`, which is `http` then.
    pub socket: Option<PathBuf>,
    /// Needed for `https`.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long it may take.
    pub timeouts: UpstreamTimeouts,
    /// How large the head of an answer may be.
    pub head: HeadCaps,
}

impl UpstreamConfig {
    /// An upstream at `url` with the usual limits.
    pub fn new(url: Uri) -> Self {
        let (timeouts, head) = (UpstreamTimeouts::default(), HeadCaps::default());
        Self { url, socket: None, tls: None, timeouts, head }
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
    /// The gate of [`Upstream::ask_if`] did not let the request go, so nothing was sent.
    #[error("the request was held back")]
    Held,
    /// The request's body broke off on its way; the upstream has seen the beginning.
    #[error("the request's body broke off on its way to the upstream")]
    Unread(#[source] BodyError),
    /// The connection or the answer broke; the upstream may have worked on the request.
    #[error("the upstream's answer is broken")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
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
        let UpstreamConfig { url, socket, tls, timeouts, head } = config;
        let by_host = Target::new(&url, tls)?;
        let target = match socket {
            None => by_host,
            Some(_) if url.scheme_str() != Some("http") => return Err(TargetError::TlsAtSocket),
            Some(socket) => Target::unix(&socket),
        };
        let host = url.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        let Some(Ok(host)) = host else { return Err(TargetError::Host) };
        if url.query().is_some() {
            return Err(TargetError::Query);
        }
        let prefix = url.path().trim_end_matches('/').into();
        let pool = Pool::new(timeouts.idle);
        Ok(Self { shared: Arc::new(Shared { target, host, prefix, timeouts, head, pool }) })
    }

    /// Asks the upstream, and returns the head of its answer. `Host` and framing are set here, and nothing else is added. The
    /// question is written down before the future is returned, which holds nothing of it.
    ///
    /// The time limit holds for the body too: [`UpstreamBody`] fails once it is over.
    ///
    /// # Errors
    /// [`UpstreamError::Unavailable`] where nothing was sent; otherwise the upstream may have seen the request.
    pub fn ask(
        &self,
        ask: Ask<'_>,
    ) -> impl Future<Output = Result<Response<UpstreamBody>, UpstreamError>> + use<'_> {
        self.ask_if(ask, || Some(()))
    }

    /// As [`Upstream::ask`], but `gate` is asked immediately before the first byte, once a connection is there: `None`
    /// sends nothing. What it gives is held until the request has been handed to the socket.
    ///
    /// # Errors
    /// As [`Upstream::ask`], and [`UpstreamError::Held`].
    pub fn ask_if<'a, G, F: Fn() -> Option<G>>(
        &'a self,
        ask: Ask<'_>,
        gate: F,
    ) -> impl Future<Output = Result<Response<UpstreamBody>, UpstreamError>> + use<'a, G, F> {
        self.exchange(self.write(ask), gate)
    }

    fn write(&self, ask: Ask<'_>) -> Result<(Outgoing, Expected), UpstreamError> {
        let Shared { host, prefix, head, .. } = &*self.shared;
        if !ask.target.path().starts_with('/') {
            return Err(broken(NO_PATH));
        }
        let expected = Expected { headless: *ask.method == Method::HEAD, caps: *head, wanted: ask.wanted };
        Ok((Outgoing::new(ask, host, prefix), expected))
    }

    async fn exchange<G>(
        &self,
        written: Result<(Outgoing, Expected), UpstreamError>,
        gate: impl Fn() -> Option<G>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let (mut request, expected) = written?;
        let Shared { timeouts, pool, .. } = &*self.shared;
        let now = Instant::now();
        let clock = Deadline { at: now + timeouts.total, total: timeouts.total };
        loop {
            let (mut lease, kept) = match pool.take(now) {
                Some(lease) => (lease, true),
                // Boxed: most exchanges find a connection, and need no room for making one.
                None => (Box::pin(self.connect(clock)).await?, false),
            };
            match lease.exchange(request, expected, &gate, clock).await {
                Sent::Answered(Head { status, headers }) => {
                    let clock = lease.due(clock);
                    let mut response = Response::new(UpstreamBody::new(lease, clock));
                    *response.status_mut() = status;
                    *response.headers_mut() = headers;
                    return Ok(response);
                }
                Sent::Unsent(unsent) if kept => request = unsent,
                Sent::Unsent(_) => return Err(broken("a new connection was closed before the request")),
                Sent::Held => {
                    lease.unused();
                    return Err(UpstreamError::Held);
                }
                Sent::Failed(error) => return Err(error),
            }
        }
    }

    async fn connect(&self, clock: Deadline) -> Result<Lease, UpstreamError> {
        let Shared { target, timeouts, pool, .. } = &*self.shared;
        let made = timeout_at(clock.at, target.connect(timeouts.connect)).await;
        let stream = made.unwrap_or(Err(DialError::TimedOut(clock.total)));
        Ok(Lease::new(stream.map_err(UpstreamError::Unavailable)?, pool.clone()))
    }
}

/// When an exchange must be over.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    total: Duration,
}

const NO_PATH: &str = "a request to an upstream names a path, not a host";
