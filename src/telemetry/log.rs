//! The log: one line an event on standard error, written by a thread of its own. Whoever reads it may stall; calls do not wait
//! for that, and lines for which there is no room are counted.

use std::io::IsTerminal as _;
use std::sync::{OnceLock, mpsc};
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

/// The lines for which there was no room.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

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

/// How many lines there was no room for.
pub(super) fn lost_lines() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64)
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
    let (writer, writes) = thread.finish(std::io::stderr());
    LOST.get_or_init(|| writer.error_counter());
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
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

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
}
