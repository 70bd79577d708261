//! What the journal answers where it cannot bear witness.

use crate::audit::Broken;
use crate::keys::KeyError;
use crate::store::StoreError;

use super::Unlike;

/// Why the journal did not do it. Where an intent or an outcome was to be kept, the exchange must be refused.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store cannot keep or read it.
    #[error("the journal cannot be kept or read at present")]
    Store(#[from] StoreError),
    /// The master key cannot be reached.
    #[error("the journal's signing key cannot be opened")]
    Key(#[source] KeyError),
    /// The master key is not the one that the keyring is under.
    #[error(
        "this is not the master key that the keyring was made with, or was last wrapped under: nothing that is kept could be read \
         with it. Where it is to take that one's place, name that one under `previous` of `keys`"
    )]
    WrongMasterKey,
    /// Some of the keyring may be under a master key that is not known.
    #[error(
        "a change of the master key is not finished: some of the keyring may be wrapped under a master key that `keys` does not name. \
         Name both, the one that is to stay in `keys` and the other under its `previous`, and run `consentry key rotate`"
    )]
    UnfinishedRotation,
    /// A secret that no part of this program wraps anew.
    #[error(
        "the keyring holds a secret `{0}` that this program does not know and that is under a master key of before: a newer program may \
         have put it there, and finishes the rotation. Leave `previous` of `keys` as it is until then"
    )]
    UnknownSecret(String),
    /// The versions of the check values are used up.
    #[error(
        "`{0}` in the keyring has the highest version that there is, so no other master key can be admitted: it was tampered with"
    )]
    Versions(&'static str),
    /// Two master keys were admitted at the same time, and the other was first.
    #[error("another master key was admitted at the same time")]
    Overtaken,
    /// The keyring holds keys, but what the journal keeps there is gone.
    #[error("the keyring lacks `{0}`, which was there: it was tampered with, or comes from elsewhere")]
    Missing(&'static str),
    /// The signing key cannot be made or read.
    #[error("the journal's signing key cannot be used")]
    Signing(#[source] crate::crypto::SignError),
    /// An event of another kind was given as an intent.
    #[error("only the intent of an exchange can be opened")]
    NotAnIntent,
    /// The audit is not in order.
    #[error("the audit is not in order")]
    Broken(#[from] Broken<StoreError>),
    /// A kept record is not as the audit tells.
    #[error("what is kept is not what the audit tells of")]
    Unlike(#[from] Unlike),
}
