use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::super::ending::Told;
use super::super::watch::Watch;
use super::super::*;
use super::support::*;
use crate::clock::{Clock, Timestamp};

fn key() -> ApiKey {
    ApiKey::generate("nightly", vec!["predict".into()], "staff", Timestamp::from_millis((NOW + 60) * 1000))
}

fn id(key: &ApiKey) -> KeyId {
    KeyId::parse(&key.entry.id).unwrap()
}

fn room(entries: Vec<ApiKeyEntry>, clock: &Clock) -> Identity {
    Identity::new(config(Vec::new(), entries, Served::default().fetch()), clock.clone()).unwrap()
}

fn set(identity: &Identity, entries: Vec<ApiKeyEntry>) -> Result<(), BoxError> {
    identity.renew_api_keys(|| Ok(entries))
}

#[test]
fn an_api_key_is_a_program_with_scopes() {
    let key = key();
    let identity = room(vec![key.entry.clone()], &clock());
    let caller = authenticate(&identity, &key.text).unwrap();
    assert!(caller.is_program() && caller.scopes.has("predict"));
    assert_eq!(
        (&*caller.namespace, caller.id.expose().as_str(), &*caller.issuer),
        ("staff", "nightly", "api-key")
    );
    let mut headers = HeaderMap::new();
    headers.insert(API_KEY_HEADER, HeaderValue::from_str(&key.text).unwrap());
    assert_eq!(identity.authenticate(&headers, None).unwrap().hash, caller.hash);
}

#[test]
fn a_key_that_is_not_quite_the_key_is_unknown() {
    let (key, other) = (key(), key());
    let identity = room(vec![key.entry.clone()], &clock());
    let (head, secret) = key.text.rsplit_once('_').unwrap();
    let (_, others) = other.text.rsplit_once('_').unwrap();
    let upper = key.text.to_uppercase().replacen("CK_", "ck_", 1);
    for wrong in [&*other.text, &format!("{head}_{others}"), head, &format!("{head}_{secret}0"), &upper] {
        assert_eq!(fault(&identity, wrong), CredentialError::ApiKeyUnknown);
    }
}

#[test]
fn a_key_ends_by_expiry_revocation_or_removal_at_once() {
    let (key, clock) = (key(), clock());
    let identity = room(vec![key.entry.clone()], &clock);
    assert!(authenticate(&identity, &key.text).is_ok());
    set(&identity, vec![ApiKeyEntry { revoked: true, ..key.entry.clone() }]).unwrap();
    assert_eq!(fault(&identity, &key.text), CredentialError::ApiKeyRevoked(id(&key)));
    set(&identity, Vec::new()).unwrap();
    assert_eq!(fault(&identity, &key.text), CredentialError::ApiKeyUnknown);
    set(&identity, vec![key.entry.clone()]).unwrap();
    clock.advance(Duration::from_millis(59_999));
    assert!(authenticate(&identity, &key.text).is_ok());
    clock.advance(Duration::from_millis(1));
    assert_eq!(fault(&identity, &key.text), CredentialError::ApiKeyExpired(id(&key)));
}

#[test]
fn a_refusal_names_the_key_by_the_id_that_stands_in_the_file() {
    let key = key();
    let said = CredentialError::ApiKeyExpired(id(&key)).to_string();
    assert_eq!(said, format!("the API key {} has expired", key.entry.id));
    assert!(!said.contains(key.text.rsplit_once('_').unwrap().1));
    let low = KeyId::parse("00000000000000ab").unwrap();
    assert_eq!(low.to_string(), "00000000000000ab");
    for wrong in ["", "ab", "00000000000000AB", "+0000000000000ab", "00000000000000ab0"] {
        assert_eq!(KeyId::parse(wrong), None, "{wrong}");
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// A key of this name that ends so many days from now.
fn lasting(name: &str, days: u32) -> ApiKey {
    let ends = Timestamp::from_millis(NOW * 1000).plus(days * DAY);
    ApiKey::generate(name, vec!["predict".into()], "staff", ends)
}

#[test]
fn a_key_that_ends_is_told_two_weeks_before_and_until_its_holder_has_another() {
    let clock = clock();
    let (crm, gone, long) = (lasting("crm", 20), lasting("gone", 3), lasting("night", 365));
    let gone_entry = ApiKeyEntry { revoked: true, ..gone.entry.clone() };
    let entries = vec![crm.entry.clone(), gone_entry, long.entry.clone()];
    let identity = room(entries.clone(), &clock);
    assert_eq!(identity.api_key_ends().len(), 2, "a revoked key ends nothing");
    assert_eq!(identity.api_keys_ending(), []);
    let mut told = Told::default();
    clock.advance(6 * DAY);
    let ending = [Ending { id: id(&crm), expires: crm.entry.expires }];
    assert_eq!(identity.api_keys_ending(), ending);
    assert!(identity.api_key_ends().contains(&ending[0]));
    assert!(ending[0].says(clock.now()).starts_with("expires at 20"), "{}", ending[0].says(clock.now()));
    told.tell(&identity, clock.now());
    let first = clock.now();
    clock.advance(DAY - Duration::from_millis(1));
    told.tell(&identity, clock.now());
    assert_eq!(told.last(id(&crm)), Some((false, first)), "once a day");
    clock.advance(Duration::from_millis(1));
    told.tell(&identity, clock.now());
    assert_eq!(told.last(id(&crm)), Some((false, clock.now())));
    // From its end on it is told as well: whoever has it is refused.
    clock.advance(13 * DAY);
    told.tell(&identity, clock.now());
    assert_eq!(told.last(id(&crm)), Some((true, clock.now())));
    assert!(ending[0].says(clock.now()).starts_with("is refused since 20"));
    assert_eq!(fault(&identity, &crm.text), CredentialError::ApiKeyExpired(id(&crm)));
    let another = lasting("crm", 365);
    set(&identity, entries.into_iter().chain([another.entry.clone()]).collect()).unwrap();
    assert_eq!(identity.api_keys_ending(), []);
    let ends = identity.api_key_ends();
    assert!(ends.len() == 2 && !ends.contains(&ending[0]), "{ends:?}");
    told.tell(&identity, clock.now());
    assert_eq!(told.last(id(&crm)), None);
}

#[test]
fn two_keys_of_a_name_are_one_caller() {
    let (old, new) = (key(), key());
    let identity = room(vec![old.entry.clone(), new.entry.clone()], &clock());
    let hash = |key: &ApiKey| authenticate(&identity, &key.text).unwrap().hash;
    assert_eq!(hash(&old), hash(&new));
}

#[test]
fn a_bad_list_leaves_the_keys_in_force() {
    let key = key();
    let identity = room(vec![key.entry.clone()], &clock());
    let twice = vec![key.entry.clone(), key.entry.clone()];
    let name = key.entry.name.clone();
    assert_eq!(
        set(&identity, twice).unwrap_err().to_string(),
        SetupError::ApiKeyTwice { name: name.clone() }.to_string()
    );
    let odd = vec![ApiKeyEntry { id: "a_b".into(), ..key.entry.clone() }];
    assert_eq!(set(&identity, odd).unwrap_err().to_string(), SetupError::ApiKeyId { name }.to_string());
    assert!(authenticate(&identity, &key.text).is_ok());
}

/// A file with the ids that are in force, one a line.
fn loader(entries: Vec<ApiKeyEntry>) -> impl Fn(&Path) -> Result<Vec<ApiKeyEntry>, BoxError> {
    move |path| {
        let text = fs::read_to_string(path)?;
        let known = |id: &str| entries.iter().find(|entry| entry.id == id).cloned();
        text.lines().map(|id| known(id).ok_or_else(|| "no such key".into())).collect()
    }
}

#[test]
fn a_changed_file_is_loaded_and_a_bad_one_is_not_believed_and_told_until_it_is_mended() {
    let (key, clock) = (key(), clock());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api-keys.yaml");
    let identity = room(Vec::new(), &clock);
    let load = loader(vec![key.entry.clone()]);
    let mut watch = Watch::default();

    fs::write(&path, &key.entry.id).unwrap();
    watch.look(&identity, &path, &load);
    assert!(authenticate(&identity, &key.text).is_ok());
    assert_eq!(identity.api_keys_refused(), None);

    fs::write(&path, "nonsense").unwrap();
    let since = clock.now();
    watch.look(&identity, &path, &load);
    clock.advance(Duration::from_millis(5));
    fs::remove_file(&path).unwrap();
    watch.look(&identity, &path, &load);
    watch.look(&identity, &path, &load);
    assert!(authenticate(&identity, &key.text).is_ok());
    assert_eq!(identity.api_keys_refused(), Some(since));

    fs::write(directory.path().join("new"), "").unwrap();
    fs::rename(directory.path().join("new"), &path).unwrap();
    watch.look(&identity, &path, &load);
    assert_eq!(fault(&identity, &key.text), CredentialError::ApiKeyUnknown);
    assert_eq!(identity.api_keys_refused(), None);
    watch.look(&identity, &path, &|_| panic!("it has not changed"));
}

#[test]
fn a_file_that_is_gone_at_the_first_look_is_told_and_one_that_fails_to_be_read_is_read_again() {
    let key = key();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api-keys.yaml");
    let identity = room(vec![key.entry.clone()], &clock());
    let load = loader(vec![ApiKeyEntry { revoked: true, ..key.entry.clone() }]);
    let mut watch = Watch::default();
    watch.look(&identity, &path, &load);
    assert!(identity.api_keys_refused().is_some());

    fs::write(&path, &key.entry.id).unwrap();
    watch.look(&identity, &path, &|_| Err("the disk failed".into()));
    assert!(identity.api_keys_refused().is_some());
    watch.look(&identity, &path, &load);
    assert_eq!(identity.api_keys_refused(), None);
    assert_eq!(fault(&identity, &key.text), CredentialError::ApiKeyRevoked(id(&key)));
}

/// A reload reads the list; meanwhile a key is revoked, and the watch has seen it.
#[test]
fn a_list_that_was_read_earlier_brings_no_revoked_key_back() {
    let key = key();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api-keys.yaml");
    let identity = room(vec![key.entry.clone()], &clock());
    let earlier = || {
        fs::write(&path, &key.entry.id).unwrap();
        let revoked = loader(vec![ApiKeyEntry { revoked: true, ..key.entry.clone() }]);
        Watch::default().look(&identity, &path, &revoked);
        assert_eq!(fault(&identity, &key.text), CredentialError::ApiKeyRevoked(id(&key)));
        Ok(vec![key.entry.clone()])
    };
    identity.renew_api_keys(earlier).unwrap();
    assert_eq!(fault(&identity, &key.text), CredentialError::ApiKeyRevoked(id(&key)));
}

#[tokio::test]
async fn the_watch_loads_at_once() {
    let key = key();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api-keys.yaml");
    fs::write(&path, &key.entry.id).unwrap();
    let identity = Arc::new(room(Vec::new(), &clock()));
    let load = loader(vec![key.entry.clone()]);
    let task = tokio::spawn(watch_api_keys(identity.clone(), path, load, Duration::from_secs(2)));
    while authenticate(&identity, &key.text).is_err() {
        tokio::task::yield_now().await;
    }
    task.abort();
}
