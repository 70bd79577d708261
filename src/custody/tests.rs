//! Custody over a real store in a temporary directory.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use tempfile::TempDir;

use super::retention::{Report, Term};
use super::*;
use crate::clock::Timestamp;
use crate::crypto::Sealer;
use crate::keys::{Answer, KeyError};
use crate::payload::{Kind, Value};
use crate::store::{DataChange, StoreConfig};

/// 2026-11-23T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_435_200_000);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// A master key in memory that can be out of reach.
pub(crate) struct Provider {
    sealer: Sealer,
    pub(crate) down: AtomicBool,
    pub(crate) asked: AtomicU32,
}

impl Provider {
    pub(crate) fn new(master: u8) -> Arc<Self> {
        let sealer = DataKey::from_bytes([master; 32]).sealer();
        Arc::new(Self { sealer, down: AtomicBool::new(false), asked: AtomicU32::new(0) })
    }

    fn ask(&self) -> Result<&Sealer, KeyError> {
        self.asked.fetch_add(1, SeqCst);
        if self.down.load(SeqCst) { Err(KeyError::Unavailable) } else { Ok(&self.sealer) }
    }
}

impl KeyProvider for Provider {
    fn wrap<'a>(&'a self, context: &'a [u8], secret: &'a [u8]) -> Answer<'a, Vec<u8>> {
        Box::pin(async move { self.ask()?.seal(context, secret).map_err(|_| KeyError::Refused) })
    }

    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Answer<'a, Zeroizing<Vec<u8>>> {
        Box::pin(async move { self.ask()?.open(context, wrapped).map_err(|_| KeyError::Refused) })
    }

    fn is_current(&self, _wrapped: &[u8]) -> bool {
        true
    }
}

pub(crate) fn opened(directory: &Path, clock: &Clock) -> Store {
    let config = StoreConfig {
        sqlite: directory.join("data.db"),
        keyring: directory.join("keys.db"),
        restored: false,
        lost: false,
    };
    Store::open(&config, clock.clone()).unwrap()
}

struct House {
    directory: TempDir,
    clock: Clock,
    provider: Arc<Provider>,
    store: Store,
    custody: Custody,
}

impl House {
    async fn new() -> Self {
        let (directory, clock, provider) =
            (tempfile::tempdir().unwrap(), Clock::fixed(NOON), Provider::new(1));
        let store = opened(directory.path(), &clock);
        let custody = Custody::open(store.clone(), provider.clone(), clock.clone()).await.unwrap();
        Self { directory, clock, provider, store, custody }
    }

    async fn restart(self) -> Self {
        let Self { directory, clock, provider, store, custody } = self;
        drop(custody);
        store.close().await;
        drop(store);
        let store = opened(directory.path(), &clock);
        let custody = Custody::open(store.clone(), provider.clone(), clock.clone()).await.unwrap();
        Self { directory, clock, provider, store, custody }
    }

    async fn key(&self, who: &str) -> Result<Arc<SubjectKey>, CustodyError> {
        let day = self.clock.now().day();
        self.custody.key(&self.custody.lookup(&person(who)), None, "favourites", day).await
    }

    async fn keep(&self, who: &str) -> SealedRecord {
        keep(&self.store, self.key(who).await.unwrap(), self.clock.now()).await
    }

    async fn retain(&self, days: u32) -> Report {
        let term = Term { activity: "favourites".into(), retention: DAY * days };
        retention::run(&self.store, &[term], self.clock.now()).await.unwrap()
    }

    async fn events(&self, kind: &str) -> Vec<serde_json::Value> {
        events(&self.store, kind).await
    }
}

pub(crate) fn person(who: &str) -> Person {
    Person::new("customers", who)
}

pub(crate) async fn keep(store: &Store, key: Arc<SubjectKey>, at: Timestamp) -> SealedRecord {
    let mut draft = RecordDraft::new(key, at);
    draft.keep("email", &[], Value { kind: Kind::String, text: "ada@example.org" }).unwrap();
    draft.keep("age", &[], Value { kind: Kind::Integer, text: "36" }).unwrap();
    let record = draft.finish().unwrap();
    let change = Change { data: vec![DataChange::PutRecord(record.clone())], ..Change::default() };
    assert!(store.commit(change).await.unwrap().records[0].number.is_some());
    record
}

pub(crate) async fn events(store: &Store, kind: &str) -> Vec<serde_json::Value> {
    let entries = store.audit_entries(0, 10_000).await.unwrap();
    let read =
        entries.iter().map(|entry| serde_json::from_slice::<serde_json::Value>(&entry.encoded).unwrap());
    read.filter(|event| event["kind"] == kind).collect()
}

#[tokio::test]
async fn secrets_are_made_once_and_survive_a_restart() {
    let house = House::new().await;
    let tag = house.custody.lookup(&person("ada"));
    let domain: Arc<str> = "favourites".into();
    let pseudonym = house.custody.pseudonyms(&domain).await.unwrap().of("ada");
    let derived = house.custody.derived("callers");
    let house = house.restart().await;
    assert_eq!(house.custody.derived("callers"), derived);
    assert_ne!(house.custody.derived("others"), derived);
    let unlucky = Person::new("consentry derived secret v1", "callers");
    assert_ne!(house.custody.lookup(&unlucky).as_slice(), derived.as_slice());
    assert_eq!(house.custody.lookup(&person("ada")), tag);
    assert!(house.custody.cached_pseudonyms(&domain).is_none());
    assert_eq!(house.custody.pseudonyms(&domain).await.unwrap().of("ada"), pseudonym);
    assert!(house.custody.cached_pseudonyms(&domain).is_some());
}

#[tokio::test]
async fn two_namespaces_are_two_persons_and_two_domains_cannot_be_joined() {
    let house = House::new().await;
    let lookup = |namespace: &str, who: &str| house.custody.lookup(&Person::new(namespace, who));
    assert_ne!(lookup("customers", "ada"), lookup("staff", "ada"));
    assert_ne!(lookup("customersa", "da"), lookup("customers", "ada"));
    let of = async |domain: &str| house.custody.pseudonyms(&domain.into()).await.unwrap().of("ada");
    assert_ne!(of("favourites").await, of("favourites-research").await);
    // A domain cannot take the look-up secret's place by its name.
    assert_ne!(of("lookup").await, of("favourites").await);
    assert_eq!(house.store.secrets().await.unwrap().len(), 4);
}

#[tokio::test]
async fn another_master_key_is_refused_and_nothing_is_made_beside_it() {
    let house = House::new().await;
    let refused = Custody::open(house.store.clone(), Provider::new(2), house.clock.clone()).await;
    assert!(matches!(refused, Err(CustodyError::Foreign(KeyError::Refused))));
    assert_eq!(house.store.secrets().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_person_has_one_key_a_day_however_many_ask_at_once() {
    let house = House::new().await;
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (custody, day) = (house.custody.clone(), NOON.day());
            tokio::spawn(async move {
                custody.key(&custody.lookup(&person("ada")), None, "favourites", day).await.unwrap()
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in asked {
        let key = task.await.unwrap();
        ids.push((key.id, key.reference));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(house.events("key-minted").await.len(), 1);
    house.clock.advance(DAY);
    assert_ne!(house.key("ada").await.unwrap().id, ids[0].0);
    assert_eq!(house.key("ada").await.unwrap().reference, ids[0].1);
    assert_ne!(house.key("bob").await.unwrap().reference, ids[0].1);
}

#[tokio::test]
async fn what_is_kept_opens_after_a_restart_and_only_where_it_was_kept() {
    let house = House::new().await;
    let (ada, bob) = (house.keep("ada").await, house.keep("bob").await);
    let house = house.restart().await;
    let opened = house.custody.open_record(&ada, Reader::Source).await.unwrap();
    assert_eq!(opened.to_json().as_slice(), br#"{"email":"ada@example.org","age":36}"#);
    let mut moved = bob.clone();
    moved.fields = ada.fields.clone();
    assert!(matches!(house.custody.open_record(&moved, Reader::Source).await, Err(CustodyError::Damaged(_))));
    let mut claimed = ada.clone();
    claimed.reference = bob.reference;
    assert!(matches!(
        house.custody.open_record(&claimed, Reader::Source).await,
        Err(CustodyError::Damaged(_))
    ));
}

#[tokio::test]
async fn without_the_provider_keys_serve_until_their_life_ends_and_then_nothing_does() {
    let house = House::new().await;
    house.key("ada").await.unwrap();
    house.provider.down.store(true, SeqCst);
    house.clock.advance(KEY_LIFE - Duration::from_millis(1));
    assert!(house.key("ada").await.is_ok(), "in memory, and its life is not over");
    assert!(house.key("bob").await.unwrap_err().is_unavailable(), "nobody's key is made");
    house.clock.advance(Duration::from_secs(10));
    assert!(house.key("ada").await.unwrap_err().is_unavailable());
    assert_eq!(house.store.activities().await.unwrap(), ["favourites"], "nothing was kept for those refused");
    house.provider.down.store(false, SeqCst);
    house.clock.advance(Duration::from_secs(10));
    assert!(house.key("ada").await.is_ok() && house.key("bob").await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_stormed() {
    let house = House::new().await;
    house.provider.down.store(true, SeqCst);
    house.provider.asked.store(0, SeqCst);
    for _ in 0..1_000 {
        assert!(house.key("ada").await.unwrap_err().is_unavailable());
        house.clock.advance(Duration::from_millis(10));
    }
    let asked = house.provider.asked.load(SeqCst);
    assert!((4..=12).contains(&asked), "asked {asked} times in ten seconds");
    house.provider.down.store(false, SeqCst);
    house.clock.advance(Duration::from_secs(3));
    assert!(house.key("ada").await.is_ok(), "within three seconds of its return");
}

#[tokio::test]
async fn a_reference_that_was_erased_mints_nothing() {
    let house = House::new().await;
    let key = house.key("ada").await.unwrap();
    let lookup = house.custody.lookup(&person("ada"));
    let remove = Change { keyring: vec![KeyringChange::RemoveSubject { lookup }], ..Change::default() };
    house.store.commit(remove).await.unwrap();
    house.custody.forget(&lookup);
    let tomorrow = Day::from_number(NOON.day().number() + 1);
    let refused = house.custody.key(&lookup, Some(key.reference), "favourites", tomorrow).await;
    assert!(matches!(refused, Err(CustodyError::Forgotten)));
    assert_ne!(house.key("ada").await.unwrap().reference, key.reference, "she is somebody new");
}

#[tokio::test]
async fn a_record_goes_at_its_own_term_and_its_key_with_the_last_of_the_day() {
    let house = House::new().await;
    let morning = house.keep("ada").await;
    house.clock.advance(Duration::from_hours(6));
    let evening = house.keep("ada").await;
    assert_eq!(morning.key, evening.key);

    house.clock.advance(DAY * 30 - Duration::from_hours(6));
    assert_eq!(house.retain(30).await, Report::default(), "a term that ends now is not over");
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.retain(30).await, Report { records: 1, ..Report::default() });
    assert!(house.custody.open_record(&evening, Reader::Source).await.is_ok());

    house.clock.advance(Duration::from_hours(6));
    let last = house.retain(30).await;
    assert_eq!((last.records, last.keys), (1, 1));
    for record in [&morning, &evening] {
        assert!(matches!(
            house.custody.open_record(record, Reader::Source).await,
            Err(CustodyError::Destroyed)
        ));
    }
    assert_eq!(house.retain(30).await, Report::default(), "a second run finds nothing to do");

    let events = house.events("retention-run").await;
    let sum = |member: &str| events.iter().map(|event| event[member].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("records"), sum("keys")), (2, 1));
    assert!(
        events.iter().all(|event| event["day"] == NOON.day().number() && event["activity"] == "favourites")
    );
    let row = house.store.stand(house.custody.lookup(&person("ada"))).await.unwrap();
    assert_eq!(row.reference, None, "no key, consent or stop is left: she is forgotten");
}

#[tokio::test]
async fn retention_counts_every_day_apart_and_leaves_what_no_policy_names() {
    let house = House::new().await;
    for days in [1, 5, 1] {
        house.keep("ada").await;
        house.keep("bob").await;
        house.clock.advance(DAY * days);
    }
    let lookup = house.custody.lookup(&person("ada"));
    let old = house.custody.key(&lookup, None, "of-old", NOON.day()).await.unwrap();
    keep(&house.store, Arc::clone(&old), NOON).await;
    // One that seals nothing goes without a term, and does not pass for records.
    let bare = house.custody.key(&lookup, None, "of-late", NOON.day()).await.unwrap();
    house.clock.advance(DAY * 40);
    let report = house.retain(30).await;
    assert_eq!(report, Report { records: 6, keys: 7, unnamed: vec!["of-old".to_owned()] });
    assert!(house.store.key_by_id(bare.id).await.unwrap().is_none());
    let mut days: Vec<_> = house
        .events("retention-run")
        .await
        .iter()
        .filter(|event| event["records"] != 0)
        .map(|event| {
            (event["day"].as_i64().unwrap() - NOON.day().number(), event["records"].as_u64().unwrap())
        })
        .collect();
    days.sort_unstable();
    assert_eq!(days, [(0, 2), (1, 2), (6, 2)]);
    assert!(house.store.key_by_id(old.id).await.unwrap().is_some());
    // Of the other nothing is kept any more.
    assert_eq!(house.store.activities().await.unwrap(), ["of-old"]);
}

#[tokio::test]
async fn a_key_that_never_sealed_anything_goes_once_its_day_is_over() {
    let house = House::new().await;
    let key = house.key("ada").await.unwrap();
    assert_eq!(house.retain(30).await.keys, 0);
    // Half past midnight: an exchange that began before it may still be under way.
    house.clock.advance(Duration::from_mins(12 * 60 + 30));
    assert_eq!(house.retain(30).await.keys, 0);
    house.clock.advance(Duration::from_mins(31));
    assert_eq!(house.retain(30).await.keys, 1);
    assert!(house.store.key_by_id(key.id).await.unwrap().is_none());
}
