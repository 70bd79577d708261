//! Lines of a drafted policy, no longer than people read, each guess with its confidence and reason beside or above it.

use super::yaml;

/// Longest line, in characters.
const WIDTH: usize = 120;
/// Where a comment begins at the earliest.
const COMMENT: usize = 44;

/// A file as it is written: its text, what is only proposed, and what is left empty.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) text: String,
    pub(super) marks: Vec<String>,
    pub(super) holes: Vec<String>,
}

impl Writer {
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A comment, on as many lines as it takes.
    pub(super) fn comment(&mut self, indent: usize, text: &str) {
        self.hanging(indent, "# ", "# ", text);
    }

    /// The same as an entry of a list.
    pub(super) fn comment_item(&mut self, text: &str) {
        self.hanging(0, "# - ", "#   ", text);
    }

    fn hanging(&mut self, indent: usize, first: &str, next: &str, text: &str) {
        let room = WIDTH.saturating_sub(indent + next.len());
        for (number, words) in yaml::wrapped(text, room).into_iter().enumerate() {
            let sign = if number == 0 { first } else { next };
            self.line(&format!("{:indent$}{sign}{words}", ""));
        }
    }

    /// A line and why it is proposed: at its end, or where that would be too long, above it.
    pub(super) fn proposed(&mut self, line: &str, place: &str, tenths: u8, because: &str) {
        let tenths = tenths.clamp(1, 9);
        let because = format!("proposed 0.{tenths}: {because}");
        let beside = format!("{line:<COMMENT$} {}", yaml::comment(&because));
        if beside.chars().count() <= WIDTH && !line.contains('\n') {
            self.line(&beside);
        } else {
            let indent = line.chars().take_while(|c| *c == ' ').count();
            self.hanging(indent, "# ", "#   ", &because);
            self.line(line);
        }
        self.marks.push(place.to_owned());
    }

    /// A key whose value a person said, or left to be filled in.
    pub(super) fn said(&mut self, indent: &str, key: &str, place: &str, said: Option<&str>, what: &str) {
        match said {
            Some(value) => self.line(&format!("{indent}{key}: {}", yaml::scalar(value))),
            None => {
                let what = yaml::comment(&format!("to fill in: {what}"));
                self.line(&format!("{:<COMMENT$} {what}", format!("{indent}{key}:")));
                self.holes.push(place.to_owned());
            }
        }
    }

    /// The list of what is proposed, and what goes with it.
    pub(super) fn proposals(&mut self) {
        self.line("");
        self.line("# What nobody has accepted yet. While a line stands here, the gateway serves none of these files.");
        self.line("proposed:");
        for mark in self.marks.clone() {
            self.line(&format!("  - {}", yaml::scalar(&mark)));
        }
    }
}

/// A key and its words in braces, on several lines where one would be too long. The list of a word may be broken too.
pub(super) fn flow(indent: usize, key: &str, words: &[String]) -> String {
    let line = format!("{:indent$}{key} {{ {} }}", "", words.join(", "));
    if line.chars().count() <= WIDTH {
        return line;
    }
    let mut text = format!("{:indent$}{key} {{", "");
    let mut length = text.chars().count();
    for (number, word) in words.iter().enumerate() {
        let comma = if number + 1 == words.len() { " }" } else { "," };
        let whole = word.chars().count() + comma.len() + 1;
        if length + whole > WIDTH {
            text.push_str(&format!("\n{:width$}", "", width = indent + 1));
            length = indent + 1;
        }
        length += whole;
        text.push_str(&format!(" {word}{comma}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_and_read_back_as_the_same() {
        let words: Vec<String> = (0..40).map(|number| format!("word{number}: \"a, {{ b\"")).collect();
        let text = flow(4, "\"['a key']\":", &words);
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let mut found = Vec::new();
        let broken = crate::policy::yaml::parse(0, &format!("fields:\n{text}\n"), &mut found).unwrap();
        assert!(found.is_empty());
        let whole = format!("fields:\n    \"['a key']\": {{ {} }}\n", words.join(", "));
        let whole = crate::policy::yaml::parse(0, &whole, &mut found).unwrap();
        assert!(crate::draft::accept::alike(&broken, &whole, 0));
        assert_eq!(flow(2, "a:", &["b: 1".into()]), "  a: { b: 1 }");
    }

    #[test]
    fn a_reason_stands_beside_or_above() {
        let mut writer = Writer::default();
        writer.proposed("title: a", "title", 3, "short");
        writer.proposed("    age: b", "age", 12, &"long words ".repeat(30));
        let lines: Vec<&str> = writer.text.lines().collect();
        assert!(
            lines[0].starts_with("title: a  ") && lines[0].ends_with("# proposed 0.3: short"),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("    # proposed 0.9: long words"), "{lines:?}");
        assert!(lines[2].starts_with("    #   ") && lines.last() == Some(&"    age: b"), "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
    }
}
