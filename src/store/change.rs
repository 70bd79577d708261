//! What can be asked of the writer: one unit, kept whole or not at all.

use std::fmt;

use crate::audit::DecisionId;
use crate::personal::Reference;

use super::rows::*;

/// One unit of change. It is applied in the order keyring, data, then what depends on both
/// ([`KeySelector::Unused`], [`KeyringChange::ForgetUnused`]); its events are chained after those of the changes queued before it.
#[derive(Debug, Default)]
pub struct Change {
    /// For the keyring, which becomes durable first.
    pub keyring: Vec<KeyringChange>,
    /// For the data file.
    pub data: Vec<DataChange>,
    /// What the audit is to say.
    pub events: Vec<Entry>,
}

/// An audit entry: encoded already, or told from what was done.
pub enum Entry {
    /// In its canonical encoding.
    Encoded(Vec<u8>),
    /// Encoded on the writer's thread once numbers and counts are known; `None` says nothing. It may be called twice,
    /// when a group has to be done again: it must not count its calls, and be quick.
    Told(Teller),
}

/// Encodes an event from what was done.
pub type Teller = Box<dyn Fn(&Done) -> Option<Vec<u8>> + Send>;

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoded(_) => "Encoded(…)",
            Self::Told(_) => "Told(…)",
        })
    }
}

impl From<Vec<u8>> for Entry {
    fn from(encoded: Vec<u8>) -> Self {
        Self::Encoded(encoded)
    }
}

/// A change of the keyring.
#[derive(Debug)]
pub enum KeyringChange {
    /// Gives a person a reference. First wins: where they have another already, the change is not done, with
    /// [`Superseded`](super::StoreError::Superseded).
    PutSubject {
        /// The person's look-up tag.
        lookup: Lookup,
        /// The new reference.
        reference: Reference,
    },
    /// Forgets whose a reference is, and the consents under it.
    RemoveSubject {
        /// The person's look-up tag.
        lookup: Lookup,
    },
    /// Mints a key. First wins: where (person, activity, day) has an open one already, that one is answered in
    /// [`Done::keys`]. For a reference that is not known, the change is [`Forgotten`](super::StoreError::Forgotten).
    PutKey(WrappedKey),
    /// Wraps a key anew (rotation). Nothing happens where the key is gone.
    Rewrap {
        /// Which key.
        id: KeyId,
        /// It, under the newer master key.
        wrapped: Vec<u8>,
    },
    /// Destroys keys, leaves a tombstone for each, and deletes the records they sealed.
    DestroyKeys {
        /// Which.
        which: KeySelector,
        /// Why.
        because: Because,
    },
    /// Keeps the keys of these activities of a person for activities that may outlive their source; the activities
    /// themselves read and write under them no more.
    CloseSource {
        /// Whose.
        reference: Reference,
        /// Which activities.
        activities: Activities,
    },
    /// Keeps a secret. First wins per (name, version): the one in force is answered in [`Done::secrets`].
    PutSecret(WrappedSecret),
    /// Wraps a secret anew (rotation). Nothing happens where it is gone. Whatever was wrapped anew before it leaves the keyring's log
    /// with it.
    RewrapSecret(WrappedSecret),
    /// Has nothing left in the keyring's files of what was wrapped anew or destroyed before: they are written anew before this is
    /// answered. It takes as much memory as the keyring is large, and others wait meanwhile.
    WriteAnew,
    /// Forbids processing. A stop that is there already keeps its time.
    PutStop(Stop),
    /// Allows it again.
    LiftStop {
        /// Of whom.
        lookup: Lookup,
        /// Which right.
        kind: StopKind,
        /// For which purpose; exactly as it was put.
        purpose: Option<String>,
    },
    /// Forgets those of these who have no key, no consent and no stop left. `DestroyKeys` for withdrawal or retention
    /// does so by itself for the persons it concerns.
    ForgetUnused(Vec<Reference>),
}

/// Which keys.
#[derive(Debug, Clone)]
pub enum KeySelector {
    /// These.
    Ids(Vec<KeyId>),
    /// One person's.
    Person {
        /// Whose.
        reference: Reference,
        /// In which activities.
        activities: Activities,
    },
    /// Those of these that seal no record any more, after this change's deletions.
    Unused(Vec<KeyId>),
}

/// Which activities.
#[derive(Debug, Clone)]
pub enum Activities {
    /// These.
    Only(Vec<String>),
    /// All but these.
    AllBut(Vec<String>),
}

impl Activities {
    /// Whether `activity` is among them.
    pub fn contains(&self, activity: &str) -> bool {
        match self {
            Self::Only(names) => names.iter().any(|name| name == activity),
            Self::AllBut(names) => !names.iter().any(|name| name == activity),
        }
    }
}

/// Why a key is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Art. 17.
    Erasure,
    /// Art. 7(3) with Art. 17(1)(b).
    Withdrawal,
    /// Art. 5(1)(e).
    Retention,
}

impl Because {
    /// The word for it in the audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Erasure => "erasure",
            Self::Withdrawal => "withdrawal",
            Self::Retention => "retention",
        }
    }
}

/// A change of the data file.
#[derive(Debug)]
pub enum DataChange {
    /// An exchange may now reach the upstream.
    OpenIntent(OpenIntent),
    /// It has its outcome.
    CloseIntent {
        /// Which decision.
        decision: DecisionId,
    },
    /// Keeps a record, if its key is still there; answered in [`Done::records`].
    PutRecord(SealedRecord),
    /// Deletes these records, but for those of persons whose data is restricted; their keys stay.
    DeleteRecords(Vec<RecordId>),
    /// Keeps what a person said, in place of what they said about this purpose and notice version before. For a reference that
    /// is not known, the change is [`Forgotten`](super::StoreError::Forgotten).
    PutConsent(ConsentRow),
    /// Forgets what a person said.
    DeleteConsents {
        /// Who.
        reference: Reference,
    },
}

/// What was done, all of it durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// One for each `PutRecord`, in order.
    pub records: Vec<Kept>,
    /// One for each `PutKey`, in order: the key in force.
    pub keys: Vec<Minted>,
    /// One for each `PutSecret`, in order: the secret in force.
    pub secrets: Vec<WrappedSecret>,
    /// The keys that were destroyed.
    pub destroyed: Vec<Destroyed>,
    /// How many records were deleted, by themselves or with their key.
    pub records_deleted: u64,
    /// How many keys and secrets were wrapped anew.
    pub rewrapped: u64,
    /// How many tombstones the keyring holds now.
    pub tombstones: u64,
    /// The number of this change's last audit entry; 0 while it is being told, or where it has none.
    pub entry: u64,
}

/// A record, and the number it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub id: RecordId,
    /// Its number; `None` where its key was destroyed meanwhile, so that it was not kept.
    pub number: Option<u64>,
}

/// A key, and whether it is the one that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    /// The key in force.
    pub key: WrappedKey,
    /// Whether this change put it.
    pub new: bool,
}
