//! Keys remembered until their object is closed, to find duplicates among those that no layout knows.

use super::lexer::{Text, unescape};
use crate::payload::Malformed;

/// The keys of all open objects, one object after another.
#[derive(Default)]
pub(in crate::payload) struct Keys {
    keys: Vec<Key>,
    /// Keys that had escapes, without them.
    unescaped: String,
}

struct Key {
    /// Compared before the text.
    digest: u64,
    /// Where it stands in the body.
    at: usize,
    /// Its span in the body, or in `unescaped`.
    from: usize,
    to: usize,
    escaped: bool,
}

/// The reason for every duplicate, whoever finds it.
pub(in crate::payload) const DUPLICATE: &str = "a key stands twice in one object";

/// Up to this many keys are compared each with each.
const FEW: usize = 16;

impl Keys {
    /// How many are remembered: what an object hands to [`Keys::close`].
    pub(in crate::payload) fn mark(&self) -> usize {
        self.keys.len()
    }

    /// Remembers a key whose text begins at `at` of the body.
    #[inline]
    pub(in crate::payload) fn push(
        &mut self,
        at: usize,
        key: Text<'_>,
        body: &[u8],
    ) -> Result<(), Malformed> {
        let (digest, from, to) = if key.escaped {
            let from = self.unescaped.len();
            let done = unescape(key.raw, &mut self.unescaped);
            done.ok_or(Malformed { offset: at, reason: "the key cannot be read" })?;
            let to = self.unescaped.len();
            (digest(self.unescaped.as_bytes(), from, to), from, to)
        } else {
            let to = at + key.raw.len();
            (digest(body, at, to), at, to)
        };
        self.keys.push(Key { digest, at, from, to, escaped: key.escaped });
        Ok(())
    }

    /// Forgets the keys from `mark` on, if no two are equal.
    #[inline]
    pub(in crate::payload) fn close(&mut self, mark: usize, body: &[u8]) -> Result<(), Malformed> {
        let Self { keys, unescaped } = self;
        let mine = keys.get_mut(mark..).unwrap_or_default();
        let text = |key: &Key| {
            let source = if key.escaped { unescaped.as_bytes() } else { body };
            source.get(key.from..key.to).unwrap_or_default()
        };
        let equal = |a: &Key, b: &Key| a.digest == b.digest && text(a) == text(b);
        let duplicate = if mine.len() <= FEW {
            let mut rest = &*mine;
            loop {
                let Some((key, others)) = rest.split_last() else { break None };
                if others.iter().any(|other| equal(key, other)) {
                    break Some(key);
                }
                rest = others;
            }
        } else {
            // Sorting bounds the work whatever the keys are, where a table of hashes would need a secret.
            mine.sort_unstable_by(|a, b| a.digest.cmp(&b.digest).then_with(|| text(a).cmp(text(b))));
            let pairs = mine.iter().zip(mine.iter().skip(1));
            pairs.filter(|(a, b)| equal(a, b)).map(|(a, b)| if a.at > b.at { a } else { b }).next()
        };
        if let Some(key) = duplicate {
            return Err(Malformed { offset: key.at, reason: DUPLICATE });
        }
        keys.truncate(mark);
        if mark == 0 {
            unescaped.clear();
        }
        Ok(())
    }

    /// Forgets the keys from `mark` on.
    pub(super) fn forget(&mut self, mark: usize) {
        self.keys.truncate(mark);
    }

    /// Forgets everything, and gives back what is beyond `most` bytes.
    pub(in crate::payload) fn clear(&mut self, most: usize) {
        self.keys.clear();
        self.keys.shrink_to(most / size_of::<Key>());
        self.unescaped.clear();
        self.unescaped.shrink_to(most);
    }
}

/// The first eight bytes of `source` at `from`, but none at or beyond `to`, and the length mixed in: what most keys
/// differ in.
#[inline]
fn digest(source: &[u8], from: usize, to: usize) -> u64 {
    let len = to.saturating_sub(from);
    let head = match source.get(from..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(chunk) if len >= 8 => u64::from_le_bytes(*chunk),
        Some(chunk) => u64::from_le_bytes(*chunk) & ((1 << (8 * len)) - 1),
        None => source
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .rev()
            .fold(0, |head, &byte| head << 8 | u64::from(byte)),
    };
    head ^ (len as u64).rotate_right(16)
}
