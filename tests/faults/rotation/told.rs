//! What is read, what is refused, and what the answer says of both.

use super::*;

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
