//! Marks of what a command drafted and nobody has accepted: the list `proposed` of an activity or of organisation.yaml.
//! Each entry names a place of the same file by the keys that lead to it, with dots between them:
//! `request.fields.customer.email`, `routes.POST /score`. A place that is marked keeps the set from being served.
//!
//! INVARIANT: a mark is never passed over: a file with marks has a finding, and a mark of no place has one of its own.

use super::codes::Code;
use super::diagnostics::Span;
use super::reader::Reader;
use super::yaml::{Content, Node};

/// The key of the list.
pub const KEY: &str = "proposed";
/// So many places are named in the finding on a file.
const SHOWN: usize = 3;

/// A mark, and what it marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The place as the mark names it.
    pub place: String,
    /// Where the mark stands.
    pub at: Span,
    /// The places that it names. Names may hold dots, so one mark can fit two places: then both are marked.
    pub marked: Vec<Span>,
}

/// The marks of a file, in their order.
pub fn marks(file: &Node) -> Vec<Mark> {
    let Content::Map(entries) = &file.content else { return Vec::new() };
    let list = entries.iter().find(|entry| entry.key == KEY).map(|entry| &entry.value.content);
    let Some(Content::List(nodes)) = list else { return Vec::new() };
    let texts = nodes.iter().filter_map(|node| match &node.content {
        Content::Scalar(scalar) => Some((scalar.text.as_str(), node.span)),
        _ => None,
    });
    texts.map(|(place, at)| Mark { place: place.to_owned(), at, marked: places(file, place) }).collect()
}

/// Reports that places are marked, and marks that mark none.
pub(super) fn report(file: &Node, list: &Node, reader: &mut Reader) {
    let Some(texts) = reader.texts(list, "places that are only proposed") else { return };
    let mut open: Vec<String> = Vec::new();
    for text in texts {
        if places(file, &text.value).is_empty() {
            let help = "Name it by its keys, with dots between them, or remove the mark: `request.fields.email`, `routes.POST /score`.";
            let message = format!("`{}` is marked as proposed, and the file has no such place.", text.value);
            reader.report(Code::UnknownName, text.span, message, help);
        } else {
            open.push(format!("`{}`", text.value));
        }
    }
    let key = match &file.content {
        Content::Map(entries) => entries.iter().find(|entry| entry.key == KEY),
        _ => None,
    };
    if open.is_empty() {
        return;
    }
    // One finding for all: among dozens, what is empty or wrong would not be seen.
    let (count, named) = (open.len(), open.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "));
    let message = match count {
        1 => format!("{named} is only proposed."),
        2..=SHOWN => format!("{count} places of this file are only proposed: {named}."),
        _ => format!("{count} places of this file are only proposed: {named} and {} more.", count - SHOWN),
    };
    let help = "Read and correct them, then remove their lines under `proposed`; `consentry accept FILE` shows every proposal and does it.";
    reader.report(Code::Proposed, key.map_or(list.span, |entry| entry.at), message, help);
}

fn places(file: &Node, place: &str) -> Vec<Span> {
    let mut found = Vec::new();
    if let Content::Map(entries) = &file.content {
        for entry in entries.iter().filter(|entry| entry.key != KEY) {
            below(&entry.key, entry.at, &entry.value, place, &mut found);
        }
    }
    found
}

/// What of `place` lies at or below a node that is reached by `key`.
fn below(key: &str, at: Span, node: &Node, place: &str, found: &mut Vec<Span>) {
    let Some(rest) = place.strip_prefix(key) else { return };
    if rest.is_empty() {
        found.push(at);
        return;
    }
    let Some(rest) = rest.strip_prefix('.') else { return };
    match &node.content {
        Content::Map(entries) => {
            entries.iter().for_each(|entry| below(&entry.key, entry.at, &entry.value, rest, found));
        }
        // Routes have no keys: each is known by what it matches.
        Content::List(nodes) => {
            for node in nodes {
                let Content::Map(entries) = &node.content else { continue };
                let Some(entry) = entries.iter().find(|entry| entry.key == "match") else { continue };
                if let Content::Scalar(scalar) = &entry.value.content {
                    below(&scalar.text, entry.value.span, node, rest, found);
                }
            }
        }
        Content::Scalar(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::yaml;

    const FILE: &str = r#"
title: A title
proposed:
  - title
  - routes.POST /a.b
  - routes.POST /a.b.query.q
  - request.fields.customer.email
  - "request.fields.a.b"
  - request.fields.gone
  - proposed
routes:
  - { match: POST /a.b, payload: json, query: { q: { type: string } } }
request:
  fields:
    customer.email: { type: string }
    a.b: { type: string }
    a: { b: { type: string } }
"#;

    #[test]
    fn a_mark_finds_its_places_and_one_that_finds_none_is_reported() {
        let mut reader = Reader::default();
        let node = yaml::parse(0, FILE, &mut reader.found).unwrap();
        let marks = marks(&node);
        let found: Vec<(&str, Vec<&str>)> = marks
            .iter()
            .map(|mark| {
                let texts = mark.marked.iter().map(|span| FILE.get(span.start..span.end).unwrap());
                (mark.place.as_str(), texts.collect())
            })
            .collect();
        assert_eq!(
            found,
            [
                ("title", vec!["title"]),
                ("routes.POST /a.b", vec!["POST /a.b"]),
                ("routes.POST /a.b.query.q", vec!["q"]),
                ("request.fields.customer.email", vec!["customer.email"]),
                ("request.fields.a.b", vec!["a.b", "b"]),
                ("request.fields.gone", vec![]),
                ("proposed", vec![]),
            ]
        );
        let Content::Map(entries) = &node.content else { panic!("no map") };
        report(&node, &entries[1].value, &mut reader);
        let count = |code| reader.found.iter().filter(|found| found.code == code).count();
        assert_eq!((count(Code::Proposed), count(Code::UnknownName), reader.found.len()), (1, 2, 3));
        let told = reader.found.iter().find(|found| found.code == Code::Proposed).unwrap();
        let expected = "5 places of this file are only proposed: `title`, `routes.POST /a.b`, `routes.POST /a.b.query.q` and 2 more.";
        assert_eq!(told.message, expected);
        assert_eq!(told.span.map(|span| FILE.get(span.start..span.end).unwrap()), Some("proposed"));
    }
}
