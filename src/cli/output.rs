//! What commands print: results on standard output, everything else on standard error. A reader that goes away (a pipe
//! into `head`) is no error.

use std::fmt::Display;
use std::io::{IsTerminal, Write as _};

/// Prints a line of the result.
pub(super) fn line(text: impl Display) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
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
    drop(write!(std::io::stdout().lock(), "{text}"));
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
