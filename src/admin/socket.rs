//! The administration's socket file. Nothing else that may stand at its path is ever removed.

use std::fs::{Metadata, symlink_metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Device, number and time of a file: a number alone is soon given to another.
type Identity = (u64, u64, i64, i64);

/// The administration's socket; the file goes when this is dropped, if it is still the one that was made.
#[derive(Debug)]
pub struct Served {
    path: PathBuf,
    made: Identity,
}

impl Drop for Served {
    fn drop(&mut self) {
        let found = symlink_metadata(&self.path);
        if found.is_ok_and(|found| found.file_type().is_socket() && identity(&found) == self.made) {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// A socket that its owner alone can open. One that a gateway before left behind is replaced; that no other gateway runs is
/// known from the store's lock.
///
/// # Errors
/// Where the socket cannot be made, or what stands there is no socket: that is left as it is.
pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, Served)> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => {
            let why =
                "what stands there is no socket, and is left as it is: give `admin.socket` a path of its own";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    let served = Served { path: path.to_owned(), made: identity(&symlink_metadata(path)?) };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok((listener, served))
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
        let (first, left) = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(first);
        fs::rename(&path, folder.path().join("left")).unwrap();
        let left_behind = UnixListener::bind(&path).unwrap();
        drop(left_behind);
        let (_second, served) = bind(&path).unwrap();
        // Who bound before takes nothing along that is not theirs.
        drop(left);
        assert!(path.exists());
        drop(served);
        assert!(!path.exists());

        fs::write(&path, "data").unwrap();
        let linked = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &linked).unwrap();
        for path in [&path, &linked, folder.path()] {
            assert!(bind(path).unwrap_err().to_string().contains("is no socket"), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&linked).unwrap(), "data");
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
