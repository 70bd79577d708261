//! What is kept of the single values at one place: counts, lengths, ends, formats. A value itself is kept only as long
//! as there are few of them, in memory alone.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::Number;

use super::shape::is_value;
use crate::check::{Format, Length, Range, RuleKind, Rules};

/// Most values of a list that is proposed.
const FEW: usize = 12;
/// How often each of them must have been seen at least.
const OFTEN: u64 = 3;
/// How many values must have been seen before a list is proposed.
const ENOUGH: u64 = 30;
/// The longest value that is listed, in characters.
const SHORT: usize = 40;
/// How many different values of one form must have been seen before their length is taken for fixed.
const CODES: usize = 30;
/// Distinct values are counted up to here.
const COUNTED: usize = 10_000;

/// Formats that a text tells by itself. Nearly every word is a host name, so that one is not guessed.
const TELLING: [Format; 9] = [
    Format::Email,
    Format::Uuid,
    Format::DateTime,
    Format::Date,
    Format::Time,
    Format::Ipv4,
    Format::Ipv6,
    Format::Phone,
    Format::Uri,
];

/// Whether all texts have letters, digits and signs at the same places, as codes have.
#[derive(Debug, Default)]
enum Form {
    #[default]
    Unknown,
    One(Box<str>),
    None,
}

impl Form {
    fn add(&mut self, text: &str) {
        if matches!(self, Self::None) {
            return;
        }
        let form: String = text
            .chars()
            .map(|c| match c {
                c if c.is_ascii_digit() => '0',
                c if c.is_uppercase() => 'A',
                c if c.is_lowercase() => 'a',
                other => other,
            })
            .take(SHORT + 1)
            .collect();
        let code = form.chars().count() <= SHORT && form.contains('0');
        match self {
            Self::One(known) if code && **known == *form => {}
            Self::Unknown if code => *self = Self::One(form.into()),
            _ => *self = Self::None,
        }
    }
}

/// Single values that were seen at one place.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) texts: u64,
    pub(super) integers: u64,
    pub(super) numbers: u64,
    pub(super) booleans: u64,
    longest: u64,
    form: Form,
    least: f64,
    most: f64,
    /// Formats that not every text had.
    refuted: Vec<Format>,
    /// While there are few.
    values: BTreeMap<Box<str>, u64>,
    many: bool,
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Stats {
    pub(super) fn text(&mut self, text: &str) {
        let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        self.longest = self.longest.max(length);
        self.form.add(text);
        for format in TELLING {
            if !self.refuted.contains(&format) && !format.matches(text) {
                self.refuted.push(format);
            }
        }
        self.texts += 1;
        self.count(text);
        if self.many || text.chars().count() > SHORT {
            self.forget();
            return;
        }
        *self.values.entry(text.into()).or_default() += 1;
        if self.values.len() > FEW {
            self.forget();
        }
    }

    pub(super) fn number(&mut self, number: &Number) {
        let value = number.as_f64().unwrap_or_default();
        let first = self.integers + self.numbers == 0;
        self.least = if first { value } else { self.least.min(value) };
        self.most = if first { value } else { self.most.max(value) };
        if number.is_f64() {
            self.numbers += 1
        } else {
            self.integers += 1
        }
        self.count(&number.to_string());
    }

    pub(super) fn boolean(&mut self) {
        self.booleans += 1;
    }

    pub(super) fn total(&self) -> u64 {
        self.texts + self.integers + self.numbers + self.booleans
    }

    fn forget(&mut self) {
        self.many = true;
        self.values.clear();
    }

    fn count(&mut self, text: &str) {
        if self.hashes.len() < COUNTED {
            self.hashes.insert(self.hasher.hash_one(text));
        }
    }

    /// How many different values there were, for a reason.
    pub(super) fn distinct(&self) -> String {
        match self.hashes.len() {
            0 => "yes or no".into(),
            1 => "1 value".into(),
            COUNTED => format!("{COUNTED} values or more"),
            count => format!("{count} values"),
        }
    }

    /// The length of a code: many different values, all of one form.
    pub(super) fn fixed_length(&self) -> Option<u64> {
        let code = matches!(self.form, Form::One(_)) && self.hashes.len() >= CODES;
        code.then_some(self.longest)
    }

    /// Rules that every value that was seen satisfies, with room around them: no end of a range is one that was seen, and of a
    /// length only where it is a code's.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn rules(&self, nullable: bool, list: bool) -> Result<Rules, &'static str> {
        let kinds = [self.texts > 0, self.integers + self.numbers > 0, self.booleans > 0];
        let kind = match kinds {
            [true, false, false] => RuleKind::String,
            [false, true, false] if self.numbers > 0 => RuleKind::Number,
            [false, true, false] => RuleKind::Integer,
            [false, false, true] => RuleKind::Boolean,
            [false, false, false] => return Err("it was null whenever it was seen"),
            _ => return Err("it was seen with values of several types: a field has one"),
        };
        let mut rules = Rules { kind: Some(kind), nullable, ..Rules::default() };
        match kind {
            RuleKind::String => {
                rules.format = TELLING.into_iter().find(|format| !self.refuted.contains(format));
                let listed = list && rules.format.is_none() && !self.many && self.texts >= ENOUGH;
                // One value alone may be one person's, and a number is no word of a list.
                let words = self.values.len() > 1 && !self.values.keys().any(|value| is_value(value));
                if listed && words && self.values.values().all(|count| *count >= OFTEN) {
                    rules.one_of = self.values.keys().map(|value| value.to_string()).collect();
                } else if rules.format.is_none() {
                    let length = self.fixed_length();
                    let room = Length { min: 0, max: Some(roomy(self.longest)) };
                    rules.length =
                        Some(length.map_or(room, |length| Length { min: length, max: Some(length) }));
                }
            }
            RuleKind::Integer | RuleKind::Number => rules.range = range(self.least, self.most),
            RuleKind::Boolean | RuleKind::File => {}
        }
        Ok(rules)
    }
}

/// The next of 10, 20, 50, 100, … that is at least twice as much.
fn roomy(length: u64) -> u64 {
    let wanted = length.saturating_mul(2).max(10);
    let mut step = 10_u64;
    loop {
        for times in [1, 2, 5] {
            let bound = step.saturating_mul(times);
            if bound >= wanted {
                return bound;
            }
        }
        step = step.saturating_mul(10);
    }
}

/// Room on both sides; what was never below zero stays there.
fn range(least: f64, most: f64) -> Option<Range> {
    const HIGHEST: f64 = 1e15;
    if !(-HIGHEST..=HIGHEST).contains(&least) || !(-HIGHEST..=HIGHEST).contains(&most) {
        return None;
    }
    let bound = |value: f64| {
        let mut wanted = 10_u64;
        while (wanted as f64) < value.abs() {
            wanted = roomy(wanted);
        }
        roomy(wanted)
    };
    let min = if least >= 0.0 { "0".to_owned() } else { format!("-{}", bound(least)) };
    let max = if most <= 0.0 { "0".to_owned() } else { bound(most).to_string() };
    Some(Range { min: Some(min), max: Some(max) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str], times: usize) -> Rules {
        let mut stats = Stats::default();
        for value in std::iter::repeat_n(values, times).flatten() {
            stats.text(value);
        }
        stats.rules(false, true).unwrap()
    }

    #[test]
    fn a_list_is_proposed_for_few_values_that_repeat_often() {
        assert_eq!(texts(&["car", "house"], 20).one_of, ["car", "house"]);
        assert!(texts(&["car", "house"], 3).one_of.is_empty());
        assert!(texts(&["Ada", "Bob", "Eve", "Joe", "Kim"], 2).one_of.is_empty());
        let many: Vec<String> = (0..20).map(|number| format!("v{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(texts(&many, 20).one_of.is_empty());
        assert_eq!(texts(&["ada@example.org"], 50).format, Some(Format::Email));
        assert!(texts(&["ada@example.org"], 50).one_of.is_empty());
    }

    #[test]
    fn no_end_is_a_value_that_was_seen() {
        assert_eq!(texts(&["abcde", "ab"], 1).length, Some(Length { min: 0, max: Some(10) }));
        for same in [["walk", "walk"], ["12345", "67890"], ["py", "go"]] {
            let length = texts(&same, 20).length;
            assert!(length.is_none_or(|length| length.min == 0 && length.max == Some(10)), "{length:?}");
        }
        let codes: Vec<String> = (0..40).map(|number| format!("P-{number:06}")).collect();
        let mut codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        assert_eq!(texts(&codes, 1).length, Some(Length { min: 8, max: Some(8) }));
        assert_eq!(
            texts(codes.get(..20).unwrap(), 4).length,
            Some(Length { min: 0, max: Some(20) }),
            "too few"
        );
        codes.push("P-1");
        assert_eq!(texts(&codes, 1).length, Some(Length { min: 0, max: Some(20) }));
        assert!(texts(&["alone"], 50).one_of.is_empty());
        let mut stats = Stats::default();
        for number in [36, 97, 41] {
            stats.number(&number.into());
        }
        let rules = stats.rules(false, true).unwrap();
        assert_eq!(rules.kind, Some(RuleKind::Integer));
        assert_eq!(rules.range, Some(Range { min: Some("0".into()), max: Some("200".into()) }));
        stats.number(&Number::from_f64(-3.5).unwrap());
        let range = stats.rules(false, true).unwrap().range.unwrap();
        assert_eq!(range.min.as_deref(), Some("-20"));
        stats.text("x");
        assert!(stats.rules(false, true).is_err());
    }
}
