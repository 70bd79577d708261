//! What an objection stops, said to whoever records it (GDPR Art. 21).

use serde::Serialize;

use super::Reply;
use crate::plan::LegalBasis;
use crate::rights::{ActivityFacts, Facts};

/// The activities of one purpose, by what an objection to it does.
#[derive(Debug, Serialize)]
struct Effect<'a> {
    stops: Vec<&'a str>,
    goes_on: Vec<&'a str>,
}

/// What is said of an objection that was recorded.
pub(super) fn recorded(purpose: &str, facts: &Facts) -> Reply {
    let (stops, goes_on): (Vec<_>, Vec<_>) =
        facts.activities.iter().filter(|one| *one.purpose == *purpose).partition(|one| one.heeds_objection());
    let mut says = format!("The objection to {purpose} is recorded");
    match (stops.is_empty(), goes_on.is_empty()) {
        (false, _) => {
            says.push_str(&format!(
                "; it binds from now on (Art. 21). It stops {}.",
                names(&stops).join(", ")
            ));
        }
        (true, false) => says.push_str(". It stops nothing."),
        (true, true) => {
            says.push_str(". It stops nothing as yet: no activity is for this purpose.");
        }
    }
    if !goes_on.is_empty() {
        let each: Vec<_> =
            goes_on.iter().map(|one| format!("{} by {}", one.name, one.basis.word())).collect();
        let by_consent = goes_on.iter().any(|one| one.basis == LegalBasis::Consent);
        let consent = if by_consent { "`consent withdraw` ends a consent, " } else { "" };
        says.push_str(&format!(
            " Allowed on a ground to which nobody can object, and going on: {}. {consent}`restrict` stops all use of the \
             person's data (Art. 18), `erase` destroys what is kept (Art. 17).",
            each.join(", ")
        ));
    }
    Reply::done(says).with(&Effect { stops: names(&stops), goes_on: names(&goes_on) })
}

fn names<'a>(activities: &[&'a ActivityFacts]) -> Vec<&'a str> {
    activities.iter().map(|activity| &*activity.name).collect()
}
