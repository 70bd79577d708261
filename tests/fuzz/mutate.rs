//! Mutations of seeds: bytes and whole pieces changed, doubled, moved, taken out, and spliced from other seeds.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What parsers look at: put in as they are.
const WORDS: &[&str] = &[
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\u00e9",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    ",",
    ":",
    "null",
    "true",
    "-0",
    "1e999",
    "0.5",
    "-",
    "\r\n",
    "\n",
    "\r",
    "\t",
    "\0",
    "%",
    "%00",
    "%2e",
    "%2F",
    "%25",
    "+",
    "&",
    "=",
    ";",
    "/",
    "/../",
    "//",
    "--",
    "--b",
    "--b--",
    "\u{feff}",
    "é",
    "\u{2028}",
    "𝄞",
    "\"\"",
    "''",
    "- ",
    ": ",
    "#",
    "|",
    ">",
    "&a ",
    "*a",
    "!!str ",
    "? ",
    "---\n",
    "...\n",
    "  ",
    "\"a\"",
    "\"a\":1,",
    "QUARRY",
    "99999999999999999999",
    "rows",
    "name",
];
const BYTES: &[u8] = &[0, 1, 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xf4, 0xff, b'"', b'\\', b'\n', b' ', b'{', b'0'];

/// The mutation of this number, and which of the seeds it was made from. The same number makes the same one.
pub(crate) fn mutation(seeds: &[&[u8]], number: u64) -> (usize, Vec<u8>) {
    let mut rng = ChaCha8Rng::seed_from_u64(number);
    let from = below(&mut rng, seeds.len());
    let mut input = seeds[from].to_vec();
    for _ in 0..=below(&mut rng, 4) {
        change(&mut input, seeds, &mut rng);
    }
    (from, input)
}

fn change(input: &mut Vec<u8>, seeds: &[&[u8]], rng: &mut ChaCha8Rng) {
    let at = below(rng, input.len() + 1);
    let to = (at + 1 + below(rng, 8)).min(input.len());
    match below(rng, 10) {
        0 => input.insert(at, BYTES[below(rng, BYTES.len())]),
        1 | 2 => put(input, at, WORDS[below(rng, WORDS.len())].as_bytes()),
        3 => drop(input.drain(at..to)),
        4 => input.truncate(at),
        5 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << below(rng, 8);
            }
        }
        6 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = BYTES[below(rng, BYTES.len())];
            }
        }
        // A piece a second time, at another place.
        7 => {
            let piece = input[piece(input.len(), rng)].to_vec();
            put(input, at, &piece);
        }
        8 => drop(input.drain(piece(input.len(), rng))),
        _ => {
            let other = seeds[below(rng, seeds.len())];
            put(input, at, &other[piece(other.len(), rng)]);
        }
    }
}

fn put(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}

fn piece(length: usize, rng: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let from = below(rng, length + 1);
    from..(from + below(rng, 64)).min(length)
}

fn below(rng: &mut ChaCha8Rng, most: usize) -> usize {
    let most = u64::try_from(most.max(1)).expect("a small number");
    usize::try_from(rng.next_u64() % most).expect("a small number")
}
