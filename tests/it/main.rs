//! The gateway as its callers, operators and upstreams meet it: booted in process through its front door, called over
//! TLS, in front of an API that records what reaches it. A test says what the upstream saw, then that a clean call
//! still goes through; `Gateway::close` then looks for canaries wherever there may be none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "whatever is not as it should be fails the test, in the helpers too"
)]

mod support;

mod administration;
mod analyzer;
mod answers;
mod bad_input;
mod bad_upstream;
mod callers;
mod canaries;
mod codes;
mod conditions;
mod drift;
mod floors;
mod formats;
mod kserve;
mod limits;
mod living;
mod manual;
mod pages;
mod parameters;
mod passing;
mod records;
mod reload;
mod rights;
mod rows;
mod schemas;
mod shadows;
mod transfers;
