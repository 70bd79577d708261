//! Reads values out of a tree and collects what is wrong with them, so that one run shows every mistake.
//!
//! INVARIANT: a method that gives `None` for a node has reported why, and [`Map::must`] has when the map is finished.

use std::time::Duration;

use super::codes::{Code, Severity};
use super::diagnostics::{Diagnostic, Span, Spanned};
use super::shape::Shape;
use super::spelling::{did_you_mean, nearest};
use super::units;
use super::yaml::{Content, Entry, Meaning, Node, Scalar};

/// How a help ends where the key need not be there.
const LEAVE_OUT: &str = ", or leave the key out.";

/// Collects what is wrong while values are read.
#[derive(Debug, Default)]
pub struct Reader {
    /// What was found so far.
    pub found: Vec<Diagnostic>,
    /// Keys that are written and not understood, by the place of their map: that they are missing would be untrue.
    pub(super) misread: Vec<(Span, &'static str)>,
}

impl Reader {
    /// One that goes on from what was found before.
    pub fn after(found: Vec<Diagnostic>) -> Self {
        Self { found, ..Self::default() }
    }

    /// Whether the map at this place has the key, with something that was reported already.
    pub fn misread(&self, map: Span, key: &str) -> bool {
        self.misread.iter().any(|(place, other)| *place == map && *other == key)
    }

    /// The same of a key that no two maps of a file have.
    pub fn misread_in_file(&self, file: Span, key: &str) -> bool {
        self.misread.iter().any(|(place, other)| place.source == file.source && *other == key)
    }

    /// Reports at a place.
    pub fn report(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Diagnostic::new(code, span, message, help));
    }

    /// The keys of a map of a shape: none is taken that the shape does not have.
    pub fn map<'n>(&mut self, node: &'n Node, shape: &'static Shape) -> Option<Map<'n>> {
        let what = shape.what;
        match &node.content {
            Content::Map(entries) => Some(Map {
                span: node.span,
                shape,
                entries,
                taken: vec![false; entries.len()],
                words: Vec::new(),
                before: self.found.len(),
                needed: Vec::new(),
                missing: Vec::new(),
            }),
            _ => self.wrong_shape(
                node,
                &format!("{what}: keys with values are expected"),
                "`{ key: value }`, or keys on lines of their own",
            ),
        }
    }

    /// The entries of a map whose keys are names.
    pub fn names<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.content {
            Content::Map(entries) => Some(entries),
            _ => self.wrong_shape(node, &format!("{what} are written with their names as keys"), "`NAME: …`"),
        }
    }

    /// A list.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.content {
            Content::List(nodes) => Some(nodes),
            _ => self.wrong_shape(node, &format!("{what} are a list"), "`[one, two]`"),
        }
    }

    /// A list of texts, without repetitions and not empty.
    pub fn texts(&mut self, node: &Node, what: &str) -> Option<Vec<Spanned<String>>> {
        let nodes = self.list(node, what)?;
        if nodes.is_empty() {
            self.report(
                Code::WrongValue,
                node.span,
                format!("{what} are named, but the list is empty."),
                format!("Name at least one{LEAVE_OUT}"),
            );
            return None;
        }
        let mut texts: Vec<Spanned<String>> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let before = self.found.len();
            let Some(text) = self.text(node) else {
                self.not_by_leaving_out(
                    before,
                    node.span,
                    Some("Write the text, or leave it out of the list."),
                );
                continue;
            };
            if texts.iter().any(|other| other.value == text.value) {
                self.report(
                    Code::NameTwice,
                    text.span,
                    format!("`{}` stands in the list twice.", text.value),
                    "Leave one of them out.",
                );
            }
            texts.push(text);
        }
        Some(texts)
    }

    /// Takes back the advice to leave the key out, where what was found since stands at a key that must be there, or at none.
    fn not_by_leaving_out(&mut self, since: usize, span: Span, instead: Option<&str>) {
        for found in self.found.iter_mut().skip(since).filter(|found| found.span == Some(span)) {
            if let Some(rest) = found.help.strip_suffix(LEAVE_OUT) {
                found.help = instead.map_or_else(|| format!("{rest}."), str::to_owned);
            }
        }
    }

    /// A single value of any meaning.
    pub fn scalar<'n>(&mut self, node: &'n Node) -> Option<&'n Scalar> {
        match &node.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => self.wrong_shape(node, "a single value is expected", "one text, number, `true` or `false`"),
        }
    }

    /// A text that says something.
    pub fn text(&mut self, node: &Node) -> Option<Spanned<String>> {
        let scalar = self.scalar(node)?;
        match scalar.meaning {
            Meaning::Text if !scalar.text.trim().is_empty() => {
                Some(Spanned::new(scalar.text.clone(), node.span))
            }
            Meaning::Text | Meaning::Null => {
                self.report(
                    Code::WrongValue,
                    node.span,
                    "A text is expected, and nothing is written.",
                    format!("Write the text after the colon{LEAVE_OUT}"),
                );
                None
            }
            Meaning::Boolean(_) | Meaning::Integer(_) | Meaning::Number => {
                self.report(
                    Code::WrongValue,
                    node.span,
                    format!("A text is expected, and `{}` is none.", scalar.text),
                    format!("Put it in quotes if the text is meant: \"{}\".", scalar.text),
                );
                None
            }
        }
    }

    /// A name: letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit.
    pub fn name(&mut self, node: &Node) -> Option<Spanned<String>> {
        let text = self.text(node)?;
        self.check_name(&text.value, text.span).then_some(text)
    }

    /// Whether a text, a key for example, is a name.
    pub fn check_name(&mut self, name: &str, span: Span) -> bool {
        let good = is_name(name);
        if !good {
            self.report(Code::WrongValue, span, format!("`{name}` cannot be a name."), "Use at most 64 of a to z, A to Z, 0 to 9, `-`, `_` and `.`, and begin with a letter or digit.");
        }
        good
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, node: &Node) -> Option<bool> {
        let scalar = self.scalar(node)?;
        match scalar.meaning {
            Meaning::Boolean(value) => Some(value),
            _ => {
                self.report(
                    Code::WrongValue,
                    node.span,
                    format!("`{}` is neither `true` nor `false`.", scalar.text),
                    "Write `true` or `false`, in lower case and without quotes.",
                );
                None
            }
        }
    }

    /// A whole number between two others, both included.
    pub fn integer(&mut self, node: &Node, least: u32, most: u32) -> Option<u32> {
        let scalar = self.scalar(node)?;
        if let Meaning::Integer(value) = scalar.meaning
            && let Ok(value) = u32::try_from(value)
            && (least..=most).contains(&value)
        {
            return Some(value);
        }
        self.report(
            Code::WrongValue,
            node.span,
            format!("`{}` is not a whole number from {least} to {most}.", scalar.text),
            "Write such a number, without quotes.",
        );
        None
    }

    /// One of a closed list of words.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        #[cfg(test)]
        super::shape::trial::asked(words.iter().map(|(word, _)| *word));
        let scalar = self.scalar(node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == scalar.text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        if scalar.meaning == Meaning::Null {
            let message = "A word is expected, and nothing is written.";
            self.report(Code::WrongValue, node.span, message, did_you_mean("", known.into_iter()));
            return None;
        }
        self.unknown_word(&scalar.text, node.span, &known);
        None
    }

    /// Reports a word that is not of a closed list.
    pub fn unknown_word(&mut self, word: &str, span: Span, known: &[&str]) {
        self.report(
            Code::UnknownWord,
            span,
            format!("`{word}` cannot stand here."),
            did_you_mean(word, known.iter().copied()),
        );
    }

    /// Reports a word of the language that this version does not have.
    pub fn not_yet(&mut self, span: Span, what: &str) {
        self.report(
            Code::NotImplementedYet,
            span,
            format!("{what} is not implemented yet."),
            "Leave it out: this version refuses what it cannot enforce.",
        );
    }

    /// A duration: `30d`, `1s`.
    pub fn duration(&mut self, node: &Node) -> Option<Duration> {
        self.parsed(
            node,
            units::duration,
            "a duration",
            &format!("Write a whole number and ms, s, min, h or d: `30d`, `500ms`; {}.", units::BOUNDS),
        )
    }

    /// A size in bytes: `64KiB`.
    pub fn size(&mut self, node: &Node) -> Option<u64> {
        self.parsed(
            node,
            units::size,
            "a size",
            "Write a whole number and B, KiB, MiB or GiB: `64KiB`; from 1B to 1GiB.",
        )
    }

    /// What a function makes of a single value.
    pub fn parsed<T>(
        &mut self,
        node: &Node,
        parse: impl Fn(&str) -> Option<T>,
        what: &str,
        help: &str,
    ) -> Option<T> {
        let scalar = self.scalar(node)?;
        let value = parse(&scalar.text);
        if value.is_none() {
            let message = match scalar.meaning {
                Meaning::Null => format!("Nothing is written, and {what} is expected."),
                _ => format!("`{}` is not {what}.", scalar.text),
            };
            self.report(Code::WrongValue, node.span, message, help);
        }
        value
    }

    fn wrong_shape<T>(&mut self, node: &Node, expected: &str, write: &str) -> Option<T> {
        let is = match &node.content {
            Content::Scalar(Scalar { meaning: Meaning::Null, .. }) => "nothing is written",
            Content::Scalar(_) => "this is a single value",
            Content::List(_) => "this is a list",
            Content::Map(_) => "these are keys with values",
        };
        self.report(
            Code::WrongShape,
            node.span,
            format!("{}, and {is}.", capital(expected)),
            format!("Write {write}."),
        );
        None
    }
}

/// Whether a text can be a name: of an activity, a purpose, a recipient.
pub fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits)
}

/// A map whose keys are words of the language.
#[derive(Debug)]
pub struct Map<'n> {
    /// Its place.
    pub span: Span,
    shape: &'static Shape,
    entries: &'n [Entry],
    taken: Vec<bool>,
    words: Vec<&'static str>,
    /// How much was found before the map.
    before: usize,
    /// What must be there, and is.
    needed: Vec<Span>,
    /// What must be there and is not. Reported at the end: the key may only be misspelt.
    missing: Vec<(&'static str, Diagnostic)>,
}

impl<'n> Map<'n> {
    /// The value of a key that the shape may have, and that may be there.
    pub fn take_known(&mut self, key: &'static str) -> Option<&'n Node> {
        if self.shape.has(key) { self.take(key) } else { None }
    }

    /// The value of a key that may be there.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.take_entry(key).map(|entry| &entry.value)
    }

    /// The same with the key's place.
    pub fn take_entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        debug_assert!(
            self.shape.has(key),
            "`{key}` is no key of {} yet: enter it in its shape",
            self.shape.id
        );
        #[cfg(test)]
        super::shape::trial::taken(self.shape.id, key);
        self.words.push(key);
        self.set_aside(key)
    }

    /// A key that is no word here, for whoever says so better than [`finish`](Self::finish).
    pub fn set_aside(&mut self, key: &str) -> Option<&'n Entry> {
        let (entry, taken) = self.entries.iter().zip(&mut self.taken).find(|(entry, _)| entry.key == key)?;
        *taken = true;
        Some(entry)
    }

    /// The value of a key that must be there; where it is not, [`finish`](Self::finish) reports it.
    pub fn must(&mut self, key: &'static str, help: &str) -> Option<&'n Node> {
        self.must_by(Code::Missing, key, help)
    }

    /// The value of a key that must be there by a rule of its own.
    pub fn must_by(&mut self, code: Code, key: &'static str, help: &str) -> Option<&'n Node> {
        let value = self.take(key);
        match value {
            Some(node) => self.needed.push(node.span),
            None => {
                let message = format!("{} has no `{key}`.", capital(self.shape.what));
                self.missing.push((key, Diagnostic::new(code, self.span, message, help)));
            }
        }
        value
    }

    /// Keys of the language that this version does not have.
    pub fn not_yet(&mut self, keys: &[&'static str], reader: &mut Reader) {
        for key in keys {
            // A word that would be refused is no help to who mistyped another.
            if let Some(entry) = self.set_aside(key) {
                reader.not_yet(entry.at, &format!("`{key}`"));
            }
        }
    }

    /// Reports a key that is a word elsewhere, with where it belongs.
    pub fn not_here(&mut self, key: &'static str, help: &str, reader: &mut Reader) {
        if let Some(entry) = self.set_aside(key) {
            reader.report(
                Code::NotHere,
                entry.at,
                format!("`{key}` does not belong to {}.", self.shape.what),
                help,
            );
        }
    }

    /// Whether the key is there, without taking it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The value of a key, without taking it.
    pub fn peek(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The place of a key's name, or of the map.
    pub fn place_of(&self, key: &str) -> Span {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.span, |entry| entry.at)
    }

    /// What was found since the map began lies within one of its keys.
    fn note_misread(&self, reader: &mut Reader) {
        let found = reader.found.get(self.before..).unwrap_or_default();
        let errors = found.iter().filter(|one| one.code.severity() == Severity::Error);
        let places: Vec<Span> = errors.filter_map(|one| one.span).collect();
        for (place, entry) in self.entries.iter().enumerate() {
            let next = self.entries.get(place + 1).map_or(usize::MAX, |next| next.at.start);
            let within =
                |span: &Span| span.source == entry.at.source && (entry.at.start..next).contains(&span.start);
            if let Some(word) = self.words.iter().find(|word| **word == entry.key)
                && places.iter().any(within)
            {
                reader.misread.push((self.span, word));
            }
        }
    }

    /// Reports every key that was not asked for, and every missing one that none of those was meant to be.
    pub fn finish(mut self, reader: &mut Reader) {
        self.note_misread(reader);
        self.needed.iter().for_each(|span| reader.not_by_leaving_out(self.before, *span, None));
        let left = self.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken);
        for (entry, _) in left {
            let entries = self.entries;
            let has = |word: &str| entries.iter().any(|entry| entry.key == word);
            let free = self.words.iter().copied().filter(|word| !has(word));
            if let Some(meant) = nearest(&entry.key, free.clone()) {
                self.missing.retain(|(key, _)| *key != meant);
                reader.misread.push((self.span, meant));
            }
            let mut help = did_you_mean(&entry.key, free);
            // What is there is possible too.
            if self.words.iter().any(|word| has(word)) {
                help = help.replacen("Possible ", "Also possible ", 1);
            }
            let message = format!("{} has no key `{}`.", capital(self.shape.what), entry.key);
            reader.report(Code::UnknownKey, entry.at, message, help);
        }
        // The place may have become a better one since.
        let span = self.span;
        reader
            .found
            .extend(self.missing.into_iter().map(|(_, missing)| Diagnostic { span: Some(span), ..missing }));
    }
}

pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
