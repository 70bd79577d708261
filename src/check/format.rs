//! Named formats of strings. Each is a small hand-written reading, linear in a text whose length it caps.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::email::email;

/// A declared `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `email`: a mailbox as people have them: dot-atom (letters of any script), one `@`, a domain with a dot; no
    /// quoted local part, no address literal, at most 254 bytes (RFC 5321 section 4.5.3.1).
    Email,
    /// `date`: RFC 3339 full-date of the real calendar.
    Date,
    /// `date-time`: RFC 3339 date-time, with its offset.
    DateTime,
    /// `time`: RFC 3339 full-time, with its offset; a leap second only where one can be.
    Time,
    /// `uuid`: RFC 9562 in its hyphened form.
    Uuid,
    /// `uri`: RFC 3986 with a scheme. Any scheme: `javascript:` is a URI too.
    Uri,
    /// `ipv4`: four decimal numbers without leading zeros.
    Ipv4,
    /// `ipv6`: RFC 4291 text form, without a zone.
    Ipv6,
    /// `hostname`: RFC 1123, in ASCII; its last label is not a number.
    Hostname,
    /// `phone`: E.164: `+`, then 7 to 15 digits of which the first is not zero.
    Phone,
}

impl Format {
    /// Every format there is.
    pub const ALL: &'static [Self] = &[
        Self::Email,
        Self::Date,
        Self::DateTime,
        Self::Time,
        Self::Uuid,
        Self::Uri,
        Self::Ipv4,
        Self::Ipv6,
        Self::Hostname,
        Self::Phone,
    ];

    /// The format that a policy writes as `word`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.word() == word)
    }

    /// As a policy writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Date => "date",
            Self::DateTime => "date-time",
            Self::Time => "time",
            Self::Uuid => "uuid",
            Self::Uri => "uri",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Hostname => "hostname",
            Self::Phone => "phone",
        }
    }

    /// What a caller is told who sent something else.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Email => "must be an e-mail address",
            Self::Date => "must be a date such as 2026-11-30 (RFC 3339)",
            Self::DateTime => "must be a date and time such as 2026-11-30T12:00:00Z (RFC 3339)",
            Self::Time => "must be a time such as 12:00:00Z (RFC 3339)",
            Self::Uuid => "must be a UUID in its hyphened form",
            Self::Uri => "must be a URI with its scheme",
            Self::Ipv4 => "must be an IPv4 address",
            Self::Ipv6 => "must be an IPv6 address",
            Self::Hostname => "must be a host name",
            Self::Phone => "must be a telephone number such as +33123456789 (E.164)",
        }
    }

    /// Whether `text` is of this format.
    pub fn matches(self, text: &str) -> bool {
        match self {
            Self::Email => email(text),
            Self::Date => date(text),
            Self::DateTime => date_time(text),
            Self::Time => time(text),
            Self::Uuid => uuid(text),
            Self::Uri => uri(text),
            Self::Ipv4 => text.len() <= 15 && text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.len() <= 45 && text.parse::<Ipv6Addr>().is_ok(),
            Self::Hostname => domain(text, |c| c.is_ascii_alphanumeric()),
            Self::Phone => phone(text),
        }
    }
}

/// Labels of 1 to 63 bytes, of letters, digits and inner hyphens; the last is not a number, or it were an address.
pub(super) fn domain(text: &str, letter: impl Fn(char) -> bool) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c == '-' || letter(c))
        })
        && text.rsplit('.').next().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else { return false };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    let (Ok(year), Ok(month), Ok(day)) = (i32::try_from(year), u8::try_from(month), u8::try_from(day)) else {
        return false;
    };
    time::Month::try_from(month).is_ok_and(|month| time::Date::from_calendar_date(year, month, day).is_ok())
}

fn date_time(text: &str) -> bool {
    text.split_once(['T', 't']).is_some_and(|(day, clock)| date(day) && time(clock))
}

fn time(text: &str) -> bool {
    // The longest that is honest has nine digits of a second; a few more do no harm.
    if text.len() > 40 {
        return false;
    }
    let (clock, offset) = if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        (clock, 0)
    } else {
        let Some((clock, zone)) = text.split_at_checked(text.len().saturating_sub(6)) else { return false };
        let (sign, zone) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
            (Some(zone), _) => (1, zone),
            (_, Some(zone)) => (-1, zone),
            _ => return false,
        };
        let Some((hours, minutes)) = zone.split_once(':') else { return false };
        let (Some(hours @ 0..=23), Some(minutes @ 0..=59)) = (digits(hours, 2), digits(minutes, 2)) else {
            return false;
        };
        (clock, sign * (i64::from(hours) * 60 + i64::from(minutes)))
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next(), parts.next(), parts.next());
    let (Some(hour), Some(minute), Some(second), None) = (hour, minute, second, parts.next()) else {
        return false;
    };
    match (digits(hour, 2), digits(minute, 2), digits(second, 2)) {
        (Some(0..=23), Some(0..=59), Some(0..=59)) => true,
        // Leap seconds are inserted at the end of a UTC day (RFC 3339 section 5.6 and appendix D).
        (Some(hour @ 0..=23), Some(minute @ 0..=59), Some(60)) => {
            (i64::from(hour) * 60 + i64::from(minute) - offset).rem_euclid(24 * 60) == 23 * 60 + 59
        }
        _ => false,
    }
}

fn uuid(text: &str) -> bool {
    let mut parts = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|length| {
        parts
            .next()
            .is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }) && parts.next().is_none()
}

fn uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut bytes = rest.bytes();
    text.len() <= 8192
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !rest.is_empty()
        && rest.bytes().filter(|byte| *byte == b'#').count() <= 1
        && loop {
            match bytes.next() {
                None => break true,
                Some(b'%') => {
                    let hexadecimal = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
                    if !hexadecimal(bytes.next()) || !hexadecimal(bytes.next()) {
                        break false;
                    }
                }
                Some(byte) if byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte) => {}
                Some(_) => break false,
            }
        }
}

fn phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|number| {
        (7..=15).contains(&number.len())
            && !number.starts_with('0')
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Exactly `length` decimal digits.
fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(format: Format, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(format.matches(text), "{} {text}", format.word());
        }
        for text in bad {
            assert!(!format.matches(text), "{} {text}", format.word());
        }
    }

    #[test]
    fn words_are_read_back() {
        assert!(Format::ALL.iter().all(|format| Format::parse(format.word()) == Some(*format)));
        assert_eq!(Format::parse("iban"), None);
    }

    #[test]
    fn mailboxes() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer =
            format!("a@{}.org", ["b".repeat(60), "c".repeat(60), "d".repeat(60), "e".repeat(68)].join("."));
        holds(
            Format::Email,
            &[
                "ada@example.org",
                "ada.king+tag@mail.example.co.uk",
                "o'neil@example.org",
                "müller@exämple.de",
            ],
            &[
                "",
                "ada",
                "@example.org",
                "ada@",
                "ada@example",
                "ada@@example.org",
                ".ada@example.org",
                "ada..k@example.org",
                "ada@-example.org",
                "ada@example..org",
                "ada@example.org.",
                "ada @example.org",
                "ada@example.org\n",
                "ada@127.0.0.1",
                "ada@[127.0.0.1]",
                "\"a b\"@example.org",
                "ada@example.org,bob@example.org",
                "a<b@example.org",
                &long,
                &longer,
            ],
        );
    }

    #[test]
    fn dates_are_of_the_real_calendar() {
        holds(
            Format::Date,
            &["2026-11-30", "2024-02-29", "2000-02-29", "0001-01-01"],
            &[
                "2026-02-29",
                "1900-02-29",
                "2026-13-01",
                "2026-00-10",
                "2026-11-31",
                "2026-1-1",
                "26-01-01",
                "2026-11-30T",
                "+026-01-01",
                "2026-11-30 ",
                "２０２６-11-30",
                "2026/11/30",
            ],
        );
    }

    #[test]
    fn times_have_an_offset() {
        holds(
            Format::Time,
            &[
                "12:00:00Z",
                "23:59:59.999999999+05:30",
                "00:00:00z",
                "23:59:60Z",
                "01:29:60+01:30",
                "15:59:60-08:00",
            ],
            &[
                "12:00:00",
                "24:00:00Z",
                "12:60:00Z",
                "12:00:61Z",
                "12:00:60Z",
                "23:59:60+01:00",
                "12:00Z",
                "1:00:00Z",
                "12:00:00.Z",
                "12:00:00+24:00",
                "12:00:00+0100",
                "Z",
                "",
                "é:00:00Z",
                "12:00:00é1:00",
            ],
        );
        holds(
            Format::DateTime,
            &["2026-11-30T12:00:00Z", "2026-11-30t12:00:00.5-08:00"],
            &["2026-11-30 12:00:00Z", "2026-11-30", "2026-02-30T12:00:00Z", "2026-11-30T12:00:00", "T"],
        );
    }

    #[test]
    fn identifiers_and_addresses() {
        holds(
            Format::Uuid,
            &["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"],
            &[
                "f81d4fae7dec11d0a76500a0c91e6bf6",
                "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
                "g81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
                "f81d4fae-7dec-11d0-a765-00a0c91e6bf6-",
            ],
        );
        holds(
            Format::Uri,
            &[
                "https://example.org/a?b=c#d",
                "urn:isbn:0451450523",
                "mailto:a@example.org",
                "http://[::1]:80/%20",
            ],
            &[
                "example.org",
                "//example.org",
                "http:",
                "1http://a",
                "http://a b",
                "http://a/%2",
                "http://a/%zz",
                "http://é",
                "http://a#b#c",
                "http://a/<b>",
                ":a",
            ],
        );
        holds(
            Format::Ipv4,
            &["127.0.0.1", "255.255.255.255"],
            &["256.0.0.1", "127.1", "01.2.3.4", "1.2.3.4 ", "0x7f.1.1.1"],
        );
        holds(
            Format::Ipv6,
            &["::1", "2001:db8::8a2e:370:7334", "::ffff:192.0.2.1"],
            &["::1%eth0", ":::", "1.2.3.4", "[::1]"],
        );
        let label = "a".repeat(64);
        holds(
            Format::Hostname,
            &["example.org", "localhost", "a-b.example", "1a.example", "xn--bcher-kva.example"],
            &[
                "",
                "-a.org",
                "a-.org",
                "a..org",
                "example.org.",
                "a_b.org",
                "bücher.example",
                "127.0.0.1",
                &label,
            ],
        );
        holds(
            Format::Phone,
            &["+33123456789", "+14155552671", "+6834000"],
            &[
                "0123456789",
                "+0123456789",
                "+123456",
                "+1234567890123456",
                "+33 1 23 45",
                "+33-1",
                "+",
                "+１２３４５６７８",
            ],
        );
    }
}
