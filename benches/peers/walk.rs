//! The walk of a body beside `serde_json`'s `IgnoredAny`, which knows the grammar and nothing else. From the library itself, in a
//! process of its own on the target's core.

use std::convert::Infallible;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use consentry::payload::Stop;
use consentry::payload::json::walk;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::bodies::{Body, CAPS, Three, bodies};
use crate::cores::{Cores, on};
use crate::install::Tools;
use crate::statistics::Spread;

/// How often both are timed in turn, and how long each, at least.
const ROUNDS: usize = 15;
const TIME: Duration = Duration::from_millis(5);
/// What is quickly walked, in bytes.
const LITTLE: usize = 4 << 10;

/// A body, walked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Walked {
    /// The body's name.
    pub(crate) body: String,
    /// Its length.
    pub(crate) bytes: usize,
    /// Nanoseconds for each byte of it.
    pub(crate) byte_ns: Spread,
    /// What a byte of it takes of what one of the first body takes.
    pub(crate) of_first: Spread,
    /// What the walk takes of what `IgnoredAny` takes.
    pub(crate) of_grammar: Spread,
}

impl Walked {
    /// Whether these are rows of values: of five cells three are written anew, of a record's ten fields also three.
    pub(crate) fn is_wide(&self) -> bool {
        self.body.starts_with("wide")
    }
}

/// Measures all bodies; with `little` those that are quickly walked.
pub(crate) fn measure(little: bool) -> anyhow::Result<Vec<Walked>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["walk-child", if little { "little" } else { "all" }]);
    let said = on(Cores::Target, "walk", || Tools::says(&mut command))?;
    Ok(serde_json::from_str(said.lines().last().unwrap_or_default())?)
}

/// What a child of [`measure`] does.
pub(crate) fn child(how: &str) -> anyhow::Result<String> {
    let most = if how == "little" { LITTLE } else { usize::MAX };
    let bodies: Vec<_> = bodies()?.into_iter().filter(|body| body.text.len() <= most).collect();
    let rounds: Vec<Vec<Round>> =
        (0..ROUNDS).map(|_| bodies.iter().map(round).collect()).collect::<anyhow::Result<_>>()?;
    let walked = |(at, body): (usize, &Body)| {
        let over = |of: fn(&Round, &Round) -> f64| {
            Spread::of(rounds.iter().filter_map(|round| Some(of(round.get(at)?, round.first()?))))
        };
        Some(Walked {
            body: body.name.to_owned(),
            bytes: body.text.len(),
            byte_ns: over(|round, _| round.byte_ns)?,
            of_first: over(|round, first| round.byte_ns / first.byte_ns)?,
            of_grammar: over(|round, _| round.byte_ns / round.grammar_byte_ns)?,
        })
    };
    let walked: Option<Vec<_>> = bodies.iter().enumerate().map(walked).collect();
    Ok(serde_json::to_string(&walked.context("rounds")?)?)
}

/// A body, walked and looked at by `IgnoredAny` one after the other.
struct Round {
    byte_ns: f64,
    grammar_byte_ns: f64,
}

fn round(body: &Body) -> anyhow::Result<Round> {
    let text = body.text.as_bytes();
    let mut out = Vec::new();
    let ours = || -> Result<(), Stop<Infallible>> {
        out.clear();
        walk(black_box(text), &body.layout, &CAPS, &mut Three, &mut out)
    };
    let grammar = || serde_json::from_slice::<IgnoredAny>(black_box(text)).map(drop);
    let byte = 1.0 / text.len() as f64;
    Ok(Round { byte_ns: each_ns(ours)? * byte, grammar_byte_ns: each_ns(grammar)? * byte })
}

/// What one of them takes, of as many as fill the time.
fn each_ns<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let (mut times, mut step) = (0_u32, 1);
    let begun = Instant::now();
    while begun.elapsed() < TIME {
        for _ in 0..step {
            work()?;
        }
        times += step;
        step = (2 * step).min(64);
    }
    Ok(begun.elapsed().as_secs_f64() * 1e9 / f64::from(times))
}

/// That bodies are walked, and others are not taken for walked.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    for body in bodies()?.into_iter().filter(|body| body.text.len() <= LITTLE) {
        let mut out = Vec::new();
        walk(body.text.as_bytes(), &body.layout, &CAPS, &mut Three, &mut out)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let text = String::from_utf8(out)?;
        ensure!(
            text.contains("p1_0123456789abcdefghijkl") && !text.contains("King\""),
            "{}: {text}",
            body.name
        );
        ensure!(text.contains("\"Paris\"") || body.name.starts_with("wide"), "{}: {text}", body.name);
    }
    Ok(())
}
