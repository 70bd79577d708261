//! The exchange: from a request's head to the answer, one stage a file, in the order in which they run.
//!
//! Proof stands in the types: only [`authorize`] makes a `Permit`, only [`minimise`] makes a `Cleared`, and [`forward`]
//! takes nothing else. Every stage that refuses returns a [`Rejection`](crate::problem::Rejection); [`Worker::handle`]
//! turns it into an RFC 9457 document, and closes the exchange's account on every way out.

mod account;
mod admit;
mod analysis;
mod answer;
mod authorize;
mod batch;
mod conditions;
mod drafts;
mod exchange;
mod finish;
mod forward;
mod gateway;
mod identify;
mod leftover;
mod materials;
mod minimise;
mod open;
mod parameters;
mod person;
mod records;
mod route;
mod shadow;
mod underway;
mod well_known;
mod whole;

pub use exchange::Worker;
pub use gateway::{Gateway, Live, Parts};
pub use shadow::look as look_at_shadows;
pub use well_known::{Page, Pages};
