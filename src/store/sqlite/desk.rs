//! What the writer does with the two files within one session.

use std::cell::RefCell;

use crate::audit::Chain;
use crate::store::{Change, Done, Result};

use super::anchor;
use super::apply::{Fault, State, Unit};
use super::prepared::Prepared;
use super::records::Activities;
use super::records::fresh::{Fresh, Heard};
use super::sealing::Sealing;

/// The answers to a group's changes, what is known after them, and what is to be heard once they are committed.
pub(super) type Applied = (Vec<Result<Done>>, State, Heard);

/// The prepared files, and what is to be done with them.
pub(super) struct Desk<'a, 'c> {
    pub(super) data: &'a Prepared<'c>,
    pub(super) keyring: &'a Prepared<'c>,
    pub(super) fresh: &'a Fresh,
    pub(super) sealing: RefCell<Sealing>,
    /// As the last group left them; a group that is not committed leaves none.
    pub(super) activities: RefCell<Activities>,
    /// Whether the keyring's commits are synced.
    pub(super) full: bool,
    /// Whether the keyring is to be written anew.
    pub(super) anew: bool,
    /// Whether the keyring's log is to be emptied.
    pub(super) truncate: bool,
}

impl<'a, 'c> Desk<'a, 'c> {
    pub(super) fn new(data: &'a Prepared<'c>, keyring: &'a Prepared<'c>, fresh: &'a Fresh) -> Self {
        Self {
            data,
            keyring,
            fresh,
            sealing: RefCell::default(),
            activities: RefCell::default(),
            full: true,
            anew: false,
            truncate: false,
        }
    }

    /// Begins a group. A keyring that is only read is read as it stands now: each look by itself would lock the file anew.
    pub(super) fn begin(&mut self, both: bool) -> rusqlite::Result<()> {
        if both {
            self.sync_keyring(true)?;
            self.keyring.execute("BEGIN IMMEDIATE", [])?;
        } else {
            self.keyring.execute("BEGIN", [])?;
        }
        self.data.execute("BEGIN IMMEDIATE", []).map(drop)
    }

    pub(super) fn commit_keyring(&self) -> rusqlite::Result<()> {
        self.keyring.execute("COMMIT", []).map(drop)
    }

    pub(super) fn commit_data(&self) -> rusqlite::Result<()> {
        self.data.execute("COMMIT", []).map(drop)
    }

    pub(super) fn roll_back(&self) -> rusqlite::Result<()> {
        self.data.execute("ROLLBACK", [])?;
        self.keyring.execute("ROLLBACK", []).map(drop)
    }

    pub(super) fn apply(
        &self,
        state: State,
        changes: &[Change],
        both: bool,
    ) -> std::result::Result<Applied, Fault> {
        let mut sealing = self.sealing.borrow_mut();
        let mut unit = Unit::new(self, &mut sealing, state, both);
        let answers =
            changes.iter().map(|change| unit.apply(change).map(Ok)).collect::<std::result::Result<_, _>>()?;
        unit.flush()?;
        let (state, (heard, activities)) = (unit.state, unit.records.settle()?);
        self.activities.replace(activities);
        Ok((answers, state, heard))
    }

    pub(super) fn apply_each(
        &self,
        state: State,
        changes: &[Change],
        both: bool,
    ) -> rusqlite::Result<Applied> {
        let mut sealing = self.sealing.borrow_mut();
        let mut unit = Unit::new(self, &mut sealing, state, both);
        let files = [Some(self.data), both.then_some(self.keyring)];
        let mut answers = Vec::with_capacity(changes.len());
        for change in changes {
            let (before, mark) = (unit.state, unit.records.mark());
            for file in files.into_iter().flatten() {
                file.execute("SAVEPOINT change", [])?;
            }
            let answer = match unit.apply(change).and_then(|done| unit.flush().map(|()| done)) {
                Ok(done) => Ok(done),
                Err(Fault::Change(error)) => Err(error),
                Err(Fault::Files(error)) => return Err(error),
            };
            if answer.is_err() {
                unit.state = before;
                unit.forget_since(mark);
            }
            for file in files.into_iter().flatten() {
                if answer.is_err() {
                    file.execute("ROLLBACK TO change", [])?;
                }
                file.execute("RELEASE change", [])?;
            }
            answers.push(answer);
        }
        let (state, (heard, activities)) = (unit.state, unit.records.settle()?);
        self.activities.replace(activities);
        Ok((answers, state, heard))
    }

    /// Notes in the keyring where the chain stands. Not synced: it survives the end of the process, and may lag after a
    /// loss of power. With `NORMAL`, not `OFF`, the log is still synced before it is reused, so the file stays sound.
    pub(super) fn anchor(&mut self, chain: Chain) -> rusqlite::Result<()> {
        self.sync_keyring(false)?;
        anchor::vouch(self.keyring, chain)
    }

    fn sync_keyring(&mut self, full: bool) -> rusqlite::Result<()> {
        if self.full != full {
            let sql = if full { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
            self.keyring.execute(sql, [])?;
            self.full = full;
        }
        Ok(())
    }

    /// Leaves nothing in the keyring's files of what is to be forgotten.
    pub(super) fn forget_if_due(&mut self) -> rusqlite::Result<()> {
        if self.anew {
            write_anew(self.keyring)?;
            self.anew = false;
        }
        if self.truncate {
            truncate(self.keyring)?;
            self.truncate = false;
        }
        Ok(())
    }
}

/// Writes a file anew. `secure_delete` overwrites what is deleted or replaced, and not the copies that SQLite leaves in unused parts
/// of pages when it moves rows from one to another.
pub(super) fn write_anew(file: &Prepared<'_>) -> rusqlite::Result<()> {
    file.execute("VACUUM", []).map(drop)
}

/// How many pages a file has.
pub(super) fn pages(file: &Prepared<'_>) -> rusqlite::Result<u32> {
    file.row("PRAGMA page_count", [], |row| row.get(0)).map(Option::unwrap_or_default)
}

/// Copies a file's log into it and empties the log.
pub(super) fn truncate(file: &Prepared<'_>) -> rusqlite::Result<()> {
    let busy = file.row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
    match busy {
        Some(false) => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            Some("the log could not be emptied: it is being read".to_owned()),
        )),
    }
}
