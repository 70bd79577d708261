//! Where the keyring vouches for the audit's end: in its table now and then, and after each group in a small file beside it,
//! since a transaction of SQLite's costs as much as all else that a small group does (ADR 0023).
//!
//! INVARIANT: written after the data's commit, so it may lag behind the entries and is never ahead of them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::params;

use crate::audit::Chain;
use crate::crypto::sha256;
use crate::files;

use super::prepared::Prepared;
use super::reader::{signed, unsigned};

/// Separates the file's sum from every other use of SHA-256.
const LABEL: &[u8] = b"consentry anchor v1";
/// The name of the pair, count (big-endian) and head, and a sum over them.
const LENGTH: usize = 16 + 8 + 32 + 32;
/// How often a file is read that somebody may be writing just now.
const ATTEMPTS: usize = 3;

/// The file beside the keyring, for the writer.
pub(super) struct Beside {
    file: File,
    path: PathBuf,
    pair: [u8; 16],
}

impl Beside {
    /// Makes the file, or opens the one that is there.
    pub(super) fn open(keyring: &Path, pair: [u8; 16]) -> io::Result<Self> {
        let path = path(keyring);
        let file = files::private(&path)?;
        Ok(Self { file, path, pair })
    }

    /// Vouches for the audit up to here. Not synced: it survives the end of the process, not a loss of power.
    pub(super) fn vouch(&self, chain: Chain) -> io::Result<()> {
        self.file.write_all_at(&bytes(self.pair, chain), 0)
    }

    /// Takes the file away: the table vouches for as much.
    pub(super) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(self.path)
    }
}

/// What the table says, then what the file beside the keyring says.
pub(super) fn both(keyring: &Prepared<'_>, path: &Path) -> rusqlite::Result<[Option<Chain>; 2]> {
    let name = "SELECT value FROM meta WHERE name = 'pair'";
    let beside = match keyring.row(name, [], |row| row.get(0))? {
        Some(pair) => read(path, pair).map_err(unreadable)?,
        None => None,
    };
    Ok([table(keyring)?, beside])
}

/// The later of the two.
pub(super) fn latest(keyring: &Prepared<'_>, path: &Path) -> rusqlite::Result<Option<Chain>> {
    Ok(both(keyring, path)?.into_iter().flatten().max_by_key(|said| said.count))
}

/// Vouches for the audit up to here in the table.
pub(super) fn vouch(keyring: &Prepared<'_>, chain: Chain) -> rusqlite::Result<()> {
    let sql = "INSERT INTO anchor (one, count, head) VALUES (1, ?1, ?2) \
               ON CONFLICT (one) DO UPDATE SET count = excluded.count, head = excluded.head";
    keyring.execute(sql, params![signed(chain.count), chain.head]).map(drop)
}

fn table(keyring: &Prepared<'_>) -> rusqlite::Result<Option<Chain>> {
    keyring.row("SELECT count, head FROM anchor", [], |row| {
        Ok(Chain { count: unsigned(row, 0)?, head: row.get(1)? })
    })
}

fn path(keyring: &Path) -> PathBuf {
    files::beside(keyring, "-anchor")
}

fn bytes(pair: [u8; 16], chain: Chain) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let count = chain.count.to_be_bytes();
    let sum = sha256(&[LABEL, &pair, &count, &chain.head]);
    let parts = pair.into_iter().chain(count).chain(chain.head).chain(sum);
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    bytes
}

/// What the file says, if it is there, whole, and of this keyring. After a loss of power it may be anything.
fn read(keyring: &Path, pair: [u8; 16]) -> io::Result<Option<Chain>> {
    for _ in 0..ATTEMPTS {
        let bytes = match std::fs::read(path(keyring)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(chain) = parsed(&bytes, pair) {
            return Ok(Some(chain));
        }
    }
    Ok(None)
}

fn parsed(bytes: &[u8], pair: [u8; 16]) -> Option<Chain> {
    let count = bytes.get(16..24)?.first_chunk().copied().map(u64::from_be_bytes)?;
    let chain = Chain { count, head: *bytes.get(24..56)?.first_chunk()? };
    (self::bytes(pair, chain) == bytes).then_some(chain)
}

fn unreadable(error: io::Error) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
        Some(format!("the anchor beside the keyring cannot be read or written: {error}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_or_of_another_pair_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = folder.path().join("keyring.db");
        assert_eq!(read(&keyring, [1; 16]).unwrap(), None);
        let beside = Beside::open(&keyring, [1; 16]).unwrap();
        assert_eq!(read(&keyring, [1; 16]).unwrap(), None, "nothing was written yet");
        let chain = Chain { count: 258, head: [7; 32] };
        for count in [3, 70_000, 258] {
            beside.vouch(Chain { count, ..chain }).unwrap();
        }
        assert_eq!(read(&keyring, [1; 16]).unwrap(), Some(chain));
        assert_eq!(read(&keyring, [2; 16]).unwrap(), None);
        let whole = std::fs::read(path(&keyring)).unwrap();
        assert_eq!(whole.get(..26).unwrap(), [&[1; 16][..], &[0, 0, 0, 0, 0, 0, 1, 2, 7, 7]].concat());
        for at in 0..LENGTH {
            let mut other = whole.clone();
            other[at] ^= 1;
            std::fs::write(path(&keyring), &other).unwrap();
            assert_eq!(read(&keyring, [1; 16]).unwrap(), None, "{at}");
            std::fs::write(path(&keyring), &whole[..at]).unwrap();
            assert_eq!(read(&keyring, [1; 16]).unwrap(), None, "{at}");
        }
        beside.remove().unwrap();
        assert!(!path(&keyring).exists());
    }
}
