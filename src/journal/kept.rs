//! Whether the records that are kept are those of which the audit tells. An outcome names the numbers of its records and a hash
//! over their ciphertexts, and each ciphertext opens only as what it was sealed as (ADR 0007); so what the seals leave open to
//! whoever can write the data file is seen here: that a number was changed, a field taken away, a term put off, a record put in.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::audit::{DecisionId, Reading, StoredEntry};
use crate::crypto::{Digest, sha256};
use crate::store::{AuditView, RecordRow, StoreError};

use super::sealed;

/// By how much a clock may have been set back between a record and its outcome.
const CLOCK_SET: Duration = Duration::from_secs(3_600);

/// What became of the records of which the audit tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Those that are there, as they were sealed.
    pub as_told: u64,
    /// Those that are gone: erased, withdrawn, or at their term.
    pub gone: u64,
    /// Those that are there, but one hash covers them and others that are gone.
    pub beside_gone: u64,
    /// Entries that cannot be read here, as those of a newer gateway: of what these tell nothing is known.
    pub unread: u64,
}

/// A record that is not as the audit tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlike {
    /// It was altered, or another was put in its place; where several were kept together, one of them.
    Altered {
        /// Their numbers.
        numbers: Vec<u64>,
        /// Their activity.
        activity: String,
        /// The outcome that tells of them.
        entry: u64,
    },
    /// Its time was put off, and with it its term; or the clock was set back meanwhile.
    Late {
        /// Its number.
        number: u64,
        /// Its activity.
        activity: String,
        /// The outcome that tells of it.
        entry: u64,
    },
    /// It lies where no activity is: no term ends there.
    Nowhere {
        /// Its row in the table of records.
        row: i64,
    },
    /// No outcome tells of it.
    Untold {
        /// Its number.
        number: u64,
        /// Its activity.
        activity: String,
    },
}

impl std::error::Error for Unlike {}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered { numbers, activity, entry } => {
                match numbers.as_slice() {
                    [number] => write!(f, "record {number} of `{activity}` is not the one")?,
                    several => write!(f, "one of the records {several:?} of `{activity}` is not the one")?,
                }
                write!(f, " that entry {entry} tells of: it was altered or exchanged")
            }
            Self::Late { number, activity, entry } => {
                write!(
                    f,
                    "record {number} of `{activity}` is dated later than entry {entry}, which tells of it"
                )?;
                f.write_str(
                    ": its term was put off, or the clock was set back by more than an hour just then",
                )
            }
            Self::Nowhere { row } => {
                write!(
                    f,
                    "the record in row {row} belongs to no activity: it was put in, or moved out of its own"
                )
            }
            Self::Untold { number, activity } => {
                let how = "it was put in, or its number was changed";
                write!(f, "no entry tells of record {number} of `{activity}`: {how}")
            }
        }
    }
}

/// Why a look at the records ended before the last one.
enum Stopped {
    Unlike(Unlike),
    Failed(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Looks at the records while the entries go by.
pub(super) struct Look<'v, 'a, 'c> {
    view: &'v AuditView<'a, 'c>,
    /// The activities of intents that have no outcome yet.
    intents: HashMap<DecisionId, String>,
    /// The first number of each activity that was not told of yet. Numbers are given and told of in order.
    next: HashMap<String, u64>,
    kept: Kept,
    /// The first that is dated too late. It may have an innocent cause, so others are looked for.
    late: Option<Unlike>,
    stopped: Option<Stopped>,
}

impl<'v, 'a, 'c> Look<'v, 'a, 'c> {
    pub(super) fn new(view: &'v AuditView<'a, 'c>) -> Self {
        Self {
            view,
            intents: HashMap::new(),
            next: HashMap::new(),
            kept: Kept::default(),
            late: None,
            stopped: None,
        }
    }

    /// Looks at the records of an entry, unless one was found already that is not as it should be.
    pub(super) fn at(&mut self, entry: &StoredEntry) {
        if self.stopped.is_some() {
            return;
        }
        match Reading::new(&entry.encoded) {
            Ok(reading) => self.stopped = self.compare(entry.seq, &reading).err(),
            Err(_) => self.kept.unread += 1,
        }
    }

    /// What was found, once all entries have gone by.
    pub(super) fn ended(mut self) -> Result<Result<Kept, Unlike>, StoreError> {
        if self.stopped.is_none()
            && let Err(stopped) = self.beyond()
        {
            self.stopped = Some(stopped);
        }
        match (self.stopped, self.late) {
            (Some(Stopped::Failed(error)), _) => Err(error),
            (Some(Stopped::Unlike(unlike)), _) | (None, Some(unlike)) => Ok(Err(unlike)),
            (None, None) => Ok(Ok(self.kept)),
        }
    }

    fn compare(&mut self, entry: u64, reading: &Reading) -> Result<(), Stopped> {
        let Some(decision) = reading.decision() else { return Ok(()) };
        match reading.kind.as_str() {
            "exchange-intended" => {
                self.intents.extend(reading.text("activity").map(|activity| (decision, activity.to_owned())));
            }
            "exchange-ended" => {
                let activity = self.intents.remove(&decision);
                let numbers = reading.integers("records");
                if let (Some(activity), [_, ..]) = (activity, numbers.as_slice()) {
                    return self.records((entry, reading), activity, numbers);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn records(
        &mut self,
        (entry, reading): (u64, &Reading),
        activity: String,
        numbers: Vec<u64>,
    ) -> Result<(), Stopped> {
        let latest = reading.at.plus(CLOCK_SET);
        let mut digests = Vec::new();
        for number in &numbers {
            let next = self.next.get(&activity).copied().unwrap_or(0);
            self.nothing_between(&activity, next, *number)?;
            self.next.insert(activity.clone(), next.max(number.saturating_add(1)));
            let Some(RecordRow { record, .. }) = self.view.record(&activity, *number)? else { continue };
            if record.at > latest && self.late.is_none() {
                self.late = Some(Unlike::Late { number: *number, activity: activity.clone(), entry });
            }
            digests.push(sealed(&record));
        }
        let there = digests.len() as u64;
        if digests.len() < numbers.len() {
            self.kept.gone += numbers.len() as u64 - there;
            self.kept.beside_gone += there;
            return Ok(());
        }
        let parts: Vec<&[u8]> = digests.iter().map(Digest::as_slice).collect();
        if reading.digest("sealed") != Some(sha256(&parts)) {
            return Err(Stopped::Unlike(Unlike::Altered { numbers, activity, entry }));
        }
        self.kept.as_told += there;
        Ok(())
    }

    /// That there are no records behind the last ones that were told of, but for those that came after the last entry.
    fn beyond(&self) -> Result<(), Stopped> {
        for (activity, last) in self.view.last_records() {
            let next = self.next.get(activity).copied().unwrap_or(0);
            self.nothing_between(activity, next, last + 1)?;
        }
        match self.view.record_of_no_activity()? {
            Some(row) => Err(Stopped::Unlike(Unlike::Nowhere { row })),
            None => Ok(()),
        }
    }

    fn nothing_between(&self, activity: &str, from: u64, before: u64) -> Result<(), Stopped> {
        // What cannot be read may have told of it.
        let looked = from < before && self.kept.unread == 0;
        let untold = if looked { self.view.first_record(activity, from, before)? } else { None };
        match untold {
            Some(number) => Err(Stopped::Unlike(Unlike::Untold { number, activity: activity.to_owned() })),
            None => Ok(()),
        }
    }
}
