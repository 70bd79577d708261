//! Storage limitation (GDPR Art. 5(1)(e)): records go at their own term, a key with its day's last record, and a key that
//! never sealed one after its day is over.
//!
//! Every step is one change that is right by itself, so a run may end anywhere and begin anew: what is gone stays gone,
//! what is left is found again, and each step's event counts what that step did.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::{Event, What};
use crate::clock::{Day, Timestamp};
use crate::store::{
    Because, Change, DataChange, Done, Entry, KeySelector, KeyringChange, Sought, Store, StoreError,
};

/// How many records one change deletes, so that exchanges do not wait long behind it.
pub const BATCH: u32 = 500;
/// How long after its day a key without records is left alone: an exchange that began before midnight may still need it.
const GRACE: Duration = Duration::from_hours(1);
/// Of how many days one change can count its destroyed keys apart; those of further days count with the last.
const DAYS_TOLD: usize = 64;

/// How long an activity's records are kept. Those of a `records_of` activity are its source's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The activity.
    pub activity: Arc<str>,
    /// From the exchange.
    pub retention: Duration,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records came to their term.
    pub records: u64,
    /// How many keys were destroyed.
    pub keys: u64,
    /// Activities of which something is kept still and which no policy names: nothing says when theirs must go. Tell the
    /// operator.
    pub unnamed: Vec<String>,
}

/// Deletes what has come to its term by `now`. Call it now and then, one run at a time; it waits for the store between its steps.
///
/// # Errors
/// Where the store does not answer: what was done until then is done, the rest is done by the next run.
pub async fn run(store: &Store, terms: &[Term], now: Timestamp) -> Result<Report, StoreError> {
    let mut report = Report::default();
    // Of most activities of a large deployment nothing is kept: each would take a look and a change of its own.
    let kept = store.activities().await?;
    for term in terms.iter().filter(|term| kept.iter().any(|activity| *term.activity == **activity)) {
        report.records += delete_expired(store, term, now).await?;
        report.keys += destroy_unused(store, &term.activity, now).await?;
    }
    report.unnamed = unnamed(kept, terms);
    if !report.unnamed.is_empty() {
        // A key that seals nothing has no term to wait for, and must not pass for records.
        for activity in &report.unnamed {
            report.keys += destroy_unused(store, &Arc::from(activity.as_str()), now).await?;
        }
        report.unnamed = unnamed(store.activities().await?, terms);
    }
    forget_unused(store).await?;
    Ok(report)
}

/// Those of the activities that no term is of.
pub fn unnamed(mut activities: Vec<String>, terms: &[Term]) -> Vec<String> {
    activities.retain(|activity| terms.iter().all(|term| *term.activity != **activity));
    activities
}

/// Day by day, the oldest first, so that every event is of one day.
async fn delete_expired(store: &Store, term: &Term, now: Timestamp) -> Result<u64, StoreError> {
    let kept_from = before(now, term.retention);
    let (mut deleted, mut again) = (0, true);
    loop {
        let expired = store.expired(&term.activity, kept_from, BATCH).await?;
        let Some(day) = expired.first().map(|(at, _)| at.day()) else { break };
        let ids = expired.into_iter().filter(|(at, _)| at.day() == day).map(|(_, id)| id).collect();
        let mut change = Change::default();
        change.data.push(DataChange::DeleteRecords(ids));
        let activity = Arc::clone(&term.activity);
        change.events.push(Entry::Told(Box::new(move |done| {
            let records = done.records_deleted;
            (records > 0).then(|| told(now, &activity, day, 0, records))
        })));
        let done = store.commit(change).await?;
        // They were erased or restricted meanwhile, and are found no more; should they be, going round for ever would not help.
        if done.records_deleted == 0 && !std::mem::take(&mut again) {
            break;
        }
        deleted += done.records_deleted;
    }
    Ok(deleted)
}

/// Page by page, each with a change of its own.
async fn destroy_unused(store: &Store, activity: &Arc<str>, now: Timestamp) -> Result<u64, StoreError> {
    let before = before(now, GRACE).day();
    let (mut total, mut after) = (0, None);
    loop {
        let Sought { found, next } = store.unused_keys(activity, before, after).await?;
        if !found.is_empty() {
            let which = KeySelector::Unused(found);
            let mut change = Change::default();
            change.keyring.push(KeyringChange::DestroyKeys { which, because: Because::Retention });
            for number in 0..DAYS_TOLD {
                let activity = Arc::clone(activity);
                change.events.push(Entry::Told(Box::new(move |done| {
                    let (day, keys) = keys_of_day(done, number)?;
                    Some(told(now, &activity, day, keys, 0))
                })));
            }
            total += store.commit(change).await?.destroyed.len() as u64;
        }
        after = next;
        if after.is_none() {
            return Ok(total);
        }
    }
}

async fn forget_unused(store: &Store) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let Sought { found, next } = store.unused_persons(after).await?;
        if !found.is_empty() {
            let keyring = vec![KeyringChange::ForgetUnused(found)];
            store.commit(Change { keyring, ..Change::default() }).await?;
        }
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// The `number`th day of which keys were destroyed, and how many were.
fn keys_of_day(done: &Done, number: usize) -> Option<(Day, u64)> {
    let mut days: Vec<Day> = done.destroyed.iter().map(|key| key.day).collect();
    days.sort_unstable();
    days.dedup();
    let day = *days.get(number)?;
    let last = number + 1 == DAYS_TOLD;
    let counts = done.destroyed.iter().filter(|key| key.day == day || last && key.day > day).count();
    Some((day, counts as u64))
}

fn told(at: Timestamp, activity: &str, day: Day, keys: u64, records: u64) -> Vec<u8> {
    Event { at, what: What::RetentionRun { activity, day, keys, records } }.encoded()
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(now.millis().saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}
