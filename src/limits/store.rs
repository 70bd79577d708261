//! What has been counted: a table of keys in shards, bounded, and the buckets that keys share when it is full.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

const SHARDS: usize = 64;

/// Two keyed hashes of whom a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Of exactly them. With 64 bits, two of a million share one with a chance of 1 in 30 million.
    pub(super) fine: u64,
    /// Of the neighbourhood that they share a bucket with when the table is full.
    pub(super) coarse: u64,
}

/// The theoretical arrival times of GCRA, in nanoseconds since the limiter was made.
#[derive(Debug)]
pub(super) struct Store {
    shards: Vec<Mutex<Shard>>,
    /// How many keys a shard may hold.
    cap: usize,
    shared: Shared,
}

type Shard = HashMap<u64, u64, BuildHasherDefault<AsIs>>;

impl Store {
    /// A store of up to about `cap` keys.
    pub(super) fn new(cap: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, cap: cap.div_ceil(SHARDS).max(1), shared: Shared::new(cap) }
    }

    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, Shard>> {
        // The table itself uses the lowest and the highest bits.
        let index = usize::try_from(key.fine >> 32).unwrap_or(0) % SHARDS;
        self.shards.get(index).map(lock)
    }

    fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(lock)
    }
}

/// The buckets that keys share: 512 KiB for a limit of a million keys, and few limits ever meet so many. Made for the first
/// key that has no place of its own, and kept from then on, as whoever was counted in one goes on from there.
#[derive(Debug)]
struct Shared {
    count: usize,
    made: OnceLock<Box<[AtomicU64]>>,
}

impl Shared {
    /// For a store of `cap` keys.
    fn new(cap: usize) -> Self {
        Self { count: (cap / 16).next_power_of_two().clamp(256, 1 << 16), made: OnceLock::new() }
    }

    /// What was counted for a key's neighbourhood; zero where nothing was.
    fn counted(&self, key: &Key) -> u64 {
        let bucket = self.made.get().and_then(|made| Self::of(made, key));
        bucket.map_or(0, |bucket| bucket.load(Ordering::Acquire))
    }

    /// The bucket of a key. There is one for every key.
    fn bucket(&self, key: &Key) -> Option<&AtomicU64> {
        let made = || (0..self.count).map(|_| AtomicU64::new(0)).collect();
        Self::of(self.made.get_or_init(made), key)
    }

    fn of<'a>(buckets: &'a [AtomicU64], key: &Key) -> Option<&'a AtomicU64> {
        buckets.get(usize::try_from(key.coarse.checked_rem(buckets.len() as u64)?).ok()?)
    }
}

/// A panic elsewhere does not make the counts wrong.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// There is a shard and a bucket for every key.
fn unmet<T, E>(decide: impl Fn(Option<Nanos>) -> Result<(T, Nanos), E>) -> Result<T, E> {
    decide(None).map(|(decision, _)| decision)
}

impl StateStore for Store {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let counted = |at: u64| (at > 0).then(|| Nanos::new(at));
        let Some(mut shard) = self.shard(key) else { return unmet(decide) };
        if let Some(own) = shard.get_mut(&key.fine) {
            let (decision, next) = decide(counted(*own))?;
            *own = next.as_u64();
            return Ok(decision);
        }
        if shard.len() < self.cap {
            // Whoever was counted in a bucket goes on from there: a place of one's own is no fresh start.
            let (decision, next) = decide(counted(self.shared.counted(key)))?;
            shard.insert(key.fine, next.as_u64());
            return Ok(decision);
        }
        drop(shard);
        let Some(bucket) = self.shared.bucket(key) else { return unmet(decide) };
        let mut before = bucket.load(Ordering::Acquire);
        loop {
            let (decision, next) = decide(counted(before))?;
            match bucket.compare_exchange_weak(before, next.as_u64(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(decision),
                Err(now) => before = now,
            }
        }
    }
}

impl ShrinkableKeyedStateStore<Key> for Store {
    /// One shard at a time, so that no request waits for the whole table.
    fn retain_recent(&self, drop_below: Nanos) {
        for mut shard in self.shards() {
            shard.retain(|_, next| *next >= drop_below.as_u64());
            if shard.len() < shard.capacity() / 8 {
                let room = shard.len() * 2;
                shard.shrink_to(room);
            }
        }
    }

    fn len(&self) -> usize {
        self.shards().map(|shard| shard.len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts a key once more, and says how often it was counted before.
    fn count(store: &Store, fine: u64) -> Option<u64> {
        let key = Key { fine: fine << 32, coarse: fine };
        let one_more = |before: Option<Nanos>| {
            let before = before.map(|nanos| nanos.as_u64());
            Ok::<_, ()>((before, Nanos::new(before.unwrap_or(0) + 1)))
        };
        store.measure_and_replace(&key, one_more).unwrap()
    }

    fn full() -> Store {
        let store = Store::new(SHARDS);
        for fine in 0..SHARDS as u64 {
            assert_eq!(count(&store, fine), None);
        }
        store
    }

    /// A deployment of hundreds of limits would hold hundreds of megabytes, and ask for them anew at each reload.
    #[test]
    fn what_keys_share_is_made_for_the_first_that_has_no_place() {
        let store = full();
        assert!(store.shared.made.get().is_none());
        let (first, next) = (SHARDS as u64, SHARDS as u64 + store.shared.count as u64);
        assert_eq!((count(&store, first), count(&store, next)), (None, Some(1)), "they are neighbours");
        assert_eq!(store.shared.made.get().map(|made| made.len()), Some(256));
    }

    #[test]
    fn nobody_who_comes_while_it_is_made_is_left_out() {
        for _ in 0..100 {
            let store = full();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..100).for_each(|_| _ = count(&store, 1_000)));
                }
            });
            assert_eq!(count(&store, 1_000), Some(400));
        }
    }
}
