//! Drafts: the records that an exchange is going to keep, while its bodies are walked.

use std::sync::Arc;

use smallvec::SmallVec;

use super::authorize::Permit;
use super::batch::Batch;
use crate::clock::Timestamp;
use crate::custody::{CustodyError, RecordDraft, SubjectKey};
use crate::payload::Value;
use crate::store::SealedRecord;

/// What is kept of an exchange.
#[derive(Debug)]
pub(super) enum Drafts {
    /// Nothing.
    None,
    /// One record: all is one person's. Fields of rows are kept as lists, as those with a `[*]` are.
    One(RecordDraft),
    /// For each row of a batch a record of its person's; none where the row is denied.
    Rows(Vec<Option<RecordDraft>>),
}

impl Drafts {
    /// Under the parties' keys; there are none where the activity keeps nothing.
    pub(super) fn new(permit: &Permit, keys: &[Arc<SubjectKey>], at: Timestamp) -> Self {
        let draft = |key: &Arc<SubjectKey>| RecordDraft::new(Arc::clone(key), at);
        match (&permit.batch, keys) {
            (_, []) => Self::None,
            (None, [key, ..]) => Self::One(draft(key)),
            (Some(batch), keys) => {
                let of = |party: &Option<u32>| keys.get((*party)? as usize).map(draft);
                Self::Rows(batch.parties().iter().map(of).collect())
            }
        }
    }

    /// Keeps a value of a field, at the place where it belongs: `row` and `within` are what the walker says of `at`.
    ///
    /// # Errors
    /// Where the value cannot be sealed, or there is no record for it.
    pub(super) fn keep(
        &mut self,
        field: &str,
        at: &[u32],
        (row, within): (Option<u32>, &[u32]),
        value: Value<'_>,
    ) -> Result<(), CustodyError> {
        match (self, row) {
            (Self::None, _) => Err(CustodyError::Destroyed),
            (Self::One(draft), _) => draft.keep(field, at, value),
            (Self::Rows(rows), Some(row)) => match rows.get_mut(row as usize) {
                Some(Some(draft)) => draft.keep(field, within, value),
                _ => Err(CustodyError::Destroyed),
            },
            // What is of the whole batch is nobody's: no policy that keeps it loads.
            (Self::Rows(_), None) => Err(CustodyError::Destroyed),
        }
    }

    /// The records in which something is kept.
    ///
    /// # Errors
    /// Where one cannot be sealed.
    pub(super) fn finish(self) -> Result<SmallVec<[SealedRecord; 1]>, CustodyError> {
        let kept = |draft: &RecordDraft| !draft.is_empty();
        match self {
            Self::None => Ok(SmallVec::new()),
            Self::One(draft) => Some(draft).filter(kept).into_iter().map(RecordDraft::finish).collect(),
            Self::Rows(rows) => rows.into_iter().flatten().filter(kept).map(RecordDraft::finish).collect(),
        }
    }
}

/// Which way a walk goes through a batch: rows of an answer are counted as they were sent.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// All rows are one person's.
    Plain,
    /// On the way to the upstream.
    Outgoing(&'a Batch),
    /// On the way back.
    Incoming(&'a Batch),
}
