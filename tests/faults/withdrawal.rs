//! Withdrawals while exchanges are on their way: what was acknowledged is in force.

use std::sync::Arc;
use std::time::Duration;

use consentry::admin::{Command, Office, PersonId};
use consentry::app::{self, Core, Running};
use consentry::clock::Clock;
use consentry::crypto::random;
use http::StatusCode;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::support::{Activity, Answer, Caller, Deployment, Upstream, deaf, intended};

async fn serve(deployment: &Deployment) -> (Running, Caller) {
    let core = Core::open(deployment.config(), Clock::system()).await.unwrap();
    let running = app::serve(core).await.unwrap();
    let caller = Caller::new(deployment, running.addresses[0]);
    (running, caller)
}

fn id(person: &str) -> PersonId {
    PersonId { namespace: "customers".into(), identifier: Zeroizing::new(person.to_owned()) }
}

async fn grant(office: &Office, person: &str) {
    let (purpose, language, method) = ("advice".to_owned(), "en".to_owned(), "api".to_owned());
    let command = Command::ConsentGrant { person: id(person), purpose, language, method };
    assert!(office.carry_out(command).await.unwrap().done);
}

async fn withdraw(office: &Office, person: &str) {
    let (purpose, method) = ("advice".to_owned(), "api".to_owned());
    let command = Command::ConsentWithdraw { person: id(person), purpose, method };
    assert!(office.carry_out(command).await.unwrap().done);
}

async fn ask(caller: &Caller, deployment: &Deployment, person: &str, number: usize) -> Answer {
    let token = deployment.token(person);
    caller.post(&Activity::Asked.path(), &token, &json!({ "number": number })).await.unwrap()
}

fn withdrawn(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN && answer.problem() == Some("consent-withdrawn")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_reaches_the_upstream_once_their_withdrawal_is_acknowledged() {
    const PERSONS: usize = 12;
    const ROUNDS: usize = 8;
    let upstream = Upstream::start();
    let deployment = Arc::new(Deployment::new(upstream.address()));
    let (running, caller) = serve(&deployment).await;
    let mut persons = JoinSet::new();
    for person in 0..PERSONS {
        let (office, upstream) = (Arc::clone(running.office()), upstream.clone());
        let (deployment, caller) = (Arc::clone(&deployment), caller.clone());
        persons.spawn(async move {
            let name = format!("w{person}");
            for round in 0..ROUNDS {
                // Each round's requests have a number of their own, so that a later consent excuses none of them.
                let number = round * PERSONS + person;
                grant(&office, &name).await;
                let mut callers = JoinSet::new();
                let answered = watch::Sender::new(0);
                for _ in 0..3 {
                    let (deployment, caller, name) = (Arc::clone(&deployment), caller.clone(), name.clone());
                    let answered = answered.clone();
                    callers.spawn(async move {
                        let mut line = caller.connect().await.unwrap();
                        let token = deployment.token(&name);
                        loop {
                            let body = json!({ "number": number });
                            let answer = line.post(&Activity::Asked.path(), &token, &body).await.unwrap();
                            if answer.status != StatusCode::OK {
                                return answer;
                            }
                            answered.send_modify(|answered| *answered += 1);
                        }
                    });
                }
                answered.subscribe().wait_for(|answered| *answered > 1).await.unwrap();
                let [moment] = random::bytes::<1>();
                tokio::time::sleep(Duration::from_micros(u64::from(moment) * 200)).await;
                withdraw(&office, &name).await;
                let acknowledged = upstream.mark();
                for answer in callers.join_all().await {
                    assert!(withdrawn(&answer), "{answer:?}");
                }
                let late = upstream.since(acknowledged);
                assert!(
                    !late.iter().any(|late| late.number == number as u64),
                    "{name}, round {round}: {late:?}"
                );
            }
        });
    }
    persons.join_all().await;
    assert!(upstream.count() > PERSONS * ROUNDS, "too little was under way");
    running.stop().await;
    deployment.verify();
}

/// Another program holds the data file, so that intents and the withdrawal wait for one commit together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_overtakes_what_waits_for_its_commit() {
    let upstream = Upstream::start();
    let deployment = Arc::new(Deployment::new(upstream.address()));
    let (running, caller) = serve(&deployment).await;
    for round in 0..4 {
        grant(running.office(), "ada").await;
        if round > 0 {
            // With a key of the day in memory the intent alone waits.
            assert_eq!(ask(&caller, &deployment, "ada", 100).await.status, 200);
        }
        let other = rusqlite::Connection::open(deployment.data()).unwrap();
        other.busy_timeout(Duration::from_secs(5)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut calls = JoinSet::new();
        for _ in 0..6 {
            let (caller, deployment) = (caller.clone(), Arc::clone(&deployment));
            calls.spawn(async move { ask(&caller, &deployment, "ada", round).await });
        }
        // No signal tells that they wait; whichever of them do not yet are refused as well.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let office = Arc::clone(running.office());
        let withdrawal = tokio::spawn(async move { withdraw(&office, "ada").await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        other.execute_batch("COMMIT").unwrap();
        withdrawal.await.unwrap();
        let acknowledged = upstream.mark();
        for answer in calls.join_all().await {
            assert!(answer.status == StatusCode::OK || withdrawn(&answer), "{answer:?}");
        }
        assert!(upstream.since(acknowledged).is_empty(), "{:?}", upstream.since(acknowledged));
    }
    running.stop().await;
    deployment.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_overtakes_what_waits_for_its_connection() {
    let (listener, _filler) = deaf();
    let deployment = Arc::new(Deployment::new(listener.local_addr().unwrap()));
    let (running, caller) = serve(&deployment).await;
    grant(running.office(), "ada").await;
    let (calling, of) = (caller.clone(), Arc::clone(&deployment));
    let call = tokio::spawn(async move { ask(&calling, &of, "ada", 1).await });
    intended(&running.core, 1).await;
    assert!(!call.is_finished());
    withdraw(running.office(), "ada").await;
    // Only now can it connect.
    let upstream = Upstream::on(listener);
    let answer = call.await.unwrap();
    assert!(withdrawn(&answer), "{answer:?}");
    assert_eq!(upstream.count(), 0);
    grant(running.office(), "ada").await;
    assert_eq!(ask(&caller, &deployment, "ada", 2).await.status, 200);
    assert_eq!(upstream.count(), 1);
    running.stop().await;
}
