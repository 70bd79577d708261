//! What the rights need to know of the policies in force.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::custody::retention::Term;
use crate::plan::{LegalBasis, Plan};
use crate::standing::{Ask, Stand};
use crate::store::{Activities, Because, KeySelector, KeyringChange, StandRow, StopKind, WrappedKey};

/// The policies in force, as far as they bear on rights.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The processing activities.
    pub activities: Vec<ActivityFacts>,
    /// The purposes, also those that no activity has yet.
    pub purposes: Vec<PurposeFacts>,
    /// The codes that may be given as a reason.
    pub reasons: Vec<Arc<str>>,
}

/// One activity.
#[derive(Clone, Debug)]
pub struct ActivityFacts {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for.
    pub purpose: Arc<str>,
    /// The material version of its purpose's notice.
    pub notice_version: u32,
    /// By what right.
    pub basis: LegalBasis,
    /// Whether its purpose is direct marketing.
    pub direct_marketing: bool,
    /// How long its records are kept.
    pub retention: Duration,
    /// The name of the activity whose records it answers from; it keeps none of its own, then.
    pub records_of: Option<Arc<str>>,
    /// Whether it may go on reading what its source may not read any more.
    pub may_outlive_source: bool,
    /// The purpose to which a person must have agreed for their data to go to the recipient's country (Art. 49(1)(a)).
    pub transfer_consent: Option<Arc<str>>,
}

/// One purpose.
#[derive(Clone, Debug)]
pub struct PurposeFacts {
    /// Its name.
    pub name: Arc<str>,
    /// The material version of its notice.
    pub notice_version: u32,
    /// How long a consent to it holds.
    pub consent_expires: Duration,
}

impl From<&Plan> for Facts {
    fn from(plan: &Plan) -> Self {
        let activities = plan.activities.iter().map(|activity| ActivityFacts {
            name: Arc::clone(&activity.name),
            purpose: Arc::clone(&activity.purpose.name),
            notice_version: activity.purpose.notice_version,
            basis: activity.legal_basis,
            direct_marketing: activity.purpose.direct_marketing,
            retention: activity.retention,
            records_of: activity
                .records_of
                .and_then(|source| plan.activities.get(source))
                .map(|source| Arc::clone(&source.name)),
            may_outlive_source: activity.may_outlive_source,
            transfer_consent: activity
                .recipient
                .as_ref()
                .and_then(|recipient| recipient.transfer_consent.as_ref())
                .map(|purpose| Arc::clone(&purpose.name)),
        });
        let purposes = plan.organisation.purposes.values().map(|purpose| PurposeFacts {
            name: Arc::clone(&purpose.name),
            notice_version: purpose.notice_version,
            consent_expires: plan.organisation.consent_expires,
        });
        Self {
            activities: activities.collect(),
            purposes: purposes.collect(),
            reasons: plan.organisation.reasons.clone(),
        }
    }
}

impl Facts {
    /// How long the records of each activity that keeps any are kept.
    pub fn terms(&self) -> Vec<Term> {
        let keeping = self.activities.iter().filter(|activity| activity.records_of.is_none());
        keeping
            .map(|activity| Term { activity: Arc::clone(&activity.name), retention: activity.retention })
            .collect()
    }

    pub(super) fn purpose(&self, name: &str) -> Option<&PurposeFacts> {
        self.purposes.iter().find(|purpose| *purpose.name == *name)
    }

    /// Whether an activity that may outlive `source` still has its own ground in this standing. A restriction is no end
    /// of a ground: it keeps.
    fn outlived(&self, source: &str, row: &StandRow, now: Timestamp) -> bool {
        let mut row = row.clone();
        row.stops.retain(|stop| stop.kind != StopKind::Restriction);
        let stand = Stand::detached(row);
        self.outliving(source).any(|activity| stand.permits(activity.ask(now)).is_ok())
    }

    fn outliving(&self, source: &str) -> impl Iterator<Item = &ActivityFacts> {
        self.activities.iter().filter(move |activity| {
            activity.may_outlive_source && activity.records_of.as_deref() == Some(source)
        })
    }

    /// What becomes of a person's keys once their consent to `purpose` has ended (Art. 17(1)(b)); `row` is the standing
    /// without it. Only activities that rest on that consent lose their keys.
    pub(super) fn ended(
        &self,
        purpose: &str,
        row: &StandRow,
        keys: &[WrappedKey],
        now: Timestamp,
    ) -> Vec<KeyringChange> {
        let Some(reference) = row.reference else { return Vec::new() };
        let rests = |activity: &&ActivityFacts| {
            activity.records_of.is_none()
                && activity.basis == LegalBasis::Consent
                && *activity.purpose == *purpose
        };
        let names = |outlived: bool| -> Vec<String> {
            let ended = self.activities.iter().filter(rests);
            ended
                .filter(|activity| self.outlived(&activity.name, row, now) == outlived)
                .map(|activity| activity.name.to_string())
                .collect()
        };
        let (close, destroy) = (names(true), names(false));
        let mut changes = Vec::new();
        if !close.is_empty() {
            changes.push(KeyringChange::CloseSource { reference, activities: Activities::Only(close) });
        }
        if !destroy.is_empty() {
            let which = KeySelector::Person { reference, activities: Activities::Only(destroy) };
            changes.push(KeyringChange::DestroyKeys { which, because: Because::Withdrawal });
        }
        changes.extend(self.without_ground(row, keys, now));
        changes
    }

    /// Keys whose source is closed, and of which no activity that may outlive it has a ground any more.
    pub(super) fn without_ground(
        &self,
        row: &StandRow,
        keys: &[WrappedKey],
        now: Timestamp,
    ) -> Option<KeyringChange> {
        let groundless = |key: &&WrappedKey| key.source_closed && !self.outlived(&key.activity, row, now);
        let ids: Vec<_> = keys.iter().filter(groundless).map(|key| key.id).collect();
        (!ids.is_empty()).then_some(KeyringChange::DestroyKeys {
            which: KeySelector::Ids(ids),
            because: Because::Withdrawal,
        })
    }

    /// The activities whose keys a legal obligation holds against an erasure (Art. 17(3)(b)): first those that rest on
    /// one themselves, then those from whose records one that rests on it may answer even after they have ended.
    pub(super) fn held_by_law(&self) -> (Vec<String>, Vec<String>) {
        let obliged = |activity: &ActivityFacts| activity.basis == LegalBasis::LegalObligation;
        let keeping = || self.activities.iter().filter(|activity| activity.records_of.is_none());
        let own = keeping().filter(|activity| obliged(activity));
        let lent =
            keeping().filter(|activity| !obliged(activity) && self.outliving(&activity.name).any(obliged));
        let name = |activity: &ActivityFacts| activity.name.to_string();
        (own.map(name).collect(), lent.map(name).collect())
    }
}

impl ActivityFacts {
    /// Whether an objection to its purpose stops it (Art. 21(1) and (2)).
    pub const fn heeds_objection(&self) -> bool {
        self.direct_marketing || self.basis.may_be_objected_to()
    }

    /// Whether it stops with the consent to a purpose: it rests on that itself, or its transfer does.
    pub fn rests_on_consent_to(&self, purpose: &str) -> bool {
        let itself = self.basis == LegalBasis::Consent && *self.purpose == *purpose;
        itself || self.transfer_consent.as_deref() == Some(purpose)
    }

    /// What this activity asks of a person's standing.
    pub fn ask(&self, now: Timestamp) -> Ask<'_> {
        Ask {
            purpose: &self.purpose,
            notice_version: self.notice_version,
            basis: self.basis,
            direct_marketing: self.direct_marketing,
            now,
            // Whether a ground stands is asked, not whether something may be sent.
            transfer: None,
        }
    }
}
