//! One connection from its handshake to its end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use http::{Request, Response};
use hyper::server::conn::http2;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::caps::Place;
use super::door;
use super::drain::Drain;
use super::http1::{self, Desk, Room};
use super::http2::{Local, speaker};
use super::meter::Meter;
use super::stream::{Metered, Transport};
use super::{Handler, Limits, ListenerConfig, Timers};
use crate::clock::Clock;
use crate::net::{ConnectionInfo, Content, Protocol, TlsInfo};
use crate::problem::Rejection;

/// What all connections of a thread share.
pub(super) struct Thread<H> {
    pub(super) handler: Rc<H>,
    pub(super) drain: Rc<Drain>,
    acceptor: Option<TlsAcceptor>,
    pub(super) timers: Timers,
    pub(super) limits: Limits,
    pub(super) room: Room,
    pub(super) desk: Desk,
    pub(super) http2: http2::Builder<Local>,
}

impl<H: Handler> Thread<H> {
    pub(super) fn new(handler: H, config: &ListenerConfig) -> Rc<Self> {
        Rc::new(Self {
            handler: Rc::new(handler),
            drain: Drain::new(),
            acceptor: config.tls.clone().map(TlsAcceptor::from),
            timers: config.timers,
            limits: config.limits,
            room: http1::room(),
            desk: Desk::new(Clock::system()),
            http2: speaker(&config.limits, &config.timers),
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
        // Without an agreement on the protocol, or with another one, it is HTTP/1.1, whose reader refuses what is none.
        let protocol = if agreed.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 };
        let info = TlsInfo {
            version: agreed.protocol_version()?,
            server_name: agreed.server_name().map(Into::into),
        };
        Some((Transport::Tls(Box::new(tls)), protocol, Some(info)))
    }
}

/// The exchanges of one connection.
pub(super) struct Exchanges<H> {
    handler: Rc<H>,
    meter: Rc<Meter>,
    fields: usize,
    info: Arc<ConnectionInfo>,
}

impl<H> Clone for Exchanges<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Rc::clone(&self.handler),
            meter: Rc::clone(&self.meter),
            fields: self.fields,
            info: Arc::clone(&self.info),
        }
    }
}

impl<H: Handler> Exchanges<H> {
    /// Answers a request, once the door lets it pass.
    pub(super) async fn answer(&self, mut request: Request<Content>) -> Response<Content> {
        match door::pass(&mut request, self.info.tls.is_some(), self.fields) {
            Ok(()) => self.handler.handle(request, &self.info).await,
            Err(rejection) => {
                debug!(%rejection, "a request was refused at the door");
                self.handler.refuse(rejection)
            }
        }
    }

    /// Refuses what is no request.
    pub(super) fn refuse(&self, rejection: Rejection) -> Response<Content> {
        self.handler.refuse(rejection)
    }

    pub(super) const fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }
}

/// One more, until it is dropped.
pub(super) struct Counting {
    meter: Rc<Meter>,
    change: fn(&Meter, isize),
}

impl Counting {
    pub(super) fn new(meter: &Rc<Meter>, change: fn(&Meter, isize)) -> Self {
        change(meter, 1);
        Self { meter: Rc::clone(meter), change }
    }

    /// One more of the same.
    pub(super) fn again(&self) -> Self {
        Self::new(&self.meter, self.change)
    }

    /// An exchange got further.
    pub(super) fn progressed(&self) {
        self.meter.progressed();
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        (self.change)(&self.meter, -1);
    }
}
