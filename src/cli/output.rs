//! What commands print: results on standard output, everything else on standard error. A reader that goes away (a pipe
//! into `head`) is no error; any other result that could not be written is told at the end, and makes the command fail.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

/// The first result that was not taken. Whoever prints goes on: where it matters is how the command ends.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Whether anything was printed. Where nothing was, standard output is not touched: whoever reads it may stall.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Prints a line of the result.
pub(super) fn line(text: impl Display) {
    note_lost(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Keeps in mind that a result was not taken.
pub(super) fn note_lost(written: io::Result<()>) {
    PRINTED.store(true, Ordering::Relaxed);
    if let Err(error) = written {
        drop(LOST.set(error));
    }
}

/// Sees that what was printed was taken; what ends without a line's end is still on its way until then.
///
/// # Errors
/// Where a result was not taken, though its reader did not go away.
pub(super) fn taken() -> anyhow::Result<()> {
    if PRINTED.load(Ordering::Relaxed) {
        note_lost(std::io::stdout().lock().flush());
    }
    match LOST.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let error = io::Error::new(error.kind(), error.to_string());
            Err(error).context("the result could not be written")
        }
        _ => Ok(()),
    }
}

/// Prints a line for the person at the terminal.
pub(super) fn note(text: impl Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Prints a question for the person at the terminal, who answers on the same line.
pub(super) fn prompt(text: impl Display) {
    let mut terminal = std::io::stderr().lock();
    drop(write!(terminal, "{text}").and_then(|()| terminal.flush()));
}

/// Prints a result that ends its own lines.
pub(super) fn text(text: impl Display) {
    note_lost(write!(std::io::stdout().lock(), "{text}"));
}

/// Whether what goes there may have colours: a terminal, and nobody who asks for none (<https://no-color.org>).
pub(super) fn colours(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints an error, its causes below it.
pub(super) fn error(error: &anyhow::Error) {
    note(format_args!("consentry: {error}"));
    for cause in error.chain().skip(1) {
        note(format_args!("  because {cause}"));
    }
}
