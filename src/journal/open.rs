//! Opening: the right master key is seen to, and the signing key is unwrapped, or made with a new keyring.

use std::sync::Arc;

use crate::audit::Checkpoint;
use crate::clock::Clock;
use crate::crypto::SigningKey;
use crate::keys::{self, KeyError, KeyProvider};
use crate::store::{Change, KeyringChange, Store, WrappedSecret};

use super::rotation::{self, CHECK};
use super::{Journal, JournalError};

/// The name of the signing key, in the keyring.
pub(super) const SIGNING: &str = "audit-signing";
const VERSION: u32 = 1;

impl Journal {
    /// Opens the journal over a store. Sees to it that `provider` holds every master key that the keyring is under, and that the
    /// keyring knows the current one; only a keyring without any key gets a signing key. Call it before anything is wrapped
    /// or unwrapped.
    ///
    /// # Errors
    /// As [`admit`](Self::admit), [`Missing`](JournalError::Missing), [`Key`](JournalError::Key),
    /// [`Store`](JournalError::Store).
    pub async fn open(store: Store, provider: &dyn KeyProvider, clock: Clock) -> Result<Self, JournalError> {
        if store.is_new() && store.secret(CHECK).await?.is_none() {
            begin(&store, provider).await?;
        }
        let journal = Self::read_only(store, provider, clock).await?;
        journal.admit(provider).await?;
        let (signer, at) = (Arc::clone(&journal.key), journal.clock.clone());
        journal.store.sign_with(Box::new(move |chain| Checkpoint::sign(chain, at.now(), &signer)))?;
        Ok(journal)
    }

    /// Opens the journal over a store that is only read, such as [`Store::inspect`]'s, to verify it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn read_only(
        store: Store,
        provider: &dyn KeyProvider,
        clock: Clock,
    ) -> Result<Self, JournalError> {
        rotation::confirmed(&store, provider).await?;
        let kept = store.secret(SIGNING).await?.ok_or(JournalError::Missing(SIGNING))?;
        let der = provider.unwrap(SIGNING.as_bytes(), &kept.wrapped).await.map_err(refused)?;
        let key = Arc::new(SigningKey::from_pkcs8(&der).map_err(JournalError::Signing)?);
        Ok(Self { store, clock, key })
    }
}

/// Both at once: a keyring has either both or neither.
async fn begin(store: &Store, provider: &dyn KeyProvider) -> Result<(), JournalError> {
    let key = SigningKey::generate().map_err(JournalError::Signing)?;
    let der = key.pkcs8().map_err(JournalError::Signing)?;
    let check = keys::check_value(provider).await.map_err(JournalError::Key)?;
    let signing = provider.wrap(SIGNING.as_bytes(), &der).await.map_err(JournalError::Key)?;
    let put = |name: &str, wrapped| {
        KeyringChange::PutSecret(WrappedSecret { name: name.to_owned(), version: VERSION, wrapped })
    };
    let change = Change { keyring: vec![put(CHECK, check), put(SIGNING, signing)], ..Change::default() };
    store.commit(change).await?;
    Ok(())
}

pub(super) fn refused(error: KeyError) -> JournalError {
    match error {
        KeyError::Refused => JournalError::WrongMasterKey,
        KeyError::Unavailable => JournalError::Key(error),
    }
}
