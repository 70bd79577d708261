//! The keys of an issuer, each bound to the algorithms it may be used with (RFC 8725 section 3.1).

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::crypto::sha256;

/// RFC 7517 sets are small; one that is not is not a set of signing keys.
const MOST_KEYS: usize = 100;

/// How many keys are tried where a token names none.
const MOST_TRIED: usize = 4;

/// A key that verifies.
pub(super) struct Key {
    /// The id in the set; none where the operator gave the key itself.
    pub(super) kid: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
    /// What tells it from other keys.
    print: [u8; 32],
}

impl Key {
    pub(super) fn new(
        kid: Option<String>,
        algorithms: Vec<Algorithm>,
        key: DecodingKey,
        material: &[u8],
    ) -> Self {
        let uses = format!("{kid:?} {algorithms:?}");
        Self { kid, algorithms, key, print: sha256(&[uses.as_bytes(), material]) }
    }

    fn verifies(&self, algorithm: Algorithm, signed: &str, signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.key, algorithm).unwrap_or(false)
    }
}

/// What came of looking for the key of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Verified,
    NoSuchKey,
    WrongSignature,
}

/// All keys of an issuer.
#[derive(Default)]
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    pub(super) fn of_one(key: Key) -> Self {
        Self(vec![key])
    }

    /// Looks for a key that may be used with `algorithm` and has the id, and verifies with it. A key without an id is
    /// one that the operator gave: there is no other, and the token's `kid` says nothing. The id is only ever compared.
    pub(super) fn verify(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        signed: &str,
        signature: &str,
    ) -> Verdict {
        let fits = |key: &&Key| {
            let named = key.kid.as_deref().is_none_or(|own| kid.is_none_or(|kid| kid == own));
            named && key.algorithms.contains(&algorithm)
        };
        let mut verdict = Verdict::NoSuchKey;
        for key in self.0.iter().filter(fits).take(MOST_TRIED) {
            if key.verifies(algorithm, signed, signature) {
                return Verdict::Verified;
            }
            verdict = Verdict::WrongSignature;
        }
        verdict
    }

    /// Whether each key of `self` is in `other` too, for the same uses.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|key| other.0.iter().any(|own| own.print == key.print))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a JWK Set (RFC 7517). Keys that are not for signatures, of another kind than `algorithms` need,
    /// symmetric, or published with their private half are passed over; none where the document is not a key set.
    /// Keys without an id get an empty one, which only a token without an id can mean.
    pub(super) fn from_jwks(document: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(document).ok()?;
        if document.keys.len() > MOST_KEYS {
            return None;
        }
        let jwks = document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Some(Self(jwks.filter_map(|jwk| jwk.compile(algorithms)).collect()))
    }
}

/// A key of a set, as written.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<IgnoredAny>,
}

impl Jwk {
    fn compile(self, algorithms: &[Algorithm]) -> Option<Key> {
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !signs || self.d.is_some() {
            return None;
        }
        let (family, key, material) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (self.n?, self.e?);
                (AlgorithmFamily::Rsa.algorithms(), DecodingKey::from_rsa_components(&n, &e), [n, e])
            }
            ("EC", Some(curve)) => {
                let (x, y) = (self.x?, self.y?);
                let algorithm: &[Algorithm] = match curve {
                    "P-256" => &[Algorithm::ES256],
                    "P-384" => &[Algorithm::ES384],
                    _ => return None,
                };
                (algorithm, DecodingKey::from_ec_components(&x, &y), [x, y])
            }
            ("OKP", Some("Ed25519")) => {
                let x = self.x?;
                (AlgorithmFamily::Ed.algorithms(), DecodingKey::from_ed_components(&x), [x, String::new()])
            }
            _ => return None,
        };
        let own = match &self.alg {
            Some(alg) => Some(alg.parse::<Algorithm>().ok()?),
            None => None,
        };
        let uses: Vec<Algorithm> = algorithms
            .iter()
            .copied()
            .filter(|algorithm| family.contains(algorithm) && own.is_none_or(|own| own == *algorithm))
            .collect();
        if uses.is_empty() {
            return None;
        }
        Some(Key::new(Some(self.kid.unwrap_or_default()), uses, key.ok()?, material.join(".").as_bytes()))
    }
}
