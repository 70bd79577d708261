//! Evidence: what an event says, its one canonical encoding, the hash chain over the encodings, signed checkpoints,
//! and the verification of all of it. Pure: where entries are kept, and when, is not this room's business.
//!
//! INVARIANT: nothing here holds personal data. A person stands in an event as the random [`Reference`] that only the
//! keyring can resolve, so that an erasure and an append-only log do not fight (GDPR Art. 5(2) and 17).
//!
//! [`Reference`]: crate::personal::Reference

mod chain;
mod checkpoint;
mod decision;
mod encode;
mod event;
mod read;
mod verify;

pub use chain::{Chain, Link};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use decision::DecisionId;
pub use event::{Event, Outcome, What};
pub use read::{Reading, Unreadable};
pub use verify::{Broken, Report, StoredEntry, Witness, Witnesses, verify};

#[cfg(test)]
mod tests;
