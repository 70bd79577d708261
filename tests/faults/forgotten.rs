//! Somebody is erased between the look at their standing and the making of their key.

use consentry::app::{self, Core};
use consentry::clock::Clock;
use consentry::personal::Person;
use consentry::rights::{self, Facts, Rights};
use consentry::standing::Standing;
use serde_json::json;

use crate::support::{Activity, Caller, Deployment, Upstream};

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
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    deployment.grant("ada");
    let running = app::serve(Core::open(deployment.config(), Clock::system()).await.unwrap()).await.unwrap();
    let caller = Caller::new(&deployment, running.addresses[0]);
    let standing = running.core.gateway.standing().clone();
    let lookup = running.core.gateway.custody().lookup(&Person::new("customers", "ada"));
    // Another tag of the same shard: the first two bytes say which.
    let mut neighbour = lookup;
    neighbour[31] ^= 1;
    let moving = tokio::spawn(async move {
        loop {
            standing.moved(&neighbour).await;
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
    });
    let token = deployment.token("ada");
    let mut line = caller.connect().await.unwrap();
    let mut answered = 0;
    for number in 0..60 {
        let answer = line.post(&Activity::Asked.path(), &token, &json!({ "number": number })).await.unwrap();
        match answer.status.as_u16() {
            200 => answered += 1,
            // A neighbourhood that never rests is told so.
            503 => assert_eq!(answer.problem(), Some("dependency-unavailable")),
            _ => panic!("{answer:?}"),
        }
    }
    moving.abort();
    assert!(answered > 50, "{answered} of 60");
    running.stop().await;
}
