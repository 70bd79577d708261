//! Consentry beside others that do the same work: on this machine, in one run, in turn.
//!
//! ```console
//! $ cargo peers full                 # all workloads, with the gateway as it is shipped; three quarters of an hour
//! $ cargo peers C D rounds=3         # some of them
//! $ cargo test --bench peers -- smoke   # all targets, checked and hardly measured, with the gateway of that profile
//! ```
//!
//! Words: `full`, `smoke`, names of workloads (`C` means all that begin so), `growth` (callers and persons, from the
//! library), `walk` (bodies, from the library too), `start` and `reload` (what those notice who call); `rounds=N`, `seconds=S`, `only=NAME,NAME`, `persons=N`
//! (`growth` with a store of so many, and of no other size), `publish` (into the documentation, and compared with what is there),
//! `before=FILE` (compared with the `report.json` of an earlier run), `offline` (nothing is
//! installed), `gateway=PATH` (another build), `beside=PATH` (one more build, as a target of its own in A to G and for bodies).
//! What is not there is left out and named; `smoke` fails then, unless it is `offline`.
//! The run fails where a target does other work than it should, never because it takes long. Without words the bench only
//! checks itself.

#![expect(clippy::print_stdout, reason = "a bench tells what it found")]

mod backend;
#[path = "../walker/bodies.rs"]
mod bodies;
mod calls;
mod check;
mod cores;
mod evidence;
mod growth;
mod http;
mod http2;
mod idle;
mod install;
mod living;
mod load;
mod machine;
mod material;
mod measure;
mod others;
mod paced;
mod probes;
mod proc;
mod process;
mod report;
mod statistics;
mod steady;
mod sync;
mod targets;
mod tokens;
mod walk;
mod words;
mod workload;
mod workloads;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use consentry::clock::Clock;
use rustix::process::{Resource, Rlimit};

use backend::Backend;
use install::Tools;
use machine::Machine;
use material::Material;
use measure::Bench;
use report::{Before, Run};
use targets::consentry::{BESIDE, GATEWAY};
use words::{GROWTH, RELOAD, START, WALK, Words};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["floor", how @ ..] = words.as_slice() {
        return targets::floor::serve(how);
    }
    if words.first().is_some_and(|word| word.starts_with("growth-")) {
        println!("{}", growth::child(&words)?);
        return Ok(());
    }
    if let ["walk-child", how] = words.as_slice() {
        println!("{}", walk::child(how)?);
        return Ok(());
    }
    match Words::read(&words)? {
        Some(words) => run(&words),
        None => prove(),
    }
}

/// What is said of machines and numbers, on examples: no peers, no load.
fn prove() -> anyhow::Result<()> {
    statistics::proves_itself()?;
    calls::proves_itself()?;
    proc::proves_itself()?;
    others::proves_itself()?;
    machine::proves_itself()?;
    workload::proves_itself()?;
    http2::proves_itself()?;
    probes::proves_itself()?;
    check::proves_itself()?;
    evidence::proves_itself()?;
    targets::proves_itself()?;
    report::proves_itself()?;
    words::proves_itself()?;
    growth::proves_itself()?;
    walk::proves_itself()?;
    living::proves_itself()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        http::proves_itself().await?;
        paced::proves_itself().await
    })?;
    println!("peers: the bench is in order; `cargo peers smoke` or `full` measures");
    Ok(())
}

/// As many open files as we may have: thousands of connections have two ends in this process and its children.
fn open_files() -> anyhow::Result<()> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}

fn git(words: &[&str]) -> anyhow::Result<String> {
    Tools::says(Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(words))
}

/// The commit of the sources, where they lie in a repository.
fn commit() -> String {
    git(&["describe", "--always", "--dirty", "--exclude", "*"])
        .unwrap_or_else(|_| "sources without a repository".to_owned())
}

/// That a build is of the gateway's sources as they are at a commit, by what `benches/pgo/run` wrote beside it.
fn of_these_sources(program: &Path, commit: &str) -> anyhow::Result<()> {
    let note = program.with_extension("commit");
    let built = fs::read_to_string(&note).with_context(|| note.display().to_string())?;
    let what = ["src", "Cargo.toml", "Cargo.lock", ".cargo", "askama.toml"];
    let differs = git(&[["diff", "--quiet", built.trim(), commit, "--"].as_slice(), &what].concat());
    differs.with_context(|| {
        format!("{} is of {}, or of other sources: build it again", program.display(), built.trim())
    })?;
    Ok(())
}

/// What was measured, if it was; else that is told at the end.
fn or_told<T>(measured: anyhow::Result<T>, what: &str, failed: &mut Vec<String>) -> Option<T> {
    measured.map_err(|error| failed.push(format!("{what}: {error:#}"))).ok()
}

fn run(words: &Words) -> anyhow::Result<()> {
    let commit = commit();
    ensure!(
        !words.publish || !commit.ends_with("-dirty"),
        "what is published names its commit: commit what has changed first"
    );
    if let (true, Some(beside)) = (words.publish, &words.beside) {
        of_these_sources(beside, &commit)?;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let published = words.publish.then(|| report::published(root));
    let before = words.before.clone().or(published).map(|file| Before::read(&file)).transpose()?;
    open_files()?;
    let tools = Tools::find(words.gateway.clone(), words.beside.clone());
    let (peers, workloads) = (targets::all(), words.workloads());
    let peers: Vec<_> = peers.iter().map(AsRef::as_ref).filter(|peer| words.wants(peer.name())).collect();
    let wanted = |name: &str| peers.iter().any(|peer| peer.name().starts_with(name));
    if !words.offline {
        let packages = ["nginx", "haproxy", "caddy"].iter().any(|name| wanted(name));
        for failed in tools.install(packages, wanted("envoy") || wanted("fastapi")) {
            println!("could not be installed: {failed}");
        }
    }
    let folder = tempfile::Builder::new().prefix("peers").tempdir()?;
    let machine = Machine::here(folder.path())?;
    ensure!(
        !words.publish || !machine.files.is_memory(),
        "{} is memory ({}), where a journal costs nothing: what is published has its files on a disk (TMPDIR=FOLDER)",
        machine.files.at.display(),
        machine.files.kind
    );
    let material = Material::new(folder.path())?;
    let backend = Backend::start()?;
    let at = Clock::system().now().to_string();
    let mut run = Run {
        at,
        command: words.command.clone(),
        commit,
        machine,
        effort: words.effort,
        smoke: words.smoke,
        versions: BTreeMap::new(),
        measured: Vec::new(),
        starts: Vec::new(),
        reloads: None,
        growth: None,
        walked: Vec::new(),
        before,
    };
    for peer in &peers {
        let version = match peer.version(&tools) {
            // What is published has every target.
            Err(error) if words.publish || [GATEWAY, BESIDE].contains(&peer.name()) => return Err(error),
            version => version.unwrap_or_else(|error| format!("not there: {error:#}")),
        };
        println!("{}: {version}", peer.name());
        run.versions.insert(peer.name(), version);
    }
    let counts = calls::can_be_counted(&tools);
    if let Err(error) = &counts {
        println!("system calls are not counted: {error:#}");
    }
    let bench = Bench {
        backend: &backend,
        material: &material,
        tools: &tools,
        folder: folder.path(),
        effort: words.effort,
        counts: counts.is_ok(),
    };
    for workload in &workloads {
        let begun = Instant::now();
        run.measured.push(bench.run(workload, &peers)?);
        println!("{}: {} ({:.1} s)", workload.name, workload.title, begun.elapsed().as_secs_f64());
    }
    // What was measured before one of these fails is written all the same.
    let mut failed = Vec::new();
    if words.also(START) {
        println!("H start: from nothing to the first answer");
        run.starts = or_told(living::starts(&bench, words.smoke), START, &mut failed).unwrap_or_default();
    }
    if words.also(RELOAD) {
        println!("H reload: calls while policies are reloaded");
        run.reloads = or_told(living::reloads(&bench, words.smoke), RELOAD, &mut failed);
    }
    if words.also(GROWTH) {
        println!("H: growth of callers and persons");
        run.growth = or_told(growth::measure(&bench, words.smoke, words.persons), GROWTH, &mut failed);
    }
    if words.also(WALK) {
        println!("H walk: bodies, and the grammar alone");
        run.walked = or_told(walk::measure(words.smoke), WALK, &mut failed).unwrap_or_default();
    }
    // A smoke test does not take the place of what was measured.
    let results = if words.smoke { tools.results.join("smoke") } else { tools.results.clone() };
    println!("{}", run.write(&results)?);
    println!("written to {}", results.display());
    let failures = measure::failures(&run.measured);
    let cells: Vec<_> = run.measured.iter().flat_map(|measured| &measured.cells).collect();
    let missing: BTreeMap<_, _> = run.measured.iter().flat_map(|measured| &measured.missing).collect();
    println!(
        "peers: {} workloads, {} times a target did its work, {failures} times not; not there: {}",
        run.measured.len(),
        cells.len(),
        if missing.is_empty() { "none".to_owned() } else { format!("{:?}", missing.keys()) },
    );
    ensure!(failures == 0, "{failures} times a target did other work than it should");
    ensure!(failed.is_empty(), "{}", failed.join("; "));
    // A smoke test of the gateway alone would say that all do the same work.
    ensure!(
        !words.smoke || words.offline || missing.is_empty(),
        "not there, so that nothing is known of them: {missing:?}; install them, or say `offline` if those that are there do"
    );
    if words.publish {
        run.publish(root)?;
    }
    Ok(())
}
