//! The tokens of JSON over a body that is known to be UTF-8.

use crate::payload::spelled::Spelled;
use crate::payload::{Kind, Malformed};

/// A place in a body. Tokens begin where it stands; white space is stepped over by [`Cursor::space`] only.
///
/// It is copied where a fault is reported or a call is not inlined: whoever points to it keeps it out of registers.
#[derive(Clone, Copy)]
pub(in crate::payload) struct Cursor<'a> {
    text: &'a str,
    /// Bytes before the cursor.
    pub(in crate::payload) at: usize,
}

/// A string token.
#[derive(Clone, Copy)]
pub(in crate::payload) struct Text<'a> {
    /// What stands between the quotes. Its escapes have been checked.
    pub(in crate::payload) raw: &'a str,
    /// Whether it has escapes.
    pub(in crate::payload) escaped: bool,
}

/// A scalar token.
pub(in crate::payload) struct Scalar<'a> {
    pub(in crate::payload) kind: Kind,
    pub(in crate::payload) text: Text<'a>,
}

impl<'a> Cursor<'a> {
    /// What is wrong where a member has ended and neither another nor the end follows.
    pub(in crate::payload) const AFTER_MEMBER: &'static str = "a comma or the end of an object is expected";
    /// The same for an element.
    pub(in crate::payload) const AFTER_ELEMENT: &'static str = "a comma or the end of an array is expected";

    /// The first place of a body.
    pub(in crate::payload) fn new(body: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body)
            .map_err(|e| Malformed { offset: e.valid_up_to(), reason: "the body is not valid UTF-8" })?;
        if text.starts_with('\u{feff}') {
            return Err(Malformed { offset: 0, reason: "the body begins with a byte order mark" });
        }
        Ok(Self { text, at: 0 })
    }

    /// The byte at the cursor; `None` at the end.
    #[inline(always)]
    pub(in crate::payload) fn peek(self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over white space: the four characters of RFC 8259 section 2, no other.
    #[inline]
    pub(in crate::payload) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// A fault at the cursor.
    #[cold]
    pub(in crate::payload) fn wrong(self, reason: &'static str) -> Malformed {
        let reason = if self.at >= self.text.len() { "the body ends too early" } else { reason };
        Malformed { offset: self.at, reason }
    }

    /// Nothing but white space follows.
    pub(in crate::payload) fn end(&mut self) -> Result<(), Malformed> {
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("text follows the end of the document")),
        }
    }

    /// A key, its colon, and the white space about it.
    #[inline(always)]
    pub(in crate::payload) fn key(&mut self) -> Result<Text<'a>, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a key is expected"));
        }
        let key = self.string()?;
        self.colon()?;
        Ok(key)
    }

    /// The same, where the body goes on with this key and its colon, as they are mostly spelled; else nothing.
    #[inline(always)]
    pub(in crate::payload) fn expected_key(&mut self, key: &Spelled) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is = key.begins(rest);
        if is {
            self.at += key.len();
            self.space();
        }
        is
    }

    #[inline(always)]
    fn colon(&mut self) -> Result<(), Malformed> {
        if self.peek() != Some(b':') {
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.wrong("a colon is expected"));
            }
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// A string, number, `true`, `false` or `null`; anything else is a fault.
    #[inline(always)]
    pub(in crate::payload) fn scalar(&mut self) -> Result<Scalar<'a>, Malformed> {
        let from = self.at;
        let kind = match self.peek() {
            Some(b'"') => return Ok(Scalar { kind: Kind::String, text: self.string()? }),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true", Kind::Boolean)?,
            Some(b'f') => self.word(b"false", Kind::Boolean)?,
            Some(b'n') => self.word(b"null", Kind::Null)?,
            _ => return Err(self.wrong("a value is expected")),
        };
        Ok(Scalar { kind, text: Text { raw: self.span(from, self.at)?, escaped: false } })
    }

    /// The string whose opening quote is at the cursor. Inlined into each caller: handed back through memory, a token
    /// takes longer than the string does.
    #[inline(always)]
    pub(in crate::payload) fn string(&mut self) -> Result<Text<'a>, Malformed> {
        let bytes = self.text.as_bytes();
        let from = self.at + 1;
        let mut escaped = false;
        let mut at = plain_end(bytes, from);
        while bytes.get(at) == Some(&b'\\') {
            escaped = true;
            at = plain_end(bytes, self.escape(at)?);
        }
        if bytes.get(at) != Some(&b'"') {
            self.at = at;
            return Err(self.wrong("a control character in a string is not escaped"));
        }
        self.at = at + 1;
        Ok(Text { raw: self.span(from, at)?, escaped })
    }

    /// Checks the escape whose backslash is at `at`, and gives the place after it.
    #[inline(never)]
    fn escape(self, at: usize) -> Result<usize, Malformed> {
        let fault = |reason| Malformed { offset: at, reason };
        let bytes = self.text.as_bytes();
        match bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => {
                let unit = unit(bytes, at).ok_or(fault("\\u is not followed by four hexadecimal digits"))?;
                match unit {
                    0xd800..=0xdbff => match self::unit(bytes, at + 6) {
                        Some(0xdc00..=0xdfff) => Ok(at + 12),
                        _ => Err(fault("half of a surrogate pair stands alone")),
                    },
                    0xdc00..=0xdfff => Err(fault("half of a surrogate pair stands alone")),
                    _ => Ok(at + 6),
                }
            }
            Some(_) => Err(fault("there is no such escape")),
            None => Err(Malformed { offset: at + 1, reason: "the body ends too early" }),
        }
    }

    #[inline]
    fn number(&mut self) -> Result<Kind, Malformed> {
        let mut kind = Kind::Integer;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                // Seen here, so that no visitor is shown the 0 of `01987`.
                if let Some(b'0'..=b'9') = self.peek() {
                    return Err(self.wrong("a number begins with 0"));
                }
            }
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.wrong("a digit is expected")),
        }
        if self.peek() == Some(b'.') {
            kind = Kind::Number;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            kind = Kind::Number;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(kind)
    }

    /// At least one digit.
    #[inline]
    fn digits(&mut self) -> Result<(), Malformed> {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == from { Err(self.wrong("a digit is expected")) } else { Ok(()) }
    }

    #[inline]
    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Kind, Malformed> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.wrong("a value is expected"));
        }
        self.at += word.len();
        Ok(kind)
    }

    /// INVARIANT: tokens begin and end beside ASCII, so a span is never cut within a character.
    #[inline]
    fn span(self, from: usize, to: usize) -> Result<&'a str, Malformed> {
        self.text.get(from..to).ok_or(Malformed { offset: from, reason: "the token cannot be read" })
    }
}

/// Whether `text` is one number and nothing else, and of which kind.
pub(in crate::payload) fn number_kind(text: &str) -> Option<Kind> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.number().ok().filter(|_| cursor.at == text.len())
}

/// Writes what a checked string means to the end of `out`.
pub(in crate::payload) fn unescape(raw: &str, out: &mut String) -> Option<()> {
    let bytes = raw.as_bytes();
    out.reserve(bytes.len());
    let mut from = 0;
    loop {
        // In a checked string nothing but a backslash is special.
        let at = plain_end(bytes, from);
        out.push_str(raw.get(from..at)?);
        from = at + 2;
        out.push(match bytes.get(at + 1) {
            None => return (at == bytes.len()).then_some(()),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = unit(bytes, at)?;
                let second = unit(bytes, at + 6).filter(|_| (0xd800..0xdc00).contains(&first));
                from = at + if second.is_some() { 12 } else { 6 };
                char::decode_utf16([first].into_iter().chain(second)).next()?.ok()?
            }
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(*plain),
            Some(_) => return None,
        });
    }
}

/// The UTF-16 unit of an escape `\uXXXX` that begins at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let (prefix, digits) = bytes.get(at..at + 6)?.split_at_checked(2)?;
    if prefix != b"\\u" {
        return None;
    }
    digits.iter().try_fold(0, |unit: u16, &digit| {
        let value = char::from(digit).to_digit(16).and_then(|value| u16::try_from(value).ok())?;
        Some(unit << 4 | value)
    })
}

/// The first place from `at` on that has a quote, a backslash or a control character, or the end.
#[inline(always)]
pub(in crate::payload) fn plain_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = tail;
    }
    at + rest.iter().position(|&b| b < b' ' || b == b'"' || b == b'\\').unwrap_or(rest.len())
}

/// Marks, in the top bit of each byte, quotes, backslashes and control characters. The lowest mark is always true; a
/// borrow may set false ones above it.
#[inline(always)]
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zeros(word ^ (ONES * b'"' as u64));
    let backslash = zeros(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * b' ' as u64) & !word;
    (quote | backslash | control) & TOPS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fast_look_for_the_end_agrees_with_the_slow_one(
            bytes in prop::collection::vec(prop_oneof![9 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\')], 0..40),
            from in 0usize..40,
        ) {
            let slow = (from..bytes.len())
                .find(|&at| bytes[at] < b' ' || bytes[at] == b'"' || bytes[at] == b'\\')
                .unwrap_or(bytes.len().max(from));
            prop_assert_eq!(plain_end(&bytes, from), slow);
        }

        #[test]
        fn strings_are_unescaped_as_serde_json_does(text in ".{0,20}", escaped in any::<bool>()) {
            let mut json = serde_json::to_string(&text).unwrap();
            if escaped {
                let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
                json = format!("\"{}\"", units.collect::<String>());
            }
            let mut cursor = Cursor::new(json.as_bytes()).unwrap();
            let token = cursor.string().unwrap();
            let mut out = String::new();
            prop_assert!(unescape(token.raw, &mut out).is_some());
            prop_assert_eq!(out, text);
        }
    }
}
