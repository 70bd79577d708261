//! A listener's certificate and key, which can be exchanged while connections live.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Validity;
use super::tls::{self, TlsError};
use crate::files;
use crate::newest::{Newest, Reading};

/// A certificate chain and its private key, from two PEM files.
///
/// INVARIANT: what is in force is always a pair that belongs together.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: Newest<CertifiedKey>,
}

/// A chain and its key that belong together, read and not yet in force.
#[derive(Debug)]
pub struct Pair(Reading, CertifiedKey);

impl Pair {
    /// When the server's certificate is valid, if it says so.
    pub fn validity(&self) -> Option<Validity> {
        validity(&self.1)
    }
}

impl Certificates {
    /// Reads the chain (the server's certificate first) and the key.
    ///
    /// # Errors
    /// If a file is missing or bad, or the two do not belong together.
    pub fn load(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Arc<Self>, TlsError> {
        let (certificate, key) = (certificate.into(), key.into());
        let current = Newest::new(read(&certificate, &key)?);
        Ok(Arc::new(Self { certificate, key, current }))
    }

    /// Reads the files again. Handshakes from now on use what they hold; connections that stand are not touched.
    ///
    /// # Errors
    /// As [`Certificates::load`]; what was in force stays in force.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.replace(self.read()?);
        Ok(())
    }

    /// Reads the files again and puts nothing in force, so that all of a deployment can be read before any of it is.
    ///
    /// # Errors
    /// As [`Certificates::load`].
    pub fn read(&self) -> Result<Pair, TlsError> {
        let reading = self.current.begin();
        Ok(Pair(reading, read(&self.certificate, &self.key)?))
    }

    /// Puts in force what was read, unless a pair is in force that was read later.
    pub fn replace(&self, pair: Pair) {
        let Pair(reading, pair) = pair;
        self.current.put(reading, pair);
    }

    /// When the certificate that is in force is valid, if it says so. Of the server's own: clients do without others of a chain that have
    /// ended, where they know a better one.
    pub fn validity(&self) -> Option<Validity> {
        validity(&self.current.load())
    }

    /// The mode of the key's file, where it is not private ([`files::is_private`]). Mounted secrets often leave no choice, so that is
    /// said and not refused.
    pub fn exposed(&self) -> Option<u32> {
        let file = self.key.metadata().ok()?;
        (!files::is_private(&file)).then_some(file.mode() & 0o777)
    }

    /// The two files, certificate first: what to watch for changes.
    pub fn files(&self) -> [&Path; 2] {
        [&self.certificate, &self.key]
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load()))
    }
}

/// Shows the files, not what they hold.
impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn validity(pair: &CertifiedKey) -> Option<Validity> {
    Validity::of(pair.cert.first()?)
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = tls::certificates_in(certificate)?;
    let private = PrivateKeyDer::from_pem_reader(tls::open(key)?).map_err(|error| tls::unread(key, error))?;
    let private = tls::provider()
        .key_provider
        .load_private_key(private)
        .map_err(|source| TlsError::Key { path: key.to_owned(), source })?;
    let pair = CertifiedKey::new(chain, private);
    // Unlike `CertifiedKey::from_der`, a key whose public half is not known is not a match.
    match pair.keys_match() {
        Ok(()) => Ok(pair),
        Err(source) => {
            Err(TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned(), source })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    use super::*;
    use crate::telemetry::Causes;

    fn write(dir: &Path) -> (PathBuf, PathBuf) {
        let Made { cert, signing_key } = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let (certificate, key) = (dir.join("tls.crt"), dir.join("tls.key"));
        fs::write(&certificate, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn in_force(certificates: &Certificates) -> Vec<u8> {
        certificates.current.load().cert[0].to_vec()
    }

    #[test]
    fn new_files_come_into_force_on_reload() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = write(dir.path());
        let certificates = Certificates::load(certificate, key).unwrap();
        let before = in_force(&certificates);
        write(dir.path());
        assert_eq!(in_force(&certificates), before);
        certificates.reload().unwrap();
        assert_ne!(in_force(&certificates), before);
    }

    #[test]
    fn a_pair_that_was_read_earlier_never_replaces_one_that_was_read_later() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = write(dir.path());
        let certificates = Certificates::load(certificate, key).unwrap();
        let earlier = certificates.read().unwrap();
        write(dir.path());
        certificates.reload().unwrap();
        let later = in_force(&certificates);
        certificates.replace(earlier);
        assert_eq!(in_force(&certificates), later);
    }

    #[test]
    fn bad_files_leave_the_running_pair_in_force_and_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let (certificate, key) = write(dir.path());
        let (_, foreign_key) = write(other.path());
        let certificates = Certificates::load(&certificate, &key).unwrap();
        let before = in_force(&certificates);
        let own_key = fs::read(&key).unwrap();

        fs::copy(&foreign_key, &key).unwrap();
        let error = certificates.reload().unwrap_err();
        assert!(matches!(error, TlsError::Mismatch { .. }), "{error:?}");
        assert!(error.to_string().contains("tls.key") && error.to_string().contains("tls.crt"));

        fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA").unwrap();
        let error = certificates.reload().unwrap_err();
        assert!(error.to_string().contains("tls.key"), "{error}");

        fs::write(&key, &own_key).unwrap();
        fs::write(&certificate, &own_key).unwrap();
        let error = certificates.reload().unwrap_err();
        assert!(matches!(error, TlsError::NoCertificate(_)), "{error:?}");

        fs::remove_file(&certificate).unwrap();
        let error = certificates.reload().unwrap_err();
        assert!(matches!(error, TlsError::Read { .. }), "{error:?}");
        assert!(error.to_string().ends_with("tls.crt cannot be read"), "{error}");

        assert_eq!(in_force(&certificates), before);
    }

    #[test]
    fn what_is_said_of_a_bad_file_holds_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = write(dir.path());
        let certificates = Certificates::load(&certificate, &key).unwrap();
        let own = fs::read_to_string(&key).unwrap();
        let secret = own.lines().nth(1).unwrap();
        let begins = secret.get(..8).unwrap();
        let decimal: Vec<String> = secret.bytes().take(8).map(|byte| byte.to_string()).collect();
        let one_line = own.replace('\n', "");
        let cut = own.split("-----END").next().unwrap().to_owned();
        let spoiled = own.replace(secret, &format!("{secret}*"));
        for (file, bad) in [
            (&key, one_line.clone()),
            (&key, own.replace('\n', "\\n")),
            (&key, cut),
            (&key, spoiled),
            (&certificate, one_line),
        ] {
            let good = fs::read(file).unwrap();
            fs::write(file, &bad).unwrap();
            let error = certificates.reload().unwrap_err();
            let said = format!("{} {error:?}", Causes(&error));
            assert!(!said.contains(begins) && !said.contains(&decimal.join(", ")), "{said}");
            fs::write(file, good).unwrap();
        }
        assert!(certificates.reload().is_ok());
    }

    #[test]
    fn debug_holds_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = write(dir.path());
        let shown = format!("{:?}", Certificates::load(certificate, &key).unwrap());
        assert!(shown.contains("tls.key"));
        assert!(!shown.contains("PRIVATE") && !shown.contains("CertifiedKey"));
    }
}
