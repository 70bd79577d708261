//! Somebody is erased between the look at their standing and the making of their key.

use consentry::app::{self, Core};
use consentry::clock::Clock;
use consentry::personal::Person;
use consentry::rights::{self, Facts, Rights};
use consentry::standing::Standing;
use serde_json::json;

use crate::support::{Activity, Caller, Deployment, Upstream, deaf, intended};

/// The erasure goes past the memory that exchanges look into, as if it had been committed and not yet told.
async fn erase_untold(core: &Core, person: &str) {
    let (store, custody) = (core.gateway.store().clone(), core.gateway.custody().clone());
    let apart = Rights::new(store.clone(), custody, Standing::new(store, 10), Clock::system());
    let facts = Facts::from(&core.gateway.live().plan);
    let erasure = rights::erase(&apart, &facts, &Person::new("customers", person)).await.unwrap();
    assert!(erasure.keys_destroyed > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_standing_is_looked_up_again() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    deployment.grant("ada");
    let running = app::serve(Core::open(deployment.config(), Clock::system()).await.unwrap()).await.unwrap();
    let caller = Caller::new(&deployment, running.addresses[0]);
    let call = async |activity: Activity, person: &str| {
        let (token, body) = (deployment.token(person), json!({ "number": 1 }));
        caller.post(&activity.path(), &token, &body).await.unwrap()
    };

    // Twice, so that the second finds their reference remembered.
    for _ in 0..2 {
        assert_eq!(call(Activity::Asked, "ada").await.status, 200);
        assert_eq!(call(Activity::Counted, "bob").await.status, 200);
    }
    erase_untold(&running.core, "ada").await;
    let answer = call(Activity::Asked, "ada").await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (403, Some("consent-missing")));
    assert_eq!(upstream.count(), 4);

    // A contract asks for no consent: Bob begins anew, as somebody whom nobody knows.
    let custody = running.core.gateway.custody();
    let lookup = custody.lookup(&Person::new("customers", "bob"));
    let reference = async || running.core.gateway.store().stand(lookup).await.unwrap().reference;
    let before = reference().await;
    erase_untold(&running.core, "bob").await;
    assert_eq!(call(Activity::Counted, "bob").await.status, 200);
    let after = reference().await;
    assert!(before.is_some() && after.is_some() && before != after);
    assert_eq!(upstream.count(), 5);
    running.stop().await;
    deployment.verify();
}

/// Persons share epochs: what a neighbour says must not be taken for what the person said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbours_word_stops_nobody_else() {
    let (listener, _filler) = deaf();
    let deployment = Deployment::new(listener.local_addr().unwrap());
    deployment.grant("ada");
    let running = app::serve(Core::open(deployment.config(), Clock::system()).await.unwrap()).await.unwrap();
    let caller = Caller::new(&deployment, running.addresses[0]);
    let token = deployment.token("ada");
    let body = json!({ "number": 1 });
    let call = tokio::spawn(async move { caller.post(&Activity::Asked.path(), &token, &body).await });
    intended(&running.core, 1).await;
    assert!(!call.is_finished());
    // Another tag of the same shard: the first two bytes say which.
    let mut neighbour = running.core.gateway.custody().lookup(&Person::new("customers", "ada"));
    neighbour[31] ^= 1;
    running.core.gateway.standing().moved(&neighbour).await;
    // Only now can it connect, and finds that the epoch is another.
    let upstream = Upstream::on(listener);
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(upstream.count(), 1);
    running.stop().await;
}
