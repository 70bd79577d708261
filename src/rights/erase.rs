//! Erasure (GDPR Art. 17): the person's keys are destroyed, and with them every copy of what they sealed, backups
//! included.

use crate::audit::{Event, What};
use crate::personal::Person;
use crate::plan::LegalBasis;
use crate::store::{Activities, Because, Change, DataChange, Done, Entry, KeySelector, KeyringChange};

use super::{Facts, Rights, RightsError};

/// What an erasure did. For somebody unknown it is empty, and no less a success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// How many keys were destroyed.
    pub keys_destroyed: u64,
    /// How many records went with them.
    pub records_deleted: u64,
    /// The activities whose keys were destroyed.
    pub destroyed: Vec<String>,
    /// What is kept, and why. Tell the person (Art. 12(4)).
    pub kept: Vec<Kept>,
}

/// Keys that an erasure leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Of which activity.
    pub activity: String,
    /// What holds them: the policy's word for a legal basis (Art. 17(3)(b)).
    pub ground: &'static str,
    /// How many.
    pub keys: u64,
}

/// Erases a person: their records, consents and keys, and the knowledge whose reference is whose. What a legal obligation
/// holds is kept and named; restrictions and objections stay, or forgetting would allow what they forbid.
///
/// It is one change, keyring first: after a crash in the middle the keys are gone, and the store deletes at the start what
/// they had sealed.
///
/// # Errors
/// Where the store does not answer: ask again, what was done is then found done.
pub async fn erase(rights: &Rights, facts: &Facts, person: &Person) -> Result<Erasure, RightsError> {
    let (own, lent) = facts.held_by_law();
    let turn = rights.turn(person).await?;
    let mut kept: Vec<Kept> = Vec::new();
    for key in turn.keys.iter().filter(|key| own.contains(&key.activity) || lent.contains(&key.activity)) {
        match kept.iter_mut().find(|kept| kept.activity == key.activity) {
            Some(kept) => kept.keys += 1,
            None => {
                let ground = LegalBasis::LegalObligation.word();
                kept.push(Kept { activity: key.activity.clone(), ground, keys: 1 });
            }
        }
    }
    let mut change = Change::default();
    if let Some(reference) = turn.row.reference {
        let spared = own.iter().chain(&lent).cloned().collect();
        let which = KeySelector::Person { reference, activities: Activities::AllBut(spared) };
        change.keyring.push(KeyringChange::DestroyKeys { which, because: Because::Erasure });
        if !lent.is_empty() {
            change.keyring.push(KeyringChange::CloseSource { reference, activities: Activities::Only(lent) });
        }
        change.keyring.push(KeyringChange::RemoveSubject { lookup: turn.lookup });
        change.data.push(DataChange::DeleteConsents { reference });
    }
    let (at, person) = (rights.clock.now(), turn.row.reference);
    let grounds: Vec<String> =
        kept.iter().map(|kept| format!("{}: {}", kept.activity, kept.ground)).collect();
    change.events.push(Entry::Told(Box::new(move |done| {
        let (names, grounds) = (names(done), grounds.iter().map(String::as_str).collect::<Vec<_>>());
        let what = What::Erased {
            activities: &names.iter().map(String::as_str).collect::<Vec<_>>(),
            kept: &grounds,
            keys: done.destroyed.len() as u64,
            person,
            tombstones: done.tombstones,
        };
        Some(Event { at, what }.encoded())
    })));
    let done = turn.settle(change).await?;
    Ok(Erasure {
        keys_destroyed: done.destroyed.len() as u64,
        records_deleted: done.records_deleted,
        destroyed: names(&done),
        kept,
    })
}

/// The activities whose keys were destroyed, each once.
fn names(done: &Done) -> Vec<String> {
    let mut names: Vec<String> = done.destroyed.iter().map(|key| key.activity.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
