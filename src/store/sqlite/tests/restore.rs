//! Copies that were put back, and crashes between the two commits.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::audit::Reading;
use crate::lock::Lock;
use crate::store::contract::*;
use crate::store::*;

pub(super) fn copy(folder: &Path, name: &str) -> PathBuf {
    let to = folder.join(format!("{name}.copy"));
    std::fs::copy(folder.join(name), &to).unwrap();
    to
}

pub(super) fn put_back(folder: &Path, name: &str) {
    std::fs::copy(folder.join(format!("{name}.copy")), folder.join(name)).unwrap();
}

fn raw(folder: &Path, name: &str, sql: &str) {
    Connection::open(folder.join(name)).unwrap().execute_batch(sql).unwrap();
}

pub(super) async fn kinds(store: &Store) -> Vec<String> {
    let entries = store.audit_entries(1, 100).await.unwrap();
    entries.iter().map(|entry| Reading::new(&entry.encoded).unwrap().kind).collect()
}

fn erase(key: &WrappedKey) -> Change {
    let which = KeySelector::Person { reference: key.reference, activities: Activities::AllBut(vec![]) };
    keyring([KeyringChange::DestroyKeys { which, because: Because::Erasure }])
}

/// A person with a record and a consent, in files that are closed.
async fn furnished(folder: &Path) -> WrappedKey {
    let store = open(folder).unwrap();
    let key = person(&store, [1; 32]).await;
    let mut change = data([
        DataChange::PutRecord(record(&key)),
        DataChange::PutConsent(consent(key.reference, ConsentState::Given)),
    ]);
    change.events.push(event());
    store.commit(change).await.unwrap();
    store.close().await;
    key
}

#[tokio::test]
async fn a_crash_between_the_two_commits_is_completed_with_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let key = furnished(folder.path()).await;
    copy(folder.path(), "data.db");
    let store = open(folder.path()).unwrap();
    store.commit(erase(&key)).await.unwrap();
    store.close().await;
    // The data file is as it was before its commit.
    put_back(folder.path(), "data.db");
    let store = open(folder.path()).unwrap();
    assert_eq!(store.records_count(NOTES).await.unwrap(), 0);
    assert_eq!(kinds(&store).await, ["policy-loaded", "key-destroyed"]);
    store.close().await;
    // Once is enough.
    let store = open(folder.path()).unwrap();
    assert_eq!(kinds(&store).await.len(), 2);
    store.close().await;
}

#[tokio::test]
async fn an_older_keyring_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let key = furnished(folder.path()).await;
    copy(folder.path(), "keyring.db");
    let store = open(folder.path()).unwrap();
    store.commit(erase(&key)).await.unwrap();
    store.close().await;
    put_back(folder.path(), "keyring.db");
    let refused = open(folder.path()).unwrap_err();
    assert!(
        matches!(refused, StoreError::KeyringOlder { tombstones: 0, counted: 1, orphans: 0, .. }),
        "{refused:?}"
    );
}

/// A keyring from before a key was minted would leave its records unreadable: they are not deleted for it.
#[tokio::test]
async fn a_keyring_that_lacks_keys_of_records_does_not_start_and_deletes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    raw(folder.path(), "keyring.db", "DELETE FROM key");
    let refused = open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::KeyringOlder { orphans: 1, .. }), "{refused:?}");
    let data = Connection::open(folder.path().join("data.db")).unwrap();
    assert_eq!(data.query_row("SELECT count(*) FROM record", [], |row| row.get::<_, i64>(0)), Ok(1));
}

#[tokio::test]
async fn an_older_data_file_starts_only_when_told_and_brings_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let key = furnished(folder.path()).await;
    copy(folder.path(), "data.db");
    let store = open(folder.path()).unwrap();
    let mut change = erase(&key);
    change.data.push(DataChange::PutConsent(consent(key.reference, ConsentState::Withdrawn)));
    change.events.push(event());
    store.commit(change).await.unwrap();
    store.close().await;
    put_back(folder.path(), "data.db");
    let refused = open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Cut { count: 1, anchored: 2 }), "{refused:?}");
    let restored = StoreConfig { restored: true, ..config(folder.path()) };
    let store = Store::open(&restored, clock()).unwrap();
    assert_eq!(store.records_count(NOTES).await.unwrap(), 0);
    // The second one is the event of the withdrawal.
    assert_eq!(kinds(&store).await, ["policy-loaded", "administered", "key-destroyed", "policy-loaded"]);
    let stand = store.stand([1; 32]).await.unwrap();
    assert_eq!(stand.consents[0].state, ConsentState::Withdrawn);
    store.close().await;
    open(folder.path()).unwrap().close().await;
}

#[tokio::test]
async fn a_cut_tail_and_an_altered_one_do_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for _ in 0..5 {
        store.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
    }
    store.close().await;
    copy(folder.path(), "data.db");
    raw(folder.path(), "data.db", "DELETE FROM entry WHERE seq > 3; DELETE FROM checkpoint;");
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::Cut { count: 3, anchored: 5 }));
    put_back(folder.path(), "data.db");
    raw(folder.path(), "data.db", "UPDATE entry SET body = x'7b7d' WHERE seq = 5");
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::Altered(5)));
    put_back(folder.path(), "data.db");
    let data = folder.path().join("data.db");
    raw(folder.path(), "data.db", "DELETE FROM entry");
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::Bare(file) if file == data));
    put_back(folder.path(), "data.db");
    open(folder.path()).unwrap().close().await;
}

/// The names of the files in a folder, less the locks, which stay.
fn names(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort_unstable();
    names
}

/// A volume that is not mounted looks like this. Nobody is told to start without it, and nothing is left in its place.
#[tokio::test]
async fn where_the_data_file_is_missing_nothing_is_made_and_only_who_says_it_is_lost_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let key = furnished(folder.path()).await;
    let store = open(folder.path()).unwrap();
    let stop =
        Stop { lookup: [1; 32], kind: StopKind::Objection, purpose: Some("ads".into()), at: clock().now() };
    store.commit(keyring([KeyringChange::PutStop(stop)])).await.unwrap();
    store.close().await;
    let data = folder.path().join("data.db");
    std::fs::rename(&data, folder.path().join("kept")).unwrap();
    let (before, restored) = (names(folder.path()), StoreConfig { restored: true, ..config(folder.path()) });
    for config in [&config(folder.path()), &restored] {
        let refused = Store::open(config, clock()).unwrap_err();
        assert!(
            matches!(&refused, StoreError::DataMissing { path, anchored: 1 } if *path == data),
            "{refused:?}"
        );
        assert!(!refused.to_string().contains("restored"), "{refused}");
    }
    assert!(matches!(Store::inspect(&restored).unwrap_err(), StoreError::DataMissing { anchored: 1, .. }));
    assert_eq!(names(folder.path()), before);
    // A file without anything in it, and a copy without its log: a page that says what kind of file it is.
    let head = Connection::open(folder.path().join("head")).unwrap();
    head.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    drop(head);
    for bare in [Vec::new(), std::fs::read(folder.path().join("head")).unwrap()] {
        std::fs::write(&data, &bare).unwrap();
        for config in [&config(folder.path()), &restored] {
            let refused = Store::open(config, clock()).unwrap_err();
            assert!(matches!(&refused, StoreError::Bare(file) if *file == data), "{refused:?}");
            assert!(refused.to_string().contains("data.db-wal"), "{refused}");
        }
        assert!(matches!(Store::inspect(&restored).unwrap_err(), StoreError::Bare(_)));
        assert_eq!(std::fs::read(&data).unwrap(), bare);
        std::fs::remove_file(&data).unwrap();
    }

    let lost = StoreConfig { lost: true, ..config(folder.path()) };
    let store = Store::open(&lost, clock()).unwrap();
    assert_eq!(kinds(&store).await.first().map(String::as_str), Some("administered"));
    let said = store.audit_entries(1, 1).await.unwrap();
    assert!(String::from_utf8_lossy(&said[0].encoded).contains("data-lost"));
    // What the person forbade binds, and they are who they were.
    let stand = store.stand([1; 32]).await.unwrap();
    assert_eq!((stand.reference, stand.stops.len()), (Some(key.reference), 1));
    store.close().await;
    open(folder.path()).unwrap().close().await;
    // Where there is data it is not given up: an older file is not a lost one.
    std::fs::rename(folder.path().join("kept"), &data).unwrap();
    let store = Store::open(&lost, clock()).map(|_| ()).unwrap_err();
    assert!(matches!(store, StoreError::Altered(_) | StoreError::Cut { .. }), "{store:?}");
}

/// `--data-lost` was a mistake, and the volume is there again: the way back is noted, however long the new audit has become.
#[tokio::test]
async fn data_of_before_in_the_place_of_what_was_begun_anew_starts_when_told_and_notes_it() {
    for more in [0, 3] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        for _ in 0..3 {
            store.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
        }
        store.close().await;
        let (data, kept) = (folder.path().join("data.db"), folder.path().join("kept"));
        std::fs::rename(&data, &kept).unwrap();
        let lost = StoreConfig { lost: true, ..config(folder.path()) };
        let store = Store::open(&lost, clock()).unwrap();
        for _ in 0..more {
            store.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
        }
        store.close().await;
        std::fs::rename(&kept, &data).unwrap();
        let refused = open(folder.path()).unwrap_err();
        match more {
            0 => assert!(matches!(refused, StoreError::Altered(1)), "{refused:?}"),
            _ => assert!(matches!(refused, StoreError::Cut { count: 3, anchored: 4 }), "{refused:?}"),
        }
        let restored = StoreConfig { restored: true, ..config(folder.path()) };
        let store = Store::open(&restored, clock()).unwrap();
        assert_eq!(kinds(&store).await[3..], ["administered"]);
        let said = store.audit_entries(4, 1).await.unwrap();
        assert!(String::from_utf8_lossy(&said[0].encoded).contains("\"restore\""));
        store.close().await;
        // Told again, there is nothing to note.
        let store = Store::open(&restored, clock()).unwrap();
        assert_eq!(store.chain().count, 4);
        store.close().await;
    }
}

/// Neither of the two volumes is there: what people forbade is not to be forgotten with the data.
#[tokio::test]
async fn without_a_keyring_nothing_is_begun_for_lost_data() {
    let folder = tempfile::tempdir().unwrap();
    let lost = StoreConfig { lost: true, ..config(folder.path()) };
    let everything = || folder.path().read_dir().unwrap().count();
    let refused = Store::open(&lost, clock()).unwrap_err();
    assert!(
        matches!(&refused, StoreError::KeyringLost(path) if *path == folder.path().join("keyring.db")),
        "{refused:?}"
    );
    assert_eq!(everything(), 0);
    // A keyring that holds nothing is none.
    std::fs::write(&lost.keyring, b"").unwrap();
    assert!(matches!(Store::open(&lost, clock()).unwrap_err(), StoreError::KeyringLost(_)));
    assert_eq!((everything(), std::fs::read(&lost.keyring).unwrap()), (1, Vec::new()));
}

/// Such as a file in a folder that this user may not enter.
#[tokio::test]
async fn a_file_that_cannot_be_looked_at_is_not_taken_for_missing() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    let before = names(folder.path());
    let within = |name: &str| folder.path().join("data.db").join(name);
    let good = config(folder.path());
    let unseen = [
        StoreConfig { keyring: within("keyring.db"), ..good.clone() },
        StoreConfig { sqlite: within("data.db"), ..good.clone() },
        StoreConfig { sqlite: within("data.db"), keyring: within("keyring.db"), ..good },
    ];
    for config in unseen {
        for lost in [false, true] {
            let refused = StoreConfig { lost, ..config.clone() }.both_there().unwrap_err();
            assert!(matches!(refused, StoreError::Lock(_)), "{refused:?}");
        }
    }
    assert_eq!(names(folder.path()), before);
}

/// A snapshot of a running store is as a loss of power: the log of each file belongs to it.
#[tokio::test]
async fn a_snapshot_of_a_running_store_holds_all_with_its_logs_and_is_refused_without_them() {
    let (running, put_back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    furnished(running.path()).await;
    let store = open(running.path()).unwrap();
    for _ in 0..3 {
        store.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
    }
    // The last group's anchor follows its answer; a group without entries follows that.
    store.commit(Change::default()).await.unwrap();
    // What lies at the target of another time goes before the copy comes.
    for name in ["data.db", "data.db-wal", "keyring.db", "keyring.db-wal"] {
        std::fs::write(put_back.path().join(name), "of another time").unwrap();
        std::fs::copy(running.path().join(name), put_back.path().join(name)).unwrap();
    }
    let chain = store.chain();
    let restored = open(put_back.path()).unwrap();
    assert_eq!(restored.chain(), chain);
    restored.close().await;

    let without = tempfile::tempdir().unwrap();
    for name in ["data.db", "keyring.db", "keyring.db-anchor"] {
        std::fs::copy(running.path().join(name), without.path().join(name)).unwrap();
    }
    let refused = open(without.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Cut { count: 1, anchored: 4 }), "{refused:?}");
    store.close().await;
}

/// Between checkpoints the table in the keyring is behind; the file beside it is not, also where the process was killed.
#[tokio::test]
async fn after_a_kill_the_file_beside_the_keyring_vouches_for_the_end() {
    const ANCHOR: &str = "keyring.db-anchor";
    let (running, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(running.path()).unwrap();
    for _ in 0..5 {
        store.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
    }
    // The last group's anchor follows its answer; a group without entries follows that.
    store.commit(Change::default()).await.unwrap();
    let as_killed = || {
        for name in ["data.db", "data.db-wal", "keyring.db", "keyring.db-wal", ANCHOR] {
            std::fs::copy(running.path().join(name), killed.path().join(name)).unwrap();
        }
    };
    let cut = || raw(killed.path(), "data.db", "DELETE FROM entry WHERE seq > 3");
    as_killed();
    cut();
    let beside = killed.path().join(ANCHOR);
    let whole = std::fs::read(&beside).unwrap();
    let inspected = Store::inspect(&config(killed.path())).unwrap();
    let anchor = async |store: &Store| store.with_audit(|view| view.anchor()).await.unwrap();
    assert_eq!(anchor(&inspected).await, Some(store.chain()));
    drop(inspected);
    assert!(matches!(open(killed.path()).unwrap_err(), StoreError::Cut { count: 3, anchored: 5 }));
    // One that is not whole says nothing, as after a loss of power, and neither does another keyring's.
    std::fs::write(&beside, &whole[1..]).unwrap();
    open(killed.path()).unwrap().close().await;
    let other = tempfile::tempdir().unwrap();
    let stranger = open(other.path()).unwrap();
    stranger.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
    stranger.commit(Change::default()).await.unwrap();
    as_killed();
    std::fs::copy(other.path().join(ANCHOR), &beside).unwrap();
    let store = open(killed.path()).unwrap();
    assert_eq!(store.chain().count, 5);
    store.close().await;
    assert!(!beside.exists(), "at a close in order the table says it all");
    cut();
    assert!(matches!(open(killed.path()).unwrap_err(), StoreError::Cut { count: 3, anchored: 5 }));
    // The last entry is another one, with the right hash.
    as_killed();
    let data = Connection::open(killed.path().join("data.db")).unwrap();
    let head = data.query_row("SELECT hash FROM entry WHERE seq = 4", [], |row| row.get(0)).unwrap();
    let other = Chain { count: 4, head }.append(b"{}").hash;
    data.execute("UPDATE entry SET body = x'7b7d', hash = ? WHERE seq = 5", [other]).unwrap();
    drop(data);
    assert!(matches!(open(killed.path()).unwrap_err(), StoreError::Altered(5)));
    // An older data file starts when told, and from then on that is what is vouched for.
    as_killed();
    cut();
    let restored = StoreConfig { restored: true, ..config(killed.path()) };
    let store = Store::open(&restored, clock()).unwrap();
    assert_eq!((store.chain().count, anchor(&store).await), (4, Some(store.chain())));
    store.close().await;
    open(killed.path()).unwrap().close().await;
}

/// What is read without a lock is not to be taken for what is wrong with a file that somebody writes to.
#[tokio::test]
async fn nothing_is_said_of_files_that_somebody_works_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    furnished(folder.path()).await;
    let looked = async |meanwhile: Box<dyn FnOnce() + Send>| {
        let store = Store::inspect(&config).unwrap();
        let looked = store.with_audit(move |view| {
            meanwhile();
            view.entries(1).count()
        });
        looked.await
    };
    assert_eq!(looked(Box::new(|| ())).await.unwrap(), 1);
    let (at, held) = (folder.path().to_owned(), config.sqlite.clone());
    let written = move || raw(&at, "data.db", "INSERT INTO intent VALUES (x'00', 1)");
    assert!(matches!(looked(Box::new(written)).await.unwrap_err(), StoreError::Meanwhile(_)));
    let lock = std::sync::Mutex::new(None);
    let lock = std::sync::Arc::new(lock);
    let taken = {
        let lock = lock.clone();
        move || *lock.lock().unwrap() = Some(Lock::take(&held).unwrap())
    };
    assert!(matches!(looked(Box::new(taken)).await.unwrap_err(), StoreError::Meanwhile(_)));
    // Whoever holds them already has made what readers need.
    drop(lock);
    let store = open(folder.path()).unwrap();
    assert_eq!(looked(Box::new(|| ())).await.unwrap(), 1);
    store.close().await;
    drop(store);
    // Nor what SQLite says of a file that cannot be read just then.
    let store = Store::inspect(&config).unwrap();
    let lock = Lock::take(&config.sqlite).unwrap();
    std::fs::write(&config.sqlite, vec![b'x'; 8192]).unwrap();
    let found = store.with_audit(|view| view.entries(1).count()).await;
    assert!(matches!(found.unwrap_err(), StoreError::Meanwhile(_)));
    drop(lock);
}

/// Whoever held the files is killed while they are read.
#[tokio::test]
async fn a_reader_that_is_the_last_to_close_leaves_the_logs_as_they_are() {
    let (running, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(running.path()).unwrap();
    store.commit(Change { events: vec![event()], ..Change::default() }).await.unwrap();
    let files = ["data.db", "data.db-wal", "keyring.db", "keyring.db-wal"];
    for name in files {
        std::fs::copy(running.path().join(name), killed.path().join(name)).unwrap();
    }
    store.close().await;
    let lie = || files.map(|name| std::fs::read(killed.path().join(name)).unwrap());
    let (before, config) = (lie(), config(killed.path()));
    let lock = Lock::take(&config.sqlite).unwrap();
    let guest = Store::inspect(&config).unwrap();
    drop(lock);
    assert_eq!(guest.with_audit(|view| view.entries(1).count()).await.unwrap(), 1);
    assert!(lie() == before);
}

#[tokio::test]
async fn a_keyring_is_never_made_beside_data_and_strangers_do_not_start() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    let keyring = folder.path().join("keyring.db");
    std::fs::rename(&keyring, folder.path().join("kept")).unwrap();
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::KeyringMissing(_)));
    assert!(!keyring.exists());
    let other = tempfile::tempdir().unwrap();
    furnished(other.path()).await;
    std::fs::copy(other.path().join("keyring.db"), &keyring).unwrap();
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::Strangers));
    std::fs::write(&keyring, b"").unwrap();
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::KeyringBare(path) if path == keyring));
    assert!(matches!(Store::inspect(&config(folder.path())).unwrap_err(), StoreError::KeyringBare(_)));
    assert_eq!(keyring.metadata().unwrap().len(), 0);
    std::fs::write(&keyring, b"no database at all, but long enough to look at").unwrap();
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::Open { .. }));
}

#[tokio::test]
async fn files_of_a_newer_gateway_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    raw(folder.path(), "data.db", "PRAGMA user_version = 99");
    assert!(matches!(open(folder.path()).unwrap_err(), StoreError::Newer { found: 99, .. }));
}
