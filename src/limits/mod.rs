//! How often: limits per caller, address or person, with GCRA (by way of `governor`).
//!
//! A limiter never holds more than its cap of keys, and never forgets one that is still being counted. Past the cap a
//! new key shares a bucket with its neighbours (an address with its network), so a flood of keys gains its sender
//! nothing, takes nothing from those who are counted already, and refuses nobody for good.

mod fields;
mod store;

pub use fields::{Allowance, Limited};

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};

#[cfg(test)]
use crate::clock::{Clock, Timestamp};
use crate::personal::Person;

use store::{Key, Store};

/// So many in a period, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period: Duration,
    burst: NonZeroU32,
    interval: Duration,
}

impl Rate {
    /// `count` requests in `period`, of which `burst` may come at once. None where one of them is zero, or where the
    /// period is longer than a year, or so short that it cannot be counted in nanoseconds.
    pub fn new(count: u32, period: Duration, burst: u32) -> Option<Self> {
        let (count, burst) = (NonZeroU32::new(count)?, NonZeroU32::new(burst)?);
        let interval = period.checked_div(count.get())?;
        let whole = interval.checked_mul(burst.get())?;
        let year = Duration::from_secs(366 * 24 * 3600);
        if period > year || whole > year * 100 {
            return None;
        }
        (!interval.is_zero()).then_some(Self { count, period, burst, interval })
    }
}

/// Whom a request counts against.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A caller, by the keyed hash that `identity` gives them.
    Caller(u128),
    /// The address of the client, as the trusted proxies tell it. Of IPv6 the first 64 bits count: the rest is the
    /// client's to choose.
    Address(IpAddr),
    /// The person whose data it is.
    Person(&'a Person),
}

/// One limit of a route. Shared by all threads.
pub struct Limiter {
    rate: Rate,
    limiter: RateLimiter<Key, Store, Ticker, StateInformationMiddleware>,
    hasher: RandomState,
}

impl Limiter {
    /// A limiter that holds up to about `cap` keys (at 20 to 40 bytes each), by the monotonic clock: setting the
    /// system's date frees nobody and locks nobody out.
    pub fn new(rate: Rate, cap: usize) -> Self {
        Self::by(rate, cap, Ticker::Monotonic(Instant::now()))
    }

    /// The same by a clock that a test sets.
    #[cfg(test)]
    fn with_clock(rate: Rate, cap: usize, clock: Clock) -> Self {
        let start = clock.now();
        Self::by(rate, cap, Ticker::Set { clock, start })
    }

    fn by(rate: Rate, cap: usize, ticker: Ticker) -> Self {
        // The interval is not zero, which is all that a quota asks.
        let quota = Quota::with_period(rate.interval).unwrap_or(Quota::per_hour(rate.count));
        let limiter = RateLimiter::new(quota.allow_burst(rate.burst), Store::new(cap), ticker);
        Self { rate, limiter, hasher: RandomState::new() }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// [`Limited`] if it is one too many, with the time until it would not be. A refused request is not counted.
    pub fn check(&self, who: Who<'_>) -> Result<Allowance, Limited> {
        let allowance = |remaining, reset| Allowance::new(&self.rate, remaining, reset);
        match self.limiter.check_key(&self.key(who)) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = self.rate.burst.get().saturating_sub(remaining);
                Ok(allowance(remaining, self.rate.interval.saturating_mul(used)))
            }
            Err(until) => {
                let wait = until.wait_time_from(self.limiter.clock().now());
                Err(Limited { allowance: allowance(0, wait), wait })
            }
        }
    }

    /// Forgets the keys that are as good as new. To be called every second or so, off the threads that serve.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.limiter.len()
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.limiter.is_empty()
    }

    /// Hashes under a random key that is the limiter's own: nobody can aim at another's bucket, and what is held says
    /// nothing of whom it is about.
    fn key(&self, who: Who<'_>) -> Key {
        let hash = |kind: u8, parts: &[&[u8]]| self.hasher.hash_one((kind, parts));
        let alone = |fine: u64| Key { fine, coarse: fine.rotate_left(32) };
        match who {
            Who::Caller(caller) => alone(hash(0, &[&caller.to_be_bytes()])),
            Who::Person(person) => {
                alone(hash(1, &[person.namespace.as_bytes(), person.identifier.expose().as_bytes()]))
            }
            Who::Address(address) => match address.to_canonical() {
                IpAddr::V4(address) => {
                    let octets = address.octets();
                    let [a, b, c, _] = octets;
                    Key { fine: hash(2, &[&octets]), coarse: hash(3, &[&[a, b, c]]) }
                }
                IpAddr::V6(address) => {
                    let [a, b, c, d, ..] = address.segments().map(u16::to_be_bytes);
                    Key { fine: hash(4, &[&a, &b, &c, &d]), coarse: hash(5, &[&a, &b, &c]) }
                }
            },
        }
    }
}

/// The time since the limiter was made.
#[derive(Clone, Debug)]
enum Ticker {
    Monotonic(Instant),
    #[cfg(test)]
    Set {
        clock: Clock,
        start: Timestamp,
    },
}

impl governor::clock::Clock for Ticker {
    type Instant = Duration;

    fn now(&self) -> Duration {
        match self {
            Self::Monotonic(start) => start.elapsed(),
            #[cfg(test)]
            Self::Set { clock, start } => {
                let millis = clock.now().millis().saturating_sub(start.millis());
                Duration::from_millis(u64::try_from(millis).unwrap_or(0))
            }
        }
    }
}

#[cfg(test)]
mod tests;
