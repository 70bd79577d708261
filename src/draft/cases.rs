//! Drafted cases: a call made of examples and made-up values, and what must come of it; a call without a credential;
//! one with a field that nobody declared.

use serde_json::Value;

use super::activity::Whole;
use super::model::{Operation, Scopes};
use super::sample;
use super::treat::{Proposal, treated};
use super::{Said, yaml};
use crate::action::Spec;
use crate::payload::Kind;

/// The line that `accept` makes the consent of, where the activity rests on it.
pub(super) const CONSENT: &str = "    # consent: [PURPOSE]";

/// What stands at an expected value.
enum Expected {
    Is(Value),
    Pseudonym,
    Any,
}

pub(super) fn cases(whole: &Whole<'_>, said: &Said) -> Option<String> {
    let mut text = format!(
        "# Drafted with {}.yaml: calls made of examples and made-up values. Add those that matter to you.\n",
        whole.name
    );
    let mut any = false;
    let governed = whole.routes.iter().filter(|operation| operation.payload == Some("json"));
    for operation in governed {
        any |= governed_cases(whole, operation, said, &mut text).is_some();
    }
    for operation in whole.routes.iter().filter(|operation| operation.payload.is_none()) {
        let route = operation.route();
        text.push_str(&format!(
            "\n- case: {}\n  send: {{ method: {}, path: {} }}\n  caller_gets: {{ status: 200 }}\n",
            yaml::quoted(&format!("{route} holds no personal data")),
            operation.method,
            yaml::quoted(&operation.path)
        ));
        any = true;
    }
    any.then_some(text)
}

fn governed_cases(whole: &Whole<'_>, operation: &Operation, said: &Said, text: &mut String) -> Option<()> {
    let request = operation_body(&whole.request)?;
    let response = operation_body(&whole.response).unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let path = yaml::quoted(&target(operation)?);
    let headers = headers(operation)?;
    let route = operation.route();
    let send = |body: &Value| {
        format!(
            "  send:\n    method: {}\n    path: {path}\n{headers}    json: {}\n",
            operation.method,
            json(body)
        )
    };
    let given = given(whole, operation, said);
    text.push_str(&format!(
        "\n- case: {}\n{given}",
        yaml::quoted(&format!("{route}: what the upstream sees and the caller gets"))
    ));
    text.push_str(&send(&request));
    text.push_str(&format!("  upstream_answers: {{ status: 200, json: {} }}\n", json(&response)));
    if let Some(expected) = expected(&whole.request, &request) {
        text.push_str(&format!("  upstream_sees: {expected}\n"));
    }
    let expected = expected(&whole.response, &response).map(|expected| format!(", json: {expected}"));
    text.push_str(&format!("  caller_gets: {{ status: 200{} }}\n", expected.unwrap_or_default()));

    text.push_str(&format!(
        "\n- case: {}\n",
        yaml::quoted(&format!("{route}: nothing passes without a credential"))
    ));
    text.push_str(&send(&request));
    text.push_str(
        "  upstream_sees: nothing\n  caller_gets: { status: 401, problem: authentication-required }\n",
    );

    if let Value::Object(mut members) = request {
        members.insert("not_declared_anywhere".into(), Value::Bool(true));
        text.push_str(&format!(
            "\n- case: {}\n{given}",
            yaml::quoted(&format!("{route}: a field that nobody declared is refused"))
        ));
        text.push_str(&send(&Value::Object(members)));
        text.push_str(
            "  upstream_sees: nothing\n  caller_gets: { status: 422, problem: field-not-permitted }\n",
        );
    }
    Some(())
}

/// A body with every field for which a value comes to mind; `None` where one that must be there has none.
fn operation_body(proposals: &[Proposal]) -> Option<Value> {
    let mut body = Value::Null;
    for proposal in proposals {
        match &proposal.sample {
            Some(value) => sample::put(&mut body, &proposal.field.path, value.clone())?,
            None if proposal.field.required => return None,
            None => {}
        }
    }
    Some(if body.is_null() { Value::Object(serde_json::Map::new()) } else { body })
}

/// Path and query of a call, escaped.
fn target(operation: &Operation) -> Option<String> {
    let mut path = operation.path.clone();
    let escaped = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    for segment in operation.path.split('/') {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { continue };
        let known = operation.path_parameters.iter().find(|parameter| parameter.name == name);
        let value = match known {
            Some(parameter) => sample::sample(&parameter.rules, None, parameter.example.as_ref())?,
            None => "text".into(),
        };
        path = path.replace(segment, &escaped(&value));
    }
    let mut query = Vec::new();
    for parameter in operation.query.iter().filter(|parameter| parameter.required) {
        let value = sample::sample(&parameter.rules, None, parameter.example.as_ref())?;
        query.push(format!("{}={}", escaped(&parameter.name.as_str().into()), escaped(&value)));
    }
    Some(if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) })
}

fn headers(operation: &Operation) -> Option<String> {
    let mut lines = Vec::new();
    for parameter in operation.headers.iter().filter(|parameter| parameter.required) {
        let value = sample::sample(&parameter.rules, None, parameter.example.as_ref())?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if text.is_empty() || !text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
            return None;
        }
        lines.push(format!("{}: {}", yaml::scalar(&parameter.name), yaml::quoted(&text)));
    }
    Some(if lines.is_empty() { String::new() } else { format!("    headers: {{ {} }}\n", lines.join(", ")) })
}

/// Who calls, and what they agreed to.
fn given(whole: &Whole<'_>, operation: &Operation, said: &Said) -> String {
    let scopes = match whole.scopes(operation) {
        Scopes::All(scopes) => scopes,
        Scopes::Any(scopes) => scopes.into_iter().take(1).collect(),
        Scopes::Unknown => Vec::new(),
    };
    let scopes = yaml::list(scopes.iter().map(String::as_str));
    // The person calls for themself: it is their consent that is given, where one is needed.
    let named = whole.request.iter().find(|proposal| Some(&proposal.field.path) == whole.person.as_ref());
    let sub = named.and_then(|proposal| sample::spelled(proposal.sample.as_ref()?, proposal.rules.kind?));
    let token = format!("sub: {}", yaml::quoted(sub.as_deref().unwrap_or("ada")));
    let consent = match (said.legal_basis.as_deref(), said.purpose.as_deref()) {
        (Some("consent"), Some(purpose)) => format!("    consent: {}\n", yaml::list([purpose])),
        (Some(basis), _) if basis != "consent" => String::new(),
        _ => format!("{CONSENT} # where the legal basis is consent; `consentry accept` writes it\n"),
    };
    format!("  given:\n{consent}    token: {{ {token}, scopes: {scopes} }}\n")
}

/// What the other side gets of a body; `None` where it cannot be said beforehand.
fn expected(proposals: &[Proposal], body: &Value) -> Option<String> {
    let mut text = String::new();
    write(proposals, body, &mut Vec::new(), &mut text)?;
    Some(text)
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
        scalar => match of_field(find(proposals, steps)?, scalar) {
            Expected::Is(value) => out.push_str(&json(&value)),
            Expected::Pseudonym => out.push_str("{ matches: \"^p1_\" }"),
            Expected::Any => out.push_str("any"),
        },
    }
    Some(())
}

fn find<'p>(proposals: &'p [Proposal], steps: &[&str]) -> Option<&'p Proposal> {
    let is = |step: &crate::payload::Step, name: &&str| match step {
        crate::payload::Step::Member(member) => **member == **name,
        crate::payload::Step::Every => *name == "[*]",
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

fn of_field(proposal: &Proposal, value: &Value) -> Expected {
    match &proposal.outward {
        Spec::Unchanged => Expected::Is(value.clone()),
        Spec::Pseudonymize { as_integer: false } => Expected::Pseudonym,
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

/// A value as YAML's flow form has it: texts always in quotes.
fn json(value: &Value) -> String {
    match value {
        Value::String(text) => yaml::quoted(text),
        Value::Array(elements) => format!("[{}]", elements.iter().map(json).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".into(),
        Value::Object(members) => {
            let parts: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", yaml::scalar(name), json(value)))
                .collect();
            format!("{{ {} }}", parts.join(", "))
        }
        other => other.to_string(),
    }
}
