//! Names of fields: `customer.addresses[*].zip`, the member-name and wildcard subset of RFC 9535 without `$.`.

use std::fmt;
use std::str::FromStr;

/// The way from the root of a body to a declared field. Never empty.
///
/// A member is written bare where RFC 9535 section 2.5.1.1 allows it (a letter, `_` or a character beyond ASCII, then
/// also digits), with a `.` before it unless it is the first. Any other name is quoted in brackets, `['first-name']` or
/// `["first-name"]`, with the escapes of RFC 9535 section 2.3.1.1. `[*]` is every element of an array.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    steps: Box<[Step]>,
}

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The member of an object that has this name.
    Member(Box<str>),
    /// Every element of an array.
    Every,
}

/// What is wrong with a path as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}, at byte {offset} of the path")]
pub struct PathError {
    /// Bytes before the fault.
    pub offset: usize,
    /// What is wrong there, and where it helps, what to write instead.
    pub reason: &'static str,
}

impl Path {
    /// Reads a path as a policy writes it.
    ///
    /// # Errors
    /// The first fault and its place.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut reader = Reader { text, offset: 0 };
        let mut steps = Vec::new();
        while !reader.rest().is_empty() {
            steps.push(reader.step(steps.is_empty())?);
        }
        if steps.is_empty() {
            return Err(reader.fault("a path names at least one member"));
        }
        Ok(Self { steps: steps.into_boxed_slice() })
    }

    /// The path of these steps; `None` where there is none.
    pub fn of(steps: Vec<Step>) -> Option<Self> {
        (!steps.is_empty()).then(|| Self { steps: steps.into_boxed_slice() })
    }

    /// The way to a member of a member.
    pub fn within(outer: &str, inner: &str) -> Self {
        Self { steps: [outer, inner].map(|name| Step::Member(name.into())).into() }
    }

    /// The steps from the root to the field; at least one.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the path can name more than one value of a body.
    pub fn is_many(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// The place of one value: a number in each `[*]`, as far as there are numbers.
    pub fn at(&self, numbers: &[u32]) -> String {
        let mut text = String::new();
        // INVARIANT: a text takes whatever is written to it.
        let _ = self.write(&mut text, numbers);
        text
    }

    fn write(&self, out: &mut impl fmt::Write, numbers: &[u32]) -> fmt::Result {
        let mut numbers = numbers.iter();
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Every => match numbers.next() {
                    Some(number) => write!(out, "[{number}]")?,
                    None => out.write_str("[*]")?,
                },
                Step::Member(name) if is_bare(name) => {
                    out.write_str(if place == 0 { "" } else { "." })?;
                    out.write_str(name)?;
                }
                Step::Member(name) => {
                    out.write_str("['")?;
                    name.chars().try_for_each(|c| write_quoted(c, out))?;
                    out.write_str("']")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

/// The one canonical spelling, which [`Path::parse`] reads back: bare names where possible, single quotes elsewhere.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &[])
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({self})")
    }
}

/// RFC 9535 section 2.7 gives these escapes for its normalized paths.
fn write_quoted(c: char, out: &mut impl fmt::Write) -> fmt::Result {
    match c {
        '\'' => out.write_str("\\'"),
        '\\' => out.write_str("\\\\"),
        '\u{8}' => out.write_str("\\b"),
        '\t' => out.write_str("\\t"),
        '\n' => out.write_str("\\n"),
        '\u{c}' => out.write_str("\\f"),
        '\r' => out.write_str("\\r"),
        c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)),
        c => write!(out, "{c}"),
    }
}

fn is_bare_first(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_bare_next(c: char) -> bool {
    is_bare_first(c) || c.is_ascii_digit()
}

fn is_bare(name: &str) -> bool {
    name.chars().next().is_some_and(is_bare_first) && name.chars().all(is_bare_next)
}

struct Reader<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Reader<'a> {
    fn step(&mut self, first: bool) -> Result<Step, PathError> {
        if self.take("[*]") {
            return Ok(Step::Every);
        }
        if self.take("[") {
            return self.quoted();
        }
        if first {
            if self.rest().starts_with(['$', '.']) {
                return Err(self.fault("a path begins with the name of a member, without `$.`"));
            }
        } else if !self.take(".") {
            let reason = "a name may hold letters, digits and `_` only; write any other as ['odd-name']";
            return Err(self.fault(reason));
        }
        self.bare()
    }

    fn bare(&mut self) -> Result<Step, PathError> {
        let rest = self.rest();
        let reason = match rest.chars().next() {
            Some(c) if is_bare_first(c) => {
                let end = rest.find(|c| !is_bare_next(c)).unwrap_or(rest.len());
                let name = rest.get(..end).unwrap_or(rest);
                self.offset += end;
                return Ok(Step::Member(name.into()));
            }
            None => "a name is missing after the last `.`",
            Some('*') => "every element is written [*]; every member of an object cannot be named",
            Some('.') => "descent (`..`) cannot be used: name each step",
            Some('0'..='9') => "a name that begins with a digit is written in quotes, as ['1st']",
            Some(_) => "a name begins with a letter or `_`; write any other as ['odd-name']",
        };
        Err(self.fault(reason))
    }

    /// After the opening bracket.
    fn quoted(&mut self) -> Result<Step, PathError> {
        let quote = match self.next() {
            Some(quote @ ('\'' | '"')) => quote,
            other => {
                self.back(other);
                return Err(self.fault("a bracket holds `*` or a name in quotes, as [*] or ['odd-name']"));
            }
        };
        let mut name = String::new();
        loop {
            let before = self.offset;
            match self.next() {
                None => return Err(self.fault("the quote is not closed")),
                Some(c) if c == quote => break,
                Some('\\') => name.push(self.escape(quote, before)?),
                Some(c) if c < ' ' => {
                    return Err(PathError {
                        offset: before,
                        reason: "control characters are escaped, as \\u0009",
                    });
                }
                Some(c) => name.push(c),
            }
        }
        if self.take("]") {
            Ok(Step::Member(name.into()))
        } else {
            Err(self.fault("the bracket is not closed"))
        }
    }

    /// After the backslash, which stands at `start`.
    fn escape(&mut self, quote: char, start: usize) -> Result<char, PathError> {
        let fault = |reason| PathError { offset: start, reason };
        match self.next() {
            Some(c) if c == quote || c == '\\' || c == '/' => Ok(c),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => {
                let first = self.four_digits().ok_or(fault("\\u is followed by four hexadecimal digits"))?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) && self.take("\\u") {
                    units
                        .push(self.four_digits().ok_or(fault("\\u is followed by four hexadecimal digits"))?);
                }
                match char::decode_utf16(units).collect::<Result<Vec<_>, _>>().as_deref() {
                    Ok([c]) => Ok(*c),
                    _ => Err(fault("half of a surrogate pair is no character")),
                }
            }
            _ => Err(fault("no such escape")),
        }
    }

    fn four_digits(&mut self) -> Option<u16> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.offset += 4;
        u16::from_str_radix(digits, 16).ok()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.offset += c.len_utf8();
        Some(c)
    }

    fn back(&mut self, c: Option<char>) {
        self.offset -= c.map_or(0, char::len_utf8);
    }

    fn take(&mut self, token: &str) -> bool {
        let taken = self.rest().starts_with(token);
        if taken {
            self.offset += token.len();
        }
        taken
    }

    fn fault(&self, reason: &'static str) -> PathError {
        PathError { offset: self.offset, reason }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(name: &str) -> Step {
        Step::Member(name.into())
    }

    #[test]
    fn a_path_is_read_into_its_steps() {
        let path = Path::parse("customer.addresses[*].zip").unwrap();
        assert_eq!(path.steps(), [member("customer"), member("addresses"), Step::Every, member("zip")]);
        assert!(path.is_many());
        assert_eq!(Path::parse("grid[*][*]").unwrap().steps(), [member("grid"), Step::Every, Step::Every]);
        assert_eq!(Path::parse("größe._1").unwrap().steps(), [member("größe"), member("_1")]);
    }

    #[test]
    fn the_place_of_a_value_has_its_numbers() {
        let path = Path::parse("a[*]['b-c'][*].d").unwrap();
        assert_eq!(path.at(&[3, 0]), "a[3]['b-c'][0].d");
        assert_eq!(path.at(&[3]), "a[3]['b-c'][*].d");
        assert_eq!(path.at(&[]), path.to_string());
    }

    #[test]
    fn odd_names_are_quoted_and_come_out_in_one_spelling() {
        for (written, name, spelled) in [
            ("['first-name']", "first-name", "['first-name']"),
            (r#"["first name"]"#, "first name", "['first name']"),
            ("['email']", "email", "email"),
            ("['']", "", "['']"),
            (r"['it\'s']", "it's", r"['it\'s']"),
            (r#"["it's \"so\""]"#, "it's \"so\"", r#"['it\'s "so"']"#),
            (r"['\u0065\n\\\ud83d\ude00']", "e\n\\😀", r"['e\n\\😀']"),
            ("['a.b[*]']", "a.b[*]", "['a.b[*]']"),
            (r"['\u0000']", "\0", r"['\u0000']"),
        ] {
            let path = Path::parse(written).unwrap();
            assert_eq!(path.steps(), [member(name)], "{written}");
            assert_eq!(path.to_string(), spelled);
        }
        assert_eq!(Path::parse("a['b c'].d[*]['e'].f").unwrap().to_string(), "a['b c'].d[*].e.f");
    }

    #[test]
    fn a_fault_says_what_is_wrong_and_where() {
        for (written, offset, part) in [
            ("", 0, "at least one"),
            ("$.a", 0, "without `$.`"),
            (".a", 0, "without `$.`"),
            ("a.", 2, "missing"),
            ("a..b", 2, "descent"),
            ("a.*", 2, "[*]"),
            ("first-name", 5, "['odd-name']"),
            ("first name", 5, "['odd-name']"),
            ("1st", 0, "digit"),
            ("a.1st", 2, "digit"),
            ("a[0]", 2, "bracket holds"),
            ("a[é]", 2, "bracket holds"),
            ("a[", 2, "bracket holds"),
            ("a[*", 2, "bracket holds"),
            ("a['b", 4, "quote is not closed"),
            ("a['b'", 5, "bracket is not closed"),
            ("a['b' ]", 5, "bracket is not closed"),
            (r"a['\x']", 3, "no such escape"),
            (r#"a['\"']"#, 3, "no such escape"),
            (r"a['\u12']", 3, "four hexadecimal"),
            (r"a['\u+123']", 3, "four hexadecimal"),
            (r"a['\ud800']", 3, "surrogate"),
            (r"a['\udc00']", 3, "surrogate"),
            (r"a['\ud800\u0041']", 3, "surrogate"),
            ("a['\t']", 3, "control"),
            ("a b", 1, "['odd-name']"),
            ("a[*]b", 4, "letters"),
        ] {
            let error = Path::parse(written).unwrap_err();
            assert_eq!(error.offset, offset, "{written}: {error}");
            assert!(error.reason.contains(part), "{written}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(names in prop::collection::vec(prop::option::of(".{0,6}"), 1..6)) {
            let step = |name: Option<String>| name.map_or(Step::Every, |name| member(&name));
            let path = Path { steps: names.into_iter().map(step).collect() };
            prop_assert_eq!(Path::parse(&path.to_string()), Ok(path));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in r#"[a\[\]*'".\\u0-9dcé ]{0,12}"#) {
            let _ = Path::parse(&text);
        }
    }
}
