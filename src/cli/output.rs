//! What commands print: results on standard output, everything else on standard error. A reader that goes away (a pipe
//! into `head`) is no error.

use std::fmt::Display;
use std::io::Write as _;

/// Prints a line of the result.
pub(super) fn line(text: impl Display) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Prints a line for the person at the terminal.
pub(super) fn note(text: impl Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Prints an error, its causes below it.
pub(super) fn error(error: &anyhow::Error) {
    note(format_args!("consentry: {error}"));
    for cause in error.chain().skip(1) {
        note(format_args!("  because {cause}"));
    }
}
