//! Without keys, without a store, without the caller, after a crash, and all at once.

use super::*;

#[tokio::test]
async fn without_keys_nothing_is_shown_and_an_erasure_works_all_the_same() {
    let house = House::new().await;
    house.keep("ada", "advice").await;
    house.provider.down.store(true, SeqCst);
    let refused = access(&house.rights, &house.facts, &person("ada"), "data-subject-request").await;
    assert!(matches!(refused, Err(RightsError::Custody(_))));
    assert_eq!(house.count("access-answered").await, 0);
    assert_eq!(house.erase("ada").await.keys_destroyed, 1, "destroying a key needs no master key");
}

#[tokio::test]
async fn without_a_store_nothing_is_acknowledged() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    house.store.close().await;
    let person = person("ada");
    let (rights, facts) = (&house.rights, &house.facts);
    assert!(withdraw(rights, facts, &person, "recommendation", Method::Api).await.is_err());
    assert!(erase(rights, facts, &person).await.is_err());
    assert!(restrict(rights, &person).await.is_err());
}

/// Whoever asks may leave: what has been queued is carried to its end, so that no durable withdrawal is ignored.
#[tokio::test]
async fn a_withdrawal_whose_caller_has_gone_stops_processing_all_the_same() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let (ada, lookup) = (person("ada"), house.custody.lookup(&person("ada")));
    let before = house.standing.look(&lookup).await.unwrap();
    let handing_over = house.standing.forward(&before);
    assert!(handing_over.is_some());
    let mut asked = Box::pin(withdraw(&house.rights, &house.facts, &ada, "recommendation", Method::Page));
    // Durable, with the epoch moved, and not acknowledged, since an exchange is still being handed over.
    for _ in 0..10_000 {
        if !house.standing.still(&before) {
            break;
        }
        assert!(tokio::time::timeout(Duration::from_millis(1), asked.as_mut()).await.is_err());
    }
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentWithdrawn));
    assert!(tokio::time::timeout(Duration::from_millis(1), asked.as_mut()).await.is_err());
    drop(asked);
    assert!(house.standing.forward(&before).is_none());
    // The next change of the same person waits for its turn behind what was begun.
    let mut next = Box::pin(restrict(&house.rights, &ada));
    assert!(tokio::time::timeout(Duration::from_millis(20), next.as_mut()).await.is_err());
    drop(handing_over);
    next.await.unwrap();
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ProcessingRestricted));
}

/// What was acknowledged is there after a crash; a key minted and a key destroyed as well.
#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    house.grant("bob", "recommendation").await;
    house.withdraw("bob", "recommendation").await;
    let house = house.restart().await;
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    assert_eq!(house.permits("bob", "favourites").await, Err(Problem::ConsentWithdrawn));
    assert!(house.opens(&record, Reader::Source).await);
    house.erase("ada").await;
    let house = house.restart().await;
    assert!(!house.opens(&record, Reader::Source).await);
    assert_eq!(house.reference("ada").await, None);
}

#[tokio::test]
async fn a_person_whom_retention_forgot_is_found_anew() {
    let house = House::new().await;
    house.keep("ada", "advice").await;
    let lookup = house.custody.lookup(&person("ada"));
    let old = house.standing.look(&lookup).await.unwrap();
    house.clock.advance(DAY * 40);
    retention::run(&house.store, &house.facts.terms(), house.clock.now()).await.unwrap();
    let day = house.clock.now().day();
    let refused = house.custody.key(&lookup, old.reference(), "advice", day).await;
    assert!(matches!(refused, Err(CustodyError::Forgotten)));
    house.standing.forget(&lookup);
    let anew = house.standing.look(&lookup).await.unwrap();
    assert_eq!(anew.reference(), None);
    assert!(house.custody.key(&lookup, anew.reference(), "advice", day).await.is_ok());
}

#[tokio::test]
async fn what_is_restricted_is_kept_past_its_term_until_the_restriction_is_lifted() {
    let house = House::new().await;
    let (adas, bobs) = (house.keep("ada", "advice").await, house.keep("bob", "advice").await);
    restrict(&house.rights, &person("ada")).await.unwrap();
    house.clock.advance(DAY * 40);
    retention::run(&house.store, &house.facts.terms(), house.clock.now()).await.unwrap();
    assert!(house.opens(&adas, Reader::Source).await);
    assert!(!house.opens(&bobs, Reader::Source).await);
    lift_restriction(&house.rights, &person("ada")).await.unwrap();
    retention::run(&house.store, &house.facts.terms(), house.clock.now()).await.unwrap();
    assert!(!house.opens(&adas, Reader::Source).await);
}

/// Exchanges forward as fast as they can while the person withdraws and consents: whatever a withdrawal acknowledged,
/// nobody is inside on an older standing.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn after_a_withdrawal_is_acknowledged_nothing_is_forwarded() {
    let house = House::new().await;
    let withdrawn = Arc::new(AtomicBool::new(true));
    let (stop, forwarded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let exchanges: Vec<_> = (0..4)
        .map(|_| {
            let (standing, facts) = (house.standing.clone(), house.facts.clone());
            let lookup = house.custody.lookup(&person("ada"));
            let (withdrawn, stop, forwarded) = (withdrawn.clone(), stop.clone(), forwarded.clone());
            tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    let stand = standing.look(&lookup).await.unwrap();
                    if stand.permits(facts.activities[0].ask(NOON)).is_ok() {
                        tokio::task::yield_now().await;
                        if let Some(_guard) = standing.forward(&stand) {
                            assert!(
                                !withdrawn.load(SeqCst),
                                "forwarded after the withdrawal was acknowledged"
                            );
                            forwarded.fetch_add(1, SeqCst);
                        }
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 1..=25 {
        withdrawn.store(false, SeqCst);
        house.grant("ada", "recommendation").await;
        while forwarded.load(SeqCst) < round * 20 {
            tokio::task::yield_now().await;
        }
        house.withdraw("ada", "recommendation").await;
        withdrawn.store(true, SeqCst);
        tokio::task::yield_now().await;
    }
    stop.store(true, SeqCst);
    for exchange in exchanges {
        exchange.await.unwrap();
    }
}
