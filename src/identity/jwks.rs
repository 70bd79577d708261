//! The key set of an issuer, fetched in the background (RFC 7517).

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use jsonwebtoken::Algorithm;
use tokio::sync::{Notify, Semaphore, watch};

use crate::clock::{Clock, Timestamp};
use crate::telemetry::Causes;

use super::keyset::KeySet;
use super::remembered::Remembered;

/// Why a key set could not be fetched, or a list of API keys not be loaded.
pub type BoxError = Box<dyn Error + Send + Sync>;
/// A key set on its way.
pub type Fetching = Pin<Box<dyn Future<Output = Result<Bytes, BoxError>> + Send>>;
/// Fetches what an address holds: over TLS with verified certificates, following no redirect, bounded in size and time.
pub type Fetch = Arc<dyn Fn(&str) -> Fetching + Send + Sync>;

/// The largest key set that is read, in bytes; the fetch may have a smaller cap.
const LARGEST: usize = 256 * 1024;
/// How often the set is fetched when nothing asks for it.
const EVERY: Duration = Duration::from_secs(300);
/// How long after an attempt the next one is made because a token names an unknown key, or because it failed.
const AGAIN: Duration = Duration::from_secs(30);
/// The same before any set has been had.
const AT_FIRST: Duration = Duration::from_secs(5);
/// How long a set is believed when it cannot be fetched anew.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// How long a call waits for the fetch that may bring its token's key.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many calls wait for one set at a time; more are answered at once.
const WAITING: usize = 1000;
/// How often the time is looked at.
const TICK: Duration = Duration::from_secs(1);

/// The keys at an address, as far as they are known.
pub(super) struct Jwks {
    url: String,
    algorithms: Vec<Algorithm>,
    fetch: Fetch,
    keys: ArcSwapOption<KeySet>,
    fetches: watch::Sender<Fetches>,
    wanted: AtomicBool,
    wake: Notify,
    waiting: Semaphore,
}

/// What is amiss with the keys of an issuer that has a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amiss {
    /// The set cannot be fetched, and one of before is believed.
    Stale,
    /// The set cannot be fetched, and there is none of before.
    Missing,
    /// The set that was fetched last has no key that may be used.
    Empty,
}

/// What has come of the fetches of one set.
#[derive(Clone, Copy, Debug, Default)]
struct Fetches {
    attempted: Option<Timestamp>,
    succeeded: Option<Timestamp>,
    /// Since when there is something amiss: none has succeeded though one was attempted, or what was fetched has no key.
    failing: Option<Timestamp>,
    under_way: bool,
    /// How many have ended. INVARIANT: what one brought is in place before it counts.
    ended: u64,
}

impl Fetches {
    /// Whether another may begin. `wanted`: a token names a key that is not known.
    fn is_due(&self, now: Timestamp, wanted: bool) -> bool {
        let Some(attempted) = self.attempted else { return true };
        let wait = match self.succeeded {
            None => AT_FIRST,
            Some(succeeded) if succeeded == attempted && !wanted => EVERY,
            Some(_) => AGAIN,
        };
        // A clock that was set back must not stop the refreshing.
        now < attempted || elapsed(attempted, now) >= wait
    }
}

impl Jwks {
    pub(super) fn new(url: String, algorithms: Vec<Algorithm>, fetch: Fetch) -> Self {
        let (keys, wanted, wake) = (ArcSwapOption::empty(), AtomicBool::new(false), Notify::new());
        let (fetches, waiting) = (watch::Sender::default(), Semaphore::new(WAITING));
        Self { url, algorithms, fetch, keys, fetches, wanted, wake, waiting }
    }

    /// The keys; none if they could never be fetched, or not for too long.
    pub(super) fn keys(&self) -> arc_swap::Guard<Option<Arc<KeySet>>> {
        self.keys.load()
    }

    /// A token names a key that is not known: look again, when it is time.
    pub(super) fn want(&self) {
        if !self.wanted.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }

    /// How many fetches have ended. To be asked before the keys are.
    pub(super) fn ended(&self) -> u64 {
        self.fetches.borrow().ended
    }

    /// Since when something is amiss with the set, and what.
    pub(super) fn failing(&self) -> Option<(Timestamp, Amiss)> {
        let since = self.fetches.borrow().failing?;
        let amiss = match self.keys().as_deref() {
            None => Amiss::Missing,
            Some(keys) if keys.is_empty() => Amiss::Empty,
            Some(_) => Amiss::Stale,
        };
        Some((since, amiss))
    }

    /// Waits for the fetch that is under way, or for the one that is begun now because a key is [wanted](Self::want); `seen`
    /// had ended when the keys were asked. `false`: there is nothing new, and nothing to wait for.
    pub(super) async fn another(&self, seen: u64, now: Timestamp) -> bool {
        let mut fetches = self.fetches.subscribe();
        let state = *fetches.borrow();
        if state.ended != seen {
            return true;
        }
        if !state.under_way && !state.is_due(now, true) {
            return false;
        }
        let Ok(_place) = self.waiting.try_acquire() else { return false };
        self.wake.notify_one();
        let next = fetches.wait_for(|fetches| fetches.ended != seen);
        tokio::time::timeout(PATIENCE, next).await.is_ok_and(|next| next.is_ok())
    }
}

/// What came of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// No key set.
    No,
    /// One with keys.
    Usable,
    /// One without, where there were some or none was known before.
    Emptied,
    /// One without, as the one before.
    Empty,
}

/// What keeps one key set fresh. There is one for each set, so no two fetches of a set ever run at a time.
pub(super) struct Refresher {
    jwks: Arc<Jwks>,
    remembered: Arc<Remembered>,
}

impl Refresher {
    pub(super) fn new(jwks: Arc<Jwks>, remembered: Arc<Remembered>) -> Self {
        Self { jwks, remembered }
    }

    /// Refreshes for as long as it is polled.
    pub(super) async fn run(mut self, clock: Clock) {
        loop {
            self.refresh_if_due(clock.now()).await;
            let wake = self.jwks.wake.notified();
            let _ = tokio::time::timeout(TICK, wake).await;
        }
    }

    /// Fetches the set if it is time, and says whether it did.
    pub(super) async fn refresh_if_due(&mut self, now: Timestamp) -> bool {
        let jwks = &*self.jwks;
        if !jwks.fetches.borrow().is_due(now, jwks.wanted.load(Ordering::Acquire)) {
            return false;
        }
        jwks.fetches.send_modify(|fetches| {
            (fetches.attempted, fetches.under_way) = (Some(now), true);
        });
        jwks.wanted.store(false, Ordering::Release);
        let taken = match (jwks.fetch)(&jwks.url).await {
            Ok(document) => self.take(&document),
            Err(error) => {
                tracing::warn!(url = jwks.url, cause = %Causes(&*error), "the key set could not be fetched");
                Taken::No
            }
        };
        let succeeded = if taken != Taken::No { Some(now) } else { jwks.fetches.borrow().succeeded };
        if succeeded.is_some_and(|at| elapsed(at, now) > STALE) && jwks.keys().is_some() {
            tracing::error!(url = jwks.url, "the key set is too old to be believed; its tokens are refused");
            jwks.keys.store(None);
            self.remembered.forget();
        }
        jwks.fetches.send_modify(|fetches| {
            fetches.succeeded = succeeded;
            fetches.failing = match taken {
                Taken::Usable => None,
                Taken::Emptied => Some(now),
                Taken::No | Taken::Empty => fetches.failing.or(Some(now)),
            };
            fetches.under_way = false;
            fetches.ended += 1;
        });
        true
    }

    /// Puts a fetched set in place, if it is one. A set without a usable key is believed: the issuer may have withdrawn all.
    fn take(&self, document: &[u8]) -> Taken {
        let fresh =
            if document.len() > LARGEST { None } else { KeySet::from_jwks(document, &self.jwks.algorithms) };
        let Some(fresh) = fresh else {
            tracing::warn!(url = self.jwks.url, "the key set is not one, or is too large");
            return Taken::No;
        };
        let empty = fresh.is_empty();
        if empty {
            tracing::error!(
                url = self.jwks.url,
                "the key set has no key that may be used with the issuer's algorithms: its tokens are refused until it has one"
            );
        }
        let fresh = Arc::new(fresh);
        let old = self.jwks.keys.swap(Some(fresh.clone()));
        let was_empty = old.as_ref().is_some_and(|old| old.is_empty());
        if old.is_some_and(|old| !old.is_within(&fresh)) {
            self.remembered.forget();
        }
        match (empty, was_empty) {
            (false, _) => Taken::Usable,
            (true, false) => Taken::Emptied,
            (true, true) => Taken::Empty,
        }
    }
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    let millis = to.millis().saturating_sub(from.millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
