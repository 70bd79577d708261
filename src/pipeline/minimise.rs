//! Minimise: the one walk over a body that checks, sanitises, treats and seals. Nothing else makes a [`Cleared`], and
//! nothing but a `Cleared` leaves the gateway.

mod headers;

use headers::headers;

use std::borrow::Cow;
use std::sync::Arc;

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
use super::route::sentence;
use super::shadow::Trace;
use super::whole;
use crate::action::{Action, Analyses, Refused};
use crate::check::Checked;
use crate::drift::{RouteDrift, Seen, SideDrift};
use crate::payload::{
    Caps, Envelope, FieldId, Format, Kind, Row, Stop, Treated, Undeclared, Value, Visitor, Walker,
};
use crate::plan::{Field, Side};
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
    let looks = (Keeping::In(&mut drafts), Watch::of(permit, RouteDrift::request));
    let cleared = outgoing(&permit.admitted, permit.batch.as_ref(), materials, body, looks)?;
    Ok((cleared, drafts))
}

/// The same without keeping anything: whether the body would be refused, before a key is made to seal it under.
pub(super) fn rehearse(permit: &Permit, materials: &Materials, body: &Received) -> Result<(), Rejection> {
    let looks = (Keeping::Rehearsal, Watch::of(permit, RouteDrift::request));
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
    let looks = (Keeping::Rehearsal, Watch { seen: None, trace: Some(trace) });
    outgoing(admitted, None, materials, body, looks).map(Cleared::forget)
}

/// The same of an answer.
pub(super) fn response_on_paper(
    admitted: &Admitted,
    materials: &Materials,
    answer: &Answer,
    trace: &mut Trace,
) -> Result<(), Rejection> {
    let looks = (Keeping::Rehearsal, Watch { seen: None, trace: Some(trace) });
    incoming(admitted, None, materials, answer, looks).map(|(_, body)| body.forget())
}

fn outgoing(
    admitted: &Admitted,
    batch: Option<&Batch>,
    materials: &Materials,
    body: &Received,
    mut looks: Looks<'_>,
) -> Result<Cleared, Rejection> {
    let head = parameters::treat(admitted, materials, &mut looks.0, looks.1.trace.is_some())?;
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
    if body.bytes.is_empty() && admitted.may_lack_a_body() {
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
    let looks = (Keeping::Questions(&mut questions), Watch::default());
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
    let looks = (Keeping::Questions(&mut questions), Watch::default());
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
    let looks = (Keeping::In(&mut drafts), Watch::of(permit, RouteDrift::response));
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
    let refused = |rejection: Rejection| {
        Rejection { field: rejection.field.clone(), ..Rejection::new(Problem::UpstreamAnswerRefused) }
            .because(rejection)
    };
    let headers = headers(&side.headers, &answer.headers).map_err(refused)?;
    let walker = &admitted.payload()?.response;
    let rows = batch.map_or(Rows::Plain, Rows::Incoming);
    let opened = &admitted.opened;
    let treat = Treat { opened, ..Treat::new(side, walker, rows, materials, looks) };
    let body = walk(treat, &answer.body, &answer.caps).map_err(refused)?;
    whole::check(side, &answer.body.bytes).map_err(refused)?;
    Ok((headers, body))
}

fn walk(mut treat: Treat<'_>, body: &Received, caps: &Caps) -> Result<Cleared, Rejection> {
    let walker = treat.walker;
    // A body that passes its rehearsal is walked once more, and counted then.
    let rehearsal = matches!(treat.kept, Keeping::Rehearsal);
    let Received { bytes, envelope } = body;
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 4);
    let walked = walker.walk(bytes, envelope, caps, &mut treat, &mut out);
    if let Some(seen) = treat.watch.seen
        && !(rehearsal && walked.is_ok())
    {
        seen.count(walked.is_ok());
    }
    let format = walker.format();
    let envelope = walked.map_err(|stop| refusal(format, stop))?;
    if matches!(treat.rows, Rows::Incoming(_)) && walker.has_rows() && !treat.counted {
        return Err(super::batch::surplus());
    }
    Ok(Cleared { head: None, bytes: out.into(), format, envelope })
}

/// What a walk that stopped means for the caller.
pub(super) fn refusal(format: Format, stop: Stop<Rejection>) -> Rejection {
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
        Stop::TooLarge(cap) => {
            Rejection::new(Problem::PayloadTooLarge).detail(format!("The body has {cap}."))
        }
    }
}

/// What an action that could not be done means for the caller.
pub(super) fn unfit(field: &Field, refused: Refused) -> Rejection {
    let problem = match refused {
        Refused::Present => Problem::FieldNotPermitted,
        Refused::Unsuitable(_) => Problem::FieldInvalid,
        Refused::MaterialMissing => Problem::InternalError,
    };
    Rejection::new(problem).field(Arc::clone(&field.name)).because(refused)
}

/// Applies the rules of one side of an exchange.
struct Treat<'a> {
    side: &'a Side,
    walker: &'a Walker,
    /// Whether each gate of the side stands open.
    opened: &'a [bool],
    rows: Rows<'a>,
    /// Whether the rows of an answer have been counted.
    counted: bool,
    materials: &'a Materials,
    kept: Keeping<'a>,
    stored: String,
    watch: Watch<'a>,
}

/// What a walk leaves behind.
type Looks<'a> = (Keeping<'a>, Watch<'a>);

/// Who looks on.
#[derive(Default)]
struct Watch<'a> {
    /// Counts what occurs.
    seen: Option<Seen<'a>>,
    /// Notes what becomes of it.
    trace: Option<&'a mut Trace>,
}

impl<'a> Watch<'a> {
    /// Counts for one side of an exchange.
    fn of(permit: &'a Permit, side: impl Fn(&'a RouteDrift) -> &'a SideDrift) -> Self {
        Self { seen: permit.drift().map(|drift| side(drift).watch(permit.tag())), trace: None }
    }
}

/// Where kept values go.
pub(super) enum Keeping<'a> {
    /// Into the records.
    In(&'a mut Drafts),
    /// Nowhere yet: whether they could be kept is all that is asked.
    Rehearsal,
    /// Nowhere, and nothing is treated: what analysers must be asked is gathered.
    Questions(&'a mut Vec<Question>),
}

impl<'a> Treat<'a> {
    fn new(
        side: &'a Side,
        walker: &'a Walker,
        rows: Rows<'a>,
        materials: &'a Materials,
        (kept, watch): Looks<'a>,
    ) -> Self {
        Self {
            side,
            walker,
            opened: &[],
            rows,
            counted: false,
            materials,
            kept,
            stored: String::new(),
            watch,
        }
    }

    fn field(&self, id: FieldId) -> Result<&'a Field, Rejection> {
        // INVARIANT: the layout was compiled from these fields, so every number it hands out is one of theirs.
        self.side.fields.get(usize::from(id.0)).ok_or_else(|| Rejection::new(Problem::InternalError))
    }

    fn invalid(field: &Field, detail: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection::new(Problem::FieldInvalid).field(Arc::clone(&field.name)).detail(detail)
    }

    /// What becomes of a field on its way out, for this caller.
    fn outward(&self, field: &'a Field) -> &'a Action {
        match &field.gate {
            // A gate that was not looked at is shut.
            Some((gate, otherwise)) if self.opened.get(*gate) != Some(&true) => otherwise,
            _ => &field.outward,
        }
    }

    /// Seals what the policy says is kept of a value.
    fn keep(&mut self, id: FieldId, at: &[u32], checked: &Checked<'_>) -> Result<(), Rejection> {
        let field = self.field(id)?;
        let Some(stored) = &field.stored else { return Ok(()) };
        self.stored.clear();
        let treated = stored.apply(checked.value(), &self.materials.actions(), &mut self.stored);
        let value = match treated.map_err(|refused| unfit(field, refused))? {
            Treated::Kept => checked.value(),
            Treated::Replaced(kind) => Value { kind, text: &self.stored },
            Treated::LeftOut => return Ok(()),
        };
        match &mut self.kept {
            Keeping::In(drafts) => {
                let (row, within) = self.walker.row(id, at);
                let row = match (self.rows, row) {
                    (Rows::Incoming(batch), Some(row)) => {
                        Some(batch.answered(row).ok_or_else(super::batch::surplus)?)
                    }
                    (_, row) => row,
                };
                // A field that is to be kept, in an exchange that has no record for it, would be lost in silence.
                let kept = drafts.keep(&field.name, at, (row, within), value);
                kept.map_err(super::materials::unavailable)
            }
            Keeping::Rehearsal | Keeping::Questions(_) => Ok(()),
        }
    }
}

impl Visitor for Treat<'_> {
    type Error = Rejection;

    fn value(
        &mut self,
        id: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Rejection> {
        let field = self.field(id)?;
        if let Some(seen) = &self.watch.seen {
            seen.field(id.index());
        }
        let checked = field.check.run(value).map_err(|invalid| Self::invalid(field, sentence(&invalid)))?;
        let outward = self.outward(field);
        if let Keeping::Questions(questions) = &mut self.kept {
            let text = checked.value();
            if text.kind == Kind::String && Analyses::needs(text.text) {
                let asks =
                    [Some(outward), field.stored.as_ref()].into_iter().flatten().filter_map(Action::asks);
                questions.extend(asks.map(|ask| (Arc::clone(ask), text.text.to_owned())));
            }
            return Ok(Treated::Kept);
        }
        let treated = outward.apply(checked.value(), &self.materials.actions(), out);
        let treated = treated.map_err(|refused| unfit(field, refused))?;
        self.keep(id, at, &checked)?;
        if let Some(trace) = &mut self.watch.trace {
            trace.note(id, at, checked.value(), treated, out);
        }
        Ok(checked.settle(treated, out))
    }

    fn missing(&mut self, id: FieldId) -> Result<(), Rejection> {
        let field = self.field(id)?;
        if field.required { Err(Self::invalid(field, "The field is missing.")) } else { Ok(()) }
    }

    fn undeclared_name(&mut self, name: &str) {
        if let Some(seen) = &mut self.watch.seen {
            seen.name(name);
        }
    }

    fn undeclared(&mut self) -> Result<(), Rejection> {
        if let Some(seen) = &mut self.watch.seen {
            seen.undeclared();
        }
        match self.side.unknown_fields {
            Undeclared::LeaveOut => Ok(()),
            // The name of an undeclared field is the sender's own text, so it is not repeated.
            Undeclared::Refuse => Err(Rejection::new(Problem::FieldNotPermitted)
                .detail("The body has a field that the policy does not declare.")),
        }
    }

    fn row(&mut self, row: u32) -> Row {
        match self.rows {
            Rows::Plain => Row::Visited,
            Rows::Outgoing(batch) => batch.outgoing(row),
            Rows::Incoming(batch) => batch.incoming(row),
        }
    }

    fn rows(&mut self, count: u32) -> Result<u32, Rejection> {
        match self.rows {
            Rows::Plain => Ok(0),
            Rows::Outgoing(batch) if batch.is_whole(count) => Ok(0),
            // The column in which the persons stand has as many values as there are rows; this one has not.
            Rows::Outgoing(_) => {
                Err(Rejection::new(Problem::FieldInvalid).detail("A column has not one value for each row."))
            }
            Rows::Incoming(batch) => {
                self.counted = true;
                batch.behind(count).ok_or_else(super::batch::surplus)
            }
        }
    }

    fn leaves_out(&self, id: FieldId) -> bool {
        self.field(id).is_ok_and(|field| self.outward(field).leaves_out())
    }

    fn may_lack(&self, id: FieldId) -> bool {
        self.field(id).is_ok_and(|field| !field.required)
    }

    fn misshapen(&mut self, id: FieldId) -> Rejection {
        match self.field(id) {
            Ok(field) => {
                Self::invalid(field, "The value, or what holds it, is of another shape than declared.")
            }
            Err(rejection) => rejection,
        }
    }
}

#[cfg(test)]
mod tests;
