//! API keys for programs that have no issuer: `ck_`, an id, `_`, a secret of 256 random bits. Only a hash is kept. For
//! a random secret a plain SHA-256 is right: there is nothing to guess, so nothing to slow down.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::condition::CallerFacts;
use crate::crypto::{Mac, digest, hex, random};
use crate::personal::Personal;

use super::caller::Kind;
use super::{Caller, CredentialError, Ending, KeyId, Scopes, SetupError};

/// What every API key begins with, and no token does.
pub(super) const PREFIX: &str = "ck_";
/// Digits of an id.
const ID: usize = 16;
/// The `issuer` of callers with an API key.
const ISSUER: &str = "api-key";

/// An API key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyEntry {
    /// The part of the key by which its entry is found: 16 hexadecimal digits, not secret.
    pub id: String,
    /// Whose key it is. Two keys of the same name are the same caller, so that one can be exchanged for the other.
    pub name: String,
    /// The hash of the whole key.
    pub hash: KeyHash,
    /// What it allows.
    pub scopes: Vec<String>,
    /// Until when.
    pub expires: Timestamp,
    /// The namespace in which the program speaks of persons.
    pub namespace: Arc<str>,
    /// Whether it is refused from now on.
    pub revoked: bool,
}

/// The SHA-256 of an API key, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

/// The text is not the hash of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hash of an API key is `sha256:` and 64 hexadecimal digits")]
pub struct NotAKeyHash;

impl KeyHash {
    fn of(key: &str) -> Self {
        Self(digest(key.as_bytes()))
    }

    /// The hash itself.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for KeyHash {
    type Err = NotAKeyHash;

    fn from_str(text: &str) -> Result<Self, NotAKeyHash> {
        let digits = text.strip_prefix("sha256:").ok_or(NotAKeyHash)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(NotAKeyHash);
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            let [high, low] = pair.map(digit);
            *byte = high.ok_or(NotAKeyHash)? << 4 | low.ok_or(NotAKeyHash)?;
        }
        Ok(Self(bytes))
    }
}

/// A new API key.
pub struct ApiKey {
    /// The key itself, to be shown once.
    pub text: Zeroizing<String>,
    /// What is kept of it.
    pub entry: ApiKeyEntry,
}

impl ApiKey {
    /// Makes a key.
    pub fn generate(
        name: impl Into<String>,
        scopes: Vec<String>,
        namespace: impl Into<Arc<str>>,
        expires: Timestamp,
    ) -> Self {
        let id = hex(&random::bytes::<{ ID / 2 }>());
        let secret = Zeroizing::new(hex(&*Zeroizing::new(random::bytes::<32>())));
        let text = Zeroizing::new(format!("{PREFIX}{id}_{}", *secret));
        let (hash, revoked) = (KeyHash::of(&text), false);
        let entry = ApiKeyEntry {
            id,
            name: name.into(),
            hash,
            scopes,
            expires,
            namespace: namespace.into(),
            revoked,
        };
        Self { text, entry }
    }
}

/// Shows what is kept, not the key.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// All API keys, as run.
#[derive(Default)]
pub(super) struct ApiKeys(HashMap<String, Known>);

struct Known {
    id: KeyId,
    hash: KeyHash,
    revoked: bool,
    caller: Arc<Caller>,
}

impl ApiKeys {
    pub(super) fn compile(entries: Vec<ApiKeyEntry>, mac: &Mac) -> Result<Self, Vec<SetupError>> {
        let mut keys = HashMap::with_capacity(entries.len());
        let mut errors = Vec::new();
        for entry in entries {
            let ApiKeyEntry { id, name, hash, scopes, expires, namespace, revoked } = entry;
            let Some(key_id) = KeyId::parse(&id) else {
                errors.push(SetupError::ApiKeyId { name });
                continue;
            };
            let scopes = Scopes::new(scopes);
            let facts = CallerFacts::new(Kind::ApiKey.word(), &namespace, scopes.iter(), std::iter::empty());
            let caller = Caller {
                hash: Caller::hash_of(mac, Kind::ApiKey, &namespace, &name),
                id: Personal::new(name.clone()),
                namespace,
                subject: None,
                scopes,
                facts: Some(facts),
                purpose: None,
                reason: None,
                issuer: ISSUER.into(),
                expires,
                claims: Box::default(),
            };
            let known = Known { id: key_id, hash, revoked, caller: Arc::new(caller) };
            if keys.insert(id, known).is_some() {
                errors.push(SetupError::ApiKeyTwice { name });
            }
        }
        if errors.is_empty() { Ok(Self(keys)) } else { Err(errors) }
    }

    pub(super) fn namespaces(&self) -> Vec<Arc<str>> {
        self.0.values().map(|known| Arc::clone(&known.caller.namespace)).collect()
    }

    /// When keys end, revoked ones aside. Not those that end soon, or have ended, and whose holder has another that lasts: who
    /// exchanges keys leaves the one before to its end.
    pub(super) fn ends(&self, now: Timestamp) -> Vec<Ending> {
        let end = |known: &Known| Ending { id: known.id, expires: known.caller.expires };
        let lasting: HashSet<_> =
            self.standing().filter(|known| !end(known).is_soon(now)).map(|known| known.caller.hash).collect();
        let ends =
            self.standing().filter(|known| !end(known).is_soon(now) || !lasting.contains(&known.caller.hash));
        ends.map(end).collect()
    }

    /// Those of [`Self::ends`] that end soon, or have ended, the first to end first.
    pub(super) fn ending(&self, now: Timestamp) -> Vec<Ending> {
        let mut ending = self.ends(now);
        ending.retain(|key| key.is_soon(now));
        ending.sort_unstable_by_key(|key| (key.expires, key.id));
        ending
    }

    fn standing(&self) -> impl Iterator<Item = &Known> {
        self.0.values().filter(|known| !known.revoked)
    }

    /// Whose key this is. The hashes are compared in constant time, and an unknown id costs what a known one does.
    pub(super) fn find(&self, key: &str, now: Timestamp) -> Result<&Arc<Caller>, CredentialError> {
        let id = key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).map(|(id, _)| id);
        let known = id.and_then(|id| self.0.get(id));
        let expected = known.map_or([0; 32], |known| known.hash.0);
        let same = bool::from(KeyHash::of(key).0.ct_eq(&expected));
        let known = known.filter(|_| same).ok_or(CredentialError::ApiKeyUnknown)?;
        if known.revoked {
            return Err(CredentialError::ApiKeyRevoked(known.id));
        }
        if now >= known.caller.expires {
            return Err(CredentialError::ApiKeyExpired(known.id));
        }
        Ok(&known.caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_as_it_is_written() {
        let key = ApiKey::generate("batch", vec!["predict".into()], "staff", Timestamp::from_millis(1));
        assert_eq!(key.entry.hash.to_string().parse(), Ok(key.entry.hash));
        assert_eq!(key.text.len(), 3 + 16 + 1 + 64);
        assert!(!format!("{key:?}").contains(&*key.text));
        for wrong in ["", "sha256:", "sha256:zz", &"0".repeat(64), &format!("sha256:{}", "+1".repeat(32))] {
            assert_eq!(wrong.parse::<KeyHash>(), Err(NotAKeyHash), "{wrong}");
        }
    }
}
