use std::path::Path;

use super::*;
use crate::audit::{Broken, Reading, Witness};
use crate::clock::{Day, Timestamp};
use crate::crypto::{InterchangeKey, hex, random, sha256};
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
        StoreConfig { sqlite: path("data.db"), keyring: path("keyring.db"), restored: false, lost: false }
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

#[tokio::test]
async fn a_start_knows_how_far_the_newest_entry_lies_from_the_clock() {
    let house = House::new();
    let journal = house.journal().await;
    assert_eq!(journal.apart().await.unwrap(), None, "there is none");
    journal.recover("1").await.unwrap();
    journal.stop("1").await.unwrap();
    for (later, far) in [(0, false), (3600, false), (3601, true), (-3600, false), (-3601, true)] {
        let clock = Clock::fixed(Timestamp::from_millis(clock().now().millis() + later * 1000));
        let provider = LocalKey::from_text(&house.key).unwrap();
        let journal = Journal::open(house.store(), &provider, clock).await.unwrap();
        assert_eq!(journal.apart().await.unwrap().is_some(), far, "{later}");
        journal.store.close().await;
    }
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

const ANSWERED: Ended = Ended::Answered { upstream_status: 200 };

async fn entries(journal: &Journal) -> Vec<Reading> {
    let entries = journal.store.audit_entries(1, 100).await.unwrap();
    entries.iter().map(|entry| Reading::new(&entry.encoded).unwrap()).collect()
}

const SOMEBODY: Reference = Reference::from_bytes([5; 16]);
const KEY: [u8; 16] = [6; 16];

/// Somebody, and a key of theirs.
async fn know_somebody(journal: &Journal) {
    let key = WrappedKey {
        id: KEY,
        reference: SOMEBODY,
        activity: "notes".to_owned(),
        day: Day::from_number(20_000),
        source_closed: false,
        wrapped: vec![7; 60],
    };
    let subject = KeyringChange::PutSubject { lookup: [8; 32], reference: SOMEBODY };
    let keyring = vec![subject, KeyringChange::PutKey(key)];
    journal.store.commit(Change { keyring, ..Change::default() }).await.unwrap();
}

fn record(key: [u8; 16]) -> SealedRecord {
    SealedRecord {
        id: random::bytes(),
        reference: SOMEBODY,
        activity: "notes".to_owned(),
        key,
        at: clock().now(),
        fields: [("email", random::bytes::<40>())].into_iter().collect(),
    }
}

#[tokio::test]
async fn an_exchange_leaves_intent_and_outcome_with_the_numbers_of_its_records() {
    let house = House::new();
    let journal = house.journal().await;
    know_somebody(&journal).await;
    let decision = DecisionId::random();
    let mut intent = journal.intent(intended(decision)).unwrap();
    intent.durable().await.unwrap();
    assert_eq!(journal.store.open_intents().await.unwrap().len(), 1);
    // The key of the second is gone: it is not kept, and the event does not speak of it.
    let records = vec![record(KEY), record([0; 16]), record(KEY)];
    let digests: Vec<_> = [&records[0], &records[2]].map(sealed).to_vec();
    let done = intent.outcome(ANSWERED, records).await.unwrap();
    assert_eq!(done.records.iter().map(|kept| kept.number).collect::<Vec<_>>(), [Some(0), None, Some(1)]);
    let [intent, outcome] = &entries(&journal).await[..] else { panic!("two entries") };
    assert_eq!((intent.kind.as_str(), intent.decision()), ("exchange-intended", Some(decision)));
    assert_eq!((outcome.kind.as_str(), outcome.decision()), ("exchange-ended", Some(decision)));
    assert_eq!(outcome.members["records"].to_string(), "[0,1]");
    assert_eq!(outcome.text("sealed"), Some(&*hex(&sha256(&[&digests[0], &digests[1]]))));
    assert_eq!(journal.store.open_intents().await.unwrap(), []);
    let (_, kept) = journal.verify(Vec::new()).await.unwrap();
    assert_eq!(kept, Kept { as_told: 2, ..Kept::default() });
    journal.stop("1").await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_not_as_the_audit_tells_is_found() {
    let house = House::new();
    let journal = house.journal().await;
    know_somebody(&journal).await;
    // Numbers 0, 1, 2 and 3 of the first four; 4 and 5 of the last.
    for count in [1, 1, 1, 1, 2] {
        let intent = journal.intent(intended(DecisionId::random())).unwrap();
        intent.outcome(ANSWERED, (0..count).map(|_| record(KEY)).collect::<Vec<_>>()).await.unwrap();
    }
    let raw = rusqlite::Connection::open(house.config().sqlite).unwrap();
    let kept = async || journal.verify(Vec::new()).await.map(|(_, kept)| kept);
    let unlike = async || match journal.verify(Vec::new()).await {
        Err(JournalError::Unlike(unlike)) => unlike,
        other => panic!("{other:?}"),
    };
    assert_eq!(kept().await.unwrap(), Kept { as_told: 6, ..Kept::default() });

    let swap = "UPDATE record SET row = -1 WHERE row & 255 = 1 AND row > 0; UPDATE record SET row = row - 1 WHERE row & 255 = 2; \
                UPDATE record SET row = (SELECT max(row) FROM record) - 3 WHERE row = -1;";
    raw.execute_batch(swap).unwrap();
    let exchanged =
        |numbers: &[u64], entry| Unlike::Altered { numbers: numbers.into(), activity: "notes".into(), entry };
    assert_eq!(unlike().await, exchanged(&[1], 4));
    raw.execute_batch(swap).unwrap();
    assert_eq!(kept().await.unwrap().as_told, 6);

    let turn =
        |at: &str| format!("UPDATE record SET fields = CAST(fields || x'00' AS BLOB) WHERE row & 255 = {at}");
    raw.execute_batch(&turn("5")).unwrap();
    let said = unlike().await;
    assert_eq!(said, exchanged(&[4, 5], 10));
    assert!(said.to_string().starts_with("one of the records [4, 5] of `notes`"), "{said}");
    raw.execute_batch("UPDATE record SET fields = substr(fields, 1, length(fields) - 1) WHERE row & 255 = 5")
        .unwrap();
    assert_eq!(kept().await.unwrap().as_told, 6);

    raw.execute_batch("UPDATE record SET at = at + 3700000 WHERE row & 255 = 3").unwrap();
    assert_eq!(unlike().await, Unlike::Late { number: 3, activity: "notes".into(), entry: 8 });
    raw.execute_batch("UPDATE record SET at = at - 3700000 WHERE row & 255 = 3").unwrap();

    // Where no activity is nothing ends; the indices would still lead there.
    let aside = |from: &str, to: &str| {
        format!("UPDATE record SET row = row + ({to} - {from}) * (1 << 40) WHERE row >> 40 = {from}")
    };
    for to in ["999", "0", "-1"] {
        raw.execute_batch(&aside("1", to)).unwrap();
        assert!(matches!(unlike().await, Unlike::Nowhere { .. }), "{to}");
        raw.execute_batch(&aside(to, "1")).unwrap();
    }
    assert_eq!(kept().await.unwrap().as_told, 6);

    // One behind the last, and one in the place of one that is gone, whose outcome tells of another.
    let put_in = |number: u64| {
        let from = "SELECT max(row) FROM record WHERE row & 255 < 6";
        format!(
            "INSERT INTO record SELECT (({from}) >> 8 << 8) + {number}, randomblob(16), reference, key, at, fields FROM record \
             WHERE row = ({from})"
        )
    };
    raw.execute_batch(&put_in(9)).unwrap();
    assert_eq!(unlike().await, Unlike::Untold { number: 9, activity: "notes".into() });
    raw.execute_batch("DELETE FROM record WHERE row & 255 IN (0, 4, 9)").unwrap();
    assert_eq!(kept().await.unwrap(), Kept { as_told: 3, gone: 2, beside_gone: 1, unread: 0 });
    raw.execute_batch(&put_in(0)).unwrap();
    assert_eq!(unlike().await, exchanged(&[0], 2));

    // Where entries are not in order, that is said first.
    raw.execute_batch("UPDATE entry SET hash = randomblob(32) WHERE seq = 5").unwrap();
    assert!(matches!(
        journal.verify(Vec::new()).await,
        Err(JournalError::Broken(Broken::Altered { seq: 5 }))
    ));
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
    let kept =
        async |journal: &Journal| journal.store.with_audit(|view| view.checkpoints().to_vec()).await.unwrap();
    assert!(kept(&journal).await.len() >= 2);
    let (report, _) = journal.verify(vec![elsewhere]).await.unwrap();
    assert_eq!((report.chain.count, report.vouched), (2500, 2500));
    journal.stop("1").await.unwrap();

    let journal = house.journal().await;
    assert_eq!(kept(&journal).await.last().unwrap().count, 2501);
    // Entries and checkpoints are cut while it runs; the keyring and the copy kept elsewhere know better.
    let raw = rusqlite::Connection::open(house.config().sqlite).unwrap();
    raw.execute_batch("DELETE FROM entry WHERE seq > 2400; DELETE FROM checkpoint WHERE count > 2400;")
        .unwrap();
    let cut = journal.verify(Vec::new()).await.unwrap_err();
    assert!(matches!(
        cut,
        JournalError::Broken(Broken::Cut { witness: Witness::Keyring, expected: 2501, found: 2400 })
    ));
    raw.execute_batch(
        "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), '1', '2') AS BLOB) WHERE seq = 7",
    )
    .unwrap();
    assert!(matches!(
        journal.verify(Vec::new()).await.unwrap_err(),
        JournalError::Broken(Broken::Altered { seq: 7 })
    ));
    journal.store.close().await;

    // It does not start any more, and `audit verify` can still say why.
    assert!(matches!(Store::open(&house.config(), clock()), Err(StoreError::Cut { .. })));
    let provider = LocalKey::from_text(&house.key).unwrap();
    let store = Store::inspect(&house.config()).unwrap();
    let journal = Journal::read_only(store, &provider, clock()).await.unwrap();
    assert!(matches!(
        journal.verify(Vec::new()).await.unwrap_err(),
        JournalError::Broken(Broken::Altered { seq: 7 })
    ));
    assert!(journal.record(What::Stopped { version: "1" }).is_err());
}
