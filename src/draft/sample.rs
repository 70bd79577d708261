//! A value that a field's rules let through, for drafted cases and for what cases do not say: the description's own example
//! where it fits, else one made up.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Number, Value};

use crate::check::{Check, Format, RuleKind, Rules};
use crate::payload::{self, Kind, Path, Step};

/// A value that passes and is nobody's: the least of its form.
pub(super) fn placeholder(rules: &Rules) -> Option<Value> {
    passing(rules, candidates(rules, rules.kind?, None, 0))
}

/// A value that passes, or `None` where none comes to mind.
pub(crate) fn sample(rules: &Rules, category: Option<&str>, example: Option<&Value>) -> Option<Value> {
    let kind = rules.kind?;
    let given = example.filter(|value| !value.is_null()).and_then(|value| spelled(value, kind));
    passing(rules, given.into_iter().chain(candidates(rules, kind, category, 1)))
}

fn passing(rules: &Rules, texts: impl IntoIterator<Item = String>) -> Option<Value> {
    let check = Check::compile(rules).ok()?;
    let kind = rules.kind?;
    texts.into_iter().find_map(|text| {
        check.run(payload::Value { kind: spelled_kind(&text, kind), text: &text }).ok()?;
        value(&text, kind)
    })
}

/// The text of a value of this type, as the walker hands it over.
pub(super) fn spelled(value: &Value, kind: RuleKind) -> Option<String> {
    match (value, kind) {
        (Value::String(text), RuleKind::String) => Some(text.clone()),
        (Value::Number(number), RuleKind::Integer | RuleKind::Number) => Some(number.to_string()),
        (Value::Bool(truth), RuleKind::Boolean) => Some(truth.to_string()),
        _ => None,
    }
}

/// What the walker takes such a text for.
pub(super) fn spelled_kind(text: &str, kind: RuleKind) -> Kind {
    match kind {
        RuleKind::Number | RuleKind::Integer if !text.contains(['.', 'e', 'E']) => Kind::Integer,
        kind => kind.kind(),
    }
}

/// A text as the JSON value that it spells.
pub(super) fn value(text: &str, kind: RuleKind) -> Option<Value> {
    match kind {
        RuleKind::String => Some(text.into()),
        RuleKind::Boolean => text.parse().ok().map(Value::Bool),
        // No JSON value is a file.
        RuleKind::File => None,
        RuleKind::Integer | RuleKind::Number => serde_json::from_str::<Number>(text).ok().map(Value::Number),
    }
}

/// `nth` says which of the characters that a pattern lets stand is written: the first, or another where there is one.
fn candidates(rules: &Rules, kind: RuleKind, category: Option<&str>, nth: usize) -> Vec<String> {
    let mut texts: Vec<String> = rules.one_of.iter().take(1).cloned().collect();
    if kind != RuleKind::String {
        let ends = rules.range.iter().flat_map(|range| [&range.min, &range.max]).flatten().cloned();
        let known = category == Some("pd:Age");
        texts.extend(known.then(|| "36".to_owned()));
        texts.extend(["1", "0.5", "50", "true"].map(str::to_owned));
        texts.extend(ends);
        texts.push("0".into());
        return texts;
    }
    texts.extend(rules.format.map(of_format).map(str::to_owned));
    texts.extend(category.and_then(of_category).map(str::to_owned));
    if let Some(pattern) = &rules.pattern
        && let Ok(hir) = regex_syntax::parse(pattern)
    {
        let mut text = String::new();
        if write(&hir, &mut text, 0, nth).is_some() {
            texts.push(text);
        }
    }
    texts.push("text".into());
    if let Some(length) = rules.length {
        let fits = |length: u64| usize::try_from(length).ok().filter(|length| *length <= 4096);
        texts.extend(fits(length.min).map(|length| "text".chars().cycle().take(length).collect::<String>()));
        texts.extend(length.max.and_then(fits).map(|length| "text".chars().take(length).collect()));
    }
    texts
}

fn of_format(format: Format) -> &'static str {
    match format {
        Format::Email => "ada@example.org",
        Format::Date => "1990-12-10",
        Format::DateTime => "2026-01-15T10:30:00Z",
        Format::Time => "10:30:00Z",
        Format::Uuid => "f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
        Format::Uri => "https://example.org/",
        Format::Ipv4 => "192.0.2.1",
        Format::Ipv6 => "2001:db8::1",
        Format::Hostname => "example.org",
        Format::Phone => "+33123456789",
    }
}

fn of_category(category: &str) -> Option<&'static str> {
    Some(match category {
        "pd:Name" => "Ada King",
        "pd:Username" => "ada",
        "pd:TelephoneNumber" => "+33123456789",
        "pd:PhysicalAddress" => "1 rue de l'Exemple",
        "pd:PostalCode" => "75001",
        "pd:City" => "Paris",
        "pd:Country" => "FR",
        "pd:Identifier" => "4711",
        "pd:BankAccount" => "DE02120300000000202051",
        "pd:BirthDate" => "1990-12-10",
        "pd:IPAddress" => "192.0.2.1",
        _ => return None,
    })
}

/// A short text that a pattern matches; look-around is left to the check.
fn write(hir: &Hir, out: &mut String, depth: u32, nth: usize) -> Option<()> {
    const DEPTH: u32 = 50;
    const LONGEST: usize = 4096;
    if depth > DEPTH || out.len() > LONGEST {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges: Vec<_> = class.ranges().iter().map(|range| (range.start(), range.end())).collect();
            let within = |c: &char| ranges.iter().any(|(start, end)| (start..=end).contains(&c));
            let signs = || ('a'..='z').chain('A'..='Z').chain('0'..='9').filter(within);
            let good = signs().nth(nth).or_else(|| signs().next());
            out.push(good.or_else(|| ranges.first().map(|(start, _)| *start))?);
        }
        HirKind::Class(Class::Bytes(class)) => {
            let byte = class.ranges().iter().map(|range| range.start()).find(u8::is_ascii)?;
            out.push(char::from(byte));
        }
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                let before = out.len();
                write(&repetition.sub, out, depth + 1, nth)?;
                // What writes nothing once never does.
                if out.len() == before {
                    break;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, out, depth + 1, nth)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, out, depth + 1, nth)?;
            }
        }
        HirKind::Alternation(parts) => write(parts.first()?, out, depth + 1, nth)?,
    }
    Some(())
}

/// Puts a value at a path, with arrays of one element. `None` where something else stands in the way.
pub(crate) fn put(body: &mut Value, path: &Path, value: Value) -> Option<()> {
    let mut place = body;
    for step in path.steps() {
        place = match step {
            Step::Member(name) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                place.as_object_mut()?.entry(name.as_ref()).or_insert(Value::Null)
            }
            Step::Every => {
                if place.is_null() {
                    *place = Value::Array(vec![Value::Null]);
                }
                place.as_array_mut()?.first_mut()?
            }
        };
    }
    *place = value;
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::{Length, Range};

    fn rules(kind: RuleKind) -> Rules {
        Rules { kind: Some(kind), ..Rules::default() }
    }

    #[test]
    fn a_sample_passes_the_rules_that_it_is_made_for() {
        let text = rules(RuleKind::String);
        assert_eq!(sample(&text, Some("pd:Name"), None), Some(json!("Ada King")));
        assert_eq!(sample(&text, None, Some(&json!("own"))), Some(json!("own")));
        assert_eq!(sample(&text, None, Some(&json!(3))), Some(json!("text")));
        let long = Rules { length: Some(Length { min: 9, max: Some(9) }), ..text.clone() };
        assert_eq!(sample(&long, None, None), Some(json!("texttextt")));
        for pattern in ["[A-Z]{2}[0-9]{6}", "(?s:.*)(?:^x|y$)(?s:.*)", "[^a-z]+", r"\d{3}-\d{2}", "(a|b)*c?"]
        {
            let rules = Rules { pattern: Some(pattern.into()), ..text.clone() };
            assert!(sample(&rules, None, None).is_some(), "{pattern}");
        }
        let range = |min: &str, max: &str| Some(Range { min: Some(min.into()), max: Some(max.into()) });
        for (kind, min, max) in [(RuleKind::Integer, "1000", "2000"), (RuleKind::Number, "-7.5", "-7.25")] {
            let rules = Rules { range: range(min, max), ..rules(kind) };
            assert!(sample(&rules, None, None).is_some(), "{min}");
        }
        for format in Format::ALL {
            let rules = Rules { format: Some(*format), ..text.clone() };
            assert!(sample(&rules, None, None).is_some(), "{}", format.word());
        }
        let never = Rules { pattern: Some("a\\bb".into()), ..text };
        assert_eq!(sample(&never, None, None), None);
    }

    #[test]
    fn values_are_put_where_their_paths_lead() {
        let mut body = Value::Null;
        for (path, value) in [("a.b", json!(1)), ("a.c[*].d", json!("x")), ("a.c[*].e", json!(true))] {
            put(&mut body, &Path::parse(path).unwrap(), value).unwrap();
        }
        assert_eq!(body, json!({ "a": { "b": 1, "c": [{ "d": "x", "e": true }] } }));
        assert_eq!(put(&mut body, &Path::parse("a.b.c").unwrap(), json!(1)), None);
    }
}
