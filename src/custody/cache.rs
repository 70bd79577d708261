//! Unwrapped keys in memory: bounded, with an end to their life, gone once they are destroyed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use quick_cache::sync::Cache;

use crate::clock::{Day, Timestamp};
use crate::crypto::{DataKey, Digest, Sealer};
use crate::personal::Reference;
use crate::store::{KeyId, WrappedKey};

const SHARDS: usize = 1024;

/// A key of one (person, activity, day), ready to seal and open. The library wipes it when it is dropped.
#[derive(Debug)]
pub struct SubjectKey {
    /// Its name in the keyring.
    pub id: KeyId,
    /// Whose it is.
    pub reference: Reference,
    /// For which activity.
    pub activity: String,
    /// For which day of exchange.
    pub day: Day,
    pub(super) sealer: Sealer,
    until: Timestamp,
}

impl SubjectKey {
    pub(super) fn new(wrapped: &WrappedKey, key: &DataKey, until: Timestamp) -> Self {
        Self {
            id: wrapped.id,
            reference: wrapped.reference,
            activity: wrapped.activity.clone(),
            day: wrapped.day,
            sealer: key.sealer(),
            until,
        }
    }
}

/// One person's keys, and the generation that was read before the keyring was.
#[derive(Clone)]
struct Held {
    generation: u64,
    keys: Arc<[Arc<SubjectKey>]>,
}

/// Keys by person, so that a person's can be dropped at once.
pub(super) struct Keys {
    held: Cache<Digest, Held>,
    /// Moves when keys of somebody in the shard are destroyed: what was read before is not believed. So a key that was
    /// on its way into memory meanwhile is not used either.
    generations: Box<[AtomicU64]>,
}

impl Keys {
    pub(super) fn new(persons: usize) -> Self {
        Self { held: Cache::new(persons), generations: (0..SHARDS).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(super) fn generation(&self, lookup: &Digest) -> u64 {
        self.shard(lookup).map_or(0, |generation| generation.load(SeqCst))
    }

    pub(super) fn get(
        &self,
        lookup: &Digest,
        reference: Option<Reference>,
        activity: &str,
        day: Day,
        now: Timestamp,
    ) -> Option<Arc<SubjectKey>> {
        let held = self.held.get(lookup).filter(|held| held.generation == self.generation(lookup))?;
        let asked = |key: &&Arc<SubjectKey>| {
            key.day == day
                && now < key.until
                && key.activity == activity
                && reference.is_none_or(|reference| reference == key.reference)
        };
        held.keys.iter().find(asked).cloned()
    }

    pub(super) fn put(&self, lookup: &Digest, generation: u64, key: &Arc<SubjectKey>) {
        let mut keys = vec![Arc::clone(key)];
        if let Some(held) = self.held.get(lookup).filter(|held| held.generation == generation) {
            // Yesterday's key has no use but while an exchange crosses midnight.
            let other = |held: &&Arc<SubjectKey>| held.day >= key.day && held.activity != key.activity;
            keys.extend(held.keys.iter().filter(other).cloned());
        }
        self.held.insert(*lookup, Held { generation, keys: keys.into() });
        // If they were destroyed between the reading and the insertion, `forget` may have come too early to see them.
        if self.generation(lookup) != generation {
            self.held.remove(lookup);
        }
    }

    pub(super) fn forget(&self, lookup: &Digest) {
        if let Some(generation) = self.shard(lookup) {
            generation.fetch_add(1, SeqCst);
        }
        self.held.remove(lookup);
    }

    fn shard(&self, lookup: &Digest) -> Option<&AtomicU64> {
        let [first, second, ..] = *lookup;
        self.generations.get(usize::from(u16::from_be_bytes([first, second])) % SHARDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Digest = [7; 32];

    fn key(activity: &str, day: i64, until: i64) -> Arc<SubjectKey> {
        let wrapped = WrappedKey {
            id: [1; 16],
            reference: Reference::from_bytes([2; 16]),
            activity: activity.to_owned(),
            day: Day::from_number(day),
            source_closed: false,
            wrapped: Vec::new(),
        };
        Arc::new(SubjectKey::new(&wrapped, &DataKey::generate(), Timestamp::from_millis(until)))
    }

    fn get(keys: &Keys, activity: &str, day: i64, now: i64) -> bool {
        keys.get(&ADA, None, activity, Day::from_number(day), Timestamp::from_millis(now)).is_some()
    }

    #[test]
    fn a_key_is_found_by_its_activity_and_day_until_its_life_ends() {
        let keys = Keys::new(10);
        keys.put(&ADA, 0, &key("favourites", 1, 100));
        keys.put(&ADA, 0, &key("prices", 1, 100));
        assert!(get(&keys, "favourites", 1, 99) && get(&keys, "prices", 1, 99));
        assert!(!get(&keys, "favourites", 1, 100), "its life is over");
        assert!(!get(&keys, "favourites", 2, 0) && !get(&keys, "other", 1, 0));
        let (now, day) = (Timestamp::from_millis(0), Day::from_number(1));
        let other = Some(Reference::from_bytes([3; 16]));
        assert!(keys.get(&ADA, other, "prices", day, now).is_none(), "another person's by now");
    }

    #[test]
    fn a_destroyed_key_is_gone_and_one_read_before_is_not_believed() {
        let keys = Keys::new(10);
        let before = keys.generation(&ADA);
        keys.put(&ADA, before, &key("favourites", 1, 100));
        keys.forget(&ADA);
        assert!(!get(&keys, "favourites", 1, 0));
        keys.put(&ADA, before, &key("favourites", 1, 100));
        assert!(!get(&keys, "favourites", 1, 0));
        assert!(keys.held.is_empty(), "it is not even in memory");
    }

    #[test]
    fn persons_are_bounded() {
        let keys = Keys::new(10);
        for person in 0..200 {
            keys.put(&[person; 32], 0, &key("favourites", 1, 100));
        }
        assert!(keys.held.len() <= 10);
    }
}
