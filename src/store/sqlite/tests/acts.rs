//! What people did with their rights binds with the keyring's commit; the data file hears it in the end, whatever comes
//! between the two.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::faults::{faults, in_order, traces, works_again};
use super::restore::{copy, kinds, put_back};
use crate::audit::{Event, What};
use crate::store::contract::*;
use crate::store::*;

const ADA: Lookup = [1; 32];

fn restriction() -> Stop {
    Stop { lookup: ADA, kind: StopKind::Restriction, purpose: None, at: DAY.start() }
}

/// An act with the event that tells of it.
fn act(mut change: Change, what: What<'_>) -> Change {
    change.events.push(Event { at: DAY.start(), what }.encoded().into());
    change
}

fn restrict(person: Reference) -> Change {
    act(keyring([KeyringChange::PutStop(restriction())]), What::RestrictionSet { person })
}

fn lift(person: Reference) -> Change {
    let Stop { lookup, kind, purpose, .. } = restriction();
    act(keyring([KeyringChange::LiftStop { lookup, kind, purpose }]), What::RestrictionLifted { person })
}

fn withdraw(person: Reference) -> Change {
    let which = KeySelector::Person { reference: person, activities: Activities::AllBut(vec![]) };
    let mut change = keyring([KeyringChange::DestroyKeys { which, because: Because::Withdrawal }]);
    change.data.push(DataChange::PutConsent(consent(person, ConsentState::Withdrawn)));
    // As the rights' room tells each key that goes.
    let told = move |done: &Done| {
        let key = done.destroyed.first()?;
        let (because, activity) = ("withdrawal", &*key.activity);
        let what = What::KeyDestroyed { activity, because, day: key.day, person: key.reference };
        Some(Event { at: DAY.start(), what }.encoded())
    };
    let (purpose, wording, notice_version) = ("recommendation", Some([3; 32]), Some(2));
    let what = What::ConsentWithdrawn { method: "page", notice_version, person, purpose, wording };
    let mut change = act(change, what);
    change.events.push(Entry::Told(Box::new(told)));
    change
}

fn erase(person: Reference) -> Change {
    let which = KeySelector::Person { reference: person, activities: Activities::AllBut(vec![]) };
    let mut change = keyring([
        KeyringChange::DestroyKeys { which, because: Because::Erasure },
        KeyringChange::RemoveSubject { lookup: ADA },
    ]);
    change.data.push(DataChange::DeleteConsents { reference: person });
    let what = What::Erased { activities: &[], kept: &[], keys: 1, person: Some(person), tombstones: 1 };
    act(change, what)
}

/// A person with a record and a consent.
async fn furnish(folder: &Path) -> (Store, Reference) {
    let store = open(folder).unwrap();
    let key = person(&store, ADA).await;
    let given = DataChange::PutConsent(consent(key.reference, ConsentState::Given));
    store.commit(data([DataChange::PutRecord(record(&key)), given])).await.unwrap();
    (store, key.reference)
}

/// The same, restricted where that is to be lifted.
async fn ready(folder: &Path, told: &[&str]) -> (Store, Reference) {
    let (store, person) = furnish(folder).await;
    if told.contains(&"restriction-lifted") {
        store.commit(keyring([KeyringChange::PutStop(restriction())])).await.unwrap();
    }
    (store, person)
}

/// How many rows of consents the data file has.
fn consents(folder: &Path) -> i64 {
    let data = rusqlite::Connection::open(folder.join("data.db")).unwrap();
    data.query_row("SELECT count(*) FROM consent", [], |row| row.get(0)).unwrap()
}

type Making = fn(Reference) -> Change;
const ACTS: [(Making, &[&str]); 4] = [
    (restrict, &["restriction-set"]),
    (lift, &["restriction-lifted"]),
    (withdraw, &["key-destroyed", "consent-withdrawn"]),
    (erase, &["key-destroyed", "erased"]),
];

fn seen(stand: &StandRow, act: &str) {
    match act {
        "restriction-set" => assert_eq!(stand.stops, [restriction()]),
        "restriction-lifted" => assert_eq!(stand.stops, []),
        "consent-withdrawn" => assert_eq!(stand.consents[0].state, ConsentState::Withdrawn),
        _ => assert_eq!((stand.reference, &*stand.consents), (None, &[][..])),
    }
}

/// The disk is full for the data file, and not for the keyring.
#[tokio::test]
async fn an_act_of_which_the_data_file_did_not_hear_is_told_when_the_store_resumes() {
    for (act, told) in ACTS {
        let folder = tempfile::tempdir().unwrap();
        let (store, person) = ready(folder.path(), told).await;
        faults(&store).between.store(true, Ordering::Release);
        assert!(store.commit(act(person)).await.unwrap_err().is_unavailable());
        works_again(&store).await;
        let mut expected = told.to_vec();
        expected.push("policy-loaded");
        assert_eq!(kinds(&store).await, expected);
        seen(&store.stand(ADA).await.unwrap(), told[told.len() - 1]);
        in_order(&store).await;
        store.close().await;
        assert_eq!(consents(folder.path()), i64::from(!told.contains(&"erased")), "{told:?}");
    }
}

/// The process ended between the two commits.
#[tokio::test]
async fn an_act_of_which_the_data_file_did_not_hear_is_told_at_the_next_start() {
    for (act, told) in ACTS {
        let folder = tempfile::tempdir().unwrap();
        let (store, person) = ready(folder.path(), told).await;
        store.close().await;
        copy(folder.path(), "data.db");
        let store = open(folder.path()).unwrap();
        store.commit(act(person)).await.unwrap();
        store.close().await;
        put_back(folder.path(), "data.db");
        // The process ended before it noted where the chain stands, too.
        let keyring = rusqlite::Connection::open(folder.path().join("keyring.db")).unwrap();
        keyring.execute_batch("DELETE FROM anchor").unwrap();
        drop(keyring);
        for _ in 0..2 {
            let store = open(folder.path()).unwrap();
            assert_eq!(kinds(&store).await, told, "once is enough");
            seen(&store.stand(ADA).await.unwrap(), told[told.len() - 1]);
            in_order(&store).await;
            store.close().await;
        }
    }
}

/// A keyring from before somebody forbade something starts with no data that has heard of it.
#[tokio::test]
async fn a_keyring_from_before_an_act_does_not_start() {
    for act in [restrict, withdraw, erase] {
        let folder = tempfile::tempdir().unwrap();
        let (store, person) = furnish(folder.path()).await;
        store.close().await;
        copy(folder.path(), "keyring.db");
        let store = open(folder.path()).unwrap();
        store.commit(act(person)).await.unwrap();
        store.close().await;
        put_back(folder.path(), "keyring.db");
        let refused = open(folder.path()).unwrap_err();
        assert!(matches!(refused, StoreError::KeyringOlder { acts: 0, heard: 1, .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn who_was_known_leaves_no_trace_once_they_are_erased_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let person = reference();
    store.commit(keyring([KeyringChange::PutSubject { lookup: ADA, reference: person }])).await.unwrap();
    let given = DataChange::PutConsent(consent(person, ConsentState::Given));
    store.commit(data([given])).await.unwrap();
    assert!(traces(folder.path(), &ADA) > 0);
    store.commit(erase(person)).await.unwrap();
    assert_eq!(traces(folder.path(), &ADA), 0);
    store.close().await;
}

/// How many rows of each kind the keyring owes.
fn owed(folder: &Path) -> (i64, i64) {
    let keyring = rusqlite::Connection::open(folder.join("keyring.db")).unwrap();
    let count = |table: &str| {
        keyring.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    (count("owed_event"), count("owed_consent"))
}

#[tokio::test]
async fn what_is_owed_is_what_came_last() {
    let folder = tempfile::tempdir().unwrap();
    let (store, person) = furnish(folder.path()).await;
    assert_eq!(owed(folder.path()), (0, 0));
    store.commit(withdraw(person)).await.unwrap();
    assert_eq!(owed(folder.path()), (1, 1), "the destroyed key has its tombstone");
    store.commit(data([DataChange::PutConsent(consent(person, ConsentState::Given))])).await.unwrap();
    assert_eq!(owed(folder.path()), (1, 1), "to agree is no act");
    store.commit(restrict(person)).await.unwrap();
    assert_eq!(owed(folder.path()), (1, 0));
    store.close().await;
}

/// Several acts share a group, and one change of it is refused: it is done again, each change by itself.
#[tokio::test]
async fn all_acts_of_a_group_are_told_and_none_that_was_refused() {
    for refused in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let mut persons = Vec::new();
        for number in 1..=3 {
            persons.push(person(&store, [number; 32]).await.reference);
        }
        let stop = |number: u8| {
            let stop = Stop { lookup: [number; 32], ..restriction() };
            act(
                keyring([KeyringChange::PutStop(stop)]),
                What::RestrictionSet { person: persons[usize::from(number) - 1] },
            )
        };
        let mut changes = vec![stop(1), stop(2), stop(3)];
        if refused {
            changes[1].keyring.push(KeyringChange::PutKey(key(reference(), NOTES, DAY)));
        }
        faults(&store).between.store(true, Ordering::Release);
        let receipts: Vec<_> = changes.into_iter().map(|change| store.queue(change).unwrap()).collect();
        let mut failed = 0;
        for receipt in receipts {
            failed += usize::from(receipt.await.is_err_and(|error| error.is_unavailable()));
        }
        works_again(&store).await;
        let told = kinds(&store).await.iter().filter(|kind| *kind == "restriction-set").count();
        let stopped = {
            let mut stopped = 0;
            for number in 1..=3 {
                stopped += store.stand([number; 32]).await.unwrap().stops.len();
            }
            stopped
        };
        assert_eq!(told, stopped, "what binds is told, and nothing else is");
        assert!(failed > 0 && told > 0, "{failed} {told}");
        assert!(!refused || store.stand([2; 32]).await.unwrap().stops.is_empty());
        in_order(&store).await;
        store.close().await;
    }
}

/// A keyring of the layout before is brought over, and knows of no acts.
#[tokio::test]
async fn a_keyring_of_the_layout_before_is_brought_over() {
    let folder = tempfile::tempdir().unwrap();
    let (store, person) = furnish(folder.path()).await;
    store.close().await;
    let before = "DROP TABLE owed_event; DROP TABLE owed_consent; PRAGMA user_version = 1;";
    rusqlite::Connection::open(folder.path().join("keyring.db")).unwrap().execute_batch(before).unwrap();
    let store = open(folder.path()).unwrap();
    store.commit(restrict(person)).await.unwrap();
    assert_eq!(owed(folder.path()), (1, 0));
    store.close().await;
    let store = open(folder.path()).unwrap();
    assert_eq!(store.stand(ADA).await.unwrap().stops, [restriction()]);
    store.close().await;
}
