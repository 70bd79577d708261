//! A master key of this host: in a file that only the gateway may read, or in its environment.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use zeroize::Zeroizing;

use crate::crypto::{DataKey, InterchangeKey, Mac, Sealer};
use crate::files;

use super::{Answer, KeyError, KeyProvider};

/// The first byte of everything wrapped: how the rest is to be read.
const FORM: u8 = 1;
/// How many bytes name the master key.
const ID: usize = 8;
/// No key file is longer.
const LONGEST_FILE: u64 = 4096;

/// AES-256-GCM under a key that this process holds. What is wrapped is a form byte, the master key's id, and the sealed
/// secret; the context and the id are bound in.
#[derive(Debug)]
pub struct LocalKey {
    current: Master,
    previous: Vec<Master>,
}

#[derive(Debug)]
struct Master {
    id: [u8; ID],
    sealer: Sealer,
}

/// Why a master key is not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LocalKeyError {
    /// The file is missing.
    #[error("there is no master key at {}: without the one that was used before, nothing that is kept can be read", .0.display())]
    Missing(PathBuf),
    /// Others than the owner may read the file.
    #[error("others than its owner may read the master key at {path} (mode {mode:03o}): run `chmod 600 {path}`, and take the key as known to them", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file cannot be read.
    #[error("cannot read the master key at {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The file cannot be made.
    #[error("cannot make a master key at {}", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why; also where there is a file already.
        #[source]
        source: Arc<io::Error>,
    },
    /// The text is not a key.
    #[error("this is no master key: it must be 32 bytes in URL-safe base64, 44 characters")]
    Malformed,
    /// It is one that is there already.
    #[error("it is the same key as another one that is named")]
    Twice,
}

/// Writes a key as a line of a new file that nobody but its owner may read. A folder that is not there is made, for its owner alone.
/// Blocks on the disk.
///
/// # Errors
/// Where it cannot be written, also where there is a file at `path` already: a key is never overwritten.
pub fn write_new(path: &Path, key: &str) -> io::Result<()> {
    files::private_folder(path)?;
    let mut file = files::create(path, 0o600)?;
    file.write_all(key.as_bytes()).and_then(|()| file.write_all(b"\n"))?;
    // The key must not be lost with the power while what it wrapped is not.
    file.sync_all()?;
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

impl LocalKey {
    /// Reads the master key from a file that nobody but its owner may read. Blocks on the disk.
    ///
    /// # Errors
    /// [`LocalKeyError`]. A missing file is never made here.
    pub fn from_file(path: &Path) -> Result<Self, LocalKeyError> {
        let read =
            |source: io::Error| LocalKeyError::Read { path: path.to_owned(), source: Arc::new(source) };
        let file = files::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LocalKeyError::Missing(path.to_owned()),
            _ => read(error),
        })?;
        // Of the file that was opened, not of the path: it may be another by now.
        let mode = file.metadata().map_err(read)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(LocalKeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(64));
        file.take(LONGEST_FILE).read_to_string(&mut text).map_err(read)?;
        Self::from_text(&text)
    }

    /// Reads the master key from text, as a Fernet key is written: 32 bytes in URL-safe base64. White space around it
    /// does not count.
    ///
    /// # Errors
    /// [`LocalKeyError::Malformed`].
    pub fn from_text(text: &str) -> Result<Self, LocalKeyError> {
        let bytes = URL_SAFE.decode(text.trim()).map(Zeroizing::new).map_err(|_| LocalKeyError::Malformed)?;
        let bytes =
            Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| LocalKeyError::Malformed)?);
        let id = Mac::new(bytes.as_slice()).tag(&[b"consentry master key id"]);
        let id = id.first_chunk::<ID>().copied().ok_or(LocalKeyError::Malformed)?;
        let sealer = DataKey::from_bytes(*bytes).sealer();
        Ok(Self { current: Master { id, sealer }, previous: Vec::new() })
    }

    /// Makes a new master key in a new file that nobody but its owner may read, and reads it. A folder that is not there is made, for
    /// its owner alone.
    ///
    /// # Errors
    /// [`LocalKeyError::Create`], also where there is a file at `path` already: a key is never overwritten.
    pub fn create(path: &Path) -> Result<Self, LocalKeyError> {
        let create =
            |source: io::Error| LocalKeyError::Create { path: path.to_owned(), source: Arc::new(source) };
        write_new(path, &InterchangeKey::generate()).map_err(create)?;
        Self::from_file(path)
    }

    /// Opens also what `older` wrapped; new secrets are wrapped under this one.
    ///
    /// # Errors
    /// [`LocalKeyError::Twice`]: whoever names one key twice believes that it was exchanged.
    pub fn and_previous(mut self, older: Self) -> Result<Self, LocalKeyError> {
        self.add_previous(older)?;
        Ok(self)
    }

    /// The same in place, and as it was where `older` is one that is known.
    ///
    /// # Errors
    /// As [`and_previous`](Self::and_previous).
    pub fn add_previous(&mut self, older: Self) -> Result<(), LocalKeyError> {
        for older in std::iter::once(older.current).chain(older.previous) {
            if std::iter::once(&self.current).chain(&self.previous).any(|known| known.id == older.id) {
                return Err(LocalKeyError::Twice);
            }
            self.previous.push(older);
        }
        Ok(())
    }

    fn seal(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, KeyError> {
        let sealed = self
            .current
            .sealer
            .seal(&bound(self.current.id, context), secret)
            .map_err(|_| KeyError::Refused)?;
        Ok([&[FORM], self.current.id.as_slice(), &sealed].concat())
    }

    fn open(&self, context: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (id, sealed) = parts(wrapped).ok_or(KeyError::Refused)?;
        let mut known = std::iter::once(&self.current).chain(&self.previous);
        let master = known.find(|master| master.id == id).ok_or(KeyError::Refused)?;
        master.sealer.open(&bound(id, context), sealed).map_err(|_| KeyError::Refused)
    }
}

impl KeyProvider for LocalKey {
    fn name(&self) -> &str {
        "local"
    }

    fn wrap<'a>(&'a self, context: &'a [u8], secret: &'a [u8]) -> Answer<'a, Vec<u8>> {
        Box::pin(async move { self.seal(context, secret) })
    }

    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Answer<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move { self.open(context, wrapped) })
    }

    fn is_current(&self, wrapped: &[u8]) -> bool {
        parts(wrapped).is_some_and(|(id, _)| id == self.current.id)
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// The form and the id have a fixed length, so no two contexts agree.
fn bound(id: [u8; ID], context: &[u8]) -> Vec<u8> {
    [&[FORM], id.as_slice(), context].concat()
}

fn parts(wrapped: &[u8]) -> Option<([u8; ID], &[u8])> {
    let (&form, rest) = wrapped.split_first()?;
    let (&id, sealed) = rest.split_first_chunk::<ID>()?;
    (form == FORM).then_some((id, sealed))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::contract;
    use super::*;

    fn fresh() -> LocalKey {
        LocalKey::from_text(&InterchangeKey::generate()).unwrap()
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.key");
        let provider = LocalKey::create(&path).unwrap();
        let again = LocalKey::from_file(&path).unwrap();
        contract::suite(&provider, &again, &fresh()).await;
    }

    #[tokio::test]
    async fn a_rotation_opens_the_old_and_seals_the_new() {
        let texts = [InterchangeKey::generate(), InterchangeKey::generate()];
        let old = LocalKey::from_text(&texts[0]).unwrap();
        let wrapped = old.wrap(b"c", b"secret").await.unwrap();
        let both =
            LocalKey::from_text(&texts[1]).unwrap().and_previous(LocalKey::from_text(&texts[0]).unwrap());
        let both = both.unwrap();
        assert_eq!(both.unwrap(b"c", &wrapped).await.unwrap().as_slice(), b"secret");
        assert!(!both.is_current(&wrapped));
        let anew = both.wrap(b"c", b"secret").await.unwrap();
        assert!(both.is_current(&anew));
        assert_eq!(old.unwrap(b"c", &anew).await.unwrap_err(), KeyError::Refused);
        for text in &texts {
            let again = fresh().and_previous(LocalKey::from_text(text).unwrap()).unwrap();
            let error = again.and_previous(LocalKey::from_text(text).unwrap()).unwrap_err();
            assert!(matches!(error, LocalKeyError::Twice) && !format!("{error} {error:?}").contains(&**text));
        }
        assert!(matches!(old.and_previous(both), Err(LocalKeyError::Twice)));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        drop(LocalKey::create(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620, 0o666] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = LocalKey::from_file(&path).unwrap_err();
            assert!(matches!(error, LocalKeyError::Exposed { mode: found, .. } if found == mode));
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        LocalKey::from_file(&path).unwrap();
    }

    #[test]
    fn a_missing_file_is_said_and_never_made_and_an_existing_one_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        assert!(matches!(LocalKey::from_file(&path), Err(LocalKeyError::Missing(_))));
        assert!(!path.exists());
        drop(LocalKey::create(&path).unwrap());
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(LocalKey::create(&path), Err(LocalKeyError::Create { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_is_not_32_bytes_is_no_key_and_is_not_repeated() {
        for text in ["", "c2hvcnQ=", "hunter2hunter2hunter2", &URL_SAFE.encode([7; 33]), &"A".repeat(43)] {
            let error = LocalKey::from_text(text).unwrap_err();
            assert!(matches!(error, LocalKeyError::Malformed), "{text}");
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(text));
        }
        let text = InterchangeKey::generate();
        LocalKey::from_text(&format!(" {}\n", &*text)).unwrap();
        assert!(!format!("{:?}", LocalKey::from_text(&text).unwrap()).contains(&**text));
    }
}
