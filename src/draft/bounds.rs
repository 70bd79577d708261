//! What a value must be: the API's rules, and in requests bounds of ours where it has none.

use serde_json::Value;

use super::model::Field;
use super::sample;
use crate::check::{Check, Format, Length, Range, RuleKind, Rules};
use crate::payload;
use crate::policy::categories;

/// The API's rules, and bounds where it has none: a value without any is limited by the body's size alone.
pub(super) fn asked(field: &Field, category: Option<&str>, because: &mut Vec<String>) -> Rules {
    let mut rules = field.rules.clone();
    let open = rules.one_of.is_empty() && rules.pattern.is_none() && rules.format.is_none();
    let before = rules.clone();
    if rules.kind == Some(RuleKind::String) && open && rules.length.is_none() {
        if category == Some("pd:EmailAddress") {
            rules.format = Some(Format::Email);
        } else {
            let most = match category {
                Some("pd:Name" | "pd:City" | "pd:Street" | "pd:Country") => 200,
                Some("pd:Communication") => 10_000,
                _ => 1_000,
            };
            rules.length = Some(Length { min: 0, max: Some(most) });
        }
    }
    let bounded = !rules.one_of.is_empty() || rules.range.as_ref().is_some_and(|range| !beyond_ages(range));
    if category == Some("pd:Age") && rules.kind == Some(RuleKind::Integer) && !bounded {
        rules.range = Some(Range { min: Some("0".into()), max: Some("130".into()) });
    }
    let fits = |example: &Value| {
        let Some((kind, check)) = rules.kind.zip(Check::compile(&rules).ok()) else { return false };
        sample::spelled(example, kind).is_none_or(|text| {
            check.run(payload::Value { kind: sample::spelled_kind(&text, kind), text: &text }).is_ok()
        })
    };
    if rules == before {
        return rules;
    }
    if field.example.as_ref().is_some_and(|example| !fits(example)) {
        return before;
    }
    because.push(
        match (rules.format == before.format, &before.range) {
            (false, _) => "the format is ours: the API names none",
            (true, Some(_)) => "the range is ours: the API's is not one of ages",
            (true, None) if rules.range.is_some() => "the range is ours: the API names none",
            (true, None) => "the length is ours: the API names none",
        }
        .into(),
    );
    rules
}

/// Whether a range says no more than the type of a number does: no age is outside it.
fn beyond_ages(range: &Range) -> bool {
    let beyond = |end: &Option<String>, is: fn(f64) -> bool| {
        end.as_ref().is_none_or(|end| end.parse::<f64>().is_ok_and(is))
    };
    beyond(&range.min, |min| min <= 0.0) && beyond(&range.max, |max| max >= 255.0)
}

/// What an answer must be is what the API says, and no more: a bound of ours would refuse what the API means to say. What
/// was only seen of it bounds nothing.
pub(super) fn answered(field: &Field, category: Option<&str>) -> Rules {
    let own = &field.rules;
    if !field.seen {
        return own.clone();
    }
    let kind = own.kind.map(|kind| if kind == RuleKind::Integer { RuleKind::Number } else { kind });
    let identifies = category.and_then(categories::facts).is_some_and(|facts| facts.identifying);
    Rules { kind: if identifies { own.kind } else { kind }, nullable: own.nullable, ..Rules::default() }
}
