//! Values written anew.

use super::lexer::{number_kind, plain_end};
use crate::payload::Kind;

/// Writes `text` as a JSON value of this kind; `None`, and nothing written, where it is none.
pub(in crate::payload) fn encode(kind: Kind, text: &str, out: &mut Vec<u8>) -> Option<()> {
    match kind {
        Kind::String => {
            quote(text, out);
            return Some(());
        }
        Kind::Null => {
            out.extend_from_slice(b"null");
            return Some(());
        }
        Kind::Boolean if matches!(text, "true" | "false") => {}
        Kind::Integer if number_kind(text) == Some(Kind::Integer) => {}
        Kind::Number if number_kind(text).is_some() => {}
        _ => return None,
    }
    out.extend_from_slice(text.as_bytes());
    Some(())
}

/// Writes `text` as a JSON string, and escapes only what must be (RFC 8259 section 7).
pub fn quote(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    while let Some((plain, [special, tail @ ..])) = rest.split_at_checked(plain_end(rest, 0)) {
        out.extend_from_slice(plain);
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                let digit = |value: u8| char::from_digit(u32::from(value), 16).map_or(b'0', |c| c as u8);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(control >> 4), digit(control & 15)]);
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text in "(?s).{0,20}") {
            let mut out = Vec::new();
            encode(Kind::String, &text, &mut out).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_of_its_kind_is_not_written() {
        for (kind, text) in [
            (Kind::Integer, "1.0"),
            (Kind::Integer, ""),
            (Kind::Integer, "01"),
            (Kind::Integer, "1 "),
            (Kind::Integer, "+1"),
            (Kind::Number, "NaN"),
            (Kind::Number, "1."),
            (Kind::Number, "1,\"x\":2"),
            (Kind::Boolean, "True"),
        ] {
            let mut out = Vec::new();
            assert_eq!((encode(kind, text, &mut out), out.len()), (None, 0), "{kind:?} {text}");
        }
        for (kind, text, written) in [
            (Kind::Integer, "-12", "-12"),
            (Kind::Number, "7", "7"),
            (Kind::Number, "-1.5e+3", "-1.5e+3"),
            (Kind::Boolean, "false", "false"),
            (Kind::Null, "whatever", "null"),
        ] {
            let mut out = Vec::new();
            assert!(encode(kind, text, &mut out).is_some());
            assert_eq!(out, written.as_bytes());
        }
    }
}
