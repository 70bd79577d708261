//! From one master key to another.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::support::{Activity, Caller, Deployment, Evidence, Gateway, SOON, Said, Upstream, program};

mod told;
mod under_way;

const OLD: &str = "{ file: master.key }";
const NEW: &str = "{ file: new.key }";
const NEW_AFTER_OLD: &str = "{ file: new.key, previous: [ { file: master.key } ] }";
const OLD_AFTER_NEW: &str = "{ file: master.key, previous: [ { file: new.key } ] }";
const ROTATE: &[&str] = &["key", "rotate"];

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
