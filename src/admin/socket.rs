//! The administration's socket file. Nothing else that may stand at its path is ever removed.

use std::fs::{Metadata, symlink_metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use crate::lock::{Lock, LockError};
use crate::net;

/// Device, number and time of a file: a number alone is soon given to another.
type Identity = (u64, u64, i64, i64);

/// The administration's socket; the file goes when this is dropped, if it is still the one that was made.
#[derive(Debug)]
pub struct Served {
    path: PathBuf,
    made: Identity,
    /// INVARIANT: held for as long as the socket is. So nobody makes theirs between a look at what stands at the path and its
    /// removal.
    _lock: Lock,
}

impl Drop for Served {
    fn drop(&mut self) {
        let found = symlink_metadata(&self.path);
        if found.is_ok_and(|found| found.file_type().is_socket() && identity(&found) == self.made) {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// A socket that its owner alone can open. One that a gateway before left behind is replaced. The store's lock says that no other
/// gateway runs for this deployment, and nothing of those of others that name the same path: a lock beside the socket does, and a
/// look whether anybody answers there.
///
/// # Errors
/// Where the socket cannot be made, somebody listens there, or what stands there is no socket: that is left as it is.
pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, Served)> {
    has_room(path)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| io::Error::other(LockError::opening(path, error)))?;
    }
    // Before the lock is made: none comes to lie beside what is no socket.
    stands(path)?;
    let lock = lock(path)?;
    if stands(path)? {
        if answers(path)? {
            return Err(taken("somebody listens there already"));
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let served = Served { path: path.to_owned(), made: identity(&symlink_metadata(path)?), _lock: lock };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok((listener, served))
}

/// Whether a socket can stand there, as far as it can be seen: nothing is made, and nobody is asked whether they listen there.
///
/// # Errors
/// As those of a start.
pub fn may_stand(path: &Path) -> io::Result<()> {
    has_room(path)?;
    stands(path).map(drop)
}

/// Whether a socket can be made there: one is, and goes again.
///
/// # Errors
/// As those of a start.
pub fn may_serve(path: &Path) -> io::Result<()> {
    bind(path).map(drop)
}

fn has_room(path: &Path) -> io::Result<()> {
    if net::names_a_socket(path) {
        return Ok(());
    }
    let why = "the path of a socket has at most 107 bytes, and this one has more: give `admin.socket` a shorter one";
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Whether a socket stands there.
fn stands(path: &Path) -> io::Result<bool> {
    match symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => {
            let why =
                "what stands there is no socket, and is left as it is: give `admin.socket` a path of its own";
            Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn lock(path: &Path) -> io::Result<Lock> {
    Lock::take(path).map_err(|error| match error {
        LockError::Held(_) => taken("another gateway has its socket there"),
        error => io::Error::other(error),
    })
}

fn taken(by: &str) -> io::Error {
    let why = format!(
        "{by}, so it is left as it is: give each deployment an `admin.socket` of its own, or stop the other first"
    );
    io::Error::new(io::ErrorKind::AddrInUse, why)
}

/// Whether somebody takes connections at this socket.
fn answers(path: &Path) -> io::Result<bool> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Whoever is too busy to answer must not hold up the start.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Ok(()) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => Ok(true),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Ok(false),
            _ => Err(io::Error::other(LockError::opening(path, error))),
        },
    }
}

fn identity(found: &Metadata) -> Identity {
    (found.dev(), found.ino(), found.mtime(), found.mtime_nsec())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_socket_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/admin.sock");
        drop({
            fs::create_dir(folder.path().join("run")).unwrap();
            UnixListener::bind(&path).unwrap()
        });
        let (_first, served) = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // Who bound before takes nothing along that is not theirs.
        fs::rename(&path, folder.path().join("left")).unwrap();
        let theirs = UnixListener::bind(&path).unwrap();
        drop(served);
        assert!(path.exists());
        drop(theirs);
        let (_second, served) = bind(&path).unwrap();
        drop(served);
        assert!(!path.exists());

        fs::write(&path, "data").unwrap();
        let linked = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &linked).unwrap();
        for path in [&path, &linked, folder.path()] {
            assert!(bind(path).unwrap_err().to_string().contains("is no socket"), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&linked).unwrap(), "data");
        assert!(!folder.path().join("link.lock").exists());
    }

    #[tokio::test]
    async fn a_socket_at_which_somebody_listens_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let refused = || bind(&path).unwrap_err().to_string();
        let theirs = UnixListener::bind(&path).unwrap();
        assert!(refused().contains("somebody listens there"), "{}", refused());
        drop(theirs);

        let (listener, served) = bind(&path).unwrap();
        assert!(refused().contains("another gateway"), "{}", refused());
        // Also between the end of its listening and the removal, and where somebody removed the file.
        drop(listener);
        assert!(refused().contains("another gateway"), "{}", refused());
        fs::remove_file(&path).unwrap();
        assert!(refused().contains("another gateway"), "{}", refused());
        drop(served);
        drop(bind(&path).unwrap());
    }

    #[tokio::test]
    async fn a_file_that_was_put_in_its_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let (_listener, served) = bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "data").unwrap();
        drop(served);
        assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    }
}
