//! Consentry is a GDPR gateway for prediction APIs: a TLS-terminating reverse proxy that enforces declarative
//! privacy policies. `ARCHITECTURE.md` draws the house; the rooms below stand in the order of its floors, and a room
//! imports only from rooms above it in this list that stand on a lower floor.

// Ground: what every room may stand on.
pub mod clock;
pub mod files;
pub mod lock;
pub mod newest;
pub mod personal;
pub mod problem;
pub mod telemetry;

// Floor 0: bytes.
pub mod crypto;
pub mod detect;
pub mod net;
pub mod payload;

// Floor 1: values and evidence.
pub mod action;
pub mod audit;
pub mod check;
pub mod condition;

// Floor 2: policy as written.
pub mod policy;

// Floor 3: plan as run, drafts of policies.
pub mod draft;
pub mod plan;

// Floor 4: what the gateway talks to.
pub mod analyzer;
pub mod drift;
pub mod identity;
pub mod keys;
pub mod limits;
pub mod store;
pub mod upstream;

// Floor 5: what the gateway knows about persons.
pub mod custody;
pub mod journal;
pub mod standing;

// Floor 6: what is done for a caller and for a data subject.
pub mod pipeline;
pub mod rights;

// Floor 7: the faces.
pub mod admin;
pub mod notice;
pub mod proxy;

// Floor 8: one deployment.
pub mod config;

// Floor 9: its composition.
pub mod app;

// Floor 10: its commands.
pub mod cli;
