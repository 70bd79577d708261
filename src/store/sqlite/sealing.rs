//! Which keys may seal. Most records come under a key that sealed others before, so those that were found open are
//! remembered until something is done that closes keys.

use std::collections::HashMap;

use rusqlite::params;

use crate::personal::Reference;
use crate::store::rows::{KeyId, SealedRecord};

use super::prepared::Prepared;
use super::records::fresh::ByRandomName;

/// How many are remembered; then it begins anew.
const MOST: usize = 16_384;

/// Whose and of which activity the keys are that were found open.
#[derive(Default)]
pub(super) struct Sealing(HashMap<KeyId, (Reference, String), ByRandomName>);

impl Sealing {
    /// Whether a record's key is there, is its person's and activity's, and has not been closed. What is found is remembered
    /// where `committed` says that what the keyring shows will not be taken back.
    pub(super) fn allows(
        &mut self,
        record: &SealedRecord,
        keyring: &Prepared<'_>,
        committed: bool,
    ) -> rusqlite::Result<bool> {
        if let Some((reference, activity)) = self.0.get(&record.key) {
            return Ok(*reference == record.reference && *activity == record.activity);
        }
        let sql =
            "SELECT 1 FROM key WHERE id = ?1 AND reference = ?2 AND activity = ?3 AND source_closed = 0";
        let owner = params![record.key, record.reference.as_bytes(), record.activity];
        let allowed = keyring.row(sql, owner, |_| Ok(()))?.is_some();
        if allowed && committed {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.insert(record.key, (record.reference, record.activity.clone()));
        }
        Ok(allowed)
    }

    /// Forgets all: keys were closed or destroyed.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
