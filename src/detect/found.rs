//! What was found, and where.

use super::Kind;

/// A place in a text, in bytes; the end is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// What it is.
    pub what: What,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// One of the kinds that are known by their form.
    Kind(Kind),
    /// A match of the pattern at this place of [`Wanted::patterns`](super::Wanted::patterns).
    Pattern(u16),
    /// What an outside analyser found: its place among the entities that it was asked for.
    Entity(u16),
}

/// Makes overlapping places one, in the order of the text. What they are together is what the longest of them is.
pub fn merge(found: &mut Vec<Found>) {
    found.sort_unstable_by_key(|one| (one.start, std::cmp::Reverse(one.end), one.what));
    let mut longest = 0;
    found.dedup_by(|next, last| {
        if next.start >= last.end {
            longest = 0;
            return false;
        }
        // `longest` is of the part that gave `last` its name, which may be shorter than `last` has become.
        longest = longest.max(if longest == 0 { last.end - last.start } else { 0 });
        if next.end - next.start > longest {
            longest = next.end - next.start;
            last.what = next.what;
        }
        last.end = last.end.max(next.end);
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_made_one_and_named_after_its_longest_part() {
        let found = |start, end, kind| Found { start, end, what: What::Kind(kind) };
        let mut all = vec![
            found(20, 24, Kind::Ip),
            found(0, 4, Kind::Phone),
            found(3, 10, Kind::Card),
            found(9, 14, Kind::Email),
            found(14, 16, Kind::Phone),
        ];
        merge(&mut all);
        assert_eq!(all, [found(0, 14, Kind::Card), found(14, 16, Kind::Phone), found(20, 24, Kind::Ip)]);
    }
}
