//! The store's writing thread alone: exchanges as the pipeline queues them, an intent and an outcome with its record, by so
//! many callers at once who wait for both. `cargo bench --bench store -- CALLERS PERSONS EXCHANGES` says what each thread
//! took an exchange; ratios within one run are what counts. A fourth number is a rate: so many exchanges a second begin, the
//! outcome of each comes a little after its intent, as if a model had answered, and the callers' thread has other work besides.

#![expect(clippy::print_stdout, reason = "a bench tells")]

#[path = "exchange/threads.rs"]
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use consentry::audit::{DecisionId, Event, Outcome, What};
use consentry::clock::{Clock, Timestamp};
use consentry::crypto::{random, sha256};
use consentry::personal::Reference;
use consentry::store::{
    Change, DataChange, Entry, KeyringChange, OpenIntent, SealedFields, SealedRecord, Store, StoreConfig,
    WrappedKey,
};
use tokio::sync::Semaphore;

const ACTIVITY: &str = "favourites";
/// How long the model of a paced run takes.
const MODEL: Duration = Duration::from_micros(150);
/// What the callers' thread has to do besides, before an intent and before an outcome of a paced run.
const WORK: Duration = Duration::from_micros(30);

fn main() -> anyhow::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let callers = numbers.next().unwrap_or(64);
    let persons = numbers.next().unwrap_or(1_000);
    let exchanges = numbers.next().unwrap_or(40_000);
    let rate = numbers.next();
    let folder = tempfile::tempdir_in("target")?;
    let config = StoreConfig {
        sqlite: folder.path().join("data.db"),
        keyring: folder.path().join("keyring.db"),
        restored: false,
        lost: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(&config, Clock::system())?;
        let keys: Arc<Vec<WrappedKey>> = Arc::new(people(&store, persons).await?);
        measure(&store, &keys, callers, 1_000, None).await?;
        let (groups, before) = (store.health().groups, threads::now()?);
        let began = Instant::now();
        let mut latencies = measure(&store, &keys, callers, exchanges, rate).await?;
        let took = began.elapsed();
        for (name, _, spent) in threads::since(&before)? {
            println!("{name:16} {:6.1} µs an exchange", spent.as_secs_f64() * 1e6 / exchanges as f64);
        }
        let shared = exchanges as f64 / (store.health().groups - groups) as f64;
        println!("{:.0} exchanges/s, {shared:.1} in a group", exchanges as f64 / took.as_secs_f64());
        latencies.sort_unstable();
        for percent in [50, 99] {
            let latency = latencies.get(latencies.len() * percent / 100).context("a latency")?;
            println!("p{percent} {} µs from when it was due", latency.as_micros());
        }
        store.close().await;
        Ok(())
    })
}

async fn people(store: &Store, persons: u64) -> anyhow::Result<Vec<WrappedKey>> {
    let day = Clock::system().now().day();
    let mut keys = Vec::new();
    while (keys.len() as u64) < persons {
        let some: Vec<WrappedKey> = (0..500.min(persons - keys.len() as u64))
            .map(|_| WrappedKey {
                id: random::bytes(),
                reference: Reference::from_bytes(random::bytes()),
                activity: ACTIVITY.to_owned(),
                day,
                source_closed: false,
                wrapped: random::bytes::<60>().to_vec(),
            })
            .collect();
        let put = |key: &WrappedKey| {
            [
                KeyringChange::PutSubject { lookup: random::bytes(), reference: key.reference },
                KeyringChange::PutKey(key.clone()),
            ]
        };
        store.commit(Change { keyring: some.iter().flat_map(put).collect(), ..Change::default() }).await?;
        keys.extend(some);
    }
    Ok(keys)
}

/// When exchanges begin and models answer. It has a thread of its own, since the runtime's timer is good to a millisecond.
struct Pace {
    begun: Instant,
    between: Duration,
    begins: Semaphore,
    answers: Semaphore,
}

impl Pace {
    fn start(rate: u64, exchanges: u64) -> Arc<Self> {
        let pace = Arc::new(Self {
            begun: Instant::now(),
            between: Duration::from_secs(1) / rate as u32,
            begins: Semaphore::new(0),
            answers: Semaphore::new(0),
        });
        let at = Arc::clone(&pace);
        std::thread::spawn(move || {
            let (mut begun, mut answered) = (0, 0);
            while answered < exchanges {
                let now = at.begun.elapsed();
                let due = |shift: Duration| {
                    let since = now.checked_sub(shift).map_or(0, |since| since.as_nanos() + 1);
                    (since.div_ceil(at.between.as_nanos()) as u64).min(exchanges)
                };
                let (begin, answer) = (due(Duration::ZERO), due(MODEL));
                at.begins.add_permits((begin - begun) as usize);
                at.answers.add_permits((answer - answered) as usize);
                (begun, answered) = (begin, answer);
                let next = at.due(begun).min(at.due(answered) + MODEL);
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        pace
    }

    fn due(&self, number: u64) -> Instant {
        self.begun + self.between * number as u32
    }
}

/// How long each exchange took from when it was due.
async fn measure(
    store: &Store,
    keys: &Arc<Vec<WrappedKey>>,
    callers: u64,
    exchanges: u64,
    rate: Option<u64>,
) -> anyhow::Result<Vec<Duration>> {
    let taken = Arc::new(AtomicU64::new(0));
    let pace = rate.map(|rate| Pace::start(rate, exchanges));
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, keys, taken, pace) =
                (store.clone(), Arc::clone(keys), Arc::clone(&taken), pace.clone());
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    if let Some(pace) = &pace {
                        if taken.load(Ordering::Relaxed) >= exchanges {
                            return anyhow::Ok(latencies);
                        }
                        pace.begins.acquire().await?.forget();
                    }
                    let number = taken.fetch_add(1, Ordering::Relaxed);
                    if number >= exchanges {
                        return anyhow::Ok(latencies);
                    }
                    let due = pace.as_ref().map_or_else(Instant::now, |pace| pace.due(number));
                    let key = keys.get((number * 7919) as usize % keys.len()).context("a key")?;
                    exchange(&store, key, pace.as_deref()).await?;
                    latencies.push(due.elapsed());
                    if number + 1 == exchanges
                        && let Some(pace) = &pace
                    {
                        // Who waits to begin is told that nothing is left.
                        pace.begins.add_permits(Semaphore::MAX_PERMITS / 2);
                    }
                }
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok(latencies)
}

async fn exchange(store: &Store, key: &WrappedKey, pace: Option<&Pace>) -> anyhow::Result<()> {
    let (at, decision) = (Clock::system().now(), DecisionId::from_bytes(random::bytes()));
    let intended = What::ExchangeIntended {
        decision,
        activity: ACTIVITY,
        caller: Some([7; 16]),
        journal: "overlapped",
        legal_basis: "consent",
        notice_version: Some(1),
        persons: &[key.reference],
        policy: [3; 32],
        purpose: "product-recommendation",
        recipient: None,
        route: "POST /predict/",
    };
    if pace.is_some() {
        work();
    }
    let intent = store.queue_patiently(Change {
        data: vec![DataChange::OpenIntent(OpenIntent { decision, at })],
        events: vec![Event { at, what: intended }.encoded().into()],
        keyring: Vec::new(),
    })?;
    match pace {
        Some(pace) => {
            pace.answers.acquire().await?.forget();
            work();
        }
        None => tokio::task::yield_now().await,
    }
    let outcome = store.queue(ended(key, at, decision))?;
    outcome.await?;
    intent.await?;
    Ok(())
}

/// Reading, checking, treating, sealing: hashes, here.
fn work() {
    let mut some = [0; 32];
    let rounds = WORK.as_nanos() / 60;
    for _ in 0..rounds {
        some = sha256(&[&some]);
    }
    std::hint::black_box(some);
}

fn ended(key: &WrappedKey, at: Timestamp, decision: DecisionId) -> Change {
    let mut fields = SealedFields::default();
    for (name, length) in [("first_name", 40), ("last_name", 42), ("email", 60), ("age", 31)] {
        // A ciphertext is always added.
        let _ = fields.put(name, |out| {
            out.resize(out.len() + length, 5);
            Some(())
        });
    }
    let record = SealedRecord {
        id: random::bytes(),
        reference: key.reference,
        activity: key.activity.clone(),
        key: key.id,
        at,
        fields,
    };
    let told = move |done: &consentry::store::Done| {
        let records: Vec<u64> = done.records.iter().filter_map(|kept| kept.number).collect();
        let what = What::ExchangeEnded {
            decision,
            outcome: Outcome::Answered,
            problem: None,
            records: &records,
            sealed: Some([9; 32]),
            upstream_status: Some(200),
        };
        Some(Event { at, what }.encoded())
    };
    Change {
        keyring: Vec::new(),
        data: vec![DataChange::CloseIntent { decision }, DataChange::PutRecord(record)],
        events: vec![Entry::Told(Box::new(told))],
    }
}
