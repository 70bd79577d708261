//! Growth: what a look-up costs and takes as there are more and more callers and persons, from the library itself. Each
//! size has a process of its own, so that memory is that size's alone.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use consentry::app::Core;
use consentry::clock::Clock;
use consentry::crypto::Digest;
use consentry::limits::{Limiter, Rate, Who};
use consentry::personal::Person;
use consentry::standing::Standing;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::cores::{Cores, on};
use crate::install::Tools;
use crate::measure::Bench;
use crate::proc::resident;
use crate::statistics::Spread;
use crate::targets::consentry::{Consentry, deployment, grant};
use crate::workload::Shape;

/// Keys of a limiter.
const KEYS: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// Persons who have agreed.
const PERSONS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// What is measured of each size, at most.
const LOOKS: usize = 1_000_000;
const STORED_LOOKS: usize = 20_000;
/// In so many stretches, of which the one in the middle counts.
const STRETCHES: usize = 20;
const MINTED: usize = 2_000;
/// Changes on their way to the store at a time.
const AT_ONCE: usize = 512;
/// How long persons are made for; a size that takes longer stays smaller, and the report says how small.
const PATIENCE: Duration = Duration::from_secs(180);
/// The same for a size that was asked for.
const MUCH_PATIENCE: Duration = Duration::from_secs(3 * 3_600);

/// A limiter with so many keys.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Keys {
    /// How many.
    pub(crate) keys: usize,
    /// To count a request against one of them, at random.
    pub(crate) check_ns: f64,
    /// Memory for each of them.
    pub(crate) bytes: f64,
    /// To read a word at random of as much memory as they take together, which nothing that looks for one of them can be spared.
    pub(crate) read_ns: f64,
}

/// A store with so many persons, each with a consent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Persons {
    /// How many there should be.
    pub(crate) wanted: usize,
    /// How many there are.
    pub(crate) persons: usize,
    /// Consents made durable in a second, 512 on their way at a time.
    pub(crate) made_per_second: f64,
    /// Somebody's standing from the store, at random, one after the other.
    pub(crate) look_us: f64,
    /// The same of one of them at random, where all are remembered.
    pub(crate) remembered_ns: f64,
    /// Memory for each of them.
    pub(crate) bytes: f64,
    /// To read a word at random of as much memory as they take together.
    pub(crate) read_ns: f64,
    /// A first key of the day for somebody, made and durable, one after the other.
    pub(crate) minted_us: f64,
    /// Both files.
    pub(crate) disk_mib: f64,
}

/// All sizes.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Growth {
    /// Of a limiter.
    pub(crate) keys: Vec<Keys>,
    /// Of a store.
    pub(crate) persons: Vec<Persons>,
}

/// Measures all sizes; with `little` the smallest alone, and of persons only `asked` where that is given.
pub(crate) fn measure(bench: &Bench<'_>, little: bool, asked: Option<usize>) -> anyhow::Result<Growth> {
    let mut growth = Growth::default();
    let sizes = if little { 1 } else { usize::MAX };
    for keys in KEYS.iter().take(sizes) {
        growth.keys.push(alone(&["growth-keys", &keys.to_string()])?);
    }
    let (persons, patience) = match &asked {
        Some(asked) => (std::slice::from_ref(asked), MUCH_PATIENCE),
        None => (&PERSONS[..], PATIENCE),
    };
    for persons in persons.iter().take(sizes) {
        let site = bench.site(&format!("growth-{persons}"), 1, Shape::Record)?;
        Consentry::USUAL.write(&site)?;
        let folder = site.folder.display().to_string();
        let patience = patience.as_secs().to_string();
        growth.persons.push(alone(&["growth-persons", &persons.to_string(), &folder, &patience])?);
        std::fs::remove_dir_all(site.folder)?;
    }
    Ok(growth)
}

fn alone<T: for<'a> Deserialize<'a>>(words: &[&str]) -> anyhow::Result<T> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words);
    let said = on(Cores::All, "growth", || Tools::says(&mut command))?;
    Ok(serde_json::from_str(said.lines().last().unwrap_or_default())?)
}

/// What a child of [`measure`] does.
pub(crate) fn child(words: &[&str]) -> anyhow::Result<String> {
    Ok(match words {
        ["growth-keys", keys] => serde_json::to_string(&keys_of(keys.parse()?)?)?,
        ["growth-persons", persons, folder, patience] => {
            let patience = Duration::from_secs(patience.parse()?);
            serde_json::to_string(&persons_of(persons.parse()?, Path::new(folder), patience)?)?
        }
        _ => bail!("no such growth"),
    })
}

fn keys_of(keys: usize) -> anyhow::Result<Keys> {
    let own = std::process::id();
    let rate = Rate::new(1_000_000, Duration::from_secs(3_600), 1_000_000).context("a rate")?;
    let before = resident(own)?.now_kib;
    // Room for twice as many and some: shards are not filled evenly, least so by few keys, and here every key is to have a place
    // of its own.
    let limiter = Limiter::new(rate, 2 * keys + 4_096);
    for key in 0..keys {
        ensure!(limiter.check(who(key)).is_ok(), "a new key is stopped");
    }
    let bytes = (resident(own)?.now_kib.saturating_sub(before) * 1024) as f64 / keys as f64;
    ensure!(limiter.len() == keys, "{} of {keys} keys are held", limiter.len());
    let chosen = random(keys, LOOKS);
    let begun = Instant::now();
    let mut wrong = 0;
    for key in &chosen {
        // Whom it is about depends on what came of the last one, so that none begins before its turn.
        wrong = usize::from(black_box(limiter.check(who(key + wrong)).is_err()));
    }
    let check_ns = begun.elapsed().as_secs_f64() * 1e9 / LOOKS as f64;
    drop(limiter);
    Ok(Keys { keys, check_ns, bytes, read_ns: read_ns(keys * bytes as usize) })
}

/// To read a word at random of so much memory. Where the next one lies depends on the last, so that none is read before its turn.
fn read_ns(bytes: usize) -> f64 {
    let words: Vec<usize> = (0..(bytes / size_of::<usize>()).max(1)).collect();
    let chosen = random(words.len(), LOOKS);
    let begun = Instant::now();
    // No word has its highest bit set, which only a reader knows.
    let last = chosen.iter().fold(0, |last, next| words.get(next + (last >> 63)).copied().unwrap_or(0));
    black_box(last);
    begun.elapsed().as_secs_f64() * 1e9 / LOOKS as f64
}

/// A caller, as `identity` would name one: any 128 bits.
fn who(number: usize) -> Who<'static> {
    Who::Caller((number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// So many of the first `size` numbers, always the same ones in the same order.
fn random(size: usize, count: usize) -> Vec<usize> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap_or(0) % size.max(1)
    };
    (0..count).map(|_| next()).collect()
}

/// So many of the first `size` numbers, or all of them, each once and far from the one before it.
fn scattered(size: usize, count: usize) -> impl Iterator<Item = usize> {
    // A prime larger than any size: every number comes up once before one comes again.
    const STEP: usize = 2_147_483_647;
    (0..count.min(size)).map(move |at| at * STEP % size)
}

fn persons_of(wanted: usize, folder: &Path, patience: Duration) -> anyhow::Result<Persons> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let core = Core::open(deployment(&folder.join("consentry.yaml"))?, Clock::system()).await?;
        let office = core.office(None);
        let begun = Instant::now();
        let mut persons = 0;
        while persons < wanted && begun.elapsed() < patience {
            let until = wanted.min(persons + AT_ONCE);
            try_join_all((persons..until).map(|number| grant(&office, name(number)))).await?;
            persons = until;
        }
        let made_per_second = persons as f64 / begun.elapsed().as_secs_f64();

        let custody = core.gateway.custody();
        let looked: Vec<_> =
            scattered(persons, persons).map(|number| custody.lookup(&person(number))).collect();
        // Room for twice as many, as of a limiter.
        let standing = Standing::new(core.gateway.store().clone(), 2 * persons + 4_096);
        let before = resident(std::process::id())?.now_kib;
        let (timed, others) = looked.split_at(persons.min(STORED_LOOKS));
        let look_us = looks(&standing, timed).await?;
        for some in others.chunks(AT_ONCE) {
            try_join_all(some.iter().map(|lookup| standing.look(lookup))).await?;
        }
        let bytes =
            (resident(std::process::id())?.now_kib.saturating_sub(before) * 1024) as f64 / persons as f64;
        let remembered_ns = looks_again(&standing, &looked)?;
        drop((standing, looked));
        let read_ns = read_ns(persons * bytes as usize);

        let today = core.gateway.clock().now().day();
        let begun = Instant::now();
        let minted = MINTED.min(persons);
        for number in 0..minted {
            black_box(custody.key(&custody.lookup(&person(number)), None, "record", today).await?);
        }
        let minted_us = begun.elapsed().as_secs_f64() * 1e6 / minted as f64;
        core.gateway.store().close().await;
        let mut disk = 0;
        for file in std::fs::read_dir(folder.join("data"))? {
            let file = file?;
            if file.file_name().to_string_lossy().contains(".db") {
                disk += file.metadata()?.len();
            }
        }
        let disk_mib = disk as f64 / f64::from(1 << 20);
        Ok(Persons {
            wanted,
            persons,
            made_per_second,
            look_us,
            remembered_ns,
            bytes,
            read_ns,
            minted_us,
            disk_mib,
        })
    })
}

/// One after the other, each for the first time.
async fn looks(standing: &Standing, lookups: &[Digest]) -> anyhow::Result<f64> {
    let mut stretches = Vec::new();
    for stretch in lookups.chunks(lookups.len().div_ceil(STRETCHES)) {
        let begun = Instant::now();
        for lookup in stretch {
            black_box(standing.look(lookup).await?);
        }
        stretches.push(begun.elapsed().as_secs_f64() * 1e6 / stretch.len() as f64);
    }
    // One stretch in which the machine does something else is not to tell for all.
    Ok(Spread::of(stretches).context("looks")?.median)
}

/// At random, of persons who are all remembered.
fn looks_again(standing: &Standing, lookups: &[Digest]) -> anyhow::Result<f64> {
    let mut stretches = Vec::new();
    for stretch in random(lookups.len(), LOOKS).chunks(LOOKS / STRETCHES) {
        // What is looked up comes with a request: to find it here is not to count.
        let chosen: Vec<_> = stretch.iter().filter_map(|at| lookups.get(*at).copied()).collect();
        let begun = Instant::now();
        let mut unknown = 0;
        for at in 0..chosen.len() {
            let found = chosen.get(at + unknown).and_then(|lookup| standing.cached(lookup));
            // As of a limiter: none begins before its turn.
            unknown = usize::from(black_box(found.is_none()));
            ensure!(unknown == 0, "somebody is not remembered");
        }
        stretches.push(begun.elapsed().as_secs_f64() * 1e9 / stretch.len() as f64);
    }
    Ok(Spread::of(stretches).context("looks")?.median)
}

fn person(number: usize) -> Person {
    Person::new("customers", name(number))
}

fn name(number: usize) -> String {
    format!("person-{number:08}")
}

/// That numbers are spread over all there are.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let chosen = random(100, 10_000);
    ensure!(chosen.iter().all(|number| *number < 100));
    let mut seen = chosen;
    seen.sort_unstable();
    seen.dedup();
    ensure!(seen.len() == 100, "{} of 100 numbers were chosen", seen.len());
    for size in PERSONS {
        let mut once: Vec<_> = scattered(size, STORED_LOOKS).collect();
        once.sort_unstable();
        once.dedup();
        ensure!(once.len() == size.min(STORED_LOOKS), "{} of {size} persons", once.len());
    }
    let keys = keys_of(1_000)?;
    ensure!(keys.keys == 1_000 && keys.check_ns > 0.0);
    Ok(())
}
