//! Certificates are often replaced by another program, which tells nobody; mounted secrets swap a folder. So their files are
//! looked at, and at the calendar too. What cannot be put in force is tried again at each look: a mode is mended without a change of
//! the file, and of two files one comes after the other.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::aside::aside;
use crate::admin::{Lapsed, Unrenewed};
use crate::clock::{Clock, Timestamp};
use crate::net::{Certificates, Standing, Validity};
use crate::telemetry::{Causes, Metrics};

/// How often the log hears of a certificate that is not valid, or soon will not be.
const AGAIN: Duration = Duration::from_secs(86_400);

/// How long the disk of a certificate may take before it is said that it does not answer.
const HANGS: Duration = Duration::from_secs(10);

/// What tells one state of a file from another: device and number, size, and when its contents and its mode changed; none where it
/// is not there.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// How a certificate stands, and when it is valid; none where those times make no sense.
type Stands = Option<(Standing, Validity)>;

/// The certificates of all listeners, and what became of their files.
pub(super) struct Renewal {
    watched: Vec<Watched>,
    /// One look at a time: what a reload says of its own look must not be another's. A disk may hang, so nobody blocks who waits.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// When the look that is under way began.
    begun: Mutex<Option<Timestamp>>,
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
    /// How the one in force stood when the log last heard of it, and when that was.
    told: Option<(Stands, Timestamp)>,
}

impl Watched {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Renewal {
    pub(super) fn new(certificates: Vec<Arc<Certificates>>, clock: Clock, metrics: Metrics) -> Self {
        let watched = |certificates| Watched { certificates, seen: Mutex::default() };
        let watched = certificates.into_iter().map(watched).collect();
        Self { watched, turn: Arc::default(), begun: Mutex::default(), clock, metrics }
    }

    /// Says at the start what is to be said of those that are served. None of it keeps a gateway from starting: a caller may know the
    /// certificate by itself, and a mount may give its files no other mode.
    pub(super) fn begin(&self) {
        for watched in &self.watched {
            warn_of_mode(&watched.certificates);
            self.tell(watched);
        }
    }

    /// Puts in force what was replaced, and what could not be put in force before, and answers what could not now. The log hears of a
    /// failure once, and again when it is another. A look is taken aside, and goes on to its end where nobody waits for it any more.
    /// `None` where that thread ended before its time.
    pub(super) async fn look(this: &Arc<Self>) -> Option<Vec<Unrenewed>> {
        let turn = Arc::clone(&this.turn).lock_owned().await;
        let this = Arc::clone(this);
        aside(move || {
            let _turn = turn;
            let _under_way = UnderWay::begin(&this);
            this.look_now();
            this.refused()
        })
        .await
    }

    /// One look of those that the background makes every ten seconds. The log hears of a disk that does not answer, and of its answer.
    pub(super) async fn look_in_turn(this: &Arc<Self>) {
        Self::look_told_after(this, HANGS).await;
    }

    async fn look_told_after(this: &Arc<Self>, hangs: Duration) {
        let mut look = std::pin::pin!(Self::look(this));
        if tokio::time::timeout(hangs, &mut look).await.is_err() {
            tracing::error!("the disk of the certificates does not answer: none is renewed before it does");
            look.await;
            tracing::info!("the disk of the certificates answers again");
        }
    }

    /// Since when a look waits for a disk, where it waits for long.
    pub(super) fn hangs(&self) -> Option<Timestamp> {
        self.begun().filter(|since| self.clock.now() >= since.plus(HANGS))
    }

    fn begun(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_now(&self) {
        for watched in &self.watched {
            // Before they are read: a change between the two is seen at the next look.
            let (now, before) = (stamps(&watched.certificates), watched.seen().clone());
            if before.read_as != Some(now) || before.refused.is_some() {
                let refused = self.reload(&watched.certificates, &before);
                *watched.seen() = Seen { read_as: Some(now), refused, told: before.told };
            }
            self.tell(watched);
        }
        self.metrics.certificates_refused().set(i64::try_from(self.refused().len()).unwrap_or(i64::MAX));
    }

    fn reload(&self, certificates: &Certificates, before: &Seen) -> Option<Unrenewed> {
        let Err(cause) = self.renew(certificates) else {
            if before.read_as.is_some() {
                tracing::info!("certificates reloaded");
                warn_of_mode(certificates);
            }
            return None;
        };
        let refused = before.refused.as_ref();
        if refused.is_none_or(|before| before.cause != cause) {
            tracing::error!(
                cause,
                "new certificates are not used: those in force stay, and the files are tried again"
            );
        }
        Some(Unrenewed { since: refused.map_or_else(|| self.clock.now(), |before| before.since), cause })
    }

    /// Puts in force what lies in the files: unless it is not valid now and what is in force is, so that callers would be lost by it. It
    /// is tried again, so one that begins soon comes into force when it does.
    fn renew(&self, certificates: &Certificates) -> Result<(), String> {
        let pair = certificates.read().map_err(|error| Causes(&error).to_string())?;
        let now = self.clock.now();
        let new = pair.validity();
        if certificates.validity().is_some_and(|in_force| in_force.holds(now))
            && !new.is_some_and(|new| new.holds(now))
        {
            let [file, _] = certificates.files();
            let says = Validity::says_of(new, now).unwrap_or_default();
            return Err(format!("{} {says}", file.display()));
        }
        certificates.replace(pair);
        Ok(())
    }

    /// Brings the figure up to date, and tells the log of one that is not valid, or soon will not be: at once, and then once a day.
    fn tell(&self, watched: &Watched) {
        let [file, _] = watched.certificates.files();
        let (file, now) = (file.display().to_string(), self.clock.now());
        let validity = watched.certificates.validity();
        // One that is valid at no time has no last second, and whoever watches the figure is to be told.
        let (begins, ends) =
            validity.map_or((0, 0), |validity| (validity.begins.seconds(), validity.ends.seconds()));
        self.metrics.certificate(&file, begins, ends);
        let (stands, says) =
            (validity.map(|validity| (validity.at(now), validity)), Validity::says_of(validity, now));
        let mut seen = watched.seen();
        let heard = |(before, at): (Stands, Timestamp)| before == stands && now < at.plus(AGAIN);
        match says {
            None => seen.told = None,
            Some(says) if !seen.told.is_some_and(heard) => {
                seen.told = Some((stands, now));
                drop(seen);
                tracing::warn!(file, "a certificate that is served {says}");
            }
            Some(_) => {}
        }
    }

    /// Those that are in force and not valid.
    pub(super) fn lapsed(&self) -> Vec<Lapsed> {
        let now = self.clock.now();
        let lapsed = |watched: &Watched| {
            let validity = watched.certificates.validity();
            if validity.is_some_and(|validity| validity.holds(now)) {
                return None;
            }
            let [file, _] = watched.certificates.files();
            Some(Lapsed { file: file.display().to_string(), says: Validity::says_of(validity, now)? })
        };
        self.watched.iter().filter_map(lapsed).collect()
    }

    /// What lies in files and is not in force.
    pub(super) fn refused(&self) -> Vec<Unrenewed> {
        self.watched.iter().filter_map(|watched| watched.seen().refused.clone()).collect()
    }
}

/// A look that is under way, until it ends in whatever way.
struct UnderWay<'a>(&'a Renewal);

impl<'a> UnderWay<'a> {
    fn begin(renewal: &'a Renewal) -> Self {
        *renewal.begun() = Some(renewal.clock.now());
        Self(renewal)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.begun() = None;
    }
}

fn warn_of_mode(certificates: &Certificates) {
    let [_, key] = certificates.files();
    if let Some(mode) = certificates.exposed() {
        let (file, mode) = (key.display().to_string(), format!("{mode:03o}"));
        tracing::warn!(file, mode, "others than its owner have access to the private key of a certificate");
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
    use std::io::{self, Write};
    use std::sync::mpsc::{SyncSender, sync_channel};

    use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd, generate_simple_self_signed};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// Writes a certificate with its key that is valid between these days of 2026.
    fn write(folder: &Path, begins: (u8, u8), ends: (u8, u8)) {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, begins.0, begins.1);
        params.not_after = date_time_ymd(2026, ends.0, ends.1);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join("tls.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    }

    #[test]
    fn one_that_is_not_valid_replaces_none_that_is_and_is_told_where_it_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(folder.path(), (1, 1), (3, 20));
        let certificates = Certificates::load(at("tls.crt"), at("tls.key")).unwrap();
        // 2026-03-02, 18 days before its end.
        let (clock, metrics) = (Clock::fixed(Timestamp::from_millis(1_772_409_600_000)), Metrics::new());
        let renewal = Renewal::new(vec![Arc::clone(&certificates)], clock.clone(), metrics.clone());
        renewal.begin();
        let ends = || certificates.validity().unwrap().ends.to_string();
        let told =
            || renewal.watched[0].seen().told.map(|(stands, at)| (stands.map(|(standing, _)| standing), at));
        let refused = |says: &str| {
            renewal.look_now();
            assert_eq!(metrics.certificates_refused().get(), i64::from(!says.is_empty()));
            assert!(renewal.refused().iter().all(|one| one.cause.ends_with(says)), "{:?}", renewal.refused());
        };
        let figures = |file: &Path, begins: i64, ends: i64| {
            let text = metrics.encode().unwrap();
            for (moment, seconds) in [("before", begins), ("after", ends)] {
                let line = format!(
                    "consentry_certificate_not_{moment}_seconds{{certificate=\"{}\"}} {seconds}\n",
                    file.display()
                );
                assert!(text.contains(&line), "{line} is not in {text}");
            }
        };
        let january = 1_767_225_600;
        refused("");
        figures(&at("tls.crt"), january, 1_773_964_800);
        // One that has ended, and one that has not begun: callers would be lost.
        write(folder.path(), (1, 1), (3, 1));
        refused("tls.crt is not valid any more: it ended at 2026-03-01T00:00:00Z");
        write(folder.path(), (3, 5), (12, 1));
        refused("tls.crt is not valid yet: it begins at 2026-03-05T00:00:00Z");
        // And one that ends before it begins.
        write(folder.path(), (12, 1), (1, 1));
        refused("tls.crt is at no time valid: when it begins and ends makes no sense");
        assert_eq!((ends(), renewal.lapsed(), told()), ("2026-03-20T00:00:00Z".to_owned(), Vec::new(), None));
        write(folder.path(), (3, 5), (12, 1));
        refused("tls.crt is not valid yet: it begins at 2026-03-05T00:00:00Z");
        // It comes into force by itself once it has begun.
        clock.advance(3 * DAY);
        refused("");
        assert_eq!(ends(), "2026-12-01T00:00:00Z");

        // Of a short life the log hears in its last third, and within the last 14 days of a long one; once a day.
        write(folder.path(), (3, 1), (3, 10));
        refused("");
        assert_eq!((ends(), told()), ("2026-03-10T00:00:00Z".to_owned(), None));
        write(folder.path(), (1, 1), (3, 10));
        refused("");
        assert_eq!(
            (ends(), told()),
            ("2026-03-10T00:00:00Z".to_owned(), Some((Some(Standing::EndsSoon), clock.now())))
        );
        let first = clock.now();
        clock.advance(DAY - Duration::from_secs(1));
        renewal.look_now();
        assert_eq!(told(), Some((Some(Standing::EndsSoon), first)));
        clock.advance(Duration::from_secs(1));
        renewal.look_now();
        assert_eq!(told(), Some((Some(Standing::EndsSoon), clock.now())));
        assert!(renewal.lapsed().is_empty());
        // Once it has ended health tells too. Where none is valid any more, the newer one is served.
        clock.advance(5 * DAY);
        renewal.look_now();
        assert_eq!(told(), Some((Some(Standing::Ended), clock.now())));
        let lapsed = renewal.lapsed();
        assert_eq!(lapsed.len(), 1);
        assert_eq!(lapsed[0].says, "is not valid any more: it ended at 2026-03-10T00:00:00Z");
        write(folder.path(), (1, 1), (3, 9));
        refused("");
        assert_eq!(ends(), "2026-03-09T00:00:00Z");
        figures(&at("tls.crt"), january, 1_773_014_400);
        write(folder.path(), (1, 1), (12, 1));
        refused("");
        assert_eq!((renewal.lapsed(), told()), (Vec::new(), None));
    }

    #[test]
    fn one_that_is_at_no_time_valid_is_told_from_the_start_on() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), (12, 1), (1, 1));
        let load =
            || Certificates::load(folder.path().join("tls.crt"), folder.path().join("tls.key")).unwrap();
        let (clock, metrics) = (Clock::fixed(Timestamp::from_millis(1_772_409_600_000)), Metrics::new());
        let renewal = Renewal::new(vec![load()], clock.clone(), metrics.clone());
        let told = || renewal.watched[0].seen().told;
        renewal.begin();
        let first = clock.now();
        assert_eq!(told(), Some((None, first)));
        let lapsed = renewal.lapsed();
        assert_eq!(lapsed.len(), 1);
        assert_eq!(lapsed[0].says, "is at no time valid: when it begins and ends makes no sense");
        let figure = metrics.encode().unwrap();
        for moment in ["before", "after"] {
            let file = folder.path().join("tls.crt");
            let line = format!(
                "consentry_certificate_not_{moment}_seconds{{certificate=\"{}\"}} 0\n",
                file.display()
            );
            assert!(figure.contains(&line), "{figure}");
        }
        renewal.look_now();
        assert_eq!(told(), Some((None, first)));
        clock.advance(DAY);
        renewal.look_now();
        assert_eq!(told(), Some((None, clock.now())));
        write(folder.path(), (1, 1), (12, 1));
        renewal.look_now();
        assert_eq!((renewal.lapsed(), told()), (Vec::new(), None));
    }

    /// Of a certificate that is valid, and the clock.
    fn of_one(folder: &Path) -> (Arc<Renewal>, Clock) {
        write(folder, (1, 1), (12, 1));
        let certificates = Certificates::load(folder.join("tls.crt"), folder.join("tls.key")).unwrap();
        let clock = Clock::fixed(Timestamp::from_millis(1_772_409_600_000));
        (Arc::new(Renewal::new(vec![certificates], clock.clone(), Metrics::new())), clock)
    }

    #[test]
    fn a_look_that_hangs_is_told_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (renewal, clock) = of_one(folder.path());
        let began = clock.now();
        // Who holds this is as a disk that does not answer.
        let disk = renewal.watched[0].seen.lock().unwrap();
        let of = Arc::clone(&renewal);
        let look = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(Renewal::look(&of))
        });
        while renewal.begun().is_none() {
            std::thread::yield_now();
        }
        clock.advance(HANGS - Duration::from_millis(1));
        assert_eq!(renewal.hangs(), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(renewal.hangs(), Some(began));
        drop(disk);
        assert_eq!(look.join().unwrap(), Some(Vec::new()));
        assert_eq!(renewal.hangs(), None);
    }

    struct Lines(SyncSender<String>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_hears_of_a_disk_that_does_not_answer_and_of_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let (renewal, _) = of_one(folder.path());
        let (log, lines) = sync_channel(8);
        let subscriber = tracing_subscriber::fmt().with_writer(move || Lines(log.clone())).finish();
        // Who holds this is as a disk that does not answer.
        let disk = renewal.watched[0].seen.lock().unwrap();
        let of = Arc::clone(&renewal);
        let look = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            tracing::subscriber::with_default(subscriber, || {
                runtime.block_on(Renewal::look_told_after(&of, Duration::from_millis(1)));
            });
        });
        let first = lines.recv().unwrap();
        assert!(first.contains("the disk of the certificates does not answer"), "{first}");
        drop(disk);
        let then: Vec<String> = lines.iter().collect();
        assert!(then.len() == 1 && then[0].contains("answers again"), "{then:?}");
        look.join().unwrap();
    }

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
            renewal.look_now();
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
