//! What both sides of HTTP/1.1 read alike: a length, where a head ends, and as many fields as it may have.

use std::mem::MaybeUninit;

use httparse::Header;

/// Digits of a length: all of them fit.
const LENGTH_DIGITS: usize = 19;

/// Fields for which room is on the stack.
const FEW: usize = 100;

/// Gives `read` room for so many fields.
pub fn with_room<'b, T>(fields: usize, read: impl FnOnce(&mut [MaybeUninit<Header<'b>>]) -> T) -> T {
    let mut few = [const { MaybeUninit::uninit() }; FEW];
    match few.get_mut(..fields) {
        Some(room) => read(room),
        None => read(&mut vec![MaybeUninit::uninit(); fields]),
    }
}

/// A length in decimal digits, and nothing but digits.
pub fn length(value: &[u8]) -> Option<u64> {
    let digits = (1..=LENGTH_DIGITS).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Whether a head may end behind the first `seen` bytes, so that it is worth to be read.
pub fn ends_in(bytes: &[u8], seen: usize) -> bool {
    let new = bytes.get(seen.saturating_sub(3)..).unwrap_or_default();
    memchr::memchr_iter(b'\n', new).any(|at| {
        let behind = new.get(at + 1..).unwrap_or_default();
        behind.starts_with(b"\n") || behind.starts_with(b"\r\n")
    })
}
