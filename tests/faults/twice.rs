//! A second gateway, and commands beside one that runs, and after one that was killed.

use crate::support::{Deployment, Gateway, Said, Upstream, program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_say_where_to_go_when_the_gateway_has_no_socket() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let text = std::fs::read_to_string(deployment.file()).unwrap();
    let hash = "0a".repeat(32);
    let admin = format!(
        "admin: {{ socket: none, https: \"127.0.0.1:0\", certificate: server.pem, key: server.key, \
         tokens: [{{ name: ops, role: operator, hash: \"sha256:{hash}\" }}] }}"
    );
    std::fs::write(deployment.file(), text.replace("admin: { socket: admin.sock }", &admin)).unwrap();
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

    let said = Said::from(program().arg("serve").arg("--config").arg(deployment.file()).output().unwrap());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("another gateway holds"), "{said:?}");
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
