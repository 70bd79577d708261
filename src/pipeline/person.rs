//! Person: whose data an exchange holds, and whether this caller may bring it.

use std::collections::HashMap;
use std::sync::Arc;

use super::admit::{Admitted, Received};
use super::minimise::refusal;
use super::{batch, parameters};
use crate::check::{Check, RuleKind};
use crate::payload::{FieldId, Format, Kind, Row, Stop, Treated, Value, Visitor, Walker, json};
use crate::personal::Person;
use crate::plan::{DataSubject, Field};
use crate::problem::{Problem, Rejection};

/// Whose data an exchange holds.
pub(super) enum Persons {
    /// All of it is one person's.
    One(Person),
    /// Each row is somebody's.
    Rows {
        /// The persons, each once.
        persons: Vec<Person>,
        /// For each row, its person's place in that list.
        rows: Vec<u32>,
    },
}

/// The data subjects of an exchange, as the policy says where to find them.
pub(super) fn of(admitted: &Admitted, body: &Received) -> Result<Persons, Rejection> {
    let activity = &admitted.routed.route.activity;
    let named = |field: &usize| activity.request.fields.get(*field).ok_or(Problem::InternalError);
    match &activity.data_subject {
        Some(DataSubject::Claim(claim)) => of_token(admitted, claim).map(Persons::One),
        Some(DataSubject::Body(path, field)) => {
            let field = named(field)?;
            let payload = admitted.payload()?;
            let format = payload.request.format();
            let identifier = if matches!(format, Format::Json | Format::OpenaiChat) {
                let caps = admitted.caps();
                let found = json::find(&body.bytes, path, &caps);
                let found = found.map_err(|stop| match stop {
                    Stop::Visitor(_) => invalid(field),
                    Stop::Malformed(malformed) => refusal(format, &caps, Stop::Malformed(malformed)),
                    Stop::TooLarge(cap) => refusal(format, &caps, Stop::TooLarge(cap)),
                    Stop::Undeclared | Stop::Unfit(_) => Problem::InternalError.into(),
                })?;
                found.and_then(|found| identifier(field, found.value()))
            } else {
                let found = search(admitted, body, field)?;
                found.all.into_iter().next().map(|(_, identifier)| identifier)
            };
            let identifier = identifier.ok_or_else(|| invalid(field))?;
            of_body(admitted, &identifier).map(Persons::One)
        }
        Some(DataSubject::Parameter(place, name)) => {
            let (param, text) = parameters::came(admitted, *place, name).ok_or(Problem::InternalError)?;
            let identifier = named_by(&param.check, Value { kind: param.kind, text: &text });
            let identifier = identifier.ok_or_else(|| {
                parameters::invalid(param)
                    .detail("The parameter says whose data this is: it must be there, once.")
            })?;
            of_body(admitted, &identifier).map(Persons::One)
        }
        Some(DataSubject::Rows(_, field)) => of_rows(admitted, body, named(field)?),
        // The plan gives every governed route a data subject.
        None => Err(Problem::InternalError.into()),
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

/// The persons of a batch, each once, and whose each row is. Whoever may not act for one of them may not send the batch.
fn of_rows(admitted: &Admitted, body: &Received, field: &Field) -> Result<Persons, Rejection> {
    let found = search(admitted, body, field)?;
    let mut known: HashMap<String, u32> = HashMap::new();
    let (mut persons, mut rows) = (Vec::new(), Vec::with_capacity(found.all.len()));
    for (row, identifier) in found.all {
        // Every row has one, or the search would have stopped.
        if row != Some(u32::try_from(rows.len()).unwrap_or(u32::MAX)) {
            return Err(invalid(field));
        }
        let place = match known.get(&identifier) {
            Some(place) => *place,
            None => {
                let place = u32::try_from(persons.len()).unwrap_or(u32::MAX);
                persons.push(of_body(admitted, &identifier)?);
                known.insert(identifier, place);
                place
            }
        };
        rows.push(place);
    }
    if rows.is_empty() || found.rows != rows.len() {
        return Err(Rejection::new(Problem::FieldInvalid)
            .field(Arc::clone(&field.name))
            .detail("Every row says whose data it is, and there is at least one."));
    }
    Ok(Persons::Rows { persons, rows })
}

/// Walks the body for the person's field alone, as strictly as the walk that treats it.
fn search<'a>(admitted: &'a Admitted, body: &Received, field: &'a Field) -> Result<Search<'a>, Rejection> {
    let payload = admitted.payload()?;
    let walker = payload.person.as_ref().ok_or(Problem::InternalError)?;
    let mut search =
        Search { walker, field, id: payload.person_field, all: Vec::new(), rows: 0, walking: false };
    // What is written of the body is of no use to anybody.
    let mut out = Vec::new();
    let caps = admitted.caps();
    walker
        .walk(&body.bytes, &body.envelope, &caps, &mut search, &mut out)
        .map_err(|stop| refusal(walker.format(), &caps, stop))?;
    Ok(search)
}

/// Collects the person's field from wherever it occurs.
struct Search<'a> {
    walker: &'a Walker,
    field: &'a Field,
    /// The field's number in that walker.
    id: FieldId,
    /// Rows and identifiers, in the order of the body.
    all: Vec<(Option<u32>, String)>,
    rows: usize,
    /// Whether a row is being walked.
    walking: bool,
}

impl Search<'_> {
    fn invalid(&self, row: Option<u32>) -> Rejection {
        match row {
            Some(row) => batch::at(format_args!("Row {row}"), invalid(self.field)),
            None => invalid(self.field),
        }
    }
}

impl Visitor for Search<'_> {
    type Error = Rejection;

    fn value(
        &mut self,
        id: FieldId,
        at: &[u32],
        value: Value<'_>,
        _: &mut String,
    ) -> Result<Treated, Rejection> {
        if id != self.id {
            return Ok(Treated::Kept);
        }
        let (row, _) = self.walker.row(id, at);
        let identifier = identifier(self.field, value).ok_or_else(|| self.invalid(row))?;
        self.all.push((row, identifier));
        Ok(Treated::Kept)
    }

    fn missing(&mut self, id: FieldId) -> Result<(), Rejection> {
        // Every row before had one.
        let row = u32::try_from(self.all.len()).ok().filter(|_| self.walking);
        if id == self.id { Err(self.invalid(row)) } else { Ok(()) }
    }

    fn row(&mut self, _: u32) -> Row {
        self.walking = true;
        Row::Visited
    }

    fn undeclared(&mut self) -> Result<(), Rejection> {
        Ok(())
    }

    fn misshapen(&mut self, _: FieldId) -> Rejection {
        invalid(self.field)
    }

    fn rows(&mut self, count: u32) -> Result<u32, Rejection> {
        self.walking = false;
        self.rows = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(0)
    }
}

/// An identifier is a text or a whole number; anything else names nobody.
fn identifier(field: &Field, value: Value<'_>) -> Option<String> {
    named_by(&field.check, value)
}

fn named_by(check: &Check, value: Value<'_>) -> Option<String> {
    let number = match value.kind {
        Kind::String => false,
        Kind::Integer => true,
        Kind::Untyped => check.kind() == Some(RuleKind::Integer),
        Kind::Number | Kind::Boolean | Kind::Null | Kind::File => return None,
    };
    // A second spelling of 0 would be a second person.
    let nobody = value.text.is_empty() || number && value.text == "-0";
    (!nobody).then(|| value.text.to_owned())
}

fn invalid(field: &Field) -> Rejection {
    Rejection::new(Problem::FieldInvalid)
        .field(Arc::clone(&field.name))
        .detail("The field says whose data this is: it must be there, once, as a text or a whole number.")
}
