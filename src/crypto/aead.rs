//! Sealing: AES-256-GCM with the context bound in, so that a ciphertext opens in its own place only.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::random;

/// The first byte of everything sealed: how the rest is to be read.
const VERSION: u8 = 1;
const TAG_LEN: usize = 16;

/// What stands before a ciphertext: version and nonce.
type Head = [u8; 1 + NONCE_LEN];

/// A key for AES-256-GCM; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for wrapping.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key made ready to seal and open.
    pub fn sealer(&self) -> Sealer {
        Sealer(UnboundKey::new(&AES_256_GCM, &self.0).ok().map(LessSafeKey::new))
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// Seals and opens under one key. Nonces are 96 random bits: with one key per person, activity and day a collision is
/// out of reach (NIST SP 800-38D section 8.3 allows 2^32 of them).
pub struct Sealer(Option<LessSafeKey>);

/// What is sealed does not open: another key, another context, or another ciphertext than was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed does not open here: the key, the context or the ciphertext is another")]
pub struct OpenError;

impl Sealer {
    /// Seals `plaintext`, bound to `context`, as version, nonce, ciphertext and tag.
    ///
    /// # Errors
    /// Only if the library refuses the key or the length; nothing is returned in clear.
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut sealed = Vec::new();
        self.seal_onto(context, plaintext, &mut sealed)?;
        Ok(sealed)
    }

    /// The same, added to the end of `out`. After an error nothing of the plaintext is in it.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn seal_onto(&self, context: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        out.reserve(1 + NONCE_LEN + plaintext.len() + TAG_LEN);
        let start = out.len() + 1 + NONCE_LEN;
        out.extend_from_slice(&[0; 1 + NONCE_LEN]);
        out.extend_from_slice(plaintext);
        let (before, text) = out.split_at_mut_checked(start).ok_or(OpenError)?;
        let (head, tag) = self.seal_in_place(context, text)?;
        before.last_chunk_mut().map(|place| *place = head).ok_or(OpenError)?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Seals `text` where it stands. What belongs before it, and the tag, which belongs behind it, come back.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; then `text` is wiped.
    pub fn seal_in_place(&self, context: &[u8], text: &mut [u8]) -> Result<(Head, [u8; TAG_LEN]), OpenError> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let sealed = self.0.as_ref().and_then(|key| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            key.seal_in_place_separate_tag(nonce, Aad::from(context), text).ok()
        });
        let Some(tag) = sealed.and_then(|tag| tag.as_ref().try_into().ok()) else {
            text.zeroize();
            return Err(OpenError);
        };
        let mut head = [VERSION; 1 + NONCE_LEN];
        head.iter_mut().skip(1).zip(nonce).for_each(|(to, byte)| *to = byte);
        Ok((head, tag))
    }

    /// Opens what was sealed with the same context.
    ///
    /// # Errors
    /// [`OpenError`] for another key, another context, a changed or a cut ciphertext; which of them is not told.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let key = self.0.as_ref().ok_or(OpenError)?;
        let (&version, rest) = sealed.split_first().ok_or(OpenError)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(OpenError)?;
        if version != VERSION {
            return Err(OpenError);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = key.open_in_place(nonce, Aad::from(context), &mut body).map_err(|_| OpenError)?.len();
        body.truncate(length);
        Ok(body)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_and_context_only() {
        let (key, other) = (DataKey::generate(), DataKey::generate());
        let sealed = key.sealer().seal(b"ada/email", b"ada@example.org").unwrap();
        assert_eq!(key.sealer().open(b"ada/email", &sealed).unwrap().as_slice(), b"ada@example.org");
        assert!(key.sealer().open(b"bob/email", &sealed).is_err());
        assert!(other.sealer().open(b"ada/email", &sealed).is_err());
    }

    #[test]
    fn it_is_the_same_wherever_it_is_sealed() {
        let sealer = DataKey::generate().sealer();
        let mut out = b"before".to_vec();
        sealer.seal_onto(b"ada", b"36", &mut out).unwrap();
        let mut text = b"37".to_vec();
        let (head, tag) = sealer.seal_in_place(b"ada", &mut text).unwrap();
        assert!(out.starts_with(b"before") && out.len() == 6 + 1 + NONCE_LEN + 2 + TAG_LEN);
        assert_eq!(sealer.open(b"ada", &out[6..]).unwrap().as_slice(), b"36");
        assert_eq!(sealer.open(b"ada", &[&head, &*text, &tag].concat()).unwrap().as_slice(), b"37");
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let sealer = DataKey::generate().sealer();
        let sealed = sealer.seal(b"", b"36").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(b"", &changed).is_err(), "byte {at}");
            assert!(sealer.open(b"", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = DataKey::from_bytes([0x41; 32]);
        assert_eq!(format!("{key:?} {:?}", key.sealer()), "DataKey(…) Sealer(…)");
    }
}
