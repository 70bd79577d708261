//! The answer of an upstream in a case that names none.

use serde_json::{Map, Value, json};

use crate::check::Check;
use crate::payload::{Format, Kind, Path, Step, flat_name};
use crate::plan::{Field, Noted, Plan, Sent};
use crate::policy::cases::Call;

/// An answer that fits the response's fields, for cases that name none; in a format with rows, of as many rows as the
/// call has.
pub(super) fn made_up(plan: &Plan, call: &Call) -> Sent {
    let path = call.path.value.split('?').next().unwrap_or_default();
    let Ok(found) = plan.route(&call.method, path) else { return Sent::text("null", Format::Json) };
    let Some(payload) = &found.route.payload else { return Sent::text("null", Format::Json) };
    let format = payload.response.format();
    let fields = &found.route.activity.response.fields;
    let samples = || fields.iter().filter_map(|field| Some((field, sample(&field.check)?)));
    let sent = Sent::of(call, payload.request.format());
    let rows = sent.and_then(|sent| Noted::of(&payload.request, &sent)).map_or(1, |noted| noted.rows.max(1));
    let text = match format {
        Format::Csv => {
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let line = |cells: Vec<String>| format!("{}\n", cells.join(","));
            let quoted = |path: &Path| format!("\"{}\"", flat_name(path).replace('"', "\"\""));
            let header = line(samples().map(|(field, _)| quoted(&field.path)).collect());
            let row = line(samples().map(|(_, value)| plain(&value)).collect());
            header + &row.repeat(usize::try_from(rows).unwrap_or(1))
        }
        Format::KserveV2 => {
            json!({ "outputs": samples().filter_map(tensor).collect::<Vec<_>>() }).to_string()
        }
        Format::Text => samples().map(|(_, value)| value.as_str().unwrap_or("1").to_owned()).collect(),
        _ => {
            let object: Map<_, _> = samples().map(|(field, value)| (field.name.to_string(), value)).collect();
            let line = Value::Object(object).to_string();
            if format == Format::Ndjson {
                format!("{line}\n").repeat(usize::try_from(rows).unwrap_or(1))
            } else {
                line
            }
        }
    };
    Sent::text(&text, format)
}

/// A tensor of one row that has this value.
fn tensor((field, value): (&Field, Value)) -> Option<Value> {
    let (name, shape) = match field.path.steps() {
        [Step::Member(name)] => (name, json!([1])),
        [Step::Member(name), Step::Every] => (name, json!([1, 1])),
        _ => return None,
    };
    let datatype = match &value {
        Value::String(_) => "BYTES",
        Value::Bool(_) => "BOOL",
        Value::Number(number) if number.is_f64() => "FP64",
        _ => "INT64",
    };
    Some(json!({ "name": **name, "shape": shape, "datatype": datatype, "data": [value] }))
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
    let (kind, text) = SAMPLES
        .into_iter()
        .find(|(kind, text)| check.run(crate::payload::Value { kind: *kind, text }).is_ok())?;
    if kind == Kind::String { Some(text.into()) } else { serde_json::from_str(text).ok() }
}
