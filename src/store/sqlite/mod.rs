//! The store in two SQLite files.

mod acts;
mod anchor;
mod apply;
mod codes;
mod desk;
mod files;
mod inbox;
mod look;
mod pace;
mod prepared;
mod reader;
mod readers;
mod records;
mod schema;
mod sealing;
mod tail;
mod unused;
mod view;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::audit::Chain;
use crate::clock::Clock;
use crate::telemetry::Causes;

use super::{
    Change, Health, Identity, Receipt, Result, Signer, StoreConfig, StoreError, WrappedSecret, post,
};
use anchor::Beside;
use apply::State;
use files::{Files, Opening};
use inbox::{Inbox, Refused, inbox};
use pace::Pace;
use prepared::Prepared;
use readers::Readers;
use records::fresh::Fresh;
use tail::Both;
use writer::{Message, Writer};

pub(super) use reader::Reader;

/// [`StoreConfig::both_there`].
pub(super) fn both_there(config: &StoreConfig) -> Result<()> {
    let files = Files::new(config, Opening::Usual);
    files.ours()?;
    files.both_there(config.lost)
}

/// [`StoreConfig::both_there_untouched`].
pub(super) fn both_there_untouched(config: &StoreConfig) -> Result<()> {
    let files = Files::new(config, Opening::Traceless);
    files.ours()?;
    files.both_there(config.lost)
}

/// [`StoreConfig::is_begun`].
pub(super) fn is_begun(config: &StoreConfig) -> Result<bool> {
    Files::new(config, Opening::Usual).begun()
}

/// [`StoreConfig::secrets`].
pub(super) fn secrets(config: &StoreConfig) -> Result<Option<Vec<WrappedSecret>>> {
    look::secrets(&config.keyring)
}

pub use view::AuditView;

/// Two SQLite files, the writer's thread and the readers'.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    inbox: Inbox<Message>,
    readers: Readers,
    shared: Arc<Shared>,
    files: Files,
    /// Which files these were when they were opened.
    are: Identity,
    new: bool,
}

/// What the writer lets others see.
struct Shared {
    able: AtomicBool,
    /// Counts how often the files were opened anew; readers follow.
    generation: AtomicU64,
    groups: AtomicU64,
    changes: AtomicU64,
    chain: Mutex<Chain>,
    fresh: Fresh,
}

impl Shared {
    /// Notes that a group of `changes` is kept and where the chain stands.
    fn stand(&self, chain: Chain, changes: usize) {
        if changes > 0 {
            self.groups.fetch_add(1, Ordering::Relaxed);
            self.changes.fetch_add(changes.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }
}

impl Sqlite {
    pub(super) fn open(config: &StoreConfig, clock: Clock) -> Result<Self> {
        let files = Files::new(config, Opening::Usual);
        files.ours()?;
        files.both_there(config.lost)?;
        let lock = files.lock()?;
        let connections = files.connect(true)?;
        let fresh = Fresh::default();
        let (state, signed, new, pair) = {
            let data = Prepared::new(&connections.data);
            let keyring = Prepared::new(&connections.keyring);
            fresh.load(&data)?;
            let both = Both { data: &data, keyring: &keyring, fresh: &fresh, files: &files };
            let pair = both.pair(config.lost)?;
            let mut chain = both.chain(config.restored, config.lost)?;
            if config.restored || config.lost {
                both.note_restore(&mut chain, config.lost, &clock)?;
            }
            let chain = both.reconcile(chain, &clock)?;
            anchor::vouch(&keyring, chain)?;
            // What the run before destroyed and had no time to take out of the log.
            if let Err(error) = desk::truncate(&keyring) {
                tracing::warn!(
                    cause = %Causes(&error),
                    "the keyring's log could not be emptied"
                );
            }
            let state =
                State { chain, tombstones: tail::tombstones(&keyring)?, acts: acts::heard(&keyring)? };
            (state, both.last_checkpoint()?.map_or(0, |last| last.count), both.is_new()?, pair)
        };
        let unopened = |error| files::unopened(&config.keyring, error);
        let beside = Beside::open(&config.keyring, pair).map_err(unopened)?;
        beside.vouch(state.chain).map_err(unopened)?;
        let shared = Arc::new(Shared {
            able: AtomicBool::new(true),
            generation: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            chain: Mutex::new(state.chain),
            fresh,
        });
        let (inbox, messages) = inbox(writer::GROUP);
        let are = files.identity()?;
        let writer = Writer {
            files: files.clone(),
            inbox: messages,
            shared: shared.clone(),
            clock,
            signer: None,
            state,
            unanswered: None,
            signed: (signed, Instant::now()),
            pace: Pace::default(),
            beside,
            copies: false,
            are,
            lock,
        };
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(connections))
            .map_err(|error| files::unopened(&config.sqlite, error))?;
        let readers = Readers::start(&files, &shared)?;
        Ok(Self(Arc::new(Inner { inbox, readers, shared, files, are, new })))
    }

    /// Reads the files as they are; nothing is checked, nothing can be written. Records that no index names yet are not found.
    pub(super) fn inspect(config: &StoreConfig) -> Result<Self> {
        // Beside whoever works on them, as one more reader, which leaves nothing that is not there: they have made the log and its index.
        // Should they be killed meanwhile, it is evidence.
        let opening = if config.is_held() { Opening::Guest } else { Opening::Evidence };
        let files = Files::new(config, opening);
        files.both_there(false)?;
        files.both_hold()?;
        let shared = Arc::new(Shared {
            able: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            chain: Mutex::new(Chain::genesis()),
            fresh: Fresh::default(),
        });
        // Nobody takes what is sent there, so that every change is answered `Unavailable`.
        let (inbox, _) = inbox(writer::GROUP);
        let readers = Readers::start(&files, &shared)?;
        let are = files.identity()?;
        Ok(Self(Arc::new(Inner { inbox, readers, shared, files, are, new: false })))
    }

    pub(super) fn identity(&self) -> Identity {
        self.0.are
    }

    pub(super) fn is_new(&self) -> bool {
        self.0.new
    }

    pub(super) fn sign_with(&self, signer: Signer) -> Result<()> {
        self.send(Message::Signer(signer))
    }

    pub(super) fn queue(&self, change: Change, patient: bool) -> Result<Receipt> {
        let (waiting, receipt) = post::waiting();
        self.send(Message::Change { change, waiting, patient })?;
        Ok(receipt)
    }

    fn send(&self, message: Message) -> Result<()> {
        self.0.inbox.put(message).map_err(|refused| match refused {
            Refused::Full(_) => StoreError::Busy,
            Refused::Over => StoreError::Unavailable(None),
        })
    }

    pub(super) fn health(&self) -> Health {
        let Shared { able, generation: _, groups, changes, chain: _, fresh: _ } = &*self.0.shared;
        Health {
            able: able.load(Ordering::Acquire),
            groups: groups.load(Ordering::Relaxed),
            changes: changes.load(Ordering::Relaxed),
        }
    }

    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        let mut message = Message::Close(answer);
        // A full queue empties itself soon: every change in it is answered, whatever happens.
        while let Err(Refused::Full(back)) = self.0.inbox.put(message) {
            message = back;
            tokio::task::yield_now().await;
        }
        let _ = closed.await;
    }

    pub(super) fn chain(&self) -> Chain {
        *self.0.shared.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.0.readers.ask(question).await
    }

    pub(super) async fn with_audit<T: Send + 'static>(
        &self,
        look: impl FnOnce(AuditView<'_, '_>) -> T + Send + 'static,
    ) -> Result<T> {
        view::with_audit(self.0.files.clone(), look).await
    }
}

#[cfg(test)]
mod tests;
