//! What a walk did with each field, without the values: two hashes of each, under a key of this process.

use std::hash::{BuildHasher, RandomState};

use crate::payload::{FieldId, Kind, Treated, Value};

/// What became of each declared field of a body.
pub(in crate::pipeline) struct Trace {
    key: RandomState,
    fields: Vec<Option<Mark>>,
}

/// All values of one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Of what went in, checked and sanitised.
    pub(super) came: u64,
    /// Of what came out.
    pub(super) went: u64,
    /// How its values ended, a bit each: as they were, replaced, left out.
    pub(super) ends: u8,
}

impl Trace {
    /// Of `count` fields. Traces with the same key can be compared.
    pub(super) fn new(count: usize, key: &RandomState) -> Self {
        Self { key: key.clone(), fields: vec![None; count] }
    }

    /// Notes a value at its place, and what it became.
    pub(in crate::pipeline) fn note(
        &mut self,
        id: FieldId,
        at: &[u32],
        came: Value<'_>,
        treated: Treated,
        out: &str,
    ) {
        let Some(place) = self.fields.get_mut(id.index()) else { return };
        let mark = place.get_or_insert_default();
        let went: Option<(Kind, &str)> = match treated {
            Treated::Kept => Some((came.kind, came.text)),
            Treated::Replaced(kind) => Some((kind, out)),
            Treated::LeftOut => None,
        };
        mark.ends |= match treated {
            Treated::Kept => 1,
            Treated::Replaced(_) => 2,
            Treated::LeftOut => 4,
        };
        mark.came = self.key.hash_one((mark.came, at, came.kind, came.text));
        mark.went = self.key.hash_one((mark.went, went.map(|went| (at, went))));
    }

    /// What became of the field with this place; none where it did not occur.
    pub(super) fn of(&self, place: usize) -> Option<Mark> {
        self.fields.get(place).copied().flatten()
    }
}
