//! `test`: the policies' cases, through the real pipeline, and what they show of the policies.

use super::{Deployment, Exit, deployment, output};
use crate::app;
use crate::app::cases::{Fault, Verdict};
use crate::plan::explain::Table;
use crate::plan::{Coverage, Covers};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Fail where a route, a field, an action or a refusal is shown by no case.
    #[arg(long)]
    require_coverage: bool,
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    let Some((plan, set)) = deployment::policies(&config) else { return Ok(Exit::InvalidPolicy) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let told = |verdict: &Verdict| output::text(outcome(verdict));
    let (verdicts, coverage) = runtime.block_on(app::cases::run(&config, &plan, &set, told))?;
    let failed = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).count();
    output::line(format_args!("{} passed, {failed} failed", verdicts.len() - failed));
    output::text(shown(&coverage));
    let short = args.require_coverage && coverage.short().next().is_some();
    Ok(if failed > 0 || short { Exit::CaseFailed } else { Exit::Fine })
}

fn outcome(verdict: &Verdict) -> String {
    let mark = if verdict.faults.is_empty() { "ok  " } else { "FAIL" };
    let mut text = format!("{mark} {}: {}\n", verdict.activity, verdict.case);
    verdict.faults.iter().for_each(|fault| text.push_str(&difference(fault)));
    text
}

/// Every place of what the case looked at, those marked that are otherwise than it says.
fn difference(fault: &Fault) -> String {
    let rows: Vec<_> = fault
        .places
        .iter()
        .map(|place| {
            let mark = if place.agrees { " " } else { "!" };
            let at = if place.at.is_empty() { "(all of it)" } else { &place.at };
            vec![mark.to_owned(), at.to_owned(), place.expected.clone(), place.got.clone()]
        })
        .collect();
    let mut text = format!("     {}\n", fault.what);
    text.push_str(&Table::new("", &["", "", "expected", "got"], rows).text("       "));
    if let Some(note) = &fault.note {
        text.push_str(&format!("       {note}\n"));
    }
    text
}

/// How much of the policies the cases show, and a table of what they do not.
fn shown(coverage: &Coverage) -> String {
    let counts = Covers::ALL.iter().map(|covers| {
        let (covered, all) = coverage.ratio(*covers);
        format!("{}s {covered}/{all}", covers.word())
    });
    let mut text = format!("coverage: {}\n", counts.collect::<Vec<_>>().join(", "));
    let rows: Vec<_> = coverage
        .short()
        .map(|item| {
            let activity = item.activity.to_string();
            vec![item.covers.word().to_owned(), activity, item.what.clone(), item.how.to_owned()]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str("\nshown by no case\n");
        text.push_str(&Table::new("", &["kind", "activity", "what", "a case would need"], rows).text("  "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::cases::Difference;

    #[test]
    fn a_failure_is_shown_field_by_field() {
        let place = |at: &str, expected: &str, got: &str| Difference {
            at: at.into(),
            expected: expected.into(),
            got: got.into(),
            agrees: expected == got,
        };
        let saw = Fault {
            what: "what the upstream saw",
            places: vec![
                place("email", "like ^p1_", "\"ada@example.org\""),
                place("sex", "\"Female\"", "\"Female\""),
                place("shoe_size", "nothing", "38"),
            ],
            note: None,
        };
        let got = Fault {
            what: "what the caller got",
            places: vec![place("status", "200", "422")],
            note: Some("The gateway refused with field-invalid `age`: It must be at most 130.".into()),
        };
        let verdict = Verdict {
            activity: "favourites".into(),
            case: "the model never sees who asks".into(),
            faults: vec![saw, got],
        };
        insta::assert_snapshot!(outcome(&verdict));
    }
}
