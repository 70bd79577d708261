//! The administration: what an operator or a privacy officer does, over a unix socket or over TLS with a token, never on
//! the listeners of callers. The command line speaks to a running gateway through it.
//!
//! | path | role | what |
//! |---|---|---|
//! | `GET /health` | anybody who reaches it | 200 while the gateway can do its work, 503 while not |
//! | `GET /metrics` | monitor | Prometheus figures |
//! | `POST /v1/commands` | by command | a [`Command`] in JSON, answered by its [`Reply`] |

mod access;
mod acts;
mod command;
mod consented;
mod door;
mod health;
mod http;
mod misread;
mod objection;
mod office;
mod refusal;
mod rotation;
mod shown;
mod socket;
mod stranger;
mod unnamed;
mod verify;

pub use access::{Access, Grant, Role, new_token};
pub use command::{Command, PersonId, Reply};
pub use http::{STORE, serve_socket, serve_tls};
pub use office::{Control, Office, OfficeError};
pub use refusal::{Lapsed, Refusal, Reloaded, Unrenewed};
pub use rotation::{KEY_ROTATE, Named};
pub use socket::{Served, may_serve, may_stand};
pub use verify::verify_audit;
