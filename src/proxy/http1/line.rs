//! What a connection's exchanges and the bodies of its requests share: the stream of bytes, and the reader upon it.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::reader::{Fault, Head, Reader};
use crate::net::BodyError;
use crate::net::chunks::Piece;
use crate::net::dial::HeadCaps;
use crate::proxy::meter::{Awaits, Meter};
use crate::proxy::stream::Transport;

/// Said to a caller who waits for leave to send a body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Where bytes come before it is known what they are; one for a thread. It is wiped behind each of them: what one caller
/// sent does not lie about where another's comes.
pub(in crate::proxy) type Room = Rc<RefCell<Box<[u8]>>>;

/// One connection's bytes.
pub(super) struct Line {
    transport: Transport,
    pub(super) reader: Reader,
    meter: Rc<Meter>,
    room: Room,
    /// Which request is being worked on. A body that outlives its exchange reads nothing of the next.
    exchange: u64,
    /// What is to be said before the body comes.
    interim: &'static [u8],
    /// Something that was written may not have left.
    unflushed: bool,
}

impl Line {
    pub(super) fn new(transport: Transport, meter: Rc<Meter>, room: Room, caps: HeadCaps) -> Self {
        Self {
            transport,
            reader: Reader::new(caps),
            meter,
            room,
            exchange: 0,
            interim: &[],
            unflushed: false,
        }
    }

    /// Waits for the head of a request; nothing where the caller has ended.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Head>, Fault>> {
        loop {
            if let Some(head) = self.reader.head()? {
                self.exchange += 1;
                self.interim = if head.waits { CONTINUE } else { &[] };
                return Poll::Ready(Ok(Some(head)));
            }
            if self.reader.has_more() {
                self.meter.awaits(Awaits::Head);
            }
            if !matches!(ready!(self.poll_fill(cx)), Ok(true)) {
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// Which request is being worked on.
    pub(super) const fn exchange(&self) -> u64 {
        self.exchange
    }

    /// The whole body of a request, where it has come with the head.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        let whole = self.reader.whole();
        if whole.is_some() {
            self.interim = &[];
            self.meter.awaits(Awaits::Next);
        } else {
            self.meter.awaits(Awaits::Body);
        }
        whole
    }

    /// The next piece of a request's body; nothing at its end.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        while !self.interim.is_empty() {
            let mut interim = self.interim;
            let written = self.poll_write(cx, &mut interim);
            self.interim = interim;
            ready!(written)?;
        }
        if self.unflushed {
            ready!(self.poll_flush(cx))?;
        }
        loop {
            let piece = self.reader.piece()?;
            if self.reader.is_over() {
                self.meter.awaits(Awaits::Next);
            }
            match piece {
                Piece::Data(data) => return Poll::Ready(Ok(Some(data))),
                Piece::End => return Poll::Ready(Ok(None)),
                Piece::More => {}
            }
            let Poll::Ready(came) = self.poll_fill(cx) else {
                self.meter.nothing_came();
                return Poll::Pending;
            };
            if !came? {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
            }
            self.meter.awaits(Awaits::Body);
        }
    }

    /// Ready where a caller leaves while their request is being worked on, as far as it can be seen: behind a body, and behind a
    /// request that came early, nobody looks.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.reader.is_over() || self.reader.has_more() {
            return Poll::Pending;
        }
        // Asked at every wake-up of an exchange, which hardly ever is for this.
        if ready!(self.transport.poll_readable(cx)).is_err() {
            return Poll::Ready(());
        }
        match ready!(self.poll_fill(cx)) {
            Ok(true) => {
                self.meter.awaits(Awaits::Head);
                Poll::Pending
            }
            Ok(false) | Err(_) => Poll::Ready(()),
        }
    }

    /// Lets go by what has come of a body that nobody wants; false where more of it is to come.
    pub(super) fn skip_body(&mut self) -> bool {
        self.meter.awaits(Awaits::Next);
        // Whoever still holds the body is not given the rest of it, and hears that it is not whole.
        self.exchange += 1;
        // Who waits for leave that does not come may send the body or not: nobody can tell what would come next.
        if self.interim.len() == CONTINUE.len() {
            return false;
        }
        while let Ok(Piece::Data(_)) = self.reader.piece() {}
        self.reader.is_over()
    }

    /// What is left of an interim answer that was begun: it comes before anything else.
    pub(super) fn interrupted(&mut self) -> &'static [u8] {
        let begun = self.interim.len() < CONTINUE.len();
        let left = std::mem::take(&mut self.interim);
        if begun { left } else { &[] }
    }

    /// Puts what comes into the reader; false where the caller has ended.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut room = self.room.borrow_mut();
        let mut came = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.transport).poll_read(cx, &mut came))?;
        self.reader.put(came.filled());
        came.filled_mut().fill(0);
        Poll::Ready(Ok(!came.filled().is_empty()))
    }

    /// How many bytes came, at which nobody looks; none where the caller has ended.
    pub(super) fn poll_sink(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = self.room.borrow_mut();
        let mut came = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.transport).poll_read(cx, &mut came))?;
        came.filled_mut().fill(0);
        Poll::Ready(Ok(came.filled().len()))
    }

    /// Ends the connection so that nobody takes what was sent for whole, where its end is the only sign of that.
    pub(super) fn abort(&self) {
        // Where it cannot be set, the socket is gone.
        let _ = self.transport.tcp().set_zero_linger();
    }

    /// Says that nothing more will be sent.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }

    /// Writes all of `bytes`, and sees that they leave.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &mut impl Buf) -> Poll<io::Result<()>> {
        while bytes.has_remaining() {
            let mut parts = [IoSlice::new(&[]); 4];
            let count = bytes.chunks_vectored(&mut parts);
            let parts = parts.get(..count).unwrap_or_default();
            let written = ready!(Pin::new(&mut self.transport).poll_write_vectored(cx, parts))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            bytes.advance(written);
            self.unflushed = true;
        }
        self.poll_flush(cx)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.transport).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }
}
