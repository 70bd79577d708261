//! What keeps a list of paths from being a layout.

use super::FieldId;
use crate::payload::format::Format;
use crate::payload::path::Path;

/// Why a list of paths is no layout. Fields are numbered as in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// Two fields have one path.
    #[error("`{path}` is declared twice")]
    Twice {
        /// The path.
        path: Path,
        /// Declared first.
        first: FieldId,
        /// Declared again.
        second: FieldId,
    },
    /// One field holds another: a field is a single value.
    #[error("`{inner}` lies within `{outer}`, which is declared as a single value")]
    Within {
        /// The shorter path.
        outer: Path,
        /// The path that goes on from it.
        inner: Path,
        /// Of the two, the one declared later.
        second: FieldId,
    },
    /// One place is an object for one field and an array for another.
    #[error("`{first}` and `{second}` need an object and an array at one place")]
    Shape {
        /// Declared first.
        first: Path,
        /// Declared later.
        second: Path,
        /// The field declared later.
        field: FieldId,
    },
    /// The format has no such place.
    #[error("`{path}` has no place in a body of `{format}`: {reason}", format = format.word())]
    NoPlace {
        /// The path.
        path: Path,
        /// The field.
        field: FieldId,
        /// The format.
        format: Format,
        /// What fields of the format are.
        reason: &'static str,
    },
    /// More fields than numbers.
    #[error("more than {} fields are declared", u16::MAX)]
    TooMany,
}
