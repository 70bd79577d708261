//! The layouts of the two files. A layout that was shipped is never edited: a change is one more script at the end.

use std::path::Path;

use rusqlite::Connection;

use crate::store::StoreError;

use super::files;

/// The data file. `record.fields` is [`SealedFields`](crate::store::SealedFields)' encoding, `record.row` is 2^40 times the activity's place and the number.
/// Ciphertexts follow their key, so a person's and a day's records are found through the keyring; there is no index by
/// reference or time. `record_of_key` and `record_of_name` lack the last of an activity's records, from number `indexed` on.
pub(super) const DATA: &[&str] = &["
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE checkpoint (count INTEGER PRIMARY KEY, head BLOB NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE intent (decision BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counter (activity TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE record (
  row INTEGER PRIMARY KEY, activity TEXT NOT NULL, id BLOB NOT NULL, number INTEGER NOT NULL, reference BLOB NOT NULL,
  key BLOB NOT NULL, at INTEGER NOT NULL, fields BLOB NOT NULL,
  UNIQUE (activity, id), UNIQUE (activity, number)
) STRICT;
CREATE INDEX record_by_key ON record (key);
CREATE TABLE consent (
  reference BLOB NOT NULL, purpose TEXT NOT NULL, notice_version INTEGER NOT NULL, state INTEGER NOT NULL,
  at INTEGER NOT NULL, expires INTEGER, wording BLOB NOT NULL, language TEXT NOT NULL, method TEXT NOT NULL,
  PRIMARY KEY (reference, purpose, notice_version)
) STRICT, WITHOUT ROWID;
", "
CREATE TABLE activity (
  place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, next INTEGER NOT NULL, kept INTEGER NOT NULL,
  indexed INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO activity (name, next, kept, indexed)
  SELECT activity, next, (SELECT count(*) FROM record WHERE record.activity = counter.activity), next FROM counter;
ALTER TABLE record RENAME TO record_before;
CREATE TABLE record (
  row INTEGER PRIMARY KEY, id BLOB NOT NULL, reference BLOB NOT NULL, key BLOB NOT NULL, at INTEGER NOT NULL, fields BLOB NOT NULL
) STRICT;
INSERT INTO record (row, id, reference, key, at, fields)
  SELECT (place << 40) + number, id, reference, key, at, fields
  FROM activity CROSS JOIN record_before ON record_before.activity = activity.name ORDER BY place, number;
CREATE TABLE record_of_key (key BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (key, row)) STRICT, WITHOUT ROWID;
INSERT INTO record_of_key (key, row) SELECT key, row FROM record ORDER BY 1, 2;
CREATE TABLE record_of_name (
  place INTEGER NOT NULL, id BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (place, id, row)
) STRICT, WITHOUT ROWID;
INSERT INTO record_of_name (place, id, row) SELECT row >> 40, id, row FROM record ORDER BY 1, 2;
DROP TABLE record_before;
DROP TABLE counter;
", "
-- The tables stay. From here on `activity.next` and `activity.kept` lack the last records, from number `next` on (ADR 0023): a program
-- that does not know it would give their numbers twice.
"];

/// The keyring. Tombstones are counted from 1 in the order of destruction; the data file notes how far it has heard. A withdrawal leaves a mark here, so that an old data file put back does not bring a consent back to life.
pub(super) const KEYRING: &[&str] = &["
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE anchor (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL, head BLOB NOT NULL) STRICT;
CREATE TABLE subject (lookup BLOB PRIMARY KEY, reference BLOB NOT NULL UNIQUE) STRICT, WITHOUT ROWID;
CREATE TABLE key (
  id BLOB PRIMARY KEY, reference BLOB NOT NULL, activity TEXT NOT NULL, day INTEGER NOT NULL,
  source_closed INTEGER NOT NULL DEFAULT 0, wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX key_in_use ON key (reference, activity, day) WHERE source_closed = 0;
CREATE INDEX key_of_person ON key (reference);
CREATE INDEX key_by_day ON key (activity, day);
CREATE TABLE tombstone (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, reference BLOB NOT NULL, activity TEXT NOT NULL,
  day INTEGER NOT NULL, because TEXT NOT NULL
) STRICT;
CREATE TABLE withdrawal (
  reference BLOB NOT NULL, purpose TEXT NOT NULL, notice_version INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (reference, purpose, notice_version)
) STRICT, WITHOUT ROWID;
CREATE TABLE stop (lookup BLOB NOT NULL, kind INTEGER NOT NULL, purpose TEXT NOT NULL, everything INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (lookup, kind, purpose, everything)) STRICT, WITHOUT ROWID;
CREATE TABLE secret (name TEXT NOT NULL, version INTEGER NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (name, version)) STRICT, WITHOUT ROWID;
", "
-- What the data file is owed of the last acts (`acts`).
CREATE TABLE owed_event (act INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE owed_consent (
  act INTEGER NOT NULL, reference BLOB NOT NULL, purpose TEXT NOT NULL, notice_version INTEGER NOT NULL, state INTEGER NOT NULL,
  at INTEGER NOT NULL, expires INTEGER, wording BLOB NOT NULL, language TEXT NOT NULL, method TEXT NOT NULL
) STRICT;
"];

/// Brings a file to the newest layout, one script and one transaction at a time.
pub(super) fn migrate(connection: &Connection, path: &Path, scripts: &[&str]) -> Result<(), StoreError> {
    let open = |error: rusqlite::Error| files::unopened(path, error);
    let known = i64::try_from(scripts.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(open)?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for (version, script) in (1..).zip(scripts).filter(|(version, _)| *version > found) {
        connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {script} PRAGMA user_version = {version}; COMMIT;"))
            .map_err(open)?;
    }
    Ok(())
}
