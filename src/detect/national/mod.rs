//! National identification numbers of the member states of the European Union and the European Economic Area: what stands in
//! place of one where a state has none in general use (tax or social security numbers of natural persons) included. One file
//! for each group of countries; each scheme names where its rule is said.
//!
//! Check digits decide wherever there are any, with the date of birth where the number holds one. A scheme that is `weak` lets one
//! of about ten random numbers of its length pass (or has no check digit): it counts where the policy names its country, and
//! otherwise beside a word for such a number.

mod digits;
mod east;
mod north;
mod south;
mod west;

use digits::Number;

use super::context::Context;
use super::run::Run;

/// A kind of number that a state gives a person.
pub(super) struct Scheme {
    /// ISO 3166-1.
    pub(super) country: &'static str,
    /// What people there call it.
    pub(super) name: &'static str,
    /// `9` is a digit, `A` a letter, `*` either; as many as the number has.
    shape: &'static str,
    /// What may stand between its parts, each once at a place.
    between: &'static [u8],
    /// The sizes of its parts, where it counts in these parts only.
    parts: &'static [usize],
    /// Whether the form alone says little.
    weak: bool,
    /// Whether check digits, dates and ranges are right. Only called for what has the shape.
    check: fn(Number<'_>) -> bool,
}

/// All schemes, those of one country beside each other.
pub(super) const SCHEMES: &[&[Scheme]] = &[north::SCHEMES, west::SCHEMES, south::SCHEMES, east::SCHEMES];

impl Scheme {
    fn has(&self, compact: &[u8]) -> bool {
        let fits = |(shape, given): (u8, &u8)| match shape {
            b'9' => given.is_ascii_digit(),
            b'A' => given.is_ascii_uppercase(),
            _ => given.is_ascii_alphanumeric(),
        };
        compact.len() == self.shape.len()
            && self.shape.bytes().zip(compact).all(fits)
            && (self.check)(Number(compact))
    }

    /// Whether it has this text, which may have separators.
    #[cfg(test)]
    fn has_text(&self, text: &str) -> bool {
        let compact: Vec<u8> =
            text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()).collect();
        self.has(&compact)
    }
}

/// The shortest and the longest number of all schemes.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=16;

/// The most parts of a number.
const PARTS: usize = 9;

/// Where the number that the run begins with, one of these countries or, without any, of all, ends.
pub(super) fn at(run: &Run, text: &str, countries: &[Box<str>], context: &Context) -> Option<usize> {
    if run.goes_on() {
        return None;
    }
    let named = |scheme: &Scheme| countries.iter().any(|country| **country == *scheme.country);
    let start = run.pieces.first()?.start;
    // Asked at most once, for most numbers never.
    let mut told = None;
    for count in (1..=run.pieces.len().min(PARTS)).rev() {
        let Some((end, compact)) = run.upto(count).filter(|(_, compact)| LENGTHS.contains(&compact.len()))
        else {
            continue;
        };
        if !run.ends_free(text, count) {
            continue;
        }
        let pieces = run.pieces.get(1..count).unwrap_or_default();
        for scheme in SCHEMES.iter().copied().flatten() {
            let wanted = countries.is_empty() || named(scheme);
            let fits = wanted
                && pieces.iter().all(|piece| piece.between.is_one_of(scheme.between))
                && (scheme.parts.is_empty() || in_parts(run, count, scheme.parts))
                && scheme.has(compact);
            if fits
                && (!scheme.weak
                    || !countries.is_empty()
                    || *told.get_or_insert_with(|| context.national_before(text, start)))
            {
                return Some(end);
            }
        }
    }
    None
}

fn in_parts(run: &Run, count: usize, parts: &[usize]) -> bool {
    let pieces = run.pieces.get(..count).unwrap_or_default();
    pieces.iter().map(|piece| piece.end - piece.start).eq(parts.iter().copied())
}

#[cfg(test)]
mod tests;
