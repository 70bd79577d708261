//! How sentences are made. Names stand in backquotes, which a page shows as code; somebody's own text in quotation marks.

/// A name in backquotes. One that holds them itself must not end the quotation.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", one_line(name).replace('`', "'"))
}

/// Somebody's own text, in quotation marks and on one line.
pub(super) fn text(text: &str) -> String {
    format!("“{}”", one_line(text).replace('`', "'"))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    joined(items, "and")
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn either<T: AsRef<str>>(items: &[T]) -> String {
    joined(items, "or")
}

fn joined<T: AsRef<str>>(items: &[T], word: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [all @ .., last] => {
            let all: Vec<_> = all.iter().map(AsRef::as_ref).collect();
            format!("{} {word} {}", all.join(", "), last.as_ref())
        }
    }
}

/// A sentence cut at its backquotes: whether a piece is a name, and its text.
pub(super) fn pieces(sentence: &str) -> Vec<(bool, &str)> {
    let pieces = sentence.split('`').enumerate().map(|(number, piece)| (number % 2 == 1, piece));
    pieces.filter(|(_, piece)| !piece.is_empty()).collect()
}

/// Lines of at most `width` characters where words allow it.
pub(super) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length <= width {
            out.push(' ');
            used += 1 + length;
        } else {
            if used > 0 {
                out.push('\n');
            }
            out.push_str(indent);
            used = indent.chars().count() + length;
        }
        out.push_str(word);
    }
    if used > 0 {
        out.push('\n');
    }
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_made_of_names_and_texts() {
        assert_eq!(quoted("a`b\nc"), "`a'b c`");
        assert_eq!(text("it's\n  \"so\""), "“it's \"so\"”");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(pieces("see `a` and `b`"), [(false, "see "), (true, "a"), (false, " and "), (true, "b")]);
        assert_eq!(wrapped("one two three", "  ", 9), "  one two\n  three\n");
        assert_eq!(wrapped("", "  ", 9), "");
    }
}
