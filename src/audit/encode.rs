//! The canonical encoding: JSON of one object with sorted keys and no white space, holding strings, integers,
//! booleans and arrays of these, and so RFC 8785 by construction. Times are integers, milliseconds since 1970 in UTC;
//! days are integers, days since 1970; hashes and references are hexadecimal text; what is not known has no member.
//! It is written directly into the caller's buffer, since every exchange pays for it twice.

use std::io::Write as _;

use crate::clock::{Day, Timestamp};
use crate::personal::Reference;
use crate::problem::Problem;

use super::DecisionId;

/// The version of the encoding, the member `v` of each event.
pub(super) const VERSION: u64 = 1;

/// Writes one event. `at`, `kind` and `v` are slipped in where they sort, so that the members of a kind need only be
/// in order among themselves.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    at: Timestamp,
    kind: &'static str,
    common: Common,
    last: &'static str,
}

/// Which of the common members comes next.
#[derive(Clone, Copy, PartialEq)]
enum Common {
    At,
    Kind,
    V,
    Done,
}

impl<'o> Writer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, at: Timestamp, kind: &'static str) -> Self {
        Self { out, at, kind, common: Common::At, last: "" }
    }

    /// Adds a member. INVARIANT: keys come in ascending order and need no escape; a debug build checks the order.
    pub(super) fn member(&mut self, key: &'static str, value: &impl Member) {
        if value.is_absent() {
            return;
        }
        self.common_before(Some(key));
        self.key(key);
        value.put(self.out);
    }

    pub(super) fn finish(mut self) {
        self.common_before(None);
        self.out.push(b'}');
    }

    fn common_before(&mut self, key: Option<&'static str>) {
        loop {
            let name = match self.common {
                Common::At => "at",
                Common::Kind => "kind",
                Common::V => "v",
                Common::Done => return,
            };
            if key.is_some_and(|key| key < name) {
                return;
            }
            self.key(name);
            self.common = match self.common {
                Common::At => {
                    self.at.put(self.out);
                    Common::Kind
                }
                Common::Kind => {
                    self.kind.put(self.out);
                    Common::V
                }
                Common::V | Common::Done => {
                    VERSION.put(self.out);
                    Common::Done
                }
            };
        }
    }

    fn key(&mut self, key: &'static str) {
        debug_assert!(self.last < key, "`{key}` comes after `{}`", self.last);
        self.out.push(if self.last.is_empty() { b'{' } else { b',' });
        self.last = key;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// A value that may stand in an event.
pub(super) trait Member {
    fn put(&self, out: &mut Vec<u8>);

    /// Whether the member is left out.
    fn is_absent(&self) -> bool {
        false
    }
}

impl Member for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        integer(out, i64::try_from(*self).unwrap_or(i64::MAX));
    }
}

impl Member for u16 {
    fn put(&self, out: &mut Vec<u8>) {
        integer(out, i64::from(*self));
    }
}

impl Member for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Member for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        integer(out, self.millis());
    }
}

impl Member for Day {
    fn put(&self, out: &mut Vec<u8>) {
        integer(out, self.number());
    }
}

impl Member for &str {
    fn put(&self, out: &mut Vec<u8>) {
        string(out, self);
    }
}

impl Member for Problem {
    fn put(&self, out: &mut Vec<u8>) {
        self.slug().put(out);
    }
}

impl Member for DecisionId {
    fn put(&self, out: &mut Vec<u8>) {
        prefixed(out, b"d_", self.as_bytes());
    }
}

impl Member for Reference {
    fn put(&self, out: &mut Vec<u8>) {
        prefixed(out, b"r_", self.as_bytes());
    }
}

impl<const N: usize> Member for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        prefixed(out, b"", self);
    }
}

impl<T: Member> Member for &[T] {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            item.put(out);
        }
        out.push(b']');
    }
}

impl<T: Member> Member for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// RFC 8785 writes numbers as IEEE 754 doubles, which hold integers exactly up to 2^53 − 1.
fn integer(out: &mut Vec<u8>, value: i64) {
    const EXACT: i64 = (1 << 53) - 1;
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{}", value.clamp(-EXACT, EXACT));
}

fn prefixed(out: &mut Vec<u8>, prefix: &[u8], bytes: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(prefix);
    hex(out, bytes);
    out.push(b'"');
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        text.bytes().for_each(|byte| escaped(out, byte));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

/// RFC 8785 section 3.2.2.2.
fn escaped(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        0x08 => out.extend_from_slice(b"\\b"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\n' => out.extend_from_slice(b"\\n"),
        0x0c => out.extend_from_slice(b"\\f"),
        b'\r' => out.extend_from_slice(b"\\r"),
        0..0x20 => {
            out.extend_from_slice(b"\\u00");
            hex(out, &[byte]);
        }
        _ => out.push(byte),
    }
}

/// Appends `bytes` in lower-case hexadecimal.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    // Sixteen at a time, so that the compiler makes vectors of it.
    for bytes in bytes.chunks(16) {
        let mut text = [0; 32];
        text.as_chunks_mut().0.iter_mut().zip(bytes).for_each(|(two, byte)| *two = digits(*byte));
        out.extend_from_slice(text.get(..bytes.len() * 2).unwrap_or_default());
    }
}

/// The two lower-case hexadecimal digits of a byte. Not by the formatter, whose way takes thousands of instructions a name.
pub(super) const fn digits(byte: u8) -> [u8; 2] {
    const fn digit(half: u8) -> u8 {
        if half < 10 { b'0' + half } else { b'a' + half - 10 }
    }
    [digit(byte >> 4), digit(byte & 15)]
}

/// The `N` bytes that `2 N` lower-case hexadecimal digits mean; a second spelling would be a second encoding.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}
