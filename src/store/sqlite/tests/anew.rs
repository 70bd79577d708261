//! What the keyring's files hold of keys that were wrapped anew or destroyed: nothing, also where SQLite left copies of them when it
//! moved rows between pages.

use std::collections::HashSet;
use std::path::Path;

use crate::clock::Day;
use crate::store::contract::*;
use crate::store::*;

/// More than fit into what is written anew with each erasure.
const KEYS: usize = 12_000;
/// Of unlike lengths: pages are divided where rows are.
const NAMES: [&str; 4] =
    ["a", "bookings", "churn-of-the-coming-quarter", "how-long-somebody-will-wait-for-a-room"];

/// So many keys of a person.
async fn keys(store: &Store, person: &WrappedKey, many: usize) -> Vec<WrappedKey> {
    let day =
        |number: usize| Day::from_number(DAY.number() + 1 + i64::try_from(number / NAMES.len()).unwrap());
    let keys: Vec<_> =
        (0..many).map(|number| key(person.reference, NAMES[number % NAMES.len()], day(number))).collect();
    for some in keys.chunks(250) {
        store.commit(keyring(some.iter().cloned().map(KeyringChange::PutKey))).await.unwrap();
    }
    keys
}

/// How many of these were found in the files of the keyring as they were wrapped.
fn left(folder: &Path, wrapped: impl Iterator<Item = Vec<u8>>) -> usize {
    let wrapped: HashSet<[u8; 16]> = wrapped.map(|wrapped| *wrapped.first_chunk().unwrap()).collect();
    let keyring = config(folder).keyring;
    let found: HashSet<[u8; 16]> = ["", "-wal"]
        .into_iter()
        .filter_map(|end| std::fs::read(format!("{}{end}", keyring.display())).ok())
        .flat_map(|file| {
            file.array_windows().copied().filter(|here| wrapped.contains(here)).collect::<Vec<_>>()
        })
        .collect();
    found.len()
}

#[tokio::test]
async fn nothing_is_left_of_how_keys_were_wrapped_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let ada = person(&store, [1; 32]).await;
    let keys = keys(&store, &ada, KEYS).await;
    let mut after = None;
    loop {
        let page = store.keys(after, 250).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let anew = |key: &WrappedKey| KeyringChange::Rewrap { id: key.id, wrapped: vec![9; 60] };
        store.commit(keyring(page.iter().map(anew))).await.unwrap();
    }
    store.commit(keyring([KeyringChange::WriteAnew])).await.unwrap();
    assert_eq!(left(folder.path(), keys.into_iter().map(|key| key.wrapped)), 0);
    store.close().await;
}

/// At once in a small keyring, else when the store is closed.
#[tokio::test]
async fn nothing_is_left_of_keys_that_were_destroyed() {
    for (many, at_once) in [(500, true), (KEYS, false)] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let (ada, bob) = (person(&store, [1; 32]).await, person(&store, [2; 32]).await);
        // Bob's keys are left, and lie among hers.
        let (gone, kept) = (keys(&store, &ada, many / 2).await, keys(&store, &bob, many / 2).await);
        let which = KeySelector::Person { reference: ada.reference, activities: Activities::AllBut(vec![]) };
        let destroy = KeyringChange::DestroyKeys { which, because: Because::Erasure };
        store.commit(keyring([destroy])).await.unwrap();
        let wrapped = || gone.iter().map(|key| key.wrapped.clone());
        if at_once {
            assert_eq!(left(folder.path(), wrapped()), 0);
        }
        store.close().await;
        assert_eq!(left(folder.path(), wrapped()), 0, "{many}");
        assert_eq!(left(folder.path(), kept.iter().map(|key| key.wrapped.clone())), kept.len());
        let store = open(folder.path()).unwrap();
        assert_eq!(store.key_by_id(kept[0].id).await.unwrap().as_ref(), Some(&kept[0]));
        store.close().await;
    }
}
