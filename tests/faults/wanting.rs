//! What is wanting before a gateway serves: `check` says what keeps `serve` from starting. And what commands leave behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use consentry::crypto::InterchangeKey;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;

use crate::support::{Deployment, Evidence, Gateway, Said, program};

const LOOPBACK: &str = "127.0.0.1:0";

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn check(deployment: &Deployment) -> Value {
    let said = deployment.run(&["check", "--format", "json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((report["valid"].as_bool(), report["errors"].as_u64()), (Some(true), Some(0)), "{report:#}");
    report
}

fn list(report: &Value, member: &str) -> Vec<String> {
    let list = report[member].as_array().unwrap();
    list.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_check_finds_wanting_is_what_the_start_ends_with() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    // The master key is made at the first start, so it is not wanting before that.
    assert_eq!(list(&check(&deployment), "needs"), [""; 0]);
    deployment.grant("ada");
    let partner = deployment.path("partner.key");
    fs::write(&partner, InterchangeKey::generate().as_bytes()).unwrap();
    mode(&partner, 0o600);
    let text = fs::read_to_string(deployment.file()).unwrap()
        + "interchange_keys: { partner: { file: partner.key } }\n";
    fs::write(deployment.file(), &text).unwrap();
    let report = check(&deployment);
    assert_eq!((list(&report, "needs"), list(&report, "cautions")), (Vec::new(), Vec::new()));

    let found = |sentence: &str| {
        let needs = list(&check(&deployment), "needs");
        assert!(needs.len() == 1 && needs[0].contains(sentence), "{sentence}: {needs:?}");
        let said = deployment.run(&["check"]);
        assert!(said.code == Some(0) && said.err.contains(sentence), "{said:?}");
        let served = program().arg("serve").arg("--config").arg(deployment.file()).output();
        let said = Said::from(served.unwrap());
        assert!(said.code == Some(1), "{sentence}: {said:?}");
        let file = needs[0].split_whitespace().find(|word| word.contains('/')).unwrap_or(sentence);
        assert!(said.err.contains(file.trim_end_matches([':', ','])), "{sentence}: {said:?}");
    };
    for name in [
        "server.pem",
        "server.key",
        "issuer.secret",
        "partner.key",
        "master.key",
        "data/data.db",
        "keys/keys.db",
    ] {
        fs::rename(deployment.path(name), deployment.path("away")).unwrap();
        found(&format!("{name} is missing"));
        fs::rename(deployment.path("away"), deployment.path(name)).unwrap();
    }
    for name in ["issuer.secret", "partner.key", "master.key"] {
        mode(&deployment.path(name), 0o644);
        found(&format!("chmod 600 {}", deployment.path(name).display()));
        mode(&deployment.path(name), 0o600);
    }
    for name in ["server.pem", "server.key", "partner.key"] {
        let good = fs::read(deployment.path(name)).unwrap();
        fs::write(deployment.path(name), "nothing of the kind").unwrap();
        found(if name == "partner.key" { "the interchange key `partner` cannot be used" } else { name });
        fs::write(deployment.path(name), good).unwrap();
    }
    let changed = |from: &str, to: &str, sentence: &str| {
        assert!(text.contains(from));
        fs::write(deployment.file(), text.replace(from, to)).unwrap();
        found(sentence);
        fs::write(deployment.file(), &text).unwrap();
    };
    changed(
        "keys: { file: master.key }",
        "keys: { env: NO_SUCH_KEY }",
        "the environment variable NO_SUCH_KEY is not set",
    );
    let one = "keys: { file: master.key }";
    let old = deployment.path("old.key");
    let unusable = format!("the previous master key at {} cannot be used", old.display());
    let master = fs::read(deployment.path("master.key")).unwrap();
    for text in [&b"nothing of the kind"[..], &master] {
        fs::write(&old, text).unwrap();
        mode(&old, 0o600);
        changed(one, "keys: { file: master.key, previous: [ { file: old.key } ] }", &unusable);
    }
    let before = deployment.path("before.key");
    fs::write(&before, InterchangeKey::generate().as_bytes()).unwrap();
    mode(&before, 0o600);
    fs::copy(&before, &old).unwrap();
    let three = "keys: { file: master.key, previous: [ { file: before.key }, { file: old.key } ] }";
    changed(one, three, &unusable);

    // Also where policies are not in order.
    fs::write(&old, "nothing of the kind").unwrap();
    let policy = deployment.path("policies/counted.yaml");
    let good = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, good.replace("retention: 30d", "retention: soon")).unwrap();
    fs::write(deployment.file(), text.replace(one, three)).unwrap();
    let said = deployment.run(&["check"]);
    assert!(said.code == Some(3) && said.err.contains("retention: soon"), "{said:?}");
    assert!(said.err.contains(&unusable) && !said.out.contains("valid"), "{said:?}");
    fs::write(&policy, good).unwrap();
    fs::write(deployment.file(), &text).unwrap();

    let key = fs::read_to_string(deployment.path("server.key")).unwrap();
    fs::write(deployment.path("server.key"), format!("# consentry-demo\n{key}")).unwrap();
    assert_eq!(list(&check(&deployment), "needs"), [""; 0], "the demo serves this host");
    changed(LOOPBACK, "0.0.0.0:0", "server.key was made for the demo");
    fs::write(deployment.path("server.key"), key).unwrap();

    // A key that others may read is served all the same, and said.
    mode(&deployment.path("server.key"), 0o640);
    let report = check(&deployment);
    let cautions = list(&report, "cautions");
    assert!(list(&report, "needs").is_empty() && cautions.len() == 1, "{report:#}");
    assert!(cautions[0].contains("server.key (mode 640)"), "{report:#}");
    let said = deployment.run(&["check"]);
    assert!(said.err.contains("server.key (mode 640)"), "{said:?}");
}

/// They say who may do what.
#[test]
fn files_that_everybody_may_write_are_told_before_the_start_and_at_it() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let keys = deployment.path("api-keys.yaml");
    fs::write(&keys, "keys: []\n").unwrap();
    let text = fs::read_to_string(deployment.file()).unwrap() + "api_keys: api-keys.yaml\n";
    fs::write(deployment.file(), text).unwrap();
    let files = ["consentry.yaml", "api-keys.yaml", "policies", "policies/counted.yaml"];
    for (file, usual) in files.into_iter().zip([0o644, 0o664, 0o755, 0o640]) {
        mode(&deployment.path(file), usual);
    }
    assert_eq!(list(&check(&deployment), "cautions"), [""; 0]);
    for file in files {
        let path = deployment.path(file);
        let before = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        mode(&path, before | 0o002);
        let cautions = list(&check(&deployment), "cautions");
        let says =
            format!("everybody on this host may write {} (mode {:03o})", path.display(), before | 0o002);
        assert!(cautions.len() == 1 && cautions[0].starts_with(&says), "{cautions:?}");
        assert!(cautions[0].contains(&format!("chmod o-w {}", path.display())), "{cautions:?}");
        let (code, log) = Gateway::start(&deployment).stop();
        assert!(code == Some(0) && log.contains(&says), "{log}");
        mode(&path, before);
    }
    let (code, log) = Gateway::start(&deployment).stop();
    assert!(code == Some(0) && !log.contains("everybody"), "{log}");
}

/// It is served, for a caller may know it by itself, and told.
#[test]
fn a_certificate_that_is_valid_at_no_time_is_told_before_the_start_and_at_it() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2027, 1, 1), date_time_ymd(2026, 1, 1));
    fs::write(deployment.path("server.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(deployment.path("server.key"), key.serialize_pem()).unwrap();
    let report = check(&deployment);
    let cautions = list(&report, "cautions");
    assert!(list(&report, "needs").is_empty() && cautions.len() == 1, "{report:#}");
    assert!(cautions[0].contains("server.pem is at no time valid"), "{report:#}");
    let (code, log) = Gateway::start(&deployment).stop();
    assert!(code == Some(0) && log.contains("a certificate that is served is at no time valid"), "{log}");
}

/// Every file of the store's folders, with what it holds. The index of a log is one that readers of a gateway write to.
fn lies(deployment: &Deployment) -> Vec<(PathBuf, Vec<u8>)> {
    let folders = [deployment.data(), deployment.keyring()].map(|file| file.parent().unwrap().to_owned());
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    all.sort_unstable();
    all
}

#[test]
fn check_tries_the_master_key_against_the_keyring_and_leaves_no_trace() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    deployment.grant("ada");
    let master = deployment.path("master.key");
    let right = fs::read(&master).unwrap();
    let wrong = InterchangeKey::generate();
    let untouched = |deployment: &Deployment| {
        let before = lies(deployment);
        let needs = list(&check(deployment), "needs");
        assert!(lies(deployment) == before);
        needs
    };
    let looked = |key: &[u8]| {
        fs::write(&master, key).unwrap();
        let needs = untouched(&deployment);
        fs::write(&master, &right).unwrap();
        needs
    };
    let refused = |needs: Vec<String>| {
        let sentence = "this is not the master key that the keyring was made with";
        assert!(needs.len() == 1 && needs[0].contains(sentence), "{needs:?}");
    };
    assert_eq!(looked(&right), [""; 0]);
    refused(looked(wrong.as_bytes()));
    // What the start ends with.
    fs::write(&master, wrong.as_bytes()).unwrap();
    let said = Said::from(program().arg("serve").arg("--config").arg(deployment.file()).output().unwrap());
    assert!(said.code == Some(1) && said.err.contains("this is not the master key"), "{said:?}");
    fs::write(&master, &right).unwrap();

    // While a gateway has it open, and as one left it that was killed.
    let gateway = Gateway::start(&deployment);
    assert_eq!(looked(&right), [""; 0]);
    refused(looked(wrong.as_bytes()));
    gateway.kill();
    assert_eq!(looked(&right), [""; 0]);
    refused(looked(wrong.as_bytes()));

    // A key for the next rotation: with the one of before it opens all.
    let text = fs::read_to_string(deployment.file()).unwrap();
    fs::write(deployment.path("next.key"), wrong.as_bytes()).unwrap();
    mode(&deployment.path("next.key"), 0o600);
    let keys = |keys: &str| {
        fs::write(deployment.file(), text.replace("keys: { file: master.key }", keys)).unwrap();
        list(&check(&deployment), "needs")
    };
    assert_eq!(keys("keys: { file: next.key, previous: [ { file: master.key } ] }"), [""; 0]);
    refused(keys("keys: { file: next.key }"));
    fs::write(deployment.file(), &text).unwrap();
    // What is no keyring, and a first start that did not come to its end.
    for (holds, needs) in [(&[b'x'; 8192][..], 1), (b"", 0)] {
        for file in lies(&deployment) {
            fs::remove_file(file.0).unwrap();
        }
        fs::write(deployment.data(), "").unwrap();
        fs::write(deployment.keyring(), holds).unwrap();
        let found = list(&check(&deployment), "needs");
        assert!(found.len() == needs && found.iter().all(|need| need.contains("keys.db")), "{found:?}");
    }
    fs::remove_file(&master).unwrap();
    assert_eq!(list(&check(&deployment), "needs"), [""; 0]);
    Gateway::start(&deployment).kill();

    // Most data of a young gateway that was killed is in the log; also where the file is gone, and where no log has its index.
    let young = Deployment::new(([127, 0, 0, 1], 1).into());
    Gateway::start(&young).kill();
    assert_eq!(fs::metadata(young.data()).unwrap().len(), 4096);
    assert_eq!(untouched(&young), [""; 0]);
    let (data, away) = (fs::read(young.data()).unwrap(), "data.db is missing, and the keyring vouches for ");
    fs::remove_file(young.data()).unwrap();
    let needs = untouched(&young);
    assert!(needs.len() == 1 && needs[0].contains(away), "{needs:?}");
    fs::write(young.data(), data).unwrap();
    for index in ["data/data.db-shm", "keys/keys.db-shm"] {
        fs::remove_file(young.path(index)).unwrap();
    }
    assert_eq!(untouched(&young), [""; 0]);
    Gateway::start(&young).kill();
    young.verify();
}

#[test]
fn a_keyring_that_was_emptied_beside_its_data_is_none_of_a_first_start() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    deployment.grant("ada");
    let whole = fs::read(deployment.keyring()).unwrap();
    let head = rusqlite::Connection::open(deployment.path("head")).unwrap();
    head.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    drop(head);
    // A file without anything in it, and a copy without its log.
    for bare in [Vec::new(), fs::read(deployment.path("head")).unwrap()] {
        fs::write(deployment.keyring(), &bare).unwrap();
        let needs = list(&check(&deployment), "needs");
        let sentence = format!("the keyring at {} holds nothing", deployment.keyring().display());
        assert!(needs.len() == 1 && needs[0].starts_with(&sentence), "{needs:?}");
        for words in [&["serve"][..], &["consent", "show", "--person", "ada"], &["audit", "verify"]] {
            let said = deployment.run(words);
            assert!(said.code == Some(1) && said.err.contains(&needs[0]), "{words:?}: {said:?}");
        }
        assert_eq!(fs::read(deployment.keyring()).unwrap(), bare);
        // Nor is a master key made beside it.
        fs::rename(deployment.path("master.key"), deployment.path("away")).unwrap();
        let needs = list(&check(&deployment), "needs");
        assert!(needs.len() == 2 && needs[0].ends_with("master.key is missing"), "{needs:?}");
        fs::rename(deployment.path("away"), deployment.path("master.key")).unwrap();
    }
    fs::write(deployment.keyring(), whole).unwrap();
    assert_eq!(list(&check(&deployment), "needs"), [""; 0]);
    deployment.verify();
}

#[test]
fn check_says_which_addresses_no_listener_can_have() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let text = fs::read_to_string(deployment.file()).unwrap();
    let needs = |text: String| {
        fs::write(deployment.file(), text).unwrap();
        list(&check(&deployment), "needs")
    };
    let second = |first: &str, second: &str| {
        let both = format!(
            "  - {{ https: \"{first}\", certificate: server.pem, key: server.key }}\n  - {{ https: \"{second}\", certificate: server.pem, key: server.key }}\n"
        );
        let one = format!("  - {{ https: \"{LOOPBACK}\", certificate: server.pem, key: server.key }}\n");
        assert!(text.contains(&one));
        text.replace(&one, &both)
    };
    let one = "cannot listen on 127.0.0.1:8443: the listener at 0.0.0.0:8443 takes this port";
    for (first, other) in [("0.0.0.0:8443", "127.0.0.1:8443"), ("127.0.0.1:8443", "0.0.0.0:8443")] {
        let found = needs(second(first, other));
        assert!(found.len() == 1 && found[0].contains(one), "{found:?}");
    }
    assert_eq!(needs(second("127.0.0.1:8443", "0.0.0.0:8444")), [""; 0]);
    assert_eq!(needs(second("127.0.0.1:8443", "[::1]:8443")), [""; 0]);
    let found = needs(text.replace(LOOPBACK, "[fe80::1]:8443"));
    assert!(found.len() == 1 && found[0].contains("`[fe80::1%2]:8443`"), "{found:?}");
    assert_eq!(needs(text.replace(LOOPBACK, "[fe80::1%2]:8443")), [""; 0]);

    let served = |sentence: &str| {
        let found = list(&check(&deployment), "needs");
        assert!(found.len() == 1 && found[0].contains(sentence), "{found:?}");
        let said =
            Said::from(program().arg("serve").arg("--config").arg(deployment.file()).output().unwrap());
        assert!(said.code == Some(1) && said.err.contains(sentence), "{said:?}");
    };
    let long = "s".repeat(200);
    fs::write(deployment.file(), text.replace("socket: admin.sock", &format!("socket: {long}"))).unwrap();
    served("give `admin.socket` a shorter one");
    fs::write(deployment.file(), &text).unwrap();
    fs::write(deployment.path("admin.sock"), "notes").unwrap();
    served("what stands there is no socket");
}

/// `-c edge.yaml`: what is said of what stands in it names it.
#[test]
fn messages_name_the_file_that_was_read() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    deployment.grant("ada");
    let text = fs::read_to_string(deployment.file()).unwrap();
    fs::remove_file(deployment.file()).unwrap();
    let edge = deployment.path("edge.yaml");
    let said = |words: &[&str], text: String| {
        fs::write(&edge, text).unwrap();
        let said = Said::from(program().args(words).arg("--config").arg(&edge).output().unwrap());
        format!("{}{}", said.out, said.err)
    };
    let check = said(&["check"], text.replace("  model: {", "  other: {"));
    assert!(check.contains("There is no upstream `model` in edge.yaml"), "{check}");
    let check = said(&["check"], text.replace("model-host", "somebody"));
    assert!(check.contains("edge.yaml says that `somebody` runs the upstream `model`"), "{check}");
    let keys = "keys: { file: nowhere.key, previous: [ { file: master.key } ] }";
    let rotate = said(&["key", "rotate"], text.replace("keys: { file: master.key }", keys));
    assert!(rotate.contains(&format!("which `keys` of {} names", edge.display())), "{rotate}");
    for said in [check, rotate] {
        assert!(!said.contains("consentry.yaml"), "{said}");
    }
}

#[test]
fn what_cannot_be_looked_at_is_said_once_and_with_the_reason() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let text = fs::read_to_string(deployment.file()).unwrap();
    // A folder on the way is a file.
    for name in ["server.pem", "issuer.secret", "master.key"] {
        fs::write(deployment.file(), text.replace(name, &format!("consentry.yaml/{name}"))).unwrap();
        let found = list(&check(&deployment), "needs");
        let sentence = format!("cannot open {}/consentry.yaml/{name}: ", deployment.folder().display());
        assert!(found.len() == 1 && found[0].starts_with(&sentence), "{found:?}");
    }
}

#[test]
fn a_command_says_in_the_audit_what_it_did_and_not_that_a_gateway_started() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    deployment.grant("ada");
    for words in [
        &["consent", "show", "--person", "ada"][..],
        &["audit", "show"],
        &["audit", "checkpoint"],
        &["audit", "key"],
    ] {
        let said = deployment.run(words);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let said = deployment.run(&["audit", "show"]);
    let kinds: Vec<&str> = said.out.lines().collect();
    // Those of the start that made the store come first.
    assert!(kinds.len() == 4 && kinds[2].contains("\"stopped\""), "{said:?}");
    assert!(kinds[3].contains("\"consent-given\""), "{said:?}");
    deployment.verify();
}

#[test]
fn the_folders_of_data_and_keys_are_made_for_their_owner_alone() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let text = fs::read_to_string(deployment.file()).unwrap();
    fs::write(deployment.file(), text.replace("file: master.key", "file: secrets/master.key")).unwrap();
    deployment.begin();
    for name in ["data", "keys", "secrets"] {
        let mode = fs::metadata(deployment.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{name}");
    }
}

#[tokio::test]
async fn a_copy_without_its_log_is_said_to_lack_it() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    for person in ["ada", "bob"] {
        deployment.grant(person);
    }
    // What a copy of a young file is, taken while a gateway ran: its first page, and all else in the log.
    let whole = fs::read(deployment.data()).unwrap();
    let head = rusqlite::Connection::open(deployment.path("head")).unwrap();
    head.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    drop(head);
    fs::copy(deployment.path("head"), deployment.data()).unwrap();
    for words in [&["audit", "verify"][..], &["audit", "show"]] {
        let said = deployment.run(words);
        assert!(said.code == Some(1) && said.err.contains("data.db-wal"), "{said:?}");
        assert!(!said.err.contains("ask again") && !said.err.contains("no such table"), "{said:?}");
    }
    fs::write(deployment.data(), whole).unwrap();
    deployment.verify();
    assert_eq!(Evidence::read(&deployment).await.entries.len(), 5);
}

/// Where a volume is not there, a command must not begin anew in its place, and what it was told be forgotten.
#[test]
fn a_command_makes_no_store() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let names = || {
        let names = fs::read_dir(deployment.folder()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        names
    };
    let before = names();
    let refused = || {
        for words in [
            &["object", "--person", "ada", "--purpose", "advice"][..],
            &["consent", "grant", "--person", "ada", "--purpose", "advice"],
            &["consent", "show", "--person", "ada"],
            &["audit", "key"],
            &["key", "rotate"],
        ] {
            let said = deployment.run(words);
            assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
            for part in ["there is no store at", "data.db", "is its volume there", "`consentry serve`"] {
                assert!(said.err.contains(part), "{said:?}");
            }
        }
    };
    refused();
    assert_eq!(names(), before);
    // What is left of a first start that did not come to its end is no store either.
    for path in [deployment.data(), deployment.keyring()] {
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    refused();
    assert!(!deployment.path("master.key").exists());
    let gateway = Gateway::start(&deployment);
    assert!(gateway.stop().1.contains("nothing was kept here yet"));
    deployment.grant("ada");
}
