//! Restriction (GDPR Art. 18) and objection (Art. 21). Both stand in the keyring under the person's look-up tag alone, so
//! that they outlive an erasure: forgetting somebody must not open their data to processing again.

use crate::audit::{Event, What};
use crate::clock::Timestamp;
use crate::personal::{Person, Reference};
use crate::store::{Change, KeyringChange, Stop, StopKind};

use super::{Facts, Rights, RightsError, Turn, destroyed};

/// Keeps a person's data and uses it no more, whatever the purpose.
///
/// # Errors
/// Where the store does not answer.
pub async fn restrict(rights: &Rights, person: &Person) -> Result<(), RightsError> {
    put(rights, None, person, StopKind::Restriction, None).await
}

/// Lifts the restriction. The controller tells the person before (Art. 18(3)).
///
/// # Errors
/// Where the store does not answer.
pub async fn lift_restriction(rights: &Rights, person: &Person) -> Result<(), RightsError> {
    lift(rights, person, StopKind::Restriction, None).await
}

/// Records an objection to a purpose. It stops what rests on a public task or legitimate interests, and direct marketing
/// whatever it rests on; what may outlive its source and has no other ground loses its keys.
///
/// # Errors
/// [`RightsError::PurposeUnknown`], and where the store does not answer.
pub async fn object(
    rights: &Rights,
    facts: &Facts,
    person: &Person,
    purpose: &str,
) -> Result<(), RightsError> {
    facts.purpose(purpose).ok_or(RightsError::PurposeUnknown)?;
    put(rights, Some(facts), person, StopKind::Objection, Some(purpose)).await
}

/// Takes an objection back, or overrides it on compelling grounds (Art. 21(1)), which the controller must show.
///
/// # Errors
/// Where the store does not answer. An objection to a purpose that no policy has any more can be lifted.
pub async fn lift_objection(rights: &Rights, person: &Person, purpose: &str) -> Result<(), RightsError> {
    lift(rights, person, StopKind::Objection, Some(purpose)).await
}

async fn put(
    rights: &Rights,
    facts: Option<&Facts>,
    person: &Person,
    kind: StopKind,
    purpose: Option<&str>,
) -> Result<(), RightsError> {
    let at = rights.clock.now();
    rights
        .change(person, |turn, reference| {
            let stop = Stop { lookup: turn.lookup, kind, purpose: purpose.map(str::to_owned), at };
            let mut after = turn.row.clone();
            let mut change = Change::default();
            if !is_there(turn, kind, purpose) {
                after.stops.push(stop.clone());
                change.keyring.push(KeyringChange::PutStop(stop));
                change.events.push(event(at, kind, purpose, reference, true).into());
            }
            if let Some(facts) = facts
                && let Some(groundless) = facts.without_ground(&after, &turn.keys, at)
            {
                change.keyring.push(groundless);
                change.events.extend(destroyed(turn.keys.len(), at));
            }
            Ok(change)
        })
        .await
}

async fn lift(
    rights: &Rights,
    person: &Person,
    kind: StopKind,
    purpose: Option<&str>,
) -> Result<(), RightsError> {
    let at = rights.clock.now();
    rights
        .change(person, |turn, reference| {
            if !is_there(turn, kind, purpose) {
                return Ok(Change::default());
            }
            let (lookup, purpose_name) = (turn.lookup, purpose.map(str::to_owned));
            Ok(Change {
                keyring: vec![KeyringChange::LiftStop { lookup, kind, purpose: purpose_name }],
                events: vec![event(at, kind, purpose, reference, false).into()],
                ..Change::default()
            })
        })
        .await
}

fn is_there(turn: &Turn<'_>, kind: StopKind, purpose: Option<&str>) -> bool {
    turn.row.stops.iter().any(|stop| stop.kind == kind && stop.purpose.as_deref() == purpose)
}

fn event(at: Timestamp, kind: StopKind, purpose: Option<&str>, person: Reference, put: bool) -> Vec<u8> {
    let purpose = purpose.unwrap_or_default();
    let what = match (kind, put) {
        (StopKind::Restriction, true) => What::RestrictionSet { person },
        (StopKind::Restriction, false) => What::RestrictionLifted { person },
        (StopKind::Objection, true) => What::ObjectionRaised { person, purpose },
        (StopKind::Objection, false) => What::ObjectionLifted { person, purpose },
    };
    Event { at, what }.encoded()
}
