//! Who reads the log may stall, and what they read has a form.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Activity, Caller, Deployment, Gateway, SOON, Upstream, program};

/// Refusals that write more than a pipe holds.
const CALLS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_a_stop_wait_for_nobody_who_reads_the_log() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let mut command = program();
    command.arg("serve").arg("--config").arg(deployment.file());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let address = loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "it does not serve");
        let line: Value = serde_json::from_str(&line).unwrap();
        if let Some((_, address)) = line["message"].as_str().unwrap().split_once("serves https://") {
            break address.parse().unwrap();
        }
    };
    // From here on nobody reads.
    let mut line = Caller::new(&deployment, address).connect().await.unwrap();
    let body = serde_json::json!({ "number": 7 });
    for call in 0..CALLS {
        let answer = line.post(&Activity::Counted.path(), "nobody's", &body).await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("call {call}: {error:#}")).status, 401);
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < SOON, "it does not end");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(rest.len() > 32 * 1024, "the pipe was full: {} bytes", rest.len());
}

/// From the start to the stop, with a reload that is refused and warnings between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_logged_as_json_is_lines_of_json() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let old = deployment.path("policies/counted.yaml");
    let policy = std::fs::read_to_string(&old).unwrap();
    std::fs::write(
        &old,
        policy.replace("upstream: unchanged, stored", "upstream: unchanged, justification: x, stored"),
    )
    .unwrap();
    let gateway = Gateway::start(&deployment);
    let good = std::fs::read_to_string(&old).unwrap();
    std::fs::write(&old, "activity: [").unwrap();
    gateway.signal(Signal::HUP);
    crate::support::until("the reload is refused", async || {
        gateway.log().contains("not reloaded").then_some(())
    })
    .await;
    let (code, log) = gateway.stop();
    std::fs::write(&old, good).unwrap();
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let said = |what: &str| {
        lines.iter().any(|line| line["message"].as_str().is_some_and(|said| said.starts_with(what)))
    };
    assert!(said("Consentry serves https://") && said("Stopping"), "{log}");
    assert!(said("nothing was kept here yet"), "{log}");
    let gateway = Gateway::start(&deployment);
    assert!(!gateway.stop().1.contains("nothing was kept here yet"));
}
