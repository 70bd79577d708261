//! Keys and persons of whom nothing is kept any more: looked for a page at a time, so that nobody waits behind it, and looked at
//! again by the writer before they go.

use rusqlite::params;

use crate::clock::Day;
use crate::personal::Reference;
use crate::store::rows::*;

use super::prepared::Prepared;
use super::reader::{Reader, reference};
use super::records;

/// How many are looked at at once.
const PAGE: u32 = if cfg!(test) { 2 } else { 1_000 };

impl Reader<'_> {
    /// Keys of an activity, of days before one, that seal no record.
    pub(in crate::store) fn unused_keys(
        &self,
        activity: &str,
        before: Day,
        after: Option<(Day, KeyId)>,
    ) -> rusqlite::Result<Sought<KeyId, (Day, KeyId)>> {
        let sql = "SELECT day, id FROM key WHERE activity = ?1 AND day < ?2 AND (day, id) > (?3, ?4) \
                   ORDER BY day, id LIMIT ?5";
        let (day, id) = after.as_ref().map_or((i64::MIN, &[][..]), |(day, id)| (day.number(), &id[..]));
        let page = self.keyring.rows(sql, params![activity, before.number(), day, id, PAGE], |row| {
            Ok((Day::from_number(row.get(0)?), row.get::<_, KeyId>(1)?))
        })?;
        let next = last_of(&page).copied();
        let mut found = Vec::new();
        for (_, id) in page {
            if !records::any_of(&self.data, self.fresh, &id)? {
                found.push(id);
            }
        }
        Ok(Sought { found, next })
    }

    /// Persons without a key, a consent and a stop.
    pub(in crate::store) fn unused_persons(
        &self,
        after: Option<Lookup>,
    ) -> rusqlite::Result<Sought<Reference, Lookup>> {
        let sql = "SELECT lookup, reference, EXISTS (SELECT 1 FROM key WHERE key.reference = subject.reference) \
                   OR EXISTS (SELECT 1 FROM stop WHERE stop.lookup = subject.lookup) \
                   FROM subject WHERE lookup > ?1 ORDER BY lookup LIMIT ?2";
        let after = after.as_ref().map_or(&[][..], |lookup| &lookup[..]);
        let page = self.keyring.rows(sql, params![after, PAGE], |row| {
            Ok((row.get::<_, Lookup>(0)?, reference(row, 1)?, row.get::<_, bool>(2)?))
        })?;
        let next = last_of(&page).map(|(lookup, ..)| *lookup);
        let mut found = Vec::new();
        for (_, reference, used) in page {
            if !used && !has_said(&self.data, reference)? {
                found.push(reference);
            }
        }
        Ok(Sought { found, next })
    }
}

/// The last one of a page that is full.
fn last_of<T>(page: &[T]) -> Option<&T> {
    page.last().filter(|_| u32::try_from(page.len()).is_ok_and(|found| found == PAGE))
}

/// Whether something is kept of what somebody said.
pub(super) fn has_said(data: &Prepared<'_>, reference: Reference) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM consent WHERE reference = ?1)";
    Ok(data.row(sql, params![reference.as_bytes()], |row| row.get(0))? == Some(true))
}
