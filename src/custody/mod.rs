//! A person's keys and kept records, over keys and store: mint, seal, open, destroy, retention.
//!
//! | what | sealed or keyed with | lives in |
//! |---|---|---|
//! | a person's look-up tag | HMAC-SHA-256 under the look-up secret | keyring |
//! | pseudonyms of a domain | HMAC-SHA-256 under the domain's secret | nowhere: made anew |
//! | a kept field | AES-256-GCM under the key of (person, activity, UTC day), bound to its place | data |
//! | keys and secrets | wrapped under the master key by a [`KeyProvider`] | keyring |
//!
//! INVARIANT: a key or secret is durable in the keyring before anything is sealed or keyed with it.
//! INVARIANT: nothing here is returned in clear, or sealed under a lesser key, because a part is down: it is an error.
//!
//! While the key provider is down, keys in memory are used until [`KEY_LIFE`] ends; then, and for persons who have none
//! in memory, it is [`CustodyError::Unavailable`]. Look-up and domain secrets stay for the life of the process.

mod cache;
mod error;
mod json;
mod list;
mod record;
pub mod retention;
mod rotation;
mod vault;

pub use cache::SubjectKey;
pub use error::CustodyError;
pub use record::{Kept, OpenedRecord, RecordDraft};
pub use rotation::{Foreign, Rewrapped};

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::action::Pseudonyms;
use crate::audit::{Event, What};
use crate::clock::{Clock, Day};
use crate::crypto::{DataKey, Digest, Mac, random};
use crate::keys::KeyProvider;
use crate::personal::{Person, Reference};
use crate::store::{
    Change, Entry, KeyringChange, SealedRecord, Store, StoreError, WrappedKey, WrappedSecret,
};

use cache::Keys;
use vault::Vault;

/// How long an unwrapped key is used before the key provider is asked for it again.
pub const KEY_LIFE: Duration = Duration::from_mins(10);
/// How many persons' keys are in memory at most: about 1 KB each.
const PERSONS: usize = 20_000;
/// The name of the look-up secret in the keyring. A domain's has a prefix, so that no domain can take it.
const LOOKUP: &str = "lookup";
const DOMAIN_PREFIX: &str = "domain/";
/// How often a mint begins anew because somebody else was first.
const ATTEMPTS: usize = 4;

/// Who wants to read a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The activity that keeps it, or one that answers from it and does not outlive it.
    Source,
    /// An activity that may outlive its source, or the person themself.
    Outliving,
}

/// Keys and records of persons. Clones share all.
#[derive(Clone)]
pub struct Custody(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Vault,
    clock: Clock,
    lookup: Mac,
    domains: RwLock<HashMap<Arc<str>, Arc<Pseudonyms>>>,
    keys: Keys,
}

impl Custody {
    /// Opens the look-up secret, or makes it at the first start.
    ///
    /// # Errors
    /// Where the key provider or the store does not answer, or the keyring was wrapped under another master key.
    pub async fn open(
        store: Store,
        provider: Arc<dyn KeyProvider>,
        clock: Clock,
    ) -> Result<Self, CustodyError> {
        let vault = Vault::new(provider, clock.clone());
        let (_, secret) = secret(&store, &vault, LOOKUP).await?;
        Ok(Self(Arc::new(Inner {
            lookup: Mac::new(secret.expose()),
            keys: Keys::new(PERSONS),
            domains: RwLock::default(),
            store,
            vault,
            clock,
        })))
    }

    /// The tag under which the keyring knows a person. Equal identifiers of two namespaces have two.
    pub fn lookup(&self, person: &Person) -> Digest {
        self.0.lookup.tag(&[person.namespace.as_bytes(), person.identifier.expose().as_bytes()])
    }

    /// A secret that stays the same for the life of the keyring, for a keyed tag that no other room can make: `what` is
    /// its use, one word of the house's own.
    pub fn derived(&self, what: &str) -> Zeroizing<Vec<u8>> {
        // Three parts: no tag of a person, which has two, is one of these.
        Zeroizing::new(self.0.lookup.tag(&[b"consentry derived secret v1", what.as_bytes(), b""]).to_vec())
    }

    /// The pseudonyms of a domain, if its secret is in memory. Never blocks for long.
    pub fn cached_pseudonyms(&self, domain: &str) -> Option<Arc<Pseudonyms>> {
        self.0.domains.read().unwrap_or_else(PoisonError::into_inner).get(domain).cloned()
    }

    /// The pseudonyms of a domain; its secret is made at first use. Two domains share nothing (EDPB 01/2025).
    ///
    /// # Errors
    /// Where the key provider or the store does not answer.
    pub async fn pseudonyms(&self, domain: &Arc<str>) -> Result<Arc<Pseudonyms>, CustodyError> {
        if let Some(known) = self.cached_pseudonyms(domain) {
            return Ok(known);
        }
        let (version, secret) =
            secret(&self.0.store, &self.0.vault, &format!("{DOMAIN_PREFIX}{domain}")).await?;
        let made = Arc::new(Pseudonyms { version, mac: Mac::new(secret.expose()) });
        let mut domains = self.0.domains.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(domains.entry(Arc::clone(domain)).or_insert(made)))
    }

    /// The key of (person, activity, day), if it is in memory. Never blocks.
    pub fn cached_key(
        &self,
        lookup: &Digest,
        reference: Option<Reference>,
        activity: &str,
        day: Day,
    ) -> Option<Arc<SubjectKey>> {
        self.0.keys.get(lookup, reference, activity, day, self.0.clock.now())
    }

    /// The key of (person, activity, day), minted if there is none. Only for a permitted exchange that has something to
    /// store: it may write to the keyring, and gives the person a reference if they have none.
    ///
    /// # Errors
    /// [`CustodyError::Unavailable`] and [`CustodyError::Store`] where a part does not answer;
    /// [`CustodyError::Forgotten`] where `reference` was erased meanwhile: look the standing up again.
    pub async fn key(
        &self,
        lookup: &Digest,
        reference: Option<Reference>,
        activity: &str,
        day: Day,
    ) -> Result<Arc<SubjectKey>, CustodyError> {
        if let Some(key) = self.cached_key(lookup, reference, activity, day) {
            return Ok(key);
        }
        // Read before the keyring is, so that a key destroyed in between is not remembered.
        let generation = self.0.keys.generation(lookup);
        let mut known = reference;
        for _ in 0..ATTEMPTS {
            let wrapped = match self.found(known, activity, day).await? {
                Some(wrapped) => wrapped,
                None => match self.mint(lookup, known, activity, day).await {
                    // Another exchange of this person gave them their reference first.
                    Err(CustodyError::Store(StoreError::Superseded(theirs))) if reference.is_none() => {
                        known = Some(theirs);
                        continue;
                    }
                    minted => minted?,
                },
            };
            let key = Arc::new(self.opened(&wrapped).await?);
            self.0.keys.put(lookup, generation, &key);
            return Ok(key);
        }
        Err(CustodyError::Forgotten)
    }

    /// Opens every field of a kept record.
    ///
    /// # Errors
    /// [`CustodyError::Destroyed`] where its key is gone, or closed to this reader: the record is unknown;
    /// [`CustodyError::Damaged`] where a ciphertext is not the one that was sealed at this place.
    pub async fn open_record(
        &self,
        record: &SealedRecord,
        reader: Reader,
    ) -> Result<OpenedRecord, CustodyError> {
        let wrapped = self.0.store.key_by_id(record.key).await?.ok_or(CustodyError::Destroyed)?;
        if wrapped.source_closed && reader == Reader::Source {
            return Err(CustodyError::Destroyed);
        }
        record::open(&self.opened(&wrapped).await?, record)
    }

    /// Forgets a person's keys in memory. Call it once their destruction is durable.
    pub fn forget(&self, lookup: &Digest) {
        self.0.keys.forget(lookup);
    }

    async fn found(
        &self,
        reference: Option<Reference>,
        activity: &str,
        day: Day,
    ) -> Result<Option<WrappedKey>, CustodyError> {
        let Some(reference) = reference else { return Ok(None) };
        let key = self.0.store.key(reference, activity, day).await?;
        Ok(key.filter(|key| !key.source_closed))
    }

    /// Puts a new key, and with it a new reference where none is known, into the keyring in one change.
    async fn mint(
        &self,
        lookup: &Digest,
        reference: Option<Reference>,
        activity: &str,
        day: Day,
    ) -> Result<WrappedKey, CustodyError> {
        let person = reference.unwrap_or_else(|| Reference::from_bytes(random::bytes()));
        let id = random::bytes();
        let context = key_context(&id, person, activity, day);
        let (wrapped, in_force) = self.0.vault.wrap(&DataKey::generate(), &context).await?;
        let mut change = Change::default();
        if reference.is_none() {
            change.keyring.push(KeyringChange::PutSubject { lookup: *lookup, reference: person });
        }
        change.keyring.push(KeyringChange::PutKey(WrappedKey {
            id,
            reference: person,
            activity: activity.to_owned(),
            day,
            source_closed: false,
            wrapped,
        }));
        let (at, name) = (self.0.clock.now(), activity.to_owned());
        change.events.push(Entry::Told(Box::new(move |done| {
            done.keys
                .iter()
                .any(|minted| minted.new)
                .then(|| Event { at, what: What::KeyMinted { activity: &name, day, person } }.encoded())
        })));
        let queued = self.0.store.queue(change)?;
        drop(in_force);
        let done = queued.await.map_err(|error| match error {
            StoreError::Forgotten => CustodyError::Forgotten,
            other => CustodyError::Store(other),
        })?;
        // First wins: it may be another's.
        done.keys.into_iter().next().map(|minted| minted.key).ok_or(CustodyError::Forgotten)
    }

    async fn opened(&self, wrapped: &WrappedKey) -> Result<SubjectKey, CustodyError> {
        let context = key_context(&wrapped.id, wrapped.reference, &wrapped.activity, wrapped.day);
        let key = self.0.vault.unwrap(&wrapped.wrapped, &context).await?;
        Ok(SubjectKey::new(wrapped, &key, self.0.clock.now().plus(KEY_LIFE)))
    }
}

impl std::fmt::Debug for Custody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Custody(…)")
    }
}

/// The newest secret of this name, made if there is none. Whoever writes first wins, and all use that one.
async fn secret(store: &Store, vault: &Vault, name: &str) -> Result<(u32, DataKey), CustodyError> {
    let found = match store.secret(name).await? {
        Some(found) => found,
        None => {
            let (wrapped, in_force) = vault.wrap(&DataKey::generate(), &secret_context(name, 1)).await?;
            let put = WrappedSecret { name: name.to_owned(), version: 1, wrapped };
            let change = Change { keyring: vec![KeyringChange::PutSecret(put)], ..Change::default() };
            let queued = store.queue(change)?;
            drop(in_force);
            let done = queued.await?;
            done.secrets.into_iter().next().ok_or(CustodyError::Store(StoreError::Unavailable(None)))?
        }
    };
    Ok((found.version, vault.unwrap(&found.wrapped, &secret_context(name, found.version)).await?))
}

/// What a wrapped secret is bound to.
fn secret_context(name: &str, version: u32) -> Vec<u8> {
    context(&[b"consentry secret v1", name.as_bytes(), &version.to_be_bytes()])
}

/// What a wrapped key is bound to, so that it opens in its own row of the keyring only.
fn key_context(id: &[u8; 16], reference: Reference, activity: &str, day: Day) -> Vec<u8> {
    let day = day.number().to_be_bytes();
    context(&[b"consentry data key v1", id, reference.as_bytes(), activity.as_bytes(), &day])
}

/// Parts, each with its length before it, so that no two lists of parts agree.
fn context(parts: &[&[u8]]) -> Vec<u8> {
    context_with_room(parts, 0)
}

/// The same with room for as many bytes behind it.
fn context_with_room(parts: &[&[u8]], room: usize) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len() + 8).sum();
    let mut context = Vec::with_capacity(length + room);
    for part in parts {
        context.extend_from_slice(&(part.len() as u64).to_be_bytes());
        context.extend_from_slice(part);
    }
    context
}

#[cfg(test)]
pub(crate) mod tests;
