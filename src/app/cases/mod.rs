//! The case runner: every case of the policies, through the real pipeline behind a real listener, with a store and keys
//! of its own, a clock that it sets, and an upstream that only remembers.

mod answer;
mod call;
#[cfg(test)]
mod examples;
mod setting;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod tests;
mod upstream;

use crate::config::Config;
use crate::plan::{Coverage, Outcome, Plan};
use crate::policy::PolicySet;
use crate::policy::cases::{Case, CaseFile, Difference, Expected, UpstreamAsked, UpstreamSees, unexpected};
use crate::problem::Problem;
pub use call::{call, outcome, params, trace};
use setting::{Got, Setting};

/// What of a case's call is not its body.
const ASKED: &str = "how the upstream was asked";

/// How one case came out.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The activity that it tests.
    pub activity: String,
    /// What it shows.
    pub case: String,
    /// What is not as the case says; empty where all is.
    pub faults: Vec<Fault>,
}

/// One thing that a case looked at and found otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it is: `what the upstream saw`.
    pub what: &'static str,
    /// Every place of it, also those that are as expected.
    pub places: Vec<Difference>,
    /// What explains it, where something does.
    pub note: Option<String>,
}

/// Why cases could not be run at all.
#[derive(Debug, thiserror::Error)]
#[error("the case \"{case}\" of {activity} cannot be run")]
pub struct CaseError {
    /// The activity.
    pub activity: String,
    /// The case.
    pub case: String,
    /// Why.
    #[source]
    pub source: anyhow::Error,
}

/// Runs the cases one after the other; `told` hears of each as it ends. What they show of the plan comes beside the
/// verdicts.
///
/// # Errors
/// Where a case cannot be run, which is not the same as that it fails.
pub async fn run(
    config: &Config,
    plan: &Plan,
    set: &PolicySet,
    mut told: impl FnMut(&Verdict),
) -> Result<(Vec<Verdict>, Coverage), CaseError> {
    let mut verdicts = Vec::new();
    let mut coverage = Coverage::of(plan);
    for file in &set.cases {
        // A shadow's cases say what would hold if it were in force; of the policies in force they show nothing.
        let shadow = set.shadows.iter().any(|shadow| shadow.name == file.activity);
        let promoted = shadow.then(|| Config { promoted: Some(file.activity.clone()), ..config.clone() });
        for case in &file.cases {
            let got = play(promoted.as_ref().unwrap_or(config), case).await.map_err(|source| CaseError {
                activity: file.activity.clone(),
                case: case.name.value.clone(),
                source,
            })?;
            let faults = compare(case, &got);
            if faults.is_empty() && !shadow {
                let Got { status, body, answered, opened, .. } = &got;
                let outcome =
                    Outcome { status: *status, body: body.as_ref(), answered: answered.as_ref(), opened };
                coverage.count(plan, case, outcome);
            }
            let verdict = verdict(file, case, faults);
            told(&verdict);
            verdicts.push(verdict);
        }
    }
    Ok((verdicts, coverage))
}

fn verdict(file: &CaseFile, case: &Case, faults: Vec<Fault>) -> Verdict {
    Verdict { activity: file.activity.clone(), case: case.name.value.clone(), faults }
}

async fn play(config: &Config, case: &Case) -> anyhow::Result<Got> {
    let mut setting = Setting::new(config, case).await?;
    let got = setting.act(case).await;
    setting.close().await;
    got
}

fn compare(case: &Case, got: &Got) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut look = |what, places: Vec<Difference>, note: Option<String>| {
        if places.iter().any(|place| !place.agrees) {
            faults.push(Fault { what, places, note });
        }
    };
    let saw = got.upstream_saw.as_ref();
    match &case.upstream_sees {
        Some(UpstreamSees::Nothing) => {
            look("what the upstream saw", saw.map(unexpected).unwrap_or_default(), None);
        }
        Some(UpstreamSees::Body(expected)) => {
            let note = saw.is_none().then(|| refused(case, got));
            look("what the upstream saw", expected.differences(saw), expected.word_as_text().or(note));
        }
        None => {}
    }
    for (part, expected) in case.upstream_asked.iter().flat_map(UpstreamAsked::parts) {
        let asked = got.upstream_asked.as_ref();
        let note = if asked.is_none() { Some(refused(case, got)) } else { None };
        look(ASKED, expected.differences(asked.and_then(|asked| asked.get(part))), note);
    }
    if let Some(expected) = &case.caller_gets {
        let mut places = Vec::new();
        if let Some(status) = expected.status {
            places.push(single("status", status.to_string(), got.status.to_string()));
        }
        if let Some(problem) = expected.problem {
            let got = got.problem().unwrap_or("none");
            places.push(single("problem", problem.slug().to_owned(), got.to_owned()));
        }
        for body in expected.json.iter().chain(&expected.text) {
            places.extend(body.differences(got.body.as_ref()));
        }
        let note = got.problem().filter(|_| expected.problem.is_none()).map(|_| refused(case, got));
        let as_text = expected.json.as_ref().and_then(Expected::word_as_text);
        look("what the caller got", places, note.or(as_text));
    }
    if let Some(expected) = &case.stored {
        let note = got.problem().map(|_| refused(case, got));
        look("what was stored", expected.differences(got.stored.as_ref()), note.or(expected.word_as_text()));
    }
    faults
}

fn single(at: &str, expected: String, got: String) -> Difference {
    let agrees = expected == got;
    Difference { at: at.to_owned(), expected, got, agrees }
}

/// What the gateway said instead of letting the call through.
fn refused(case: &Case, got: &Got) -> String {
    let Some(problem) = got.problem() else { return format!("The caller got the status {}.", got.status) };
    let field = got.member("field").map(|field| format!(" `{field}`")).unwrap_or_default();
    let detail = got.member("detail").map(|detail| format!(": {detail}")).unwrap_or_default();
    let ours = problem == Problem::UpstreamAnswerRefused.slug() && case.upstream_answers.is_none();
    let own = if ours {
        ". The upstream's answer was made up from the response's fields, and does not fit them: write one under `upstream_answers`."
    } else {
        ""
    };
    format!("The gateway refused with {problem}{field}{detail}{own}")
}
