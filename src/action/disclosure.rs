//! How much of a value an action lets its destination see, compared with another: what a reviewer of a change asks.

use std::cmp::Ordering;

use super::{DateTo, DetectSpec, Generalize, ReplaceBy, Spec};

/// How much in the large.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Degree {
    /// Not even that there is a value.
    Nothing,
    /// That there is one.
    Presence,
    /// Something of it, or something that stands for it.
    Part,
    /// All of it.
    Whole,
}

impl Spec {
    /// How what the destination sees compares with what `before` let it see. `None` where neither tells all that the other
    /// does: the destination then sees something that it did not see before.
    ///
    /// A pseudonym and a part of the value cannot be compared: one tells persons apart, the other tells about them.
    pub fn discloses(&self, before: &Self) -> Option<Ordering> {
        let (now, then) = (self.degree(), before.degree());
        if now != then || now != Degree::Part || self == before {
            return Some(now.cmp(&then));
        }
        match (self, before) {
            (Self::Mask { keep_last: now }, Self::Mask { keep_last: then }) => Some(now.cmp(then)),
            (Self::Pseudonymize { .. }, Self::Pseudonymize { .. }) => Some(Ordering::Equal),
            (Self::Generalize(now), Self::Generalize(then)) => now.discloses(then),
            (Self::Detect(now), Self::Detect(then)) => now.discloses(then),
            _ => None,
        }
    }

    /// Named one by one, so that a new action must say where it stands.
    const fn degree(&self) -> Degree {
        match self {
            Self::LeaveOut | Self::RefuseIfPresent => Degree::Nothing,
            Self::Redact(_) | Self::Mask { keep_last: 0 } => Degree::Presence,
            Self::Mask { .. }
            | Self::Pseudonymize { .. }
            | Self::Encrypt { .. }
            | Self::Generalize(_)
            | Self::Detect(_) => Degree::Part,
            Self::Unchanged => Degree::Whole,
        }
    }
}

impl DetectSpec {
    /// Whoever looks for more shows less.
    fn discloses(&self, before: &Self) -> Option<Ordering> {
        let (now, then) = (&self.wanted, &before.wanted);
        if now.countries != then.countries || self.ask != before.ask {
            // All countries' numbers, some of them beside a word only, and one country's cannot be compared; nor can analysers.
            return None;
        }
        let found = [
            inclusion(&now.kinds, &then.kinds)?,
            inclusion(&now.regions, &then.regions)?,
            inclusion(&now.patterns, &then.patterns)?,
        ];
        let shown = found.map(Ordering::reverse).into_iter();
        let mut all = shown.chain([self.replace_by.shows().cmp(&before.replace_by.shows())]);
        all.try_fold(Ordering::Equal, |all, one| match (all, one) {
            (Ordering::Equal, one) => Some(one),
            (all, one) if one == all || one == Ordering::Equal => Some(all),
            _ => None,
        })
    }
}

/// How two sets compare; `None` where each has something that the other has not.
fn inclusion<T: PartialEq>(one: &[T], other: &[T]) -> Option<Ordering> {
    let within = |one: &[T], other: &[T]| one.iter().all(|item| other.contains(item));
    match (within(one, other), within(other, one)) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}

impl ReplaceBy {
    const fn shows(self) -> u8 {
        match self {
            Self::Refuse => 0,
            Self::LeaveOut => 1,
            Self::Mask => 2,
            Self::Redact => 3,
            Self::Pseudonymize => 4,
        }
    }
}

impl Generalize {
    fn discloses(&self, before: &Self) -> Option<Ordering> {
        match (self, before) {
            // Bands of 5 tell which band of 10 it is; bands of 4 do not.
            (Self::BandsOf { width: now, .. }, Self::BandsOf { width: then, .. }) => match now.cmp(then) {
                Ordering::Less if then.is_multiple_of(*now) => Some(Ordering::Greater),
                Ordering::Greater if now.is_multiple_of(*then) => Some(Ordering::Less),
                Ordering::Equal => Some(Ordering::Equal),
                Ordering::Less | Ordering::Greater => None,
            },
            (Self::DateTo(now), Self::DateTo(then)) => Some(now.fineness().cmp(&then.fineness())),
            (Self::Prefix(now), Self::Prefix(then)) => Some(now.cmp(then)),
            _ => None,
        }
    }
}

impl DateTo {
    const fn fineness(self) -> u8 {
        match self {
            Self::Year => 0,
            Self::Month => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::detect::spec as detect;
    use super::*;
    use crate::detect::Kind;

    fn bands(width: u64) -> Spec {
        Spec::Generalize(Generalize::BandsOf { width, label: false })
    }

    #[test]
    fn what_shows_more_is_greater_and_what_shows_something_else_cannot_be_compared() {
        let pseudonym = Spec::Pseudonymize { as_integer: false };
        let month = Spec::Generalize(Generalize::DateTo(DateTo::Month));
        let year = Spec::Generalize(Generalize::DateTo(DateTo::Year));
        let cases = [
            (Spec::Unchanged, bands(10), Some(Ordering::Greater)),
            (bands(10), Spec::LeaveOut, Some(Ordering::Greater)),
            (Spec::RefuseIfPresent, Spec::LeaveOut, Some(Ordering::Equal)),
            (Spec::Redact("x".into()), Spec::Mask { keep_last: 0 }, Some(Ordering::Equal)),
            (Spec::Mask { keep_last: 4 }, Spec::Mask { keep_last: 2 }, Some(Ordering::Greater)),
            (bands(5), bands(10), Some(Ordering::Greater)),
            (bands(4), bands(10), None),
            (month, year.clone(), Some(Ordering::Greater)),
            (pseudonym.clone(), Spec::Pseudonymize { as_integer: true }, Some(Ordering::Equal)),
            (pseudonym, year, None),
            (Spec::Encrypt { key: "a".into() }, Spec::Encrypt { key: "b".into() }, None),
            (detect(&[Kind::Email], ReplaceBy::Mask), Spec::Unchanged, Some(Ordering::Less)),
            (
                detect(&[Kind::Email], ReplaceBy::Mask),
                detect(&[Kind::Ip, Kind::Email], ReplaceBy::Mask),
                Some(Ordering::Greater),
            ),
            (
                detect(&[Kind::Email], ReplaceBy::Mask),
                detect(&[Kind::Email], ReplaceBy::Redact),
                Some(Ordering::Less),
            ),
            (
                detect(&[Kind::Email], ReplaceBy::Mask),
                detect(&[Kind::Ip, Kind::Email], ReplaceBy::Redact),
                None,
            ),
            (detect(&[Kind::Email], ReplaceBy::Mask), detect(&[Kind::Ip], ReplaceBy::Mask), None),
        ];
        for (now, then, expected) in cases {
            assert_eq!(now.discloses(&then), expected, "{now} after {then}");
            assert_eq!(then.discloses(&now), expected.map(Ordering::reverse), "{then} after {now}");
            assert_eq!(now.discloses(&now), Some(Ordering::Equal));
        }
    }
}
