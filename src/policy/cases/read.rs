//! Reads cases.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use regex::Regex;
use serde_json::{Map as Object, Value};

use super::{
    Call, CallBody, CallerGets, Case, CaseFile, Exchange, Expected, Given, Part, Said, Token,
    UpstreamAnswers, UpstreamAsked, UpstreamSees,
};
use crate::clock::Timestamp;
use crate::policy::checks::unknown;
use crate::policy::codes::Code;
use crate::policy::diagnostics::{Diagnostics, Sources, Spanned};
use crate::policy::model::PolicySet;
use crate::policy::reader::{Map, Reader};
use crate::policy::shape;
use crate::policy::yaml::{self, Content, Meaning, Node};
use crate::problem::Problem;

pub(in crate::policy) fn read(activity: &str, node: &Node, reader: &mut Reader) -> Option<CaseFile> {
    let nodes = reader.list(node, "cases")?;
    let cases: Vec<Case> = nodes.iter().filter_map(|node| case(node, reader)).collect();
    for (index, case) in cases.iter().enumerate() {
        if cases.iter().take(index).any(|other| other.name.value == case.name.value) {
            let help = "Give each case a name of its own: a failure is reported by it.";
            reader.report(
                Code::CaseTwice,
                case.name.span,
                format!("There are two cases \"{}\".", case.name.value),
                help,
            );
        }
    }
    Some(CaseFile { activity: activity.to_owned(), span: node.span, cases })
}

/// Whether what a file of cases names exists.
pub(in crate::policy) fn check(file: &CaseFile, set: &PolicySet, reader: &mut Reader) {
    let unread = set.unread.contains(&file.activity);
    if !unread && !set.all().any(|activity| activity.name == file.activity) {
        let message = format!("There is no activity `{}` that these cases could test.", file.activity);
        reader.report(
            Code::UnknownName,
            file.span,
            message,
            "Name the file as the activity, with `.cases.yaml`.",
        );
    }
    let Some(organisation) = &set.organisation else { return };
    for case in &file.cases {
        let given = &case.given;
        let before =
            given.exchanges.iter().flat_map(|exchange| exchange.consent.iter().chain(&exchange.withdrawn));
        let others = given
            .persons
            .iter()
            .flat_map(|said| said.consent.iter().chain(&said.withdrawn).chain(&said.objected));
        let own = given.consent.iter().chain(&given.withdrawn).chain(&given.objected);
        for purpose in own.chain(before).chain(others) {
            let known = || organisation.purposes.iter().map(|purpose| purpose.name.value.as_str());
            if !known().any(|name| name == purpose.value) {
                unknown(purpose, "purpose", "", known(), reader);
            }
        }
    }
}

fn case(node: &Node, reader: &mut Reader) -> Option<Case> {
    let mut map = reader.map(node, &shape::CASE)?;
    let name = map.must("case", "Write what the case shows.");
    let name = name.and_then(|node| reader.text(node));
    if let Some(name) = &name {
        map.span = name.span;
    }
    let given = map.take("given").and_then(|node| given(node, reader)).unwrap_or_default();
    let send = map.must("send", "Write the call: `send: { method: POST, path: /predict/, json: { … } }`.");
    let send = send.and_then(|node| self::send(node, reader));
    let upstream_answers = map.take("upstream_answers").and_then(|node| upstream_answers(node, reader));
    let sees = map.take("upstream_sees");
    let upstream_sees = sees.and_then(|node| {
        if plain(node) == Some("nothing") {
            return Some(UpstreamSees::Nothing);
        }
        expected(node, reader).map(UpstreamSees::Body)
    });
    let asked = map.take("upstream_asked");
    let upstream_asked = asked.and_then(|node| upstream_asked(node, reader));
    let gets = map.take("caller_gets");
    let caller_gets = gets.and_then(|node| caller_gets(node, reader));
    let stored_node = map.take("stored");
    let stored = stored_node.and_then(|node| expected(node, reader));
    let span = map.span;
    map.finish(reader);
    let expectations = ["upstream_sees", "upstream_asked", "caller_gets", "stored"];
    let misspelt = expectations.iter().any(|key| reader.misread(span, key));
    if sees.or(asked).or(gets).or(stored_node).is_none() && !misspelt {
        let help = "Write `upstream_sees`, `caller_gets` or `stored`.";
        reader.report(
            Code::CaseExpectsNothing,
            span,
            "The case says what is sent and not what must come of it.",
            help,
        );
    }
    Some(Case {
        name: name?,
        given,
        send: send?,
        upstream_answers,
        upstream_sees,
        upstream_asked,
        caller_gets,
        stored,
    })
}

fn given(node: &Node, reader: &mut Reader) -> Option<Given> {
    let mut map = reader.map(node, &shape::GIVEN)?;
    let consent = purposes(&mut map, "consent", reader);
    let withdrawn = purposes(&mut map, "withdrawn", reader);
    let objected = purposes(&mut map, "objected", reader);
    let restricted = map.take("restricted").and_then(|node| reader.boolean(node)).unwrap_or(false);
    let persons = map.take("persons").and_then(|node| reader.list(node, "persons")).unwrap_or_default();
    let persons = persons.iter().filter_map(|node| said(node, reader)).collect();
    let token = map.take("token").and_then(|node| token(node, reader));
    let clock = map.take("clock").and_then(|node| {
        reader.parsed(node, moment, "a moment", "Write it as RFC 3339 has it: `2026-11-23T08:00:00Z`.")
    });
    let exchanges = map.take("exchanges").and_then(|node| reader.list(node, "exchanges")).unwrap_or_default();
    let exchanges = exchanges.iter().filter_map(|node| exchange(node, reader)).collect();
    let advance = map.take("advance").and_then(|node| reader.duration(node));
    let finds = map.take("analyzer_finds").and_then(|node| reader.list(node, "finds")).unwrap_or_default();
    let analyzer_finds = finds.iter().filter_map(|node| find(node, reader)).collect();
    map.finish(reader);
    Some(Given {
        consent,
        withdrawn,
        objected,
        restricted,
        persons,
        token,
        clock,
        exchanges,
        advance,
        analyzer_finds,
    })
}

/// `{ entity: PERSON, text: Ada King }`
fn find(node: &Node, reader: &mut Reader) -> Option<(String, String)> {
    let mut map = reader.map(node, &shape::FIND)?;
    let help = "Write what is found, and where: `{ entity: PERSON, text: Ada King }`.";
    let entity = map.must("entity", help).and_then(|node| reader.text(node));
    let text = map.must("text", help).and_then(|node| reader.text(node));
    map.finish(reader);
    Some((entity?.value, text?.value))
}

fn purposes(map: &mut Map<'_>, key: &'static str, reader: &mut Reader) -> Vec<Spanned<String>> {
    map.take(key).and_then(|node| reader.texts(node, "purposes")).unwrap_or_default()
}

/// What a person has said whose data the body holds.
fn said(node: &Node, reader: &mut Reader) -> Option<Said> {
    let mut map = reader.map(node, &shape::SAID)?;
    let sub = map.must("sub", "Write who it is, as the body names them.").and_then(|node| reader.text(node));
    let consent = purposes(&mut map, "consent", reader);
    let withdrawn = purposes(&mut map, "withdrawn", reader);
    let objected = purposes(&mut map, "objected", reader);
    let restricted = map.take("restricted").and_then(|node| reader.boolean(node)).unwrap_or(false);
    map.finish(reader);
    Some(Said { sub: sub?.value, consent, withdrawn, objected, restricted })
}

fn exchange(node: &Node, reader: &mut Reader) -> Option<Exchange> {
    let mut map = reader.map(node, &shape::EXCHANGE)?;
    let consent = purposes(&mut map, "consent", reader);
    let withdrawn = purposes(&mut map, "withdrawn", reader);
    let token = map.must("token", "Write whose call it was: `token: { sub: u1, scopes: [predict] }`.");
    let token = token.and_then(|node| self::token(node, reader));
    let send = map.must("send", "Write the call.").and_then(|node| send(node, reader));
    map.finish(reader);
    Some(Exchange { consent, withdrawn, token: token?, send: send? })
}

fn token(node: &Node, reader: &mut Reader) -> Option<Token> {
    let mut map = reader.map(node, &shape::TOKEN)?;
    let sub = map.take("sub").and_then(|node| reader.text(node)).map(|text| text.value);
    let scopes = map.take("scopes").and_then(|node| reader.list(node, "scopes")).unwrap_or_default();
    let scopes = scopes.iter().filter_map(|node| reader.text(node)).map(|text| text.value).collect();
    let client_id = map.take("client_id").and_then(|node| reader.text(node)).map(|text| text.value);
    let namespace = map.take("namespace").and_then(|node| reader.text(node)).map(|text| text.value);
    let mut claims = Object::new();
    for key in ["purpose", "reason"] {
        if let Some(text) = map.take(key).and_then(|node| reader.text(node)) {
            claims.insert(key.into(), text.value.into());
        }
    }
    let further = map.take("claims").and_then(|node| reader.names(node, "claims")).unwrap_or_default();
    for entry in further {
        if let Some(value) = json(&entry.value, reader) {
            claims.insert(entry.key.clone(), value);
        }
    }
    map.finish(reader);
    Some(Token { sub, scopes, client_id, namespace, claims })
}

/// A call by itself, as `send:` has it.
///
/// # Errors
/// All that is wrong with it.
pub fn call(text: &str) -> Result<Call, Diagnostics> {
    let mut sources = Sources::default();
    let source = sources.add("the call", text);
    let mut reader = Reader::default();
    let node = yaml::parse(source, text, &mut reader.found);
    let call = node.and_then(|node| send(&node, &mut reader));
    match call {
        Some(call) if reader.found.is_empty() => Ok(call),
        _ => Err(Diagnostics::new(Arc::new(sources), reader.found)),
    }
}

fn send(node: &Node, reader: &mut Reader) -> Option<Call> {
    let mut map = reader.map(node, &shape::CALL)?;
    let method = map.must("method", "Write `method: POST`.");
    let method = method.and_then(|node| {
        reader.text(node)?;
        let parse = |text: &str| Method::from_bytes(text.as_bytes()).ok();
        reader.parsed(node, parse, "a method", "Write `GET`, `POST` or another method.")
    });
    let path = map.must("path", "Write `path: /predict/`.").and_then(|node| reader.text(node));
    let headers = map.take("headers").and_then(|node| reader.names(node, "headers")).unwrap_or_default();
    let headers =
        headers.iter().filter_map(|entry| Some((entry.key.clone(), reader.text(&entry.value)?.value)));
    let headers = headers.collect();
    let body = body(&mut map, reader);
    map.finish(reader);
    Some(Call { method: method?, path: path?, headers, body: body? })
}

/// The one body of a call.
fn body(map: &mut Map<'_>, reader: &mut Reader) -> Option<CallBody> {
    let (value, text, parts) = (map.take("json"), map.take("text"), map.take("parts"));
    let mut bodies = [value, text, parts].into_iter().flatten();
    if let (Some(_), Some(second)) = (bodies.next(), bodies.next()) {
        let message = "A call has one body, and here are two.";
        reader.report(Code::NotHere, second.span, message, "Keep one of `json`, `text` and `parts`.");
        return None;
    }
    match (value, text, parts) {
        (Some(node), ..) => json(node, reader).map(CallBody::Json),
        (_, Some(node), _) => reader.scalar(node).map(|scalar| CallBody::Text(scalar.text.clone())),
        (.., Some(node)) => {
            let parts = reader.list(node, "parts")?.iter().map(|node| part(node, reader)).collect::<Vec<_>>();
            parts.into_iter().collect::<Option<_>>().map(CallBody::Parts)
        }
        (None, None, None) => Some(CallBody::None),
    }
}

fn part(node: &Node, reader: &mut Reader) -> Option<Part> {
    let mut map = reader.map(node, &shape::PART)?;
    let name = map.must("name", "Write the name of the field: `name: scan`.");
    let name = name.and_then(|node| reader.text(node));
    let media = map.take("media").map(|node| reader.text(node));
    let base64 = map.take("base64");
    let text = match base64 {
        None => map.must("text", "Write `text`, or `base64` where it is none."),
        Some(_) => map.take("text"),
    };
    let content = match (text, base64) {
        (Some(_), Some(node)) => {
            let message = "A part has one content, and here are two.";
            reader.report(Code::NotHere, node.span, message, "Keep `text` or `base64`.");
            None
        }
        (Some(node), None) => reader.scalar(node).map(|scalar| super::Content::Text(scalar.text.clone())),
        (None, Some(node)) => base64_of(node, reader).map(super::Content::Bytes),
        (None, None) => None,
    };
    map.finish(reader);
    let media = match media {
        Some(media) => Some(media?.value),
        None => None,
    };
    Some(Part { name: name?.value, media, content: content? })
}

/// Bytes in base64 (RFC 4648 section 4), over as many lines as they take.
fn base64_of(node: &Node, reader: &mut Reader) -> Option<Vec<u8>> {
    reader.text(node)?;
    let decoded = |text: &str| {
        let bare: String = text.split_ascii_whitespace().collect();
        STANDARD.decode(bare).ok()
    };
    reader.parsed(node, decoded, "base64", "Write what `base64 FILE` prints, with its padding.")
}

fn upstream_answers(node: &Node, reader: &mut Reader) -> Option<UpstreamAnswers> {
    let mut map = reader.map(node, &shape::UPSTREAM_ANSWERS)?;
    let status = map.take("status").and_then(|node| status(node, reader));
    let (value, text) = (map.take("json"), map.take("text"));
    if let (Some(_), Some(node)) = (value, text) {
        let message = "An answer has one body, and here are two.";
        reader.report(Code::NotHere, node.span, message, "Keep `json` or `text`.");
    }
    let json = value.and_then(|node| json(node, reader));
    let text = text.and_then(|node| reader.scalar(node)).map(|scalar| scalar.text.clone());
    map.finish(reader);
    Some(UpstreamAnswers { status: status.unwrap_or(200), json, text })
}

fn upstream_asked(node: &Node, reader: &mut Reader) -> Option<UpstreamAsked> {
    let mut map = reader.map(node, &shape::UPSTREAM_ASKED)?;
    let mut part = |key| map.take(key).and_then(|node| expected(node, reader));
    let (path, query, headers) = (part("path"), part("query"), part("headers"));
    map.finish(reader);
    Some(UpstreamAsked { path, query, headers })
}

fn caller_gets(node: &Node, reader: &mut Reader) -> Option<CallerGets> {
    let mut map = reader.map(node, &shape::CALLER_GETS)?;
    let status = map.take("status").and_then(|node| status(node, reader));
    let problems: Vec<_> = Problem::ALL.iter().map(|problem| (problem.slug(), *problem)).collect();
    let problem = map.take("problem").and_then(|node| reader.word(node, &problems));
    let json = map.take("json").and_then(|node| expected(node, reader));
    let text = map.take("text").and_then(|node| match &node.content {
        // A text that looks like a number is a text.
        Content::Scalar(scalar) => Some(Expected::Exactly(scalar.text.clone().into())),
        _ => expected(node, reader),
    });
    map.finish(reader);
    Some(CallerGets { status, problem, json, text })
}

fn status(node: &Node, reader: &mut Reader) -> Option<u16> {
    reader.integer(node, 100, 599).and_then(|status| u16::try_from(status).ok())
}

fn moment(text: &str) -> Option<Timestamp> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp::from_millis)
}

fn plain(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(scalar) if scalar.plain => Some(&scalar.text),
        _ => None,
    }
}

fn expected(node: &Node, reader: &mut Reader) -> Option<Expected> {
    match plain(node) {
        Some("absent") => return Some(Expected::Absent),
        Some("any") => return Some(Expected::Any),
        _ => {}
    }
    match &node.content {
        Content::Scalar(_) => json(node, reader).map(Expected::Exactly),
        Content::List(nodes) => {
            let elements: Vec<_> = nodes.iter().map(|node| expected(node, reader)).collect();
            elements.into_iter().collect::<Option<_>>().map(Expected::Elements)
        }
        Content::Map(entries) => {
            if let [entry] = entries.as_slice()
                && entry.key == "matches"
            {
                let pattern = reader.text(&entry.value)?;
                let Ok(regex) = Regex::new(&pattern.value) else {
                    let help = "Use regular-expression syntax without look-around and back-references.";
                    reader.report(Code::WrongValue, pattern.span, "This pattern cannot be read.", help);
                    return None;
                };
                return Some(Expected::Matches(regex));
            }
            let members: Vec<_> = entries
                .iter()
                .map(|entry| Some((entry.key.clone(), expected(&entry.value, reader)?)))
                .collect();
            members.into_iter().collect::<Option<_>>().map(Expected::Members)
        }
    }
}

/// A node as the JSON value that it looks like.
fn json(node: &Node, reader: &mut Reader) -> Option<Value> {
    match &node.content {
        Content::Scalar(scalar) => Some(match scalar.meaning {
            Meaning::Null => Value::Null,
            Meaning::Boolean(value) => value.into(),
            Meaning::Integer(value) => value.into(),
            Meaning::Text => scalar.text.clone().into(),
            Meaning::Number => match serde_json::from_str::<serde_json::Number>(&scalar.text) {
                Ok(number) => Value::Number(number),
                Err(_) => {
                    let help = "Write it as JSON does, or in quotes if a text is meant.";
                    reader.report(
                        Code::WrongValue,
                        node.span,
                        format!("`{}` is not a number in JSON.", scalar.text),
                        help,
                    );
                    return None;
                }
            },
        }),
        Content::List(nodes) => {
            let values: Vec<_> = nodes.iter().map(|node| json(node, reader)).collect();
            values.into_iter().collect::<Option<_>>().map(Value::Array)
        }
        Content::Map(entries) => {
            let members: Vec<_> =
                entries.iter().map(|entry| Some((entry.key.clone(), json(&entry.value, reader)?))).collect();
            members.into_iter().collect::<Option<_>>().map(Value::Object)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_compared_whole() {
        let mut found = Vec::new();
        let text =
            "{ email: { matches: '^p1_' }, age: 30, name: absent, tags: [any, \"absent\"], note: null }";
        let node = crate::policy::yaml::parse(0, text, &mut found).unwrap();
        let expected = expected(&node, &mut Reader::default()).unwrap();
        let good = json!({ "email": "p1_x", "age": 30, "tags": [1, "absent"], "note": null });
        assert!(expected.accepts(Some(&good)));
        for (member, value) in [
            ("email", json!("x")),
            ("age", json!("30")),
            ("name", json!("A")),
            ("tags", json!([1])),
            ("more", json!(1)),
        ] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().insert(member.into(), value);
            assert!(!expected.accepts(Some(&bad)), "{bad}");
        }
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove("note");
        assert!(!expected.accepts(Some(&bad)));
        assert!(!expected.accepts(None));
    }
}
