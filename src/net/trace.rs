//! W3C Trace Context: a `traceparent` that is well formed may travel on; anything else is dropped, never mended.

use http::HeaderMap;

/// The header's name.
pub const TRACEPARENT: &str = "traceparent";

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

/// Removes `traceparent` unless there is exactly one and it is well formed, and `tracestate` always: it is free text.
pub fn clean(headers: &mut HeaderMap) {
    headers.remove("tracestate");
    let mut values = headers.get_all(TRACEPARENT).iter();
    let good = match (values.next(), values.next()) {
        (None, _) => return,
        (Some(value), None) => is_traceparent(value.as_bytes()),
        _ => false,
    };
    if !good {
        headers.remove(TRACEPARENT);
    }
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
    fn two_parents_or_a_bad_one_are_dropped_and_state_always() {
        let kept = |parents: &[&str]| {
            let mut headers = HeaderMap::new();
            for parent in parents {
                headers.append(TRACEPARENT, parent.parse().unwrap());
            }
            headers.insert("tracestate", "a=b".parse().unwrap());
            clean(&mut headers);
            headers.len()
        };
        assert_eq!([kept(&[GOOD]), kept(&[GOOD, GOOD]), kept(&["00"]), kept(&[])], [1, 0, 0, 0]);
    }
}
