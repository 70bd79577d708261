//! An answer's body, which keeps its connection alive and bounded in time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::lease::Lease;
use super::{Deadline, UpstreamError};

/// The body of an upstream's answer. Reading it to its end puts the connection back; dropping it before closes the
/// connection.
pub struct UpstreamBody {
    /// What came with the head.
    ready: Bytes,
    /// That is all there is, and nothing of it has been taken.
    whole: bool,
    lease: Option<Lease>,
    clock: Deadline,
}

impl UpstreamBody {
    pub(super) fn new(mut lease: Lease, clock: Deadline) -> Self {
        let ready = lease.whole().unwrap_or_default();
        let mut body = Self { ready, whole: lease.is_over(), lease: Some(lease), clock };
        body.end_if_over();
        body
    }

    /// The body, where it came with the head: then its connection carries other exchanges already. Else the body comes back.
    ///
    /// # Errors
    /// If some of it is still to come, or has been taken.
    pub fn into_whole(self) -> Result<Bytes, Self> {
        if self.whole { Ok(self.ready) } else { Err(self) }
    }

    /// When the exchange must be over. Who does not ask for the rest does not hear of it from the body, which then holds its
    /// connection for longer.
    pub fn deadline(&self) -> tokio::time::Instant {
        self.clock.at
    }

    /// How it fails where it is not over by then.
    pub const fn late(&self) -> UpstreamError {
        UpstreamError::TimedOut(self.clock.total)
    }

    fn end_if_over(&mut self) {
        if self.lease.as_ref().is_some_and(Lease::is_over)
            && let Some(lease) = self.lease.take()
        {
            lease.end();
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let this = self.get_mut();
        this.whole = false;
        if !this.ready.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.ready)))));
        }
        let Some(lease) = &mut this.lease else { return Poll::Ready(None) };
        let piece = ready!(lease.poll_piece(this.clock, cx));
        if piece.is_err() {
            this.lease = None;
        }
        this.end_if_over();
        Poll::Ready(piece.transpose().map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.lease.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let ready = self.ready.len() as u64;
        match &self.lease {
            None => SizeHint::with_exact(ready),
            Some(lease) => match lease.left() {
                Some(left) => SizeHint::with_exact(ready.saturating_add(left)),
                None => {
                    let mut hint = SizeHint::new();
                    hint.set_lower(ready);
                    hint
                }
            },
        }
    }
}

/// Shows nothing of the body.
impl std::fmt::Debug for UpstreamBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpstreamBody(…)")
    }
}
