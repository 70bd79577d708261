//! Who calls: a token of an issuer that the operator named (RFC 7519, RFC 8725, RFC 9068), or an API key, becomes a
//! [`Caller`]. Everything that is not in order gets the one answer `token-invalid`; what was wrong is for the log, and
//! no part of a credential is ever written there.
//!
//! [`Identity::authenticate`] is synchronous and asks nobody: key sets are fetched in the background by
//! [`Identity::keep_fresh`], and an unknown key makes it look sooner, at most once in 30 seconds.
//! [`Identity::authenticate_or_wait`] waits for that look, where there is one.

mod api_key;
mod authenticate;
mod caller;
mod ending;
mod error;
mod issue;
mod issuer;
mod jwks;
mod keyset;
mod remembered;
mod token;
mod watch;

pub use api_key::{ApiKey, ApiKeyEntry, KeyHash, NotAKeyHash};
pub use authenticate::{API_KEY_HEADER, Identity, IdentityConfig, NewIssuerKeys};
pub use caller::{Caller, Scopes};
pub use ending::{Ending, KeyId};
pub use error::{CredentialError, SetupError};
pub use issue::{DevelopmentToken, IssueError, issue, tried};
pub use issuer::{IssuerConfig, KeySource};
pub use jsonwebtoken::Algorithm;
pub use jwks::{Amiss, BoxError, Fetch, Fetching};
pub use watch::watch_api_keys;

#[cfg(test)]
mod tests;
