//! Person: whose data an exchange holds, and whether this caller may bring it.

use std::sync::Arc;

use super::admit::{Admitted, Received};
use super::minimise::refusal;
use crate::payload::{Format, Kind, Stop, json};
use crate::personal::Person;
use crate::plan::DataSubject;
use crate::problem::{Problem, Rejection};

/// The data subject of an exchange, as the policy says where to find them.
pub(super) fn of(admitted: &Admitted, body: &Received) -> Result<Person, Rejection> {
    let activity = &admitted.routed.route.activity;
    match &activity.data_subject {
        Some(DataSubject::Claim(claim)) => of_token(admitted, claim),
        Some(DataSubject::Body(path, field)) => {
            let invalid = || {
                let name = activity.request.fields.get(*field).map(|field| Arc::clone(&field.name));
                Rejection { field: name, ..Rejection::new(Problem::FieldInvalid) }
                    .detail("The field says whose data this is.")
            };
            let found = json::find(&body.bytes, path, &admitted.caps()).map_err(|stop| match stop {
                Stop::Visitor(_) => invalid(),
                Stop::Malformed(malformed) => refusal(Format::Json, Stop::Malformed(malformed)),
                Stop::TooLarge(cap) => refusal(Format::Json, Stop::TooLarge(cap)),
                Stop::Undeclared | Stop::Unfit(_) => Problem::InternalError.into(),
            })?;
            match found {
                // An identifier is a text or a whole number; anything else names nobody.
                Some(found)
                    if matches!(found.kind, Kind::String | Kind::Integer)
                        && !found.text.is_empty()
                        // A second spelling of 0 would be a second person.
                        && !(found.kind == Kind::Integer && found.text == "-0") =>
                {
                    of_body(admitted, &found.text)
                }
                _ => Err(invalid()),
            }
        }
        // The plan gives every governed route a data subject.
        Some(DataSubject::Rows(..)) | None => Err(Rejection::new(Problem::InternalError)),
    }
}

/// The person whom the token names. A program's token (RFC 9068: `sub` equals `client_id`) names nobody.
fn of_token(admitted: &Admitted, claim: &str) -> Result<Person, Rejection> {
    admitted.caller.person(claim).ok_or_else(|| {
        Rejection::new(Problem::SubjectMismatch)
            .detail("The credential names no person whose data this could be.")
    })
}

/// The person whom the body names: the caller's own self, or somebody for whom the caller may act.
fn of_body(admitted: &Admitted, identifier: &str) -> Result<Person, Rejection> {
    let caller = &admitted.caller;
    let person = Person::new(Arc::clone(&caller.namespace), identifier);
    if caller.subject.as_ref() == Some(&person) {
        return Ok(person);
    }
    match &admitted.routed.route.access.on_behalf_of {
        Some(scope) if caller.scopes.has(scope) => Ok(person),
        _ => Err(Problem::SubjectMismatch.into()),
    }
}
