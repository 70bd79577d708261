//! A disk without room, and files that are taken away while the gateway runs.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::json;

use crate::support::{Activity, Answer, Caller, Deployment, Evidence, Gateway, Load, Upstream, until};

/// How long after the cause is gone nothing may still be refused.
const RECOVERY: Duration = Duration::from_secs(5);

/// What any file of the process may measure from now on.
fn room(gateway: &Gateway, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(gateway.pid()), Resource::Fsize, limit).unwrap();
}

async fn call(caller: &Caller, deployment: &Deployment, number: u64) -> Answer {
    let token = deployment.token(&Load::person(number));
    caller.post(&Activity::Counted.path(), &token, &json!({ "number": number })).await.unwrap()
}

/// Nothing is forwarded, everybody is told that it is the gateway's fault.
async fn refuses(caller: &Caller, deployment: &Deployment, upstream: &Upstream) {
    let before = upstream.count();
    for number in 1_000_000..1_000_005 {
        let answer = call(caller, deployment, number).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (503, Some("dependency-unavailable")));
    }
    assert_eq!(upstream.count(), before);
}

/// Works again in time, and has lost nothing of what was answered before.
async fn recovers(caller: &Caller, deployment: &Deployment, number: u64) -> Answer {
    let cause_gone = Instant::now();
    loop {
        let answer = call(caller, deployment, number).await;
        if answer.status == 200 {
            return answer;
        }
        assert_eq!((answer.status.as_u16(), answer.problem()), (503, Some("dependency-unavailable")));
        assert!(cause_gone.elapsed() < RECOVERY, "still refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn kept(deployment: &Deployment, answers: &[(u64, Answer)]) {
    let evidence = Evidence::read(deployment).await;
    for (number, answer) in answers {
        assert_eq!(evidence.record(Activity::Counted, &answer.decision).await["number"], *number);
    }
    deployment.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_forwards_nothing_and_recovers() {
    let upstream = Upstream::start();
    let deployment = Arc::new(Deployment::new(upstream.address()));
    let gateway = Gateway::start(&deployment);
    let caller = Caller::new(&deployment, gateway.address);
    let mut answers = vec![(1, call(&caller, &deployment, 1).await)];
    assert_eq!(answers[0].1.status, 200);

    // It fills up under load: whatever was answered is kept, whatever was seen has its intent.
    let load = Load::default();
    let underway = load.begin(&deployment, gateway.address, &[Activity::Counted], 6);
    underway.answered(20).await;
    room(&gateway, Some(4096));
    until("it is full", async || (call(&caller, &deployment, 2_000_000).await.status == 503).then_some(()))
        .await;
    let outcome = underway.stop().await;
    assert!(outcome.lost.is_empty(), "{outcome:?}");
    for refused in &outcome.refused {
        assert_eq!((refused.1.as_u16(), refused.2.as_str()), (503, "dependency-unavailable"));
    }
    answers.extend(outcome.answered.into_iter().map(|(number, _, answer)| (number, answer)));
    refuses(&caller, &deployment, &upstream).await;
    assert_eq!(deployment.figure("consentry_store_unavailable"), 1);

    room(&gateway, None);
    answers.push((500_000, recovers(&caller, &deployment, 500_000).await));
    assert_eq!(deployment.figure("consentry_store_unavailable"), 0);
    kept(&deployment, &answers).await;
    let (code, log) = gateway.stop();
    assert_eq!(code, Some(0), "{log}");

    // What was at the upstream when the outcome could not be kept is sealed at the next start.
    let gateway = Gateway::start(&deployment);
    let evidence = Evidence::read(&deployment).await;
    assert!(evidence.outcomes().len() >= upstream.count());
    let intended = evidence.intended();
    for sighting in upstream.saw() {
        let person = evidence.reference(&Load::person(sighting.number)).await;
        assert!(intended.contains_key(&person), "{} was seen without its intent", sighting.number);
    }
    deployment.verify();
    assert_eq!(gateway.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_taken_away_or_replaced_is_not_believed() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let gateway = Gateway::start(&deployment);
    let caller = Caller::new(&deployment, gateway.address);
    let mut answers = vec![(1, call(&caller, &deployment, 1).await)];
    for (number, file) in [(2, deployment.data()), (3, deployment.keyring())] {
        let away = deployment.path("away");
        fs::rename(&file, &away).unwrap();
        refuses(&caller, &deployment, &upstream).await;
        assert!(!file.exists(), "no new file is made in its place");
        // Another one in its place, though it be a faithful copy.
        fs::copy(&away, &file).unwrap();
        refuses(&caller, &deployment, &upstream).await;
        fs::rename(&away, &file).unwrap();
        answers.push((number, recovers(&caller, &deployment, number).await));
    }
    kept(&deployment, &answers).await;
    assert_eq!(gateway.stop().0, Some(0));
    deployment.verify();
}
