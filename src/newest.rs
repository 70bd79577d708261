//! A value that several read from the same files, each when it thinks fit, and put in force: whoever began to read last prevails.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

/// A value that is exchanged while it is used.
///
/// INVARIANT: what somebody began to read earlier never replaces what somebody began to read later. Whatever was in the files
/// before the later reading began, a revocation for one, stays in force.
pub struct Newest<T> {
    current: ArcSwap<T>,
    begun: AtomicU64,
    /// The reading that is in force.
    put: Mutex<u64>,
}

/// A place in the order of all readings of one value.
#[derive(Debug)]
pub struct Reading(u64);

impl<T> Newest<T> {
    /// With a value that was read before any other.
    pub fn new(value: T) -> Self {
        Self { current: ArcSwap::from_pointee(value), begun: AtomicU64::new(0), put: Mutex::new(0) }
    }

    /// To be called before anything is read.
    pub fn begin(&self) -> Reading {
        Reading(self.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1))
    }

    /// Puts in force what was read, unless what is in force was begun to be read later.
    pub fn put(&self, reading: Reading, value: T) {
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.0 > *put {
            *put = reading.0;
            self.current.store(Arc::new(value));
        }
    }

    /// What is in force.
    pub fn load(&self) -> Guard<Arc<T>> {
        self.current.load()
    }
}

/// Shows nothing of the value: keys are exchanged so.
impl<T> fmt::Debug for Newest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_began_to_read_last_prevails_in_whatever_order_it_is_put() {
        let newest = Newest::new(0);
        let (one, two, three) = (newest.begin(), newest.begin(), newest.begin());
        newest.put(two, 2);
        assert_eq!(**newest.load(), 2);
        newest.put(one, 1);
        assert_eq!(**newest.load(), 2);
        newest.put(three, 3);
        assert_eq!(**newest.load(), 3);
        newest.put(newest.begin(), 4);
        assert_eq!(**newest.load(), 4);
    }
}
