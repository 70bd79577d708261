//! Who comes in to the administration: how many at once, and for how long. One exchange a connection, so that nobody stays
//! who asks for nothing.
//!
//! INVARIANT: whoever has shown no token keeps nobody out by staying. Where all places are taken, a stranger makes room, from
//! the address that has most of them the one who came first; and nobody stays longer than [`Patience`] says, whatever they
//! send or do not take.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::{Body as _, Incoming};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::Access;
use super::acts::Peer;
use crate::telemetry::Causes;

/// Connections at once.
const CONNECTIONS: usize = 64;
/// What of a request may be in memory at once, its head among it.
const BUFFER: usize = 32 * 1024;

/// How long the administration waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the TLS handshake.
    handshake: Duration,
    /// For the head of the request.
    head: Duration,
    /// For everything, the handshake and the taking of the answer too, with whoever has shown no token.
    stranger: Duration,
    /// For the answer to whoever has shown one: a large audit takes long to verify.
    exchange: Duration,
    /// For them to take it.
    taken: Duration,
    /// How many bytes of it whoever has shown a token must take in each second beyond that: what is kept of a person may be large.
    pace: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(10),
            stranger: Duration::from_secs(20),
            exchange: Duration::from_hours(24),
            taken: Duration::from_secs(30),
            pace: 128 * 1024,
        }
    }
}

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

/// How long somebody may stay, and whether they have shown a token.
#[derive(Clone, Copy, Debug)]
struct Stay {
    known: bool,
    until: Instant,
}

/// Somebody who is inside.
struct Guest {
    from: Option<IpAddr>,
    stay: watch::Receiver<Stay>,
    task: AbortHandle,
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
    fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Socket(_) => None,
            Self::Tls(stream, _) => stream.peer_addr().ok().map(|peer| peer.ip()),
        }
    }

    async fn serve(self, desk: &Desk, stay: watch::Sender<Stay>) {
        let stream = match self {
            Self::Socket(stream) => {
                let peer = Peer::Socket(stream.peer_cred().ok().map(|theirs| theirs.uid()));
                return connection(stream, peer, desk, stay).await;
            }
            Self::Tls(stream, acceptor) => {
                tokio::time::timeout(desk.patience.handshake, acceptor.accept(stream)).await
            }
        };
        if let Ok(Ok(stream)) = stream {
            connection(stream, Peer::Tls, desk, stay).await;
        }
    }
}

/// What everybody who comes in is led to.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) router: Router,
    pub(super) access: Arc<Access>,
    pub(super) patience: Patience,
}

/// Lets in whoever comes, until `stop` changes.
pub(super) async fn accept(door: Door, desk: Desk, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut inside: VecDeque<Guest> = VecDeque::new();
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
        inside.retain(|guest| !guest.task.is_finished());
        if room.available_permits() == 0 {
            make_room(&mut inside);
        }
        let place = tokio::select! {
            place = Arc::clone(&room).acquire_owned() => place,
            _ = stop.changed() => return,
        };
        let Ok(place) = place else { return };
        let until = Instant::now() + desk.patience.stranger;
        let (stay, watched) = watch::channel(Stay { known: false, until });
        let (desk, from) = (desk.clone(), caller.address());
        let task = tokio::spawn(async move {
            caller.serve(&desk, stay).await;
            drop(place);
        });
        inside.push_back(Guest { from, stay: watched, task: task.abort_handle() });
    }
}

/// Sends a stranger away: of those from the address that has most, who has been there longest. Where all have shown a token, the
/// next waits for one of them to end.
fn make_room(inside: &mut VecDeque<Guest>) {
    let is_stranger = |guest: &&Guest| !guest.stay.borrow().known;
    let places = |from| inside.iter().filter(is_stranger).filter(|guest| guest.from == from).count();
    let most = inside.iter().filter(is_stranger).map(|guest| places(guest.from)).max();
    let first = inside.iter().position(|guest| is_stranger(&guest) && Some(places(guest.from)) == most);
    if let Some(guest) = first.and_then(|at| inside.remove(at)) {
        guest.task.abort();
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    desk: &Desk,
    stay: watch::Sender<Stay>,
) {
    let Patience { head, exchange, taken, pace, .. } = desk.patience;
    let mut staying = stay.subscribe();
    let router = TowerToHyperService::new(desk.router.clone());
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        if desk.access.knows(request.headers()) {
            stay.send_replace(Stay { known: true, until: Instant::now() + exchange });
        }
        let answer = router.call(request);
        async {
            let answer = answer.await;
            let size = answer.as_ref().map_or(0, |answer| answer.body().size_hint().lower());
            stay.send_modify(|stay| {
                let large = if stay.known { Duration::from_secs(size / pace) } else { Duration::ZERO };
                stay.until = stay.until.min(Instant::now() + taken + large);
            });
            answer
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    loop {
        let until = staying.borrow_and_update().until;
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(cause = %Causes(&error), "administration connection");
                }
                return;
            }
            () = tokio::time::sleep_until(until) => {
                tracing::debug!("an administration connection took too long");
                return;
            }
            // Where the sender is gone, the connection is over, and says so itself.
            Ok(()) = staying.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::routing::get;
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::admin::{Grant, Role, new_token};

    const TOO_LONG: Duration = Duration::from_secs(20);

    /// A door to a desk with an answer at `/`, a large one at `/large`, and one that never comes at `/slow`; whoever has the
    /// token is known.
    struct House {
        folder: TempDir,
        token: String,
        stop: watch::Sender<bool>,
    }

    impl House {
        fn open(patience: Patience) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (token, hash) = new_token();
            let grant = Grant { name: "ops".into(), role: Role::Operator, hash };
            let router = Router::new()
                .route("/", get(async || "here"))
                .route("/large", get(async || vec![b'x'; 64 << 20]))
                .route("/slow", get(std::future::pending::<StatusCode>));
            let desk = Desk { router, access: Arc::new(Access::Tokens(vec![grant])), patience };
            let listener = UnixListener::bind(folder.path().join("door")).unwrap();
            let (stop, stopped) = watch::channel(false);
            tokio::spawn(accept(Door::Socket(listener), desk, stopped));
            Self { folder, token: token.to_string(), stop }
        }

        /// Somebody inside who has sent this.
        async fn caller(&self, sends: &str) -> UnixStream {
            let mut stream = UnixStream::connect(self.folder.path().join("door")).await.unwrap();
            stream.write_all(sends.as_bytes()).await.unwrap();
            stream
        }

        fn asks(&self, path: &str) -> String {
            format!("GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n\r\n", self.token)
        }
    }

    /// What is answered until the other side hangs up.
    async fn answered(mut stream: UnixStream) -> String {
        let mut answer = Vec::new();
        let read = tokio::time::timeout(TOO_LONG, stream.read_to_end(&mut answer)).await;
        drop(read.expect("nobody hung up"));
        String::from_utf8(answer).unwrap()
    }

    const STRANGER: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    #[tokio::test]
    async fn strangers_make_room_for_whoever_comes() {
        // Nobody leaves by themselves.
        let long = Duration::from_hours(1);
        let house = House::open(Patience { head: long, stranger: long, ..Patience::default() });
        let mut idle = Vec::new();
        for sends in ["", "GET / HT", "GET /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{"] {
            for _ in 0..CONNECTIONS {
                idle.push(house.caller(sends).await);
            }
            let known = answered(house.caller(&house.asks("/")).await).await;
            assert!(known.ends_with("here"), "{known}");
            let stranger = answered(house.caller(STRANGER).await).await;
            assert!(stranger.ends_with("here"), "{stranger}");
        }
        drop(idle);
    }

    #[tokio::test]
    async fn who_has_shown_a_token_is_not_sent_away_for_others() {
        let house = House::open(Patience::default());
        let mut slow = house.caller(&house.asks("/slow")).await;
        let mut others = Vec::new();
        for _ in 0..CONNECTIONS + 10 {
            others.push(house.caller("").await);
        }
        let stranger = answered(house.caller(STRANGER).await).await;
        assert!(stranger.ends_with("here"), "{stranger}");
        let mut byte = [0];
        let waited = tokio::time::timeout(Duration::from_millis(50), slow.read(&mut byte)).await;
        assert!(waited.is_err(), "{waited:?}");
    }

    #[tokio::test]
    async fn a_connection_carries_one_exchange() {
        let house = House::open(Patience::default());
        let twice = house.asks("/").repeat(2);
        let answer = answered(house.caller(&twice).await).await;
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }

    #[tokio::test]
    async fn nobody_stays_longer_than_they_may() {
        let short = Duration::from_millis(200);
        let patience = Patience { stranger: short, exchange: short, taken: short, ..Patience::default() };
        let house = House::open(patience);
        let slow = "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n";
        for sends in ["", "GET / HT", slow, &house.asks("/slow")] {
            assert_eq!(answered(house.caller(sends).await).await, "", "{sends}");
        }
        // Answers that are not taken: the other side hangs up in the middle of them.
        let patient = Patience { taken: short, pace: u64::MAX, ..Patience::default() };
        let house = House::open(patient);
        let stream = house.caller(&house.asks("/large")).await;
        let began = Instant::now();
        while stream.ready(tokio::io::Interest::WRITABLE).await.is_ok_and(|ready| !ready.is_write_closed()) {
            assert!(began.elapsed() < TOO_LONG, "the answer waits for ever");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(answered(stream).await.len() < 64 << 20);
        drop(house.stop);
        // Whoever has shown a token has time for a large one.
        let house = House::open(Patience { taken: short, ..Patience::default() });
        let stream = house.caller(&house.asks("/large")).await;
        tokio::time::sleep(3 * short).await;
        assert!(answered(stream).await.len() > 64 << 20);
    }
}
