//! W3C Trace Context: a `traceparent` that is well formed may travel on; anything else is dropped, never mended.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header's name.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// True for a `traceparent` of version 00 with ids that are not zero (Trace Context section 3.2.2). It holds random
/// numbers only, so no personal data can hide in it beyond 24 bytes of hexadecimal digits.
pub fn is_traceparent(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'-');
    let mut part = |length: usize| {
        parts.next().filter(|part| {
            part.len() == length && part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (version, trace, parent, flags) = (part(2), part(32), part(16), part(2));
    let is_zero = |part: Option<&[u8]>| part.is_none_or(|part| part.iter().all(|byte| *byte == b'0'));
    version == Some(b"00") && !is_zero(trace) && !is_zero(parent) && flags.is_some() && parts.next().is_none()
}

/// The `traceparent`, where there is exactly one and it is well formed. `tracestate` is free text, and never travels.
pub fn parent(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let parent = values.next().filter(|parent| is_traceparent(parent.as_bytes()))?;
    values.next().is_none().then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_well_formed_parent_is_one() {
        assert!(is_traceparent(GOOD.as_bytes()));
        for bad in [
            "",
            "00",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-ada@example.org00000000000000000-00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn two_parents_are_none_and_neither_is_a_bad_one() {
        let is_kept = |parents: &[&str]| {
            let mut headers = HeaderMap::new();
            for parent in parents {
                headers.append(TRACEPARENT, parent.parse().unwrap());
            }
            parent(&headers).is_some()
        };
        assert_eq!(
            [is_kept(&[GOOD]), is_kept(&[GOOD, GOOD]), is_kept(&["00"]), is_kept(&[])],
            [true, false, false, false]
        );
    }
}
