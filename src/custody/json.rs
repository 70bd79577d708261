//! The plaintext of a kept field, and the object that the fields of a record make again. It is written here, and not by
//! a JSON library, so that numbers keep their spelling and every buffer is wiped.

use zeroize::Zeroizing;

use super::list::{elements, is_list};
use crate::payload::json::quote;
use crate::payload::{Kind, Path, Step, Value};

/// Writes a scalar as JSON.
pub(super) fn scalar(value: Value<'_>, out: &mut Vec<u8>) {
    match value.kind {
        Kind::String | Kind::File | Kind::Untyped => quote(value.text, out),
        Kind::Integer | Kind::Number | Kind::Boolean => out.extend_from_slice(value.text.as_bytes()),
        // An empty cell has no spelling.
        Kind::Null => out.extend_from_slice(b"null"),
    }
}

/// The object that fields make: their names are paths into it. A name that is no path, and one that stands where
/// another has a value already (a field of the request and one of the answer), becomes a member of its own at the top,
/// under its whole name and, where that is taken too, a number: nothing is lost.
pub(super) fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Zeroizing<Vec<u8>> {
    let mut root = Node::Members(Vec::new());
    for (name, value) in fields {
        let placed = Path::parse(name).is_ok_and(|path| place(&mut root, &path, value));
        if !placed && let Node::Members(members) = &mut root {
            let taken = |name: &str| members.iter().any(|(member, _)| member == name);
            let numbered = || (2_u32..).map(|number| format!("{name} ({number})")).find(|name| !taken(name));
            let free = if taken(name) { numbered().unwrap_or_default() } else { name.to_owned() };
            members.push((free, Node::Leaf(value)));
        }
    }
    let mut out = Zeroizing::new(Vec::with_capacity(256));
    root.write(&mut out);
    out
}

/// What is at a place of the object.
enum Node<'a> {
    /// JSON as it was kept.
    Leaf(&'a [u8]),
    /// An object, in the order in which its members came.
    Members(Vec<(String, Node<'a>)>),
    /// An array: only the elements of which something was kept, in the order of their indices.
    Elements(Vec<(u32, Node<'a>)>),
}

fn place<'a>(root: &mut Node<'a>, path: &Path, value: &'a [u8]) -> bool {
    if !is_list(value) {
        return !path.is_many() && root.put(path.steps(), &[], value);
    }
    let Some(values) = elements(value) else { return false };
    let every = |steps: &[Step]| steps.iter().filter(|step| **step == Step::Every).count();
    let mut steps = path.steps().to_vec();
    if values.first().is_some_and(|(at, _)| at.len() > every(&steps)) {
        // What one person's batch has in each row: the row comes before the indices within it.
        let first = steps.iter().position(|step| *step == Step::Every).unwrap_or(steps.len());
        steps.insert(first, Step::Every);
    }
    // All or nothing would need a second tree; a value whose place is taken is rare, and the rest is right.
    values.iter().all(|(at, value)| root.put(&steps, at, value.get().as_bytes()))
}

impl<'a> Node<'a> {
    /// Puts a value at a place; `false` if something else is there.
    fn put(&mut self, steps: &[Step], at: &[u32], value: &'a [u8]) -> bool {
        let Some((step, further)) = steps.split_first() else { return false };
        let (next, new, at) = match (step, &mut *self) {
            (Step::Member(name), Node::Members(members)) => {
                let known = members.iter().position(|(member, _)| member.as_str() == &**name);
                let new = known.is_none();
                if new {
                    members.push((name.to_string(), Node::fresh(further, value)));
                }
                let place = known.unwrap_or(members.len() - 1);
                (members.get_mut(place).map(|(_, node)| node), new, at)
            }
            (Step::Every, Node::Elements(elements)) => {
                let Some((index, at)) = at.split_first() else { return false };
                let place = elements.binary_search_by_key(index, |(known, _)| *known);
                let new = place.is_err();
                let place = place.unwrap_or_else(|place| {
                    elements.insert(place, (*index, Node::fresh(further, value)));
                    place
                });
                (elements.get_mut(place).map(|(_, node)| node), new, at)
            }
            _ => return false,
        };
        match next {
            Some(_) if further.is_empty() => new,
            Some(next) => next.put(further, at, value),
            None => false,
        }
    }

    /// What a place is at first, by the step that leads on from it.
    fn fresh(further: &[Step], value: &'a [u8]) -> Self {
        match further.first() {
            None => Node::Leaf(value),
            Some(Step::Member(_)) => Node::Members(Vec::new()),
            Some(Step::Every) => Node::Elements(Vec::new()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Node::Leaf(value) => out.extend_from_slice(value),
            Node::Members(members) => {
                out.push(b'{');
                for (number, (name, node)) in members.iter().enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    quote(name, out);
                    out.push(b':');
                    node.write(out);
                }
                out.push(b'}');
            }
            Node::Elements(elements) => {
                out.push(b'[');
                for (number, (_, node)) in elements.iter().enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    node.write(out);
                }
                out.push(b']');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebuilt(fields: &[(&str, &str)]) -> String {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        String::from_utf8(object(fields).to_vec()).unwrap()
    }

    #[test]
    fn names_become_nested_members_and_values_keep_their_spelling() {
        let fields = [("customer.email", r#""a@b""#), ("score", "1.50e+2"), ("customer.age", "36")];
        assert_eq!(rebuilt(&fields), r#"{"customer":{"email":"a@b","age":36},"score":1.50e+2}"#);
        assert_eq!(rebuilt(&[]), "{}");
    }

    #[test]
    fn rows_of_one_persons_batch_are_lists() {
        let fields = [("age", "[[[0],36],[[2],50],null]"), ("tags[*]", r#"[[[0,0],"a"],"b",[[1,0],"c"]]"#)];
        let rows = r#"{"age":[36,50,null],"tags":[["a","b"],["c"]]}"#;
        assert_eq!(rebuilt(&fields), rows);
        // As they were written before.
        let fields = [
            ("age", "[[[0],36],[[2],50],[[3],null]]"),
            ("tags[*]", r#"[[[0,0],"a"],[[0,1],"b"],[[1,0],"c"]]"#),
        ];
        assert_eq!(rebuilt(&fields), rows);
    }

    #[test]
    fn fields_of_one_array_meet_in_its_elements() {
        let fields = [
            ("orders[*].lines[*].sku", r#"[[[0,0],"a"],[[0,1],"b"],[[3,0],"c"]]"#),
            ("orders[*].total", "[[[3],7],[[0],9]]"),
            ("tags[*]", r#"[[[0],"x"],[[1],null]]"#),
        ];
        assert_eq!(
            rebuilt(&fields),
            r#"{"orders":[{"lines":[{"sku":"a"},{"sku":"b"}],"total":9},{"lines":[{"sku":"c"}],"total":7}],"tags":["x",null]}"#
        );
    }

    #[test]
    fn a_name_whose_place_is_taken_is_not_lost() {
        let fields =
            [("age", "36"), ("age", "30"), ("age.exact", "36.5"), ("not a path", "1"), ("x[*]", "no list")];
        assert_eq!(
            rebuilt(&fields[..4]),
            r#"{"age":36,"age (2)":30,"age.exact":36.5,"not a path":1}"#,
            "what was kept twice is shown twice"
        );
        assert_eq!(rebuilt(&fields[4..]), r#"{"x[*]":no list}"#);
    }

    #[test]
    fn what_is_written_is_json_for_any_text() {
        for text in ["", "a\"b\\c", "line\nbreak\ttab\r", "\u{0}\u{1f}\u{7f}é\u{2028}𝄞"] {
            let mut out = Vec::new();
            scalar(Value { kind: Kind::String, text }, &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
