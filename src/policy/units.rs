//! Durations, sizes and rates as policies write them.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::clock::Timestamp;

/// What a duration may be, for messages.
pub const BOUNDS: &str = "from 1ms to 36525d";

/// `500ms`, `30s`, `15min`, `12h`, `30d`: a whole number and a unit, more than nothing and at most a hundred years.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => DAY,
        _ => return None,
    };
    let millis = number.checked_mul(millis)?;
    (1..=DAY * 36_525).contains(&millis).then(|| Duration::from_millis(millis))
}

const DAY: u64 = 86_400_000;

/// The duration in its largest whole unit.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("d", u128::from(DAY)), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

/// The duration in words, in the largest unit that says it exactly: `30 days`.
pub fn say_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length))
        .map_or((seconds, "second"), |(length, unit)| (seconds / length, unit));
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `512B`, `64KiB`, `10MiB`: bytes, more than none and at most a gibibyte.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes = number.checked_mul(match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    })?;
    (1..=1 << 30).contains(&bytes).then_some(bytes)
}

/// `2027-06-30`: a day of the calendar, as RFC 3339 writes a `full-date`.
pub fn date(text: &str) -> Option<time::Date> {
    let digits = |part: &str, count| {
        (part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    digits(year, 4).and(digits(month, 2)).and(digits(day, 2))?;
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    time::Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// The first moment after a day (UTC).
pub fn end_of(day: time::Date) -> Timestamp {
    let next = day.next_day().map_or(i64::MAX / 1000, |next| next.midnight().assume_utc().unix_timestamp());
    Timestamp::from_millis(next.saturating_mul(1000))
}

/// `60/min`: calls, and the time in which they may come.
pub fn rate(text: &str) -> Option<(NonZeroU32, Duration)> {
    let (calls, unit) = text.split_once('/')?;
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some((digits(calls)?.try_into().ok().and_then(NonZeroU32::new)?, Duration::from_secs(seconds)))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    Some((digits(number)?, unit))
}

/// A whole number without sign or leading zeros.
pub(super) fn digits(text: &str) -> Option<u64> {
    let spelled = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if spelled { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis) in
            [("500ms", 500), ("30s", 30_000), ("15min", 900_000), ("12h", 43_200_000), ("30d", 30 * DAY)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)));
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        for text in [
            "",
            "30",
            "d",
            "0d",
            "-1d",
            "1.5h",
            "30 d",
            "30D",
            "1m",
            "01d",
            "99999999999999999999d",
            "36526d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        let (_, bounds) = BOUNDS.split_once(' ').unwrap();
        assert!(bounds.split(" to ").all(|bound| duration(bound).is_some()), "{bounds}");
    }

    #[test]
    fn durations_are_said_in_the_largest_exact_unit() {
        assert_eq!(say_duration(Duration::from_secs(30 * 86_400)), "30 days");
        assert_eq!(say_duration(Duration::from_secs(86_400)), "1 day");
        assert_eq!(say_duration(Duration::from_secs(90 * 60)), "90 minutes");
        assert_eq!(say_duration(Duration::from_secs(61)), "61 seconds");
    }

    #[test]
    fn sizes_and_rates_are_read() {
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1MiB"), Some(1 << 20));
        for text in ["64", "64KB", "0B", "2GiB", "1 MiB"] {
            assert_eq!(size(text), None, "{text}");
        }
        assert_eq!(rate("60/min"), Some((NonZeroU32::new(60).unwrap(), Duration::from_secs(60))));
        for text in ["60", "0/min", "60/m", "1e3/s", "60 / min", "4294967296/s"] {
            assert_eq!(rate(text), None, "{text}");
        }
    }
}
