//! A gateway that is killed while it writes: what it acknowledged is there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::store::contract::*;
use crate::store::*;

const FOLDER: &str = "CONSENTRY_TEST_CRASH_FOLDER";
/// How often it is killed.
const KILLS: u64 = 20;
const IN_FLIGHT: usize = 16;

/// The gateway that is killed: writes for ever, and says what was acknowledged.
#[test]
#[ignore = "started and killed by the test below"]
fn victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { panic!("this is for the test below to start") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write_for_ever(Path::new(&folder)));
}

async fn write_for_ever(folder: &Path) {
    let store = open(folder).unwrap();
    let mut out = std::io::stdout();
    loop {
        let key = person(&store, crate::crypto::random::bytes()).await;
        let receipts: Vec<_> = (0..IN_FLIGHT)
            .map(|_| {
                let mut change = data([DataChange::PutRecord(record(&key))]);
                change.events.push(event());
                store.queue(change).unwrap()
            })
            .collect();
        for receipt in receipts {
            let done = receipt.await.unwrap();
            writeln!(out, "kept {} {}", done.records[0].number.unwrap(), done.entry).unwrap();
        }
        let doomed = person(&store, crate::crypto::random::bytes()).await;
        store.commit(data([DataChange::PutRecord(record(&doomed))])).await.unwrap();
        let which = KeySelector::Ids(vec![doomed.id]);
        let erase = keyring([KeyringChange::DestroyKeys { which, because: Because::Erasure }]);
        let done = store.commit(erase).await.unwrap();
        let id = u128::from_be_bytes(doomed.id);
        writeln!(out, "gone {id} {}", done.tombstones).unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut records, mut gone, mut last) = (BTreeSet::new(), BTreeSet::new(), (0, 0));
    for kill in 0..KILLS {
        for line in lines_until_killed(folder.path(), 20 + kill * 7) {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["kept", number, entry] => {
                    assert!(records.insert(number.parse::<u64>().unwrap()), "{number} was given twice");
                    last.0 = entry.parse::<u64>().unwrap().max(last.0);
                }
                ["gone", id, tombstones] => {
                    gone.insert(id.parse::<u128>().unwrap());
                    last.1 = tombstones.parse::<u64>().unwrap().max(last.1);
                }
                // The last line may be cut.
                _ => {}
            }
        }
        let store = open(folder.path()).unwrap();
        assert!(store.chain().count >= last.0, "entries were lost");
        for number in &records {
            assert!(store.record(NOTES, *number).await.unwrap().is_some(), "record {number} was lost");
        }
        for id in &gone {
            assert_eq!(store.key_by_id(id.to_be_bytes()).await.unwrap(), None, "a key came back");
        }
        super::faults::in_order(&store).await;
        let done = store.commit(Change::default()).await.unwrap();
        assert!(done.tombstones >= last.1);
        store.close().await;
    }
    assert!(records.len() as u64 > KILLS * IN_FLIGHT as u64 && !gone.is_empty());
}

/// Starts the victim, kills it after so many lines, and returns all that it said.
fn lines_until_killed(folder: &Path, lines: u64) -> Vec<String> {
    let name = "store::sqlite::tests::crash::victim";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(FOLDER, OsStr::new(folder))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(|line| line.ok());
    let mut heard: Vec<_> = said.by_ref().take(usize::try_from(lines).unwrap()).collect();
    assert_eq!(heard.len() as u64, lines, "it ended by itself");
    child.kill().unwrap();
    heard.extend(said);
    child.wait().unwrap();
    heard
}
