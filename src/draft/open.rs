//! Calls without a body: proposed as free of personal data where nothing says otherwise.

use super::category;
use super::model::Operation;
use crate::payload::{Path, Step};
use crate::policy::categories;

/// Paths by which operators ask how an API is.
const HEALTH: [&str; 13] = [
    "health",
    "healthz",
    "healthcheck",
    "live",
    "livez",
    "liveness",
    "ready",
    "readyz",
    "readiness",
    "ping",
    "status",
    "version",
    "info",
];

/// Why a call without a body cannot be proposed as free of personal data; else it says why it can.
pub(super) fn open(made: &mut Operation) -> Option<String> {
    if made.method != "GET" && made.method != "HEAD" {
        return Some(
            "a call without a body that changes something is not drafted: this version governs bodies".into(),
        );
    }
    if !made.path_parameters.is_empty() || !made.query.is_empty() {
        return Some("its path or query may name a person, and this version governs bodies only".into());
    }
    let personal = made.response.iter().find_map(|field| {
        let found = category::category(&field.path, field.rules.format, "")?;
        let facts = categories::facts(&found.category)?;
        (found.tenths >= 7 || facts.identifying).then(|| field.path.to_string())
    });
    if let Some(field) = personal {
        return Some(format!(
            "its answer looks personal (`{field}`), and a call without a body cannot be governed"
        ));
    }
    let last = made.path.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or_default();
    let health = HEALTH.contains(&last.to_ascii_lowercase().as_str());
    made.tenths = if health { 9 } else { 4 };
    let because = if health {
        "no body, no parameters, and its name says how the API is"
    } else {
        "no body and no parameters: look at what it answers"
    };
    made.because = because.into();
    made.headers.clear();
    made.notes.clear();
    None
}

impl Operation {
    /// Leaves out query parameters that look personal: what is declared reaches the upstream as it came.
    pub(super) fn keep_query_that_does_not_identify(&mut self) {
        let (query, notes) = (&mut self.query, &mut self.notes);
        query.retain(|parameter| {
            let path = Path::of(vec![Step::Member(parameter.name.as_str().into())]);
            let found = path.and_then(|path| category::category(&path, parameter.rules.format, ""));
            let Some(found) = found else { return true };
            let facts = categories::facts(&found.category).unwrap_or_default();
            let personal = facts.identifying || facts.special || facts.criminal;
            if personal {
                notes.push(format!(
                    "query parameter `{}` looks personal ({}) and would reach the upstream as it came: it is left out, and refused",
                    parameter.name, found.category
                ));
            }
            !personal
        });
    }
}
