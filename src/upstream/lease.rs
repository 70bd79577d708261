//! One connection in the hands of one exchange.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::pool::Pool;
use super::{Deadline, UpstreamError};
use crate::net::dial::Stream;

/// A connection that nobody else uses.
pub(super) struct Lease {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Stream>, Full<Bytes>>,
    /// The connection's future has returned; it must not be polled again.
    ended: bool,
    pool: Pool,
}

/// What became of a request.
pub(super) enum Sent {
    Answered(Response<Incoming>),
    /// Not a byte of it was written.
    Unsent(Request<Full<Bytes>>),
    /// The gate did not let it go; not a byte was written.
    Held,
    Failed(UpstreamError),
}

impl Lease {
    pub(super) fn new(
        sender: SendRequest<Full<Bytes>>,
        connection: Connection<TokioIo<Stream>, Full<Bytes>>,
        pool: Pool,
    ) -> Self {
        Self { sender, connection, ended: false, pool }
    }

    /// Lets the connection work for whoever is behind `cx`.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        // Why it ended is told by the response or the body, whichever was under way.
        if !self.ended && Pin::new(&mut self.connection).poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// True if the connection can carry another request: it is open, idle, and nothing unread is on it.
    pub(super) fn is_fresh(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.ended && self.sender.is_ready()
    }

    /// Sends a request and awaits the head of its answer. `gate` is asked when the connection is ready, and what it gives
    /// is held until the request has been handed to the socket.
    pub(super) async fn exchange<G>(
        &mut self,
        request: Request<Full<Bytes>>,
        gate: &impl Fn() -> Option<G>,
        clock: &mut Deadline,
    ) -> Sent {
        // A new connection says that it is ready only once it has been polled.
        let ready = poll_fn(|cx| {
            self.drive(cx);
            match self.sender.poll_ready(cx) {
                Poll::Pending if self.ended => Poll::Ready(false),
                Poll::Pending => clock.sleep.as_mut().poll(cx).map(|()| false),
                Poll::Ready(ready) => Poll::Ready(ready.is_ok()),
            }
        });
        if !ready.await {
            return Sent::Unsent(request);
        }
        let mut leave = gate();
        if leave.is_none() {
            return Sent::Held;
        }
        let mut response = Box::pin(self.sender.try_send_request(request));
        poll_fn(|cx| {
            if !self.ended && Pin::new(&mut self.connection).poll(cx).is_ready() {
                self.ended = true;
            }
            // The first poll writes what the socket takes; from here on the request counts as forwarded.
            leave = None;
            match response.as_mut().poll(cx) {
                Poll::Ready(Ok(response)) => Poll::Ready(Sent::Answered(response)),
                Poll::Ready(Err(mut error)) => Poll::Ready(match error.take_message() {
                    Some(request) => Sent::Unsent(request),
                    None => Sent::Failed(UpstreamError::Broken(error.into_error().into())),
                }),
                Poll::Pending => {
                    let total = clock.total;
                    clock.sleep.as_mut().poll(cx).map(|()| Sent::Failed(UpstreamError::TimedOut(total)))
                }
            }
        })
        .await
    }

    /// Puts the connection back if it can be used again; else it is closed.
    pub(super) fn end(mut self) {
        if self.is_fresh() {
            let pool = self.pool.clone();
            pool.put(self);
        }
    }
}
