use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::jwks::Refresher;
use super::super::*;
use super::support::*;
use crate::clock::Clock;
use crate::problem::Problem;

const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::EdDSA];

struct Room {
    identity: Identity,
    refresher: Refresher,
    served: Served,
    clock: Clock,
}

fn room() -> Room {
    let (served, clock) = (Served::default(), clock());
    let keys = KeySource::Jwks("https://id.example.org/jwks".into());
    let config = config(vec![issuer(keys, &ALGORITHMS)], Vec::new(), served.fetch());
    let identity = Identity::new(config, clock.clone()).unwrap();
    let refresher = identity.refreshers().pop().unwrap();
    Room { identity, refresher, served, clock }
}

impl Room {
    async fn tick(&mut self) -> bool {
        self.refresher.refresh_if_due(self.clock.now()).await
    }

    /// Since when something is amiss with the set, in milliseconds, and what.
    fn failing(&self) -> Option<(i64, Amiss)> {
        let (_, failing) = self.identity.key_sets().next().unwrap();
        failing.map(|(since, amiss)| (since.millis(), amiss))
    }

    async fn after(&mut self, seconds: u64) -> bool {
        self.clock.advance(Duration::from_secs(seconds));
        self.tick().await
    }
}

fn token(signer: &Signer, kid: Value) -> String {
    let claims = with(claims(), json!({ "exp": NOW + 1_000_000 }));
    signer.token(&with(signer.header(), json!({ "kid": kid })), &claims)
}

#[tokio::test]
async fn keys_are_chosen_by_their_id_and_used_as_they_say() {
    let mut room = room();
    let (one, other, wrong) = (Signer::ec(), Signer::ed(), Signer::ec());
    let encryption = with(wrong.jwk("enc"), json!({ "use": "enc" }));
    let published = with(wrong.jwk("private"), json!({ "d": "AAAA" }));
    let symmetric = Signer::secret();
    let odd = with(wrong.jwk("odd"), json!({ "alg": "EdDSA" }));
    room.served.keys(vec![
        one.jwk("a"),
        other.jwk("b"),
        encryption,
        published,
        symmetric.jwk("s"),
        odd,
        json!({ "kty": "??" }),
        json!(7),
    ]);
    assert!(room.tick().await);
    assert!(authenticate(&room.identity, &token(&one, json!("a"))).is_ok());
    assert!(authenticate(&room.identity, &token(&other, json!("b"))).is_ok());
    assert!(authenticate(&room.identity, &token(&one, json!(null))).is_ok());
    assert_eq!(fault(&room.identity, &token(&wrong, json!("a"))), CredentialError::Signature);
    for (signer, kid) in
        [(&one, "b"), (&one, "../a"), (&one, ""), (&wrong, "enc"), (&wrong, "private"), (&wrong, "odd")]
    {
        assert_eq!(fault(&room.identity, &token(signer, json!(kid))), CredentialError::UnknownKey, "{kid}");
    }
    assert_eq!(fault(&room.identity, &token(&symmetric, json!("s"))), CredentialError::Algorithm);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_refresh_in_thirty_seconds() {
    let mut room = room();
    let signer = Signer::ec();
    room.served.keys(vec![signer.jwk("a")]);
    assert!(room.tick().await);
    for second in 0..90 {
        for n in 0..20 {
            let flood = token(&signer, json!(format!("k{second}-{n}")));
            assert_eq!(fault(&room.identity, &flood), CredentialError::UnknownKey);
        }
        room.after(1).await;
    }
    assert_eq!(room.served.asked(), 1 + 3);
    assert!(authenticate(&room.identity, &token(&signer, json!("a"))).is_ok());
}

#[tokio::test]
async fn a_new_key_is_found_and_a_removed_one_ends_its_remembered_tokens() {
    let mut room = room();
    let (old, new) = (Signer::ec(), Signer::ec());
    room.served.keys(vec![old.jwk("old")]);
    room.tick().await;
    let remembered = token(&old, json!("old"));
    assert!(authenticate(&room.identity, &remembered).is_ok());
    assert_eq!(room.identity.remembered(), 1);

    room.served.keys(vec![old.jwk("old"), new.jwk("new")]);
    let fresh = token(&new, json!("new"));
    assert_eq!(fault(&room.identity, &fresh), CredentialError::UnknownKey);
    assert!(!room.after(29).await);
    assert!(room.after(1).await);
    assert!(authenticate(&room.identity, &fresh).is_ok());
    assert_eq!(room.identity.remembered(), 2, "a key more changes nothing for the others");

    room.served.keys(vec![new.jwk("new")]);
    assert!(!room.after(299).await);
    assert!(room.after(1).await);
    assert_eq!(room.identity.remembered(), 0);
    assert_eq!(fault(&room.identity, &remembered), CredentialError::UnknownKey);
    assert!(authenticate(&room.identity, &fresh).is_ok());

    // The same id with another key is another key.
    room.served.keys(vec![old.jwk("new")]);
    assert!(room.after(300).await);
    assert_eq!(fault(&room.identity, &fresh), CredentialError::Signature);
}

#[tokio::test]
async fn without_keys_the_gateway_says_that_it_is_not_the_token() {
    let mut room = room();
    let signer = Signer::ec();
    let good = token(&signer, json!("a"));
    room.served.says(None);
    room.tick().await;
    let refused = authenticate(&room.identity, &good).unwrap_err();
    assert_eq!((refused.problem, refused.retry_after), (Problem::DependencyUnavailable, Some(5)));
    assert_eq!(room.failing(), Some((NOW * 1000, Amiss::Missing)));
    room.served.keys(vec![signer.jwk("a")]);
    assert!(!room.after(4).await);
    assert!(room.after(1).await);
    assert!(authenticate(&room.identity, &good).is_ok());
    assert_eq!(room.failing(), None);
}

/// What a call is told that may wait.
async fn patiently(identity: &Identity, token: &str) -> Result<Arc<Caller>, Problem> {
    identity.authenticate_or_wait(&bearer(token), None).await.map_err(|rejection| rejection.problem)
}

#[tokio::test]
async fn the_first_call_with_a_new_key_waits_for_it_and_an_unknown_one_is_not_fetched_for_twice() {
    let Room { identity, served, clock, .. } = room();
    let (old, new) = (Signer::ec(), Signer::ec());
    served.keys(vec![old.jwk("old")]);
    let identity = Arc::new(identity);
    let task = tokio::spawn(identity.clone().keep_fresh());
    // At the start, too.
    assert!(patiently(&identity, &token(&old, json!("old"))).await.is_ok());
    served.keys(vec![old.jwk("old"), new.jwk("new")]);
    // Too soon after the last: nobody waits, and nothing is fetched.
    let fresh = token(&new, json!("new"));
    clock.advance(Duration::from_secs(29));
    assert_eq!(patiently(&identity, &fresh).await.err(), Some(Problem::TokenInvalid));
    assert_eq!(served.asked(), 1);
    clock.advance(Duration::from_secs(1));
    assert!(patiently(&identity, &fresh).await.is_ok());
    assert_eq!(served.asked(), 2);
    clock.advance(Duration::from_secs(30));
    let unknown = token(&new, json!("other"));
    assert_eq!(patiently(&identity, &unknown).await.err(), Some(Problem::TokenInvalid));
    assert_eq!(served.asked(), 3);
    clock.advance(Duration::from_secs(31));
    let mut refreshers = identity.refreshers();
    assert!(!refreshers.pop().unwrap().refresh_if_due(clock.now()).await, "it was looked for once");
    task.abort();
}

#[tokio::test]
async fn calls_wait_together_for_one_fetch_and_not_for_ever() {
    let signer = Signer::ec();
    let set = json!({ "keys": [signer.jwk("a")] }).to_string();
    let (open, gate) = tokio::sync::watch::channel(false);
    let asked = Arc::new(AtomicUsize::new(0));
    let fetch: Fetch = Arc::new({
        let asked = asked.clone();
        move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            let (mut gate, set) = (gate.clone(), set.clone());
            Box::pin(async move {
                gate.wait_for(|open| *open).await?;
                Ok(set.into())
            })
        }
    });
    let keys = KeySource::Jwks("https://id.example.org/jwks".into());
    let config = config(vec![issuer(keys, &ALGORITHMS)], Vec::new(), fetch);
    let identity = Arc::new(Identity::new(config, clock()).unwrap());
    let task = tokio::spawn(identity.clone().keep_fresh());
    let good = token(&signer, json!("a"));
    assert_eq!(patiently(&identity, &good).await.err(), Some(Problem::DependencyUnavailable), "two seconds");
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (identity, good) = (identity.clone(), good.clone());
            tokio::spawn(async move { patiently(&identity, &good).await.is_ok() })
        })
        .collect();
    tokio::task::yield_now().await;
    open.send(true).unwrap();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    task.abort();
}

#[tokio::test]
async fn keys_outlive_a_failing_server_for_a_day() {
    let mut room = room();
    let signer = Signer::ec();
    let good = token(&signer, json!("a"));
    room.served.keys(vec![signer.jwk("a")]);
    room.tick().await;
    for bad in [None, Some("<html>".into()), Some("{}".into()), Some(" ".repeat(300_000))] {
        room.served.says(bad);
        assert!(room.after(300).await);
        assert!(authenticate(&room.identity, &good).is_ok());
        assert_eq!(room.failing(), Some(((NOW + 300) * 1000, Amiss::Stale)), "since the first of them");
        assert!(!room.after(29).await, "a server in trouble is not asked more often");
        room.clock.advance(Duration::from_secs(1));
    }
    room.after(24 * 3600).await;
    let refused = authenticate(&room.identity, &good).unwrap_err();
    assert_eq!(refused.problem, Problem::DependencyUnavailable);
    assert_eq!(room.identity.remembered(), 0);
}

#[tokio::test]
async fn an_issuer_may_withdraw_all_its_keys() {
    let mut room = room();
    let signer = Signer::ec();
    let good = token(&signer, json!("a"));
    room.served.keys(vec![signer.jwk("a")]);
    room.tick().await;
    assert!(authenticate(&room.identity, &good).is_ok());
    room.served.keys(Vec::new());
    assert!(room.after(300).await);
    // Another token would not help: it is not the caller's fault.
    let refused = authenticate(&room.identity, &good).unwrap_err();
    assert_eq!((refused.problem, refused.retry_after), (Problem::DependencyUnavailable, Some(5)));
    assert_eq!(room.identity.remembered(), 0);
    let empty = Some(((NOW + 300) * 1000, Amiss::Empty));
    assert_eq!(room.failing(), empty);
    assert!(room.after(300).await);
    assert_eq!(room.failing(), empty, "since the first of them");
    // A server that fails behind that has left no keys that could be believed.
    room.served.says(None);
    assert!(room.after(300).await);
    assert_eq!(room.failing(), empty);
    let refused = authenticate(&room.identity, &good).unwrap_err();
    assert_eq!(refused.problem, Problem::DependencyUnavailable);
    room.served.keys(vec![signer.jwk("a")]);
    assert!(room.after(30).await);
    assert!(authenticate(&room.identity, &good).is_ok());
    assert_eq!(room.failing(), None);
}

#[tokio::test]
async fn a_set_of_keys_for_other_algorithms_is_none_and_ends_no_warning() {
    let mut room = room();
    let signer = Signer::ec();
    let good = token(&signer, json!("a"));
    room.served.says(None);
    room.tick().await;
    assert_eq!(room.failing(), Some((NOW * 1000, Amiss::Missing)));
    room.served.keys(vec![with(signer.jwk("a"), json!({ "alg": "ES384" }))]);
    assert!(room.after(5).await);
    assert_eq!(room.failing(), Some(((NOW + 5) * 1000, Amiss::Empty)));
    let refused = authenticate(&room.identity, &good).unwrap_err();
    assert_eq!(refused.problem, Problem::DependencyUnavailable);
}

#[tokio::test]
async fn the_background_task_fetches_at_once() {
    let Room { identity, served, .. } = room();
    let signer = Signer::ec();
    served.keys(vec![signer.jwk("a")]);
    let identity = Arc::new(identity);
    let task = tokio::spawn(identity.clone().keep_fresh());
    let good = token(&signer, json!("a"));
    while authenticate(&identity, &good).is_err() {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert_eq!(served.asked(), 1);
}
