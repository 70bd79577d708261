//! A look at a file of the store as it lies there, which leaves no trace: no file is made, none is written to, nobody is waited for. A
//! database that is opened in the usual way makes a log and an index of it beside itself, also to be read.

use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::Access;
use rustix::io::Errno;

use crate::files::beside;
use crate::lock::{Lock, LockError};
use crate::store::{StoreError, WrappedSecret};

use super::{files, reader, schema};

/// The secrets of a keyring that is there; `None` where they cannot be read without a trace, or just now.
pub(super) fn secrets(keyring: &Path) -> Result<Option<Vec<WrappedSecret>>, StoreError> {
    let known = i64::try_from(schema::KEYRING.len()).unwrap_or(i64::MAX);
    match traceless(keyring, |connection| read(connection, known))? {
        Some(Read { layout: found, .. }) if found > known => {
            Err(StoreError::Newer { path: keyring.to_owned(), found, known })
        }
        read => Ok(read.map(|read| read.secrets)),
    }
}

/// What a file that is there answers; `None` where that cannot be had without a trace, or just now.
pub(super) fn traceless<T>(
    path: &Path,
    question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    // Whoever serves it writes to it as well.
    if rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) == Err(Errno::ACCESS) {
        return Err(LockError::opening(path, io::ErrorKind::PermissionDenied.into()).into());
    }
    // SQLite follows links before it looks for what lies beside.
    let whole = path.canonicalize().map_err(|error| LockError::opening(path, error))?;
    let Some(how) = without_trace(&whole, Lock::is_held(path)) else { return Ok(None) };
    match open(&whole, how).and_then(|connection| question(&connection)) {
        Ok(answer) => Ok(Some(answer)),
        // Somebody is at work on it, who saw to it that it opens; or the log wants what only a writer may do.
        Err(_) if Lock::is_held(path) => Ok(None),
        Err(error) if passes(&error) => Ok(None),
        Err(error) => Err(files::unopened(path, error)),
    }
}

/// A connection to read a file by that nobody has open, and that is as it was afterwards: evidence, of which nobody need be able to write
/// to anything. What is in its log counts.
pub(super) fn evidence(path: &Path) -> Result<Connection, StoreError> {
    let whole = path.canonicalize().map_err(|error| LockError::opening(path, error))?;
    let how = without_trace(&whole, false).ok_or_else(|| StoreError::CutShort(path.to_owned()))?;
    open(&whole, how).map_err(|error| match rustix::fs::access(path, Access::READ_OK) {
        Err(Errno::ACCESS) => LockError::opening(path, io::ErrorKind::PermissionDenied.into()).into(),
        _ => files::unopened(path, error),
    })
}

struct Read {
    layout: i64,
    secrets: Vec<WrappedSecret>,
}

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
enum How {
    /// By its log and the index of it that is there, without writing to the index.
    Index,
    /// As a file that nobody changes: there is nothing in a log.
    Alone,
    /// By its log, with an index in memory, and without a lock: nobody else has it open.
    Log,
}

fn open(whole: &Path, how: How) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        .union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .union(OpenFlags::SQLITE_OPEN_URI);
    let connection = Connection::open_with_flags(address(whole, how), flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    // INVARIANT: the log is not brought into the database, nor removed, where this is the last to close it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if matches!(how, How::Log) {
        // Before anything is read: then the index of the log is in memory (sqlite.org/wal.html#noshm).
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    }
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

fn read(connection: &Connection, known: i64) -> rusqlite::Result<Read> {
    let layout = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if layout == 0 || layout > known {
        return Ok(Read { layout, secrets: Vec::new() });
    }
    let mut all = connection.prepare("SELECT name, version, wrapped FROM secret ORDER BY name, version")?;
    let secrets = all.query_map([], reader::secret)?.collect::<rusqlite::Result<_>>()?;
    Ok(Read { layout, secrets })
}

/// How the database is opened so that nothing is made beside it and nothing is written to; `held` says whether somebody is at work on
/// it. It cannot be where the index of a log is wanting that is being written to, nor before a change that was cut short is taken back.
fn without_trace(whole: &Path, held: bool) -> Option<How> {
    /// A log's own head. SQLite waits in vain for more behind it where nobody has the database open.
    const HEAD: u64 = 32;
    let length = |ending| beside(whole, ending).metadata().ok().map(|found| found.len());
    match (length("-wal"), length("-shm")) {
        _ if length("-journal").is_some_and(|journal| journal > 0) => None,
        // INVARIANT: SQLite removes the log of a database that is empty, unless it is opened as a file that nobody changes.
        _ if length("") == Some(0) => Some(How::Alone),
        (Some(_), Some(_)) if held => Some(How::Index),
        (log, _) if log.unwrap_or(0) <= HEAD => Some(How::Alone),
        _ if !held => Some(How::Log),
        _ => None,
    }
}

/// The database as SQLite's address of it (sqlite.org/uri.html). `whole` begins with a slash.
fn address(whole: &Path, how: How) -> String {
    let mut address = String::from("file://");
    for byte in whole.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                address.push(char::from(*byte));
            }
            // Writing to a text does not fail.
            other => drop(write!(address, "%{other:02x}")),
        }
    }
    address
        + match how {
            How::Index => "?readonly_shm=1",
            How::Alone => "?immutable=1",
            How::Log => "?vfs=unix-none",
        }
}

fn passes(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use super::*;

    /// Every file of a folder, with its length and when it was written to.
    fn lies(folder: &Path) -> BTreeMap<std::ffi::OsString, (u64, SystemTime)> {
        let entries = folder.read_dir().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let found = entry.metadata().unwrap();
            (entry.file_name(), (found.len(), found.modified().unwrap()))
        });
        entries.collect()
    }

    fn names(path: &Path) -> Option<Vec<String>> {
        let folder = path.parent().unwrap();
        let before = lies(folder);
        let found = secrets(path).unwrap();
        assert_eq!(lies(folder), before);
        Some(found?.into_iter().map(|secret| secret.name).collect())
    }

    fn put(connection: &Connection, name: &str) {
        connection.execute("INSERT INTO secret VALUES (?1, 1, x'00')", [name]).unwrap();
    }

    #[test]
    fn a_keyring_is_read_as_it_lies_and_nothing_comes_to_lie_beside_it() {
        // What an address of SQLite's may not hold as it is.
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().join("a b?c=d#e%41");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("keys.db");
        std::fs::write(&path, "").unwrap();
        assert_eq!(names(&path), Some(Vec::new()));

        let open = || {
            let connection = Connection::open(&path).unwrap();
            connection.execute_batch("PRAGMA journal_mode = WAL").unwrap();
            schema::migrate(&connection, &path, schema::KEYRING).unwrap();
            connection
        };
        let connection = open();
        put(&connection, "one");
        // While it is written to, and with what is in the log alone.
        assert_eq!(names(&path).unwrap(), ["one"]);
        let killed = folder.join("killed.db");
        for ending in ["", "-wal", "-shm"] {
            let name = |name: &str| folder.join(format!("{name}{ending}"));
            std::fs::copy(name("keys.db"), name("killed.db")).unwrap();
        }
        drop(connection);
        assert_eq!(names(&path).unwrap(), ["one"]);
        std::os::unix::fs::symlink(&path, folder.join("link.db")).unwrap();
        assert_eq!(names(&folder.join("link.db")).unwrap(), ["one"]);
        // As a process that was killed left it, also where the index is another's, or the log lies there without it, as in a copy.
        assert_eq!(names(&killed).unwrap(), ["one"]);
        let (index, log) = (folder.join("killed.db-shm"), folder.join("killed.db-wal"));
        std::fs::write(&index, vec![7; 32 << 10]).unwrap();
        assert_eq!(names(&killed).unwrap(), ["one"]);
        std::fs::remove_file(&index).unwrap();
        assert_eq!(names(&killed).unwrap(), ["one"]);
        // A change that was cut short, which only a writer may take back.
        let journal = folder.join("killed.db-journal");
        std::fs::write(&journal, "a change").unwrap();
        assert_eq!(names(&killed), None);
        assert!(matches!(evidence(&killed), Err(StoreError::CutShort(path)) if path == killed));
        std::fs::remove_file(&journal).unwrap();
        // A database that was emptied keeps its log.
        std::fs::write(&killed, "").unwrap();
        assert!(log.metadata().unwrap().len() > 32);
        assert_eq!(names(&killed), Some(Vec::new()));
        // So too a log of which there is the head alone.
        std::fs::copy(&path, &killed).unwrap();
        std::fs::write(&index, vec![0; 32 << 10]).unwrap();
        std::fs::File::options().write(true).open(&log).unwrap().set_len(32).unwrap();
        assert_eq!(names(&killed).unwrap(), ["one"]);
        std::fs::remove_file(&index).unwrap();
        assert_eq!(names(&killed).unwrap(), ["one"]);

        let newer = open();
        newer.execute_batch("PRAGMA user_version = 999").unwrap();
        drop(newer);
        assert!(matches!(secrets(&path), Err(StoreError::Newer { found: 999, .. })));
        std::fs::write(&path, vec![b'x'; 8192]).unwrap();
        assert!(matches!(secrets(&path), Err(StoreError::Open { .. })));
    }
}
