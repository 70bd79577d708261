//! Secrets in files of their own.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::files;

use super::demo::demo_only;
use super::setting::MasterKeySource;

/// No secret is longer.
const LONGEST: usize = 64 << 10;

/// What a file of one secret says.
pub struct Secret {
    /// The secret: the file's text without lines that begin with `#`, and without white space at both ends.
    pub text: Zeroizing<String>,
    /// Whether it was made for the demo.
    pub demo_only: bool,
}

/// Shows nothing of the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("demo_only", &self.demo_only).finish_non_exhaustive()
    }
}

/// Why a secret cannot be had.
#[derive(Clone, Debug, Error)]
pub enum SecretError {
    /// The file is missing.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// Others than the owner may read or write the file.
    #[error(
        "others than its owner have access to {path} (mode {mode:03o}): run `chmod 600 {path}`, and take the secret as known to them; \
         one that a volume gives must be root's, of mode 0440 and of a group of this user", path = .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The file is larger than 64 KiB or not UTF-8.
    #[error("{} is not a text in UTF-8 of at most 64 KiB", .0.display())]
    NotText(PathBuf),
    /// The file has nothing but comments and white space.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// The environment variable is not set, or not UTF-8.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
}

/// Reads a secret from a file that is private to whoever runs this ([`files::is_private`]). Blocks on the disk.
///
/// # Errors
/// [`SecretError`].
pub fn secret(path: &Path) -> Result<Secret, SecretError> {
    let whole = read(path, |metadata| {
        let exposed = || SecretError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o777 };
        if files::is_private(metadata) { Ok(()) } else { Err(exposed()) }
    })?;
    let mut text = Zeroizing::new(String::with_capacity(whole.len()));
    for line in whole.split_inclusive('\n').filter(|line| !line.starts_with('#')) {
        text.push_str(line);
    }
    let trimmed = Zeroizing::new(text.trim().to_owned());
    if trimmed.is_empty() {
        return Err(SecretError::Empty(path.to_owned()));
    }
    Ok(Secret { text: trimmed, demo_only: demo_only(&whole) })
}

/// The text of a [`secret`].
///
/// # Errors
/// [`SecretError`].
pub fn secret_text(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    secret(path).map(|secret| secret.text)
}

/// Reads what everybody may know.
pub(super) fn public(path: &Path) -> Result<String, SecretError> {
    read(path, |_| Ok(())).map(|text| String::clone(&text))
}

fn read(
    path: &Path,
    check: impl FnOnce(&fs::Metadata) -> Result<(), SecretError>,
) -> Result<Zeroizing<String>, SecretError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SecretError::Missing(path.to_owned()),
        _ => SecretError::Read { path: path.to_owned(), source: Arc::new(source) },
    };
    let file = files::open(path).map_err(failed)?;
    // Of the file that was opened, not of the path: it may be another by now.
    check(&file.metadata().map_err(failed)?)?;
    // As much room at once as there may be: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let cap = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    file.take(cap).read_to_end(&mut bytes).map_err(failed)?;
    let text = std::str::from_utf8(&bytes).ok().filter(|text| text.len() <= LONGEST);
    text.map(|text| Zeroizing::new(text.to_owned())).ok_or_else(|| SecretError::NotText(path.to_owned()))
}

impl MasterKeySource {
    /// The master key as text. Blocks on the disk, or reads the environment.
    ///
    /// # Errors
    /// [`SecretError`]. A missing key is never made here.
    pub fn text(&self) -> Result<Zeroizing<String>, SecretError> {
        match self {
            Self::File(path) => secret_text(path),
            Self::Env(name) => environment(name)
                .filter(|text| !text.trim().is_empty())
                .ok_or_else(|| SecretError::NotSet(name.clone())),
        }
    }
}

/// The place, for messages: never the key.
impl fmt::Display for MasterKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "at {}", path.display()),
            Self::Env(name) => write!(f, "of the environment variable {name}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
fn environment(name: &str) -> Option<Zeroizing<String>> {
    std::env::var(name).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(folder: &tempfile::TempDir, text: &[u8], mode: u32) -> PathBuf {
        let path = folder.path().join(format!("secret-{mode:o}-{}", text.len()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn comments_and_white_space_are_no_part_of_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, b"# consentry-demo\n#second\n  one # two\nthree\n#last\n\n", 0o600);
        let secret = secret(&path).unwrap();
        assert_eq!(*secret.text, "one # two\nthree");
        assert!(secret.demo_only);
        assert!(!format!("{secret:?}").contains("one"));
        let path = file(&folder, b"plain\r\n", 0o400);
        assert_eq!(*secret_text(&path).unwrap(), "plain");
    }

    #[test]
    fn a_secret_that_others_can_reach_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777] {
            let path = file(&folder, b"secret", mode);
            let error = secret_text(&path).unwrap_err();
            assert!(matches!(error, SecretError::Exposed { mode: found, .. } if found == mode), "{mode:o}");
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
    }

    #[test]
    fn what_is_no_secret_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        assert!(matches!(secret_text(&nowhere), Err(SecretError::Missing(_))));
        assert!(matches!(secret_text(&file(&folder, b"# only\n \n", 0o600)), Err(SecretError::Empty(_))));
        assert!(matches!(secret_text(&file(&folder, b"\xff\xfe", 0o600)), Err(SecretError::NotText(_))));
        let long = vec![b'a'; LONGEST + 1];
        assert!(matches!(secret_text(&file(&folder, &long, 0o600)), Err(SecretError::NotText(_))));
        assert_eq!(secret_text(&file(&folder, &long[1..], 0o600)).unwrap().len(), LONGEST);
        assert!(matches!(
            secret_text(folder.path()),
            Err(SecretError::Exposed { .. } | SecretError::Read { .. })
        ));
    }

    #[test]
    fn a_master_key_comes_from_a_file_or_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, b"# of this host\nkey\n", 0o600);
        assert_eq!(*MasterKeySource::File(path).text().unwrap(), "key");
        // Cargo sets it for every test.
        let source = MasterKeySource::Env("CARGO_PKG_NAME".into());
        assert_eq!(*source.text().unwrap(), "consentry");
        let source = MasterKeySource::Env("CONSENTRY_NO_SUCH_VARIABLE".into());
        assert!(
            matches!(source.text(), Err(SecretError::NotSet(name)) if name == "CONSENTRY_NO_SUCH_VARIABLE")
        );
    }
}
