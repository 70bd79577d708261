//! One workload over its targets, round by round: all are started and checked, then loaded in turn.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::calls::{Calls, Counter};
use crate::check::{Passed, check};
use crate::cores::Cores;
use crate::http::request;
use crate::idle;
use crate::install::Tools;
use crate::load::{Load, Order, Outcome, Until};
use crate::material::{Algorithm, CALLERS, Material};
use crate::others::{Look, Others};
use crate::proc::{Resident, Times};
use crate::process::{Process, free_port};
use crate::statistics::Spread;
use crate::steady;
use crate::sync;
use crate::targets::{Peer, Site};
use crate::tokens;
use crate::workload::{Measure, Shape, Tokens, Workload};

/// Requests before anything is counted, where each has a token of its own.
pub(crate) const WARM: u64 = 500;

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
    /// How long its system calls are counted, after the last round.
    pub(crate) counted: Duration,
    /// Idle connections of which memory is measured.
    pub(crate) idle: usize,
    /// Requests of a round where each has a token of its own.
    pub(crate) new_tokens: u64,
    /// Cycles of the store's indices in a round of a gateway that keeps records, at least.
    pub(crate) cycles: u64,
}

/// One round of one target.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// Resident memory when a round was over, the most of any, in KiB.
    pub(crate) resident_kib: u64,
    /// The most that was ever resident, in KiB.
    pub(crate) peak_kib: u64,
    /// Round by round.
    pub(crate) samples: Vec<Sample>,
    /// System calls a request by the names of its threads, where they are counted.
    pub(crate) calls: Option<Calls>,
    /// Memory of idle connections, where that is what is measured.
    pub(crate) idle: Option<idle::Memory>,
}

impl Cell {
    fn new(peer: &dyn Peer, workload: &Workload) -> Self {
        Self {
            target: peer.name(),
            plain: peer.work(workload) != workload.work,
            connections: peer.most_connections().unwrap_or(usize::MAX).min(workload.connections),
            by_thread_us: BTreeMap::new(),
            threads: 0,
            resident_kib: 0,
            peak_kib: 0,
            samples: Vec::new(),
            calls: None,
            idle: None,
        }
    }

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

    /// What is looked at when a round is over.
    fn last_look(&mut self, process: &Process) -> anyhow::Result<()> {
        self.threads = process.times()?.threads();
        let Resident { now_kib, peak_kib } = process.resident()?;
        self.resident_kib = self.resident_kib.max(now_kib);
        self.peak_kib = self.peak_kib.max(peak_kib);
        Ok(())
    }

    /// Something of this over the same of another: the median of what it is in each round, for what the machine does in a
    /// round it does to both.
    pub(crate) fn ratio(&self, other: &Self, of: impl Fn(&Sample) -> f64) -> Option<f64> {
        let rounds = self.samples.iter().zip(&other.samples);
        Some(Spread::of(rounds.map(|(ours, theirs)| of(ours) / of(theirs)))?.median)
    }

    /// Median and spread of something over the rounds.
    pub(crate) fn spread(&self, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().map(of))
    }
}

/// What came of a workload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) title: &'static str,
    /// The median time of an `fdatasync` on the disk meanwhile, in microseconds.
    pub(crate) sync_us: f64,
    /// Who else used the cores meanwhile.
    pub(crate) others: Option<Others>,
    /// The targets that were measured.
    pub(crate) cells: Vec<Cell>,
    /// Those that could not be, and why.
    pub(crate) missing: BTreeMap<&'static str, String>,
    /// Those that did other work than they should, and what. These fail the run.
    pub(crate) wrong: BTreeMap<&'static str, String>,
}

fn last_words(site: &Site<'_>) -> String {
    format!("its last words: {}", site.last_words())
}

/// A target that is up for a round.
struct Up<'a, 'c> {
    peer: &'a dyn Peer,
    site: Site<'a>,
    process: Process,
    passed: u64,
    /// How long a body is for the model.
    length: usize,
    cell: &'c mut Cell,
}

/// What all workloads share.
pub(crate) struct Bench<'a> {
    pub(crate) backend: &'a Backend,
    pub(crate) material: &'a Material,
    pub(crate) tools: &'a Tools,
    pub(crate) folder: &'a Path,
    pub(crate) effort: Effort,
    /// Whether system calls can be counted here.
    pub(crate) counts: bool,
}

impl Bench<'_> {
    /// Measures a workload over those of these targets that it names.
    ///
    /// # Errors
    /// Where the bench itself cannot go on. What a target does wrong is in what is returned.
    pub(crate) fn run(&self, workload: &Workload, peers: &[&dyn Peer]) -> anyhow::Result<Measured> {
        let mut measured = Measured { name: workload.name, title: workload.title, ..Measured::default() };
        let mut targets = Vec::new();
        for peer in peers.iter().filter(|peer| workload.peers.contains(&peer.name())) {
            match peer.version(self.tools) {
                Ok(_) => targets.push((*peer, Cell::new(*peer, workload))),
                Err(error) => _ = measured.missing.insert(peer.name(), format!("{error:#}")),
            }
        }
        let (rounds, requests) = match workload.measure {
            Measure::Load(_) => (self.effort.rounds, self.requests(workload)?),
            Measure::Idle => (1, Vec::new()),
        };
        let (mut syncs, before) = (Vec::new(), Look::now()?);
        for round in 0..rounds {
            syncs.extend(sync::times_us(self.folder)?);
            // Another one begins, and the others follow the other way about: nobody always comes first, or behind the same one.
            if round > 0 {
                targets.reverse();
                let step = targets.len() / rounds;
                targets.rotate_left(step);
            }
            self.round(workload, round, &requests, &mut targets, &mut measured.wrong)?;
        }
        measured.others = Some(before.others()?);
        measured.sync_us = Spread::of(syncs).map_or(0.0, |spread| spread.median);
        targets.retain(|(peer, _)| !measured.wrong.contains_key(peer.name()));
        targets.sort_by_key(|(peer, _)| workload.peers.iter().position(|name| *name == peer.name()));
        measured.cells = targets.into_iter().map(|(_, cell)| cell).collect();
        Ok(measured)
    }

    /// One round: every target that has done nothing wrong is started anew, for one process of a program differs from the
    /// next more than one stretch of it from another; checked, and loaded in its turn; stopped, and asked for what it left.
    fn round<'b>(
        &'b self,
        workload: &Workload,
        round: usize,
        requests: &[Vec<u8>],
        targets: &mut [(&'b dyn Peer, Cell)],
        wrong: &mut BTreeMap<&'static str, String>,
    ) -> anyhow::Result<()> {
        let mut up = Vec::new();
        for (peer, cell) in targets {
            if wrong.contains_key(peer.name()) {
                continue;
            }
            match self.start(workload, round, *peer, cell) {
                Ok(target) => up.push(target),
                Err(error) => _ = wrong.insert(peer.name(), format!("{error:#}")),
            }
        }
        // The first that goes wrong with a target tells most.
        let mut note = |peer: &dyn Peer, error| {
            wrong.entry(peer.name()).or_insert_with(|| format!("{error:#}"));
        };
        self.backend.answers(&workload.shape.answer());
        for target in &mut up {
            let done = match workload.measure {
                Measure::Load(order) => self.load(workload, order, round, requests, target),
                Measure::Idle => self.idle(target),
            };
            if let Err(error) = done.with_context(|| last_words(&target.site)) {
                note(target.peer, error);
            }
        }
        for Up { peer, site, process, passed, cell, .. } in up {
            let last = cell.last_look(&process).and_then(|()| process.stop());
            if let Err(error) = last.and_then(|()| peer.evidence(&site, workload, passed)) {
                note(peer, error);
            }
            // What is left goes with the bench's own folder.
            let _ = fs::remove_dir_all(site.folder);
        }
        Ok(())
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
            algorithm: Algorithm::Hs256,
        })
    }

    fn start<'b, 'c>(
        &'b self,
        workload: &Workload,
        round: usize,
        peer: &'b dyn Peer,
        cell: &'c mut Cell,
    ) -> anyhow::Result<Up<'b, 'c>> {
        let place = format!("{}-{}-{round}", workload.name.replace(' ', ""), peer.name());
        let site = self.site(&place, workload.workers, workload.shape)?;
        let site = Site { algorithm: workload.algorithm(), ..site };
        let process = peer.start(&site)?;
        let Passed { requests: passed, length } =
            check(workload, peer, site.address, self.material, self.backend)
                .with_context(|| last_words(&site))?;
        Ok(Up { peer, site, process, passed, length, cell })
    }

    fn load(
        &self,
        workload: &Workload,
        order: Order,
        round: usize,
        requests: &[Vec<u8>],
        target: &mut Up<'_, '_>,
    ) -> anyhow::Result<()> {
        let Effort { time, warm, new_tokens, .. } = self.effort;
        let whole = steady::wanted(&self.effort, workload, target.peer.name());
        let (requests, warm, until) = match workload.tokens {
            Tokens::New(_) => {
                let each = usize::try_from(new_tokens + WARM)?;
                let share = requests.get(round * each..(round + 1) * each).context("a round's tokens")?;
                (share, vec![Until::count(WARM)], Until::count(new_tokens))
            }
            _ if whole => {
                let (warm, until) = steady::stretches(&self.effort, order, target.passed);
                (requests, warm, until)
            }
            _ => {
                // What is made for each caller once is made before anything is counted.
                let once = Until::Either { time: 3 * time, count: requests.len() as u64 };
                (requests, vec![once, Until::time(warm)], Until::time(time))
            }
        };
        let answer = workload.shape.answered(target.peer.work(workload));
        let load = Load {
            address: target.site.address,
            tls: self.material.tls(),
            requests,
            answer: answer.as_bytes(),
            callers: target.cell.connections,
            order,
        };
        let before = self.backend.requests();
        self.backend.expects(target.length);
        let (outcome, from, to) = load.run(&warm, until, || target.process.times())?;
        let (passed, answers) = (self.backend.requests() - before, outcome.requests + outcome.before);
        let lost = to.lost(&from);
        ensure!(lost.is_zero(), "what has ended took {lost:?}, which no figure would have");
        target.passed += passed;
        ensure!(passed == answers, "{answers} answers, and the model saw {passed} requests");
        target.cell.add(&outcome, &from, &to);
        if self.counts && workload.counted && round + 1 == self.effort.rounds {
            let until = if whole { Until::count(steady::CYCLE) } else { Until::time(self.effort.counted) };
            target.cell.calls = Some(self.count(&load, until, target)?);
        }
        let (others, length) = (self.backend.others(), target.length);
        ensure!(others == 0, "the model got {others} bodies that are not of {length} bytes, as they should");
        Ok(())
    }

    /// System calls a request, over the same load.
    fn count(&self, load: &Load<'_>, until: Until, target: &mut Up<'_, '_>) -> anyhow::Result<Calls> {
        let Up { site, process, passed, .. } = target;
        let counter = Counter::start(self.tools, &process.members()?, &site.folder)?;
        let counts = AtomicBool::new(false);
        let turn = || counter.tell(!counts.fetch_xor(true, Ordering::Relaxed));
        let (outcome, ..) = load.run(&[Until::time(self.effort.warm)], until, turn)?;
        *passed += outcome.requests + outcome.before;
        let mut calls = counter.counted()?;
        calls.retain(|_, calls| {
            *calls /= outcome.requests.max(1) as f64;
            *calls > 0.0
        });
        Ok(calls)
    }

    fn idle(&self, target: &mut Up<'_, '_>) -> anyhow::Result<()> {
        let Up { site, process, cell, .. } = target;
        cell.idle = Some(idle::measure(site.address, self.effort.idle, self.material, process)?);
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
