//! From text to a tree in which every node knows its place. YAML 1.2 without anchors, aliases, tags and second
//! documents: a policy says what it says where it says it.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::codes::Code;
use super::diagnostics::{Diagnostic, Span};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 32;

/// A value in a file.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its place; of a value over several lines, the first one.
    pub span: Span,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the order of the file.
    Map(Vec<Entry>),
}

/// A single value: its text, and what the core schema makes of it.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The text, without quotes and escapes.
    pub text: String,
    /// What it means.
    pub meaning: Meaning,
    /// Whether it came without quotes.
    pub plain: bool,
}

/// What the core schema of YAML 1.2 (section 10.3.2) makes of a scalar; booleans in lower case only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number,
    /// All else, and all that is quoted.
    Text,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The key's place.
    pub at: Span,
    /// Its value.
    pub value: Node,
}

/// Reads one document. `None` where there is none that could be looked at; then something was reported.
pub fn parse(source: u32, text: &str, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let places = Places::new(source, text);
    let mut builder = Builder { places: &places, found, stack: Vec::new(), document: None };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                let span = places.span(span.start.index(), span.end.index());
                if !builder.take(event, span) {
                    return None;
                }
            }
            Err(error) => {
                report_scan_error(&places, &error, builder.found);
                return None;
            }
        }
    }
    if builder.document.is_none() {
        let message = "The file is empty.";
        builder.found.push(Diagnostic::new(
            Code::NotYaml,
            places.span(0, 0),
            message,
            "Write into it what it should say, or remove it.",
        ));
    }
    builder.document
}

fn report_scan_error(places: &Places<'_>, error: &ScanError, found: &mut Vec<Diagnostic>) {
    let span = places.rest_of_line(error.marker().index());
    found.push(Diagnostic::new(
        Code::NotYaml,
        span,
        format!("This is not YAML: {}.", error.info()),
        "Check indentation, quotes, and that every bracket is closed; the file is read no further than this.",
    ));
}

/// Turns the parser's places, which count characters, into bytes.
struct Places<'t> {
    source: u32,
    text: &'t str,
    /// The byte at which each character begins; empty where all are ASCII.
    bytes: Vec<usize>,
}

impl<'t> Places<'t> {
    fn new(source: u32, text: &'t str) -> Self {
        let bytes =
            if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Self { source, text, bytes }
    }

    fn byte(&self, character: usize) -> usize {
        if self.bytes.is_empty() {
            return character.min(self.text.len());
        }
        self.bytes.get(character).copied().unwrap_or(self.text.len())
    }

    /// The place between two characters, up to the end of the first line and without the space at its end.
    fn span(&self, start: usize, end: usize) -> Span {
        let (start, end) = (self.byte(start), self.byte(end));
        let text = self.text.get(start..end).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end();
        Span { source: self.source, start, end: start.saturating_add(line.len()) }
    }

    /// The parser's place of a quoted text goes on over the space and the comment that follow it.
    fn without_what_follows(&self, span: Span, style: ScalarStyle) -> Span {
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        let mut characters = text.char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            match (style, character) {
                (ScalarStyle::DoubleQuoted, '\\') => drop(characters.next()),
                (ScalarStyle::SingleQuoted, '\'') if characters.next_if(|next| next.1 == '\'').is_some() => {}
                (ScalarStyle::DoubleQuoted, '"') | (ScalarStyle::SingleQuoted, '\'') => {
                    return Span { end: span.start.saturating_add(at).saturating_add(1), ..span };
                }
                _ => {}
            }
        }
        span
    }

    fn rest_of_line(&self, start: usize) -> Span {
        let span = self.span(start, usize::MAX);
        if span.end > span.start {
            return span;
        }
        // At the end of a line or of the file: the character before is what one sees.
        let before = self.text.get(..span.start).unwrap_or_default().trim_end();
        let start = before.char_indices().next_back().map_or(0, |(at, _)| at);
        Span { source: self.source, start, end: before.len() }
    }
}

/// A list or map that is not closed yet.
enum Open {
    List { span: Span, nodes: Vec<Node> },
    Map { span: Span, entries: Vec<Entry>, keys: HashMap<String, Span>, key: Option<(String, Span)> },
}

struct Builder<'a, 't> {
    places: &'a Places<'t>,
    found: &'a mut Vec<Diagnostic>,
    stack: Vec<Open>,
    document: Option<Node>,
}

impl Builder<'_, '_> {
    /// Whether reading may go on.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_node(span, anchor, tag.is_some());
                let plain = style == ScalarStyle::Plain;
                let span = self.places.without_what_follows(span, style);
                let meaning = if plain { meaning(&text) } else { Meaning::Text };
                self.node(Node {
                    span,
                    content: Content::Scalar(Scalar { text: text.into_owned(), meaning, plain }),
                })
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_node(span, anchor, tag.is_some());
                self.open(Open::List { span, nodes: Vec::new() }, span)
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_node(span, anchor, tag.is_some());
                self.open(Open::Map { span, entries: Vec::new(), keys: HashMap::new(), key: None }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Open::List { span: start, nodes }) => {
                    self.node(Node { span: self.whole(start, span), content: Content::List(nodes) })
                }
                Some(Open::Map { span: start, entries, .. }) => {
                    self.node(Node { span: self.whole(start, span), content: Content::Map(entries) })
                }
                None => false,
            },
            Event::Alias(_) => {
                self.feature(span, "An alias cannot stand here.");
                self.node(Node {
                    span,
                    content: Content::Scalar(Scalar {
                        text: String::new(),
                        meaning: Meaning::Null,
                        plain: true,
                    }),
                })
            }
            Event::DocumentStart(_) if self.document.is_some() => {
                self.feature(span, "A file is one document, and a second one begins here.");
                false
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => true,
        }
    }

    /// From the first character of a list or map to its last, within one line.
    fn whole(&self, start: Span, end: Span) -> Span {
        let text = self.places.text.get(start.start..end.end).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let comment = line.find(" #").unwrap_or(line.len());
        let line = line.get(..comment).unwrap_or(line).trim_end();
        Span { end: start.start.saturating_add(line.len()), ..start }
    }

    fn open(&mut self, open: Open, span: Span) -> bool {
        if let Some(Open::Map { key: None, .. }) = self.stack.last() {
            self.found.push(Diagnostic::new(
                Code::WrongShape,
                span,
                "A key is a single text.",
                "Write a name before the colon.",
            ));
            return false;
        }
        if self.stack.len() >= MAX_DEPTH {
            self.found.push(Diagnostic::new(
                Code::TooDeep,
                span,
                format!("This lies more than {MAX_DEPTH} levels deep."),
                "Write it flatter: nothing that is read needs so many levels.",
            ));
            return false;
        }
        self.stack.push(open);
        true
    }

    fn node(&mut self, node: Node) -> bool {
        match self.stack.last_mut() {
            None => self.document = Some(node),
            Some(Open::List { nodes, .. }) => nodes.push(node),
            Some(Open::Map { entries, keys, key, .. }) => match key.take() {
                None => {
                    let Content::Scalar(scalar) = node.content else { return false };
                    *key = Some((scalar.text, node.span));
                }
                Some((name, at)) => {
                    // Nothing has no place of its own: its key shows where it is missing.
                    let empty = node.span.start == node.span.end;
                    let value = if empty { Node { span: at, ..node } } else { node };
                    if let Some(first) = keys.get(&name) {
                        let line =
                            self.places.text.get(..first.start).unwrap_or_default().matches('\n').count() + 1;
                        self.found.push(Diagnostic::new(
                            Code::KeyTwice,
                            at,
                            format!("`{name}` stands here a second time."),
                            format!("Keep one of the two; the first is in line {line}."),
                        ));
                    } else {
                        keys.insert(name.clone(), at);
                        entries.push(Entry { key: name, at, value });
                    }
                }
            },
        }
        true
    }

    fn plain_node(&mut self, span: Span, anchor: usize, tag: bool) {
        if anchor != 0 {
            self.feature(span, "An anchor cannot stand here.");
        }
        if tag {
            self.feature(span, "A tag cannot stand here.");
        }
    }

    fn feature(&mut self, span: Span, message: &str) {
        let help = "Write the value itself at each place: a reader should find there what holds there.";
        self.found.push(Diagnostic::new(Code::YamlFeature, span, message, help));
    }
}

fn meaning(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "true" => Meaning::Boolean(true),
        "false" => Meaning::Boolean(false),
        ".inf" | "-.inf" | "+.inf" | ".nan" => Meaning::Number,
        _ => number(text),
    }
}

fn number(text: &str) -> Meaning {
    let radix = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix)
            .and_then(|digits| i64::from_str_radix(digits, radix).ok().map(Meaning::Integer))
    };
    if let Some(integer) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return integer;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Meaning::Text;
    }
    match text.parse::<i64>() {
        Ok(integer) => Meaning::Integer(integer),
        Err(_) if text.parse::<f64>().is_ok() => Meaning::Number,
        Err(_) => Meaning::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let mut found = Vec::new();
        (parse(0, text, &mut found), found)
    }

    fn scalars<'n>(node: &'n Node, into: &mut Vec<(&'n Scalar, Span)>) {
        match &node.content {
            Content::Scalar(scalar) => into.push((scalar, node.span)),
            Content::List(nodes) => nodes.iter().for_each(|node| scalars(node, into)),
            Content::Map(entries) => entries.iter().for_each(|entry| scalars(&entry.value, into)),
        }
    }

    #[test]
    fn places_hold_what_they_name_whatever_stands_before_them() {
        let text = "# Übersicht – 概要 🦀\r\ntitle: \"Éléonore\" # ñ\r\nliste: [ä, 'ö', { k: ü }]\r\nblock:\r\n  - 日本 語\r\n  - x\r\n";
        let (node, found) = read(text);
        assert!(found.is_empty(), "{found:?}");
        let node = node.unwrap();
        let mut all = Vec::new();
        scalars(&node, &mut all);
        assert_eq!(all.len(), 6);
        for (scalar, span) in all {
            assert_eq!(text.get(span.start..span.end).unwrap().trim_matches(['"', '\'']), scalar.text);
        }
        let Content::Map(entries) = &node.content else { panic!("no map") };
        for entry in entries {
            assert_eq!(text.get(entry.at.start..entry.at.end).unwrap(), entry.key);
        }
        let list = entries[1].value.span;
        assert_eq!(text.get(list.start..list.end).unwrap(), "[ä, 'ö', { k: ü }]");
    }

    #[test]
    fn scalars_mean_what_the_core_schema_says_with_strict_booleans() {
        let (node, _) =
            read("[true, True, yes, no, null, ~, 12, -3, 0x10, 1.5, 1e3, '12', NO, 1..100, 30d, .5, +7]");
        let Some(Node { content: Content::List(nodes), .. }) = node else { panic!("no list") };
        let meanings: Vec<_> = nodes
            .iter()
            .map(|node| match &node.content {
                Content::Scalar(scalar) => scalar.meaning,
                _ => panic!("no scalar"),
            })
            .collect();
        use Meaning::{Boolean, Integer, Null, Number, Text};
        let expected = [
            Boolean(true),
            Text,
            Text,
            Text,
            Null,
            Null,
            Integer(12),
            Integer(-3),
            Integer(16),
            Number,
            Number,
            Text,
            Text,
            Text,
            Text,
            Number,
            Integer(7),
        ];
        assert_eq!(meanings, expected);
    }

    #[test]
    fn what_policies_do_not_use_is_refused() {
        let codes = |text: &str| -> Vec<_> { read(text).1.iter().map(|found| found.code).collect() };
        assert_eq!(codes("a: &x 1\nb: *x\n"), [Code::YamlFeature, Code::YamlFeature]);
        assert_eq!(codes("a: !!str 1\n"), [Code::YamlFeature]);
        assert_eq!(codes("a: 1\n---\nb: 2\n"), [Code::YamlFeature]);
        assert_eq!(codes("a: 1\nb: 2\na: 3\n"), [Code::KeyTwice]);
        assert_eq!(codes(""), [Code::NotYaml]);
        assert_eq!(codes("# only a comment\n"), [Code::NotYaml]);
        assert_eq!(codes("a: [1, 2\n"), [Code::NotYaml]);
        assert_eq!(codes("a: b: c\n"), [Code::NotYaml]);
        assert_eq!(codes("? [a]\n: 1\n"), [Code::WrongShape]);
        assert_eq!(codes(&"[".repeat(100)), [Code::TooDeep]);
        assert_eq!(codes("a: \"\\q\"\n"), [Code::NotYaml]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_the_reader_down(text in "[\\PC\\n\\t:\\-\\[\\]{}#&*!|>'\"%@,? ]{0,120}") {
            let (node, found) = read(&text);
            assert!(node.is_some() || !found.is_empty());
            for found in found {
                let span = found.span.unwrap();
                assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
