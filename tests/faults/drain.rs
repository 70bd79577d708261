//! SIGTERM under load: what was accepted is answered.

use std::sync::Arc;

use rustix::process::Signal;

use crate::support::{Activity, Caller, Deployment, Evidence, Gateway, Load, Upstream, until};

const CALLED: &[Activity] = &[Activity::Counted, Activity::Overlapped];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_under_load_it_answers_what_it_accepted() {
    let upstream = Upstream::start();
    let deployment = Arc::new(Deployment::new(upstream.address()));
    let load = Load::default();
    for held in [false, true] {
        let gateway = Gateway::start(&deployment);
        let underway = load.begin(&deployment, gateway.address, CALLED, 8);
        underway.answered(40).await;
        if held {
            upstream.hold(true);
            upstream.seen(upstream.count() + 4).await;
        }
        gateway.signal(Signal::TERM);
        if held {
            let caller = Caller::new(&deployment, gateway.address);
            until("connections are refused", async || caller.connect().await.is_err().then_some(())).await;
            upstream.hold(false);
        }
        let outcome = underway.end().await;
        let (code, log) = gateway.ended();
        assert_eq!(code, Some(0), "{log}");
        assert_eq!((outcome.lost, outcome.refused), (vec![], vec![]));

        let evidence = Evidence::read(&deployment).await;
        assert_eq!(evidence.entries.last().unwrap().kind, "stopped");
        assert!(evidence.outcomes().values().all(|outcome| outcome == "answered"));
        for (number, activity, answer) in &outcome.answered {
            assert_eq!(evidence.record(*activity, &answer.decision).await["number"], *number);
        }
        deployment.verify();
    }
    assert_eq!(upstream.count(), Evidence::read(&deployment).await.outcomes().len());
}

/// A caller who hangs up while the upstream works leaves a record all the same, and the stop waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_hangs_up_leaves_a_record() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let gateway = Gateway::start(&deployment);
    let caller = Caller::new(&deployment, gateway.address);
    upstream.hold(true);
    let token = deployment.token("p7");
    let body = serde_json::json!({ "number": 7 });
    let call = tokio::spawn(async move { caller.post(&Activity::Counted.path(), &token, &body).await });
    upstream.seen(1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gateway.signal(Signal::TERM);
    let caller = Caller::new(&deployment, gateway.address);
    until("connections are refused", async || caller.connect().await.is_err().then_some(())).await;
    upstream.hold(false);
    let (code, log) = gateway.ended();
    assert_eq!(code, Some(0), "{log}");
    let evidence = Evidence::read(&deployment).await;
    let outcomes = evidence.outcomes();
    let (decision, outcome) = outcomes.iter().next().unwrap();
    assert_eq!((outcomes.len(), outcome.as_str()), (1, "answered"));
    assert_eq!(evidence.record(Activity::Counted, decision).await["number"], 7);
}
