//! Who calls, as the rest of the house sees them.

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::condition::CallerFacts;
use crate::crypto::Mac;
use crate::personal::{Person, Personal};

/// A set of scopes, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Box<[Box<str>]>);

impl Scopes {
    /// Those of `texts`, each of which may hold several, divided by spaces (RFC 6749 section 3.3).
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut scopes: Vec<Box<str>> = Vec::new();
        for text in texts {
            scopes.extend(text.as_ref().split(' ').filter(|scope| !scope.is_empty()).map(Box::from));
        }
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes.into())
    }

    /// Whether `scope` is one of them.
    pub fn has(&self, scope: &str) -> bool {
        self.0.binary_search_by(|own| (**own).cmp(scope)).is_ok()
    }

    /// Whether all of `scopes` are among them; so too if none is asked for.
    fn has_all(&self, scopes: &[impl AsRef<str>]) -> bool {
        scopes.iter().all(|scope| self.has(scope.as_ref()))
    }

    /// Whether one of `scopes` is among them; not so if none is asked for.
    fn has_any(&self, scopes: &[impl AsRef<str>]) -> bool {
        scopes.iter().any(|scope| self.has(scope.as_ref()))
    }

    /// Whether all of `all` are among them, and one of `any`, if it names some.
    pub fn meet(&self, all: &[impl AsRef<str>], any: &[impl AsRef<str>]) -> bool {
        self.has_all(all) && (any.is_empty() || self.has_any(any))
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|scope| &**scope)
    }
}

/// An authenticated caller.
pub struct Caller {
    /// A name that stays the same from token to token: the `sub`, the `client_id` or the API key's name.
    pub id: Personal<String>,
    /// The namespace of the issuer, or of the API key.
    pub namespace: Arc<str>,
    /// The person who calls; none for a program (RFC 9068: `sub` equals `client_id`) and for an API key.
    pub subject: Option<Person>,
    /// What the credential allows.
    pub scopes: Scopes,
    /// The purpose that the token names.
    pub purpose: Option<String>,
    /// The reason that the token gives. May be free text: never log it.
    pub reason: Option<String>,
    /// The `iss` of the token, or `api-key`.
    pub issuer: Arc<str>,
    /// When the credential expires.
    pub expires: Timestamp,
    /// A keyed hash of kind, namespace and id: the key of limits, and a tag for the audit.
    pub hash: u128,
    /// What conditions may know; `None` where there was no condition when the credential was accepted.
    pub facts: Option<CallerFacts>,
    /// The text and integer claims, by name.
    pub(super) claims: Box<[(Box<str>, Personal<String>)]>,
}

/// What kind of name an id is; a person, a program and an API key may bear the same one.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Person,
    Program,
    ApiKey,
}

impl Kind {
    /// What a condition calls it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Program => "program",
            Self::ApiKey => "api_key",
        }
    }
}

impl Caller {
    /// Whether nobody's own data goes with this credential: such a caller must have the right to act for others.
    pub fn is_program(&self) -> bool {
        self.subject.is_none()
    }

    /// The text or integer claim `name`; `sub` only where it means a person.
    pub fn claim(&self, name: &str) -> Option<&Personal<String>> {
        if name == "sub" {
            return self.subject.as_ref().map(|person| &person.identifier);
        }
        self.claims.iter().find(|(own, _)| &**own == name).map(|(_, value)| value)
    }

    /// The person whom `token.CLAIM` means.
    pub fn person(&self, claim: &str) -> Option<Person> {
        self.claim(claim)
            .map(|identifier| Person { namespace: self.namespace.clone(), identifier: identifier.clone() })
    }

    /// [`hash`](Self::hash) as the audit has it.
    pub fn tag(&self) -> [u8; 16] {
        self.hash.to_be_bytes()
    }

    pub(super) fn hash_of(mac: &Mac, kind: Kind, namespace: &str, id: &str) -> u128 {
        let kind: &[u8] = match kind {
            Kind::Person => b"person",
            Kind::Program => b"program",
            Kind::ApiKey => b"api key",
        };
        let tag = mac.tag(&[b"consentry caller v1", kind, namespace.as_bytes(), id.as_bytes()]);
        tag.first_chunk().map_or(0, |head| u128::from_be_bytes(*head))
    }
}

/// Says what the caller may, never who they are.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("namespace", &self.namespace)
            .field("program", &self.is_program())
            .field("scopes", &self.scopes)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_set() {
        let scopes = Scopes::new(["predict  research", "predict"]);
        assert_eq!(scopes.iter().collect::<Vec<_>>(), ["predict", "research"]);
        assert!(scopes.has_all(&["predict", "research"]) && !scopes.has_all(&["predict", "re-identify"]));
        assert!(scopes.has_any(&["re-identify", "predict"]) && !scopes.has_any(&["pred", ""]));
        assert!(scopes.has_all(&[""; 0]) && !scopes.has_any(&[""; 0]));
        assert!(
            scopes.meet(&["predict"], &["research", "re-identify"]) && scopes.meet(&["predict"], &[""; 0])
        );
        assert!(!scopes.meet(&["re-identify"], &["predict"]) && !scopes.meet(&["predict"], &["re-identify"]));
    }
}
