//! The values that a field has in many places, as JSON: `[indices, value]` for the first, and for each that follows it
//! at the next index (the next row, mostly) the value alone.

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
    /// Where a value stands that stands alone; empty before the first.
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

    /// Adds a value at a place that has at least one index.
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
        if next.as_slice() == at {
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

/// The places and values of a list; `None` where it is none.
pub(super) fn elements(list: &[u8]) -> Option<Vec<(Indices, &[u8])>> {
    let list: Vec<&RawValue> = serde_json::from_slice(list).ok()?;
    let mut next = Indices::new();
    list.into_iter()
        .map(|element| {
            let value = if element.get().starts_with('[') {
                let (at, value): (Vec<u32>, &RawValue) = serde_json::from_str(element.get()).ok()?;
                next = at.into();
                value
            } else {
                element
            };
            // A value alone needs one before it.
            let at = Some(next.clone()).filter(|at| !at.is_empty())?;
            advance(&mut next);
            Some((at, value.get().as_bytes()))
        })
        .collect()
}

/// One further in the innermost array. Behind the last index that there is nothing follows.
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

    #[test]
    fn a_value_in_the_next_place_stands_alone() {
        let text = Kind::String;
        assert_eq!(list(&[]), "[]");
        assert_eq!(
            list(&[(&[0], text, "a"), (&[1], text, "b"), (&[2], Kind::Null, "null")]),
            r#"[[[0],"a"],"b",null]"#
        );
        assert_eq!(
            list(&[
                (&[0, 0], text, "a"),
                (&[0, 1], text, "["),
                (&[1, 0], text, "c"),
                (&[1, 1], text, "d"),
                (&[1, 3], text, "e")
            ]),
            r#"[[[0,0],"a"],"[",[[1,0],"c"],"d",[[1,3],"e"]]"#
        );
        assert_eq!(
            list(&[(&[u32::MAX], Kind::Integer, "-7"), (&[0], Kind::Integer, "7")]),
            "[[[4294967295],-7],[[0],7]]"
        );
    }

    #[test]
    fn a_list_with_all_its_indices_is_read_as_well() {
        let read = |list: &'static str| elements(list.as_bytes()).map(|list| list.len());
        assert_eq!(elements(br#"[[[0],"a"],[[1],"b"]]"#), elements(br#"[[[0],"a"],"b"]"#));
        assert_eq!(read("[]"), Some(0));
        for no_list in
            [r#"["a"]"#, "[[[],7]]", "[[[4294967295],7],8]", r#"[[[0]]]"#, "[[[0],1,2]]", "7", "[[[-1],7]]"]
        {
            assert_eq!(read(no_list), None, "{no_list}");
        }
    }

    proptest! {
        #[test]
        fn every_value_is_read_in_its_place(places in prop::collection::vec(prop::collection::vec(0..3_u32, 1..3), 0..20)) {
            let values: Vec<String> = (0..places.len()).map(|number| number.to_string()).collect();
            let put: Vec<_> =
                places.iter().zip(&values).map(|(at, value)| (at.as_slice(), Kind::Integer, value.as_str())).collect();
            let written = list(&put);
            let read = elements(written.as_bytes()).unwrap();
            let expected: Vec<_> =
                places.iter().zip(&values).map(|(at, value)| (Indices::from_slice(at), value.as_bytes())).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
