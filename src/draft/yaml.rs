//! Writes texts as YAML that reads back as the same texts, whatever they hold. Names in a schema are strangers' words:
//! none of them can end a line, begin a comment or become a key of its own.

/// Longest comment, in characters: a stranger's text has an end here.
const COMMENT: usize = 800;
/// A parser takes a key of at most 1024 characters for one; escapes take up to ten.
pub(super) const LONGEST_NAME: usize = 90;

/// A text as a scalar: plain where nobody could mistake it, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes (YAML 1.2 section 7.3.1). What cannot be seen, or changes how the rest is seen, is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) => {
                let number = u32::from(c);
                let escape =
                    if number > 0xffff { format!("\\U{number:08x}") } else { format!("\\u{number:04x}") };
                out.push_str(&escape);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A flow sequence of scalars.
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(scalar).collect();
    format!("[{}]", texts.join(", "))
}

/// A comment: one line, without what cannot be seen.
pub(super) fn comment(text: &str) -> String {
    format!("# {}", wrapped(text, usize::MAX).concat())
}

/// A text in lines of at most `room` characters, broken between words, without what cannot be seen. A word that has no
/// room is broken too.
pub(super) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let room = room.max(20);
    let mut seen: String = text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect();
    if let Some((end, _)) = seen.char_indices().nth(COMMENT) {
        let end = seen.get(..end).and_then(|kept| kept.rfind(' ')).filter(|space| *space > 0).unwrap_or(end);
        seen.truncate(end);
        seen.push('…');
    }
    let mut lines: Vec<String> = vec![String::new()];
    let mut length = 0;
    for word in seen.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let space = usize::from(length > 0);
            if length > 0 && length + space + rest.len() > room {
                lines.push(String::new());
                length = 0;
                continue;
            }
            let part: String = rest.drain(..rest.len().min(room)).collect();
            if let Some(line) = lines.last_mut() {
                if space > 0 {
                    line.push(' ');
                }
                line.push_str(&part);
            }
            length += space + part.chars().count();
        }
    }
    lines
}

/// The line by which an editor knows the schema of a file.
pub(super) fn modeline(schema: &str) -> String {
    format!("# yaml-language-server: $schema={schema}")
}

/// Words of letters and digits, with little between them, that begin with a letter and mean nothing else.
fn is_plain(text: &str) -> bool {
    const MEANING: [&str; 10] =
        ["null", "true", "false", "yes", "no", "on", "off", "any", "absent", "nothing"];
    let inner = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 64
        && text.split(' ').all(|word| !word.is_empty() && word.chars().all(inner))
        && !MEANING.contains(&text.to_ascii_lowercase().as_str())
        && !matches!(text, "y" | "n" | "Y" | "N")
}

/// Controls, line and paragraph ends, marks of direction and width, private and unassigned ends of planes.
fn is_unseen(c: char) -> bool {
    matches!(u32::from(c),
        0..=0x1f | 0x7f..=0xa0 | 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202f | 0x2060..=0x206f
        | 0x3164 | 0xfeff | 0xfff0..=0xffff | 0xe000..=0xf8ff | 0xe_0000..=0x10_ffff)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::yaml::{Content, Meaning, parse};

    fn read_back(text: &str) -> (String, Meaning, String) {
        let document = format!("{}: [{}, x] {}\n", scalar(text), scalar(text), comment(text));
        let mut found = Vec::new();
        let node = parse(0, &document, &mut found).unwrap_or_else(|| panic!("{document:?}: {found:?}"));
        assert!(found.is_empty(), "{document:?}: {found:?}");
        let Content::Map(entries) = node.content else { panic!("no map") };
        let [entry] = entries.as_slice() else { panic!("one key: {document:?}") };
        let Content::List(nodes) = &entry.value.content else { panic!("no list") };
        assert_eq!(nodes.len(), 2, "{document:?}");
        let Content::Scalar(value) = &nodes[0].content else { panic!("no scalar") };
        (entry.key.clone(), value.meaning, value.text.clone())
    }

    #[test]
    fn plain_words_stay_plain_and_all_else_is_quoted() {
        for text in ["email", "POST /v1/score", "pd:Name", "leave_out", "a b"] {
            let plain = !text.contains(':');
            assert_eq!(scalar(text) == text, plain, "{text}");
        }
        for text in
            ["", "1", "-1", "true", "no", "~", "a: b", "a #b", " a", "[", "{", "é", "1e3", "0x1", "y", "a,"]
        {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
    }

    #[test]
    fn a_comment_is_one_line() {
        assert_eq!(comment("a\n- b: c\u{2028}d\u{202e}"), "# a - b: c d");
        assert_eq!(comment(&"x".repeat(2000)).chars().count(), COMMENT + 3);
        assert_eq!(comment(""), "# ");
        let cut = comment(&"needs `art9_condition` (Art. 9) ".repeat(60));
        assert!(
            cut.ends_with(")…") || cut.ends_with("9)…") || cut.ends_with("needs…") || cut.ends_with("`…"),
            "{cut}"
        );
        let lines = wrapped("one two three four five six seven eight nine ten", 20);
        assert!(lines.len() > 2 && lines.iter().all(|line| line.len() <= 20), "{lines:?}");
        assert_eq!(lines.join(" "), "one two three four five six seven eight nine ten");
        assert!(wrapped(&"y".repeat(90), 20).iter().all(|line| line.len() <= 20));
    }

    proptest! {
        #[test]
        fn whatever_the_text_it_reads_back(text in "(\\PC|[\\x00-\\xff]|[\"'\\\\:#\\n\\r\\t{}\\[\\],&*!|>%@`?-]|[\u{2028}\u{2029}\u{85}\u{feff}\u{202e}\u{1f600}\u{e0001}]){0,60}") {
            let (key, meaning, value) = read_back(&text);
            prop_assert_eq!(&key, &text);
            prop_assert_eq!(&value, &text);
            prop_assert_eq!(meaning, Meaning::Text);
        }

        #[test]
        fn any_characters_read_back(text in proptest::collection::vec(any::<char>(), 0..40)) {
            let text: String = text.into_iter().collect();
            let (key, _, value) = read_back(&text);
            prop_assert_eq!(&key, &text);
            prop_assert_eq!(&value, &text);
        }
    }
}
