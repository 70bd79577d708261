//! One form of a request's path, to match routes by and to forward. Two programs that read a path differently are a
//! bypass; so what can be read in two ways is not resolved here but refused.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::PathAndQuery;
use thiserror::Error;

/// The longest path, in bytes.
pub const LONGEST: usize = 4096;

/// A path in its one form: begins with `/`; only what must be is percent-encoded, in upper case (RFC 3986 section
/// 6.2.2); no empty segment but a last one, no dot segment, no encoded `/`, `\` or control character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalPath(String);

/// Why a path has no safe form. Does not repeat the path: it may hold personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Not a path: `*`, or a target without one.
    #[error("The target has no path.")]
    NoPath,
    /// Longer than [`LONGEST`].
    #[error("The path is longer than {LONGEST} bytes.")]
    TooLong,
    /// A `%` without two hexadecimal digits.
    #[error("The path holds a % that is not followed by two hexadecimal digits.")]
    BadEscape,
    /// A `/`, `\`, NUL or control character, plain or encoded, that some programs take for a separator.
    #[error("The path holds a separator or control character, plain or encoded, that has no safe reading.")]
    Separator,
    /// `.` or `..` as a segment, plain or encoded, with or without a path parameter.
    #[error("The path holds a dot segment.")]
    DotSegment,
    /// `//`.
    #[error("The path holds an empty segment.")]
    EmptySegment,
    /// Not UTF-8 once decoded.
    #[error("The path is not UTF-8.")]
    NotUtf8,
    /// A character that RFC 3986 lets no path hold.
    #[error("The path holds a character that must be percent-encoded.")]
    BadCharacter,
}

/// The one form of `uri`'s path.
///
/// # Errors
/// If there is none that every program reads alike.
pub fn canonical(uri: &Uri) -> Result<CanonicalPath, PathError> {
    if uri.path_and_query().is_none() {
        return Err(PathError::NoPath);
    }
    CanonicalPath::new(uri.path())
}

impl CanonicalPath {
    /// The one form of `path`, which has no query.
    ///
    /// # Errors
    /// As [`canonical`].
    pub fn new(path: &str) -> Result<Self, PathError> {
        let behind = path.strip_prefix('/').ok_or(PathError::NoPath)?;
        if path.len() > LONGEST {
            return Err(PathError::TooLong);
        }
        let mut out = String::with_capacity(path.len());
        let mut segments = behind.split('/').peekable();
        while let Some(text) = segments.next() {
            out.push('/');
            if text.is_empty() && segments.peek().is_some() {
                return Err(PathError::EmptySegment);
            }
            segment(text, &mut out)?;
        }
        Ok(Self(out))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a target to forward, with `query` behind it if that is one that can stand there.
    ///
    /// # Errors
    /// If `query` holds what no target may hold; the path itself always can be forwarded.
    pub fn target(&self, query: Option<&str>) -> Result<PathAndQuery, http::uri::InvalidUri> {
        match query {
            None => PathAndQuery::from_str(&self.0),
            Some(query) => PathAndQuery::from_maybe_shared(bytes::Bytes::from(format!("{}?{query}", self.0))),
        }
    }
}

/// A path as such is harmless to show in a policy or a plan; one that a caller sent may hold personal data, so take care
/// where this is printed.
impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the length only.
impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalPath({} bytes)", self.0.len())
    }
}

fn segment(text: &str, out: &mut String) -> Result<(), PathError> {
    // Most segments are plain: nothing in them is written anew, and nothing hides.
    if text.bytes().all(is_plain) {
        out.push_str(text);
        return if matches!(text, "." | "..") { Err(PathError::DotSegment) } else { Ok(()) };
    }
    let start = out.len();
    let mut encoded = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let byte = escape(bytes.next(), bytes.next()).ok_or(PathError::BadEscape)?;
                if matches!(byte, b'/' | b'\\') || byte.is_ascii_control() {
                    return Err(PathError::Separator);
                }
                encoded |= !byte.is_ascii();
                if !is_unreserved(byte) {
                    out.push('%');
                    out.push(hexadecimal(byte >> 4));
                    out.push(hexadecimal(byte & 15));
                    continue;
                }
                byte
            }
            b'\\' => return Err(PathError::Separator),
            byte if byte.is_ascii_control() => return Err(PathError::Separator),
            byte if is_plain(byte) || byte == b';' => byte,
            _ => return Err(PathError::BadCharacter),
        };
        out.push(char::from(byte));
    }
    let written = out.get(start..).unwrap_or_default();
    // Some servers cut a path parameter off before they resolve dots (`/..;a/`), before or after they
    // decode it (`/..%3Ba/`), some decode twice (`%252e`).
    let name = written.split(';').next().and_then(|name| name.split("%3B").next()).unwrap_or_default();
    if matches!(name, "." | "..") {
        return Err(PathError::DotSegment);
    }
    if written.contains("%25") {
        twice(written)?;
    }
    if encoded && percent_encoding::percent_decode_str(written).decode_utf8().is_err() {
        return Err(PathError::NotUtf8);
    }
    Ok(())
}

/// Refuses what a second decoding would turn into a separator or a dot segment.
fn twice(written: &str) -> Result<(), PathError> {
    let upper = decoded_percents(written).to_ascii_uppercase();
    let separates = ["%2F", "%5C", "%0", "%1", "%7F"].iter().any(|escape| upper.contains(escape));
    let dots = upper.replace("%2E", ".").replace("%3B", ";");
    let name = dots.split(';').next().unwrap_or_default();
    if separates {
        Err(PathError::Separator)
    } else if matches!(name, "." | "..") {
        Err(PathError::DotSegment)
    } else {
        Ok(())
    }
}

/// What becomes of a text whose `%25` are decoded until there is none left. In one pass: a percent sign that comes of one
/// can only be the beginning of another.
fn decoded_percents(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = String::with_capacity(text.len());
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push('%');
        out.push_str(part.trim_start_matches("25"));
    }
    out
}

/// The byte that two hexadecimal digits mean.
pub(super) fn escape(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn hexadecimal(half: u8) -> char {
    char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase()
}

/// What a segment may hold (RFC 3986 section 3.3), but for the two that need a second look: `%` and `;`.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(path: &str) -> Result<String, PathError> {
        CanonicalPath::new(path).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn a_path_has_one_form() {
        for (sent, form_of_it) in [
            ("/", "/"),
            ("/predict/", "/predict/"),
            ("/a%2db/%7Euser", "/a-b/~user"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/v2/models/m:predict", "/v2/models/m:predict"),
            ("/a;b=c", "/a;b=c"),
            ("/...", "/..."),
            ("/.well-known/x", "/.well-known/x"),
            ("/100%25", "/100%25"),
            ("/%70redict", "/predict"),
        ] {
            assert_eq!(form(sent).as_deref(), Ok(form_of_it), "{sent}");
        }
    }

    #[test]
    fn what_two_programs_read_differently_is_refused() {
        use PathError::{BadCharacter, BadEscape, DotSegment, EmptySegment, NoPath, NotUtf8, Separator};
        for (sent, error) in [
            ("/a/../b", DotSegment),
            ("/./a", DotSegment),
            ("/a/.", DotSegment),
            ("/%2e%2E/a", DotSegment),
            ("/.%2e/a", DotSegment),
            ("/..;x=y/a", DotSegment),
            ("/..%3bx=y/a", DotSegment),
            ("/.%3B/a", DotSegment),
            ("/%252e%252e/a", DotSegment),
            ("/%25252e/a", DotSegment),
            ("//a", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a//", EmptySegment),
            ("/a%2Fb", Separator),
            ("/a%2fb", Separator),
            ("/a%5cb", Separator),
            ("/a\\b", Separator),
            ("/a%00", Separator),
            ("/a%0d%0ab", Separator),
            ("/a%7f", Separator),
            ("/a%252fb", Separator),
            ("/a%25%32%66b", Separator),
            ("/%25252525252fb", Separator),
            ("/a%", BadEscape),
            ("/a%4", BadEscape),
            ("/a%zz", BadEscape),
            ("/a%+1", BadEscape),
            ("/%ff", NotUtf8),
            ("/%c0%af", NotUtf8),
            ("/é", BadCharacter),
            ("/a\"b", BadCharacter),
            ("/a b", BadCharacter),
            ("/a?b", BadCharacter),
            ("/a#b", BadCharacter),
            ("a", NoPath),
            ("*", NoPath),
            ("", NoPath),
        ] {
            assert_eq!(form(sent), Err(error), "{sent}");
        }
        assert_eq!(form(&format!("/{}", "a".repeat(LONGEST))), Err(PathError::TooLong));
    }

    #[test]
    fn a_target_without_a_path_has_no_form() {
        assert_eq!(canonical(&"a.example:443".parse().unwrap()), Err(PathError::NoPath));
        assert_eq!(canonical(&"*".parse().unwrap()), Err(PathError::NoPath));
        assert_eq!(canonical(&"https://a.example/%61?q=%2F".parse().unwrap()).unwrap().as_str(), "/a");
    }

    #[test]
    fn a_target_carries_the_query_and_the_form() {
        let path = CanonicalPath::new("/%61/").unwrap();
        assert_eq!(path.target(None).unwrap(), "/a/");
        assert_eq!(path.target(Some("page=1")).unwrap(), "/a/?page=1");
        assert!(path.target(Some("a b")).is_err());
    }

    #[test]
    fn debug_hides_what_a_caller_sent() {
        assert!(!format!("{:?}", CanonicalPath::new("/users/ada").unwrap()).contains("ada"));
    }

    /// Slow and obvious: every round shortens the text, so this ends.
    fn decoded_by_rounds(text: &str) -> String {
        let mut text = text.to_owned();
        while text.contains("%25") {
            text = text.replace("%25", "%");
        }
        text
    }

    #[test]
    fn the_longest_run_of_percents_is_decoded_in_one_pass() {
        let longest = format!("/%{}", "25".repeat((LONGEST - 2) / 2));
        assert_eq!(decoded_percents(&longest), "/%");
        assert_eq!(form(&longest), Ok(longest.clone()));
        assert_eq!(form(&format!("/%{}2e", "25".repeat(2000))), Err(PathError::DotSegment));
    }

    proptest! {
        #[test]
        fn percents_are_decoded_as_in_rounds(text in "[%25%25%25Fé]{0,30}") {
            prop_assert_eq!(decoded_percents(&text), decoded_by_rounds(&text));
        }

        #[test]
        fn the_form_of_a_form_is_itself_and_means_what_was_sent(path in "(/[a-zA-Z0-9._~%2eEfF5cC0;:@é -]{0,6}){1,4}") {
            if let Ok(form) = CanonicalPath::new(&path) {
                prop_assert_eq!(CanonicalPath::new(form.as_str()), Ok(form.clone()));
                let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<_>>();
                prop_assert_eq!(decoded(form.as_str()), decoded(&path));
                let resolved = String::from_utf8(decoded(form.as_str())).unwrap();
                prop_assert!(resolved.split('/').all(|segment| segment != "." && segment != ".."));
                prop_assert_eq!(resolved.matches('/').count(), path.matches('/').count());
                prop_assert!(form.target(None).is_ok());
            }
        }
    }
}
