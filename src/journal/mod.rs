//! Evidence in its order: an intent before the upstream is reached, an outcome before the caller is answered, signed
//! checkpoints over all of it. Knows what an event says and that it is durable, not why it came about.
//!
//! INVARIANT: every intent gets exactly one outcome: from its exchange, from [`Intended`] when the exchange is dropped, or
//! from [`Journal::recover`] at the next start.

mod apart;
mod error;
mod intended;
mod kept;
mod open;
mod rotation;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::audit::{Chain, Checkpoint, DecisionId, Event, Outcome, Report, What, Witnesses, verify};
use crate::clock::Clock;
use crate::crypto::{Digest, SigningKey, VerifyingKey, sha256_of};
use crate::store::{Change, DataChange, Entry, OpenIntent, Receipt, SealedRecord, Store, StoreError};

use kept::Look;

pub use apart::Apart;
pub use error::JournalError;
pub use intended::{Ended, Intended};
pub use kept::{Kept, Unlike};
pub use rotation::fits;

/// How many intents are sealed in one change at the start.
const SEALED_AT_ONCE: usize = 500;

/// The journal. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    store: Store,
    clock: Clock,
    key: Arc<SigningKey>,
}

impl Journal {
    /// Notes that an exchange is about to reach the upstream. `what` is an
    /// [`ExchangeIntended`](What::ExchangeIntended). Queued when this returns; durable when [`Intended::durable`] says so.
    ///
    /// # Errors
    /// [`JournalError::NotAnIntent`] for another kind; else why it cannot be queued, and then nothing may be forwarded.
    pub fn intent(&self, what: What<'_>) -> Result<Intended, JournalError> {
        self.intended(what, Store::queue)
    }

    /// As [`intent`](Self::intent), for an exchange that does not wait for it: it is durable with the next change that somebody waits
    /// for, its own outcome perhaps, or a few milliseconds later.
    ///
    /// # Errors
    /// As [`intent`](Self::intent).
    pub fn intent_beside(&self, what: What<'_>) -> Result<Intended, JournalError> {
        self.intended(what, Store::queue_patiently)
    }

    fn intended(
        &self,
        what: What<'_>,
        queue: impl FnOnce(&Store, Change) -> Result<Receipt, StoreError>,
    ) -> Result<Intended, JournalError> {
        let What::ExchangeIntended { decision, .. } = what else {
            return Err(JournalError::NotAnIntent);
        };
        let at = self.clock.now();
        let change = Change {
            data: vec![DataChange::OpenIntent(OpenIntent { decision, at })],
            events: vec![Event { at, what }.encoded().into()],
            keyring: Vec::new(),
        };
        Ok(Intended::new(self.clone(), decision, queue(&self.store, change)?))
    }

    /// Notes anything that is not part of an exchange that was forwarded, such as a refusal. Queued when this returns,
    /// durable when the receipt says so.
    ///
    /// # Errors
    /// Why it cannot be queued.
    pub fn record(&self, what: What<'_>) -> Result<Receipt, JournalError> {
        let event = Event { at: self.clock.now(), what }.encoded();
        Ok(self.store.queue(Change { events: vec![event.into()], ..Change::default() })?)
    }

    /// Seals the intents of the run before that have no outcome as aborted, and notes the start. Call it before the
    /// first exchange. Returns how many there were.
    ///
    /// # Errors
    /// Where the store does not keep it; call it again.
    pub async fn recover(&self, version: &str) -> Result<u64, JournalError> {
        let open = self.store.open_intents().await?;
        for some in open.chunks(SEALED_AT_ONCE) {
            let mut change = Change::default();
            for intent in some {
                change.data.push(DataChange::CloseIntent { decision: intent.decision });
                change.events.push(self.aborted(intent.decision));
            }
            self.store.commit(change).await?;
        }
        let aborted = open.len().try_into().unwrap_or(u64::MAX);
        if aborted > 0 {
            tracing::warn!(aborted, "exchanges of the run before were sealed as aborted");
        }
        self.record(What::Started { aborted, version })?.await?;
        Ok(aborted)
    }

    /// Notes the stop and closes the store. Nothing can be kept afterwards.
    ///
    /// # Errors
    /// Where the stop could not be noted; the store is closed all the same.
    pub async fn stop(&self, version: &str) -> Result<(), JournalError> {
        let noted = match self.record(What::Stopped { version }) {
            Ok(receipt) => receipt.await.map(drop).map_err(JournalError::from),
            Err(error) => Err(error),
        };
        self.store.close().await;
        noted
    }

    /// Verifies all entries with the signed checkpoints, the keyring's anchor, and `against`, checkpoints that were kept
    /// elsewhere; and with the entries, the records that are kept.
    ///
    /// # Errors
    /// [`JournalError::Broken`] names the first bad entry; where all are in order, [`JournalError::Unlike`] the first record that is
    /// not as they tell.
    pub async fn verify(&self, against: Vec<Checkpoint>) -> Result<(Report, Kept), JournalError> {
        let key = self.public();
        self.store
            .with_audit(move |view| {
                let witnesses = Witnesses {
                    from: Chain::genesis(),
                    checkpoints: view.checkpoints().iter().copied().map(Ok),
                    anchor: view.anchor(),
                    against,
                    key: &key,
                };
                let mut look = Look::new(&view);
                let entries = view.entries(1).inspect(|entry| entry.iter().for_each(|entry| look.at(entry)));
                let report = verify::<StoreError>(entries, witnesses)?;
                Ok((report, look.ended()??))
            })
            .await?
    }

    /// Signs where the chain stands now, to be kept elsewhere.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::sign(self.store.chain(), self.clock.now(), &self.key)
    }

    /// The half of the signing key that verifies; give it away with the checkpoints.
    pub fn public(&self) -> VerifyingKey {
        self.key.public()
    }

    fn aborted(&self, decision: DecisionId) -> Entry {
        let what = What::ExchangeEnded {
            decision,
            outcome: Outcome::Aborted,
            problem: None,
            records: &[],
            sealed: None,
            upstream_status: None,
        };
        Event { at: self.clock.now(), what }.encoded().into()
    }
}

/// The hash over a record's ciphertexts, for the audit: SHA-256 over each field's name and ciphertext, in order.
pub fn sealed(record: &SealedRecord) -> Digest {
    sha256_of(record.fields.iter().flat_map(|(name, sealed)| [name.as_bytes(), sealed]))
}
