//! What is kept, in two files: `data` (records, consents, open intents, audit) and `keyring` (who has which reference,
//! wrapped keys and secrets, restrictions and objections, tombstones, the audit's anchor). A copy of the data file alone
//! opens nothing.
//!
//! One thread writes. It takes whatever waits, up to a bound, applies it to both files, commits the keyring, then the data,
//! and only then answers. Readers have threads and connections of their own. No database call runs on a caller's thread,
//! but those of [`Store::open`].
//!
//! INVARIANT: this room sees no identifier of a person, no plain key and no plaintext.
//! INVARIANT: a key is durable before the record it seals; a destroyed key leaves a tombstone and takes its records along.
//! INVARIANT: what was answered with [`Done`] is on disk. After a failed commit nothing in memory is believed.

mod change;
#[cfg(test)]
mod contract;
mod error;
mod identity;
mod post;
mod rows;
mod sealed;
mod sqlite;

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::audit::{Chain, Checkpoint, StoredEntry};
use crate::clock::{Clock, Day, Timestamp};
use crate::lock::Lock;
use crate::personal::Reference;
use sqlite::Reader;

pub use change::*;
pub use error::{Cause, StoreError};
pub use identity::Identity;
pub use rows::*;
pub use sealed::SealedFields;
pub use sqlite::AuditView;

type Result<T> = std::result::Result<T, StoreError>;

/// Where the two files are: apart, so that a backup of the data holds no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The data file: records, consents, journal, audit.
    pub sqlite: PathBuf,
    /// The keyring: wrapped keys. Back it up apart from the data.
    pub keyring: PathBuf,
    /// The operator says that the data file is an older copy, put back on purpose: audit entries after it are lost, and
    /// the gateway starts all the same.
    pub restored: bool,
    /// The operator says that the data file is lost, and no copy of it is left: a new one is begun beside the keyring, which keeps
    /// what binds (restrictions, objections, withdrawals, tombstones) and the secrets of pseudonyms.
    pub lost: bool,
}

impl StoreConfig {
    /// Refuses where one of the two files is not there, or holds nothing, and the other is and does, and where data is said to be lost
    /// and there is no keyring either. Makes nothing: where a volume is not mounted, nothing is to be left in its place. A keyring that
    /// vouches for no entry is what is left of a first start that did not come to its end.
    ///
    /// # Errors
    /// [`StoreError::KeyringMissing`], [`KeyringBare`](StoreError::KeyringBare), [`KeyringLost`](StoreError::KeyringLost),
    /// [`DataMissing`](StoreError::DataMissing), [`Bare`](StoreError::Bare), or why one of them cannot be looked at or read.
    pub fn both_there(&self) -> Result<()> {
        sqlite::both_there(self)
    }

    /// The same, by what can be known without writing to a file, making one, or waiting for anybody: where a log lies there without its
    /// index, that is less.
    ///
    /// # Errors
    /// As [`both_there`](Self::both_there).
    pub fn both_there_untouched(&self) -> Result<()> {
        sqlite::both_there_untouched(self)
    }

    /// Whether both files are there and hold something of a store. Makes nothing.
    ///
    /// # Errors
    /// Why one of them cannot be looked at or read.
    pub fn is_begun(&self) -> Result<bool> {
        sqlite::is_begun(self)
    }

    /// The secrets in a keyring that is there, wrapped, also while a gateway has it open. Makes nothing and waits for nobody; `None`
    /// where they cannot be read so.
    ///
    /// # Errors
    /// Why the keyring cannot be opened, [`StoreError::Newer`] included.
    pub fn secrets(&self) -> Result<Option<Vec<WrappedSecret>>> {
        sqlite::secrets(self)
    }

    /// Whether a gateway, or a command that is at work, has the files open.
    pub fn is_held(&self) -> bool {
        [&self.sqlite, &self.keyring].into_iter().any(|file| Lock::is_held(file))
    }
}

/// The store. Clones share it; when the last goes, what is queued is still written.
#[derive(Clone)]
pub enum Store {
    /// Two SQLite files.
    Sqlite(sqlite::Sqlite),
}

/// Whether the store can do its work, and how much it has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Whether changes are being kept. While this is false every change is answered `Unavailable`.
    pub able: bool,
    /// How many groups were committed.
    pub groups: u64,
    /// How many changes they held.
    pub changes: u64,
}

/// The promise that a queued change will be answered. Dropping it does not take the change back.
#[must_use = "whether the change was kept is known only from the answer"]
pub struct Receipt(oneshot::Receiver<Result<Done>>);

impl Future for Receipt {
    type Output = Result<Done>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(StoreError::Unavailable(None))))
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt(…)")
    }
}

/// Signs where the chain stands; called on the writer's thread.
pub type Signer = Box<dyn Fn(Chain) -> Checkpoint + Send>;

impl Store {
    /// Opens both files for this process alone, makes them where neither is there, brings their layout up to date,
    /// looks at the audit's tail, replays tombstones, and starts the threads. Blocks on the disk: call it at start.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`Lock`](StoreError::Lock), [`Full`](StoreError::Full), [`Open`](StoreError::Open), [`Newer`](StoreError::Newer),
    /// [`KeyringMissing`](StoreError::KeyringMissing), [`KeyringBare`](StoreError::KeyringBare), [`KeyringLost`](StoreError::KeyringLost),
    /// [`DataMissing`](StoreError::DataMissing), [`Bare`](StoreError::Bare), [`Strangers`](StoreError::Strangers), [`KeyringOlder`](StoreError::KeyringOlder), [`Cut`](StoreError::Cut), [`Altered`](StoreError::Altered).
    pub fn open(config: &StoreConfig, clock: Clock) -> Result<Self> {
        sqlite::Sqlite::open(config, clock).map(Self::Sqlite)
    }

    /// Opens both files to be read as they are, also where [`open`](Self::open) refuses them: for `audit verify`. Every
    /// change is answered `Unavailable`. Where a gateway holds them, this is one more reader; else nothing is written to them or beside
    /// them, and [`with_audit`](Self::with_audit) answers [`Meanwhile`](StoreError::Meanwhile) where somebody begins to work on them.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`CutShort`](StoreError::CutShort), [`KeyringMissing`](StoreError::KeyringMissing) or [`DataMissing`](StoreError::DataMissing) where one is
    /// missing or no database, [`Bare`](StoreError::Bare) or [`KeyringBare`](StoreError::KeyringBare) where one holds nothing of a store.
    pub fn inspect(config: &StoreConfig) -> Result<Self> {
        sqlite::Sqlite::inspect(config).map(Self::Sqlite)
    }

    /// Which files it lies in: those that were opened.
    pub fn identity(&self) -> Identity {
        let Self::Sqlite(store) = self;
        store.identity()
    }

    /// Whether no key and no secret was ever kept here: only then may a new master key be made.
    pub fn is_new(&self) -> bool {
        let Self::Sqlite(store) = self;
        store.is_new()
    }

    /// From now on checkpoints are signed: every 1000 entries, every minute in which entries came, and at the close.
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Unavailable`].
    pub fn sign_with(&self, signer: Signer) -> Result<()> {
        let Self::Sqlite(store) = self;
        store.sign_with(signer)
    }

    /// Queues a change behind those queued before it, without waiting. Within a runtime, the answer comes by way of that runtime:
    /// whoever waits for the receipt elsewhere needs it to run on.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where the queue is full, [`StoreError::Unavailable`] where the store is closed. What
    /// happens later comes with the receipt.
    pub fn queue(&self, change: Change) -> Result<Receipt> {
        let Self::Sqlite(store) = self;
        store.queue(change, false)
    }

    /// As [`queue`](Self::queue), for a change that nobody waits for alone: it goes with the next one that does not have the time,
    /// or by itself a few milliseconds later.
    ///
    /// # Errors
    /// As [`queue`](Self::queue).
    pub fn queue_patiently(&self, change: Change) -> Result<Receipt> {
        let Self::Sqlite(store) = self;
        store.queue(change, true)
    }

    /// Keeps a change; resolves when it is durable.
    ///
    /// # Errors
    /// As [`queue`](Self::queue), and [`StoreError::Unavailable`], [`Forgotten`](StoreError::Forgotten),
    /// [`Superseded`](StoreError::Superseded), [`Rejected`](StoreError::Rejected).
    pub async fn commit(&self, change: Change) -> Result<Done> {
        self.queue(change)?.await
    }

    /// Whether changes are being kept.
    pub fn health(&self) -> Health {
        let Self::Sqlite(store) = self;
        store.health()
    }

    /// Writes what is queued, signs a last checkpoint, closes the files and lets go of the lock. Changes that come
    /// later are answered `Unavailable`.
    pub async fn close(&self) {
        let Self::Sqlite(store) = self;
        store.close().await;
    }

    /// Where the audit's chain stood after the last group.
    pub fn chain(&self) -> Chain {
        let Self::Sqlite(store) = self;
        store.chain()
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let Self::Sqlite(store) = self;
        store.read(question).await
    }

    /// What is known of a person's standing.
    pub async fn stand(&self, lookup: Lookup) -> Result<StandRow> {
        self.read(move |reader| reader.stand(&lookup)).await
    }

    /// The look-up tag of the person who has this reference; none where an erasure forgot whose it was.
    pub async fn lookup_of(&self, reference: Reference) -> Result<Option<Lookup>> {
        self.read(move |reader| reader.lookup_of(reference)).await
    }

    /// The key that an exchange of this day seals under, if it is there. A key whose source is closed is not it.
    pub async fn key(&self, reference: Reference, activity: &str, day: Day) -> Result<Option<WrappedKey>> {
        let activity = activity.to_owned();
        self.read(move |reader| reader.key(reference, &activity, day)).await
    }

    /// The key of this name.
    pub async fn key_by_id(&self, id: KeyId) -> Result<Option<WrappedKey>> {
        self.read(move |reader| reader.key_by_id(&id)).await
    }

    /// All keys of a person, by activity and day.
    pub async fn keys_of(&self, reference: Reference) -> Result<Vec<WrappedKey>> {
        self.read(move |reader| reader.keys_of(reference)).await
    }

    /// Up to `limit` keys in the order of their names, from the one after `after`: for rotation.
    pub async fn keys(&self, after: Option<KeyId>, limit: u32) -> Result<Vec<WrappedKey>> {
        self.read(move |reader| reader.keys(after, limit)).await
    }

    /// The newest secret of this name.
    pub async fn secret(&self, name: &str) -> Result<Option<WrappedSecret>> {
        let name = name.to_owned();
        self.read(move |reader| reader.secret(&name)).await
    }

    /// All secrets, by name and version.
    pub async fn secrets(&self) -> Result<Vec<WrappedSecret>> {
        self.read(|reader| reader.secrets()).await
    }

    /// Up to `limit` records of an activity in the order of their random names, so that the order tells nothing: those
    /// after `after`, less the first `skip`.
    pub async fn records(
        &self,
        activity: &str,
        after: Option<RecordId>,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<RecordRow>> {
        let activity = activity.to_owned();
        self.read(move |reader| reader.records(&activity, after, skip, limit)).await
    }

    /// How many records of an activity are kept.
    pub async fn records_count(&self, activity: &str) -> Result<u64> {
        let activity = activity.to_owned();
        self.read(move |reader| reader.records_count(&activity)).await
    }

    /// The record that got this number.
    pub async fn record(&self, activity: &str, number: u64) -> Result<Option<RecordRow>> {
        let activity = activity.to_owned();
        self.read(move |reader| reader.record(&activity, number)).await
    }

    /// A person's records, by activity and number; of one activity, or of all.
    pub async fn records_of_person(
        &self,
        reference: Reference,
        activity: Option<&str>,
    ) -> Result<Vec<RecordRow>> {
        let activity = activity.map(str::to_owned);
        self.read(move |reader| reader.records_of_person(reference, activity.as_deref())).await
    }

    /// Up to `limit` records of an activity whose exchange took place before `before`, each with its moment, those under keys
    /// of the oldest days first; those of persons whose data is restricted are left out.
    pub async fn expired(
        &self,
        activity: &str,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, RecordId)>> {
        let activity = activity.to_owned();
        self.read(move |reader| reader.expired(&activity, before, limit)).await
    }

    /// Keys of an activity, of days before `before`, that seal no record; some that were looked at after `after`.
    pub async fn unused_keys(
        &self,
        activity: &str,
        before: Day,
        after: Option<(Day, KeyId)>,
    ) -> Result<Sought<KeyId, (Day, KeyId)>> {
        let activity = activity.to_owned();
        self.read(move |reader| reader.unused_keys(&activity, before, after)).await
    }

    /// Persons who have no key, no consent and no stop; some that were looked at after `after`.
    pub async fn unused_persons(&self, after: Option<Lookup>) -> Result<Sought<Reference, Lookup>> {
        self.read(move |reader| reader.unused_persons(after)).await
    }

    /// The activities of which records or keys are kept, also those that no policy names any more.
    pub async fn activities(&self) -> Result<Vec<String>> {
        self.read(|reader| reader.activities()).await
    }

    /// The exchanges without an outcome, oldest first.
    pub async fn open_intents(&self) -> Result<Vec<OpenIntent>> {
        self.read(|reader| reader.open_intents()).await
    }

    /// Up to `limit` audit entries in order, from number `from`.
    pub async fn audit_entries(&self, from: u64, limit: u32) -> Result<Vec<StoredEntry>> {
        self.read(move |reader| reader.entries(from, limit)).await
    }

    /// Walks the whole audit as it stood at one moment, on a thread of its own.
    pub async fn with_audit<T: Send + 'static>(
        &self,
        look: impl FnOnce(AuditView<'_, '_>) -> T + Send + 'static,
    ) -> Result<T> {
        let Self::Sqlite(store) = self;
        store.with_audit(look).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.health())
    }
}
