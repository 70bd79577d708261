//! Files that are missing, belong elsewhere or are older than they should be: the start is refused, and says why.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
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

/// Says that the data is lost, or that it was put back, and stops the gateway again.
fn served(deployment: &Deployment, word: &str) -> String {
    let mut command = program();
    command.arg("serve").arg(word).arg("--config").arg(deployment.file());
    let (code, log) = Gateway::running(command).stop();
    assert_eq!(code, Some(0), "{log}");
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_data_is_begun_anew_beside_the_keyring_alone_and_what_was_forbidden_binds() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    deployment.grant("ada");
    let said = deployment.run(&["object", "--person", "ada", "--purpose", "advice"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let (data, keyring) = (deployment.data(), deployment.keyring());
    let (old, away) = (deployment.path("old-data"), deployment.path("away"));
    let start = |words: &[&str]| {
        Said::from(
            program().arg("serve").args(words).arg("--config").arg(deployment.file()).output().unwrap(),
        )
    };

    let said = start(&["--data-lost", "--restored"]);
    assert!(said.code == Some(1) && said.err.contains("cannot be used with"), "{said:?}");
    // Where there is data, nothing of it is given up.
    served(&deployment, "--data-lost");
    let said = deployment.run(&["audit", "show"]);
    assert!(said.out.contains("\"consent-given\"") && !said.out.contains("data-lost"), "{said:?}");

    // Neither of the two is there.
    fs::rename(&data, &old).unwrap();
    fs::rename(&keyring, &away).unwrap();
    let folders = [data.parent().unwrap(), keyring.parent().unwrap()];
    let before = folders.map(|folder| fs::read_dir(folder).unwrap().count());
    let said = start(&["--data-lost"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    for part in ["keys.db is missing", "Put the keyring back", "nothing was made"] {
        assert!(said.err.contains(part), "{said:?}");
    }
    assert_eq!(folders.map(|folder| fs::read_dir(folder).unwrap().count()), before);
    fs::rename(&away, &keyring).unwrap();

    served(&deployment, "--data-lost");
    let said = deployment.run(&["audit", "show"]);
    let first = said.out.lines().next().unwrap();
    assert!(first.contains("\"administered\"") && first.contains("\"data-lost\""), "{said:?}");
    let said = deployment.run(&["consent", "show", "--person", "ada"]);
    assert!(said.out.contains("object") && !said.out.contains("given"), "{said:?}");
    deployment.verify();

    // It was not lost after all: what keeps the start says how, and the audit says that it was done.
    fs::rename(&data, deployment.path("begun")).unwrap();
    fs::rename(&old, &data).unwrap();
    refused(
        &deployment,
        "the data of before in the place of what --data-lost began, start once with --restored",
    );
    assert!(served(&deployment, "--restored").contains("put back"));
    let said = deployment.run(&["audit", "show"]);
    assert!(said.out.contains("\"consent-given\"") && said.out.contains("\"restore\""), "{said:?}");
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

/// What is accepted cannot be taken back, and who sees a start fail takes it for not done.
#[test]
fn a_start_that_would_end_accepts_no_older_data_and_begins_none() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    deployment.grant("ada");
    let (data, older) = (deployment.data(), deployment.path("older"));
    copied(&data, &older);
    deployment.grant("bob");
    let entries = |data: &Path| {
        let data = rusqlite::Connection::open(data).unwrap();
        data.query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = entries(&older);
    let ends = |word: &str, sentence: &str| {
        let said = Said::from(
            program().arg("serve").arg(word).arg("--config").arg(deployment.file()).output().unwrap(),
        );
        assert_eq!(said.code, Some(1), "{said:?}");
        for part in ["nothing was accepted or begun", sentence] {
            assert!(said.err.contains(part), "{part}: {said:?}");
        }
    };
    let (taken, socket) = (TcpListener::bind("127.0.0.1:0").unwrap(), deployment.path("admin.sock"));
    for lost in [false, true] {
        let word = if lost { "--data-lost" } else { "--restored" };
        match lost {
            true => fs::remove_file(&data).unwrap(),
            false => copied(&older, &data),
        }
        let theirs = UnixListener::bind(&socket).unwrap();
        ends(word, "somebody listens there already");
        drop(theirs);
        fs::remove_file(&socket).unwrap();
        deployment.configure(&taken.local_addr().unwrap().to_string(), "info");
        ends(word, "a listener cannot be opened");
        deployment.configure("127.0.0.1:0", "info");
        let (master, away) = (deployment.path("master.key"), deployment.path("away"));
        fs::rename(&master, &away).unwrap();
        ends(word, "master.key");
        fs::rename(&away, &master).unwrap();
        assert!(!socket.exists());
        match lost {
            true => assert!(!data.exists()),
            false => assert_eq!(entries(&data), before),
        }
        // By itself it starts as little as before; with the word, once what was in the way is gone.
        refused(&deployment, if lost { "data.db is missing" } else { "an old copy was restored" });
        let log = served(&deployment, word);
        assert!(log.contains("accepted from here on"), "{log}");
        deployment.verify();
        // Without another word from then on.
        assert_eq!(Gateway::start(&deployment).stop().0, Some(0));
    }
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
