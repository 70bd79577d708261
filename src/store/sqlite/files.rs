//! The two files: the lock of each, and connections to them.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use rustix::fs::Access;
use rustix::io::Errno;

use crate::files;
use crate::lock::{Lock, LockError};
use crate::store::{Identity, StoreConfig, StoreError, identity};

use super::prepared::Prepared;
use super::{anchor, look, schema};

/// How long a statement waits for another connection of this process: readers are short.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where the files are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) data: PathBuf,
    pub(super) keyring: PathBuf,
    opening: Opening,
    #[cfg(test)]
    pub(super) faults: Arc<super::tests::Faults>,
}

/// The writer's connections.
pub(super) struct Connections {
    pub(super) data: Connection,
    pub(super) keyring: Connection,
}

/// How a file is opened to be asked something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opening {
    /// As whoever works with it does. SQLite makes what it needs beside the file; the last to close it brings the log into it.
    Usual,
    /// As one more reader beside whoever works with it, who sees to its log: where this is the last to close it, that stays as it is.
    Guest,
    /// As it lies there. What would leave a trace to be known is not known.
    Traceless,
    /// As evidence: as it lies there too, and all that is in it counts, its log included. What cannot be read so is refused.
    Evidence,
}

/// Which files lie there, how long they are, and when they were written to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lying(Vec<Option<Lies>>);

#[derive(Debug, PartialEq, Eq)]
struct Lies {
    file: (u64, u64),
    length: u64,
    written: (i64, i64),
}

impl Files {
    pub(super) fn new(config: &StoreConfig, opening: Opening) -> Self {
        Self {
            data: config.sqlite.clone(),
            keyring: config.keyring.clone(),
            opening,
            #[cfg(test)]
            faults: Arc::default(),
        }
    }

    /// Refuses what this process may not write to, before anything is made: the mode of a file goes over to what SQLite makes beside it,
    /// and stays there when the file's own is put right.
    pub(super) fn ours(&self) -> Result<(), StoreError> {
        let beside = ["", ".lock", "-wal", "-shm"];
        let data = beside.map(|ending| files::beside(&self.data, ending));
        let keyring = beside.map(|ending| files::beside(&self.keyring, ending));
        let anchor = files::beside(&self.keyring, "-anchor");
        let kept =
            data.iter().chain(&keyring).chain([&anchor]).find_map(|path| LockError::keeping_from(path));
        kept.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Refuses where one of the two is not there, or holds nothing, and the other is and does, or none is to be begun beside, before
    /// anything is made, a lock included.
    pub(super) fn both_there(&self, lost: bool) -> Result<(), StoreError> {
        let opening = self.opening;
        let there = is_there(&self.data)?;
        // INVARIANT: a keyring is never made beside existing data.
        if there && !is_there(&self.keyring)? {
            return Err(StoreError::KeyringMissing(self.keyring.clone()));
        }
        match opening.is_bare(&self.keyring)? {
            // INVARIANT: who says that the data is lost does not lose what people forbade with it.
            true if lost => return Err(StoreError::KeyringLost(self.keyring.clone())),
            // No first start that ended early looks so (`connect`). One that is under way may lay out both between two looks.
            true if !opening.is_bare(&self.data)? && opening.is_bare(&self.keyring)? => {
                return Err(StoreError::KeyringBare(self.keyring.clone()));
            }
            false if !lost && opening.is_bare(&self.data)? => {}
            _ => return Ok(()),
        }
        let latest = |keyring: &Connection| anchor::latest(&Prepared::new(keyring), &self.keyring);
        let anchored = opening.ask(&self.keyring, latest)?.flatten().map_or(0, |anchor| anchor.count);
        match there {
            _ if anchored == 0 => Ok(()),
            true => Err(StoreError::Bare(self.data.clone())),
            false => Err(StoreError::DataMissing { path: self.data.clone(), anchored }),
        }
    }

    /// Whether both hold something of a store.
    pub(super) fn begun(&self) -> Result<bool, StoreError> {
        Ok(!self.opening.is_bare(&self.data)? && !self.opening.is_bare(&self.keyring)?)
    }

    /// Refuses a file that holds nothing of a store, which whoever only reads would not give a layout.
    pub(super) fn both_hold(&self) -> Result<(), StoreError> {
        for path in [&self.data, &self.keyring] {
            if self.opening.ask(path, layout)? == Some(0) {
                return Err(StoreError::Bare(path.clone()));
            }
        }
        Ok(())
    }

    /// Holds both files for this process.
    pub(super) fn lock(&self) -> Result<[Lock; 2], StoreError> {
        Ok([lock(&self.data)?, lock(&self.keyring)?])
    }

    /// Connects to the files for writing. A file that is not there is made only where `create` says so.
    pub(super) fn connect(&self, create: bool) -> Result<Connections, StoreError> {
        if create {
            make(&self.keyring)?;
            make(&self.data)?;
        }
        // INVARIANT: the keyring gets its layout first, so that no start that ends early leaves one that holds nothing beside data.
        let keyring = writing(&self.keyring, schema::KEYRING)?;
        let data = writing(&self.data, schema::DATA)?;
        #[cfg(test)]
        self.faults.limit(&data).map_err(|error| unopened(&self.data, error))?;
        Ok(Connections { data, keyring })
    }

    /// Connects to the files for reading.
    pub(super) fn connect_reader(&self) -> Result<[Connection; 2], StoreError> {
        let connect = match self.opening {
            Opening::Usual => reading,
            Opening::Guest => visiting,
            Opening::Traceless | Opening::Evidence => look::evidence,
        };
        Ok([connect(&self.data)?, connect(&self.keyring)?])
    }

    /// How the files lie there, where they are read without the locks by which others are kept from writing to them.
    pub(super) fn lying(&self) -> Result<Option<Lying>, StoreError> {
        if matches!(self.opening, Opening::Usual | Opening::Guest) {
            return Ok(None);
        }
        let mut all = Vec::new();
        for path in [&self.data, &self.keyring] {
            let whole = path.canonicalize().map_err(|error| unopened(path, error))?;
            for ending in ["", "-wal"] {
                let found = files::beside(&whole, ending).metadata().ok();
                all.push(found.map(|found| Lies {
                    file: (found.dev(), found.ino()),
                    length: found.len(),
                    written: (found.mtime(), found.mtime_nsec()),
                }));
            }
        }
        Ok(Some(Lying(all)))
    }

    /// Refuses what was read if somebody has worked, or begun to work, on the files since.
    pub(super) fn still(&self, before: Option<&Lying>) -> Result<(), StoreError> {
        let held = || [&self.data, &self.keyring].into_iter().any(|path| Lock::is_held(path));
        if before.is_none() || !held() && self.lying()?.as_ref() == before {
            return Ok(());
        }
        Err(StoreError::Meanwhile(self.data.clone()))
    }

    /// Which files lie at the paths now, so that another one put in the place of one is noticed.
    pub(super) fn identity(&self) -> Result<Identity, StoreError> {
        let one = |path: &Path| identity::file(path).map_err(|error| unopened(path, error));
        Ok(Identity { data: one(&self.data)?, keyring: one(&self.keyring)? })
    }
}

impl Opening {
    /// Whether a file is not there, or holds nothing of a store, its log included. One that is larger than this was given a layout, and
    /// one of which that is not known is taken for one.
    fn is_bare(self, path: &Path) -> Result<bool, StoreError> {
        const LAID_OUT: u64 = 4096;
        match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(LockError::opening(path, error).into()),
            Ok(file) if file.len() > LAID_OUT => Ok(false),
            Ok(_) => Ok(self.ask(path, layout)? == Some(0)),
        }
    }

    /// What a file answers, where that can be known.
    fn ask<T>(
        self,
        path: &Path,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Self::Usual => question(&reading(path)?).map(Some).map_err(|error| unopened(path, error)),
            Self::Guest => question(&visiting(path)?).map(Some).map_err(|error| unopened(path, error)),
            Self::Traceless => look::traceless(path, question),
            Self::Evidence => {
                question(&look::evidence(path)?).map(Some).map_err(|error| unopened(path, error))
            }
        }
    }
}

/// Whether a file is there. One that may only not be looked at is not taken for missing.
fn is_there(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|error| LockError::opening(path, error).into())
}

fn layout(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// A database that does not open: mostly another user's, of which the database's own words say nothing.
fn not_opened(path: &Path, error: rusqlite::Error) -> StoreError {
    // Asked of the path: closing a descriptor of a database would drop SQLite's own locks on it.
    match rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) {
        Err(Errno::ACCESS) => LockError::opening(path, io::ErrorKind::PermissionDenied.into()).into(),
        _ => unopened(path, error),
    }
}

/// An error at opening `path`.
pub(super) fn unopened(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    let (path, full) = (path.to_owned(), is_full(&error));
    match full {
        true => StoreError::Full { path, source: Arc::new(error) },
        false => StoreError::Open { path, source: Arc::new(error) },
    }
}

/// Whether there was no room, also where SQLite says no more than that a disk failed: the index of the log is given its size first.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    match (error.downcast_ref::<rusqlite::Error>(), error.downcast_ref::<io::Error>()) {
        (Some(rusqlite::Error::SqliteFailure(code, _)), _) => {
            code.code == ErrorCode::DiskFull || code.extended_code == ffi::SQLITE_IOERR_SHMSIZE
        }
        (_, Some(error)) => full.contains(&error.kind()),
        _ => false,
    }
}

/// Makes the file for its owner alone; SQLite gives the files beside it the same mode.
fn make(path: &Path) -> Result<(), StoreError> {
    match files::create(path, 0o600) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(unopened(path, error)),
        _ => Ok(()),
    }
}

fn lock(path: &Path) -> Result<Lock, StoreError> {
    let mut tries = 0;
    loop {
        match Lock::take(path) {
            // A command that only asks whether it is held holds it for a moment (`StoreConfig::is_held`).
            Err(LockError::Held(_)) if tries < 5 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            taken => return taken.map_err(StoreError::from),
        }
    }
}

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

fn writing(path: &Path, scripts: &[&str]) -> Result<Connection, StoreError> {
    let configured = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, FLAGS)?;
        connection.busy_timeout(PATIENCE)?;
        // SQLite looks through its whole cache at many commits, so it is small. Large changes stay in memory all the same until they
        // are committed: in the log they would be written twice.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; \
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -4000; PRAGMA cache_spill = 4096; \
             PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
        )?;
        Ok(connection)
    };
    let connection = configured().map_err(|error| not_opened(path, error))?;
    schema::migrate(&connection, path, scripts)?;
    Ok(connection)
}

fn reading(path: &Path) -> Result<Connection, StoreError> {
    let configured = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, FLAGS)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(
            "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
        )?;
        Ok(connection)
    };
    configured().map_err(|error| not_opened(path, error))
}

fn visiting(path: &Path) -> Result<Connection, StoreError> {
    let connection = reading(path)?;
    let stays = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    stays.map(|_| connection).map_err(|error| not_opened(path, error))
}
