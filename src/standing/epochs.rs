//! Epochs by shard, and who is handing a request over just now.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use tokio::sync::Notify;

use crate::crypto::Digest;

/// A power of two: 4096 shards are 64 KB, and at ten million persons one change sends some 2,400 to look again.
const SHARDS: usize = 4096;

/// A shard's number.
pub(super) type ShardId = u16;

#[derive(Default)]
struct Shard {
    /// Moves with every change of the standing of anybody in the shard.
    epoch: AtomicU64,
    /// How many are handing a request over, or about to look whether they may.
    handovers: AtomicU32,
}

/// All shards.
pub(super) struct Epochs {
    shards: Box<[Shard]>,
    /// How many wait in [`Epochs::idle`], so that the hot path need not take the lock of `over` for nobody.
    waiting: AtomicU32,
    over: Notify,
}

impl Epochs {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            waiting: AtomicU32::new(0),
            over: Notify::new(),
        }
    }

    /// A person's shard, and its epoch now.
    pub(super) fn read(&self, lookup: &Digest) -> (ShardId, u64) {
        let shard = shard_of(lookup);
        (shard, self.current(shard))
    }

    pub(super) fn current(&self, shard: ShardId) -> u64 {
        self.shard(shard).map_or(0, |shard| shard.epoch.load(SeqCst))
    }

    /// Counts a handover in, in every shard named, and only then compares each epoch with the one read before.
    pub(super) fn begin(&self, stands: impl Iterator<Item = (ShardId, u64)>) -> Option<Forwarding<'_>> {
        // On every way out the guard counts out what it has counted in.
        let mut guard = Forwarding { epochs: self, first: None, rest: Vec::new() };
        for (id, epoch) in stands {
            let shard = self.shard(id)?;
            shard.handovers.fetch_add(1, SeqCst);
            match guard.first {
                None => guard.first = Some(id),
                Some(_) => guard.rest.push(id),
            }
            if shard.epoch.load(SeqCst) != epoch {
                return None;
            }
        }
        Some(guard)
    }

    /// Moves the epoch of a person's shard.
    pub(super) fn advance(&self, lookup: &Digest) -> ShardId {
        let id = shard_of(lookup);
        if let Some(shard) = self.shard(id) {
            shard.epoch.fetch_add(1, SeqCst);
        }
        id
    }

    /// Resolves once nobody in the shard is handing over.
    pub(super) async fn idle(&self, id: ShardId) {
        let Some(shard) = self.shard(id) else { return };
        if shard.handovers.load(SeqCst) == 0 {
            return;
        }
        let _counted = Waiting::new(&self.waiting);
        loop {
            let over = self.over.notified();
            tokio::pin!(over);
            // Enabled before the count is read, so that a handover that ends in between wakes this one.
            over.as_mut().enable();
            if shard.handovers.load(SeqCst) == 0 {
                return;
            }
            over.await;
        }
    }

    fn shard(&self, id: ShardId) -> Option<&Shard> {
        self.shards.get(usize::from(id))
    }

    fn end(&self, id: ShardId) {
        let Some(shard) = self.shard(id) else { return };
        if shard.handovers.fetch_sub(1, SeqCst) == 1 && self.waiting.load(SeqCst) > 0 {
            self.over.notify_waiters();
        }
    }
}

fn shard_of(lookup: &Digest) -> ShardId {
    let [first, second, ..] = *lookup;
    u16::from_be_bytes([first, second]) % SHARDS as u16
}

/// Leave to hand one request to the connection; withdrawals wait until it is dropped.
#[must_use = "leave to forward lasts only while this is held"]
pub struct Forwarding<'a> {
    epochs: &'a Epochs,
    first: Option<ShardId>,
    rest: Vec<ShardId>,
}

impl Drop for Forwarding<'_> {
    fn drop(&mut self) {
        self.first.iter().chain(&self.rest).for_each(|shard| self.epochs.end(*shard));
    }
}

impl std::fmt::Debug for Forwarding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forwarding")
    }
}

/// Counts a waiter in, and out again even where its future is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64};
    use std::task::{Context, Poll, Waker};

    use super::*;

    const ADA: Digest = [7; 32];

    #[test]
    fn an_old_epoch_gets_no_leave_and_is_not_counted_in() {
        let epochs = Epochs::new();
        let read = epochs.read(&ADA);
        drop(epochs.begin([read].into_iter()).expect("nothing has moved"));
        epochs.advance(&ADA);
        assert!(epochs.begin([read].into_iter()).is_none());
        assert_eq!(epochs.shards[usize::from(read.0)].handovers.load(SeqCst), 0);
    }

    #[test]
    fn a_batch_gets_leave_only_for_all_and_counts_out_what_it_counted_in() {
        let epochs = Epochs::new();
        let (ada, bob) = (epochs.read(&ADA), epochs.read(&[8; 32]));
        drop(epochs.begin([ada, bob, ada].into_iter()).expect("nothing has moved"));
        epochs.advance(&[8; 32]);
        assert!(epochs.begin([ada, bob].into_iter()).is_none());
        assert!(epochs.shards.iter().all(|shard| shard.handovers.load(SeqCst) == 0));
        assert!(epochs.begin(std::iter::empty()).is_some());
    }

    #[test]
    fn a_change_waits_for_the_handover_that_began_before_it() {
        let epochs = Epochs::new();
        let guard = epochs.begin([epochs.read(&ADA)].into_iter());
        let shard = epochs.advance(&ADA);
        let mut idle = Box::pin(epochs.idle(shard));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(idle.as_mut().poll(&mut context), Poll::Pending);
        // Leave on the new epoch is given meanwhile, and waited for too.
        let newer = epochs.begin([epochs.read(&ADA)].into_iter()).expect("the epoch is the new one");
        drop(guard);
        assert_eq!(idle.as_mut().poll(&mut context), Poll::Pending);
        drop(newer);
        assert_eq!(idle.as_mut().poll(&mut context), Poll::Ready(()));
        drop(idle);
        assert_eq!(epochs.waiting.load(SeqCst), 0);
    }

    /// Threads forward as fast as they can; whatever moment a change falls into, nobody is inside on an epoch older
    /// than one that was acknowledged.
    #[test]
    fn nobody_is_inside_on_an_epoch_that_was_acknowledged_as_gone() {
        let epochs = Epochs::new();
        let (acknowledged, stop, given) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(SeqCst) {
                        let read = epochs.read(&ADA);
                        std::thread::yield_now();
                        if let Some(_guard) = epochs.begin([read].into_iter()) {
                            for _ in 0..16 {
                                assert!(
                                    read.1 >= acknowledged.load(SeqCst),
                                    "forwarded on a withdrawn standing"
                                );
                            }
                            given.fetch_add(1, SeqCst);
                        }
                    }
                });
            }
            runtime.block_on(async {
                while given.load(SeqCst) < 5_000 {
                    let shard = epochs.advance(&ADA);
                    epochs.idle(shard).await;
                    acknowledged.store(epochs.current(shard), SeqCst);
                }
            });
            stop.store(true, SeqCst);
        });
        assert!(epochs.shards.iter().all(|shard| shard.handovers.load(SeqCst) == 0));
    }
}
