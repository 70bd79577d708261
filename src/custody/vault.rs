//! The key provider, asked with restraint: after a failure nobody asks for a while, so that a provider that is coming
//! back is not met by every exchange that waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard};
use zeroize::Zeroizing;

use crate::clock::{Clock, Timestamp};
use crate::crypto::DataKey;
use crate::keys::{KeyError, KeyProvider};

use super::CustodyError;

/// How long nobody asks after the first failure; doubled with each that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause: how long after the provider's return keys may still be refused.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

pub(super) struct Vault {
    /// Exchanged when a new master key comes into force. Asked when a key is made or opened, never for one in memory.
    provider: RwLock<Arc<dyn KeyProvider>>,
    clock: Clock,
    pause: Mutex<Pause>,
}

/// As long as somebody holds it no other master key comes into force. INVARIANT: whoever wraps holds it until what is wrapped is
/// queued for the keyring, so that what is queued after an exchange is behind all that was wrapped before it.
pub(super) type InForce<'a> = RwLockReadGuard<'a, Arc<dyn KeyProvider>>;

#[derive(Default)]
struct Pause {
    /// How many failures there have been, so that many who asked together and fail together count as one.
    failures: u64,
    length: Duration,
    until: Option<Timestamp>,
}

impl Vault {
    pub(super) fn new(provider: Arc<dyn KeyProvider>, clock: Clock) -> Self {
        Self { provider: RwLock::new(provider), clock, pause: Mutex::default() }
    }

    /// Puts another provider in force, once what was wrapped by the one before is queued.
    pub(super) async fn exchange(&self, provider: Arc<dyn KeyProvider>) {
        let mut in_force = self.provider.write().await;
        // The pause was that of the provider before; and whoever still waits for that one does not begin another.
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        pause.failures += 1;
        pause.end();
        *in_force = provider;
    }

    pub(super) async fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::clone(&*self.provider.read().await)
    }

    pub(super) async fn wrap(
        &self,
        key: &DataKey,
        context: &[u8],
    ) -> Result<(Vec<u8>, InForce<'_>), CustodyError> {
        let in_force = self.provider.read().await;
        let entered = self.enter()?;
        let wrapped = self.leave(entered, in_force.wrap(context, key.expose()).await)?;
        Ok((wrapped, in_force))
    }

    pub(super) async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<DataKey, CustodyError> {
        let provider = self.provider().await;
        let entered = self.enter()?;
        let bytes: Zeroizing<Vec<u8>> = self.leave(entered, provider.unwrap(context, wrapped).await)?;
        let bytes: &[u8; 32] =
            bytes.as_slice().try_into().map_err(|_| CustodyError::Foreign(KeyError::Refused))?;
        Ok(DataKey::from_bytes(*bytes))
    }

    /// Refuses while the pause lasts. The first one after it asks, and the pause begins anew for all others meanwhile.
    /// Answers how many failures there were before.
    fn enter(&self) -> Result<u64, CustodyError> {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = pause.until else { return Ok(pause.failures) };
        let now = self.clock.now();
        if now < until {
            return Err(CustodyError::Unavailable(None));
        }
        pause.until = Some(now.plus(pause.length));
        Ok(pause.failures)
    }

    fn leave<T>(&self, entered: u64, answer: Result<T, KeyError>) -> Result<T, CustodyError> {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Err(error @ KeyError::Unavailable) => {
                if pause.failures == entered {
                    pause.failures += 1;
                    pause.length = (pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                    pause.until = Some(self.clock.now().plus(pause.length));
                }
                Err(CustodyError::Unavailable(Some(error)))
            }
            Err(error @ KeyError::Refused) => {
                pause.end();
                Err(CustodyError::Foreign(error))
            }
            Ok(answer) => {
                pause.end();
                Ok(answer)
            }
        }
    }
}

impl Pause {
    fn end(&mut self) {
        self.length = Duration::ZERO;
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::tests::{NOON, Provider};

    #[test]
    fn many_who_fail_together_lengthen_the_pause_once() {
        let clock = Clock::fixed(NOON);
        let vault = Vault::new(Provider::new(1), clock.clone());
        let entered: Vec<u64> = (0..100).map(|_| vault.enter().unwrap()).collect();
        for entered in entered {
            assert!(vault.leave::<()>(entered, Err(KeyError::Unavailable)).is_err());
        }
        clock.advance(FIRST_PAUSE - Duration::from_millis(1));
        assert!(vault.enter().is_err());
        clock.advance(Duration::from_millis(1));
        let probe = vault.enter().unwrap();
        assert!(vault.enter().is_err(), "one asks, the others wait for what it finds");
        vault.leave(probe, Ok(())).unwrap();
        assert!(vault.enter().is_ok());
    }

    #[tokio::test]
    async fn another_provider_is_asked_at_once() {
        let clock = Clock::fixed(NOON);
        let vault = Vault::new(Provider::new(1), clock.clone());
        let first = vault.enter().unwrap();
        assert!(vault.leave::<()>(first, Err(KeyError::Unavailable)).is_err());
        clock.advance(FIRST_PAUSE);
        let late = vault.enter().unwrap();
        assert!(vault.enter().is_err());
        vault.exchange(Provider::new(2)).await;
        assert!(vault.enter().is_ok());
        // It was asked of the one before.
        assert!(vault.leave::<()>(late, Err(KeyError::Unavailable)).is_err());
        assert!(vault.enter().is_ok());
    }

    #[test]
    fn a_pause_grows_to_its_bound_and_is_forgotten_after_a_success() {
        let clock = Clock::fixed(NOON);
        let vault = Vault::new(Provider::new(1), clock.clone());
        for _ in 0..20 {
            let probe = vault.enter().unwrap();
            assert!(vault.leave::<()>(probe, Err(KeyError::Unavailable)).is_err());
            clock.advance(LONGEST_PAUSE);
        }
        let probe = vault.enter().unwrap();
        vault.leave(probe, Ok(())).unwrap();
        let again = vault.enter().unwrap();
        assert!(vault.leave::<()>(again, Err(KeyError::Unavailable)).is_err());
        clock.advance(FIRST_PAUSE);
        assert!(vault.enter().is_ok());
    }
}
