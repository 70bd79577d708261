//! From rules as written to a check that can be run, or to what is wrong with them.

use std::collections::HashSet;
use std::sync::Arc;

use regex::RegexBuilder;
use thiserror::Error;

use super::decimal::Decimal;
use super::run::{Check, Choice, Invalid, Limit};
use super::{RefuseKind, RuleKind, Rules, Sanitize};
use crate::payload::Value;

/// The longest pattern, in bytes.
const PATTERN_BYTES: usize = 4096;
/// What a compiled pattern may take, in bytes; its lazily built automaton may take as much again.
const PATTERN_MEMORY: usize = 1 << 20;
/// From so many declared values on they are looked up, not compared one by one.
const MANY_CHOICES: usize = 16;

/// Rules that make no sense. [`word`](Self::word) is the word at fault, `Display` says what is wrong with it and
/// [`mend`](Self::mend) what to write instead.
#[derive(Debug, Error)]
pub enum RulesError {
    /// A word that speaks of text on another type, or `range` on what is no number.
    #[error("`{word}` says nothing of a field of type {kind}", kind = kind.word())]
    WordOfOtherType {
        /// The word at fault.
        word: &'static str,
        /// The field's type, declared or meant.
        kind: RuleKind,
    },
    /// `length` or `range` with its ends the wrong way round.
    #[error("no value can satisfy this `{word}`: its first end is above its second")]
    EmptyInterval {
        /// The word at fault.
        word: &'static str,
    },
    /// An end of `range` that is no number.
    #[error("`{0}`, an end of `range`, is not a decimal number")]
    BoundNotNumber(String),
    /// A value of `one_of` that is not of the field's type.
    #[error("`{value}` in `one_of` is not of type {kind}", kind = kind.word())]
    ChoiceOfOtherType {
        /// The declared value.
        value: String,
        /// The field's type.
        kind: RuleKind,
    },
    /// Numbers or booleans in `one_of` without a `type`.
    #[error("`one_of` lists {kind} values, but the field has no `type`", kind = .0.word())]
    ChoiceNeedsType(RuleKind),
    /// A value of `one_of` that another rule of the same field refuses.
    #[error("`{value}` in `one_of` can never be sent: the field's `{word}` refuses it")]
    ChoiceRefused {
        /// The declared value.
        value: String,
        /// The other rule's word.
        word: &'static str,
    },
    /// The same value twice in `one_of`.
    #[error("`{0}` stands twice in `one_of`")]
    ChoiceRepeated(String),
    /// A pattern that cannot be read, or would take too much memory.
    #[error("`pattern` cannot be used")]
    Pattern(#[source] Box<regex::Error>),
    /// A pattern longer than any that people can check by reading.
    #[error("`pattern` is longer than {PATTERN_BYTES} bytes")]
    PatternTooLong,
    /// `sanitize: html` beside `refuse: [html]`.
    #[error("`refuse: [html]` refuses all that `sanitize: html` would keep")]
    RefusedAndSanitized,
}

impl RulesError {
    /// The word of the policy that is at fault.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::WordOfOtherType { word, .. } | Self::EmptyInterval { word } => word,
            Self::BoundNotNumber(_) => "range",
            Self::ChoiceOfOtherType { .. }
            | Self::ChoiceNeedsType(_)
            | Self::ChoiceRefused { .. }
            | Self::ChoiceRepeated(_) => "one_of",
            Self::Pattern(_) | Self::PatternTooLong => "pattern",
            Self::RefusedAndSanitized => "refuse",
        }
    }

    /// What to write instead.
    pub const fn mend(&self) -> &'static str {
        match self {
            Self::WordOfOtherType { word, .. } if matches!(word.as_bytes(), b"range") => {
                "Say `type: integer` or `type: number`, or limit a string with `length`."
            }
            Self::WordOfOtherType { kind: RuleKind::File, .. } => "Of a file say `length` and `media`.",
            Self::WordOfOtherType { word, .. } if matches!(word.as_bytes(), b"media") => {
                "Say `type: file`, or leave the word out."
            }
            Self::WordOfOtherType { .. } => "Say `type: string`, or leave the word out.",
            Self::EmptyInterval { .. } => "Write the smaller end first: `1..100`.",
            Self::BoundNotNumber(_) => {
                "Write each end as digits with an optional sign and fraction: `-0.5..100`."
            }
            Self::ChoiceOfOtherType { .. } => "Write the values as the type has them, or change `type`.",
            Self::ChoiceNeedsType(_) => {
                "Add `type: integer`, `type: number` or `type: boolean`, or `type: string` if texts are meant."
            }
            Self::ChoiceRefused { .. } => "Take the value out of `one_of`, or widen the other rule.",
            Self::ChoiceRepeated(_) => "Leave one of them out.",
            Self::Pattern(_) => {
                "Use regular-expression syntax without look-around and back-references, and smaller repetitions."
            }
            Self::PatternTooLong => "Split the field, or use `format` or `one_of`.",
            Self::RefusedAndSanitized => {
                "Keep one of the two: refuse markup, or let harmless markup through."
            }
        }
    }
}

impl Check {
    /// Compiles rules.
    pub fn compile(rules: &Rules) -> Result<Self, RulesError> {
        // Every rule is named here, so that a new one cannot be forgotten.
        let Rules { kind, length, range, one_of, pattern, format, nullable, sanitize, refuse, media } = rules;
        let textual = [
            ("length", length.is_some()),
            ("pattern", pattern.is_some()),
            ("format", format.is_some()),
            ("sanitize", sanitize.is_some()),
            ("refuse", !refuse.is_empty()),
        ];
        let meant = kind.or_else(|| {
            let text = textual.iter().any(|(_, written)| *written);
            if range.is_some() && !text { Some(RuleKind::Number) } else { text.then_some(RuleKind::String) }
        });
        let kind = match meant {
            None if !one_of.is_empty() => Some(kind_of_choices(one_of)?),
            known => known,
        };
        if let Some(kind) = kind {
            let word = match kind {
                _ if kind != RuleKind::File && !media.is_empty() => Some("media"),
                RuleKind::String => range.as_ref().map(|_| "range"),
                RuleKind::File => {
                    let others =
                        [("range", range.is_some()), ("one_of", !one_of.is_empty()), ("nullable", *nullable)];
                    let mut words = textual.iter().filter(|(word, _)| *word != "length").chain(&others);
                    words.find(|(_, written)| *written).map(|(word, _)| *word)
                }
                _ => textual.iter().find(|(_, written)| *written).map(|(word, _)| *word),
            };
            if let Some(word) = word {
                return Err(RulesError::WordOfOtherType { word, kind });
            }
            if kind == RuleKind::Boolean && range.is_some() {
                return Err(RulesError::WordOfOtherType { word: "range", kind });
            }
        }
        if length.is_some_and(|length| length.max.is_some_and(|max| max < length.min)) {
            return Err(RulesError::EmptyInterval { word: "length" });
        }
        let limit = match range {
            Some(range) => Some(limit(range.min.as_deref(), range.max.as_deref())?),
            None => None,
        };
        let refuse_html = refuse.contains(&RefuseKind::Html);
        if refuse_html && *sanitize == Some(Sanitize::Html) {
            return Err(RulesError::RefusedAndSanitized);
        }
        let pattern = match pattern {
            Some(pattern) => Some(whole(pattern)?),
            None => None,
        };
        let check = Self {
            kind,
            nullable: *nullable,
            length: *length,
            limit,
            choice: None,
            pattern,
            format: *format,
            sanitize: *sanitize,
            refuse_html,
            refuse_sql: refuse.contains(&RefuseKind::SqlInjection),
            rules: Arc::new(rules.clone()),
            media: media.iter().map(|media| media.as_str().into()).collect(),
        };
        let choice = choice(one_of, kind, &check)?;
        Ok(Self { choice, ..check })
    }
}

/// The type that undeclared `one_of` values mean: strings, unless any of them looks like something else.
fn kind_of_choices(values: &[String]) -> Result<RuleKind, RulesError> {
    values
        .iter()
        .find_map(|value| match value.as_str() {
            "true" | "false" => Some(RuleKind::Boolean),
            text if Decimal::is_integer(text) => Some(RuleKind::Integer),
            text => Decimal::parse(text).map(|_| RuleKind::Number),
        })
        .map_or(Ok(RuleKind::String), |kind| Err(RulesError::ChoiceNeedsType(kind)))
}

fn limit(min: Option<&str>, max: Option<&str>) -> Result<Limit, RulesError> {
    if let (Some(min), Some(max)) = (bound(min)?, bound(max)?)
        && min.compare(&max).is_gt()
    {
        return Err(RulesError::EmptyInterval { word: "range" });
    }
    Ok(Limit::new(min, max))
}

fn bound(bound: Option<&str>) -> Result<Option<Decimal<'_>>, RulesError> {
    let Some(text) = bound else { return Ok(None) };
    Decimal::parse(text).map(Some).ok_or_else(|| RulesError::BoundNotNumber(text.to_owned()))
}

/// Compiles a pattern so that it must match the whole value. It is read alone first: a stray `)` must not close the
/// group that anchors it.
fn whole(pattern: &str) -> Result<regex::Regex, RulesError> {
    if pattern.len() > PATTERN_BYTES {
        return Err(RulesError::PatternTooLong);
    }
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .size_limit(PATTERN_MEMORY)
            .dfa_size_limit(PATTERN_MEMORY)
            .nest_limit(50)
            .build()
            .map_err(|source| RulesError::Pattern(Box::new(source)))
    };
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

/// Every declared value must be of the type and pass the other rules as it is: what can never match is a mistake.
fn choice(values: &[String], kind: Option<RuleKind>, others: &Check) -> Result<Option<Choice>, RulesError> {
    let Some(kind) = kind.filter(|_| !values.is_empty()) else { return Ok(None) };
    let mut seen = HashSet::new();
    for value in values {
        let fits = match kind {
            RuleKind::String => true,
            RuleKind::Integer => Decimal::is_integer(value),
            RuleKind::Number => Decimal::parse(value).is_some(),
            RuleKind::Boolean => matches!(value.as_str(), "true" | "false"),
            RuleKind::File => false,
        };
        if !fits {
            return Err(RulesError::ChoiceOfOtherType { value: value.clone(), kind });
        }
        if !seen.insert(value.as_str()) {
            return Err(RulesError::ChoiceRepeated(value.clone()));
        }
        match others.run(Value { kind: kind.kind(), text: value }) {
            Err(Invalid { word, .. }) => {
                return Err(RulesError::ChoiceRefused { value: value.clone(), word });
            }
            Ok(checked) if checked.is_changed() => {
                return Err(RulesError::ChoiceRefused { value: value.clone(), word: "sanitize" });
            }
            Ok(_) => {}
        }
    }
    let values: Vec<Box<str>> = values.iter().map(|value| value.as_str().into()).collect();
    Ok(Some(match kind {
        RuleKind::Integer | RuleKind::Number => Choice::Numbers(values),
        _ if values.len() >= MANY_CHOICES => Choice::Many(values.into_iter().collect()),
        _ => Choice::Few(values),
    }))
}
