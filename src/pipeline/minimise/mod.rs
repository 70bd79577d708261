//! Minimise: the one walk over a body that checks, sanitises, treats and seals. Nothing else makes a [`Cleared`], and
//! nothing but a `Cleared` leaves the gateway.

mod headers;
mod treat;

use headers::headers;
pub(super) use treat::{Keeping, unfit};
use treat::{Looks, Treat, Watch};

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use zeroize::Zeroize as _;

use super::admit::{self, Admitted, Received};
use super::analysis::Question;
use super::authorize::Permit;
use super::batch::Batch;
use super::drafts::{Drafts, Rows};
use super::forward::Answer;
use super::materials::Materials;
use super::parameters::{self, Asked};
use super::shadow::Trace;
use super::whole;
use crate::drift::RouteDrift;
use crate::payload::{Caps, Envelope, Format, Stop};
use crate::problem::{Problem, Rejection};

/// A body that holds what its destination may see, and nothing more.
#[derive(Debug)]
pub(super) struct Cleared {
    /// The target and headers, where parameters are treated: what came is not what goes.
    pub(super) head: Option<Asked>,
    bytes: Bytes,
    format: Format,
    envelope: Envelope,
}

impl Cleared {
    /// The bytes, for the one who sends them.
    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// What the head that goes with it must say.
    pub(super) fn describe(&self, headers: &mut HeaderMap) {
        if self.bytes.is_empty() {
            headers.remove(header::CONTENT_TYPE);
            return;
        }
        let content_type = match self.envelope.content_type(self.format) {
            Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
            Cow::Owned(text) => HeaderValue::try_from(text),
        };
        // INVARIANT: a boundary is of letters, digits and marks that a header may have.
        if let Ok(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        if let Some(length) = self.envelope.json_length {
            headers.insert(admit::JSON_LENGTH, HeaderValue::from(length));
        }
    }

    /// Overwrites them: nobody sends them.
    fn forget(self) {
        if let Ok(mut own) = self.bytes.try_into_mut() {
            own.as_mut().zeroize();
        }
    }
}

/// What an exchange ends with, before it is written down: what the caller gets, what is kept, and what the upstream
/// said.
#[derive(Debug)]
pub(super) struct Minimised {
    pub(super) body: Cleared,
    /// The headers of the answer that the policy lets through.
    pub(super) headers: HeaderMap,
    pub(super) drafts: Drafts,
    pub(super) status: StatusCode,
}

/// The request's body as the upstream may see it, and the beginning of what is kept.
pub(super) fn request(
    permit: &Permit,
    materials: &Materials,
    body: &Received,
) -> Result<(Cleared, Drafts), Rejection> {
    let mut drafts = materials.drafts(permit);
    let looks = Looks::keeping(&mut drafts, Watch::of(permit, RouteDrift::request));
    let cleared = outgoing(&permit.admitted, permit.batch.as_ref(), materials, body, looks)?;
    Ok((cleared, drafts))
}

/// The same without keeping anything: whether the body would be refused, before a key is made to seal it under.
pub(super) fn rehearse(permit: &Permit, materials: &Materials, body: &Received) -> Result<(), Rejection> {
    let looks = Looks::rehearsal(Watch::of(permit, RouteDrift::request));
    outgoing(&permit.admitted, permit.batch.as_ref(), materials, body, looks).map(drop)
}

/// What a shadow would make of a request: whether it would be refused, and what would become of each field. What would be
/// sent is not given out, and not left in memory.
pub(super) fn request_on_paper(
    admitted: &Admitted,
    materials: &Materials,
    body: &Received,
    trace: &mut Trace,
) -> Result<(), Rejection> {
    outgoing(admitted, None, materials, body, Looks::on_paper(trace)).map(Cleared::forget)
}

/// The same of an answer.
pub(super) fn response_on_paper(
    admitted: &Admitted,
    materials: &Materials,
    answer: &Answer,
    trace: &mut Trace,
) -> Result<(), Rejection> {
    incoming(admitted, None, materials, answer, Looks::on_paper(trace)).map(|(_, body)| body.forget())
}

fn outgoing(
    admitted: &Admitted,
    batch: Option<&Batch>,
    materials: &Materials,
    body: &Received,
    mut looks: Looks<'_>,
) -> Result<Cleared, Rejection> {
    let head = parameters::treat(admitted, materials, &mut looks.kept, looks.watch.trace.is_some())?;
    let cleared = body_of(admitted, batch, materials, body, looks)?;
    Ok(Cleared { head, ..cleared })
}

fn body_of(
    admitted: &Admitted,
    batch: Option<&Batch>,
    materials: &Materials,
    body: &Received,
    looks: Looks<'_>,
) -> Result<Cleared, Rejection> {
    let side = &admitted.routed.route.activity.request;
    let walker = &admitted.payload()?.request;
    let none = || Cleared {
        head: None,
        bytes: Bytes::new(),
        format: walker.format(),
        envelope: Envelope::default(),
    };
    if admitted.routed.route.bodyless {
        return Ok(none());
    }
    if body.bytes.is_empty() && admitted.routed.route.may_lack_a_body() {
        return match side.fields.iter().find(|field| field.required) {
            Some(field) => Err(Treat::invalid(field, "The field is missing.")),
            None if side.schema.is_some() => {
                Err(Rejection::new(Problem::FieldInvalid).detail("The body is missing."))
            }
            None => Ok(none()),
        };
    }
    let rows = batch.map_or(Rows::Plain, Rows::Outgoing);
    let cleared = walk(Treat::new(side, walker, rows, materials, looks), body, &admitted.caps())?;
    whole::check(side, &body.bytes)?;
    Ok(cleared)
}

/// The texts of a body that outside analysers must be asked about, each as its action will see it, and no text of a row that does
/// not go.
pub(super) fn questions(
    permit: &Permit,
    materials: &Materials,
    body: &Received,
) -> Result<Vec<Question>, Rejection> {
    let mut questions = Vec::new();
    let looks = Looks::asking(&mut questions);
    outgoing(&permit.admitted, permit.batch.as_ref(), materials, body, looks)?.forget();
    Ok(questions)
}

/// The same of an upstream's answer. What is wrong with it is said by the walk that treats it.
pub(super) fn questions_of_answer(
    permit: &Permit,
    materials: &Materials,
    answer: &Answer,
) -> Result<Vec<Question>, Rejection> {
    let mut questions = Vec::new();
    let looks = Looks::asking(&mut questions);
    let (_, body) = incoming(&permit.admitted, permit.batch.as_ref(), materials, answer, looks)?;
    body.forget();
    Ok(questions)
}

/// The upstream's answer as the caller may see it, and the whole record. What is wrong with an answer is the upstream's
/// fault, so every refusal is `upstream-answer-refused`.
pub(super) fn response(
    permit: &Permit,
    materials: &Materials,
    answer: Answer,
    mut drafts: Drafts,
) -> Result<Minimised, Rejection> {
    let looks = Looks::keeping(&mut drafts, Watch::of(permit, RouteDrift::response));
    let (mut headers, body) = incoming(&permit.admitted, permit.batch.as_ref(), materials, &answer, looks)?;
    if let Some(batch) = &permit.batch {
        batch.tell(&mut headers);
    }
    Ok(Minimised { body, headers, drafts, status: answer.status })
}

fn incoming(
    admitted: &Admitted,
    batch: Option<&Batch>,
    materials: &Materials,
    answer: &Answer,
    looks: Looks<'_>,
) -> Result<(HeaderMap, Cleared), Rejection> {
    let side = &admitted.routed.route.activity.response;
    let headers = headers(&side.headers, &answer.headers).map_err(refused)?;
    let walker = &admitted.payload()?.response;
    let rows = batch.map_or(Rows::Plain, Rows::Incoming);
    let treat = Treat::new(side, walker, rows, materials, looks).behind(&admitted.opened);
    let body = walk(treat, &answer.body, &answer.caps).map_err(refused)?;
    whole::check(side, &answer.body.bytes).map_err(refused)?;
    Ok((headers, body))
}

/// What is wrong with an answer: the caller learns the declared field, the log what a request would be told.
fn refused(rejection: Rejection) -> Rejection {
    Rejection { field: rejection.field.clone(), ..Rejection::new(Problem::UpstreamAnswerRefused) }
        .because(rejection)
}

fn walk(mut treat: Treat<'_>, body: &Received, caps: &Caps) -> Result<Cleared, Rejection> {
    let walker = treat.walker;
    // A body that passes its rehearsal is walked once more, and counted then.
    let rehearsal = matches!(treat.kept, Keeping::Rehearsal);
    let Received { bytes, envelope } = body;
    // One allocation for most bodies: replacements are mostly about as long as what they replace.
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 4 + 64);
    let walked = walker.walk(bytes, envelope, caps, &mut treat, &mut out);
    if let Some(seen) = treat.watch.seen
        && !(rehearsal && walked.is_ok())
    {
        seen.count(walked.is_ok());
    }
    let format = walker.format();
    let envelope = walked.map_err(|stop| refusal(format, caps, stop))?;
    if matches!(treat.rows, Rows::Incoming(_)) && walker.has_rows() && !treat.counted {
        return Err(super::batch::surplus());
    }
    Ok(Cleared { head: None, bytes: out.into(), format, envelope })
}

/// What a walk that stopped means for the caller.
pub(super) fn refusal(format: Format, caps: &Caps, stop: Stop<Rejection>) -> Rejection {
    match stop {
        Stop::Visitor(rejection) => rejection,
        Stop::Malformed(malformed) if format == Format::Json => {
            Rejection::new(Problem::RequestMalformed).detail(format!("The body is not JSON: {malformed}."))
        }
        Stop::Malformed(malformed) => Rejection::new(Problem::PayloadNotInspectable)
            .detail(format!("The body is not `{}`: {malformed}.", format.word())),
        Stop::Undeclared => Rejection::new(Problem::FieldNotPermitted)
            .detail("The body has something that the policy does not declare."),
        Stop::Unfit(_) => Problem::InternalError.into(),
        Stop::TooLarge(cap) => Rejection::new(Problem::PayloadTooLarge)
            .detail(format!("The body has {}.", caps.exceeded(cap, format))),
    }
}

#[cfg(test)]
mod tests;
