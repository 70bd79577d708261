//! What a route does, for people: in words that can be pasted into a data protection impact assessment (GDPR Art. 35), and as
//! tables by destination. As text for a terminal, and as a page of its own.

mod html;
pub mod request;
mod table;
mod words;

#[cfg(test)]
mod tests;

use super::{Param, Plan, Route};
use crate::check::{RuleKind, Rules, Sanitize};

pub use html::page;
pub use table::Table;

/// How wide lines of words are.
const WIDTH: usize = 100;

/// One route, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// As the policy writes it.
    pub route: String,
    /// The activity's title.
    pub title: String,
    /// What and its value, for a reader who looks one thing up.
    pub facts: Vec<(&'static str, String)>,
    /// The same as sentences. Names stand in backquotes.
    pub words: Vec<String>,
    /// What becomes of each field, by destination.
    pub tables: Vec<Table>,
}

/// A route's explanation.
pub fn explain(plan: &Plan, route: &Route) -> Explained {
    Explained {
        route: route.text.to_string(),
        title: route.activity.title.clone(),
        facts: words::facts(plan, route),
        words: words::sentences(plan, route),
        tables: table::tables(plan, route),
    }
}

/// The routes that somebody means: by the whole of one, by a part of it, or by an activity's name; all where nothing is
/// named. A shadow is meant by its own name alone. The first of these that fits any decides.
pub fn wanted<'p>(plan: &'p Plan, named: Option<&str>) -> Vec<&'p Route> {
    let all = || plan.routes.iter().map(|route| &**route);
    let shadows = || plan.shadow_routes().map(|route| &**route);
    let Some(named) = named.map(str::trim) else { return all().chain(shadows()).collect() };
    let whole: Vec<_> = all().filter(|route| *route.text == *named).collect();
    let activity =
        || all().chain(shadows()).filter(|route| *route.activity.name == *named).collect::<Vec<_>>();
    let part = || all().filter(|route| route.text.contains(named)).collect::<Vec<_>>();
    [whole, activity(), part()].into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

impl Explained {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.route);
        for (name, value) in &self.facts {
            text.push_str(&format!("  {name:<11} {value}\n"));
        }
        text.push('\n');
        text.push_str(&super::prose::wrapped(&self.words.join(" "), "  ", WIDTH));
        for table in &self.tables {
            text.push('\n');
            text.push_str(&table.text("  "));
        }
        text
    }
}

/// Rules in a few words: `string, 1..100 characters, text`.
pub(super) fn rule(rules: &Rules, required: bool) -> String {
    let Rules { kind, length, range, one_of, pattern, format, nullable, sanitize, refuse, media } = rules;
    let mut parts = vec![kind.map_or("any", RuleKind::word).to_owned()];
    if let Some(length) = length {
        let max = length.max.map(|max| max.to_string()).unwrap_or_default();
        let units = if *kind == Some(RuleKind::File) { "bytes" } else { "characters" };
        parts.push(format!("{}..{max} {units}", length.min));
    }
    if !media.is_empty() {
        parts.push(media.join(" or "));
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

fn param_rule(param: &Param) -> String {
    rule(param.check.rules(), param.required)
}
