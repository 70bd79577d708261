//! One call of an OpenAPI description.

use serde_json::{Map, Value};

use super::schema::{self, Body};
use crate::check::{RuleKind, Rules};
use crate::draft::document::local;
use crate::draft::model::{self, Api, Operation, Parameter, Place, Scopes};
use crate::draft::open::without_a_body;
use crate::draft::yaml::LONGEST_NAME;
use crate::net::headers::why_not_declared;
use crate::payload::{Format, Path, Step};

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
pub(super) fn method(key: &str) -> Option<&'static str> {
    METHODS.into_iter().find(|method| method.eq_ignore_ascii_case(key))
}

/// Adds an operation, or a note why it cannot be drafted.
pub(super) fn add(
    document: &Value,
    method: &'static str,
    path: &str,
    item: &Value,
    operation: &Value,
    api: &mut Api,
) {
    let scopes = scopes(document, operation);
    let mut made = Operation { payload: None, scopes, ..Operation::of(method, path, Format::Json, 9, "") };
    let body = operation.get("requestBody").and_then(|body| resolved(document, body));
    let content = body.and_then(|body| body.get("content")).and_then(Value::as_object);
    parameters(document, item, operation, &mut made);
    let answer = answer(document, operation);
    if let Ok(Some(answer)) = answer {
        let flat = flat(document, answer, Body::Response);
        made.response = flat.fields;
        made.notes.extend(flat.notes.into_iter().map(|note| format!("answer, {note}")));
    }
    let fault = match content {
        Some(content) => match body_of(content) {
            Some((format, media)) => governed(document, format, media, &mut made),
            None => {
                let types: Vec<String> =
                    content.keys().take(3).map(|key| key.chars().take(60).collect()).collect();
                Some(format!("its body is {}, and JSON and forms are drafted", types.join(" or ")))
            }
        },
        None => {
            let fault = without_a_body(&mut made).err().map(str::to_owned);
            unsaid(&mut made);
            fault
        }
    };
    let fault = fault.or_else(|| match (&answer, made.payload) {
        (Err(why), Some(_)) => Some(why.clone()),
        _ => None,
    });
    if made.payload.is_some() && made.response.is_empty() {
        made.notes.push(
            "the description does not say what is answered: the caller gets `{}` until fields are declared"
                .into(),
        );
    }
    match fault {
        Some(why) => api.notes.push(format!("{}: {why}", made.route())),
        None => api.add(made),
    }
}

/// Marks a call that has a body as a rule, and of whose the description says nothing: a handler that takes the request as it
/// is describes none.
fn unsaid(made: &mut Operation) {
    if !matches!(made.method.as_str(), "POST" | "PUT" | "PATCH") {
        return;
    }
    made.tenths = 3;
    made.because = "the description says nothing of a body, and a call with one is refused".into();
    made.notes.push(
        "the description says nothing of its body, and a call with one is refused: if calls have one, `consentry learn` drafts it where \
         it is JSON; of lines of JSON write `payload: ndjson` and the fields by hand"
            .into(),
    );
}

fn governed(document: &Value, format: Format, media: &Value, made: &mut Operation) -> Option<String> {
    if matches!(made.method.as_str(), "GET" | "HEAD" | "DELETE") {
        return Some("a call of this method has no body that could be governed".into());
    }
    let flat = flat(document, media, if format == Format::Multipart { Body::Form } else { Body::Request });
    let why = flat.notes.first().cloned();
    made.request = flat.fields;
    made.notes.extend(flat.notes);
    made.blocked = flat.blocked;
    if made.request.is_empty() {
        let why = why.unwrap_or_else(|| "the description gives no fields".into());
        return Some(format!("nothing of its body can be declared: {why}"));
    }
    made.payload = Some(model::Body::Of(format));
    made.because = match format {
        Format::Form => "a body as forms send it",
        Format::Multipart => "a body in parts, as forms with files send it",
        _ => "a body in JSON",
    }
    .into();
    None
}

fn flat(document: &Value, media: &Value, body: Body) -> schema::Flat {
    let listed =
        media.get("examples").and_then(Value::as_object).and_then(|examples| examples.values().next());
    let example = media.get("example").or_else(|| listed?.get("value"));
    let Some(schema) = media.get("schema") else { return schema::Flat::default() };
    schema::flatten(document, schema, body, example)
}

/// What is sent or answered as this media type.
fn of_type<'d>(content: &'d Map<String, Value>, wanted: &[&str]) -> Option<&'d Value> {
    let is = |key: &str| {
        let media = key.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        wanted.contains(&media.as_str())
    };
    content.iter().find(|(key, _)| is(key)).map(|(_, media)| media)
}

/// The body that is drafted of those that the API takes.
fn body_of(content: &Map<String, Value>) -> Option<(Format, &Value)> {
    let json = of_type(content, &["application/json", "*/*"]).map(|media| (Format::Json, media));
    json.or_else(|| {
        [Format::Multipart, Format::Form]
            .into_iter()
            .find_map(|format| Some((format, of_type(content, &[format.media_type()])?)))
    })
}

/// What a success answers in JSON, where the description says it.
///
/// # Errors
/// Why the answer could not be governed: it is something else than JSON.
fn answer<'d>(document: &'d Value, operation: &'d Value) -> Result<Option<&'d Value>, String> {
    let Some(responses) = operation.get("responses").and_then(Value::as_object) else { return Ok(None) };
    let of = |status: &str| Some((status.to_owned(), resolved(document, responses.get(status)?)?));
    let known = ["200", "201", "202", "2XX", "204", "default"].into_iter().find_map(of);
    let Some((status, response)) = known else { return Ok(None) };
    match response.get("content").and_then(Value::as_object) {
        None if status == "204" => {
            Err("it answers nothing (204), and what is governed is an answer in JSON".into())
        }
        None => Ok(None),
        Some(content) if content.is_empty() => Ok(None),
        Some(content) => match of_type(content, &["application/json", "*/*"]) {
            Some(media) => Ok(Some(media)),
            None => {
                let types: Vec<String> =
                    content.keys().take(3).map(|key| key.chars().take(60).collect()).collect();
                Err(format!("its answer is {}, and JSON is drafted", types.join(" or ")))
            }
        },
    }
}

/// What an object that may be a reference stands for.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> Option<&'d Value> {
    const HOPS: usize = 8;
    let mut value = value;
    for _ in 0..HOPS {
        match value.get("$ref").and_then(Value::as_str) {
            None => return Some(value),
            Some(reference) => value = local(document, reference)?,
        }
    }
    None
}

/// The scopes of the first way in that names any. Several ways with one scope each are alternatives.
fn scopes(document: &Value, operation: &Value) -> Scopes {
    let security = operation.get("security").or_else(|| document.get("security")).and_then(Value::as_array);
    let is_scope = |text: &&str| {
        !text.is_empty()
            && text.len() <= 100
            && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    let mut ways: Vec<Vec<String>> = Vec::new();
    for way in security.into_iter().flatten().filter_map(Value::as_object) {
        let mut scopes: Vec<String> = Vec::new();
        for scope in
            way.values().filter_map(Value::as_array).flatten().filter_map(Value::as_str).filter(is_scope)
        {
            if !scopes.iter().any(|other| other == scope) {
                scopes.push(scope.to_owned());
            }
        }
        if !scopes.is_empty() && !ways.contains(&scopes) {
            ways.push(scopes);
        }
    }
    if ways.len() > 1 && ways.iter().all(|way| way.len() == 1) {
        return Scopes::Any(ways.concat());
    }
    ways.into_iter().next().map_or(Scopes::Unknown, Scopes::All)
}

fn parameters(document: &Value, item: &Value, operation: &Value, made: &mut Operation) {
    let own = operation.get("parameters").and_then(Value::as_array);
    let shared = item.get("parameters").and_then(Value::as_array);
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for written in own.into_iter().chain(shared).flatten() {
        let Some(written) = resolved(document, written) else {
            made.notes.push("a parameter is described in another document: it is left out".into());
            continue;
        };
        let word = |key: &str| written.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, place) = (word("name"), word("in"));
        if seen.contains(&(name, place)) {
            continue;
        }
        seen.push((name, place));
        if let Err(why) = parameter(document, written, name, place, made) {
            let name: String = name.chars().take(60).collect();
            made.notes.push(format!("{place} parameter `{name}`: {why}"));
        }
    }
    // What stands in the path and is not described is a text.
    let named: Vec<String> = made.places().iter().map(|(name, _)| (*name).to_owned()).collect();
    for name in named {
        let known = |parameter: &Parameter| parameter.place == Place::Path && parameter.name == name;
        if !made.parameters.iter().any(known) {
            let text = Rules { kind: Some(RuleKind::String), ..Rules::default() };
            put(Place::Path, &name, text, true, "", None, made);
        }
    }
}

fn parameter(
    document: &Value,
    written: &Value,
    name: &str,
    place: &str,
    made: &mut Operation,
) -> Result<(), String> {
    let place = match place {
        "path" => Place::Path,
        "query" => Place::Query,
        "header" => Place::Header,
        _ => return Err("it stays behind".into()),
    };
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err("its name is none that a policy can write".into());
    }
    if place == Place::Path && !made.places().iter().any(|(other, _)| *other == name) {
        return Err("the path has no such piece".into());
    }
    let schema = written.get("schema").ok_or("the description does not say what it holds")?;
    // A parameter is one value: flattened under a name, it is one field or none.
    let whole =
        serde_json::json!({ "type": "object", "properties": { "value": schema }, "required": ["value"] });
    let flat = schema::flatten(document, &whole, Body::Request, None);
    let [field] = flat.fields.as_slice() else {
        return Err("it is not one value of one type".into());
    };
    if field.path != Path::of(vec![Step::Member("value".into())]).ok_or("no path")? {
        return Err("it is a list or an object".into());
    }
    let told = flat.notes.iter().filter_map(|note| note.strip_prefix("`value`: "));
    made.notes.extend(told.map(|told| format!("{} parameter `{name}`: {told}", place.word())));
    let mut rules = field.rules.clone();
    rules.nullable = false;
    let required = place == Place::Path || written.get("required") == Some(&Value::Bool(true));
    let describes = written.get("description").and_then(Value::as_str).unwrap_or_default();
    let example = written.get("example").cloned().or_else(|| field.example.clone());
    let describes: String = describes.chars().take(300).collect();
    if place == Place::Header {
        match http::HeaderName::try_from(name) {
            Ok(name) if why_not_declared(&name).is_none() => {}
            _ => return Err("it does not travel: it stays behind".into()),
        }
    }
    put(place, name, rules, required, &describes, example, made);
    Ok(())
}

fn put(
    place: Place,
    name: &str,
    rules: Rules,
    required: bool,
    describes: &str,
    example: Option<Value>,
    made: &mut Operation,
) {
    let above = made.places().into_iter().find(|(other, _)| *other == name).and_then(|(_, above)| above);
    let parameter = Parameter::of(place, name, above, rules, required, describes);
    made.parameters.extend(parameter.map(|mut parameter| {
        parameter.field.example = example;
        parameter
    }));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scopes_are_read_as_alternatives_or_together() {
        let of = |security: Value| scopes(&json!({ "security": security }), &json!({}));
        assert_eq!(of(json!([{ "oauth": ["a", "b"] }])), Scopes::All(vec!["a".into(), "b".into()]));
        assert_eq!(
            of(json!([{ "oauth": ["a"] }, { "oidc": ["b"] }])),
            Scopes::Any(vec!["a".into(), "b".into()])
        );
        assert_eq!(of(json!([{ "key": [] }])), Scopes::Unknown);
        assert_eq!(of(json!([{ "oauth": ["a b", "c\"d"] }])), Scopes::Unknown);
        let own = scopes(&json!({ "security": [{ "o": ["a"] }] }), &json!({ "security": [] }));
        assert_eq!(own, Scopes::Unknown);
    }
}
