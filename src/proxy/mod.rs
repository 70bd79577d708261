//! The listeners: TLS, HTTP/1.1 and HTTP/2 towards callers. This room gets a request whole and unambiguous to a
//! [`Handler`], and its answer back; it knows nothing of policies.
//!
//! ```text
//! Listeners::bind ─▶ Bound ─▶ serve ─▶ one thread per core: accept ─ caps ─ TLS ─ ALPN ─▶ http1 or http2 ─ door ─▶ Handler
//! ```
//!
//! Every thread has a current-thread runtime and sockets of its own (`SO_REUSEPORT`), and everything of a connection
//! stays on its thread: handlers and their futures need not be `Send`, and `tokio::task::spawn_local` works in them.
//! Whoever blocks in a handler stops every connection of that core.
//!
//! What a caller can do to be slow or ambiguous ends here: [`http1`] refuses what other HTTP implementations read
//! differently, [`door`] checks what both protocols may say of a request, [`meter`] and [`patience`] bound every wait.

mod bind;
mod caps;
mod connection;
mod door;
mod drain;
mod http1;
mod http2;
mod meter;
mod patience;
mod serve;
mod stream;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use rustls::ServerConfig;

use crate::net::{ConnectionInfo, Content, TrustedProxies};
use crate::problem::Rejection;

pub use bind::{BindError, Bound, Listeners};
pub use http1::{Fault, Head, Reader};
pub use serve::{Drained, ServeError, ServerHandle};

/// Who answers. Each thread has one of its own, made there by the factory that [`Bound::serve`] takes.
pub trait Handler: 'static {
    /// Answers a request. The future runs on this thread only; it is dropped when the caller goes away, so what must
    /// happen in any case is spawned or done in a destructor.
    fn handle(
        &self,
        request: Request<Content>,
        connection: &Arc<ConnectionInfo>,
    ) -> impl Future<Output = Response<Content>>;

    /// Answers a request that the door refused. [`Handler::handle`] is not called for it.
    fn refuse(&self, rejection: Rejection) -> Response<Content>;

    /// Waits for what goes on after its caller has left. A drain waits for it, as it does for connections.
    fn settled(&self) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Address and port; port 0 takes a free one, the same for all threads.
    pub addr: SocketAddr,
    /// From [`crate::net::tls::server`]; `None` speaks HTTP/1.1 without TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// How many threads serve; `None` is one per core.
    pub threads: Option<usize>,
    /// How long anything may take.
    pub timers: Timers,
    /// How much there may be of anything.
    pub limits: Limits,
    /// Proxies before this gateway: the cap per address does not hold for them.
    pub trusted: TrustedProxies,
}

impl ListenerConfig {
    /// A listener with the usual timers and limits.
    pub fn new(addr: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Self {
        Self {
            addr,
            tls,
            threads: None,
            timers: Timers::default(),
            limits: Limits::default(),
            trusted: TrustedProxies::default(),
        }
    }
}

/// How long a connection may wait for its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, from its first byte; and from the handshake to the first byte.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Without any progress in the body of a request; and for an answer of which the caller takes nothing, or less on average
    /// than 1 KiB for each second of that.
    pub stalled: Duration,
    /// For what a caller still sends when their answer is written and the connection is to end: in all.
    pub unread: Duration,
    /// For the goodbye of a connection, and for each silence of a caller who still sends behind it.
    pub silence: Duration,
    /// How long connections that wait for their next request are kept while draining, for requests on their way.
    pub linger: Duration,
    /// How long exchanges may take to end while draining.
    pub drain: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            stalled: Duration::from_secs(30),
            unread: Duration::from_secs(30),
            silence: Duration::from_secs(2),
            linger: Duration::from_millis(500),
            drain: Duration::from_secs(30),
        }
    }
}

/// How much a listener takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections per IPv4 address or IPv6 /64.
    pub connections_per_address: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Header fields of a request.
    pub head_fields: usize,
    /// Requests that one HTTP/2 connection may have open.
    pub streams: u32,
    /// Streams that an HTTP/2 caller may reset before they are answered, beyond which the connection ends.
    pub resets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 200,
            head_bytes: 32 * 1024,
            head_fields: 100,
            streams: 100,
            resets: 20,
        }
    }
}
