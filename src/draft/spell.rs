//! Rules and actions as a policy writes them.

use super::yaml;
use crate::action::{DateTo, Generalize, Spec};
use crate::check::{RuleKind, Rules};

/// The words for what a value must be.
pub(super) fn rule_words(rules: &Rules) -> Vec<String> {
    let Rules { kind, length, range, one_of, pattern, format, nullable, sanitize: _, refuse: _, media } =
        rules;
    let mut words: Vec<String> = kind.iter().map(|kind| format!("type: {}", kind.word())).collect();
    if let Some(length) = length {
        const MIB: u64 = 1 << 20;
        let most = match length.max {
            Some(most) if *kind == Some(RuleKind::File) && most % MIB == 0 => format!("{}MiB", most / MIB),
            most => most.map(|most| most.to_string()).unwrap_or_default(),
        };
        words.push(format!("length: {}..{most}", length.min));
    }
    if let Some(range) = range {
        let end = |end: &Option<String>| end.clone().unwrap_or_default();
        words.push(format!("range: {}..{}", end(&range.min), end(&range.max)));
    }
    if !one_of.is_empty() {
        let text = *kind == Some(RuleKind::String);
        let values: Vec<String> =
            one_of.iter().map(|value| if text { yaml::scalar(value) } else { value.clone() }).collect();
        // Pieces of the list, so that a line can be broken between them.
        let last = values.len().saturating_sub(1);
        words.extend(values.iter().enumerate().map(|(at, value)| {
            let (open, close) = (if at == 0 { "one_of: [" } else { "" }, if at == last { "]" } else { "" });
            format!("{open}{value}{close}")
        }));
    }
    words.extend(pattern.iter().map(|pattern| format!("pattern: {}", yaml::quoted(pattern))));
    words.extend(format.iter().map(|format| format!("format: {}", format.word())));
    if *nullable {
        words.push("nullable: true".into());
    }
    if !media.is_empty() {
        words.push(format!("media: [{}]", media.join(", ")));
    }
    words
}

/// As a policy writes what is done to a value.
pub(super) fn action(spec: &Spec) -> String {
    match spec {
        Spec::Redact(text) => format!("{{ redact: {} }}", yaml::quoted(text)),
        Spec::Mask { keep_last } => format!("{{ mask: {{ keep_last: {keep_last} }} }}"),
        Spec::Pseudonymize { as_integer: true } => "{ pseudonymize: { as: integer } }".into(),
        Spec::Encrypt { key } => format!("{{ encrypt: {{ key: {} }} }}", yaml::scalar(key)),
        Spec::Generalize(Generalize::BandsOf { width, label }) => {
            let label = if *label { ", as: label" } else { "" };
            format!("{{ generalize: {{ bands_of: {width}{label} }} }}")
        }
        Spec::Generalize(Generalize::DateTo(DateTo::Year)) => "{ generalize: { date_to: year } }".into(),
        Spec::Generalize(Generalize::DateTo(DateTo::Month)) => "{ generalize: { date_to: month } }".into(),
        Spec::Generalize(Generalize::Prefix(count)) => format!("{{ generalize: {{ prefix: {count} }} }}"),
        Spec::Detect(detect) => format!("{{ detect: {{ {detect} }} }}"),
        Spec::Unchanged
        | Spec::LeaveOut
        | Spec::RefuseIfPresent
        | Spec::Pseudonymize { as_integer: false } => spec.word().into(),
    }
}
