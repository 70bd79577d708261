//! A request as people have it at hand: a JSON body, a call as cases write it, the text of an HTTP request, a curl command.

mod curl;
mod http;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::policy::cases::{self, Call, CallBody};
use crate::policy::{Diagnostics, Span, Spanned};

/// The largest request that is read.
const MOST: u64 = 64 << 20;

/// A request as read.
#[derive(Debug)]
pub(super) enum Written {
    /// A body alone, as it came.
    Body(String),
    /// A whole call.
    Call(Call),
}

/// Reads a file, or standard input where it is `-`.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let done = if path == Path::new("-") {
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
    };
    done.with_context(|| format!("{} cannot be read", path.display()))?;
    ensure!(
        u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST),
        "the request is larger than 64 MiB"
    );
    String::from_utf8(bytes).ok().with_context(|| {
        format!(
            "{} is not UTF-8: write a call with a file as cases do, its body in `parts`, and the file there in `base64`",
            path.display()
        )
    })
}

/// What a text is. Where a route was named it is the body alone.
pub(super) fn written(text: String, route_named: bool) -> anyhow::Result<Written> {
    let begins = text.trim_start();
    if route_named {
        return Ok(Written::Body(text));
    }
    if begins.starts_with("curl ") {
        return curl::call(begins).map(Written::Call);
    }
    if let Some(call) = http::call(begins) {
        return call.map(Written::Call);
    }
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
        let is_call =
            ["method", "path"].iter().all(|key| value.get(key).is_some_and(|value| value.is_string()));
        // Parts have no spelling that would be lost.
        return match value.get("parts").filter(|_| is_call) {
            Some(_) => cases::call(&text).map(Written::Call).map_err(|found| unread(&found)),
            None if is_call => of_json(&text).map(Written::Call),
            None => Ok(Written::Body(text)),
        };
    }
    if begins.contains("method:") && begins.contains("path:") {
        return match cases::call(&text) {
            Ok(call) => Ok(Written::Call(call)),
            // More like a body with a mistake in it.
            Err(_)
                if begins.starts_with(['[', '"'])
                    || !begins.starts_with("{ method") && begins.starts_with('{') =>
            {
                Ok(Written::Body(text))
            }
            Err(found) => Err(unread(&found)),
        };
    }
    // Not JSON: the gateway says so.
    Ok(Written::Body(text))
}

fn unread(found: &Diagnostics) -> anyhow::Error {
    anyhow!("the call cannot be read:\n{}", found.render(false))
}

/// A call as cases write it, in JSON. Its body stays as it is spelled.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonCall<'a> {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(borrow)]
    json: Option<&'a RawValue>,
    text: Option<String>,
}

fn of_json(text: &str) -> anyhow::Result<Call> {
    let JsonCall { method, path, headers, json, text } =
        serde_json::from_str(text).context("the call cannot be read")?;
    ensure!(json.is_none() || text.is_none(), "a call has one body, and here are two");
    let body = json.map(|json| json.get().to_owned()).or(text).unwrap_or_default();
    call(&method, path, headers.into_iter().collect(), body)
}

/// A call of its parts.
fn call(method: &str, path: String, headers: Vec<(String, String)>, body: String) -> anyhow::Result<Call> {
    let method = method.parse().with_context(|| format!("`{method}` is not a method"))?;
    let body = if body.is_empty() { CallBody::None } else { CallBody::Text(body) };
    Ok(Call { method, path: Spanned::new(path, Span::NOWHERE), headers, body })
}

/// Path and query of a URL, or of what is one already.
fn target(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match (url.starts_with('/'), rest.find(['/', '?'])) {
        (true, _) => url.to_owned(),
        (false, None) => "/".to_owned(),
        (false, Some(at)) => {
            let target = rest.get(at..).unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            if target.starts_with('?') { format!("/{target}") } else { target.to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Vec<(String, String)>, String) {
        match written(text.to_owned(), false).unwrap() {
            Written::Body(body) => ("body".to_owned(), Vec::new(), body),
            Written::Call(Call { method, path, headers, body }) => {
                let body = match body {
                    CallBody::None => String::new(),
                    CallBody::Json(value) => value.to_string(),
                    CallBody::Text(text) => text,
                    CallBody::Parts(parts) => parts.into_iter().map(|part| part.name).collect(),
                };
                (format!("{method} {}", path.value), headers, body)
            }
        }
    }

    #[test]
    fn a_request_is_read_as_people_have_it() {
        let json = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let none = Vec::new();
        let cases = [
            (r#"{"age": 3.0}"#, "body", none.clone(), r#"{"age": 3.0}"#),
            (r#"[1]"#, "body", none.clone(), "[1]"),
            ("{not json", "body", none.clone(), "{not json"),
            (r#"{"method: x", "path:"#, "body", none.clone(), r#"{"method: x", "path:"#),
            (
                "{ method: POST, path: /quotes, json: { age: 3 } }",
                "POST /quotes",
                none.clone(),
                r#"{"age":3}"#,
            ),
            (
                r#"{"method": "PUT", "path": "/a?b=c", "json": {"age": 3.00}}"#,
                "PUT /a?b=c",
                none.clone(),
                r#"{"age": 3.00}"#,
            ),
            (
                r#"{"method": "POST", "path": "/a", "parts": [{"name": "scan", "base64": "/9j/"}]}"#,
                "POST /a",
                none.clone(),
                "scan",
            ),
            ("method: POST\npath: /a\njson: { age: 3 }\n", "POST /a", none.clone(), r#"{"age":3}"#),
            (
                "POST /a?b=c HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"age\": 3}",
                "POST /a?b=c",
                json.clone(),
                "{\"age\": 3}",
            ),
            ("GET https://h.example/a HTTP/2\n\n", "GET /a", none.clone(), ""),
            ("POST /a HTTP/1.1\n\n--x\r\n\r\nb", "POST /a", none.clone(), "--x\r\n\r\nb"),
            (
                "curl -sS https://h.example:8443/a?b=c -H 'Content-Type: application/json' \\\n  -d '{\"age\": 3}'\n",
                "POST /a?b=c",
                json.clone(),
                "{\"age\": 3}",
            ),
            (
                "curl -X PUT --json '{}' http://h.example",
                "PUT /",
                [json.clone(), vec![("Accept".to_owned(), "application/json".to_owned())]].concat(),
                "{}",
            ),
            (
                "curl -XDELETE -kHContent-Type:application/json --data-raw=x http://h/a#f",
                "DELETE /a",
                json,
                "x",
            ),
            ("curl -Gd a=b -d c=d http://h/a", "GET /a?a=b&c=d", none, ""),
        ];
        for (text, call, headers, body) in cases {
            assert_eq!(parts(text), (call.to_owned(), headers, body.to_owned()), "{text}");
        }
        let form = parts("curl -d a=b http://h/");
        assert_eq!(form.1, [("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "curl http://h/ --frobnicate",
            "curl -d @body.json http://h/",
            "curl -F a=b http://h/",
            "curl 'http://h/",
            "curl http://h/ http://g/",
            "GET /a HTTP/1.1\nno colon\n\n",
            r#"{"method": "POST", "path": "/a", "body": 1}"#,
            r#"{"method": "PO ST", "path": "/a"}"#,
            r#"{"method": "POST", "path": "/a", "json": 1, "text": "2"}"#,
            r#"{"method": "POST", "path": "/a", "text": "2", "parts": []}"#,
            r#"{"method": "POST", "path": "/a", "parts": [{"name": "scan", "base64": "9j/"}]}"#,
            "method: POST\npath: /a\njsn: 1\n",
        ] {
            assert!(written(text.to_owned(), false).is_err(), "{text}");
        }
        assert!(matches!(written("curl http://h/".to_owned(), true), Ok(Written::Body(_))));
    }
}
