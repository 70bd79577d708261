//! SHA-256, plain and keyed. Several parts are hashed each with its length, so that no two lists of parts agree.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub type Digest = [u8; 32];

/// HMAC-SHA-256 under one secret. The keyed state is made once and cloned for each tag, which halves the cost for short
/// values.
#[derive(Clone)]
pub struct Mac(Hmac<Sha256>);

impl Mac {
    /// Under `secret`, of any length; 32 random bytes are the right choice.
    pub fn new(secret: &[u8]) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "RFC 2104 takes a key of any length; the error is there for other MACs"
        )]
        Self(Hmac::new_from_slice(secret).expect("HMAC takes a key of any length"))
    }

    /// The tag of `parts`, each counted in with its length.
    pub fn tag(&self, parts: &[&[u8]]) -> Digest {
        let mut state = self.0.clone();
        for part in parts {
            state.update(&(part.len() as u64).to_be_bytes());
            state.update(part);
        }
        state.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mac(…)")
    }
}

/// The plain hash of `bytes`, as `sha256sum` prints it. Never for personal data, as [`sha256`].
pub fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// The hash of `parts`, each counted in with its length. Never for personal data: an unkeyed hash of a name is the name
/// to whoever has a dictionary.
pub fn sha256(parts: &[&[u8]]) -> Digest {
    sha256_of(parts.iter().copied())
}

/// The same of parts that nobody has gathered.
pub fn sha256_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let mut state = Sha256::new();
    for part in parts {
        state.update((part.len() as u64).to_be_bytes());
        state.update(part);
    }
    state.finalize().into()
}

/// Lower-case hexadecimal digits. They are written in one place, so that whoever wipes the text of a secret leaves no copy.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(halves.filter_map(|half| char::from_digit(half.into(), 16)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let mac = Mac::new(b"secret");
        assert_ne!(mac.tag(&[b"ab", b"c"]), mac.tag(&[b"a", b"bc"]));
        assert_ne!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
        assert_eq!(mac.tag(&[b"ab", b"c"]), mac.clone().tag(&[b"ab", b"c"]));
        assert_ne!(mac.tag(&[b"ab"]), Mac::new(b"other").tag(&[b"ab"]));
    }

    #[test]
    fn the_plain_hash_is_the_one_that_everybody_computes() {
        // FIPS 180-4, "abc".
        assert_eq!(hex(&digest(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn one_empty_key_does_not_equal_another_key() {
        assert_ne!(Mac::new(b"").tag(&[b"x"]), Mac::new(b"k").tag(&[b"x"]));
    }
}
