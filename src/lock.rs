//! `PATH.lock`, by which processes tell each other that a path is in use. It lies beside, stays when it is let go of, and holds
//! nothing.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Access;
use rustix::io::Errno;

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
         or give them files and folders with `chown`", .path.display(), .theirs.display()
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
    /// The mode of a file, or of a folder, keeps its own user out.
    #[error(
        "cannot open {path} to read and write: the mode of {closed} is {mode:04o}, which keeps its own user out. `chmod {wants} {closed}` \
         lets them in", path = .path.display(), closed = .closed.display()
    )]
    Closed {
        /// Which file.
        path: PathBuf,
        /// What keeps out.
        closed: PathBuf,
        /// The mode that it has.
        mode: u32,
        /// What the mode lacks.
        wants: &'static str,
    },
    /// A file, or the folder that it is to lie in, is where nothing may be written.
    #[error(
        "cannot write to {}: its file system is mounted read-only. Mount it so that it may be written to, or name another place", .0.display()
    )]
    ReadOnly(PathBuf),
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
        match error.kind() {
            io::ErrorKind::PermissionDenied => {
                Self::keeping_from(path).unwrap_or_else(|| Self::of(path, error, user()))
            }
            _ => Self::Open { path: path.to_owned(), source: Arc::new(error) },
        }
    }

    /// What keeps this process from writing to `path`, or from making it or a file beside it, as far as owners and modes tell. Nothing
    /// is made for the answer.
    pub fn keeping_from(path: &Path) -> Option<Self> {
        let folders: Vec<&Path> = path.ancestors().skip(1).map(named).collect();
        // From the top: what lies in a folder that may not be entered cannot be looked at.
        let entered = folders.iter().rev().map(|folder| (*folder, Access::EXEC_OK, "u+x"));
        let itself = (path, Access::READ_OK | Access::WRITE_OK, "u+rw");
        let made = folders.first().map(|folder| (*folder, Access::WRITE_OK | Access::EXEC_OK, "u+rwx"));
        for (at, access, wants) in entered.chain([itself]).chain(made) {
            // What is not there, or is no folder, is for others to say.
            if at != path && !at.is_dir() {
                continue;
            }
            match rustix::fs::access(at, access) {
                Err(Errno::ACCESS) => return Self::kept_by(path, at, (access, wants), user()),
                Err(Errno::ROFS) => return Some(Self::ReadOnly(at.to_owned())),
                _ => {}
            }
        }
        None
    }

    /// `None` where a mode that keeps nobody out is not why, but a label of SELinux, for instance.
    fn kept_by(path: &Path, at: &Path, (access, wants): (Access, &'static str), user: u32) -> Option<Self> {
        let found = at.metadata().ok()?;
        let (path, owner, mode) = (path.to_owned(), found.uid(), found.mode() & 0o7777);
        if owner != user {
            return Some(Self::Foreign { path, theirs: at.to_owned(), owner, user });
        }
        let bits = [(Access::READ_OK, 0o400), (Access::WRITE_OK, 0o200), (Access::EXEC_OK, 0o100)];
        let lacks = bits.into_iter().any(|(one, bit)| access.contains(one) && mode & bit == 0);
        lacks.then(|| Self::Closed { path, closed: at.to_owned(), mode, wants })
    }

    /// Where modes tell nothing, who owns it may.
    fn of(path: &Path, error: io::Error, user: u32) -> Self {
        let found = path.ancestors().map(named).find_map(|path| Some((path, path.metadata().ok()?.uid())));
        match found {
            Some((theirs, owner)) if owner != user => {
                Self::Foreign { path: path.to_owned(), theirs: theirs.to_owned(), owner, user }
            }
            _ => Self::Open { path: path.to_owned(), source: Arc::new(error) },
        }
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The folder that a path begins in where it names none.
fn named(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// The file that the lock of this one is on. Not the file itself: closing any descriptor of a database would drop SQLite's own locks
/// on it.
fn beside(path: &Path) -> PathBuf {
    files::beside(path, ".lock")
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
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
        // Where the folder is not there either, the one that it would be made in.
        assert!(says(&folder.path().join("not/there/consentry.db"), owner + 1).contains(&theirs));
        let kept_by = |user| {
            let wanted = (Access::WRITE_OK | Access::EXEC_OK, "u+rwx");
            LockError::kept_by(&path, folder.path(), wanted, user)
        };
        let theirs = kept_by(owner + 1);
        assert!(matches!(theirs, Some(LockError::Foreign { theirs, .. }) if theirs == folder.path()));
        // A mode that lets its user in keeps nobody out: the system's own words stand.
        assert!(kept_by(owner).is_none());
        let mode = |mode| std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        mode(0o500);
        let closed = kept_by(owner).unwrap().to_string();
        mode(0o700);
        assert!(closed.contains(&format!("`chmod u+rwx {}`", folder.path().display())), "{closed}");
        assert!(LockError::keeping_from(&path).is_none());
        // What is no folder is for whoever opens it to say.
        assert!(LockError::keeping_from(&path.join("below")).is_none());
    }
}
