//! Decimal numbers as JSON spells them, compared exactly: a binary float would call 9007199254740993 equal to its
//! neighbour, and a limit would not hold.

use std::cmp::Ordering;

/// A number as it is spelled: `[-]INT[.FRACTION][e EXPONENT]`. Nothing is copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    exponent: i32,
}

impl<'a> Decimal<'a> {
    /// Reads the grammar of RFC 8259 section 6. An exponent that does not fit 32 bits is not read: nobody means it.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if !all_digits(digits) {
                    return None;
                }
                (mantissa, exponent.parse().ok()?)
            }
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if !all_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        Some(Self { negative, whole: whole.trim_start_matches('0'), fraction, exponent })
    }

    /// Whether it is spelled without fraction and exponent.
    pub(super) fn is_integer(text: &str) -> bool {
        Decimal::parse(text).is_some() && !text.contains(['.', 'e', 'E'])
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self.sign(), other.sign()) {
            (1, 1) => self.compare_magnitude(other),
            (-1, -1) => other.compare_magnitude(self),
            (mine, theirs) => mine.cmp(&theirs),
        }
    }

    fn sign(&self) -> i8 {
        match (self.significant().next(), self.negative) {
            (None, _) => 0,
            (Some(_), true) => -1,
            (Some(_), false) => 1,
        }
    }

    /// Digits from the first that is not zero, or none at all.
    fn significant(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole.bytes().chain(self.fraction.bytes()).skip_while(|digit| *digit == b'0')
    }

    /// How many places before the point (behind it, if negative) the first significant digit stands.
    fn magnitude(&self) -> i64 {
        let places = if self.whole.is_empty() {
            -(length(self.fraction) - length(self.fraction.trim_start_matches('0')))
        } else {
            length(self.whole)
        };
        places + i64::from(self.exponent)
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        self.magnitude().cmp(&other.magnitude()).then_with(|| {
            let (mut mine, mut theirs) = (self.significant(), other.significant());
            loop {
                match (mine.next(), theirs.next()) {
                    (None, None) => return Ordering::Equal,
                    (a, b) => match a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    },
                }
            }
        })
    }
}

/// A number without exponent that is written with few digits, as most are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small {
    /// All its digits as an integer.
    digits: i64,
    /// How many of them stand behind the point.
    places: u32,
}

impl Small {
    /// Bytes beside the sign: so many digits fit into an `i64`.
    const LENGTH: usize = 18;

    /// Nothing of other numbers, or of what is no number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let begins = matches!(unsigned.as_bytes(), [b'0'] | [b'0', b'.', ..] | [b'1'..=b'9', ..]);
        if !begins || unsigned.len() > Self::LENGTH {
            return None;
        }
        let (mut digits, mut places) = (0_i64, None);
        for byte in unsigned.bytes() {
            match byte {
                b'0'..=b'9' => {
                    digits = digits * 10 + i64::from(byte - b'0');
                    places = places.map(|places| places + 1);
                }
                b'.' if places.is_none() => places = Some(0),
                _ => return None,
            }
        }
        let digits = if unsigned.len() < text.len() { -digits } else { digits };
        match places {
            Some(0) => None,
            places => Some(Self { digits, places: places.unwrap_or(0) }),
        }
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        if self.places == other.places {
            return self.digits.cmp(&other.digits);
        }
        // 18 digits, and no more than 16 places of the other: 34 digits fit into 128 bits.
        let scaled = |number: Self, by: Self| i128::from(number.digits) * i128::from(10_i64.pow(by.places));
        scaled(self, other).cmp(&scaled(other, self))
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(a: &str, b: &str) -> Ordering {
        Decimal::parse(a).unwrap().compare(&Decimal::parse(b).unwrap())
    }

    #[test]
    fn neighbours_that_a_float_confuses_are_told_apart() {
        assert_eq!(compare("9007199254740993", "9007199254740992"), Ordering::Greater);
        assert_eq!(compare("0.1", "0.1000000000000000000000001"), Ordering::Less);
        let huge = "170141183460469231731687303715884105727";
        assert_eq!(compare(huge, "170141183460469231731687303715884105728"), Ordering::Less);
    }

    #[test]
    fn spellings_of_one_number_are_equal() {
        for (a, b) in [("100", "1e2"), ("1.0", "1"), ("-0", "0.000"), ("0.05", "5E-2"), ("12.50", "0.125e+2")]
        {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        assert_eq!(compare("0e9", "1e-300000"), Ordering::Less);
        assert_eq!(compare("-1e-300000", "-0.0"), Ordering::Less);
    }

    #[test]
    fn only_the_grammar_of_json_is_read() {
        for text in
            ["", "-", "+1", "01", ".5", "1.", "1e", "1e+", "0x1", "1_0", "NaN", "1e99999999999", " 1", "--1"]
        {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
        assert!(!Decimal::is_integer("1.0") && !Decimal::is_integer("1e2") && Decimal::is_integer("-0"));
    }

    proptest! {
        #[test]
        fn integers_compare_as_integers(a in any::<i128>(), b in any::<i128>()) {
            prop_assert_eq!(compare(&a.to_string(), &b.to_string()), a.cmp(&b));
        }

        #[test]
        fn a_small_number_is_one_that_is_short_and_has_no_exponent(
            text in prop_oneof!["-?[0-9]{0,20}", "-?[0-9]{1,3}[.eE][0-9.]{0,17}", "[ +x.-]?[0-9]{1,3}[ x.-]?"],
        ) {
            let short = text.trim_start_matches('-').len() <= 18 && !text.contains(['e', 'E']);
            prop_assert_eq!(Small::parse(&text).is_some(), Decimal::parse(&text).is_some() && short, "{}", text);
        }

        #[test]
        fn small_numbers_compare_as_all_do(a in "-?(0|[1-9][0-9]{0,7})([.][0-9]{1,9})?", b in "-?(0|[1-9][0-9]{0,2})([.][0-9]{1,2})?") {
            let small = |text| Small::parse(text).unwrap();
            prop_assert_eq!(small(&a).compare(small(&b)), compare(&a, &b));
            prop_assert_eq!(small(&b).compare(small(&a)), compare(&b, &a));
        }

        #[test]
        fn the_smallest_and_the_largest_of_small_numbers_compare(places in 1usize..17, negative in any::<bool>()) {
            let most = format!("{}{}.{}", if negative { "-" } else { "" }, "9".repeat(17 - places), "9".repeat(places));
            for other in ["999999999999999999", "-999999999999999999", "0.0000000000000001", "0"] {
                let order = Small::parse(&most).unwrap().compare(Small::parse(other).unwrap());
                prop_assert_eq!(order, compare(&most, other));
            }
        }

        #[test]
        fn a_shifted_point_changes_nothing(digits in 1..u32::MAX, places in 1usize..9, other in any::<i32>()) {
            let shifted = format!("{digits}{}e-{places}", "0".repeat(places));
            prop_assert_eq!(compare(&shifted, &digits.to_string()), Ordering::Equal);
            let order = i64::from(digits).cmp(&i64::from(other));
            prop_assert_eq!(compare(&shifted, &other.to_string()), order);
        }
    }
}
