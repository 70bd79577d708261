//! Two sets of rules compared, word by word: what a change of a policy lets through that was refused before, and the other
//! way round.

use std::cmp::Ordering;

use super::decimal::Decimal;
use super::{Length, Range, RefuseKind, RuleKind, Rules, Sanitize};

/// How a rule is shown that is not written.
const NONE: &str = "none";

/// Which values pass after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// Some that did not, or it cannot be told whether none do.
    Looser,
    /// Fewer than before, and none that did not.
    Tighter,
}

/// A rule that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// The word of the policy.
    pub word: &'static str,
    /// What it comes to.
    pub bearing: Bearing,
    /// What was written, in the policy's words; `none` where nothing was.
    pub before: String,
    /// What is written now.
    pub after: String,
}

impl Rules {
    /// What is written for one of the policy's words; `None` where nothing is, or there is no such rule.
    pub fn written(&self, word: &str) -> Option<String> {
        // Every rule is named here, so that a new one cannot be forgotten.
        let Self { kind, length, range, one_of, pattern, format, nullable, sanitize, refuse, media } = self;
        let text = match word {
            "type" => show_kind(*kind),
            "length" => show_length(*length),
            "range" => show_range(range.as_ref()),
            "one_of" => show_list(one_of),
            "pattern" => show(pattern.clone()),
            "format" => show(format.map(|format| format.word())),
            "nullable" => nullable.to_string(),
            "sanitize" => show(sanitize.map(Sanitize::word)),
            "refuse" => show_list(&refused(refuse)),
            "media" => show_list(media),
            _ => return None,
        };
        (text != NONE).then_some(text)
    }

    /// What is not as it was in `before`, in the order of the words in a policy.
    pub fn changes(&self, before: &Self) -> Vec<RuleChange> {
        // Every rule is named here, so that a new one cannot be forgotten.
        let Self { kind, length, range, one_of, pattern, format, nullable, sanitize, refuse, media } = self;
        let mut found = Vec::new();
        let mut look = |word, bearing: Option<Bearing>, before: String, after: String| {
            if let Some(bearing) = bearing {
                found.push(RuleChange { word, bearing, before, after });
            }
        };
        look("type", of_kind(*kind, before.kind), show_kind(before.kind), show_kind(*kind));
        look("length", of_length(*length, before.length), show_length(before.length), show_length(*length));
        let ranges = (range.as_ref(), before.range.as_ref());
        look("range", of_range(ranges.0, ranges.1), show_range(ranges.1), show_range(ranges.0));
        let bearing = of_choices(one_of, &before.one_of);
        look("one_of", bearing, show_list(&before.one_of), show_list(one_of));
        let bearing = of_optional(pattern.as_deref(), before.pattern.as_deref());
        look("pattern", bearing, show(before.pattern.clone()), show(pattern.clone()));
        let words = (format.map(|format| format.word()), before.format.map(|format| format.word()));
        look("format", of_optional(words.0, words.1), show(words.1), show(words.0));
        let bearing = (*nullable != before.nullable).then_some(if *nullable {
            Bearing::Looser
        } else {
            Bearing::Tighter
        });
        look("nullable", bearing, before.nullable.to_string(), nullable.to_string());
        let bearing = of_order(sanitize_rank(*sanitize), sanitize_rank(before.sanitize));
        look(
            "sanitize",
            bearing,
            show(before.sanitize.map(Sanitize::word)),
            show(sanitize.map(Sanitize::word)),
        );
        let words = (refused(refuse), refused(&before.refuse));
        let lost = words.1.iter().any(|word| !words.0.contains(word));
        let bearing = (words.0 != words.1).then_some(if lost { Bearing::Looser } else { Bearing::Tighter });
        look("refuse", bearing, show_list(&words.1), show_list(&words.0));
        let bearing = of_choices(media, &before.media);
        look("media", bearing, show_list(&before.media), show_list(media));
        found
    }
}

fn of_kind(now: Option<RuleKind>, then: Option<RuleKind>) -> Option<Bearing> {
    match (now, then) {
        _ if now == then => None,
        // Every integer is a number, and anything is anything.
        (Some(RuleKind::Integer), Some(RuleKind::Number)) | (Some(_), None) => Some(Bearing::Tighter),
        _ => Some(Bearing::Looser),
    }
}

fn of_length(now: Option<Length>, then: Option<Length>) -> Option<Bearing> {
    let ends = |length: Option<Length>| {
        let length = length.unwrap_or(Length { min: 0, max: None });
        (length.min, length.max.unwrap_or(u64::MAX))
    };
    let ((min, max), (old_min, old_max)) = (ends(now), ends(then));
    of_ends(min.cmp(&old_min), max.cmp(&old_max))
}

fn of_range(now: Option<&Range>, then: Option<&Range>) -> Option<Bearing> {
    let end =
        |range: Option<&Range>, of: fn(&Range) -> &Option<String>| range.and_then(|range| of(range).clone());
    // An end that is not there is beyond every other: `open` says where.
    let compare = |now: Option<String>, then: Option<String>, open: Ordering| match (now, then) {
        (None, None) => Some(Ordering::Equal),
        (None, Some(_)) => Some(open),
        (Some(_), None) => Some(open.reverse()),
        (Some(now), Some(then)) => Some(Decimal::parse(&now)?.compare(&Decimal::parse(&then)?)),
    };
    let low = compare(end(now, |range| &range.min), end(then, |range| &range.min), Ordering::Less);
    let high = compare(end(now, |range| &range.max), end(then, |range| &range.max), Ordering::Greater);
    match (low, high) {
        (Some(low), Some(high)) => of_ends(low, high),
        // An end that is no number is refused when rules are compiled.
        _ => (now != then).then_some(Bearing::Looser),
    }
}

fn of_ends(low: Ordering, high: Ordering) -> Option<Bearing> {
    match (low, high) {
        (Ordering::Equal, Ordering::Equal) => None,
        (Ordering::Less, _) | (_, Ordering::Greater) => Some(Bearing::Looser),
        _ => Some(Bearing::Tighter),
    }
}

fn of_choices(now: &[String], then: &[String]) -> Option<Bearing> {
    let within = |some: &[String], all: &[String]| some.iter().all(|value| all.contains(value));
    match (now.is_empty(), then.is_empty()) {
        (true, true) => None,
        (true, false) => Some(Bearing::Looser),
        (false, true) => Some(Bearing::Tighter),
        (false, false) if !within(now, then) => Some(Bearing::Looser),
        (false, false) if !within(then, now) => Some(Bearing::Tighter),
        (false, false) => None,
    }
}

/// Rules of which two can only be the same or not: whether another one lets something through that the first did not cannot
/// be told, so it is taken to.
fn of_optional(now: Option<&str>, then: Option<&str>) -> Option<Bearing> {
    match (now, then) {
        _ if now == then => None,
        (Some(_), None) => Some(Bearing::Tighter),
        _ => Some(Bearing::Looser),
    }
}

fn of_order(now: u8, then: u8) -> Option<Bearing> {
    match now.cmp(&then) {
        Ordering::Equal => None,
        Ordering::Less => Some(Bearing::Looser),
        Ordering::Greater => Some(Bearing::Tighter),
    }
}

/// How much of a text goes.
const fn sanitize_rank(sanitize: Option<Sanitize>) -> u8 {
    match sanitize {
        None => 0,
        Some(Sanitize::Html) => 1,
        Some(Sanitize::Text) => 2,
    }
}

/// In the language's own order.
fn refused(refuse: &[RefuseKind]) -> Vec<&'static str> {
    RefuseKind::ALL.iter().filter(|kind| refuse.contains(kind)).map(|kind| kind.word()).collect()
}

fn show<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

fn show_kind(kind: Option<RuleKind>) -> String {
    show(kind.map(RuleKind::word))
}

fn show_length(length: Option<Length>) -> String {
    show(
        length.map(|length| {
            format!("{}..{}", length.min, length.max.map_or(String::new(), |max| max.to_string()))
        }),
    )
}

fn show_range(range: Option<&Range>) -> String {
    let end = |end: &Option<String>| end.clone().unwrap_or_default();
    show(range.map(|range| format!("{}..{}", end(&range.min), end(&range.max))))
}

fn show_list<T: AsRef<str>>(values: &[T]) -> String {
    if values.is_empty() {
        return NONE.to_owned();
    }
    values.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Format;

    fn range(min: &str, max: &str) -> Rules {
        let end = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Rules { range: Some(Range { min: end(min), max: end(max) }), ..Rules::default() }
    }

    fn choices(values: &[&str]) -> Rules {
        Rules { one_of: values.iter().map(|value| (*value).to_owned()).collect(), ..Rules::default() }
    }

    #[test]
    fn what_lets_more_through_is_looser() {
        use Bearing::{Looser, Tighter};
        let length = |min, max| Rules { length: Some(Length { min, max }), ..Rules::default() };
        let pattern = |text: &str| Rules { pattern: Some(text.into()), ..Rules::default() };
        let kind = |kind| Rules { kind: Some(kind), ..Rules::default() };
        let sanitize = |sanitize| Rules { sanitize: Some(sanitize), ..Rules::default() };
        let refuse = |refuse: &[RefuseKind]| Rules { refuse: refuse.to_vec(), ..Rules::default() };
        let none = Rules::default();
        let cases = [
            (kind(RuleKind::Integer), kind(RuleKind::Number), Some(Looser)),
            (kind(RuleKind::Number), kind(RuleKind::Integer), Some(Tighter)),
            (kind(RuleKind::String), kind(RuleKind::Boolean), Some(Looser)),
            (length(1, Some(10)), length(1, None), Some(Looser)),
            (length(1, None), length(2, None), Some(Tighter)),
            (length(2, Some(9)), length(1, Some(5)), Some(Looser)),
            (none.clone(), length(0, None), None),
            (range("0", "130"), range("0", "1.3e2"), None),
            (range("0", "130"), range("-0.5", "130"), Some(Looser)),
            (range("0", "130"), range("0", "99.5"), Some(Tighter)),
            (range("0", "130"), range("5", ""), Some(Looser)),
            (range("0", ""), none.clone(), Some(Looser)),
            (choices(&["a", "b"]), choices(&["b", "a"]), None),
            (choices(&["a", "b"]), choices(&["a", "c"]), Some(Looser)),
            (choices(&["a", "b"]), choices(&["a"]), Some(Tighter)),
            (choices(&["a"]), none.clone(), Some(Looser)),
            (pattern("a+"), pattern("a"), Some(Looser)),
            (none.clone(), pattern("a"), Some(Tighter)),
            (Rules { format: Some(Format::Email), ..Rules::default() }, none.clone(), Some(Looser)),
            (none.clone(), Rules { nullable: true, ..Rules::default() }, Some(Looser)),
            (sanitize(Sanitize::Text), sanitize(Sanitize::Html), Some(Looser)),
            (none.clone(), sanitize(Sanitize::Html), Some(Tighter)),
            (refuse(RefuseKind::ALL), refuse(&[RefuseKind::Html]), Some(Looser)),
            (none.clone(), refuse(&[RefuseKind::Html]), Some(Tighter)),
        ];
        for (before, after, expected) in cases {
            let found = after.changes(&before);
            assert_eq!(found.first().map(|change| change.bearing), expected, "{before:?} {after:?}");
            assert!(found.len() <= 1 && before.changes(&before).is_empty());
        }
    }
}
