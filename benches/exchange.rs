//! One whole governed exchange in process: a plaintext listener, the pipeline, the store in a temporary folder, an
//! upstream on loopback. Ratios within one run are what counts.
//!
//! `cargo bench --bench exchange` measures with criterion. `cargo bench --bench exchange -- load MODE CONNECTIONS
//! EXCHANGES` sends just that and says what it took, for `strace` and `valgrind` to look on; MODE is
//! `before_forward`, `overlapped`, `split` and `large` (overlapped, with batches of 2 and of 62 KB), `open` (the route without personal data) or
//! `alone` (neither network nor disk). `benches/instructions/run` counts what lies between [`counting_begins`] and
//! [`counting_ends`].

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench stops at the first surprise, and tells"
)]

#[path = "exchange/alone.rs"]
mod alone;
#[path = "exchange/client.rs"]
mod client;
#[path = "exchange/setting.rs"]
mod setting;
#[path = "exchange/threads.rs"]
mod threads;
#[path = "exchange/upstream.rs"]
mod upstream;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use criterion::{Criterion, criterion_group};

use alone::Alone;
use client::Callers;
use setting::Setting;

/// Callers at once, where there is more than one.
const MANY: usize = 64;
/// Exchanges of each caller before anything is counted: connections, keys and tokens are there then.
const FIRST: usize = 16;

const JOURNALS: [&str; 2] = ["before_forward", "overlapped"];

fn exchange(criterion: &mut Criterion) {
    for journal in JOURNALS {
        let setting = Setting::new(journal, MANY).expect("the gateway serves");
        for count in [1, MANY] {
            let requests = setting.requests(count).expect("the requests are made");
            measure(criterion, &format!("{journal}, {count} at once"), &setting, &requests);
        }
        if journal == "overlapped" {
            measure(criterion, "open route", &setting, &setting.open_requests(1));
            let alone = Alone::new(&setting).expect("the person is known");
            criterion.bench_function("exchange/neither network nor disk", |bencher| {
                bencher.iter(|| alone.exchange().expect("the body is treated"));
            });
        }
        setting.close().expect("the gateway stops");
    }
}

fn measure(criterion: &mut Criterion, name: &str, setting: &Setting, requests: &[Vec<u8>]) {
    let mut callers = Callers::connect(setting.address(), requests).expect("the gateway accepts");
    callers.send((FIRST * requests.len()) as u64).expect("the gateway answers");
    criterion.bench_function(&format!("exchange/{name}"), |bencher| {
        bencher.iter_custom(|exchanges| callers.send(exchanges).expect("the gateway answers"));
    });
}

/// Sends so many exchanges and says what they took, thread by thread.
fn load(mode: &str, connections: usize, exchanges: u64) -> anyhow::Result<()> {
    let journal = if mode == "before_forward" { mode } else { "overlapped" };
    let setting = Setting::new(journal, connections)?;
    let took = if mode == "alone" {
        let alone = Alone::new(&setting)?;
        black_box(alone.exchange()?);
        counting_begins();
        let started = Instant::now();
        for _ in 0..exchanges {
            black_box(alone.exchange()?);
        }
        let took = started.elapsed();
        counting_ends();
        took
    } else {
        let requests = match mode {
            "open" => setting.open_requests(connections),
            "split" => setting.split_requests(connections)?,
            "large" => setting.large_requests(connections)?,
            _ => setting.requests(connections)?,
        };
        let mut callers = Callers::connect(setting.address(), &requests)?;
        callers.send((FIRST * connections) as u64)?;
        let (before, store) = (threads::now()?, setting.gateway().store().health());
        rest();
        counting_begins();
        let took = callers.send(exchanges)?;
        rest();
        counting_ends();
        let health = setting.gateway().store().health();
        let (changes, groups) = (health.changes - store.changes, health.groups - store.groups);
        for (name, id, spent) in threads::since(&before)? {
            println!("  {name:<16} ({id}) {:>8.2} µs of CPU an exchange", micros(spent, exchanges));
        }
        println!("  {changes} changes in {groups} groups");
        took
    };
    println!(
        "{mode}, {connections} at once: {exchanges} exchanges, {:.1} µs each, {:.0} a second",
        micros(took, exchanges),
        exchanges as f64 / took.as_secs_f64()
    );
    setting.close()
}

/// Where `benches/instructions/run` begins to count.
#[inline(never)]
fn counting_begins() {
    black_box("begins");
}

/// And where it ends.
#[inline(never)]
fn counting_ends() {
    black_box("ends");
}

/// Long enough for every thread to be done with the last exchange.
fn rest() {
    std::thread::sleep(Duration::from_millis(50));
}

fn micros(time: Duration, exchanges: u64) -> f64 {
    time.as_secs_f64() * 1e6 / exchanges as f64
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = exchange
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "load", mode, connections, exchanges, ..] => {
            load(mode, connections.parse().context("CONNECTIONS")?, exchanges.parse().context("EXCHANGES")?)
        }
        _ => {
            benches();
            Criterion::default().configure_from_args().final_summary();
            Ok(())
        }
    }
}
