//! HTTP/2 towards callers, as hyper speaks it.

mod answer;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tracing::debug;

use super::connection::{Counting, Exchanges, Thread};
use super::drain::Stage;
use super::meter::{Meter, Watchdog};
use super::stream::Transport;
use super::{Handler, Limits, Timers};
use crate::net::Content;
use answer::Counted;

/// What a stream may have in memory unread, and its connection for each: a body that its upstream does not take keeps no other
/// from coming.
const STREAM_WINDOW: u32 = 64 * 1024;
/// What h2 may hold of an answer that does not leave, where it has room for none of the last piece.
const SEND_BUFFER: usize = 64 * 1024;

/// What speaks HTTP/2 on every connection of a thread.
pub(super) fn speaker(limits: &Limits, timers: &Timers) -> http2::Builder<Local> {
    // A little longer than a connection has: one on which nothing moves is ended, and not its answers one by one.
    let mut http2 = http2::Builder::new(Local { stalled: timers.stalled + timers.stalled / 8 });
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_pending_accept_reset_streams(limits.resets)
        .max_local_error_reset_streams(limits.resets)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(limits.streams.saturating_mul(STREAM_WINDOW).min(i32::MAX as u32))
        .max_send_buf_size(SEND_BUFFER);
    http2
}

impl<H: Handler> Thread<H> {
    /// Serves a connection to its end.
    pub(super) async fn http2(&self, transport: Transport, exchanges: Exchanges<H>, meter: &Rc<Meter>) {
        let connection = self.http2.serve_connection(TokioIo::new(transport), exchanges);
        let mut connection = pin!(connection);
        let mut watchdog = Watchdog::new(self.timers, true);
        let mut told = false;
        let in_time = poll_fn(|cx| {
            // Before the first request hyper would close at once, and that request may be on its way.
            let stage = self.drain.stage();
            if !told && (stage == Stage::Closing || stage == Stage::Lingering && !meter.is_new()) {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            match connection.as_mut().poll(cx) {
                Poll::Ready(_) => Poll::Ready(true),
                Poll::Pending => watchdog.poll(meter, cx).map(|()| false),
            }
        });
        if !in_time.await {
            debug!("a connection was too slow");
        }
    }
}

/// Spawns exchanges on the thread that they came to.
#[derive(Clone, Copy)]
pub(super) struct Local {
    /// How long an answer may wait for its caller.
    stalled: Duration,
}

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, exchange: F) {
        tokio::task::spawn_local(answer::in_time(self.stalled, exchange));
    }
}

impl<H: Handler> Service<Request<Incoming>> for Exchanges<H> {
    type Response = Response<Counted>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let exchanges = self.clone();
        let at_work = Counting::new(self.meter(), Meter::handling);
        let headless = request.method() == Method::HEAD;
        Box::pin(async move {
            let request = request
                .map(|body| if body.is_end_stream() { Content::empty() } else { Content::stream(body) });
            let mut response = exchanges.answer(request).await;
            if headless {
                without_body(&mut response);
            }
            let response = response.map(|content| Counted::new(content, exchanges.meter()));
            drop(at_work);
            Ok(response)
        })
    }
}

/// RFC 9110 section 9.3.2: the length that a GET would have had, and no byte of it. A body behind the answer to HEAD is a
/// violation, for which a client drops the answer.
fn without_body(response: &mut Response<Content>) {
    if let Some(length) = response.body().told_length() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    *response.body_mut() = Content::empty();
}
