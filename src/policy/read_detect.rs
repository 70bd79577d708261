//! Reads what is looked for in free text, and what takes its place.

use std::sync::Arc;

use super::codes::Code;
use super::diagnostics::Span;
use super::reader::{Map, Reader, capital};
use super::shape;
use super::yaml::{Content, Entry, Node};
use crate::action::{Ask, DetectSpec, ReplaceBy};
use crate::detect::{self, DetectError, Detector, Kind, Named, Wanted};

/// How certain an analyser must be where the policy does not say.
const SCORE: u8 = 50;
/// What says what is looked for: one of three, or several.
const WHAT: &str = "Say what is looked for: `kinds: [email, phone]`, `patterns: { NAME: REGEX }`, or `analyzer: NAME` with `entities`.";
const HELP: &str = "Write `detect: { kinds: [email, phone], replace_by: mask }`.";

pub(super) fn detect(at: Span, options: Option<&Node>, reader: &mut Reader) -> Option<DetectSpec> {
    let Some(node) = options else {
        reader.report(Code::Missing, at, "`detect` does not say what to look for.", HELP);
        return None;
    };
    let before = reader.found.len();
    let mut map = reader.map(node, &shape::DETECTION)?;
    let mut wanted = Wanted::default();
    let patterns = map.take("patterns");
    let analyzer = map.take("analyzer");
    let kinds = if patterns.or(analyzer).is_some() { map.take("kinds") } else { map.must("kinds", WHAT) };
    if let Some(node) = kinds {
        self::kinds(node, &mut wanted, reader);
    }
    if let Some(entry) = map.take_entry("region") {
        regions(entry, &mut wanted, reader);
    }
    if let Some(node) = patterns {
        self::patterns(node, &mut wanted, reader);
    }
    let ask = ask(analyzer, &mut map, reader);
    let replace_by = map.must("replace_by", HELP).and_then(|node| {
        let words: Vec<_> = ReplaceBy::ALL.iter().map(|by| (by.word(), *by)).collect();
        reader.word(node, &words)
    });
    map.finish(reader);
    (reader.found.len() == before).then_some(())?;
    Some(DetectSpec { wanted, ask: ask.map(Arc::new), replace_by: replace_by? })
}

/// What an outside analyser is asked for; whether the deployment has it is the deployment's matter.
fn ask(analyzer: Option<&Node>, map: &mut Map<'_>, reader: &mut Reader) -> Option<Ask> {
    let Some(analyzer) = analyzer else {
        for word in ["entities", "score"] {
            map.not_here(word, "Name an analyser beside it: `analyzer: NAME`.", reader);
        }
        return None;
    };
    let analyzer = reader.name(analyzer);
    let help = "Write what it is asked for, in its own words: `entities: [PERSON, LOCATION]`.";
    let entities = map.must("entities", help).and_then(|node| reader.texts(node, "entities"));
    let score = map.take("score").map_or(Some(SCORE), |node| {
        reader.parsed(
            node,
            hundredths,
            "a score",
            "Write a number from 0 to 1 with two digits at most: `0.6`.",
        )
    });
    for entity in entities.iter().flatten() {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if entity.value.len() > 64 || !entity.value.chars().all(fits) {
            let message = format!("`{}` cannot be an entity.", entity.value);
            reader.report(Code::WrongValue, entity.span, message, help);
        }
    }
    let entities = entities?.into_iter().map(|entity| entity.value).collect();
    Some(Ask { analyzer: analyzer?.value, entities, score: score? })
}

/// `0.6` in hundredths.
fn hundredths(text: &str) -> Option<u8> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let fraction = format!("{fraction:0<2}").parse::<u8>().ok()?;
    let score = whole.parse::<u8>().ok()?.checked_mul(100)?.checked_add(fraction)?;
    (score <= 100).then_some(score)
}

fn kinds(node: &Node, wanted: &mut Wanted, reader: &mut Reader) {
    let Some(nodes) = reader.list(node, "kinds") else { return };
    if nodes.is_empty() {
        reader.report(
            Code::WrongValue,
            node.span,
            "Kinds are named, but the list is empty.",
            "Name at least one, or leave the key out where there are `patterns` or an `analyzer`.",
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
