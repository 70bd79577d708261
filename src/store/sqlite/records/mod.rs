//! Records as the writer keeps them: one row each, at the end of their activity, and two indices that follow later
//! ([`fresh`]).

pub(super) mod fresh;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use rusqlite::params;

use crate::personal::Reference;
use crate::store::rows::*;

use super::apply::{Fault, rejected};
use super::prepared::Prepared;
use super::reader::{reference, signed, unsigned};
use fresh::{ByRandomName, Fresh, Heard, Named, Row};

/// For each record of a group so many go into the indices, so that they get there before as many again have come.
const SETTLED_FOR_EACH: usize = 2;
/// How many go into the indices at once where nobody waits.
const SETTLED_AT_THE_END: usize = 4_096;

/// How many records come before the file counts them. Few in tests, so that all of them see it happen.
const COUNTED: u64 = if cfg!(test) { 8 } else { 1_024 };

/// How many activities the next group need not read again: they are looked through one by one.
const REMEMBERED: usize = 64;

/// What is known of an activity. Its row says what held when it had as many numbers as the row says; records from there on are
/// counted by looking at the last. So the row is written seldom, and for a group of one exchange it is one page less.
///
/// INVARIANT: no record from that number on has been deleted; where one is, the row is written with it.
struct Activity {
    place: i64,
    name: String,
    next: u64,
    kept: u64,
    /// What the row says of `next`.
    written: u64,
    /// Whether a record was deleted since.
    lost: bool,
}

/// What one group knows of the activities and the next one need not read again, once it is committed.
#[derive(Default)]
pub(super) struct Activities(Vec<Activity>);

/// The records, within an open transaction.
pub(super) struct Records<'a, 'c> {
    data: &'a Prepared<'c>,
    fresh: &'a Fresh,
    activities: Vec<Activity>,
    heard: Heard,
    /// Those kept in this transaction, by their names.
    names: HashMap<(i64, RecordId), Row, ByRandomName>,
}

/// How far a transaction has come.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    kept: usize,
    gone: usize,
}

impl<'a, 'c> Records<'a, 'c> {
    pub(super) fn new(data: &'a Prepared<'c>, fresh: &'a Fresh, known: Activities) -> Self {
        Self { data, fresh, activities: known.0, heard: Heard::default(), names: HashMap::default() }
    }

    /// How far it has come.
    pub(super) const fn mark(&self) -> Mark {
        Mark { kept: self.heard.kept.len(), gone: self.heard.gone.len() }
    }

    /// Forgets what was done since `mark`, with the change that did it. What lies before has been flushed.
    pub(super) fn forget_since(&mut self, mark: Mark) {
        for named in self.heard.kept.drain(mark.kept..) {
            self.names.remove(&(named.row.place(), named.id));
        }
        self.heard.gone.truncate(mark.gone);
        self.activities.clear();
    }

    /// Writes what is due of the activities.
    pub(super) fn flush(&mut self) -> rusqlite::Result<()> {
        for activity in &mut self.activities {
            if activity.lost || activity.next - activity.written >= COUNTED {
                let sql = "UPDATE activity SET next = ?2, kept = ?3 WHERE place = ?1";
                self.data
                    .execute(sql, params![activity.place, signed(activity.next), signed(activity.kept)])?;
                (activity.written, activity.lost) = (activity.next, false);
            }
        }
        Ok(())
    }

    /// Writes what is due of the indices, and gives what is to be heard and known once all is committed.
    pub(super) fn settle(mut self) -> rusqlite::Result<(Heard, Activities)> {
        if !self.heard.kept.is_empty() {
            self.put(self.heard.kept.len() * SETTLED_FOR_EACH)?;
        }
        if self.activities.len() > REMEMBERED {
            self.activities.clear();
        }
        Ok((self.heard, Activities(self.activities)))
    }

    /// Writes all that is left of the indices, in transactions of its own.
    pub(super) fn settle_all(data: &'a Prepared<'c>, fresh: &'a Fresh) -> rusqlite::Result<()> {
        // Once for what is on its way, once for what came meanwhile.
        for _ in 0..2 {
            fresh.turn();
            loop {
                let mut records = Self::new(data, fresh, Activities::default());
                data.execute("BEGIN IMMEDIATE", [])?;
                let more = records.put(SETTLED_AT_THE_END)?;
                data.execute("COMMIT", [])?;
                fresh.hear(&records.heard);
                if !more {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Puts the next so many into the indices; tells whether there were any.
    fn put(&mut self, most: usize) -> rusqlite::Result<bool> {
        let slice = self.fresh.slice(most);
        // What this transaction deleted is on its way as it was before.
        let gone: HashSet<Row> = self.heard.gone.iter().copied().collect();
        // Some may be there already: a crash came before the last slice.
        for (key, row) in slice.keys.iter().filter(|(_, row)| !gone.contains(row)) {
            let sql = "INSERT OR IGNORE INTO record_of_key (key, row) VALUES (?1, ?2)";
            self.data.execute(sql, params![key, row.0])?;
        }
        for (place, id, row) in slice.names.iter().filter(|(_, _, row)| !gone.contains(row)) {
            let sql = "INSERT OR IGNORE INTO record_of_name (place, id, row) VALUES (?1, ?2, ?3)";
            self.data.execute(sql, params![place, id, row.0])?;
        }
        for (place, upto) in &slice.upto {
            let sql = "UPDATE activity SET indexed = ?2 WHERE place = ?1";
            self.data.execute(sql, params![place, signed(*upto)])?;
        }
        let any = !slice.is_empty();
        self.heard.settled = slice;
        Ok(any)
    }

    /// Keeps a record under the next number of its activity.
    pub(super) fn keep(&mut self, record: &SealedRecord) -> Result<u64, Fault> {
        let packed = record.fields.as_bytes();
        let activity = self.activity(&record.activity)?;
        let (place, number) = (activity.place, activity.next);
        activity.next += 1;
        activity.kept += 1;
        let row = Row::new(place, number).ok_or_else(|| rejected("no number is left for a record"))?;
        let named = Named { row, id: record.id, key: record.key };
        // Names are random. What is seen here is a record that is kept twice in a row.
        if self.names.contains_key(&(place, record.id)) || self.fresh.named(place, &record.id).is_some() {
            return Err(rejected("a record of this name is kept already"));
        }
        let sql = "INSERT INTO record (row, id, reference, key, at, fields) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let reference = record.reference.as_bytes();
        let at = record.at.millis();
        self.data.execute(sql, params![row.0, record.id, reference, record.key, at, packed])?;
        self.names.insert((place, record.id), row);
        self.heard.kept.push(named);
        Ok(number)
    }

    /// Deletes the records of these names, of whatever activity, but for those whose person's data is to stay.
    pub(super) fn delete(
        &mut self,
        ids: &[RecordId],
        stays: impl Fn(Reference) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<u64> {
        let places: Vec<i64> = self.data.rows("SELECT place FROM activity", [], |row| row.get(0))?;
        let mut deleted = 0;
        for id in ids {
            for place in &places {
                let Some(row) = self.row(*place, id)? else { continue };
                let sql = "SELECT reference FROM record WHERE row = ?1";
                let whose = self.data.row(sql, params![row.0], |found| reference(found, 0))?;
                if let Some(whose) = whose
                    && !stays(whose)?
                {
                    deleted += self.delete_row(row, None)?;
                }
            }
        }
        Ok(deleted)
    }

    /// Deletes the records under a key.
    pub(super) fn delete_of(&mut self, key: &KeyId) -> rusqlite::Result<u64> {
        let mut deleted = 0;
        for row in self.rows_of(key)? {
            deleted += self.delete_row(row, Some(key))?;
        }
        Ok(deleted)
    }

    /// Whether a record lies under a key.
    pub(super) fn any_of(&self, key: &KeyId) -> rusqlite::Result<bool> {
        any_under(self.data, self.rows_of(key)?, key)
    }

    /// Deletes a record, if it is there, and under this key if one is said.
    fn delete_row(&mut self, row: Row, key: Option<&KeyId>) -> rusqlite::Result<u64> {
        // Looked up while the record is there: it may be the last one, by which the numbers that were given are known.
        self.activity_at(row.place())?;
        let sql = "DELETE FROM record WHERE row = ?1 AND key = coalesce(?2, key) RETURNING id, key";
        let named = self.data.row(sql, params![row.0, key], |found| {
            Ok(Named { row, id: found.get(0)?, key: found.get(1)? })
        })?;
        let Some(named) = named else { return Ok(0) };
        let sql = "DELETE FROM record_of_key WHERE key = ?1 AND row = ?2";
        self.data.execute(sql, params![named.key, row.0])?;
        let sql = "DELETE FROM record_of_name WHERE place = ?1 AND id = ?2 AND row = ?3";
        self.data.execute(sql, params![row.place(), named.id, row.0])?;
        self.heard.gone.push(row);
        let activity = self.activity_at(row.place())?;
        activity.kept = activity.kept.saturating_sub(1);
        activity.lost = true;
        Ok(1)
    }

    /// The records under a key, in their order. Some may be gone.
    fn rows_of(&self, key: &KeyId) -> rusqlite::Result<Vec<Row>> {
        let mut rows = read::rows_of(self.data, self.fresh, key)?;
        rows.extend(self.heard.kept.iter().filter(|named| named.key == *key).map(|named| named.row));
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }

    /// The record of this name. It may be gone.
    fn row(&self, place: i64, id: &RecordId) -> rusqlite::Result<Option<Row>> {
        let now = self.names.get(&(place, *id)).copied();
        if let Some(row) = now.or_else(|| self.fresh.named(place, id)) {
            return Ok(Some(row));
        }
        let sql = "SELECT row FROM record_of_name WHERE place = ?1 AND id = ?2";
        self.data.row(sql, params![place, id], |row| row.get(0).map(Row))
    }

    /// What is known of an activity; a new one gets a place.
    fn activity(&mut self, name: &str) -> rusqlite::Result<&mut Activity> {
        if let Some(held) = self.activities.iter().position(|held| held.name == name) {
            return self.held(held);
        }
        let sql = "SELECT place, name, next, kept FROM activity WHERE name = ?1";
        let known = match self.data.row(sql, params![name], activity)? {
            Some(known) => counted(self.data, known)?,
            None => {
                let sql = "INSERT INTO activity (name, next, kept) VALUES (?1, 0, 0) RETURNING place";
                let place = self.data.row(sql, params![name], |row| row.get(0))?;
                let place = place.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
                Activity { place, name: name.to_owned(), next: 0, kept: 0, written: 0, lost: false }
            }
        };
        self.activities.push(known);
        self.held(self.activities.len().saturating_sub(1))
    }

    fn activity_at(&mut self, place: i64) -> rusqlite::Result<&mut Activity> {
        if let Some(held) = self.activities.iter().position(|held| held.place == place) {
            return self.held(held);
        }
        let sql = "SELECT place, name, next, kept FROM activity WHERE place = ?1";
        let known = self.data.row(sql, params![place], activity)?;
        self.activities.push(counted(self.data, known.ok_or(rusqlite::Error::QueryReturnedNoRows)?)?);
        self.held(self.activities.len().saturating_sub(1))
    }

    fn held(&mut self, at: usize) -> rusqlite::Result<&mut Activity> {
        self.activities.get_mut(at).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }
}

/// Whether a record lies under a key, as a reader sees it.
pub(super) fn any_of(data: &Prepared<'_>, fresh: &Fresh, key: &KeyId) -> rusqlite::Result<bool> {
    any_under(data, read::rows_of(data, fresh, key)?, key)
}

/// Whether one of these lies under a key, and is there.
fn any_under(data: &Prepared<'_>, rows: Vec<Row>, key: &KeyId) -> rusqlite::Result<bool> {
    for row in rows {
        let sql = "SELECT 1 FROM record WHERE row = ?1 AND key = ?2";
        if data.row(sql, params![row.0, key], |_| Ok(()))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn activity(row: &rusqlite::Row<'_>) -> rusqlite::Result<Activity> {
    let next = unsigned(row, 2)?;
    Ok(Activity {
        place: row.get(0)?,
        name: row.get(1)?,
        next,
        kept: unsigned(row, 3)?,
        written: next,
        lost: false,
    })
}

/// Counts the records that its row does not know of.
fn counted(data: &Prepared<'_>, mut activity: Activity) -> rusqlite::Result<Activity> {
    let more = read::uncounted(data, activity.place, activity.next)?;
    activity.next += more;
    activity.kept += more;
    Ok(activity)
}
