//! Cryptography, as little of it as the house needs: sealing with bound context, keyed and plain hashes, Fernet towards
//! others, signatures for checkpoints, random bytes. Who supplies the keys is not known here.
//!
//! | for | what | from |
//! |---|---|---|
//! | all that is kept | AES-256-GCM, context as associated data ([`Sealer`]) | aws-lc-rs |
//! | pseudonyms, look-ups | HMAC-SHA-256, its keyed state cloned ([`Mac`]) | hmac, sha2 |
//! | values shared with another side | Fernet ([`InterchangeKey`]) | fernet |
//! | checkpoints | Ed25519 ([`SigningKey`]) | aws-lc-rs |
//! | nonces and names | ChaCha20 generator per thread, seeded by the system ([`random`]) | rand_chacha |

mod aead;
mod fernet;
mod hash;
pub mod random;
mod sign;

pub use aead::{DataKey, OpenError, Sealer};
pub use fernet::{InterchangeError, InterchangeKey};
pub use hash::{Digest, Mac, digest, hex, sha256, sha256_of};
pub use sign::{SignError, SigningKey, VerifyingKey};
