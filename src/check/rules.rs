//! Rules as a policy writes them: plain data, not yet known to make sense.

use super::Format;
use crate::payload::Kind;

/// What a policy says of one field's values. A rule that is not written is `None`, empty or `false`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// `type`.
    pub kind: Option<RuleKind>,
    /// `length: 1..100`, in characters (Unicode scalar values), for strings; in bytes, for files.
    pub length: Option<Length>,
    /// `range: 0..130`, both ends included, for numbers.
    pub range: Option<Range>,
    /// `one_of`: the values as written. Numbers are compared as numbers, all else letter for letter.
    pub one_of: Vec<String>,
    /// `pattern`: a regular expression (without look-around and back-references, so that time is linear) that the
    /// whole value must match: `[0-9]{5}` means `^[0-9]{5}$`.
    pub pattern: Option<String>,
    /// `format`.
    pub format: Option<Format>,
    /// `nullable`: `null` may stand there.
    pub nullable: bool,
    /// `sanitize`: the value may be changed.
    pub sanitize: Option<Sanitize>,
    /// `refuse`: the value is never changed but refused.
    pub refuse: Vec<RefuseKind>,
    /// `media`: the media types that a file may have, in lower case.
    pub media: Vec<String>,
}

/// `length: MIN..MAX` in characters, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// At least so many.
    pub min: u64,
    /// At most so many.
    pub max: Option<u64>,
}

/// `range: MIN..MAX`, both included, each a decimal number as written (`-0.5`, `1e6`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The smallest.
    pub min: Option<String>,
    /// The largest.
    pub max: Option<String>,
}

/// A declared `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// `string`
    String,
    /// `integer`: spelled without fraction and exponent.
    Integer,
    /// `number`: integers too.
    Number,
    /// `boolean`
    Boolean,
    /// `file`: a part of `multipart` that is no text.
    File,
}

impl RuleKind {
    /// Every type that a policy can declare.
    pub const ALL: &'static [Self] = &[Self::String, Self::Integer, Self::Number, Self::Boolean, Self::File];

    /// The type that a policy writes as `word`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// As a policy writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::File => "file",
        }
    }

    /// The kind of a located value of this type (`Kind::Number` for `number`, though integers are numbers too).
    pub const fn kind(self) -> Kind {
        match self {
            Self::String => Kind::String,
            Self::Integer => Kind::Integer,
            Self::Number => Kind::Number,
            Self::Boolean => Kind::Boolean,
            Self::File => Kind::File,
        }
    }
}

/// What `sanitize` makes of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sanitize {
    /// `text`: plain text without markup, control characters and bidirectional overrides, in NFC.
    Text,
    /// `html`: HTML with harmless elements and attributes only.
    Html,
}

impl Sanitize {
    /// Every way there is.
    pub const ALL: &'static [Self] = &[Self::Text, Self::Html];

    /// As a policy writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

/// What `refuse` looks for in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefuseKind {
    /// `html`: markup, written plainly or through character references.
    Html,
    /// `sql-injection`: what libinjection takes for one. It is one signal: it knows few modern injections and suspects
    /// some honest text. Types, formats and `one_of` are the defence. A text of more than 4,096 bytes is refused unseen.
    SqlInjection,
}

impl RefuseKind {
    /// Everything that can be looked for.
    pub const ALL: &'static [Self] = &[Self::Html, Self::SqlInjection];

    /// As a policy writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::SqlInjection => "sql-injection",
        }
    }
}
