//! The whole audit, as it stood at one moment.

use tokio::sync::oneshot;

use crate::audit::{Chain, Checkpoint, StoredEntry};
use crate::store::rows::RecordRow;
use crate::store::{Result, StoreError};

use super::files::{self, Files};
use super::prepared::Prepared;
use super::reader::Reader;
use super::records::fresh::Fresh;

/// How many entries are read at once.
const PAGE: u32 = 512;

/// The audit as it stood at one moment.
pub struct AuditView<'a, 'c> {
    reader: &'a Reader<'c>,
    anchor: Option<Chain>,
    checkpoints: Vec<Checkpoint>,
    last_records: Vec<(String, u64)>,
    upto: u64,
}

impl<'a, 'c> AuditView<'a, 'c> {
    /// The count and head that the keyring vouched for.
    pub const fn anchor(&self) -> Option<Chain> {
        self.anchor
    }

    /// All entries from number `from`, in order, read as they are asked for. No transaction is held meanwhile: entries are
    /// only ever added, and those added later are left out.
    pub fn entries(&self, from: u64) -> impl Iterator<Item = Result<StoredEntry>> + use<'a, 'c> {
        Entries { reader: self.reader, next: from, upto: self.upto, page: Vec::new().into_iter() }
    }

    /// All signed checkpoints in ascending order.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// The last record of each activity that has any: none of these is younger than the last entry.
    pub fn last_records(&self) -> &[(String, u64)] {
        &self.last_records
    }

    /// A kept record, if it is there now.
    ///
    /// # Errors
    /// Where the data file cannot be read.
    pub fn record(&self, activity: &str, number: u64) -> Result<Option<RecordRow>> {
        Ok(self.reader.record(activity, number)?)
    }

    /// The row of a record that lies where no activity is, if there is one.
    ///
    /// # Errors
    /// Where the data file cannot be read.
    pub fn record_of_no_activity(&self) -> Result<Option<i64>> {
        Ok(self.reader.record_of_no_activity()?)
    }

    /// The number of the first record from `from` on that comes before `before`.
    ///
    /// # Errors
    /// Where the data file cannot be read.
    pub fn first_record(&self, activity: &str, from: u64, before: u64) -> Result<Option<u64>> {
        Ok(self.reader.first_record(activity, from, before)?)
    }
}

struct Entries<'a, 'c> {
    reader: &'a Reader<'c>,
    next: u64,
    upto: u64,
    page: std::vec::IntoIter<StoredEntry>,
}

impl Iterator for Entries<'_, '_> {
    type Item = Result<StoredEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 && self.next <= self.upto {
            match self.reader.entries(self.next, PAGE) {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => {
                    self.upto = 0;
                    return Some(Err(error.into()));
                }
            }
        }
        let entry = self.page.next().filter(|entry| entry.seq <= self.upto)?;
        self.next = entry.seq.saturating_add(1);
        Some(Ok(entry))
    }
}

/// Runs `look` on a thread of its own: a long audit takes seconds, and readers have others to answer.
pub(super) async fn with_audit<T: Send + 'static>(
    files: Files,
    look: impl FnOnce(AuditView<'_, '_>) -> T + Send + 'static,
) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    let path = files.data.clone();
    std::thread::Builder::new()
        .name("store-audit".to_owned())
        .spawn(move || drop(answer.send(walk(&files, look))))
        .map_err(|error| files::unopened(&path, error))?;
    answered.await.map_err(|_| StoreError::Unavailable(None))?
}

fn walk<T>(files: &Files, look: impl FnOnce(AuditView<'_, '_>) -> T) -> Result<T> {
    let before = files.lying()?;
    let seen = read(files, look);
    // Also where it failed: a file that is written to just then reads as one that is damaged.
    files.still(before.as_ref())?;
    seen
}

fn read<T>(files: &Files, look: impl FnOnce(AuditView<'_, '_>) -> T) -> Result<T> {
    let [data, keyring] = files.connect_reader()?;
    let fresh = Fresh::default();
    let (data, keyring) = (Prepared::new(&data), Prepared::new(&keyring));
    let reader = Reader { data, keyring, fresh: &fresh, files };
    // In this order, so that neither is ahead of the entries that are looked at.
    let anchor = reader.anchor()?;
    let checkpoints = reader.checkpoints()?;
    let last_records = reader.last_records()?;
    let upto = reader.last_entry()?;
    Ok(look(AuditView { reader: &reader, anchor, checkpoints, last_records, upto }))
}
