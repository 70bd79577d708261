//! What a body may be at most. Every cap holds before the memory that it bounds is spent.

use std::fmt;

use super::format::Format;
use super::stop::Fault;

/// The most that a body may be, in one format or another. A body that reaches a cap passes; one that exceeds it stops
/// with [`Stop::TooLarge`](super::Stop::TooLarge).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the body, decoded.
    pub bytes: usize,
    /// Objects and arrays within one another; the root counts as one.
    pub depth: usize,
    /// Keys of all objects together.
    pub members: usize,
    /// Elements of any one array.
    pub rows: usize,
}

impl Caps {
    /// What a body of a format has too much of, with the cap: `more than 1000 rows`.
    pub fn exceeded(&self, cap: Cap, format: Format) -> String {
        match (cap, format) {
            (Cap::Bytes, _) => format!("more than {} bytes", self.bytes),
            (Cap::Depth, _) => format!("more than {} objects and arrays within one another", self.depth),
            (Cap::Members, _) => format!("more than {} keys", self.members),
            (Cap::Rows, Format::Csv) => format!("more than {} rows", self.rows),
            (Cap::Rows, Format::Form | Format::Multipart) => {
                format!("more than {} values of one name", self.rows)
            }
            (Cap::Rows, format) if format.has_rows() => {
                format!("more than {} rows, or elements of one array", self.rows)
            }
            (Cap::Rows, _) => format!("an array of more than {} elements", self.rows),
        }
    }
}

/// The cap that a body exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cap {
    /// [`Caps::bytes`].
    Bytes,
    /// [`Caps::depth`].
    Depth,
    /// [`Caps::members`].
    Members,
    /// [`Caps::rows`].
    Rows,
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "more bytes than allowed",
            Self::Depth => "deeper nesting than allowed",
            Self::Members => "more keys than allowed",
            Self::Rows => "more rows, or elements of an array, than allowed",
        })
    }
}

/// Caps, and what has been counted against them.
#[derive(Clone, Copy)]
pub(super) struct Tally<'a> {
    caps: &'a Caps,
    members: usize,
    /// Objects and arrays about what is counted.
    about: usize,
}

impl<'a> Tally<'a> {
    /// Begins to count, with the size of the body.
    pub(super) fn of(body: &[u8], caps: &'a Caps) -> Result<Self, Fault> {
        if body.len() > caps.bytes {
            return Err(Fault::TooLarge(Cap::Bytes));
        }
        Ok(Self { caps, members: 0, about: 0 })
    }

    /// Goes on from what another has counted, against the same caps.
    pub(super) fn counts(&mut self, other: &Tally<'_>) {
        self.members = other.members;
    }

    /// The same for a document within `depth` objects and arrays of this one.
    pub(super) fn within(&self, depth: usize) -> Self {
        Self { about: self.about + depth, ..*self }
    }

    /// One more key.
    pub(super) fn member(&mut self) -> Result<(), Fault> {
        self.members += 1;
        if self.members > self.caps.members { Err(Fault::TooLarge(Cap::Members)) } else { Ok(()) }
    }

    /// `depth` objects and arrays are open.
    pub(super) fn depth(&self, depth: usize) -> Result<(), Fault> {
        if self.about + depth > self.caps.depth { Err(Fault::TooLarge(Cap::Depth)) } else { Ok(()) }
    }

    /// An array has at least `rows` elements.
    pub(super) fn rows(&self, rows: usize) -> Result<(), Fault> {
        if rows > self.caps.rows { Err(Fault::TooLarge(Cap::Rows)) } else { Ok(()) }
    }
}
