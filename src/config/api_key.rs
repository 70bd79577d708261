//! Reads the file of API keys.

use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::file::File;
use super::shape;
use crate::clock::Timestamp;
use crate::identity::{ApiKeyEntry, KeyHash};
use crate::policy::yaml::Node;
use crate::policy::{Code, Diagnostics, Spanned};

/// Reads API keys: `keys`, a list of `id`, `name`, `hash`, `scopes`, `namespace`, `expires` and perhaps `revoked`. A
/// list without keys is allowed: all were taken away. Blocks on the disk.
///
/// `expires` is a moment, or a day in UTC with whose beginning the key ends (RFC 3339).
///
/// # Errors
/// All that is wrong with the file, with its places.
pub fn api_keys(path: &Path) -> Result<Vec<ApiKeyEntry>, Diagnostics> {
    let where_absent = "Write it with the line `keys:`; `consentry key api NAME --scope SCOPE` makes a key and prints the lines below it. Or leave \
                        `api_keys` out of consentry.yaml.";
    File::read(path, where_absent, keys).map(|(keys, _)| keys)
}

/// Reads entries as they would stand below `keys:` in the file of API keys.
///
/// # Errors
/// As [`api_keys`].
pub fn api_key_entries(text: &str) -> Result<Vec<ApiKeyEntry>, Diagnostics> {
    let text = format!("keys:\n{text}\n");
    File::read_text(Path::new("api-keys.yaml"), Some(text), Vec::new(), keys).map(|(keys, _)| keys)
}

fn keys(node: &Node, file: &mut File<'_>) -> Option<Vec<ApiKeyEntry>> {
    let mut map = file.reader.map(node, &shape::API_KEYS)?;
    let nodes = map.must("keys", "Write `keys: []` where there is none yet.");
    let nodes = nodes.and_then(|node| file.reader.list(node, "API keys"));
    let mut ids = Vec::new();
    let keys = nodes.and_then(|nodes| file.each(nodes, |node, file| key(node, &mut ids, file)));
    file.once(&ids, "an API key with the id", "Keep one of the two: a key is found by its id.");
    map.finish(&mut file.reader);
    keys
}

fn key(node: &Node, ids: &mut Vec<Spanned<String>>, file: &mut File<'_>) -> Option<ApiKeyEntry> {
    let mut map = file.reader.map(node, &shape::API_KEY)?;
    let id = map.must("id", "Write the 16 digits after `ck_`.").and_then(|node| id(node, file));
    ids.extend(id.clone());
    let name = map.must("name", "Write whose it is.").and_then(|node| file.reader.name(node));
    let hash = map.must("hash", "Write the key's hash: `sha256:` and 64 hexadecimal digits.");
    let hash = hash.and_then(|node| parsed_hash(node, "an API key", file));
    let help = "Write what it allows: `scopes: [predict]`.";
    let scopes = map.must("scopes", help).and_then(|node| scopes(node, file));
    let help = "Write the namespace in which its holder speaks of persons: `namespace: customers`.";
    let namespace = map.must("namespace", help).and_then(|node| file.reader.name(node));
    let help = "Write when it ends: `expires: 2027-06-30`; no key lives for ever.";
    let expires = map.must("expires", help).and_then(|node| {
        let help = "Write a day or a moment: `2027-06-30`, `2027-06-30T12:00:00Z`.";
        file.reader.parsed(node, moment, "a day or a moment", help)
    });
    let revoked = map.take("revoked").map_or(Some(false), |node| file.reader.boolean(node));
    map.not_yet(&["purpose", "addresses"], &mut file.reader);
    map.finish(&mut file.reader);
    Some(ApiKeyEntry {
        id: id?.value,
        name: name?.value,
        hash: hash?,
        scopes: scopes?,
        expires: expires?,
        namespace: namespace?.value.into(),
        revoked: revoked?,
    })
}

/// An id of digits alone is a number to YAML, so the text is taken whatever it means. What is none may be the whole
/// key, so it is not shown.
fn id(node: &Node, file: &mut File<'_>) -> Option<Spanned<String>> {
    let text = &file.reader.scalar(node)?.text;
    let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == 16 && text.bytes().all(hexadecimal) {
        return Some(Spanned::new(text.clone(), node.span));
    }
    file.hide(node.span);
    let message = "This is not the id of an API key.";
    let help = "Write the 16 hexadecimal digits in lower case that stand between `ck_` and the next `_`, and never the rest.";
    file.reader.report(Code::WrongValue, node.span, message, help);
    None
}

fn scopes(node: &Node, file: &mut File<'_>) -> Option<Vec<String>> {
    let texts = file.reader.texts(node, "scopes")?;
    let mut scopes = Vec::with_capacity(texts.len());
    for text in texts {
        // RFC 6749 section 3.3.
        let good = text.value.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if !good {
            let message = format!("`{}` is not a scope.", text.value);
            let help =
                "Write one scope per entry, without spaces, quotes and backslashes: `[predict, research]`.";
            file.reader.report(Code::WrongValue, text.span, message, help);
        }
        scopes.push(text.value);
    }
    Some(scopes)
}

/// A moment, or the beginning of a day in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let whole = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let moment = whole(text).or_else(|| whole(&format!("{text}T00:00:00Z")))?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp::from_millis)
}

/// A hash, written `sha256:` and 64 hexadecimal digits. What is none may be the key itself, so it is not shown.
fn parsed_hash(node: &Node, of: &str, file: &mut File<'_>) -> Option<KeyHash> {
    let hash = file.reader.scalar(node)?.text.parse().ok();
    if hash.is_none() {
        file.hide(node.span);
        let message = format!("This is not the hash of {of}.");
        let help = "Write `sha256:` and 64 hexadecimal digits, and never the key or token itself.";
        file.reader.report(Code::WrongValue, node.span, message, help);
    }
    hash
}

/// The same as bytes.
pub(super) fn key_hash(node: &Node, of: &str, file: &mut File<'_>) -> Option<[u8; 32]> {
    parsed_hash(node, of, file).map(KeyHash::to_bytes)
}
