//! What a JSON Schema says of a single value, in a policy's words.

use serde_json::{Map, Value};

use crate::check::{Check, Format, Length, Range, RuleKind, Rules};

type Part = Map<String, Value>;

/// Most values of a `one_of`.
const CHOICES: usize = 200;
/// Most bytes of a file, where the description names no bound.
const MOST_OF_A_FILE: u64 = 5 << 20;

/// The one type of what these parts describe; several are written with commas.
pub(super) fn kind(parts: &[&Part]) -> Option<String> {
    let mut kinds: Vec<&str> = Vec::new();
    for part in parts {
        match part.get("type") {
            Some(Value::String(kind)) => kinds.push(kind),
            Some(Value::Array(several)) => kinds.extend(several.iter().filter_map(Value::as_str)),
            _ => {}
        }
    }
    if kinds.iter().any(|kind| *kind != "null") {
        kinds.retain(|kind| *kind != "null");
    }
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        // 1 is a number too.
        ["integer", "number"] => return Some(if parts.len() > 1 { "integer" } else { "number" }.into()),
        [] => {}
        kinds => return Some(kinds.join(", ")),
    }
    let mut implied: Vec<&str> = choices(parts).into_iter().flatten().filter_map(of_value).collect();
    implied.sort_unstable();
    implied.dedup();
    match implied.as_slice() {
        [kind] => Some((*kind).to_owned()),
        ["integer", "number"] => Some("number".into()),
        _ => None,
    }
}

fn of_value(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a schema's own words let null stand.
pub(super) fn may_be_null(part: &Part) -> bool {
    let null =
        |key: &str| part.get(key).and_then(Value::as_array).is_some_and(|list| list.contains(&Value::Null));
    let listed = part.get("type").and_then(Value::as_array);
    null("enum") || listed.is_some_and(|kinds| kinds.iter().any(|kind| kind.as_str() == Some("null")))
}

/// The values that every list of these parts lets stand, but null; `None` where there is no list. One that lets only null stand says
/// nothing of the others.
fn choices<'p>(parts: &[&'p Part]) -> Option<Vec<&'p Value>> {
    let listed =
        parts.iter().filter_map(|part| part.get("enum")?.as_array()).map(|list| list.iter().collect());
    let fixed = parts.iter().filter_map(|part| part.get("const")).map(|value| vec![value]);
    let lists = listed.chain(fixed).map(|mut list: Vec<&Value>| {
        list.retain(|value| !value.is_null());
        list
    });
    lists.filter(|list| !list.is_empty()).reduce(|mut common, list| {
        common.retain(|value| list.iter().any(|other| same(value, other)));
        common
    })
}

/// Whether two values are one: 1 is 1.0.
fn same(one: &Value, other: &Value) -> bool {
    one == other || one.is_number() && one.as_f64().is_some_and(|number| Some(number) == other.as_f64())
}

/// The rules, and what of the schema they leave to the API.
///
/// # Errors
/// Why the value cannot be declared.
pub(super) fn rules(parts: &[&Part], nullable: bool, files: bool) -> Result<(Rules, Vec<String>), String> {
    let kind =
        kind(parts).and_then(|kind| RuleKind::parse(&kind)).ok_or("its type is none that a field has")?;
    let mut rules = Rules { kind: Some(kind), nullable, ..Rules::default() };
    let mut because = Vec::new();
    let text = |key: &str| parts.iter().find_map(|part| part.get(key)?.as_str());
    let number = |key: &str| parts.iter().find_map(|part| part.get(key)?.as_u64());
    let bytes = text("format") == Some("binary") || text("contentMediaType").is_some();
    if files && kind == RuleKind::String && bytes {
        let file = Rules {
            kind: Some(RuleKind::File),
            length: Some(Length { min: 0, max: Some(MOST_OF_A_FILE) }),
            ..Rules::default()
        };
        return Ok((file, vec!["a file; how long it may be is ours".to_owned()]));
    }
    if kind == RuleKind::String {
        if matches!(text("format"), Some("binary" | "byte")) || text("contentEncoding").is_some() {
            because.push("bytes, written as text".to_owned());
        }
        rules.format = text("format").and_then(format);
        if number("minLength").is_some() || number("maxLength").is_some() {
            rules.length = Some(Length { min: number("minLength").unwrap_or(0), max: number("maxLength") });
        }
    }
    if matches!(kind, RuleKind::Integer | RuleKind::Number) {
        rules.range = range(parts, kind);
    }
    let mut one_of: Vec<String> = Vec::new();
    let listed = choices(parts);
    let nothing_fits = listed.as_ref().is_some_and(Vec::is_empty);
    for value in listed.into_iter().flatten() {
        if one_of.len() == CHOICES {
            one_of.clear();
            because.push(format!("it has more than {CHOICES} values, which are not listed"));
            break;
        }
        let spelled = match (value, kind) {
            (Value::String(value), RuleKind::String) => value.clone(),
            (Value::Number(value), RuleKind::Integer | RuleKind::Number) => value.to_string(),
            (Value::Bool(value), RuleKind::Boolean) => value.to_string(),
            _ => return Err("it lists values of several types".into()),
        };
        if !one_of.contains(&spelled) {
            one_of.push(spelled);
        }
    }
    rules.one_of = one_of;
    if let Some(pattern) = text("pattern").filter(|_| kind == RuleKind::String) {
        rules.pattern = Some(whole(pattern));
        if Check::compile(&rules).is_err() {
            rules.pattern = None;
            because.push("its pattern is not one that runs in linear time: the API alone checks it".into());
        }
    }
    if !nothing_fits && Check::compile(&rules).is_ok() {
        return Ok((rules, because));
    }
    // Rules that contradict each other: the type alone is left.
    because.push("its rules contradict each other: the API alone checks them".into());
    let rules = Rules { kind: Some(kind), nullable, ..Rules::default() };
    Ok((rules, because))
}

/// A policy's format of the same meaning.
pub(super) fn format(word: &str) -> Option<Format> {
    match word {
        "idn-email" => Some(Format::Email),
        "url" => Some(Format::Uri),
        "ip" => None,
        "uuid4" | "uuid1" | "uuid3" | "uuid5" => Some(Format::Uuid),
        word => Format::parse(word),
    }
}

/// A schema's pattern is searched for, a policy's matches the whole value.
fn whole(pattern: &str) -> String {
    let inner = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    match inner {
        Some(inner) if !inner.contains('|') && !inner.ends_with('\\') => inner.to_owned(),
        _ => format!("(?s:.*)(?:{pattern})(?s:.*)"),
    }
}

/// Both ends included. An excluded end of an integer is the next one; of a number it is included here, and the API
/// alone excludes it.
fn range(parts: &[&Part], kind: RuleKind) -> Option<Range> {
    let end = |included: &str, excluded: &str, step: i64| {
        parts.iter().find_map(|part| {
            let (bound, out) = match (part.get(included), part.get(excluded)) {
                (bound @ Some(Value::Number(_)), Some(Value::Bool(out))) => (bound, *out),
                (None, bound @ Some(Value::Number(_))) => (bound, true),
                (bound, _) => (bound, false),
            };
            let Value::Number(bound) = bound? else { return None };
            Some(match (kind, bound.as_i64().or_else(|| whole_number(bound.as_f64()?))) {
                (RuleKind::Integer, Some(whole)) if out => whole.saturating_add(step).to_string(),
                (_, Some(whole)) => whole.to_string(),
                _ => bound.to_string(),
            })
        })
    };
    let range =
        Range { min: end("minimum", "exclusiveMinimum", 1), max: end("maximum", "exclusiveMaximum", -1) };
    (range != Range::default()).then_some(range)
}

/// 0.0 is written 0.
fn whole_number(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(schema: &Value) -> Rules {
        rules(&[schema.as_object().unwrap()], false, false).unwrap().0
    }

    #[test]
    fn words_of_a_schema_become_words_of_a_policy() {
        let text = of(&json!({ "type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[a-z]+$" }));
        assert_eq!(text.length, Some(Length { min: 1, max: Some(9) }));
        assert_eq!(text.pattern.as_deref(), Some("[a-z]+"));
        assert_eq!(of(&json!({ "type": "string", "format": "email" })).format, Some(Format::Email));
        let range = |schema| of(&schema).range.map(|range| (range.min, range.max)).unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            range(json!({ "type": "integer", "minimum": 0, "exclusiveMaximum": 131 })),
            (text("0"), text("130"))
        );
        assert_eq!(
            range(json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true })),
            (text("1"), None)
        );
        assert_eq!(
            range(json!({ "type": "number", "minimum": 0.0, "maximum": 1.5 })),
            (text("0"), text("1.5"))
        );
        assert_eq!(of(&json!({ "enum": ["a", "b", null] })).one_of, ["a", "b"]);
        assert_eq!(of(&json!({ "const": 3 })).kind, Some(RuleKind::Integer));
    }

    #[test]
    fn a_pattern_is_searched_for_and_one_without_linear_time_is_dropped() {
        let searched = of(&json!({ "type": "string", "pattern": "^a|b$" })).pattern.unwrap();
        let check = Check::compile(&Rules { pattern: Some(searched), ..Rules::default() }).unwrap();
        for (text, fits) in [("axx", true), ("xxb", true), ("xax", false)] {
            let value = crate::payload::Value { kind: crate::payload::Kind::String, text };
            assert_eq!(check.run(value).is_ok(), fits, "{text}");
        }
        let schema = json!({ "type": "string", "pattern": "(?=a)b\\1" });
        let (rules, because) = rules(&[schema.as_object().unwrap()], false, false).unwrap();
        assert_eq!(rules.pattern, None);
        assert!(because[0].contains("linear"), "{because:?}");
    }

    #[test]
    fn of_several_lists_what_all_of_them_have_is_left() {
        let of = |parts: &[Value]| {
            let parts: Vec<&Part> = parts.iter().map(|part| part.as_object().unwrap()).collect();
            rules(&parts, false, false).unwrap()
        };
        let list = |values: Value| json!({ "type": "string", "enum": values });
        let both = [list(json!(["a", "b", "c"])), json!({ "enum": ["c", "d", "b", null] })];
        assert_eq!(of(&both).0.one_of, ["b", "c"]);
        assert_eq!(of(&[list(json!(["a", "b"])), json!({ "const": "b" })]).0.one_of, ["b"]);
        // What no value fits is the API's own to check, and that is said.
        let (rules, because) = of(&[list(json!(["a"])), list(json!(["b"]))]);
        assert_eq!(rules, Rules { kind: Some(RuleKind::String), ..Rules::default() });
        assert!(because.iter().any(|because| because.contains("contradict each other")), "{because:?}");
        // 1 is 1.0, and a list of several types is one of what is left of it.
        assert_eq!(of(&[json!({ "enum": [1, 2, "x"] }), json!({ "enum": [1.0, 3] })]).0.one_of, ["1"]);
        assert_eq!(of(&[list(json!(["a"])), json!({ "enum": [null] })]).0.one_of, ["a"]);
        let long: Vec<String> = (0..300).map(|number| number.to_string()).collect();
        assert_eq!(of(&[list(json!(long)), list(json!(["7", "x"]))]).0.one_of, ["7"]);
    }

    #[test]
    fn rules_that_contradict_leave_the_type() {
        let schema = json!({ "type": "integer", "minimum": 9, "maximum": 1 });
        assert_eq!(of(&schema), Rules { kind: Some(RuleKind::Integer), ..Rules::default() });
        let schema = json!({ "enum": ["a", 1] });
        assert!(rules(&[schema.as_object().unwrap()], false, false).is_err());
    }
}
