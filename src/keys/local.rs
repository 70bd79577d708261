//! A master key of this host: in a file that only the gateway may read, or in its environment.

use std::fs::File;
use std::io::{self, Write as _};
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

    /// Makes a new master key in a new file that nobody but its owner may read. A folder that is not there is made, for
    /// its owner alone.
    ///
    /// # Errors
    /// [`LocalKeyError::Create`], also where there is a file at `path` already: a key is never overwritten.
    pub fn create(path: &Path) -> Result<Self, LocalKeyError> {
        let key = InterchangeKey::generate();
        write_new(path, &key)
            .map_err(|source| LocalKeyError::Create { path: path.to_owned(), source: Arc::new(source) })?;
        Self::from_text(&key)
    }

    /// Opens also what `older` wrapped; new secrets are wrapped under this one. As it was where `older` is one that is known.
    ///
    /// # Errors
    /// [`LocalKeyError::Twice`]: whoever names one key twice believes that it was exchanged.
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
    fn wrap<'a>(&'a self, context: &'a [u8], secret: &'a [u8]) -> Answer<'a, Vec<u8>> {
        Box::pin(async move { self.seal(context, secret) })
    }

    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Answer<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move { self.open(context, wrapped) })
    }

    fn is_current(&self, wrapped: &[u8]) -> bool {
        parts(wrapped).is_some_and(|(id, _)| id == self.current.id)
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
    use std::os::unix::fs::MetadataExt as _;

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
        let again = LocalKey::from_text(&std::fs::read_to_string(&path).unwrap()).unwrap();
        contract::suite(&provider, &again, &fresh()).await;
    }

    #[tokio::test]
    async fn a_rotation_opens_the_old_and_seals_the_new() {
        let texts = [InterchangeKey::generate(), InterchangeKey::generate()];
        let old = LocalKey::from_text(&texts[0]).unwrap();
        let wrapped = old.wrap(b"c", b"secret").await.unwrap();
        let mut both = LocalKey::from_text(&texts[1]).unwrap();
        both.add_previous(LocalKey::from_text(&texts[0]).unwrap()).unwrap();
        assert_eq!(both.unwrap(b"c", &wrapped).await.unwrap().as_slice(), b"secret");
        assert!(!both.is_current(&wrapped));
        let anew = both.wrap(b"c", b"secret").await.unwrap();
        assert!(both.is_current(&anew));
        assert_eq!(old.unwrap(b"c", &anew).await.unwrap_err(), KeyError::Refused);
        for text in &texts {
            let mut again = fresh();
            again.add_previous(LocalKey::from_text(text).unwrap()).unwrap();
            let error = again.add_previous(LocalKey::from_text(text).unwrap()).unwrap_err();
            assert!(matches!(error, LocalKeyError::Twice) && !format!("{error} {error:?}").contains(&**text));
        }
        let mut old = old;
        assert!(matches!(old.add_previous(both), Err(LocalKeyError::Twice)));
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_an_existing_one_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        drop(LocalKey::create(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
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
