//! A caller's connection as a stream of bytes: TCP with a meter, TLS upon it, and before HTTP/1.1 the gate.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::gate::{Gate, POISON};
use super::meter::Meter;

/// Read at once by a connection at rest: most heads, and what goes with them.
const FETCHED: usize = 4096;

/// TCP that tells the meter when it takes no more. It stands below TLS, where every byte that leaves is seen.
pub(super) struct Metered {
    pub(super) tcp: TcpStream,
    pub(super) meter: Rc<Meter>,
}

impl Metered {
    fn noted<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_pending() {
            self.meter.blocked();
        } else {
            self.meter.unblocked();
        }
        polled
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.noted(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.noted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

/// What a caller's bytes travel through.
pub(super) enum Transport {
    Plain(Metered),
    Tls(Box<TlsStream<Metered>>),
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
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
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }
}

/// HTTP/1.1's bytes behind the gate.
pub(super) struct Gated {
    transport: Transport,
    meter: Rc<Meter>,
    gate: Gate,
    /// What came while the connection was at rest, and has passed the gate.
    early: Box<[u8]>,
    /// What hyper is still to be given after a violation; nothing is read any more.
    poison: Option<&'static [u8]>,
}

impl Gated {
    pub(super) fn new(transport: Transport, meter: Rc<Meter>, head_bytes: usize) -> Self {
        Self { transport, meter, gate: Gate::new(head_bytes), early: Box::default(), poison: None }
    }

    /// Waits for the first bytes of a request, with no room but the stack's; false where the caller has ended. What came is what
    /// is read next.
    pub(super) fn poll_fetch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut room = [0; FETCHED];
        let mut came = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut *self).poll_read(cx, &mut came))?;
        self.early = came.filled().into();
        Poll::Ready(Ok(!self.early.is_empty()))
    }

    /// True between two requests.
    pub(super) fn is_between(&self) -> bool {
        self.early.is_empty() && self.poison.is_none() && self.gate.is_between()
    }

    /// The bytes below, and whether the caller may still be sending.
    pub(super) fn into_inner(self) -> (Transport, bool) {
        let unread = self.poison.is_some() || !self.gate.is_between();
        (self.transport, unread)
    }
}

impl AsyncRead for Gated {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.early.is_empty() {
            let (now, later) = this.early.split_at_checked(buf.remaining()).unwrap_or((&this.early, &[]));
            buf.put_slice(now);
            this.early = later.into();
            return Poll::Ready(Ok(()));
        }
        if this.poison.is_none() {
            let before = buf.filled().len();
            if Pin::new(&mut this.transport).poll_read(cx, buf)?.is_pending() {
                this.meter.nothing_came();
                return Poll::Pending;
            }
            let came = buf.filled().get(before..).unwrap_or_default();
            let Err(ambiguous) = this.gate.look(came, &this.meter) else { return Poll::Ready(Ok(())) };
            buf.set_filled(before + ambiguous.clean);
            this.poison = Some(POISON);
        }
        if let Some(poison) = &mut this.poison {
            let (now, later) = poison.split_at_checked(buf.remaining()).unwrap_or((poison, &[]));
            buf.put_slice(now);
            *poison = later;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}
