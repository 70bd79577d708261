//! The upstream of a case: it remembers what reaches it, and answers as the case says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What it does, and what it saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    status: u16,
    answer: Vec<u8>,
    saw: Option<Bytes>,
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
    pub(super) fn prepare(&self, status: u16, json: &Value) {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *recorded = Recorded { status, answer: json.to_string().into_bytes(), saw: None };
    }

    /// What reached it last.
    pub(super) fn saw(&self) -> Option<Value> {
        let recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let saw = recorded.saw.as_ref()?;
        // What is not JSON is shown as the text that it is.
        let text = || Value::String(String::from_utf8_lossy(saw).into_owned());
        Some(serde_json::from_slice(saw).unwrap_or_else(|_| text()))
    }
}

async fn answer(State(recorder): State<Recorder>, body: Bytes) -> Response {
    let mut recorded = recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
    recorded.saw = Some(body);
    let status = StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], recorded.answer.clone()).into_response()
}
