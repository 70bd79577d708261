//! Certificates are often replaced by another program, which tells nobody; mounted secrets swap a folder. So their files are
//! looked at. What cannot be put in force is tried again at each look: a mode is mended without a change of the file, and of two
//! files one comes after the other.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::admin::Unrenewed;
use crate::clock::Clock;
use crate::net::Certificates;
use crate::telemetry::{Causes, Metrics};

/// What tells one state of a file from another: device and number, size, and when its contents and its mode changed; none where it
/// is not there.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// The certificates of all listeners, and what became of their files.
pub(super) struct Renewal {
    watched: Vec<Watched>,
    clock: Clock,
    metrics: Metrics,
}

struct Watched {
    certificates: Arc<Certificates>,
    /// Locked for a moment only, never while a file is read: a disk may hang, and health is asked meanwhile.
    seen: Mutex<Seen>,
}

#[derive(Clone, Default)]
struct Seen {
    /// The files as they were when they were read last; none before the first look, which reads them however they are.
    read_as: Option<[Stamp; 2]>,
    /// Why what lies there is not in force, where it is not.
    refused: Option<Unrenewed>,
}

impl Watched {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Renewal {
    pub(super) fn new(certificates: Vec<Arc<Certificates>>, clock: Clock, metrics: Metrics) -> Self {
        let watched = |certificates| Watched { certificates, seen: Mutex::default() };
        Self { watched: certificates.into_iter().map(watched).collect(), clock, metrics }
    }

    /// Puts in force what was replaced, and what could not be put in force before. The log hears of a failure once, and again
    /// when it is another.
    pub(super) fn look(&self) {
        for watched in &self.watched {
            // Before they are read: a change between the two is seen at the next look.
            let (now, before) = (stamps(&watched.certificates), watched.seen().clone());
            if before.read_as == Some(now) && before.refused.is_none() {
                continue;
            }
            let refused = self.reload(&watched.certificates, &before);
            *watched.seen() = Seen { read_as: Some(now), refused };
        }
        self.metrics.certificates_refused().set(i64::try_from(self.refused().len()).unwrap_or(i64::MAX));
    }

    fn reload(&self, certificates: &Certificates, before: &Seen) -> Option<Unrenewed> {
        let Err(error) = certificates.reload() else {
            if before.read_as.is_some() {
                tracing::info!("certificates reloaded");
            }
            return None;
        };
        let cause = Causes(&error).to_string();
        let refused = before.refused.as_ref();
        if refused.is_none_or(|before| before.cause != cause) {
            tracing::error!(
                cause,
                "new certificates are not used: those in force stay, and the files are tried again"
            );
        }
        Some(Unrenewed { since: refused.map_or_else(|| self.clock.now(), |before| before.since), cause })
    }

    /// What lies in files and is not in force.
    pub(super) fn refused(&self) -> Vec<Unrenewed> {
        self.watched.iter().filter_map(|watched| watched.seen().refused.clone()).collect()
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
        fs::remove_dir(at("tls.key")).unwrap();
        fs::rename(at("key"), at("tls.key")).unwrap();
        for watched in &renewal.watched {
            watched.seen().read_as = Some(stamps(&watched.certificates));
        }
        looks(0, "");

        // Another file in its place is seen, though it be as old.
        let old = fs::metadata(at("tls.crt")).unwrap().modified().unwrap();
        fs::write(at("new"), "no certificate").unwrap();
        fs::File::options().write(true).open(at("new")).unwrap().set_modified(old).unwrap();
        fs::rename(at("new"), at("tls.crt")).unwrap();
        looks(1, "holds no certificate");
    }
}
