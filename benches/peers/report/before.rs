//! A run before this one, and how far its ratios are from this one's.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::{Run, cell, goals};
use crate::measure::{Cell, Measured};
use crate::statistics::Spread;

/// What all are compared with.
const REFERENCE: &str = "haproxy";

/// What is read of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub(crate) struct Before {
    at: String,
    command: String,
    commit: String,
    measured: Vec<Measured>,
}

/// Something in both runs.
struct Twice {
    now: Spread,
    then: Spread,
}

impl Before {
    /// Reads what a run wrote.
    ///
    /// # Errors
    /// Where the file is not there, or no run.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        // Names of workloads and targets live as long as the program, here as in a run: this is read once.
        serde_json::from_str(text.leak()).with_context(|| format!("{} is no run", file.display()))
    }
}

impl Twice {
    /// How far the later is from the earlier, in per cent of that.
    fn apart(&self) -> f64 {
        (self.now.median / self.then.median - 1.0) * 100.0
    }

    /// Whether that is no more than rounds of one of them are from its median.
    fn is_same(&self) -> bool {
        let farthest = |of: Spread| (of.greatest - of.median).max(of.median - of.least);
        (self.now.median - self.then.median).abs() <= farthest(self.now).max(farthest(self.then))
    }
}

/// Every goal that is a ratio, and all targets' CPU time in all workloads, as they were in both runs.
pub(super) fn table(run: &Run, out: &mut String) -> std::fmt::Result {
    let Some(before) = &run.before else { return Ok(()) };
    let goals = goals::ratios(&run.measured).into_iter().filter_map(|(says, now)| {
        let then = goals::ratios(&before.measured).into_iter().find(|(said, _)| *said == says)?.1;
        Some((says, Twice { now, then }))
    });
    let goals: Vec<_> = goals.collect();
    if goals.is_empty() {
        return Ok(());
    }
    let Before { at, command, commit, .. } = before;
    writeln!(out, "\n#### Beside the run of {at}\n")?;
    writeln!(
        out,
        "`{command}` at {commit}. Two ratios are the same where their medians are no farther apart than the farthest round of one \
         of the runs is from its own median.\n"
    )?;
    writeln!(out, "| goal | this run | that run | apart | the same |\n|---|---|---|---|---|")?;
    for (says, both) in &goals {
        let Twice { now, then } = both;
        writeln!(
            out,
            "| {says} | {:.2} ± {:.0} % | {:.2} ± {:.0} % | {:+.0} % | {} |",
            now.median,
            now.percent(),
            then.median,
            then.percent(),
            both.apart(),
            if both.is_same() { "yes" } else { "no" },
        )?;
    }
    let same = goals.iter().filter(|(_, both)| both.is_same()).count();
    writeln!(out, "\n{same} of these {} are the same.", goals.len())?;
    let cpu = cpu(&run.measured, &before.measured);
    let same = cpu.iter().filter(|both| both.is_same()).count();
    if let Some([half, most, all]) = quantiles(&cpu) {
        writeln!(
            out,
            "\nOf {} ratios of CPU time to HAProxy's, of all targets in all workloads, {same} are the same; half are at most {half:.0} % \
             apart, nine in ten {most:.0} %, all {all:.0} %.",
            cpu.len(),
        )?;
    }
    Ok(())
}

/// What each target took in each workload, of the plain proxy in the same rounds.
fn cpu(now: &[Measured], then: &[Measured]) -> Vec<Twice> {
    let pairs = now.iter().flat_map(|measured| measured.cells.iter().map(|one| (measured.name, one.target)));
    let others = pairs.filter(|(_, target)| *target != REFERENCE);
    let both = others.filter_map(|(workload, target)| {
        Some(Twice { now: of_reference(now, workload, target)?, then: of_reference(then, workload, target)? })
    });
    both.collect()
}

fn of_reference(measured: &[Measured], workload: &str, target: &str) -> Option<Spread> {
    let rounds = |cell: &Cell| cell.samples.iter().map(|sample| sample.cpu_us).collect::<Vec<_>>();
    let ours = rounds(cell(measured, workload, target)?);
    let theirs = rounds(cell(measured, workload, REFERENCE)?);
    Spread::of(ours.into_iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
}

/// How far apart half of these are at most, nine in ten, and all.
fn quantiles(of: &[Twice]) -> Option<[f64; 3]> {
    let mut apart: Vec<f64> = of.iter().map(|both| both.apart().abs()).collect();
    apart.sort_by(f64::total_cmp);
    let at = |share: usize| apart.get((apart.len() * share).div_ceil(10).saturating_sub(1)).copied();
    Some([at(5)?, at(9)?, at(10)?])
}

/// That what is far apart is told from what is near.
pub(super) fn proves_itself() -> anyhow::Result<()> {
    let spread = |least, median, greatest| Spread { median, least, greatest };
    let twice = |now, then| Twice { now, then };
    let wide = spread(0.9, 1.0, 1.3);
    ensure!(twice(spread(1.2, 1.25, 1.25), wide).is_same() && twice(wide, spread(1.2, 1.25, 1.25)).is_same());
    ensure!(!twice(spread(1.3, 1.4, 1.5), wide).is_same());
    ensure!((twice(spread(1.0, 1.5, 2.0), wide).apart() - 50.0).abs() < 1e-9);
    let apart: Vec<_> =
        (1..=20).map(|more| twice(Spread::one(1.0 + f64::from(more) / 100.0), wide)).collect();
    let found = quantiles(&apart).context("quantiles")?;
    ensure!(found.map(f64::round) == [10.0, 18.0, 20.0], "{found:?}");
    ensure!(quantiles(&[]).is_none());
    Ok(())
}
