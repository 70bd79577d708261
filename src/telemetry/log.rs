//! The log: one line an event on standard error, written by a thread of its own. Whoever reads it may stall; calls do not wait
//! for that, and lines for which there is no room are counted, as are those that cannot be written.

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people where standard error is a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// How many lines wait for whoever reads them, at most: some megabytes.
const WAITING: usize = 16 * 1024;

/// What becomes of no line that anybody can read.
static LOST: OnceLock<Lost> = OnceLock::new();

struct Lost {
    /// There was no room for them.
    waiting: ErrorCounter,
    /// They could not be written, or not whole.
    unwritten: Arc<AtomicU64>,
}

/// How long the end waits for lines that still wait.
const LAST: Duration = Duration::from_millis(1_500);

/// A log that was started. Lines that still wait are written when it is dropped, for as long as a second.
#[derive(Debug)]
#[must_use = "dropping it ends the log"]
pub struct Log {
    for_people: bool,
    writes: Option<WorkerGuard>,
}

impl Drop for Log {
    fn drop(&mut self) {
        let writes = self.writes.take();
        let (tell, told) = mpsc::sync_channel(1);
        // Where the reader stalled, the guard says so on standard output, which may lead to the same reader.
        std::thread::spawn(move || {
            drop(writes);
            let _ = tell.send(());
        });
        let _ = told.recv_timeout(LAST);
    }
}

impl Log {
    /// Whether people read it, and not programs.
    pub const fn is_for_people(&self) -> bool {
        self.for_people
    }
}

/// How many lines there was no room for, or could not be written.
pub(super) fn lost_lines() -> u64 {
    let lines = |lost: &Lost| lost.waiting.dropped_lines() as u64 + lost.unwritten.load(Ordering::Relaxed);
    LOST.get().map_or(0, lines)
}

/// Where lines go, each in one call. Of one that cannot be written, or not whole, nobody else would hear.
struct Lines<W> {
    to: W,
    /// What was written last is the beginning of a line.
    torn: bool,
    lost: Arc<AtomicU64>,
}

impl<W: Write> Lines<W> {
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        // The next line is not to be lost with one that was torn.
        if self.torn {
            self.to.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.put(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Whether an event may be logged, whatever the filter says. Below `info`, libraries write down what they received:
/// h2 quotes a path or a host that it cannot read, and those may name somebody. Of this crate every level may.
fn is_ours_or_short(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("consentry") || *metadata.level() <= Level::INFO
}

/// Starts the log with a filter such as `info` or `consentry=debug`; a filter that does not parse counts as `info`. A
/// second call changes nothing, so that several gateways can live in one process.
pub fn start(filter: &str, format: LogFormat) -> Log {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let human = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let thread = NonBlockingBuilder::default().buffered_lines_limit(WAITING).lossy(true).thread_name("log");
    let lines = Lines { to: io::stderr(), torn: false, lost: Arc::default() };
    let unwritten = Arc::clone(&lines.lost);
    let (writer, writes) = thread.finish(lines);
    LOST.get_or_init(|| Lost { waiting: writer.error_counter(), unwritten });
    let lines =
        tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(std::io::stderr().is_terminal());
    let lines = if human {
        lines.with_target(false).with_filter(filter_fn(is_ours_or_short)).boxed()
    } else {
        lines.json().flatten_event(true).with_filter(filter_fn(is_ours_or_short)).boxed()
    };
    drop(tracing_subscriber::registry().with(lines).with(filter).try_init());
    Log { for_people: human, writes: Some(writes) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_libraries_say_of_requests_is_not_logged() {
        let written = Written::default();
        let to = written.clone();
        let lines = tracing_subscriber::fmt::layer().with_writer(move || to.clone());
        let subscriber = tracing_subscriber::registry()
            .with(lines.with_filter(filter_fn(is_ours_or_short)))
            .with(EnvFilter::new("trace"));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "h2::server", "malformed path (b\"/ada@example.org\")");
            tracing::trace!(target: "h2::hpack::decoder", "val=ada");
            tracing::warn!(target: "h2::server", "a library's warning");
            tracing::trace!("our own");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("ada"), "{text}");
        assert!(text.contains("a library's warning") && text.contains("our own"), "{text}");
    }

    /// A disk with so much room.
    struct Disk {
        room: usize,
        holds: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room);
            if fits == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= fits;
            self.holds.extend_from_slice(&bytes[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_cannot_be_written_is_counted_and_takes_no_other_along() {
        let mut lines = Lines { to: Disk { room: 10, holds: Vec::new() }, torn: false, lost: Arc::default() };
        for line in ["first\n", "second\n", "third\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(lines.lost.load(Ordering::Relaxed), 2);
        lines.to.room = 100;
        for line in ["fourth\n", "fifth\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(lines.lost.load(Ordering::Relaxed), 2);
        assert_eq!(String::from_utf8(lines.to.holds).unwrap(), "first\nseco\nfourth\nfifth\n");
    }
}
