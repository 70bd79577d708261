//! What a data subject may ask (GDPR Chapter III), and consent (Art. 7): plain functions that the admin API, the portal
//! and the commands share.
//!
//! | function | durable in one change | then, before it is acknowledged |
//! |---|---|---|
//! | [`consent::grant`] | consent, reference, event | epoch |
//! | [`consent::refuse`], [`consent::withdraw`] | refusal or withdrawal, keys destroyed or closed with their records, events | keys out of memory, epoch, handovers over |
//! | [`stops::restrict`], [`stops::object`] and their lifting | stop, event | keys out of memory, epoch, handovers over |
//! | [`erase`](erase()) | keys destroyed with their records, consents, mapping, event | keys out of memory, epoch, handovers over |
//! | [`access`](access()) | event | – |
//!
//! INVARIANT: a change of standing is durable first, then the epoch moves, then it is acknowledged. It is carried to its
//! end even where whoever asked has gone. A crash in between leaves an empty memory, which reads the durable state.
//! INVARIANT: changes of one person are made one after the other, since what one of them must do depends on the others.
//!
//! All are idempotent: asked twice, the second finds done what it would do, answers alike, and adds no event where nothing
//! changed (a consent given anew is a new statement, and is one). Somebody unknown is answered like somebody known.

pub mod access;
pub mod consent;
pub mod erase;
mod facts;
pub mod stops;

pub use access::{Access, Shown, access};
pub use erase::{Erasure, Kept, erase};
pub use facts::{ActivityFacts, Facts, PurposeFacts};

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::audit::{Event, What};
use crate::clock::{Clock, Timestamp};
use crate::crypto::{Digest, random};
use crate::custody::{Custody, CustodyError};
use crate::personal::{Person, Reference};
use crate::standing::Standing;
use crate::store::{Because, Change, Done, Entry, KeyringChange, StandRow, Store, StoreError, WrappedKey};

/// How many persons' changes may be under way at a time; others wait for a neighbour.
const LANES: usize = 256;
/// How often a change begins anew because an exchange gave the person a reference meanwhile.
const ATTEMPTS: usize = 4;

/// Why a right was not carried out. Whether anything was done is not known where it is unavailable: ask again.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// The store does not answer.
    #[error("the store did not do what was asked; ask again")]
    Store(#[from] StoreError),
    /// The keys cannot be had, or a record is damaged.
    #[error("what is kept cannot be opened")]
    Custody(#[from] CustodyError),
    /// No policy has this purpose.
    #[error("no policy names this purpose")]
    PurposeUnknown,
    /// The purpose's notice has no such version yet.
    #[error("the notice of this purpose has no such version; the newest is {newest}")]
    VersionUnknown {
        /// The version in force.
        newest: u32,
    },
    /// The language is no tag of BCP 47, such as `fr` or `de-AT`.
    #[error("the language must be a tag such as `fr` or `de-AT`")]
    Language,
    /// The controller's list of reasons has no such code.
    #[error("a reason is needed, one of the codes that organisation.yaml lists")]
    Reason,
}

/// What the functions of this room work with. Clones share all.
#[derive(Clone)]
pub struct Rights {
    store: Store,
    custody: Custody,
    standing: Standing,
    clock: Clock,
    lanes: Arc<[Arc<Mutex<()>>]>,
}

impl Rights {
    /// Over the rooms that exchanges use too: with others, memory would not be told.
    pub fn new(store: Store, custody: Custody, standing: Standing, clock: Clock) -> Self {
        let lanes = (0..LANES).map(|_| Arc::default()).collect();
        Self { store, custody, standing, clock, lanes }
    }

    /// Waits for this person's turn, and looks at what is durable now.
    async fn turn(&self, person: &Person) -> Result<Turn<'_>, RightsError> {
        let lookup = self.custody.lookup(person);
        let [.., last] = lookup;
        let lane = self.lanes.get(usize::from(last) % LANES).map(Arc::clone).unwrap_or_default();
        let held = lane.lock_owned().await;
        let row = self.store.stand(lookup).await?;
        let keys = match row.reference {
            Some(reference) => self.store.keys_of(reference).await?,
            None => Vec::new(),
        };
        Ok(Turn { rights: self, lookup, row, keys, held })
    }

    /// Runs a change of standing: `change` says what to commit for the person's reference.
    async fn change(
        &self,
        person: &Person,
        change: impl Fn(&Turn<'_>, Reference) -> Result<Change, RightsError>,
    ) -> Result<(), RightsError> {
        for _ in 0..ATTEMPTS {
            let turn = self.turn(person).await?;
            let (reference, put) = turn.reference_or_new();
            let mut change = change(&turn, reference)?;
            if !(change.keyring.is_empty() && change.data.is_empty()) {
                change.keyring.splice(0..0, put);
            }
            match turn.settle(change).await {
                // An exchange gave this person a reference, or the last trace of them went. Nothing was done.
                Err(StoreError::Superseded(_) | StoreError::Forgotten) => {}
                settled => return Ok(settled.map(drop)?),
            }
        }
        Err(StoreError::Busy.into())
    }
}

impl std::fmt::Debug for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rights(…)")
    }
}

/// One person's turn: nobody else changes what is known of them while it lasts.
struct Turn<'a> {
    rights: &'a Rights,
    lookup: Digest,
    row: StandRow,
    /// The person's keys when the turn began. An exchange may mint one meanwhile, so what is to be destroyed is said by
    /// activity, and not read from here.
    keys: Vec<WrappedKey>,
    held: OwnedMutexGuard<()>,
}

impl Turn<'_> {
    /// The person's reference, or a new one and the change that gives it to them.
    fn reference_or_new(&self) -> (Reference, Option<KeyringChange>) {
        if let Some(reference) = self.row.reference {
            return (reference, None);
        }
        let reference = Reference::from_bytes(random::bytes());
        (reference, Some(KeyringChange::PutSubject { lookup: self.lookup, reference }))
    }

    /// Commits, then makes memory forget, then waits until what was being handed over has left. Carried to its end on
    /// a task of its own: a change that is durable must stop exchanges even if nobody waits for the answer. Where it is
    /// not known whether the change is durable, memory forgets all the same.
    async fn settle(self, change: Change) -> Result<Done, StoreError> {
        let Self { rights, lookup, row: _, keys: _, held } = self;
        let (custody, standing) = (rights.custody.clone(), rights.standing.clone());
        let nothing = change.keyring.is_empty() && change.data.is_empty() && change.events.is_empty();
        let receipt = if nothing { None } else { Some(rights.store.queue(change)?) };
        let carried = tokio::spawn(async move {
            let done = match receipt {
                Some(receipt) => receipt.await,
                None => Ok(Done::default()),
            };
            custody.forget(&lookup);
            standing.moved(&lookup).await;
            drop(held);
            done
        });
        // The task neither panics nor is cancelled but with its runtime.
        carried.await.unwrap_or(Err(StoreError::Unavailable(None)))
    }
}

/// Events for the keys that a change will have destroyed, up to `most` of them.
fn destroyed(most: usize, at: Timestamp) -> impl Iterator<Item = Entry> {
    (0..most).map(move |number| {
        Entry::Told(Box::new(move |done| {
            let key = done.destroyed.get(number)?;
            let (activity, day, person) = (key.activity.as_str(), key.day, key.reference);
            let because = Because::Withdrawal.word();
            Some(Event { at, what: What::KeyDestroyed { activity, because, day, person } }.encoded())
        }))
    })
}

#[cfg(test)]
mod tests;
