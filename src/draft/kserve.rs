//! The metadata of a model behind the Open Inference Protocol (KServe, Triton, MLServer; V2) as an [`Api`]: a field for
//! each tensor. The first dimension of a tensor are the rows; where a row has several values, the field is `NAME[*]`.

use serde_json::Value;

use super::document::DocumentError;
use super::model::{Api, Blocked, Field, Operation, Tensor};
use crate::check::{Range, RuleKind, Rules};
use crate::payload::{Format, Path, Step};
use crate::policy::is_name;

const TENSORS: usize = 500;

/// Reads what `GET /v2/models/NAME` answers.
///
/// # Errors
/// If it is not that.
pub fn api(document: &Value) -> Result<Api, DocumentError> {
    const NOT: DocumentError = DocumentError::NotThat(
        "a model's metadata with `name` and `inputs`, as GET /v2/models/NAME answers them",
    );
    let name = document.get("name").and_then(Value::as_str).filter(|name| is_name(name)).ok_or(NOT)?;
    let inputs = document.get("inputs").and_then(Value::as_array).ok_or(NOT)?;
    let path = format!("/v2/models/{name}/infer");
    let mut made = Operation::of("POST", &path, Format::KserveV2, 9, "the protocol's call for this model");
    made.request = tensors(inputs, &mut made.notes, &mut made.blocked);
    if made.request.is_empty() {
        return Err(NOT);
    }
    let mut notes = Vec::new();
    let outputs = document.get("outputs").and_then(Value::as_array);
    made.response = outputs.map(|outputs| tensors(outputs, &mut notes, &mut Vec::new())).unwrap_or_default();
    made.notes.extend(notes.into_iter().map(|note| format!("answer, {note}")));
    let name = Some(name.to_owned());
    let mut api = Api { name, ..Api::default() };
    api.add(made);
    for path in ["/v2/health/live", "/v2/health/ready"] {
        api.add(Operation::health(path));
    }
    Ok(api)
}

fn tensors(tensors: &[Value], notes: &mut Vec<String>, blocked: &mut Vec<Blocked>) -> Vec<Field> {
    let mut fields = Vec::new();
    for tensor in tensors.iter().take(TENSORS) {
        let name = tensor.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() || name.chars().count() > super::yaml::LONGEST_NAME {
            notes.push("a tensor has no name, or one longer than 90 characters".into());
            continue;
        }
        let shape: Vec<i64> = tensor
            .get("shape")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_i64)
            .collect();
        let word = tensor.get("datatype").and_then(Value::as_str).unwrap_or_default();
        let (kind, range) = match word {
            "BOOL" => (RuleKind::Boolean, None),
            "BYTES" => (RuleKind::String, None),
            "FP16" | "FP32" | "FP64" | "BF16" => (RuleKind::Number, None),
            word => {
                let Some(range) = integers(word) else {
                    let why = "its datatype is none of the protocol's";
                    notes.push(format!("tensor `{name}`: {why}"));
                    let path = Path::of(vec![Step::Member(name.into())]);
                    blocked.extend(path.map(|path| Blocked { path, why: why.to_owned(), by_hand: false }));
                    continue;
                };
                (RuleKind::Integer, range)
            }
        };
        let rules = Rules { kind: Some(kind), range, ..Rules::default() };
        let several = shape.iter().skip(1).any(|size| *size != 1);
        let mut steps = vec![Step::Member(name.into())];
        steps.extend(several.then_some(Step::Every));
        let sizes: Vec<String> = shape.iter().map(i64::to_string).collect();
        fields.extend(Path::of(steps).map(|path| Field {
            because: vec![format!("a tensor of {word}, shape [{}]", sizes.join(", "))],
            tenths: 9,
            tensor: Some(Tensor { datatype: word.to_owned(), shape }),
            ..Field::of(path, rules, true)
        }));
    }
    fields
}

/// What an integer of the protocol can be; the widest need no bound.
fn integers(word: &str) -> Option<Option<Range>> {
    let (min, max) = match word {
        "INT8" => ("-128", "127"),
        "INT16" => ("-32768", "32767"),
        "INT32" => ("-2147483648", "2147483647"),
        "UINT8" => ("0", "255"),
        "UINT16" => ("0", "65535"),
        "UINT32" => ("0", "4294967295"),
        "INT64" => return Some(None),
        "UINT64" => return Some(Some(Range { min: Some("0".into()), max: None })),
        _ => return None,
    };
    Some(Some(Range { min: Some(min.into()), max: Some(max.into()) }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::draft::model::Body;

    #[test]
    fn tensors_become_fields() {
        let metadata = json!({ "name": "triage", "versions": ["1"], "platform": "sklearn",
            "inputs": [
                { "name": "patient_id", "datatype": "BYTES", "shape": [-1, 1] },
                { "name": "age", "datatype": "INT32", "shape": [-1] },
                { "name": "pixels", "datatype": "FP32", "shape": [-1, 28, 28] },
                { "name": "odd", "datatype": "X", "shape": [-1] },
            ],
            "outputs": [{ "name": "risk", "datatype": "FP64", "shape": [-1, 1] }] });
        let api = api(&metadata).unwrap();
        let operation = &api.operations[0];
        assert_eq!(
            (operation.route().as_str(), operation.payload),
            ("POST /v2/models/triage/infer", Some(Body::Of(Format::KserveV2)))
        );
        let names: Vec<_> = operation.request.iter().map(|field| field.path.to_string()).collect();
        assert_eq!(names, ["patient_id", "age", "pixels[*]"]);
        assert_eq!(operation.response[0].path.to_string(), "risk");
        assert!(operation.notes[0].contains("`odd`"), "{:?}", operation.notes);
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        for document in
            [json!({}), json!({ "name": "a/b", "inputs": [] }), json!({ "name": "a", "inputs": [] })]
        {
            assert!(api(&document).is_err(), "{document}");
        }
    }
}
