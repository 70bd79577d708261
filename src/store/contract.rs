//! What every store is tested for. Each case gets a store in an empty place, and a way to open it again.

use std::path::Path;

use crate::audit::{Chain, DecisionId, Event, What};
use crate::clock::{Clock, Day, Timestamp};
use crate::crypto::random;
use crate::personal::Reference;

use super::*;

pub(super) const NOTES: &str = "notes";
pub(super) const DAY: Day = Day::from_number(20_000);

pub(super) fn config(folder: &Path) -> StoreConfig {
    StoreConfig {
        sqlite: folder.join("data.db"),
        keyring: folder.join("keyring.db"),
        restored: false,
        lost: false,
    }
}

pub(super) fn clock() -> Clock {
    Clock::fixed(DAY.start())
}

pub(super) fn open(folder: &Path) -> Result<Store> {
    Store::open(&config(folder), clock())
}

pub(super) fn event() -> Entry {
    Entry::Encoded(
        Event { at: DAY.start(), what: What::PolicyLoaded { digest: [1; 32], warnings: 0 } }.encoded(),
    )
}

pub(super) fn reference() -> Reference {
    Reference::from_bytes(random::bytes())
}

pub(super) fn key(reference: Reference, activity: &str, day: Day) -> WrappedKey {
    WrappedKey {
        id: random::bytes(),
        reference,
        activity: activity.to_owned(),
        day,
        source_closed: false,
        wrapped: random::bytes::<60>().to_vec(),
    }
}

pub(super) fn record(key: &WrappedKey) -> SealedRecord {
    SealedRecord {
        id: random::bytes(),
        reference: key.reference,
        activity: key.activity.clone(),
        key: key.id,
        at: key.day.start(),
        fields: [("email", random::bytes::<40>())].into_iter().collect(),
    }
}

pub(super) fn keyring(changes: impl IntoIterator<Item = KeyringChange>) -> Change {
    Change { keyring: changes.into_iter().collect(), ..Change::default() }
}

pub(super) fn data(changes: impl IntoIterator<Item = DataChange>) -> Change {
    Change { data: changes.into_iter().collect(), ..Change::default() }
}

/// A person with a key of [`NOTES`].
pub(super) async fn person(store: &Store, lookup: Lookup) -> WrappedKey {
    let reference = reference();
    let new = key(reference, NOTES, DAY);
    let change =
        keyring([KeyringChange::PutSubject { lookup, reference }, KeyringChange::PutKey(new.clone())]);
    store.commit(change).await.unwrap();
    new
}

fn destroy(which: KeySelector, because: Because) -> KeyringChange {
    KeyringChange::DestroyKeys { which, because }
}

fn of(reference: Reference) -> KeySelector {
    KeySelector::Person { reference, activities: Activities::AllBut(vec![]) }
}

pub(super) async fn what_is_kept_is_there_after_a_restart(folder: &Path) {
    let store = open(folder).unwrap();
    assert!(store.is_new());
    let key = person(&store, [1; 32]).await;
    let first = record(&key);
    let intent = OpenIntent { decision: DecisionId::random(), at: DAY.start() };
    let mut change = data([DataChange::PutRecord(first.clone()), DataChange::OpenIntent(intent)]);
    change.events.push(event());
    change.events.push(Entry::Told(Box::new(|done| {
        let records = [done.records[0].number.unwrap()];
        let what = What::ExchangeEnded {
            decision: DecisionId::from_bytes([0; 16]),
            outcome: crate::audit::Outcome::Answered,
            problem: None,
            records: &records,
            sealed: None,
            upstream_status: None,
        };
        Some(Event { at: DAY.start(), what }.encoded())
    })));
    let done = store.commit(change).await.unwrap();
    assert_eq!(done.records, [Kept { id: first.id, number: Some(0) }]);
    assert_eq!(done.entry, 2);
    let chain = store.chain();
    store.close().await;
    assert!(store.commit(Change::default()).await.unwrap_err().is_unavailable());

    let store = open(folder).unwrap();
    assert!(!store.is_new());
    assert_eq!(store.chain(), chain);
    assert_eq!(store.with_audit(|view| view.anchor()).await.unwrap(), Some(chain));
    assert_eq!(store.record(NOTES, 0).await.unwrap().unwrap().record, first);
    assert_eq!(store.key_by_id(key.id).await.unwrap(), Some(key.clone()));
    assert_eq!(store.key(key.reference, NOTES, DAY).await.unwrap(), Some(key.clone()));
    assert_eq!(store.open_intents().await.unwrap(), [intent]);
    assert_eq!(store.stand([1; 32]).await.unwrap().reference, Some(key.reference));
    let told = store.audit_entries(2, 10).await.unwrap();
    assert!(String::from_utf8(told[0].encoded.clone()).unwrap().contains(r#""records":[0]"#));
    store.commit(data([DataChange::CloseIntent { decision: intent.decision }])).await.unwrap();
    assert_eq!(store.open_intents().await.unwrap(), []);
    let again = store.commit(data([DataChange::CloseIntent { decision: intent.decision }])).await;
    assert!(matches!(again, Err(StoreError::Rejected(_))));
    store.close().await;
}

pub(super) async fn the_first_wins(folder: &Path) {
    let store = open(folder).unwrap();
    let first = person(&store, [1; 32]).await;
    // A second reference for the same person: nothing else of that change is kept.
    let loser = reference();
    let subject = KeyringChange::PutSubject { lookup: [1; 32], reference: loser };
    let mut change = keyring([subject, KeyringChange::PutKey(key(loser, NOTES, DAY))]);
    change.events.push(event());
    let lost = store.commit(change).await.unwrap_err();
    assert!(matches!(lost, StoreError::Superseded(reference) if reference == first.reference));
    assert!(store.keys_of(loser).await.unwrap().is_empty());
    assert_eq!(store.chain(), Chain::genesis());
    // A second key for the same day.
    let late = keyring([KeyringChange::PutKey(key(first.reference, NOTES, DAY))]);
    assert_eq!(store.commit(late).await.unwrap().keys, [Minted { key: first.clone(), new: false }],);
    // A second secret of the same version.
    let secret = |byte| WrappedSecret { name: "pepper".to_owned(), version: 1, wrapped: vec![byte; 40] };
    store.commit(keyring([KeyringChange::PutSecret(secret(1))])).await.unwrap();
    let done = store.commit(keyring([KeyringChange::PutSecret(secret(2))])).await.unwrap();
    assert_eq!(done.secrets, [secret(1)]);
    assert_eq!(store.secret("pepper").await.unwrap(), Some(secret(1)));
    store.close().await;
}

pub(super) async fn numbers_are_never_given_twice(folder: &Path) {
    let store = open(folder).unwrap();
    let (ada, bob) = (person(&store, [1; 32]).await, person(&store, [2; 32]).await);
    let records = [record(&ada), record(&bob), record(&ada)];
    let done = store.commit(data(records.clone().map(DataChange::PutRecord))).await.unwrap();
    assert_eq!(done.records.iter().map(|kept| kept.number).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    let erased = store.commit(keyring([destroy(of(ada.reference), Because::Erasure)])).await.unwrap();
    assert_eq!((erased.records_deleted, erased.tombstones, erased.destroyed.len()), (2, 1, 1));
    // What comes too late for its key is not kept, and uses no number up.
    let late = store.commit(data([DataChange::PutRecord(record(&ada))])).await.unwrap();
    assert_eq!(late.records[0].number, None);
    store.close().await;
    let store = open(folder).unwrap();
    let done = store.commit(data([DataChange::PutRecord(record(&bob))])).await.unwrap();
    assert_eq!(done.records[0].number, Some(3));
    assert_eq!(store.record(NOTES, 1).await.unwrap().unwrap().record, records[1]);
    assert_eq!(store.record(NOTES, 0).await.unwrap(), None);
    assert_eq!(store.records_count(NOTES).await.unwrap(), 2);
    assert_eq!(store.records_of_person(bob.reference, None).await.unwrap().len(), 2);
    let page = store.records(NOTES, None, 0, 10).await.unwrap();
    assert!(page.is_sorted_by_key(|row| row.record.id));
    assert_eq!(store.records(NOTES, Some(page[0].record.id), 0, 10).await.unwrap(), page[1..]);
    assert_eq!(store.records(NOTES, None, 1, 10).await.unwrap(), page[1..]);
    store.close().await;
}

pub(super) async fn stops_outlive_an_erasure_and_nothing_is_minted_after_it(folder: &Path) {
    let store = open(folder).unwrap();
    let ada = person(&store, [1; 32]).await;
    let stop = |kind, purpose: Option<&str>| Stop {
        lookup: [1; 32],
        kind,
        purpose: purpose.map(str::to_owned),
        at: DAY.start(),
    };
    let stops = [stop(StopKind::Objection, Some("marketing")), stop(StopKind::Restriction, None)];
    store.commit(keyring(stops.clone().map(KeyringChange::PutStop))).await.unwrap();
    store.commit(data([DataChange::PutConsent(consent(ada.reference, ConsentState::Given))])).await.unwrap();
    let erase = keyring([
        destroy(of(ada.reference), Because::Erasure),
        KeyringChange::RemoveSubject { lookup: [1; 32] },
    ]);
    store.commit(erase).await.unwrap();
    let stand = store.stand([1; 32]).await.unwrap();
    assert_eq!((stand.reference, stand.consents), (None, vec![]));
    assert_eq!(stand.stops.len(), 2);
    assert!(stops.iter().all(|stop| stand.stops.contains(stop)));
    let late = keyring([KeyringChange::PutKey(key(ada.reference, NOTES, DAY))]);
    assert!(matches!(store.commit(late).await, Err(StoreError::Forgotten)));
    let late = data([DataChange::PutConsent(consent(ada.reference, ConsentState::Given))]);
    assert!(matches!(store.commit(late).await, Err(StoreError::Forgotten)));
    let lift = |purpose: Option<&str>| KeyringChange::LiftStop {
        lookup: [1; 32],
        kind: StopKind::Objection,
        purpose: purpose.map(str::to_owned),
    };
    for (purpose, left) in [(None, 2), (Some("marketing"), 1)] {
        store.commit(keyring([lift(purpose)])).await.unwrap();
        assert_eq!(store.stand([1; 32]).await.unwrap().stops.len(), left);
    }
    store.close().await;
}

pub(super) fn consent(reference: Reference, state: ConsentState) -> ConsentRow {
    ConsentRow {
        reference,
        purpose: "recommendation".to_owned(),
        notice_version: 2,
        state,
        at: DAY.start(),
        expires: Some(Timestamp::from_millis(DAY.start().millis() + 1000)),
        wording: [3; 32],
        language: "de".to_owned(),
        method: "page".to_owned(),
    }
}

pub(super) async fn consents_are_replaced(folder: &Path) {
    let store = open(folder).unwrap();
    let ada = person(&store, [1; 32]).await;
    for state in [ConsentState::Given, ConsentState::Withdrawn, ConsentState::Given, ConsentState::Refused] {
        store.commit(data([DataChange::PutConsent(consent(ada.reference, state))])).await.unwrap();
        assert_eq!(store.stand([9; 32]).await.unwrap(), StandRow::default());
        let known = store.stand([1; 32]).await.unwrap();
        assert_eq!(known.consents, [consent(ada.reference, state)]);
    }
    store.close().await;
}

pub(super) async fn a_closed_source_seals_no_more_and_a_new_key_can_be_minted(folder: &Path) {
    let store = open(folder).unwrap();
    let ada = person(&store, [1; 32]).await;
    store.commit(data([DataChange::PutRecord(record(&ada))])).await.unwrap();
    let close = KeyringChange::CloseSource {
        reference: ada.reference,
        activities: Activities::Only(vec![NOTES.to_owned()]),
    };
    store.commit(keyring([close])).await.unwrap();
    assert_eq!(store.key(ada.reference, NOTES, DAY).await.unwrap(), None);
    assert!(store.key_by_id(ada.id).await.unwrap().unwrap().source_closed);
    assert_eq!(store.records_count(NOTES).await.unwrap(), 1);
    let late = store.commit(data([DataChange::PutRecord(record(&ada))])).await.unwrap();
    assert_eq!(late.records[0].number, None);
    let anew = store.commit(keyring([KeyringChange::PutKey(key(ada.reference, NOTES, DAY))])).await.unwrap();
    assert!(anew.keys[0].new);
    assert_eq!(store.keys_of(ada.reference).await.unwrap().len(), 2);
    store.close().await;
}

pub(super) async fn what_is_wrapped_anew_is_counted_and_what_was_destroyed_stays_gone(folder: &Path) {
    let store = open(folder).unwrap();
    let (ada, bob) = (person(&store, [1; 32]).await, person(&store, [2; 32]).await);
    let secret = |wrapped: u8| WrappedSecret { name: "s".to_owned(), version: 1, wrapped: vec![wrapped; 60] };
    store.commit(keyring([KeyringChange::PutSecret(secret(1))])).await.unwrap();
    // Looked at, and destroyed before it is wrapped anew.
    store.commit(keyring([destroy(of(ada.reference), Because::Erasure)])).await.unwrap();
    let anew = |id: KeyId| KeyringChange::Rewrap { id, wrapped: vec![9; 60] };
    let done = store.commit(keyring([anew(ada.id), anew(bob.id)])).await.unwrap();
    assert_eq!(done.rewrapped, 1);
    assert_eq!(store.key_by_id(ada.id).await.unwrap(), None);
    let bob = WrappedKey { wrapped: vec![9; 60], ..bob };
    assert_eq!(store.keys(None, 10).await.unwrap(), std::slice::from_ref(&bob));
    let other = WrappedSecret { version: 2, ..secret(3) };
    let both = [KeyringChange::RewrapSecret(secret(2)), KeyringChange::RewrapSecret(other)];
    assert_eq!(store.commit(keyring(both)).await.unwrap().rewrapped, 1);
    assert_eq!(store.secrets().await.unwrap(), [secret(2)]);
    store.close().await;
    let store = open(folder).unwrap();
    assert_eq!(store.key_by_id(bob.id).await.unwrap(), Some(bob));
    assert_eq!(store.secrets().await.unwrap(), [secret(2)]);
    store.close().await;
}

pub(super) async fn retention_takes_records_then_keys_then_the_person(folder: &Path) {
    let store = open(folder).unwrap();
    let ada = person(&store, [1; 32]).await;
    let (early, mut late) = (record(&ada), record(&ada));
    late.at = Timestamp::from_millis(late.at.millis() + 5000);
    store.commit(data([early.clone(), late.clone()].map(DataChange::PutRecord))).await.unwrap();
    let at = late.at;
    assert_eq!(store.expired(NOTES, at, 10).await.unwrap(), [(early.at, early.id)]);
    let tomorrow = Day::from_number(DAY.number() + 1);
    assert_eq!(store.unused_keys(NOTES, tomorrow, None).await.unwrap().found, [] as [KeyId; 0]);
    let sweep = |delete: Vec<RecordId>| {
        let which = KeySelector::Unused(vec![ada.id]);
        Change {
            keyring: vec![destroy(which, Because::Retention)],
            data: vec![DataChange::DeleteRecords(delete)],
            events: vec![],
        }
    };
    let done = store.commit(sweep(vec![early.id])).await.unwrap();
    assert_eq!((done.records_deleted, done.destroyed.len()), (1, 0));
    let done = store.commit(sweep(vec![late.id])).await.unwrap();
    assert_eq!((done.records_deleted, done.destroyed.len()), (1, 1));
    assert_eq!(store.stand([1; 32]).await.unwrap(), StandRow::default());
    // Somebody without anything, and somebody who objected.
    let without = reference();
    for (lookup, reference) in [([2; 32], without), ([3; 32], reference())] {
        store.commit(keyring([KeyringChange::PutSubject { lookup, reference }])).await.unwrap();
    }
    let stop = Stop { lookup: [3; 32], kind: StopKind::Objection, purpose: None, at };
    store.commit(keyring([KeyringChange::PutStop(stop)])).await.unwrap();
    let persons = store.unused_persons(None).await.unwrap();
    assert_eq!(persons, Sought { found: vec![without], next: Some([3; 32]) });
    let again = store.unused_persons(persons.next).await.unwrap();
    assert_eq!(again, Sought { found: vec![], next: None });
    // Whoever has a key again, or objects meanwhile, is not forgotten.
    let objects = store.stand([3; 32]).await.unwrap().reference.unwrap();
    store.commit(keyring([KeyringChange::ForgetUnused(vec![without, objects])])).await.unwrap();
    assert_eq!(store.stand([2; 32]).await.unwrap().reference, None);
    assert!(store.stand([3; 32]).await.unwrap().reference.is_some());
    store.close().await;
}

/// One bad change does not harm those that share its group.
pub(super) async fn a_bad_change_fails_alone(folder: &Path) {
    let store = open(folder).unwrap();
    let ada = person(&store, [1; 32]).await;
    let twice = record(&ada);
    store.commit(data([DataChange::PutRecord(twice.clone())])).await.unwrap();
    let before = store.health().groups;
    let receipts: Vec<_> = (0..60)
        .map(|number| {
            let mut change = match number % 3 {
                0 => data([DataChange::PutRecord(record(&ada)), DataChange::PutRecord(twice.clone())]),
                1 => keyring([KeyringChange::PutKey(key(reference(), NOTES, DAY))]),
                _ => data([DataChange::PutRecord(record(&ada))]),
            };
            change.events.push(event());
            store.queue(change).unwrap()
        })
        .collect();
    let mut numbers = Vec::new();
    let mut entries = Vec::new();
    for (number, receipt) in receipts.into_iter().enumerate() {
        match (number % 3, receipt.await) {
            (0, Err(StoreError::Rejected(_))) | (1, Err(StoreError::Forgotten)) => {}
            (2, Ok(done)) => {
                numbers.extend(done.records[0].number);
                entries.push(done.entry);
            }
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
    assert!(store.health().groups - before < 30);
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert_eq!(entries, (1..=20).collect::<Vec<_>>());
    assert_eq!(store.audit_entries(1, 100).await.unwrap().len(), 20);
    store.close().await;
}

/// A change that nobody waits for alone shares the sync of the next, and is kept without one.
pub(super) async fn patient_changes_go_with_the_next(folder: &Path) {
    let store = open(folder).unwrap();
    let change = || Change { events: vec![event()], ..Change::default() };
    store.queue_patiently(change()).unwrap().await.unwrap();
    let before = store.health().groups;
    for number in 1..=50 {
        let patient = store.queue_patiently(change()).unwrap();
        // The writer is awake by now, and waits.
        std::thread::sleep(std::time::Duration::from_micros(300));
        assert_eq!(store.commit(change()).await.unwrap().entry, 2 * number + 1);
        assert_eq!(patient.await.unwrap().entry, 2 * number);
    }
    // Two each without patience; where the test is held up for longer than that, it makes two as well.
    let groups = store.health().groups - before;
    assert!(groups <= 75, "{groups}");
    store.close().await;
}

pub(super) async fn two_hundred_changes_make_few_groups(folder: &Path) {
    let store = open(folder).unwrap();
    let receipts: Vec<_> = (0..200)
        .map(|_| store.queue(Change { events: vec![event()], ..Change::default() }).unwrap())
        .collect();
    for (number, receipt) in (1..).zip(receipts) {
        assert_eq!(receipt.await.unwrap().entry, number);
    }
    let health = store.health();
    assert_eq!(health.changes, 200);
    assert!(health.groups <= 20, "{health:?}");
    store.close().await;
}

pub(super) async fn only_one_may_hold_it(folder: &Path) {
    let store = open(folder).unwrap();
    assert!(matches!(open(folder), Err(StoreError::Locked(_))));
    store.close().await;
    open(folder).unwrap().close().await;
}
