//! What in a text an HTML parser would take for markup, and the text that it would show. A scan, not a parser: linear,
//! and without a tree. What it calls markup is the tokenizer's rule (HTML standard, 13.2.5.6: `<` and a letter, `/`, `!` or
//! `?`), so nothing that is left after it can open a tag; where an element ends it may differ from a browser.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Layers of references within references (`&amp;lt;`) and of tags that taking out tags puts together. Nobody means more.
pub(super) const LAYERS: usize = 8;

/// Names that a parser reads without a semicolon too, and so may hide markup.
const LEGACY_NAMES: [(&str, char); 8] = [
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("amp", '&'),
    ("AMP", '&'),
    ("quot", '"'),
    ("QUOT", '"'),
];
/// Names with their semicolon. Others (`&eacute;`) stay as they are: they hide nothing.
const NAMES: [(&str, char); 10] = [
    ("apos;", '\''),
    ("nbsp;", '\u{a0}'),
    ("lrm;", '\u{200e}'),
    ("rlm;", '\u{200f}'),
    ("sol;", '/'),
    ("excl;", '!'),
    ("quest;", '?'),
    ("num;", '#'),
    ("semi;", ';'),
    ("equals;", '='),
];

/// Characters that no text needs and that make it look like another: controls but for line feed and tab, and the marks that
/// turn the direction of what follows (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069). Joiners stay: Persian
/// and emoji need them.
pub(super) fn is_unwanted(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without unwanted characters, in NFC. A carriage return ends a line, alone or with its line feed.
pub(super) fn normalized(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains(is_unwanted) {
        let mut characters = text.chars().peekable();
        let mut kept = String::with_capacity(text.len());
        while let Some(c) = characters.next() {
            if c == '\r' && characters.peek() != Some(&'\n') {
                kept.push('\n');
            } else if !is_unwanted(c) {
                kept.push(c);
            }
        }
        text = Cow::Owned(kept);
    }
    if text.is_ascii() || is_nfc(&text) { text } else { Cow::Owned(text.nfc().collect()) }
}

/// Whether there is markup, as it stands.
pub(super) fn has_tags(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| text.get(at..).and_then(behind).is_some())
}

/// The text without its markup, and without what scripts and style sheets hold. Markup that does not end takes all that
/// follows with it, as it does in a parser.
pub(super) fn without_tags(text: &str) -> Cow<'_, str> {
    if !has_tags(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        shown.push_str(before);
        rest = match behind(from) {
            Some(behind) => behind,
            None => {
                shown.push('<');
                from.strip_prefix('<').unwrap_or_default()
            }
        };
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// What follows the markup that `text` begins with, or `None` if it begins with none.
fn behind(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?;
    if let Some(comment) = inner.strip_prefix("!--") {
        // Two comments that end where they begin (13.2.5.43, 13.2.5.44).
        let abrupt = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->"));
        return Some(abrupt.unwrap_or_else(|| after(comment, "-->")));
    }
    match inner.bytes().next() {
        Some(b'!' | b'?') => Some(after(inner, ">")),
        Some(b'/') => {
            let name = inner.strip_prefix('/').unwrap_or_default();
            Some(if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                tag(name)
            } else {
                after(name, ">")
            })
        }
        Some(letter) if letter.is_ascii_alphabetic() => {
            let behind = tag(inner);
            let raw = ["script", "style"].into_iter().find(|name| begins_with_name(inner, name));
            Some(raw.map_or(behind, |name| end_tag(behind, name)))
        }
        _ => None,
    }
}

/// What follows a tag whose name `text` begins with. A `>` within a quoted value does not end it.
fn tag(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.find(['>', '=']) {
        let (is_end, behind) = (rest.get(at..=at) == Some(">"), rest.get(at + 1..).unwrap_or_default());
        if is_end {
            return behind;
        }
        let value = behind.trim_ascii_start();
        rest = match (value.strip_prefix('"'), value.strip_prefix('\'')) {
            (Some(quoted), _) => after(quoted, "\""),
            (_, Some(quoted)) => after(quoted, "'"),
            _ => behind,
        };
    }
    ""
}

/// From the end tag on that closes a script or style sheet.
fn end_tag<'a>(text: &'a str, name: &str) -> &'a str {
    text.match_indices("</")
        .filter_map(|(at, _)| text.get(at..))
        .find(|from| from.get(2..).is_some_and(|rest| begins_with_name(rest, name)))
        .unwrap_or_default()
}

fn begins_with_name(text: &str, name: &str) -> bool {
    text.split_at_checked(name.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(name)
            && rest
                .bytes()
                .next()
                .is_none_or(|byte| byte.is_ascii_whitespace() || byte == b'/' || byte == b'>')
    })
}

/// What follows the first `end`, or nothing.
fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, behind)| behind)
}

/// One layer of character references read: numeric ones, and those named ones that markup can be hidden in.
pub(super) fn without_references(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let (mut rest, mut found) = (text, false);
    while let Some((before, from)) = rest.find('&').and_then(|at| rest.split_at_checked(at)) {
        shown.push_str(before);
        rest = from.strip_prefix('&').unwrap_or_default();
        if let Some((c, behind)) = reference(rest) {
            shown.push(c);
            rest = behind;
            found = true;
        } else {
            shown.push('&');
        }
    }
    if !found {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// The character of a reference behind its `&`, and what follows it.
fn reference(text: &str) -> Option<(char, &str)> {
    let Some(number) = text.strip_prefix('#') else {
        let exact = NAMES.iter().find_map(|(name, c)| Some((*c, text.strip_prefix(name)?)));
        return exact.or_else(|| {
            let (c, rest) = LEGACY_NAMES.iter().find_map(|(name, c)| Some((*c, text.strip_prefix(name)?)))?;
            Some((c, rest.strip_prefix(';').unwrap_or(rest)))
        });
    };
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let rest = digits.trim_start_matches(|c: char| c.is_digit(radix));
    let digits = digits.get(..digits.len() - rest.len()).filter(|digits| !digits.is_empty())?;
    // What is no character is shown as the replacement character (13.2.5.80).
    let c = u32::from_str_radix(digits, radix).ok().filter(|code| *code != 0).and_then(char::from_u32);
    Some((c.unwrap_or(char::REPLACEMENT_CHARACTER), rest.strip_prefix(';').unwrap_or(rest)))
}
