//! What no program that does the governed work can do without, beside TLS and sockets: a pseudonym of each address is made,
//! the names are sealed, and they are in a log on disk before the answer goes. Nothing is parsed, checked or treated.

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::mem::{swap, take};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use consentry::crypto::{Digest, Mac};
use rustix::event::{EventfdFlags, eventfd};

use crate::evidence;
use crate::workload::{Shape, email};

/// The longest pause between two groups. One lasts as long as the group before it took, so that those who come meanwhile
/// share a sync.
const PAUSE: Duration = Duration::from_micros(500);

/// A log, and the thread that writes it.
pub(super) struct Journal {
    owed: Owed,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    came: Condvar,
    /// Can be read when something has been synced.
    synced: OwnedFd,
}

#[derive(Default)]
struct State {
    entries: Vec<u8>,
    /// Who waits for them.
    waiting: Vec<u64>,
    /// Who need not wait any longer.
    safe: Vec<u64>,
}

impl Journal {
    /// A new log for exchanges of this shape.
    pub(super) fn new(path: &Path, shape: Shape) -> anyhow::Result<Self> {
        let synced = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let shared = Arc::new(Shared { state: Mutex::default(), came: Condvar::new(), synced });
        let (file, theirs) = (File::create(path)?, Arc::clone(&shared));
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || theirs.keep(file))?;
        Ok(Self { owed: Owed::new(shape)?, shared })
    }

    /// What can be read when [`Journal::safe`] has something to tell.
    pub(super) fn synced(&self) -> &OwnedFd {
        &self.shared.synced
    }

    /// Writes down an exchange, whose caller waits until it is safe.
    pub(super) fn keep(&mut self, id: u64) -> anyhow::Result<()> {
        let entry = self.owed.entry()?;
        let mut state = self.shared.state();
        let first = state.waiting.is_empty();
        state.entries.extend_from_slice(entry);
        state.waiting.push(id);
        drop(state);
        if first {
            self.shared.came.notify_one();
        }
        Ok(())
    }

    /// Who has become safe.
    pub(super) fn safe(&self) -> anyhow::Result<Vec<u64>> {
        rustix::io::read(&self.shared.synced, &mut [0; 8])?;
        Ok(take(&mut self.shared.state().safe))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until it cannot, which ends the program: nobody must be answered from then on.
    #[expect(clippy::print_stderr, reason = "these are its last words")]
    fn keep(&self, file: File) {
        let ended = self.write(file);
        eprintln!("the log is not written any more: {ended:?}");
        std::process::abort();
    }

    fn write(&self, mut file: File) -> anyhow::Result<()> {
        let (mut entries, mut waiting) = (Vec::new(), Vec::new());
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() {
                state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            swap(&mut entries, &mut state.entries);
            swap(&mut waiting, &mut state.waiting);
            drop(state);
            let begun = Instant::now();
            file.write_all(&entries)?;
            file.sync_data()?;
            entries.clear();
            self.state().safe.append(&mut waiting);
            rustix::io::write(&self.synced, &1_u64.to_ne_bytes())?;
            std::thread::sleep(begun.elapsed().min(PAUSE));
        }
    }
}

/// What is owed to the callers of each exchange.
struct Owed {
    pseudonyms: Mac,
    key: LessSafeKey,
    addresses: Vec<String>,
    /// What is sealed: two names, or two lists of them.
    names: [Vec<u8>; 2],
    count: u64,
    entry: Vec<u8>,
}

impl Owed {
    fn new(shape: Shape) -> anyhow::Result<Self> {
        let names = evidence::NAMES.map(|name| match shape.rows() {
            None => name.as_bytes().to_vec(),
            Some(rows) => serde_json::json!(vec![name; rows]).to_string().into_bytes(),
        });
        Ok(Self {
            pseudonyms: Mac::new(&evidence::key()?),
            key: evidence::aead()?,
            addresses: (0..shape.rows().unwrap_or(1)).map(email).collect(),
            names,
            count: 0,
            entry: Vec::new(),
        })
    }

    /// The next exchange's: a pseudonym, then both names, each with its nonce before it and its tag behind.
    fn entry(&mut self) -> anyhow::Result<&[u8]> {
        let Self { pseudonyms, key, addresses, names, count, entry } = self;
        entry.clear();
        let mut pseudonym = Digest::default();
        for address in addresses {
            pseudonym = black_box(pseudonyms.tag(&[b"pseudonym", address.as_bytes()]));
        }
        entry.extend_from_slice(&pseudonym);
        for name in names {
            *count += 1;
            let mut nonce = [0; NONCE_LEN];
            nonce[..8].copy_from_slice(&count.to_ne_bytes());
            entry.extend_from_slice(&nonce);
            let from = entry.len();
            entry.extend_from_slice(name);
            let text = entry.get_mut(from..).context("what was written")?;
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), text).ok().context("sealed")?;
            entry.extend_from_slice(tag.as_ref());
        }
        Ok(entry)
    }
}

/// That the log has an entry for each of so many exchanges, and that some of them open, the first and the last among them.
///
/// # Errors
/// What is missing.
pub(super) fn evidence(path: &Path, shape: Shape, passed: u64) -> anyhow::Result<()> {
    let mut owed = Owed::new(shape)?;
    let first = size_of::<Digest>();
    let expected = owed.entry()?;
    let (size, pseudonym) = (expected.len(), expected.get(..first).unwrap_or_default().to_vec());
    let log = File::open(path)?;
    let entries = log.metadata()?.len() / size as u64;
    ensure!(entries >= passed, "{passed} requests passed, the log has {entries}");
    let second = first + NONCE_LEN + owed.names[0].len() + AES_256_GCM.tag_len();
    for number in evidence::some(usize::try_from(entries)?) {
        let mut entry = vec![0; size];
        log.read_exact_at(&mut entry, (number * size) as u64)?;
        ensure!(entry.get(..first) == Some(&pseudonym), "an entry has another pseudonym");
        let sealed = [entry.get(first..second), entry.get(second..)].map(Option::unwrap_or_default);
        let [one, other] = sealed.map(<[u8]>::to_vec);
        evidence::names([evidence::unsealed(one)?, evidence::unsealed(other)?], shape)?;
    }
    Ok(())
}
