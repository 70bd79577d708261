//! An answer on its way to a caller of HTTP/2. How far it gets is for its stream's window to say; h2 takes a piece whole once
//! there is room for any of it, and does not ask for another before.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::task_local;
use tokio::time::Instant;
use tracing::debug;

use super::SEND_BUFFER;
use crate::net::{BodyError, Content};
use crate::proxy::connection::Counting;
use crate::proxy::meter::Meter;
use crate::proxy::patience::{Alarm, Patience};

/// Handed over at once. What is taken is seen by pieces, so they are small enough to be taken in time by who is slow.
const PIECE: usize = 16 * 1024;

task_local! {
    /// What the answer of the exchange whose task this is has to offer.
    static OFFER: Offer;
}

/// What a caller may take now.
#[derive(Default)]
struct Offer {
    bytes: Cell<usize>,
    patience: Patience,
}

/// Drives an exchange to its end. It is given up where its answer is not taken, whatever becomes of others on its connection:
/// dropping it resets the stream and lets go of what h2 holds of it.
pub(super) fn in_time(stalled: Duration, exchange: impl Future) -> impl Future<Output = ()> {
    OFFER.scope(Offer::default(), async move {
        let mut exchange = pin!(exchange);
        let mut alarm = None;
        let in_time = poll_fn(|cx| {
            if exchange.as_mut().poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            let Some(end) = OFFER.with(|offer| offer.end(stalled)) else { return Poll::Pending };
            let alarm = alarm.get_or_insert_with(|| Alarm::new(end));
            alarm.poll(Some(end), stalled, cx).map(|()| false)
        });
        if !in_time.await {
            debug!("an answer was not taken");
        }
    })
}

impl Offer {
    fn made(&self, bytes: usize, until: Option<Instant>) {
        self.bytes.set(bytes);
        self.patience.bound(until);
    }

    /// When it has been there for too long. Most are taken before anybody asks.
    fn end(&self, stalled: Duration) -> Option<Instant> {
        if self.bytes.get() == 0 {
            return None;
        }
        self.patience.waits();
        self.patience.end(stalled)
    }

    fn taken(&self) {
        self.patience.took(self.bytes.take());
    }
}

/// An answer's content, in pieces.
pub(in crate::proxy) struct Counted {
    content: Content,
    /// What came of it and is not handed over yet.
    rest: Bytes,
    /// Its memory is more than h2 may hold of it.
    large: bool,
    underway: Counting,
    /// There while its source has nothing: it is the source that is waited for, and not the caller.
    asking: Option<Counting>,
    meter: Rc<Meter>,
}

impl Counted {
    pub(super) fn new(content: Content, meter: &Rc<Meter>) -> Self {
        let large = content.size_hint().lower() > SEND_BUFFER as u64;
        Self {
            content,
            rest: Bytes::new(),
            large,
            underway: Counting::new(meter, Meter::answering),
            asking: None,
            meter: Rc::clone(meter),
        }
    }
}

impl Body for Counted {
    type Data = Piece;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, BodyError>>> {
        let this = self.get_mut();
        // Whoever asks for a piece has taken the one before.
        let _ = OFFER.try_with(Offer::taken);
        while this.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut this.content).poll_frame(cx) else {
                this.asking.get_or_insert_with(|| Counting::new(&this.meter, Meter::handling));
                return Poll::Pending;
            };
            this.asking = None;
            match frame.transpose()? {
                None => return Poll::Ready(None),
                // Trailers reach nobody.
                Some(frame) => this.rest = frame.into_data().unwrap_or_default(),
            }
        }
        let mut bytes = this.rest.split_to(this.rest.len().min(PIECE));
        // What is handed over last may outlast its task, and then nobody gives it up: so it holds no more than itself.
        if this.large && this.size_hint().upper().is_some_and(|left| left < (SEND_BUFFER + PIECE) as u64) {
            bytes = Bytes::copy_from_slice(&bytes);
        }
        let _ = OFFER.try_with(|offer| offer.made(bytes.len(), this.content.until()));
        this.underway.progressed();
        Poll::Ready(Some(Ok(Frame::data(Piece { bytes, underway: this.underway.again() }))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.content.size_hint());
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower().saturating_add(rest));
        if let Some(upper) = hint.upper().and_then(|upper| upper.checked_add(rest)) {
            whole.set_upper(upper);
        }
        whole
    }
}

/// Some of an answer in the hands of h2. Its connection is at work until it has left them.
pub(in crate::proxy) struct Piece {
    bytes: Bytes,
    underway: Counting,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.underway.progressed();
    }
}
