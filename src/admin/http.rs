//! The administration over HTTP.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::access::Decision;
use super::door::{Door, accept};
use super::{Access, Command, Office, Reply, Role};

/// What a command may measure.
const BODY_CAP: usize = 64 * 1024;

/// The administration's socket; the file goes when this is dropped.
#[derive(Debug)]
pub struct Served {
    path: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

#[derive(Clone)]
struct Desk {
    office: Arc<Office>,
    access: Arc<Access>,
}

/// Serves on a unix socket that its owner alone can open, until `stop` changes. A socket file that a gateway before left
/// behind is replaced; that no other gateway runs is known from the store's lock.
///
/// # Errors
/// Where the socket cannot be made.
pub fn serve_socket(path: &Path, office: Arc<Office>, stop: watch::Receiver<bool>) -> io::Result<Served> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let router = router(Desk { office, access: Arc::new(Access::Socket) });
    tokio::spawn(accept(Door::Socket(listener), router, stop));
    Ok(Served { path: path.to_owned() })
}

/// Serves over TLS to whoever has a token, until `stop` changes.
pub fn serve_tls(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    access: Access,
    office: Arc<Office>,
    stop: watch::Receiver<bool>,
) {
    let router = router(Desk { office, access: Arc::new(access) });
    tokio::spawn(accept(Door::Tls(listener, TlsAcceptor::from(tls)), router, stop));
}

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/commands", post(command))
        .layer(DefaultBodyLimit::max(BODY_CAP))
        .with_state(desk)
}

async fn health(State(desk): State<Desk>) -> Response {
    if desk.office.healthy() {
        let refused = desk.office.refused().map(|refused| format!("{refused}\n")).unwrap_or_default();
        (StatusCode::OK, format!("ok\n{refused}")).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store does not take changes; nothing is forwarded\n")
            .into_response()
    }
}

async fn metrics(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    if let Some(refusal) = desk.refusal(&headers, Role::Operator) {
        return refusal;
    }
    match desk.office.metrics() {
        Ok(text) => {
            let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, media_type)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn command(
    State(desk): State<Desk>,
    headers: HeaderMap,
    command: Result<Json<Command>, JsonRejection>,
) -> Response {
    // Whoever may do nothing here does not learn which commands there are.
    if let Decision::Unknown = desk.access.permits(bearer(&headers), Role::Auditor) {
        return unauthorized();
    }
    let Ok(Json(command)) = command else {
        let says = "This is no command: see the administration's documentation for its members.";
        return (StatusCode::BAD_REQUEST, Json(Reply::not_done(says))).into_response();
    };
    if let Some(refusal) = desk.refusal(&headers, command.role()) {
        return refusal;
    }
    match desk.office.carry_out(command).await {
        Ok(reply) => Json(reply).into_response(),
        Err(error) => {
            let status = if error.is_asked_wrong() {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            (status, Json(Reply::not_done(error.to_string()))).into_response()
        }
    }
}

impl Desk {
    fn refusal(&self, headers: &HeaderMap, needed: Role) -> Option<Response> {
        match self.access.permits(bearer(headers), needed) {
            Decision::Yes => None,
            Decision::No => {
                let says = "The token is for another role.";
                Some((StatusCode::FORBIDDEN, Json(Reply::not_done(says))).into_response())
            }
            Decision::Unknown => Some(unauthorized()),
        }
    }
}

fn unauthorized() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"consentry administration\"")];
    (StatusCode::UNAUTHORIZED, challenge, Json(Reply::not_done("Send an administration token.")))
        .into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
