//! Who may do what. The unix socket's mode (0600) is its authentication; over TLS a bearer token is asked for, of which
//! the deployment holds the hash alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::crypto::{Digest, digest, random};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs the gateway: reload, retention, figures.
    Operator,
    /// Acts for persons: consent, restriction, objection, erasure; and all that an auditor may.
    Officer,
    /// Reads the audit.
    Auditor,
    /// Reads health and figures, for those who watch the gateway.
    Monitor,
}

impl Role {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[Self::Operator, Self::Officer, Self::Auditor, Self::Monitor];

    /// The role of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.word() == text)
    }

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Officer => "officer",
            Self::Auditor => "auditor",
            Self::Monitor => "monitor",
        }
    }

    /// Whether whoever holds this role may do what asks for `needed`.
    pub fn covers(self, needed: Self) -> bool {
        self == needed
            || matches!((self, needed), (Self::Officer, Self::Auditor) | (Self::Operator, Self::Monitor))
    }
}

/// A token as the deployment holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is, for those who read the deployment and the log.
    pub name: String,
    /// What for.
    pub role: Role,
    /// SHA-256 of the token. Without a salt: a token is 256 random bits, which no dictionary has.
    pub hash: Digest,
}

/// Who may come in.
#[derive(Clone, Debug)]
pub enum Access {
    /// Whoever can open the socket, in any role.
    Socket,
    /// Whoever holds one of these.
    Tokens(Vec<Grant>),
}

impl Access {
    /// Whether whoever sends this head may do anything here at all.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        self.permits(bearer(headers), Role::Auditor) != Decision::Unknown
    }

    /// Whether the bearer of `token` may do what asks for `needed`.
    pub(super) fn permits(&self, token: Option<&str>, needed: Role) -> Decision {
        if let Self::Socket = self {
            return Decision::Yes;
        }
        match token.and_then(|token| self.grant(token)) {
            Some(grant) if grant.role.covers(needed) => Decision::Yes,
            Some(_) => Decision::No,
            None => Decision::Unknown,
        }
    }

    /// Whose token this is. Every grant is compared, and each in constant time, so that the time tells nothing of which one it was.
    pub(super) fn grant(&self, token: &str) -> Option<&Grant> {
        let Self::Tokens(grants) = self else { return None };
        let hash = hash(token);
        grants
            .iter()
            .fold(None, |found, grant| if bool::from(grant.hash.ct_eq(&hash)) { Some(grant) } else { found })
    }
}

/// The token that a head bears. The scheme is spelt in any case (RFC 9110 section 11.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim_matches(' '))
}

/// What [`Access`] decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Yes,
    /// A token that is for something else.
    No,
    /// No token, or none that is known.
    Unknown,
}

/// A new token, and the hash of it that the deployment holds.
pub fn new_token() -> (Zeroizing<String>, Digest) {
    let secret = Zeroizing::new(random::bytes::<32>());
    let token = Zeroizing::new(format!("ca_{}", URL_SAFE_NO_PAD.encode(secret.as_slice())));
    let hash = hash(&token);
    (token, hash)
}

fn hash(token: &str) -> Digest {
    digest(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_what_its_role_covers() {
        let (token, hash) = new_token();
        let access = Access::Tokens(vec![Grant { name: "dpo".into(), role: Role::Officer, hash }]);
        assert_eq!(access.permits(Some(&token), Role::Officer), Decision::Yes);
        assert_eq!(access.permits(Some(&token), Role::Auditor), Decision::Yes);
        assert_eq!(access.permits(Some(&token), Role::Operator), Decision::No);
        assert_eq!(access.permits(Some("ca_other"), Role::Officer), Decision::Unknown);
        assert_eq!(access.permits(None, Role::Officer), Decision::Unknown);
        assert_eq!(Access::Socket.permits(None, Role::Operator), Decision::Yes);
    }

    #[test]
    fn who_watches_reads_figures_and_does_nothing() {
        for &role in Role::ALL {
            assert_eq!(Role::parse(role.word()), Some(role));
            assert_eq!(Role::Monitor.covers(role), role == Role::Monitor);
            assert_eq!(role.covers(Role::Monitor), matches!(role, Role::Operator | Role::Monitor));
        }
    }

    #[test]
    fn the_scheme_is_spelt_in_any_case() {
        let of = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).map(str::to_owned)
        };
        for good in ["Bearer ca_x", "bearer ca_x", "BEARER  ca_x "] {
            assert_eq!(of(good).as_deref(), Some("ca_x"), "{good}");
        }
        for none in ["ca_x", "Basic ca_x", "Bearerca_x", "Bearer"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
