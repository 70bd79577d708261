//! An API that remembers all that reaches it, and can say what had reached it at a given moment.

use std::future::poll_fn;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::sync::{Notify, watch};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) path: String,
    pub(crate) number: u64,
    /// How many moments had been marked when its first byte was there.
    moment: u64,
}

/// The API, for as long as the test's runtime is there.
#[derive(Clone)]
pub(crate) struct Upstream(Arc<Shared>);

struct Shared {
    listener: TcpListener,
    connections: Mutex<Vec<Arc<Connection>>>,
    saw: Mutex<Vec<Sighting>>,
    moments: AtomicU64,
    held: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

struct Connection {
    stream: TcpStream,
    inbox: Mutex<Inbox>,
    /// Somebody else than the connection's own task has read.
    read: Notify,
}

#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    moment: u64,
    unanswered: Vec<Value>,
    over: bool,
}

impl Upstream {
    /// Serves on a free port of loopback.
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Serves on a listener.
    pub(crate) fn on(listener: TcpListener) -> Self {
        listener.set_nonblocking(true).unwrap();
        let upstream = Self(Arc::new(Shared {
            listener,
            connections: Mutex::default(),
            saw: Mutex::default(),
            moments: AtomicU64::new(0),
            held: watch::Sender::new(false),
            arrived: watch::Sender::new(0),
        }));
        let listener = tokio::net::TcpListener::from_std(upstream.0.listener.try_clone().unwrap()).unwrap();
        let accepting = upstream.clone();
        tokio::spawn(poll_fn(move |cx| {
            // Locked before the system is asked, so that no connection is in nobody's hands when a moment is marked.
            let mut connections = lock(&accepting.0.connections);
            while let Poll::Ready(accepted) = listener.poll_accept(cx) {
                accepting.take(&mut connections, accepted.unwrap().0.into_std().unwrap());
            }
            Poll::<()>::Pending
        }));
        upstream
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.listener.local_addr().unwrap()
    }

    /// All that it saw.
    pub(crate) fn saw(&self) -> Vec<Sighting> {
        self.0.saw.lock().unwrap().clone()
    }

    /// How many requests it saw.
    pub(crate) fn count(&self) -> usize {
        self.0.saw.lock().unwrap().len()
    }

    /// From now on it sees, and does not answer; or answers again.
    pub(crate) fn hold(&self, hold: bool) {
        self.0.held.send_replace(hold);
    }

    /// When so many requests have been seen in all.
    pub(crate) async fn seen(&self, count: usize) {
        self.0.arrived.subscribe().wait_for(|seen| *seen >= count).await.unwrap();
    }

    /// When one to this path has been seen, beyond the first so many in all.
    pub(crate) async fn seen_at(&self, path: &str, after: usize) {
        let came = |_: &usize| self.saw().iter().skip(after).any(|sighting| sighting.path == path);
        self.0.arrived.subscribe().wait_for(came).await.unwrap();
    }

    /// Marks this moment: reads all that the system has received for it so far, so that whatever is read later arrived
    /// later.
    pub(crate) fn mark(&self) -> u64 {
        let mut connections = lock(&self.0.connections);
        while let Ok((stream, _)) = self.0.listener.accept() {
            self.take(&mut connections, stream);
        }
        let all = connections.clone();
        drop(connections);
        for connection in all {
            self.pull(&connection);
            connection.read.notify_one();
        }
        self.0.moments.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// What arrived after a marked moment.
    pub(crate) fn since(&self, moment: u64) -> Vec<Sighting> {
        self.saw().into_iter().filter(|sighting| sighting.moment >= moment).collect()
    }

    fn take(&self, connections: &mut Vec<Arc<Connection>>, stream: TcpStream) {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        let connection = Arc::new(Connection { stream, inbox: Mutex::default(), read: Notify::new() });
        connections.push(Arc::clone(&connection));
        tokio::spawn(self.clone().serve(connection));
    }

    async fn serve(self, connection: Arc<Connection>) {
        let ready = tokio::net::TcpStream::from_std(connection.stream.try_clone().unwrap()).unwrap();
        let mut held = self.0.held.subscribe();
        loop {
            tokio::select! {
                readable = ready.readable() => {
                    readable.unwrap();
                    drop(ready.try_io(Interest::READABLE, || {
                        self.pull(&connection);
                        Err::<(), _>(ErrorKind::WouldBlock.into())
                    }));
                }
                () = connection.read.notified() => {}
            }
            let (answers, over) = {
                let mut inbox = lock(&connection.inbox);
                (std::mem::take(&mut inbox.unanswered), inbox.over)
            };
            for answer in answers {
                held.wait_for(|held| !held).await.unwrap();
                let answer = answer.to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    answer.len()
                );
                // A gateway that was killed does not hear it.
                drop((&connection.stream).write_all((head + &answer).as_bytes()));
            }
            if over {
                lock(&self.0.connections).retain(|other| !Arc::ptr_eq(other, &connection));
                return;
            }
        }
    }

    /// Reads what is there.
    fn pull(&self, connection: &Connection) {
        let mut inbox = lock(&connection.inbox);
        let mut buffer = [0; 16 * 1024];
        loop {
            match (&connection.stream).read(&mut buffer) {
                Ok(0) => inbox.over = true,
                Ok(read) => {
                    if inbox.bytes.is_empty() {
                        inbox.moment = self.0.moments.load(Ordering::SeqCst);
                    }
                    inbox.bytes.extend_from_slice(&buffer[..read]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => inbox.over = true,
            }
            break;
        }
        while let Some((path, body, length)) = request(&inbox.bytes) {
            inbox.bytes.drain(..length);
            let number = body["number"].as_u64().expect("every request is numbered");
            let sighting = Sighting { path, number, moment: inbox.moment };
            self.0.saw.lock().unwrap().push(sighting);
            self.0.arrived.send_modify(|seen| *seen += 1);
            let seen = body.get("mark").cloned().unwrap_or_else(|| "none".into());
            inbox.unanswered.push(json!({ "echo": number, "seen": seen, "mine": "unseen" }));
        }
    }
}

/// A listener that the system answers for no more once one connection waits there, and that connection.
pub(crate) fn deaf() -> (TcpListener, TcpStream) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let filler = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener, filler)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// The first whole request: its path, its body, and how long it is.
fn request(bytes: &[u8]) -> Option<(String, Value, usize)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap();
    let path = text.split(' ').nth(1).unwrap().to_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let end = head + length.expect("the gateway frames by length");
    Some((path, serde_json::from_slice(bytes.get(head..end)?).unwrap(), end))
}
