//! One connection in the hands of one exchange.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, mem};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

use super::ask::Outgoing;
use super::fault::Fault;
use super::pool::Pool;
use super::reader::{Head, Reader, Wanted};
use super::{Deadline, UpstreamError};
use crate::net::BodyError;
use crate::net::chunks::Piece;
use crate::net::dial::{HeadCaps, Stream};

/// Read at once: most answers come whole.
const READ: usize = 8 * 1024;
/// Less room than this is not worth a read.
const LEAST: usize = 1024;
/// Read at once where there is much.
const READ_MORE: usize = 64 * 1024;

/// A connection that nobody else uses.
pub(super) struct Lease(Box<Connection>);

struct Connection {
    stream: Stream,
    request: Outgoing,
    sending: Sending,
    reader: Reader,
    /// How much is read at once: more where answers fill it.
    room: usize,
    /// For how long the rest of a body was awaited, which is not the other end's time; and since when it is.
    awaited: Duration,
    awaits: Option<Instant>,
    /// The connection's one timer. It moves only when it fires: deadlines of later exchanges lie behind those of earlier
    /// ones.
    alarm: Option<Pin<Box<Sleep>>>,
    pool: Pool,
}

/// How far a request is on its way.
enum Sending {
    Writing,
    /// The rest of the body is still to come.
    Awaiting,
    /// All of it is written, but TLS may hold some.
    Flushing,
    Done,
    /// The other end takes no more. It may have answered nevertheless.
    Failed(Option<io::Error>),
    /// The body broke off on its way here: nothing that is answered is an answer to it.
    Broken(BodyError),
}

/// What an answer may be, and what is wanted of it.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    /// It has no body, for the request is HEAD.
    pub(super) headless: bool,
    pub(super) caps: HeadCaps,
    pub(super) wanted: Wanted,
}

/// What became of a request.
pub(super) enum Sent {
    Answered(Head),
    /// Not a byte of it was written: the connection was closed.
    Unsent(Outgoing),
    /// The gate did not let it go; not a byte was written.
    Held,
    Failed(UpstreamError),
}

impl Lease {
    pub(super) fn new(stream: Stream, pool: Pool) -> Self {
        Self(Box::new(Connection {
            stream,
            request: Outgoing::default(),
            sending: Sending::Done,
            reader: Reader::new(),
            room: READ,
            awaited: Duration::ZERO,
            awaits: None,
            alarm: None,
            pool,
        }))
    }

    /// Sends a request and awaits the head of its answer. `gate` is asked when the connection is ready, immediately before
    /// the first byte, and what it gives is held until the socket has taken some.
    pub(super) async fn exchange<G>(
        &mut self,
        request: Outgoing,
        expected: Expected,
        gate: &impl Fn() -> Option<G>,
        clock: Deadline,
    ) -> Sent {
        let connection = &mut *self.0;
        connection.request = request;
        connection.sending = Sending::Writing;
        (connection.awaited, connection.awaits) = (Duration::ZERO, None);
        let mut begun = false;
        poll_fn(|cx| {
            if !begun {
                // A socket that may not be looked at in this turn would say that nothing is there, while TLS takes what is written.
                if !has_budget_remaining() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                // An end, or bytes that nobody asked for: whatever was kept is not fresh any more. Both are looked at anew each
                // time that the socket took nothing, as is the gate: what it says holds for this moment.
                if connection.poll_fill(cx).is_ready() {
                    return Poll::Ready(Sent::Unsent(mem::take(&mut connection.request)));
                }
                let Some(leave) = gate() else { return Poll::Ready(Sent::Held) };
                let _ = connection.poll_send(cx);
                drop(leave);
                match connection.sending {
                    // Of what TLS was given, some may have left.
                    Sending::Failed(_) if connection.is_unsent() => {
                        return Poll::Ready(Sent::Unsent(mem::take(&mut connection.request)));
                    }
                    Sending::Writing if connection.request.is_unwritten() => {
                        return connection.poll_late(clock, cx).map(Sent::Failed);
                    }
                    _ => {}
                }
                begun = true;
                connection.reader.begin(expected.headless);
            }
            match connection.poll_head(expected, cx) {
                Poll::Ready(Ok(head)) => Poll::Ready(match connection.ends_request(head.status) {
                    true => Sent::Answered(head),
                    false => Sent::Failed(connection.broken(Fault::Early)),
                }),
                Poll::Ready(Err(error)) => Poll::Ready(Sent::Failed(error)),
                Poll::Pending => connection.poll_late(clock, cx).map(Sent::Failed),
            }
        })
        .await
    }

    /// The next piece of the answer's body; `None` at its end. What is left of the request is written meanwhile.
    pub(super) fn poll_piece(
        &mut self,
        clock: Deadline,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, UpstreamError>> {
        match self.0.poll_piece(cx) {
            Poll::Pending => self.0.poll_late(clock, cx).map(Err),
            // Whoever takes it slowly, from an upstream that always has more, is late all the same.
            Poll::Ready(Ok(Some(_))) if Instant::now() >= clock.at => {
                Poll::Ready(Err(UpstreamError::TimedOut(clock.total)))
            }
            ready => ready,
        }
    }

    /// When the exchange must be over, now that it is answered.
    pub(super) fn due(&self, clock: Deadline) -> Deadline {
        self.0.due(clock)
    }

    /// How much of the answer's body is still to be taken, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.0.reader.left()
    }

    /// The rest of the answer's body, if it has come and the answer said how long it is.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        let reader = &mut self.0.reader;
        let left = usize::try_from(reader.left()?).ok()?;
        if left == 0 {
            return Some(Bytes::new());
        }
        match (reader.bytes().len() >= left).then(|| reader.piece()) {
            Some(Ok(Piece::Data(data))) => Some(data),
            _ => None,
        }
    }

    /// True once the whole answer has been taken.
    pub(super) fn is_over(&self) -> bool {
        self.0.reader.is_over()
    }

    /// Puts the connection back if it can be used again; else it is closed.
    pub(super) fn end(mut self) {
        let Connection { sending, reader, request, room, pool, .. } = &mut *self.0;
        if matches!(sending, Sending::Done) && reader.can_begin() {
            *request = Outgoing::default();
            if reader.bytes().capacity() > 2 * READ {
                *reader.bytes() = BytesMut::new();
            }
            *room = READ;
            let pool = pool.clone();
            pool.put(self);
        }
    }

    /// The same for a request that was not sent.
    pub(super) fn unused(mut self) {
        self.0.sending = Sending::Done;
        self.end();
    }
}

impl Connection {
    /// Reads what has come; 0 is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let left = self.reader.left().map_or(0, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let bytes = self.reader.bytes();
        if bytes.capacity() - bytes.len() < LEAST {
            bytes.reserve(left.min(READ_MORE).max(self.room));
        }
        let spare = bytes.capacity() - bytes.len();
        let polled = pin!(self.stream.read_buf(bytes)).poll(cx);
        if matches!(polled, Poll::Ready(Ok(count)) if count == spare) {
            self.room = (self.room * 2).min(READ_MORE);
        }
        polled
    }

    /// Writes what the socket takes.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let polled = match self.sending {
                Sending::Done | Sending::Failed(_) | Sending::Broken(_) => return Poll::Ready(()),
                Sending::Awaiting => match self.request.poll_next(cx) {
                    Poll::Ready(next) => {
                        self.awaited += self.awaits.take().map_or(Duration::ZERO, |since| since.elapsed());
                        Ok(next.map_or_else(Sending::Broken, |()| Sending::Writing))
                    }
                    // TLS may hold some of what was written before.
                    Poll::Pending => {
                        self.awaits.get_or_insert_with(Instant::now);
                        match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
                            Ok(()) => return Poll::Pending,
                            Err(error) => Err(error),
                        }
                    }
                },
                Sending::Flushing => {
                    ready!(Pin::new(&mut self.stream).poll_flush(cx)).map(|()| Sending::Done)
                }
                Sending::Writing => {
                    let rest = self.request.rest();
                    let stream = Pin::new(&mut self.stream);
                    let polled = match &rest {
                        [first, second] if second.is_empty() => stream.poll_write(cx, first),
                        [first, second] if first.is_empty() => stream.poll_write(cx, second),
                        both => stream.poll_write_vectored(cx, both),
                    };
                    match ready!(polled) {
                        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                        Ok(count) => {
                            self.request.advance(count);
                            Ok(match self.request.is_written() {
                                false => Sending::Writing,
                                true if self.request.is_coming() => Sending::Awaiting,
                                true => Sending::Flushing,
                            })
                        }
                        Err(error) => Err(error),
                    }
                }
            };
            self.sending = polled.unwrap_or_else(|error| Sending::Failed(Some(error)));
        }
    }

    /// True where the other end cannot have got a byte of the request.
    fn is_unsent(&self) -> bool {
        self.request.is_unwritten() && !matches!(self.stream, Stream::Tls(_))
    }

    fn poll_head(&mut self, expected: Expected, cx: &mut Context<'_>) -> Poll<Result<Head, UpstreamError>> {
        // Beside reading: an upstream may answer before it has read all, and read no more until its answer is.
        let _ = self.poll_send(cx);
        if let Sending::Broken(_) = self.sending
            && let Sending::Broken(error) = mem::replace(&mut self.sending, Sending::Failed(None))
        {
            return Poll::Ready(Err(UpstreamError::Unread(error)));
        }
        loop {
            match ready!(self.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(Err(self.broken(Fault::Ended))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
            match self.reader.head(expected.caps, expected.wanted) {
                Ok(None) => {}
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Err(fault) => return Poll::Ready(Err(self.broken(fault))),
            }
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, UpstreamError>> {
        let _ = self.poll_send(cx);
        loop {
            match self.reader.piece() {
                Ok(Piece::Data(data)) => return Poll::Ready(Ok(Some(data))),
                Ok(Piece::End) => return Poll::Ready(Ok(None)),
                Ok(Piece::More) => {}
                Err(fault) => return Poll::Ready(Err(self.broken(fault))),
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) => {
                    let ended = self.reader.ended();
                    return Poll::Ready(ended.map(|()| None).map_err(|fault| self.broken(fault)));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
        }
    }

    /// Why there is no answer: where the request could not be written, that is why.
    fn broken(&mut self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> UpstreamError {
        match &mut self.sending {
            Sending::Failed(error) => {
                UpstreamError::Broken(error.take().map_or_else(|| why.into(), Into::into))
            }
            _ => UpstreamError::Broken(why.into()),
        }
    }

    /// An answer that has begun ends a request that has not: the rest of its body is not awaited. False where more would come of
    /// both: who works on a body piece by piece would be left without the rest of it.
    fn ends_request(&mut self, status: StatusCode) -> bool {
        if !self.request.is_coming() {
            return true;
        }
        let left = self.reader.left().and_then(|left| usize::try_from(left).ok());
        let is_whole = left.is_some_and(|left| self.reader.bytes().len() >= left);
        self.request = Outgoing::default();
        self.sending = Sending::Failed(None);
        is_whole || !status.is_success()
    }

    fn due(&self, Deadline { at, total }: Deadline) -> Deadline {
        Deadline { at: at + self.awaited, total }
    }

    /// Ready once the exchange's time is over. While it is the caller who is waited for, their own pace holds.
    fn poll_late(&mut self, clock: Deadline, cx: &mut Context<'_>) -> Poll<UpstreamError> {
        if matches!(self.sending, Sending::Awaiting) {
            return Poll::Pending;
        }
        let Deadline { at, total } = self.due(clock);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if alarm.deadline() > at {
            alarm.as_mut().reset(at);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                return Poll::Ready(UpstreamError::TimedOut(total));
            }
            alarm.as_mut().reset(at);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
