//! Tokens for development: what `consentry token` prints.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::clock::{Clock, Timestamp};
use crate::crypto::{Mac, random};

use super::authenticate::{Identity, IdentityConfig, Refusal, nowhere};
use super::issuer::{IssuerConfig, least_secret};
use super::{CredentialError, SetupError};

/// What a development token says.
#[derive(Clone, Debug, Default)]
pub struct DevelopmentToken {
    /// `iss`, an issuer with a `secret_file`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// With what it is signed: one of HMAC.
    pub algorithm: Algorithm,
    /// `typ`; `at+jwt` where it is not said.
    pub typ: Option<String>,
    /// `sub`.
    pub sub: String,
    /// `client_id`; equal to `sub` for a program.
    pub client_id: Option<String>,
    /// `scope`.
    pub scopes: Vec<String>,
    /// `purpose`.
    pub purpose: Option<String>,
    /// `reason`.
    pub reason: Option<String>,
    /// Further claims; none of them replaces one of those above.
    pub claims: Map<String, Value>,
    /// How long it is valid.
    pub ttl: Duration,
}

/// Why a token was not issued.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The gateway would not accept it either.
    #[error("the secret is shorter than the hash of {algorithm:?}, {least} bytes: make a longer one")]
    ShortSecret {
        /// What was to sign.
        algorithm: Algorithm,
        /// How long it must be, in bytes.
        least: usize,
    },
    /// The issuer cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Setup(Vec<SetupError>),
    /// A gateway with this issuer would refuse it.
    #[error("the gateway would refuse it: {0}")]
    Refused(CredentialError),
    /// It could not be signed.
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Issues a token.
///
/// # Errors
/// Where the secret is too short, the algorithm is none of HMAC, or signing fails.
pub fn issue(token: &DevelopmentToken, secret: &[u8], now: Timestamp) -> Result<String, IssueError> {
    let algorithm = token.algorithm;
    let least = least_secret(algorithm);
    if secret.len() < least {
        return Err(IssueError::ShortSecret { algorithm, least });
    }
    let DevelopmentToken {
        issuer,
        audience,
        algorithm,
        typ,
        sub,
        client_id,
        scopes,
        purpose,
        reason,
        claims,
        ttl,
    } = token;
    let mut claims = claims.clone();
    let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    say("iss", issuer.as_str().into());
    say("aud", audience.as_str().into());
    say("sub", sub.as_str().into());
    say("iat", now.seconds().into());
    say("exp", now.plus(*ttl).seconds().into());
    say("jti", format!("{:032x}", u128::from_be_bytes(random::bytes())).into());
    for (name, value) in [("client_id", client_id), ("purpose", purpose), ("reason", reason)] {
        if let Some(value) = value {
            say(name, value.as_str().into());
        }
    }
    if !scopes.is_empty() {
        say("scope", scopes.join(" ").into());
    }
    let typ = typ.clone().unwrap_or_else(|| "at+jwt".to_owned());
    let header = Header { typ: Some(typ), ..Header::new(*algorithm) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).map_err(IssueError::Sign)
}

/// Asks the gateway's own reading of tokens whether it takes this one now.
///
/// # Errors
/// Where the issuer cannot be used, or the token is refused.
pub fn tried(issuer: IssuerConfig, token: &str, clock: Clock) -> Result<(), IssueError> {
    let now = clock.now();
    let mac = Mac::new(&random::bytes::<32>());
    let config =
        IdentityConfig { issuers: vec![issuer], api_keys: Vec::new(), fetch: nowhere(), mac, remember: 0 };
    let identity = Identity::new(config, clock).map_err(IssueError::Setup)?;
    match identity.accept(token, now) {
        Ok(_) => Ok(()),
        Err(Refusal::Credential(error)) => Err(IssueError::Refused(error)),
        Err(Refusal::Unknown(unknown)) => {
            Err(IssueError::Refused(unknown.error.unwrap_or(CredentialError::UnknownKey)))
        }
    }
}
