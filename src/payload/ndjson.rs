//! A JSON document in each line. Each line is a row, and is read as strictly as a body of its own; the caps hold for all
//! lines together.

use super::caps::{Caps, Tally};
use super::flat::index;
use super::json;
use super::layout::Layout;
use super::stop::{Fault, Malformed, Stop};
use super::value::{Row, Visitor};

/// What stands for a row that is not there.
const EMPTY: &[u8] = b"null";

/// Walks the lines of a body. A left-out row goes with its line; empty rows are lines with `null`.
pub(super) fn walk<V: Visitor>(
    body: &[u8],
    layout: &Layout,
    caps: &Caps,
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<(), Stop<V::Error>> {
    let mut tally = Tally::of(body, caps)?;
    let mut lines = Lines { body, at: 0, end: None };
    let mut written = false;
    let mut rows = 0;
    while let Some((offset, line)) = lines.next()? {
        let end = lines.end.unwrap_or(LF);
        let row = index(rows);
        rows += 1;
        tally.rows(rows)?;
        match visitor.row(row) {
            Row::LeftOut => {
                json::skip(line, &mut tally).map_err(|fault| Stop::from(fault.behind(offset)))?;
                continue;
            }
            Row::Visited => {}
            Row::After(count) => {
                (0..count).for_each(|_| begin(&mut written, end, out).extend_from_slice(EMPTY))
            }
        }
        let out = begin(&mut written, end, out);
        json::document(line, layout, &mut tally, &[row], visitor, out).map_err(|stop| stop.behind(offset))?;
    }
    let end = lines.end.unwrap_or(LF);
    let more = visitor.rows(index(rows)).map_err(Stop::Visitor)?;
    (0..more).for_each(|_| begin(&mut written, end, out).extend_from_slice(EMPTY));
    // The last line ends as it did.
    if written && body.last() == Some(&b'\n') {
        out.extend_from_slice(end);
    }
    Ok(())
}

/// Begins a line.
fn begin<'o>(written: &mut bool, end: &[u8], out: &'o mut Vec<u8>) -> &'o mut Vec<u8> {
    if *written {
        out.extend_from_slice(end);
    }
    *written = true;
    out
}

const LF: &[u8] = b"\n";
const CRLF: &[u8] = b"\r\n";

struct Lines<'a> {
    body: &'a [u8],
    at: usize,
    /// How lines end in this body.
    end: Option<&'static [u8]>,
}

impl<'a> Lines<'a> {
    /// The next line without its end, and where it begins.
    fn next(&mut self) -> Result<Option<(usize, &'a [u8])>, Malformed> {
        let from = self.at;
        let rest = self.body.get(from..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let mut line = rest;
        self.at = self.body.len();
        if let Some(length) = memchr::memchr(b'\n', rest) {
            line = rest.get(..length).unwrap_or_default();
            self.at = from + length + 1;
            let mut end = LF;
            if let [before @ .., b'\r'] = line {
                (line, end) = (before, CRLF);
            }
            if **self.end.get_or_insert(end) != *end {
                return Err(Malformed { offset: from + line.len(), reason: "lines end in two ways" });
            }
        }
        if let Some(offset) = memchr::memchr(b'\r', line) {
            // White space to JSON, the end of a line to others.
            return Err(Malformed { offset: from + offset, reason: "a carriage return within a line" });
        }
        if line.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(Malformed { offset: from, reason: "a line is blank" });
        }
        Ok(Some((from, line)))
    }
}

impl Fault {
    /// The same, so many bytes further on.
    fn behind(self, bytes: usize) -> Self {
        match self {
            Self::Malformed(Malformed { offset, reason }) => {
                Self::Malformed(Malformed { offset: offset + bytes, reason })
            }
            other => other,
        }
    }
}

impl<E> Stop<E> {
    /// The same, so many bytes further on.
    fn behind(self, bytes: usize) -> Self {
        match self {
            Self::Malformed(Malformed { offset, reason }) => {
                Self::Malformed(Malformed { offset: offset + bytes, reason })
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
