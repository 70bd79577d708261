//! An answer's body, which keeps its connection alive and bounded in time.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::lease::Lease;
use super::{Deadline, UpstreamError};

/// The body of an upstream's answer. Reading it to its end puts the connection back; dropping it before closes the
/// connection.
pub struct UpstreamBody {
    incoming: Incoming,
    lease: Option<Lease>,
    clock: Deadline,
}

impl UpstreamBody {
    pub(super) fn new(incoming: Incoming, lease: Lease, clock: Deadline) -> Self {
        let mut body = Self { incoming, lease: Some(lease), clock };
        body.end_if_over();
        body
    }

    /// When the exchange must be over, for whoever reads the body by other means.
    pub fn deadline(&self) -> tokio::time::Instant {
        self.clock.sleep.deadline()
    }

    fn end_if_over(&mut self) {
        if self.incoming.is_end_stream()
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
        let mut polled = Pin::new(&mut this.incoming).poll_frame(cx);
        if polled.is_pending() {
            if let Some(lease) = &mut this.lease {
                lease.drive(cx);
            }
            polled = Pin::new(&mut this.incoming).poll_frame(cx);
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.end_if_over();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.lease = None;
                Poll::Ready(Some(Err(UpstreamError::Broken(error.into()))))
            }
            Poll::Ready(None) => {
                if let Some(lease) = this.lease.take() {
                    lease.end();
                }
                Poll::Ready(None)
            }
            Poll::Pending => this.clock.sleep.as_mut().poll(cx).map(|()| {
                this.lease = None;
                Some(Err(UpstreamError::TimedOut(this.clock.total)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Shows nothing of the body.
impl std::fmt::Debug for UpstreamBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpstreamBody(…)")
    }
}
