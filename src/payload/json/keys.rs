//! Keys remembered until their object is closed, to find duplicates among those that no layout knows.

use super::lexer::{Text, unescape};
use crate::payload::Malformed;

/// The keys of all open objects, one object after another.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// Keys that had escapes, without them.
    unescaped: String,
}

struct Key {
    /// Where it stands in the body.
    at: usize,
    /// Its span in the body, or in `unescaped`.
    from: usize,
    to: usize,
    escaped: bool,
}

/// The reason for every duplicate, whoever finds it.
pub(super) const DUPLICATE: &str = "a key stands twice in one object";

/// Up to this many keys are compared each with each.
const FEW: usize = 8;

impl Keys {
    /// How many are remembered: what an object hands to [`Keys::close`].
    pub(super) fn mark(&self) -> usize {
        self.keys.len()
    }

    /// Remembers a key whose text begins at `at`.
    #[inline]
    pub(super) fn push(&mut self, at: usize, key: Text<'_>) -> Result<(), Malformed> {
        let (from, to) = if key.escaped {
            let from = self.unescaped.len();
            let done = unescape(key.raw, &mut self.unescaped);
            done.ok_or(Malformed { offset: at, reason: "the key cannot be read" })?;
            (from, self.unescaped.len())
        } else {
            (at, at + key.raw.len())
        };
        self.keys.push(Key { at, from, to, escaped: key.escaped });
        Ok(())
    }

    /// Forgets the keys from `mark` on, if no two are equal.
    #[inline]
    pub(super) fn close(&mut self, mark: usize, body: &[u8]) -> Result<(), Malformed> {
        let Self { keys, unescaped } = self;
        let mine = keys.get_mut(mark..).unwrap_or_default();
        let text = |key: &Key| {
            let source = if key.escaped { unescaped.as_bytes() } else { body };
            source.get(key.from..key.to).unwrap_or_default()
        };
        let duplicate = if mine.len() < 2 {
            None
        } else if mine.len() <= FEW {
            let mut rest = &*mine;
            std::iter::from_fn(|| {
                let (first, others) = rest.split_first()?;
                rest = others;
                Some(others.iter().find(|other| text(other) == text(first)))
            })
            .flatten()
            .next()
        } else {
            // Sorting bounds the work whatever the keys are, where a hash would need a secret.
            mine.sort_unstable_by(|a, b| text(a).cmp(text(b)));
            mine.windows(2)
                .filter_map(|pair| {
                    if let [a, b] = pair {
                        (text(a) == text(b)).then_some(if a.at > b.at { a } else { b })
                    } else {
                        None
                    }
                })
                .next()
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

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.unescaped.clear();
    }

    /// Gives back what a large body made it hold.
    pub(super) fn shrink(&mut self, most: usize) {
        self.keys.shrink_to(most / size_of::<Key>());
        self.unescaped.shrink_to(most);
    }
}
