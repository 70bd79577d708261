//! The administration over HTTP.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::access::{Decision, bearer};
use super::acts::{self, By, Came, METRICS, NONE};
use super::door::{self, Door, Patience, accept};
use super::misread;
use super::socket::{self, Served};
use super::{Access, Command, Office, Reply, Role};

/// Names the store that a command is for ([`Identity`](crate::store::Identity)); who does not say it means whoever answers.
pub const STORE: HeaderName = HeaderName::from_static("consentry-store");

/// What a command may measure: checkpoints of ten years, one a day, to verify the audit against.
const BODY_CAP: usize = 1024 * 1024;
/// How long it may take to come.
const BODY: Duration = Duration::from_secs(10);
/// How long what is under way is let come of whoever is refused.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// What every handler has at hand.
#[derive(Clone)]
struct AppState {
    office: Arc<Office>,
    access: Arc<Access>,
}

/// Serves on a unix socket that its owner alone can open, until `stop` changes.
///
/// # Errors
/// Where the socket cannot be made, or what stands at its path is none.
pub fn serve_socket(path: &Path, office: Arc<Office>, stop: watch::Receiver<bool>) -> io::Result<Served> {
    let (listener, served) = socket::bind(path)?;
    tokio::spawn(accept(Door::Socket(listener), desk(office, Access::Socket), stop));
    Ok(served)
}

/// Serves over TLS to whoever has a token, until `stop` changes.
pub fn serve_tls(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    access: Access,
    office: Arc<Office>,
    stop: watch::Receiver<bool>,
) {
    tokio::spawn(accept(Door::Tls(listener, TlsAcceptor::from(tls)), desk(office, access), stop));
}

fn desk(office: Arc<Office>, access: Access) -> door::Desk {
    let access = Arc::new(access);
    acts::begin(office.counts());
    let router = router(AppState { office, access: Arc::clone(&access) });
    door::Desk { router, access, patience: Patience::default() }
}

fn router(state: AppState) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/commands", post(command))
        .layer(DefaultBodyLimit::max(BODY_CAP))
        .with_state(state)
}

async fn health(State(state): State<AppState>, headers: HeaderMap) -> Response {
    if state.office.healthy() {
        let watches = state.access.permits(bearer(&headers), Role::Monitor) == Decision::Yes;
        let also = state.office.not_in_force(watches);
        (StatusCode::OK, format!("ok\n{also}")).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store does not take changes; nothing is forwarded\n")
            .into_response()
    }
}

async fn metrics(State(state): State<AppState>, request: Request) -> Response {
    if let Some((came, refusal)) = state.refusal(request.headers(), Role::Monitor) {
        state.by(&request).gave(state.office.counts(), METRICS, came);
        return refusal;
    }
    match state.office.metrics() {
        Ok(text) => {
            let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, media_type)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn command(State(state): State<AppState>, request: Request) -> Response {
    // From the head alone: who has no token that is known does not learn which commands there are. Who has one may, a monitor too.
    let (by, headers) = (state.by(&request), request.headers().clone());
    let gave = |command, came| by.gave(state.office.counts(), command, came);
    if let Decision::Unknown = state.access.permits(bearer(&headers), Role::Auditor) {
        gave(NONE, Came::Unauthenticated);
        // What is under way is let come, and nobody looks at it: a socket that is closed on it may take the answer along.
        let mut body = request.into_body();
        let gone = async { while let Some(Ok(_)) = body.frame().await {} };
        drop(tokio::time::timeout(UNDER_WAY, gone).await);
        return unauthorized();
    }
    let command = match read(request, BODY).await {
        Ok(command) => command,
        Err(refusal) => {
            gave(NONE, Came::Malformed);
            return refusal;
        }
    };
    let name = command.name();
    if let Some((came, refusal)) = state.refusal(&headers, command.role()) {
        gave(name, came);
        return refusal;
    }
    if headers.get(STORE).is_some_and(|store| !state.office.holds(store.as_bytes())) {
        gave(name, Came::Misdirected);
        let says = "This gateway holds another store than the one that the command is for. Nothing was done.";
        return (StatusCode::MISDIRECTED_REQUEST, Json(Reply::not_done(says))).into_response();
    }
    // On a task of its own: what was begun is done to its end, and told, whether its caller stays or not.
    let (office, giver) = (Arc::clone(&state.office), by.clone());
    let carried_out = tokio::spawn(async move {
        let carried_out = office.carry_out(command).await;
        match &carried_out {
            Ok(Reply { done: true, .. }) => giver.gave(office.counts(), name, Came::Done),
            Ok(_) => giver.gave(office.counts(), name, Came::NotDone),
            Err(error) if error.is_asked_wrong() => giver.gave(office.counts(), name, Came::Refused),
            Err(error) => giver.failed(office.counts(), name, error),
        }
        carried_out
    });
    match carried_out.await {
        Ok(Ok(reply)) => Json(reply).into_response(),
        Err(_) => {
            gave(name, Came::Failed);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Ok(Err(error)) => {
            let status = if error.is_asked_wrong() {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            (status, Json(Reply::not_done(error.says()))).into_response()
        }
    }
}

/// The command in a body that comes in time.
async fn read(request: Request, within: Duration) -> Result<Command, Response> {
    let is_json = is_json(request.headers());
    let (status, says) = match tokio::time::timeout(within, Bytes::from_request(request, &())).await {
        Ok(_) if !is_json => (StatusCode::BAD_REQUEST, "Send `Content-Type: application/json`.".to_owned()),
        Ok(Ok(body)) => match serde_json::from_slice(&body) {
            Ok(command) => return Ok(command),
            Err(_) => (StatusCode::BAD_REQUEST, misread::why(&body)),
        },
        Ok(Err(_)) => {
            let says = format!("The command did not come whole, or is larger than {} KiB.", BODY_CAP / 1024);
            (StatusCode::BAD_REQUEST, says)
        }
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "The command did not come in time.".to_owned()),
    };
    Err((status, Json(Reply::not_done(says))).into_response())
}

/// A page of the web cannot send this type to another host unasked, as it can a form or a text.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = media_type.strip_prefix("application/").unwrap_or_default();
    kind == "json" || kind.ends_with("+json")
}

impl AppState {
    /// Who sends this.
    fn by(&self, request: &Request) -> By {
        By::of(&self.access, bearer(request.headers()), request.extensions().get().copied())
    }

    fn refusal(&self, headers: &HeaderMap, needed: Role) -> Option<(Came, Response)> {
        match self.access.permits(bearer(headers), needed) {
            Decision::Yes => None,
            Decision::No => {
                let says = "The token is for another role.";
                Some((Came::Forbidden, (StatusCode::FORBIDDEN, Json(Reply::not_done(says))).into_response()))
            }
            Decision::Unknown => Some((Came::Unauthenticated, unauthorized())),
        }
    }
}

fn unauthorized() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"consentry administration\"")];
    (StatusCode::UNAUTHORIZED, challenge, Json(Reply::not_done("Send an administration token.")))
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn a_command_that_does_not_come_is_not_waited_for() {
        let never = futures_util::stream::pending::<Result<Bytes, io::Error>>();
        let request = Request::post("/v1/commands")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from_stream(never))
            .unwrap();
        let refused = read(request, Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    }
}
