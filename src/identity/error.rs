//! What can be wrong with a credential, for the log, and with what the operator wrote, for the operator.

use jsonwebtoken::Algorithm;
use thiserror::Error;

use super::KeyId;

/// Why a credential was not accepted. INVARIANT: names the part at fault, never what stood there; an API key that is known by the
/// id that the operator wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CredentialError {
    /// Longer than 8 KiB.
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// Not three parts of base64url with JSON objects in the first two.
    #[error("the token is not well formed")]
    Malformed,
    /// A header parameter that this gateway does not follow, and that must not be ignored.
    #[error("the token's header has `{0}`, which is not supported")]
    Header(&'static str),
    /// No issuer of this name is configured.
    #[error("the token's issuer is not one of those configured")]
    Issuer,
    /// `none`, unknown, or not on the issuer's list.
    #[error("the token's algorithm is not one that its issuer may use")]
    Algorithm,
    /// Not on the issuer's list.
    #[error("the token's type is not one that its issuer may use")]
    Type,
    /// No key of the issuer has this id and algorithm.
    #[error("no key of the issuer has the token's key id and algorithm")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is missing, or not of the type that its specification asks for.
    #[error("the token's `{0}` is missing or not of the right form")]
    Claim(&'static str),
    /// A claim stands there twice.
    #[error("the token has a claim twice")]
    Duplicate,
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before its `nbf`, or issued in the future.
    #[error("the token is not valid yet")]
    NotYet,
    /// Bound to a key of the sender (`cnf`), which cannot be verified here, and which a bearer must not shed.
    #[error("the token is bound to its sender by `cnf`, which is not supported")]
    SenderBound,
    /// No API key is like this one.
    #[error("the API key is not known")]
    ApiKeyUnknown,
    /// The API key is past its expiry.
    #[error("the API key {0} has expired")]
    ApiKeyExpired(KeyId),
    /// The API key was revoked.
    #[error("the API key {0} was revoked")]
    ApiKeyRevoked(KeyId),
}

/// Why an issuer or an API key that the operator wrote cannot be used.
#[derive(Debug, Error)]
pub enum SetupError {
    /// Two issuers of the same name.
    #[error("the issuer `{issuer}` is there twice")]
    IssuerTwice {
        /// The issuer.
        issuer: String,
    },
    /// A list that must have something in it has nothing.
    #[error("the issuer `{issuer}` has no {what}")]
    Empty {
        /// The issuer.
        issuer: String,
        /// Which list.
        what: &'static str,
    },
    /// Algorithms of several families, or of another family than the key.
    #[error("the algorithms of the issuer `{issuer}` do not fit its key: {why}")]
    Algorithms {
        /// The issuer.
        issuer: String,
        /// In what way.
        why: &'static str,
    },
    /// The key cannot be used.
    #[error("the key of the issuer `{issuer}` cannot be used: {why}")]
    Key {
        /// The issuer.
        issuer: String,
        /// In what way.
        why: &'static str,
    },
    /// A secret that is easier to guess than what is signed with it (RFC 7518 section 3.2).
    #[error(
        "the secret of the issuer `{issuer}` is shorter than the hash of {algorithm:?}, {least} bytes: make a longer one"
    )]
    ShortSecret {
        /// The issuer.
        issuer: String,
        /// The algorithm with the longest hash of those that it may use.
        algorithm: Algorithm,
        /// How long it must be, in bytes.
        least: usize,
    },
    /// Keys would come over an unprotected connection.
    #[error("the key set of the issuer `{issuer}` must have an https address, or one of this host")]
    JwksAddress {
        /// The issuer.
        issuer: String,
    },
    /// Two API keys with the same id.
    #[error("the API key `{name}` has the id of another")]
    ApiKeyTwice {
        /// The key's name.
        name: String,
    },
    /// The id cannot stand in a key.
    #[error("the id of the API key `{name}` is not 16 hexadecimal digits")]
    ApiKeyId {
        /// The key's name.
        name: String,
    },
}
