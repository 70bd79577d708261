//! A record: sealed field by field while a body is walked, opened whole.

use std::sync::Arc;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::crypto::{OpenError, random};
use crate::payload::Value;
use crate::personal::Reference;
use crate::store::{RecordId, SealedFields, SealedRecord};

use super::cache::SubjectKey;
use super::list::{List, elements, is_list};
use super::{CustodyError, context_with_room, json};

/// The beginning of the context of every kept field: changing what is bound changes this.
const LABEL: &[u8] = b"consentry record v1";

/// Room for most fields' names in a context, and for most values: what grows is moved.
const NAME: usize = 72;
const VALUE: usize = 120;

/// A record that is being put together. Nothing in it is in clear but lists that are not yet complete.
pub struct RecordDraft {
    key: Arc<SubjectKey>,
    id: RecordId,
    at: Timestamp,
    context: Vec<u8>,
    fields: SealedFields,
    /// Fields with a `[*]`, and those of rows: their values so far.
    lists: Vec<(String, List)>,
    /// The list that is expected next: rows have their fields in one order.
    next: usize,
    scratch: Zeroizing<Vec<u8>>,
}

impl RecordDraft {
    /// A record of an exchange at `at`, to be sealed under `key`.
    pub fn new(key: Arc<SubjectKey>, at: Timestamp) -> Self {
        let id = random::bytes();
        let context = record_context(&key, &id);
        let (fields, lists) = (SealedFields::default(), Vec::new());
        let scratch = Zeroizing::new(Vec::with_capacity(VALUE));
        Self { key, id, at, context, fields, lists, next: 0, scratch }
    }

    /// Whether nothing has been kept yet.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.lists.is_empty()
    }

    /// Keeps a value at the place of a declared field. `at` has the index of each `[*]` on the way to it: a field with
    /// none is sealed at once, one with some is part of a list, sealed at the end.
    ///
    /// # Errors
    /// [`CustodyError::Damaged`] where the library refuses to seal; the exchange must not go on.
    pub fn keep(&mut self, field: &str, at: &[u32], value: Value<'_>) -> Result<(), CustodyError> {
        if at.is_empty() {
            let Self { key, context, fields, scratch, .. } = self;
            scratch.clear();
            json::scalar(value, scratch);
            return seal(key, context, fields, field, scratch);
        }
        let is = |(name, _): &(String, _)| name == field;
        let expected = Some(self.next).filter(|next| self.lists.get(*next).is_some_and(is));
        let list = match expected.or_else(|| self.lists.iter().position(is)) {
            Some(known) => known,
            None => {
                self.lists.push((field.to_owned(), List::new()));
                self.lists.len() - 1
            }
        };
        self.next = if list + 1 < self.lists.len() { list + 1 } else { 0 };
        if let Some((_, list)) = self.lists.get_mut(list) {
            list.put(at, value);
        }
        Ok(())
    }

    /// The record, ready to be kept.
    ///
    /// # Errors
    /// As [`RecordDraft::keep`].
    pub fn finish(mut self) -> Result<SealedRecord, CustodyError> {
        let lists = std::mem::take(&mut self.lists);
        let room = |(name, list): &(String, List)| name.len() + list.len() + SealedFields::AROUND;
        self.fields.reserve(lists.iter().map(room).sum());
        for (field, list) in lists {
            let mut list = list.finish();
            // Where it stands: what is in clear is overwritten so, and need not be wiped.
            let bound = self.context.len();
            field_context(&mut self.context, &field);
            let head = self.key.sealer.seal_in_place(&self.context, &mut list);
            self.context.truncate(bound);
            let (head, tag) = head.map_err(CustodyError::Damaged)?;
            let ciphertext = std::mem::take(&mut *list);
            let put = self.fields.put(&field, |out| {
                [head.as_slice(), &ciphertext, &tag].iter().for_each(|part| out.extend_from_slice(part));
                Some(())
            });
            put.ok_or(CustodyError::Damaged(OpenError))?;
        }
        Ok(SealedRecord {
            id: self.id,
            reference: self.key.reference,
            activity: self.key.activity.clone(),
            key: self.key.id,
            at: self.at,
            fields: self.fields,
        })
    }
}

/// Seals a declared field's plaintext, which is JSON. Bound to person, activity, field, record and key.
fn seal(
    key: &SubjectKey,
    context: &mut Vec<u8>,
    fields: &mut SealedFields,
    field: &str,
    plaintext: &[u8],
) -> Result<(), CustodyError> {
    let bound = context.len();
    field_context(context, field);
    let put = fields.put(field, |out| key.sealer.seal_onto(context, plaintext, out).ok());
    context.truncate(bound);
    put.ok_or(CustodyError::Damaged(OpenError))
}

impl std::fmt::Debug for RecordDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordDraft({} fields)", self.fields.iter().count() + self.lists.len())
    }
}

/// A record in clear. Wiped when dropped.
pub struct OpenedRecord {
    /// Whose it is.
    pub reference: Reference,
    /// The declared names and what was kept there, as JSON: a scalar; for a name with `[*]`, or of rows, a [`List`].
    fields: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// What was kept of a field, spelled as it came.
pub enum Kept<'a> {
    /// A value.
    One(&'a RawValue),
    /// Those of many places, in the order in which they came.
    Many(Vec<&'a RawValue>),
}

impl OpenedRecord {
    /// What was kept of a field, if anything was.
    ///
    /// # Errors
    /// [`CustodyError::Damaged`] where that is neither a value nor a list.
    pub fn field(&self, name: &str) -> Result<Option<Kept<'_>>, CustodyError> {
        let Some((_, kept)) = self.fields.iter().find(|(known, _)| known == name) else { return Ok(None) };
        let damaged = CustodyError::Damaged(OpenError);
        let kept = if is_list(kept) {
            let list = elements(kept).ok_or(damaged)?;
            Kept::Many(list.into_iter().map(|(_, value)| value).collect())
        } else {
            Kept::One(serde_json::from_slice(kept).map_err(|_| damaged)?)
        };
        Ok(Some(kept))
    }

    /// One JSON object, nested as the names say: `customer.email` is a member of `customer`, and each
    /// `customer.addresses[*].zip` is a member of an element of `customer.addresses`, in the order of the elements.
    /// Values are spelled as they came.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        json::object(self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())))
    }
}

impl std::fmt::Debug for OpenedRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedRecord({} fields)", self.fields.len())
    }
}

/// Opens every field under the key that sealed it. The person and the activity are the key's own, so a record that was
/// moved to another person does not open there.
pub(super) fn open(key: &SubjectKey, record: &SealedRecord) -> Result<OpenedRecord, CustodyError> {
    if key.reference != record.reference || key.activity != record.activity || key.id != record.key {
        return Err(CustodyError::Damaged(OpenError));
    }
    let mut context = record_context(key, &record.id);
    let bound = context.len();
    let mut fields = Vec::new();
    for (name, sealed) in record.fields.iter() {
        field_context(&mut context, name);
        let opened = key.sealer.open(&context, sealed).map_err(CustodyError::Damaged)?;
        context.truncate(bound);
        fields.push((name.to_owned(), opened));
    }
    Ok(OpenedRecord { reference: record.reference, fields })
}

/// All of the context but the field, which comes last so that the rest is made once a record.
fn record_context(key: &SubjectKey, id: &RecordId) -> Vec<u8> {
    context_with_room(&[LABEL, key.reference.as_bytes(), key.activity.as_bytes(), id, &key.id], 8 + NAME)
}

fn field_context(context: &mut Vec<u8>, field: &str) {
    context.extend_from_slice(&(field.len() as u64).to_be_bytes());
    context.extend_from_slice(field.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Day;
    use crate::crypto::DataKey;
    use crate::payload::Kind;
    use crate::store::WrappedKey;

    fn key(reference: u8, activity: &str, data: &DataKey) -> Arc<SubjectKey> {
        let wrapped = WrappedKey {
            id: [9; 16],
            reference: Reference::from_bytes([reference; 16]),
            activity: activity.to_owned(),
            day: Day::from_number(1),
            source_closed: false,
            wrapped: Vec::new(),
        };
        Arc::new(SubjectKey::new(&wrapped, data, Timestamp::from_millis(i64::MAX)))
    }

    fn text(text: &str) -> Value<'_> {
        Value { kind: Kind::String, text }
    }

    fn sealed(key: &Arc<SubjectKey>) -> SealedRecord {
        let mut draft = RecordDraft::new(Arc::clone(key), Timestamp::from_millis(5));
        draft.keep("first_name", &[], text("Ada")).unwrap();
        draft.keep("email", &[], text("ada@example.org")).unwrap();
        draft.finish().unwrap()
    }

    #[test]
    fn what_is_kept_opens_in_its_place() {
        let data = DataKey::generate();
        let key = key(1, "favourites", &data);
        let record = sealed(&key);
        let opened = open(&key, &record).unwrap();
        let Some(Kept::One(email)) = opened.field("email").unwrap() else { panic!("a value") };
        assert_eq!(email.get(), r#""ada@example.org""#);
        assert_eq!(opened.to_json().as_slice(), br#"{"first_name":"Ada","email":"ada@example.org"}"#);
        assert!(!format!("{opened:?} {record:?}").contains("Ada"));
    }

    #[test]
    fn a_ciphertext_that_was_moved_does_not_open() {
        let data = DataKey::generate();
        let ada = key(1, "favourites", &data);
        let record = sealed(&ada);

        let mut fields_swapped = record.clone();
        let [first, second] = record.fields.iter().collect::<Vec<_>>()[..] else { panic!("two fields") };
        fields_swapped.fields = [(first.0, second.1), (second.0, first.1)].into_iter().collect();
        assert!(matches!(open(&ada, &fields_swapped), Err(CustodyError::Damaged(_))));

        let mut field_renamed = record.clone();
        field_renamed.fields = [("last_name", first.1), second].into_iter().collect();
        assert!(matches!(open(&ada, &field_renamed), Err(CustodyError::Damaged(_))));

        let mut other_record = sealed(&ada);
        other_record.fields = record.fields.clone();
        assert!(matches!(open(&ada, &other_record), Err(CustodyError::Damaged(_))));

        // Another person or activity, even if it had the very same data key.
        for stranger in [key(2, "favourites", &data), key(1, "prices", &data)] {
            let mut moved = record.clone();
            (moved.reference, moved.activity) = (stranger.reference, stranger.activity.clone());
            assert!(matches!(open(&stranger, &moved), Err(CustodyError::Damaged(_))));
            assert!(matches!(open(&stranger, &record), Err(CustodyError::Damaged(_))));
        }
    }

    #[test]
    fn values_of_a_list_are_kept_with_their_indices() {
        let key = key(1, "favourites", &DataKey::generate());
        let mut draft = RecordDraft::new(Arc::clone(&key), Timestamp::from_millis(5));
        assert!(draft.is_empty());
        draft.keep("addresses[*].zip", &[0], text("75001")).unwrap();
        draft.keep("addresses[*].zip", &[2], text("1010")).unwrap();
        draft.keep("addresses[*].zip", &[3], Value { kind: Kind::Null, text: "" }).unwrap();
        assert!(!draft.is_empty());
        let opened = open(&key, &draft.finish().unwrap()).unwrap();
        let Some(Kept::Many(zips)) = opened.field("addresses[*].zip").unwrap() else { panic!("a list") };
        assert_eq!(zips.iter().map(|zip| zip.get()).collect::<Vec<_>>(), [r#""75001""#, r#""1010""#, "null"]);
    }
}
