//! The walk beside `serde_json`: `IgnoredAny`, which only checks the grammar, and `Value`, read and written again.
//! Ratios within one run are what counts. `cargo bench --bench walker -- load BODY WORK TIMES` does just that, for
//! `valgrind --tool=callgrind` to look on.

#![expect(clippy::expect_used, reason = "a bench stops at the first surprise")]

#[path = "walker/bodies.rs"]
mod bodies;

use std::hint::black_box;

use consentry::payload::json::{find, walk};
use consentry::payload::{Layout, Path, Undeclared};
use criterion::{Criterion, Throughput, criterion_group};
use serde::de::IgnoredAny;

use bodies::{Body, CAPS, Three, bodies};

/// Something that is done with a body; what it returns is looked at by nobody.
type Work<'a> = Box<dyn FnMut() -> usize + 'a>;

/// What is done with a body, by name.
fn works(sample: &Body) -> Vec<(&'static str, Work<'_>)> {
    let body = sample.text.as_bytes();
    let undeclared = Layout::compile(&[], Undeclared::LeaveOut).expect("an empty layout");
    let path = Path::parse("user").expect("the path is fixed");
    let (mut out, mut left) = (Vec::new(), Vec::new());
    vec![
        (
            "walk",
            Box::new(move || {
                out.clear();
                walk(black_box(body), &sample.layout, &CAPS, &mut Three, &mut out)
                    .expect("the body is well formed");
                out.len()
            }),
        ),
        (
            "walk, all left out",
            Box::new(move || {
                left.clear();
                walk(black_box(body), &undeclared, &CAPS, &mut Three, &mut left)
                    .expect("the body is well formed");
                left.len()
            }),
        ),
        (
            "find",
            Box::new(move || {
                let found = find(black_box(body), &path, &CAPS).expect("the body is well formed");
                usize::from(found.is_some())
            }),
        ),
        (
            "IgnoredAny",
            Box::new(move || {
                serde_json::from_slice::<IgnoredAny>(black_box(body)).expect("the body is well formed");
                0
            }),
        ),
        (
            "Value and back",
            Box::new(move || {
                let value: serde_json::Value =
                    serde_json::from_slice(black_box(body)).expect("the body is well formed");
                serde_json::to_vec(&value).expect("a value can be written").len()
            }),
        ),
    ]
}

fn walker(criterion: &mut Criterion) {
    for sample in bodies().expect("the bodies are fixed") {
        let mut group = criterion.benchmark_group(sample.name);
        group.throughput(Throughput::Bytes(sample.text.len() as u64));
        for (name, mut work) in works(&sample) {
            group.bench_function(name, |bencher| bencher.iter(&mut work));
        }
        group.finish();
    }
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

criterion_group!(benches, walker);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [_, "load", body, name, times, ..] = words.as_slice() {
        let times: usize = times.parse().expect("TIMES is a number");
        for sample in bodies().expect("the bodies are fixed").iter().filter(|sample| sample.name == *body) {
            for (_, mut work) in works(sample).into_iter().filter(|(known, _)| known == name) {
                black_box(work());
                counting_begins();
                (0..times).for_each(|_| _ = black_box(work()));
                counting_ends();
            }
        }
        return;
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
