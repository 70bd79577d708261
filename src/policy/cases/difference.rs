//! What a case expected beside what came, field by field, and which fields it looked at.

use std::fmt;

use serde_json::Value;

use super::Expected;
use crate::payload::Step;

/// One place of a value: what was expected there, and what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The place: `customer.tags[0]`, empty for the value as a whole.
    pub at: String,
    /// What was expected.
    pub expected: String,
    /// What is there.
    pub got: String,
    /// Whether the two agree.
    pub agrees: bool,
}

/// What stands for a value that is not there.
const NOTHING: &str = "nothing";

impl Expected {
    /// Every place that one of the two names, in the order of the case, then of the value. An object that is expected
    /// beside one that came is taken apart, as is a list; anything else is one place.
    pub fn differences(&self, got: Option<&Value>) -> Vec<Difference> {
        let mut all = Vec::new();
        self.compare(String::new(), got, &mut all);
        all
    }

    /// Whether a case that expects this would fail, were another value at the place than is. `any` looks at nothing; an
    /// object looks at every member, also at those that it does not name: they must not be there.
    pub fn looks_at(&self, steps: &[Step]) -> bool {
        match (self, steps.split_first()) {
            (Self::Any, _) => false,
            (Self::Members(members), Some((Step::Member(name), rest))) => {
                let member = members.iter().find(|(member, _)| **member == **name);
                member.is_none_or(|(_, expected)| expected.looks_at(rest))
            }
            (Self::Elements(elements), Some((Step::Every, rest))) => {
                elements.iter().any(|expected| expected.looks_at(rest))
            }
            (Self::Members(members), None) => members.iter().all(|(_, expected)| expected.looks_at(&[])),
            (Self::Elements(elements), None) => elements.iter().all(|expected| expected.looks_at(&[])),
            _ => true,
        }
    }

    /// What to say where one of the words is expected as a text, and something else came: it was hardly meant so.
    pub fn word_as_text(&self) -> Option<String> {
        match self {
            Self::Exactly(Value::String(text)) => match text.as_str() {
                NOTHING => Some(
                    "The case expects the text \"nothing\". That no call comes is `upstream_sees: nothing`, that a value is \
                     not there `absent`, both without quotes."
                        .to_owned(),
                ),
                word @ ("any" | "absent") => {
                    Some(format!("The case expects the text \"{word}\": as a word it stands without quotes."))
                }
                _ => None,
            },
            Self::Members(members) => members.iter().find_map(|(_, expected)| expected.word_as_text()),
            Self::Elements(elements) => elements.iter().find_map(Self::word_as_text),
            Self::Exactly(_) | Self::Matches(_) | Self::Any | Self::Absent => None,
        }
    }

    fn compare(&self, at: String, got: Option<&Value>, all: &mut Vec<Difference>) {
        match (self, got) {
            (Self::Members(members), Some(Value::Object(object))) if !members.is_empty() => {
                for (name, expected) in members {
                    expected.compare(member(&at, name), object.get(name), all);
                }
                for (name, value) in object.iter().filter(|(name, _)| !names(members, name)) {
                    all.push(Difference {
                        at: member(&at, name),
                        expected: NOTHING.into(),
                        got: value.to_string(),
                        agrees: false,
                    });
                }
            }
            (Self::Elements(elements), Some(Value::Array(array))) if !elements.is_empty() => {
                for (index, expected) in elements.iter().enumerate() {
                    expected.compare(format!("{at}[{index}]"), array.get(index), all);
                }
                for (index, value) in array.iter().enumerate().skip(elements.len()) {
                    all.push(Difference {
                        at: format!("{at}[{index}]"),
                        expected: NOTHING.into(),
                        got: value.to_string(),
                        agrees: false,
                    });
                }
            }
            // Nothing came of what should have been several members: each is named.
            (Self::Members(members), None) if at.is_empty() => {
                for (name, expected) in members {
                    expected.compare(member(&at, name), None, all);
                }
            }
            _ => all.push(Difference {
                at,
                expected: self.to_string(),
                got: got.map_or_else(|| NOTHING.to_owned(), Value::to_string),
                agrees: self.accepts(got),
            }),
        }
    }
}

/// What came where nothing should have, member by member.
pub fn unexpected(got: &Value) -> Vec<Difference> {
    let one = |at: String, value: &Value| Difference {
        at,
        expected: NOTHING.into(),
        got: value.to_string(),
        agrees: false,
    };
    match got {
        Value::Object(object) if !object.is_empty() => {
            object.iter().map(|(name, value)| one(name.clone(), value)).collect()
        }
        value => vec![one(String::new(), value)],
    }
}

fn names(members: &[(String, Expected)], name: &str) -> bool {
    members.iter().any(|(member, _)| member == name)
}

fn member(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// In a few words: `30`, `like ^p1_`, `anything`.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(value) => write!(f, "{value}"),
            Self::Matches(pattern) => write!(f, "like {pattern}"),
            Self::Any => f.write_str("anything"),
            Self::Absent => f.write_str(NOTHING),
            Self::Members(members) => {
                f.write_str("{")?;
                for (index, (name, expected)) in members.iter().enumerate() {
                    write!(f, "{}{name:?}: {expected}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
            Self::Elements(elements) => {
                f.write_str("[")?;
                for (index, expected) in elements.iter().enumerate() {
                    write!(f, "{}{expected}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde_json::json;

    use super::*;
    use crate::payload::Path;

    fn members(members: Vec<(&str, Expected)>) -> Expected {
        Expected::Members(members.into_iter().map(|(name, expected)| (name.into(), expected)).collect())
    }

    fn expected() -> Expected {
        members(vec![
            ("email", Expected::Matches(Regex::new("^p1_").unwrap())),
            ("age", Expected::Exactly(30.into())),
            ("name", Expected::Absent),
            ("customer", members(vec![("zip", Expected::Exactly("75".into())), ("note", Expected::Any)])),
            ("tags", Expected::Elements(vec![Expected::Exactly("a".into())])),
        ])
    }

    #[test]
    fn places_are_compared_one_by_one() {
        let got = json!({ "email": "p1_x", "age": 36, "customer": { "zip": "75", "more": 1 }, "tags": ["a", "b"], "x": null });
        let lines: Vec<String> = expected()
            .differences(Some(&got))
            .iter()
            .map(|one| format!("{} | {} | {} | {}", one.at, one.expected, one.got, one.agrees))
            .collect();
        assert_eq!(
            lines,
            [
                "email | like ^p1_ | \"p1_x\" | true",
                "age | 30 | 36 | false",
                "name | nothing | nothing | true",
                "customer.zip | \"75\" | \"75\" | true",
                "customer.note | anything | nothing | false",
                "customer.more | nothing | 1 | false",
                "tags[0] | \"a\" | \"a\" | true",
                "tags[1] | nothing | \"b\" | false",
                "x | nothing | null | false",
            ]
        );
    }

    #[test]
    fn what_agrees_has_no_difference_and_what_does_not_has_one() {
        let good =
            json!({ "email": "p1_x", "age": 30, "customer": { "zip": "75", "note": 1 }, "tags": ["a"] });
        for (got, agrees) in
            [(Some(good.clone()), true), (Some(json!({})), false), (Some(json!([])), false), (None, false)]
        {
            let expected = expected();
            assert_eq!(expected.accepts(got.as_ref()), agrees);
            assert_eq!(expected.differences(got.as_ref()).iter().all(|one| one.agrees), agrees, "{got:?}");
        }
        let empty = members(vec![]);
        for got in [json!({}), json!({ "a": 1 })] {
            let agrees = empty.differences(Some(&got)).iter().all(|one| one.agrees);
            assert_eq!(empty.accepts(Some(&got)), agrees);
        }
    }

    #[test]
    fn a_word_that_is_expected_as_a_text_is_told() {
        let text = |text: &str| Expected::Exactly(text.into());
        for (word, says) in
            [("nothing", "`upstream_sees: nothing`"), ("any", "without quotes"), ("absent", "without quotes")]
        {
            assert!(text(word).word_as_text().unwrap().contains(says), "{word}");
            assert!(members(vec![("a", text(word))]).word_as_text().is_some(), "{word}");
            assert!(Expected::Elements(vec![text("x"), text(word)]).word_as_text().is_some(), "{word}");
        }
        assert_eq!(expected().word_as_text(), None);
    }

    #[test]
    fn any_looks_at_nothing_and_an_object_at_all_its_members() {
        let expected = expected();
        let looks = |path: &str| expected.looks_at(Path::parse(path).unwrap().steps());
        for path in ["email", "age", "name", "unnamed", "customer.zip", "customer.unnamed", "tags[*]"] {
            assert!(looks(path), "{path}");
        }
        assert!(!looks("customer.note"));
        assert!(!looks("customer"), "a part of it may be anything");
        assert!(!Expected::Any.looks_at(&[]));
    }
}
