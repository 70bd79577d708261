//! Inputs near those of a corpus: the same ones in every run, so that what fails once fails again.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What means something to some reader.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"'",
    b"\\",
    b"\\u0000",
    b"\\ud83d",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b" ",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"-",
    b"--b",
    b"--b--\r\n",
    b".",
    b"..",
    b"/",
    b"//",
    b"%",
    b"%2e",
    b"%2F",
    b"%3b",
    b"%25",
    b";",
    b"?",
    b"#",
    b"&",
    b"=",
    b"+",
    b"*",
    b"|",
    b"&a",
    b"*a",
    b"<<",
    b"- ",
    b"null",
    b"true",
    b"0",
    b"-0",
    b"1e400",
    b"18446744073709551616",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x98\x80",
    b"\xc3",
    b"\xff",
    b"QUARRY",
];

/// Makes inputs out of others.
pub(crate) struct Mutator {
    random: ChaCha8Rng,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// One to four changes of an input, mostly one: most bodies with more are refused at once. `other` is where pieces are
    /// taken from. At times the first line is another, in which many harnesses are told what to do, and the rest is as it was.
    pub(crate) fn change(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let line = input.iter().position(|byte| *byte == b'\n').filter(|_| self.below(3) == 0);
        let (changed, rest) = input.split_at(line.unwrap_or(input.len()));
        let mut bytes = changed.to_vec();
        for _ in 0..=self.below(6).saturating_sub(3) {
            self.once(&mut bytes, other);
        }
        bytes.extend_from_slice(rest);
        bytes
    }

    fn once(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let place = self.below(bytes.len());
        match self.below(7) {
            0 => {
                let bit = self.below(7);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let piece = PIECES[self.below(PIECES.len() - 1)];
                bytes.splice(place..place, piece.iter().copied());
            }
            2 => {
                let piece = PIECES[self.below(PIECES.len() - 1)];
                let end = (place + piece.len()).min(bytes.len());
                bytes.splice(place..end, piece.iter().copied());
            }
            3 => {
                bytes.drain(self.piece(place, bytes.len()));
            }
            4 => {
                let again = bytes[self.piece(place, bytes.len())].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, again);
            }
            5 => {
                let from = self.below(other.len());
                let theirs = &other[self.piece(from, other.len())];
                bytes.splice(place..place, theirs.iter().copied());
            }
            6 => {
                let (one, two) = (self.piece(place, bytes.len()), self.below(bytes.len()));
                let moved: Vec<_> = bytes.drain(one).collect();
                let to = two.min(bytes.len());
                bytes.splice(to..to, moved);
            }
            _ => bytes.truncate(place),
        }
    }

    /// Mostly a short piece from a place on.
    fn piece(&mut self, from: usize, length: usize) -> std::ops::Range<usize> {
        let most = if self.below(3) == 0 { length } else { 16 };
        from..(from + 1 + self.below(most)).min(length).max(from)
    }

    /// A number from nought to `most`.
    fn below(&mut self, most: usize) -> usize {
        let count = u64::try_from(most).expect("a length") + 1;
        usize::try_from(self.random.next_u64() % count).expect("less than a length")
    }
}
