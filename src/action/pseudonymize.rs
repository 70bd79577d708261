//! Keyed pseudonyms (EDPB guidelines 01/2025): within a domain equal values have equal pseudonyms, in two domains never.
//!
//! The MAC is over the text of the value, byte for byte: no change of case, no normalisation, no kind. So the customer
//! number 42 has one pseudonym in JSON (as a number or a string) and in CSV, and `Ada` and `ada` have two. The field's
//! name is not part of it either: an address has the same pseudonym wherever it stands in the domain.

use std::fmt::Write as _;

use crate::crypto::{Digest, Mac};
use crate::payload::{Kind, Treated};

/// RFC 4648 base32 in lower case: pseudonyms survive a data base that folds case, and a double click selects one.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// 26 characters of five bits: 130 bits. Ten thousand million values collide with a probability below 10^-19.
const CHARACTERS: usize = 26;
/// Integers up to 2^53 - 1 survive readers that take JSON numbers for binary floats (RFC 8259 section 6).
const INTEGER_BITS: u32 = 53;

/// The pseudonyms of one domain under one version of its secret.
#[derive(Clone, Debug)]
pub struct Pseudonyms {
    /// Which secret of the domain it is: the 1 of `p1_…`.
    pub version: u32,
    /// Keyed by that secret.
    pub mac: Mac,
}

impl Pseudonyms {
    /// The pseudonym of a text: `p1_` and 26 characters.
    pub fn of(&self, text: &str) -> String {
        let mut out = String::with_capacity(40);
        self.write(text, &mut out);
        out
    }

    /// The pseudonym of a text as an integer from 0 to 2^53 - 1. Two of a million persons collide with a probability of
    /// 6 in 100,000, two of ten million with 0.6 %, two of a hundred million with 43 %: for large domains take the text.
    /// It does not tell the version of the secret, and is no part of the text form.
    pub fn integer_of(&self, text: &str) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.tag(b"pseudonym as integer", text);
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> (u64::BITS - INTEGER_BITS)
    }

    pub(super) fn apply(&self, text: &str, as_integer: bool, out: &mut String) -> Treated {
        if as_integer {
            let _infallible = write!(out, "{}", self.integer_of(text));
            Treated::Replaced(Kind::Integer)
        } else {
            self.write(text, out);
            Treated::Replaced(Kind::String)
        }
    }

    fn write(&self, text: &str, out: &mut String) {
        let tag = self.tag(b"pseudonym", text);
        out.reserve(CHARACTERS + 4);
        out.push('p');
        match u8::try_from(self.version) {
            Ok(digit @ 0..10) => out.push(char::from(b'0' + digit)),
            _ => {
                let _infallible = write!(out, "{}", self.version);
            }
        }
        out.push('_');
        // Eight letters of five bits are five bytes; of the last eight, two are written.
        let mut letters = [b'a'; 32];
        let (eights, _) = letters.as_chunks_mut::<8>();
        let (fives, _) = tag.as_chunks::<5>();
        for (eight, [a, b, c, d, e]) in eights.iter_mut().zip(fives) {
            let mut bits = u64::from_be_bytes([*a, *b, *c, *d, *e, 0, 0, 0]);
            for letter in eight {
                let index = bits >> (u64::BITS - 5) & 31;
                *letter = ALPHABET.get(index as usize).copied().unwrap_or(b'a');
                bits <<= 5;
            }
        }
        let letters = letters.get(..CHARACTERS).unwrap_or_default();
        out.push_str(std::str::from_utf8(letters).unwrap_or_default());
    }

    /// The label keeps the two forms, and whatever else a domain's secret may come to serve, apart.
    fn tag(&self, label: &[u8], text: &str) -> Digest {
        self.mac.tag(&[label, text.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_tag_five_bits_a_letter() {
        let pseudonyms = Pseudonyms { version: 3, mac: Mac::new(b"a secret of the domain's own") };
        for number in 0..500 {
            let text = format!("person {number}");
            let tag = pseudonyms.tag(b"pseudonym", &text);
            let bits: String = tag.iter().map(|byte| format!("{byte:08b}")).collect();
            let five = |at: usize| bits.get(at * 5..at * 5 + 5).unwrap();
            let letter = |at: usize| ALPHABET[usize::from_str_radix(five(at), 2).unwrap()];
            let letters: String = (0..CHARACTERS).map(|at| char::from(letter(at))).collect();
            assert_eq!(pseudonyms.of(&text), format!("p3_{letters}"));
        }
    }
}
