//! Certificates are often replaced by another program, which tells nobody; mounted secrets swap a folder. So their files are
//! looked at. What cannot be put in force is tried again at each look: a mode is mended without a change of the file, and of two
//! files one comes after the other.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::admin::Unrenewed;
use crate::clock::Clock;
use crate::net::Certificates;
use crate::telemetry::{Causes, Metrics};

/// What tells one state of a file from another: device and number, size, and when its contents and its mode changed; none where it
/// is not there.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// The certificates of all listeners, and what became of their files.
pub(super) struct Renewal {
    watched: Mutex<Vec<Watched>>,
    clock: Clock,
    metrics: Metrics,
}

struct Watched {
    certificates: Arc<Certificates>,
    /// The files as they were when they were read last.
    read_as: [Stamp; 2],
    /// Why what lies there is not in force, where it is not.
    refused: Option<Unrenewed>,
}

impl Renewal {
    /// Of certificates that were just read.
    pub(super) fn new(certificates: Vec<Arc<Certificates>>, clock: Clock, metrics: Metrics) -> Self {
        let watched = certificates.into_iter().map(|certificates| {
            let read_as = stamps(&certificates);
            Watched { certificates, read_as, refused: None }
        });
        Self { watched: Mutex::new(watched.collect()), clock, metrics }
    }

    /// Puts in force what was replaced, and what could not be put in force before. The log hears of a failure once, and again
    /// when it is another.
    pub(super) fn look(&self) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for Watched { certificates, read_as, refused } in &mut *watched {
            // Before they are read: a change between the two is seen at the next look.
            let now = stamps(certificates);
            if now == *read_as && refused.is_none() {
                continue;
            }
            *read_as = now;
            match certificates.reload() {
                Ok(()) => {
                    *refused = None;
                    tracing::info!("certificates reloaded");
                }
                Err(error) => {
                    let cause = Causes(&error).to_string();
                    if refused.as_ref().is_none_or(|before| before.cause != cause) {
                        tracing::error!(
                            cause,
                            "new certificates are not used: those in force stay, and the files are tried again"
                        );
                    }
                    let since = refused.as_ref().map_or_else(|| self.clock.now(), |before| before.since);
                    *refused = Some(Unrenewed { since, cause });
                }
            }
        }
        let refused = watched.iter().filter(|watched| watched.refused.is_some()).count();
        self.metrics.certificates_refused().set(i64::try_from(refused).unwrap_or(i64::MAX));
    }

    /// What lies in files and is not in force.
    pub(super) fn refused(&self) -> Vec<Unrenewed> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.iter().filter_map(|watched| watched.refused.clone()).collect()
    }
}

fn stamps(certificates: &Certificates) -> [Stamp; 2] {
    certificates.files().map(stamp)
}

fn stamp(path: &Path) -> Stamp {
    let file = path.metadata().ok()?;
    let (contents, mode) = ((file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()));
    Some((file.dev(), file.ino(), file.size(), contents, mode))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn what_cannot_be_read_is_tried_again_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let renew = || {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(vec!["localhost".into()]).unwrap();
            fs::write(at("tls.crt"), cert.pem()).unwrap();
            fs::write(at("tls.key"), signing_key.serialize_pem()).unwrap();
        };
        renew();
        let certificates = Certificates::load(at("tls.crt"), at("tls.key")).unwrap();
        let (clock, metrics) = (Clock::fixed(Timestamp::from_millis(1_000)), Metrics::new());
        let renewal = Renewal::new(vec![certificates], clock.clone(), metrics.clone());
        let looks = |refused: usize, says: &str| {
            renewal.look();
            let found = renewal.refused();
            assert_eq!((found.len(), metrics.certificates_refused().get()), (refused, refused as i64));
            assert!(found.iter().all(|one| one.cause.contains(says)), "{found:?}");
        };
        looks(0, "");
        // A folder can be read by nobody, the administrator included.
        renew();
        fs::rename(at("tls.key"), at("key")).unwrap();
        fs::create_dir(at("tls.key")).unwrap();
        looks(1, "tls.key cannot be read: ");
        let since = renewal.refused()[0].since;
        clock.advance(std::time::Duration::from_secs(10));
        looks(1, "tls.key cannot be read: ");
        assert_eq!(renewal.refused()[0].since, since);
        // Nothing of what was seen changes, and it is read all the same.
        let mut watched = renewal.watched.lock().unwrap();
        fs::remove_dir(at("tls.key")).unwrap();
        fs::rename(at("key"), at("tls.key")).unwrap();
        for watched in &mut *watched {
            watched.read_as = stamps(&watched.certificates);
        }
        drop(watched);
        looks(0, "");

        // Another file in its place is seen, though it be as old.
        let old = fs::metadata(at("tls.crt")).unwrap().modified().unwrap();
        fs::write(at("new"), "no certificate").unwrap();
        fs::File::options().write(true).open(at("new")).unwrap().set_modified(old).unwrap();
        fs::rename(at("new"), at("tls.crt")).unwrap();
        looks(1, "holds no certificate");
    }
}
