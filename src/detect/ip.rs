//! Addresses of the Internet Protocol: version 4 in four decimal parts, version 6 as RFC 4291 section 2.2 writes it. A number
//! of a version or section in four parts has the same form, so a word for one before it decides.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::context::Context;
use super::{Found, Kind, What};

/// The longest text of an address, `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const LONGEST: usize = 45;

pub(super) fn find(text: &str, context: &Context, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut at = 0;
    while let Some(skipped) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| part(*byte))) {
        let start = at + skipped;
        let length = bytes.get(start..).unwrap_or_default().iter().take_while(|byte| part(**byte)).count();
        at = start + length;
        let word = |at: Option<&u8>| at.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if word(start.checked_sub(1).and_then(|before| bytes.get(before))) || word(bytes.get(at)) {
            continue;
        }
        if let Some((from, to)) = address(text, start, at) {
            if text.get(from..to).is_some_and(|found| !found.contains(':'))
                && context.version_before(text, from)
            {
                continue;
            }
            let to = with_prefix_length(bytes, to);
            found.push(Found { start: from, end: to, what: What::Kind(Kind::Ip) });
        }
    }
}

/// The address that a word of hexadecimal digits, colons and dots is, without the marks of the sentence around it.
fn address(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let word = text.get(start..end)?;
    let kept = word.trim_end_matches('.');
    let kept = if kept.ends_with("::") { kept } else { kept.trim_end_matches(':') };
    let kept = if kept.starts_with("::") { kept } else { kept.trim_start_matches([':', '.']) };
    let from = start + word.find(kept)?;
    if kept.len() > LONGEST {
        return None;
    }
    let (host, _port) = kept.rsplit_once(':').filter(|(host, _)| host.contains('.')).unwrap_or((kept, ""));
    let version_4 = |text: &str| {
        text.bytes().filter(|byte| *byte == b'.').count() == 3 && text.parse::<Ipv4Addr>().is_ok()
    };
    if version_4(host) {
        return Some((from, from + host.len()));
    }
    // `a::b` may be a path in a program: a digit must be there, or three groups.
    let groups = kept.split(':').filter(|group| !group.is_empty()).count();
    let plausible = kept.bytes().any(|byte| byte.is_ascii_digit()) || groups > 2;
    (plausible && kept != "::" && kept.parse::<Ipv6Addr>().is_ok()).then_some((from, from + kept.len()))
}

/// Past `/24`, which belongs to the address.
fn with_prefix_length(bytes: &[u8], end: usize) -> usize {
    let Some(b'/') = bytes.get(end) else { return end };
    let digits =
        bytes.get(end + 1..).unwrap_or_default().iter().take(4).take_while(|byte| byte.is_ascii_digit());
    match digits.count() {
        count @ 1..=3 => end + 1 + count,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::super::context;
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text, context::shared().unwrap(), &mut found);
        found.iter().map(|one| text.get(one.start..one.end).unwrap()).collect()
    }

    #[test]
    fn addresses_are_told_from_versions_and_times() {
        for (text, expected) in [
            ("from 192.0.2.17.", "192.0.2.17"),
            ("http://192.0.2.17:8080/x", "192.0.2.17"),
            ("net 10.0.0.0/8,", "10.0.0.0/8"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
            ("IP: 203.0.113.9: seen", "203.0.113.9"),
        ] {
            assert_eq!(all(text), [expected], "{text}");
        }
        for text in [
            "version 4.2.1.7",
            "v1.2.3.4",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "01.02.03.04",
            "12:30:45",
            "00:1A:2B:3C:4D:5E",
            "std::vec",
            "be::ad",
            "::",
            "a:b",
            "x1.2.3.4",
        ] {
            assert_eq!(all(text), Vec::<&str>::new(), "{text}");
        }
    }
}
