//! Canaries: what tests send as somebody's data, and the net in which none of it may ever be found in clear, neither in
//! the log at trace level nor in metrics, problems or files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::{Regex, RegexBuilder};
use tracing_subscriber::fmt::MakeWriter;

pub(crate) const NAME: &str = "Quirina Zampolle-Wren";
pub(crate) const EMAIL: &str = "quirina.zampolle@orchid.example";
pub(crate) const PHONE: &str = "0655449127831";
pub(crate) const SHOP: &str = "Librairie du Lynx Borgne";
pub(crate) const REMARK: &str = "cannot abide the colour mauve";
pub(crate) const CARD: &str = "4929-7731-0042-1188";
pub(crate) const HOLDER: &str = "holder-7f31-quirina";
pub(crate) const OTHER: &str = "holder-88c2-anselm";
pub(crate) const BROKER: &str = "broker-of-the-harbour";
pub(crate) const HEADER: &str = "campaign-of-the-blue-heron";

/// What one test logs, to see whether the net holds; it is no other test's fault.
pub(crate) const LOG_ONLY: &str = "the-canary-of-the-log-itself";

/// Everything that stands for somebody's data.
const ALL: [&str; 11] = [NAME, EMAIL, PHONE, SHOP, REMARK, CARD, HOLDER, OTHER, BROKER, HEADER, LOG_ONLY];

/// What the log held that it may not hold.
static CAUGHT: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// How many of those a failure shows.
const SHOWN: usize = 5;
static LOGGED: AtomicUsize = AtomicUsize::new(0);

/// Every canary raw, in hexadecimal, and in base64 at each of its three alignments.
fn net() -> &'static Regex {
    static NET: OnceLock<Regex> = OnceLock::new();
    NET.get_or_init(|| {
        let mut needles = Vec::new();
        for canary in ALL {
            needles.push(canary.to_owned());
            needles.push(canary.bytes().map(|byte| format!("{byte:02x}")).collect());
            for shift in 0..3 {
                let text = STANDARD.encode(format!("{}{canary}", "-".repeat(shift)));
                // The first and the last quartet hold bits of what stands around it.
                let inner = text.trim_end_matches('=');
                let inner = &inner[if shift == 0 { 0 } else { 4 }..inner.len() - 3];
                needles.push(inner.to_owned());
                needles.push(inner.replace('+', "-").replace('/', "_"));
            }
        }
        let pattern = needles.iter().map(|needle| regex::escape(needle)).collect::<Vec<_>>().join("|");
        RegexBuilder::new(&pattern).unicode(false).case_insensitive(true).build().unwrap()
    })
}

/// What of somebody's data these bytes hold, if they do.
pub(crate) fn found(bytes: &[u8]) -> Option<String> {
    net().find(bytes).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned())
}

/// Panics where bytes that may hold no personal data hold some.
pub(crate) fn none_in(what: &str, bytes: &[u8]) {
    if let Some(found) = found(bytes) {
        panic!("{what} holds `{found}`");
    }
}

/// Panics where a file below `folder` holds personal data. Says how many files there were.
pub(crate) fn none_below(folder: &Path) -> usize {
    let files = files(folder);
    for file in &files {
        // A store that closes takes its side files with it.
        let bytes = std::fs::read(file).unwrap_or_default();
        none_in(&file.display().to_string(), &bytes);
    }
    files.len()
}

/// Every regular file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

/// Starts the log of the whole test binary: every event of every crate, at trace level, looked at and thrown away.
pub(crate) fn watch_the_log() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(Net)
            .init();
    });
}

/// Panics where anything logged so far, by whichever test, held personal data.
pub(crate) fn none_in_the_log() {
    // Copied: a panic under the lock would poison it for the gateways that log while the test fails.
    let mut caught = CAUGHT.lock().unwrap().clone();
    caught.retain(|line| !line.contains(LOG_ONLY));
    caught.truncate(SHOWN);
    assert!(caught.is_empty(), "the log holds personal data: {caught:#?}");
}

/// How many events were looked at.
pub(crate) fn logged() -> usize {
    LOGGED.load(Ordering::Relaxed)
}

/// Whether an event with [`LOG_ONLY`] was caught.
pub(crate) fn holds() -> bool {
    CAUGHT.lock().unwrap().iter().any(|line| line.contains(LOG_ONLY))
}

struct Net;

impl Write for Net {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        LOGGED.fetch_add(1, Ordering::Relaxed);
        if found(event).is_some() {
            CAUGHT.lock().unwrap().push(String::from_utf8_lossy(event).into_owned());
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Net {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
