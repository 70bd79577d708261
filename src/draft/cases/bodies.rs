//! The bodies of a drafted call, in each format that is drafted.

use serde_json::{Map, Value, json as value};

use super::expected::{Expected, expected, of_field};
use super::{NOWHERE, json};
use crate::action::Spec;
use crate::check::RuleKind;
use crate::draft::model::{Body, Tensor};
use crate::draft::treat::Proposal;
use crate::draft::{sample, yaml};
use crate::payload::{Format, Path, Step, flat_name};

/// A body as a case sends it.
#[derive(Clone)]
pub(super) enum Sent {
    None,
    Json(Value),
    Pairs(Vec<(String, String)>),
    /// Names, contents, and whether they are files.
    Parts(Vec<(String, String, bool)>),
}

impl Sent {
    /// The lines of `send`.
    pub(super) fn sent(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Json(body) => format!("    json: {}\n", json(body)),
            Self::Pairs(pairs) => {
                let pairs: Vec<String> =
                    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("    text: {}\n", yaml::quoted(&pairs.join("&")))
            }
            Self::Parts(parts) => {
                let mut text = String::new();
                for (name, content, file) in parts {
                    let (as_file, media) = match file {
                        true => ("; filename=\"any.bin\"", "Content-Type: application/octet-stream\n"),
                        false => ("", ""),
                    };
                    text.push_str(&format!(
                        "--x\nContent-Disposition: form-data; name=\"{name}\"{as_file}\n{media}\n{content}\n"
                    ));
                }
                text.push_str("--x--\n");
                format!("    text: {}\n", yaml::quoted(&text))
            }
        }
    }
}

/// What is sent, and what must come of it.
pub(super) struct Bodies {
    pub(super) request: Sent,
    pub(super) answer: Value,
    /// What the upstream sees, as a case expects it; `None` where it cannot be said beforehand.
    pub(super) seen: Option<String>,
    /// What the caller gets.
    pub(super) gets: Option<String>,
}

impl Bodies {
    /// `None` where no value comes to mind for something that must be there.
    pub(super) fn of(body: Body, request: &[Proposal], response: &[Proposal]) -> Option<Self> {
        let (sent, seen) = match body {
            Body::None => (Sent::None, None),
            Body::Of(Format::Mlflow) => rows(request)?,
            Body::Of(Format::KserveV2) => {
                let (tensors, seen) = tensors(request)?;
                (Sent::Json(value!({ "inputs": tensors })), Some(format!("{{ inputs: {seen} }}")))
            }
            Body::Of(Format::Form) => pairs(request)?,
            Body::Of(Format::Multipart) => parts(request)?,
            Body::Of(_) => {
                let body = tree(request)?;
                let seen = expected(request, &body, &[]);
                (Sent::Json(body), seen)
            }
        };
        let (answer, gets) = match body {
            Body::Of(Format::Mlflow) => predictions(response),
            Body::Of(Format::KserveV2) => tensors(response).map(|(tensors, gets)| {
                (value!({ "outputs": tensors }), Some(format!("{{ outputs: {gets} }}")))
            }),
            _ => tree(response).map(|body| {
                let gets = expected(response, &body, &[]);
                (body, gets)
            }),
        }
        .unwrap_or_else(|| (Value::Object(Map::new()), None));
        Some(Self { request: sent, answer, seen, gets })
    }

    /// The same with a field that nobody declared; `None` where there is no body.
    pub(super) fn undeclared(&self) -> Option<Sent> {
        let truth = || Value::Bool(true);
        Some(match self.request.clone() {
            Sent::None => return None,
            Sent::Pairs(mut pairs) => {
                pairs.push((NOWHERE.into(), "1".into()));
                Sent::Pairs(pairs)
            }
            Sent::Parts(mut parts) => {
                parts.push((NOWHERE.into(), "1".into(), false));
                Sent::Parts(parts)
            }
            Sent::Json(mut body) => {
                let tensors = body.get_mut("inputs").and_then(Value::as_array_mut);
                if let Some(tensors) =
                    tensors.filter(|tensors| tensors.iter().any(|one| one.get("datatype").is_some()))
                {
                    tensors
                        .push(value!({ "name": NOWHERE, "shape": [1], "datatype": "BOOL", "data": [true] }));
                    return Some(Sent::Json(body));
                }
                let (is_list, has_rows) = (body.is_array(), body.get("dataframe_records").is_some());
                let place = match (has_rows, is_list) {
                    (true, _) => body.get_mut("dataframe_records")?.get_mut(0)?,
                    (_, true) => body.get_mut(0)?,
                    _ => &mut body,
                };
                place.as_object_mut()?.insert(NOWHERE.into(), truth());
                Sent::Json(body)
            }
        })
    }

    /// The same with a value at a place that could not be declared.
    pub(super) fn with(&self, path: &Path) -> Option<Sent> {
        let Sent::Json(mut body) = self.request.clone() else { return None };
        if let Some(tensors) = body.get_mut("inputs").and_then(Value::as_array_mut) {
            let name = flat_name(path);
            tensors.push(value!({ "name": name, "shape": [1], "datatype": "BOOL", "data": [true] }));
            return Some(Sent::Json(body));
        }
        let root = match body.get_mut("dataframe_records") {
            Some(rows) => rows.get_mut(0)?,
            None => &mut body,
        };
        sample::put(root, path, Value::String("text".into()))?;
        Some(Sent::Json(body))
    }
}

/// A body with every field for which a value comes to mind; `None` where one that must be there has none.
fn tree(proposals: &[Proposal]) -> Option<Value> {
    let mut body = Value::Null;
    for proposal in proposals {
        match &proposal.sample {
            Some(value) => sample::put(&mut body, &proposal.field.path, value.clone())?,
            None if proposal.field.required => return None,
            None => {}
        }
    }
    Some(if body.is_null() { Value::Object(Map::new()) } else { body })
}

/// MLflow's records: a row, and parameters of the whole beside it.
fn rows(request: &[Proposal]) -> Option<(Sent, Option<String>)> {
    let of_a_column =
        |path: &Path| path.steps().iter().filter(|step| matches!(step, Step::Member(_))).count() == 1;
    let is_parameter =
        |path: &Path| matches!(path.steps(), [Step::Member(first), _, ..] if **first == *"params");
    if !request.iter().all(|proposal| of_a_column(&proposal.field.path) || is_parameter(&proposal.field.path))
    {
        // A column of columns has more than one way to be written.
        return None;
    }
    let mut row = tree(request)?;
    let params = row.as_object_mut()?.remove("params");
    let mut seen = expected(request, &row, &[]).map(|row| format!("dataframe_records: [{row}]"));
    let mut body = value!({ "dataframe_records": [row] });
    if let Some(params) = params {
        let of_params = expected(request, &params, &["params"]);
        seen = seen.zip(of_params).map(|(seen, params)| format!("{seen}, params: {params}"));
        body.as_object_mut()?.insert("params".into(), params);
    }
    Some((Sent::Json(body), seen.map(|seen| format!("{{ {seen} }}"))))
}

/// MLflow's answer to one row.
fn predictions(response: &[Proposal]) -> Option<(Value, Option<String>)> {
    let mut row = tree(response)?;
    let unnamed = row.as_object_mut()?.remove("predictions");
    let (row, within): (Value, &[&str]) = match unnamed {
        Some(value) => (value, &["predictions"]),
        None => (row, &[]),
    };
    let gets = expected(response, &row, within).map(|row| format!("{{ predictions: [{row}] }}"));
    Some((value!({ "predictions": [row] }), gets))
}

/// Tensors of one row, and what the other side gets of them.
fn tensors(proposals: &[Proposal]) -> Option<(Vec<Value>, String)> {
    const MOST: i64 = 2;
    let (mut all, mut seen) = (Vec::new(), Vec::new());
    for proposal in proposals {
        let Tensor { datatype, shape } = proposal.field.tensor.as_ref()?;
        let name = match proposal.field.path.steps() {
            [Step::Member(name)] | [Step::Member(name), Step::Every] => name,
            _ => return None,
        };
        let sample = proposal.sample.as_ref()?;
        // One row, and of each further dimension no more than two.
        let size = |size: &i64| if *size < 0 { MOST } else { (*size).min(MOST) };
        let inner: Vec<i64> = shape.iter().skip(1).map(size).collect();
        let count = usize::try_from(inner.iter().product::<i64>()).ok()?;
        let shape: Vec<i64> = std::iter::once(1).chain(inner).collect();
        let data = vec![sample.clone(); count];
        all.push(value!({ "name": name, "shape": shape, "datatype": datatype, "data": data }));
        if proposal.outward == Spec::LeaveOut {
            continue;
        }
        let comes = of_field(proposal, sample);
        let datatype = match &proposal.outward {
            Spec::Pseudonymize { as_integer: true } => "any".to_owned(),
            Spec::Pseudonymize { as_integer: false } | Spec::Redact(_) => "BYTES".to_owned(),
            _ => datatype.clone(),
        };
        let data: Vec<String> = std::iter::repeat_n(comes.text(), count).collect();
        let shape: Vec<String> = shape.iter().map(i64::to_string).collect();
        seen.push(format!(
            "{{ name: {}, shape: [{}], datatype: {datatype}, data: [{}] }}",
            yaml::scalar(name),
            shape.join(", "),
            data.join(", ")
        ));
    }
    Some((all, format!("[{}]", seen.join(", "))))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn pairs(request: &[Proposal]) -> Option<(Sent, Option<String>)> {
    let escaped = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let (mut pairs, mut seen) = (Vec::new(), Vec::new());
    for proposal in request {
        let Some(sample) = &proposal.sample else {
            if proposal.field.required {
                return None;
            }
            continue;
        };
        let (name, value) = (escaped(&flat_name(&proposal.field.path)), escaped(&text(sample)));
        if proposal.outward != Spec::LeaveOut {
            let comes = match of_field(proposal, sample) {
                Expected::Is(same) if same == *sample => regex_syntax::escape(&value),
                other => other.pattern("[^&]*"),
            };
            seen.push(format!("{}={comes}", regex_syntax::escape(&name)));
        }
        pairs.push((name, value));
    }
    let pattern = yaml::quoted(&format!("^{}$", seen.join("&")));
    Some((Sent::Pairs(pairs), Some(format!("{{ matches: {pattern} }}"))))
}

fn parts(request: &[Proposal]) -> Option<(Sent, Option<String>)> {
    let mut parts = Vec::new();
    let mut seen = String::from("(?s)^");
    for proposal in request {
        let name = flat_name(&proposal.field.path);
        let file = proposal.rules.kind == Some(RuleKind::File);
        let (content, comes) = match (&proposal.sample, file) {
            (_, true) => ("what is in the file".to_owned(), "what is in the file".to_owned()),
            (Some(sample), false) => (text(sample), of_field(proposal, sample).pattern("[^\n]*")),
            (None, false) if proposal.field.required => return None,
            (None, false) => continue,
        };
        if proposal.outward != Spec::LeaveOut {
            seen.push_str(&format!("--boundary\n[^\n]*name=\"{}\"[^\n]*\n", regex_syntax::escape(&name)));
            seen.push_str(if file { "Content-Type: [^\n]*\n\n" } else { "\n" });
            seen.push_str(&format!("{comes}\n"));
        }
        parts.push((name, content, file));
    }
    seen.push_str("--boundary--\n?$");
    Some((Sent::Parts(parts), Some(format!("{{ matches: {} }}", yaml::quoted(&seen)))))
}
