//! Questions about records. What was kept lately is asked for first, then the indices: between the two, records only go
//! from the one to the other, so none is missed, and those met twice are told once.

use rusqlite::params;

use crate::clock::Timestamp;
use crate::personal::Reference;
use crate::store::SealedFields;
use crate::store::rows::*;

use super::super::prepared::Prepared;
use super::super::reader::{Reader, moment, reference, signed, unsigned};
use super::fresh::{Fresh, Row};

type Rows<T> = rusqlite::Result<Vec<T>>;

/// How many keys are looked at before it is asked for more.
const PAGE: u32 = if cfg!(test) { 2 } else { 1_000 };

/// The records under a key, by their numbers. Some may be gone.
pub(super) fn rows_of(data: &Prepared<'_>, fresh: &Fresh, key: &KeyId) -> Rows<Row> {
    let mut rows = fresh.of_key(key);
    let sql = "SELECT row FROM record_of_key WHERE key = ?1 ORDER BY row";
    rows.extend(data.rows(sql, params![key], |row| row.get(0).map(Row))?);
    rows.sort_unstable();
    rows.dedup();
    Ok(rows)
}

/// How many records of a place there are from number `next` on. None of these has been deleted, so the last one tells.
pub(super) fn uncounted(data: &Prepared<'_>, place: i64, next: u64) -> rusqlite::Result<u64> {
    let sql = "SELECT row FROM record WHERE row < (?1 + 1) << 40 AND row >= (?1 << 40) + ?2 ORDER BY row DESC LIMIT 1";
    let last = data.row(sql, params![place, signed(next)], |row| row.get(0).map(Row))?;
    Ok(beyond(next, last))
}

/// How many numbers there are from `next` to the last one.
fn beyond(next: u64, last: Option<Row>) -> u64 {
    last.map_or(0, |last| (last.number() + 1).saturating_sub(next))
}

impl Reader<'_> {
    pub(in crate::store) fn records(
        &self,
        activity: &str,
        after: Option<RecordId>,
        skip: u64,
        limit: u32,
    ) -> Rows<RecordRow> {
        let Some(place) = self.place(activity)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for row in self.page(place, after, skip, limit)? {
            found.extend(self.at(row, activity)?);
        }
        Ok(found)
    }

    /// A page of an activity's records in the order of their names.
    fn page(&self, place: i64, after: Option<RecordId>, skip: u64, limit: u32) -> Rows<Row> {
        let lately = self.fresh.names(place, after);
        // However the recent names lie among the others, no more than all of them lie before the page.
        let recent = u64::try_from(lately.len()).unwrap_or(u64::MAX);
        let offset = skip.saturating_sub(recent);
        let window = skip.min(recent).saturating_add(limit.into());
        let sql = "SELECT id, row FROM record_of_name WHERE place = ?1 AND id > ?2 ORDER BY id, row LIMIT ?3 OFFSET ?4";
        let from = after.as_ref().map_or(&[][..], |id| &id[..]);
        let indexed: Vec<(RecordId, Row)> =
            self.data.rows(sql, params![place, from, signed(window), signed(offset)], |row| {
                Ok((row.get(0)?, Row(row.get(1)?)))
            })?;
        // Recent names before the first one that was asked for lie before the page, as do those that the index passed over.
        let passed = match indexed.first() {
            _ if offset == 0 => 0,
            Some(first) => lately.partition_point(|name| name < first),
            None => return Ok(Vec::new()),
        };
        let mut names: Vec<_> = lately.into_iter().skip(passed).chain(indexed).collect();
        names.sort_unstable();
        names.dedup();
        let before = usize::try_from(skip - offset).unwrap_or(usize::MAX).saturating_sub(passed);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(names.into_iter().skip(before).take(most).map(|(_, row)| row).collect())
    }

    pub(in crate::store) fn records_count(&self, activity: &str) -> rusqlite::Result<u64> {
        // In one statement, so that all of it is seen as it stood at one moment.
        let sql = "SELECT kept, next, (SELECT max(row) FROM record WHERE row < (place + 1) << 40 AND row >= (place << 40) + next) \
                   FROM activity WHERE name = ?1";
        let count = |row: &rusqlite::Row<'_>| {
            let last = row.get::<_, Option<i64>>(2)?.map(Row);
            Ok(unsigned(row, 0)? + beyond(unsigned(row, 1)?, last))
        };
        Ok(self.data.row(sql, params![activity], count)?.unwrap_or(0))
    }

    pub(in crate::store) fn record(
        &self,
        activity: &str,
        number: u64,
    ) -> rusqlite::Result<Option<RecordRow>> {
        let Some(row) = self.place(activity)?.and_then(|place| Row::new(place, number)) else {
            return Ok(None);
        };
        self.at(row, activity)
    }

    /// The number of an activity's first record from `from` on that comes before `before`.
    pub(in crate::store) fn first_record(
        &self,
        activity: &str,
        from: u64,
        before: u64,
    ) -> rusqlite::Result<Option<u64>> {
        let Some(place) = self.place(activity)? else { return Ok(None) };
        let Some(from) = Row::new(place, from) else { return Ok(None) };
        let sql = "SELECT row FROM record WHERE row >= ?1 AND row < (?2 + 1) << 40 ORDER BY row LIMIT 1";
        let first =
            self.data.row(sql, params![from.0, place], |row| row.get(0).map(|row| Row(row).number()))?;
        Ok(first.filter(|number| *number < before))
    }

    /// A record that lies where no activity is. One statement, so that an activity that comes meanwhile is seen with its records.
    pub(in crate::store) fn record_of_no_activity(&self) -> rusqlite::Result<Option<i64>> {
        let sql = "WITH nowhere (row) AS ( \
                     SELECT min(row) FROM record WHERE row < ifnull((SELECT min(place) << 40 FROM activity), 9223372036854775807) \
                     UNION ALL \
                     SELECT (SELECT row FROM record WHERE row >= (place + 1) << 40 AND row < \
                       ifnull((SELECT min(next.place) << 40 FROM activity AS next WHERE next.place > activity.place), 9223372036854775807) \
                       LIMIT 1) FROM activity) \
                   SELECT row FROM nowhere WHERE row IS NOT NULL LIMIT 1";
        self.data.row(sql, params![], |row| row.get(0))
    }

    /// The number of each activity's last record.
    pub(in crate::store) fn last_records(&self) -> Rows<(String, u64)> {
        let sql = "SELECT name, (SELECT max(row) FROM record WHERE row < (place + 1) << 40 AND row >= place << 40) AS last \
                   FROM activity WHERE last IS NOT NULL ORDER BY name";
        self.data.rows(sql, params![], |row| Ok((row.get(0)?, Row(row.get(1)?).number())))
    }

    pub(in crate::store) fn records_of_person(
        &self,
        of: Reference,
        activity: Option<&str>,
    ) -> Rows<RecordRow> {
        let mut found = Vec::new();
        for key in
            self.keys_of(of)?.iter().filter(|key| activity.is_none_or(|activity| key.activity == activity))
        {
            for row in rows_of(&self.data, self.fresh, &key.id)? {
                found.extend(self.at(row, &key.activity)?.filter(|found| found.record.key == key.id));
            }
        }
        found.sort_by(|a, b| (&a.record.activity, a.number).cmp(&(&b.record.activity, b.number)));
        Ok(found)
    }

    pub(in crate::store) fn expired(
        &self,
        activity: &str,
        before: Timestamp,
        limit: u32,
    ) -> Rows<(Timestamp, RecordId)> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found: Vec<(Timestamp, RecordId)> = Vec::new();
        let mut last: Option<(i64, KeyId)> = None;
        while found.len() < most {
            let keys = self.unrestricted_keys(activity, before, last)?;
            let Some(end) = keys.last() else { break };
            last = Some(*end);
            for (_, key) in keys {
                if found.len() >= most {
                    break;
                }
                let sql = "SELECT at, id FROM record WHERE row = ?1 AND key = ?2 AND at < ?3";
                let mut expired: Vec<(i64, RecordId)> = Vec::new();
                for row in rows_of(&self.data, self.fresh, &key)? {
                    expired.extend(self.data.row(sql, params![row.0, key, before.millis()], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?);
                }
                expired.sort_unstable();
                found.extend(expired.into_iter().map(|(at, id)| (Timestamp::from_millis(at), id)));
            }
        }
        found.truncate(most);
        Ok(found)
    }

    /// Some keys of days up to a moment's, the oldest first, behind one of them. What is restricted is kept, also past its term
    /// (GDPR Art. 18(2)), until the restriction is lifted.
    fn unrestricted_keys(
        &self,
        activity: &str,
        before: Timestamp,
        after: Option<(i64, KeyId)>,
    ) -> Rows<(i64, KeyId)> {
        let (day, id) = after.as_ref().map_or((i64::MIN, &[][..]), |(day, id)| (*day, &id[..]));
        self.keyring.rows(
            "SELECT day, id FROM key WHERE activity = ?1 AND day <= ?2 AND (day, id) > (?3, ?4) AND reference NOT IN \
             (SELECT subject.reference FROM stop JOIN subject USING (lookup) WHERE stop.kind = 0) \
             ORDER BY day, id LIMIT ?5",
            params![activity, before.day().number(), day, id, PAGE],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    fn place(&self, activity: &str) -> rusqlite::Result<Option<i64>> {
        self.data.row("SELECT place FROM activity WHERE name = ?1", params![activity], |row| row.get(0))
    }

    fn at(&self, row: Row, activity: &str) -> rusqlite::Result<Option<RecordRow>> {
        let sql = "SELECT id, reference, key, at, fields FROM record WHERE row = ?1";
        self.data.row(sql, params![row.0], |found| {
            let record = SealedRecord {
                id: found.get(0)?,
                reference: reference(found, 1)?,
                activity: activity.to_owned(),
                key: found.get(2)?,
                at: moment(found, 3)?,
                fields: SealedFields::from_bytes(found.get_ref(4)?.as_blob()?)
                    .unwrap_or_else(SealedFields::broken),
            };
            Ok(RecordRow { number: row.number(), record })
        })
    }
}
