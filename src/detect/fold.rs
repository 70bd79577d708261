//! One look at a text, and the form in which its numbers are compared: digits, dots, dashes and blanks of other kinds become
//! those of ASCII, letters that are written apart from their marks are joined with them, characters without a width go. Places in that form lead back to the text.

use std::borrow::Cow;

use unicode_normalization::char::{compose, is_combining_mark};

/// What one look at each byte of a text saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look(u8);

const DIGIT: u8 = 1;
const AT: u8 = 2;
/// `(`, `[` and `{`: somebody may have written `(at)`.
const BRACKET: u8 = 4;
const COLON: u8 = 8;
/// First bytes of characters that fold to digits or `@`.
const FOREIGN: u8 = 16;
/// `&`: somebody may have written `&commat;`.
const AMPERSAND: u8 = 32;

const MARKS: [u8; 256] = marks();

#[expect(clippy::indexing_slicing, reason = "a constant, computed by the compiler")]
const fn marks() -> [u8; 256] {
    let mut marks = [0; 256];
    let mut byte = b'0';
    while byte <= b'9' {
        marks[byte as usize] = DIGIT;
        byte += 1;
    }
    marks[b'@' as usize] = AT;
    marks[b'(' as usize] = BRACKET;
    marks[b'[' as usize] = BRACKET;
    marks[b'{' as usize] = BRACKET;
    marks[b':' as usize] = COLON;
    marks[b'&' as usize] = AMPERSAND;
    // U+0660, U+06F0, U+0966, U+FF10 (and U+FF20), U+1D7CE.
    marks[0xd9] = FOREIGN;
    marks[0xdb] = FOREIGN;
    marks[0xe0] = FOREIGN;
    marks[0xef] = FOREIGN;
    marks[0xf0] = FOREIGN;
    marks
}

pub(super) fn look(text: &str) -> Look {
    Look(text.bytes().fold(0, |seen, byte| seen | MARKS.get(usize::from(byte)).copied().unwrap_or_default()))
}

impl Look {
    /// Whether anything could begin in it.
    pub(super) const fn may_hold_something(self) -> bool {
        self.0 != 0
    }
}

/// A text in the form in which numbers are compared.
#[derive(Debug)]
pub(super) struct Folded<'t> {
    from: &'t str,
    text: Cow<'t, str>,
    /// For each byte of `text` where in `from` the character begins that it came from; empty where they are the same.
    origin: Vec<usize>,
}

/// What a character becomes.
enum Fold {
    Itself,
    To(char),
    /// A mark of the character before it.
    Mark,
    Nothing,
}

fn fold(c: char) -> Fold {
    let digit = |zero: u32| char::from_digit((u32::from(c) - zero) % 10, 10).map_or(Fold::Itself, Fold::To);
    match c {
        '\0'..='\u{9f}' => Fold::Itself,
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6f0}'..='\u{6f9}' => digit(0x6f0),
        '\u{966}'..='\u{96f}' => digit(0x966),
        '\u{1d7ce}'..='\u{1d7ff}' => digit(0x1d7ce),
        // The full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).map_or(Fold::Itself, Fold::To),
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Fold::To(' ')
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Fold::To('-'),
        '\u{b7}' | '\u{2024}' | '\u{2027}' | '\u{3002}' => Fold::To('.'),
        // Soft hyphens, marks of direction, joiners, and what makes a digit a key cap.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{20e3}'
        | '\u{fe0e}'
        | '\u{fe0f}'
        | '\u{feff}' => Fold::Nothing,
        _ if is_mark(c) => Fold::Mark,
        _ => Fold::Itself,
    }
}

/// Whether it is a mark of the character before it. Below these there is none.
pub(super) fn is_mark(c: char) -> bool {
    c >= '\u{300}' && is_combining_mark(c)
}

impl<'t> Folded<'t> {
    pub(super) fn of(from: &'t str, look: Look) -> Self {
        let same = Self { from, text: Cow::Borrowed(from), origin: Vec::new() };
        if !look.may_hold_something()
            || from.is_ascii()
            || from.chars().all(|c| matches!(fold(c), Fold::Itself))
        {
            return same;
        }
        let mut text = String::with_capacity(from.len());
        let mut origin = Vec::with_capacity(from.len());
        for (at, c) in from.char_indices() {
            let mut at = at;
            match fold(c) {
                Fold::Itself => text.push(c),
                Fold::To(other) => text.push(other),
                Fold::Mark => match text.chars().next_back() {
                    Some(letter) if letter.is_alphabetic() => match compose(letter, c) {
                        Some(joined) => {
                            text.pop();
                            at = origin.get(text.len()).copied().unwrap_or(at);
                            origin.truncate(text.len());
                            text.push(joined);
                        }
                        None => text.push(c),
                    },
                    // On a digit or a sign it means nothing.
                    Some(other) if other.is_ascii() => {}
                    _ => text.push(c),
                },
                Fold::Nothing => {}
            }
            origin.resize(text.len(), at);
        }
        Self { from, text: Cow::Owned(text), origin }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where in the text that came a place begins.
    pub(super) fn start(&self, at: usize) -> usize {
        if self.origin.is_empty() { at } else { self.origin.get(at).copied().unwrap_or(self.from.len()) }
    }

    /// Where in the text that came a place ends.
    pub(super) fn end(&self, at: usize) -> usize {
        if self.origin.is_empty() {
            return at;
        }
        let last = at.checked_sub(1).and_then(|last| self.origin.get(last)).copied().unwrap_or_default();
        let mut rest = self.from.get(last..).unwrap_or_default().chars();
        let width = rest.next().map_or(0, char::len_utf8);
        last + width + rest.take_while(|c| is_mark(*c)).map(char::len_utf8).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_back_to_the_text_that_came() {
        let text = "é ４１\u{200b}１\u{a0}–\u{2060} 😀 1";
        let folded = Folded::of(text, look(text));
        assert_eq!(folded.text(), "é 411 - 😀 1");
        let of = |part: &str| {
            let start = folded.text().find(part).unwrap();
            text.get(folded.start(start)..folded.end(start + part.len())).unwrap()
        };
        assert_eq!(
            (of("411"), of("-"), of("😀"), of("1 -")),
            ("４１\u{200b}１", "–", "😀", "４１\u{200b}１\u{a0}–".trim_start_matches("４１\u{200b}"))
        );
        assert_eq!(folded.end(folded.text().len()), text.len());
    }

    #[test]
    fn letters_and_their_marks_are_one() {
        let text = "Ma\u{308}rz e\u{302}\u{301} 1\u{301} x\u{30c}\u{30c}!";
        let folded = Folded::of(text, look(text));
        assert_eq!(folded.text(), "März ế 1 x\u{30c}\u{30c}!");
        let of = |part: &str| {
            let start = folded.text().find(part).unwrap();
            text.get(folded.start(start)..folded.end(start + part.len())).unwrap()
        };
        for (part, came) in [
            ("März", "Ma\u{308}rz"),
            ("Mä", "Ma\u{308}"),
            ("ä", "a\u{308}"),
            ("rz", "rz"),
            ("ế", "e\u{302}\u{301}"),
            ("1", "1\u{301}"),
            ("!", "!"),
        ] {
            assert_eq!(of(part), came);
        }
    }

    #[test]
    fn prose_is_passed_after_one_look() {
        for text in ["", "Nothing here, just: words!", "Élève – « français »"] {
            assert_eq!(look(text).0 & !COLON, 0, "{text}");
        }
        for text in ["1", "a@b", "(at)", "a&commat;b", "\u{665}", "１", "＠"] {
            assert!(look(text).may_hold_something(), "{text}");
        }
    }
}
