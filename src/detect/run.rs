//! Words of letters and digits, and runs of them with what commonly stands between the parts of one number.

/// The most parts of a number that are looked at.
const PIECES: usize = 20;
/// The most parts of one letter or digit: `+49 (0)30`, `1 85 05 …`, `X-1234567-L`.
const SINGLES: usize = 3;
/// The most letters and digits of a number that are looked at: the longest IBAN has 34.
const CHARACTERS: usize = 36;

/// A word of ASCII letters and digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Its first byte in the text.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
    /// What stands before it, in a run: up to three bytes, none at its beginning.
    pub(super) between: Between,
}

/// What stands between two pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Between {
    bytes: [u8; 3],
    len: usize,
}

impl Between {
    /// Whether it is one of the bytes, once.
    pub(super) fn is_one_of(self, allowed: &[u8]) -> bool {
        let [first, ..] = self.bytes;
        self.len == 1 && allowed.contains(&first)
    }

    /// Whether it is made of nothing but the bytes.
    pub(super) fn is_of(self, allowed: &[u8]) -> bool {
        self.bytes.iter().take(self.len).all(|byte| allowed.contains(byte))
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }
}

/// Pieces from one word on, as far as they may be one number.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The pieces.
    pub(super) pieces: Vec<Piece>,
    /// Their characters, letters in capitals.
    pub(super) compact: Vec<u8>,
    /// Whether a number that ends where the run does would be a part of something longer.
    cut: bool,
    /// The byte before the run, and whether the two before it are a digit or letter and a dash, dot or slash.
    goes_on_from: bool,
    after_plus: bool,
}

/// Whether the character at a byte is a letter or digit of a script whose words have blanks between them.
fn in_word(c: char) -> bool {
    c.is_alphanumeric() && u32::from(c) < 0x2e80
}

fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

/// The next ASCII letter or digit from `at` on that begins a word.
pub(super) fn next_word(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    rest.iter().position(u8::is_ascii_alphanumeric).map(|skipped| at + skipped)
}

/// Where the ASCII letters and digits from `start` on end.
pub(super) fn word_end(text: &str, start: usize) -> usize {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count()
}

/// Whether a number may begin with the word: it has a digit, or is short and one of the next two has.
pub(super) fn may_begin(text: &str, start: usize, end: usize) -> bool {
    let has_digit = |from: usize, to: usize| {
        let word = text.as_bytes().get(from..to).unwrap_or_default();
        word.iter().any(u8::is_ascii_digit)
    };
    if end - start > CHARACTERS || !stands_free(text, start, end) {
        return false;
    }
    if has_digit(start, end) {
        return true;
    }
    let mut at = end;
    for _ in 0..2 {
        if end - start > 4 {
            return false;
        }
        let Some(next) = next_word(text, at).filter(|next| next - at == 1) else { return false };
        at = next + (word_end(text, next) - next).min(CHARACTERS);
        if has_digit(next, at) {
            return true;
        }
    }
    false
}

/// Whether no letter of another alphabet touches the word.
fn stands_free(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    !before.is_some_and(in_word) && !after.is_some_and(in_word)
}

impl Run {
    /// Reads the run that begins with the word at `start`.
    pub(super) fn read(&mut self, text: &str, start: usize) {
        self.pieces.clear();
        self.compact.clear();
        self.cut = false;
        let back = |by: usize| start.checked_sub(by).and_then(|at| byte(text, at));
        self.after_plus = back(1) == Some(b'+');
        self.goes_on_from = matches!(back(1), Some(b'-' | b'.' | b'/' | b',' | b'_'))
            && back(2).is_some_and(|byte| byte.is_ascii_digit());
        let (mut at, mut between, mut singles) = (start, Between::default(), 0);
        loop {
            let end = at
                + text
                    .as_bytes()
                    .get(at..)
                    .unwrap_or_default()
                    .iter()
                    .take(CHARACTERS + 1)
                    .take_while(|byte| byte.is_ascii_alphanumeric())
                    .count();
            if self.compact.len() + (end - at) > CHARACTERS || self.pieces.len() == PIECES {
                self.cut = between.len == 1 && !between.is_one_of(b" ");
                return;
            }
            singles += usize::from(end - at == 1);
            if singles > SINGLES || !stands_free(text, at, end) {
                return;
            }
            self.pieces.push(Piece { start: at, end, between });
            self.compact
                .extend(text.as_bytes().get(at..end).unwrap_or_default().iter().map(u8::to_ascii_uppercase));
            between = Between::default();
            at = end;
            while let Some(byte) = byte(text, at)
                && matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')')
            {
                if between.push(byte).is_none() {
                    return;
                }
                at += 1;
            }
            if between.len == 0 || !byte(text, at).is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                return;
            }
        }
    }

    /// Whether the run goes on from a number before it (`12-`), so that it is a part of that.
    pub(super) const fn goes_on(&self) -> bool {
        self.goes_on_from || self.after_plus
    }

    /// Where the piece before which `count` pieces stand ends, and how many characters they have together.
    pub(super) fn upto(&self, count: usize) -> Option<(usize, &[u8])> {
        let taken = self.pieces.get(..count)?;
        let length: usize = taken.iter().map(|piece| piece.end - piece.start).sum();
        Some((taken.last()?.end, self.compact.get(..length)?))
    }

    /// Whether a number that ends with the piece number `count` stands by itself: no dash, dot, slash or comma joins it to more
    /// digits.
    pub(super) fn ends_free(&self, text: &str, count: usize) -> bool {
        let Some((end, _)) = self.upto(count) else { return false };
        if count == self.pieces.len() && self.cut {
            return false;
        }
        let joined = matches!(byte(text, end), Some(b'-' | b'.' | b'/' | b',' | b'_'));
        !(joined && byte(text, end + 1).is_some_and(|byte| byte.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_of_pieces_with_little_between_them() {
        let mut run = Run::default();
        let text = "x 12-34 (0) 56 — 78";
        run.read(text, 2);
        let pieces: Vec<_> =
            run.pieces.iter().map(|piece| text.get(piece.start..piece.end).unwrap()).collect();
        assert_eq!(pieces, ["12", "34", "0", "56"]);
        assert_eq!(run.compact, b"1234056");
        assert!(run.ends_free(text, 2) && !run.ends_free(text, 1));
    }

    #[test]
    fn a_word_that_a_letter_touches_begins_nothing() {
        for (text, begins) in [("12", true), ("é12", false), ("12é", false), ("电12", true), ("de 12", true)]
        {
            let start = next_word(text, 0).unwrap();
            assert_eq!(may_begin(text, start, word_end(text, start)), begins, "{text}");
        }
    }
}
