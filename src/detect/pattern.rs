//! Patterns of an organisation's own.

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use thiserror::Error;

use super::{Found, What};

/// The longest match of a pattern, in bytes. Matches that have no greatest length would take time that grows with the square
/// of the text: after each the search begins anew, and each may read to the end.
const LONGEST: usize = 512;
/// What a compiled pattern may take of memory.
const SIZE: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is no regular expression that is run here.
    #[error("is no regular expression that runs in linear time")]
    Syntax,
    /// It matches the empty text.
    #[error("matches the empty text")]
    Empty,
    /// Its matches have no greatest length, or one that is too great.
    #[error("has matches of any length")]
    Unbounded,
    /// It needs too much memory.
    #[error("is too large")]
    TooLarge,
}

impl PatternError {
    /// What to write instead.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::Syntax => "Write it without look-around and back-references, and close every bracket.",
            Self::Empty => "Let it match at least one character: `[0-9]{6}` instead of `[0-9]*`.",
            Self::Unbounded => {
                "Say how long a match can be, 512 bytes at most: `[0-9]{1,12}` instead of `[0-9]+`."
            }
            Self::TooLarge => "Write it shorter, or with smaller repetitions.",
        }
    }
}

impl Pattern {
    pub(super) fn compile(pattern: &str) -> Result<Self, PatternError> {
        let parsed = ParserBuilder::new().nest_limit(64).build().parse(pattern);
        let parsed = parsed.map_err(|_| PatternError::Syntax)?;
        match (parsed.properties().minimum_len(), parsed.properties().maximum_len()) {
            (Some(0), _) => return Err(PatternError::Empty),
            (_, None) => return Err(PatternError::Unbounded),
            (_, Some(longest)) if longest > LONGEST => return Err(PatternError::Unbounded),
            _ => {}
        }
        let compiled = RegexBuilder::new(pattern).size_limit(SIZE).dfa_size_limit(SIZE).build();
        compiled.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            _ => PatternError::Syntax,
        })
    }

    pub(super) fn find(&self, text: &str, place: u16, found: &mut Vec<Found>) {
        let what = What::Pattern(place);
        found.extend(self.0.find_iter(text).map(|one| Found { start: one.start(), end: one.end(), what }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patterns_that_end_are_taken() {
        for (pattern, expected) in [
            ("K-[0-9]{6}", None),
            (r"\bK\d{1,10}\b", None),
            ("(a", Some(PatternError::Syntax)),
            (r"(a)\1", Some(PatternError::Syntax)),
            ("(?=a)b", Some(PatternError::Syntax)),
            ("[0-9]*", Some(PatternError::Empty)),
            ("", Some(PatternError::Empty)),
            ("^$", Some(PatternError::Empty)),
            ("[0-9]+", Some(PatternError::Unbounded)),
            ("a{513}", Some(PatternError::Unbounded)),
            (r"(?:\pL{1,40}|\pN){8}", Some(PatternError::Unbounded)),
            (r"[\pL\pN]{120}", Some(PatternError::TooLarge)),
        ] {
            let given = Pattern::compile(pattern).err();
            assert_eq!(given, expected, "{pattern}");
            assert!(given.is_none_or(|error| error.mend().ends_with('.')));
        }
    }
}
