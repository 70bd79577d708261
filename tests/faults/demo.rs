//! The demo: a port that is taken, a second run, and its keys where others could connect.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use consentry::config::DEMO_MARKER;

use crate::support::{Deployment, Said, program};

fn demo(folder: &Path, port: u16, tour: bool) -> Said {
    Said::from(command(folder, port, tour).output().unwrap())
}

fn command(folder: &Path, port: u16, tour: bool) -> Command {
    let mut command = program();
    command.arg("demo").args(["--port", &port.to_string()]);
    command.arg("--policies").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"));
    command.arg("--certs").arg(folder.join("certs")).arg("--folder").arg(folder.join("data"));
    if tour {
        command.arg("--tour");
    }
    command
}

#[test]
fn a_demo_that_runs_keeps_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = command(folder.path(), 0, false);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("Consentry serves")));
    let data = folder.path().join("data/demo-0/consentry.db");
    let before = fs::metadata(&data).unwrap().ino();
    let said = demo(folder.path(), 0, false);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("another demo runs in") && said.err.contains("--folder"), "{said:?}");
    assert_eq!(fs::metadata(&data).unwrap().ino(), before);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(demo(folder.path(), 0, true).code, Some(0));
}

#[test]
fn a_taken_port_is_said_and_a_second_run_works() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = demo(folder.path(), port, false);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(&format!("port {port} is taken")) && said.err.contains("--port"), "{said:?}");
    assert!(!folder.path().join("data").exists(), "nothing was made or wiped");

    // Free again, and nobody else's on this machine as long as the system has others to give.
    drop(taken);
    for run in 1..=2 {
        let said = demo(folder.path(), port, true);
        assert_eq!(said.code, Some(0), "run {run}: {said:?}");
    }
    let certificate = fs::metadata(folder.path().join("certs/demo-ca.pem")).unwrap().modified().unwrap();
    assert_eq!(demo(folder.path(), port, true).code, Some(0));
    let after = fs::metadata(folder.path().join("certs/demo-ca.pem")).unwrap().modified().unwrap();
    assert_eq!(certificate, after, "the authority that was imported is made anew");
}

#[test]
fn its_keys_serve_this_machine_only() {
    let deployment = Deployment::new(([127, 0, 0, 1], 1).into());
    for name in ["issuer.secret", "server.key"] {
        let path = deployment.path(name);
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("# {DEMO_MARKER}: for loopback listeners only\n{good}")).unwrap();
        for listen in ["0.0.0.0:0", "[::]:0"] {
            deployment.configure(listen, "off");
            let said =
                Said::from(program().arg("serve").arg("--config").arg(deployment.file()).output().unwrap());
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.err.contains(name) && said.err.contains("was made for the demo"), "{said:?}");
            assert!(!deployment.data().exists());
        }
        fs::write(&path, good).unwrap();
    }
}
