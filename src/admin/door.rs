//! Who comes in to the administration: how many at once, and for how long.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// Connections at once.
const CONNECTIONS: usize = 64;
const HANDSHAKE: Duration = Duration::from_secs(5);
const HEAD: Duration = Duration::from_secs(10);

/// Where they come in.
pub(super) enum Door {
    Socket(UnixListener),
    Tls(TcpListener, TlsAcceptor),
}

/// Somebody at the door, perhaps not yet behind TLS.
enum Caller {
    Socket(UnixStream),
    Tls(TcpStream, TlsAcceptor),
}

impl Door {
    async fn next(&self) -> io::Result<Caller> {
        match self {
            Self::Socket(listener) => listener.accept().await.map(|(stream, _)| Caller::Socket(stream)),
            Self::Tls(listener, acceptor) => {
                listener.accept().await.map(|(stream, _)| Caller::Tls(stream, acceptor.clone()))
            }
        }
    }
}

impl Caller {
    async fn serve(self, router: Router) {
        let stream = match self {
            Self::Socket(stream) => return connection(stream, router).await,
            Self::Tls(stream, acceptor) => tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await,
        };
        if let Ok(Ok(stream)) = stream {
            connection(stream, router).await;
        }
    }
}

/// Lets in whoever comes, until `stop` changes.
pub(super) async fn accept(door: Door, router: Router, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let caller = tokio::select! {
            caller = door.next() => caller,
            _ = stop.changed() => return,
        };
        let Ok(caller) = caller else {
            // Out of file descriptors, mostly: looking again at once would find no more of them.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let router = router.clone();
        tokio::spawn(async move {
            caller.serve(router).await;
            drop(place);
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = connection.await {
        tracing::debug!(cause = %error, "administration connection");
    }
}
