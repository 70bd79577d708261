//! A query as names and values, read strictly: what two programs could read differently is an error.

use std::borrow::Cow;
use std::collections::HashSet;

use thiserror::Error;

use super::path::escape;

/// The longest query, in bytes.
pub const LONGEST: usize = 8192;

/// The most parameters.
pub const MOST: usize = 100;

/// A parameter's name and value, decoded.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Why a query cannot be read. Does not repeat it: it may hold personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// Longer than [`LONGEST`], or more than [`MOST`] parameters.
    #[error("The query is longer than {LONGEST} bytes or has more than {MOST} parameters.")]
    TooLong,
    /// The same name twice: programs differ on which of them counts.
    #[error("A query parameter is given twice.")]
    Duplicate,
    /// A parameter without a name.
    #[error("A query parameter has no name.")]
    NoName,
    /// A `%` without two hexadecimal digits.
    #[error("The query holds a % that is not followed by two hexadecimal digits.")]
    BadEscape,
    /// A character that must be encoded, or a control character.
    #[error("The query holds a character that no query may hold.")]
    BadCharacter,
    /// Not UTF-8 once decoded.
    #[error("The query is not UTF-8.")]
    NotUtf8,
}

/// The parameters of `query` (what stands behind `?`), in their order, as `application/x-www-form-urlencoded` means
/// them: `+` is a space, `&` separates, `;` does not. A name without `=` has an empty value; an empty query has none.
///
/// # Errors
/// If a name comes twice after decoding, or anything is not well formed.
pub fn pairs(query: &str) -> Result<Vec<Pair<'_>>, QueryError> {
    if query.is_empty() {
        return Ok(Vec::new());
    }
    if query.len() > LONGEST {
        return Err(QueryError::TooLong);
    }
    let mut seen = HashSet::new();
    let mut pairs = Vec::new();
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if name.is_empty() {
            return Err(QueryError::NoName);
        }
        if pairs.len() == MOST {
            return Err(QueryError::TooLong);
        }
        if !seen.insert(name.clone()) {
            return Err(QueryError::Duplicate);
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// Writes one parameter behind what `query` holds, encoded so that [`pairs`] and any form parser read it back.
pub fn write(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    encode(query, name);
    query.push('=');
    encode(query, value);
}

fn encode(query: &mut String, text: &str) {
    const KEPT: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    query.extend(percent_encoding::utf8_percent_encode(text, &KEPT));
}

fn decode(text: &str) -> Result<Cow<'_, str>, QueryError> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"#<>\\^`{|}%+".contains(&byte);
    if text.bytes().all(is_plain) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => escape(bytes.next(), bytes.next()).ok_or(QueryError::BadEscape)?,
            // RFC 3986 forbids these, browsers send them, and none of them separates anything.
            b'[' | b']' | b'{' | b'}' | b'|' | b'^' | b'`' => byte,
            byte if is_plain(byte) => byte,
            _ => return Err(QueryError::BadCharacter),
        });
    }
    let text = String::from_utf8(out).map_err(|_| QueryError::NotUtf8)?;
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
        return Err(QueryError::BadCharacter);
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> Result<Vec<(String, String)>, QueryError> {
        pairs(query).map(|pairs| pairs.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect())
    }

    #[test]
    fn parameters_are_decoded_in_their_order() {
        let pairs = read("page=1&name=Ada+K%C3%ADng&flag&a[]=%26").unwrap();
        let expected = [("page", "1"), ("name", "Ada Kíng"), ("flag", ""), ("a[]", "&")];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("a=b=c").unwrap(), [("a".to_owned(), "b=c".to_owned())]);
        assert_eq!(read("a=1;b=2").unwrap(), [("a".to_owned(), "1;b=2".to_owned())]);
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for (query, error) in [
            ("a=1&a=2", QueryError::Duplicate),
            ("a=1&%61=2", QueryError::Duplicate),
            ("a=%", QueryError::BadEscape),
            ("a=%4", QueryError::BadEscape),
            ("a=%g0", QueryError::BadEscape),
            ("a=%00", QueryError::BadCharacter),
            ("a=\"", QueryError::BadCharacter),
            ("a=é", QueryError::BadCharacter),
            ("a=%ff", QueryError::NotUtf8),
            ("&", QueryError::NoName),
            ("a=1&", QueryError::NoName),
            ("=1", QueryError::NoName),
        ] {
            assert_eq!(read(query), Err(error), "{query}");
        }
        assert_eq!(read(&"a".repeat(LONGEST + 1)), Err(QueryError::TooLong));
        let many: Vec<_> = (0..=MOST).map(|n| n.to_string()).collect();
        assert_eq!(read(&many.join("&")), Err(QueryError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "[^\\p{C}]{1,20}", value in "[^\\p{C}]{0,40}") {
            let mut query = String::new();
            write(&mut query, &name, &value);
            prop_assert_eq!(read(&query).unwrap(), [(name, value)]);
        }
    }
}
