//! One connection's HTTP/1.1: awake while requests come, at rest between them.
//!
//! hyper holds two buffers of 8 KB and its own state for a connection, whether anything is on its way or not. A connection
//! at rest has given them back: what is left of it is TCP, TLS, the gate and a timer.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tracing::debug;

use super::Handler;
use super::connection::{Exchanges, Thread};
use super::drain::Stage;
use super::meter::{Due, Meter, Watchdog};
use super::stream::{Gated, Transport};

/// Bytes and time given to a caller who still sends when their answer is written, so that they come to read it: closing
/// a socket with unread bytes resets the connection, and a reset destroys what is under way.
const LAST_BYTES: usize = 512 * 1024;
const LAST_WAIT: Duration = Duration::from_secs(2);

/// What ends a rest.
enum Rest {
    /// Bytes of a request.
    Request,
    /// The caller, or a drain.
    End,
    /// The caller's silence.
    TooSlow,
}

/// What a connection comes to when it has been awake.
enum Awake<H> {
    /// No request is on its way, and none has been for a while.
    Idle(Gated, Exchanges<H>),
    /// It is over.
    Over(Gated),
    /// The caller was too slow.
    TooSlow,
}

impl<H: Handler> Thread<H> {
    /// Serves a connection to its end.
    pub(super) async fn http1(&self, transport: Transport, mut exchanges: Exchanges<H>, meter: &Rc<Meter>) {
        let mut gated = Gated::new(transport, Rc::clone(meter), self.limits.head_bytes);
        let mut watchdog = Watchdog::new(self.timers, false);
        loop {
            match poll_fn(|cx| self.rest(&mut gated, meter, &mut watchdog, cx)).await {
                Rest::Request => {}
                Rest::End => break,
                Rest::TooSlow => return debug!("a connection was too slow"),
            }
            // Boxed: who rests has no room set aside for being awake.
            match Box::pin(self.awake(gated, exchanges, meter, &mut watchdog)).await {
                Awake::Idle(same, others) => (gated, exchanges) = (same, others),
                Awake::Over(same) => {
                    gated = same;
                    break;
                }
                Awake::TooSlow => return debug!("a connection was too slow"),
            }
        }
        let (transport, unread) = gated.into_inner();
        // Who does not take the end in time is cut off.
        let _ = timeout(LAST_WAIT, Box::pin(close(transport, unread))).await;
    }

    fn rest(
        &self,
        gated: &mut Gated,
        meter: &Meter,
        watchdog: &mut Watchdog,
        cx: &mut Context<'_>,
    ) -> Poll<Rest> {
        match gated.poll_fetch(cx) {
            Poll::Ready(Ok(true)) => return Poll::Ready(Rest::Request),
            Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(Rest::End),
            Poll::Pending => {}
        }
        // The first request of a new connection may be on its way: the watchdog says how long it may take.
        if self.drain.stage() == Stage::Closing && !meter.is_new() {
            return Poll::Ready(Rest::End);
        }
        watchdog.poll(meter, None, cx).map(|_| Rest::TooSlow)
    }

    async fn awake(
        &self,
        gated: Gated,
        exchanges: Exchanges<H>,
        meter: &Meter,
        watchdog: &mut Watchdog,
    ) -> Awake<H> {
        let mut connection = self.http1.serve_connection(TokioIo::new(gated), exchanges);
        let mut told = false;
        let over = poll_fn(|cx| {
            if !told && self.drain.stage() == Stage::Closing {
                told = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            match connection.poll_without_shutdown(cx) {
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => watchdog.poll(meter, Some(self.timers.rest), cx).map(Some),
            }
        });
        let over = over.await;
        if over == Some(Due::TooSlow) {
            return Awake::TooSlow;
        }
        let parts = connection.into_parts();
        let gated = parts.io.into_inner();
        // INVARIANT: what rests has no byte that hyper took and did not use. Who says where a request ends is hyper, and a new
        // one knows nothing of the last.
        if over == Some(Due::Rest) && parts.read_buf.is_empty() && gated.is_between() {
            Awake::Idle(gated, parts.service)
        } else {
            Awake::Over(gated)
        }
    }
}

/// Says goodbye, and lets a caller who is still sending come to the end of it, within bounds.
async fn close(mut transport: Transport, unread: bool) {
    if transport.shutdown().await.is_err() || !unread {
        return;
    }
    let mut sink = [0; 4096];
    let mut left = LAST_BYTES;
    while let Ok(read @ 1..) = transport.read(&mut sink).await {
        left = left.saturating_sub(read);
        if left == 0 {
            return;
        }
    }
}
