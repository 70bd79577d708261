//! What a gateway's life costs those who call it: how long a start takes until the first call is answered, and what calls
//! notice of reloads. A stretch of load without reloads stands before each with them: what the machine does meanwhile is in
//! both.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cores::{Cores, on};
use crate::http::{Reader, Side, request};
use crate::load::{Load, Order, Until, connect};
use crate::material::{Algorithm, CALLERS};
use crate::measure::Bench;
use crate::process::Process;
use crate::statistics::Spread;
use crate::targets::Site;
use crate::targets::consentry::{Consentry, agree};
use crate::tokens;
use crate::workload::{Shape, Work};

/// Activities of a small and of a large deployment.
const SMALL: usize = 3;
const LARGE: usize = 500;
/// Starts of each for every round.
const STARTS: usize = 3;
/// When a start or a reload is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the first call waits before it is tried again, and how often what a reload says is looked for.
const AGAIN: Duration = Duration::from_micros(300);
const LOOK: Duration = Duration::from_millis(2);
/// Between two reloads.
const REST: Duration = Duration::from_millis(50);
/// Stretches of calls before any reload, for every round.
const BEFORE: usize = 2;
/// Stretches of calls without reloads, and with them, for every round.
const STRETCHES: usize = 4;
/// Calls in a second while policies are reloaded, and over how many connections.
const RATE: f64 = 1_000.0;
const CONNECTIONS: usize = 64;

/// What a gateway says when a reload has come to its end.
const IN_FORCE: &str = "In force: ";

/// Starts of a deployment of one size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Starts {
    /// Its activities.
    pub(crate) activities: usize,
    /// From before the process is started until the first answer over TLS, in milliseconds.
    pub(crate) first_ms: Spread,
    /// CPU time until then, the mean, in milliseconds: the kernel tells it in steps of ten.
    pub(crate) cpu_ms: f64,
}

/// A stretch of calls.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Stretch {
    /// Reloads meanwhile.
    pub(crate) reloads: usize,
    /// Calls, all answered as they should be.
    pub(crate) calls: u64,
    /// Latencies from when a call was due, in microseconds.
    pub(crate) p50_us: f64,
    /// The same.
    pub(crate) p99_us: f64,
    /// The same.
    pub(crate) p999_us: f64,
    /// The same.
    pub(crate) largest_us: f64,
}

/// Calls with and without reloads.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reloads {
    /// Activities of the deployment.
    pub(crate) activities: usize,
    /// How long a reload takes, in milliseconds, from the signal until the gateway says that it is in force. Its thread gives
    /// way to all others on the core, so this tells of what they do as well.
    pub(crate) reload_ms: Spread,
    /// In turn: without, with.
    pub(crate) stretches: Vec<Stretch>,
}

/// Starts deployments of both sizes, in turn.
pub(crate) fn starts(bench: &Bench<'_>, little: bool) -> anyhow::Result<Vec<Starts>> {
    let sizes = if little { &[SMALL][..] } else { &[SMALL, LARGE] };
    let mut sites = Vec::new();
    for activities in sizes {
        let (site, deployment) = deployed(bench, "start", *activities)?;
        sites.push((*activities, site, deployment, Vec::new(), Vec::new()));
    }
    bench.backend.answers(&Shape::Record.answer());
    for _ in 0..bench.effort.rounds * STARTS {
        for (_, site, deployment, first, cpu) in &mut sites {
            let (took, used) = start(site, deployment)?;
            first.push(took.as_secs_f64() * 1e3);
            cpu.push(used.as_secs_f64() * 1e3);
        }
    }
    let starts = sites.into_iter().map(|(activities, _, _, first, cpu)| {
        let cpu_ms = cpu.iter().sum::<f64>() / cpu.len().max(1) as f64;
        Ok(Starts { activities, first_ms: Spread::of(first).context("no start")?, cpu_ms })
    });
    starts.collect()
}

/// One start on all cores, to its first answer; the time that it took, and CPU time.
fn start(site: &Site<'_>, deployment: &PathBuf) -> anyhow::Result<(Duration, Duration)> {
    let call = request("/plain", None, &Shape::Record.body(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    let process = Process::spawn("consentry", served(site, deployment), &site.log(), Cores::All)?;
    let first = runtime.block_on(async {
        let mut stream = loop {
            match connect(site.address, &site.material.tls()).await {
                Ok(stream) => break stream,
                Err(error) => ensure!(begun.elapsed() < PATIENCE, "{error:#}: {}", site.last_words()),
            }
            tokio::time::sleep(AGAIN).await;
        };
        let answer = Reader::new(Side::Answer).ask(&mut stream, &call).await?;
        ensure!(answer.status == 200, "the first call was answered {}", answer.status);
        Ok(begun.elapsed())
    })?;
    let used = process.cpu()?;
    process.stop()?;
    Ok((first, used))
}

/// That the step of reloads is not hidden by stretches after them, and the worst not at all.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let stretch = |(reloads, ms): (usize, f64)| Stretch {
        reloads,
        calls: 1,
        p50_us: 0.0,
        p99_us: 0.0,
        p999_us: 0.0,
        largest_us: ms * 1e3,
    };
    let before = [1.0, 90.0, 2.0].map(|ms| (0, ms));
    let since = [9.0, 27.0, 5.0, 3.0, 7.0, 4.0, 6.0, 1.0, 8.0, 99.0, 2.0].into_iter().enumerate();
    let since = since.map(|(at, ms)| ((at + 1) % 2, ms));
    let reload_ms = Spread::of([1.0]).context("a spread")?;
    let reloads = Reloads {
        activities: 1,
        reload_ms,
        stretches: before.into_iter().chain(since).map(stretch).collect(),
    };
    ensure!(reloads.step_ms() == Some(25.0), "{:?}", reloads.step_ms());
    ensure!(reloads.worst_ms() == Some(97.0), "{:?}", reloads.worst_ms());
    ensure!(Reloads { stretches: Vec::new(), ..reloads }.step_ms().is_none());
    Ok(())
}

/// Calls a deployment while its policies are reloaded, and while they are not.
pub(crate) fn reloads(bench: &Bench<'_>, little: bool) -> anyhow::Result<Reloads> {
    let activities = if little { SMALL } else { LARGE };
    let (site, deployment) = deployed(bench, "reload", activities)?;
    without_warnings(&site)?;
    agree(&deployment)?;
    bench.backend.answers(&Shape::Record.answer());
    let process =
        Process::start("consentry", served(&site, &deployment), &site.log(), site.address, site.cores)?;
    let tokens = tokens::many(bench.material, Algorithm::Hs256, CALLERS)?;
    let calls = tokens.iter().enumerate();
    let calls: Vec<_> =
        calls.map(|(caller, token)| request("/predict", Some(token), &Shape::Record.body(caller))).collect();
    let answer = Shape::Record.answered(Work::Governed);
    let load = Load {
        address: site.address,
        tls: bench.material.tls(),
        requests: &calls,
        answer: answer.as_bytes(),
        callers: CONNECTIONS,
        order: Order::Paced(RATE),
    };
    let mut reloader = Reloader::new(&site, &process)?;
    let (warm, time) = (Until::time(bench.effort.warm), Until::time(bench.effort.time));
    // What is made for each caller once, keys for one, is made before anything is counted.
    load.run(
        &[],
        Until::time(bench.effort.time.max(Duration::from_secs_f64(CALLERS as f64 / RATE))),
        || Ok(()),
    )?;
    let (mut stretches, mut took) = (Vec::new(), Vec::new());
    let loaded = || anyhow::Ok(load.run(&[warm], time, || Ok(()))?.0.latencies);
    for _ in 0..if little { 0 } else { bench.effort.rounds * BEFORE } {
        stretches.push(Stretch::of(0, &loaded()?));
    }
    for _ in 0..if little { 1 } else { bench.effort.rounds * STRETCHES } {
        stretches.push(Stretch::of(0, &loaded()?));
        let done = AtomicBool::new(false);
        let (reloaded, latencies) = thread::scope(|scope| {
            let reloading = scope.spawn(|| on(Cores::Load, "reloads", || reloader.until(&done)));
            let latencies = loaded();
            done.store(true, Ordering::Relaxed);
            let reloaded = reloading.join().map_err(|_| anyhow::anyhow!("reloading panicked"))?;
            anyhow::Ok((reloaded?, latencies?))
        })?;
        stretches.push(Stretch::of(reloaded.len(), &latencies));
        took.extend(reloaded);
    }
    process.stop()?;
    let due: u64 = stretches.iter().map(|stretch| stretch.calls).sum();
    let seconds = bench.effort.time.as_secs_f64() * stretches.len() as f64;
    ensure!(due as f64 >= RATE * seconds * 0.99, "{due} calls in {seconds:.0} seconds");
    Ok(Reloads { activities, reload_ms: Spread::of(took).context("no reload came to its end")?, stretches })
}

impl Reloads {
    /// By how much the largest latency of a stretch is larger than before the first reload, in milliseconds: what one
    /// stretch in ten since then reaches, over the median of those before. What a reload leaves to be done comes after it,
    /// so stretches without one count as well. The greatest alone would tell of the disk, of which one sync in some ten
    /// thousand takes tens of milliseconds.
    pub(crate) fn step_ms(&self) -> Option<f64> {
        self.step(|largest| largest.get(largest.len() * 9 / 10).copied())
    }

    /// The same of the stretch with the largest of all.
    pub(crate) fn worst_ms(&self) -> Option<f64> {
        self.step(|largest| largest.last().copied())
    }

    fn step(&self, of: impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
        let first = self.stretches.iter().position(|stretch| stretch.reloads > 0)?;
        let (before, since) = self.stretches.split_at(first);
        let before = Spread::of(before.iter().map(|stretch| stretch.largest_us))?;
        let mut largest: Vec<f64> = since.iter().map(|stretch| stretch.largest_us).collect();
        largest.sort_by(f64::total_cmp);
        Some((of(&largest)? - before.median) / 1e3)
    }
}

impl Stretch {
    fn of(reloads: usize, latencies: &Histogram<u64>) -> Self {
        let micros = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            reloads,
            calls: latencies.len(),
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
            largest_us: latencies.max() as f64 / 1e3,
        }
    }
}

/// Who changes a policy, has all of them reloaded, and waits until it is in force.
struct Reloader<'a> {
    process: &'a Process,
    log: File,
    policy: PathBuf,
    /// What it says next, and what it said before.
    texts: (String, String),
}

impl<'a> Reloader<'a> {
    fn new(site: &Site<'_>, process: &'a Process) -> anyhow::Result<Self> {
        let policy = site.folder.join("policies/record.yaml");
        let text = fs::read_to_string(&policy)?;
        let other = text.replace("range: 0..130", "range: 0..131");
        ensure!(text != other, "the policy has no such range");
        let mut log = File::open(site.log())?;
        log.read_to_string(&mut String::new())?;
        Ok(Self { process, log, policy, texts: (other, text) })
    }

    /// Reloads until it is told that this is over; how long each took, in milliseconds.
    fn until(&mut self, done: &AtomicBool) -> anyhow::Result<Vec<f64>> {
        let mut took = Vec::new();
        while !done.load(Ordering::Relaxed) {
            fs::write(&self.policy, &self.texts.0)?;
            self.texts = (std::mem::take(&mut self.texts.1), std::mem::take(&mut self.texts.0));
            let begun = Instant::now();
            self.process.hang_up()?;
            let mut said = String::new();
            while !said.contains(IN_FORCE) {
                ensure!(begun.elapsed() < PATIENCE, "a reload does not come to its end: {said}");
                thread::sleep(LOOK);
                // Little is said, so that the load, on the same core, is not kept from its work.
                self.log.read_to_string(&mut said)?;
            }
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            thread::sleep(REST);
        }
        Ok(took)
    }
}

/// Says in every policy of records what it would be warned of otherwise: hundreds of warnings, each time, would be read here.
fn without_warnings(site: &Site<'_>) -> anyhow::Result<()> {
    for entry in fs::read_dir(site.folder.join("policies"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        fs::write(
            path,
            text.replace("legal_basis: consent\n", "legal_basis: consent\noffered_to_children: none\n"),
        )?;
    }
    Ok(())
}

/// A deployment with so many activities.
fn deployed<'b>(bench: &'b Bench<'_>, place: &str, activities: usize) -> anyhow::Result<(Site<'b>, PathBuf)> {
    let site = bench.site(&format!("{place}-{activities}"), 1, Shape::Record)?;
    let others = activities - SMALL;
    let deployment = Consentry { others, ..Consentry::USUAL }.write(&site)?;
    Ok((site, deployment))
}

fn served(site: &Site<'_>, deployment: &PathBuf) -> Command {
    let mut command = Command::new(&site.tools.gateway);
    command.args(["serve", "--config"]).arg(deployment);
    command
}
