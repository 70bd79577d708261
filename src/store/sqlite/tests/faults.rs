//! A full disk, a file that can only be read, a file that is taken away.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Faults;
use crate::store::contract::*;
use crate::store::*;

/// Within what time after a fault's end the store must work again.
const SOON: Duration = Duration::from_secs(5);

pub(super) fn faults(store: &Store) -> &Faults {
    let Store::Sqlite(store) = store;
    &store.0.files.faults
}

fn big(key: &WrappedKey) -> (SealedRecord, Change) {
    let mut record = record(key);
    record.fields = [("email", vec![7; 40]), ("notes", vec![7; 20_000])].into_iter().collect();
    let mut change = data([DataChange::PutRecord(record.clone())]);
    change.events.push(event());
    (record, change)
}

/// Tries until a change is kept.
pub(super) async fn works_again(store: &Store) -> Done {
    let since = Instant::now();
    loop {
        match store.commit(Change { events: vec![event()], ..Change::default() }).await {
            Ok(done) => return done,
            Err(error) => assert!(error.is_unavailable() && since.elapsed() < SOON, "{error:?}"),
        }
        tokio::task::yield_now().await;
    }
}

pub(super) async fn in_order(store: &Store) {
    let key = crate::crypto::SigningKey::generate().unwrap().public();
    let verified = store.with_audit(move |view| {
        let witnesses = crate::audit::Witnesses {
            from: Chain::genesis(),
            checkpoints: view.checkpoints().iter().copied().map(Ok),
            anchor: view.anchor(),
            against: Vec::new(),
            key: &key,
        };
        crate::audit::verify::<StoreError>(view.entries(1), witnesses)
    });
    assert_eq!(verified.await.unwrap().unwrap().chain, store.chain());
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = person(&store, [1; 32]).await;
    faults(&store).pages.store(100, Ordering::Release);
    let mut kept = Vec::new();
    loop {
        let (record, change) = big(&key);
        match store.commit(change).await {
            Ok(done) => kept.push((record, done)),
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable(Some(_))), "{error:?}");
                break;
            }
        }
    }
    assert!(kept.len() > 5);
    // As long as there is no space, nothing is kept, and reading works.
    for _ in 0..20 {
        let (_, change) = big(&key);
        assert!(store.commit(change).await.unwrap_err().is_unavailable());
        assert_eq!(store.records_count(NOTES).await.unwrap(), kept.len() as u64);
    }
    faults(&store).pages.store(0, Ordering::Release);
    let next = works_again(&store).await;
    assert_eq!(next.entry, kept.last().unwrap().1.entry + 1);
    for (record, done) in &kept {
        let number = done.records[0].number.unwrap();
        assert_eq!(store.record(NOTES, number).await.unwrap().unwrap().record, *record);
    }
    in_order(&store).await;
    assert!(store.health().able);
    store.close().await;
}

#[tokio::test]
async fn a_file_that_can_only_be_read_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    works_again(&store).await;
    faults(&store).read_only.store(true, Ordering::Release);
    for _ in 0..5 {
        let refused = store.commit(Change { events: vec![event()], ..Change::default() }).await;
        assert!(refused.unwrap_err().is_unavailable());
    }
    faults(&store).read_only.store(false, Ordering::Release);
    assert_eq!(works_again(&store).await.entry, 2);
    in_order(&store).await;
    store.close().await;
}

#[tokio::test]
async fn a_file_that_is_taken_away_is_noticed_and_believed_again_only_when_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data.db", "keyring.db"] {
        let store = open(folder.path()).unwrap();
        let before = works_again(&store).await.entry;
        let (here, away) = (folder.path().join(name), folder.path().join("away"));
        std::fs::rename(&here, &away).unwrap();
        for _ in 0..3 {
            let refused = store.commit(Change { events: vec![event()], ..Change::default() }).await;
            assert!(refused.unwrap_err().is_unavailable());
        }
        assert!(!store.health().able);
        assert!(!here.exists(), "no new file is made in its place");
        std::fs::rename(&away, &here).unwrap();
        assert_eq!(works_again(&store).await.entry, before + 1);
        in_order(&store).await;
        store.close().await;
    }
}

/// Even a faithful copy is another file: the old one may still be read, and both would share one log.
#[tokio::test]
async fn another_file_in_its_place_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let before = works_again(&store).await.entry;
    let (here, away) = (folder.path().join("data.db"), folder.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    std::fs::copy(&away, &here).unwrap();
    refuses_for_some_attempts(&store).await;
    std::fs::rename(&away, &here).unwrap();
    assert_eq!(works_again(&store).await.entry, before + 1);
    in_order(&store).await;
    store.close().await;
}

/// Sees that nothing is kept while the files are opened anew more than once.
async fn refuses_for_some_attempts(store: &Store) {
    let until = Instant::now() + Duration::from_millis(600);
    while Instant::now() < until {
        let refused = store.commit(Change { events: vec![event()], ..Change::default() }).await;
        assert!(refused.unwrap_err().is_unavailable());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!store.health().able);
}

/// While it is down, the file is set back to an earlier state: the store must not go on from there.
#[tokio::test]
async fn a_file_that_was_set_back_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for _ in 0..3 {
        works_again(&store).await;
    }
    faults(&store).read_only.store(true, Ordering::Release);
    assert!(store.commit(Change { events: vec![event()], ..Change::default() }).await.is_err());
    let raw = rusqlite::Connection::open(config(folder.path()).sqlite).unwrap();
    raw.busy_timeout(SOON).unwrap();
    raw.execute_batch("DELETE FROM entry WHERE seq = 3").unwrap();
    let ring = rusqlite::Connection::open(config(folder.path()).keyring).unwrap();
    ring.busy_timeout(SOON).unwrap();
    ring.execute_batch("DELETE FROM anchor").unwrap();
    faults(&store).read_only.store(false, Ordering::Release);
    refuses_for_some_attempts(&store).await;
    store.close().await;
}

#[tokio::test]
async fn nobody_but_the_owner_can_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    person(&store, [1; 32]).await;
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() >= 6, "data, keyring, their logs and locks");
    for file in files {
        assert_eq!(file.metadata().unwrap().mode() & 0o077, 0, "{:?}", file.file_name());
    }
    store.close().await;
}

/// What is queued when the last handle goes is written all the same.
#[tokio::test]
async fn what_is_queued_is_kept_when_the_store_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let receipts: Vec<_> = (0..50)
        .map(|_| store.queue(Change { events: vec![event()], ..Change::default() }).unwrap())
        .collect();
    drop(store);
    for receipt in receipts {
        receipt.await.unwrap();
    }
}

/// How many files have these bytes in them.
pub(super) fn traces(folder: &Path, of: &[u8]) -> usize {
    let has = |path: PathBuf| match std::fs::read(path) {
        Ok(bytes) => bytes.windows(of.len()).any(|window| window == of),
        // While the files are opened again and again, logs come and go.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => panic!("{error}"),
    };
    std::fs::read_dir(folder).unwrap().filter(|file| has(file.as_ref().unwrap().path())).count()
}

#[tokio::test]
async fn the_wrapped_key_leaves_no_trace_in_the_files_once_it_is_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = person(&store, [1; 32]).await;
    let traces = || traces(folder.path(), &key.wrapped);
    assert!(traces() > 0);
    let which = KeySelector::Ids(vec![key.id]);
    store.commit(keyring([KeyringChange::DestroyKeys { which, because: Because::Erasure }])).await.unwrap();
    assert_eq!(traces(), 0);
    store.close().await;
}

/// Somebody who reads keeps the log from being emptied: nobody is told that a key is destroyed while it is still in there.
#[tokio::test]
async fn a_destruction_is_acknowledged_once_the_key_is_out_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let key = person(&store, [1; 32]).await;
    let traces = || traces(folder.path(), &key.wrapped);
    let reader = rusqlite::Connection::open(folder.path().join("keyring.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM key").unwrap();
    let destroy = || {
        let which = KeySelector::Ids(vec![key.id]);
        keyring([KeyringChange::DestroyKeys { which, because: Because::Erasure }])
    };
    assert!(store.commit(destroy()).await.unwrap_err().is_unavailable());
    assert!(traces() > 0, "the reader keeps the log");
    drop(reader);
    works_again(&store).await;
    assert_eq!(traces(), 0);
    assert_eq!(store.commit(destroy()).await.unwrap().destroyed, []);
    assert_eq!(store.key_by_id(key.id).await.unwrap(), None);
    in_order(&store).await;
    store.close().await;
}

/// The keyring's commit comes first: a key without a record harms nobody, and a destroyed key takes its records along
/// as soon as the data file can be written again.
#[tokio::test]
async fn a_failure_between_the_two_commits_leaves_the_keyring_ahead_and_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let ada = person(&store, [1; 32]).await;
    let mut change = data([DataChange::PutRecord(record(&ada))]);
    change.events.push(event());
    store.commit(change).await.unwrap();

    let bob = reference();
    let key = key(bob, NOTES, DAY);
    let mut change = keyring([
        KeyringChange::PutSubject { lookup: [2; 32], reference: bob },
        KeyringChange::PutKey(key.clone()),
        KeyringChange::DestroyKeys { which: KeySelector::Ids(vec![ada.id]), because: Because::Erasure },
    ]);
    change.data.push(DataChange::PutRecord(record(&key)));
    change.events.push(event());
    faults(&store).between.store(true, Ordering::Release);
    assert!(store.commit(change).await.unwrap_err().is_unavailable());

    let next = works_again(&store).await;
    assert_eq!((next.entry, next.tombstones), (3, 1));
    assert_eq!(store.key_by_id(key.id).await.unwrap(), Some(key));
    assert_eq!(store.key_by_id(ada.id).await.unwrap(), None);
    assert_eq!(store.records_count(NOTES).await.unwrap(), 0);
    let told = String::from_utf8(store.audit_entries(2, 1).await.unwrap()[0].encoded.clone()).unwrap();
    assert!(told.contains("key-destroyed") && told.contains("erasure"), "{told}");
    in_order(&store).await;
    store.close().await;
}
