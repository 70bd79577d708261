//! One workload over its targets: all are started and checked, then loaded in turn, round by round.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::backend::Backend;
use crate::check::check;
use crate::cores::Cores;
use crate::http::request;
use crate::idle;
use crate::install::Tools;
use crate::load::{Load, Order, Outcome, Until};
use crate::material::{CALLERS, Material};
use crate::proc::Times;
use crate::process::{Process, free_port};
use crate::statistics::Spread;
use crate::sync;
use crate::targets::{Peer, Site};
use crate::tokens;
use crate::workload::{Measure, Shape, Tokens, Workload};

/// Requests before anything is counted, where each has a token of its own.
const WARM: u64 = 500;

/// What bodies of all callers may measure together, in bytes.
const BODIES: usize = 128 << 20;

/// How long and how often.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Effort {
    /// Rounds.
    pub(crate) rounds: usize,
    /// How long a target is loaded in each.
    pub(crate) time: Duration,
    /// How long it is loaded before.
    pub(crate) warm: Duration,
    /// Idle connections of which memory is measured.
    pub(crate) idle: usize,
    /// Requests of a round where each has a token of its own.
    pub(crate) new_tokens: u64,
}

/// One round of one target.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Requests, all answered as they should be.
    pub(crate) requests: u64,
    /// CPU time of the process tree for each, in microseconds.
    pub(crate) cpu_us: f64,
    /// Requests in a second.
    pub(crate) per_second: f64,
    /// Latencies in microseconds.
    pub(crate) p50_us: f64,
    /// The same.
    pub(crate) p99_us: f64,
    /// The same.
    pub(crate) p999_us: f64,
}

/// What was measured of a target in a workload.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    /// The target.
    pub(crate) target: &'static str,
    /// Whether it did less than the workload's work: plain proxying, as a measure.
    pub(crate) plain: bool,
    /// Connections of the load.
    pub(crate) connections: usize,
    /// CPU time of all rounds by the names of its threads, in microseconds a request.
    pub(crate) by_thread_us: BTreeMap<String, f64>,
    /// Threads, when the last round was over.
    pub(crate) threads: usize,
    /// Resident memory then, in KiB.
    pub(crate) resident_kib: u64,
    /// Round by round.
    pub(crate) samples: Vec<Sample>,
    /// Memory of idle connections, where that is what is measured.
    pub(crate) idle: Option<idle::Memory>,
}

impl Cell {
    /// Adds a round.
    fn add(&mut self, outcome: &Outcome, from: &Times, to: &Times) {
        let before: u64 = self.samples.iter().map(|sample| sample.requests).sum();
        let all = (before + outcome.requests).max(1) as f64;
        for (name, used) in to.by_name(from) {
            let us = self.by_thread_us.entry(name).or_default();
            *us = (*us * before as f64 + used.as_secs_f64() * 1e6) / all;
        }
        self.samples.push(Sample::of(outcome, to.since(from)));
    }

    /// What is looked at when all rounds are over.
    fn last_look(&mut self, process: &Process) -> anyhow::Result<()> {
        self.threads = process.times()?.threads();
        self.resident_kib = process.resident()?;
        Ok(())
    }

    /// Median and spread of something over the rounds.
    pub(crate) fn spread(&self, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().map(of))
    }
}

/// What came of a workload.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) title: &'static str,
    /// The median time of an `fdatasync` on the disk meanwhile, in microseconds.
    pub(crate) sync_us: f64,
    /// The targets that were measured.
    pub(crate) cells: Vec<Cell>,
    /// Those that could not be, and why.
    pub(crate) missing: BTreeMap<&'static str, String>,
    /// Those that did other work than they should, and what. These fail the run.
    pub(crate) wrong: BTreeMap<&'static str, String>,
}

/// A target that is up.
struct Up<'a> {
    peer: &'a dyn Peer,
    site: Site<'a>,
    process: Process,
    passed: u64,
    cell: Cell,
}

/// What all workloads share.
pub(crate) struct Bench<'a> {
    pub(crate) backend: &'a Backend,
    pub(crate) material: &'a Material,
    pub(crate) tools: &'a Tools,
    pub(crate) folder: &'a Path,
    pub(crate) effort: Effort,
}

impl Bench<'_> {
    /// Measures a workload over those of these targets that it names.
    ///
    /// # Errors
    /// Where the bench itself cannot go on. What a target does wrong is in what is returned.
    pub(crate) fn run(&self, workload: &Workload, peers: &[&dyn Peer]) -> anyhow::Result<Measured> {
        let mut measured = Measured { name: workload.name, title: workload.title, ..Measured::default() };
        let mut up = Vec::new();
        for peer in peers.iter().filter(|peer| workload.peers.contains(&peer.name())) {
            let name = peer.name();
            if let Err(error) = peer.version(self.tools) {
                measured.missing.insert(name, format!("{error:#}"));
                continue;
            }
            match self.start(workload, *peer) {
                Ok(target) => up.push(target),
                Err(error) => {
                    measured.wrong.insert(name, format!("{error:#}"));
                }
            }
        }
        match workload.measure {
            Measure::Load(order) => self.rounds(workload, order, &mut up, &mut measured)?,
            Measure::Idle => {
                for Up { site, process, cell, .. } in &mut up {
                    match idle::measure(site.address, self.effort.idle, self.material, process) {
                        Ok(memory) => cell.idle = Some(memory),
                        Err(error) => {
                            measured.wrong.insert(cell.target, format!("{error:#}"));
                        }
                    }
                }
            }
        }
        for mut target in up {
            let name = target.peer.name();
            let last = target.cell.last_look(&target.process);
            let left = last.and_then(|()| target.process.stop());
            let left = left.and_then(|()| target.peer.evidence(&target.site, workload, target.passed));
            match left {
                Ok(()) if !measured.wrong.contains_key(name) => measured.cells.push(target.cell),
                Ok(()) => {}
                Err(error) => {
                    measured.wrong.insert(name, format!("{error:#}"));
                }
            }
        }
        Ok(measured)
    }

    /// A folder of its own and a free port for a target.
    pub(crate) fn site(&self, place: &str, workers: usize, shape: Shape) -> anyhow::Result<Site<'_>> {
        let folder = self.folder.join(place);
        fs::create_dir_all(&folder)?;
        Ok(Site {
            folder,
            address: SocketAddr::from(([127, 0, 0, 1], free_port()?)),
            backend: self.backend.address(),
            material: self.material,
            tools: self.tools,
            workers,
            cores: if workers == 1 { Cores::Target } else { Cores::All },
            shape,
        })
    }

    fn start<'b>(&'b self, workload: &Workload, peer: &'b dyn Peer) -> anyhow::Result<Up<'b>> {
        let place = format!("{}-{}", workload.name.replace(' ', ""), peer.name());
        let site = self.site(&place, workload.workers, workload.shape)?;
        let process = peer.start(&site)?;
        let work = peer.work(workload);
        let passed = check(workload, work, site.address, self.material, self.backend)
            .with_context(|| format!("its last words: {}", site.last_words()))?;
        let cell = Cell {
            target: peer.name(),
            plain: work != workload.work,
            connections: peer.connections().min(workload.connections),
            by_thread_us: BTreeMap::new(),
            threads: 0,
            resident_kib: 0,
            samples: Vec::new(),
            idle: None,
        };
        Ok(Up { peer, site, process, passed, cell })
    }

    fn rounds(
        &self,
        workload: &Workload,
        order: Order,
        up: &mut [Up<'_>],
        measured: &mut Measured,
    ) -> anyhow::Result<()> {
        let Effort { rounds, time, warm, new_tokens, .. } = self.effort;
        let requests = self.requests(workload)?;
        self.backend.answers(&workload.shape.answer());
        let mut syncs = Vec::new();
        for round in 0..rounds {
            syncs.extend(sync::times_us(self.folder)?);
            // Each begins in turn, so that nobody always follows the same one.
            if !up.is_empty() {
                up.rotate_left(usize::from(round > 0) % up.len());
            }
            for target in up.iter_mut() {
                let name = target.peer.name();
                if measured.wrong.contains_key(name) {
                    continue;
                }
                let (requests, warm, until) = match workload.tokens {
                    Tokens::New(_) => {
                        let each = usize::try_from(new_tokens + WARM)?;
                        let share =
                            requests.get(round * each..(round + 1) * each).context("a round's tokens")?;
                        (share, vec![Until::count(WARM)], Until::count(new_tokens))
                    }
                    _ => {
                        // What is made for each caller once is made before anything is counted.
                        let once = Until { time: 3 * time, count: requests.len() as u64 };
                        let warm = (round == 0).then_some(once).into_iter().chain([Until::time(warm)]);
                        (requests.as_slice(), warm.collect(), Until::time(time))
                    }
                };
                let answer = workload.shape.answered(target.peer.work(workload));
                let load = Load {
                    address: target.site.address,
                    tls: self.material.tls(),
                    requests,
                    answer: answer.as_bytes(),
                    connections: target.cell.connections,
                    order,
                };
                let before = self.backend.requests();
                match load.run(&warm, until, || target.process.times()) {
                    Ok((outcome, from, to)) => {
                        let passed = self.backend.requests() - before;
                        target.passed += passed;
                        if passed < outcome.requests {
                            let says = format!("{} answers, and the model saw {passed}", outcome.requests);
                            measured.wrong.insert(name, says);
                        }
                        target.cell.add(&outcome, &from, &to);
                    }
                    Err(error) => {
                        measured.wrong.insert(name, format!("{error:#}"));
                    }
                }
            }
        }
        measured.sync_us = Spread::of(syncs).map_or(0.0, |spread| spread.median);
        up.sort_by_key(|target| workload.peers.iter().position(|name| *name == target.peer.name()));
        Ok(())
    }

    /// The requests of all rounds.
    fn requests(&self, workload: &Workload) -> anyhow::Result<Vec<Vec<u8>>> {
        let Effort { rounds, new_tokens, .. } = self.effort;
        let (path, shape) = (workload.path(), workload.shape);
        // Large bodies are not held a thousand times over.
        let callers = (BODIES / shape.body(0).len()).clamp(4, CALLERS);
        let count = match workload.tokens {
            Tokens::None => {
                return Ok((0..callers).map(|number| request(path, None, &shape.body(number))).collect());
            }
            Tokens::Rotating(_) => callers,
            Tokens::New(_) => rounds * usize::try_from(new_tokens + WARM)?,
        };
        let tokens = tokens::many(self.material, workload.algorithm(), count)?;
        let numbered = tokens.iter().enumerate();
        Ok(numbered.map(|(at, token)| request(path, Some(token), &shape.body(at % CALLERS))).collect())
    }
}

impl Sample {
    fn of(outcome: &Outcome, cpu: Duration) -> Self {
        let requests = outcome.requests.max(1) as f64;
        let micros = |quantile| outcome.latencies.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            requests: outcome.requests,
            cpu_us: cpu.as_secs_f64() * 1e6 / requests,
            per_second: requests / outcome.took.as_secs_f64(),
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
        }
    }
}

/// Whether a target does a workload's own work is told by its cells; this is how many of them are not right.
pub(crate) fn failures(all: &[Measured]) -> usize {
    all.iter().map(|measured| measured.wrong.len()).sum()
}
