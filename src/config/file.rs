//! A file while it is read: where its paths start from, what is wrong with it, and what of it must not be shown.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::crypto::InterchangeKey;
use crate::policy::reader::{Map, Reader};
use crate::policy::yaml::{self, Node};
use crate::policy::{Code, Diagnostic, Diagnostics, Sources, Span, Spanned, has_errors, read_file, utf8};

/// A file while it is read.
pub(super) struct File<'a> {
    pub(super) reader: Reader,
    folder: &'a Path,
    /// Places of what no diagnostic may show.
    hidden: Vec<Span>,
}

impl<'a> File<'a> {
    /// Reads a file with a function for its outermost value. Warnings come beside the value. `where_absent` is what to do where
    /// there is no such file.
    pub(super) fn read<T>(
        path: &'a Path,
        where_absent: &str,
        value: impl FnOnce(&Node, &mut Self) -> Option<T>,
    ) -> Result<(T, Diagnostics), Diagnostics> {
        let mut found = Vec::new();
        let bytes = bytes(path, where_absent, &mut found);
        let text = bytes.and_then(|bytes| utf8(path, bytes, &mut found));
        Self::read_text(path, text, found, value)
    }

    /// Reads a text as if it stood in a file; `found` is what was wrong with the file itself.
    pub(super) fn read_text<T>(
        path: &'a Path,
        text: Option<String>,
        found: Vec<Diagnostic>,
        value: impl FnOnce(&Node, &mut Self) -> Option<T>,
    ) -> Result<(T, Diagnostics), Diagnostics> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut file = Self { reader: Reader::default(), folder, hidden: Vec::new() };
        file.reader.found = found;
        let mut sources = Sources::default();
        let value = text.and_then(|text| {
            let node = yaml::parse(0, &text, &mut file.reader.found);
            let value = node.and_then(|node| value(&node, &mut file));
            sources.add(path.display().to_string(), masked(text, &file.hidden));
            value
        });
        let good = !has_errors(&file.reader.found);
        let diagnostics = Diagnostics::new(Arc::new(sources), file.reader.found);
        match value {
            Some(value) if good => Ok((value, diagnostics)),
            // INVARIANT of the reader: where there is no value, an error was reported.
            _ => Err(diagnostics),
        }
    }

    /// Keeps what stands here out of every diagnostic.
    pub(super) fn hide(&mut self, span: Span) {
        self.hidden.push(span);
    }

    /// Reports a key that stands in the file itself.
    pub(super) fn key_not_here(&mut self, span: Span, help: &str) {
        self.hide(span);
        self.reader.report(Code::KeyNotHere, span, "A key does not stand in a configuration.", help);
    }

    /// A path, behind the file's folder.
    pub(super) fn path(&mut self, node: &Node) -> Option<PathBuf> {
        let text = self.reader.text(node)?;
        if text.value.contains("-----BEGIN") || InterchangeKey::parse(&text.value).is_ok() {
            let help = "Write it to a file that its owner alone can read, and name the file here.";
            self.key_not_here(text.span, help);
            return None;
        }
        Some(self.under(&text.value))
    }

    /// The path of a key that must be there.
    pub(super) fn must_path(&mut self, map: &mut Map<'_>, key: &'static str, help: &str) -> Option<PathBuf> {
        map.must(key, help).and_then(|node| self.path(node))
    }

    /// The path of a key that may be there, and where it is not, another.
    pub(super) fn path_or(&mut self, node: Option<&Node>, default: &str) -> Option<PathBuf> {
        match node {
            None => Some(self.under(default)),
            Some(node) => self.path(node),
        }
    }

    /// A path behind the file's folder.
    pub(super) fn under(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// The file's folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder
    }

    /// A list of maps and what a function makes of each: all or nothing, but every one is looked at.
    pub(super) fn each<T>(
        &mut self,
        nodes: &[Node],
        mut read: impl FnMut(&Node, &mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let values: Vec<_> = nodes.iter().map(|node| read(node, self)).collect();
        values.into_iter().collect()
    }

    /// Reports each text that an earlier one equals. `what` says whose they are: "a listener with the address".
    pub(super) fn once<'t>(
        &mut self,
        texts: impl IntoIterator<Item = &'t Spanned<String>>,
        what: &str,
        help: &str,
    ) {
        let mut seen: Vec<&str> = Vec::new();
        for text in texts {
            if seen.contains(&text.value.as_str()) {
                let message = format!("There is {what} `{}` already.", text.value);
                self.reader.report(Code::NameTwice, text.span, message, help);
            }
            seen.push(&text.value);
        }
    }
}

fn bytes(path: &Path, where_absent: &str, found: &mut Vec<Diagnostic>) -> Option<Vec<u8>> {
    let bytes = read_file(path, found);
    if bytes.is_none() {
        // What is advised for a policy, to remove or to split it, is no advice here.
        let there = path.try_exists().unwrap_or(true);
        let help = if there { "Check the file's name, and let the gateway read it." } else { where_absent };
        found.iter_mut().for_each(|found| found.help = help.into());
    }
    bytes
}

/// The text with stars for what stands at these places. A PEM key goes on to its last line, beyond its place.
fn masked(text: String, hidden: &[Span]) -> String {
    if hidden.is_empty() {
        return text;
    }
    let ranges = hidden.iter().map(|span| {
        let rest = text.get(span.start..).unwrap_or_default();
        let pem = rest
            .trim_start_matches(|c: char| c.is_whitespace() || "|>-+\"'".contains(c))
            .starts_with("BEGIN");
        let end =
            if pem { rest.find("-----END").unwrap_or(rest.len()).saturating_add(span.start) } else { 0 };
        span.start..span.end.max(end)
    });
    let ranges: Vec<_> = ranges.collect();
    let stars = text.char_indices().flat_map(|(at, character)| {
        let hide = !character.is_whitespace() && ranges.iter().any(|range| range.contains(&at));
        // As many bytes as before: places must not move.
        let (shown, count) = if hide { ('*', character.len_utf8()) } else { (character, 1) };
        std::iter::repeat_n(shown, count)
    });
    stars.collect()
}

/// A path without `.` and with `..` taken back, for comparing: two spellings of one file.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
