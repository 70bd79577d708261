//! JSON (RFC 8259), read strictly: what two readers could understand differently is refused. Duplicate keys (compared
//! after unescaping), invalid UTF-8, lone surrogates, a byte order mark, text after the end, and anything beyond the
//! grammar stop a walk.
//!
//! There is no document tree: a walk copies spans of the body and treats single values between them.

pub(super) mod encode;
mod find;
pub(super) mod keys;
pub(super) mod lexer;
mod missing;
mod opening;
mod rows;
mod scratch;
pub(super) mod skip;
mod special;
mod table;
mod walk;

#[cfg(test)]
mod generated;
#[cfg(test)]
pub(super) mod oracle;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_rows;

pub use encode::quote;
pub use find::{Found, Unfound, find};
pub(super) use opening::{Opening, opening};
pub use walk::walk;
pub(super) use walk::{document, skip};

use super::layout::{Clash, FieldId, Layout, Place, Rows, Undeclared};
use super::path::{Path, Step};

/// The layout of one document. `rows` are the steps to the array whose elements are rows, its `[*]` included.
pub(super) fn layout(paths: &[Path], undeclared: Undeclared, rows: Option<&[Step]>) -> Result<Layout, Clash> {
    let place = |(field, path): (u16, &Path)| {
        let mut place = Place::of(FieldId(field), path);
        place.rows =
            rows.filter(|rows| path.steps().starts_with(rows)).map(|rows| (rows.len() - 1, Rows::Each));
        place
    };
    let places: Vec<_> = (0..=u16::MAX).zip(paths).map(place).collect();
    Layout::place(paths, &places, &[], undeclared)
}
