//! The walk beside `serde_json`: `IgnoredAny`, which only checks the grammar, and `Value`, read and written again.
//! Ratios within one run are what counts.

#![expect(clippy::expect_used, reason = "a bench stops at the first surprise")]

use std::convert::Infallible;
use std::hint::black_box;

use consentry::payload::json::{find, walk};
use consentry::payload::{Caps, FieldId, Kind, Layout, Path, Treated, Undeclared, Value, Visitor};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;

const CAPS: Caps = Caps { bytes: 16 << 20, depth: 32, members: 1_000_000, rows: 1_000_000 };

/// Replaces the first field by a pseudonym's worth of text, leaves out the second, bands the third, keeps the others.
struct Three;

impl Visitor for Three {
    type Error = Infallible;

    fn value(
        &mut self,
        field: FieldId,
        _: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Infallible> {
        Ok(match field.0 {
            0 => {
                out.push_str("p1_0123456789abcdefghijkl");
                Treated::Replaced(Kind::String)
            }
            1 => Treated::LeftOut,
            2 => {
                out.push_str(value.text.get(..1).unwrap_or("0"));
                out.push('0');
                Treated::Replaced(Kind::Integer)
            }
            _ => Treated::Kept,
        })
    }

    fn missing(&mut self, _: FieldId) -> Result<(), Infallible> {
        Ok(())
    }

    fn undeclared(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn misshapen(&mut self, _: FieldId) -> Infallible {
        unreachable!("the bodies have the declared shape")
    }
}

fn record(number: usize) -> String {
    format!(
        r#"{{"email":"ada.king{number}@example.org","last_name":"King","age":{},"first_name":"Ada","sex":"Female","favorite_color":"Red","favorite_food":"Pizza","city":"Paris","note":"likes \"long\" walks","score":{}.25}}"#,
        20 + number % 70,
        number * 37 % 1000,
    )
}

const FIELDS: [&str; 10] = [
    "email",
    "last_name",
    "age",
    "first_name",
    "sex",
    "favorite_color",
    "favorite_food",
    "city",
    "note",
    "score",
];

fn layout(prefix: &str) -> Layout {
    let path = |field| Path::parse(&format!("{prefix}{field}")).expect("the paths are fixed");
    Layout::compile(&FIELDS.map(path), Undeclared::Refuse).expect("the paths go together")
}

fn batch(bytes: usize) -> String {
    let rows: Vec<_> = (0..bytes / 204).map(record).collect();
    format!("{{\"rows\":[{}]}}", rows.join(","))
}

fn walker(criterion: &mut Criterion) {
    let bodies = [
        ("200B", record(1), layout("")),
        ("2KB", batch(2 << 10), layout("rows[*].")),
        ("64KB", batch(64 << 10), layout("rows[*].")),
        ("1MB", batch(1 << 20), layout("rows[*].")),
    ];
    for (name, body, layout) in bodies {
        let body = body.as_bytes();
        let undeclared = Layout::compile(&[], Undeclared::LeaveOut).expect("an empty layout");
        let path = Path::parse("user").expect("the path is fixed");
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        let mut out = Vec::new();
        group.bench_function("walk", |bencher| {
            bencher.iter(|| {
                out.clear();
                walk(black_box(body), &layout, &CAPS, &mut Three, &mut out).expect("the body is well formed");
                black_box(out.len())
            });
        });
        group.bench_function("walk, all left out", |bencher| {
            bencher.iter(|| {
                out.clear();
                walk(black_box(body), &undeclared, &CAPS, &mut Three, &mut out)
                    .expect("the body is well formed");
                black_box(out.len())
            });
        });
        group.bench_function("find", |bencher| {
            bencher.iter(|| black_box(find(black_box(body), &path, &CAPS).expect("the body is well formed")));
        });
        group.bench_function("IgnoredAny", |bencher| {
            bencher.iter(|| {
                serde_json::from_slice::<IgnoredAny>(black_box(body)).expect("the body is well formed")
            });
        });
        group.bench_function("Value and back", |bencher| {
            bencher.iter(|| {
                let value: serde_json::Value =
                    serde_json::from_slice(black_box(body)).expect("the body is well formed");
                black_box(serde_json::to_vec(&value).expect("a value can be written").len())
            });
        });
        group.finish();
    }
}

criterion_group!(benches, walker);
criterion_main!(benches);
