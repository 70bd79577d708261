//! What a body holds that nobody declared.

use serde_json::Value;

use crate::payload::{Path, Step};
use crate::plan::Side;

/// Each undeclared member with its place and what it is, in the order of the names; below one, nothing more is listed.
pub(super) fn of(side: &Side, body: &[u8]) -> Vec<(String, &'static str)> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let all: Vec<&[Step]> = side.fields.iter().map(|field| field.path.steps()).collect();
    let mut found = Vec::new();
    look(&body, &all, String::new(), &mut found);
    found
}

/// `below` holds what is left of the paths that lead here.
fn look(value: &Value, below: &[&[Step]], at: String, found: &mut Vec<(String, &'static str)>) {
    let after = |is: &dyn Fn(&Step) -> bool| -> Vec<&[Step]> {
        let on_the_way = below.iter().filter_map(|steps| steps.split_first());
        on_the_way.filter(|(step, _)| is(step)).map(|(_, rest)| rest).collect()
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let here = format!("{at}{}", member(name, at.is_empty()));
                let rest = after(&|step| matches!(step, Step::Member(declared) if **declared == **name));
                if rest.is_empty() {
                    found.push((here, kind(value)));
                } else {
                    look(value, &rest, here, found);
                }
            }
        }
        Value::Array(elements) => {
            let rest = after(&|step| *step == Step::Every);
            // An array where none is declared is of another shape, which the walk tells.
            if !rest.is_empty() {
                for (index, value) in elements.iter().enumerate() {
                    look(value, &rest, format!("{at}[{index}]"), found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A member's name as a step of a place, spelled as policies spell it.
fn member(name: &str, first: bool) -> String {
    let bare =
        Path::parse(name).is_ok_and(|path| matches!(path.steps(), [Step::Member(only)] if **only == *name));
    match (bare, first) {
        (true, true) => name.to_owned(),
        (true, false) => format!(".{name}"),
        (false, _) => format!("['{}']", name.escape_default()),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
