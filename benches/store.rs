//! The store's writing thread alone: exchanges as the pipeline queues them, an intent and an outcome with its record, by so
//! many callers at once who wait for both. `cargo bench --bench store -- CALLERS PERSONS EXCHANGES` says what each thread
//! took an exchange; ratios within one run are what counts.

#![expect(clippy::print_stdout, reason = "a bench tells")]

#[path = "exchange/threads.rs"]
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use consentry::audit::{DecisionId, Event, Outcome, What};
use consentry::clock::{Clock, Timestamp};
use consentry::crypto::random;
use consentry::personal::Reference;
use consentry::store::{
    Change, DataChange, Entry, KeyringChange, OpenIntent, SealedFields, SealedRecord, Store, StoreConfig,
    WrappedKey,
};

const ACTIVITY: &str = "favourites";

fn main() -> anyhow::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let callers = numbers.next().unwrap_or(64);
    let persons = numbers.next().unwrap_or(1_000);
    let exchanges = numbers.next().unwrap_or(40_000);
    let folder = tempfile::tempdir_in("target")?;
    let config = StoreConfig {
        sqlite: folder.path().join("data.db"),
        keyring: folder.path().join("keyring.db"),
        restored: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(&config, Clock::system())?;
        let keys: Arc<Vec<WrappedKey>> = Arc::new(people(&store, persons).await?);
        measure(&store, &keys, callers, 1_000).await?;
        let (groups, before) = (store.health().groups, threads::now()?);
        let began = Instant::now();
        measure(&store, &keys, callers, exchanges).await?;
        let took = began.elapsed();
        for (name, _, spent) in threads::since(&before)? {
            println!("{name:16} {:6.1} µs an exchange", spent.as_secs_f64() * 1e6 / exchanges as f64);
        }
        let shared = exchanges as f64 / (store.health().groups - groups) as f64;
        println!("{:.0} exchanges/s, {shared:.1} in a group", exchanges as f64 / took.as_secs_f64());
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

async fn measure(
    store: &Store,
    keys: &Arc<Vec<WrappedKey>>,
    callers: u64,
    exchanges: u64,
) -> anyhow::Result<()> {
    let left = Arc::new(AtomicU64::new(exchanges));
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, keys, left) = (store.clone(), Arc::clone(keys), Arc::clone(&left));
            tokio::spawn(async move {
                loop {
                    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                    let Ok(number) = taken else { return anyhow::Ok(()) };
                    let key = keys.get((number * 7919) as usize % keys.len()).context("a key")?;
                    exchange(&store, key).await?;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn exchange(store: &Store, key: &WrappedKey) -> anyhow::Result<()> {
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
    let intent = store.queue_patiently(Change {
        data: vec![DataChange::OpenIntent(OpenIntent { decision, at })],
        events: vec![Event { at, what: intended }.encoded().into()],
        keyring: Vec::new(),
    })?;
    tokio::task::yield_now().await;
    let outcome = store.queue(ended(key, at, decision))?;
    outcome.await?;
    intent.await?;
    Ok(())
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
