//! Files that are missing, belong elsewhere or are older than they should be: the start is refused, and says why.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::{Activity, Caller, Deployment, Evidence, Gateway, Said, Upstream, program};

/// `serve` must not start: exit code 1 and a sentence.
fn refused(deployment: &Deployment, sentence: &str) {
    let said = serve(deployment);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(sentence), "{said:?}");
    assert!(said.err.contains("consentry: "), "{said:?}");
    for word in ["panicked", "Error(", "Err("] {
        assert!(!said.err.contains(word), "{said:?}");
    }
}

fn serve(deployment: &Deployment) -> Said {
    // Why it does not serve is said where nothing is to be logged, too.
    deployment.configure("127.0.0.1:0", "off");
    let said = Said::from(program().arg("serve").arg("--config").arg(deployment.file()).output().unwrap());
    deployment.configure("127.0.0.1:0", "info");
    said
}

/// One exchange of one person, through a gateway that starts and stops for it.
async fn exchange(deployment: &Deployment, person: &str) -> String {
    let gateway = Gateway::start(deployment);
    let caller = Caller::new(deployment, gateway.address);
    let body = json!({ "number": 5 });
    let answer = caller.post(&Activity::Counted.path(), &deployment.token(person), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(gateway.stop().0, Some(0));
    answer.decision
}

fn copied(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_keys_nothing_starts_and_nothing_is_made_anew() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    exchange(&deployment, "ada").await;
    let (keyring, master, away) =
        (deployment.keyring(), deployment.path("master.key"), deployment.path("away"));

    fs::rename(&keyring, &away).unwrap();
    refused(&deployment, "is missing, and there is data that it belongs to: restore it");
    assert!(!keyring.exists());
    fs::rename(&away, &keyring).unwrap();

    fs::rename(&master, &away).unwrap();
    refused(&deployment, "put the key back; without it the data cannot be opened");
    assert!(!master.exists());
    // One that cannot be looked at, as in a folder that this user may not enter, is not said to be missing.
    let text = fs::read_to_string(deployment.file()).unwrap();
    fs::write(deployment.file(), text.replace("file: master.key", "file: server.pem/master.key")).unwrap();
    let said = deployment.run(&["serve"]);
    assert!(said.code == Some(1) && said.err.contains("cannot open"), "{said:?}");
    assert!(said.err.contains("server.pem/master.key") && !said.err.contains("put the key back"), "{said:?}");
    fs::write(deployment.file(), text).unwrap();

    // Another gateway's key, well-formed.
    let other = Deployment::new(upstream.address());
    exchange(&other, "ada").await;
    copied(&other.path("master.key"), &master);
    refused(&deployment, "this is not the master key that the keyring was made with");
    fs::remove_file(&master).unwrap();
    fs::rename(&away, &master).unwrap();

    // Another gateway's keyring.
    fs::rename(&keyring, &away).unwrap();
    copied(&other.keyring(), &keyring);
    refused(&deployment, "the data file and the keyring do not belong together");
    fs::remove_file(&keyring).unwrap();
    fs::rename(&away, &keyring).unwrap();

    exchange(&deployment, "ada").await;
    deployment.verify();
}

#[test]
fn what_stands_where_the_socket_should_be_is_left_as_it_is() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    let notes = deployment.path("admin.sock");
    fs::write(&notes, "somebody's notes").unwrap();
    refused(&deployment, "what stands there is no socket");
    assert_eq!(fs::read_to_string(&notes).unwrap(), "somebody's notes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_brings_nothing_back() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let decision = exchange(&deployment, "ada").await;
    assert_eq!(Evidence::read(&deployment).await.record(Activity::Counted, &decision).await["number"], 5);
    let (data, keyring) = (deployment.data(), deployment.keyring());
    let (old_data, old_keyring) = (deployment.path("old-data"), deployment.path("old-keyring"));
    copied(&data, &old_data);
    copied(&keyring, &old_keyring);
    let said = deployment.run(&["erase", "--person", "ada"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("1 records deleted"), "{said:?}");
    let (new_data, new_keyring) = (deployment.path("new-data"), deployment.path("new-keyring"));
    copied(&data, &new_data);
    copied(&keyring, &new_keyring);

    // An older keyring would bring the key back.
    copied(&old_keyring, &keyring);
    refused(&deployment, "an old copy must not bring back what was erased");
    copied(&new_keyring, &keyring);

    // Older data does not start by itself. Told that it was put back on purpose, it starts without what was erased.
    copied(&old_data, &data);
    refused(&deployment, "entries were cut off, or an old copy was restored");
    let said = deployment.run(&["audit", "verify"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let mut restored = program();
    restored.arg("serve").arg("--restored").arg("--config").arg(deployment.file());
    let gateway = Gateway::running(restored);
    assert_eq!(gateway.stop().0, Some(0));
    let evidence = Evidence::read(&deployment).await;
    assert!(evidence.of("administered").any(|event| event.text("command") == Some("restore")));
    assert!(evidence.of("key-destroyed").any(|event| event.text("because") == Some("erasure")));
    assert_eq!(evidence.records(Activity::Counted).await, 0);
    drop(evidence);
    // And by itself from then on.
    exchange(&deployment, "ada").await;
    deployment.verify();
}
