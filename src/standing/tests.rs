//! Standing over a real store in a temporary directory, and what it permits in every case.

use std::time::Duration;

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::personal::Reference;
use crate::plan::LegalBasis;
use crate::problem::Problem;
use crate::store::{
    Change, ConsentRow, ConsentState, DataChange, KeyringChange, StandRow, Stop, StopKind, StoreConfig,
};

const NOW: Timestamp = Timestamp::from_millis(1_795_435_200_000);
const ADA: Digest = [7; 32];
const REFERENCE: Reference = Reference::from_bytes([1; 16]);

fn consent(state: ConsentState, version: u32, at: i64) -> ConsentRow {
    ConsentRow {
        reference: REFERENCE,
        purpose: "advice".to_owned(),
        notice_version: version,
        state,
        at: Timestamp::from_millis(at),
        expires: (state == ConsentState::Given).then(|| NOW.plus(Duration::from_millis(1))),
        wording: [0; 32],
        language: "fr".to_owned(),
        method: "page".to_owned(),
    }
}

fn stop(kind: StopKind, purpose: Option<&str>) -> Stop {
    Stop { lookup: ADA, kind, purpose: purpose.map(str::to_owned), at: NOW }
}

fn stand(consents: Vec<ConsentRow>, stops: Vec<Stop>) -> Stand {
    Stand::detached(StandRow { reference: Some(REFERENCE), consents, stops })
}

fn ask(basis: LegalBasis, direct_marketing: bool) -> Ask<'static> {
    Ask { purpose: "advice", notice_version: 2, basis, direct_marketing, now: NOW, transfer: None }
}

/// Basis × consent × objection × restriction × direct marketing, against the rule said another way.
#[test]
fn every_case_is_judged_as_the_law_says() {
    use ConsentState::{Given, Refused, Withdrawn};
    let expired = ConsentRow { expires: Some(NOW), ..consent(Given, 2, 1) };
    let elsewhere = ConsentRow { purpose: "other".to_owned(), ..consent(Given, 2, 1) };
    let consents = [
        (vec![], Some(Problem::ConsentMissing)),
        (vec![consent(Given, 2, 1)], None),
        (vec![consent(Given, 3, 1)], None),
        (vec![consent(Given, 1, 1)], Some(Problem::ConsentMissing)),
        (vec![consent(Refused, 2, 1)], Some(Problem::ConsentMissing)),
        (vec![consent(Withdrawn, 2, 1)], Some(Problem::ConsentWithdrawn)),
        (vec![consent(Withdrawn, 1, 1)], Some(Problem::ConsentWithdrawn)),
        (vec![expired], Some(Problem::ConsentMissing)),
        (vec![elsewhere], Some(Problem::ConsentMissing)),
        // The last word counts, whichever version it was about and in whichever order the rows came.
        (vec![consent(Given, 2, 1), consent(Withdrawn, 1, 2)], Some(Problem::ConsentWithdrawn)),
        (vec![consent(Withdrawn, 1, 1), consent(Given, 2, 2)], None),
        (vec![consent(Given, 2, 2), consent(Withdrawn, 1, 1)], None),
        (vec![consent(Refused, 1, 1), consent(Given, 2, 2)], None),
        (vec![consent(Given, 1, 1), consent(Refused, 2, 2)], Some(Problem::ConsentMissing)),
        // An old page that is sent late undoes no consent to a newer notice.
        (vec![consent(Given, 2, 1), consent(Given, 1, 2)], None),
        // In the same moment, the newer notice's word is the last.
        (vec![consent(Given, 1, 1), consent(Withdrawn, 2, 1)], Some(Problem::ConsentWithdrawn)),
    ];
    let objections: [(&[Option<&str>], bool); 4] =
        [(&[], false), (&[Some("advice")], true), (&[Some("other")], false), (&[None], true)];
    let mut cases = 0;
    for (consents, without_consent) in &consents {
        for (purposes, objected) in objections {
            for restricted in [false, true] {
                let mut stops: Vec<Stop> =
                    purposes.iter().map(|purpose| stop(StopKind::Objection, *purpose)).collect();
                stops.extend(restricted.then(|| stop(StopKind::Restriction, None)));
                let stand = stand(consents.clone(), stops);
                for &basis in LegalBasis::ALL {
                    for direct_marketing in [false, true] {
                        let may_object = direct_marketing
                            || [LegalBasis::PublicTask, LegalBasis::LegitimateInterests].contains(&basis);
                        let expected = if restricted {
                            Err(Problem::ProcessingRestricted)
                        } else if let (LegalBasis::Consent, Some(problem)) = (basis, without_consent) {
                            Err(*problem)
                        } else if objected && may_object {
                            Err(Problem::ObjectionRaised)
                        } else {
                            Ok(())
                        };
                        let judged = stand.permits(ask(basis, direct_marketing));
                        assert_eq!(judged, expected, "{basis:?} {direct_marketing} {stand:?}");
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 16 * 4 * 2 * 6 * 2);
}

#[test]
fn a_consent_ends_with_the_millisecond_in_which_it_expires() {
    let stand = stand(vec![consent(ConsentState::Given, 2, 1)], vec![]);
    let at = |now| stand.permits(Ask { now, ..ask(LegalBasis::Consent, false) });
    assert_eq!(at(NOW), Ok(()));
    assert_eq!(at(NOW.plus(Duration::from_millis(1))), Err(Problem::ConsentMissing));
    assert_eq!(stand.consented_version("advice"), Some(2));
    assert_eq!(stand.consented_version("other"), None);
}

#[test]
fn a_transfer_rests_on_an_instrument_that_holds_and_on_a_consent_of_its_own() {
    let processing = consent(ConsentState::Given, 2, 1);
    let transfer = |state, at| ConsentRow { purpose: "to-us".to_owned(), ..consent(state, 1, at) };
    let judged = |consents: Vec<ConsentRow>, ends, named: Option<(&'static str, u32)>| {
        let ask =
            Ask { transfer: Some(Transfer { ends, consent: named }), ..ask(LegalBasis::Consent, false) };
        stand(consents, vec![]).permits(ask)
    };
    let after = Some(NOW.plus(Duration::from_millis(1)));
    let no = Err(Problem::TransferNotPermitted);
    assert_eq!(judged(vec![processing.clone()], after, None), Ok(()));
    assert_eq!(judged(vec![processing.clone()], Some(NOW), None), no);
    let named = Some(("to-us", 1));
    let given = transfer(ConsentState::Given, 1);
    assert_eq!(judged(vec![processing.clone()], after, named), no);
    assert_eq!(judged(vec![processing.clone(), given.clone()], after, named), Ok(()));
    assert_eq!(judged(vec![processing.clone(), given.clone()], None, Some(("to-us", 2))), no);
    let expired = ConsentRow { expires: Some(NOW), ..given.clone() };
    assert_eq!(judged(vec![processing.clone(), expired], None, named), no);
    let withdrawn = transfer(ConsentState::Withdrawn, 2);
    assert_eq!(judged(vec![processing, given.clone(), withdrawn], None, named), no);
    // The consent to the transfer is none to the processing.
    assert_eq!(judged(vec![given], None, named), Err(Problem::ConsentMissing));
}

#[test]
fn a_standing_that_came_from_no_look_up_gives_no_leave() {
    let directory = tempfile::tempdir().unwrap();
    let standing = Standing::new(store(directory.path()), 10);
    let stand = Stand::detached(StandRow::default());
    assert!(!standing.still(&stand) && standing.forward(&stand).is_none());
}

fn store(directory: &std::path::Path) -> Store {
    let config = StoreConfig {
        sqlite: directory.join("data.db"),
        keyring: directory.join("keys.db"),
        restored: false,
        lost: false,
    };
    Store::open(&config, Clock::fixed(NOW)).unwrap()
}

async fn say(store: &Store, state: ConsentState) {
    let mut change = Change { data: vec![DataChange::PutConsent(consent(state, 2, 1))], ..Change::default() };
    if store.stand(ADA).await.unwrap().reference.is_none() {
        change.keyring.push(KeyringChange::PutSubject { lookup: ADA, reference: REFERENCE });
    }
    store.commit(change).await.unwrap();
}

#[tokio::test]
async fn what_is_remembered_is_given_up_once_it_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let standing = Standing::new(store.clone(), 10);
    assert!(standing.cached(&ADA).is_none());
    let unknown = standing.look(&ADA).await.unwrap();
    assert_eq!(unknown.reference(), None);
    assert_eq!(unknown.permits(ask(LegalBasis::Contract, false)), Ok(()));

    say(&store, ConsentState::Given).await;
    standing.moved(&ADA).await;
    assert!(standing.cached(&ADA).is_none() && !standing.still(&unknown));
    let given = standing.look(&ADA).await.unwrap();
    assert_eq!(given.permits(ask(LegalBasis::Consent, false)), Ok(()));
    assert!(standing.cached(&ADA).is_some() && standing.forward(&given).is_some());
    // A neighbour in the same shard who changes costs a look, never a wrong answer.
    let mut neighbour = ADA;
    neighbour[31] ^= 1;
    standing.moved(&neighbour).await;
    assert!(standing.cached(&ADA).is_none() && standing.forward(&given).is_none());

    say(&store, ConsentState::Withdrawn).await;
    standing.moved(&ADA).await;
    let withdrawn = standing.look(&ADA).await.unwrap();
    assert_eq!(withdrawn.permits(ask(LegalBasis::Consent, false)), Err(Problem::ConsentWithdrawn));
    assert!(standing.forward_all([&withdrawn, &given]).is_none());
}

#[tokio::test]
async fn a_look_that_a_change_overtook_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let standing = Standing::new(store.clone(), 10);
    say(&store, ConsentState::Given).await;
    let mut look = Box::pin(standing.look(&ADA));
    // The look has read the epoch and asked the store; the change comes to its end before the answer is taken.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let first = std::future::Future::poll(look.as_mut(), &mut context);
    say(&store, ConsentState::Withdrawn).await;
    standing.moved(&ADA).await;
    let stand = match first {
        std::task::Poll::Ready(stand) => stand.unwrap(),
        std::task::Poll::Pending => look.await.unwrap(),
    };
    assert!(!standing.still(&stand) && standing.forward(&stand).is_none());
    assert!(standing.cached(&ADA).is_none(), "it is not remembered as the present either");
}

#[tokio::test]
async fn without_a_store_nobody_has_a_standing() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let standing = Standing::new(store, 10);
    // Nothing that can be read any more, from under the store's hands.
    let keyring = rusqlite::Connection::open(directory.path().join("keys.db")).unwrap();
    keyring.execute_batch("DROP TABLE stop").unwrap();
    assert!(matches!(standing.look(&ADA).await, Err(StandingError::Unavailable(_))));
}
