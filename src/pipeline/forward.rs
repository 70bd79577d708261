//! Forward: the one place that sends to an upstream. It takes a [`Cleared`] body and the permit for it, and looks at the
//! person's epoch once more before the first byte. Where that has moved, leave is asked for anew.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::Gateway;
use super::admit::{self, Received};
use super::authorize::Permit;
use super::minimise::Cleared;
use super::parameters;
use crate::net::Content;
use crate::payload::{Caps, Envelope, Format, coding, read};
use crate::problem::{Problem, Rejection};
use crate::telemetry::{Asked, UpstreamFigures, UpstreamResult};
use crate::upstream::{Ask, Fields, Upstream, UpstreamBody, UpstreamError, Wanted};

/// What an upstream may answer beyond the size of the request's cap: an answer may be larger than what was asked.
const ANSWER_CAP: usize = 8 * 1024 * 1024;

/// Why an answer with status 206 is refused.
pub(super) const PART: &str = "the upstream answered with a part, which nobody asked for";

/// Why an answer is refused of which nobody can tell how it is to be read.
pub(super) const UNCLEAR: &str =
    "a header that says how to read the upstream's answer came twice, or is not text";

/// Why an answer that comes in events is refused.
const STREAMED: &str = "the upstream streams its answer (text/event-stream), which cannot be inspected; let the policy refuse what asks for a stream";

/// How often leave is asked for anew, before a neighbourhood that changes all the time is left to itself.
const LOOKS: usize = 3;

/// The upstream's own time limit, which is a day at most, holds for the body too and ends it; nothing else is asked of it.
const UNHURRIED: read::Pace = read::Pace { grace: TWO_DAYS, bytes_per_second: 0, total: TWO_DAYS };
const TWO_DAYS: Duration = Duration::from_secs(2 * 24 * 3600);

/// One thread's way to each upstream, in the order of their names.
#[derive(Debug)]
pub(super) struct Upstreams(Vec<Named>);

/// An upstream, with what is counted of it.
#[derive(Debug)]
pub(super) struct Named {
    name: Arc<str>,
    pub(super) upstream: Upstream,
    figures: Arc<UpstreamFigures>,
}

impl Upstreams {
    pub(super) fn new(gateway: &Gateway) -> Self {
        let named = |(name, upstream): (&Arc<str>, &Upstream)| Named {
            name: Arc::clone(name),
            upstream: upstream.clone(),
            figures: gateway.metrics().upstream(name),
        };
        let mut all: Vec<_> = gateway.upstreams().iter().map(named).collect();
        all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Self(all)
    }

    pub(super) fn named(&self, name: Option<&Arc<str>>) -> Result<&Named, Rejection> {
        let place = name.and_then(|name| self.0.binary_search_by(|has| has.name.cmp(name)).ok());
        let found = place.and_then(|place| self.0.get(place));
        // The plan names only upstreams that the deployment has.
        found.ok_or_else(|| Problem::InternalError.into())
    }
}

impl Named {
    /// A request to it begins, and is counted by how it ends.
    pub(super) fn asked(&self) -> Asked {
        self.figures.asked()
    }
}

/// How a request ended to which there is no whole answer.
pub(super) const fn failed(error: &UpstreamError) -> UpstreamResult {
    match error {
        UpstreamError::Unavailable(_) | UpstreamError::Held => UpstreamResult::Unreachable,
        UpstreamError::TimedOut(_) => UpstreamResult::TimedOut,
        UpstreamError::Broken(_) => UpstreamResult::Broken,
        UpstreamError::Unread(_) => UpstreamResult::Abandoned,
    }
}

/// How one ended that was answered with this status.
pub(super) fn answered(status: StatusCode) -> UpstreamResult {
    if status.is_server_error() { UpstreamResult::ServerError } else { UpstreamResult::Answered }
}

/// An answer of the upstream, whole and decoded, not yet minimised.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Received,
    pub(super) caps: Caps,
}

/// Sends a cleared body and waits for the whole answer.
pub(super) async fn send(
    gateway: &Gateway,
    upstreams: &Upstreams,
    permit: &mut Permit,
    mut cleared: Cleared,
) -> Result<Answer, Rejection> {
    let named = upstreams.named(permit.activity().upstream.as_ref())?;
    let answers = permit.admitted.payload()?.response.format();
    let (target, mut headers) = match cleared.head.take() {
        Some(asked) => (asked.target, asked.headers),
        None => (permit.admitted.routed.target.clone(), std::mem::take(&mut permit.admitted.headers)),
    };
    cleared.describe(&mut headers);
    headers.insert(header::ACCEPT, HeaderValue::from_static(answers.media_type()));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let body = cleared.into_bytes();
    // The names under which the intent was written.
    let began_as = permit.references();
    for _ in 0..LOOKS {
        let ask = Ask {
            method: &permit.admitted.routed.route.method,
            target: &target,
            fields: Fields::Map(&headers),
            body: Content::full(body.clone()),
            wanted: Wanted::All,
        };
        let asked = named.asked();
        match named.upstream.ask_if(ask, || gateway.standing().forward_all(permit.stands())).await {
            Err(UpstreamError::Held) => {
                asked.unsent();
                Box::pin(permit.renew(gateway)).await?;
            }
            Err(error) => {
                asked.ended(failed(&error));
                return Err(unsent_or_failed(error));
            }
            Ok(response) => {
                let mut result = answered(response.status());
                let answer = whole(response, answers, permit.caps(), &mut result).await;
                asked.ended(result);
                return answer;
            }
        }
        if began_as
            .iter()
            .zip(permit.stands())
            .any(|(began, now)| began.is_some() && now.reference() != *began)
        {
            return Err(Rejection::new(Problem::ConsentWithdrawn)
                .detail("The person was forgotten while the exchange was on its way; nothing was sent."));
        }
    }
    Err(unsent_or_failed(UpstreamError::Held))
}

/// What a failed exchange with the upstream is for the caller.
pub(super) fn unsent_or_failed(error: UpstreamError) -> Rejection {
    match error {
        UpstreamError::Held => Rejection::new(Problem::DependencyUnavailable)
            .retry_after(1)
            .detail("What persons permit changed while the exchange was on its way; nothing was sent."),
        UpstreamError::TimedOut(_) => {
            Rejection::new(Problem::UpstreamUnavailable).status(StatusCode::GATEWAY_TIMEOUT).because(error)
        }
        UpstreamError::Unread(error) => match error.downcast() {
            Ok(error) => admit::unread(*error),
            Err(error) => Rejection::new(Problem::RequestMalformed).because(error),
        },
        UpstreamError::Unavailable(_) => Rejection::new(Problem::UpstreamUnavailable).because(error),
        UpstreamError::Broken(_) => Rejection::new(Problem::UpstreamAnswerRefused).because(error),
    }
}

/// Reads the whole answer. Anything but an answer of the declared format with a status of 2xx is refused: error pages
/// echo what was sent. `result` becomes another where the upstream does not bring the answer to its end.
async fn whole(
    response: http::Response<UpstreamBody>,
    format: Format,
    request_caps: Caps,
    result: &mut UpstreamResult,
) -> Result<Answer, Rejection> {
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        return Err(Rejection::new(Problem::UpstreamAnswerRefused)
            .because(format!("the upstream answered with status {}", head.status.as_u16())));
    }
    if head.status == StatusCode::PARTIAL_CONTENT {
        return Err(Rejection::new(Problem::UpstreamAnswerRefused).because(PART));
    }
    let text = |name: HeaderName| {
        parameters::text(&head.headers, name)
            .map_err(|_| Rejection::new(Problem::UpstreamAnswerRefused).because(UNCLEAR))
    };
    let media = text(header::CONTENT_TYPE)?;
    let envelope = Envelope::open(format, media, text(admit::JSON_LENGTH)?);
    let envelope = envelope.ok_or_else(|| other(format, media))?;
    let caps = Caps { bytes: ANSWER_CAP, ..request_caps };
    let body = read::capped(body, caps.bytes, &UNHURRIED).await.map_err(|error| unread(error, result))?;
    let body = coding::decode(text(header::CONTENT_ENCODING)?, body, caps.bytes, super::admit::RATIO)
        .map_err(|error| Rejection::new(Problem::UpstreamAnswerRefused).because(error))?;
    let body = Received { bytes: body, envelope };
    Ok(Answer { status: head.status, headers: head.headers, body, caps })
}

/// What an answer of another media type is for the caller.
fn other(format: Format, media: Option<&str>) -> Rejection {
    let refused = Rejection::new(Problem::UpstreamAnswerRefused);
    if Envelope::is_stream(media) {
        return refused.because(STREAMED);
    }
    refused.because(format!("the upstream's answer is not {}", format.media_type()))
}

/// What an answer that was not read is for the caller.
fn unread(error: read::ReadError, result: &mut UpstreamResult) -> Rejection {
    match error {
        // Late, or broken: said as of one that had not begun.
        read::ReadError::Broken(source) => match source.downcast::<UpstreamError>() {
            Ok(error) => {
                *result = failed(&error);
                unsent_or_failed(*error)
            }
            Err(source) => Rejection::new(Problem::UpstreamAnswerRefused).because(source),
        },
        error => Rejection::new(Problem::UpstreamAnswerRefused).because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_a_streamed_answer_from_others() {
        let cause = |media| other(Format::OpenaiChat, media).cause.unwrap().to_string();
        for media in ["text/event-stream", "Text/Event-Stream; charset=utf-8"] {
            assert_eq!(cause(Some(media)), STREAMED);
        }
        for media in [None, Some("text/html"), Some("text/event-stream-not")] {
            assert_eq!(cause(media), "the upstream's answer is not application/json");
        }
    }
}
