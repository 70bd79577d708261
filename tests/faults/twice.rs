//! A second gateway, and commands beside one that runs, and after one that was killed.

use std::fs::{self, OpenOptions};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Deployment, Gateway, SOON, Said, Upstream, program};

/// Serves where nothing is to be served, and says what came of it.
fn refused(deployment: &Deployment) -> Said {
    let mut serve = program();
    serve.arg("serve").arg("--config").arg(deployment.file()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = serve.spawn().unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > SOON {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(1), "{said:?}");
    said
}

/// Gives the deployment's administration this socket.
fn socket_at(deployment: &Deployment, socket: &Path) {
    let text = fs::read_to_string(deployment.file()).unwrap();
    let admin = format!("admin: {{ socket: {} }}", socket.display());
    fs::write(deployment.file(), text.replace("admin: { socket: admin.sock }", &admin)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_belongs_to_one_deployment() {
    let upstream = Upstream::start();
    let (first, second) = (Deployment::new(upstream.address()), Deployment::new(upstream.address()));
    let socket = first.path("admin.sock");
    socket_at(&second, &socket);
    let gateway = Gateway::start(&first);
    first.grant("ada");

    // Before the second has a store, and after.
    for _ in 0..2 {
        for words in [
            &["consent", "withdraw", "--person", "ada", "--purpose", "advice"][..],
            &["erase", "--person", "ada"],
            &["reload"],
            &["audit", "checkpoint"],
        ] {
            let said = second.run(words);
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.err.contains("another deployment") && said.err.contains("admin.sock"), "{said:?}");
        }
        let said = refused(&second);
        for part in ["admin.sock", "another gateway", "`admin.socket`"] {
            assert!(said.err.contains(part), "{said:?}");
        }
        assert!(second.data().exists());
    }
    let said = first.run(&["consent", "show", "--person", "ada"]);
    assert!(said.code == Some(0) && said.out.contains("given"), "{said:?}");
    assert_eq!(gateway.stop().0, Some(0));
    assert!(!socket.exists());

    // What one that was killed left there is nobody's.
    Gateway::start(&first).kill();
    assert!(socket.exists());
    let gateway = Gateway::start(&second);
    second.grant("ada");
    let said = first.run(&["consent", "show", "--person", "ada"]);
    assert!(said.code == Some(1) && said.err.contains("another deployment"), "{said:?}");
    assert_eq!(gateway.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_somebody_else_listens_on_stays_theirs() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let theirs = UnixListener::bind(deployment.path("admin.sock")).unwrap();
    let said = refused(&deployment);
    assert!(said.err.contains("listens") && said.err.contains("`admin.socket`"), "{said:?}");
    drop(theirs);
    assert_eq!(Gateway::start(&deployment).stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_its_socket_is_said_to_run() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let gateway = Gateway::start(&deployment);
    let commands = [&["reload"][..], &["drift"], &["erase", "--person", "ada"], &["audit", "checkpoint"]];
    let told = |part: &str| {
        for words in commands {
            let said = deployment.run(words);
            assert_eq!(said.code, Some(1), "{said:?}");
            for part in [part, "a gateway runs", "admin.sock", "ask again"] {
                assert!(said.err.contains(part), "{said:?}");
            }
        }
    };
    let (socket, away) = (deployment.path("admin.sock"), deployment.path("away"));
    fs::rename(&socket, &away).unwrap();
    told("is not there");
    // Left behind, as it is while exchanges end.
    drop(UnixListener::bind(&socket).unwrap());
    told("nobody answers");
    fs::rename(&away, &socket).unwrap();
    assert_eq!(deployment.run(&["reload"]).code, Some(0));
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ended().0, Some(0));
    let said = deployment.run(&["reload"]);
    assert!(said.err.contains("no gateway runs"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_cannot_be_written_is_a_failure() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    deployment.grant("ada");
    let config = deployment.file();
    for words in [
        &["audit", "checkpoint"][..],
        &["audit", "show"],
        &["consent", "show", "--person", "ada"],
        &["check"],
        &["explain"],
        &["schema", "activity"],
        &["--help"],
    ] {
        let to = |out: Stdio| {
            let mut command = program();
            command.args(words).stdout(out);
            if !["schema", "--help"].contains(&words[0]) {
                command.arg("--config").arg(&config);
            }
            Said::from(command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap())
        };
        let said = to(OpenOptions::new().write(true).open("/dev/full").unwrap().into());
        assert_eq!(said.code, Some(1), "{words:?} {said:?}");
        assert!(said.err.contains("could not be written") && said.err.contains("space"), "{said:?}");
        // A reader that went away has what it wants.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = to(writer.into());
        assert!(said.code == Some(0) && !said.err.contains("could not be written"), "{words:?} {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_say_where_to_go_when_the_gateway_has_no_socket() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let text = fs::read_to_string(deployment.file()).unwrap();
    let hash = "0a".repeat(32);
    let admin = format!(
        "admin: {{ socket: none, https: \"127.0.0.1:0\", certificate: server.pem, key: server.key, \
         tokens: [{{ name: ops, role: operator, hash: \"sha256:{hash}\" }}] }}"
    );
    fs::write(deployment.file(), text.replace("admin: { socket: admin.sock }", &admin)).unwrap();
    let gateway = Gateway::start(&deployment);
    for words in [&["reload"][..], &["drift"], &["consent", "show", "--person", "ada"], &["audit", "key"]] {
        let said = deployment.run(words);
        assert_eq!(said.code, Some(1), "{said:?}");
        for part in ["no socket", "`admin.socket: none`", "POST https://127.0.0.1:0/v1/commands"] {
            assert!(said.err.contains(part), "{said:?}");
        }
        assert!(!said.err.contains("no gateway runs"), "{said:?}");
    }
    assert!(deployment.run(&["reload"]).err.contains("SIGHUP"));
    assert_eq!(gateway.stop().0, Some(0));
    // Where none runs, the store is opened as ever.
    deployment.grant("ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_gateway_holds_the_store_and_commands_go_through_it() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let gateway = Gateway::start(&deployment);
    let socket = deployment.path("admin.sock");
    assert!(socket.exists());

    let said = refused(&deployment);
    assert!(said.err.contains("another gateway") && said.err.contains("data.db"), "{said:?}");
    assert!(socket.exists(), "the second one took the first one's socket away");

    // Through the socket: the store is held, so there is no other way.
    deployment.grant("ada");
    let said = deployment.run(&["consent", "show", "--person", "ada"]);
    assert!(said.code == Some(0) && said.out.contains("advice"), "{said:?}");
    let said = deployment.run(&["reload"]);
    assert!(said.code == Some(0) && said.out.contains("In force: 3 activities"), "{said:?}");

    gateway.kill();
    assert!(socket.exists(), "nobody took it away");
    let said = deployment.run(&["consent", "withdraw", "--person", "ada", "--purpose", "advice"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = deployment.run(&["consent", "show", "--person", "ada"]);
    assert!(said.code == Some(0) && said.out.contains("withdrawn"), "{said:?}");
    let said = deployment.run(&["reload"]);
    assert!(said.code == Some(1) && said.err.contains("no gateway runs"), "{said:?}");
    deployment.verify();

    // And a new gateway takes the old one's place.
    let gateway = Gateway::start(&deployment);
    deployment.grant("ada");
    assert_eq!(gateway.stop().0, Some(0));
    assert!(!socket.exists());
}
