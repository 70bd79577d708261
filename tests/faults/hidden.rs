//! What the process shows of itself: nothing of anybody, at the most talkative log.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::support::{Activity, Caller, Deployment, Gateway, Upstream};

/// Nobody's name, and nothing that occurs by itself.
const PERSON: &str = "canary-person-4711";
const NAME: &str = "Canaria Vogelsang";
const STRAY: &str = "canary-undeclared-4712";

/// The spellings in which it could lie around.
fn spellings(canary: &str) -> Vec<Vec<u8>> {
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut spellings =
        vec![canary.as_bytes().to_vec(), hex.clone().into_bytes(), hex.to_uppercase().into_bytes()];
    // In base64 a text looks different at each of three places; what its neighbours touch is cut off.
    for before in 0..3 {
        let padded = [&b"xxx"[..before], canary.as_bytes()].concat();
        let from = (before * 8).div_ceil(6);
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            spellings.push(text.as_bytes()[from..text.len() - 1].to_vec());
        }
    }
    spellings
}

fn without_canaries(what: &str, bytes: &[u8]) {
    for canary in [PERSON, NAME, STRAY] {
        for spelling in spellings(canary) {
            let found = bytes.windows(spelling.len()).any(|window| window == spelling);
            assert!(!found, "{what} shows {canary} as {}", String::from_utf8_lossy(&spelling));
        }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn a_canary_would_be_found() {
    let token = STANDARD_NO_PAD.encode(format!("{{\"sub\":\"{PERSON}\"}}"));
    for shown in [format!("a {PERSON} b"), token, NAME.bytes().map(|byte| format!("{byte:02x}")).collect()] {
        let looked = std::panic::catch_unwind(|| without_canaries("a log", shown.as_bytes()));
        assert!(looked.is_err(), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_at_trace_and_the_files_show_nobody() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    deployment.configure("127.0.0.1:0", "trace");
    let gateway = Gateway::start(&deployment);
    deployment.grant(PERSON);
    let caller = Caller::new(&deployment, gateway.address);
    let token = deployment.token(PERSON);
    let path = Activity::Asked.path();
    let calls = [
        (path.as_str(), json!({ "number": 1, "name": NAME }), 200),
        (path.as_str(), json!({ "number": 1, "name": [NAME] }), 422),
        (path.as_str(), json!({ "number": NAME, "name": NAME }), 422),
        (path.as_str(), json!({ "number": 1, STRAY: STRAY }), 422),
        (path.as_str(), json!([NAME]), 422),
        ("/canary-undeclared-4712/", json!({ "number": 1 }), 404),
        ("/asked/?name=canary-undeclared-4712", json!({ "number": 1 }), 422),
        (path.as_str(), json!({ "number": 1, "mark": STRAY }), 422),
    ];
    for (path, body, status) in calls {
        let answer = caller.post(path, &token, &body).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{path} {body}: {answer:?}");
        without_canaries("an answer", answer.body.to_string().as_bytes());
    }
    let forged = format!("{token}x");
    assert_eq!(caller.post(&path, &forged, &json!({ "number": 1 })).await.unwrap().status, 401);
    let said = deployment.run(&["consent", "withdraw", "--person", PERSON, "--purpose", "advice"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(caller.post(&path, &token, &json!({ "number": 1 })).await.unwrap().status, 403);

    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.pid().as_raw_nonzero())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"]);

    // The files as they are while it runs, their logs included, and as it leaves them.
    let look = || {
        let mut found = Vec::new();
        files(deployment.folder(), &mut found);
        assert!(found.len() > 8);
        found.iter().for_each(|path| without_canaries(&path.display().to_string(), &fs::read(path).unwrap()));
    };
    look();
    let (code, log) = gateway.stop();
    assert_eq!(code, Some(0));
    look();
    assert!(log.contains("DEBUG") && log.contains("\"refused\""), "the log says nothing:\n{log}");
    without_canaries("the log", log.as_bytes());
}
