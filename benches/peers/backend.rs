//! The model behind every target: one fixed answer to whatever comes, on a thread beside the load. It counts what comes,
//! and says what it was while somebody wants to know.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::cores::{Cores, pin};
use crate::http::{Reader, Side, answer};

/// A request as the backend saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Request line and header fields, as they came.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// The backend, which serves until the process ends.
pub(crate) struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answer: ArcSwap<Vec<u8>>,
    requests: AtomicU64,
    length: AtomicUsize,
    others: AtomicU64,
    watched: AtomicBool,
    seen: Mutex<Option<Seen>>,
}

impl Backend {
    /// Serves on a free port of loopback.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A target that stops takes its connections with it: nothing to tell.
                tokio::spawn(converse(stream, Arc::clone(&theirs)));
            }
        };
        let run = move || {
            if pin(Cores::Load).is_ok() {
                runtime.block_on(serve);
            }
        };
        std::thread::Builder::new().name("backend".into()).spawn(run)?;
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers from now on.
    pub(crate) fn answers(&self, body: &str) {
        self.shared.answer.store(Arc::new(answer(body)));
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// How long every body is from now on.
    pub(crate) fn expects(&self, length: usize) {
        self.shared.length.store(length, Ordering::Relaxed);
        self.shared.others.store(0, Ordering::Relaxed);
    }

    /// How many bodies of another length have come since that was said.
    pub(crate) fn others(&self) -> u64 {
        self.shared.others.load(Ordering::Relaxed)
    }

    /// Whether requests are kept for [`Self::take`].
    pub(crate) fn watch(&self, watched: bool) {
        self.shared.watched.store(watched, Ordering::Relaxed);
        *self.seen() = None;
    }

    /// The last request since the last look.
    pub(crate) fn take(&self) -> Option<Seen> {
        self.seen().take()
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = Reader::new(Side::Request);
    while let Some(message) = reader.next(&mut stream).await? {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        if reader.body(&message).len() != shared.length.load(Ordering::Relaxed) {
            shared.others.fetch_add(1, Ordering::Relaxed);
        }
        if shared.watched.load(Ordering::Relaxed) {
            let head = String::from_utf8(reader.head(&message).to_vec()).context("a head in UTF-8")?;
            let seen = Seen { head, body: reader.body(&message).to_vec() };
            *shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        let answer = shared.answer.load_full();
        stream.write_all(&answer).await?;
    }
    Ok(())
}
