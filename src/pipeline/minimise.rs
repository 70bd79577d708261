//! Minimise: the one walk over a body that checks, sanitises, treats and seals. Nothing else makes a [`Cleared`], and
//! nothing but a `Cleared` leaves the gateway.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::Gateway;
use super::authorize::Permit;
use super::forward::Answer;
use super::materials::Materials;
use super::route::sentence;
use crate::action::{self, Refused};
use crate::check::Checked;
use crate::custody::RecordDraft;
use crate::net::headers;
use crate::payload::{Caps, FieldId, Stop, Treated, Undeclared, Value, Visitor, json};
use crate::plan::{Field, Side};
use crate::problem::{Problem, Rejection};

/// A body that holds what its destination may see, and nothing more.
#[derive(Debug)]
pub(super) struct Cleared(Bytes);

impl Cleared {
    /// The bytes, for the one who sends them.
    pub(super) fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// What an exchange ends with, before it is written down: what the caller gets, what is kept, and what the upstream
/// said.
#[derive(Debug)]
pub(super) struct Minimised {
    pub(super) body: Cleared,
    pub(super) draft: Option<RecordDraft>,
    pub(super) status: StatusCode,
    /// What of the answer's head the policy lets through.
    pub(super) headers: HeaderMap,
}

/// The request's body as the upstream may see it, and the beginning of the record.
pub(super) fn request(
    permit: &Permit,
    materials: &Materials,
    body: &Bytes,
) -> Result<(Cleared, Option<RecordDraft>), Rejection> {
    let side = &permit.activity().request;
    let mut draft = materials.draft();
    let cleared = walk(side, materials, body, &permit.caps(), draft.as_mut())?;
    Ok((cleared, draft))
}

/// The upstream's answer as the caller may see it, and the whole record. What is wrong with an answer is the upstream's
/// fault, so every refusal is `upstream-answer-refused`.
pub(super) fn response(
    permit: &Permit,
    materials: &Materials,
    answer: Answer,
    mut draft: Option<RecordDraft>,
) -> Result<Minimised, Rejection> {
    let side = &permit.activity().response;
    let body = walk(side, materials, &answer.body, &answer.caps, draft.as_mut()).map_err(|rejection| {
        Rejection { field: rejection.field.clone(), ..Rejection::new(Problem::UpstreamAnswerRefused) }
            .because(rejection)
    })?;
    let headers = headers::to_caller(&answer.headers, &side.headers);
    Ok(Minimised { body, draft, status: answer.status, headers })
}

/// Walks the request of a person who has no key at hand, without treating anything, so that no key and no reference is
/// minted for a body that is refused.
pub(super) fn rehearse(gateway: &Gateway, permit: &Permit, body: &Bytes) -> Result<(), Rejection> {
    let (activity, today) = (permit.activity(), gateway.clock().now().day());
    let reference = permit.stand.reference();
    if gateway.custody().cached_key(&permit.lookup, reference, &activity.name, today).is_some() {
        return Ok(());
    }
    let side = &*activity.request;
    let mut rehearsal = Treat { side, materials: None, draft: None, stored: String::new() };
    json::walk(body, &side.layout, &permit.caps(), &mut rehearsal, &mut Vec::new()).map_err(refusal)
}

fn walk(
    side: &Side,
    materials: &Materials,
    body: &[u8],
    caps: &Caps,
    draft: Option<&mut RecordDraft>,
) -> Result<Cleared, Rejection> {
    let mut treat = Treat { side, materials: Some(materials), draft, stored: String::new() };
    let mut out = Vec::with_capacity(body.len() + body.len() / 4);
    json::walk(body, &side.layout, caps, &mut treat, &mut out).map_err(refusal)?;
    Ok(Cleared(out.into()))
}

/// What a walk that stopped means for the caller.
pub(super) fn refusal(stop: Stop<Rejection>) -> Rejection {
    match stop {
        Stop::Visitor(rejection) => rejection,
        Stop::Malformed(malformed) => {
            Rejection::new(Problem::RequestMalformed).detail(format!("The body is not JSON: {malformed}."))
        }
        Stop::Undeclared | Stop::Unfit(_) => Problem::InternalError.into(),
        Stop::TooLarge(cap) => {
            Rejection::new(Problem::PayloadTooLarge).detail(format!("The body has {cap}."))
        }
    }
}

/// What an action that could not be done means for the caller.
fn unfit(field: &Field, refused: Refused) -> Rejection {
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
    /// None in a rehearsal: values are checked, and neither treated nor kept.
    materials: Option<&'a Materials>,
    draft: Option<&'a mut RecordDraft>,
    stored: String,
}

impl<'a> Treat<'a> {
    fn field(&self, id: FieldId) -> Result<&'a Field, Rejection> {
        // INVARIANT: the layout was compiled from these fields, so every number it hands out is one of theirs.
        self.side.fields.get(usize::from(id.0)).ok_or_else(|| Rejection::new(Problem::InternalError))
    }

    fn invalid(field: &Field, detail: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection::new(Problem::FieldInvalid).field(Arc::clone(&field.name)).detail(detail)
    }

    /// Whether a value could be treated, as far as that shows without keys.
    fn rehearse(field: &Field, checked: &Checked<'_>, out: &mut String) -> Result<Treated, Rejection> {
        for action in [Some(&field.outward), field.stored.as_ref()].into_iter().flatten() {
            out.clear();
            match action.apply(checked.value(), &action::Materials::default(), out) {
                Ok(_) | Err(Refused::MaterialMissing) => {}
                Err(refused) => return Err(unfit(field, refused)),
            }
        }
        Ok(Treated::Kept)
    }

    /// Seals what the policy says is kept of a value.
    fn keep(
        &mut self,
        field: &Field,
        materials: &Materials,
        at: &[u32],
        checked: &Checked<'_>,
    ) -> Result<(), Rejection> {
        let Some(stored) = &field.stored else { return Ok(()) };
        // A field that is to be kept, in an exchange that has no record, would be lost in silence.
        let draft = self.draft.as_deref_mut().ok_or_else(|| Rejection::new(Problem::InternalError))?;
        self.stored.clear();
        let treated = stored.apply(checked.value(), &materials.actions(), &mut self.stored);
        let value = match treated.map_err(|refused| unfit(field, refused))? {
            Treated::Kept => checked.value(),
            Treated::Replaced(kind) => Value { kind, text: &self.stored },
            Treated::LeftOut => return Ok(()),
        };
        draft.keep(&field.name, at, value).map_err(super::materials::unavailable)
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
        let checked = field.check.run(value).map_err(|invalid| Self::invalid(field, sentence(&invalid)))?;
        let Some(materials) = self.materials else { return Self::rehearse(field, &checked, out) };
        let treated = field.outward.apply(checked.value(), &materials.actions(), out);
        let treated = treated.map_err(|refused| unfit(field, refused))?;
        self.keep(field, materials, at, &checked)?;
        Ok(checked.settle(treated, out))
    }

    fn missing(&mut self, id: FieldId) -> Result<(), Rejection> {
        let field = self.field(id)?;
        if field.required { Err(Self::invalid(field, "The field is missing.")) } else { Ok(()) }
    }

    fn undeclared(&mut self) -> Result<(), Rejection> {
        match self.side.unknown_fields {
            Undeclared::LeaveOut => Ok(()),
            // The name of an undeclared field is the sender's own text, so it is not repeated.
            Undeclared::Refuse => Err(Rejection::new(Problem::FieldNotPermitted)
                .detail("The body has a field that the policy does not declare.")),
        }
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
