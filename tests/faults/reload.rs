//! Reload under load: nobody is refused, and nobody sees two versions.

use std::collections::HashMap;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Activity, Deployment, Evidence, Gateway, Load, Upstream, until};

const RELOADS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_change_under_load_and_an_exchange_sees_one_version() {
    let upstream = Upstream::start();
    let deployment = Arc::new(Deployment::new(upstream.address()));
    // Else a set of which only some is written may come into force by itself, where the disk is slow.
    let file = deployment.file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "reload: by_command\n").unwrap();
    let gateway = Gateway::start(&deployment);
    let load = Load::default();
    let underway = load.begin(&deployment, gateway.address, &[Activity::Counted, Activity::Overlapped], 6);
    let said = |what: &str| gateway.log().matches(what).count();
    for round in 1..=RELOADS {
        deployment.policies(if round % 2 == 0 { "A" } else { "B" });
        gateway.signal(Signal::HUP);
        until("it is reloaded", async || (said("In force: 3 activities") >= round).then_some(())).await;
        if round == RELOADS / 2 {
            // A bad set leaves the one in force.
            let policy = deployment.path("policies/counted.yaml");
            let good = std::fs::read_to_string(&policy).unwrap();
            std::fs::write(&policy, good.replace("retention: 30d", "retention: soon")).unwrap();
            gateway.signal(Signal::HUP);
            until("it is refused", async || (said("Not reloaded") == 1).then_some(())).await;
            std::fs::write(&policy, good).unwrap();
        }
        // Some exchanges under each.
        let seen = upstream.count();
        tokio::time::timeout(Duration::from_secs(30), upstream.seen(seen + 3)).await.unwrap();
    }
    let outcome = underway.stop().await;
    assert!(outcome.lost.is_empty() && outcome.refused.is_empty(), "{outcome:?}");
    let mut versions: HashMap<&str, usize> = HashMap::new();
    for (number, _, answer) in &outcome.answered {
        // What the upstream was sent, and what the caller gets, as the policy of one version has it.
        let (sent, got) = (answer.body["seen"].as_str().unwrap(), answer.body["mine"].as_str().unwrap());
        assert_eq!(sent, got, "request {number} saw two versions");
        *versions.entry(sent).or_default() += 1;
    }
    assert!(versions.len() == 2 && versions.values().all(|count| *count > 5), "{versions:?}");
    assert_eq!(gateway.stop().0, Some(0));
    let evidence = Evidence::read(&deployment).await;
    assert_eq!(evidence.of("policy-loaded").count(), RELOADS + 1);
    deployment.verify();
}

/// A stop is heard while a reload reads, here a policy whose patterns take seconds to compile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_reload() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let text = std::fs::read_to_string(deployment.file()).unwrap();
    std::fs::write(deployment.file(), text + "reload: by_command\n").unwrap();
    let gateway = Gateway::start(&deployment);
    let policy = deployment.path("policies/counted.yaml");
    let before = std::fs::read_to_string(&policy).unwrap();
    let field = |number: u32| {
        format!("    f{number}: {{ type: string, required: false, pattern: \"{number}[\\\\w]{{1,20}}\" }}\n")
    };
    let fields: String = (0..400).map(field).collect();
    std::fs::write(&policy, before.replace("response:\n", &format!("{fields}response:\n"))).unwrap();
    gateway.signal(Signal::HUP);
    // Whoever reads policies lets all others go first (`nice` 19), and nobody else does.
    until("policies are read", async || gives_way(gateway.pid()).then_some(())).await;
    gateway.signal(Signal::TERM);
    let (code, log) = gateway.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("eloaded"), "{log}");
    std::fs::write(&policy, before).unwrap();
    assert_eq!(Evidence::read(&deployment).await.entries.last().unwrap().kind, "stopped");
    deployment.verify();
}

/// Neither saved policies nor a stop wait for a disk that does not answer, here to whoever reads a certificate's key and API keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_hang_keep_neither_policies_nor_the_stop_waiting() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let text = std::fs::read_to_string(deployment.file()).unwrap();
    std::fs::write(deployment.file(), text + "api_keys: api-keys.yaml\n").unwrap();
    std::fs::write(deployment.path("api-keys.yaml"), "keys: []\n").unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-q", "-o", "/dev/null", "-e", "trace=read,pread64"]);
    for name in ["server.key", "api-keys.yaml"] {
        let hangs = deployment.path(&format!("hangs-{name}"));
        std::fs::copy(deployment.path(name), &hangs).unwrap();
        strace.arg("-P").arg(hangs);
    }
    // Microseconds: longer than this test.
    strace.args(["-e", "inject=read,pread64:delay_enter=600000000"]).arg(env!("CARGO_BIN_EXE_consentry"));
    let found = Command::new("strace").arg("-V").output();
    assert!(found.is_ok(), "this test needs strace: install it (`apt-get install strace`)");
    let gateway = Gateway::with(strace, &deployment);
    for name in ["server.key", "api-keys.yaml"] {
        symlink(format!("hangs-{name}"), deployment.path("next")).unwrap();
        std::fs::rename(deployment.path("next"), deployment.path(name)).unwrap();
    }
    let reloaded = async |times: usize| {
        let said = || gateway.log().matches("reloaded").count();
        until("it is reloaded", async || (said() >= times).then_some(())).await;
    };
    gateway.signal(Signal::HUP);
    reloaded(1).await;
    until("the key is read", async || gives_way(gateway.pid()).then_some(())).await;
    deployment.policies("B");
    reloaded(2).await;
    until("it says so", async || gateway.log().contains("the disk did not answer").then_some(())).await;
    for of in ["API keys", "certificates"] {
        let said =
            format!("Whether {of} are in force is not known: the disk did not answer for ten seconds.");
        assert!(gateway.log().contains(&said), "{said} is not in {}", gateway.log());
    }
    assert!(gives_way(gateway.pid()));
    let tracer = tracer(gateway.pid()).unwrap();
    gateway.signal(Signal::TERM);
    // Its first thread ends with the process. The tracer keeps what it holds up until it ends itself.
    until("it ends", async || is_over(gateway.pid()).then_some(())).await;
    kill_process(tracer, Signal::KILL).unwrap();
    let (code, log) = gateway.ended();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(Evidence::read(&deployment).await.entries.last().unwrap().kind, "stopped");
}

/// Who traces the process (proc(5)).
fn tracer(process: Pid) -> Option<Pid> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    Pid::from_raw(line.trim().parse().ok()?)
}

/// Whether the process has ended, but for its parent to hear of it.
fn is_over(process: Pid) -> bool {
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

/// Whether a thread of the process lets all others go first.
fn gives_way(process: Pid) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())) else {
        return false;
    };
    threads.flatten().any(|thread| {
        // The nineteenth value of all, the seventeenth behind the name (proc(5)).
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(16)) == Some("19")
    })
}
