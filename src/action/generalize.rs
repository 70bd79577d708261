//! A coarser value: a band of numbers, a month or year, a prefix.

use std::fmt::Write as _;

use super::{DateTo, Refused, SpecError};
use crate::payload::{Kind, Treated, Value};

const NOT_A_NUMBER: Refused = Refused::Unsuitable("must be a number of a usable size");
const NOT_A_DATE: Refused = Refused::Unsuitable("must be a date such as 2026-11-30 (RFC 3339)");
const NOT_A_STRING: Refused = Refused::Unsuitable("must be a string");

/// Bands of a fixed width, counted from zero in both directions.
#[derive(Clone, Debug)]
pub(super) struct Bands {
    width: i128,
    names: Option<Names>,
}

/// How a band is named. It follows the declared type, not the value's spelling, so that a band has one name.
#[derive(Clone, Copy, Debug)]
enum Names {
    /// `30-39`
    Inclusive,
    /// `30-40`
    Exclusive,
}

impl Bands {
    pub(super) fn new(width: u64, label: bool, kind: Option<Kind>) -> Result<Self, SpecError> {
        let names = match kind {
            Some(Kind::Integer) => Names::Inclusive,
            Some(Kind::Number) => Names::Exclusive,
            _ => return Err(SpecError::BandsOfOther),
        };
        match (width, names) {
            (0, _) => Err(SpecError::BandsOfNothing),
            (1, Names::Inclusive) => Err(SpecError::BandsOfOne),
            _ => Ok(Self { width: i128::from(width), names: label.then_some(names) }),
        }
    }

    pub(super) const fn are_named(&self) -> bool {
        self.names.is_some()
    }

    pub(super) fn apply(&self, value: Value<'_>, out: &mut String) -> Result<Treated, Refused> {
        if !matches!(value.kind, Kind::Integer | Kind::Number) {
            return Err(NOT_A_NUMBER);
        }
        let floor = floor(value.text).ok_or(NOT_A_NUMBER)?;
        let lower = floor.div_euclid(self.width).checked_mul(self.width).ok_or(NOT_A_NUMBER)?;
        let upper = lower.checked_add(self.width).ok_or(NOT_A_NUMBER)?;
        let Some(names) = self.names else {
            // A fraction keeps the kind: a column of floats stays one.
            let fraction = if value.kind == Kind::Number { ".0" } else { "" };
            let _infallible = write!(out, "{lower}{fraction}");
            return Ok(Treated::Replaced(value.kind));
        };
        let upper = match names {
            Names::Inclusive => upper - 1,
            Names::Exclusive => upper,
        };
        let between = if lower < 0 { " to " } else { "-" };
        let _infallible = write!(out, "{lower}{between}{upper}");
        Ok(Treated::Replaced(Kind::String))
    }
}

/// The greatest integer that is not above a number as JSON spells it, exactly; `None` beyond 38 digits.
fn floor(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = whole
        .bytes()
        .chain(fraction.bytes())
        .map(|byte| byte.is_ascii_digit().then(|| i128::from(byte - b'0')));
    // Where the point stands among the digits once the exponent has moved it.
    let point = i64::try_from(whole.len()).ok()?.checked_add(i64::from(exponent.parse::<i32>().ok()?))?;
    let (mut floor, mut taken) = (0_i128, 0_i64);
    let mut exact = true;
    for digit in &mut digits {
        let digit = digit?;
        if taken < point {
            floor = floor.checked_mul(10)?.checked_add(digit)?;
        } else {
            exact &= digit == 0;
        }
        taken += 1;
    }
    // Zeros that are not spelled out: 1e3.
    if floor != 0 {
        for _ in taken..point {
            floor = floor.checked_mul(10)?;
        }
    }
    match (taken, unsigned.len() < text.len(), exact) {
        (0, ..) => None,
        (_, false, _) => Some(floor),
        (_, true, true) => Some(-floor),
        (_, true, false) => Some(-floor - 1),
    }
}

/// The first day of a date's month or year; of a date-time the first instant, in UTC, of the day as it was written there.
pub(super) fn date_to(to: DateTo, value: Value<'_>, out: &mut String) -> Result<Treated, Refused> {
    if value.kind != Kind::String {
        return Err(NOT_A_STRING);
    }
    let (date, clock) = value.text.split_at_checked(10).ok_or(NOT_A_DATE)?;
    let (year, month) = year_and_month(date).ok_or(NOT_A_DATE)?;
    let clock = match clock.bytes().next() {
        None => "",
        Some(b'T' | b't') => "T00:00:00Z",
        Some(_) => return Err(NOT_A_DATE),
    };
    let month = match to {
        DateTo::Year => "01",
        DateTo::Month => month,
    };
    let _infallible = write!(out, "{year}-{month}-01{clock}");
    Ok(Treated::Replaced(Kind::String))
}

/// Year and month of a `YYYY-MM-DD` of the real calendar.
fn year_and_month(date: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || ![year, month, day].into_iter().all(digits) {
        return None;
    }
    let of_year = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    time::Date::from_calendar_date(year.parse().ok()?, of_year, day.parse().ok()?).ok()?;
    Some((year, month))
}

/// The first characters.
#[derive(Clone, Debug)]
pub(super) struct Prefix {
    count: usize,
}

impl Prefix {
    pub(super) fn new(count: u32) -> Result<Self, SpecError> {
        match usize::try_from(count) {
            Ok(0) => Err(SpecError::PrefixOfNothing),
            Ok(count) => Ok(Self { count }),
            Err(_) => Ok(Self { count: usize::MAX }),
        }
    }

    pub(super) fn apply(&self, value: Value<'_>, out: &mut String) -> Result<Treated, Refused> {
        if value.kind != Kind::String {
            return Err(NOT_A_STRING);
        }
        // A value that ends where the prefix does would be shown whole: nothing of it is.
        if let Some((end, _)) = value.text.char_indices().nth(self.count) {
            out.push_str(value.text.get(..end).unwrap_or_default());
        }
        Ok(Treated::Replaced(Kind::String))
    }
}
