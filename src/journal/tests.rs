use std::path::Path;

use super::*;
use crate::audit::{Broken, Reading, Witness};
use crate::clock::{Day, Timestamp};
use crate::crypto::{InterchangeKey, random, sha256};
use crate::keys::LocalKey;
use crate::personal::Reference;
use crate::store::{KeyringChange, StoreConfig, WrappedKey};

struct House {
    folder: tempfile::TempDir,
    key: zeroize::Zeroizing<String>,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: InterchangeKey::generate() }
    }

    fn config(&self) -> StoreConfig {
        let path = |name: &str| -> std::path::PathBuf { Path::new(self.folder.path()).join(name) };
        StoreConfig { sqlite: path("data.db"), keyring: path("keyring.db"), restored: false }
    }

    fn store(&self) -> Store {
        Store::open(&self.config(), clock()).unwrap()
    }

    async fn journal(&self) -> Journal {
        let provider = LocalKey::from_text(&self.key).unwrap();
        Journal::open(self.store(), &provider, clock()).await.unwrap()
    }
}

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_millis(1_795_421_350_123))
}

fn intended(decision: DecisionId) -> What<'static> {
    What::ExchangeIntended {
        activity: "notes",
        caller: None,
        decision,
        journal: "before_forward",
        legal_basis: "consent",
        notice_version: Some(2),
        persons: &[],
        policy: [1; 32],
        purpose: "recommendation",
        recipient: None,
        route: "POST /predict",
    }
}

const ANSWERED: Ended = Ended { outcome: Outcome::Answered, problem: None, upstream_status: Some(200) };

async fn entries(journal: &Journal) -> Vec<Reading> {
    let entries = journal.store.audit_entries(1, 100).await.unwrap();
    entries.iter().map(|entry| Reading::new(&entry.encoded).unwrap()).collect()
}

#[tokio::test]
async fn an_exchange_leaves_intent_and_outcome_with_the_numbers_of_its_records() {
    let house = House::new();
    let journal = house.journal().await;
    let reference = Reference::from_bytes([5; 16]);
    let key = WrappedKey {
        id: [6; 16],
        reference,
        activity: "notes".to_owned(),
        day: Day::from_number(20_000),
        source_closed: false,
        wrapped: vec![7; 60],
    };
    let keyring = vec![KeyringChange::PutSubject { lookup: [8; 32], reference }, KeyringChange::PutKey(key)];
    journal.store.commit(Change { keyring, ..Change::default() }).await.unwrap();
    let record = |key| SealedRecord {
        id: random::bytes(),
        reference,
        activity: "notes".to_owned(),
        key,
        at: clock().now(),
        fields: [("email", [9; 40])].into_iter().collect(),
    };
    let decision = DecisionId::random();
    let mut intent = journal.intent(intended(decision)).unwrap();
    intent.durable().await.unwrap();
    assert_eq!(journal.store.open_intents().await.unwrap().len(), 1);
    // The key of the second is gone: it is not kept, and the event does not speak of it.
    let records = vec![record([6; 16]), record([0; 16]), record([6; 16])];
    let digests: Vec<_> = [&records[0], &records[2]].map(sealed).to_vec();
    let done = intent.outcome(ANSWERED, records).await.unwrap();
    assert_eq!(done.records.iter().map(|kept| kept.number).collect::<Vec<_>>(), [Some(0), None, Some(1)]);
    let [intent, outcome] = &entries(&journal).await[..] else { panic!("two entries") };
    assert_eq!((intent.kind.as_str(), intent.decision()), ("exchange-intended", Some(decision)));
    assert_eq!((outcome.kind.as_str(), outcome.decision()), ("exchange-ended", Some(decision)));
    assert_eq!(outcome.members["records"].to_string(), "[0,1]");
    let hex: String = sha256(&[&digests[0], &digests[1]]).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(outcome.text("sealed"), Some(hex.as_str()));
    assert_eq!(journal.store.open_intents().await.unwrap(), []);
    journal.verify(None).await.unwrap();
    journal.stop("1").await.unwrap();
}

#[tokio::test]
async fn a_dropped_exchange_is_sealed_at_once_and_one_that_crashed_at_the_next_start() {
    let house = House::new();
    let journal = house.journal().await;
    let mut dropped = journal.intent(intended(DecisionId::from_bytes([1; 16]))).unwrap();
    dropped.durable().await.unwrap();
    drop(dropped);
    journal.record(What::Stopped { version: "x" }).unwrap().await.unwrap();
    let words: Vec<_> = entries(&journal).await.iter().map(|entry| entry.kind.clone()).collect();
    assert_eq!(words, ["exchange-intended", "exchange-ended", "stopped"]);
    let mut crashed = journal.intent(intended(DecisionId::from_bytes([2; 16]))).unwrap();
    crashed.durable().await.unwrap();
    journal.store.close().await;
    drop(crashed);

    let journal = house.journal().await;
    assert_eq!(journal.recover("1").await.unwrap(), 1);
    let all = entries(&journal).await;
    let [.., sealed, started] = &all[..] else { panic!("entries") };
    assert_eq!(sealed.decision(), Some(DecisionId::from_bytes([2; 16])));
    assert_eq!(sealed.text("outcome"), Some("aborted"));
    assert_eq!((started.kind.as_str(), started.integer("aborted")), ("started", Some(1)));
    assert_eq!(journal.recover("1").await.unwrap(), 0);
    journal.stop("1").await.unwrap();
}

#[tokio::test]
async fn an_outcome_without_a_kept_intent_is_refused_and_other_kinds_open_nothing() {
    let house = House::new();
    let journal = house.journal().await;
    assert!(matches!(journal.intent(What::Stopped { version: "1" }), Err(JournalError::NotAnIntent)));
    let decision = DecisionId::random();
    let first = journal.intent(intended(decision)).unwrap();
    let mut twice = journal.intent(intended(decision)).unwrap();
    assert!(matches!(twice.durable().await, Err(JournalError::Store(StoreError::Rejected(_)))));
    first.outcome(ANSWERED, Vec::new()).await.unwrap();
    assert!(matches!(
        twice.outcome(ANSWERED, Vec::new()).await,
        Err(JournalError::Store(StoreError::Rejected(_)))
    ));
    assert_eq!(entries(&journal).await.len(), 2);
    journal.stop("1").await.unwrap();
}

#[tokio::test]
async fn another_master_key_is_said_and_changes_nothing() {
    let house = House::new();
    let first = house.journal().await;
    let public = first.public();
    first.stop("1").await.unwrap();
    let store = house.store();
    let other = LocalKey::from_text(&InterchangeKey::generate()).unwrap();
    let refused = Journal::open(store.clone(), &other, clock()).await;
    assert!(matches!(refused, Err(JournalError::WrongMasterKey)));
    store.close().await;
    let again = house.journal().await;
    assert_eq!(again.public(), public);
    again.stop("1").await.unwrap();
}

#[tokio::test]
async fn checkpoints_are_signed_every_thousand_entries_and_at_the_close_and_a_cut_shows() {
    let house = House::new();
    let journal = house.journal().await;
    let receipts: Vec<_> =
        (0..2500).map(|_| journal.record(What::Stopped { version: "1" }).unwrap()).collect();
    for receipt in receipts {
        receipt.await.unwrap();
    }
    let elsewhere = journal.checkpoint();
    assert!(journal.checkpoints(10).await.unwrap().len() >= 2);
    let report = journal.verify(Some(elsewhere)).await.unwrap();
    assert_eq!((report.chain.count, report.vouched), (2500, 2500));
    journal.stop("1").await.unwrap();

    let journal = house.journal().await;
    assert_eq!(journal.checkpoints(1).await.unwrap()[0].count, 2501);
    // Entries and checkpoints are cut while it runs; the keyring and the copy kept elsewhere know better.
    let raw = rusqlite::Connection::open(house.config().sqlite).unwrap();
    raw.execute_batch("DELETE FROM entry WHERE seq > 2400; DELETE FROM checkpoint WHERE count > 2400;")
        .unwrap();
    let cut = journal.verify(None).await.unwrap_err();
    assert!(matches!(
        cut,
        JournalError::Broken(Broken::Cut { witness: Witness::Keyring, expected: 2501, found: 2400 })
    ));
    raw.execute_batch(
        "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), '1', '2') AS BLOB) WHERE seq = 7",
    )
    .unwrap();
    assert!(matches!(
        journal.verify(None).await.unwrap_err(),
        JournalError::Broken(Broken::Altered { seq: 7 })
    ));
    journal.store.close().await;

    // It does not start any more, and `audit verify` can still say why.
    assert!(matches!(Store::open(&house.config(), clock()), Err(StoreError::Cut { .. })));
    let provider = LocalKey::from_text(&house.key).unwrap();
    let store = Store::inspect(&house.config()).unwrap();
    let journal = Journal::read_only(store, &provider, clock()).await.unwrap();
    assert!(matches!(
        journal.verify(None).await.unwrap_err(),
        JournalError::Broken(Broken::Altered { seq: 7 })
    ));
    assert!(journal.record(What::Stopped { version: "1" }).is_err());
}
