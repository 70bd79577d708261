//! What people did with their rights, until both files have heard it. An act binds as soon as the keyring has it, and the
//! keyring's commit comes first; so the keyring also keeps what the data file is owed of it, its events and what was said
//! of consents, until the next group with an act. Acts are numbered from 1, and each file knows how many it has heard.

use rusqlite::{Params, params};

use crate::audit::{Chain, Reading};
use crate::store::change::*;
use crate::store::rows::*;

use super::prepared::Prepared;
use super::reader::signed;
use super::tail;

/// Whether a change forbids what was permitted, or permits it again.
pub(super) fn is_act(change: &Change) -> bool {
    let keyring = change.keyring.iter().any(|one| match one {
        KeyringChange::PutStop(_) | KeyringChange::LiftStop { .. } | KeyringChange::RemoveSubject { .. } => {
            true
        }
        KeyringChange::PutSubject { .. }
        | KeyringChange::PutKey(_)
        | KeyringChange::Rewrap { .. }
        | KeyringChange::DestroyKeys { .. }
        | KeyringChange::CloseSource { .. }
        | KeyringChange::PutSecret(_)
        | KeyringChange::RewrapSecret(_)
        | KeyringChange::WriteAnew
        | KeyringChange::ForgetUnused(_) => false,
    });
    let said =
        |one: &DataChange| matches!(one, DataChange::PutConsent(row) if row.state != ConsentState::Given);
    keyring || change.data.iter().any(said)
}

/// Whether a change takes from the keyring what leads to a person, or what opens under a master key of before: it is to leave the
/// keyring's log as well.
pub(super) fn forgets(change: &Change) -> bool {
    change.keyring.iter().any(|one| {
        matches!(
            one,
            KeyringChange::RemoveSubject { .. }
                | KeyringChange::LiftStop { .. }
                | KeyringChange::ForgetUnused(_)
                | KeyringChange::WriteAnew
        )
    })
}

/// How many acts a file has heard.
pub(super) fn heard(file: &Prepared<'_>) -> rusqlite::Result<u64> {
    tail::noted(file, "acts")
}

/// Notes that a file has heard this many.
pub(super) fn hear(file: &Prepared<'_>, acts: u64) -> rusqlite::Result<()> {
    tail::note(file, "acts", acts)
}

/// Drops what was owed of acts up to this one: the data file has heard them.
pub(super) fn settle(keyring: &Prepared<'_>, acts: u64) -> rusqlite::Result<()> {
    keyring.execute("DELETE FROM owed_event WHERE act <= ?1", params![signed(acts)])?;
    keyring.execute("DELETE FROM owed_consent WHERE act <= ?1", params![signed(acts)]).map(drop)
}

/// Keeps an event that the data file is owed. That a key was destroyed is told from its tombstone.
pub(super) fn owe_event(keyring: &Prepared<'_>, act: u64, encoded: &[u8]) -> rusqlite::Result<()> {
    if Reading::new(encoded).is_ok_and(|event| event.kind == "key-destroyed") {
        return Ok(());
    }
    let sql = "INSERT INTO owed_event (act, body) VALUES (?1, ?2)";
    keyring.execute(sql, params![signed(act), encoded]).map(drop)
}

/// Keeps what was said of a consent with the act that was heard last.
pub(super) fn owe_consent(keyring: &Prepared<'_>, row: &ConsentRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO owed_consent \
               (act, reference, purpose, notice_version, state, at, expires, wording, language, method) \
               SELECT value, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM meta WHERE name = 'acts'";
    keyring.execute(sql, columns(row)).map(drop)
}

/// Keeps what was said in place of what was said about this before.
pub(super) fn put_consent(data: &Prepared<'_>, columns: impl Params) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO consent \
               (reference, purpose, notice_version, state, at, expires, wording, language, method) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    data.execute(sql, columns).map(drop)
}

/// A consent as both files write it.
pub(super) fn columns(row: &ConsentRow) -> impl Params {
    (
        row.reference.as_bytes(),
        &row.purpose,
        row.notice_version,
        row.state,
        row.at.millis(),
        row.expires.map(|at| at.millis()),
        row.wording,
        &row.language,
        &row.method,
    )
}

/// The same, as it is read from one for the other.
type Said = (Vec<u8>, String, i64, i64, i64, Option<i64>, Vec<u8>, String, String);

/// Tells the data file what it is owed of acts since one, within an open transaction. Consents of whom the keyring does not know
/// any more go with it: they were erased.
pub(super) fn tell(
    data: &Prepared<'_>,
    keyring: &Prepared<'_>,
    since: u64,
    chain: &mut Chain,
) -> rusqlite::Result<()> {
    let sql = "SELECT body FROM owed_event WHERE act > ?1 ORDER BY rowid";
    for body in keyring.rows(sql, params![signed(since)], |row| row.get::<_, Vec<u8>>(0))? {
        tail::append(data, chain, &body)?;
    }
    let sql = "SELECT reference, purpose, notice_version, state, at, expires, wording, language, method \
               FROM owed_consent WHERE act > ?1 ORDER BY rowid";
    let said = keyring.rows(sql, params![signed(since)], |row| <Said>::try_from(row))?;
    said.into_iter().try_for_each(|said| put_consent(data, said))?;
    forget_strangers(data, keyring)
}

/// Deletes consents of whom the keyring does not know, a page at a time.
fn forget_strangers(data: &Prepared<'_>, keyring: &Prepared<'_>) -> rusqlite::Result<()> {
    let mut last: Vec<u8> = Vec::new();
    loop {
        let sql = "SELECT DISTINCT reference FROM consent WHERE reference > ?1 ORDER BY reference LIMIT 1000";
        let page: Vec<Vec<u8>> = data.rows(sql, params![last], |row| row.get(0))?;
        for reference in &page {
            let known = "SELECT 1 FROM subject WHERE reference = ?1";
            if keyring.row(known, params![reference], |_| Ok(()))?.is_none() {
                data.execute("DELETE FROM consent WHERE reference = ?1", params![reference])?;
            }
        }
        match page.into_iter().next_back() {
            Some(reference) => last = reference,
            None => return Ok(()),
        }
    }
}
