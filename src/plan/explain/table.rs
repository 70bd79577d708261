//! What becomes of each field, as tables: what comes, and a column for each destination.

use super::param_rule;
use crate::action::Spec;
use crate::plan::{Answer, Field, Plan, Route, RouteKind, Side};

/// A table for people. Every row has as many cells as there are heads; the first says what the row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// What its columns are.
    pub heads: Vec<String>,
    /// What stands in it.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// One of these rows under these heads.
    pub fn new(caption: impl Into<String>, heads: &[&str], rows: Vec<Vec<String>>) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { caption: caption.into(), heads, rows }
    }

    /// Columns as wide as their widest cell, two spaces between them. A terminal's reader sees what it is by its heads.
    pub fn text(&self, indent: &str) -> String {
        let lines = || std::iter::once(&self.heads).chain(&self.rows);
        let mut widths = vec![0_usize; self.heads.len()];
        for line in lines() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for line in lines() {
            let cells: Vec<_> =
                line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(&format!("{indent}{}\n", cells.join("  ").trim_end()));
        }
        text
    }
}

pub(super) fn tables(plan: &Plan, route: &Route) -> Vec<Table> {
    let activity = &route.activity;
    match route.kind {
        RouteKind::Open { .. } => Vec::new(),
        RouteKind::Answer(answer) => {
            let mut tables = params(route);
            tables.push(answered(plan, route, answer));
            tables
        }
        RouteKind::Governed => {
            let mut tables = params(route);
            let sides = [
                (&activity.request, "What becomes of a call", "client sends", "upstream sees"),
                (&activity.response, "What becomes of an answer", "upstream answers", "caller gets"),
            ];
            for (side, caption, comes, goes) in sides {
                tables.extend(fields(side, caption, comes, goes));
                tables.extend(headers(side));
            }
            tables
        }
    }
}

fn fields(side: &Side, caption: &str, comes: &str, goes: &str) -> Option<Table> {
    let row = |field: &Field| {
        vec![
            field.name.to_string(),
            field.category.as_deref().unwrap_or("–").to_owned(),
            field.rule.to_string(),
            seen(side, field),
            kept(&field.specs.stored),
            field.specs.export.to_string(),
        ]
    };
    let rows: Vec<_> = side.fields.iter().map(row).collect();
    (!rows.is_empty())
        .then(|| Table::new(caption, &[comes, "category", "rule", goes, "stored", "export"], rows))
}

/// What a field's way on shows, and to whom.
fn seen(side: &Side, field: &Field) -> String {
    let outward = field.specs.outward.to_string();
    let gate = field.gate.as_ref().and_then(|(gate, _)| side.gates.get(*gate));
    match (gate, &field.specs.otherwise) {
        (Some(gate), Some(otherwise)) => format!("{outward} ({}), else {otherwise}", gate.describe()),
        _ => outward,
    }
}

fn headers(side: &Side) -> Option<Table> {
    let rows: Vec<_> = side
        .headers
        .iter()
        .map(|header| vec![header.name.to_string(), param_rule(header), "unchanged".to_owned()])
        .collect();
    (!rows.is_empty())
        .then(|| Table::new("Headers of the answer", &["upstream answers", "rule", "caller gets"], rows))
}

/// Path, query and headers reach the upstream as they come, where the policy does not treat them as fields; where the gateway answers,
/// nobody.
fn params(route: &Route) -> Vec<Table> {
    let goes = if matches!(route.kind, RouteKind::Answer(_)) { "leave_out" } else { "unchanged" };
    let places = [("path", &route.path), ("query", &route.query), ("header", &route.headers)];
    let rows: Vec<_> = places
        .iter()
        .flat_map(|(place, params)| params.iter().map(move |param| (place, param)))
        .map(|(place, param)| {
            let (goes, stored) = match &param.field {
                Some(field) => (field.specs.outward.to_string(), kept(&field.specs.stored)),
                None => (goes.to_owned(), Spec::LeaveOut.to_string()),
            };
            vec![param.name.to_string(), (*place).to_owned(), param_rule(param), goes, stored]
        })
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![Table::new(
        "Parameters and headers of a call",
        &["client sends", "in", "rule", "upstream sees", "stored"],
        rows,
    )]
}

fn answered(plan: &Plan, route: &Route, answer: Answer) -> Table {
    let source = route.activity.records_of.and_then(|source| plan.activities.get(source));
    let fields =
        source.into_iter().flat_map(|source| source.request.fields.iter().chain(&source.response.fields));
    let shown = |field: &Field| match answer {
        Answer::PseudonymizedRecords => field.export.as_ref().map(|_| field.specs.export.to_string()),
        Answer::ReIdentifiedRecord => field.stored.as_ref().map(|_| "as stored".to_owned()),
    };
    let rows = fields
        .filter_map(|field| {
            let category = field.category.as_deref().unwrap_or("–").to_owned();
            Some(vec![field.name.to_string(), category, kept(&field.specs.stored), shown(field)?])
        })
        .collect();
    Table::new("What is shown of a record", &["kept field", "category", "stored", "caller gets"], rows)
}

fn kept(spec: &Spec) -> String {
    match spec {
        Spec::Unchanged => "encrypted".to_owned(),
        spec => spec.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = vec![vec!["é".to_owned(), "x".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(Table::new("", &["a", "b"], rows).text("  "), "  a       b\n  é       x\n  longer\n");
    }
}
