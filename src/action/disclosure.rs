//! How much of a value an action lets its destination see, compared with another: what a reviewer of a change asks.

use std::cmp::Ordering;

use super::{DateTo, Generalize, Spec};

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
            _ => None,
        }
    }

    /// Named one by one, so that a new action must say where it stands.
    const fn degree(&self) -> Degree {
        match self {
            Self::LeaveOut | Self::RefuseIfPresent => Degree::Nothing,
            Self::Redact(_) | Self::Mask { keep_last: 0 } => Degree::Presence,
            Self::Mask { .. } | Self::Pseudonymize { .. } | Self::Encrypt { .. } | Self::Generalize(_) => {
                Degree::Part
            }
            Self::Unchanged => Degree::Whole,
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
    use super::*;

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
        ];
        for (now, then, expected) in cases {
            assert_eq!(now.discloses(&then), expected, "{now} after {then}");
            assert_eq!(then.discloses(&now), expected.map(Ordering::reverse), "{then} after {now}");
            assert_eq!(now.discloses(&now), Some(Ordering::Equal));
        }
    }
}
