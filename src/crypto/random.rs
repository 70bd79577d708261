//! Random bytes without a system call each: a ChaCha20 generator per thread, seeded by the system.

use std::cell::RefCell;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

thread_local! {
    static GENERATOR: RefCell<ChaCha20Rng> = RefCell::new(ChaCha20Rng::from_os_rng());
}

/// Fills `target` with bytes fit for keys, nonces and names.
///
/// The first call of a thread asks the system for a seed; where the system has none, the thread ends: nothing may run
/// on guessable keys.
pub fn fill(target: &mut [u8]) {
    GENERATOR.with_borrow_mut(|generator| generator.fill_bytes(target));
}

/// Lets the library behind TLS and signatures gather its entropy on a thread of its own: it takes tens of milliseconds, once a
/// process, and a start has other things to do meanwhile. Nothing depends on it.
pub fn gather() {
    // Where it fails, or there is no thread for it, whoever needs it first tries again.
    let gather = || {
        let _ = aws_lc_rs::rand::fill(&mut [0; 1]);
    };
    drop(std::thread::Builder::new().name("entropy".to_owned()).spawn(gather));
}

/// `N` such bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_do_not_share_a_stream() {
        let other = std::thread::spawn(bytes::<32>).join().unwrap();
        assert_ne!(bytes::<32>(), other);
    }
}
