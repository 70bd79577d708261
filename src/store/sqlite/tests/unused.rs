//! What retention finds, and what it may take.

use crate::clock::Day;
use crate::store::contract::*;
use crate::store::*;

/// Every second key has a record, and the pages are of two.
#[tokio::test]
async fn keys_and_persons_of_whom_nothing_is_kept_are_found_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (mut bare, mut used) = (Vec::new(), Vec::new());
    for number in 0..7 {
        let key = person(&store, [number; 32]).await;
        if number % 2 == 0 {
            bare.push(key.id);
        } else {
            store.commit(data([DataChange::PutRecord(record(&key))])).await.unwrap();
            used.push(key.id);
        }
    }
    let tomorrow = Day::from_number(DAY.number() + 1);
    assert_eq!(store.unused_keys(NOTES, DAY, None).await.unwrap(), Sought { found: vec![], next: None });
    assert_eq!(store.unused_keys("another", tomorrow, None).await.unwrap().next, None);
    let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let sought = store.unused_keys(NOTES, tomorrow, after).await.unwrap();
        found.extend(sought.found);
        (after, pages) = (sought.next, pages + 1);
        if after.is_none() {
            break;
        }
    }
    found.sort_unstable();
    bare.sort_unstable();
    assert_eq!((found, pages), (bare.clone(), 4));

    // What was found is looked at again: somebody may have kept a record meanwhile.
    let which = KeySelector::Unused(bare.iter().chain(&used).copied().collect());
    let destroy = keyring([KeyringChange::DestroyKeys { which, because: Because::Retention }]);
    let mut destroyed: Vec<_> =
        store.commit(destroy).await.unwrap().destroyed.iter().map(|key| key.id).collect();
    destroyed.sort_unstable();
    assert_eq!(destroyed, bare);
    store.close().await;
}

/// Retention finds records before it takes them, and a restriction may be acknowledged in between.
#[tokio::test]
async fn records_that_were_found_stay_where_a_restriction_came_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (ada, bob) = (person(&store, [1; 32]).await, person(&store, [2; 32]).await);
    let records = [record(&ada), record(&bob)];
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    store.commit(data(records.map(DataChange::PutRecord))).await.unwrap();
    let stop = |kind| Stop { lookup: [1; 32], kind, purpose: None, at: DAY.start() };
    let stops = [StopKind::Restriction, StopKind::Objection].map(stop);
    let delete = || data([DataChange::DeleteRecords(ids.clone())]);
    store.commit(keyring(stops.clone().map(KeyringChange::PutStop))).await.unwrap();
    assert_eq!(store.commit(delete()).await.unwrap().records_deleted, 1);
    assert_eq!(store.records_of_person(ada.reference, None).await.unwrap().len(), 1);
    let [Stop { lookup, kind, purpose, .. }, _] = stops;
    store.commit(keyring([KeyringChange::LiftStop { lookup, kind, purpose }])).await.unwrap();
    assert_eq!(store.commit(delete()).await.unwrap().records_deleted, 1);
    store.close().await;
}
