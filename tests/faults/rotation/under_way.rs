//! While requests and erasures go on, and when it is killed in the middle.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use consentry::app::Core;
use consentry::clock::Clock;
use consentry::personal::Person;
use tokio::task::JoinSet;

use super::*;
use crate::support::{Load, until};

/// Every request is about a person of its own, and so makes a key.
const CALLED: &[Activity] = &[Activity::Counted, Activity::Overlapped];
/// How many keys a rotation wraps anew in one step.
const STEP: usize = 250;
const PERSONS: usize = 5 * STEP;

fn holds(file: &Path, mark: &[u8]) -> bool {
    fs::read(file).is_ok_and(|bytes| bytes.windows(mark.len()).any(|window| window == mark))
}

/// A deployment with keys of many persons under its first master key, and a second that is not in use yet.
async fn peopled(upstream: &Upstream) -> Deployment {
    let deployment = Deployment::new(upstream.address());
    let core = Core::open(deployment.config(), Clock::system()).await.unwrap();
    let mut minting = JoinSet::new();
    for number in 0..PERSONS {
        let custody = core.gateway.custody().clone();
        minting.spawn(async move {
            let lookup = custody.lookup(&Person::new("customers", Load::person(number as u64).as_str()));
            custody.key(&lookup, None, "counted", Clock::system().now().day()).await.unwrap();
        });
    }
    minting.join_all().await;
    core.gateway.store().close().await;
    new_key(&deployment);
    deployment
}

/// `key rotate`, begun and left to itself.
fn rotating(deployment: &Deployment) -> Child {
    let mut rotate = program();
    rotate.args(ROTATE).arg("--config").arg(deployment.file());
    rotate.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Has the step of a rotation that wraps the key in the middle anew take long, so that it is certain to be in the middle. Answers how
/// many keys are not wrapped anew while it is at that step.
fn slow_in_the_middle(keyring: &Connection, rounds: u64) -> usize {
    let sql = format!(
        "CREATE TRIGGER slow BEFORE UPDATE OF wrapped ON key
         WHEN old.id = (SELECT id FROM key ORDER BY id LIMIT 1 OFFSET {})
         BEGIN
             SELECT count(*) FROM (
                 WITH RECURSIVE round(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM round WHERE n < {rounds}) SELECT n FROM round
             );
         END",
        PERSONS / 2
    );
    keyring.execute_batch(&sql).unwrap();
    PERSONS - PERSONS / 2 / STEP * STEP
}

/// When so many keys are not wrapped anew.
async fn left(keyring: &Connection, old: &[u8], many: usize) {
    until("the rotation is in the middle", async || (under(keyring, old) == many).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_master_key_under_load_fails_no_request_and_what_was_kept_opens() {
    let upstream = Upstream::start();
    let deployment = Arc::new(Deployment::new(upstream.address()));
    deployment.configure("127.0.0.1:0", "debug");
    let organisation = deployment.path("policies/organisation.yaml");
    let text = fs::read_to_string(&organisation).unwrap();
    fs::write(organisation, format!("{text}reasons: [data-subject-request]\n")).unwrap();
    let gateway = Gateway::start(&deployment);
    let underway = Load::default().begin(&deployment, gateway.address, CALLED, 4);
    underway.answered(200).await;
    let reader = keyring(&deployment);
    let old = mark(&reader);

    new_key(&deployment);
    keys(&deployment, NEW_AFTER_OLD);
    let rotated = Arc::clone(&deployment);
    let said = done(tokio::task::spawn_blocking(move || rotated.run(ROTATE)).await.unwrap());
    assert!(said.contains("under the new master key") && said.contains("take it out"), "{said}");
    assert_eq!(under(&reader, &old), 0);
    let outcome = {
        let sofar = upstream.count();
        upstream.seen(sofar + 200).await;
        underway.stop().await
    };
    assert_eq!(outcome.refused, []);
    assert_eq!(outcome.lost, [0; 0]);
    // Also what was minted since, and the secrets.
    assert_ne!(mark(&reader), old);
    drop(reader);
    for ending in ["", "-wal"] {
        let file = deployment.keyring().with_extension(format!("db{ending}"));
        assert!(!holds(&file, &old), "{} holds what the old master key opens", file.display());
    }
    let said = done(deployment.run(ROTATE));
    assert!(said.contains("Nothing was to be done") && said.contains("opens nothing"), "{said}");
    let (first, _, answer) = outcome.answered.iter().min_by_key(|(number, ..)| *number).unwrap();
    let person = Load::person(*first);
    let access = ["access", "--person", &person, "--reason", "data-subject-request"];
    let before = done(deployment.run(&access));
    assert!(before.contains("\"number\""), "{before}");
    let (code, log) = gateway.stop();
    assert_eq!(code, Some(0), "{log}");
    unseen(&deployment, &log);

    // The old one is gone for good.
    keys(&deployment, NEW);
    fs::remove_file(deployment.path("master.key")).unwrap();
    let gateway = Gateway::start(&deployment);
    called(&deployment, &gateway, "ada").await;
    let opened = done(deployment.run(&access));
    assert!(opened.contains("\"number\""), "{opened}");
    assert!(!gateway.log().contains("`previous`"), "{}", gateway.log());
    assert_eq!(gateway.stop().0, Some(0));
    let evidence = Evidence::read(&deployment).await;
    for (number, activity, answer) in &outcome.answered {
        assert_eq!(evidence.record(*activity, &answer.decision).await["number"], *number);
    }
    assert_eq!(evidence.of("keys-rotated").count(), 1);
    assert!(evidence.outcomes().contains_key(&answer.decision));
    deployment.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_it_goes_on_where_it_was() {
    let upstream = Upstream::start();
    let deployment = peopled(&upstream).await;
    let reader = keyring(&deployment);
    let old = mark(&reader);
    let many = slow_in_the_middle(&reader, u64::MAX >> 1);
    keys(&deployment, NEW_AFTER_OLD);
    let gateway = Gateway::start(&deployment);
    assert!(gateway.log().contains("run `consentry key rotate`"), "{}", gateway.log());
    let rotation = rotating(&deployment);
    left(&reader, &old, many).await;
    gateway.kill();
    let said = Said::from(rotation.wait_with_output().unwrap());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(under(&reader, &old), many);
    reader.execute_batch("DROP TRIGGER slow").unwrap();
    drop(reader);

    for alone in [OLD, NEW] {
        keys(&deployment, alone);
        refused(&deployment, &["is not finished", "`previous`", "`consentry key rotate`"]);
    }
    keys(&deployment, NEW_AFTER_OLD);
    let gateway = Gateway::start(&deployment);
    assert!(gateway.log().contains("run `consentry key rotate`"), "{}", gateway.log());
    let decision = called(&deployment, &gateway, "ada").await;
    let said = done(deployment.run(ROTATE));
    assert!(said.contains(&format!("{many} keys and ")), "{many} were left: {said}");
    let reader = keyring(&deployment);
    assert_eq!((under(&reader, &old), under(&reader, &mark(&reader))), (0, PERSONS + 1));
    drop(reader);
    assert_eq!(gateway.stop().0, Some(0));
    keys(&deployment, NEW);
    let gateway = Gateway::start(&deployment);
    assert_eq!(gateway.stop().0, Some(0));
    let evidence = Evidence::read(&deployment).await;
    let told: Vec<_> = evidence.of("keys-rotated").map(|event| event.members["keys"].clone()).collect();
    assert_eq!(told, [json!(many)], "the audit tells of the run that came to its end");
    assert_eq!(evidence.record(Activity::Counted, &decision).await["number"], 5);
    drop(evidence);
    deployment.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_erased_meanwhile_does_not_come_back() {
    let upstream = Upstream::start();
    let deployment = peopled(&upstream).await;
    let reader = keyring(&deployment);
    let old = mark(&reader);
    // About a second: longer than the commands take to come in.
    let many = slow_in_the_middle(&reader, 5_000_000);
    keys(&deployment, NEW_AFTER_OLD);
    let gateway = Gateway::start(&deployment);
    let rotation = rotating(&deployment);
    left(&reader, &old, many).await;
    let erasures: Vec<_> = (0..4)
        .map(|number| {
            let mut erase = program();
            erase.args(["erase", "--person", &Load::person(number), "--config"]).arg(deployment.file());
            erase.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for erasure in erasures {
        let said = done(Said::from(erasure.wait_with_output().unwrap()));
        assert!(said.contains("1 keys destroyed"), "{said}");
    }
    done(Said::from(rotation.wait_with_output().unwrap()));
    assert_eq!((under(&reader, &old), under(&reader, &mark(&reader))), (0, PERSONS - 4));
    let sql = "SELECT count(*) FROM tombstone JOIN key USING (id) WHERE ?1 IS NOT NULL";
    assert_eq!(count(&reader, sql, &[]), 0, "a destroyed key is there");
    drop(reader);
    assert_eq!(gateway.stop().0, Some(0));
    keys(&deployment, NEW);
    deployment.verify();
}
