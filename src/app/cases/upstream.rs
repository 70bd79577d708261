//! The upstream of a case: it remembers what reaches it, and answers as the case says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::net::query;
use crate::payload::{Envelope, Format};
use crate::plan::Sent;

/// What it does, and what it saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    status: u16,
    answer: Sent,
    saw: Option<(Option<String>, Bytes)>,
    asked: Option<(Uri, HeaderMap)>,
}

impl Recorder {
    /// Serves on a free port of loopback.
    pub(super) async fn serve(&self) -> std::io::Result<(SocketAddr, AbortHandle)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let app = Router::new().fallback(answer).with_state(self.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok((address, task.abort_handle()))
    }

    /// Answers so from now on, and forgets what was seen.
    pub(super) fn prepare(&self, status: u16, answer: Sent) {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *recorded = Recorded { status, answer, saw: None, asked: None };
    }

    /// What reached it last.
    pub(super) fn saw(&self) -> Option<Value> {
        let recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (content_type, body) = recorded.saw.as_ref()?;
        Some(shown(content_type.as_deref(), body))
    }
}

impl Recorder {
    /// How it was asked last: `{"path": …, "query": {…}, "headers": {…}}`, with the headers that the policy declares.
    pub(super) fn asked(&self, declared: &[&str]) -> Option<Value> {
        let recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (uri, headers) = recorded.asked.as_ref()?;
        let pairs = query::pairs(uri.query().unwrap_or_default()).unwrap_or_default();
        let query: Map<String, Value> =
            pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
        let header = |name: &&str| {
            let value = String::from_utf8_lossy(headers.get(*name)?.as_bytes()).into_owned();
            Some(((*name).to_owned(), Value::String(value)))
        };
        let headers: Map<String, Value> = declared.iter().filter_map(header).collect();
        Some(json!({ "path": uri.path(), "query": query, "headers": headers }))
    }
}

/// A body as cases compare it: JSON as a value, anything else as the text that it is. A boundary is another each time, so
/// it is shown as `boundary`, and the lines between as a case's file has them.
pub(super) fn shown(content_type: Option<&str>, body: &[u8]) -> Value {
    let text = || Value::String(String::from_utf8_lossy(body).into_owned());
    let content_type = content_type.unwrap_or(Format::Json.media_type());
    if let Some(envelope) = Envelope::open(Format::Multipart, Some(content_type), None) {
        let boundary = format!("--{}", envelope.boundary.unwrap_or_default());
        let text = String::from_utf8_lossy(body).replace(&boundary, "--boundary").replace("\r\n", "\n");
        return Value::String(text);
    }
    if !content_type.contains("json") || content_type.contains(Format::Ndjson.media_type()) {
        return text();
    }
    serde_json::from_slice(body).unwrap_or_else(|_| text())
}

async fn answer(State(recorder): State<Recorder>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut recorded = recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    recorded.saw = Some((content_type.map(str::to_owned), body));
    recorded.asked = Some((uri, headers));
    let status = StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Sent { content_type, bytes } = recorded.answer.clone();
    (status, [(header::CONTENT_TYPE, content_type)], bytes).into_response()
}
