//! Why custody cannot give what it was asked for.

use crate::crypto::OpenError;
use crate::keys::KeyError;
use crate::store::StoreError;

/// Why a key or a record cannot be had. Nothing was sealed, opened or kept.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The key provider does not answer, or did not a moment ago; the source tells which.
    #[error("the keys cannot be reached at present")]
    Unavailable(#[source] Option<KeyError>),
    /// The key provider answers, and refuses: the keyring is another master key's, or was changed.
    #[error("a key in the keyring does not open under the master key")]
    Foreign(#[source] KeyError),
    /// The store does not answer, or refused the change.
    #[error("the store did not do what the keys need")]
    Store(#[from] StoreError),
    /// The person was erased while this was under way: their standing is to be looked up again.
    #[error("the person was forgotten meanwhile")]
    Forgotten,
    /// The key of the record is gone, or closed to whoever asks: there is no such record any more.
    #[error("the key of this record is gone")]
    Destroyed,
    /// A ciphertext is not the one that was sealed for this person, activity, field and record.
    #[error("a kept field is not the one that was sealed here")]
    Damaged(#[source] OpenError),
}

impl CustodyError {
    /// Whether to answer 503 and try again later.
    pub const fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Foreign(_) => true,
            Self::Store(error) => error.is_unavailable(),
            Self::Forgotten | Self::Destroyed | Self::Damaged(_) => false,
        }
    }
}
