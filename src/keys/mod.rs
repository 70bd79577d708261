//! The master key, wherever it is: what wraps data keys and secrets, so that the keyring alone opens nothing.

#[cfg(test)]
mod contract;
mod local;

use std::future::Future;
use std::pin::Pin;

use zeroize::Zeroizing;

pub use local::{LocalKey, LocalKeyError, write_new};

/// What a provider answers, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyError>> + Send + 'a>>;

/// Holds a master key and never gives it away.
///
/// What an operator may rely on, and every provider is tested for:
/// - What was wrapped opens again with the same context, after a restart and after a rotation, as long as the master
///   key that wrapped it is known.
/// - It does not open with another context, under another master key, or with any bit changed: [`KeyError::Refused`].
/// - Wrapping the same secret twice gives two different results, neither of which contains the secret.
/// - Where the master key cannot be reached, the answer is [`KeyError::Unavailable`] within the provider's time limit,
///   and nothing is kept or sent in clear instead.
/// - Neither the master key nor a secret occurs in a log, an error or a `Debug` text.
pub trait KeyProvider: Send + Sync {
    /// Wraps a secret, bound to its context.
    fn wrap<'a>(&'a self, context: &'a [u8], secret: &'a [u8]) -> Answer<'a, Vec<u8>>;

    /// Opens what was wrapped with the same context.
    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Answer<'a, Zeroizing<Vec<u8>>>;

    /// Whether `wrapped` was made under the master key that is in use now. Where not, a rotation wraps it anew. Asks nobody.
    fn is_current(&self, wrapped: &[u8]) -> bool;
}

/// Why a provider did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The master key cannot be reached at present; the same may succeed later.
    #[error("the master key cannot be reached at present")]
    Unavailable,
    /// The master key is there, and this does not open or is not allowed; trying again changes nothing.
    #[error("the master key does not open this")]
    Refused,
}

const CHECK: &[u8] = b"consentry master key check";

/// A value sealed under the master key, to be kept beside what it wraps: with it, the next start knows the right key.
///
/// # Errors
/// As the provider's.
pub async fn check_value(provider: &dyn KeyProvider) -> Result<Vec<u8>, KeyError> {
    provider.wrap(CHECK, CHECK).await
}

/// Whether the master key is the one that sealed `check`.
///
/// # Errors
/// [`KeyError::Refused`] where it is another, [`KeyError::Unavailable`] where it cannot be reached.
pub async fn confirm(provider: &dyn KeyProvider, check: &[u8]) -> Result<(), KeyError> {
    let opened = provider.unwrap(CHECK, check).await?;
    if opened.as_slice() == CHECK { Ok(()) } else { Err(KeyError::Refused) }
}
