//! Who gets what of an answer, and what conditions ask for, from their written form.

use std::sync::Arc;

use super::{Activity, Gate, Route};
use crate::condition::{Condition, Vocabulary};
use crate::policy;

/// What conditions name of a token.
pub(super) fn claims(activities: &[Arc<Activity>], routes: &[Arc<Route>]) -> Option<Vec<Box<str>>> {
    let gates = activities.iter().flat_map(|activity| &activity.response.gates);
    let conditions = gates.filter_map(|gate| gate.when.as_ref());
    let mut conditions = conditions.chain(routes.iter().filter_map(|route| route.when.as_ref())).peekable();
    conditions.peek()?;
    let mut claims: Vec<Box<str>> = conditions.flat_map(Condition::claims).map(Box::from).collect();
    claims.sort_unstable();
    claims.dedup();
    Some(claims)
}

/// All scopes, any scope, the condition.
type Asked<'a> = (&'a [Arc<str>], &'a [Arc<str>], Option<&'a str>);

/// The gates of a side, each once however many fields are behind it.
pub(super) struct Gates<'a> {
    vocabulary: &'a Vocabulary,
    written: Vec<Asked<'a>>,
    pub(super) compiled: Vec<Gate>,
}

impl<'a> Gates<'a> {
    pub(super) fn new(vocabulary: &'a Vocabulary) -> Self {
        Self { vocabulary, written: Vec::new(), compiled: Vec::new() }
    }

    /// The place of a gate among the compiled ones.
    pub(super) fn index(&mut self, gate: &'a policy::Gate) -> Option<usize> {
        let when = gate.when.as_ref().map(|when| when.value.as_str());
        let asked = (&*gate.all_scopes, &*gate.any_scope, when);
        if let Some(known) = self.written.iter().position(|other| *other == asked) {
            return Some(known);
        }
        let when = match when {
            None => None,
            Some(when) => Some(Condition::compile(when, self.vocabulary).ok()?),
        };
        self.compiled.push(Gate {
            all_scopes: gate.all_scopes.clone(),
            any_scope: gate.any_scope.clone(),
            when,
        });
        self.written.push(asked);
        Some(self.written.len() - 1)
    }
}
