//! Sockets first: an address that is taken is known before anything else starts.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::sync::watch;

use super::serve::{self, ServeError, ServerHandle};
use super::{Handler, ListenerConfig};

/// Connections that the kernel holds until a thread takes them.
pub(super) const BACKLOG: i32 = 1024;

/// Makes listeners.
#[derive(Debug)]
pub struct Listeners;

/// An address that cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {addr}: {}", self.why())]
pub struct BindError {
    /// The address as configured.
    pub addr: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

impl BindError {
    fn why(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                "another process listens there; stop it, or choose another port for this listener (port 0 takes a free one)"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address; choose one of its own, or 0.0.0.0 or [::] for all of them"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); grant it, or choose a higher port"
            }
            _ => "the system refuses",
        }
    }
}

impl Listeners {
    /// Takes the address, once per thread. Nothing is accepted yet, but the kernel queues connections from now on.
    ///
    /// # Errors
    /// If the address is taken, not this machine's, or not permitted.
    pub fn bind(config: &ListenerConfig) -> Result<Bound, BindError> {
        let threads =
            config.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZeroUsize::get));
        let fault = |source| BindError { addr: config.addr, source };
        let mut addr = config.addr;
        if addr.port() != 0 {
            // `SO_REUSEPORT` would let a second gateway of the same user share the port in silence: look first.
            socket(addr, false).map_err(fault)?;
        }
        let mut sockets = Vec::new();
        for _ in 0..threads.max(1) {
            let socket = socket(addr, true)
                .and_then(|socket| socket.listen(BACKLOG).map(|()| socket))
                .map_err(fault)?;
            let socket = std::net::TcpListener::from(socket);
            // The first one chooses where port 0 was asked for; the kernel never chooses a shared port.
            addr = socket.local_addr().map_err(fault)?;
            sockets.push(socket);
        }
        Ok(Bound { config: config.clone(), addr, sockets })
    }
}

/// Sockets that are bound and not yet served.
#[derive(Debug)]
pub struct Bound {
    config: ListenerConfig,
    addr: SocketAddr,
    sockets: Vec<std::net::TcpListener>,
}

impl Bound {
    /// Address and port, also where port 0 was asked for.
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves on threads of its own. `factory` is called once on each, inside its runtime, with the thread's number.
    ///
    /// When `shutdown` becomes true, or its sender is gone, the listener drains: what has connected is still accepted,
    /// exchanges end, connections close, each within its time ([`super::Timers`]).
    ///
    /// # Errors
    /// If threads cannot be started.
    pub fn serve<H: Handler>(
        self,
        factory: impl Fn(usize) -> H + Send + Sync + 'static,
        shutdown: watch::Receiver<bool>,
    ) -> Result<ServerHandle, ServeError> {
        serve::start(self.config, self.addr, self.sockets, Arc::new(factory), shutdown)
    }
}

fn socket(addr: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}
