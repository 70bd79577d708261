//! The threads of a listener: accepting, and the order of a drain.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::bind::BACKLOG;
use super::caps::Caps;
use super::connection::Thread;
use super::drain::Stage;
use super::{Handler, ListenerConfig};

/// How long accepting rests when the system has no descriptors or memory for a connection.
const RESPITE: Duration = Duration::from_millis(50);

/// Why a listener does not serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The system gives no thread, or a thread no runtime.
    #[error("a thread of the listener on {addr} cannot start")]
    Start {
        /// The listener.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A defect: a thread ended before its time.
    #[error("a thread of the listener on {0} ended unexpectedly")]
    Died(SocketAddr),
}

/// What became of the last exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections whose exchanges were cut off because they did not end in time.
    pub cut_off: usize,
}

/// A listener that serves.
#[derive(Debug)]
pub struct ServerHandle {
    addr: SocketAddr,
    threads: Vec<JoinHandle<Drained>>,
    caps: Arc<Caps>,
}

impl ServerHandle {
    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections that stand now.
    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.caps.open()
    }

    /// Connections that stand now, for whoever looks now and then, also after the handle is gone.
    pub fn counter(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let caps = Arc::clone(&self.caps);
        move || caps.open()
    }

    /// Waits until the listener has drained, which begins when its `shutdown` becomes true. Blocks the thread.
    ///
    /// # Errors
    /// If a thread died.
    pub fn join(self) -> Result<Drained, ServeError> {
        let Self { addr, threads, .. } = self;
        threads.into_iter().try_fold(Drained::default(), |sum, thread| {
            let Drained { cut_off } = thread.join().map_err(|_| ServeError::Died(addr))?;
            Ok(Drained { cut_off: sum.cut_off + cut_off })
        })
    }
}

pub(super) fn start<H: Handler, F: Fn(usize) -> H + Send + Sync + 'static>(
    config: ListenerConfig,
    addr: SocketAddr,
    sockets: Vec<std::net::TcpListener>,
    factory: Arc<F>,
    shutdown: watch::Receiver<bool>,
) -> Result<ServerHandle, ServeError> {
    let caps = Caps::new(&config.limits, config.trusted.clone());
    let fault = |source| ServeError::Start { addr, source };
    let mut threads = Vec::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        let (started, starting) = sync_channel(1);
        let listener =
            Listener { config: config.clone(), socket, caps: Arc::clone(&caps), shutdown: shutdown.clone() };
        let factory = Arc::clone(&factory);
        let thread = thread::Builder::new()
            .name(format!("proxy-{number}"))
            .spawn(move || listener.run(&started, || factory(number)))
            .map_err(fault)?;
        starting.recv().map_err(|_| ServeError::Died(addr))?.map_err(fault)?;
        threads.push(thread);
    }
    Ok(ServerHandle { addr, threads, caps })
}

/// One thread's share of a listener.
struct Listener {
    config: ListenerConfig,
    socket: std::net::TcpListener,
    caps: Arc<Caps>,
    shutdown: watch::Receiver<bool>,
}

impl Listener {
    fn run<H: Handler>(self, started: &SyncSender<io::Result<()>>, make: impl FnOnce() -> H) -> Drained {
        let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => {
                // Nobody hears it only if `start` is gone, and then nobody waits.
                let _ = started.send(Err(error));
                return Drained::default();
            }
        };
        let drained = runtime.block_on(self.serve(started, make));
        end(runtime);
        drained
    }

    async fn serve<H: Handler>(
        mut self,
        started: &SyncSender<io::Result<()>>,
        make: impl FnOnce() -> H,
    ) -> Drained {
        let listener = match TcpListener::from_std(self.socket) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = started.send(Err(error));
                return Drained::default();
            }
        };
        let thread = Thread::new(make(), &self.config);
        let _ = started.send(Ok(()));

        let mut draining = pin!(self.shutdown.wait_for(|down| *down));
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut draining => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => welcome(&thread, &self.caps, tcp, peer),
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        warn!(%error, "no connection can be accepted");
                        tokio::select! {
                            biased;
                            _ = &mut draining => break,
                            () = sleep(RESPITE) => {}
                        }
                    }
                }
            }
        }
        // Whoever has connected is in the kernel's queue, and closing the listener would reset them. The system is asked
        // itself, since the runtime knows only what it last heard.
        if let Ok(listener) = listener.into_std() {
            for (tcp, peer) in queued(|| listener.accept()) {
                if let Ok(tcp) = tcp.set_nonblocking(true).and_then(|()| TcpStream::from_std(tcp)) {
                    welcome(&thread, &self.caps, tcp, peer);
                }
            }
        }
        drain(&thread, &self.config).await
    }
}

/// Those who wait in the kernel's queue: no more than it holds, or who goes on connecting would keep a drain from beginning.
/// Where one of them has left, the next is taken.
fn queued<T>(mut accept: impl FnMut() -> io::Result<T>) -> impl Iterator<Item = T> {
    // The kernel lets one more in than it is told.
    (0..=BACKLOG)
        .map(move |_| accept())
        .take_while(|accepted| accepted.as_ref().err().is_none_or(is_of_one_connection))
        .filter_map(Result::ok)
}

/// Gives a connection its place and its task, or closes it.
fn welcome<H: Handler>(thread: &Rc<Thread<H>>, caps: &Arc<Caps>, tcp: TcpStream, peer: SocketAddr) {
    match caps.place(peer.ip()) {
        Some(place) => thread.spawn(tcp, peer, place),
        None => debug!("a connection was closed, there are too many"),
    }
}

/// Requests on their way are waited for, then exchanges are, then what is left is cut off.
async fn drain<H: Handler>(thread: &Thread<H>, config: &ListenerConfig) -> Drained {
    let all = async {
        thread.drain.enter(Stage::Lingering);
        if timeout(config.timers.linger, thread.drain.empty()).await.is_err() {
            thread.drain.enter(Stage::Closing);
            thread.drain.empty().await;
        }
        thread.handler.settled().await;
    };
    match timeout(config.timers.drain, all).await {
        Ok(()) => Drained::default(),
        Err(_) => Drained { cut_off: thread.drain.busy() },
    }
}

/// True for what happened to one caller, false for what the system lacks.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Ends a runtime without waiting for look-ups of names that block.
fn end(runtime: LocalRuntime) {
    runtime.shutdown_timeout(Duration::from_millis(100));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_queue_all_are_taken_but_those_who_left() {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, WouldBlock};
        let mut queue = vec![Ok(1), Err(ConnectionAborted), Ok(2), Err(ConnectionReset), Ok(3)].into_iter();
        let taken = queued(|| queue.next().unwrap_or(Err(WouldBlock)).map_err(io::Error::from));
        assert_eq!(taken.collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn what_the_system_lacks_ends_the_queue() {
        let mut asked = 0;
        let taken = queued(|| {
            asked += 1;
            // EMFILE: it would not have one for the next either.
            if asked == 2 { Err(io::Error::from_raw_os_error(24)) } else { Ok(asked) }
        });
        assert_eq!(taken.collect::<Vec<_>>(), [1]);
        assert_eq!(asked, 2);
    }

    #[test]
    fn who_goes_on_connecting_does_not_keep_a_drain_from_beginning() {
        assert_eq!(queued(|| Ok(())).count(), 1025);
        assert_eq!(queued(|| Err::<(), _>(io::ErrorKind::ConnectionAborted.into())).count(), 0);
    }
}
