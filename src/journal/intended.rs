//! An exchange between its intent and its outcome.

use smallvec::SmallVec;

use crate::audit::{DecisionId, Event, Outcome, What};
use crate::crypto::{Digest, sha256};
use crate::problem::Problem;
use crate::store::{Change, DataChange, Done, Entry, Receipt, SealedRecord};
use crate::telemetry::Causes;

use super::{Journal, JournalError, sealed};

/// An intent that has no outcome yet. Dropped without one, for instance because the client left before anything was sent,
/// it is sealed as aborted.
#[derive(Debug)]
#[must_use = "dropping it seals the exchange as aborted"]
pub struct Intended {
    journal: Journal,
    decision: DecisionId,
    receipt: Option<Receipt>,
    ended: bool,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The caller is given the answer, which came from the upstream with this status.
    Answered {
        /// The upstream's.
        upstream_status: u16,
    },
    /// The caller is told this.
    Refused(Problem),
    /// The caller is told this, and it is the upstream's fault.
    UpstreamFailed(Problem),
}

impl Intended {
    pub(super) const fn new(journal: Journal, decision: DecisionId, receipt: Receipt) -> Self {
        Self { journal, decision, receipt: Some(receipt), ended: false }
    }

    /// Waits until the intent is durable. Under `before_forward` nothing is sent before; under `overlapped` it is waited
    /// for before the answer is released.
    ///
    /// # Errors
    /// Where it was not kept: nothing may be forwarded, nothing released.
    pub async fn durable(&mut self) -> Result<(), JournalError> {
        if let Some(receipt) = &mut self.receipt {
            let answer = receipt.await;
            self.receipt = None;
            answer?;
        }
        Ok(())
    }

    /// Notes how the exchange ended, and keeps its records with it. Intent, outcome and records are durable when this
    /// returns, and only then may the answer be released. [`Done::records`] has the numbers, `None` for a record whose
    /// key was destroyed meanwhile.
    ///
    /// # Errors
    /// Why they were not kept: the answer must not be released. The intent stays open until the next start.
    pub async fn outcome(
        mut self,
        ended: Ended,
        records: impl IntoIterator<Item = SealedRecord, IntoIter: ExactSizeIterator>,
    ) -> Result<Done, JournalError> {
        let records = records.into_iter();
        let (at, decision) = (self.journal.clock.now(), self.decision);
        let mut change = Change {
            keyring: Vec::new(),
            data: Vec::with_capacity(1 + records.len()),
            events: Vec::with_capacity(1),
        };
        change.data.push(DataChange::CloseIntent { decision });
        let mut digests = SmallVec::<[Digest; 1]>::new();
        for record in records {
            digests.push(sealed(&record));
            change.data.push(DataChange::PutRecord(record));
        }
        change.events.push(Entry::Told(Box::new(move |done| {
            let (numbers, sealed) = kept(done, &digests);
            let (outcome, problem, upstream_status) = match ended {
                Ended::Answered { upstream_status } => (Outcome::Answered, None, Some(upstream_status)),
                Ended::Refused(problem) => (Outcome::Refused, Some(problem), None),
                Ended::UpstreamFailed(problem) => (Outcome::UpstreamFailed, Some(problem), None),
            };
            let what = What::ExchangeEnded {
                decision,
                outcome,
                problem,
                records: &numbers,
                sealed,
                upstream_status,
            };
            Some(Event { at, what }.encoded())
        })));
        let outcome = self.journal.store.queue(change)?;
        self.ended = true;
        // Queued first, so that an intent that is still on its way shares the outcome's sync; and awaited first, since it comes
        // last: who waited for both in turn would be woken twice.
        let done = outcome.await;
        self.durable().await?;
        Ok(done?)
    }
}

/// The numbers of the records that were kept, and the hash over their hashes, in order.
fn kept(done: &Done, digests: &[Digest]) -> (Vec<u64>, Option<Digest>) {
    let kept = || done.records.iter().zip(digests).filter_map(|(kept, digest)| Some((kept.number?, digest)));
    let parts: Vec<&[u8]> = kept().map(|(_, digest)| digest.as_slice()).collect();
    (kept().map(|(number, _)| number).collect(), (!parts.is_empty()).then(|| sha256(&parts)))
}

impl Drop for Intended {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let change = Change {
            keyring: Vec::new(),
            data: vec![DataChange::CloseIntent { decision: self.decision }],
            events: vec![self.journal.aborted(self.decision)],
        };
        // Where the store cannot take it, the next start finds the open intent and seals it so.
        if let Err(error) = self.journal.store.queue(change) {
            tracing::warn!(decision = %self.decision, cause = %Causes(&error), "an aborted exchange is left for the next start");
        }
    }
}
