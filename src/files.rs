//! Files that are read whole, only those that end by themselves; and files and folders that are somebody's alone.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::{getegid, geteuid, getgroups};

/// Opens a regular file to read. A pipe is refused: whoever opens one, or reads from it, waits until somebody writes, which may
/// be never, and what waits is what would have said so. So is a device, which need not end.
///
/// # Errors
/// As the system's, and [`io::ErrorKind::InvalidInput`] for what is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // Without waiting for a writer; reads of a regular file are as ever.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
    }
}

/// What lies beside a file, by the ending that is put behind its name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes a file that is not there yet, with this mode but for what the umask takes away.
///
/// # Errors
/// As the system's; where there is one already, [`io::ErrorKind::AlreadyExists`].
pub fn create(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// Opens a file to write, from its beginning, and makes it for its owner alone where it is not there.
///
/// # Errors
/// As the system's.
pub fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A folder for a while, its owner's alone: it goes with all that is in it when this is dropped.
pub struct Temporary(PathBuf);

impl Temporary {
    /// Makes it where the system keeps such. Of the name nobody must know it before.
    ///
    /// # Errors
    /// As the system's.
    pub fn new(name: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("consentry-{name}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Whether a file is its reader's alone. It is where nobody but its owner has access to it, and where it comes from a volume that
/// gives a secret to a group of this process (ADR 0031).
pub fn is_private(file: &Metadata) -> bool {
    let groups = || {
        let all = getgroups().unwrap_or_default();
        all.into_iter().chain([getegid()]).map(|group| group.as_raw()).collect()
    };
    is_alone(file.mode(), (file.uid(), file.gid()), geteuid().as_raw(), groups)
}

fn is_alone(mode: u32, (owner, group): (u32, u32), reader: u32, groups: impl Fn() -> Vec<u32>) -> bool {
    // Root's, so that the mode is not the reader's to change; and nobody writes it, and the others have no access.
    let mounted = || owner == 0 && reader != 0 && mode & 0o037 == 0 && groups().contains(&group);
    mode & 0o077 == 0 || mounted()
}

/// Makes the folder of a file where it is not there: its owner's alone, whatever the umask is. Those above it are made as any folder is.
///
/// # Errors
/// Where it cannot be made.
pub fn private_folder(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
    else {
        return Ok(());
    };
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(above)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        // Somebody made it just now: two begin at once, and one of them will hold the store.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    // With a key in it, it must not be lost with the power.
    synced(File::open(above).and_then(|above| above.sync_all()))
}

/// A folder that may be entered and written in need not be one that may be read, which a sync would take.
fn synced(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_file_is_opened_and_nothing_that_may_keep_its_reader_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        let mut text = String::new();
        open(&at("link")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");

        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        for name in ["pipe", "zero", "."] {
            assert_eq!(open(&at(name)).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name}");
        }
        assert_eq!(open(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_secret_is_its_owners_or_one_that_root_gives_a_group_to_read() {
        let (root, service, group, other) = (0, 1000, 2000, 3000);
        let of = |mode, owner, reader| is_alone(mode, (owner, group), reader, || vec![1000, group]);
        for owner in [root, service, other] {
            assert!(of(0o100_600, owner, service) && of(0o100_400, owner, service));
        }
        for mode in [0o100_440, 0o100_640, 0o100_040] {
            assert!(of(mode, root, service), "{mode:o}");
            // Those may change the mode.
            assert!(!of(mode, service, service) && !of(mode, root, root), "{mode:o}");
            // Of such a one nobody knows why the group is to read it.
            assert!(!of(mode, other, service), "{mode:o}");
            assert!(!is_alone(mode, (root, group), service, || vec![1000]), "a group of others: {mode:o}");
        }
        for mode in [0o660, 0o460, 0o450, 0o444, 0o644, 0o442, 0o441, 0o404, 0o420, 0o410, 0o777] {
            assert!(!of(mode, root, service), "{mode:o}");
        }
    }

    #[test]
    fn a_missing_folder_is_its_owners_alone_and_those_above_are_as_any() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("etc/keys/master.key");
        private_folder(&key).unwrap();
        private_folder(&key).unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("etc/keys"), 0o700);
        fs::create_dir(folder.path().join("any")).unwrap();
        assert_eq!(mode("etc"), mode("any"));
    }

    #[test]
    fn a_folder_for_a_while_is_its_owners_alone_and_goes_with_what_is_in_it() {
        let name = tempfile::tempdir().unwrap().path().file_name().unwrap().to_str().unwrap().to_owned();
        let folder = Temporary::new(&name).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(Temporary::new(&name).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        fs::write(path.join("file"), "text").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_is_made_by_another_meanwhile_is_made() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..200 {
            let key = folder.path().join(format!("{round}/keys/master.key"));
            fs::create_dir(folder.path().join(round.to_string())).unwrap();
            let at_once = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        at_once.wait();
                        private_folder(&key).unwrap();
                    });
                }
            });
        }
        // What is no folder is none.
        symlink("nowhere", folder.path().join("link")).unwrap();
        let refused = private_folder(&folder.path().join("link/master.key")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_folder_that_may_not_be_read_is_passed_and_a_sync_that_fails_is_not() {
        assert!(synced(Err(io::ErrorKind::PermissionDenied.into())).is_ok());
        assert!(synced(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
