//! Drafted cases: a call made of examples and made-up values, and what must come of it; a call without a credential;
//! one with something that nobody declared.

mod bodies;
mod expected;
mod heads;

use serde_json::Value;

use super::model::{Blocked, Scopes};
use super::sample;
use super::whole::{Call, Whole};
use super::{Said, yaml};
use bodies::{Bodies, Sent};
use heads::Head;

/// The line that `accept` makes the consent of, where the activity rests on it.
pub(super) const CONSENT: &str = "    # consent: [PURPOSE]";

const NOWHERE: &str = "not_declared_anywhere";

pub(super) fn cases(whole: &Whole<'_>, said: &Said) -> Option<String> {
    let mut text = format!(
        "{}\n# Drafted with {}.yaml: calls made of examples and made-up values. Add those that matter to you.\n",
        yaml::modeline("schema/cases.schema.json"),
        whole.name
    );
    let mut any = false;
    for call in whole.calls.iter().filter(|call| call.operation.payload.is_some()) {
        any |= governed_cases(whole, call, said, &mut text).is_some();
    }
    for operation in whole.calls.iter().map(|call| call.operation).filter(|call| call.payload.is_none()) {
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

fn governed_cases(whole: &Whole<'_>, call: &Call<'_>, said: &Said, text: &mut String) -> Option<()> {
    let operation = call.operation;
    let bodies = Bodies::of(operation.payload?, &whole.request, &whole.response)?;
    let head = Head::of(call)?;
    let route = operation.route();
    let given = given(whole, call, said);
    let mut case = |shows: &str, given: &str, head: &Head, body: &Sent, comes: &str| {
        text.push_str(&format!("\n- case: {}\n{given}", yaml::quoted(&format!("{route}: {shows}"))));
        text.push_str(&format!(
            "  send:\n    method: {}\n{}{}{comes}",
            operation.method,
            head.sent(),
            body.sent()
        ));
    };
    let refused = |status: u16, problem: &str| {
        format!("  upstream_sees: nothing\n  caller_gets: {{ status: {status}, problem: {problem} }}\n")
    };

    if call.blocked.is_empty() {
        let mut comes = format!("  upstream_answers: {{ status: 200, json: {} }}\n", json(&bodies.answer));
        if let Some(seen) = &bodies.seen {
            comes.push_str(&format!("  upstream_sees: {seen}\n"));
        }
        comes.push_str(&head.asked());
        let gets = bodies.gets.as_ref().map(|gets| format!(", json: {gets}")).unwrap_or_default();
        comes.push_str(&format!("  caller_gets: {{ status: 200{gets} }}\n"));
        case("what the upstream sees and the caller gets", &given, &head, &bodies.request, &comes);
    }
    case(
        "nothing passes without a credential",
        "",
        &head,
        &bodies.request,
        &refused(401, "authentication-required"),
    );
    let not_permitted = refused(422, "field-not-permitted");
    for Blocked { path, .. } in &call.blocked {
        let Some(with) = bodies.with(path) else { continue };
        let shows = format!("what the API requires is refused, for it could not be declared: {path}");
        case(&shows, &given, &head, &with, &not_permitted);
    }
    match bodies.undeclared() {
        Some(more) => {
            case("a field that nobody declared is refused", &given, &head, &more, &not_permitted);
        }
        None => {
            let more = head.with_parameter(NOWHERE);
            case(
                "a parameter that nobody declared is refused",
                &given,
                &more,
                &bodies.request,
                &not_permitted,
            );
        }
    }
    Some(())
}

/// Who calls, and what they agreed to.
fn given(whole: &Whole<'_>, call: &Call<'_>, said: &Said) -> String {
    let scopes = match whole.scopes(call.operation) {
        Scopes::All(scopes) => scopes,
        Scopes::Any(scopes) => scopes.into_iter().take(1).collect(),
        Scopes::Unknown => Vec::new(),
    };
    let scopes = yaml::list(scopes.iter().map(String::as_str));
    // The person calls for themself: it is their consent that is given, where one is needed.
    let named = whole.named(call);
    let sub = named.and_then(|proposal| sample::spelled(proposal.sample.as_ref()?, proposal.rules.kind?));
    let token = format!("sub: {}", yaml::quoted(sub.as_deref().unwrap_or("ada")));
    let consent = match (said.legal_basis.as_deref(), said.purpose.as_deref()) {
        (Some("consent"), Some(purpose)) => format!("    consent: {}\n", yaml::list([purpose])),
        (Some(basis), _) if basis != "consent" => String::new(),
        _ => format!("{CONSENT} # where the legal basis is consent; `consentry accept` writes it\n"),
    };
    format!("  given:\n{consent}    token: {{ {token}, scopes: {scopes} }}\n")
}

/// A value as YAML's flow form has it: texts always in quotes.
pub(super) fn json(value: &Value) -> String {
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
