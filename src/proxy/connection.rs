//! One connection from its handshake to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::caps::Place;
use super::door;
use super::drain::{Drain, Stage};
use super::meter::{Meter, Watchdog};
use super::stream::{Metered, Transport};
use super::{Handler, Limits, ListenerConfig, Timers};
use crate::net::{BodyError, ConnectionInfo, Protocol, ResponseBody, TlsInfo};

/// The most that HTTP/1.1 reads at once; a buffer grows to it only where that much comes.
const READ_BUFFER: usize = 128 * 1024;

/// Fields that hyper takes in a head if it is not told otherwise.
const HYPERS_FIELDS: usize = 100;

/// HTTP/2 windows: what a connection may have in memory unread.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
const SEND_BUFFER: usize = 256 * 1024;

/// What all connections of a thread share.
pub(super) struct Thread<H> {
    pub(super) handler: Rc<H>,
    pub(super) drain: Rc<Drain>,
    acceptor: Option<TlsAcceptor>,
    pub(super) timers: Timers,
    pub(super) limits: Limits,
    pub(super) http1: http1::Builder,
    http2: http2::Builder<Local>,
}

impl<H: Handler> Thread<H> {
    pub(super) fn new(handler: H, config: &ListenerConfig) -> Rc<Self> {
        let Limits { head_bytes, head_fields, streams, resets, .. } = config.limits;
        let mut http1 = http1::Builder::new();
        // The watchdog bounds heads and idle time; hyper's own timer cannot tell one from the other.
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_header_size(head_bytes)
            .max_buf_size(head_bytes.max(READ_BUFFER));
        // Told its own number, hyper makes room for a head's fields on the heap, and moves it, with every head.
        if head_fields != HYPERS_FIELDS {
            http1.max_headers(head_fields);
        }
        let mut http2 = http2::Builder::new(Local);
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams)
            .max_pending_accept_reset_streams(resets)
            .max_local_error_reset_streams(resets)
            .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER);
        Rc::new(Self {
            handler: Rc::new(handler),
            drain: Drain::new(),
            acceptor: config.tls.clone().map(TlsAcceptor::from),
            timers: config.timers,
            limits: config.limits,
            http1,
            http2,
        })
    }

    /// Serves a connection to its end on a task of its own. `place` is held until then.
    pub(super) fn spawn(self: &Rc<Self>, tcp: TcpStream, peer: SocketAddr, place: Place) {
        let thread = Rc::clone(self);
        let meter = Rc::new(Meter::new());
        let served = self.drain.add(Rc::clone(&meter));
        tokio::task::spawn_local(async move {
            let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            served.wake_by(waker);
            thread.serve(tcp, peer, meter).await;
            drop((served, place));
        });
    }

    async fn serve(&self, tcp: TcpStream, peer: SocketAddr, meter: Rc<Meter>) {
        let Ok(local) = tcp.local_addr() else { return };
        if tcp.set_nodelay(true).is_err() {
            return;
        }
        // Boxed, as what is done only at the beginning or by some: room is set aside for as long as the connection stands.
        let shaken = Box::pin(self.shake_hands(tcp, &meter)).await;
        let Some((transport, protocol, tls)) = shaken else { return };
        meter.shaken();
        let exchanges = Exchanges {
            handler: Rc::clone(&self.handler),
            drain: Rc::clone(&self.drain),
            meter: Rc::clone(&meter),
            fields: self.limits.head_fields,
            info: Arc::new(ConnectionInfo { peer, local, protocol, tls }),
        };
        match protocol {
            Protocol::Http1 => self.http1(transport, exchanges, &meter).await,
            Protocol::Http2 => Box::pin(self.http2(transport, exchanges, &meter)).await,
        }
    }

    async fn shake_hands(
        &self,
        tcp: TcpStream,
        meter: &Rc<Meter>,
    ) -> Option<(Transport, Protocol, Option<TlsInfo>)> {
        let tcp = Metered { tcp, meter: Rc::clone(meter) };
        let Some(acceptor) = &self.acceptor else {
            return Some((Transport::Plain(tcp), Protocol::Http1, None));
        };
        let tls = match timeout(self.timers.handshake, acceptor.accept(tcp)).await {
            Ok(Ok(tls)) => tls,
            Ok(Err(error)) => {
                debug!(%error, "a TLS handshake failed");
                return None;
            }
            Err(_) => {
                debug!("a TLS handshake took too long");
                return None;
            }
        };
        let (_, agreed) = tls.get_ref();
        // Without an agreement on the protocol, or with another one, it is HTTP/1.1, and the gate sees to it.
        let protocol = if agreed.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 };
        let info = TlsInfo {
            version: agreed.protocol_version()?,
            server_name: agreed.server_name().map(Into::into),
        };
        Some((Transport::Tls(Box::new(tls)), protocol, Some(info)))
    }

    async fn http2(&self, transport: Transport, exchanges: Exchanges<H>, meter: &Rc<Meter>) {
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
                Poll::Pending => watchdog.poll(meter, None, cx).map(|_| false),
            }
        });
        if !in_time.await {
            debug!("a connection was too slow");
        }
    }
}

/// Spawns HTTP/2's streams on the thread that they came to.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// The exchanges of one connection.
pub(super) struct Exchanges<H> {
    handler: Rc<H>,
    drain: Rc<Drain>,
    meter: Rc<Meter>,
    fields: usize,
    info: Arc<ConnectionInfo>,
}

impl<H: Handler> Service<Request<Incoming>> for Exchanges<H> {
    type Response = Response<Counted>;
    type Error = Infallible;
    // Boxed: a connection that waits has no room set aside for a handler's state.
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let handler = Rc::clone(&self.handler);
        let drain = Rc::clone(&self.drain);
        let info = Arc::clone(&self.info);
        let passed = door::pass(&mut request, info.tls.is_some(), self.fields);
        let at_work = Counting::new(&self.meter, Meter::handling);
        // In HTTP/1.1 hyper sees to it itself.
        let headless = info.protocol == Protocol::Http2 && request.method() == Method::HEAD;
        Box::pin(async move {
            let mut response = match passed {
                Ok(()) => handler.handle(request, &info).await,
                Err(rejection) => {
                    debug!(%rejection, "a request was refused at the door");
                    handler.refuse(rejection)
                }
            };
            if info.protocol == Protocol::Http1 && drain.stage() != Stage::Serving {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            if headless {
                without_body(&mut response);
            }
            let underway = Counting::new(&at_work.meter, Meter::answering);
            Ok(response.map(|body| Counted { body, underway }))
        })
    }
}

/// RFC 9110 section 9.3.2: the length that a GET would have had, and no byte of it. In HTTP/2 a body behind the answer to
/// HEAD is a violation, for which a client drops the answer.
fn without_body(response: &mut Response<ResponseBody>) {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    *response.body_mut() = ResponseBody::empty();
}

/// One more, until it is dropped.
struct Counting {
    meter: Rc<Meter>,
    change: fn(&Meter, isize),
}

impl Counting {
    fn new(meter: &Rc<Meter>, change: fn(&Meter, isize)) -> Self {
        change(meter, 1);
        Self { meter: Rc::clone(meter), change }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        (self.change)(&self.meter, -1);
    }
}

/// An answer's body that tells the meter how it gets on.
pub(super) struct Counted {
    body: ResponseBody,
    underway: Counting,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if polled.is_ready() {
            this.underway.meter.progressed();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
