//! Routes without personal data: forwarded without query, caller's headers and, unless the policy lets it pass, without
//! a body. They stream in both directions, and they are not journalled.

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::Limited;

use super::exchange::Worker;
use super::route::Routed;
use super::{admit, forward};
use crate::net::Content;
use crate::payload::read::{Paced, ReadError};
use crate::problem::{Problem, Rejection};
use crate::upstream::{Ask, Fields, Upstream, UpstreamBody, UpstreamError, Wanted};

/// What of an upstream's head is looked at. All but the coding goes to the caller.
static LOOKED_AT: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CACHE_CONTROL, header::LAST_MODIFIED, header::CONTENT_ENCODING];
/// What an answer on such a route may hold.
const ANSWER_CAP: usize = 64 * 1024 * 1024;
/// A body of up to this many bytes is read before the upstream is asked.
const SMALL: usize = 64 * 1024;

/// Forwards a call that holds nobody's data. Nothing of its head is held while it is on its way.
pub(super) fn pass(
    worker: &Worker,
    routed: Routed,
    mut head: Parts,
    came: &mut Option<Content>,
    cap: Option<u64>,
) -> impl Future<Output = Result<Response<Content>, Rejection>> {
    let media_type = cap.and_then(|_| head.headers.remove(header::CONTENT_TYPE));
    forwarded(worker, routed, head.method, media_type, came, cap)
}

async fn forwarded(
    worker: &Worker,
    routed: Routed,
    method: Method,
    media_type: Option<HeaderValue>,
    came: &mut Option<Content>,
    cap: Option<u64>,
) -> Result<Response<Content>, Rejection> {
    let body = match (cap, &came) {
        (Some(cap), _) => {
            let body = came.take().ok_or(Problem::InternalError)?;
            passing(body, cap).await.map_err(admit::unread)?
        }
        (None, body) if body.as_ref().is_none_or(|body| body.is_end_stream()) => Content::empty(),
        (None, _) => {
            return Err(Rejection::new(Problem::FieldNotPermitted)
                .detail("This route takes no body: the policy declares it free of personal data."));
        }
    };
    let upstream = worker.upstreams.named(routed.route.activity.upstream.as_ref())?;
    let answer = ask(upstream, &method, &routed.target, media_type, body).await;

    let (mut answered, body) = answer.map_err(forward::unsent_or_failed)?.into_parts();
    if answered.status.is_redirection() || answered.status.is_server_error() {
        return Err(Rejection::new(Problem::UpstreamAnswerRefused)
            .because(format!("the upstream answered with status {}", answered.status.as_u16())));
    }
    let refused = |why: &'static str| Rejection::new(Problem::UpstreamAnswerRefused).because(why);
    if answered.status == StatusCode::PARTIAL_CONTENT {
        return Err(refused(forward::PART));
    }
    // Counted, as nearly every answer has one of the first and none of the second, and a look by name is dearer.
    let (mut types, mut codings) = (0, 0);
    for (name, _) in &answered.headers {
        types += u32::from(*name == header::CONTENT_TYPE);
        codings += u32::from(*name == header::CONTENT_ENCODING);
    }
    if types > 1 || codings > 1 {
        return Err(refused(forward::UNCLEAR));
    }
    if codings > 0 {
        let coding = answered.headers.remove(header::CONTENT_ENCODING);
        if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(refused("the upstream's answer is compressed, which nobody asked for"));
        }
    }
    if body.size_hint().lower() > ANSWER_CAP as u64 {
        return Err(refused("the upstream announces a larger answer than may pass"));
    }
    answered.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let body = match body.into_whole() {
        Ok(whole) => Content::full(whole),
        Err(body) => {
            let until = body.deadline();
            Content::stream_until(Limited::new(body, ANSWER_CAP), until)
        }
    };
    Ok(Response::from_parts(answered, body))
}

/// What the upstream is asked, without credential, query and caller's headers.
fn ask<'a>(
    upstream: &'a Upstream,
    method: &Method,
    target: &PathAndQuery,
    media_type: Option<HeaderValue>,
    body: Content,
) -> impl Future<Output = Result<Response<UpstreamBody>, UpstreamError>> + use<'a> {
    let identity = (header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let fields = match media_type {
        Some(media_type) => &[identity, (header::CONTENT_TYPE, media_type)][..],
        None => &[identity],
    };
    upstream.ask(Ask {
        method,
        target,
        fields: Fields::List(fields),
        body,
        wanted: Wanted::Named(&LOOKED_AT),
    })
}

/// A body on its way through: a small one whole, so that the upstream waits for no slow caller, and can be asked again where its
/// connection was closed; a larger one as it comes.
async fn passing(body: Content, cap: u64) -> Result<Content, ReadError> {
    let cap = usize::try_from(cap).unwrap_or(usize::MAX);
    let small = Paced::new(body, cap, admit::PACE)?.if_within(SMALL).await?;
    Ok(small.map_or_else(Content::stream, Content::full))
}
