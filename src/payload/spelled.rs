//! A declared key as JSON mostly spells it: in quotes, without escapes, its colon behind it.

/// How many bytes are compared at once, without a loop or a call: nearly every key is shorter.
const AT_ONCE: usize = 24;
const WORD: usize = size_of::<u64>();

/// `"name":`, laid out for comparing.
#[derive(Clone, Debug)]
pub(super) struct Spelled {
    text: Box<str>,
    /// The first bytes, and which of their bits count. No bit of a key that is too long for them counts.
    words: [u64; AT_ONCE / WORD],
    masks: [u64; AT_ONCE / WORD],
}

impl Spelled {
    /// `None` for a name that JSON must escape.
    pub(super) fn new(name: &str) -> Option<Self> {
        if name.chars().any(|c| c < ' ' || c == '"' || c == '\\') {
            return None;
        }
        let text: Box<str> = format!("\"{name}\":").into();
        let mut bytes = [0; AT_ONCE];
        let mut mask = [0; AT_ONCE];
        if text.len() <= AT_ONCE {
            bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
            mask.iter_mut().take(text.len()).for_each(|byte| *byte = 0xff);
        }
        Some(Self { text, words: words(&bytes), masks: words(&mask) })
    }

    /// How many bytes it has.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether `rest` begins with it.
    #[inline(always)]
    pub(super) fn begins(&self, rest: &[u8]) -> bool {
        match rest.first_chunk::<AT_ONCE>() {
            Some(head) if self.len() <= AT_ONCE => {
                let [a, b, c] = words(head);
                let [x, y, z] = self.words;
                let [k, l, m] = self.masks;
                ((a ^ x) & k) | ((b ^ y) & l) | ((c ^ z) & m) == 0
            }
            _ => rest.starts_with(self.text.as_bytes()),
        }
    }
}

#[inline(always)]
fn words(bytes: &[u8; AT_ONCE]) -> [u64; AT_ONCE / WORD] {
    let (words, _) = bytes.as_chunks::<WORD>();
    let mut out = [0; AT_ONCE / WORD];
    out.iter_mut().zip(words).for_each(|(to, word)| *to = u64::from_le_bytes(*word));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_found_exactly_where_it_stands(name in "[a-zé ]{0,40}", rest in "[a-z\":]{0,40}", cut in 0usize..80) {
            let spelled = Spelled::new(&name).unwrap();
            let text = format!("\"{name}\":");
            prop_assert_eq!(spelled.len(), text.len());
            let whole = format!("{text}{rest}");
            prop_assert!(spelled.begins(whole.as_bytes()));
            let bytes = &whole.as_bytes()[..cut.min(whole.len())];
            prop_assert_eq!(spelled.begins(bytes), bytes.starts_with(text.as_bytes()));
            prop_assert_eq!(spelled.begins(rest.as_bytes()), rest.starts_with(&text));
            // One byte that differs, wherever it is.
            for at in 0..text.len() {
                let mut other = whole.clone().into_bytes();
                other[at] ^= 1;
                prop_assert!(!spelled.begins(&other));
            }
        }
    }

    #[test]
    fn what_must_be_escaped_is_not_spelled() {
        for name in ["a\"b", "a\\b", "a\nb"] {
            assert!(Spelled::new(name).is_none());
        }
    }
}
