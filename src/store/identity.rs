//! Which files a store lies in, whatever paths lead to them.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::StoreConfig;

/// Device and number of the data file and of the keyring. Another path to the same files makes no difference; a copy of them is
/// another store, though it holds the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub(super) data: (u64, u64),
    pub(super) keyring: (u64, u64),
}

impl Identity {
    /// Of the files that lie at the paths now.
    ///
    /// # Errors
    /// Where one of them is not there, or cannot be looked at.
    pub fn of(config: &StoreConfig) -> io::Result<Self> {
        Ok(Self { data: file(&config.sqlite)?, keyring: file(&config.keyring)? })
    }
}

/// Two equal texts are of the same files.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data, keyring } = self;
        write!(f, "{:x}-{:x}.{:x}-{:x}", data.0, data.1, keyring.0, keyring.1)
    }
}

pub(super) fn file(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|file| (file.dev(), file.ino()))
}
