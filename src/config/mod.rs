//! One deployment, as `consentry.yaml` says: listeners, addresses, issuers, keys, store. Read with the reader and the
//! diagnostics of policies: all mistakes at once, each with its place, and no key that means nothing.
//!
//! ```text
//! load ─▶ Config (paths and names only; nothing but the file is opened)
//! api_keys ─▶ what callers without an issuer have            secret ─▶ one secret from a file of its owner's
//! ```
//!
//! INVARIANT: a key, password or hash that stands where it should not is never repeated: neither in a message nor in
//! the lines that a diagnostic shows.

mod address;
mod analyzer;
mod api_key;
mod demo;
mod file;
mod issuer;
mod listener;
mod read;
mod schema;
mod secret;
mod setting;
mod shape;

#[cfg(test)]
mod tests;

pub use address::upstream_url;
pub use analyzer::AnalyzerEntry;
pub use api_key::{api_key_entries, api_keys};
pub use demo::{DEMO_MARKER, DemoExposed, demo_exposed, demo_only, refuse_demo};
pub use issuer::{Issuer, KeyFrom};
pub use listener::admin_tokens;
pub use read::load;
pub use schema::FileKind;
pub use secret::{Secret, SecretError, secret, secret_text};
pub use setting::{
    Admin, AdminTls, Config, Connections, Drift, Listener, Log, MasterKeySource, ReloadOn, UpstreamEntry,
};
