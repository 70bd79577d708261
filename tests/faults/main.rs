//! What holds when something breaks: the process, the disk, the files, the order of things. Where a kill, a signal or a
//! trace of system calls is needed, the real program runs as a child, on loopback, in a folder of its own.
//!
//! `CONSENTRY_KILLS=100 cargo test --test faults killed` kills a hundred times instead of three.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of tests are tests"
)]

mod audit;
mod demo;
mod disk;
mod drain;
mod files;
mod forgotten;
mod hidden;
mod killed;
mod log;
mod order;
mod reload;
mod rotation;
mod support;
mod twice;
mod wanting;
mod withdrawal;
