//! Who reads the log may stall, and what they read has a form.

use std::io::{BufRead as _, BufReader, PipeReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Activity, Caller, Deployment, Gateway, SOON, Said, Upstream, program};

/// Refusals that write more than a pipe holds, and than waits, at `trace`.
const CALLS: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_a_stop_wait_for_nobody_who_reads_the_log() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    deployment.configure("127.0.0.1:0", "trace");
    let mut command = program();
    command.arg("serve").arg("--config").arg(deployment.file());
    // Both outputs lead to whoever stalls, as they do under many a supervisor.
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = Ends(command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap());
    drop(command);
    let (log, address) = serves(reader);
    // From here on nobody reads.
    let mut line = Caller::new(&deployment, address).connect().await.unwrap();
    let body = serde_json::json!({ "number": 7 });
    for call in 0..CALLS {
        let answer = line.post(&Activity::Counted.path(), "nobody's", &body).await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("call {call}: {error:#}")).status, 401);
    }
    assert!(lost_lines(&deployment) > 0);
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    let began = Instant::now();
    while child.0.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < SOON, "it does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_whose_reader_has_ended_are_counted() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    deployment.configure("127.0.0.1:0", "info");
    let mut command = program();
    command.arg("serve").arg("--config").arg(deployment.file());
    let (reader, writer) = std::io::pipe().unwrap();
    let _child = Ends(command.stdout(Stdio::null()).stderr(writer).spawn().unwrap());
    drop(command);
    let (log, address) = serves(reader);
    assert_eq!(lost_lines(&deployment), 0);
    drop(log);
    let mut line = Caller::new(&deployment, address).connect().await.unwrap();
    let body = serde_json::json!({ "number": 7 });
    for _ in 0..20 {
        let answer = line.post(&Activity::Counted.path(), "nobody's", &body).await;
        assert_eq!(answer.unwrap().status, 401);
    }
    crate::support::until("all lines are counted", async || (lost_lines(&deployment) >= 20).then_some(()))
        .await;
}

/// Reads the log until it says where it serves.
fn serves(reader: PipeReader) -> (BufReader<PipeReader>, SocketAddr) {
    let mut log = BufReader::new(reader);
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "it does not serve");
        let line: Value = serde_json::from_str(&line).unwrap();
        let said = line["message"].as_str().unwrap_or_default();
        if let Some((_, address)) = said.split_once("serves https://") {
            break (log, address.parse().unwrap());
        }
    }
}

/// A child that does not outlive a test that fails.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How many lines are lost, as the metrics say.
fn lost_lines(deployment: &Deployment) -> u64 {
    deployment.figure("consentry_log_lines_lost_total")
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

/// What keeps the gateway from serving is said where nothing is to be logged.
#[test]
fn why_nothing_is_served_is_said_in_silence_too() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    std::fs::write(deployment.path("policies/counted.yaml"), "activity: [").unwrap();
    for filter in ["off", "consentry::store=debug", "info"] {
        deployment.configure("127.0.0.1:0", filter);
        let said =
            Said::from(program().arg("serve").arg("--config").arg(deployment.file()).output().unwrap());
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.err.contains("counted.yaml"), "{filter}: {said:?}");
    }
}
