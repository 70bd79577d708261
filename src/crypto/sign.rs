//! Ed25519 signatures (RFC 8032), for the audit's checkpoints and for what is handed out as evidence.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

/// The half that signs.
pub struct SigningKey(Ed25519KeyPair);

/// The half that anybody may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

/// A signing key could not be made, read or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no Ed25519 signing key in PKCS #8")]
pub struct SignError;

impl SigningKey {
    /// A new random key.
    ///
    /// # Errors
    /// Where the library cannot make one.
    pub fn generate() -> Result<Self, SignError> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| SignError)
    }

    /// Reads a key in PKCS #8.
    ///
    /// # Errors
    /// Where the bytes are not one.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignError> {
        Ed25519KeyPair::from_pkcs8(der).map(Self).map_err(|_| SignError)
    }

    /// The key in PKCS #8, for wrapping.
    ///
    /// # Errors
    /// Where the library cannot write it.
    pub fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SignError> {
        let der = self.0.to_pkcs8v1().map_err(|_| SignError)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The half that verifies.
    pub fn public(&self) -> VerifyingKey {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(self.0.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        VerifyingKey(bytes)
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.iter_mut().zip(self.0.sign(message).as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl VerifyingKey {
    /// The 32 bytes of RFC 8032.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key() {
        let key = SigningKey::generate().unwrap();
        let signature = key.sign(b"count 7");
        assert!(key.public().verify(b"count 7", &signature));
        assert!(!key.public().verify(b"count 8", &signature));
        assert!(!SigningKey::generate().unwrap().public().verify(b"count 7", &signature));
    }

    #[test]
    fn a_key_survives_being_written_down() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(&key.pkcs8().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        assert!(SigningKey::from_pkcs8(b"no key").is_err());
    }
}
