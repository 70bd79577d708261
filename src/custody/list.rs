//! The values that a field has in many places, as JSON: `[indices, value]`. A value at the next index of the innermost array, as in most
//! rows, stands alone. Older lists have indices everywhere; they are read too.

use serde_json::value::RawValue;
use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::json::scalar;
use crate::payload::Value;

/// Room for a few values: what grows is moved.
const ROOM: usize = 120;
/// Lists shorter than this grow to four times their size, others to twice.
const EARLY: usize = 16 * 1024;
/// What a value takes beside its text, where nothing is escaped and it has one index.
const AROUND: usize = 20;

/// A list that is being written. In clear until it is sealed.
pub(super) struct List {
    text: Zeroizing<Vec<u8>>,
    /// The place of a value that is written without its indices; empty where there is none.
    next: Indices,
}

type Indices = SmallVec<[u32; 4]>;

impl List {
    pub(super) fn new() -> Self {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        text.push(b'[');
        Self { text, next: Indices::new() }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Adds a value.
    pub(super) fn put(&mut self, at: &[u32], value: Value<'_>) {
        let Self { text: list, next } = self;
        if list.capacity() - list.len() < value.text.len() + AROUND && list.len() < EARLY {
            // A list that grows is moved: one of many rows seldom.
            let more = list.len() * 3;
            list.reserve(more + value.text.len() + AROUND);
        }
        if list.len() > 1 {
            list.push(b',');
        }
        if !at.is_empty() && next.as_slice() == at {
            scalar(value, list);
        } else {
            list.extend_from_slice(b"[[");
            for (number, index) in at.iter().enumerate() {
                if number > 0 {
                    list.push(b',');
                }
                list.extend_from_slice(itoa::Buffer::new().format(*index).as_bytes());
            }
            list.extend_from_slice(b"],");
            scalar(value, list);
            list.push(b']');
            next.clear();
            next.extend_from_slice(at);
        }
        advance(next);
    }

    /// The whole of it.
    pub(super) fn finish(mut self) -> Zeroizing<Vec<u8>> {
        self.text.push(b']');
        self.text
    }
}

/// Whether what was kept of a field is a list: a scalar is never spelled so.
pub(super) fn is_list(kept: &[u8]) -> bool {
    kept.first() == Some(&b'[')
}

/// The places and values of a list; `None` where it is none.
pub(super) fn elements(list: &[u8]) -> Option<Vec<(Indices, &RawValue)>> {
    let list: Vec<&RawValue> = serde_json::from_slice(list).ok()?;
    let mut next = Indices::new();
    list.into_iter()
        .map(|element| {
            let mut value = element;
            // A value is a scalar, so what begins so has indices.
            if element.get().starts_with('[') {
                let at: Vec<u32>;
                (at, value) = serde_json::from_str(element.get()).ok()?;
                next = at.into();
            }
            let at = Some(next.clone()).filter(|at| !at.is_empty())?;
            advance(&mut next);
            Some((at, value))
        })
        .collect()
}

/// One further in the innermost array. Nothing follows the greatest index.
fn advance(next: &mut Indices) {
    match next.last_mut().map(|last| (last.checked_add(1), last)) {
        Some((Some(further), last)) => *last = further,
        _ => next.clear(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::payload::Kind;

    fn list(values: &[(&[u32], Kind, &str)]) -> String {
        let mut list = List::new();
        values.iter().for_each(|(at, kind, text)| list.put(at, Value { kind: *kind, text }));
        String::from_utf8(list.finish().to_vec()).unwrap()
    }

    /// As they are read: places, and values as JSON.
    fn read(list: &str) -> Option<Vec<(Vec<u32>, String)>> {
        let elements = elements(list.as_bytes())?;
        Some(elements.into_iter().map(|(at, value)| (at.to_vec(), value.get().to_owned())).collect())
    }

    #[test]
    fn a_value_in_the_next_place_stands_alone() {
        use Kind::{Integer, Null, String};
        assert_eq!(list(&[]), "[]");
        assert_eq!(
            list(&[(&[0], String, "a"), (&[1], String, "b"), (&[2], Null, "")]),
            r#"[[[0],"a"],"b",null]"#
        );
        let nested: [(&[u32], _, _); 5] = [
            (&[0, 0], String, "a"),
            (&[0, 1], String, "["),
            (&[1, 0], String, "c"),
            (&[1, 1], String, "d"),
            (&[1, 3], String, "e"),
        ];
        assert_eq!(list(&nested), r#"[[[0,0],"a"],"[",[[1,0],"c"],"d",[[1,3],"e"]]"#);
        let end: [(&[u32], _, _); 2] = [(&[u32::MAX], Integer, "-7"), (&[0], Integer, "7")];
        assert_eq!(list(&end), "[[[4294967295],-7],[[0],7]]");
    }

    #[test]
    fn a_list_with_all_its_indices_is_read_as_well() {
        let places = vec![(vec![0], r#""a""#.to_owned()), (vec![1], r#""b""#.to_owned())];
        assert_eq!(read(r#"[[[0],"a"],[[1],"b"]]"#), Some(places.clone()));
        assert_eq!(read(r#"[[[0],"a"],"b"]"#), Some(places));
        assert_eq!(read("[]"), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_list_is_not_read() {
        for none in [
            r#"["a"]"#,
            "[[[],7]]",
            "[[[4294967295],7],8]",
            "[[[0]]]",
            "[[[0],1,2]]",
            "[[[0],1],]",
            "7",
            "[[[-1],7]]",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn every_value_is_read_in_its_place(
            values in prop::collection::vec(
                (
                    prop::collection::vec(prop_oneof![4 => 0..3_u32, 1 => u32::MAX - 1..=u32::MAX], 1..3),
                    prop_oneof![Just("["), Just("]"), Just(","), Just("\""), Just("null"), Just("[[0],1]"), Just("")],
                    any::<bool>(),
                ),
                0..20,
            )
        ) {
            let kind = |null: &bool| if *null { Kind::Null } else { Kind::String };
            let put: Vec<_> = values.iter().map(|(at, text, null)| (at.as_slice(), kind(null), *text)).collect();
            let spelled = |text: &str, null| {
                if null { "null".to_owned() } else { serde_json::to_string(text).unwrap() }
            };
            let expected = values.iter().map(|(at, text, null)| (at.clone(), spelled(text, *null))).collect();
            prop_assert_eq!(read(&list(&put)), Some(expected));
        }
    }
}
