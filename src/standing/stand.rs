//! One person's standing, and what it permits.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::personal::Reference;
use crate::plan::LegalBasis;
use crate::problem::Problem;
use crate::store::{ConsentRow, ConsentState, StandRow, StopKind};

use super::epochs::ShardId;

/// What was known of a person when it was looked up. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stand {
    facts: Arc<Facts>,
    shard: ShardId,
    epoch: u64,
}

#[derive(Debug)]
struct Facts {
    reference: Option<Reference>,
    restricted: bool,
    /// The purposes objected to; `None` is an objection that names none, and so meets all.
    objections: Box<[Option<Box<str>>]>,
    /// What each purpose's last word is: a refusal or a withdrawal, or else all that was agreed to after it. A consent
    /// to a newer notice is not undone by one to an older.
    words: Box<[Word]>,
}

/// Of a [`ConsentRow`] what a standing is asked for, as many persons are remembered.
#[derive(Debug)]
struct Word {
    purpose: Box<str>,
    notice_version: u32,
    state: ConsentState,
    expires: Option<Timestamp>,
}

/// What somebody wants to do with a person's data.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// For what (Art. 5(1)(b)).
    pub purpose: &'a str,
    /// The purpose's material notice version: consents to older ones do not count.
    pub notice_version: u32,
    /// By what right (Art. 6(1)).
    pub basis: LegalBasis,
    /// Whether it is direct marketing, to which anyone may object (Art. 21(2)).
    pub direct_marketing: bool,
    /// The present, by which a consent may have expired.
    pub now: Timestamp,
    /// What the transfer to a third country rests on, where the data goes to one.
    pub transfer: Option<Transfer<'a>>,
}

/// What a transfer must still rest on when it takes place (Art. 44 to 49).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// From when on its instrument holds no more.
    pub ends: Option<Timestamp>,
    /// The purpose under which the person must have agreed to it explicitly (Art. 49(1)(a)), and its material notice
    /// version.
    pub consent: Option<(&'a str, u32)>,
}

impl Stand {
    pub(super) fn from_row(row: StandRow, shard: ShardId, epoch: u64) -> Self {
        let StandRow { reference, mut consents, stops } = row;
        consents.sort_by_key(|consent| consent.at);
        let mut words = Vec::new();
        for consent in consents {
            let ConsentRow { purpose, notice_version, state, expires, .. } = consent;
            let word = Word { purpose: purpose.into(), notice_version, state, expires };
            words.retain(|earlier: &Word| {
                earlier.purpose != word.purpose
                    || (earlier.state == ConsentState::Given && word.state == ConsentState::Given)
            });
            words.push(word);
        }
        let restricted = stops.iter().any(|stop| stop.kind == StopKind::Restriction);
        let objections = stops.into_iter().filter(|stop| stop.kind == StopKind::Objection);
        let objections = objections.map(|stop| stop.purpose.map(Into::into)).collect();
        let facts = Facts { reference, restricted, objections, words: words.into() };
        Self { facts: Arc::new(facts), shard, epoch }
    }

    /// The standing that a row shows, without a place in any cache: it permits, but is good for no handover.
    pub fn detached(row: StandRow) -> Self {
        Self::from_row(row, ShardId::MAX, u64::MAX)
    }

    /// The person's random name, if they have one yet.
    pub fn reference(&self) -> Option<Reference> {
        self.facts.reference
    }

    /// Whether this person's data may be processed as asked.
    ///
    /// # Errors
    /// [`Problem::ProcessingRestricted`] whatever the basis, since a restriction keeps and does not use;
    /// [`Problem::ConsentWithdrawn`] and [`Problem::ConsentMissing`] (never given, refused, expired, or to an older
    /// material version) where the basis is consent; [`Problem::ObjectionRaised`] where the basis is one that Art. 21(1)
    /// names, or for direct marketing on any basis; [`Problem::TransferNotPermitted`] where the transfer's instrument has
    /// ended, or the person has not agreed to it, or no longer.
    pub fn permits(&self, ask: Ask<'_>) -> Result<(), Problem> {
        if self.facts.restricted {
            return Err(Problem::ProcessingRestricted);
        }
        if ask.basis == LegalBasis::Consent {
            self.consented(ask)?;
        }
        if (ask.direct_marketing || ask.basis.may_be_objected_to()) && self.objected(ask.purpose) {
            return Err(Problem::ObjectionRaised);
        }
        match ask.transfer {
            Some(transfer) if !self.transfers(transfer, ask.now) => Err(Problem::TransferNotPermitted),
            _ => Ok(()),
        }
    }

    fn transfers(&self, transfer: Transfer<'_>, now: Timestamp) -> bool {
        transfer.ends.is_none_or(|ends| now < ends)
            && transfer.consent.is_none_or(|(purpose, version)| self.agreed(purpose, version, now))
    }

    /// The version of the notice that a consent to this purpose rests on, for the evidence.
    pub fn consented_version(&self, purpose: &str) -> Option<u32> {
        self.words(purpose)
            .filter(|consent| consent.state == ConsentState::Given)
            .map(|consent| consent.notice_version)
            .max()
    }

    pub(super) fn read_at(&self) -> (ShardId, u64) {
        (self.shard, self.epoch)
    }

    fn objected(&self, purpose: &str) -> bool {
        self.facts.objections.iter().any(|to| to.as_deref().is_none_or(|to| to == purpose))
    }

    fn consented(&self, ask: Ask<'_>) -> Result<(), Problem> {
        if self.agreed(ask.purpose, ask.notice_version, ask.now) {
            return Ok(());
        }
        match self.words(ask.purpose).next().map(|consent| consent.state) {
            Some(ConsentState::Withdrawn) => Err(Problem::ConsentWithdrawn),
            _ => Err(Problem::ConsentMissing),
        }
    }

    /// Whether a consent to the purpose stands.
    fn agreed(&self, purpose: &str, version: u32, now: Timestamp) -> bool {
        self.words(purpose).any(|consent| {
            consent.state == ConsentState::Given
                && consent.notice_version >= version
                && consent.expires.is_none_or(|expires| now < expires)
        })
    }

    fn words<'a>(&'a self, purpose: &'a str) -> impl Iterator<Item = &'a Word> {
        self.facts.words.iter().filter(move |word| *word.purpose == *purpose)
    }
}
