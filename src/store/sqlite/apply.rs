//! One change, applied within the open transactions.

use std::sync::Arc;

use rusqlite::{ErrorCode, params};

use crate::audit::Chain;
use crate::clock::Day;
use crate::personal::Reference;
use crate::store::change::*;
use crate::store::rows::*;
use crate::store::{Cause, StoreError};

use super::acts;
use super::desk::Desk;
use super::prepared::Prepared;
use super::reader::{open_key, reference, secret, signed, subject};
use super::records::{Mark, Records};
use super::sealing::Sealing;
use super::tail;
use super::unused::has_said;

/// What went wrong: with this change, or with the files.
pub(super) enum Fault {
    Change(StoreError),
    Files(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let own = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
        );
        if own { Self::Change(StoreError::Rejected(Arc::new(error))) } else { Self::Files(error) }
    }
}

/// What the writer knows between changes; taken back where a change or a group is.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) chain: Chain,
    pub(super) tombstones: u64,
    pub(super) acts: u64,
}

/// The files with their transactions open.
pub(super) struct Unit<'a, 'c> {
    pub(super) data: &'a Prepared<'c>,
    pub(super) keyring: &'a Prepared<'c>,
    pub(super) state: State,
    pub(super) records: Records<'a, 'c>,
    sealing: &'a mut Sealing,
    /// Whether the keyring is written to as well.
    both: bool,
    /// Intents that were opened. One that is closed in the same transaction is never written.
    intents: Vec<OpenIntent>,
    /// The acts before this transaction, which the data file has heard.
    settled: u64,
}

/// Whether a change writes to the keyring.
pub(super) fn touches_keyring(change: &Change) -> bool {
    !change.keyring.is_empty() || change.data.iter().any(|data| matches!(data, DataChange::PutConsent(_)))
}

/// Whether a change may take a key from those that may seal.
const fn closes_keys(change: &KeyringChange) -> bool {
    match change {
        KeyringChange::DestroyKeys { .. } | KeyringChange::CloseSource { .. } => true,
        KeyringChange::PutSubject { .. }
        | KeyringChange::RemoveSubject { .. }
        | KeyringChange::PutKey(_)
        | KeyringChange::Rewrap { .. }
        | KeyringChange::PutSecret(_)
        | KeyringChange::RewrapSecret(_)
        | KeyringChange::WriteAnew
        | KeyringChange::PutStop(_)
        | KeyringChange::LiftStop { .. }
        | KeyringChange::ForgetUnused(_) => false,
    }
}

impl<'a, 'c> Unit<'a, 'c> {
    pub(super) fn new(desk: &'a Desk<'a, 'c>, sealing: &'a mut Sealing, state: State, both: bool) -> Self {
        let Desk { data, keyring, fresh, .. } = desk;
        let records = Records::new(data, fresh, desk.activities.take());
        let settled = state.acts;
        Self { data, keyring, state, records, sealing, both, intents: Vec::new(), settled }
    }

    /// Writes what was held back. Nothing is committed before.
    pub(super) fn flush(&mut self) -> Result<(), Fault> {
        for intent in self.intents.drain(..) {
            let sql = "INSERT INTO intent (decision, at) VALUES (?1, ?2)";
            self.data.execute(sql, params![intent.decision.as_bytes(), intent.at.millis()])?;
        }
        Ok(self.records.flush()?)
    }

    /// Forgets what was held back since `mark`, with the change that it came from.
    pub(super) fn forget_since(&mut self, mark: Mark) {
        self.intents.clear();
        self.records.forget_since(mark);
    }

    pub(super) fn apply(&mut self, change: &Change) -> Result<Done, Fault> {
        let mut done = Done::default();
        if change.keyring.iter().any(closes_keys) {
            self.sealing.forget();
        }
        for one in &change.keyring {
            self.keyring(one, &mut done)?;
        }
        for one in &change.data {
            self.data(one, &mut done)?;
        }
        for one in &change.keyring {
            self.afterwards(one, &mut done)?;
        }
        if !done.destroyed.is_empty() {
            tail::count(self.data, self.state.tombstones)?;
        }
        let act = acts::is_act(change);
        if act {
            self.act(change)?;
        }
        done.tombstones = self.state.tombstones;
        for entry in &change.events {
            let told;
            let encoded = match entry {
                Entry::Encoded(encoded) => encoded,
                Entry::Told(tell) => match tell(&done) {
                    Some(encoded) => {
                        told = encoded;
                        &told
                    }
                    None => continue,
                },
            };
            tail::append(self.data, &mut self.state.chain, encoded)?;
            if act {
                acts::owe_event(self.keyring, self.state.acts, encoded)?;
            }
        }
        if !change.events.is_empty() {
            done.entry = self.state.chain.count;
        }
        Ok(done)
    }

    /// Numbers an act, and has the keyring keep what was said with it.
    fn act(&mut self, change: &Change) -> Result<(), Fault> {
        acts::settle(self.keyring, self.settled)?;
        self.state.acts += 1;
        for file in [self.keyring, self.data] {
            acts::hear(file, self.state.acts)?;
        }
        for one in &change.data {
            if let DataChange::PutConsent(row) = one {
                acts::owe_consent(self.keyring, row)?;
            }
        }
        Ok(())
    }

    fn keyring(&mut self, change: &KeyringChange, done: &mut Done) -> Result<(), Fault> {
        match change {
            KeyringChange::PutSubject { lookup, reference } => {
                let sql =
                    "INSERT INTO subject (lookup, reference) VALUES (?1, ?2) ON CONFLICT (lookup) DO NOTHING";
                self.keyring.execute(sql, params![lookup, reference.as_bytes()])?;
                let standing = subject(self.keyring, lookup)?.unwrap_or(*reference);
                if standing != *reference {
                    return Err(Fault::Change(StoreError::Superseded(standing)));
                }
            }
            KeyringChange::RemoveSubject { lookup } => {
                if let Some(reference) = subject(self.keyring, lookup)? {
                    self.forget(reference)?;
                }
            }
            KeyringChange::PutKey(key) => self.mint(key, done)?,
            KeyringChange::Rewrap { id, wrapped } => {
                let sql = "UPDATE key SET wrapped = ?2 WHERE id = ?1";
                done.rewrapped += counted(self.keyring.execute(sql, params![id, wrapped])?);
            }
            KeyringChange::DestroyKeys { which: KeySelector::Ids(ids), because } => {
                let keys = self.keys(ids)?;
                self.destroy(keys, *because, done)?;
            }
            KeyringChange::DestroyKeys { which: KeySelector::Person { reference, activities }, because } => {
                let mut keys = self.keys_of(*reference)?;
                keys.retain(|key| activities.contains(&key.activity));
                self.destroy(keys, *because, done)?;
            }
            KeyringChange::CloseSource { reference, activities } => {
                for key in self.keys_of(*reference)?.iter().filter(|key| activities.contains(&key.activity)) {
                    let sql = "UPDATE key SET source_closed = 1 WHERE id = ?1 AND source_closed = 0";
                    self.keyring.execute(sql, params![key.id])?;
                }
            }
            KeyringChange::PutSecret(new) => {
                let sql =
                    "INSERT INTO secret (name, version, wrapped) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                self.keyring.execute(sql, params![new.name, new.version, new.wrapped])?;
                let sql = "SELECT name, version, wrapped FROM secret WHERE name = ?1 AND version = ?2";
                let standing = self.keyring.row(sql, params![new.name, new.version], secret)?;
                done.secrets.extend(standing);
            }
            KeyringChange::RewrapSecret(new) => {
                let sql = "UPDATE secret SET wrapped = ?3 WHERE name = ?1 AND version = ?2";
                let row = params![new.name, new.version, new.wrapped];
                done.rewrapped += counted(self.keyring.execute(sql, row)?);
            }
            KeyringChange::PutStop(stop) => {
                let sql = "INSERT INTO stop (lookup, kind, purpose, everything, at) VALUES (?1, ?2, ?3, ?4, ?5) \
                           ON CONFLICT DO NOTHING";
                let (purpose, everything) = scope(stop.purpose.as_deref());
                let row = params![stop.lookup, stop.kind, purpose, everything, stop.at.millis()];
                self.keyring.execute(sql, row)?;
            }
            KeyringChange::LiftStop { lookup, kind: of, purpose } => {
                let sql =
                    "DELETE FROM stop WHERE lookup = ?1 AND kind = ?2 AND purpose = ?3 AND everything = ?4";
                let (purpose, everything) = scope(purpose.as_deref());
                let row = params![lookup, of, purpose, everything];
                self.keyring.execute(sql, row)?;
            }
            KeyringChange::DestroyKeys { which: KeySelector::Unused(_), .. }
            | KeyringChange::WriteAnew
            | KeyringChange::ForgetUnused(_) => {}
        }
        Ok(())
    }

    fn data(&mut self, change: &DataChange, done: &mut Done) -> Result<(), Fault> {
        match change {
            DataChange::OpenIntent(intent) => {
                if self.intents.iter().any(|other| other.decision == intent.decision) {
                    return Err(rejected("this decision has an open intent"));
                }
                self.intents.push(*intent);
            }
            DataChange::CloseIntent { decision } => {
                let held = self.intents.iter().position(|other| other.decision == *decision);
                if let Some(place) = held {
                    self.intents.swap_remove(place);
                    return Ok(());
                }
                let sql = "DELETE FROM intent WHERE decision = ?1";
                if self.data.execute(sql, params![decision.as_bytes()])? == 0 {
                    return Err(rejected("there is no open intent of this decision"));
                }
            }
            DataChange::PutRecord(record) => {
                let number = self.keep(record)?;
                done.records.push(Kept { id: record.id, number });
            }
            DataChange::DeleteRecords(ids) => {
                let keyring = self.keyring;
                done.records_deleted += self.records.delete(ids, |whose| is_restricted(keyring, whose))?;
            }
            DataChange::PutConsent(row) => self.consent(row)?,
            DataChange::DeleteConsents { reference } => {
                self.data
                    .execute("DELETE FROM consent WHERE reference = ?1", params![reference.as_bytes()])?;
            }
        }
        Ok(())
    }

    /// What can be decided only once both files have their changes.
    fn afterwards(&mut self, change: &KeyringChange, done: &mut Done) -> Result<(), Fault> {
        match change {
            KeyringChange::DestroyKeys { which: KeySelector::Unused(ids), because } => {
                let mut unused = Vec::new();
                for key in self.keys(ids)? {
                    if !self.records.any_of(&key.id)? {
                        unused.push(key);
                    }
                }
                self.destroy(unused, *because, done)?;
            }
            KeyringChange::ForgetUnused(references) => {
                for reference in references {
                    self.forget_if_unused(*reference)?;
                }
            }
            _ => {}
        }
        if let KeyringChange::DestroyKeys { because: Because::Retention | Because::Withdrawal, .. } = change {
            let mut references: Vec<_> = done.destroyed.iter().map(|key| key.reference).collect();
            references.sort_unstable();
            references.dedup();
            for reference in references {
                self.forget_if_unused(reference)?;
            }
        }
        Ok(())
    }

    fn mint(&mut self, new: &WrappedKey, done: &mut Done) -> Result<(), Fault> {
        self.known(new.reference)?;
        let standing = open_key(self.keyring, new.reference, &new.activity, new.day)?;
        let minted = match standing {
            Some(key) => Minted { key, new: false },
            None => {
                let sql =
                    "INSERT INTO key (id, reference, activity, day, wrapped) VALUES (?1, ?2, ?3, ?4, ?5)";
                let day = new.day.number();
                let row = params![new.id, new.reference.as_bytes(), new.activity, day, new.wrapped];
                self.keyring.execute(sql, row)?;
                Minted { key: WrappedKey { source_closed: false, ..new.clone() }, new: true }
            }
        };
        done.keys.push(minted);
        Ok(())
    }

    /// Destroys keys; their records go with them.
    fn destroy(&mut self, keys: Vec<Destroyed>, because: Because, done: &mut Done) -> Result<(), Fault> {
        for key in keys {
            let sql = "INSERT INTO tombstone (seq, id, reference, activity, day, because) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let seq = self.state.tombstones + 1;
            let (reference, day) = (key.reference.as_bytes(), key.day.number());
            self.keyring
                .execute(sql, params![signed(seq), key.id, reference, key.activity, day, because.word()])?;
            self.keyring.execute("DELETE FROM key WHERE id = ?1", params![key.id])?;
            self.state.tombstones = seq;
            done.records_deleted += self.records.delete_of(&key.id)?;
            done.destroyed.push(key);
        }
        Ok(())
    }

    /// Keeps a record under its number, unless its key is gone or may not seal any more.
    fn keep(&mut self, record: &SealedRecord) -> Result<Option<u64>, Fault> {
        match self.sealing.allows(record, self.keyring, !self.both)? {
            true => self.records.keep(record).map(Some),
            false => Ok(None),
        }
    }

    fn consent(&mut self, row: &ConsentRow) -> Result<(), Fault> {
        self.known(row.reference)?;
        acts::put_consent(self.data, acts::columns(row))?;
        let (reference, at) = (row.reference.as_bytes(), row.at.millis());
        if row.state == ConsentState::Given {
            let sql = "DELETE FROM withdrawal WHERE reference = ?1 AND purpose = ?2 AND notice_version = ?3";
            self.keyring.execute(sql, params![reference, row.purpose, row.notice_version])?;
        } else {
            let sql = "INSERT OR REPLACE INTO withdrawal (reference, purpose, notice_version, at) VALUES (?1, ?2, ?3, ?4)";
            self.keyring.execute(sql, params![reference, row.purpose, row.notice_version, at])?;
        }
        Ok(())
    }

    /// INVARIANT: nothing new is kept under a reference that nobody has any more.
    fn known(&self, reference: Reference) -> Result<(), Fault> {
        let sql = "SELECT 1 FROM subject WHERE reference = ?1";
        match self.keyring.row(sql, params![reference.as_bytes()], |_| Ok(()))? {
            Some(()) => Ok(()),
            None => Err(Fault::Change(StoreError::Forgotten)),
        }
    }

    fn forget(&self, reference: Reference) -> Result<(), Fault> {
        let who = reference.as_bytes();
        self.keyring.execute("DELETE FROM subject WHERE reference = ?1", params![who])?;
        self.keyring.execute("DELETE FROM withdrawal WHERE reference = ?1", params![who])?;
        self.data.execute("DELETE FROM consent WHERE reference = ?1", params![who])?;
        Ok(())
    }

    fn forget_if_unused(&self, reference: Reference) -> Result<(), Fault> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM key WHERE key.reference = ?1) \
                   AND NOT EXISTS (SELECT 1 FROM stop JOIN subject USING (lookup) WHERE subject.reference = ?1)";
        let unused = self.keyring.row(sql, params![reference.as_bytes()], |row| row.get(0))? == Some(true);
        let silent = !has_said(self.data, reference)?;
        if unused && silent {
            self.forget(reference)?;
        }
        Ok(())
    }

    fn keys(&self, ids: &[KeyId]) -> Result<Vec<Destroyed>, Fault> {
        let sql = "SELECT id, reference, activity, day FROM key WHERE id = ?1";
        let mut keys = Vec::new();
        for id in ids {
            keys.extend(self.keyring.row(sql, params![id], destroyed)?);
        }
        Ok(keys)
    }

    fn keys_of(&self, reference: Reference) -> Result<Vec<Destroyed>, Fault> {
        let sql =
            "SELECT id, reference, activity, day FROM key WHERE reference = ?1 ORDER BY activity, day, id";
        Ok(self.keyring.rows(sql, params![reference.as_bytes()], destroyed)?)
    }
}

/// What is restricted is kept, also past its term (GDPR Art. 18(2)).
fn is_restricted(keyring: &Prepared<'_>, reference: Reference) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM stop JOIN subject USING (lookup) WHERE subject.reference = ?1 AND stop.kind = 0";
    Ok(keyring.row(sql, params![reference.as_bytes()], |_| Ok(()))?.is_some())
}

fn destroyed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Destroyed> {
    Ok(Destroyed {
        id: row.get(0)?,
        reference: reference(row, 1)?,
        activity: row.get(2)?,
        day: Day::from_number(row.get(3)?),
    })
}

/// A purpose, and whether all are meant: NULLs would not be equal to each other.
fn scope(purpose: Option<&str>) -> (&str, bool) {
    (purpose.unwrap_or_default(), purpose.is_none())
}

fn counted(rows: usize) -> u64 {
    rows.try_into().unwrap_or(u64::MAX)
}

pub(super) fn rejected(why: &'static str) -> Fault {
    Fault::Change(StoreError::Rejected(Cause::from(Box::<dyn std::error::Error + Send + Sync>::from(why))))
}
