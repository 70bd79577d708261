//! A plain pass-through on loopback that looks at what passes. It protects nothing, and says so.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use crate::cli::output;
use crate::draft::learn::{Exchange, Seen};
use crate::net::dial::{HeadCaps, Target};
use crate::net::tls::{self, Authorities};

/// The largest body that is passed on.
const BODY: usize = 8 << 20;
/// How long the upstream may take.
const WITHIN: Duration = Duration::from_secs(60);
/// Headers between two neighbours; those that frame a body are written anew.
const HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

struct Passing {
    target: Target,
    host: HeaderValue,
    base: String,
    seen: Mutex<Seen>,
}

/// Passes calls on for a while, and gives what was seen.
pub(super) async fn listen(address: SocketAddr, upstream: &str, window: Duration) -> anyhow::Result<Seen> {
    let url: Uri = upstream.parse().with_context(|| format!("{upstream} is not an address"))?;
    let tls = match url.scheme_str() {
        Some("https") => Some(tls::client(&Authorities::System)?),
        _ => None,
    };
    let target = Target::new(&url, tls).with_context(|| format!("{upstream} cannot be used"))?;
    let host = url.authority().context("an address names a host")?;
    let passing = Arc::new(Passing {
        target,
        host: HeaderValue::from_str(host.as_str())?,
        base: url.path().trim_end_matches('/').to_owned(),
        seen: Mutex::new(Seen::default()),
    });
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    output::note(format_args!(
        "Passing http://{address} on to {upstream} for {} s, or until Ctrl-C, and looking at bodies in JSON.\n\
         NOTHING IS PROTECTED meanwhile: every call reaches the API as it comes, and every answer the caller.",
        window.as_secs()
    ));
    let app = Router::new().fallback(pass).with_state(Arc::clone(&passing));
    let ended = async move {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        let terminated = async {
            match &mut terminate {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(window) => {}
            _ = terminated => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    // What is under way when the time is over is given up.
    tokio::select! {
        served = async { axum::serve(listener, app).await } => served?,
        () = ended => {}
    }
    Ok(std::mem::take(&mut *passing.seen.lock().unwrap_or_else(PoisonError::into_inner)))
}

async fn pass(State(passing): State<Arc<Passing>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(sent) = axum::body::to_bytes(body, BODY).await else {
        return said(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this pass-through takes.");
    };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let method = head.method.clone();
    let mut on = Request::new(Full::new(sent.clone()));
    *on.method_mut() = head.method;
    let Ok(uri) = format!("{}{target}", passing.base).parse() else {
        return said(StatusCode::BAD_REQUEST, "The target cannot be passed on.");
    };
    *on.uri_mut() = uri;
    *on.headers_mut() = passed(&head.headers);
    on.headers_mut().insert(header::HOST, passing.host.clone());
    // What is compressed could not be looked at.
    on.headers_mut().remove(header::ACCEPT_ENCODING);
    let answer = tokio::time::timeout(WITHIN, forward(&passing.target, on)).await;
    let Ok(Some((status, headers, received))) = answer else {
        return said(StatusCode::BAD_GATEWAY, "The API does not answer.");
    };
    let request: Option<Value> = serde_json::from_slice(&sent).ok();
    let response: Option<Value> = serde_json::from_slice(&received).ok();
    passing.seen.lock().unwrap_or_else(PoisonError::into_inner).add(&Exchange {
        method: method.as_str(),
        target: &target,
        request: request.as_ref(),
        other: !sent.is_empty() && request.is_none(),
        status: status.as_u16(),
        response: response.as_ref(),
    });
    let mut back = Response::new(Body::from(received));
    *back.status_mut() = status;
    *back.headers_mut() = passed(&headers);
    back
}

async fn forward(target: &Target, request: Request<Full<Bytes>>) -> Option<(StatusCode, HeaderMap, Bytes)> {
    let (mut sender, connection) = target.http(WITHIN, HeadCaps::default()).await.ok()?;
    let driven = tokio::spawn(connection);
    let exchange = async {
        let (head, mut body) = sender.send_request(request).await.ok()?.into_parts();
        let mut received = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.ok()?.into_data() {
                if received.len().saturating_add(data.len()) > BODY {
                    return None;
                }
                received.extend_from_slice(&data);
            }
        }
        Some((head.status, head.headers, received.freeze()))
    };
    let answer = exchange.await;
    driven.abort();
    answer
}

fn passed(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !HOP.contains(name) && !named.iter().any(|named| named == name.as_str()) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

fn said(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
