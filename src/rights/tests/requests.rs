//! Restriction, objection, erasure, access.

use super::*;

#[tokio::test]
async fn stops_are_put_and_lifted_once_and_say_so_once() {
    let house = House::new().await;
    for _ in 0..2 {
        restrict(&house.rights, &person("ada")).await.unwrap();
        object(&house.rights, &house.facts, &person("ada"), "advising").await.unwrap();
        assert_eq!(house.permits("ada", "advice").await, Err(Problem::ProcessingRestricted));
        assert_eq!(house.permits("ada", "billing").await, Err(Problem::ProcessingRestricted));
    }
    for _ in 0..2 {
        lift_restriction(&house.rights, &person("ada")).await.unwrap();
        assert_eq!(house.permits("ada", "advice").await, Err(Problem::ObjectionRaised));
        assert_eq!(house.permits("ada", "billing").await, Ok(()));
    }
    for _ in 0..2 {
        lift_objection(&house.rights, &person("ada"), "advising").await.unwrap();
        assert_eq!(house.permits("ada", "advice").await, Ok(()));
    }
    for kind in ["restriction-set", "restriction-lifted", "objection-raised", "objection-lifted"] {
        assert_eq!(house.count(kind).await, 1, "{kind}");
    }
    let unknown = object(&house.rights, &house.facts, &person("ada"), "unheard-of").await;
    assert!(matches!(unknown, Err(RightsError::PurposeUnknown)));
}

#[tokio::test]
async fn an_erasure_destroys_all_but_what_the_law_holds_and_names_that() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let favourite = house.keep("ada", "favourites").await;
    let advice = house.keep("ada", "advice").await;
    house.clock.advance(DAY);
    house.keep("ada", "favourites").await;
    let bill = house.keep("ada", "billing").await;
    let bob = house.keep("bob", "advice").await;
    let reference = house.reference("ada").await.unwrap();

    let erasure = house.erase("ada").await;
    assert_eq!((erasure.keys_destroyed, erasure.records_deleted), (3, 3));
    assert_eq!(erasure.destroyed, ["advice", "favourites"]);
    let held = Kept { activity: "billing".to_owned(), ground: "legal_obligation", keys: 1 };
    assert_eq!(erasure.kept, [held]);
    for record in [&favourite, &advice] {
        assert!(!house.opens(record, Reader::Outliving).await);
    }
    assert!(house.opens(&bill, Reader::Source).await && house.opens(&bob, Reader::Source).await);
    assert_eq!(house.reference("ada").await, None);
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
    assert!(house.said("ada").await.is_empty());

    let event = &events(&house.store, "erased").await[0];
    assert_eq!(event["person"], reference.to_string());
    assert_eq!(event["keys"], 3);
    assert_eq!(event["tombstones"], 3);
    assert_eq!(event["kept"], serde_json::json!(["billing: legal_obligation"]));
    // Whoever comes again is somebody new.
    assert_ne!(house.keep("ada", "advice").await.reference, reference);
}

#[tokio::test]
async fn erasing_somebody_unknown_or_twice_is_answered_alike() {
    let house = House::new().await;
    assert_eq!(house.erase("nobody").await, Erasure::default());
    house.keep("ada", "advice").await;
    assert_eq!(house.erase("ada").await.keys_destroyed, 1);
    assert_eq!(house.erase("ada").await, Erasure::default());
    assert_eq!(house.count("erased").await, 3);
}

#[tokio::test]
async fn restriction_and_objection_outlive_an_erasure() {
    let house = House::new().await;
    house.keep("ada", "advice").await;
    restrict(&house.rights, &person("ada")).await.unwrap();
    object(&house.rights, &house.facts, &person("ada"), "advising").await.unwrap();
    house.erase("ada").await;
    assert_eq!(house.permits("ada", "advice").await, Err(Problem::ProcessingRestricted));
    let house = house.restart().await;
    assert_eq!(house.permits("ada", "advice").await, Err(Problem::ProcessingRestricted));
    lift_restriction(&house.rights, &person("ada")).await.unwrap();
    assert_eq!(house.permits("ada", "advice").await, Err(Problem::ObjectionRaised));
}

#[tokio::test]
async fn a_legal_obligation_that_may_outlive_its_source_holds_what_it_reads() {
    let house = House::of(with_research(LegalBasis::LegalObligation, true)).await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    let erasure = house.erase("ada").await;
    assert_eq!((erasure.keys_destroyed, &*erasure.kept[0].activity), (0, "favourites"));
    assert!(house.opens(&record, Reader::Outliving).await && !house.opens(&record, Reader::Source).await);
}

/// The point of it all: yesterday's copy of the data does not open with today's keyring.
#[tokio::test]
async fn a_copy_of_the_data_from_before_an_erasure_stays_unreadable() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    let bob = house.keep("bob", "advice").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copied = elsewhere.path().join("data.db");
    let copy = |to: &std::path::Path, from: &str| {
        let live = Connection::open(house.directory.path().join(from)).unwrap();
        live.backup("main", to, None::<fn(rusqlite::backup::Progress)>).unwrap();
    };
    copy(&copied, "data.db");
    house.erase("ada").await;
    copy(&elsewhere.path().join("keys.db"), "keys.db");
    assert!(!house.opens(&record, Reader::Outliving).await, "the very ciphertexts, with today's keyring");
    let (clock, provider) = (house.clock.clone(), house.provider.clone());

    let config = StoreConfig {
        sqlite: copied,
        keyring: elsewhere.path().join("keys.db"),
        restored: true,
        lost: false,
    };
    let store = Store::open(&config, clock.clone()).unwrap();
    let house = House::over(elsewhere, clock, provider, store, facts()).await;
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert!(house.opens(&bob, Reader::Source).await);
    assert_eq!((house.kept("favourites").await, house.reference("ada").await), (0, None));
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
}

#[tokio::test]
async fn access_shows_what_is_kept_and_says_so_first() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    house.keep("ada", "favourites").await;
    house.keep("ada", "billing").await;
    house.keep("bob", "billing").await;
    restrict(&house.rights, &person("ada")).await.unwrap();
    let asked =
        async |who: &str, reason: &str| access(&house.rights, &house.facts, &person(who), reason).await;
    for reason in ["", "curiosity"] {
        assert!(matches!(asked("ada", reason).await, Err(RightsError::Reason)));
    }
    assert_eq!(house.count("access-answered").await, 0);
    let shown = asked("ada", "data-subject-request").await.unwrap();
    let records: Vec<_> = shown.records.iter().map(|record| (&*record.activity, record.number)).collect();
    assert_eq!(records, [("billing", 0), ("favourites", 0)], "hers alone, restricted or not");
    assert_eq!(shown.records[0].json.as_slice(), br#"{"email":"ada@example.org","age":36}"#);
    assert_eq!((shown.consents.len(), shown.restricted), (1, Some(NOON)));
    assert!(!format!("{shown:?}").contains("example.org"));
    assert_eq!(events(&house.store, "access-answered").await[0]["records"], 2);
    assert!(asked("nobody", "data-subject-request").await.unwrap().records.is_empty());
}
