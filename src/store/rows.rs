//! What is kept, as rows. Nothing here is personal data in clear: persons are references or keyed look-up tags, keys
//! are wrapped, fields are sealed.

use std::fmt;

use crate::audit::DecisionId;
use crate::clock::{Day, Timestamp};
use crate::personal::Reference;

use super::sealed::SealedFields;

/// The keyed tag under which the keyring finds a person.
pub type Lookup = [u8; 32];
/// The random name of a data key.
pub type KeyId = [u8; 16];
/// The random name of a kept record.
pub type RecordId = [u8; 16];

/// A data key of one (person, activity, day), wrapped under the master key.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its random name.
    pub id: KeyId,
    /// Whose.
    pub reference: Reference,
    /// For which activity.
    pub activity: String,
    /// For which UTC day of exchange.
    pub day: Day,
    /// Whether the activity itself may no longer use it, only one that may outlive its source.
    pub source_closed: bool,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// The wrapped bytes are left out.
impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedKey")
            .field("reference", &self.reference)
            .field("activity", &self.activity)
            .field("day", &self.day)
            .field("source_closed", &self.source_closed)
            .finish_non_exhaustive()
    }
}

/// A secret of the gateway, such as a pseudonym domain's, wrapped under the master key.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedSecret {
    /// Its name, for instance `audit-signing`.
    pub name: String,
    /// Which of the secrets of this name; the highest is in use.
    pub version: u32,
    /// The wrapped secret.
    pub wrapped: Vec<u8>,
}

/// The wrapped bytes are left out.
impl fmt::Debug for WrappedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedSecret({} v{})", self.name, self.version)
    }
}

/// What forbids processing, under the look-up tag alone, so that it outlives an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Of whom.
    pub lookup: Lookup,
    /// Which right was used.
    pub kind: StopKind,
    /// For which purpose; none for all.
    pub purpose: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// The rights that stop processing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// Art. 18.
    Restriction,
    /// Art. 21.
    Objection,
}

/// What a person said about a purpose under one version of its notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRow {
    /// Who.
    pub reference: Reference,
    /// About what.
    pub purpose: String,
    /// The material version of the notice.
    pub notice_version: u32,
    /// What they said last.
    pub state: ConsentState,
    /// When.
    pub at: Timestamp,
    /// Until when a consent holds.
    pub expires: Option<Timestamp>,
    /// SHA-256 of the wording that was shown.
    pub wording: [u8; 32],
    /// Its language, as a BCP 47 tag.
    pub language: String,
    /// How it was said: `page`, `api`, `paper`.
    pub method: String,
}

/// Yes, no, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentState {
    /// Art. 6(1)(a).
    Given,
    /// Asked, and said no.
    Refused,
    /// Art. 7(3).
    Withdrawn,
}

/// A record to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRecord {
    /// Its random name.
    pub id: RecordId,
    /// Whose.
    pub reference: Reference,
    /// Of which activity.
    pub activity: String,
    /// The data key that sealed it.
    pub key: KeyId,
    /// When the exchange took place, from which its term is counted.
    pub at: Timestamp,
    /// The declared fields' names and their ciphertexts.
    pub fields: SealedFields,
}

/// The names of the fields, without ciphertexts.
impl fmt::Debug for SealedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields.iter().map(|(name, _)| name).collect();
        f.debug_struct("SealedRecord")
            .field("reference", &self.reference)
            .field("activity", &self.activity)
            .field("at", &self.at)
            .field("fields", &names)
            .finish_non_exhaustive()
    }
}

/// A record that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Its number within its activity, from 0, in the order of keeping, never given twice.
    pub number: u64,
    /// The record.
    pub record: SealedRecord,
}

/// What is known of a person's standing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandRow {
    /// Their reference, if they have one.
    pub reference: Option<Reference>,
    /// What they said, per purpose and notice version. A withdrawal stands here even where an old data file was restored.
    pub consents: Vec<ConsentRow>,
    /// Restrictions and objections.
    pub stops: Vec<Stop>,
}

/// An exchange that may have reached the upstream and has no outcome yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// The decision.
    pub decision: DecisionId,
    /// When it was intended.
    pub at: Timestamp,
}

/// A data key that was destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// Its name.
    pub id: KeyId,
    /// Whose it was.
    pub reference: Reference,
    /// Of which activity.
    pub activity: String,
    /// Of which day.
    pub day: Day,
}

/// What was found among so many that were looked at at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought<T, P> {
    /// It may not be so any more: whoever changes it looks again.
    pub found: Vec<T>,
    /// From where to go on; nothing at the end.
    pub next: Option<P>,
}
