//! The walk beside `serde_json`: `IgnoredAny`, which only checks the grammar, and `Value`, read and written again.
//! Ratios within one run are what counts. `cargo bench --bench walker -- load BODY WORK TIMES` does just that, for
//! `valgrind --tool=callgrind` to look on.

#![expect(clippy::expect_used, reason = "a bench stops at the first surprise")]

use std::convert::Infallible;
use std::hint::black_box;

use consentry::payload::json::{find, walk};
use consentry::payload::{Caps, FieldId, Kind, Layout, Path, Treated, Undeclared, Value, Visitor};
use criterion::{Criterion, Throughput, criterion_group};
use serde::de::IgnoredAny;

const CAPS: Caps = Caps { bytes: 16 << 20, depth: 32, members: 1_000_000, rows: 1_000_000 };

/// Replaces the first field by a pseudonym's worth of text, leaves out the second, bands the third, keeps the others;
/// of rows of values, the first columns, and blanks where a field would be left out.
struct Three;

impl Visitor for Three {
    type Error = Infallible;

    fn value(
        &mut self,
        field: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Infallible> {
        let (column, in_row) = match at {
            [_, column] => (*column, true),
            _ => (u32::from(field.0), false),
        };
        Ok(match column {
            0 => {
                out.push_str("p1_0123456789abcdefghijkl");
                Treated::Replaced(Kind::String)
            }
            1 if in_row => Treated::Replaced(Kind::Null),
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

/// `dataframe_split`: the names once, then a row of values for each record.
fn wide(bytes: usize) -> String {
    let row = |number: usize| {
        format!(
            r#"["ada.king{number}@example.org","King",{},"Ada","Female","Red","Pizza",{}.25]"#,
            20 + number % 70,
            number * 37 % 1000
        )
    };
    let rows: Vec<_> = (0..bytes / 76).map(row).collect();
    let names = FIELDS.map(|name| format!("\"{name}\"")).join(",");
    format!("{{\"dataframe_split\":{{\"columns\":[{names}],\"data\":[{}]}}}}", rows.join(","))
}

fn wide_layout() -> Layout {
    let paths = ["dataframe_split.index", "dataframe_split.name", "dataframe_split.about"]
        .into_iter()
        .chain(["dataframe_split.columns[*]", "dataframe_split.data[*][*]"]);
    let paths: Vec<_> = paths.map(|path| Path::parse(path).expect("the paths are fixed")).collect();
    Layout::compile(&paths, Undeclared::Refuse).expect("the paths go together")
}

fn batch(bytes: usize) -> String {
    let rows: Vec<_> = (0..bytes / 204).map(record).collect();
    format!("{{\"rows\":[{}]}}", rows.join(","))
}

/// A body, and where its fields are.
struct Sample {
    name: &'static str,
    body: String,
    layout: Layout,
}

fn samples() -> Vec<Sample> {
    let rows = || layout("rows[*].");
    [
        ("200B", record(1), layout("")),
        ("2KB", batch(2 << 10), rows()),
        ("64KB", batch(64 << 10), rows()),
        ("1MB", batch(1 << 20), rows()),
        ("8MB", batch(8 << 20), rows()),
        ("wide 2KB", wide(2 << 10), wide_layout()),
        ("wide 64KB", wide(64 << 10), wide_layout()),
    ]
    .map(|(name, body, layout)| Sample { name, body, layout })
    .into()
}

/// Something that is done with a body; what it returns is looked at by nobody.
type Work<'a> = Box<dyn FnMut() -> usize + 'a>;

/// What is done with a body, by name.
fn works(sample: &Sample) -> Vec<(&'static str, Work<'_>)> {
    let body = sample.body.as_bytes();
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
    for sample in samples() {
        let mut group = criterion.benchmark_group(sample.name);
        group.throughput(Throughput::Bytes(sample.body.len() as u64));
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
        for sample in samples().iter().filter(|sample| sample.name == *body) {
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
