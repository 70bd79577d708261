//! Rights over real rooms in a temporary directory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::consent::{Method, Statement, grant, refuse, show, withdraw};
use super::stops::{lift_objection, lift_restriction, object, restrict};
use super::*;
use crate::custody::tests::{DAY, NOON, Provider, events, keep, opened, person};
use crate::custody::{Reader, retention};
use crate::plan::LegalBasis;
use crate::store::{ConsentState, SealedRecord, StoreConfig};

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

    async fn count(&self, kind: &str) -> usize {
        events(&self.store, kind).await.len()
    }
}

#[tokio::test]
async fn a_consent_is_kept_with_its_evidence_and_permits_its_purpose_alone() {
    let house = House::new().await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
    house.grant("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    assert_eq!(house.permits("bob", "favourites").await, Err(Problem::ConsentMissing));
    let rows = show(&house.rights, &person("ada")).await.unwrap();
    let [row] = rows.as_slice() else { panic!("one purpose, one version: {rows:?}") };
    assert_eq!((row.wording, &*row.language, &*row.method), ([5; 32], "fr", "page"));
    assert_eq!(row.expires, Some(NOON.plus(DAY * 365)));
    let event = &events(&house.store, "consent-given").await[0];
    assert_eq!(event["wording"], "05".repeat(32));
    assert_eq!(event["person"], house.reference("ada").await.unwrap().to_string());
    house.clock.advance(DAY * 365);
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
}

#[tokio::test]
async fn a_consent_that_lacks_an_element_is_refused_and_keeps_nothing() {
    let house = House::new().await;
    let said = async |statement| grant(&house.rights, &house.facts, &person("ada"), statement).await;
    let unknown = said(statement("unheard-of")).await;
    assert!(matches!(unknown, Err(RightsError::PurposeUnknown)));
    for notice_version in [0, 3] {
        let refused = said(Statement { notice_version, ..statement("recommendation") }).await;
        assert!(matches!(refused, Err(RightsError::VersionUnknown { newest: 2 })));
    }
    for language in ["", "f", "ada@example.org", "fr_FR", "-fr", "fr-", "abcdefghi", "12"] {
        let refused = said(Statement { language, ..statement("recommendation") }).await;
        assert!(matches!(refused, Err(RightsError::Language)), "{language}");
    }
    assert_eq!(house.reference("ada").await, None);
    assert!(said(Statement { language: "zh-Hant-TW", ..statement("recommendation") }).await.is_ok());
}

#[tokio::test]
async fn an_older_material_version_is_evidence_and_no_consent() {
    let mut house = House::new().await;
    house.facts.activities[0].notice_version = 2;
    house.grant("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
    let newer = Statement { notice_version: 2, ..statement("recommendation") };
    grant(&house.rights, &house.facts, &person("ada"), newer).await.unwrap();
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    house.withdraw("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentWithdrawn));
    let rows = show(&house.rights, &person("ada")).await.unwrap();
    assert!(rows.iter().all(|row| row.state == ConsentState::Withdrawn), "{rows:?}");
}

#[tokio::test]
async fn a_withdrawal_destroys_the_keys_of_its_purpose_alone() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    house.grant("bob", "recommendation").await;
    let (ada, bob) = (house.keep("ada", "favourites").await, house.keep("bob", "favourites").await);
    let bill = house.keep("ada", "billing").await;
    house.withdraw("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentWithdrawn));
    assert!(!house.opens(&ada, Reader::Outliving).await);
    assert!(house.opens(&bob, Reader::Source).await && house.opens(&bill, Reader::Source).await);
    assert_eq!(house.kept("favourites").await, 1);
    let destroyed = events(&house.store, "key-destroyed").await;
    assert_eq!(destroyed.len(), 1);
    assert_eq!(
        (&destroyed[0]["because"], &destroyed[0]["activity"]),
        (&"withdrawal".into(), &"favourites".into())
    );

    // Asked twice, it is answered alike and says nothing new.
    house.withdraw("ada", "recommendation").await;
    assert_eq!(house.count("consent-withdrawn").await, 1);
    // Given anew, a new key is minted, also on the same day.
    house.grant("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    let again = house.keep("ada", "favourites").await;
    assert!(again.key != ada.key && house.opens(&again, Reader::Source).await);
}

#[tokio::test]
async fn withdrawing_what_was_never_given_keeps_nothing() {
    let house = House::new().await;
    house.withdraw("nobody", "recommendation").await;
    assert_eq!(house.reference("nobody").await, None);
    house.keep("ada", "advice").await;
    house.withdraw("ada", "advising").await;
    assert_eq!(house.kept("advice").await, 1, "it does not rest on consent");
    assert_eq!((house.count("consent-withdrawn").await, house.count("key-destroyed").await), (0, 0));
}

#[tokio::test]
async fn saying_no_ends_a_consent_that_stood() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    let no = Statement { notice_version: 2, ..statement("recommendation") };
    refuse(&house.rights, &house.facts, &person("ada"), no).await.unwrap();
    assert!(house.permits("ada", "favourites").await.is_err());
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert_eq!((house.count("consent-refused").await, house.count("consent-withdrawn").await), (1, 1));
    refuse(&house.rights, &house.facts, &person("bob"), no).await.unwrap();
    assert_eq!(house.permits("bob", "favourites").await, Err(Problem::ConsentMissing));
}

#[tokio::test]
async fn what_may_outlive_its_source_reads_on_until_its_own_ground_ends() {
    let house = House::of(with_research(LegalBasis::Consent, true)).await;
    house.grant("ada", "recommendation").await;
    house.grant("ada", "research").await;
    let record = house.keep("ada", "favourites").await;
    house.withdraw("ada", "recommendation").await;
    assert!(house.opens(&record, Reader::Outliving).await);
    assert!(!house.opens(&record, Reader::Source).await);
    assert_eq!(house.permits("ada", "research").await, Ok(()));
    assert_eq!(house.count("key-destroyed").await, 0);
    // A restriction keeps: it is no end of the ground.
    restrict(&house.rights, &person("ada")).await.unwrap();
    house.withdraw("ada", "recommendation").await;
    assert!(house.opens(&record, Reader::Outliving).await);
    lift_restriction(&house.rights, &person("ada")).await.unwrap();

    house.withdraw("ada", "research").await;
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert_eq!((house.kept("favourites").await, house.count("key-destroyed").await), (0, 1));
}

#[tokio::test]
async fn without_a_ground_of_its_own_or_leave_to_outlive_nothing_is_spared() {
    for (facts, consented) in [
        (with_research(LegalBasis::Consent, true), false),
        (with_research(LegalBasis::Consent, false), true),
        (with_research(LegalBasis::LegalObligation, false), false),
    ] {
        let house = House::of(facts).await;
        house.grant("ada", "recommendation").await;
        if consented {
            house.grant("ada", "research").await;
        }
        let record = house.keep("ada", "favourites").await;
        house.withdraw("ada", "recommendation").await;
        assert!(!house.opens(&record, Reader::Outliving).await);
    }
}

#[tokio::test]
async fn an_objection_ends_the_ground_of_what_outlived_its_source() {
    let house = House::of(with_research(LegalBasis::PublicTask, true)).await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    house.withdraw("ada", "recommendation").await;
    assert!(house.opens(&record, Reader::Outliving).await);
    object(&house.rights, &house.facts, &person("ada"), "research").await.unwrap();
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert_eq!(house.count("key-destroyed").await, 1);
}

#[tokio::test]
async fn stops_are_put_and_lifted_once_and_say_so_once() {
    let house = House::new().await;
    for _ in 0..2 {
        restrict(&house.rights, &person("ada")).await.unwrap();
        object(&house.rights, &house.facts, &person("ada"), "advising").await.unwrap();
        assert_eq!(house.permits("ada", "advice").await, Err(Problem::ProcessingRestricted));
        assert_eq!(house.permits("ada", "billing").await, Err(Problem::ProcessingRestricted));
    }
    for _ in 0..2 {
        lift_restriction(&house.rights, &person("ada")).await.unwrap();
        assert_eq!(house.permits("ada", "advice").await, Err(Problem::ObjectionRaised));
        assert_eq!(house.permits("ada", "billing").await, Ok(()));
    }
    for _ in 0..2 {
        lift_objection(&house.rights, &person("ada"), "advising").await.unwrap();
        assert_eq!(house.permits("ada", "advice").await, Ok(()));
    }
    for kind in ["restriction-set", "restriction-lifted", "objection-raised", "objection-lifted"] {
        assert_eq!(house.count(kind).await, 1, "{kind}");
    }
    let unknown = object(&house.rights, &house.facts, &person("ada"), "unheard-of").await;
    assert!(matches!(unknown, Err(RightsError::PurposeUnknown)));
}

#[tokio::test]
async fn an_erasure_destroys_all_but_what_the_law_holds_and_names_that() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let favourite = house.keep("ada", "favourites").await;
    let advice = house.keep("ada", "advice").await;
    house.clock.advance(DAY);
    house.keep("ada", "favourites").await;
    let bill = house.keep("ada", "billing").await;
    let bob = house.keep("bob", "advice").await;
    let reference = house.reference("ada").await.unwrap();

    let erasure = house.erase("ada").await;
    assert_eq!((erasure.keys_destroyed, erasure.records_deleted), (3, 3));
    assert_eq!(erasure.destroyed, ["advice", "favourites"]);
    let held = Kept { activity: "billing".to_owned(), ground: "legal_obligation", keys: 1 };
    assert_eq!(erasure.kept, [held]);
    for record in [&favourite, &advice] {
        assert!(!house.opens(record, Reader::Outliving).await);
    }
    assert!(house.opens(&bill, Reader::Source).await && house.opens(&bob, Reader::Source).await);
    assert_eq!(house.reference("ada").await, None);
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
    assert!(show(&house.rights, &person("ada")).await.unwrap().is_empty());

    let event = &events(&house.store, "erased").await[0];
    assert_eq!(event["person"], reference.to_string());
    assert_eq!(event["keys"], 3);
    assert_eq!(event["tombstones"], 3);
    assert_eq!(event["kept"], serde_json::json!(["billing: legal_obligation"]));
    // Whoever comes again is somebody new.
    assert_ne!(house.keep("ada", "advice").await.reference, reference);
}

#[tokio::test]
async fn erasing_somebody_unknown_or_twice_is_answered_alike() {
    let house = House::new().await;
    assert_eq!(house.erase("nobody").await, Erasure::default());
    house.keep("ada", "advice").await;
    assert_eq!(house.erase("ada").await.keys_destroyed, 1);
    assert_eq!(house.erase("ada").await, Erasure::default());
    assert_eq!(house.count("erased").await, 3);
}

#[tokio::test]
async fn restriction_and_objection_outlive_an_erasure() {
    let house = House::new().await;
    house.keep("ada", "advice").await;
    restrict(&house.rights, &person("ada")).await.unwrap();
    object(&house.rights, &house.facts, &person("ada"), "advising").await.unwrap();
    house.erase("ada").await;
    assert_eq!(house.permits("ada", "advice").await, Err(Problem::ProcessingRestricted));
    let house = house.restart().await;
    assert_eq!(house.permits("ada", "advice").await, Err(Problem::ProcessingRestricted));
    lift_restriction(&house.rights, &person("ada")).await.unwrap();
    assert_eq!(house.permits("ada", "advice").await, Err(Problem::ObjectionRaised));
}

#[tokio::test]
async fn a_legal_obligation_that_may_outlive_its_source_holds_what_it_reads() {
    let house = House::of(with_research(LegalBasis::LegalObligation, true)).await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    let erasure = house.erase("ada").await;
    assert_eq!((erasure.keys_destroyed, &*erasure.kept[0].activity), (0, "favourites"));
    assert!(house.opens(&record, Reader::Outliving).await && !house.opens(&record, Reader::Source).await);
}

/// The point of it all: yesterday's copy of the data does not open with today's keyring.
#[tokio::test]
async fn a_copy_of_the_data_from_before_an_erasure_stays_unreadable() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    let bob = house.keep("bob", "advice").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copied = elsewhere.path().join("data.db");
    let copy = |to: &std::path::Path, from: &str| {
        let live = Connection::open(house.directory.path().join(from)).unwrap();
        live.backup("main", to, None::<fn(rusqlite::backup::Progress)>).unwrap();
    };
    copy(&copied, "data.db");
    house.erase("ada").await;
    copy(&elsewhere.path().join("keys.db"), "keys.db");
    assert!(!house.opens(&record, Reader::Outliving).await, "the very ciphertexts, with today's keyring");
    let (clock, provider) = (house.clock.clone(), house.provider.clone());

    let config = StoreConfig { sqlite: copied, keyring: elsewhere.path().join("keys.db"), restored: true };
    let store = Store::open(&config, clock.clone()).unwrap();
    let house = House::over(elsewhere, clock, provider, store, facts()).await;
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert!(house.opens(&bob, Reader::Source).await);
    assert_eq!((house.kept("favourites").await, house.reference("ada").await), (0, None));
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
}

#[tokio::test]
async fn access_shows_what_is_kept_and_says_so_first() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    house.keep("ada", "favourites").await;
    house.keep("ada", "billing").await;
    house.keep("bob", "billing").await;
    restrict(&house.rights, &person("ada")).await.unwrap();
    let asked =
        async |who: &str, reason: &str| access(&house.rights, &house.facts, &person(who), reason).await;
    for reason in ["", "curiosity"] {
        assert!(matches!(asked("ada", reason).await, Err(RightsError::Reason)));
    }
    assert_eq!(house.count("access-answered").await, 0);
    let shown = asked("ada", "data-subject-request").await.unwrap();
    let records: Vec<_> = shown.records.iter().map(|record| (&*record.activity, record.number)).collect();
    assert_eq!(records, [("billing", 0), ("favourites", 0)], "hers alone, restricted or not");
    assert_eq!(shown.records[0].json.as_slice(), br#"{"email":"ada@example.org","age":36}"#);
    assert_eq!((shown.consents.len(), shown.restricted), (1, Some(NOON)));
    assert!(!format!("{shown:?}").contains("example.org"));
    assert_eq!(events(&house.store, "access-answered").await[0]["records"], 2);
    assert!(asked("nobody", "data-subject-request").await.unwrap().records.is_empty());
}

#[tokio::test]
async fn without_keys_nothing_is_shown_and_an_erasure_works_all_the_same() {
    let house = House::new().await;
    house.keep("ada", "advice").await;
    house.provider.down.store(true, SeqCst);
    let refused = access(&house.rights, &house.facts, &person("ada"), "data-subject-request").await;
    assert_eq!(refused.unwrap_err().problem(), Problem::DependencyUnavailable);
    assert_eq!(house.count("access-answered").await, 0);
    assert_eq!(house.erase("ada").await.keys_destroyed, 1, "destroying a key needs no master key");
}

#[tokio::test]
async fn without_a_store_nothing_is_acknowledged() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    house.store.close().await;
    let person = person("ada");
    let (rights, facts) = (&house.rights, &house.facts);
    assert!(withdraw(rights, facts, &person, "recommendation", Method::Api).await.is_err());
    assert!(erase(rights, facts, &person).await.is_err());
    assert!(restrict(rights, &person).await.is_err());
}

/// Whoever asks may leave: what has been queued is carried to its end, so that no durable withdrawal is ignored.
#[tokio::test]
async fn a_withdrawal_whose_caller_has_gone_stops_processing_all_the_same() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let (ada, lookup) = (person("ada"), house.custody.lookup(&person("ada")));
    let before = house.standing.look(&lookup).await.unwrap();
    let handing_over = house.standing.forward(&before);
    assert!(handing_over.is_some());
    let mut asked = Box::pin(withdraw(&house.rights, &house.facts, &ada, "recommendation", Method::Page));
    // Durable, with the epoch moved, and not acknowledged, since an exchange is still being handed over.
    for _ in 0..10_000 {
        if !house.standing.still(&before) {
            break;
        }
        assert!(tokio::time::timeout(Duration::from_millis(1), asked.as_mut()).await.is_err());
    }
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentWithdrawn));
    assert!(tokio::time::timeout(Duration::from_millis(1), asked.as_mut()).await.is_err());
    drop(asked);
    assert!(house.standing.forward(&before).is_none());
    // The next change of the same person waits for its turn behind what was begun.
    let mut next = Box::pin(restrict(&house.rights, &ada));
    assert!(tokio::time::timeout(Duration::from_millis(20), next.as_mut()).await.is_err());
    drop(handing_over);
    next.await.unwrap();
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ProcessingRestricted));
}

/// What was acknowledged is there after a crash; a key minted and a key destroyed as well.
#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    house.grant("bob", "recommendation").await;
    house.withdraw("bob", "recommendation").await;
    let house = house.restart().await;
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    assert_eq!(house.permits("bob", "favourites").await, Err(Problem::ConsentWithdrawn));
    assert!(house.opens(&record, Reader::Source).await);
    house.erase("ada").await;
    let house = house.restart().await;
    assert!(!house.opens(&record, Reader::Source).await);
    assert_eq!(house.reference("ada").await, None);
}

#[tokio::test]
async fn a_person_whom_retention_forgot_is_found_anew() {
    let house = House::new().await;
    house.keep("ada", "advice").await;
    let lookup = house.custody.lookup(&person("ada"));
    let old = house.standing.look(&lookup).await.unwrap();
    house.clock.advance(DAY * 40);
    retention::run(&house.store, &house.facts.terms(), house.clock.now()).await.unwrap();
    let day = house.clock.now().day();
    let refused = house.custody.key(&lookup, old.reference(), "advice", day).await;
    assert!(matches!(refused, Err(CustodyError::Forgotten)));
    house.standing.forget(&lookup);
    let anew = house.standing.look(&lookup).await.unwrap();
    assert_eq!(anew.reference(), None);
    assert!(house.custody.key(&lookup, anew.reference(), "advice", day).await.is_ok());
}

#[tokio::test]
async fn what_is_restricted_is_kept_past_its_term_until_the_restriction_is_lifted() {
    let house = House::new().await;
    let (adas, bobs) = (house.keep("ada", "advice").await, house.keep("bob", "advice").await);
    restrict(&house.rights, &person("ada")).await.unwrap();
    house.clock.advance(DAY * 40);
    retention::run(&house.store, &house.facts.terms(), house.clock.now()).await.unwrap();
    assert!(house.opens(&adas, Reader::Source).await);
    assert!(!house.opens(&bobs, Reader::Source).await);
    lift_restriction(&house.rights, &person("ada")).await.unwrap();
    retention::run(&house.store, &house.facts.terms(), house.clock.now()).await.unwrap();
    assert!(!house.opens(&adas, Reader::Source).await);
}

/// Exchanges forward as fast as they can while the person withdraws and consents: whatever a withdrawal acknowledged,
/// nobody is inside on an older standing.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn after_a_withdrawal_is_acknowledged_nothing_is_forwarded() {
    let house = House::new().await;
    let withdrawn = Arc::new(AtomicBool::new(true));
    let (stop, forwarded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let exchanges: Vec<_> = (0..4)
        .map(|_| {
            let (standing, facts) = (house.standing.clone(), house.facts.clone());
            let lookup = house.custody.lookup(&person("ada"));
            let (withdrawn, stop, forwarded) = (withdrawn.clone(), stop.clone(), forwarded.clone());
            tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    let stand = standing.look(&lookup).await.unwrap();
                    if stand.permits(facts.activities[0].ask(NOON)).is_ok() {
                        tokio::task::yield_now().await;
                        if let Some(_guard) = standing.forward(&stand) {
                            assert!(
                                !withdrawn.load(SeqCst),
                                "forwarded after the withdrawal was acknowledged"
                            );
                            forwarded.fetch_add(1, SeqCst);
                        }
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 1..=25 {
        withdrawn.store(false, SeqCst);
        house.grant("ada", "recommendation").await;
        while forwarded.load(SeqCst) < round * 20 {
            tokio::task::yield_now().await;
        }
        house.withdraw("ada", "recommendation").await;
        withdrawn.store(true, SeqCst);
        tokio::task::yield_now().await;
    }
    stop.store(true, SeqCst);
    for exchange in exchanges {
        exchange.await.unwrap();
    }
}
