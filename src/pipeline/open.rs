//! Routes without personal data: forwarded without query, caller's headers and, unless the policy lets it pass, without
//! a body. They stream in both directions, and they are not journalled.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Limited;
use tokio::time::Instant;

use super::account::{self, Account, Ending};
use super::exchange::Worker;
use super::route::Routed;
use super::{admit, forward};
use crate::net::{BodyError, Content};
use crate::payload::read::{Paced, ReadError};
use crate::problem::{Problem, Rejection};
use crate::telemetry::{Asked, Outcome, UpstreamResult};
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
    account: &mut Account,
) -> impl Future<Output = Result<Response<Content>, Rejection>> {
    let media_type = cap.and_then(|_| head.headers.remove(header::CONTENT_TYPE));
    forwarded(worker, routed, head.method, media_type, came, cap, account)
}

async fn forwarded(
    worker: &Worker,
    routed: Routed,
    method: Method,
    media_type: Option<HeaderValue>,
    came: &mut Option<Content>,
    cap: Option<u64>,
    account: &mut Account,
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
    let named = worker.upstreams.named(routed.route.activity.upstream.as_ref())?;
    let asked = if body.is_full() { named.asked() } else { named.asked().untimed() };
    let (mut answered, body) = match ask(&named.upstream, &method, &routed.target, media_type, body).await {
        Ok(answer) => answer.into_parts(),
        Err(error) => {
            asked.ended(forward::failed(&error));
            return Err(forward::unsent_or_failed(error));
        }
    };
    let result = forward::answered(answered.status);
    if let Err(refused) = may_pass(&mut answered, &body) {
        asked.ended(result);
        return Err(refused);
    }
    answered.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let body = match body.into_whole() {
        Ok(whole) => {
            account.answered = Some(asked.ended(result));
            Content::full(whole)
        }
        Err(body) => {
            let (until, late) = (body.deadline(), body.late());
            let (asked, ending, status) = (Some(asked), account.streams(), answered.status);
            let told = Told { asked, ending, status, until, late };
            Content::stream_until(Streamed { body: Limited::new(body, ANSWER_CAP), told }, until)
        }
    };
    Ok(Response::from_parts(answered, body))
}

/// Whether the caller may have an answer with this head, from which is taken what the caller need not know.
fn may_pass(answered: &mut response::Parts, body: &UpstreamBody) -> Result<(), Rejection> {
    if answered.status.is_redirection() || answered.status.is_server_error() {
        return Err(Rejection::new(Problem::UpstreamAnswerRefused)
            .because(format!("the upstream answered with status {}", answered.status.as_u16())));
    }
    let refused = |why: &'static str| Err(Rejection::new(Problem::UpstreamAnswerRefused).because(why));
    if answered.status == StatusCode::PARTIAL_CONTENT {
        return refused(forward::PART);
    }
    // Counted, as nearly every answer has one of the first and none of the second, and a look by name is dearer.
    let (mut types, mut codings) = (0, 0);
    for (name, _) in &answered.headers {
        types += u32::from(*name == header::CONTENT_TYPE);
        codings += u32::from(*name == header::CONTENT_ENCODING);
    }
    if types > 1 || codings > 1 {
        return refused(forward::UNCLEAR);
    }
    if codings > 0 {
        let coding = answered.headers.remove(header::CONTENT_ENCODING);
        if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return refused("the upstream's answer is compressed, which nobody asked for");
        }
    }
    if body.size_hint().lower() > ANSWER_CAP as u64 {
        return refused("the upstream announces a larger answer than may pass");
    }
    Ok(())
}

/// An answer on its way to the caller, which is counted by how it ends.
struct Streamed {
    body: Limited<UpstreamBody>,
    told: Told,
}

/// What is to be told of an answer at its end.
struct Told {
    /// Until that was told.
    asked: Option<Asked>,
    ending: Ending,
    status: StatusCode,
    /// When the upstream's time is over, and what is wrong then.
    until: Instant,
    late: UpstreamError,
}

impl Told {
    fn whole(&mut self) {
        if let Some(asked) = self.asked.take() {
            asked.ended(forward::answered(self.status));
            self.ending.count(account::outcome(self.status));
        }
    }

    fn broken(&mut self, result: UpstreamResult, error: &(dyn Error + 'static)) {
        if let Some(asked) = self.asked.take() {
            asked.ended(result);
            self.ending.broken(error);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        // Whoever writes the answer ends it when its time is over, and does not always ask here again.
        if Instant::now() >= self.until {
            asked.ended(forward::failed(&self.late));
            self.ending.broken(&self.late);
        } else {
            drop(asked);
            self.ending.count(Outcome::Abandoned);
        }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            Some(Err(error)) => {
                // Else it is larger than may pass.
                let failed = error.downcast_ref().map_or(UpstreamResult::Answered, forward::failed);
                this.told.broken(failed, &**error);
            }
            // Who has the last bytes need not ask whether there are more.
            _ if frame.is_none() || this.body.is_end_stream() => this.told.whole(),
            _ => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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
