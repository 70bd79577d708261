//! A run before this one, and how far its ratios are from this one's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::{Run, cell, goals};
use crate::machine::Machine;
use crate::measure::{Cell, Measured};
use crate::statistics::Spread;

/// What all are compared with.
const REFERENCE: &str = "haproxy";
/// No figure is told more exactly than so.
const EXACT: f64 = 0.005;

/// Where rounds lie so far apart, in per cent of their median, two runs tell nothing of one another.
const WIDE: f64 = 25.0;

/// What is read of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub(crate) struct Before {
    at: String,
    command: String,
    commit: String,
    machine: Machine,
    versions: BTreeMap<String, String>,
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

    /// Whether the earlier median is no farther from the later one than the later run's own rounds are.
    fn is_same(&self) -> bool {
        let Spread { median, least, greatest } = self.now;
        let spread = (greatest - median).max(median - least);
        (median - self.then.median).abs() <= spread.max(median * EXACT)
    }

    fn verdict(&self) -> &'static str {
        match self.is_same() {
            _ if self.now.percent() > WIDE => "too wide to tell",
            true => "yes",
            false => "no",
        }
    }
}

/// Every goal that is a ratio to another program, and all targets' CPU time, as they were in both runs.
pub(super) fn table(run: &Run, out: &mut String) -> std::fmt::Result {
    let Some(before) = &run.before else { return Ok(()) };
    let (now, then) = (goals::ratios(&run.measured), goals::ratios(&before.measured));
    let found = |says: &str| then.iter().find(|(said, _)| *said == says).map(|(_, then)| *then);
    let goals: Vec<_> =
        now.iter().filter_map(|(says, now)| Some((*says, Twice { now: *now, then: found(says)? }))).collect();
    if goals.is_empty() {
        return Ok(());
    }
    let Before { at, command, commit, .. } = before;
    writeln!(out, "\n#### Beside the run of {at}\n")?;
    writeln!(out, "`{command}` at {commit}. {}\n", differences(run, before))?;
    writeln!(
        out,
        "A ratio is the same where its median of that run is no farther from that of this one than this run's farthest round is; of \
         two runs that nothing tells apart that is so of seven ratios in ten with three rounds, and of nine with five. Where a round is more than {WIDE:.0} % away, it \
         tells nothing.\n"
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
            both.verdict(),
        )?;
    }
    for (says, _) in
        now.iter().chain(&then).filter(|(says, _)| goals.iter().all(|(in_both, _)| in_both != says))
    {
        writeln!(out, "| {says} | in one of the runs alone | | | |")?;
    }
    told(goals.iter().map(|(_, both)| both), "of these", out)?;
    let cpu = cpu(&run.measured, &before.measured);
    told(
        cpu.iter(),
        "ratios of CPU time to HAProxy's, of every target in every workload that has HAProxy,",
        out,
    )
}

/// How many are the same, and how far apart they are.
fn told<'a>(all: impl Iterator<Item = &'a Twice> + Clone, what: &str, out: &mut String) -> std::fmt::Result {
    let many = |verdict: &str| all.clone().filter(|both| both.verdict() == verdict).count();
    let mut apart: Vec<f64> = all.clone().map(|both| both.apart().abs()).collect();
    apart.sort_by(f64::total_cmp);
    let Some([half, most, every]) = quantiles(&apart) else { return Ok(()) };
    writeln!(
        out,
        "\n{} {what} are the same, {} are not, {} are too wide to tell; half are at most {half:.0} % apart, nine in ten {most:.0} %, all \
         {every:.0} %.",
        many("yes"),
        many("no"),
        many("too wide to tell"),
    )
}

/// What else is not the same in both runs.
fn differences(run: &Run, before: &Before) -> String {
    let Machine { processor, cores, memory_mib, kernel, system, files, load: _ } = &run.machine;
    let that = &before.machine;
    let mut differ = Vec::new();
    for (now, then) in [(processor, &that.processor), (kernel, &that.kernel), (system, &that.system)] {
        if now != then {
            differ.push(format!("{then}, now {now}"));
        }
    }
    if (cores, memory_mib) != (&that.cores, &that.memory_mib) {
        let (were, had) = (that.cores, that.memory_mib);
        differ.push(format!("{were} cores and {had} MiB, now {cores} and {memory_mib}"));
    }
    if *files != that.files {
        differ.push(format!("{}, now {}", that.files.kind, files.kind));
    }
    for (target, now) in &run.versions {
        if let Some(then) = before.versions.get(*target).filter(|then| *then != now) {
            differ.push(format!("{target} {then}, now {now}"));
        }
    }
    match differ.as_slice() {
        [] => "Machine, kernel and all programs but the gateway are the same.".to_owned(),
        some => format!("Not the same are: {}.", some.join("; ")),
    }
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
fn quantiles(sorted: &[f64]) -> Option<[f64; 3]> {
    let at = |share: usize| sorted.get((sorted.len() * share).div_ceil(10).saturating_sub(1)).copied();
    Some([at(5)?, at(9)?, at(10)?])
}

/// That what is far apart is told from what is near.
pub(super) fn proves_itself() -> anyhow::Result<()> {
    let spread = |least, median, greatest| Spread { median, least, greatest };
    let verdict = |now, then| Twice { now, then }.verdict();
    let (wide, near) = (spread(0.9, 1.0, 1.2), spread(1.15, 1.16, 1.17));
    ensure!(verdict(wide, near) == "yes" && verdict(near, wide) == "no");
    ensure!(verdict(wide, spread(1.2, 1.3, 1.4)) == "no");
    ensure!(verdict(spread(0.7, 1.0, 1.2), near) == "too wide to tell");
    ensure!(verdict(Spread::one(0.690), Spread::one(0.693)) == "yes");
    ensure!(verdict(Spread::one(0.69), Spread::one(0.71)) == "no");
    ensure!((Twice { now: Spread::one(1.5), then: wide }.apart() - 50.0).abs() < 1e-9);
    let apart: Vec<_> = (1..=20).map(f64::from).collect();
    ensure!(quantiles(&apart) == Some([10.0, 18.0, 20.0]) && quantiles(&[]).is_none());
    Ok(())
}
