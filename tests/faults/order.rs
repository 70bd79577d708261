//! What is written first: the system calls of one exchange, as strace saw them.

use std::process::Command;

use serde_json::json;

use crate::support::{Activity, Caller, Deployment, Gateway, Upstream, until};

/// One system call: where in the trace it began and ended.
#[derive(Debug)]
struct Call {
    name: String,
    /// The descriptor with what it stands for, and the other arguments.
    arguments: String,
    result: String,
    began: usize,
    ended: usize,
}

impl Call {
    fn on(&self, what: &str) -> bool {
        let first = self.arguments.split(", ").next().unwrap_or_default();
        first.contains(what)
    }

    fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.result.starts_with('0')
    }

    fn is_write(&self) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "sendto" | "sendmsg" | "pwrite64")
    }
}

/// Reads a trace of `strace -f`: a call that another thread's interrupts is written in two lines.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for (line, text) in trace.lines().enumerate() {
        let Some((thread, text)) = text.split_once(' ') else { continue };
        let text = text.trim_start();
        let result = |text: &str| text.rsplit_once(" = ").map_or("?", |(_, result)| result).to_owned();
        if let Some(resumed) = text.strip_prefix("<... ") {
            let name = resumed.split(' ').next().unwrap();
            let open = calls
                .iter_mut()
                .rev()
                .find(|call| call.ended == usize::MAX && call.name == format!("{thread} {name}"));
            let open = open.expect("what is resumed was begun");
            (open.name, open.result, open.ended) = (name.to_owned(), result(text), line);
        } else if let Some((name, arguments)) = text.split_once('(') {
            let unfinished = text.ends_with("<unfinished ...>");
            calls.push(Call {
                // Until it ends, the thread's number tells it from others.
                name: if unfinished { format!("{thread} {name}") } else { name.to_owned() },
                arguments: arguments.to_owned(),
                result: result(text),
                began: line,
                ended: if unfinished { usize::MAX } else { line },
            });
        }
    }
    calls
}

#[test]
fn a_trace_is_read() {
    let calls = calls(
        "7 fdatasync(9</d.db-wal> <unfinished ...>\n8 write(3<TCP:[a->b]>, \"x\", 1) = 1\n\
         7 <... fdatasync resumed>) = 0\n7 +++ exited with 0 +++",
    );
    let [sync, write] = calls.as_slice() else { panic!("{calls:?}") };
    assert!(sync.is_sync() && sync.on("/d.db-wal>") && (sync.began, sync.ended) == (0, 2));
    assert!(write.is_write() && write.on("->b]") && (write.began, write.ended) == (1, 1));
}

/// That the last of `writes` to the file between `from` and `before` was synced before `before` began.
fn synced(calls: &[Call], file: &str, from: usize, before: usize) {
    let written = calls
        .iter()
        .filter(|call| call.name == "pwrite64" && call.on(file) && call.began > from && call.began < before);
    let last = written.max_by_key(|call| call.ended);
    let last = last.unwrap_or_else(|| panic!("nothing was written to {file} between {from} and {before}"));
    let sync = calls
        .iter()
        .any(|call| call.is_sync() && call.on(file) && call.began > last.ended && call.ended < before);
    assert!(sync, "{file} was written at {} and not synced before {before}", last.ended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_has_it_before_the_upstream_and_before_the_caller() {
    let upstream = Upstream::start();
    let deployment = Deployment::new(upstream.address());
    let trace = deployment.path("trace");
    let mut strace = Command::new("strace");
    // `-D`: strace is the grandchild, so that a signal to the child reaches the gateway.
    strace.args(["-D", "-f", "-yy", "-q", "-s", "0", "-o"]).arg(&trace);
    strace.arg("-e").arg("trace=accept4,fsync,fdatasync,prctl,pwrite64,sendmsg,sendto,write,writev");
    strace.arg(env!("CARGO_BIN_EXE_consentry"));
    let found = Command::new("strace").arg("-V").output();
    assert!(found.is_ok(), "this test needs strace: install it (`apt-get install strace`)");

    let gateway = Gateway::with(strace, &deployment);
    let address = gateway.address;
    let caller = Caller::new(&deployment, address);
    // The second exchange is looked at: the first makes what is made once.
    for (number, activity) in [(1, Activity::Counted), (2, Activity::Counted)] {
        let token = deployment.token(&format!("p{number}"));
        let answer = caller.post(&activity.path(), &token, &json!({ "number": number })).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let (code, log) = gateway.stop();
    assert_eq!(code, Some(0), "{log}");
    let whole = until("the trace is whole", async || {
        let trace = std::fs::read_to_string(&trace).unwrap();
        trace.contains("+++ exited with 0 +++").then_some(trace)
    });
    let calls = calls(&whole.await);

    let to_upstream = format!("->{}]", upstream.address());
    let accepted = calls.iter().rfind(|call| call.name == "accept4" && call.result.contains("TCP:["));
    let accepted = accepted.expect("the call was accepted");
    // `accept4(…) = 21<TCP:[127.0.0.1:8443->127.0.0.1:50000]>`: both ends are known.
    let ends = accepted.result.split_once('<').unwrap().1.trim_end_matches('>').to_owned();
    let after = |from: usize, what: &str| {
        let write = calls.iter().find(|call| call.is_write() && call.on(what) && call.began > from);
        write.unwrap_or_else(|| panic!("nothing was written to {what} after {from}")).began
    };
    let forwarded = after(accepted.ended, &to_upstream);
    let answered = after(forwarded, &ends);
    synced(&calls, "data.db-wal>", accepted.ended, forwarded);
    synced(&calls, "data.db-wal>", forwarded, answered);

    // The key is durable before what it may seal is. What is written to the keyring later is the audit's anchor, which
    // may lag behind.
    let sync = |file: &str| {
        let sync = calls.iter().find(|call| call.is_sync() && call.on(file) && call.began > accepted.ended);
        sync.unwrap_or_else(|| panic!("{file} was not synced"))
    };
    assert!(sync("keys.db-wal>").ended < sync("data.db-wal>").began);

    // Nobody else may look into the process, before it has read a key.
    let closed = calls.iter().find(|call| call.name == "prctl" && call.arguments.contains("PR_SET_DUMPABLE"));
    let closed = closed.expect("the process is closed to debuggers");
    assert!(closed.arguments.contains("SUID_DUMP_DISABLE") && closed.result.starts_with('0'), "{closed:?}");
    let first = calls.iter().find(|call| call.name == "pwrite64").unwrap();
    assert!(closed.ended < first.began);
}
