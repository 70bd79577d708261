//! May this person's data be processed now: consent, restriction, objection (GDPR Art. 6(1)(a), 7, 18, 21), looked up
//! once, remembered, and never believed after it has changed.
//!
//! How a withdrawal stops what is under way, with nothing on the hot path but three atomic operations:
//!
//! | an exchange | a change of standing |
//! |---|---|
//! | [`Standing::look`]: reads the epoch, then the store | commits the change, durable |
//! | … identifies, collects keys, walks, journals … | [`Standing::moved`]: moves the epoch |
//! | [`Standing::forward`]: counts itself in, then compares the epoch | waits until nobody is counted in |
//! | hands the request to the connection, drops the guard | acknowledges |
//!
//! INVARIANT: once [`Standing::moved`] has returned, nothing is forwarded on a standing that was read before. Either the
//! exchange sees the new epoch, or the change sees the exchange counted in; both orders are sequentially consistent.
//!
//! Persons share 4096 epochs by the first bits of their look-up tag. A neighbour's change costs one more look-up, and
//! can refuse an exchange that was about to be forwarded ([`Standing::forward`] gives `None`): look again, then.

mod epochs;
mod stand;

pub use epochs::Forwarding;
pub use stand::{Ask, Stand, Transfer};

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::crypto::Digest;
use crate::personal::Reference;
use crate::store::{Store, StoreError};

use epochs::Epochs;

/// How many persons are remembered: some 350 bytes each, with one consent.
pub const REMEMBERED: usize = 100_000;

/// Nobody's standing is known, so nobody's data may be processed.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The store does not answer.
    #[error("whether this person's data may be processed cannot be looked up")]
    Unavailable(#[source] StoreError),
}

/// The standing of persons, over the store. Clones share all.
#[derive(Clone)]
pub struct Standing {
    store: Store,
    remembered: Arc<Cache<Digest, Stand>>,
    epochs: Arc<Epochs>,
}

impl Standing {
    /// Over `store`, remembering at most `remembered` persons.
    pub fn new(store: Store, remembered: usize) -> Self {
        Self { store, remembered: Arc::new(Cache::new(remembered)), epochs: Arc::new(Epochs::new()) }
    }

    /// The standing of the person with this look-up tag, if it is remembered and has not changed. Never blocks.
    pub fn cached(&self, lookup: &Digest) -> Option<Stand> {
        self.remembered.get(lookup).filter(|stand| self.still(stand))
    }

    /// The standing of the person with this look-up tag; somebody unknown has one too, with nothing in it.
    ///
    /// # Errors
    /// [`StandingError::Unavailable`] where the store does not answer: refuse.
    pub async fn look(&self, lookup: &Digest) -> Result<Stand, StandingError> {
        if let Some(stand) = self.cached(lookup) {
            return Ok(stand);
        }
        // INVARIANT: the epoch is read before the store, so that a change committed in between makes this stand stale.
        let (shard, epoch) = self.epochs.read(lookup);
        let row = self.store.stand(*lookup).await.map_err(StandingError::Unavailable)?;
        let stand = Stand::from_row(row, shard, epoch);
        self.remembered.insert(*lookup, stand.clone());
        Ok(stand)
    }

    /// The standing of the person who has this reference, for whoever starts from a kept record; none where an erasure
    /// forgot whose it was.
    ///
    /// # Errors
    /// As [`Standing::look`].
    pub async fn of_reference(&self, reference: Reference) -> Result<Option<Stand>, StandingError> {
        match self.store.lookup_of(reference).await.map_err(StandingError::Unavailable)? {
            Some(lookup) => self.look(&lookup).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether `stand` is what it was when it was looked up.
    pub fn still(&self, stand: &Stand) -> bool {
        let (shard, epoch) = stand.read_at();
        self.epochs.current(shard) == epoch
    }

    /// Leave to hand the request over: `None` if the standing may have changed since. Hold the guard only while the
    /// request is handed to the connection, microseconds: withdrawals wait for it.
    pub fn forward(&self, stand: &Stand) -> Option<Forwarding<'_>> {
        self.epochs.begin(std::iter::once(stand.read_at()))
    }

    /// The same for a batch: leave only if nobody's standing may have changed. Leave for nobody is leave.
    pub fn forward_all<'a>(&self, stands: impl IntoIterator<Item = &'a Stand>) -> Option<Forwarding<'_>> {
        self.epochs.begin(stands.into_iter().map(Stand::read_at))
    }

    /// Call once a change of this person's standing is durable, and acknowledge the change only when this is over:
    /// what was being handed over has left by then, and nothing more is forwarded on the old standing.
    ///
    /// Moving the epoch itself is done before the first suspension, so a caller who leaves early stops it all the same.
    pub async fn moved(&self, lookup: &Digest) {
        let shard = self.epochs.advance(lookup);
        self.remembered.remove(lookup);
        self.epochs.idle(shard).await;
    }

    /// Forgets what is remembered of a person without stopping anything: for when they got a reference.
    pub fn forget(&self, lookup: &Digest) {
        self.remembered.remove(lookup);
    }
}

impl std::fmt::Debug for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Standing({} remembered)", self.remembered.len())
    }
}

#[cfg(test)]
mod tests;
