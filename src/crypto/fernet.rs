//! Fernet, towards upstream and caller only: any library of theirs opens it. It binds no context, so nothing that is
//! kept is sealed with it.

use fernet::Fernet;
use zeroize::Zeroizing;

/// A Fernet key shared with another side: 32 bytes in URL-safe base64.
#[derive(Clone)]
pub struct InterchangeKey(Fernet);

/// Why a Fernet key or token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InterchangeError {
    /// The key is not one.
    #[error("this is no Fernet key: it must be 32 bytes in URL-safe base64, 44 characters")]
    Key,
    /// The token does not open.
    #[error("the token does not open under this key")]
    Token,
}

impl InterchangeKey {
    /// Reads a key; white space around it does not count.
    ///
    /// # Errors
    /// [`InterchangeError::Key`] where it is not 32 bytes in URL-safe base64.
    pub fn parse(text: &str) -> Result<Self, InterchangeError> {
        Fernet::new(text.trim()).map(Self).ok_or(InterchangeError::Key)
    }

    /// A new random key, as text.
    pub fn generate() -> Zeroizing<String> {
        use base64::Engine as _;
        let bytes = Zeroizing::new(super::random::bytes::<32>());
        Zeroizing::new(base64::engine::general_purpose::URL_SAFE.encode(bytes.as_slice()))
    }

    /// A token that holds `plaintext`.
    pub fn encrypt(&self, plaintext: &[u8]) -> String {
        self.0.encrypt(plaintext)
    }

    /// What a token holds, however old it is.
    ///
    /// # Errors
    /// [`InterchangeError::Token`] for a token of another key, or a changed one.
    pub fn decrypt(&self, token: &str) -> Result<Zeroizing<Vec<u8>>, InterchangeError> {
        self.0.decrypt(token).map(Zeroizing::new).map_err(|_| InterchangeError::Token)
    }
}

impl std::fmt::Debug for InterchangeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InterchangeKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_under_its_key_only() {
        let key = InterchangeKey::parse(&InterchangeKey::generate()).unwrap();
        let other = InterchangeKey::parse(&InterchangeKey::generate()).unwrap();
        let token = key.encrypt(b"ada");
        assert_eq!(key.decrypt(&token).unwrap().as_slice(), b"ada");
        assert_eq!(other.decrypt(&token), Err(InterchangeError::Token));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(InterchangeKey::parse("c2hvcnQ=").unwrap_err(), InterchangeError::Key);
    }
}
