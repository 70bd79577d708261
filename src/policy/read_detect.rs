//! Reads what is looked for in free text, and what takes its place.

use super::codes::Code;
use super::diagnostics::Span;
use super::reader::{Reader, capital};
use super::yaml::{Content, Entry, Node};
use crate::action::{DetectSpec, ReplaceBy};
use crate::detect::{self, DetectError, Detector, Kind, Named, Wanted};

const HELP: &str = "Write `detect: { kinds: [email, phone], replace_by: mask }`.";

pub(super) fn detect(at: Span, options: Option<&Node>, reader: &mut Reader) -> Option<DetectSpec> {
    let Some(node) = options else {
        reader.report(Code::Missing, at, "`detect` does not say what to look for.", HELP);
        return None;
    };
    let before = reader.found.len();
    let mut map = reader.map(node, "a detection")?;
    let mut wanted = Wanted::default();
    let patterns = map.take("patterns");
    let kinds = if patterns.is_some() { map.take("kinds") } else { map.must("kinds", HELP) };
    if let Some(node) = kinds {
        self::kinds(node, &mut wanted, reader);
    }
    if let Some(entry) = map.take_entry("region") {
        regions(entry, &mut wanted, reader);
    }
    if let Some(node) = patterns {
        self::patterns(node, &mut wanted, reader);
    }
    let replace_by = map.must("replace_by", HELP).and_then(|node| {
        let words: Vec<_> = ReplaceBy::ALL.iter().map(|by| (by.word(), *by)).collect();
        reader.word(node, &words)
    });
    map.finish(reader);
    (reader.found.len() == before).then_some(())?;
    Some(DetectSpec { wanted, replace_by: replace_by? })
}

fn kinds(node: &Node, wanted: &mut Wanted, reader: &mut Reader) {
    let Some(nodes) = reader.list(node, "kinds") else { return };
    if nodes.is_empty() {
        reader.report(
            Code::WrongValue,
            node.span,
            "Kinds are named, but the list is empty.",
            "Name at least one, or leave the key out where there are patterns.",
        );
    }
    for node in nodes {
        let kind = match &node.content {
            Content::Map(entries) => match entries.as_slice() {
                [entry] if entry.key == Kind::NationalId.word() => {
                    countries(&entry.value, wanted, reader);
                    Some(Kind::NationalId)
                }
                [entry] if Kind::ALL.iter().any(|kind| kind.word() == entry.key) => {
                    reader.report(
                        Code::WrongValue,
                        node.span,
                        format!("`{}` has no options.", entry.key),
                        format!("Write `{}` alone.", entry.key),
                    );
                    None
                }
                _ => {
                    let entry = entries.first();
                    let (word, at) = entry.map_or(("", node.span), |entry| (entry.key.as_str(), entry.at));
                    reader.unknown_word(word, at, &[Kind::NationalId.word()]);
                    None
                }
            },
            _ => {
                let words: Vec<_> = Kind::ALL.iter().map(|kind| (kind.word(), *kind)).collect();
                reader.word(node, &words)
            }
        };
        let Some(kind) = kind else { continue };
        if wanted.kinds.contains(&kind) {
            reader.report(
                Code::NameTwice,
                node.span,
                format!("`{}` stands in the list twice.", kind.word()),
                "Leave one of them out.",
            );
        } else {
            wanted.kinds.push(kind);
        }
    }
}

fn countries(node: &Node, wanted: &mut Wanted, reader: &mut Reader) {
    for country in reader.texts(node, "countries").unwrap_or_default() {
        if detect::countries().any(|known| known == country.value) {
            wanted.countries.push(country.value);
        } else {
            unknown_country(DetectError::Country(country.value), country.span, reader);
        }
    }
}

fn regions(entry: &Entry, wanted: &mut Wanted, reader: &mut Reader) {
    if !wanted.kinds.contains(&Kind::Phone) {
        reader.report(
            Code::NotHere,
            entry.at,
            "`region` tells where phone numbers are written, and none are looked for.",
            "Name `phone` among the kinds, or leave `region` out.",
        );
        return;
    }
    for region in reader.texts(&entry.value, "regions").unwrap_or_default() {
        if detect::regions().any(|known| known == region.value) {
            wanted.regions.push(region.value);
        } else {
            unknown_country(DetectError::Region(region.value), region.span, reader);
        }
    }
}

fn unknown_country(error: DetectError, at: Span, reader: &mut Reader) {
    let message = capital(&format!("{error}."));
    reader.report(Code::DetectCountry, at, message, error.mend());
}

fn patterns(node: &Node, wanted: &mut Wanted, reader: &mut Reader) {
    let Some(entries) = reader.names(node, "patterns") else { return };
    if entries.is_empty() {
        let message = "Patterns are named, but there is none.";
        reader.report(
            Code::WrongValue,
            node.span,
            message,
            "Write `patterns: { customer_number: \"K-[0-9]{6}\" }`.",
        );
    }
    for entry in entries {
        if !reader.check_name(&entry.key, entry.at) {
            continue;
        }
        if Kind::ALL.iter().any(|kind| kind.word() == entry.key) {
            reader.report(
                Code::NameTwice,
                entry.at,
                format!("`{}` is the name of a kind.", entry.key),
                "Give the pattern another name: it takes the place of what is found where `redact` is said.",
            );
            continue;
        }
        let Some(pattern) = reader.text(&entry.value) else { continue };
        let named = Named { name: entry.key.clone(), pattern: pattern.value };
        let alone = Wanted { patterns: vec![named.clone()], ..Wanted::default() };
        match Detector::compile(&alone) {
            Ok(_) => wanted.patterns.push(named),
            Err(error) => {
                let message = capital(&format!("{error}."));
                reader.report(Code::DetectPattern, pattern.span, message, error.mend());
            }
        }
    }
}
