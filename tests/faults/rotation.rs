//! From one master key to another: under load, killed in the middle, beside erasures, in the wrong order.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use consentry::app::Core;
use consentry::clock::Clock;
use consentry::personal::Person;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Activity, Caller, Deployment, Evidence, Gateway, Load, SOON, Said, Upstream, program, until,
};

const OLD: &str = "{ file: master.key }";
const NEW: &str = "{ file: new.key }";
const NEW_AFTER_OLD: &str = "{ file: new.key, previous: [ { file: master.key } ] }";
const OLD_AFTER_NEW: &str = "{ file: master.key, previous: [ { file: new.key } ] }";
const ROTATE: &[&str] = &["key", "rotate"];
/// Every request is about a person of its own, and so makes a key.
const CALLED: &[Activity] = &[Activity::Counted, Activity::Overlapped];
/// How many keys a rotation wraps anew in one step.
const STEP: usize = 250;
const PERSONS: usize = 5 * STEP;

/// Names other master keys in the deployment's file.
fn keys(deployment: &Deployment, keys: &str) {
    let text = fs::read_to_string(deployment.file()).unwrap();
    let lines = text.lines().map(|line| match line.starts_with("keys: ") {
        true => format!("keys: {keys}\n"),
        false => format!("{line}\n"),
    });
    fs::write(deployment.file(), lines.collect::<String>()).unwrap();
}

/// Makes the new master key, as an operator does.
fn new_key(deployment: &Deployment) {
    let said =
        Said::from(program().args(["key", "master"]).arg(deployment.path("new.key")).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
}

fn done(said: Said) -> String {
    assert_eq!(said.code, Some(0), "{said:?}");
    said.out
}

/// `serve` must not start, and says why.
fn refused(deployment: &Deployment, words: &[&str]) {
    let said = Said::from(program().arg("serve").arg("--config").arg(deployment.file()).output().unwrap());
    assert_eq!(said.code, Some(1), "{said:?}");
    for word in words {
        assert!(said.err.contains(word), "{word}: {said:?}");
    }
    unseen(deployment, &said.err);
}

/// Neither master key stands in what was said.
fn unseen(deployment: &Deployment, said: &str) {
    for name in ["master.key", "new.key"] {
        if let Ok(key) = fs::read_to_string(deployment.path(name)) {
            assert!(!said.contains(key.trim()), "{name} is shown");
        }
    }
}

async fn called(deployment: &Deployment, gateway: &Gateway, person: &str) -> String {
    let caller = Caller::new(deployment, gateway.address);
    let body = json!({ "number": 5 });
    let answer = caller.post(&Activity::Counted.path(), &deployment.token(person), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.decision
}

/// The keyring, read beside whoever holds it.
fn keyring(deployment: &Deployment) -> Connection {
    let keyring =
        Connection::open_with_flags(deployment.keyring(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    keyring.busy_timeout(SOON).unwrap();
    keyring
}

fn count(keyring: &Connection, sql: &str, parameter: &[u8]) -> usize {
    keyring.query_row(sql, [parameter], |row| row.get::<_, u32>(0)).unwrap() as usize
}

/// Where all keys are under one master key: what everything that is wrapped under it begins with.
fn mark(keyring: &Connection) -> Vec<u8> {
    let sql = "SELECT DISTINCT substr(wrapped, 1, 9) FROM key UNION SELECT substr(wrapped, 1, 9) FROM secret";
    let marks: Vec<Vec<u8>> =
        keyring.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let [mark] = <[_; 1]>::try_from(marks).expect("one master key");
    mark
}

fn under(keyring: &Connection, mark: &[u8]) -> usize {
    count(keyring, "SELECT count(*) FROM key WHERE substr(wrapped, 1, 9) = ?1", mark)
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_the_demo_comes_into_force_before_nobody_but_this_host() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    new_key(&deployment);
    let new = deployment.path("new.key");
    let marked = format!("# consentry-demo\n{}", fs::read_to_string(&new).unwrap());
    fs::write(&new, marked).unwrap();
    deployment.configure("0.0.0.0:0", "info");
    let gateway = Gateway::start(&deployment);
    // What the file says of listeners by now is not in force.
    deployment.configure("127.0.0.1:0", "info");
    keys(&deployment, NEW_AFTER_OLD);
    let said = deployment.run(ROTATE);
    assert!(said.code == Some(1) && said.out.contains("was made for the demo"), "{said:?}");
    assert_eq!(gateway.stop().0, Some(0));
    let gateway = Gateway::start(&deployment);
    done(deployment.run(ROTATE));
    assert_eq!(gateway.stop().0, Some(0));
}

/// Whoever edited a file that the gateway does not read must not take from the answer that a key may go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_names_the_file_that_was_read_and_the_key_in_use() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let gateway = Gateway::start(&deployment);
    new_key(&deployment);
    let read = fs::canonicalize(deployment.file()).unwrap();
    let old = format!("the one at {}", deployment.path("master.key").display());
    let new = format!("the one at {}", deployment.path("new.key").display());

    // As a bind mount of the file shows it: this one stays as it was, and what was edited is another.
    let said = done(deployment.run(ROTATE));
    assert!(said.contains(&format!("{} names no other", read.display())), "{said}");
    assert!(said.contains(&old) && said.contains("Keep every master key"), "{said}");
    assert!(!said.contains("`previous`") && !said.contains("needed"), "{said}");

    keys(&deployment, "{ file: nowhere.key }");
    let said = deployment.run(ROTATE);
    assert!(said.code == Some(1) && said.out.contains(&old), "{said:?}");
    assert!(said.out.contains("nowhere.key") && said.out.contains("nothing was exchanged"), "{said:?}");
    assert!(!said.out.contains("cannot be opened"), "{said:?}");
    assert!(said.out.contains(&format!("{} was read", read.display())), "{said:?}");
    keys(&deployment, NEW_AFTER_OLD);
    for told in ["under the new master key", "Nothing was to be done"] {
        let said = done(deployment.run(ROTATE));
        assert!(
            said.contains(told) && said.contains(&new) && said.contains("copies of the keyring"),
            "{said}"
        );
        assert!(said.contains(&format!("names in {} opens nothing", read.display())), "{said}");
    }
    let (code, log) = gateway.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(&format!("the master key in use is {new}")), "{log}");
    unseen(&deployment, &log);
    // So too where no gateway runs.
    keys(&deployment, NEW);
    let said = done(deployment.run(ROTATE));
    assert!(said.contains(&new) && said.contains(&format!("{} names no other", read.display())), "{said}");
    // The audit tells of each that was admitted, and not of the one that was refused.
    let evidence = Evidence::read(&deployment).await;
    let told: Vec<_> = evidence.of("administered").map(|event| event.members["command"].clone()).collect();
    assert_eq!(told, vec![json!("key-rotate"); 4]);
}

/// What was prepared in a file that the gateway does not read is not taken for done, and nothing is changed for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_file_names_another_master_key_than_the_gateway_reads_is_refused() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let gateway = Gateway::start(&deployment);
    called(&deployment, &gateway, "ada").await;
    let reader = keyring(&deployment);
    let old = mark(&reader);
    let prepared = deployment.path("prepared.yaml");
    let rotate = |file: &Path| Said::from(program().args(ROTATE).arg("--config").arg(file).output().unwrap());
    let read = fs::canonicalize(deployment.file()).unwrap();
    new_key(&deployment);

    // The one of them is edited, and then only the other. Of the keyring, not even a check value is changed.
    let text = fs::read_to_string(deployment.file()).unwrap();
    let anew = |keys: &str| text.replace(&format!("keys: {OLD}"), &format!("keys: {keys}"));
    for (of_gateway, of_command, key) in [(OLD, NEW_AFTER_OLD, "master.key"), (NEW_AFTER_OLD, OLD, "new.key")]
    {
        fs::write(deployment.file(), anew(of_gateway)).unwrap();
        fs::write(&prepared, anew(of_command)).unwrap();
        let said = rotate(&prepared);
        assert_eq!(said.code, Some(1), "{said:?}");
        let parts = [
            "Nothing was wrapped anew",
            key,
            "is meant for another master key",
            "`--config`",
            "restart the gateway",
        ];
        for part in parts.into_iter().chain([read.to_str().unwrap()]) {
            assert!(said.out.contains(part), "{part}: {said:?}");
        }
        unseen(&deployment, &said.out);
        assert_eq!(mark(&reader), old);
    }

    // One file under several names, another file with the same key, and a copy of that key: none is another key.
    fs::write(deployment.file(), anew(OLD)).unwrap();
    let link = deployment.path("link.yaml");
    std::os::unix::fs::symlink(deployment.file(), &link).unwrap();
    fs::copy(deployment.path("master.key"), deployment.path("copy.key")).unwrap();
    fs::write(&prepared, anew("{ file: copy.key }")).unwrap();
    for file in [&link, &prepared, &deployment.path("policies/../consentry.yaml")] {
        let said = rotate(file);
        assert!(said.code == Some(0) && said.err.is_empty(), "{said:?}");
    }
    // What the command cannot read, or is not its own, is not taken for another.
    for (keys, why) in
        [("{ file: nowhere.key }", "nowhere.key"), ("{ env: CONSENTRY_OTHER_KEY }", "in the environment")]
    {
        fs::write(&prepared, anew(keys)).unwrap();
        let said = rotate(&prepared);
        assert!(said.code == Some(0) && said.out.contains("Nothing was to be done"), "{said:?}");
        assert!(said.err.contains("not compared") && said.err.contains(why), "{said:?}");
    }
    drop(reader);
    assert_eq!(gateway.stop().0, Some(0));
    // The audit tells of the five that were admitted alone.
    let evidence = Evidence::read(&deployment).await;
    assert_eq!(evidence.of("administered").count(), 5);
    deployment.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_behind_the_exchange_and_what_does_not_open_are_told_as_such() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let gateway = Gateway::start(&deployment);
    called(&deployment, &gateway, "ada").await;
    called(&deployment, &gateway, "bob").await;
    new_key(&deployment);
    keys(&deployment, NEW_AFTER_OLD);
    let reader = keyring(&deployment);
    let sql =
        "CREATE TRIGGER broken BEFORE UPDATE OF wrapped ON key BEGIN SELECT RAISE(ABORT, 'broken'); END";
    reader.execute_batch(sql).unwrap();
    let said = deployment.run(ROTATE);
    assert_eq!(said.code, Some(1), "{said:?}");
    let both = format!("{}{}", said.out, said.err);
    for word in ["the new master key, the one at", "new.key, is in use", "leave `previous` as it is", "again"]
    {
        assert!(both.contains(word), "{word}: {said:?}");
    }
    reader.execute_batch("DROP TRIGGER broken").unwrap();

    // One byte of one key.
    let sql = "SELECT wrapped, activity, lower(hex(reference)) FROM key WHERE id = (SELECT min(id) FROM key)";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (mut wrapped, activity, reference): (Vec<u8>, String, String) =
        reader.query_row(sql, [], read).unwrap();
    *wrapped.last_mut().unwrap() ^= 1;
    let sql = "UPDATE key SET wrapped = ?1 WHERE id = (SELECT min(id) FROM key)";
    reader.execute(sql, [wrapped]).unwrap();
    let said = deployment.run(ROTATE);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("1 open under no master key") && said.out.contains("no term takes"),
        "{said:?}"
    );
    drop(reader);
    let (_, log) = gateway.stop();
    let line = log.lines().find(|line| line.contains("opens this key")).expect("a line for the key");
    assert!(line.contains(&activity) && line.contains(&reference), "{line}");
    unseen(&deployment, &log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_order_is_refused_and_says_what_is_missing() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    deployment.configure("127.0.0.1:0", "trace");
    let gateway = Gateway::start(&deployment);
    let first = called(&deployment, &gateway, "ada").await;
    new_key(&deployment);

    // Without the one of before nothing is exchanged, and it is served as ever.
    keys(&deployment, NEW);
    let said = deployment.run(ROTATE);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("stays in force") && said.out.contains("`previous`"), "{said:?}");
    keys(&deployment, "{ file: new.key, previous: [ { file: nowhere.key } ] }");
    let said = deployment.run(ROTATE);
    assert!(said.code == Some(1) && said.out.contains("nowhere.key"), "{said:?}");
    called(&deployment, &gateway, "bob").await;
    assert_eq!(gateway.stop().0, Some(0));
    keys(&deployment, NEW);
    refused(&deployment, &["this is not the master key", "under `previous`"]);
    keys(&deployment, "{ file: new.key, previous: [ { file: nowhere.key } ] }");
    refused(&deployment, &["the previous master key at", "nowhere.key", "there is no file"]);
    let copy = deployment.path("copy.key");
    fs::copy(deployment.path("master.key"), &copy).unwrap();
    keys(&deployment, "{ file: master.key, previous: [ { file: copy.key } ] }");
    refused(&deployment, &["copy.key", "the same key"]);
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o640)).unwrap();
    refused(&deployment, &["copy.key", "chmod 600"]);

    // From the first start on something may be under the new one.
    keys(&deployment, NEW_AFTER_OLD);
    let gateway = Gateway::start(&deployment);
    let second = called(&deployment, &gateway, "eve").await;
    let (_, log) = gateway.stop();
    unseen(&deployment, &log);
    for alone in [OLD, NEW] {
        keys(&deployment, alone);
        refused(&deployment, &["is not finished", "`previous`"]);
    }
    // Back to the one of before is a rotation as any other, here while no gateway runs.
    keys(&deployment, OLD_AFTER_NEW);
    let said = done(deployment.run(ROTATE));
    assert!(said.contains("1 keys and "), "{said}");
    keys(&deployment, NEW);
    refused(&deployment, &["this is not the master key"]);
    keys(&deployment, OLD);
    let evidence = Evidence::read(&deployment).await;
    for decision in [&first, &second] {
        assert_eq!(evidence.record(Activity::Counted, decision).await["number"], 5);
    }
    drop(evidence);
    keys(&deployment, OLD_AFTER_NEW);
    let gateway = Gateway::start(&deployment);
    assert!(gateway.log().contains("take them out"), "{}", gateway.log());
    assert_eq!(gateway.stop().0, Some(0));
    deployment.verify();
}
