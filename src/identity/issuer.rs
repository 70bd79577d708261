//! The issuers that the operator named.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use zeroize::Zeroizing;

use super::jwks::{Fetch, Jwks};
use super::keyset::{Key, KeySet};
use super::{CredentialError, SetupError};

/// An issuer as written.
#[derive(Debug)]
pub struct IssuerConfig {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud` that its tokens must have, one of these.
    pub audiences: Vec<String>,
    /// The algorithms it may use. HMAC stands alone: never beside a public key.
    pub algorithms: Vec<Algorithm>,
    /// The `typ` that its tokens may have: `at+jwt`, `JWT`. A token without one counts as `JWT` (RFC 7519 section 5.1).
    pub types: Vec<String>,
    /// The namespace in which its `sub` means a person. Two issuers that share one mean the same people.
    pub namespace: Arc<str>,
    /// Where its keys are.
    pub keys: KeySource,
}

/// Where the keys of an issuer are.
pub enum KeySource {
    /// A secret of 32 bytes or more, for HMAC.
    Secret(Zeroizing<Vec<u8>>),
    /// A public key in PEM.
    PublicKey(Vec<u8>),
    /// The https address of a JWK Set.
    Jwks(String),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(…)"),
            Self::PublicKey(_) => f.write_str("PublicKey(…)"),
            Self::Jwks(url) => f.debug_tuple("Jwks").field(url).finish(),
        }
    }
}

/// An issuer as run.
pub(super) struct Issuer {
    pub(super) name: Arc<str>,
    pub(super) audiences: Vec<String>,
    pub(super) namespace: Arc<str>,
    pub(super) keys: Keys,
    algorithms: Vec<Algorithm>,
    types: Vec<String>,
}

pub(super) enum Keys {
    /// Swapped by a reload.
    Given(ArcSwap<KeySet>),
    Fetched(Arc<Jwks>),
}

fn given(keys: KeySet) -> Keys {
    Keys::Given(ArcSwap::from_pointee(keys))
}

impl Issuer {
    pub(super) fn compile(config: IssuerConfig, fetch: &Fetch) -> Result<Self, SetupError> {
        let IssuerConfig { issuer, audiences, algorithms, types, namespace, keys } = config;
        let empty = |what| SetupError::Empty { issuer: issuer.clone(), what };
        if audiences.is_empty() {
            return Err(empty("audience"));
        }
        if types.is_empty() {
            return Err(empty("type"));
        }
        if algorithms.is_empty() {
            return Err(empty("algorithm"));
        }
        let keys = match keys {
            KeySource::Secret(secret) => given(secret_key(&issuer, &secret, &algorithms)?),
            KeySource::PublicKey(pem) => given(public_key(&issuer, &pem, &algorithms)?),
            KeySource::Jwks(url) => {
                if algorithms.iter().any(|algorithm| algorithm.family() == AlgorithmFamily::Hmac) {
                    let why = "a key set holds public keys, HMAC needs a secret";
                    return Err(SetupError::Algorithms { issuer, why });
                }
                if !is_protected(&url) {
                    return Err(SetupError::JwksAddress { issuer });
                }
                Keys::Fetched(Arc::new(Jwks::new(url, algorithms.clone(), fetch.clone())))
            }
        };
        let types = types.iter().map(|typ| media_type(typ)).collect();
        Ok(Self { name: issuer.into(), audiences, namespace, keys, algorithms, types })
    }

    /// Whether the issuer may use this algorithm and this type.
    pub(super) fn admits(&self, algorithm: Algorithm, typ: Option<&str>) -> Result<(), CredentialError> {
        if !self.algorithms.contains(&algorithm) {
            return Err(CredentialError::Algorithm);
        }
        let typ = media_type(typ.unwrap_or("JWT"));
        if !self.types.contains(&typ) {
            return Err(CredentialError::Type);
        }
        Ok(())
    }
}

/// A `typ` in the one form that is compared: without `application/`, in lower case (RFC 7515 section 4.1.9).
fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
}

/// How long a secret must be, in bytes: at least as long as the hash (RFC 7518 section 3.2).
pub(super) fn least_secret(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::HS512 => 64,
        Algorithm::HS384 => 48,
        _ => 32,
    }
}

fn secret_key(issuer: &str, secret: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, SetupError> {
    let key_error = |why| SetupError::Key { issuer: issuer.to_owned(), why };
    if algorithms.iter().any(|algorithm| algorithm.family() != AlgorithmFamily::Hmac) {
        let why = "a secret is for HMAC only";
        return Err(SetupError::Algorithms { issuer: issuer.to_owned(), why });
    }
    if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(key_error("a PEM key is no secret: name it as `public_key`"));
    }
    if let Some(algorithm) = algorithms.iter().copied().max_by_key(|algorithm| least_secret(*algorithm))
        && let least = least_secret(algorithm)
        && secret.len() < least
    {
        return Err(SetupError::ShortSecret { issuer: issuer.to_owned(), algorithm, least });
    }
    Ok(KeySet::of_one(Key::new(None, algorithms.to_vec(), DecodingKey::from_secret(secret), b"")))
}

fn public_key(issuer: &str, pem: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, SetupError> {
    let key_error = |why| SetupError::Key { issuer: issuer.to_owned(), why };
    let algorithms_error = |why| SetupError::Algorithms { issuer: issuer.to_owned(), why };
    let needle = b"PRIVATE KEY-----";
    if pem.windows(needle.len()).any(|window| window == needle) {
        return Err(key_error("this is a private key: give the gateway the public half only"));
    }
    let Some(family) = algorithms.first().map(|algorithm| algorithm.family()) else {
        return Err(algorithms_error("there is none"));
    };
    if algorithms.iter().any(|algorithm| algorithm.family() != family) {
        return Err(algorithms_error("one key serves one family of algorithms"));
    }
    let key = match family {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
        AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
        AlgorithmFamily::Hmac => return Err(algorithms_error("HMAC needs a secret, not a public key")),
    };
    let key =
        key.map_err(|_| key_error("it is not a public key in PEM of the kind that the algorithms need"))?;
    if family == AlgorithmFamily::Ec {
        let curve = match key.try_get_as_bytes().map_or(0, <[u8]>::len) {
            65 => Algorithm::ES256,
            97 => Algorithm::ES384,
            _ => return Err(key_error("it is on a curve that no algorithm here uses")),
        };
        if algorithms.iter().any(|algorithm| *algorithm != curve) {
            return Err(algorithms_error("ES256 is for keys on P-256, ES384 for P-384"));
        }
    }
    Ok(KeySet::of_one(Key::new(None, algorithms.to_vec(), key, pem)))
}

/// Whether nobody between here and there can change what is fetched.
fn is_protected(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let here = host == "localhost"
        || host == "[::1]"
        || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback());
    !host.is_empty() && (uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && here)
}
