//! The contract, and faults of the files as the writer meets them.

mod acts;
mod anew;
mod crash;
mod faults;
mod modes;
mod restore;
mod unused;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rusqlite::Connection;

use crate::store::contract;

/// What a test does to the writer's connection to the data file.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// How many pages the file may have; 0 for no limit.
    pub(super) pages: AtomicU32,
    /// Whether it may only be read.
    pub(super) read_only: AtomicBool,
    /// Whether the next group fails after the keyring's commit and before its own.
    pub(super) between: AtomicBool,
}

impl Faults {
    pub(super) fn between(&self) -> rusqlite::Result<()> {
        match self.between.swap(false, Ordering::AcqRel) {
            true => Err(rusqlite::Error::InvalidQuery),
            false => Ok(()),
        }
    }

    pub(super) fn limit(&self, data: &Connection) -> rusqlite::Result<()> {
        if self.read_only.load(Ordering::Acquire) {
            data.execute_batch("PRAGMA query_only = ON")?;
        }
        match self.pages.load(Ordering::Acquire) {
            0 => Ok(()),
            pages => data.execute_batch(&format!("PRAGMA max_page_count = {pages}")),
        }
    }
}

/// Runs the cases of the contract, each in a folder of its own.
macro_rules! contract {
    ($($case:ident)+) => {
        $(#[tokio::test]
        async fn $case() {
            let folder = tempfile::tempdir().unwrap();
            contract::$case(folder.path()).await;
        })+
    };
}

contract! {
    what_is_kept_is_there_after_a_restart
    the_first_wins
    numbers_are_never_given_twice
    stops_outlive_an_erasure_and_nothing_is_minted_after_it
    consents_are_replaced
    a_closed_source_seals_no_more_and_a_new_key_can_be_minted
    what_is_wrapped_anew_is_counted_and_what_was_destroyed_stays_gone
    retention_takes_records_then_keys_then_the_person
    a_bad_change_fails_alone
    patient_changes_go_with_the_next
    two_hundred_changes_make_few_groups
    only_one_may_hold_it
}
