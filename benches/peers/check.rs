//! Whether a target does the work: before it is measured, its answers and what the model got are compared with what the
//! workload says.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;

use crate::backend::{Backend, Seen};
use crate::cores::{Cores, on};
use crate::http::{Answer, Reader, Side, request};
use crate::http2;
use crate::load::{Order, Stream, connect};
use crate::material::{HASTY, LIMIT, Material, WINDOW};
use crate::probes::{Due, Expected, INVALID, Probe, probes, small};
use crate::targets::Peer;
use crate::workload::{Measure, Work, Workload};

/// Pseudonyms that a target has given, by address.
#[derive(Default)]
struct Pseudonyms {
    known: HashMap<String, String>,
    taken: HashSet<String>,
}

/// How many connections the caller has who asks too often: by one alone, a target that waits for a disk, or for its turn on a
/// busy machine, would be asked less often than it allows.
const HASTE: usize = 8;

/// What came of a check.
pub(crate) struct Passed {
    /// How many requests were passed on.
    pub(crate) requests: u64,
    /// How long the body of each of the workload's requests is for the model.
    pub(crate) length: usize,
}

/// Checks that a target does its work of a workload.
///
/// # Errors
/// What it did otherwise.
pub(crate) fn check(
    workload: &Workload,
    peer: &dyn Peer,
    address: SocketAddr,
    material: &Material,
    backend: &Backend,
) -> anyhow::Result<Passed> {
    let (work, probes) = (peer.work(workload), probes(workload, peer, material)?);
    let answer = workload.shape.answered(work);
    backend.answers(&workload.shape.answer());
    backend.watch(true);
    let passed = on(Cores::Load, "check", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut pseudonyms = Pseudonyms::default();
            let (mut requests, mut lengths) = (0, BTreeSet::new());
            for probe in &probes {
                let got = ask(workload, address, material, &probe.request).await;
                let seen = backend.take();
                let length = seen.as_ref().map(|seen| seen.body.len());
                got.and_then(|got| probe.judge(work, workload.path(), &got, seen, &answer, &mut pseudonyms))
                    .with_context(|| format!("{}: {}", workload.name, probe.says))?;
                requests += u64::from(length.is_some());
                lengths.extend(length);
            }
            // All callers' bodies are of one length, and so is what becomes of them: under load that is looked at.
            ensure!(
                lengths.len() == 1,
                "the model gets bodies of {lengths:?} bytes, where one length is due"
            );
            if work != Work::Plain {
                requests += too_often(workload, address, material, backend).await?;
            }
            Ok(Passed { requests, length: lengths.first().copied().unwrap_or_default() })
        })
    });
    backend.watch(false);
    passed
}

async fn ask(
    workload: &Workload,
    address: SocketAddr,
    material: &Material,
    request: &[u8],
) -> anyhow::Result<Answer> {
    if let Measure::Load(Order::Multiplexed(_)) = workload.measure {
        let sender = http2::connect(address, &material.tls()).await?;
        return http2::exchange(&sender, request).await;
    }
    let mut stream = connect(address, &material.tls()).await?;
    send(&mut stream, request).await
}

async fn send(stream: &mut Stream, request: &[u8]) -> anyhow::Result<Answer> {
    let mut reader = Reader::new(Side::Answer);
    let message = reader.ask(stream, request).await?;
    Ok(Answer { status: message.status, body: reader.body(&message).to_vec() })
}

impl Probe {
    fn judge(
        &self,
        work: Work,
        path: &str,
        got: &Answer,
        seen: Option<Seen>,
        answer: &str,
        pseudonyms: &mut Pseudonyms,
    ) -> anyhow::Result<()> {
        let body = String::from_utf8_lossy(&got.body);
        match &self.due {
            Due::Refused(with) => {
                ensure!(with.contains(&got.status), "answered {} {body}, not one of {with:?}", got.status);
                ensure!(seen.is_none(), "refused, and yet the model got it");
            }
            Due::Passes(expected) => {
                ensure!(got.status == 200, "answered {} {body}", got.status);
                ensure!(body == answer, "the caller got {body}, not {answer}");
                let seen = seen.context("the model got nothing")?;
                ensure!(seen.head.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "as {}", seen.head);
                let credential = seen.head.to_ascii_lowercase().contains("\r\nauthorization:");
                ensure!(work == Work::Plain || !credential, "the model got the token");
                match expected {
                    Expected::Bytes(bytes) => ensure!(seen.body == *bytes, "the model got another body"),
                    Expected::Json(value) => {
                        let actual: Value = serde_json::from_slice(&seen.body)?;
                        same(value, &actual, pseudonyms)
                            .with_context(|| format!("the model got {actual}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Compares what the model got. Where a pseudonym is due, the same address has the same one and no other address has it.
fn same(expected: &Value, actual: &Value, pseudonyms: &mut Pseudonyms) -> anyhow::Result<()> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            ensure!(expected.keys().eq(actual.keys()), "other fields");
            expected.iter().try_for_each(|(name, value)| {
                same(value, actual.get(name).unwrap_or(&Value::Null), pseudonyms)
                    .with_context(|| name.clone())
            })
        }
        (Value::Array(expected), Value::Array(actual)) => {
            ensure!(expected.len() == actual.len(), "{} elements", actual.len());
            expected.iter().zip(actual).try_for_each(|(one, other)| same(one, other, pseudonyms))
        }
        (Value::String(address), Value::String(pseudonym)) if address.starts_with("email:") => {
            ensure!(pseudonym.starts_with("p1_") && pseudonym.len() >= 20, "not a pseudonym");
            match pseudonyms.known.get(address) {
                Some(known) => ensure!(known == pseudonym, "two pseudonyms of one address"),
                None => {
                    ensure!(pseudonyms.taken.insert(pseudonym.clone()), "one pseudonym of two");
                    pseudonyms.known.insert(address.clone(), pseudonym.clone());
                }
            }
            Ok(())
        }
        _ if expected == actual => Ok(()),
        _ => bail!("not {expected}"),
    }
}

/// Whoever asks too often is told so, and how many requests passed before.
async fn too_often(
    workload: &Workload,
    address: SocketAddr,
    material: &Material,
    backend: &Backend,
) -> anyhow::Result<u64> {
    let token = material.lasting(workload.algorithm(), HASTY, 6)?;
    // A small body, so that every target can be asked faster than it allows.
    let shape = small(workload.shape);
    backend.answers(&shape.answer());
    let request = request(workload.path(), Some(&token), &shape.body(1));
    let before = backend.requests();
    let begun = Instant::now();
    let (asked, passed, stopped) = (Cell::new(0), Cell::new(0), Cell::new(false));
    let ask = async || {
        let mut stream = connect(address, &material.tls()).await?;
        while asked.get() < 8 * u64::from(LIMIT) && !stopped.get() {
            asked.set(asked.get() + 1);
            match send(&mut stream, &request).await?.status {
                200 => passed.set(passed.get() + 1),
                429 => stopped.set(true),
                other => bail!("a caller who asks too often was answered {other}"),
            }
        }
        Ok(())
    };
    try_join_all((0..HASTE).map(|_| ask())).await?;
    let (passed, seconds) = (passed.get(), begun.elapsed().as_secs_f64());
    ensure!(
        stopped.get(),
        "a caller who asks too often was not stopped in {seconds:.1} s, in which {passed} requests passed, {:.0} a second; \
         {LIMIT} in {WINDOW} s are allowed",
        passed as f64 / seconds
    );
    ensure!(passed >= u64::from(LIMIT) / 2, "a caller was stopped after {passed} requests");
    // Windows that are fixed let twice as many pass around their edge.
    let most = f64::from(LIMIT) * (2.0 + seconds / f64::from(WINDOW));
    ensure!(passed as f64 <= most, "a caller was stopped only after {passed} requests");
    ensure!(backend.requests() - before == passed, "stopped, and yet the model got it");
    Ok(passed)
}

/// That what is wrong is told from what is right.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    use serde_json::json;
    let pseudonym = |letter: &str| format!("p1_{}", letter.repeat(22));
    let expected = json!({"email": "email:a@x.org", "age": 36});
    let mut known = Pseudonyms::default();
    same(&expected, &json!({"age": 36, "email": pseudonym("A")}), &mut known)?;
    for wrong in [
        json!({"age": 37, "email": pseudonym("A")}),
        json!({"age": 36, "email": pseudonym("B")}),
        json!({"age": 36, "email": "a@x.org"}),
        json!({"age": 36}),
        json!({"age": 36, "email": pseudonym("A"), "name": "Ada"}),
    ] {
        ensure!(same(&expected, &wrong, &mut known).is_err(), "{wrong} was taken for right");
    }
    let another = json!({"email": "email:b@x.org", "age": 36});
    ensure!(same(&another, &json!({"age": 36, "email": pseudonym("A")}), &mut known).is_err());
    let probe = Probe { says: String::new(), request: Vec::new(), due: Due::Refused(INVALID) };
    let got = Answer { status: 422, body: Vec::new() };
    let seen = || Some(Seen { head: String::new(), body: Vec::new() });
    ensure!(probe.judge(Work::Governed, "/", &got, None, "", &mut known).is_ok());
    ensure!(probe.judge(Work::Governed, "/", &got, seen(), "", &mut known).is_err());
    Ok(())
}
