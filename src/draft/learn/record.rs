//! Recorded traffic: HAR 1.2 as browsers and proxies write it, and lines of JSON.

use serde_json::Value;
use thiserror::Error;

use super::{Exchange, Seen};

/// Why a recording cannot be read. Says nothing of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Not JSON.
    #[error("it is not JSON")]
    NotJson,
    /// JSON, but not what a recording is.
    #[error("it has no `log.entries`, as HAR 1.2 has them")]
    NotHar,
    /// A line without what a call has.
    #[error("a line is an object with `method`, `path`, and perhaps `request`, `status` and `response`")]
    NotALine,
}

/// Looks at every entry of a HAR file; gives the origin of the first.
///
/// # Errors
/// If it is none.
pub fn har(bytes: &[u8], seen: &mut Seen) -> Result<Option<String>, RecordError> {
    // The mark that some programs put first is no part of the JSON.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let file: Value = serde_json::from_slice(bytes).map_err(|_| RecordError::NotJson)?;
    let entries = file.pointer("/log/entries").and_then(Value::as_array).ok_or(RecordError::NotHar)?;
    let mut origin = None;
    for entry in entries {
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let Some(uri) = text("/request/url").and_then(|url| url.parse::<http::Uri>().ok()) else { continue };
        let Some(method) = text("/request/method") else { continue };
        if origin.is_none() {
            origin = origin_of(&uri);
        }
        let sent = text("/request/postData/text").filter(|text| !text.is_empty());
        let request = sent.and_then(|text| serde_json::from_str(text).ok());
        // What was recorded in base64 is not text, and so not JSON.
        let plain = entry.pointer("/response/content/encoding").is_none();
        let response =
            text("/response/content/text").filter(|_| plain).and_then(|text| serde_json::from_str(text).ok());
        let status = entry
            .pointer("/response/status")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok());
        seen.add(&Exchange {
            method,
            target: uri.path_and_query().map_or("/", |target| target.as_str()),
            request: request.as_ref(),
            other: sent.is_some() && request.is_none(),
            status: status.unwrap_or_default(),
            response: response.as_ref(),
        });
    }
    Ok(origin)
}

/// Scheme, host and port. Who signed in, and with which password, is nobody's to write down.
fn origin_of(uri: &http::Uri) -> Option<String> {
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", uri.scheme_str()?, uri.host()?))
}

/// Looks at one line: `{ "method": …, "path": …, "request": BODY, "status": 200, "response": BODY }`.
///
/// # Errors
/// If it is none.
pub fn line(text: &str, seen: &mut Seen) -> Result<(), RecordError> {
    let line: Value = serde_json::from_str(text).map_err(|_| RecordError::NotJson)?;
    let word = |key: &str| line.get(key).and_then(Value::as_str);
    let (Some(method), Some(target)) = (word("method"), word("path")) else {
        return Err(RecordError::NotALine);
    };
    let body = |key: &str| line.get(key).filter(|body| !body.is_null());
    let status =
        line.get("status").map_or(Some(200), Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or(RecordError::NotALine)?;
    let (request, response) = (body("request"), body("response"));
    seen.add(&Exchange { method, target, request, other: false, status, response });
    Ok(())
}
