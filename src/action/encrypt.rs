//! A Fernet token under an interchange key. It holds the text of a string, and of anything else the text that JSON spells it
//! with; whoever opens it must know the type. The token itself tells when it was made.

use crate::crypto::InterchangeKey;
use crate::payload::{Kind, Treated};

pub(super) fn apply(key: &InterchangeKey, text: &str, out: &mut String) -> Treated {
    out.push_str(&key.encrypt(text.as_bytes()));
    Treated::Replaced(Kind::String)
}
