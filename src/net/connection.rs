//! What is known of a connection to a caller.

use std::net::SocketAddr;

/// What is known of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The other end: a caller, or a proxy before them.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
    /// HTTP/1.1 or HTTP/2.
    pub protocol: Protocol,
    /// `None` on a listener without TLS.
    pub tls: Option<TlsInfo>,
}

/// In a request's extensions: the caller waits for leave to send the body (`Expect: 100-continue`), and until it is asked
/// for nothing comes.
#[derive(Clone, Copy, Debug)]
pub struct Waits;

/// The HTTP version of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, or 1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What was agreed in the TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// TLS 1.2 or 1.3.
    pub version: rustls::ProtocolVersion,
    /// The name that the caller asked for.
    pub server_name: Option<Box<str>>,
}
