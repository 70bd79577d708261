//! A traced request for a terminal, and as a page.

use askama::Template;

use super::{Fault, Request, Traced};
use crate::plan::explain::Table;
use crate::plan::prose::{quoted, wrapped};

const WIDTH: usize = 100;
const STYLE: &str = include_str!("../explain.css");

impl Request {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.call);
        text.push_str(&wrapped(&self.outcome(), "  ", WIDTH));
        for fault in self.further() {
            text.push_str(&wrapped(&fault, "  ", WIDTH));
        }
        for table in self.tables() {
            text.push_str(&format!("\n{}\n", table.caption));
            text.push_str(&table.text("  "));
        }
        if let Some(body) = self.body() {
            text.push_str(&format!("\nThe body as the upstream sees it\n  {body}\n"));
        }
        text.push('\n');
        for assumed in &self.assumed {
            text.push_str(&wrapped(assumed, "  ", WIDTH));
        }
        text
    }

    /// What comes of the call, in a sentence or two.
    fn outcome(&self) -> String {
        let verdict = &self.verdict;
        if verdict.forwarded {
            return "The call passes: the upstream is asked.".to_owned();
        }
        let Some(problem) = verdict.problem else {
            return format!(
                "The gateway answers itself, with {}; the upstream is not asked.",
                verdict.status
            );
        };
        let at = verdict.field.as_deref().map(|field| format!(" at {}", quoted(field))).unwrap_or_default();
        let detail = verdict.detail.as_deref().map(|detail| format!(" {detail}")).unwrap_or_default();
        let mut text = format!(
            "The call is refused: the caller gets {} {}{at}. {}{detail} The upstream sees nothing, and nothing of the body is kept.",
            verdict.status,
            quoted(problem.slug()),
            problem.title()
        );
        if let Some(fault) = self.first() {
            text.push_str(&format!(" {}", because(fault)));
        }
        text
    }

    /// The fault that the gateway stopped at.
    fn first(&self) -> Option<&Fault> {
        let verdict = &self.verdict;
        let faults = &self.trace.as_ref()?.faults;
        let same = |fault: &&Fault| {
            let names = |field: &String| fault.at == *field || self.field_at(&fault.at) == Some(field);
            Some(fault.problem) == verdict.problem && verdict.field.as_ref().is_none_or(names)
        };
        faults.iter().find(same)
    }

    /// The declared name of the field whose value stands at a place.
    fn field_at(&self, at: &str) -> Option<&str> {
        let values = &self.trace.as_ref()?.values;
        values.iter().find(|traced| traced.at == at).map(|traced| &*traced.field)
    }

    /// What else it would be refused for.
    fn further(&self) -> Vec<String> {
        let (Some(trace), first) = (&self.trace, self.first()) else { return Vec::new() };
        let others =
            trace.faults.iter().filter(|fault| !first.is_some_and(|first| std::ptr::eq(first, *fault)));
        others
            .map(|fault| {
                let at =
                    if fault.at.is_empty() { String::new() } else { format!(" at {}", quoted(&fault.at)) };
                format!(
                    "It would also be refused with {}{at}: {} {}",
                    quoted(fault.problem.slug()),
                    fault.says,
                    because(fault)
                )
            })
            .collect()
    }

    fn body(&self) -> Option<&str> {
        self.trace.as_ref()?.upstream.as_deref().filter(|_| self.verdict.forwarded)
    }

    fn tables(&self) -> Vec<Table> {
        let mut tables = Vec::new();
        if !self.params.is_empty() {
            let rows = self.params.iter().map(|row| row.to_vec()).collect();
            tables.push(Table::new(
                "Path, query and headers",
                &["name", "in", "client sends", "upstream sees"],
                rows,
            ));
        }
        let Some(trace) = &self.trace else { return tables };
        let destinations = trace.destinations();
        let heads: Vec<&str> =
            ["field", "client sends"].into_iter().chain(destinations.iter().map(String::as_str)).collect();
        let rows: Vec<_> = trace.values.iter().map(|traced| row(traced, destinations.len())).collect();
        if !rows.is_empty() {
            let caption = match trace.faults.is_empty() && self.verdict.forwarded {
                true => "What becomes of each field",
                false => "What would become of each field, were the call not refused",
            };
            tables.push(Table::new(caption, &heads, rows));
        }
        let rules = rules(&trace.values, &destinations);
        if !rules.is_empty() {
            tables.push(Table::new("The rule that did it", &["field", "for", "rule", "where"], rules));
        }
        if !trace.undeclared.is_empty() {
            let fate = if trace.undeclared_refused { "the call is refused" } else { "left out" };
            let rule = &trace.undeclared_rule;
            let rows = trace.undeclared.iter().map(|(at, kind)| {
                vec![at.clone(), (*kind).to_owned(), fate.to_owned(), rule.words.clone(), rule.place.clone()]
            });
            let heads = ["not declared", "what it is", "becomes", "rule", "where"];
            tables.push(Table::new("What the policy does not declare", &heads, rows.collect()));
        }
        tables
    }
}

/// The page of a traced request. Everything that a policy or a request says is escaped.
///
/// # Errors
/// Where it cannot be written.
pub fn page(request: &Request) -> Result<String, askama::Error> {
    Page {
        request,
        outcome: request.outcome(),
        further: request.further(),
        tables: request.tables(),
        body: request.body(),
        style: STYLE,
    }
    .render()
}

#[derive(Template)]
#[template(path = "plan/explain/request.html")]
struct Page<'a> {
    request: &'a Request,
    outcome: String,
    further: Vec<String>,
    tables: Vec<Table>,
    body: Option<&'a str>,
    style: &'static str,
}

fn row(traced: &Traced, destinations: usize) -> Vec<String> {
    let nothing = || "nothing".to_owned();
    let mut row = vec![traced.at.clone(), traced.sent.clone().unwrap_or_else(|| "not sent".to_owned())];
    if traced.becomes.is_empty() {
        let fate = if traced.sent.is_some() { "refused" } else { "nothing" };
        row.extend(std::iter::repeat_n(fate.to_owned(), destinations));
    } else {
        row.extend(traced.becomes.iter().map(|(value, _)| value.clone().unwrap_or_else(nothing)));
    }
    row
}

/// Each field's rules once, however many values it has.
fn rules(values: &[Traced], destinations: &[String]) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for traced in values {
        let of = |what: &str, rule: &super::Rule| {
            vec![traced.field.to_string(), what.to_owned(), rule.words.clone(), rule.place.clone()]
        };
        let cleaned = traced.cleaned.as_ref().map(|(value, rule)| of(&format!("made {value} first"), rule));
        let becomes = traced.becomes.iter().zip(destinations).map(|((_, rule), what)| of(what, rule));
        for row in cleaned.into_iter().chain(becomes) {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    rows
}

fn because(fault: &Fault) -> String {
    match &fault.rule {
        Some(rule) => format!("The rule is {} in {}.", quoted(&rule.words), rule.place),
        None => String::new(),
    }
}
