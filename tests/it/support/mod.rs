//! What every test needs: a gateway behind its front door, an API behind the gateway, and the canaries.

pub(crate) mod admin;
pub(crate) mod canary;
pub(crate) mod client;
pub(crate) mod gateway;
pub(crate) mod issuer;
pub(crate) mod load;
pub(crate) mod upstream;

use std::io::Write as _;
use std::time::Duration;

use consentry::payload::read;
use flate2::Compression;
use flate2::write::GzEncoder;

pub(crate) use client::{Answer, Call};
pub(crate) use gateway::{Gateway, Options};
pub(crate) use upstream::Reply;

/// Patient, and yet bounded: whoever hangs fails.
pub(crate) const PACE: read::Pace =
    read::Pace { grace: Duration::from_secs(30), bytes_per_second: 0, total: Duration::from_secs(60) };

/// A clean call's body: every field that must be there, with white space and spellings of its own.
pub(crate) fn clean_body() -> String {
    format!(
        r#"{{"contact": {{"name": "{}", "email": "{}"}}, "birth_year": 1987, "visits": [{{"shop": "{}", "spent": 1e2}}]}}"#,
        canary::NAME,
        canary::EMAIL,
        canary::SHOP
    )
}

/// A clean body with one text in it changed.
pub(crate) fn changed(from: &str, to: &str) -> String {
    let body = clean_body();
    assert!(body.contains(from), "nothing to change");
    body.replacen(from, to, 1)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
