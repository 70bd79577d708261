//! A JSON Web Token taken apart: its form and its claims, before and after its signature is verified.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::personal::Personal;

use super::CredentialError as Wrong;

/// The longest token that is looked at, in bytes.
pub(super) const LONGEST: usize = 8 * 1024;

/// How far an issuer's clock may be ahead of ours, in seconds: for `nbf` and `iat`. `exp` is taken at its word.
const SKEW: i64 = 60;

/// A token in the compact form of RFC 7515.
pub(super) struct Token<'t> {
    /// What the signature is over.
    pub(super) signed: &'t str,
    pub(super) signature: &'t str,
    pub(super) header: Header,
    pub(super) claims: Claims,
}

/// The header. `jku`, `x5u`, `jwk` and `x5c` are not even read: keys come from the operator's configuration alone.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) typ: Option<String>,
    pub(super) kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
    #[serde(default, deserialize_with = "present")]
    zip: bool,
}

/// `true` for whatever value stands there, `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// The claims that the gateway knows, and the rest of the texts and integers.
#[derive(Default)]
pub(super) struct Claims {
    pub(super) iss: Option<String>,
    pub(super) sub: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) purpose: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) others: Vec<(Box<str>, Personal<String>)>,
    /// Those that conditions name, as they came.
    pub(super) wanted: Vec<(Box<str>, Value)>,
    aud: Vec<String>,
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
    bound: bool,
}

impl<'t> Token<'t> {
    /// Takes `text` apart, and keeps the claims `wanted` as they came. Nothing of it is to be believed until its signature is
    /// verified.
    pub(super) fn parse(text: &'t str, wanted: &[Box<str>]) -> Result<Self, Wrong> {
        if text.len() > LONGEST {
            return Err(Wrong::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Wrong::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Wrong::Malformed)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Wrong::Malformed)?;
        let unsupported = [("crit", header.crit), ("b64", header.b64), ("zip", header.zip)];
        if let Some((name, _)) = unsupported.into_iter().find(|(_, there)| *there) {
            return Err(Wrong::Header(name));
        }
        let members: Members = serde_json::from_slice(&decoded(payload)?).map_err(|_| Wrong::Malformed)?;
        Ok(Self { signed, signature, header, claims: Claims::new(members, wanted)? })
    }
}

/// A payload with a dot in it, as an encrypted token has, is not base64url.
fn decoded(part: &str) -> Result<Vec<u8>, Wrong> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Wrong::Malformed)
}

/// The members of an object in their order: a map would drop one of two with the same name in silence.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Claims {
    fn new(Members(mut members): Members, wanted: &[Box<str>]) -> Result<Self, Wrong> {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if members.iter().zip(members.iter().skip(1)).any(|(one, next)| one.0 == next.0) {
            return Err(Wrong::Duplicate);
        }
        let mut claims = Self::default();
        for (name, value) in members {
            if wanted.iter().any(|wanted| **wanted == *name) {
                claims.wanted.push((name.as_str().into(), value.clone()));
            }
            match name.as_str() {
                "iss" => claims.iss = Some(text("iss", value)?),
                "sub" => claims.sub = Some(name_of("sub", value)?),
                "client_id" => claims.client_id = Some(name_of("client_id", value)?),
                "aud" => claims.aud = texts("aud", value)?,
                "exp" => claims.exp = Some(numeric_date("exp", &value)?),
                "nbf" => claims.nbf = Some(numeric_date("nbf", &value)?),
                "iat" => claims.iat = Some(numeric_date("iat", &value)?),
                "scope" => claims.scopes.append(&mut texts("scope", value)?),
                "scp" => claims.scopes.append(&mut texts("scp", value)?),
                "purpose" => claims.purpose = Some(text("purpose", value)?),
                "reason" => claims.reason = Some(text("reason", value)?),
                "cnf" => claims.bound = true,
                _ => claims.others.extend(plain(value).map(|value| (name.into(), Personal::new(value)))),
            }
        }
        Ok(claims)
    }

    /// Whether the token is for one of `audiences`, and for now; until when it is.
    pub(super) fn check(&self, audiences: &[String], now: Timestamp) -> Result<Timestamp, Wrong> {
        if self.bound {
            return Err(Wrong::SenderBound);
        }
        if !self.aud.iter().any(|aud| audiences.contains(aud)) {
            return Err(Wrong::Audience);
        }
        let exp = self.exp.ok_or(Wrong::Claim("exp"))?;
        let now = now.seconds();
        if now >= exp {
            return Err(Wrong::Expired);
        }
        let ahead = now.saturating_add(SKEW);
        if self.nbf.is_some_and(|nbf| nbf > ahead) || self.iat.is_some_and(|iat| iat > ahead) {
            return Err(Wrong::NotYet);
        }
        Ok(Timestamp::from_millis(exp.saturating_mul(1000)))
    }
}

fn text(name: &'static str, value: Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Wrong::Claim(name)),
    }
}

/// A text that names somebody: an empty one names nobody.
fn name_of(name: &'static str, value: Value) -> Result<String, Wrong> {
    text(name, value).and_then(|text| if text.is_empty() { Err(Wrong::Claim(name)) } else { Ok(text) })
}

/// One text or several.
fn texts(name: &'static str, value: Value) -> Result<Vec<String>, Wrong> {
    match value {
        Value::Array(items) => items.into_iter().map(|item| text(name, item)).collect(),
        other => Ok(vec![text(name, other)?]),
    }
}

/// Seconds since 1970, perhaps with a fraction (RFC 7519 section 2).
fn numeric_date(name: &'static str, value: &Value) -> Result<i64, Wrong> {
    // Whatever is beyond the years that an i64 can count saturates.
    let whole = |seconds: f64| seconds.floor() as i64;
    value.as_i64().or_else(|| value.as_f64().map(whole)).ok_or(Wrong::Claim(name))
}

/// The text of a claim that may name a data subject. A number with a fraction has several spellings: it names nobody.
fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}
