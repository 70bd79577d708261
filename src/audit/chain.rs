//! The hash chain over the encoded events.

use crate::crypto::sha256;

/// Separates these hashes from every other use of SHA-256.
const LABEL: &[u8] = b"consentry audit v1";

/// Where a chain stands: how many entries it has, and the hash of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many entries; the last one's number, since they are counted from 1.
    pub count: u64,
    /// The hash of the last entry, zeros where there is none.
    pub head: [u8; 32],
}

/// An entry's place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The entry's number, from 1.
    pub seq: u64,
    /// SHA-256 over a label, the hash before it, the number (8 bytes, big-endian) and the encoded event, each counted in
    /// with its length.
    pub hash: [u8; 32],
}

impl Chain {
    /// The chain before its first entry.
    pub const fn genesis() -> Self {
        Self { count: 0, head: [0; 32] }
    }

    /// Adds an entry and says where it stands.
    pub fn append(&mut self, encoded: &[u8]) -> Link {
        let seq = self.count + 1;
        let hash = sha256(&[LABEL, &self.head, &seq.to_be_bytes(), encoded]);
        *self = Self { count: seq, head: hash };
        Link { seq, hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let mut chain = Chain::genesis();
        let first = chain.append(b"a");
        let second = chain.append(b"a");
        assert_eq!((first.seq, second.seq), (1, 2));
        assert_ne!(first.hash, second.hash);
        assert_eq!(chain, Chain { count: 2, head: second.hash });
        assert_ne!(Chain { count: 1, head: first.hash }.append(b"b").hash, second.hash);
        assert_ne!(Chain { count: 7, head: first.hash }.append(b"a").hash, second.hash);
    }
}
