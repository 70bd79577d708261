//! What shadows would have done otherwise, in counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::problem::Problem;
use crate::telemetry::Shadowed;

/// Where a field is treated otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What the upstream sees.
    Upstream,
    /// What the caller gets.
    Caller,
    /// What is kept.
    Stored,
}

/// What a shadow would have done with one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In one word.
    pub outcome: Shadowed,
    /// Why the exchange was refused, and why the shadow would have; equal where neither refuses or both do alike. The
    /// field is the one at fault in whichever refuses.
    pub problems: (Option<Problem>, Option<Problem>, Option<Arc<str>>),
    /// The fields that are treated otherwise; names as declared.
    pub fields: Vec<(Place, Arc<str>)>,
}

/// What was counted for one shadow.
#[derive(Debug, Default)]
pub struct ShadowDrift {
    counts: Mutex<Counts>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    outcomes: BTreeMap<&'static str, u64>,
    problems: BTreeMap<Refused, u64>,
    fields: BTreeMap<(Place, Arc<str>), u64>,
}

/// In force, in the shadow, and the field.
type Refused = (Option<Problem>, Option<Problem>, Option<Arc<str>>);

/// What a shadow would have done otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct ShadowReport {
    /// The shadow.
    pub shadow: String,
    /// What it stands beside.
    pub activity: String,
    /// Exchanges that were looked at.
    pub exchanges: u64,
    /// Exchanges that were not, since there was no time or no room.
    pub dropped: u64,
    /// How they would have gone: `same`, `stricter`, `looser`, `otherwise`.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Refusals that would have been others.
    pub problems: Vec<ProblemReport>,
    /// Fields that would have been treated otherwise.
    pub fields: Vec<FieldReport>,
}

/// A refusal that would have been another, or none.
#[derive(Clone, Debug, Serialize)]
pub struct ProblemReport {
    /// The problem; none where the exchange was answered.
    pub in_force: Option<&'static str>,
    /// The problem in the shadow; none where it would have answered.
    pub shadow: Option<&'static str>,
    /// The declared field at fault.
    pub field: Option<String>,
    /// How often.
    pub exchanges: u64,
}

/// A field that would have been treated otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct FieldReport {
    /// Where.
    pub place: Place,
    /// Its name, as declared.
    pub field: String,
    /// How often.
    pub exchanges: u64,
}

impl ShadowDrift {
    /// Counts what was found for one exchange.
    pub fn count(&self, verdict: Verdict) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.outcomes.entry(verdict.outcome.word()).or_default() += 1;
        let (in_force, shadow, field) = verdict.problems;
        if in_force != shadow {
            *counts.problems.entry((in_force, shadow, field)).or_default() += 1;
        }
        for field in verdict.fields {
            *counts.fields.entry(field).or_default() += 1;
        }
    }

    /// Counts an exchange that was not looked at.
    pub fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn report(&self, shadow: &Arc<str>, activity: &Arc<str>) -> ShadowReport {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let problem = |((in_force, shadow, field), exchanges): (&Refused, &u64)| ProblemReport {
            in_force: in_force.map(Problem::slug),
            shadow: shadow.map(Problem::slug),
            field: field.as_ref().map(ToString::to_string),
            exchanges: *exchanges,
        };
        let field = |((place, field), exchanges): (&(Place, Arc<str>), &u64)| FieldReport {
            place: *place,
            field: field.to_string(),
            exchanges: *exchanges,
        };
        ShadowReport {
            shadow: shadow.to_string(),
            activity: activity.to_string(),
            exchanges: counts.outcomes.values().sum(),
            dropped: self.dropped.load(Relaxed),
            outcomes: counts.outcomes.clone(),
            problems: counts.problems.iter().map(problem).collect(),
            fields: counts.fields.iter().map(field).collect(),
        }
    }
}

impl Place {
    /// For people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Caller => "caller",
            Self::Stored => "stored",
        }
    }
}

impl ShadowReport {
    /// A line for each thing that would have been otherwise.
    pub(super) fn rows(&self) -> Vec<[String; 4]> {
        let mut rows = Vec::new();
        let mut row = |what: String, note: String| {
            rows.push([self.shadow.clone(), format!("beside {}", self.activity), what, note]);
        };
        let outcomes = self.outcomes.iter().map(|(word, count)| format!("{count} {word}"));
        let outcomes = outcomes.collect::<Vec<_>>().join(", ");
        let dropped =
            if self.dropped == 0 { String::new() } else { format!("; {} not looked at", self.dropped) };
        let none = if self.exchanges == 0 { "none yet" } else { "" };
        row("exchanges".into(), format!("{outcomes}{none}{dropped}"));
        for ProblemReport { in_force, shadow, field, exchanges } in &self.problems {
            let field = field.as_ref().map(|field| format!(" ({field})")).unwrap_or_default();
            let (now, then) = (in_force.unwrap_or("answered"), shadow.unwrap_or("answered"));
            row(format!("{now} would be {then}{field}"), format!("{exchanges} exchanges"));
        }
        for FieldReport { place, field, exchanges } in &self.fields {
            row(format!("{} {field}", place.word()), format!("otherwise in {exchanges} exchanges"));
        }
        rows
    }
}
