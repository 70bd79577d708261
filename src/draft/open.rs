//! Calls without a body.

use super::model::{Body, Operation, Place};
use super::{category, numbered};
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

/// Proposes a call without a body: as free of personal data where nothing says otherwise, else governed by its parameters
/// and its answer.
///
/// # Errors
/// Why neither can be.
pub(super) fn without_a_body(made: &mut Operation) -> Result<(), &'static str> {
    let reads = made.method == "GET" || made.method == "HEAD";
    let asks =
        made.parameters.iter().any(|parameter| parameter.place != Place::Header || parameter.is_treated());
    if reads && !asks && !answers_of_persons(made) {
        let health = HEALTH.contains(&last_piece(made).to_ascii_lowercase().as_str());
        made.payload = None;
        made.tenths = if health { 9 } else { 4 };
        let because = if health {
            "no body, no parameters, and its name says how the API is"
        } else {
            "no body and no parameters: look at what it answers"
        };
        made.because = because.into();
        made.parameters.clear();
        made.notes.clear();
        return Ok(());
    }
    if made.method == "HEAD" {
        return Err("a call of this method has no answer that could be governed");
    }
    made.payload = Some(Body::None);
    made.tenths = 7;
    made.because = "no body: its parameters and its answer are governed".into();
    Ok(())
}

fn last_piece(made: &Operation) -> &str {
    made.path.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or_default()
}

/// Whether its name or what it answers speaks of persons. Of a special category a guess is enough: what is open goes unlooked
/// at to whoever may call.
fn answers_of_persons(made: &Operation) -> bool {
    let named = category::tokens(last_piece(made)).iter().any(|word| numbered::is_person(word));
    named
        || made.response.iter().any(|field| {
            let found = category::category(&field.path, field.rules.format, "");
            found.is_some_and(|found| {
                let facts = categories::facts(&found.category).unwrap_or_default();
                found.tenths >= 7 || facts.identifying || facts.special || facts.criminal
            })
        })
}
