//! The name of one decision of the gateway: what an exchange, its journal entries and its problem document share.

use std::fmt;
use std::str::FromStr;

use crate::crypto::random;

use super::encode;

/// A random 128-bit name, written `d_` and 32 hexadecimal digits. It says nothing about whom or what it decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecisionId([u8; 16]);

impl DecisionId {
    /// A new name. Makes no system call: the thread's seeded generator is enough.
    pub fn random() -> Self {
        Self(random::bytes())
    }

    /// From the 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The name as ASCII.
    pub fn text(&self) -> [u8; 2 + 2 * 16] {
        let mut text = *b"d_00000000000000000000000000000000";
        let (_, digits) = text.split_at_mut(2);
        digits.as_chunks_mut().0.iter_mut().zip(self.0).for_each(|(two, byte)| *two = encode::digits(byte));
        text
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `d_` and 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a decision id is `d_` and 32 hexadecimal digits")]
pub struct NotADecisionId;

impl FromStr for DecisionId {
    type Err = NotADecisionId;

    fn from_str(text: &str) -> Result<Self, NotADecisionId> {
        text.strip_prefix("d_").and_then(encode::unhex).map(Self).ok_or(NotADecisionId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let id = DecisionId::from_bytes([0x0a; 16]);
        assert_eq!(id.to_string(), format!("d_{}", "0a".repeat(16)));
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "d_", "d_0a", &format!("d_{}", "0A".repeat(16)), &"0a".repeat(16)] {
            assert_eq!(wrong.parse::<DecisionId>(), Err(NotADecisionId), "{wrong}");
        }
        assert_ne!(DecisionId::random(), DecisionId::random());
    }
}
