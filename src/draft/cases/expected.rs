//! What must come of a value: exactly, by its form, or something.

use serde_json::Value;

use super::json;
use crate::action::Spec;
use crate::check::RuleKind;
use crate::draft::treat::{Proposal, treated};
use crate::draft::{sample, yaml};
use crate::payload::{Kind, Step};

/// What stands at an expected value.
pub(super) enum Expected {
    Is(Value),
    Pseudonym,
    /// A pseudonym that is a number: with at least so many digits it is not the value that was sent.
    Number(usize),
    Any,
}

/// Beyond this many digits one in a hundred thousand pseudonyms has fewer.
const MOST_DIGITS: usize = 11;

impl Expected {
    /// As a case writes it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Is(value) => json(value),
            Self::Pseudonym => "{ matches: \"^p1_\" }".into(),
            Self::Number(_) | Self::Any => "any".into(),
        }
    }

    /// The same where every value is a text, as in a head.
    pub(super) fn of_text(&self) -> String {
        match self {
            Self::Number(digits) => format!("{{ matches: \"^[0-9]{{{digits},}}$\" }}"),
            other => other.text(),
        }
    }

    /// The same as a part of a pattern, where `other` stands for what cannot be said.
    pub(super) fn pattern(&self, other: &str) -> String {
        match self {
            Self::Is(Value::String(text)) if text.chars().all(|c| c.is_ascii_alphanumeric()) => text.clone(),
            Self::Is(Value::Number(number)) => regex_syntax::escape(&number.to_string()),
            Self::Is(Value::Bool(truth)) => truth.to_string(),
            Self::Pseudonym => "p1_[0-9a-z]+".into(),
            Self::Number(digits) => format!("[0-9]{{{digits},}}"),
            Self::Is(_) | Self::Any => other.into(),
        }
    }
}

/// What the other side gets of a body; `None` where it cannot be said beforehand.
/// `within` is where the body lies in what the paths of the proposals name.
pub(super) fn expected(proposals: &[Proposal], body: &Value, within: &[&str]) -> Option<String> {
    let mut text = String::new();
    let mut steps = within.to_vec();
    if within.is_empty() || !left_out(proposals, &steps, body) {
        write(proposals, body, &mut steps, &mut text)?;
        return Some(text);
    }
    None
}

fn write<'b>(
    proposals: &[Proposal],
    value: &'b Value,
    steps: &mut Vec<&'b str>,
    out: &mut String,
) -> Option<()> {
    match value {
        Value::Object(members) => {
            if members.len() == 1 && members.contains_key("matches") {
                // It would be read as a pattern.
                return None;
            }
            let mut parts = Vec::new();
            for (name, value) in members {
                steps.push(name);
                let mut part = String::new();
                if !left_out(proposals, steps, value) {
                    write(proposals, value, steps, &mut part)?;
                    parts.push(format!("{}: {part}", yaml::scalar(name)));
                }
                steps.pop();
            }
            if parts.is_empty() {
                out.push_str("{}")
            } else {
                out.push_str(&format!("{{ {} }}", parts.join(", ")))
            }
        }
        Value::Array(elements) => {
            let mut parts = Vec::new();
            for element in elements {
                steps.push("[*]");
                let mut part = String::new();
                if left_out(proposals, steps, element) {
                    // An element cannot go without moving the others: what stands there then is the walker's matter.
                    return None;
                }
                write(proposals, element, steps, &mut part)?;
                parts.push(part);
                steps.pop();
            }
            out.push_str(&format!("[{}]", parts.join(", ")));
        }
        scalar => out.push_str(&of_field(find(proposals, steps)?, scalar).text()),
    }
    Some(())
}

fn find<'p>(proposals: &'p [Proposal], steps: &[&str]) -> Option<&'p Proposal> {
    let is = |step: &Step, name: &&str| match step {
        Step::Member(member) => **member == **name,
        Step::Every => *name == "[*]",
    };
    proposals.iter().find(|proposal| {
        let own = proposal.field.path.steps();
        own.len() == steps.len() && own.iter().zip(steps).all(|(step, name)| is(step, name))
    })
}

fn left_out(proposals: &[Proposal], steps: &[&str], value: &Value) -> bool {
    !value.is_object()
        && !value.is_array()
        && find(proposals, steps).is_some_and(|proposal| proposal.outward == Spec::LeaveOut)
}

/// What becomes of a field's value on its way out.
pub(super) fn of_field(proposal: &Proposal, value: &Value) -> Expected {
    match &proposal.outward {
        Spec::Unchanged => Expected::Is(value.clone()),
        Spec::Pseudonymize { as_integer: false } => Expected::Pseudonym,
        Spec::Pseudonymize { as_integer: true } => {
            let sent = sample::spelled(value, RuleKind::Integer).map_or(0, |text| text.len());
            if sent < MOST_DIGITS { Expected::Number((sent + 1).max(6)) } else { Expected::Any }
        }
        spec => {
            let kind = proposal.rules.kind;
            let text = kind.and_then(|kind| sample::spelled(value, kind));
            match text.and_then(|text| treated(proposal, spec, &text)) {
                Some((Kind::String, text)) => Expected::Is(text.into()),
                Some((_, text)) => serde_json::from_str(&text).map_or(Expected::Any, Expected::Is),
                None => Expected::Any,
            }
        }
    }
}
