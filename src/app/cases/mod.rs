//! The case runner: every case of the policies, through the real pipeline behind a real listener, with a store and keys
//! of its own, a clock that it sets, and an upstream that only remembers.

mod setting;
#[cfg(test)]
mod tests;
mod upstream;

use serde_json::Value;

use crate::config::Config;
use crate::policy::PolicySet;
use crate::policy::cases::{Case, CaseFile, Expected, UpstreamSees};
use setting::{Got, Setting};

/// How one case came out.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The activity that it tests.
    pub activity: String,
    /// What it shows.
    pub case: String,
    /// What is not as the case says; empty where all is.
    pub faults: Vec<String>,
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

/// Runs the cases one after the other; `told` hears of each as it ends.
///
/// # Errors
/// Where a case cannot be run, which is not the same as that it fails.
pub async fn run(
    config: &Config,
    set: &PolicySet,
    mut told: impl FnMut(&Verdict),
) -> Result<Vec<Verdict>, CaseError> {
    let mut verdicts = Vec::new();
    for file in &set.cases {
        for case in &file.cases {
            let faults = judge(config, case).await.map_err(|source| CaseError {
                activity: file.activity.clone(),
                case: case.name.value.clone(),
                source,
            })?;
            let verdict = verdict(file, case, faults);
            told(&verdict);
            verdicts.push(verdict);
        }
    }
    Ok(verdicts)
}

fn verdict(file: &CaseFile, case: &Case, faults: Vec<String>) -> Verdict {
    Verdict { activity: file.activity.clone(), case: case.name.value.clone(), faults }
}

async fn judge(config: &Config, case: &Case) -> anyhow::Result<Vec<String>> {
    let mut setting = Setting::new(config, case).await?;
    let got = setting.act(case).await;
    setting.close().await;
    Ok(compare(case, &got?))
}

fn compare(case: &Case, got: &Got) -> Vec<String> {
    let mut faults = Vec::new();
    match &case.upstream_sees {
        Some(UpstreamSees::Nothing) if got.upstream_saw.is_some() => {
            faults.push(format!("the upstream saw {}, not nothing", shown(got.upstream_saw.as_ref())));
        }
        Some(UpstreamSees::Body(expected)) => {
            differ("the upstream saw", expected, got.upstream_saw.as_ref(), &mut faults);
        }
        Some(UpstreamSees::Nothing) | None => {}
    }
    if let Some(expected) = &case.caller_gets {
        if expected.status.is_some_and(|status| status != got.status) {
            faults.push(format!(
                "the caller got status {}, not {}",
                got.status,
                expected.status.unwrap_or_default()
            ));
        }
        let problem = got.problem();
        if let Some(expected) = expected.problem.map(|problem| problem.slug())
            && problem != Some(expected)
        {
            faults.push(format!("the caller got the problem {}, not {expected}", problem.unwrap_or("none")));
        }
        if let Some(expected) = &expected.json {
            differ("the caller got", expected, got.body.as_ref(), &mut faults);
        }
    }
    if let Some(expected) = &case.stored {
        differ("kept is", expected, got.stored.as_ref(), &mut faults);
    }
    faults
}

/// Names the members that differ, rather than two whole bodies.
fn differ(who: &str, expected: &Expected, got: Option<&Value>, faults: &mut Vec<String>) {
    if expected.accepts(got) {
        return;
    }
    let (Expected::Members(members), Some(Value::Object(object))) = (expected, got) else {
        faults.push(format!("{who} {}", shown(got)));
        return;
    };
    for (name, expected) in members {
        if !expected.accepts(object.get(name)) {
            faults.push(format!("{who} `{name}`: {}", shown(object.get(name))));
        }
    }
    for name in object.keys().filter(|key| !members.iter().any(|(name, _)| name == *key)) {
        faults.push(format!("{who} `{name}`, which the case does not name"));
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}
