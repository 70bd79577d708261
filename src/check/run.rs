//! A check at work. Nothing is allocated unless a sanitiser changes the value, or a rule fails.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::decimal::{Decimal, Small};
use super::{Format, Length, RuleKind, Rules, Sanitize, refuse, sanitize};
use crate::payload::{Kind, Treated, Value, files};

/// What one field's values must be. Made by [`Check::compile`]; cheap to run, shared between threads.
///
/// `Check::default()` asks nothing but that the value is not null.
#[derive(Clone, Debug, Default)]
pub struct Check {
    pub(super) kind: Option<RuleKind>,
    pub(super) nullable: bool,
    pub(super) length: Option<Length>,
    pub(super) limit: Option<Limit>,
    pub(super) choice: Option<Choice>,
    pub(super) pattern: Option<regex::Regex>,
    pub(super) format: Option<Format>,
    pub(super) sanitize: Option<Sanitize>,
    pub(super) refuse_html: bool,
    pub(super) refuse_sql: bool,
    /// As they are written: for people, and never looked at while a value is checked.
    pub(super) rules: Arc<Rules>,
    pub(super) media: Box<[Box<str>]>,
}

/// INVARIANT: both ends parse as decimals.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    min: Option<Box<str>>,
    max: Option<Box<str>>,
    /// Both, where all that are declared are small; `None` within for one that is not declared.
    small: Option<(Option<Small>, Option<Small>)>,
}

/// What `one_of` lists.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// Compared as numbers: `1` is `1.0`.
    Numbers(Vec<Box<str>>),
    /// Compared letter for letter.
    Few(Vec<Box<str>>),
    /// Looked up.
    Many(HashSet<Box<str>>),
}

/// A value that passed.
#[derive(Clone)]
pub struct Checked<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it means, as [`Value::text`].
    ///
    /// INVARIANT: owned if and only if a sanitiser wrote it.
    pub text: Cow<'a, str>,
}

/// Why a value did not pass: the word that failed and a sentence for the caller. Holds no value that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The word of the policy: `type`, `nullable`, `length`, `range`, `one_of`, `pattern`, `format`, `sanitize`, `refuse`, `media`.
    pub word: &'static str,
    /// What the value must be, as the end of a sentence that begins with the field's name.
    pub detail: Cow<'static, str>,
}

impl Check {
    /// Checks a value, and sanitises it where the policy says so.
    pub fn run<'a>(&self, value: Value<'a>) -> Result<Checked<'a>, Invalid> {
        let Value { kind, text } = value;
        if kind == Kind::Untyped {
            return self.run_text(text);
        }
        if kind == Kind::File {
            return self.file(text).map(|()| Checked::unchanged(value));
        }
        if kind == Kind::Null {
            return if self.nullable {
                Ok(Checked::unchanged(value))
            } else {
                Err(invalid("nullable", "must not be null"))
            };
        }
        if self.kind.is_some_and(|declared| !holds(declared, kind)) {
            return Err(self.wrong_type());
        }
        if kind != Kind::String {
            if let (Some(limit), None) = (&self.limit, &self.choice)
                && limit.holds_at_once(text)
            {
                return Ok(Checked::unchanged(value));
            }
            if self.limit.is_some() || matches!(self.choice, Some(Choice::Numbers(_))) {
                self.number(text)?;
            } else {
                self.chosen(text)?;
            }
            return Ok(Checked::unchanged(value));
        }
        let text = if self.has_nothing_to_clean(text) { Cow::Borrowed(text) } else { self.clean(text)? };
        self.string(text.as_ref())?;
        Ok(Checked { kind, text })
    }

    /// Checks a text that has no kind of its own (of a query, a path, a header, a form or a CSV cell): it is read as the
    /// declared type, spelled as JSON spells it. Without a declared type it is a string. An empty text is null where null
    /// may stand and the type is not string.
    pub fn run_text<'a>(&self, text: &'a str) -> Result<Checked<'a>, Invalid> {
        let kind = match self.kind {
            None | Some(RuleKind::String) => Some(Kind::String),
            Some(_) if text.is_empty() && self.nullable => Some(Kind::Null),
            Some(RuleKind::Boolean) => matches!(text, "true" | "false").then_some(Kind::Boolean),
            Some(RuleKind::Integer | RuleKind::Number) if Decimal::is_integer(text) => Some(Kind::Integer),
            Some(RuleKind::Integer | RuleKind::File) => None,
            Some(RuleKind::Number) => Decimal::parse(text).map(|_| Kind::Number),
        };
        kind.map_or_else(|| Err(self.wrong_type()), |kind| self.run(Value { kind, text }))
    }

    /// What it was compiled from.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Checks a file by its data URL.
    fn file(&self, url: &str) -> Result<(), Invalid> {
        let parts = url.strip_prefix("data:").and_then(|url| url.split_once(";base64,"));
        let Some((media, base64)) = parts.filter(|_| self.kind == Some(RuleKind::File)) else {
            return Err(self.wrong_type());
        };
        if !self.media.is_empty() && !self.media.iter().any(|declared| **declared == *media) {
            return Err(invalid("media", "must be a file of a declared media type"));
        }
        let padding = base64.len() - base64.trim_end_matches('=').len();
        let bytes = (base64.len() / 4 * 3).saturating_sub(padding);
        if let Some(length) = self.length
            && !length.spans(bytes)
        {
            return Err(Invalid { word: "length", detail: length.sentence_of("bytes").into() });
        }
        // Base64 has three bytes in four characters.
        let head = base64.get(..files::HEAD / 3 * 4).unwrap_or(base64);
        let head = BASE64.decode(head).map_err(|_| self.wrong_type())?;
        match files::begins_as(media, &head) {
            Some(false) => Err(invalid("media", "must be what its media type says")),
            Some(true) | None => Ok(()),
        }
    }

    /// The type, as declared or as the other words mean it.
    pub fn kind(&self) -> Option<RuleKind> {
        self.kind
    }

    /// Whether [`run_text`](Self::run_text) lets every text through.
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            Self {
                kind: None | Some(RuleKind::String),
                nullable: _,
                length: None,
                limit: None,
                choice: None,
                pattern: None,
                format: None,
                sanitize: None,
                refuse_html: false,
                refuse_sql: false,
                rules: _,
                media: _,
            }
        )
    }

    /// Whether nothing is refused in a text, and a sanitiser would leave it alone, as far as that is seen at once.
    fn has_nothing_to_clean(&self, text: &str) -> bool {
        !self.refuse_html
            && !self.refuse_sql
            && match self.sanitize {
                None => true,
                Some(Sanitize::Text) => sanitize::is_bare(text.as_bytes()),
                Some(Sanitize::Html) => false,
            }
    }

    fn clean<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, Invalid> {
        if self.refuse_html && refuse::has_markup(text) {
            return Err(invalid("refuse", "must not hold markup"));
        }
        self.no_sql(text)?;
        let Some(how) = self.sanitize else { return Ok(Cow::Borrowed(text)) };
        let clean = match how {
            Sanitize::Text => sanitize::text(text),
            Sanitize::Html => sanitize::html(text),
        }
        .map_err(|fault| invalid("sanitize", fault.sentence()))?;
        // What stood apart may stand together now.
        if matches!(clean, Cow::Owned(_)) {
            self.no_sql(&clean)?;
        }
        Ok(clean)
    }

    fn no_sql(&self, text: &str) -> Result<(), Invalid> {
        if !self.refuse_sql {
            Ok(())
        } else if text.len() > refuse::SQL_BYTES {
            Err(invalid("refuse", "is too long to be looked through for SQL"))
        } else if refuse::looks_like_sql(text) {
            Err(invalid("refuse", "must not hold what looks like SQL"))
        } else {
            Ok(())
        }
    }

    fn string(&self, text: &str) -> Result<(), Invalid> {
        if let Some(length) = self.length
            && !length.holds(text)
        {
            return Err(Invalid { word: "length", detail: length.sentence_of("characters").into() });
        }
        self.chosen(text)?;
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            return Err(invalid("pattern", "must match the declared pattern"));
        }
        match self.format {
            Some(format) if !format.matches(text) => Err(invalid("format", format.sentence())),
            _ => Ok(()),
        }
    }

    fn number(&self, text: &str) -> Result<(), Invalid> {
        // Of a value that a format has read this only fails where the exponent is beyond anybody's use.
        let Some(number) = Decimal::parse(text) else {
            return Err(invalid("type", "must be a number of a usable size"));
        };
        if let Some(limit) = &self.limit
            && !limit.holds(&number)
        {
            return Err(Invalid { word: "range", detail: limit.sentence().into() });
        }
        match &self.choice {
            Some(Choice::Numbers(values))
                if !values.iter().any(|v| Decimal::parse(v).is_some_and(|v| v.compare(&number).is_eq())) =>
            {
                Err(not_chosen())
            }
            _ => Ok(()),
        }
    }

    fn chosen(&self, text: &str) -> Result<(), Invalid> {
        let chosen = match &self.choice {
            Some(Choice::Few(values)) => values.iter().any(|value| **value == *text),
            Some(Choice::Many(values)) => values.contains(text),
            Some(Choice::Numbers(_)) => false,
            None => true,
        };
        if chosen { Ok(()) } else { Err(not_chosen()) }
    }

    fn wrong_type(&self) -> Invalid {
        invalid(
            "type",
            match self.kind {
                Some(RuleKind::Integer) => "must be an integer, spelled without fraction and exponent",
                Some(RuleKind::Number) => "must be a number",
                Some(RuleKind::Boolean) => "must be true or false",
                Some(RuleKind::File) => "must be a file",
                Some(RuleKind::String) | None => "must be a string",
            },
        )
    }
}

impl<'a> Checked<'a> {
    fn unchanged(value: Value<'a>) -> Self {
        Self { kind: value.kind, text: Cow::Borrowed(value.text) }
    }

    /// Whether a sanitiser wrote the text, so that the value may not be copied from the body.
    pub fn is_changed(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }

    /// The value, as an action takes it.
    pub fn value(&self) -> Value<'_> {
        Value { kind: self.kind, text: &self.text }
    }

    /// What becomes of the value in the body, where an action says `treated`. An action that keeps a value would have the
    /// body's own bytes copied: of a changed value the sanitised text is written to `out` instead.
    pub fn settle(&self, treated: Treated, out: &mut String) -> Treated {
        if treated == Treated::Kept && self.is_changed() {
            out.clear();
            out.push_str(&self.text);
            Treated::Replaced(self.kind)
        } else {
            treated
        }
    }
}

/// Hides the text: a value is somebody's.
impl fmt::Debug for Checked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({:?}, …, changed: {})", self.kind, self.is_changed())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Invalid {}

impl Length {
    fn holds(self, text: &str) -> bool {
        // A character has one to four bytes: most texts need no counting.
        (self.spans(text.len()) && self.spans(text.len().div_ceil(4))) || self.spans(text.chars().count())
    }

    fn spans(self, count: usize) -> bool {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }

    fn sentence_of(self, units: &str) -> String {
        match self.max {
            Some(max) if max == self.min => format!("must have {max} {units}"),
            Some(max) if self.min == 0 => format!("must have at most {max} {units}"),
            Some(max) => format!("must have {} to {max} {units}", self.min),
            None => format!("must have at least {} {units}", self.min),
        }
    }
}

impl Limit {
    pub(super) fn new(min: Option<&str>, max: Option<&str>) -> Self {
        let small = |end: Option<&str>| match end {
            None => Some(None),
            Some(end) => Small::parse(end).map(Some),
        };
        let small = small(min).zip(small(max));
        Self { min: min.map(Box::from), max: max.map(Box::from), small }
    }

    /// Whether it is seen at once that the number is within: it and the ends that there are have few digits and no exponent.
    fn holds_at_once(&self, text: &str) -> bool {
        let within = |((min, max), number): ((Option<Small>, Option<Small>), Small)| {
            min.is_none_or(|min| min.compare(number).is_le())
                && max.is_none_or(|max| max.compare(number).is_ge())
        };
        self.small.zip(Small::parse(text)).is_some_and(within)
    }

    fn holds(&self, number: &Decimal<'_>) -> bool {
        let end =
            |end: &Option<Box<str>>, holds: fn(Ordering) -> bool| match end.as_deref().map(Decimal::parse) {
                Some(end) => end.is_some_and(|end| holds(end.compare(number))),
                None => true,
            };
        end(&self.min, Ordering::is_le) && end(&self.max, Ordering::is_ge)
    }

    fn sentence(&self) -> String {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => format!("must be between {min} and {max}"),
            (Some(min), None) => format!("must be at least {min}"),
            (None, Some(max)) => format!("must be at most {max}"),
            (None, None) => String::from("must be a number"),
        }
    }
}

fn holds(declared: RuleKind, kind: Kind) -> bool {
    match declared {
        RuleKind::String => kind == Kind::String,
        RuleKind::Integer => kind == Kind::Integer,
        RuleKind::Number => matches!(kind, Kind::Integer | Kind::Number),
        RuleKind::Boolean => kind == Kind::Boolean,
        RuleKind::File => kind == Kind::File,
    }
}

fn invalid(word: &'static str, detail: &'static str) -> Invalid {
    Invalid { word, detail: Cow::Borrowed(detail) }
}

fn not_chosen() -> Invalid {
    invalid("one_of", "must be one of the declared values")
}

#[cfg(test)]
mod tests;
