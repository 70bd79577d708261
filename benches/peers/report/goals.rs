//! What we want to reach, and whether a run did. Every goal is a ratio within one run, and reached where it is in every round.

use std::fmt::Write as _;

use super::alone::{Alone, alone};
use super::{Run, cell, workload};
use crate::measure::{Cell, Measured, Sample};
use crate::statistics::Spread;
use crate::targets::consentry::{BESIDE, GATEWAY};

/// What is compared.
#[derive(Clone, Copy)]
enum Of {
    Cpu,
    PerSecond,
    /// Latencies less one sync of the disk, which an answer with a durable journal cannot do without.
    P50,
    P99,
    Idle,
}

/// One quantity over another, which should be at most, or at least, something.
struct Goal {
    says: &'static str,
    of: Of,
    ours: (&'static str, &'static str),
    /// The smallest of these counts.
    theirs: &'static [(&'static str, &'static str)],
    bound: f64,
    most: bool,
}

const fn at_most(
    says: &'static str,
    of: Of,
    ours: (&'static str, &'static str),
    theirs: &'static [(&'static str, &'static str)],
    bound: f64,
) -> Goal {
    Goal { says, of, ours, theirs, bound, most: true }
}

const fn at_least(
    says: &'static str,
    of: Of,
    ours: (&'static str, &'static str),
    theirs: &'static [(&'static str, &'static str)],
    bound: f64,
) -> Goal {
    Goal { says, of, ours, theirs, bound, most: false }
}

/// The one that does the most of a workload first.
const FLOORS: [&str; 2] = ["floor-journal", "floor"];

const GOALS: [Goal; 24] = [
    at_most(
        "A, CPU: of the better of HAProxy and nginx",
        Of::Cpu,
        ("A", "consentry"),
        &[("A", "haproxy"), ("A", "nginx")],
        0.80,
    ),
    at_most("A, CPU: of Envoy", Of::Cpu, ("A", "consentry"), &[("A", "envoy")], 0.35),
    at_most("A, CPU: of the floor (later)", Of::Cpu, ("A", "consentry"), &[("A", "floor")], 1.15),
    at_most(
        "B RS256 remembered, CPU: of HAProxy",
        Of::Cpu,
        ("B RS256", "consentry"),
        &[("B RS256", "haproxy-jwt")],
        0.32,
    ),
    at_most(
        "B RS256 all new, CPU: of HAProxy",
        Of::Cpu,
        ("B RS256 new", "consentry"),
        &[("B RS256 new", "haproxy-jwt")],
        0.85,
    ),
    at_most("C, CPU: of HAProxy's plain proxying", Of::Cpu, ("C", "consentry"), &[("C", "haproxy")], 1.0),
    at_most("C, CPU: of nginx's plain proxying", Of::Cpu, ("C", "consentry"), &[("C", "nginx")], 1.0),
    at_most("C, CPU: of nginx + Lua", Of::Cpu, ("C", "consentry"), &[("C", "nginx-lua")], 0.30),
    at_most("C, CPU: of nginx + njs", Of::Cpu, ("C", "consentry"), &[("C", "nginx-njs")], 0.25),
    at_least("C, requests/s: of FastAPI", Of::PerSecond, ("C", "consentry"), &[("C", "fastapi")], 80.0),
    at_least(
        "C, requests/s: before_forward of overlapped",
        Of::PerSecond,
        ("C", "consentry-durable"),
        &[("C", "consentry")],
        0.8,
    ),
    at_most(
        "C at 2 KB, CPU: of HAProxy's plain proxying",
        Of::Cpu,
        ("D 2 KB", "consentry"),
        &[("D 2 KB", "haproxy")],
        1.0,
    ),
    at_most(
        "C at 2 KB, CPU: of nginx's plain proxying",
        Of::Cpu,
        ("D 2 KB", "consentry"),
        &[("D 2 KB", "nginx")],
        1.0,
    ),
    at_most(
        "C at 64 KB, CPU: of nginx + Lua",
        Of::Cpu,
        ("D 64 KB", "consentry"),
        &[("D 64 KB", "nginx-lua")],
        0.10,
    ),
    at_most(
        "C at 64 KB, CPU: of HAProxy's plain proxying",
        Of::Cpu,
        ("D 64 KB", "consentry"),
        &[("D 64 KB", "haproxy")],
        1.35,
    ),
    at_most(
        "E, CPU of a handshake and one request: of HAProxy",
        Of::Cpu,
        ("E", "consentry"),
        &[("E", "haproxy")],
        0.40,
    ),
    at_most(
        "E, CPU of a handshake and one request: of Envoy",
        Of::Cpu,
        ("E", "consentry"),
        &[("E", "envoy")],
        0.63,
    ),
    at_least(
        "C on two cores, requests/s: of HAProxy's plain proxying",
        Of::PerSecond,
        ("C two cores", "consentry"),
        &[("C two cores", "haproxy")],
        1.0,
    ),
    at_most(
        "p50 at 5,000/s, C, less one sync: of HAProxy's plain proxying",
        Of::P50,
        ("F 5000", "consentry"),
        &[("F 5000", "haproxy")],
        0.9,
    ),
    at_most(
        "p99 at 5,000/s, C, less one sync: of HAProxy's plain proxying",
        Of::P99,
        ("F 5000", "consentry"),
        &[("F 5000", "haproxy")],
        1.0,
    ),
    at_most(
        "p50 at 10,000/s, C, less one sync: of HAProxy's plain proxying",
        Of::P50,
        ("F 10000", "consentry"),
        &[("F 10000", "haproxy")],
        0.9,
    ),
    at_most(
        "p99 at 10,000/s, C, less one sync: of HAProxy's plain proxying",
        Of::P99,
        ("F 10000", "consentry"),
        &[("F 10000", "haproxy")],
        1.0,
    ),
    at_most("idle connection, memory: of HAProxy", Of::Idle, ("G", "consentry"), &[("G", "haproxy")], 1.0),
    at_most("idle connection, memory: of nginx", Of::Idle, ("G", "consentry"), &[("G", "nginx")], 1.0),
];

impl Of {
    /// Round by round; idle memory is measured once.
    fn values(self, cell: &Cell) -> Vec<f64> {
        let rounds = |of: fn(&Sample) -> f64| cell.samples.iter().map(of).collect();
        match self {
            Self::Cpu => rounds(|sample| sample.cpu_us),
            Self::PerSecond => rounds(|sample| sample.per_second),
            Self::P50 => rounds(|sample| sample.p50_us),
            Self::P99 => rounds(|sample| sample.p99_us),
            Self::Idle => cell.idle.map(crate::idle::Memory::each_kib).into_iter().collect(),
        }
    }
}

impl Goal {
    /// The ratio of what is `ours`, round by round, if the run has both sides of it.
    fn ratio(&self, measured: &[Measured], ours: &str) -> Option<Spread> {
        let values = |(name, target): (&str, &str)| Some(self.of.values(cell(measured, name, target)?));
        let ours = values((self.ours.0, ours))?;
        let theirs: Option<Vec<Vec<f64>>> = self.theirs.iter().map(|one| values(*one)).collect();
        let least = theirs?.into_iter().reduce(|some, others| {
            some.into_iter().zip(others).map(|(one, other)| one.min(other)).collect()
        })?;
        let synced = match self.of {
            Of::P50 | Of::P99 => workload(measured, self.ours.0)?.sync_us,
            Of::Cpu | Of::PerSecond | Of::Idle => 0.0,
        };
        let rounds = ours.into_iter().zip(least).map(|(ours, least)| (ours - synced).max(0.0) / least);
        Spread::of(rounds)
    }

    /// The same of the floor, where a run has it in the gateway's place, and the goal is not the ratio to it.
    fn floor(&self, run: &Run) -> String {
        let mut others = FLOORS.iter().filter(|floor| self.theirs.iter().all(|(_, target)| target != *floor));
        let ratio = others.find_map(|floor| self.ratio(&run.measured, floor));
        let ratio = ratio.filter(|_| self.ours.1 == GATEWAY);
        ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{:.2}", ratio.median))
    }

    /// Two cells of the table: how much it is and how far rounds lie from that, and whether that will do.
    fn judged(&self, run: &Run, ours: &str) -> String {
        match self.ratio(&run.measured, ours) {
            Some(ratio) => {
                let verdict = verdict(ratio, self.bound, self.most);
                format!("{:.2} ± {:.0} % | {verdict}", ratio.median, ratio.percent())
            }
            None => "– | not judged: a side of it is not there".to_owned(),
        }
    }
}

/// Where rounds lie on both sides of the bound, the run does not tell.
fn verdict(rounds: Spread, bound: f64, most: bool) -> String {
    let Spread { median, least, greatest } = rounds;
    let good = |value| if most { value <= bound } else { value >= bound };
    match (good(least), good(greatest)) {
        (true, true) => "met".to_owned(),
        (false, false) => format!("missed by {:.0} %", (median / bound - 1.0).abs() * 100.0),
        _ => format!("open ({least:.2} to {greatest:.2})"),
    }
}

/// Every goal that is a ratio, and what it was.
pub(super) fn ratios(measured: &[Measured]) -> Vec<(&'static str, Spread)> {
    GOALS.iter().filter_map(|goal| Some((goal.says, goal.ratio(measured, goal.ours.1)?))).collect()
}

/// All goals that have to do with what was measured.
pub(crate) fn table(run: &Run, out: &mut String) -> std::fmt::Result {
    let judged: Vec<_> = GOALS.iter().filter(|goal| workload(&run.measured, goal.ours.0).is_some()).collect();
    let alone = alone(run);
    if judged.is_empty() && alone.is_empty() {
        return Ok(());
    }
    let both = run.measured.iter().any(|one| one.cells.iter().any(|cell| cell.target == BESIDE));
    let (head, line) = if both { (" the build beside it | |", "---|---|") } else { ("", "") };
    writeln!(out, "| goal | wanted | measured | |{head} the floor |\n|---|---|---|---|{line}---|")?;
    for goal in judged {
        let sign = if goal.most { '≤' } else { '≥' };
        let judged = goal.judged(run, goal.ours.1);
        write!(out, "| {} | {sign} {:.2} | {judged} |", goal.says, goal.bound)?;
        match goal.ours.1 {
            GATEWAY if both => write!(out, " {} |", goal.judged(run, BESIDE))?,
            _ if both => write!(out, " – | |")?,
            _ => {}
        }
        writeln!(out, " {} |", goal.floor(run))?;
    }
    for Alone { says, most, was, digits } in alone {
        let beside = if both { " – | |" } else { "" };
        let (verdict, was) = (verdict(was, most, true), was.median);
        writeln!(out, "| {says} | ≤ {most} | {was:.digits$} | {verdict} |{beside} – |")?;
    }
    Ok(())
}

/// That goals are met when they are, and name workloads and targets that there are.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let one = |value, bound, most| verdict(Spread::one(value), bound, most);
    anyhow::ensure!(one(0.8, 0.8, true) == "met" && one(1.0, 0.8, true) == "missed by 25 %");
    anyhow::ensure!(one(2.5, 2.0, false) == "met" && one(1.0, 2.0, false) == "missed by 50 %");
    let rounds = |least, median, greatest, most| verdict(Spread { median, least, greatest }, 0.8, most);
    for (least, median, greatest, at_most, at_least) in [
        (0.5, 0.6, 0.8, "met", "open (0.50 to 0.80)"),
        (0.5, 0.6, 0.9, "open (0.50 to 0.90)", "open (0.50 to 0.90)"),
        (0.5, 1.0, 1.1, "open (0.50 to 1.10)", "open (0.50 to 1.10)"),
        (0.9, 1.0, 1.1, "missed by 25 %", "met"),
        (0.5, 0.6, 0.7, "met", "missed by 25 %"),
    ] {
        let says = [rounds(least, median, greatest, true), rounds(least, median, greatest, false)];
        anyhow::ensure!(says == [at_most, at_least], "{says:?}");
    }
    let targets: Vec<_> = crate::targets::all().iter().map(|peer| peer.name()).collect();
    for goal in &GOALS {
        for (workload, target) in goal.theirs.iter().chain([&goal.ours]) {
            let found = crate::workloads::ALL.iter().find(|known| known.name == *workload);
            let known = found.is_some_and(|known| known.peers.contains(target)) && targets.contains(target);
            anyhow::ensure!(known, "a goal names {target} in {workload}");
        }
    }
    Ok(())
}
