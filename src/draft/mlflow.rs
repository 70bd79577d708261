//! An MLflow model's `MLmodel` file as an [`Api`]: the scoring server's one call, with a field for each column of the
//! signature and each parameter.

use serde_json::{Value, json};

use super::category::category;
use super::document::DocumentError;
use super::model::{Api, Blocked, Field, Operation};
use crate::check::{RuleKind, Rules};
use crate::payload::{Format, Path, Step};

const COLUMNS: usize = 500;
const DEPTH: usize = 8;
/// Flavours whose models answer with an array: its values have no names, whatever the signature calls them.
const OF_ARRAYS: [&str; 4] = ["mlflow.sklearn", "mlflow.xgboost", "mlflow.lightgbm", "mlflow.catboost"];
/// What makes a list of numbers for each row of them.
const OF_CLASSES: [&str; 2] = ["predict_proba", "predict_log_proba"];
const NO_TYPE: &str = "its type is none that a field has";

/// Reads an `MLmodel` file.
///
/// # Errors
/// If it is none, or the model has no signature.
pub fn api(document: &Value) -> Result<Api, DocumentError> {
    let Some(signature) = document.get("signature").filter(|signature| signature.is_object()) else {
        return Err(DocumentError::NotThat("an MLmodel file with a `signature`: log the model with one"));
    };
    let part = |key: &str| -> Vec<Value> {
        let text = signature.get(key).and_then(Value::as_str);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let mut made =
        Operation::of("POST", "/invocations", Format::Mlflow, 9, "MLflow's scoring server has this one call");
    let mut request = Vec::new();
    for column in part("inputs").iter().take(COLUMNS) {
        let (fields, notes) = (request.len(), made.notes.len());
        add(column, Vec::new(), &mut request, &mut made.notes);
        let required = column.get("required") != Some(&Value::Bool(false));
        let name = column.get("name").and_then(Value::as_str).map(|name| Step::Member(name.into()));
        // Nothing came of it but a note.
        if required && request.len() == fields && made.notes.len() > notes {
            let path = name.and_then(|name| Path::of(vec![name]));
            made.blocked.extend(path.map(|path| Blocked { path, why: NO_TYPE.to_owned(), by_hand: false }));
        }
    }
    for parameter in part("params").iter().take(COLUMNS) {
        let before = request.len();
        let parameter = of_a_parameter(parameter);
        add(&parameter, vec![Step::Member("params".into())], &mut request, &mut made.notes);
        request.iter_mut().skip(before).for_each(|field| field.required = false);
    }
    if request.is_empty() {
        return Err(DocumentError::NotThat("an MLmodel file whose signature names its inputs"));
    }
    made.request = request;
    answer(&part("outputs"), document, &mut made);
    let mut api = Api::default();
    api.add(made);
    api.add(Operation::health("/health"));
    api.add(Operation::health("/ping"));
    Ok(api)
}

/// What the server answers: under the names of the signature where the model makes a table; else under none, which is
/// `predictions`.
fn answer(outputs: &[Value], document: &Value, made: &mut Operation) {
    let of_python =
        |key: &str| document.pointer(&format!("/flavors/python_function/{key}")).and_then(Value::as_str);
    let flavour = of_python("loader_module").unwrap_or_default();
    let classes = of_python("predict_fn").is_some_and(|name| OF_CLASSES.contains(&name));
    let named = |output: &Value| output.get("name").and_then(Value::as_str).is_some();
    let mut notes = Vec::new();
    let array = OF_ARRAYS.contains(&flavour) && outputs.iter().any(named);
    let array = if array { unnamed(outputs, flavour, classes, &mut notes) } else { None };
    if let Some(field) = array {
        made.response.push(field);
    } else {
        notes.clear();
        for output in outputs.iter().take(COLUMNS) {
            if named(output) {
                add(output, Vec::new(), &mut made.response, &mut notes);
            } else {
                // One value a row, under the answer's own name.
                value(output, vec![Step::Member("predictions".into())], true, &mut made.response, &mut notes);
            }
        }
        for field in made
            .response
            .iter_mut()
            .filter(|field| field.path.steps() != [Step::Member("predictions".into())])
        {
            field.tenths = 7;
            field.because.push(
                "where the model answers with an array, and not with a table, the server sends `{\"predictions\": [1]}` without \
                 names: call this one `predictions`, or `predictions[*]` where each row is a list"
                    .into(),
            );
        }
    }
    made.notes.extend(notes.into_iter().map(|note| format!("answer, {note}")));
}

/// The answer of a model that makes an array of what the signature names; `None` where no array would hold them all.
fn unnamed(outputs: &[Value], flavour: &str, classes: bool, notes: &mut Vec<String>) -> Option<Field> {
    let mut fields = Vec::new();
    outputs.iter().take(COLUMNS).for_each(|output| add(output, Vec::new(), &mut fields, notes));
    let first = fields.first()?;
    let list = classes || fields.len() > 1;
    let number = |field: &Field| matches!(field.rules.kind, Some(RuleKind::Integer | RuleKind::Number));
    let kind = match first.rules.kind? {
        _ if classes => RuleKind::Number,
        kind if fields.iter().all(|field| field.rules.kind == Some(kind)) => kind,
        _ if fields.iter().all(number) => RuleKind::Number,
        _ => return None,
    };
    let known = category(&first.path, None, "").filter(|_| !list);
    let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.path)).collect();
    let (path, example) = if list { ("predictions[*]", "[[0, 1]]") } else { ("predictions", "[1]") };
    let because = format!(
        "the signature says {}, and {flavour} answers with an array, without names: `{{\"predictions\": {example}}}`; where your \
         model makes a table, write the names instead",
        names.join(", ")
    );
    let rules = Rules { kind: Some(kind), ..Rules::default() };
    Some(Field {
        because: vec![because],
        tenths: 8,
        known,
        ..Field::of(Path::parse(path).ok()?, rules, true)
    })
}

/// A parameter as a column is written: its type has been `dtype` before it was `type`, and one with a shape is a list.
fn of_a_parameter(parameter: &Value) -> Value {
    let word = |key: &str| parameter.get(key).and_then(Value::as_str);
    let kind = word("type").or_else(|| word("dtype")).unwrap_or_default();
    let name = parameter.get("name").cloned().unwrap_or_default();
    match parameter.get("shape") {
        _ if kind == "object" || kind == "array" => parameter.clone(),
        None | Some(Value::Null) => json!({ "name": name, "type": kind }),
        Some(_) => json!({ "name": name, "type": "array", "items": { "type": kind } }),
    }
}

fn add(column: &Value, mut steps: Vec<Step>, fields: &mut Vec<Field>, notes: &mut Vec<String>) {
    let Some(name) = column.get("name").and_then(Value::as_str) else {
        notes.push("an input has no name: a policy names columns".into());
        return;
    };
    if name.chars().count() > super::yaml::LONGEST_NAME {
        notes.push("a column's name is longer than 90 characters".into());
        return;
    }
    steps.push(Step::Member(name.into()));
    let required = column.get("required") != Some(&Value::Bool(false));
    value(column, steps, required, fields, notes);
}

fn value(schema: &Value, steps: Vec<Step>, required: bool, fields: &mut Vec<Field>, notes: &mut Vec<String>) {
    let Some(path) = Path::of(steps.clone()) else { return };
    if steps.len() > DEPTH {
        notes.push(format!("`{path}`: it lies too deep"));
        return;
    }
    let inner = |step: Step| {
        let mut steps = steps.clone();
        steps.push(step);
        steps
    };
    let kind = match schema.get("type").and_then(Value::as_str).unwrap_or_default() {
        "boolean" => RuleKind::Boolean,
        "integer" | "long" => RuleKind::Integer,
        "float" | "double" => RuleKind::Number,
        "string" | "binary" | "datetime" => RuleKind::String,
        "array" => {
            let Some(items) = schema.get("items") else { return };
            return value(items, inner(Step::Every), required, fields, notes);
        }
        "object" => {
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                let needed = property.get("required") != Some(&Value::Bool(false));
                value(property, inner(Step::Member(name.as_str().into())), required && needed, fields, notes);
            }
            return;
        }
        "tensor" => {
            let tensor = schema.get("tensor-spec");
            let shape = tensor.and_then(|tensor| tensor.get("shape")).and_then(Value::as_array);
            let wide = shape.is_some_and(|shape| shape.len() > 1);
            let word =
                tensor.and_then(|tensor| tensor.get("dtype")).and_then(Value::as_str).unwrap_or_default();
            let kind = match word {
                "bool" => RuleKind::Boolean,
                word if word.starts_with("int") || word.starts_with("uint") => RuleKind::Integer,
                word if word.starts_with("float") => RuleKind::Number,
                _ => RuleKind::String,
            };
            let path = if wide { Path::of(inner(Step::Every)) } else { Some(path) };
            fields.extend(path.map(|path| field(path, kind, required, format!("a tensor of {word}"))));
            return;
        }
        _ => {
            notes.push(format!("`{path}`: {NO_TYPE}"));
            return;
        }
    };
    let word = schema.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    fields.push(field(path, kind, required, format!("the signature says {word}")));
}

fn field(path: Path, kind: RuleKind, required: bool, because: String) -> Field {
    let rules = Rules { kind: Some(kind), ..Rules::default() };
    Field { because: vec![because], tenths: 9, ..Field::of(path, rules, required) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::model::Body;

    const MODEL: &str = r#"
artifact_path: model
flavors:
  sklearn: { pickled_model: model.pkl, sklearn_version: 1.7.0 }
signature:
  inputs: '[{"type": "long", "name": "customer_id", "required": true}, {"type": "double", "name": "income", "required": true}, {"type": "string", "name": "job title", "required": false}, {"type": "array", "items": {"type": "double"}, "name": "history", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: '[{"name": "threshold", "type": "double", "default": 0.5, "shape": null}, {"name": "top", "dtype": "long", "default": 3, "shape": null}, {"name": "stops", "dtype": "string", "default": [], "shape": [-1]}]'
utc_time_created: '2026-01-01 10:00:00.000000'
"#;

    #[test]
    fn a_signature_becomes_fields() {
        let api = api(&crate::draft::read(MODEL.as_bytes()).unwrap()).unwrap();
        let operation = &api.operations[0];
        assert_eq!(
            (operation.route().as_str(), operation.payload),
            ("POST /invocations", Some(Body::Of(Format::Mlflow)))
        );
        let found: Vec<_> = operation
            .request
            .iter()
            .map(|field| (field.path.to_string(), field.rules.kind.unwrap(), field.required))
            .collect();
        let expected = [
            ("customer_id", RuleKind::Integer, true),
            ("income", RuleKind::Number, true),
            ("['job title']", RuleKind::String, false),
            ("history[*]", RuleKind::Number, true),
            ("params.threshold", RuleKind::Number, false),
            ("params.top", RuleKind::Integer, false),
            ("params.stops[*]", RuleKind::String, false),
        ];
        assert_eq!(found, expected.map(|(name, kind, required)| (name.to_owned(), kind, required)));
        assert_eq!(operation.response[0].path.to_string(), "predictions");
        assert_eq!(api.operations.len(), 3);
    }

    /// The answer's fields for these flavours and outputs, with what is said of the first.
    fn answered(python: &str, outputs: &str) -> (Vec<(String, RuleKind)>, String) {
        let text = format!(
            "flavors:\n  python_function: {python}\nsignature:\n  inputs: '[{{\"type\": \"double\", \"name\": \"income\"}}]'\n  outputs: '{outputs}'\n"
        );
        let api = api(&crate::draft::read(text.as_bytes()).unwrap()).unwrap();
        let response = &api.operations[0].response;
        let fields = response.iter().map(|field| (field.path.to_string(), field.rules.kind.unwrap()));
        (fields.collect(), response[0].because.join("; "))
    }

    #[test]
    fn what_answers_with_an_array_has_no_names() {
        let esi = r#"[{"type": "long", "name": "esi", "required": true}]"#;
        let two = r#"[{"type": "double", "name": "a"}, {"type": "double", "name": "b"}]"#;
        for flavour in ["sklearn", "xgboost", "lightgbm", "catboost"] {
            let python = format!("{{ loader_module: mlflow.{flavour} }}");
            let (fields, because) = answered(&python, esi);
            assert_eq!(fields, [("predictions".to_owned(), RuleKind::Integer)], "{flavour}");
            assert!(because.contains("`esi`") && because.contains("write the names"), "{because}");
            let (fields, _) = answered(&python, two);
            assert_eq!(fields, [("predictions[*]".to_owned(), RuleKind::Number)], "{flavour}");
        }
        let (fields, _) = answered("{ loader_module: mlflow.sklearn, predict_fn: predict_proba }", esi);
        assert_eq!(fields, [("predictions[*]".to_owned(), RuleKind::Number)], "a number for each class");
        let mixed = r#"[{"type": "double", "name": "a"}, {"type": "string", "name": "b"}]"#;
        let (fields, _) = answered("{ loader_module: mlflow.sklearn }", mixed);
        assert_eq!(fields.len(), 2, "that is no array");
    }

    #[test]
    fn what_may_answer_with_a_table_has_the_signatures_names_and_says_what_else_it_may_be() {
        let esi = r#"[{"type": "long", "name": "esi", "required": true}]"#;
        for python in ["{ loader_module: mlflow.pyfunc.model }", "{ loader_module: mlflow.pytorch }", "{}"] {
            let (fields, because) = answered(python, esi);
            assert_eq!(fields, [("esi".to_owned(), RuleKind::Integer)], "{python}");
            assert!(because.contains("call this one `predictions`"), "{because}");
        }
        let tensor = r#"[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]"#;
        let (fields, because) = answered("{ loader_module: mlflow.sklearn }", tensor);
        assert_eq!(fields, [("predictions".to_owned(), RuleKind::Integer)]);
        assert!(!because.contains("names"), "nothing is said of names where there are none: {because}");
    }

    #[test]
    fn a_model_without_a_signature_is_refused() {
        for text in
            ["flavors: {}", "signature: {}", "signature: { inputs: 'x' }", "signature: { inputs: '[{}]' }"]
        {
            let document = crate::draft::read(text.as_bytes()).unwrap();
            assert!(matches!(api(&document), Err(DocumentError::NotThat(_))), "{text}");
        }
    }
}
