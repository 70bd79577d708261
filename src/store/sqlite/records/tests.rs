//! Records beside a plain list of them: whatever is done, in whatever order, over restarts and failed changes, every way to
//! a record leads to the same ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::clock::{Day, Timestamp};
use crate::store::contract::{DAY, config, data, key, keyring, open, record};
use crate::store::sqlite::reader::signed;
use crate::store::*;

const ACTIVITIES: [&str; 2] = ["notes", "scores"];

/// A small generator, so that a failing run can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.roll(from.len().max(1) as u64);
        from.get(at as usize)
    }
}

/// What must be kept.
struct Model {
    keys: Vec<WrappedKey>,
    /// By activity and number.
    kept: BTreeMap<(String, u64), SealedRecord>,
    next: BTreeMap<String, u64>,
}

impl Model {
    async fn new(store: &Store) -> Self {
        let mut keys = Vec::new();
        for number in 0..6_u8 {
            let reference = contract::reference();
            let subject = KeyringChange::PutSubject { lookup: [number; 32], reference };
            store.commit(keyring([subject])).await.unwrap();
            for activity in ACTIVITIES {
                for day in 0..2 {
                    let key = key(reference, activity, Day::from_number(DAY.number() + day));
                    store.commit(keyring([KeyringChange::PutKey(key.clone())])).await.unwrap();
                    keys.push(key);
                }
            }
        }
        Self { keys, kept: BTreeMap::new(), next: BTreeMap::new() }
    }

    fn new_record(&self, dice: &mut Dice) -> SealedRecord {
        let key = dice.pick(&self.keys).unwrap();
        let at = key.day.start().plus(Duration::from_secs(dice.roll(80_000)));
        SealedRecord { at, ..record(key) }
    }

    fn keep(&mut self, record: SealedRecord) -> u64 {
        let next = self.next.entry(record.activity.clone()).or_default();
        self.kept.insert((record.activity.clone(), *next), record);
        *next += 1;
        *next - 1
    }

    fn remove(&mut self, which: impl Fn(&SealedRecord) -> bool) -> u64 {
        let before = self.kept.len();
        self.kept.retain(|_, record| !which(record));
        (before - self.kept.len()) as u64
    }

    /// Whether a record is from before a moment, as far as its key's day tells where to look.
    fn is_before(&self, record: &SealedRecord, before: Timestamp) -> bool {
        let day = self.keys.iter().find(|key| key.id == record.key).unwrap().day;
        record.at < before && day <= before.day()
    }

    fn some_record(&self, dice: &mut Dice) -> Option<SealedRecord> {
        let all: Vec<_> = self.kept.values().collect();
        dice.pick(&all).map(|record| (*record).clone())
    }

    /// One change after another, some of them in one group.
    async fn step(&mut self, store: &Store, dice: &mut Dice) {
        match dice.roll(11) {
            0 => {
                let ids: Vec<_> =
                    (0..3).filter_map(|_| self.some_record(dice)).map(|record| record.id).collect();
                self.delete(store, ids).await;
            }
            1 => {
                let at = dice.roll(self.keys.len() as u64) as usize;
                self.destroy(store, at).await;
            }
            2 => {
                let activity = ACTIVITIES[dice.roll(2) as usize];
                let before = DAY.start().plus(Duration::from_secs(dice.roll(170_000) / 4));
                let expired = store.expired(activity, before, 10_000).await.unwrap();
                self.delete(store, expired.into_iter().map(|(_, id)| id).collect()).await;
            }
            3 => self.fail(store, dice).await,
            // A record that is kept and deleted by one change.
            4 => {
                let record = self.new_record(dice);
                let delete = DataChange::DeleteRecords(vec![record.id]);
                let done = store.commit(data([DataChange::PutRecord(record.clone()), delete])).await.unwrap();
                assert_eq!(done.records[0].number, Some(self.keep(record.clone())));
                assert_eq!(done.records_deleted, self.remove(|other| other.id == record.id));
            }
            many => {
                let records: Vec<_> = (0..many).map(|_| self.new_record(dice)).collect();
                let receipts: Vec<_> = records
                    .iter()
                    .map(|record| store.queue(data([DataChange::PutRecord(record.clone())])).unwrap())
                    .collect();
                for (record, receipt) in records.into_iter().zip(receipts) {
                    assert_eq!(receipt.await.unwrap().records[0].number, Some(self.keep(record)));
                }
            }
        }
    }

    async fn delete(&mut self, store: &Store, ids: Vec<RecordId>) {
        let done = store.commit(data([DataChange::DeleteRecords(ids.clone())])).await.unwrap();
        assert_eq!(done.records_deleted, self.remove(|record| ids.contains(&record.id)));
    }

    /// A key goes with all that it sealed, and another one comes in its place.
    async fn destroy(&mut self, store: &Store, at: usize) {
        let WrappedKey { id, reference, activity, day, .. } = self.keys[at].clone();
        let which = KeySelector::Ids(vec![id]);
        let change = KeyringChange::DestroyKeys { which, because: Because::Erasure };
        let done = store.commit(keyring([change])).await.unwrap();
        assert_eq!(done.records_deleted, self.remove(|record| record.key == id));
        self.keys[at] = key(reference, &activity, day);
        store.commit(keyring([KeyringChange::PutKey(self.keys[at].clone())])).await.unwrap();
    }

    /// Changes of one group, of which every second is taken back.
    async fn fail(&mut self, store: &Store, dice: &mut Dice) {
        let receipts: Vec<_> = (0..6)
            .map(|number| {
                let record = self.new_record(dice);
                let mut changes = vec![DataChange::PutRecord(record.clone())];
                if number % 2 == 1 {
                    changes.push(DataChange::DeleteRecords(vec![record.id]));
                    changes.push(DataChange::CloseIntent {
                        decision: crate::audit::DecisionId::from_bytes([9; 16]),
                    });
                }
                (record, number % 2 == 1, store.queue(data(changes)).unwrap())
            })
            .collect();
        for (record, bad, receipt) in receipts {
            match receipt.await {
                Err(StoreError::Rejected(_)) if bad => {}
                Ok(done) if !bad => assert_eq!(done.records[0].number, Some(self.keep(record))),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Every way to a record.
    async fn check(&self, store: &Store, dice: &mut Dice) {
        for activity in ACTIVITIES {
            let here = |((of, number), record): (&(String, u64), &SealedRecord)| {
                (of == activity).then(|| RecordRow { number: *number, record: record.clone() })
            };
            let mut rows: Vec<_> = self.kept.iter().filter_map(here).collect();
            assert_eq!(store.records_count(activity).await.unwrap(), rows.len() as u64);
            for number in 0..self.next.get(activity).copied().unwrap_or_default() + 2 {
                let row = rows.iter().find(|row| row.number == number);
                assert_eq!(store.record(activity, number).await.unwrap().as_ref(), row);
            }
            for before in [
                DAY.start().plus(Duration::from_secs(40_000)),
                DAY.start().plus(Duration::from_secs(200_000)),
            ] {
                let mut expired: Vec<_> = rows
                    .iter()
                    .map(|row| &row.record)
                    .filter(|record| self.is_before(record, before))
                    .map(|record| (record.at, record.id))
                    .collect();
                let mut told = store.expired(activity, before, 10_000).await.unwrap();
                expired.sort_unstable();
                told.sort_unstable();
                assert_eq!(told, expired);
            }
            rows.sort_by_key(|row| row.record.id);
            let limit = 1 + dice.roll(9) as usize;
            for (skip, page) in (0..).step_by(limit).zip(rows.chunks(limit).chain([&[][..]])) {
                assert_eq!(store.records(activity, None, skip as u64, limit as u32).await.unwrap(), page);
            }
            let skip = dice.roll(rows.len() as u64 + 3) as usize;
            if let Some(after) = dice.pick(&rows).map(|row| row.record.id) {
                let past: Vec<_> =
                    rows.iter().filter(|row| row.record.id > after).skip(skip).take(limit).cloned().collect();
                assert_eq!(
                    store.records(activity, Some(after), skip as u64, limit as u32).await.unwrap(),
                    past
                );
            }
            assert_eq!(store.records(activity, None, u64::MAX, 5).await.unwrap(), []);
        }
        for key in &self.keys {
            let theirs = |((_, number), record): (&(String, u64), &SealedRecord)| {
                (record.reference == key.reference)
                    .then(|| RecordRow { number: *number, record: record.clone() })
            };
            let rows: Vec<_> = self.kept.iter().filter_map(theirs).collect();
            assert_eq!(store.records_of_person(key.reference, None).await.unwrap(), rows);
        }
    }
}

/// Ends as a killed process does: the indices stay where they were.
fn copied(from: &Path, to: &Path) {
    for name in ["data.db", "data.db-wal", "keyring.db", "keyring.db-wal", "keyring.db-anchor"] {
        let (from, to) = (from.join(name), to.join(name));
        let _ = std::fs::remove_file(&to);
        if from.exists() {
            std::fs::copy(from, to).unwrap();
        }
    }
}

#[tokio::test]
async fn every_way_to_a_record_leads_to_the_same_ones() {
    for seed in 1..=8 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path()).unwrap();
        let mut model = Model::new(&store).await;
        let mut folders = vec![folder];
        for step in 0..60 {
            model.step(&store, &mut dice).await;
            if step % 7 == 0 {
                model.check(&store, &mut dice).await;
            }
            match dice.roll(12) {
                0 => {
                    store.close().await;
                    store = open(folders.last().unwrap().path()).unwrap();
                    model.check(&store, &mut dice).await;
                }
                1 => {
                    let next = tempfile::tempdir().unwrap();
                    copied(folders.last().unwrap().path(), next.path());
                    store = open(next.path()).unwrap();
                    folders.push(next);
                    model.check(&store, &mut dice).await;
                }
                _ => {}
            }
        }
        store.close().await;
    }
}

/// A file of the layout before, whose counts are complete, and a program before this one does not touch one of this.
#[tokio::test]
async fn records_of_the_second_layout_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    let (mut model, mut dice) = (Model::new(&store).await, Dice(5));
    for round in 0..6 {
        for _ in 0..8 {
            model.step(&store, &mut dice).await;
        }
        model.check(&store, &mut dice).await;
        store.close().await;
        let raw = rusqlite::Connection::open(folder.path().join("data.db")).unwrap();
        let layout: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(layout, 3);
        if round % 2 == 0 {
            for (activity, next) in &model.next {
                let kept = model.kept.keys().filter(|(of, _)| of == activity).count();
                let row = rusqlite::params![activity, signed(*next), kept as i64];
                raw.execute("UPDATE activity SET next = ?2, kept = ?3 WHERE name = ?1", row).unwrap();
            }
            raw.execute_batch("PRAGMA user_version = 2").unwrap();
        }
        drop(raw);
        store = open(folder.path()).unwrap();
        model.check(&store, &mut dice).await;
    }
    store.close().await;
}

/// The last records of an activity are not counted in its row; deleting some of just these takes no number back, whether
/// whoever deletes them kept them or only finds them in the file.
#[tokio::test]
async fn numbers_go_on_behind_records_that_were_never_counted() {
    for (killed, later) in [(false, false), (false, true), (true, false), (true, true)] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let (model, mut dice) = (Model::new(&store).await, Dice(9));
        let mut notes = || loop {
            let record = model.new_record(&mut dice);
            if record.activity == "notes" {
                return record;
            }
        };
        let mut ids = Vec::new();
        for number in 0..3 {
            let record = notes();
            ids.push(record.id);
            let done = store.commit(data([DataChange::PutRecord(record)])).await.unwrap();
            assert_eq!(done.records[0].number, Some(number));
        }
        let last = ids.split_off(2);
        let delete = async |store: &Store| {
            let gone = store.commit(data([DataChange::DeleteRecords(last.clone())])).await.unwrap();
            assert_eq!((gone.records_deleted, store.records_count("notes").await.unwrap()), (1, 2));
        };
        if !later {
            delete(&store).await;
        }
        let next = tempfile::tempdir().unwrap();
        let store = match killed {
            true => {
                copied(folder.path(), next.path());
                open(next.path()).unwrap()
            }
            false => {
                store.close().await;
                open(folder.path()).unwrap()
            }
        };
        if later {
            delete(&store).await;
        }
        assert_eq!(store.records_count("notes").await.unwrap(), 2);
        let done = store.commit(data([DataChange::PutRecord(notes())])).await.unwrap();
        assert_eq!(done.records[0].number, Some(3), "killed: {killed}, deleted later: {later}");
        assert_eq!(store.records_count("notes").await.unwrap(), 3);
        store.close().await;
    }
}

/// What a file of the first layout has is there under the newest.
#[tokio::test]
async fn records_of_the_first_layout_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let model = Model::new(&store).await;
    store.close().await;
    let raw = rusqlite::Connection::open(folder.path().join("data.db")).unwrap();
    let tables = ["activity", "record", "record_of_key", "record_of_name"];
    tables.iter().for_each(|table| raw.execute_batch(&format!("DROP TABLE {table}")).unwrap());
    let first = super::super::schema::DATA[0];
    let from = first.find("CREATE TABLE counter").unwrap();
    let upto = first.find("CREATE TABLE consent").unwrap();
    raw.execute_batch(first.get(from..upto).unwrap()).unwrap();
    let mut before = Model { keys: model.keys.clone(), kept: BTreeMap::new(), next: BTreeMap::new() };
    let mut dice = Dice(77);
    for _ in 0..200 {
        let record = before.new_record(&mut dice);
        let number = before.keep(record.clone());
        let sql = "INSERT INTO record (activity, id, number, reference, key, at, fields) VALUES (?, ?, ?, ?, ?, ?, ?)";
        let fields = record.fields.as_bytes();
        let (at, who) = (record.at.millis(), record.reference.as_bytes());
        raw.execute(
            sql,
            rusqlite::params![record.activity, record.id, signed(number), who, record.key, at, fields],
        )
        .unwrap();
    }
    for (activity, next) in &before.next {
        raw.execute("INSERT INTO counter VALUES (?, ?)", rusqlite::params![activity, signed(*next)]).unwrap();
    }
    raw.execute("DELETE FROM record WHERE number = 3", []).unwrap();
    before.kept.retain(|(_, number), _| *number != 3);
    raw.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(raw);
    let store = Store::open(&config(folder.path()), contract::clock()).unwrap();
    before.check(&store, &mut dice).await;
    for _ in 0..20 {
        before.step(&store, &mut dice).await;
    }
    before.check(&store, &mut dice).await;
    store.close().await;
}
