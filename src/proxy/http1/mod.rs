//! HTTP/1.1 towards callers, spoken here and not by a library (ADR 0022).
//!
//! ```text
//! reader: bytes ─▶ head ─▶ door ─▶ Handler ─▶ answer: head and content ─▶ bytes
//!            └──── body ──────────────┘ (streamed, where it has not come whole)
//! ```
//!
//! A connection that waits for a request holds no buffer, and nothing of the request before.

mod answer;
mod body;
mod line;
mod reader;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::Handler;
use super::connection::{Counting, Exchanges, Thread};
use super::drain::Stage;
use super::meter::{Meter, Watchdog};
use super::stream::Transport;
use crate::net::Content;
use crate::net::dial::HeadCaps;
use crate::problem::{Problem, Rejection};
use answer::Asked;
use body::Streamed;
use line::Line;

pub(super) use answer::Desk;
pub(super) use line::Room;
pub use reader::{Fault, Head, Reader};

/// Bytes that are read at once at most; what comes of a body is handed on in such pieces.
const ROOM: usize = 64 * 1024;

/// Bytes of a caller who still sends when their answer is written, so that they come to read it: closing a socket with unread
/// bytes resets the connection, and many clients send all that they have before they read. Nothing of it is kept, and until
/// then the connection has its place among those that an address may have.
const UNREAD: usize = 64 * 1024 * 1024;

/// How a connection came to its end.
enum End {
    /// The caller has gone, or does not take what they are sent.
    Gone,
    /// There is nothing more to say; `unread` where the caller may still be sending.
    Said { unread: bool },
}

/// Room for a thread.
pub(super) fn room() -> Room {
    Rc::new(RefCell::new(vec![0; ROOM].into()))
}

impl<H: Handler> Thread<H> {
    /// Serves a connection to its end.
    pub(super) async fn http1(&self, transport: Transport, exchanges: Exchanges<H>, meter: &Rc<Meter>) {
        let caps = HeadCaps { fields: self.limits.head_fields, bytes: self.limits.head_bytes };
        let line = Line::new(transport, Rc::clone(meter), Rc::clone(&self.room), caps);
        let line = Rc::new(RefCell::new(line));
        let mut watchdog = Watchdog::new(self.timers, false);
        let end = {
            let mut served = pin!(self.requests(&line, &exchanges, meter));
            poll_fn(|cx| match served.as_mut().poll(cx) {
                Poll::Ready(end) => Poll::Ready(Some(end)),
                Poll::Pending => watchdog.poll(meter, cx).map(|()| None),
            })
            .await
        };
        match end {
            None => {
                debug!("a connection was too slow");
                if meter.is_busy() {
                    line.borrow().abort();
                }
            }
            Some(End::Gone) => {}
            Some(End::Said { unread }) => Box::pin(self.close(&line, unread)).await,
        }
    }

    /// Answers one request after the other.
    async fn requests(&self, line: &Rc<RefCell<Line>>, exchanges: &Exchanges<H>, meter: &Meter) -> End {
        loop {
            let head = poll_fn(|cx| {
                let head = line.borrow_mut().poll_head(cx);
                // The first request of a new connection may be on its way, as is one that has begun: the watchdog says how long
                // it may take.
                let over = self.drain.stage() == Stage::Closing && !meter.is_new();
                let idle = head.is_pending() && !line.borrow().reader.has_more();
                if idle && over { Poll::Ready(Ok(None)) } else { head }
            });
            let head = match head.await {
                Ok(Some(head)) => head,
                Ok(None) => return End::Said { unread: false },
                Err(fault) => return self.misread(line, exchanges, fault).await,
            };
            let goes_on = head.keeps;
            // Boxed: who rests has no room set aside for being awake.
            match Box::pin(self.exchange(line, exchanges, head)).await {
                Some(true) => {}
                // Who did not ask for the end may have sent another request by now.
                Some(false) => {
                    return End::Said { unread: goes_on || !line.borrow().reader.is_over() };
                }
                None => return End::Gone,
            }
        }
    }

    /// Answers a request; true where another may come, nothing where the caller has gone.
    async fn exchange(&self, line: &Rc<RefCell<Line>>, exchanges: &Exchanges<H>, head: Head) -> Option<bool> {
        let _underway = Counting::new(exchanges.meter(), Meter::handling);
        let Head { request, keeps, .. } = head;
        let mut asked = Asked::of(&request, keeps);
        let whole = line.borrow_mut().whole();
        let content = whole.map_or_else(|| Content::stream(Streamed::new(line)), Content::full);
        let answer = {
            let mut answer = pin!(exchanges.answer(request.map(|()| content)));
            poll_fn(|cx| match answer.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => line.borrow_mut().poll_left(cx).map(|()| None),
            })
            .await?
        };
        asked.keeps &= line.borrow_mut().skip_body() && self.drain.stage() == Stage::Serving;
        match answer::write(line, &self.desk, exchanges.meter(), asked, answer).await {
            Ok(keeps) => Some(keeps),
            Err(error) => {
                debug!(%error, "an answer did not come to its end");
                if asked.is_old {
                    line.borrow().abort();
                }
                None
            }
        }
    }

    /// Says why the bytes are no request. Nothing behind them is read.
    async fn misread(&self, line: &Rc<RefCell<Line>>, exchanges: &Exchanges<H>, fault: Fault) -> End {
        let problem = match fault {
            Fault::TooLarge => Problem::HeaderTooLarge,
            _ => Problem::RequestMalformed,
        };
        let answer = exchanges.refuse(Rejection::new(problem).detail(fault.to_string()));
        let written = answer::write(line, &self.desk, exchanges.meter(), Asked::nothing(), answer);
        match Box::pin(written).await {
            Ok(_) => End::Said { unread: true },
            Err(_) => End::Gone,
        }
    }

    /// Says goodbye, and lets a caller who is still sending come to the end of it, within bounds. Who does not take the end in
    /// time is cut off.
    async fn close(&self, line: &RefCell<Line>, unread: bool) {
        let said = timeout(self.timers.silence, poll_fn(|cx| line.borrow_mut().poll_shutdown(cx))).await;
        if !matches!(said, Ok(Ok(()))) || !unread {
            return;
        }
        let (mut left, mut until) = (UNREAD, Instant::now() + self.timers.unread);
        let mut drains = false;
        while left > 0 {
            let silence = Instant::now() + self.timers.silence;
            if !drains && self.drain.stage() != Stage::Serving {
                drains = true;
                until = until.min(silence);
            }
            let read = poll_fn(|cx| line.borrow_mut().poll_sink(cx));
            let Ok(Ok(read @ 1..)) = timeout_at(until.min(silence), read).await else { return };
            left = left.saturating_sub(read);
        }
    }
}
