//! What the schemes reckon with.

/// A number without what stands between its parts, letters in capitals.
#[derive(Clone, Copy)]
pub(super) struct Number<'n>(pub(super) &'n [u8]);

impl<'n> Number<'n> {
    /// The character at a place; 0 beyond the end.
    pub(super) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or_default()
    }

    /// The digit at a place; 0 for what is none.
    pub(super) fn digit(self, at: usize) -> u32 {
        char::from(self.byte(at)).to_digit(10).unwrap_or_default()
    }

    /// The digits from a place on, as a number.
    pub(super) fn number(self, from: usize, count: usize) -> u64 {
        (from..from + count).fold(0, |number, at| number * 10 + u64::from(self.digit(at)))
    }

    /// Two digits from a place on.
    pub(super) fn two(self, at: usize) -> u32 {
        self.digit(at) * 10 + self.digit(at + 1)
    }

    /// The first digits, each times its weight, added up.
    pub(super) fn weighed(self, weights: &[u32]) -> u32 {
        weights.iter().enumerate().map(|(at, weight)| self.digit(at) * weight).sum()
    }

    /// The first characters.
    pub(super) fn first(self, count: usize) -> Self {
        Self(self.0.get(..count).unwrap_or(self.0))
    }

    /// All from a place on.
    pub(super) fn from(self, at: usize) -> Self {
        Self(self.0.get(at..).unwrap_or_default())
    }

    /// Whether it is one digit over and over, which satisfies many a sum and is nobody's.
    pub(super) fn is_monotonous(self) -> bool {
        self.0.iter().all(|byte| Some(byte) == self.0.first())
    }

    /// Luhn's check digit (ISO/IEC 7812-1) at the end.
    pub(super) fn luhn(self) -> bool {
        super::super::card::luhn(self.0)
    }

    /// The check digit of ISO/IEC 7064, mod 11,10, at the end.
    pub(super) fn mod_11_10(self) -> bool {
        let Some(before) = self.0.len().checked_sub(1) else { return false };
        let product = (0..before).fold(10, |product, at| {
            let sum = (product + self.digit(at)) % 10;
            (if sum == 0 { 10 } else { sum }) * 2 % 11
        });
        (11 - product) % 10 == self.digit(before)
    }
}

/// Whether there is such a day in some year.
pub(super) fn is_day(month: u32, day: u32) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Whether there is such a date; the year has four digits.
pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    is_day(month, day) && (leap || (month, day) != (2, 29))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        assert!(Number(b"79927398713").luhn() && !Number(b"79927398710").luhn());
        // ISO/IEC 7064's own example is 0794 with check digit 5.
        assert!(Number(b"07945").mod_11_10() && !Number(b"07946").mod_11_10());
        assert!(is_date(2000, 2, 29) && !is_date(1900, 2, 29) && !is_day(13, 1) && !is_day(4, 31));
    }
}
