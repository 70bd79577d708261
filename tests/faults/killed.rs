//! Killed under load, again and again: what the upstream saw is in the journal, what a caller got is kept.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use consentry::crypto::random;
use serde_json::json;

use crate::support::{Activity, Caller, Deployment, Evidence, Gateway, Load, Sighting, Upstream};

/// Which activities are called; both need a key of their own for every request.
const CALLED: &[Activity] = &[Activity::Counted, Activity::Counted, Activity::Overlapped];
const CALLERS: usize = 8;

fn kills() -> usize {
    let asked = std::env::var_os("CONSENTRY_KILLS");
    asked.map_or(3, |kills| kills.to_str().unwrap().parse().expect("CONSENTRY_KILLS is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_has_lost_nothing() {
    let upstream = Upstream::start();
    let deployment = Arc::new(Deployment::new(upstream.address()));
    deployment.grant("asker");
    let load = Load::default();
    let (mut checked, mut entries) = (0, Evidence::read(&deployment).await.entries.len());
    let (mut answers, mut aborted) = (0, 0);
    let mut gateway = Gateway::start(&deployment);
    for round in 0..kills() {
        let mut underway = vec![load.begin(&deployment, gateway.address, CALLED, CALLERS)];
        let [some, moment, ..] = random::bytes::<2>();
        underway[0].answered(1 + usize::from(some) % 64).await;
        let mut unanswered = usize::MAX;
        if round % 2 == 1 {
            // Killed with a request at the upstream for certain; else whatever the moment brings.
            upstream.hold(true);
            unanswered = upstream.count();
            underway.push(load.begin(&deployment, gateway.address, &[Activity::Counted], 1));
            upstream.seen_at(&Activity::Counted.path(), unanswered).await;
        } else {
            tokio::time::sleep(Duration::from_micros(u64::from(moment) * 100)).await;
        }
        gateway.kill();
        upstream.hold(false);
        let mut answered = Vec::new();
        for underway in underway {
            let outcome = underway.end().await;
            assert_eq!(outcome.refused, [], "round {round}");
            answered.extend(outcome.answered);
        }
        if round % 4 == 0 {
            // As it was left, with the dead gateway's socket beside it.
            deployment.verify();
        }

        gateway = Gateway::start(&deployment);
        let caller = Caller::new(&deployment, gateway.address);
        let clean = json!({ "number": 0 });
        let answer = caller.post(&Activity::Asked.path(), &deployment.token("asker"), &clean).await.unwrap();
        assert_eq!(answer.status, 200, "round {round}: {answer:?}");
        deployment.verify();

        let evidence = Evidence::after(&deployment, entries as u64).await;
        entries += evidence.entries.len();
        let outcomes = evidence.outcomes();
        aborted += outcomes.values().filter(|outcome| *outcome == "aborted").count();
        let intended = evidence.intended();
        let decision = async |number: u64| {
            let person = evidence.reference(&Load::person(number)).await;
            match intended.get(&person).map(Vec::as_slice) {
                Some([decision]) => decision,
                intents => {
                    panic!("round {round}: {number} reached the upstream, and its intents are {intents:?}")
                }
            }
        };
        let saw = upstream.saw();
        let mut numbers = HashSet::new();
        for (at, Sighting { number, .. }) in saw.iter().enumerate().skip(checked).filter(counted) {
            assert!(numbers.insert(number), "round {round}: {number} was sent twice");
            let decision = decision(*number).await;
            if at >= unanswered {
                assert_eq!(outcomes[decision], "aborted", "round {round}: {number} had no answer");
            }
        }
        checked = saw.len();
        for (number, activity, answer) in &answered {
            assert_eq!(
                evidence.record(*activity, &answer.decision).await["number"],
                *number,
                "round {round}"
            );
            assert_eq!(*decision(*number).await, answer.decision, "round {round}: {number}");
        }
        answers += answered.len();
    }
    let (code, log) = gateway.stop();
    assert_eq!(code, Some(0), "{log}");
    deployment.verify();
    println!(
        "{} kills, {checked} requests seen by the upstream, {answers} answers with their records, {aborted} intents \
         sealed as aborted, {entries} entries in order",
        kills()
    );
}

fn counted((_, sighting): &(usize, &Sighting)) -> bool {
    sighting.path == Activity::Counted.path()
}
