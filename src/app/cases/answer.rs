//! The answer of an upstream in a case that names none.

use serde_json::{Value, json};

use crate::check::Check;
use crate::draft;
use crate::payload::{self, Format, Kind, Path, Step, flat_name};
use crate::plan::{Field, Noted, Plan, Sent};
use crate::policy::cases::Call;
use crate::policy::json_rows;

/// An answer of the response's fields, for cases that name none: one element in each list, and as many rows as the call has.
/// Whether it fits, the gateway says.
pub(super) fn made_up(plan: &Plan, call: &Call) -> Sent {
    let path = call.path.value.split('?').next().unwrap_or_default();
    let Ok(found) = plan.route(&call.method, path) else { return Sent::text("null", Format::Json) };
    let Some(payload) = &found.route.payload else { return Sent::text("null", Format::Json) };
    let format = payload.response.format();
    let fields = &found.route.activity.response.fields;
    let samples: Vec<_> = fields.iter().filter_map(|field| Some((field, sample(&field.check)?))).collect();
    let sent = Sent::of(call, payload.request.format());
    let rows = sent.and_then(|sent| Noted::of(&payload.request, &sent)).map_or(1, |noted| noted.rows.max(1));
    let rows = usize::try_from(rows).unwrap_or(1);
    let text = match format {
        Format::Csv => table(&samples, rows),
        Format::KserveV2 => {
            let tensors: Vec<_> =
                samples.iter().filter_map(|(field, value)| tensor(field, value, rows)).collect();
            json!({ "outputs": tensors }).to_string()
        }
        Format::Mlflow | Format::TfServing => predictions(&samples, rows).to_string(),
        Format::Text => samples.iter().map(|(_, value)| plain(value)).collect(),
        Format::Ndjson => format!("{}\n", document(&samples, 1)).repeat(rows),
        Format::Json | Format::OpenaiChat | Format::Form | Format::Multipart => {
            document(&samples, rows).to_string()
        }
    };
    Sent::text(&text, format)
}

/// Fields of which a value comes to mind, each with it.
type Samples<'a> = [(&'a Field, Value)];

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn table(samples: &Samples<'_>, rows: usize) -> String {
    let line = |cells: Vec<String>| format!("{}\n", cells.join(","));
    let quoted = |path: &Path| format!("\"{}\"", flat_name(path).replace('"', "\"\""));
    let header = line(samples.iter().map(|(field, _)| quoted(&field.path)).collect());
    let row = line(samples.iter().map(|(_, value)| plain(value)).collect());
    header + &row.repeat(rows)
}

/// A document with each value at its place. Of what lies further in only what must be there is made up.
fn document(samples: &Samples<'_>, rows: usize) -> Value {
    let mut document = json!({});
    for (field, value) in samples.iter().filter(|(field, _)| field.required || field.path.steps().len() == 1)
    {
        // Where something else stands in the way, the gateway says that the field is missing.
        let _ = draft::put(&mut document, &field.path, value.clone());
    }
    if let Some(path) = json_rows(samples.iter().map(|(field, _)| &field.path)) {
        let mut names = path.steps().iter().map_while(|step| match step {
            Step::Member(name) => Some(name),
            Step::Every => None,
        });
        let list = names.try_fold(&mut document, |place, name| place.get_mut(&**name));
        if let Some(list) = list.and_then(Value::as_array_mut)
            && let Some(row) = list.first().cloned()
        {
            list.resize(rows, row);
        }
    }
    document
}

/// What a scoring server answers: a value for each row under a key of its own, or rows of named values.
fn predictions(samples: &Samples<'_>, rows: usize) -> Value {
    let unnamed = samples.iter().find_map(|(field, value)| match field.path.steps() {
        [Step::Member(key), further @ ..] if matches!(&**key, "predictions" | "outputs") => {
            Some((key.to_string(), if further.is_empty() { value.clone() } else { json!([value]) }))
        }
        _ => None,
    });
    let (key, row) = unnamed.unwrap_or_else(|| {
        let row = samples.iter().map(|(field, value)| (flat_name(&field.path), value.clone()));
        ("predictions".to_owned(), Value::Object(row.collect()))
    });
    json!({ key: vec![row; rows] })
}

/// A tensor that has this value in each row.
fn tensor(field: &Field, value: &Value, rows: usize) -> Option<Value> {
    let (name, shape) = match field.path.steps() {
        [Step::Member(name)] => (name, json!([rows])),
        [Step::Member(name), Step::Every] => (name, json!([rows, 1])),
        _ => return None,
    };
    let datatype = match value {
        Value::String(_) => "BYTES",
        Value::Bool(_) => "BOOL",
        Value::Number(number) if number.is_f64() => "FP64",
        _ => "INT64",
    };
    Some(json!({ "name": **name, "shape": shape, "datatype": datatype, "data": vec![value; rows] }))
}

/// A value that a check lets through, of a few that come to mind; a case whose answer needs another names it.
pub(super) fn sample(check: &Check) -> Option<Value> {
    const SAMPLES: [(Kind, &str); 8] = [
        (Kind::String, "text"),
        (Kind::Integer, "1"),
        (Kind::Number, "0.5"),
        (Kind::Boolean, "true"),
        (Kind::String, "2026-01-01"),
        (Kind::String, "ada@example.org"),
        (Kind::Integer, "50"),
        (Kind::Number, "50.5"),
    ];
    let fits = |(kind, text): &(Kind, &str)| check.run(payload::Value { kind: *kind, text }).is_ok();
    match SAMPLES.into_iter().find(fits) {
        Some((Kind::String, text)) => Some(text.into()),
        Some((_, text)) => serde_json::from_str(text).ok(),
        None => draft::sample(check.rules(), None, None),
    }
}
