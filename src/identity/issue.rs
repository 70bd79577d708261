//! Tokens for development: what `consentry token` prints.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::clock::Timestamp;
use crate::crypto::random;

/// What a development token says.
#[derive(Clone, Debug, Default)]
pub struct DevelopmentToken {
    /// `iss`, an issuer with a `secret_file`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
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
    #[error("the secret is shorter than 32 bytes")]
    ShortSecret,
    /// It could not be signed.
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Issues a token of type `at+jwt`, signed with HS256.
///
/// # Errors
/// Where the secret is too short or signing fails.
pub fn issue(token: &DevelopmentToken, secret: &[u8], now: Timestamp) -> Result<String, IssueError> {
    if secret.len() < 32 {
        return Err(IssueError::ShortSecret);
    }
    let DevelopmentToken { issuer, audience, sub, client_id, scopes, purpose, reason, claims, ttl } = token;
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
    let header = Header { typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).map_err(IssueError::Sign)
}
