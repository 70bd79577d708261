//! From traffic that was seen to an [`Api`]. What is kept of a body is its shape; see [`stats`] for what that is of a
//! value. Nothing here writes anywhere.

mod record;
mod route;
mod shape;
mod stats;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;

pub use record::{RecordError, har, line};
use shape::Bodies;

use super::model::{Api, Body, Operation, Parameter, Place};
use super::open::without_a_body;
use crate::check::{RuleKind, Rules};
use crate::payload::Format;

/// Most different paths that are looked at.
const PATHS: usize = 2000;

/// A call that was seen, with its answer. Bodies that are not JSON are `None`.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// Its method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The body, where it was JSON.
    pub request: Option<&'a Value>,
    /// Whether there was another body.
    pub other: bool,
    /// The answer's status.
    pub status: u16,
    /// Its body, where it was JSON.
    pub response: Option<&'a Value>,
}

/// The pieces of a path; `None` where a value stands.
type Segments = Vec<Option<String>>;
/// A method and a path.
type Route = (String, Segments);

/// Method, number of pieces and first piece of paths that may be one route.
type Alike = (String, usize, Option<String>);

/// All that was seen.
#[derive(Debug, Default)]
pub struct Seen {
    routes: BTreeMap<Route, Calls>,
    exchanges: u64,
    /// Calls that no route could have, or beyond a bound.
    left: u64,
}

#[derive(Debug, Default)]
struct Calls {
    requests: Bodies,
    responses: Bodies,
    others: u64,
    calls: u64,
    query: Vec<String>,
}

impl Seen {
    /// How many exchanges were looked at.
    pub fn exchanges(&self) -> u64 {
        self.exchanges
    }

    /// Looks at an exchange. Calls that the API refused say nothing of what it takes.
    pub fn add(&mut self, exchange: &Exchange<'_>) {
        self.exchanges += 1;
        let (path, query) = exchange.target.split_once('?').unwrap_or((exchange.target, ""));
        let known = Method::from_bytes(exchange.method.as_bytes()).is_ok();
        let Some(mut segments) =
            route::segments(path).filter(|_| known && (200..300).contains(&exchange.status))
        else {
            self.left += 1;
            return;
        };
        route::leave_out_persons(&mut segments);
        let key = (exchange.method.to_owned(), segments);
        if self.routes.len() >= PATHS && !self.routes.contains_key(&key) {
            self.left += 1;
            return;
        }
        let calls = self.routes.entry(key).or_default();
        calls.calls += 1;
        calls.others += u64::from(exchange.other);
        exchange.request.into_iter().for_each(|body| calls.requests.add(body));
        exchange.response.into_iter().for_each(|body| calls.responses.add(body));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default().to_owned();
            if calls.query.len() < 50 && !calls.query.contains(&name) {
                calls.query.push(name);
            }
        }
    }

    /// What was seen, as an API.
    pub fn api(self) -> Api {
        let mut api = Api::default();
        if self.left > 0 {
            api.notes.push(format!(
                "{} calls were not answered with success, or had no path that a route could have",
                self.left
            ));
        }
        for ((method, segments), calls) in merged(self.routes, &mut api) {
            let mut made = operation(&method, &segments, &calls);
            let fault = match calls.requests.count() {
                0 if calls.others > 0 => Some("its bodies were not JSON".to_owned()),
                0 => without_a_body(&mut made).err().map(str::to_owned),
                _ => governed(&calls, &mut made),
            };
            match fault {
                Some(why) => api.notes.push(format!("{}: {why}", made.route())),
                None => api.add(made),
            }
        }
        api
    }
}

/// Puts together what differs only in a place that holds many words: such words are values, and go.
fn merged(routes: BTreeMap<Route, Calls>, api: &mut Api) -> Vec<(Route, Calls)> {
    let heads = route::crowded_heads(routes.keys().map(|(_, segments)| segments));
    let mut alike: BTreeMap<Alike, Vec<(Segments, Calls)>> = BTreeMap::new();
    for ((method, mut segments), calls) in routes {
        if let Some(first) = segments.first_mut() {
            first.take_if(|word| heads.contains(word));
        }
        let first = segments.first().cloned().flatten();
        alike.entry((method, segments.len(), first)).or_default().push((segments, calls));
    }
    let mut same: BTreeMap<Route, Vec<Calls>> = BTreeMap::new();
    for ((method, ..), paths) in alike {
        let crowded = route::crowded(&paths.iter().map(|(segments, _)| segments).collect::<Vec<_>>());
        for (segments, calls) in paths {
            let pieces = segments.into_iter().zip(&crowded);
            let segments = pieces.map(|(text, crowded)| text.filter(|_| !crowded)).collect();
            same.entry((method.clone(), segments)).or_default().push(calls);
        }
    }
    let mut all = Vec::new();
    for ((method, segments), of_each) in same {
        let count = of_each.len();
        if count > 1 {
            let (path, _) = route::template(&segments);
            api.notes.push(format!("{method} {path}: {count} paths were taken for one, and only the most frequent of them was looked at"));
        }
        // Their bodies were looked at apart: the most frequent stands for all.
        let most = of_each.into_iter().max_by_key(|calls| calls.calls);
        all.extend(most.map(|calls| ((method, segments), calls)));
    }
    all
}

fn operation(method: &str, segments: &[Option<String>], calls: &Calls) -> Operation {
    let (path, _) = route::template(segments);
    let text = || Rules { kind: Some(RuleKind::String), ..Rules::default() };
    let mut made = Operation { payload: None, ..Operation::of(method, &path, Format::Json, 0, "") };
    let answers = calls.responses.fields();
    made.response = answers.fields;
    made.notes.extend(answers.notes.into_iter().map(|note| format!("answer, {note}")));
    let places = made.places().into_iter();
    let of_path = places.map(|(name, above)| Parameter::of(Place::Path, name, above, text(), true, ""));
    made.parameters = of_path.flatten().collect();
    let (query, odd): (Vec<String>, Vec<String>) = calls.query.iter().cloned().partition(|name| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            && !shape::is_value(name)
    });
    for name in query {
        made.parameters.extend(Parameter::of(Place::Query, &name, None, text(), false, ""));
    }
    for parameter in &mut made.parameters {
        parameter.field.seen = true;
        parameter.field.tenths = 5;
    }
    if !odd.is_empty() {
        made.notes
            .push("some query parameters have names that are not written down: they are refused".into());
    }
    made
}

fn governed(calls: &Calls, made: &mut Operation) -> Option<String> {
    if matches!(made.method.as_str(), "GET" | "HEAD" | "DELETE") {
        return Some("a call of this method has no body that could be governed".into());
    }
    let bodies = calls.requests.fields();
    made.request = bodies.fields;
    made.blocked = bodies.blocked;
    made.notes.extend(bodies.notes);
    if made.request.is_empty() {
        return Some("nothing of its bodies could be declared".into());
    }
    made.payload = Some(Body::Of(Format::Json));
    made.tenths = if calls.calls < 10 { 5 } else { 8 };
    made.because = format!("{} calls with a body in JSON", calls.calls);
    None
}
