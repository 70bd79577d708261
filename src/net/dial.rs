//! Connections outwards: TCP, TLS where asked, or a socket of this host; and hyper's HTTP/1.1 client upon them.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How soon a unix socket whose queue is full is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// Where to connect to.
#[derive(Clone, Debug)]
pub struct Target(Way);

#[derive(Clone, Debug)]
enum Way {
    Tcp { host: Box<str>, port: u16, tls: Option<(Arc<ClientConfig>, ServerName<'static>)> },
    Unix(Arc<Path>),
}

/// Why a URL is not one that can be connected to.
#[derive(Debug, Error)]
pub enum TargetError {
    /// Neither `http` nor `https`.
    #[error("an address begins with http:// or https://")]
    Scheme,
    /// No host, or one that is not a name or an address.
    #[error("an address names a host, and no user or password")]
    Host,
    /// A query, which nothing can be put behind.
    #[error("an address has no query")]
    Query,
    /// `https` at a unix socket.
    #[error("at a unix socket there is no TLS, so the address begins with http://")]
    TlsAtSocket,
    /// `https` without a TLS configuration.
    #[error("an https address needs certificate authorities to believe")]
    NoTls,
}

/// Why there is no connection. None of these has sent a byte of a request.
#[derive(Debug, Error)]
pub enum DialError {
    /// The host was not found, or refused.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The host's certificate is not believed, or it does not speak TLS.
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    /// It took too long.
    #[error("connecting took longer than {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// HTTP could not start.
    #[error("the connection ended before the first request")]
    Http(#[source] hyper::Error),
}

/// How large a head may be, and the trailers behind a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadCaps {
    /// Header fields.
    pub fields: usize,
    /// Bytes of first line and header section together.
    pub bytes: usize,
}

impl Default for HeadCaps {
    fn default() -> Self {
        Self { fields: 100, bytes: 64 * 1024 }
    }
}

/// A hyper connection's two halves: what takes requests, and what must be polled for them to travel.
pub type Http = (http1::SendRequest<Full<Bytes>>, http1::Connection<TokioIo<Stream>, Full<Bytes>>);

impl Target {
    /// What `url` names; `tls` is needed for `https`.
    ///
    /// # Errors
    /// If the URL has no host, another scheme, or user information.
    pub fn new(url: &Uri, tls: Option<Arc<ClientConfig>>) -> Result<Self, TargetError> {
        let authority = url.authority().ok_or(TargetError::Host)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(TargetError::Host);
        }
        let (tls, usual) = match url.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| TargetError::Host)?;
                (Some((tls.ok_or(TargetError::NoTls)?, name)), 443)
            }
            _ => return Err(TargetError::Scheme),
        };
        let port = authority.port_u16().unwrap_or(usual);
        Ok(Self(Way::Tcp { host: host.into(), port, tls }))
    }

    /// Whoever listens at this unix socket.
    pub fn unix(socket: &Path) -> Self {
        Self(Way::Unix(socket.into()))
    }

    /// Connects: every address that the name has is tried in turn, all of it within `within`.
    ///
    /// # Errors
    /// If no address answers, the certificate is not believed, or the time is over.
    pub async fn connect(&self, within: Duration) -> Result<Stream, DialError> {
        timeout(within, self.stream()).await.unwrap_or(Err(DialError::TimedOut(within)))
    }

    /// Connects and makes hyper's client upon it. The second half must be polled, or nothing travels.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub async fn http(&self, within: Duration, caps: HeadCaps) -> Result<Http, DialError> {
        let stream = self.connect(within).await?;
        http1::Builder::new()
            .max_headers(caps.fields)
            .max_header_size(caps.bytes)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(DialError::Http)
    }

    async fn stream(&self) -> Result<Stream, DialError> {
        let (host, port, tls) = match &self.0 {
            Way::Tcp { host, port, tls } => (host, *port, tls),
            Way::Unix(socket) => return unix(socket).await.map(Stream::Unix).map_err(DialError::Connect),
        };
        let tcp = TcpStream::connect((&**host, port)).await.map_err(DialError::Connect)?;
        tcp.set_nodelay(true).map_err(DialError::Connect)?;
        match tls {
            None => Ok(Stream::Plain(tcp)),
            Some((config, name)) => TlsConnector::from(Arc::clone(config))
                .connect(name.clone(), tcp)
                .await
                .map(|tls| Stream::Tls(Box::new(tls)))
                .map_err(DialError::Tls),
        }
    }
}

/// Whether a unix socket can have this path: it has no NUL, and at most 107 bytes (`sun_path` of unix(7), and its end).
pub fn names_a_socket(path: &Path) -> bool {
    std::os::unix::net::SocketAddr::from_pathname(path).is_ok()
}

/// Connects to a unix socket. One whose queue is full says so at once, unlike TCP's, and does not tell when there is room.
async fn unix(socket: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(socket).await {
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => sleep(AGAIN).await,
            connected => return connected,
        }
    }
}

/// A connection outwards.
#[derive(Debug)]
pub enum Stream {
    /// Bare TCP.
    Plain(TcpStream),
    /// TLS upon TCP.
    Tls(Box<TlsStream<TcpStream>>),
    /// A socket of this host.
    Unix(UnixStream),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Self::Unix(unix) => Pin::new(unix).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            Self::Unix(unix) => Pin::new(unix).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Self::Unix(unix) => Pin::new(unix).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Self::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
            Self::Unix(unix) => Pin::new(unix).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
            Self::Unix(unix) => unix.is_write_vectored(),
        }
    }
}
