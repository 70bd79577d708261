//! An issuer of our own, good and bad.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::*;
use crate::clock::{Clock, Timestamp};
use crate::crypto::{Mac, random};
use crate::problem::{Challenge, Problem, Rejection};

pub(super) const NOW: i64 = 1_795_421_350;

/// A key that signs.
pub(super) enum Signer {
    Secret(Vec<u8>),
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    pub(super) fn secret() -> Self {
        Self::Secret(random::bytes::<32>().to_vec())
    }

    pub(super) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(super) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    pub(super) fn alg(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    pub(super) fn pem(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Secret(_) => panic!("a secret has no public half"),
            Self::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Self::Ec(pair) => pair.public_key().as_der().unwrap(),
            Self::Ed(pair) => pair.public_key().as_der().unwrap(),
        };
        let body = STANDARD.encode(der.as_ref());
        let lines: Vec<_> =
            body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")).into_bytes()
    }

    pub(super) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Secret(secret) => json!({ "kty": "oct", "kid": kid, "k": text(secret) }),
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let (n, e) =
                    (text(n.big_endian_without_leading_zero()), text(e.big_endian_without_leading_zero()));
                json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": n, "e": e })
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": text(&point[1..33]), "y": text(&point[33..]) })
            }
            Self::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(pair.public_key().as_ref()) })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Secret(secret) => hmac(secret, message),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token of exactly this header and these claims.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        self.raw(&header.to_string(), &claims.to_string())
    }

    pub(super) fn raw(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    pub(super) fn header(&self) -> Value {
        json!({ "alg": self.alg(), "typ": "at+jwt" })
    }
}

pub(super) fn hmac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    use aws_lc_rs::hmac;
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

/// `object` with `changes` put over it; a null takes a member away.
pub(super) fn with(mut object: Value, changes: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

pub(super) fn claims() -> Value {
    json!({
        "iss": "https://id.example.org", "aud": "consentry", "sub": "u1", "client_id": "shop", "exp": NOW + 300,
        "iat": NOW, "scope": "predict research", "purpose": "product-recommendation", "customer": 4711,
    })
}

pub(super) fn issuer(keys: KeySource, algorithms: &[Algorithm]) -> IssuerConfig {
    IssuerConfig {
        issuer: "https://id.example.org".into(),
        audiences: vec!["consentry".into()],
        algorithms: algorithms.to_vec(),
        types: vec!["at+jwt".into(), "JWT".into()],
        namespace: "customers".into(),
        keys,
    }
}

/// The issuer that a signer is, by its key.
pub(super) fn issuer_of(signer: &Signer) -> IssuerConfig {
    let keys = match signer {
        Signer::Secret(secret) => KeySource::Secret(Zeroizing::new(secret.clone())),
        _ => KeySource::PublicKey(signer.pem()),
    };
    issuer(keys, &[signer.alg().parse().unwrap()])
}

pub(super) fn clock() -> Clock {
    Clock::fixed(Timestamp::from_millis(NOW * 1000))
}

pub(super) fn config(issuers: Vec<IssuerConfig>, api_keys: Vec<ApiKeyEntry>, fetch: Fetch) -> IdentityConfig {
    IdentityConfig { issuers, api_keys, fetch, mac: Mac::new(b"test"), remember: 1 << 20 }
}

pub(super) fn identity(issuers: Vec<IssuerConfig>, clock: &Clock) -> Identity {
    Identity::new(config(issuers, Vec::new(), Served::default().fetch()), clock.clone()).unwrap()
}

pub(super) fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

pub(super) fn authenticate(identity: &Identity, token: &str) -> Result<Arc<Caller>, Rejection> {
    identity.authenticate(&bearer(token), None)
}

/// Why the credential is refused; the caller sees the same answer for each.
pub(super) fn fault(identity: &Identity, token: &str) -> CredentialError {
    let rejection = authenticate(identity, token).unwrap_err();
    assert_eq!(rejection.problem, Problem::TokenInvalid);
    assert_eq!(rejection.challenge, Some(Challenge::InvalidToken));
    assert_eq!((rejection.detail, rejection.field, rejection.retry_after), (None, None, None));
    *rejection.cause.unwrap().downcast::<CredentialError>().unwrap()
}

/// A server of key sets that counts how often it is asked. It says the last thing for ever.
#[derive(Clone, Default)]
pub(super) struct Served {
    pub(super) asked: Arc<AtomicUsize>,
    says: Arc<Mutex<VecDeque<Option<String>>>>,
}

impl Served {
    pub(super) fn says(&self, document: Option<String>) {
        *self.says.lock().unwrap() = VecDeque::from([document]);
    }

    pub(super) fn keys(&self, keys: Vec<Value>) {
        self.says(Some(json!({ "keys": keys }).to_string()));
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn fetch(&self) -> Fetch {
        let served = self.clone();
        Arc::new(move |url: &str| {
            assert_eq!(url, "https://id.example.org/jwks");
            served.asked.fetch_add(1, Ordering::SeqCst);
            let document = served.says.lock().unwrap().front().cloned().flatten();
            Box::pin(async move { document.map(Bytes::from).ok_or_else(|| BoxError::from("no connection")) })
        })
    }
}
