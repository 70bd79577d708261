//! The demo's "existing ML API": a plain HTTP server that predicts a favourite product, and knows nothing of privacy,
//! consent or tokens. It stands where your API would stand.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How many bodies the server remembers for the tour.
const REMEMBERED: usize = 64;

const SEXES: [&str; 2] = ["Male", "Female"];
const COLORS: [&str; 4] = ["Red", "Green", "Blue", "Yellow"];
const FOODS: [&str; 4] = ["Pizza", "Pasta", "Salad", "Sushi"];
const PRODUCTS: [&str; 8] =
    ["Bicycle", "Camera", "Cookbook", "Headphones", "Picnic basket", "Running shoes", "Tea set", "Telescope"];

/// What the server received, newest last. The tour reads it to show what the upstream saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<VecDeque<Bytes>>>);

impl Seen {
    /// How many bodies are remembered, and the newest.
    pub(crate) fn newest(&self) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).back().cloned()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remember(&self, body: Bytes) {
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bodies.len() == REMEMBERED {
            bodies.pop_front();
        }
        bodies.push_back(body);
    }
}

/// Serves on a free port of loopback until the runtime ends.
///
/// # Errors
/// Where loopback has no free port.
pub(crate) async fn start(seen: Seen) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/predict/", post(predict))
        .route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
        .with_state(seen);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// Answers as FastAPI does, the echo of a bad value in its 422 included.
async fn predict(State(seen): State<Seen>, body: Bytes) -> Response {
    seen.remember(body.clone());
    let Ok(person) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": "not JSON" }))).into_response();
    };
    let class = |name: &str, classes: &[&str]| {
        let given = person.get(name).and_then(Value::as_str)?;
        classes.iter().position(|class| *class == given)
    };
    let (Some(sex), Some(color), Some(food)) =
        (class("sex", &SEXES), class("favorite_color", &COLORS), class("favorite_food", &FOODS))
    else {
        let detail = json!({ "detail": [{ "msg": "Input should be one of the classes", "input": person }] });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(detail)).into_response();
    };
    let age = person.get("age").and_then(Value::as_u64).unwrap_or(0);
    let band = usize::try_from(age / 30).unwrap_or(0);
    let product =
        PRODUCTS.iter().cycle().nth(sex + 2 * color + 3 * food + band).copied().unwrap_or("Tea set");
    Json(json!({ "prediction": product })).into_response()
}
