//! Batch: whose each row is, and which rows are on their way. Rows are numbered from 0, as they came.

use std::fmt::{self, Write as _};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::payload::Row;
use crate::problem::{Problem, Rejection};

/// The header that tells a caller which rows were left out, and why (RFC 9651, a dictionary).
const ROWS_DENIED: HeaderName = HeaderName::from_static("consentry-rows-denied");

/// Longer than this no header is: many readers take no more.
const MOST: usize = 2048;

/// The rows of a batch in which each is somebody's.
#[derive(Debug)]
pub(super) struct Batch {
    /// For each row the place of its person among the parties; none where it is denied.
    parties: Vec<Option<u32>>,
    /// The rows that are processed, in order.
    sent: Vec<u32>,
}

impl Batch {
    /// `rows` has each row's person; only those who permit it are parties, in the same order.
    pub(super) fn new(rows: &[u32], permits: impl Fn(usize) -> bool) -> Self {
        let persons = rows.iter().max().map_or(0, |last| *last as usize + 1);
        let mut places = Vec::with_capacity(persons);
        let mut next = 0;
        for person in 0..persons {
            let place = permits(person).then_some(next);
            next += u32::from(place.is_some());
            places.push(place);
        }
        let parties: Vec<_> =
            rows.iter().map(|person| places.get(*person as usize).copied().flatten()).collect();
        let sent = (0..).zip(&parties).filter(|(_, party)| party.is_some()).map(|(row, _)| row).collect();
        Self { parties, sent }
    }

    /// Whether no row is processed.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// For each row the place of its person among the parties.
    pub(super) fn parties(&self) -> &[Option<u32>] {
        &self.parties
    }

    /// What becomes of a row on its way to the upstream.
    pub(super) fn outgoing(&self, row: u32) -> Row {
        match self.parties.get(row as usize) {
            Some(Some(_)) => Row::Visited,
            // Whatever stands beyond the rows that have persons is nobody's; that there is such a row is refused at its list's end.
            _ => Row::LeftOut,
        }
    }

    /// Whether a request has as many rows as were looked at.
    pub(super) fn is_whole(&self, rows: u32) -> bool {
        rows as usize == self.parties.len()
    }

    /// The row of the batch that the upstream's row of this number answers; none where it answers none.
    pub(super) fn answered(&self, row: u32) -> Option<u32> {
        self.sent.get(row as usize).copied()
    }

    /// What becomes of a row of the upstream's answer: where rows were left out before it, it stands behind empty ones.
    pub(super) fn incoming(&self, row: u32) -> Row {
        let Some(own) = self.answered(row) else { return Row::Visited };
        let before =
            row.checked_sub(1).and_then(|before| self.answered(before)).map_or(0, |before| before + 1);
        match own - before {
            0 => Row::Visited,
            gap => Row::After(gap),
        }
    }

    /// How many empty rows stand behind the last of an answer; none where it has not as many rows as were sent.
    pub(super) fn behind(&self, rows: u32) -> Option<u32> {
        if rows as usize != self.sent.len() {
            return None;
        }
        let last = self.sent.last().map_or(0, |last| *last as usize + 1);
        u32::try_from(self.parties.len() - last).ok()
    }

    /// The rows that are not processed, as ranges.
    pub(super) fn denied(&self) -> Ranges<'_> {
        Ranges(&self.parties)
    }

    /// The same in a text that people read: not more of them than fit.
    pub(super) fn some_denied(&self) -> String {
        let mut text = self.denied().to_string();
        if text.len() > MOST {
            text.truncate(text.get(..MOST).and_then(|some| some.rfind(',')).unwrap_or_default());
            text.push_str(" and others");
        }
        text
    }

    /// Tells the caller which rows were left out, if any were. One reason for all: what holds of whom is theirs to know.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if self.sent.len() == self.parties.len() {
            return;
        }
        let mut text = format!("rows=\"{}\", reason=processing-not-permitted", self.denied());
        if text.len() > MOST {
            // The answer's own empty rows tell which.
            let count = self.parties.len() - self.sent.len();
            text = format!("count={count}, reason=processing-not-permitted");
        }
        headers.extend(HeaderValue::try_from(text).ok().map(|text| (ROWS_DENIED, text)));
    }
}

/// An answer must have a row for each that was sent: else one person's prediction could be another's.
pub(super) fn surplus() -> Rejection {
    Rejection::new(Problem::UpstreamAnswerRefused)
        .because("the answer has not one row for each that was sent")
}

/// A refusal with its place among many: a row, or an element of a list.
pub(super) fn at(place: fmt::Arguments<'_>, rejection: Rejection) -> Rejection {
    let told = match &rejection.detail {
        Some(detail) => format!("{place}, counted from 0: {detail}"),
        None => format!("{place}, counted from 0."),
    };
    rejection.detail(told)
}

/// Rows without a party: `0, 3-5`.
pub(super) struct Ranges<'a>(&'a [Option<u32>]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut first = true;
        while let Some(start) = rest.iter().position(Option::is_none) {
            let from = self.0.len() - rest.len() + start;
            let behind = rest.get(start..).unwrap_or_default();
            let count = behind.iter().position(Option::is_some).unwrap_or(behind.len());
            if !std::mem::take(&mut first) {
                f.write_str(", ")?;
            }
            write!(f, "{from}")?;
            if count > 1 {
                f.write_char('-')?;
                write!(f, "{}", from + count - 1)?;
            }
            rest = behind.get(count..).unwrap_or_default();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 0, 2 and 3 are of persons who permit it not.
    fn batch() -> Batch {
        Batch::new(&[0, 1, 2, 0, 3, 1], |person| person % 2 == 1)
    }

    #[test]
    fn rows_keep_their_numbers_both_ways() {
        let batch = batch();
        assert_eq!(batch.parties(), [None, Some(0), None, None, Some(1), Some(0)]);
        assert_eq!((batch.outgoing(0), batch.outgoing(1)), (Row::LeftOut, Row::Visited));
        assert_eq!(batch.outgoing(6), Row::LeftOut, "beyond the last it is nobody's");
        let incoming: Vec<_> = (0..4).map(|row| batch.incoming(row)).collect();
        assert_eq!(incoming, [Row::After(1), Row::After(2), Row::Visited, Row::Visited]);
        assert_eq!((batch.answered(1), batch.answered(3)), (Some(4), None));
        assert_eq!((batch.behind(3), batch.behind(2)), (Some(0), None));
        assert!(batch.is_whole(6) && !batch.is_whole(5));
    }

    #[test]
    fn rows_at_the_end_are_empty_rows_behind() {
        let batch = Batch::new(&[0, 1, 1], |person| person == 0);
        assert_eq!((batch.incoming(0), batch.behind(1)), (Row::Visited, Some(2)));
        assert!(Batch::new(&[0], |_| false).is_empty());
    }

    #[test]
    fn too_many_to_be_named_are_counted() {
        let rows: Vec<u32> = (0..4000).map(|row| row % 2).collect();
        let mut headers = HeaderMap::new();
        Batch::new(&rows, |person| person == 0).tell(&mut headers);
        let told = headers.get("consentry-rows-denied").unwrap();
        assert_eq!(told, "count=2000, reason=processing-not-permitted");
    }

    #[test]
    fn denied_rows_are_told_as_ranges() {
        assert_eq!(batch().denied().to_string(), "0, 2-3");
        let mut headers = HeaderMap::new();
        batch().tell(&mut headers);
        let told = headers.get("consentry-rows-denied").unwrap();
        assert_eq!(told, "rows=\"0, 2-3\", reason=processing-not-permitted");
        Batch::new(&[0, 0], |_| true).tell(&mut HeaderMap::new());
        assert_eq!(Batch::new(&[0, 0], |_| true).denied().to_string(), "");
    }
}
