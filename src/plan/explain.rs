//! What a route does with each field, as a table for people.

use std::fmt::Write;

use super::{Field, Plan, Recipient, Route, RouteKind, Side};
use crate::action::Spec;
use crate::check::{RuleKind, Rules, Sanitize};
use crate::clock::Timestamp;
use crate::policy::Answer;
use crate::policy::units::show_duration;

/// A table for every route of the plan.
pub fn explain_all(plan: &Plan) -> String {
    let tables: Vec<_> = plan.routes.iter().map(|route| explain(plan, route)).collect();
    tables.join("\n")
}

/// Who may call a route, and what becomes of each field by destination.
pub fn explain(plan: &Plan, route: &Route) -> String {
    let activity = &route.activity;
    let mut text = format!("{}\n", route.text);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    line("activity", &format!("{} ({})", activity.name, activity.title));
    line("purpose", &format!("{}, {}", activity.purpose.name, activity.legal_basis.word()));
    line("access", &access(route));
    if let RouteKind::Open { body } = route.kind {
        let body = body.map_or_else(
            || "no body".to_owned(),
            |cap| format!("a body of at most {cap} bytes passes unread"),
        );
        line("forwards", &format!("without query and caller's headers, {body}"));
        return text;
    }
    line("retention", &format!("{} after exchange", show_duration(activity.retention)));
    if let RouteKind::Answer(answer) = route.kind {
        let source = activity.records_of.and_then(|source| plan.activities.get(source));
        line("records of", source.map_or("", |source| &source.name));
        let fields = || activity.request.fields.iter().chain(&activity.response.fields);
        let rows = match answer {
            Answer::PseudonymizedRecords => table(
                ["kept field", "caller gets"],
                fields().filter(|field| field.export.is_some()),
                |field| vec![field.name.to_string(), field.specs.export.to_string()],
            ),
            Answer::ReIdentifiedRecord => table(
                ["kept field", "caller gets"],
                fields().filter(|field| field.stored.is_some()),
                |field| vec![field.name.to_string(), "as stored".into()],
            ),
        };
        text.push_str(&rows);
        return text;
    }
    if let Some(upstream) = &activity.upstream {
        let recipient = activity.recipient.as_ref();
        let whose = recipient
            .map(|recipient| format!("{upstream}, run by {} ({})", recipient.name, recipient.country));
        line("upstream", &whose.unwrap_or_default());
    }
    if let Some(transfer) = activity.recipient.as_deref().and_then(transfer) {
        line("transfer", &transfer);
    }
    for (name, side) in [("call", &activity.request), ("answer", &activity.response)] {
        if let Some((file, _)) = &side.schema {
            line(name, &format!("must fit {file} as a whole"));
        }
    }
    let row = |side: &Side, field: &Field| {
        let stored = match &field.specs.stored {
            Spec::Unchanged => "encrypted".to_owned(),
            spec => spec.to_string(),
        };
        vec![
            field.name.to_string(),
            field.rule.to_string(),
            seen(field, side),
            stored,
            field.specs.export.to_string(),
        ]
    };
    let heads = ["client sends", "rule", "upstream sees", "stored", "export"];
    text.push_str(&table(heads, activity.request.fields.iter(), |field| row(&activity.request, field)));
    let heads = ["upstream answers", "rule", "caller gets", "stored", "export"];
    text.push_str(&table(heads, activity.response.fields.iter(), |field| row(&activity.response, field)));
    text
}

/// What sending to a recipient in a third country rests on.
fn transfer(recipient: &Recipient) -> Option<String> {
    let mut text = recipient.transfer_instrument?.word().to_owned();
    if let Some(purpose) = &recipient.transfer_consent {
        text.push_str(&format!(", with the person's consent to {}", purpose.name));
    }
    if let Some(last) =
        recipient.transfer_ends.map(|ends| Timestamp::from_millis(ends.millis().saturating_sub(1)))
    {
        let last = last.to_string();
        text.push_str(&format!(", until {}", last.split('T').next().unwrap_or_default()));
    }
    Some(text)
}

/// What a field's way on shows, and to whom.
fn seen(field: &Field, side: &Side) -> String {
    let outward = field.specs.outward.to_string();
    let gate = field.gate.as_ref().and_then(|(gate, _)| side.gates.get(*gate));
    match (gate, &field.specs.otherwise) {
        (Some(gate), Some(otherwise)) => format!("{outward} ({}), else {otherwise}", gate.describe()),
        _ => outward,
    }
}

fn access(route: &Route) -> String {
    let access = &route.access;
    let mut parts = Vec::new();
    if !access.all_scopes.is_empty() {
        parts.push(format!("all of {}", access.all_scopes.join(", ")));
    }
    if !access.any_scope.is_empty() {
        parts.push(format!("one of {}", access.any_scope.join(", ")));
    }
    if let Some(when) = &route.when {
        parts.push(format!("only when {}", when.text()));
    }
    if access.reason_required {
        parts.push("a reason".into());
    }
    if let Some(scope) = &access.on_behalf_of {
        parts.push(format!("for others with {scope}"));
    }
    match (parts.is_empty(), route.kind) {
        (false, _) => parts.join("; "),
        (true, RouteKind::Open { .. }) => "anyone".into(),
        (true, _) => "every authenticated caller".into(),
    }
}

fn table<'a, const N: usize>(
    heads: [&str; N],
    fields: impl Iterator<Item = &'a Field>,
    row: impl Fn(&Field) -> Vec<String>,
) -> String {
    let mut rows = vec![heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>()];
    rows.extend(fields.map(row));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let mut text = String::from("\n");
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
    }
    text
}

/// Rules in a few words: `string, 1..100 characters, text`.
pub(super) fn rule(rules: &Rules, required: bool) -> String {
    let Rules { kind, length, range, one_of, pattern, format, nullable, sanitize, refuse } = rules;
    let mut parts = vec![kind.map_or("any", RuleKind::word).to_owned()];
    if let Some(length) = length {
        let max = length.max.map(|max| max.to_string()).unwrap_or_default();
        parts.push(format!("{}..{max} characters", length.min));
    }
    if let Some(range) = range {
        let end = |end: &Option<String>| end.clone().unwrap_or_default();
        parts.push(format!("{}..{}", end(&range.min), end(&range.max)));
    }
    if !one_of.is_empty() {
        parts.push(format!("one of {}", one_of.join("/")));
    }
    if let Some(pattern) = pattern {
        parts.push(format!("like {pattern}"));
    }
    if let Some(format) = format {
        parts.push(format.word().to_owned());
    }
    match sanitize {
        Some(Sanitize::Text) => parts.push("made plain text".into()),
        Some(Sanitize::Html) => parts.push("made harmless HTML".into()),
        None => {}
    }
    for refuse in refuse {
        parts.push(format!("no {}", refuse.word()));
    }
    if *nullable {
        parts.push("or null".into());
    }
    if !required {
        parts.push("may be missing".into());
    }
    parts.join(", ")
}
