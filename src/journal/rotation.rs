//! Which master keys the keyring is under, and the end of a rotation.
//!
//! INVARIANT: of every master key under which anything in the keyring may be wrapped there is a check value. It is durable before the
//! first thing is wrapped under that key, and wrapped anew with the end of a rotation, once nothing else is. So whoever opens all
//! check values opens everything, and where all are current, everything is.

use super::open::{SIGNING, refused};
use super::{Journal, JournalError};
use crate::audit::What;
use crate::keys::{self, KeyError, KeyProvider};
use crate::store::{Change, KeyringChange, Store, WrappedSecret};

/// The name of the values that tell the right master keys, in the keyring.
pub(super) const CHECK: &str = "master-check";

/// All check values, each of which `provider` opens.
pub(super) async fn confirmed(
    store: &Store,
    provider: &dyn KeyProvider,
) -> Result<Vec<WrappedSecret>, JournalError> {
    opened(of_name(store, CHECK).await?, provider).await
}

/// Whether `provider` holds every master key that a keyring with these secrets is under.
///
/// # Errors
/// As [`Journal::open`]'s. A keyring without any secret is one that was not begun, and not asked about.
pub async fn fits(mut secrets: Vec<WrappedSecret>, provider: &dyn KeyProvider) -> Result<(), JournalError> {
    secrets.retain(|secret| secret.name == CHECK);
    opened(secrets, provider).await.map(drop)
}

/// These check values, if `provider` opens all of them.
async fn opened(
    checks: Vec<WrappedSecret>,
    provider: &dyn KeyProvider,
) -> Result<Vec<WrappedSecret>, JournalError> {
    let mut unknown = 0;
    for check in &checks {
        match keys::confirm(provider, &check.wrapped).await {
            Ok(()) => {}
            Err(KeyError::Refused) => unknown += 1,
            Err(error @ KeyError::Unavailable) => return Err(JournalError::Key(error)),
        }
    }
    match unknown {
        _ if checks.is_empty() => Err(JournalError::Missing(CHECK)),
        0 => Ok(checks),
        _ if unknown == checks.len() => Err(JournalError::WrongMasterKey),
        _ => Err(JournalError::UnfinishedRotation),
    }
}

async fn of_name(store: &Store, name: &str) -> Result<Vec<WrappedSecret>, JournalError> {
    let mut secrets = store.secrets().await?;
    secrets.retain(|secret| secret.name == name);
    Ok(secrets)
}

impl Journal {
    /// Sees to it that `provider` holds every master key that the keyring is under, and that the keyring knows the current one.
    /// Nothing may be wrapped by it before.
    ///
    /// # Errors
    /// [`JournalError::WrongMasterKey`] where it holds none of them,
    /// [`UnfinishedRotation`](JournalError::UnfinishedRotation) where it lacks one, [`Overtaken`](JournalError::Overtaken) where the
    /// keyring came to know another meanwhile.
    pub async fn admit(&self, provider: &dyn KeyProvider) -> Result<(), JournalError> {
        let checks = confirmed(&self.store, provider).await?;
        if checks.iter().any(|check| provider.is_current(&check.wrapped)) {
            return Ok(());
        }
        let wrapped = keys::check_value(provider).await.map_err(JournalError::Key)?;
        let newest = checks.iter().map(|check| check.version).max().unwrap_or(0);
        let version = newest.checked_add(1).ok_or(JournalError::Versions(CHECK))?;
        let put = KeyringChange::PutSecret(WrappedSecret { name: CHECK.to_owned(), version, wrapped });
        let done = self.store.commit(Change { keyring: vec![put], ..Change::default() }).await?;
        // Whoever was first with this version has it.
        match done.secrets.first() {
            Some(check) if provider.is_current(&check.wrapped) => Ok(()),
            _ => Err(JournalError::Overtaken),
        }
    }

    /// Whether anything may be wrapped under a master key of before.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn is_rotated(&self, provider: &dyn KeyProvider) -> Result<bool, JournalError> {
        let checks = of_name(&self.store, CHECK).await?;
        Ok(checks.iter().all(|check| provider.is_current(&check.wrapped)))
    }

    /// Wraps the signing key anew where it is not under the current master key. Answers how many that were.
    ///
    /// # Errors
    /// Where the provider or the store does not answer.
    pub async fn rewrap(&self, provider: &dyn KeyProvider) -> Result<u64, JournalError> {
        let mut change = Change::default();
        for kept in of_name(&self.store, SIGNING).await? {
            if !provider.is_current(&kept.wrapped) {
                let der = provider.unwrap(SIGNING.as_bytes(), &kept.wrapped).await.map_err(refused)?;
                let wrapped = provider.wrap(SIGNING.as_bytes(), &der).await.map_err(JournalError::Key)?;
                change.keyring.push(KeyringChange::RewrapSecret(WrappedSecret { wrapped, ..kept }));
            }
        }
        if change.keyring.is_empty() {
            return Ok(0);
        }
        Ok(self.store.commit(change).await?.rewrapped)
    }

    /// Ends a rotation, once every key and secret is wrapped under the current master key: so says the audit from then on, and no
    /// other master key is asked for at a start. `keys` and `secrets` are what was wrapped anew.
    ///
    /// # Errors
    /// [`JournalError::UnfinishedRotation`] where the signing key is not, [`UnknownSecret`](JournalError::UnknownSecret) where it is a
    /// secret that nobody wrapped anew; where the provider or the store does not answer.
    pub async fn rotated(
        &self,
        provider: &dyn KeyProvider,
        keys: u64,
        secrets: u64,
    ) -> Result<(), JournalError> {
        let before = self.store.secrets().await?.into_iter();
        let before: Vec<_> = before.filter(|secret| !provider.is_current(&secret.wrapped)).collect();
        // One that no room knows is of a newer program, for example: all others were wrapped anew by now.
        match before.iter().find(|secret| secret.name != CHECK) {
            None => {}
            Some(secret) if secret.name == SIGNING => return Err(JournalError::UnfinishedRotation),
            Some(secret) => return Err(JournalError::UnknownSecret(secret.name.clone())),
        }
        // Also where all is done: the run before may have been interrupted in this.
        let mut change = Change { keyring: vec![KeyringChange::WriteAnew], ..Change::default() };
        if before.is_empty() {
            self.store.commit(change).await?;
            return Ok(());
        }
        for check in before {
            let wrapped = keys::check_value(provider).await.map_err(JournalError::Key)?;
            change.keyring.push(KeyringChange::RewrapSecret(WrappedSecret { wrapped, ..check }));
        }
        // It is true by now. In one change the keyring's half could be durable without the audit's, and nothing would ever tell of
        // the rotation; so a crash in between has the next run tell once more, of nothing.
        self.record(What::KeysRotated { keys, secrets })?.await?;
        self.store.commit(change).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Reading;
    use crate::clock::{Clock, Timestamp};
    use crate::crypto::InterchangeKey;
    use crate::keys::{Answer, LocalKey};
    use crate::store::StoreConfig;
    use zeroize::Zeroizing;

    struct House {
        folder: tempfile::TempDir,
        texts: [Zeroizing<String>; 3],
    }

    impl House {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), texts: [(); 3].map(|()| InterchangeKey::generate()) }
        }

        /// The first of these master keys, and those before it.
        fn provider(&self, which: &[usize]) -> LocalKey {
            let mut keys = which.iter().map(|which| LocalKey::from_text(&self.texts[*which]).unwrap());
            let mut first = keys.next().unwrap();
            keys.for_each(|older| first.add_previous(older).unwrap());
            first
        }

        async fn open(&self, which: &[usize]) -> Result<Journal, JournalError> {
            let path = |name: &str| self.folder.path().join(name);
            let (sqlite, keyring) = (path("data.db"), path("keys.db"));
            let files = StoreConfig { sqlite, keyring, restored: false, lost: false };
            let clock = Clock::fixed(Timestamp::from_millis(1_795_421_350_123));
            let store = Store::open(&files, clock.clone()).unwrap();
            let opened = Journal::open(store.clone(), &self.provider(which), clock).await;
            if opened.is_err() {
                store.close().await;
            }
            opened
        }

        async fn starts(&self, which: &[usize]) {
            let opened = self.open(which).await.unwrap_or_else(|error| panic!("{which:?}: {error}"));
            opened.store.close().await;
        }

        async fn unknown(&self, which: &[usize]) {
            assert!(matches!(self.open(which).await, Err(JournalError::WrongMasterKey)), "{which:?}");
        }

        async fn unfinished(&self, which: &[usize]) {
            assert!(matches!(self.open(which).await, Err(JournalError::UnfinishedRotation)), "{which:?}");
        }

        /// As a rotation ends; nothing but the journal's own secret is in this keyring.
        async fn rotate(&self, which: &[usize]) -> u64 {
            let (journal, provider) = (self.open(which).await.unwrap(), self.provider(which));
            assert!(!journal.is_rotated(&provider).await.unwrap());
            let secrets = journal.rewrap(&provider).await.unwrap();
            journal.rotated(&provider, 0, secrets).await.unwrap();
            assert!(journal.is_rotated(&provider).await.unwrap());
            journal.store.close().await;
            secrets
        }
    }

    #[tokio::test]
    async fn a_start_needs_every_master_key_that_something_may_be_under() {
        let house = House::new();
        house.starts(&[0]).await;
        house.unknown(&[1]).await;
        // From now on something may be wrapped under the new one.
        house.starts(&[1, 0]).await;
        house.unfinished(&[1]).await;
        house.unfinished(&[0]).await;
        house.unknown(&[2]).await;
        // On to a third, without an end; and back.
        house.starts(&[2, 1, 0]).await;
        house.unfinished(&[2, 1]).await;
        house.unfinished(&[0, 1]).await;
        assert_eq!(house.rotate(&[0, 1, 2]).await, 0);
        house.starts(&[0]).await;
        house.unknown(&[1, 2]).await;

        assert_eq!(house.rotate(&[1, 0]).await, 1);
        house.starts(&[1]).await;
        house.starts(&[1, 0]).await;
        house.unknown(&[0]).await;
        // Back again is a rotation like any other.
        assert_eq!(house.rotate(&[0, 1]).await, 1);
        house.starts(&[0]).await;
        house.unknown(&[1]).await;
    }

    #[tokio::test]
    async fn the_audit_tells_of_the_end_once_and_not_of_what_is_not_so() {
        let house = House::new();
        house.starts(&[0]).await;
        let (journal, provider) = (house.open(&[1, 0]).await.unwrap(), house.provider(&[1, 0]));
        let told = async || {
            let entries = journal.store.audit_entries(1, 100).await.unwrap();
            let read = entries.iter().map(|entry| Reading::new(&entry.encoded).unwrap());
            let told = read.filter(|event| event.kind == "keys-rotated");
            told.map(|event| (event.members["keys"].clone(), event.members["secrets"].clone()))
                .collect::<Vec<_>>()
        };
        // The signing key is under the one of before.
        let early = journal.rotated(&provider, 5, 0).await;
        assert!(matches!(early, Err(JournalError::UnfinishedRotation)));
        assert!(told().await.is_empty() && !journal.is_rotated(&provider).await.unwrap());
        assert_eq!(journal.rewrap(&provider).await.unwrap(), 1);
        assert_eq!(journal.rewrap(&provider).await.unwrap(), 0);
        journal.rotated(&provider, 5, 1).await.unwrap();
        journal.rotated(&provider, 0, 0).await.unwrap();
        assert_eq!(told().await, [(5.into(), 1.into())]);
        journal.store.close().await;
    }

    fn put(name: &str, version: u32, wrapped: Vec<u8>) -> Change {
        let secret = WrappedSecret { name: name.to_owned(), version, wrapped };
        Change { keyring: vec![KeyringChange::PutSecret(secret)], ..Change::default() }
    }

    #[tokio::test]
    async fn a_secret_that_nobody_knows_is_named() {
        let house = House::new();
        house.starts(&[0]).await;
        let (journal, provider) = (house.open(&[1, 0]).await.unwrap(), house.provider(&[1, 0]));
        journal.rewrap(&provider).await.unwrap();
        let wrapped = house.provider(&[0]).wrap(b"later", &[7; 32]).await.unwrap();
        journal.store.commit(put("later", 1, wrapped)).await.unwrap();
        let error = journal.rotated(&provider, 0, 1).await.unwrap_err();
        assert!(matches!(&error, JournalError::UnknownSecret(name) if name == "later"), "{error}");
        assert!(!journal.is_rotated(&provider).await.unwrap());
        journal.store.close().await;
    }

    #[tokio::test]
    async fn no_version_follows_the_highest() {
        let house = House::new();
        house.starts(&[0]).await;
        let journal = house.open(&[0]).await.unwrap();
        let check = keys::check_value(&house.provider(&[0])).await.unwrap();
        journal.store.commit(put(CHECK, u32::MAX, check)).await.unwrap();
        let error = journal.admit(&house.provider(&[1, 0])).await.unwrap_err();
        assert!(matches!(error, JournalError::Versions(CHECK)), "{error}");
        journal.admit(&house.provider(&[0])).await.unwrap();
        journal.store.close().await;
    }

    /// A master key before which another is admitted while its own check value is made.
    struct Overtaken<'a> {
        key: LocalKey,
        journal: &'a Journal,
        first: LocalKey,
    }

    impl KeyProvider for Overtaken<'_> {
        fn wrap<'a>(&'a self, context: &'a [u8], secret: &'a [u8]) -> Answer<'a, Vec<u8>> {
            Box::pin(async move {
                self.journal.admit(&self.first).await.unwrap();
                self.key.wrap(context, secret).await
            })
        }

        fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Answer<'a, Zeroizing<Vec<u8>>> {
            self.key.unwrap(context, wrapped)
        }

        fn is_current(&self, wrapped: &[u8]) -> bool {
            self.key.is_current(wrapped)
        }
    }

    #[tokio::test]
    async fn of_two_that_are_admitted_at_once_the_second_is_not() {
        let house = House::new();
        house.starts(&[0]).await;
        let journal = house.open(&[0]).await.unwrap();
        let (key, first) = (house.provider(&[2, 0]), house.provider(&[1, 0]));
        let overtaken = Overtaken { key, journal: &journal, first };
        let error = journal.admit(&overtaken).await.unwrap_err();
        assert!(matches!(error, JournalError::Overtaken), "{error}");
        journal.store.close().await;
        house.starts(&[1, 0]).await;
        house.unfinished(&[2, 0]).await;
    }
}
