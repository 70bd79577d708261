//! Answers: problem documents (RFC 9457), and what the gateway writes itself.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::Gateway;
use super::account::Account;
use super::minimise::Cleared;
use crate::net::Content;
use crate::problem::{Challenge, Rejection};
use crate::telemetry::Causes;

/// A problem document's members, in the order in which they are written.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    next: &'a str,
    decision_id: String,
}

/// The answer for a refusal. What the caller may know stands in it; the cause goes to the log alone.
pub(super) fn problem(gateway: &Gateway, account: &Account, rejection: &Rejection) -> Response<Content> {
    // Destructured, so that a new member cannot be forgotten here.
    let Rejection { problem, status, detail, field, retry_after, challenge, allow, cause: _ } = rejection;
    gateway.metrics().problem(*problem);
    log(account, rejection);
    let document = Document {
        r#type: gateway.problem_uri(*problem),
        title: problem.title(),
        status: status.as_u16(),
        detail: detail.as_deref(),
        field: field.as_deref(),
        next: problem.mend(),
        decision_id: account.decision.to_string(),
    };
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut response = json(*status, body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    let challenge = challenge.as_ref().map(challenge_text).and_then(|text| HeaderValue::try_from(text).ok());
    if let Some(challenge) = challenge {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(allow) = allow.as_deref().and_then(|allow| HeaderValue::try_from(allow).ok()) {
        headers.insert(header::ALLOW, allow);
    }
    response
}

/// RFC 6750 section 3.
fn challenge_text(challenge: &Challenge) -> String {
    match challenge {
        Challenge::NoCredential => r#"Bearer realm="consentry""#.to_owned(),
        Challenge::InvalidToken => r#"Bearer realm="consentry", error="invalid_token""#.to_owned(),
        Challenge::InsufficientScope(scope) => {
            format!(r#"Bearer realm="consentry", error="insufficient_scope", scope="{scope}""#)
        }
    }
}

/// What the caller was told, and the cause that they were not.
fn log(account: &Account, rejection: &Rejection) {
    let Rejection { problem, status, detail, field, cause, .. } = rejection;
    let cause = cause.as_deref().map(|cause| Causes(cause).to_string());
    let (cause, detail, field) = (cause.as_deref(), detail.as_deref(), field.as_deref());
    let activity = account.activity.as_deref().unwrap_or("-");
    let decision = account.decision;
    if status.is_server_error() {
        tracing::warn!(%decision, activity, %problem, field, detail, cause, "refused");
    } else {
        tracing::info!(%decision, activity, %problem, field, detail, cause, "refused");
    }
}

/// The upstream's answer as the caller gets it: its status, what of its head the policy lets through, and above that
/// what the gateway says itself.
pub(super) fn of_upstream(status: StatusCode, headers: HeaderMap, body: Cleared) -> Response<Content> {
    // With room for what the gateway says of every answer, too.
    let mut head = HeaderMap::with_capacity(8 + headers.len());
    body.describe(&mut head);
    as_json(&mut head);
    let mut response = Response::new(Content::from(body.into_bytes()));
    *response.status_mut() = status;
    for (name, value) in &headers {
        head.entry(name).or_insert_with(|| value.clone());
    }
    *response.headers_mut() = head;
    response
}

/// A JSON answer that no cache may keep: it holds somebody's data, or says something about them.
pub(super) fn json(status: StatusCode, body: Bytes) -> Response<Content> {
    let mut response = Response::new(Content::from(body));
    *response.status_mut() = status;
    as_json(response.headers_mut());
    response
}

/// Says so, where nothing else was said.
fn as_json(headers: &mut HeaderMap) {
    let fields = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, text) in fields {
        headers.entry(name).or_insert_with(|| HeaderValue::from_static(text));
    }
}
