//! Rights over real rooms in a temporary directory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::consent::{Method, Statement, grant, refuse, withdraw};
use super::stops::{lift_objection, lift_restriction, object, restrict};
use super::*;
use crate::custody::tests::{DAY, NOON, Provider, events, keep, opened, person};
use crate::custody::{Reader, retention};
use crate::plan::LegalBasis;
use crate::problem::Problem;
use crate::store::{ConsentRow, ConsentState, SealedRecord, StoreConfig};

mod adversity;
mod consents;
mod requests;

struct House {
    directory: TempDir,
    clock: Clock,
    provider: Arc<Provider>,
    store: Store,
    custody: Custody,
    standing: Standing,
    rights: Rights,
    facts: Facts,
}

fn activity(name: &str, purpose: &str, basis: LegalBasis) -> ActivityFacts {
    ActivityFacts {
        name: name.into(),
        purpose: purpose.into(),
        notice_version: 1,
        basis,
        direct_marketing: false,
        retention: DAY * 30,
        records_of: None,
        may_outlive_source: false,
        transfer_consent: None,
    }
}

/// `favourites` rests on consent, `billing` on a legal obligation, `advice` on legitimate interests.
fn facts() -> Facts {
    let purpose =
        |name: &str| PurposeFacts { name: name.into(), notice_version: 2, consent_expires: DAY * 365 };
    Facts {
        activities: vec![
            activity("favourites", "recommendation", LegalBasis::Consent),
            activity("billing", "bookkeeping", LegalBasis::LegalObligation),
            activity("advice", "advising", LegalBasis::LegitimateInterests),
        ],
        purposes: ["recommendation", "bookkeeping", "advising", "research"].map(purpose).to_vec(),
        reasons: vec!["data-subject-request".into()],
    }
}

/// The same, with research on what `favourites` keeps, on a ground of its own.
fn with_research(basis: LegalBasis, may_outlive_source: bool) -> Facts {
    let mut facts = facts();
    let records_of = Some("favourites".into());
    let research = activity("research", "research", basis);
    facts.activities.push(ActivityFacts { records_of, may_outlive_source, ..research });
    facts
}

fn statement(purpose: &str) -> Statement<'_> {
    Statement { purpose, notice_version: 1, wording: [5; 32], language: "fr", method: Method::Page }
}

impl House {
    async fn new() -> Self {
        Self::of(facts()).await
    }

    async fn of(facts: Facts) -> Self {
        let (directory, clock, provider) =
            (tempfile::tempdir().unwrap(), Clock::fixed(NOON), Provider::new(1));
        let store = opened(directory.path(), &clock);
        Self::over(directory, clock, provider, store, facts).await
    }

    async fn over(
        directory: TempDir,
        clock: Clock,
        provider: Arc<Provider>,
        store: Store,
        facts: Facts,
    ) -> Self {
        let custody = Custody::open(store.clone(), provider.clone(), clock.clone()).await.unwrap();
        let standing = Standing::new(store.clone(), 100);
        let rights = Rights::new(store.clone(), custody.clone(), standing.clone(), clock.clone());
        Self { directory, clock, provider, store, custody, standing, rights, facts }
    }

    /// As after a crash: nothing in memory is left, and what is on disk is opened anew.
    async fn restart(self) -> Self {
        let Self { directory, clock, provider, store, custody, standing, rights, facts } = self;
        drop((custody, standing, rights));
        store.close().await;
        drop(store);
        let store = opened(directory.path(), &clock);
        Self::over(directory, clock, provider, store, facts).await
    }

    async fn grant(&self, who: &str, purpose: &str) {
        grant(&self.rights, &self.facts, &person(who), statement(purpose)).await.unwrap();
    }

    async fn withdraw(&self, who: &str, purpose: &str) {
        withdraw(&self.rights, &self.facts, &person(who), purpose, Method::Page).await.unwrap();
    }

    async fn erase(&self, who: &str) -> Erasure {
        erase(&self.rights, &self.facts, &person(who)).await.unwrap()
    }

    async fn keep(&self, who: &str, activity: &str) -> SealedRecord {
        let (lookup, now) = (self.custody.lookup(&person(who)), self.clock.now());
        let key = self.custody.key(&lookup, None, activity, now.day()).await.unwrap();
        keep(&self.store, key, now).await
    }

    async fn permits(&self, who: &str, activity: &str) -> Result<(), Problem> {
        let stand = self.standing.look(&self.custody.lookup(&person(who))).await.unwrap();
        let facts = self.facts.activities.iter().find(|known| &*known.name == activity).unwrap();
        stand.permits(facts.ask(self.clock.now()))
    }

    async fn reference(&self, who: &str) -> Option<Reference> {
        self.store.stand(self.custody.lookup(&person(who))).await.unwrap().reference
    }

    async fn opens(&self, record: &SealedRecord, reader: Reader) -> bool {
        self.custody.open_record(record, reader).await.is_ok()
    }

    async fn kept(&self, activity: &str) -> u64 {
        self.store.records_count(activity).await.unwrap()
    }

    /// What somebody said, for each purpose and version of the notice.
    async fn said(&self, who: &str) -> Vec<ConsentRow> {
        self.store.stand(self.custody.lookup(&person(who))).await.unwrap().consents
    }

    async fn count(&self, kind: &str) -> usize {
        events(&self.store, kind).await.len()
    }
}
