//! Questions to the two files, each with its statement.

use rusqlite::{Row, params};

use crate::audit::{Chain, Checkpoint, DecisionId, StoredEntry};
use crate::clock::{Day, Timestamp};
use crate::personal::Reference;
use crate::store::rows::*;

use super::anchor;
use super::files::Files;
use super::prepared::Prepared;
use super::records::fresh::Fresh;

type Rows<T> = rusqlite::Result<Vec<T>>;

/// A connection to each file, and the way to what was kept lately.
pub(crate) struct Reader<'c> {
    pub(super) data: Prepared<'c>,
    pub(super) keyring: Prepared<'c>,
    pub(super) fresh: &'c Fresh,
    pub(super) files: &'c Files,
}

/// The columns that [`key`] reads, and a condition.
macro_rules! keys_where {
    ($rest:literal) => {
        concat!("SELECT id, reference, activity, day, source_closed, wrapped FROM key WHERE ", $rest)
    };
}

impl Reader<'_> {
    pub(in crate::store) fn stand(&self, lookup: &Lookup) -> rusqlite::Result<StandRow> {
        let reference = subject(&self.keyring, lookup)?;
        let stops = self.keyring.rows(
            "SELECT kind, purpose, everything, at FROM stop WHERE lookup = ?1 ORDER BY at",
            params![lookup],
            |row| {
                let everything: bool = row.get(2)?;
                Ok(Stop {
                    lookup: *lookup,
                    kind: row.get(0)?,
                    purpose: (!everything).then(|| row.get(1)).transpose()?,
                    at: moment(row, 3)?,
                })
            },
        )?;
        let consents = reference.map(|reference| self.consents(reference)).transpose()?.unwrap_or_default();
        Ok(StandRow { reference, consents, stops })
    }

    pub(in crate::store) fn lookup_of(&self, reference: Reference) -> rusqlite::Result<Option<Lookup>> {
        let sql = "SELECT lookup FROM subject WHERE reference = ?1";
        self.keyring.row(sql, params![reference.as_bytes()], |row| row.get(0))
    }

    fn consents(&self, reference: Reference) -> Rows<ConsentRow> {
        let withdrawn: Vec<(String, u32, i64)> = self.keyring.rows(
            "SELECT purpose, notice_version, at FROM withdrawal WHERE reference = ?1",
            params![reference.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let mut consents = self.data.rows(
            "SELECT purpose, notice_version, state, at, expires, wording, language, method FROM consent \
             WHERE reference = ?1 ORDER BY purpose, notice_version",
            params![reference.as_bytes()],
            |row| consent(reference, row),
        )?;
        for consent in &mut consents {
            let mark = withdrawn.iter().find(|(purpose, version, _)| {
                *purpose == consent.purpose && *version == consent.notice_version
            });
            if let Some((_, _, at)) = mark.filter(|_| consent.state == ConsentState::Given) {
                consent.state = ConsentState::Withdrawn;
                consent.at = consent.at.max(Timestamp::from_millis(*at));
            }
        }
        Ok(consents)
    }

    pub(in crate::store) fn key(
        &self,
        of: Reference,
        activity: &str,
        day: Day,
    ) -> rusqlite::Result<Option<WrappedKey>> {
        open_key(&self.keyring, of, activity, day)
    }

    pub(in crate::store) fn key_by_id(&self, id: &KeyId) -> rusqlite::Result<Option<WrappedKey>> {
        let sql = keys_where!("id = ?1");
        self.keyring.row(sql, params![id], key)
    }

    pub(in crate::store) fn keys_of(&self, of: Reference) -> Rows<WrappedKey> {
        let sql = keys_where!("reference = ?1 ORDER BY activity, day, id");
        self.keyring.rows(sql, params![of.as_bytes()], key)
    }

    pub(in crate::store) fn keys(&self, after: Option<KeyId>, limit: u32) -> Rows<WrappedKey> {
        let sql = keys_where!("id > ?1 ORDER BY id LIMIT ?2");
        self.keyring.rows(sql, params![after.as_ref().map_or(&[][..], |id| &id[..]), limit], key)
    }

    pub(in crate::store) fn secret(&self, name: &str) -> rusqlite::Result<Option<WrappedSecret>> {
        let sql = "SELECT name, version, wrapped FROM secret WHERE name = ?1 ORDER BY version DESC LIMIT 1";
        self.keyring.row(sql, params![name], secret)
    }

    pub(in crate::store) fn secrets(&self) -> Rows<WrappedSecret> {
        self.keyring.rows("SELECT name, version, wrapped FROM secret ORDER BY name, version", [], secret)
    }

    pub(in crate::store) fn activities(&self) -> Rows<String> {
        // An activity's row outlives its records, and its count lacks the last of them (ADR 0023): the records themselves tell.
        let sql = "SELECT name FROM activity WHERE EXISTS \
                   (SELECT 1 FROM record WHERE row >= place << 40 AND row < (place + 1) << 40)";
        let mut names: Vec<String> = self.data.rows(sql, [], |row| row.get(0))?;
        names.extend(self.keyring.rows("SELECT DISTINCT activity FROM key", [], |row| row.get(0))?);
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    pub(in crate::store) fn open_intents(&self) -> Rows<OpenIntent> {
        self.data.rows("SELECT decision, at FROM intent ORDER BY at, decision", [], |row| {
            Ok(OpenIntent { decision: DecisionId::from_bytes(row.get(0)?), at: moment(row, 1)? })
        })
    }

    pub(super) fn anchor(&self) -> rusqlite::Result<Option<Chain>> {
        anchor::latest(&self.keyring, &self.files.keyring)
    }

    pub(super) fn checkpoints(&self) -> Rows<Checkpoint> {
        self.data.rows("SELECT count, head, at, signature FROM checkpoint ORDER BY count", [], checkpoint)
    }

    pub(super) fn last_entry(&self) -> rusqlite::Result<u64> {
        let last = self.data.row("SELECT coalesce(max(seq), 0) FROM entry", [], |row| unsigned(row, 0))?;
        Ok(last.unwrap_or(0))
    }

    pub(in crate::store) fn entries(&self, from: u64, limit: u32) -> Rows<StoredEntry> {
        let sql = "SELECT seq, body, hash FROM entry WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
        self.data.rows(sql, params![signed(from), limit], entry)
    }
}

pub(super) fn subject(keyring: &Prepared<'_>, lookup: &Lookup) -> rusqlite::Result<Option<Reference>> {
    keyring.row("SELECT reference FROM subject WHERE lookup = ?1", params![lookup], |row| reference(row, 0))
}

pub(super) fn open_key(
    keyring: &Prepared<'_>,
    of: Reference,
    activity: &str,
    day: Day,
) -> rusqlite::Result<Option<WrappedKey>> {
    let sql = keys_where!("reference = ?1 AND activity = ?2 AND day = ?3 AND source_closed = 0");
    keyring.row(sql, params![of.as_bytes(), activity, day.number()], key)
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry { seq: unsigned(row, 0)?, encoded: row.get(1)?, hash: row.get(2)? })
}

pub(super) fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    Ok(Checkpoint {
        count: unsigned(row, 0)?,
        head: row.get(1)?,
        at: moment(row, 2)?,
        signature: row.get(3)?,
    })
}

fn key(row: &Row<'_>) -> rusqlite::Result<WrappedKey> {
    Ok(WrappedKey {
        id: row.get(0)?,
        reference: reference(row, 1)?,
        activity: row.get(2)?,
        day: Day::from_number(row.get(3)?),
        source_closed: row.get(4)?,
        wrapped: row.get(5)?,
    })
}

pub(super) fn secret(row: &Row<'_>) -> rusqlite::Result<WrappedSecret> {
    Ok(WrappedSecret { name: row.get(0)?, version: row.get(1)?, wrapped: row.get(2)? })
}

fn consent(reference: Reference, row: &Row<'_>) -> rusqlite::Result<ConsentRow> {
    Ok(ConsentRow {
        reference,
        purpose: row.get(0)?,
        notice_version: row.get(1)?,
        state: row.get(2)?,
        at: moment(row, 3)?,
        expires: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
        wording: row.get(5)?,
        language: row.get(6)?,
        method: row.get(7)?,
    })
}

pub(super) fn reference(row: &Row<'_>, at: usize) -> rusqlite::Result<Reference> {
    row.get(at).map(Reference::from_bytes)
}

pub(super) fn moment(row: &Row<'_>, at: usize) -> rusqlite::Result<Timestamp> {
    row.get(at).map(Timestamp::from_millis)
}

pub(super) fn unsigned(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(at)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, number))
}

/// SQLite's integers are signed; counts beyond them do not occur.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
