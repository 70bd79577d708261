//! Verification: walks the entries once, in memory that does not grow with their number, and names the first bad one.

use std::fmt;
use std::iter::Peekable;

use crate::crypto::VerifyingKey;

use super::{Chain, Checkpoint};

/// An entry as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its number, from 1.
    pub seq: u64,
    /// The encoded event.
    pub encoded: Vec<u8>,
    /// The hash that was kept with it.
    pub hash: [u8; 32],
}

/// What bears witness to the entries, besides the entries.
#[derive(Debug)]
pub struct Witnesses<'a, C> {
    /// Where to start: genesis, or a state that has been verified before.
    pub from: Chain,
    /// The signed checkpoints in ascending order of count.
    pub checkpoints: C,
    /// The count and head in the keyring. It may lag behind the entries, never be ahead of them.
    pub anchor: Option<Chain>,
    /// Checkpoints that were kept elsewhere, in any order.
    pub against: Vec<Checkpoint>,
    /// The key that signed the checkpoints.
    pub key: &'a VerifyingKey,
}

/// What a verification found in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where the chain stands.
    pub chain: Chain,
    /// How many signed checkpoints agreed.
    pub checkpoints: u64,
    /// The last entry that a signature, the keyring or a checkpoint kept elsewhere vouches for; the entries after it
    /// are in order among themselves, but a cut of just these would not show.
    pub vouched: u64,
}

/// Who says otherwise than the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// A signed checkpoint beside the entries.
    Checkpoint,
    /// The keyring.
    Keyring,
    /// A checkpoint kept elsewhere.
    Elsewhere,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkpoint => "a signed checkpoint",
            Self::Keyring => "the keyring",
            Self::Elsewhere => "a checkpoint kept elsewhere",
        })
    }
}

/// The first thing that is wrong. Entries before the one that is named are in order.
#[derive(Debug, thiserror::Error)]
pub enum Broken<E> {
    /// The entries or checkpoints could not be read.
    #[error("the audit could not be read after entry {after}")]
    Read {
        /// The last entry that was read.
        after: u64,
        /// Why.
        #[source]
        source: E,
    },
    /// An entry does not follow from its predecessor: it was edited, or the predecessor was put in before it, complete
    /// with a hash of its own.
    #[error("entry {seq} was altered: its content and the hash before it do not give its hash")]
    Altered {
        /// Which.
        seq: u64,
    },
    /// One or more entries are missing from the middle.
    #[error("entry {seq} is missing: the next that is there is entry {next}")]
    Missing {
        /// The first that is missing.
        seq: u64,
        /// The first after the gap.
        next: u64,
    },
    /// An entry stands where it does not belong.
    #[error("entry {seq} stands after entry {after}: it was inserted, repeated or moved")]
    Misplaced {
        /// Which.
        seq: u64,
        /// The one before it.
        after: u64,
    },
    /// The entries end too early.
    #[error("{witness} says that there were {expected} entries, the file ends at {found}")]
    Cut {
        /// Who says so.
        witness: Witness,
        /// How many there were.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The entries follow from each other, but are not those that were there: all of them were written anew.
    #[error("{witness} for entry {upto} does not agree: entries were rewritten after entry {after}")]
    Rewritten {
        /// Who says so.
        witness: Witness,
        /// The last entry that is vouched for; the first bad one comes after it,
        after: u64,
        /// and not after this one.
        upto: u64,
    },
    /// A checkpoint was not signed with the gateway's key.
    #[error("the signature of {witness} for entry {count} is not the gateway's")]
    Forged {
        /// Which of the checkpoints.
        witness: Witness,
        /// The entry it speaks of.
        count: u64,
    },
    /// The checkpoints are not in ascending order.
    #[error("the checkpoint for entry {count} stands after one for a later entry")]
    Disordered {
        /// The entry it speaks of.
        count: u64,
    },
}

/// Verifies `entries`, which must be all that come after `witnesses.from`, in the order in which they are kept. Stops at
/// the first bad one.
///
/// # Errors
/// [`Broken`] says what is wrong, and at which entry. A checkpoint whose signature is not the gateway's is an error
/// even where its content agrees.
pub fn verify<E>(
    entries: impl IntoIterator<Item = Result<StoredEntry, E>>,
    witnesses: Witnesses<'_, impl IntoIterator<Item = Result<Checkpoint, E>>>,
) -> Result<Report, Broken<E>> {
    let Witnesses { from, checkpoints, anchor, mut against, key } = witnesses;
    if let Some(kept) = against.iter().find(|kept| !kept.is_signed_by(key)) {
        return Err(Broken::Forged { witness: Witness::Elsewhere, count: kept.count });
    }
    against.sort_unstable_by_key(|kept| kept.count);
    let mut bench = Bench {
        checkpoints: checkpoints.into_iter().peekable(),
        anchor,
        against: against.into_iter().peekable(),
        key,
        report: Report { chain: from, checkpoints: 0, vouched: from.count },
    };
    bench.skip_before(from.count)?;
    bench.hear(from)?;
    let mut chain = from;
    for entry in entries {
        let entry = entry.map_err(|source| Broken::Read { after: chain.count, source })?;
        follow(&mut chain, &entry)?;
        bench.hear(chain)?;
    }
    bench.dismiss(chain)
}

/// Moves `chain` over `entry`, if `entry` follows.
fn follow<E>(chain: &mut Chain, entry: &StoredEntry) -> Result<(), Broken<E>> {
    let after = chain.count;
    let seq = after + 1;
    if entry.seq > seq {
        return Err(Broken::Missing { seq, next: entry.seq });
    }
    if entry.seq < seq {
        return Err(Broken::Misplaced { seq: entry.seq, after });
    }
    if chain.append(&entry.encoded).hash != entry.hash {
        return Err(Broken::Altered { seq });
    }
    Ok(())
}

/// The witnesses who have not been heard yet.
struct Bench<'a, C: Iterator> {
    checkpoints: Peekable<C>,
    anchor: Option<Chain>,
    /// In ascending order of count.
    against: Peekable<std::vec::IntoIter<Checkpoint>>,
    key: &'a VerifyingKey,
    report: Report,
}

impl<E, C: Iterator<Item = Result<Checkpoint, E>>> Bench<'_, C> {
    /// Passes over checkpoints from before the start; they were heard when the start was verified.
    fn skip_before(&mut self, count: u64) -> Result<(), Broken<E>> {
        while let Some(checkpoint) = self.next_if(|checkpoint| checkpoint.count < count)? {
            self.signed(&checkpoint)?;
        }
        self.anchor = self.anchor.filter(|anchor| anchor.count >= count);
        while self.against.next_if(|kept| kept.count < count).is_some() {}
        Ok(())
    }

    /// Hears all witnesses who speak of the entry at which `chain` stands.
    fn hear(&mut self, chain: Chain) -> Result<(), Broken<E>> {
        let mut vouched = false;
        while let Some(checkpoint) = self.next_if(|checkpoint| checkpoint.count <= chain.count)? {
            if checkpoint.count < chain.count {
                return Err(Broken::Disordered { count: checkpoint.count });
            }
            self.signed(&checkpoint)?;
            self.agree(Witness::Checkpoint, checkpoint.head, chain)?;
            self.report.checkpoints += 1;
            vouched = true;
        }
        if let Some(said) = self.anchor.filter(|said| said.count == chain.count) {
            self.agree(Witness::Keyring, said.head, chain)?;
            vouched = true;
        }
        while let Some(kept) = self.against.next_if(|kept| kept.count == chain.count) {
            self.agree(Witness::Elsewhere, kept.head, chain)?;
            vouched = true;
        }
        if vouched {
            self.report.vouched = chain.count;
        }
        self.report.chain = chain;
        Ok(())
    }

    /// At the end nobody may have spoken of an entry that never came. The one who knows of most is named.
    fn dismiss(mut self, chain: Chain) -> Result<Report, Broken<E>> {
        let mut most: Option<(Witness, u64)> = None;
        let mut ahead = |witness, count: u64| {
            if count > chain.count && most.is_none_or(|(_, expected)| count > expected) {
                most = Some((witness, count));
            }
        };
        self.anchor.iter().for_each(|said| ahead(Witness::Keyring, said.count));
        self.against.by_ref().for_each(|kept| ahead(Witness::Elsewhere, kept.count));
        while let Some(checkpoint) = self.next_if(|_| true)? {
            self.signed(&checkpoint)?;
            ahead(Witness::Checkpoint, checkpoint.count);
        }
        match most {
            Some((witness, expected)) => Err(Broken::Cut { witness, expected, found: chain.count }),
            None => Ok(self.report),
        }
    }

    fn next_if(&mut self, wanted: impl Fn(&Checkpoint) -> bool) -> Result<Option<Checkpoint>, Broken<E>> {
        match self.checkpoints.next_if(|next| next.as_ref().map_or(true, &wanted)) {
            Some(Err(source)) => Err(Broken::Read { after: self.report.chain.count, source }),
            Some(Ok(checkpoint)) => Ok(Some(checkpoint)),
            None => Ok(None),
        }
    }

    fn signed(&self, checkpoint: &Checkpoint) -> Result<(), Broken<E>> {
        if checkpoint.is_signed_by(self.key) {
            return Ok(());
        }
        Err(Broken::Forged { witness: Witness::Checkpoint, count: checkpoint.count })
    }

    fn agree(&self, witness: Witness, head: [u8; 32], chain: Chain) -> Result<(), Broken<E>> {
        if head == chain.head {
            return Ok(());
        }
        Err(Broken::Rewritten { witness, after: self.report.vouched, upto: chain.count })
    }
}
