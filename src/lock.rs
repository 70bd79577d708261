//! `PATH.lock`, by which processes tell each other that a path is in use. It lies beside, stays when it is let go of, and holds
//! nothing.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files;

/// Holds a path for this process; the system lets go when that ends, however it ends.
#[derive(Debug)]
pub struct Lock(File);

/// Why a path is not held. What to do where another holds it, whoever asked for it knows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Another holds it, in this process or in another.
    #[error("another process holds {}", .0.display())]
    Held(PathBuf),
    /// A file, or the folder that it is to lie in, belongs to another user than the one whom this process runs as.
    #[error(
        "user {user} may not open {}: {} belongs to user {owner}. The gateway and its commands run as one user: run this as that one, \
         or give them the files with `chown`", .path.display(), .theirs.display()
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What belongs to somebody else.
        theirs: PathBuf,
        /// To whom.
        owner: u32,
        /// Whom this runs as.
        user: u32,
    },
    /// A file cannot be made, opened or locked.
    #[error("cannot open {}", .path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
}

impl Lock {
    /// Takes the path, whatever stands there; waits for nobody. The file beside is made for its owner alone.
    ///
    /// # Errors
    /// Where another holds the path, or the file beside cannot be made.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let beside = beside(path);
        let file = files::private(&beside);
        let lock = Self(file.map_err(|error| LockError::opening(&beside, error))?);
        match lock.0.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(LockError::opening(&beside, error)),
        }
    }

    /// Whether somebody holds the path. Nothing is made where there is no file beside; where there is one, it is held for the moment
    /// of the look, and whoever takes it just then finds it held.
    pub fn is_held(path: &Path) -> bool {
        // Shared, so that two who ask do not take each other for whom they ask about.
        let held = |file| matches!(Self(file).0.try_lock_shared(), Err(TryLockError::WouldBlock));
        File::open(beside(path)).is_ok_and(held)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would not do while a child process is being started: it holds a copy until it runs its program.
        drop(self.0.unlock());
    }
}

impl LockError {
    /// Why `path` cannot be opened: mostly a gateway was started, or a command run, by somebody else before.
    pub fn opening(path: &Path, error: io::Error) -> Self {
        Self::of(path, error, rustix::process::geteuid().as_raw())
    }

    fn of(path: &Path, error: io::Error, user: u32) -> Self {
        let of = |path: &Path| Some((path.to_owned(), path.metadata().ok()?.uid()));
        let found = of(path).or_else(|| of(path.parent()?));
        match found {
            Some((theirs, owner)) if error.kind() == io::ErrorKind::PermissionDenied && owner != user => {
                Self::Foreign { path: path.to_owned(), theirs, owner, user }
            }
            _ => Self::Open { path: path.to_owned(), source: Arc::new(error) },
        }
    }
}

/// The file that the lock of this one is on. Not the file itself: closing any descriptor of a database would drop SQLite's own locks
/// on it.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_at_a_time_holds_a_path_and_a_look_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("consentry.db");
        assert!(!Lock::is_held(&path));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);

        let lock = Lock::take(&path).unwrap();
        assert!(Lock::is_held(&path));
        assert!(matches!(Lock::take(&path), Err(LockError::Held(held)) if held == path));
        assert!(!path.exists());
        let beside = folder.path().join("consentry.db.lock").metadata().unwrap();
        assert_eq!((beside.len(), beside.permissions().mode() & 0o777), (0, 0o600));

        // A child that is being started has a copy.
        let copy = lock.0.try_clone().unwrap();
        drop(lock);
        assert!(!Lock::is_held(&path));
        drop((Lock::take(&path).unwrap(), copy));
    }

    #[test]
    fn a_file_of_somebody_else_is_said_to_be_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("consentry.db.lock");
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let owner = folder.path().metadata().unwrap().uid();
        let says = |path: &Path, user| LockError::of(path, denied(), user).to_string();
        // It is not there, so the folder is in the way.
        let theirs = format!("{} belongs to user {owner}.", folder.path().display());
        assert!(says(&path, owner + 1).contains(&theirs));
        std::fs::write(&path, "").unwrap();
        assert!(says(&path, owner + 1).contains("consentry.db.lock belongs to user"));
        assert!(matches!(LockError::of(&path, denied(), owner), LockError::Open { .. }));
    }
}
