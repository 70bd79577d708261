//! What the store answers where it cannot do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;

use crate::lock::LockError;
use crate::personal::Reference;

/// What lies beneath an error: the database's own words, which hold names of columns and no values.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why the store did not do it. Nothing of the change was kept, unless the variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Down, full, read-only, failing to sync, or closed. Whether the change is on disk is not known: it was not
    /// acknowledged, and may be there after a restart.
    #[error("the store cannot keep or read anything at present")]
    Unavailable(#[source] Option<Cause>),
    /// More changes wait than the queue holds.
    #[error("the store has more to do than it can take on")]
    Busy,
    /// Another process has it open.
    #[error(
        "another gateway, which serves this deployment already or is stopping, or a command that is at work holds {}: one can at a \
         time", .0.display()
    )]
    Locked(PathBuf),
    /// A file's lock cannot be made.
    #[error(transparent)]
    Lock(LockError),
    /// A file cannot be opened or read.
    #[error("cannot open {}", .path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// There is no room for a file, or for what it grows by at a start.
    #[error(
        "there is no room for {}: the disk that it lies on is full, or this user's share of it. Make room there, and try again", .path.display()
    )]
    Full {
        /// Which file.
        path: PathBuf,
        /// How that was told.
        #[source]
        source: Cause,
    },
    /// What was read, without the locks by which others are kept out, is not what lies there now.
    #[error(
        "somebody began to work on {}, or on what belongs to it, while it was read, so nothing is said of it: ask again. A gateway that \
         runs answers for itself", .0.display()
    )]
    Meanwhile(PathBuf),
    /// A file cannot be read without writing to it.
    #[error(
        "{path} cannot be read as it lies there: in {path}-journal is a change that was cut short, which only a start takes back. Copy all \
         that is called {path} to another place, and read it there once a gateway has started on it", path = .0.display()
    )]
    CutShort(PathBuf),
    /// A newer gateway wrote it.
    #[error("{} has layout {found}, and this gateway knows {known} at most: use a newer gateway", .path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The layout it has.
        found: i64,
        /// The newest layout known here.
        known: i64,
    },
    /// There is a data file and no keyring for it.
    #[error("{} is missing, and there is data that it belongs to: restore it, none is made beside existing data", .0.display())]
    KeyringMissing(PathBuf),
    /// There is a data file, and a keyring in which there is nothing.
    #[error(
        "the keyring at {path} holds nothing, and the data beside it does: put the keyring back, with {path}-wal where it was copied from \
         a gateway that ran; none is made beside existing data", path = .0.display()
    )]
    KeyringBare(PathBuf),
    /// The data file is said to be lost, and there is no keyring to begin a new one beside.
    #[error(
        "{} is missing, or holds nothing, and `--data-lost` begins new data beside a keyring alone, by which what people forbade binds: is \
         its volume there? Put the keyring back, or the newest copy of it; nothing was made. Where none is left either, `consentry serve` \
         by itself begins with nothing", .0.display()
    )]
    KeyringLost(PathBuf),
    /// There is a keyring, and no data file for it.
    #[error(
        "{} is missing, and the keyring vouches for {anchored} entries of the audit in it: is its volume there? Put it back; nothing \
         was made in its place", .path.display()
    )]
    DataMissing {
        /// The data file.
        path: PathBuf,
        /// How many entries there were at least.
        anchored: u64,
    },
    /// A file is there and holds nothing, though there is more that belongs to it.
    #[error(
        "{path} holds nothing, and what else is there belongs to a file that does. Where it was copied from a gateway that ran, most is \
         in {path}-wal: that belongs to it, so copy both. Else put a copy of it back", path = .0.display()
    )]
    Bare(PathBuf),
    /// The two files were not made together.
    #[error("the data file and the keyring do not belong together")]
    Strangers,
    /// The keyring lacks keys, or tombstones or acts that the data file has heard of.
    #[error(
        "the keyring is older than the data (it knows {tombstones} destroyed keys where the data counted {counted}, \
         {acts} withdrawals, objections, restrictions and erasures where the data heard {heard}, and lacks the keys of \
         {orphans} records): an old copy must not bring back what was erased, nor forget what was forbidden"
    )]
    KeyringOlder {
        /// Tombstones in the keyring.
        tombstones: u64,
        /// Destroyed keys that the data file counted.
        counted: u64,
        /// What people did with their rights, as the keyring knows it.
        acts: u64,
        /// The same, as the data file has heard it.
        heard: u64,
        /// Records whose key is neither there nor known as destroyed.
        orphans: u64,
    },
    /// Audit entries that the keyring knows of are missing.
    #[error(
        "the audit ends at entry {count}, and the keyring knows of {anchored}: entries were cut off, or an old copy was restored"
    )]
    Cut {
        /// How many entries there are.
        count: u64,
        /// How many there were at least.
        anchored: u64,
    },
    /// An audit entry is not the one that was written.
    #[error("audit entry {0} is not the one that was written")]
    Altered(u64),
    /// The person's reference is no longer known: they were erased meanwhile. Nothing was kept; begin anew.
    #[error("the person was forgotten meanwhile")]
    Forgotten,
    /// Another reference was given to this person first. Nothing was kept; begin anew with this one.
    #[error("the person has another reference")]
    Superseded(Reference),
    /// The change itself cannot be kept, such as a second record of the same id. Others are not affected.
    #[error("the change contradicts what is kept")]
    Rejected(#[source] Cause),
}

impl StoreError {
    /// Whether to answer 503: nothing is wrong with the change, it may be tried again.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy)
    }
}

impl From<LockError> for StoreError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held(file) => Self::Locked(file),
            error => Self::Lock(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(Some(Arc::new(error)))
    }
}
