//! An audit that somebody changed: `audit verify` says so, and names the first bad entry.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;

use crate::support::{Deployment, Gateway};

const FILES: [&str; 2] = ["data/data.db", "keys/keys.db"];

/// A deployment with a dozen entries, and a copy of its files.
fn furnished() -> Deployment {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    for person in ["ada", "bob", "cem", "dee", "eva", "fay", "gus", "hal", "ida", "jo", "kit", "lea"] {
        deployment.grant(person);
    }
    deployment.verify();
    for name in FILES {
        fs::copy(deployment.path(name), copy(&deployment, name)).unwrap();
    }
    deployment
}

fn copy(deployment: &Deployment, name: &str) -> std::path::PathBuf {
    deployment.path(&name.replace('/', "-"))
}

fn put_back(deployment: &Deployment) {
    for name in FILES {
        for beside in ["-wal", "-shm"] {
            drop(fs::remove_file(deployment.path(&format!("{name}{beside}"))));
        }
        fs::copy(copy(deployment, name), deployment.path(name)).unwrap();
    }
}

#[test]
fn where_nothing_was_kept_there_is_no_audit_to_verify() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let said = deployment.run(&["audit", "verify"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("Nothing was kept yet") && said.out.contains("data.db"), "{said:?}");
    assert!(!deployment.data().exists() && !deployment.keyring().exists());
    // A data file that is gone beside a keyring is another matter.
    deployment.grant("ada");
    fs::remove_file(deployment.data()).unwrap();
    let said = deployment.run(&["audit", "verify"]);
    assert!(said.code == Some(1) && !said.out.contains("Nothing was kept yet"), "{said:?}");
}

fn sql(file: &Path, script: &str) {
    Connection::open(file).unwrap().execute_batch(script).unwrap();
}

fn entries(deployment: &Deployment) -> i64 {
    let data = Connection::open(deployment.data()).unwrap();
    data.query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).unwrap()
}

/// `audit verify` ends with 1 and says this.
fn found(deployment: &Deployment, arguments: &[&str], sentence: &str) {
    let said = deployment.run(&[&["audit", "verify"], arguments].concat());
    assert_eq!(said.code, Some(1), "{sentence}: {said:?}");
    assert!(said.out.contains("NOT in order") && said.out.contains(sentence), "{sentence}: {said:?}");
}

#[test]
fn the_first_bad_entry_is_named() {
    let deployment = furnished();
    let count = entries(&deployment);
    assert!(count >= 9, "{count}");
    let last = format!("DELETE FROM entry WHERE seq > {}; DELETE FROM checkpoint;", count - 2);
    let cases = [
        (
            "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), '1', '2') AS BLOB) WHERE seq IN (4, 6)",
            "entry 4 was altered",
        ),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 5", "entry 5 was altered"),
        ("DELETE FROM entry WHERE seq = 3", "entry 3 is missing"),
        ("DELETE FROM entry WHERE seq = 1", "entry 1 is missing"),
        // Two entries change places.
        (
            "UPDATE entry SET seq = -1 WHERE seq = 4; UPDATE entry SET seq = 4 WHERE seq = 5; \
             UPDATE entry SET seq = 5 WHERE seq = -1",
            "entry 4 was altered",
        ),
        // One is put in between, the others move up.
        (
            "UPDATE entry SET seq = -seq WHERE seq >= 4; UPDATE entry SET seq = 1 - seq WHERE seq < 0; \
             INSERT INTO entry (seq, body, hash) SELECT 4, body, hash FROM entry WHERE seq = 2",
            "entry 4 was altered",
        ),
        // The tail goes with its checkpoints; the keyring remembers it.
        (last.as_str(), "the file ends at"),
        ("DELETE FROM entry; DELETE FROM checkpoint", "the file ends at 0"),
        ("UPDATE checkpoint SET signature = zeroblob(64)", "is not the gateway's"),
    ];
    for (script, sentence) in cases {
        sql(&deployment.data(), script);
        found(&deployment, &[], sentence);
        put_back(&deployment);
        deployment.verify();
    }
}

#[test]
fn a_checkpoint_kept_elsewhere_sees_a_cut_that_the_keyring_was_made_to_forget() {
    let deployment = furnished();
    let first = deployment.run(&["audit", "checkpoint"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let elsewhere = deployment.path("checkpoint");
    // As they are kept: one behind the other.
    deployment.grant("max");
    let later = deployment.run(&["audit", "checkpoint"]);
    fs::write(&elsewhere, format!("{}{}", first.out, later.out)).unwrap();
    let against = ["--against", elsewhere.to_str().unwrap()];
    let said = deployment.run(&["audit", "verify", against[0], against[1]]);
    assert_eq!(said.code, Some(0), "{said:?}");

    sql(&deployment.data(), "DELETE FROM entry WHERE seq > 6; DELETE FROM checkpoint");
    sql(&deployment.keyring(), "DELETE FROM anchor");
    // This machine knows nothing of it any more.
    deployment.verify();
    found(&deployment, &against, "a checkpoint kept elsewhere says");
    found(&deployment, &against, "the file ends at 6");

    // A checkpoint that nobody signed convinces nobody.
    let forged = format!("{}{}", later.out, forged(&first.out));
    fs::write(&elsewhere, forged).unwrap();
    found(&deployment, &against, "is not the gateway's");
}

/// All that lies in the folders of the store, and when it was written to.
fn lying(deployment: &Deployment) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let files = ["data", "keys"].into_iter().flat_map(|name| fs::read_dir(deployment.path(name)).unwrap());
    let paths = files.map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let written = path.metadata().unwrap().modified().unwrap();
            (path.clone(), (fs::read(path).unwrap(), written))
        })
        .collect()
}

#[test]
fn evidence_is_left_as_it_lies_and_its_log_counts() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let gateway = Gateway::start(&deployment);
    for person in ["ada", "bob", "cem"] {
        deployment.grant(person);
    }
    // Beside a gateway whose socket was removed it is one more reader.
    fs::rename(deployment.path("admin.sock"), deployment.path("away")).unwrap();
    deployment.verify();
    gateway.kill();
    let verify = |entries: &str| {
        let before = lying(&deployment);
        let said = deployment.run(&["audit", "verify"]);
        assert!(said.code == Some(0) && said.out.contains(entries), "{said:?}");
        assert_eq!(lying(&deployment), before);
    };
    // Nothing but the logs has the entries: as they were left, with an index that says nothing of them, and without one, as in a copy.
    verify("in order: 5 entries");
    for name in FILES {
        fs::write(deployment.path(&format!("{name}-shm")), vec![7; 32 << 10]).unwrap();
    }
    verify("in order: 5 entries");
    for name in FILES {
        fs::remove_file(deployment.path(&format!("{name}-shm"))).unwrap();
    }
    verify("in order: 5 entries");
    // Where nothing may be written. Modes do not bind root: as root this is one more look at the same files.
    let mode = |name: &str, mode| {
        fs::set_permissions(deployment.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, folder) in FILES.into_iter().zip(["data", "keys"]) {
        mode(name, 0o400);
        mode(&format!("{name}-wal"), 0o400);
        mode(folder, 0o500);
    }
    verify("in order: 5 entries");
    for folder in ["data", "keys"] {
        mode(folder, 0o700);
    }
    // A log that was cut is one that lacks entries.
    let log = deployment.path("data/data.db-wal");
    mode("data/data.db-wal", 0o600);
    let file = fs::File::options().write(true).open(&log).unwrap();
    file.set_len(log.metadata().unwrap().len() - 1).unwrap();
    let before = lying(&deployment);
    found(&deployment, &[], "the file ends at 4");
    assert_eq!(lying(&deployment), before);
}

/// The checkpoint with another signature.
fn forged(checkpoint: &str) -> String {
    let mut checkpoint: serde_json::Value = serde_json::from_str(checkpoint).unwrap();
    let signature = checkpoint["signature"].as_str().unwrap();
    checkpoint["signature"] = signature.chars().rev().collect::<String>().into();
    checkpoint.to_string()
}
