//! From a request's head to its caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use percent_encoding::percent_decode_str;

use crate::clock::{Clock, Timestamp};
use crate::condition::CallerFacts;
use crate::crypto::Mac;
use crate::newest::Newest;
use crate::personal::{Person, Personal};
use crate::problem::{Challenge, Problem, Rejection};

use super::api_key::{ApiKeys, PREFIX};
use super::caller::Kind;
use super::issuer::{Issuer, Keys};
use super::jwks::{Amiss, BoxError, Fetch, Jwks, Refresher};
use super::keyset::{KeySet, Verdict};
use super::remembered::Remembered;
use super::token::{Claims, LONGEST, Token};
use super::{ApiKeyEntry, Caller, CredentialError, Ending, IssuerConfig, Scopes, SetupError};

/// Where an API key may stand, besides `Authorization: Bearer`.
pub const API_KEY_HEADER: HeaderName = HeaderName::from_static("consentry-api-key");

/// What the gateway is told of its callers.
pub struct IdentityConfig {
    /// The issuers of tokens.
    pub issuers: Vec<IssuerConfig>,
    /// The API keys.
    pub api_keys: Vec<ApiKeyEntry>,
    /// Fetches key sets.
    pub fetch: Fetch,
    /// Under which callers are hashed. The same after a reload, or their limits would begin anew.
    pub mac: Mac,
    /// About how much memory verified tokens may take, in bytes (16 MiB is some ten thousand).
    pub remember: u64,
}

/// Who may call. Shared by all threads.
pub struct Identity {
    clock: Clock,
    issuers: HashMap<Arc<str>, Issuer>,
    api_keys: Newest<ApiKeys>,
    /// Since when what the file of API keys says is not in force.
    refused: Mutex<Option<Timestamp>>,
    mac: Mac,
    remembered: Arc<Remembered>,
    /// The claims that conditions name; `None` where there is no condition.
    wanted: ArcSwapOption<Vec<Box<str>>>,
}

/// The keys of issuers that have them in files, in order and not yet in force.
pub struct NewIssuerKeys(Vec<(Arc<str>, Arc<KeySet>)>);

/// What is wrong, and whose fault it is.
pub(super) enum Refusal {
    Credential(CredentialError),
    /// The key may be in the set that is fetched next. Without an error there is no set, or none with a key: not the caller's fault.
    Unknown(Unknown),
}

/// A key that is not known.
pub(super) struct Unknown {
    jwks: Arc<Jwks>,
    /// How many fetches had ended when it was looked for.
    seen: u64,
    pub(super) error: Option<CredentialError>,
}

impl From<CredentialError> for Refusal {
    fn from(error: CredentialError) -> Self {
        Self::Credential(error)
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Credential(error) | Refusal::Unknown(Unknown { error: Some(error), .. }) => {
                Self::new(Problem::TokenInvalid).challenge(Challenge::InvalidToken).because(error)
            }
            Refusal::Unknown(Unknown { error: None, .. }) => Self::new(Problem::DependencyUnavailable)
                .detail(
                    "There is no key of the token's issuer at present, so no token of it can be verified.",
                )
                .retry_after(5),
        }
    }
}

impl Identity {
    /// Compiles what the operator wrote.
    ///
    /// # Errors
    /// All that is wrong with it, at once.
    pub fn new(config: IdentityConfig, clock: Clock) -> Result<Self, Vec<SetupError>> {
        // Explicit, and not needed as long as one provider is built in; whoever was first has installed the same one.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let IdentityConfig { issuers: written, api_keys, fetch, mac, remember } = config;
        let mut errors = Vec::new();
        let mut issuers: HashMap<Arc<str>, Issuer> = HashMap::new();
        for issuer in written {
            match Issuer::compile(issuer, &fetch) {
                Ok(issuer) if issuers.contains_key(&issuer.name) => {
                    errors.push(SetupError::IssuerTwice { issuer: issuer.name.to_string() });
                }
                Ok(issuer) => {
                    issuers.insert(issuer.name.clone(), issuer);
                }
                Err(error) => errors.push(error),
            }
        }
        let api_keys = ApiKeys::compile(api_keys, &mac).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            ApiKeys::default()
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let remembered = Arc::new(Remembered::new(remember));
        Ok(Self {
            clock,
            issuers,
            api_keys: Newest::new(api_keys),
            refused: Mutex::default(),
            mac,
            remembered,
            wanted: ArcSwapOption::empty(),
        })
    }

    /// Who sends this head. `query` is the request's, where no credential may stand (RFC 6750 section 2.3: it would
    /// be written to logs on the way).
    ///
    /// # Errors
    /// `authentication-required` without a credential, `request-malformed` with several, `token-invalid` for one that
    /// is not accepted, whatever the fault; `dependency-unavailable` while the issuer's keys have not been had.
    pub fn authenticate(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Arc<Caller>, Rejection> {
        let credential = credential(headers, query)?;
        self.accept(credential, self.clock.now()).map_err(|refusal| {
            if let Refusal::Unknown(unknown) = &refusal {
                unknown.jwks.want();
            }
            refusal.into()
        })
    }

    /// The same, but that a token with a key that is not known waits for the issuer's key set, at most 2 seconds, where that is
    /// being fetched or may be fetched now.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn authenticate_or_wait(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Arc<Caller>, Rejection> {
        let credential = credential(headers, query)?;
        match self.accept(credential, self.clock.now()) {
            Ok(caller) => Ok(caller),
            // Boxed: nearly no call waits.
            Err(Refusal::Unknown(unknown)) => Box::pin(self.wait(credential, unknown)).await,
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn wait(&self, credential: &str, unknown: Unknown) -> Result<Arc<Caller>, Rejection> {
        unknown.jwks.want();
        if !unknown.jwks.another(unknown.seen, self.clock.now()).await {
            return Err(Refusal::Unknown(unknown).into());
        }
        // Once: what is not in the set now makes nobody fetch it again.
        Ok(self.accept(credential, self.clock.now())?)
    }

    /// The namespaces in which credentials speak of persons, each once.
    pub fn namespaces(&self) -> Vec<Arc<str>> {
        let of_issuers = self.issuers.values().map(|issuer| Arc::clone(&issuer.namespace));
        let mut all: Vec<_> = of_issuers.chain(self.api_keys.load().namespaces()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Puts in force what `load` makes of the file of API keys, unless a list is in force that somebody began to read later: a key that
    /// is revoked there must not come back. Where it makes nothing, or something that is not in order, the keys before stay, and
    /// [`Self::api_keys_refused`] says so.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn renew_api_keys(
        &self,
        load: impl FnOnce() -> Result<Vec<ApiKeyEntry>, BoxError>,
    ) -> Result<(), BoxError> {
        let reading = self.api_keys.begin();
        let new = load().and_then(|entries| {
            ApiKeys::compile(entries, &self.mac).map_err(|errors| {
                let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
                texts.join("; ").into()
            })
        });
        self.note_api_keys(new.is_ok());
        self.api_keys.put(reading, new?);
        Ok(())
    }

    /// Since when the file of API keys is bad or gone, so that those before are in force: a key that is revoked in it works
    /// still.
    pub fn api_keys_refused(&self) -> Option<Timestamp> {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When each API key ends that is not revoked; of those that end soon or have ended, as [`Self::api_keys_ending`] says.
    pub fn api_key_ends(&self) -> Vec<Ending> {
        self.api_keys.load().ends(self.clock.now())
    }

    /// The API keys that end soon or have ended, and whose holder has no other that lasts.
    pub fn api_keys_ending(&self) -> Vec<Ending> {
        self.api_keys.load().ending(self.clock.now())
    }

    /// What time it is to whoever calls.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether what the file of API keys says is in force.
    fn note_api_keys(&self, in_force: bool) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = if in_force { None } else { refused.or_else(|| Some(self.clock.now())) };
    }

    /// Looks through the keys that issuers have in files, as they are now, and puts nothing in force.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn check_issuer_keys(written: Vec<IssuerConfig>) -> Result<NewIssuerKeys, Vec<SetupError>> {
        let (mut fresh, mut errors) = (Vec::new(), Vec::new());
        for issuer in written {
            // A key set is fetched by whoever keeps it fresh, and by nobody here.
            match Issuer::compile(issuer, &nowhere()) {
                Ok(Issuer { name, keys: Keys::Given(keys), .. }) => fresh.push((name, keys.into_inner())),
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(NewIssuerKeys(fresh)) } else { Err(errors) }
    }

    /// Puts keys of issuers in force. Which issuers there are, and what else is said of them, is as it was at the start. Tokens
    /// that are remembered are not asked about again until [`want`](Self::want).
    pub fn put_issuer_keys(&self, new: NewIssuerKeys) {
        for (name, keys) in new.0 {
            if let Some(Issuer { keys: Keys::Given(ours), .. }) = self.issuers.get(&name) {
                ours.store(keys);
            }
        }
    }

    /// Says which claims conditions name, from now on: nothing else is kept of a token for them. To be called before the
    /// conditions are in force: whoever is accepted afterwards is known as they need it.
    pub fn want(&self, claims: Option<Vec<Box<str>>>) {
        self.wanted.store(claims.map(Arc::new));
        // INVARIANT: after the store, as with keys: a token that is being verified meanwhile is of an epoch that has gone.
        self.remembered.forget();
    }

    /// Keeps the key sets of all issuers fresh, for as long as it is polled, on a runtime other than those that serve
    /// exchanges. Ends at once where no issuer has a key set.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut tasks = tokio::task::JoinSet::new();
        for refresher in self.refreshers() {
            tasks.spawn(refresher.run(self.clock.clone()));
        }
        while tasks.join_next().await.is_some() {}
    }

    /// The issuers whose keys are fetched; where no usable ones were had when that was last attempted, since when, and what is amiss.
    pub fn key_sets(&self) -> impl Iterator<Item = (Arc<str>, Option<(Timestamp, Amiss)>)> {
        self.issuers.values().filter_map(|issuer| match &issuer.keys {
            Keys::Given(_) => None,
            Keys::Fetched(jwks) => Some((issuer.name.clone(), jwks.failing())),
        })
    }

    pub(super) fn refreshers(&self) -> Vec<Refresher> {
        let refresher = |jwks: &Arc<Jwks>| Refresher::new(jwks.clone(), self.remembered.clone());
        let fetched = self.issuers.values().filter_map(|issuer| match &issuer.keys {
            Keys::Given(_) => None,
            Keys::Fetched(jwks) => Some(refresher(jwks)),
        });
        fetched.collect()
    }

    pub(super) fn accept(&self, credential: &str, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
        if credential.starts_with(PREFIX) {
            return Ok(self.api_keys.load().find(credential, now).cloned()?);
        }
        if credential.len() > LONGEST {
            return Err(CredentialError::TooLong.into());
        }
        if let Some(caller) = self.remembered.recall(credential, now) {
            return Ok(caller);
        }
        let epoch = self.remembered.epoch();
        let caller = Arc::new(self.verify(credential, now)?);
        self.remembered.keep(credential, caller.clone(), epoch);
        Ok(caller)
    }

    fn verify(&self, credential: &str, now: Timestamp) -> Result<Caller, Refusal> {
        let wanted = self.wanted.load();
        let token = Token::parse(credential, wanted.as_deref().map_or(&[], Vec::as_slice))?;
        let iss = token.claims.iss.as_deref().ok_or(CredentialError::Claim("iss"))?;
        let issuer = self.issuers.get(iss).ok_or(CredentialError::Issuer)?;
        let algorithm = token.header.alg.parse().map_err(|_| CredentialError::Algorithm)?;
        issuer.admits(algorithm, token.header.typ.as_deref())?;
        let kid = token.header.kid.as_deref();
        let verify = |keys: &KeySet| keys.verify(kid, algorithm, token.signed, token.signature);
        let (verdict, fetched) = match &issuer.keys {
            Keys::Given(keys) => (Some(verify(&keys.load())), None),
            Keys::Fetched(jwks) => {
                let seen = jwks.ended();
                (jwks.keys().as_deref().filter(|keys| !keys.is_empty()).map(verify), Some((jwks, seen)))
            }
        };
        let error = match verdict {
            Some(Verdict::NoSuchKey) => Some(CredentialError::UnknownKey),
            Some(Verdict::WrongSignature) => Some(CredentialError::Signature),
            Some(Verdict::Verified) | None => None,
        };
        if verdict != Some(Verdict::Verified) {
            // Without a key id, the key may be one that is not known yet.
            let may_come = error != Some(CredentialError::Signature) || kid.is_none();
            return Err(match fetched.filter(|_| may_come) {
                Some((jwks, seen)) => Refusal::Unknown(Unknown { jwks: jwks.clone(), seen, error }),
                None => error.unwrap_or(CredentialError::UnknownKey).into(),
            });
        }
        let expires = token.claims.check(&issuer.audiences, now)?;
        Ok(self.caller(token.claims, issuer, expires, wanted.is_some())?)
    }

    fn caller(
        &self,
        claims: Claims,
        issuer: &Issuer,
        expires: Timestamp,
        conditional: bool,
    ) -> Result<Caller, CredentialError> {
        let Claims { sub, client_id, scopes, purpose, reason, others, wanted, .. } = claims;
        let (kind, id) = match (sub, client_id) {
            (Some(sub), client_id) if client_id.as_ref() != Some(&sub) => (Kind::Person, sub),
            (_, Some(client_id)) => (Kind::Program, client_id),
            _ => return Err(CredentialError::Claim("sub")),
        };
        let namespace = issuer.namespace.clone();
        let subject = match kind {
            Kind::Person => Some(Person::new(namespace.clone(), id.clone())),
            Kind::Program | Kind::ApiKey => None,
        };
        let scopes = Scopes::new(scopes);
        let named = wanted.iter().map(|(name, value)| (&**name, value));
        let facts = conditional.then(|| CallerFacts::new(kind.word(), &namespace, scopes.iter(), named));
        Ok(Caller {
            hash: Caller::hash_of(&self.mac, kind, &namespace, &id),
            id: Personal::new(id),
            namespace,
            subject,
            scopes,
            facts,
            purpose,
            reason,
            issuer: issuer.name.clone(),
            expires,
            claims: others.into(),
        })
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.remembered.len()
    }
}

/// Shows nothing of the keys.
impl std::fmt::Debug for NewIssuerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewIssuerKeys").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("issuers", &self.issuers.keys()).finish_non_exhaustive()
    }
}

/// A way to fetch key sets that fetches none.
pub(super) fn nowhere() -> Fetch {
    Arc::new(|_| Box::pin(async { Err("no key set is fetched here".into()) }))
}

/// The one credential of a request.
fn credential<'h>(headers: &'h HeaderMap, query: Option<&str>) -> Result<&'h str, Rejection> {
    let several = || {
        Rejection::new(Problem::RequestMalformed).detail(
            "Send one credential, in one Authorization or Consentry-Api-Key header, and none in the query.",
        )
    };
    if query.is_some_and(names_a_token) {
        return Err(several());
    }
    let mut found = headers.get_all(AUTHORIZATION).into_iter().chain(headers.get_all(API_KEY_HEADER));
    let missing = || Rejection::new(Problem::AuthenticationRequired).challenge(Challenge::NoCredential);
    let Some(first) = found.next() else { return Err(missing()) };
    if found.next().is_some() {
        return Err(several());
    }
    let malformed = || {
        let error = CredentialError::Malformed;
        Rejection::new(Problem::TokenInvalid).challenge(Challenge::InvalidToken).because(error)
    };
    let text = first.to_str().map_err(|_| malformed())?;
    if !headers.contains_key(AUTHORIZATION) {
        return if text.starts_with(PREFIX) { Ok(text) } else { Err(malformed()) };
    }
    // Another scheme is no credential here (RFC 6750 section 3.1).
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(rest.trim_matches(' '))
}

/// Whether the query holds the parameter of RFC 6750 section 2.3, however it is spelt.
fn names_a_token(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        percent_decode_str(name).map(|byte| byte.to_ascii_lowercase()).eq(*b"access_token")
    })
}
