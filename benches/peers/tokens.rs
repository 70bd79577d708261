//! Tokens in thousands: signing RSA takes its time, so two threads share it.

use crate::material::{Algorithm, CALLERS, Material};

/// So many tokens, one after the other for each caller.
pub(crate) fn many(material: &Material, algorithm: Algorithm, count: usize) -> anyhow::Result<Vec<String>> {
    let sign = |numbers: std::ops::Range<usize>| -> anyhow::Result<Vec<String>> {
        numbers.map(|at| material.lasting(algorithm, at % CALLERS, 1_000 + at as u64)).collect()
    };
    let half = count / 2;
    std::thread::scope(|scope| {
        let second = scope.spawn(|| sign(half..count));
        let mut tokens = sign(0..half)?;
        tokens.extend(second.join().map_err(|_| anyhow::anyhow!("a thread that signs panicked"))??);
        Ok(tokens)
    })
}
