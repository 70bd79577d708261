//! Unused connections, kept by the thread that made them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::lease::Lease;

thread_local! {
    /// Few upstreams per gateway: a short list is found through faster than a map.
    static KEPT: RefCell<Vec<(u64, List)>> = const { RefCell::new(Vec::new()) };
}

/// A thread's connections to one upstream, those last that were used last.
#[derive(Default)]
struct List {
    kept: Vec<Kept>,
    /// Lives as long as somebody comes back for connections that are never asked for again.
    sweeper: Weak<()>,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

struct Kept {
    lease: Lease,
    until: Instant,
}

/// One upstream's unused connections; every thread has its own.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Settings>);

#[derive(Debug)]
struct Settings {
    number: u64,
    idle: Duration,
}

impl Pool {
    pub(super) fn new(idle: Duration) -> Self {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Settings { number, idle }))
    }

    /// The connection used last, so that those too many grow old. Whether the other end has closed it, or sent what nobody asked
    /// for, is seen before anything is written.
    pub(super) fn take(&self, now: Instant) -> Option<Lease> {
        loop {
            let kept = self.with(|list| list.kept.pop())?;
            if kept.until > now {
                return Some(kept.lease);
            }
        }
    }

    /// Keeps `lease`, whose last exchange is over. There are never more than exchanges were under way at once a moment before, and
    /// callers whose answers wait for one sync come back at once: who keeps fewer connects anew for each of the others.
    pub(super) fn put(&self, lease: Lease) {
        let until = Instant::now() + self.0.idle;
        let swept = self.with(|list| {
            list.kept.push(Kept { lease, until });
            if list.sweeper.strong_count() > 0 {
                return None;
            }
            let sweeper = Arc::new(());
            list.sweeper = Arc::downgrade(&sweeper);
            Some(sweeper)
        });
        if let Some(sweeper) = swept {
            // It holds no more than the number, so it also clears up after an upstream that is gone.
            let number = self.0.number;
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(sweep(number, until, sweeper));
            }
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut List) -> T) -> T {
        with(self.0.number, work)
    }
}

fn with<T>(number: u64, work: impl FnOnce(&mut List) -> T) -> T {
    KEPT.with_borrow_mut(|lists| {
        let place = lists.iter().position(|(of, _)| *of == number);
        match place.and_then(|place| lists.get_mut(place)) {
            Some((_, list)) => work(list),
            None => {
                let mut list = List::default();
                let out = work(&mut list);
                lists.push((number, list));
                out
            }
        }
    })
}

/// Closes what nobody used in time; ends when none is left.
async fn sweep(number: u64, mut next: Instant, _sweeper: Arc<()>) {
    loop {
        sleep_until(next).await;
        let now = Instant::now();
        // Put at the end and taken from it, so those that wait longest stand first.
        let (gone, rest) = with(number, |List { kept, .. }| {
            let living = kept.iter().position(|kept| kept.until > now).unwrap_or(kept.len());
            let gone: Vec<_> = kept.drain(..living).collect();
            (gone, kept.first().map(|kept| kept.until))
        });
        drop(gone);
        match rest {
            Some(until) => next = until,
            None => {
                KEPT.with_borrow_mut(|lists| {
                    lists.retain(|(of, list)| *of != number || !list.kept.is_empty());
                });
                return;
            }
        }
    }
}
