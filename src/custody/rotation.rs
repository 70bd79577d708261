//! A new master key: what is wrapped under one of before is wrapped anew, page by page, while exchanges go on. Data keys and
//! secrets stay as they are, so what is sealed, and what is in memory, stays good.
//!
//! Every step is one change that is right by itself, so a run may end anywhere and begin anew: what is current is passed over.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Custody, CustodyError, DOMAIN_PREFIX, Inner, LOOKUP, key_context, secret_context};
use crate::clock::Day;
use crate::keys::KeyProvider;
use crate::store::{Change, KeyringChange, WrappedKey, WrappedSecret};

/// How many keys one change wraps anew, so that exchanges do not wait long behind it.
const BATCH: u32 = 250;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// How many data keys were wrapped anew.
    pub keys: u64,
    /// How many secrets.
    pub secrets: u64,
    /// What opens under no master key that is known, and is as it was.
    pub foreign: Foreign,
}

/// What no known master key opens. The log names each key with its person's reference; here they are counted, as there may be many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// How many data keys, by activity and day.
    pub keys: BTreeMap<(String, Day), u64>,
    /// Name and version of each secret.
    pub secrets: Vec<(String, u32)>,
}

impl Foreign {
    /// How many keys and secrets.
    pub fn count(&self) -> u64 {
        self.keys.values().sum::<u64>() + self.secrets.len() as u64
    }
}

impl Custody {
    /// Who holds the master key at present.
    pub async fn provider(&self) -> Arc<dyn KeyProvider> {
        self.0.vault.provider().await
    }

    /// From now on secrets are wrapped by this provider, and opened by it. The journal must have admitted it.
    pub async fn exchange(&self, provider: Arc<dyn KeyProvider>) {
        self.0.vault.exchange(provider).await;
    }

    /// Wraps anew what is not under the current master key: custody's own secrets, then every data key. One run at a time; it waits
    /// for the store between its steps.
    ///
    /// # Errors
    /// Where the provider or the store does not answer: what was done until then is done, the rest is done by the next run.
    pub async fn rewrap(&self) -> Result<Rewrapped, CustodyError> {
        // What was wrapped under the master key of before, and was on its way meanwhile, is in the keyring once this is.
        self.0.store.commit(Change::default()).await?;
        let mut report = Rewrapped::default();
        self.rewrap_secrets(&mut report).await?;
        self.rewrap_keys(&mut report).await?;
        Ok(report)
    }

    async fn rewrap_secrets(&self, report: &mut Rewrapped) -> Result<(), CustodyError> {
        let provider = self.provider().await;
        let mut change = Change::default();
        for WrappedSecret { name, version, wrapped } in self.0.store.secrets().await? {
            let own = name == LOOKUP || name.starts_with(DOMAIN_PREFIX);
            if own && !provider.is_current(&wrapped) {
                let context = secret_context(&name, version);
                match self.0.rewrapped(&wrapped, &context).await? {
                    None => {
                        tracing::warn!(secret = %name, version, "no master key that is known opens this secret");
                        report.foreign.secrets.push((name, version));
                    }
                    Some(wrapped) => {
                        let anew = WrappedSecret { name, version, wrapped };
                        change.keyring.push(KeyringChange::RewrapSecret(anew));
                    }
                }
            }
        }
        if !change.keyring.is_empty() {
            report.secrets += self.0.store.commit(change).await?.rewrapped;
        }
        Ok(())
    }

    async fn rewrap_keys(&self, report: &mut Rewrapped) -> Result<(), CustodyError> {
        let provider = self.provider().await;
        let mut after = None;
        loop {
            let page = self.0.store.keys(after, BATCH).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let mut change = Change::default();
            for key in page.iter().filter(|key| !provider.is_current(&key.wrapped)) {
                let context = key_context(&key.id, key.reference, &key.activity, key.day);
                match self.0.rewrapped(&key.wrapped, &context).await? {
                    None => {
                        let WrappedKey { activity, day, reference, .. } = key;
                        tracing::warn!(activity, day = day.number(), person = %reference, "no master key that is known opens this key");
                        *report.foreign.keys.entry((activity.clone(), *day)).or_default() += 1;
                    }
                    Some(wrapped) => change.keyring.push(KeyringChange::Rewrap { id: key.id, wrapped }),
                }
            }
            if !change.keyring.is_empty() {
                // Those that were destroyed meanwhile are not counted, and stay destroyed.
                report.keys += self.0.store.commit(change).await?.rewrapped;
            }
        }
    }
}

impl Inner {
    /// The same under the current master key; nothing where no known one opens it.
    async fn rewrapped(&self, wrapped: &[u8], context: &[u8]) -> Result<Option<Vec<u8>>, CustodyError> {
        match self.vault.unwrap(wrapped, context).await {
            // It may be queued after another exchange: only a rotation exchanges, and this is the one that runs.
            Ok(key) => Ok(Some(self.vault.wrap(&key, context).await?.0)),
            Err(CustodyError::Foreign(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::path::Path;
    use std::task::Poll;

    use tokio::sync::Notify;

    use super::*;
    use crate::clock::Clock;
    use crate::crypto::InterchangeKey;
    use crate::custody::tests::{NOON, keep, opened, person};
    use crate::custody::{Reader, SubjectKey};
    use crate::keys::{Answer, LocalKey};
    use crate::store::{Activities, Because, KeySelector, Store};

    /// Texts of master keys: that of before, and the new one.
    struct Masters {
        old: zeroize::Zeroizing<String>,
        new: zeroize::Zeroizing<String>,
    }

    impl Masters {
        fn new() -> Self {
            Self { old: InterchangeKey::generate(), new: InterchangeKey::generate() }
        }

        fn old(&self) -> Arc<LocalKey> {
            Arc::new(LocalKey::from_text(&self.old).unwrap())
        }

        fn new_alone(&self) -> Arc<LocalKey> {
            Arc::new(LocalKey::from_text(&self.new).unwrap())
        }

        fn both(&self) -> Arc<LocalKey> {
            let mut new = LocalKey::from_text(&self.new).unwrap();
            new.add_previous(LocalKey::from_text(&self.old).unwrap()).unwrap();
            Arc::new(new)
        }
    }

    async fn custody(folder: &Path, provider: Arc<dyn KeyProvider>) -> (Store, Custody) {
        let clock = Clock::fixed(NOON);
        let store = opened(folder, &clock);
        let custody = Custody::open(store.clone(), provider, clock).await.unwrap();
        (store, custody)
    }

    async fn key(custody: &Custody, who: &str) -> Arc<SubjectKey> {
        custody.key(&custody.lookup(&person(who)), None, "favourites", NOON.day()).await.unwrap()
    }

    #[tokio::test]
    async fn everything_is_under_the_new_master_key_and_opens_as_before() {
        let (folder, masters) = (tempfile::tempdir().unwrap(), Masters::new());
        let (store, before) = custody(folder.path(), masters.old()).await;
        let domain: Arc<str> = "favourites".into();
        let pseudonym = before.pseudonyms(&domain).await.unwrap().of("ada");
        let record = keep(&store, key(&before, "ada").await, NOON).await;
        let persons = u64::from(BATCH) * 2 + 7;
        for number in 1..persons {
            key(&before, &format!("p{number}")).await;
        }
        let lookup = before.lookup(&person("ada"));

        before.exchange(masters.both()).await;
        let minted = key(&before, "eve").await;
        let report = before.rewrap().await.unwrap();
        assert_eq!(report, Rewrapped { keys: persons, secrets: 2, foreign: Foreign::default() });
        assert_eq!(before.rewrap().await.unwrap(), Rewrapped::default(), "there is nothing left to do");
        drop(before);
        store.close().await;
        drop(store);

        let (store, after) = custody(folder.path(), masters.new_alone()).await;
        assert_eq!(after.lookup(&person("ada")), lookup);
        assert_eq!(after.pseudonyms(&domain).await.unwrap().of("ada"), pseudonym);
        after.open_record(&record, Reader::Source).await.unwrap();
        assert_eq!(key(&after, "eve").await.id, minted.id);
        let all = store.keys(None, 10_000).await.unwrap();
        let new = masters.new_alone();
        assert!(all.len() as u64 == persons + 1 && all.iter().all(|key| new.is_current(&key.wrapped)));
    }

    #[tokio::test]
    async fn what_no_known_master_key_opens_is_counted_and_left() {
        let (folder, masters) = (tempfile::tempdir().unwrap(), Masters::new());
        let (store, custody) = custody(folder.path(), masters.old()).await;
        let (ada, bob) = (key(&custody, "ada").await, key(&custody, "bob").await);
        let wrapped = Masters::new().old().wrap(b"", &[7; 32]).await.unwrap();
        let change = Change {
            keyring: vec![KeyringChange::Rewrap { id: ada.id, wrapped: wrapped.clone() }],
            ..Change::default()
        };
        store.commit(change).await.unwrap();
        custody.exchange(masters.both()).await;
        let domain = || WrappedSecret {
            name: format!("{DOMAIN_PREFIX}favourites"),
            version: 3,
            wrapped: wrapped.clone(),
        };
        let change = Change { keyring: vec![KeyringChange::PutSecret(domain())], ..Change::default() };
        store.commit(change).await.unwrap();
        let foreign = Foreign {
            keys: [(("favourites".to_owned(), NOON.day()), 1)].into(),
            secrets: vec![(domain().name, 3)],
        };
        assert_eq!(foreign.count(), 2);
        assert_eq!(custody.rewrap().await.unwrap(), Rewrapped { keys: 1, secrets: 1, foreign });
        assert_eq!(store.key_by_id(ada.id).await.unwrap().unwrap().wrapped, wrapped);
        let bob = store.key_by_id(bob.id).await.unwrap().unwrap();
        assert!(masters.new_alone().is_current(&bob.wrapped));
        // It goes as every key does.
        let which = KeySelector::Person { reference: ada.reference, activities: Activities::AllBut(vec![]) };
        let destroy = KeyringChange::DestroyKeys { which, because: Because::Erasure };
        store.commit(Change { keyring: vec![destroy], ..Change::default() }).await.unwrap();
        let foreign = Foreign { secrets: vec![(domain().name, 3)], ..Foreign::default() };
        assert_eq!(custody.rewrap().await.unwrap(), Rewrapped { foreign, ..Rewrapped::default() });
    }

    /// A master key that is slow to wrap.
    struct Slow {
        key: Arc<LocalKey>,
        asked: Notify,
        answers: Notify,
    }

    impl KeyProvider for Slow {
        fn wrap<'a>(&'a self, context: &'a [u8], secret: &'a [u8]) -> Answer<'a, Vec<u8>> {
            Box::pin(async move {
                self.asked.notify_one();
                self.answers.notified().await;
                self.key.wrap(context, secret).await
            })
        }

        fn unwrap<'a>(
            &'a self,
            context: &'a [u8],
            wrapped: &'a [u8],
        ) -> Answer<'a, zeroize::Zeroizing<Vec<u8>>> {
            self.key.unwrap(context, wrapped)
        }

        fn is_current(&self, wrapped: &[u8]) -> bool {
            self.key.is_current(wrapped)
        }
    }

    #[tokio::test]
    async fn a_key_that_is_being_made_while_the_master_key_changes_is_not_missed() {
        let (folder, masters) = (tempfile::tempdir().unwrap(), Masters::new());
        let slow = Arc::new(Slow { key: masters.old(), asked: Notify::new(), answers: Notify::new() });
        // For the look-up secret.
        slow.answers.notify_one();
        let (store, custody) = custody(folder.path(), slow.clone()).await;
        slow.asked.notified().await;

        let minting = tokio::spawn({
            let custody = custody.clone();
            async move { key(&custody, "ada").await }
        });
        slow.asked.notified().await;
        let mut exchange = std::pin::pin!(custody.exchange(masters.both()));
        let waits = poll_fn(|context| Poll::Ready(exchange.as_mut().poll(context).is_pending())).await;
        assert!(waits, "it would be in force before what was wrapped under the one of before is queued");
        // Whoever asked for it does not wait for it any more; it is kept all the same, or was never queued.
        slow.answers.notify_one();
        exchange.await;
        minting.abort();
        let report = custody.rewrap().await.unwrap();
        assert_eq!((report.keys, report.foreign.count()), (1, 0));
        let all = store.keys(None, 10).await.unwrap();
        assert_eq!(all.len(), 1);
        assert!(all.iter().all(|key| masters.new_alone().is_current(&key.wrapped)), "{all:?}");
    }
}
