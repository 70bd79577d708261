//! The two files: the lock beside each, and connections to them.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::{Identity, StoreConfig, StoreError, identity};

use super::schema;

/// How long a statement waits for another connection of this process: readers are short.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where the files are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) data: PathBuf,
    pub(super) keyring: PathBuf,
    #[cfg(test)]
    pub(super) faults: Arc<super::tests::Faults>,
}

/// The writer's connections.
pub(super) struct Connections {
    pub(super) data: Connection,
    pub(super) keyring: Connection,
}

/// Holds both files for this process; the system lets go when it ends, however it ends.
///
/// The lock is on a file beside: closing any descriptor of a database file would drop SQLite's own locks on it.
pub(super) struct Lock {
    held: [File; 2],
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would not do while a child process is being started: it holds a copy until it runs its program.
        for file in &self.held {
            let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock);
        }
    }
}

impl Files {
    pub(super) fn new(config: &StoreConfig) -> Self {
        Self {
            data: config.sqlite.clone(),
            keyring: config.keyring.clone(),
            #[cfg(test)]
            faults: Arc::default(),
        }
    }

    /// Takes both locks.
    pub(super) fn lock(&self) -> Result<Lock, StoreError> {
        Ok(Lock { held: [lock(&self.data)?, lock(&self.keyring)?] })
    }

    /// Connects to the files for writing. A file that is not there is made only where `create` says so.
    pub(super) fn connect(&self, create: bool) -> Result<Connections, StoreError> {
        if create {
            // INVARIANT: a keyring is never made beside existing data.
            if self.data.exists() && !self.keyring.exists() {
                return Err(StoreError::KeyringMissing(self.keyring.clone()));
            }
            make(&self.keyring)?;
            make(&self.data)?;
        }
        let keyring = writing(&self.keyring, schema::KEYRING)?;
        let data = writing(&self.data, schema::DATA)?;
        #[cfg(test)]
        self.faults.limit(&data).map_err(|error| unopened(&self.data, error))?;
        Ok(Connections { data, keyring })
    }

    /// Connects to the files for reading.
    pub(super) fn connect_reader(&self) -> Result<[Connection; 2], StoreError> {
        Ok([reading(&self.data)?, reading(&self.keyring)?])
    }

    /// Which files lie at the paths now, so that another one put in the place of one is noticed.
    pub(super) fn identity(&self) -> Result<Identity, StoreError> {
        let one = |path: &Path| identity::file(path).map_err(|error| unopened(path, error));
        Ok(Identity { data: one(&self.data)?, keyring: one(&self.keyring)? })
    }
}

/// An error at opening `path`.
pub(super) fn unopened(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Open { path: path.to_owned(), source: Arc::new(error) }
}

/// Makes the file for its owner alone; SQLite gives the files beside it the same mode.
fn make(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(unopened(path, error)),
        _ => Ok(()),
    }
}

/// Whether somebody holds the lock of this file. Nothing is made where there is none.
pub(in crate::store) fn is_held(path: &Path) -> bool {
    // Shared, so that two who ask do not take each other for whom they ask about.
    let lock = |file: File| rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared);
    File::open(beside(path)).is_ok_and(|file| lock(file) == Err(rustix::io::Errno::WOULDBLOCK))
}

/// The file that the lock of this one is on.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let beside = beside(path);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&beside)
        .map_err(|error| unlocked(&beside, error, rustix::process::geteuid().as_raw()))?;
    let mut tries = 0;
    loop {
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            // A command that only asks whether it is held holds it for a moment (`is_held`).
            Err(rustix::io::Errno::WOULDBLOCK) if tries < 5 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::Locked(path.to_owned())),
            Err(error) => return Err(unopened(&beside, error)),
        }
    }
}

/// Why there is no lock: mostly a gateway was started, or a command run, by somebody else before.
fn unlocked(path: &Path, error: std::io::Error, user: u32) -> StoreError {
    let of = |path: &Path| Some((path.to_owned(), path.metadata().ok()?.uid()));
    let found = of(path).or_else(|| of(path.parent()?));
    match found {
        Some((theirs, owner)) if error.kind() == std::io::ErrorKind::PermissionDenied && owner != user => {
            StoreError::Foreign { path: path.to_owned(), theirs, owner, user }
        }
        _ => unopened(path, error),
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
    let connection = configured().map_err(|error| unopened(path, error))?;
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
    configured().map_err(|error| unopened(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_said_to_be_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("consentry.db.lock");
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let owner = folder.path().metadata().unwrap().uid();
        let says = |path: &Path, user| unlocked(path, denied(), user).to_string();
        // It is not there, so the folder is in the way.
        let theirs = format!("{} belongs to user {owner}.", folder.path().display());
        assert!(says(&path, owner + 1).contains(&theirs));
        std::fs::write(&path, "").unwrap();
        assert!(says(&path, owner + 1).contains("consentry.db.lock belongs to user"));
        assert!(matches!(unlocked(&path, denied(), owner), StoreError::Open { .. }));
    }
}
