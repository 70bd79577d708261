//! Tokens that were verified, so that the next request with the same one costs a look-up.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use crate::clock::Timestamp;

use super::Caller;

/// About how much a remembered token weighs besides its text, in bytes: the caller made of it.
const OVERHEAD: u64 = 512;

/// Verified tokens, by their whole text. Only what a key verified is ever put in, so nobody without a token can fill
/// it; the hash is keyed at random, so nobody can aim at a bucket, or learn from the time that a comparison takes.
pub(super) struct Remembered {
    cache: Cache<Whole, Entry, Weight>,
    epoch: AtomicU64,
}

/// A state of the world in which a token was verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

#[derive(PartialEq, Eq)]
struct Whole(Zeroizing<Box<[u8]>>);

#[derive(Clone)]
struct Entry {
    caller: Arc<Caller>,
    epoch: Epoch,
}

#[derive(Clone)]
struct Weight;

impl Remembered {
    /// Keeps about `bytes` of tokens and callers.
    pub(super) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / 1500).unwrap_or(usize::MAX).max(16);
        Self { cache: Cache::with_weighter(items, bytes, Weight), epoch: AtomicU64::new(0) }
    }

    /// The caller of a token that was verified in the present epoch and has not expired.
    pub(super) fn recall(&self, token: &str, now: Timestamp) -> Option<Arc<Caller>> {
        let entry = self.cache.get(token.as_bytes())?;
        if entry.epoch == self.epoch() && now < entry.caller.expires {
            return Some(entry.caller);
        }
        self.cache.remove(token.as_bytes());
        None
    }

    /// INVARIANT: read before the keys are, and given to [`keep`](Self::keep): what was verified with keys that have
    /// gone meanwhile is then of an epoch that has gone too.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    pub(super) fn keep(&self, token: &str, caller: Arc<Caller>, epoch: Epoch) {
        let whole = Whole(Zeroizing::new(token.as_bytes().into()));
        self.cache.insert(whole, Entry { caller, epoch });
    }

    /// Begins a new epoch: nothing that was remembered before is believed. Called after the new keys are in place.
    pub(super) fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.cache.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }
}

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrow::<[u8]>::borrow(self).hash(state);
    }
}

impl Borrow<[u8]> for Whole {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Weighter<Whole, Entry> for Weight {
    fn weight(&self, key: &Whole, entry: &Entry) -> u64 {
        // The claims that the caller keeps were in the token; for conditions they are kept once more, apart.
        let times = if entry.caller.facts.is_some() { 8 } else { 2 };
        OVERHEAD + times * key.0.len() as u64
    }
}
