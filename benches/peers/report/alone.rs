//! What we want of the gateway by itself, and whether a run reached it: limits that are no ratio to another program.

use anyhow::ensure;

use super::{Run, cell};
use crate::growth::Growth;
use crate::statistics::Spread;
use crate::targets::consentry::GATEWAY;
use crate::walk::Walked;

/// The threads of the gateway that serve connections are called so, and a number.
const SERVING: &str = "proxy-";
/// From how many keys on a limiter's room for them is more than what it has anyway.
const MANY_KEYS: usize = 100_000;
/// What a look at one of many keys or persons may read of memory that one of few finds in a cache: the table's lock, where it says
/// which places are taken, and the place itself.
const READS: f64 = 3.0;
/// Where nothing is to grow, what two measurements may lie apart.
const LEVEL: f64 = 1.25;

/// What is wanted of something by itself: what, at most how much, and how much it was, with so many digits behind the point.
pub(super) struct Alone {
    pub(super) says: String,
    pub(super) most: f64,
    pub(super) was: Spread,
    pub(super) digits: usize,
}

impl Alone {
    fn new(says: impl Into<String>, most: f64, was: f64, digits: usize) -> Self {
        Self { says: says.into(), most, was: Spread::one(was), digits }
    }
}

/// What was measured of the gateway by itself.
pub(super) fn alone(run: &Run) -> Vec<Alone> {
    let mut found = Vec::new();
    for (workload, what) in [("A", "A"), ("C", "C, without the journal's thread")] {
        if let Some(calls) = cell(&run.measured, workload, GATEWAY).and_then(|cell| cell.calls.as_ref()) {
            let serving = calls.iter().filter(|(thread, _)| thread.starts_with(SERVING));
            let calls = serving.map(|(_, calls)| calls).sum();
            found.push(Alone::new(format!("{what}: system calls an exchange"), 4.3, calls, 2));
        }
    }
    if let Some(start) = run.starts.iter().max_by_key(|start| start.activities) {
        let says = format!("first answer over TLS with {} activities, ms", start.activities);
        found.push(Alone::new(says, 100.0, start.first_ms.median, 1));
    }
    if let Some((step, worst)) = run.reloads.as_ref().and_then(|all| Some((all.step_ms()?, all.worst_ms()?)))
    {
        let says = "the largest latency of a stretch since the first reload, less the median before, ms: of one in ten, and the worst";
        // A disk can do that once, too.
        let was = Spread { median: step, least: step, greatest: worst };
        found.push(Alone { says: says.to_owned(), most: 10.0, was, digits: 1 });
    }
    let keys = run.growth.iter().flat_map(|growth| &growth.keys).filter(|size| size.keys >= MANY_KEYS);
    if let Some(bytes) = keys.map(|size| size.bytes).reduce(f64::max) {
        found.push(Alone::new(format!("a limiter's key, bytes, from {MANY_KEYS} keys on"), 64.0, bytes, 1));
    }
    found.extend(run.growth.iter().flat_map(flat));
    found.extend(walked(&run.walked));
    found
}

/// Looks stay as they are from the fewest to the most but for what memory takes, which is told in reads of a word at random; of
/// those that go into the store no size takes more than a smaller one.
fn flat(growth: &Growth) -> Vec<Alone> {
    let mut found = Vec::new();
    if let [few, .., many] = growth.keys.as_slice() {
        let says =
            format!("a limiter's check with {} keys, reads of memory more than with {}", many.keys, few.keys);
        found.push(Alone::new(says, READS, (many.check_ns - few.check_ns) / many.read_ns, 1));
    }
    if let [few, .., most] = growth.persons.as_slice() {
        let says = format!(
            "a look at one of {} remembered persons, reads of memory more than with {}",
            most.persons, few.persons
        );
        found.push(Alone::new(says, READS, (most.remembered_ns - few.remembered_ns) / most.read_ns, 1));
        let says = format!(
            "a look into the store with {} to {} persons, the most of any of a smaller one",
            few.persons, most.persons
        );
        found.push(Alone::new(says, LEVEL, rise(growth.persons.iter().map(|size| size.look_us)), 2));
    }
    found
}

/// How many times one of these is of the least before it, at most.
fn rise(sizes: impl IntoIterator<Item = f64>) -> f64 {
    let (_, rise) = sizes
        .into_iter()
        .fold((f64::INFINITY, 0.0_f64), |(least, rise), size| (least.min(size), rise.max(size / least)));
    rise
}

/// The walk is no dearer than the grammar alone, for a record, for more of them at worst, and for rows of values; and its time
/// grows as bodies do.
fn walked(walked: &[Walked]) -> Vec<Alone> {
    let (wide, records): (Vec<_>, Vec<_>) = walked.iter().partition(|walked| walked.is_wide());
    let mut found = Vec::new();
    let [first, more @ .., last] = records.as_slice() else { return found };
    let of_grammar =
        |says: &str, most: f64| Alone::new(format!("the walk of {says}, of `IgnoredAny`"), 1.0, most, 2);
    let worst = |walked: &[&Walked]| walked.iter().map(|one| one.of_grammar.median).reduce(f64::max);
    found.push(of_grammar("a record", first.of_grammar.median));
    if let Some(worst) = worst(&[more, &[*last]].concat()) {
        found.push(of_grammar("records, 2 KB and more", worst));
    }
    if let Some(worst) = worst(&wide) {
        found.push(of_grammar("rows of values", worst));
    }
    let says = format!("the walk of {}, a byte of it of one of {}", last.body, first.body);
    found.push(Alone::new(says, LEVEL, last.of_first.median, 2));
    found
}

/// That a rise is told wherever it is, and a fall is none.
pub(super) fn proves_itself() -> anyhow::Result<()> {
    ensure!(rise([70.0, 84.0, 50.0]) == 1.2);
    ensure!(rise([70.0, 50.0, 60.0]) == 1.2);
    ensure!(rise([70.0, 50.0]) < 1.0);
    Ok(())
}
