//! Consent and withdrawal, and what outlives its source.

use super::*;

#[tokio::test]
async fn a_consent_is_kept_with_its_evidence_and_permits_its_purpose_alone() {
    let house = House::new().await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
    house.grant("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    assert_eq!(house.permits("bob", "favourites").await, Err(Problem::ConsentMissing));
    let rows = house.said("ada").await;
    let [row] = rows.as_slice() else { panic!("one purpose, one version: {rows:?}") };
    assert_eq!((row.wording, &*row.language, &*row.method), ([5; 32], "fr", "page"));
    assert_eq!(row.expires, Some(NOON.plus(DAY * 365)));
    let event = &events(&house.store, "consent-given").await[0];
    assert_eq!(event["wording"], "05".repeat(32));
    assert_eq!(event["person"], house.reference("ada").await.unwrap().to_string());
    house.clock.advance(DAY * 365);
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
}

#[tokio::test]
async fn a_consent_that_lacks_an_element_is_refused_and_keeps_nothing() {
    let house = House::new().await;
    let said = async |statement| grant(&house.rights, &house.facts, &person("ada"), statement).await;
    let unknown = said(statement("unheard-of")).await;
    assert!(matches!(unknown, Err(RightsError::PurposeUnknown)));
    for notice_version in [0, 3] {
        let refused = said(Statement { notice_version, ..statement("recommendation") }).await;
        assert!(matches!(refused, Err(RightsError::VersionUnknown { newest: 2 })));
    }
    for language in ["", "f", "ada@example.org", "fr_FR", "-fr", "fr-", "abcdefghi", "12"] {
        let refused = said(Statement { language, ..statement("recommendation") }).await;
        assert!(matches!(refused, Err(RightsError::Language)), "{language}");
    }
    assert_eq!(house.reference("ada").await, None);
    assert!(said(Statement { language: "zh-Hant-TW", ..statement("recommendation") }).await.is_ok());
}

#[tokio::test]
async fn an_older_material_version_is_evidence_and_no_consent() {
    let mut house = House::new().await;
    house.facts.activities[0].notice_version = 2;
    house.grant("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentMissing));
    let newer = Statement { notice_version: 2, ..statement("recommendation") };
    grant(&house.rights, &house.facts, &person("ada"), newer).await.unwrap();
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    house.withdraw("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentWithdrawn));
    let rows = house.said("ada").await;
    assert!(rows.iter().all(|row| row.state == ConsentState::Withdrawn), "{rows:?}");
}

#[tokio::test]
async fn a_clock_that_ran_ahead_does_not_make_an_older_word_the_last() {
    let mut house = House::new().await;
    let ahead = Clock::fixed(NOON.plus(Duration::from_secs(2 * 24 * 3600)));
    let early = Rights::new(house.store.clone(), house.custody.clone(), house.standing.clone(), ahead);
    grant(&early, &house.facts, &person("ada"), statement("recommendation")).await.unwrap();
    withdraw(&early, &house.facts, &person("ada"), "recommendation", Method::Page).await.unwrap();
    house.facts.activities[0].notice_version = 2;
    let newer = Statement { notice_version: 2, ..statement("recommendation") };
    grant(&house.rights, &house.facts, &person("ada"), newer).await.unwrap();
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    house.withdraw("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentWithdrawn));
}

#[tokio::test]
async fn a_withdrawal_destroys_the_keys_of_its_purpose_alone() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    house.grant("bob", "recommendation").await;
    let (ada, bob) = (house.keep("ada", "favourites").await, house.keep("bob", "favourites").await);
    let bill = house.keep("ada", "billing").await;
    house.withdraw("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Err(Problem::ConsentWithdrawn));
    assert!(!house.opens(&ada, Reader::Outliving).await);
    assert!(house.opens(&bob, Reader::Source).await && house.opens(&bill, Reader::Source).await);
    assert_eq!(house.kept("favourites").await, 1);
    let destroyed = events(&house.store, "key-destroyed").await;
    assert_eq!(destroyed.len(), 1);
    assert_eq!(
        (&destroyed[0]["because"], &destroyed[0]["activity"]),
        (&"withdrawal".into(), &"favourites".into())
    );

    // Asked twice, it is answered alike and says nothing new.
    house.withdraw("ada", "recommendation").await;
    assert_eq!(house.count("consent-withdrawn").await, 1);
    // Given anew, a new key is minted, also on the same day.
    house.grant("ada", "recommendation").await;
    assert_eq!(house.permits("ada", "favourites").await, Ok(()));
    let again = house.keep("ada", "favourites").await;
    assert!(again.key != ada.key && house.opens(&again, Reader::Source).await);
}

#[tokio::test]
async fn withdrawing_what_was_never_given_keeps_nothing() {
    let house = House::new().await;
    house.withdraw("nobody", "recommendation").await;
    assert_eq!(house.reference("nobody").await, None);
    house.keep("ada", "advice").await;
    house.withdraw("ada", "advising").await;
    assert_eq!(house.kept("advice").await, 1, "it does not rest on consent");
    assert_eq!((house.count("consent-withdrawn").await, house.count("key-destroyed").await), (0, 0));
}

#[tokio::test]
async fn saying_no_ends_a_consent_that_stood() {
    let house = House::new().await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    let no = Statement { notice_version: 2, ..statement("recommendation") };
    refuse(&house.rights, &house.facts, &person("ada"), no).await.unwrap();
    assert!(house.permits("ada", "favourites").await.is_err());
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert_eq!((house.count("consent-refused").await, house.count("consent-withdrawn").await), (1, 1));
    refuse(&house.rights, &house.facts, &person("bob"), no).await.unwrap();
    assert_eq!(house.permits("bob", "favourites").await, Err(Problem::ConsentMissing));
}

#[tokio::test]
async fn what_may_outlive_its_source_reads_on_until_its_own_ground_ends() {
    let house = House::of(with_research(LegalBasis::Consent, true)).await;
    house.grant("ada", "recommendation").await;
    house.grant("ada", "research").await;
    let record = house.keep("ada", "favourites").await;
    house.withdraw("ada", "recommendation").await;
    assert!(house.opens(&record, Reader::Outliving).await);
    assert!(!house.opens(&record, Reader::Source).await);
    assert_eq!(house.permits("ada", "research").await, Ok(()));
    assert_eq!(house.count("key-destroyed").await, 0);
    // A restriction keeps: it is no end of the ground.
    restrict(&house.rights, &person("ada")).await.unwrap();
    house.withdraw("ada", "recommendation").await;
    assert!(house.opens(&record, Reader::Outliving).await);
    lift_restriction(&house.rights, &person("ada")).await.unwrap();

    house.withdraw("ada", "research").await;
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert_eq!((house.kept("favourites").await, house.count("key-destroyed").await), (0, 1));
}

#[tokio::test]
async fn without_a_ground_of_its_own_or_leave_to_outlive_nothing_is_spared() {
    for (facts, consented) in [
        (with_research(LegalBasis::Consent, true), false),
        (with_research(LegalBasis::Consent, false), true),
        (with_research(LegalBasis::LegalObligation, false), false),
    ] {
        let house = House::of(facts).await;
        house.grant("ada", "recommendation").await;
        if consented {
            house.grant("ada", "research").await;
        }
        let record = house.keep("ada", "favourites").await;
        house.withdraw("ada", "recommendation").await;
        assert!(!house.opens(&record, Reader::Outliving).await);
    }
}

#[tokio::test]
async fn an_objection_ends_the_ground_of_what_outlived_its_source() {
    let house = House::of(with_research(LegalBasis::PublicTask, true)).await;
    house.grant("ada", "recommendation").await;
    let record = house.keep("ada", "favourites").await;
    house.withdraw("ada", "recommendation").await;
    assert!(house.opens(&record, Reader::Outliving).await);
    object(&house.rights, &house.facts, &person("ada"), "research").await.unwrap();
    assert!(!house.opens(&record, Reader::Outliving).await);
    assert_eq!(house.count("key-destroyed").await, 1);
}
