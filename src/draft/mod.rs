//! Drafts of policies: from an API that exists to files that a person corrects and accepts. Pure functions from what is
//! known of an API ([`Api`]) to texts; nothing here opens a file or a connection.
//!
//! ```text
//! openapi ─┐                      ┌─▶ NAME.yaml, every guess listed under `proposed`
//!          ├─▶ Api ─▶ proposals ──┼─▶ NAME.cases.yaml
//! learn ───┘                      └─▶ organisation.yaml, consentry.yaml where there is none
//! ```
//!
//! INVARIANT: what cannot be known from an API (purpose, legal basis, retention, who is responsible) is left empty and
//! never invented; what is guessed is marked, and keeps the file from being served until a person removes the mark.

mod accept;
mod activity;
mod bounds;
mod cases;
mod category;
mod deployment;
mod document;
mod known;
pub mod kserve;
pub mod learn;
pub mod mlflow;
mod model;
mod numbered;
mod open;
pub mod openapi;
mod organisation;
mod parameter;
mod sample;
mod select;
mod spell;
mod treat;
mod whole;
mod words;
mod writer;
mod yaml;

#[cfg(test)]
mod tests;

pub use accept::{AcceptError, Proposed, accept, consent, proposed};
pub use activity::{Drafted, activity};
pub use deployment::{Deployment, deployment};
pub use document::{DocumentError, MAX_BYTES, read};
pub use model::{Above, Api, Blocked, Body, Field, Operation, Parameter, Place, Scopes, Tensor};
pub use organisation::{organisation, purpose_line, recipient_line};
pub(crate) use sample::{put, sample};
pub use select::{Group, groups};

/// What only a person can know. What is `None` is left empty in the draft.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// A purpose's name.
    pub purpose: Option<String>,
    /// What a data subject reads of it.
    pub says: Option<String>,
    /// `contract`, for example.
    pub legal_basis: Option<String>,
    /// The reference of the balancing test, where the basis is legitimate interests.
    pub assessment: Option<String>,
    /// What lifts the prohibition of special categories.
    pub art9_condition: Option<String>,
    /// The law that permits data on criminal offences.
    pub art10_reference: Option<String>,
    /// `30d after exchange`.
    pub retention: Option<String>,
    /// The controller's name.
    pub controller: Option<String>,
    /// Its postal address.
    pub address: Option<String>,
    /// Where to write to it.
    pub contact: Option<String>,
    /// The data protection officer's contact.
    pub dpo: Option<String>,
    /// Two letters of the controller's country.
    pub country: Option<String>,
    /// Who runs the API, where it is elsewhere.
    pub recipient: Option<String>,
    /// `processor`, for example.
    pub recipient_role: Option<String>,
    /// The reference of the agreement with it.
    pub agreement: Option<String>,
    /// Two letters of its country.
    pub recipient_country: Option<String>,
    /// What a transfer to it rests on, where its country has no adequacy decision.
    pub transfer: Option<String>,
}
