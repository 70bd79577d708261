//! The key set of an issuer, fetched in the background (RFC 7517).

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use jsonwebtoken::Algorithm;
use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};
use crate::telemetry::Causes;

use super::keyset::KeySet;
use super::remembered::Remembered;

/// Why a key set could not be fetched.
pub type FetchError = Box<dyn Error + Send + Sync>;
/// A key set on its way.
pub type Fetching = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send>>;
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
/// How often the time is looked at.
const TICK: Duration = Duration::from_secs(1);

/// The keys at an address, as far as they are known.
pub(super) struct Jwks {
    url: String,
    algorithms: Vec<Algorithm>,
    fetch: Fetch,
    keys: ArcSwapOption<KeySet>,
    wanted: AtomicBool,
    wake: Notify,
}

impl Jwks {
    pub(super) fn new(url: String, algorithms: Vec<Algorithm>, fetch: Fetch) -> Self {
        let (keys, wanted, wake) = (ArcSwapOption::empty(), AtomicBool::new(false), Notify::new());
        Self { url, algorithms, fetch, keys, wanted, wake }
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
}

/// What keeps one key set fresh. There is one for each set, so no two fetches of a set ever run at a time.
pub(super) struct Refresher {
    jwks: Arc<Jwks>,
    remembered: Arc<Remembered>,
    attempted: Option<Timestamp>,
    succeeded: Option<Timestamp>,
}

impl Refresher {
    pub(super) fn new(jwks: Arc<Jwks>, remembered: Arc<Remembered>) -> Self {
        Self { jwks, remembered, attempted: None, succeeded: None }
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
        if !self.is_due(now) {
            return false;
        }
        self.attempted = Some(now);
        self.jwks.wanted.store(false, Ordering::Release);
        match (self.jwks.fetch)(&self.jwks.url).await {
            Ok(document) => self.take(&document, now),
            Err(error) => {
                tracing::warn!(url = self.jwks.url, cause = %Causes(&*error), "the key set could not be fetched")
            }
        }
        if self.succeeded.is_some_and(|at| elapsed(at, now) > STALE) && self.jwks.keys().is_some() {
            tracing::error!(
                url = self.jwks.url,
                "the key set is too old to be believed; its tokens are refused"
            );
            self.jwks.keys.store(None);
            self.remembered.forget();
        }
        true
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let Some(attempted) = self.attempted else { return true };
        let wait = match self.succeeded {
            None => AT_FIRST,
            Some(succeeded) if succeeded == attempted && !self.jwks.wanted.load(Ordering::Acquire) => EVERY,
            Some(_) => AGAIN,
        };
        // A clock that was set back must not stop the refreshing.
        now < attempted || elapsed(attempted, now) >= wait
    }

    /// Puts a fetched set in place. A set without a usable key is believed: the issuer may have withdrawn all. What
    /// is no key set is not.
    fn take(&mut self, document: &[u8], now: Timestamp) {
        let fresh =
            if document.len() > LARGEST { None } else { KeySet::from_jwks(document, &self.jwks.algorithms) };
        let Some(fresh) = fresh else {
            tracing::warn!(url = self.jwks.url, "the key set is not one, or is too large");
            return;
        };
        if fresh.len() == 0 {
            tracing::error!(url = self.jwks.url, "the key set has no key that may be used");
        }
        self.succeeded = Some(now);
        let fresh = Arc::new(fresh);
        let old = self.jwks.keys.swap(Some(fresh.clone()));
        if old.is_some_and(|old| !old.is_within(&fresh)) {
            self.remembered.forget();
        }
    }
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    let millis = to.millis().saturating_sub(from.millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
