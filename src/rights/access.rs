//! Access (GDPR Art. 15): what is kept of a person, opened, with what they consented and objected to.

use zeroize::Zeroizing;

use crate::audit::{Event, What};
use crate::clock::Timestamp;
use crate::custody::{CustodyError, Reader};
use crate::personal::{Person, Reference};
use crate::store::{Change, ConsentRow, StopKind};

use super::{Facts, Rights, RightsError};

/// What is kept of a person.
#[derive(Debug, Default)]
pub struct Access {
    /// Their random name; none where nothing is known of them.
    pub reference: Option<Reference>,
    /// What they said about each purpose.
    pub consents: Vec<ConsentRow>,
    /// Since when the processing of their data is restricted.
    pub restricted: Option<Timestamp>,
    /// The purposes they objected to, and since when; none for all purposes.
    pub objections: Vec<(Option<String>, Timestamp)>,
    /// Their records, by activity and number.
    pub records: Vec<Shown>,
    /// How many records are kept that do not open any more, because a ciphertext was damaged.
    pub damaged: u64,
}

/// One record in clear. Wiped when dropped.
pub struct Shown {
    /// Of which activity.
    pub activity: String,
    /// Its number there.
    pub number: u64,
    /// When the exchange took place.
    pub at: Timestamp,
    /// The stored fields, as one JSON object.
    pub json: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shown({} {})", self.activity, self.number)
    }
}

/// Shows what is kept of a person, restricted or not: the right is theirs. The evidence is durable before anything is
/// given out.
///
/// # Errors
/// [`RightsError::Reason`] where `reason` is no code of the controller's; where store or keys do not answer. Nothing is
/// shown in part but for damaged records, which are counted.
pub async fn access(
    rights: &Rights,
    facts: &Facts,
    person: &Person,
    reason: &str,
) -> Result<Access, RightsError> {
    if !facts.reasons.iter().any(|code| **code == *reason) {
        return Err(RightsError::Reason);
    }
    let row = rights.store.stand(rights.custody.lookup(person)).await?;
    let mut answer = Access { reference: row.reference, consents: row.consents, ..Access::default() };
    for stop in row.stops {
        match stop.kind {
            StopKind::Restriction => answer.restricted = Some(stop.at),
            StopKind::Objection => answer.objections.push((stop.purpose, stop.at)),
        }
    }
    if let Some(reference) = row.reference {
        for kept in rights.store.records_of_person(reference, None).await? {
            match rights.custody.open_record(&kept.record, Reader::Outliving).await {
                Ok(opened) => answer.records.push(Shown {
                    activity: kept.record.activity,
                    number: kept.number,
                    at: kept.record.at,
                    json: opened.to_json(),
                }),
                // Erased or come to its term since the list was read.
                Err(CustodyError::Destroyed) => {}
                Err(CustodyError::Damaged(_)) => answer.damaged += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
    let records = answer.records.len() as u64;
    let event =
        Event { at: rights.clock.now(), what: What::AccessAnswered { person: row.reference, records } };
    rights.store.commit(Change { events: vec![event.encoded().into()], ..Change::default() }).await?;
    Ok(answer)
}
