//! `tests/fuzz/harness` says what must hold.

#![no_main]

#[path = "../../tests/fuzz/harness/mod.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::run("caller_request", input));
