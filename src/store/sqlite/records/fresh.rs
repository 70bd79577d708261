//! The way to records that were kept lately. An index by random names costs a page of the disk for every record, so those of
//! the last thousands are found through memory, and go into the indices of the file many at once, in the order of the index.
//!
//! INVARIANT: a record itself is on disk before it is answered; only the way to it is here, and it is read anew from the
//! file at each opening. What is heard here is committed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::params;

use crate::store::rows::{KeyId, RecordId};

use super::super::prepared::Prepared;

/// How many records come together before they go into the indices. Few in tests, so that all of them see it happen.
const TOGETHER: usize = if cfg!(test) { 24 } else { 32_768 };

/// Where a record lies: the place of its activity, then its number within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Row(pub(super) i64);

impl Row {
    const NUMBER_BITS: u32 = 40;
    const FIRST: Self = Self(i64::MIN);
    const LAST: Self = Self(i64::MAX);

    /// `None` where an activity has more than 2^40 records, or there are more than 2^22 activities.
    pub(super) fn new(place: i64, number: u64) -> Option<Self> {
        let number = i64::try_from(number).ok().filter(|number| *number >> Self::NUMBER_BITS == 0)?;
        place.checked_mul(1 << Self::NUMBER_BITS)?.checked_add(number).map(Self)
    }

    /// The place of its activity.
    pub(super) const fn place(self) -> i64 {
        self.0 >> Self::NUMBER_BITS
    }

    /// Its number within its activity.
    pub(super) const fn number(self) -> u64 {
        (self.0 & ((1 << Self::NUMBER_BITS) - 1)).unsigned_abs()
    }
}

/// A record, and the names it is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) row: Row,
    pub(super) id: RecordId,
    pub(super) key: KeyId,
}

/// A record by its activity's place and its random name.
type Name = (i64, RecordId, Row);

/// What a group did; heard once it is committed.
#[derive(Debug, Default)]
pub(in super::super) struct Heard {
    /// Records were kept; no index names them.
    pub(super) kept: Vec<Named>,
    /// Records were deleted, in the indices too.
    pub(super) gone: Vec<Row>,
    /// These are in the indices now.
    pub(super) settled: Slice,
}

/// What goes into the indices with one group.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) keys: Vec<(KeyId, Row)>,
    pub(super) names: Vec<Name>,
    /// Of how many these are what is left; the rest is gone.
    taken: (usize, usize),
    /// With the last slice: from which number on the records of a place are not in the indices.
    pub(super) upto: Vec<(i64, u64)>,
}

impl Slice {
    /// Whether there is nothing to be done.
    pub(super) const fn is_empty(&self) -> bool {
        self.taken.0 == 0 && self.taken.1 == 0 && self.upto.is_empty()
    }
}

/// The way to what was kept lately; readers and the writer share it.
#[derive(Default)]
pub(in super::super) struct Fresh(Mutex<Lately>);

impl Fresh {
    /// Reads from the file what its indices do not name yet, in place of what was known.
    pub(in super::super) fn load(&self, data: &Prepared<'_>) -> rusqlite::Result<()> {
        let places: Vec<(i64, i64)> =
            data.rows("SELECT place, indexed FROM activity", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut lately = Lately::default();
        for (place, indexed) in places {
            let first = |place: i64| Row::new(place, 0).unwrap_or(Row::LAST).0;
            let sql = "SELECT row, id, key FROM record WHERE row >= ?1 AND row < ?2";
            let range = params![first(place).saturating_add(indexed), first(place + 1)];
            let found = data.rows(sql, range, |row| {
                Ok(Named { row: Row(row.get(0)?), id: row.get(1)?, key: row.get(2)? })
            })?;
            for named in &found {
                // What was on its way into the index when the file was left may be there.
                let sql = "SELECT 1 FROM record_of_name WHERE place = ?1 AND id = ?2 AND row = ?3";
                let there = data.row(sql, params![place, named.id, named.row.0], |_| Ok(()))?.is_some();
                lately.coming.keep(named, there);
            }
        }
        *self.lately() = lately;
        Ok(())
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what a group did, once it is committed.
    pub(in super::super) fn hear(&self, heard: &Heard) {
        let mut lately = self.lately();
        heard.kept.iter().for_each(|named| lately.coming.keep(named, false));
        for some in lately.both() {
            some.gone.extend(heard.gone.iter().filter(|row| some.places.hold(**row)));
        }
        lately.settled(&heard.settled);
        if lately.coming.ids.len() >= TOGETHER {
            lately.turn();
        }
    }

    /// Lets all that came together go into the indices next, if nothing is on its way.
    pub(super) fn turn(&self) {
        self.lately().turn();
    }

    /// What goes into the indices next: the first of each order.
    pub(super) fn slice(&self, most: usize) -> Slice {
        self.lately().settling.as_ref().map(|settling| settling.slice(most)).unwrap_or_default()
    }

    /// The records under a key. Some may be gone.
    pub(super) fn of_key(&self, key: &KeyId) -> Vec<Row> {
        let mut lately = self.lately();
        lately
            .both()
            .flat_map(|some| some.keys.between((*key, Row::FIRST), (*key, Row::LAST)).map(|(_, row)| row))
            .collect()
    }

    /// The keys of all of them.
    pub(in super::super) fn keys(&self) -> BTreeSet<KeyId> {
        let mut lately = self.lately();
        lately.both().flat_map(|some| some.keys.items.iter().map(|(key, _)| *key)).collect()
    }

    /// The records of a place that are there and not in the index, in the order of their names, those after `after`.
    pub(super) fn names(&self, place: i64, after: Option<RecordId>) -> Vec<(RecordId, Row)> {
        let mut lately = self.lately();
        let from = after.map_or((place, RecordId::default(), Row::FIRST), |after| (place, after, Row::LAST));
        let upto = (place, RecordId::from([u8::MAX; 16]), Row::LAST);
        let mut names = Vec::new();
        for Generation { names: some, gone, settled, .. } in lately.both() {
            some.order();
            let from = some.items.get(settled.1).map_or(upto, |next| from.max(*next).min(upto));
            let there = some.between(from, upto).filter(|(_, _, row)| !gone.contains(row));
            names.extend(there.map(|(_, id, row)| (id, row)));
        }
        names.sort_unstable();
        names
    }

    /// The record of this name. It may be gone.
    pub(super) fn named(&self, place: i64, id: &RecordId) -> Option<Row> {
        let lately = self.lately();
        lately.both_as_they_are().find_map(|some| some.ids.get(&(place, *id)).copied())
    }
}

/// Those that come together, and those that are on their way into the indices.
#[derive(Default)]
struct Lately {
    coming: Generation,
    settling: Option<Generation>,
}

impl Lately {
    fn both(&mut self) -> impl Iterator<Item = &mut Generation> {
        std::iter::once(&mut self.coming).chain(&mut self.settling)
    }

    fn both_as_they_are(&self) -> impl Iterator<Item = &Generation> {
        std::iter::once(&self.coming).chain(&self.settling)
    }

    fn settled(&mut self, slice: &Slice) {
        if let Some(settling) = &mut self.settling {
            settling.settled.0 += slice.taken.0;
            settling.settled.1 += slice.taken.1;
        }
        if !slice.upto.is_empty() {
            self.settling = None;
        }
    }

    fn turn(&mut self) {
        if self.settling.is_none() && !self.coming.ids.is_empty() {
            let mut next = std::mem::take(&mut self.coming);
            next.keys.order();
            next.names.order();
            self.settling = Some(next);
        }
    }
}

/// Records that are not in the indices, by the orders of those.
#[derive(Default)]
struct Generation {
    keys: Ordered<(KeyId, Row)>,
    names: Ordered<Name>,
    ids: HashMap<(i64, RecordId), Row, ByRandomName>,
    /// Deleted meanwhile.
    gone: HashSet<Row>,
    places: Places,
    /// How many of each order are in the indices.
    settled: (usize, usize),
}

impl Generation {
    fn keep(&mut self, named: &Named, in_index: bool) {
        self.keys.push((named.key, named.row));
        if !in_index {
            self.names.push((named.row.place(), named.id, named.row));
        }
        self.ids.insert((named.row.place(), named.id), named.row);
        self.places.take(named.row);
    }

    fn slice(&self, most: usize) -> Slice {
        let keys = self.keys.items.iter().skip(self.settled.0).take(most);
        let names = self.names.items.iter().skip(self.settled.1).take(most);
        let taken = (keys.len(), names.len());
        let all = self.settled.0 + taken.0 == self.keys.items.len()
            && self.settled.1 + taken.1 == self.names.items.len();
        Slice {
            keys: keys.filter(|(_, row)| !self.gone.contains(row)).copied().collect(),
            names: names.filter(|(_, _, row)| !self.gone.contains(row)).copied().collect(),
            taken,
            upto: if all { self.places.ends() } else { Vec::new() },
        }
    }
}

/// Which numbers of each place a generation has.
#[derive(Default)]
struct Places(BTreeMap<i64, (u64, u64)>);

impl Places {
    fn take(&mut self, row: Row) {
        let number = row.number();
        let (first, last) = self.0.entry(row.place()).or_insert((number, number));
        *first = number.min(*first);
        *last = number.max(*last);
    }

    fn hold(&self, row: Row) -> bool {
        self.0.get(&row.place()).is_some_and(|(first, last)| (*first..=*last).contains(&row.number()))
    }

    fn ends(&self) -> Vec<(i64, u64)> {
        self.0.iter().map(|(place, (_, last))| (*place, last.saturating_add(1))).collect()
    }
}

/// A list that is put in order when somebody looks.
struct Ordered<T> {
    items: Vec<T>,
    /// How many of the first are in order.
    ordered: usize,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { items: Vec::new(), ordered: 0 }
    }
}

impl<T: Ord + Copy> Ordered<T> {
    fn push(&mut self, item: T) {
        self.items.push(item);
    }

    fn order(&mut self) {
        if self.ordered < self.items.len() {
            // Not the unstable sort: this one finds out that the first are in order.
            self.items.sort();
            self.ordered = self.items.len();
        }
    }

    fn between(&mut self, from: T, upto: T) -> impl Iterator<Item = T> {
        self.order();
        let first = self.items.partition_point(|item| *item < from);
        self.items.iter().skip(first).take_while(move |item| **item <= upto).copied()
    }
}

/// Random names need no hash: their first bytes are one.
pub(in super::super) type ByRandomName = BuildHasherDefault<FirstBytes>;

/// The first bytes of what was written last.
#[derive(Default)]
pub(in super::super) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
