use std::convert::Infallible;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::clock::{Day, Timestamp};
use crate::crypto::{SigningKey, VerifyingKey};
use crate::personal::Reference;
use crate::problem::Problem;

const PERSON: Reference = Reference::from_bytes([0x22; 16]);
const DECISION: DecisionId = DecisionId::from_bytes([0x11; 16]);

/// One of every kind, with every member present.
fn samples() -> Vec<What<'static>> {
    let (activity, purpose, caller) = ("favourites", "product-recommendation", Some([0x33; 16]));
    let (person, decision, record, day) = (PERSON, DECISION, 7, Day::from_number(20_780));
    let (digest, records, keys) = ([0x44; 32], 3, 2);
    vec![
        What::ExchangeIntended {
            activity,
            caller,
            decision,
            journal: "before_forward",
            legal_basis: "consent",
            notice_version: Some(1),
            persons: const { &[PERSON, Reference::from_bytes([0x23; 16])] },
            policy: digest,
            purpose,
            recipient: Some("model-host"),
            route: "POST /predict/",
        },
        What::ExchangeEnded {
            decision,
            outcome: Outcome::Refused,
            problem: Some(Problem::UpstreamAnswerRefused),
            records: &[7, 8],
            sealed: Some(digest),
            upstream_status: Some(500),
        },
        What::Refused {
            activity: Some(activity),
            caller,
            decision,
            persons: const { &[PERSON] },
            problem: Problem::ConsentMissing,
        },
        What::ConsentGiven {
            language: Some("fr"),
            method: "page",
            notice_version: 1,
            person,
            purpose,
            wording: digest,
        },
        What::ConsentWithdrawn {
            method: "page",
            notice_version: Some(1),
            person,
            purpose,
            wording: Some(digest),
        },
        What::ConsentRefused { method: "page", notice_version: 1, person, purpose, wording: digest },
        What::RestrictionSet { person },
        What::RestrictionLifted { person },
        What::ObjectionRaised { person, purpose },
        What::ObjectionLifted { person, purpose },
        What::Erased {
            activities: &["favourites", "loyalty"],
            kept: &["invoices: legal_obligation"],
            keys,
            person: Some(person),
            tombstones: 5,
        },
        What::Rectified { person, record, sealed: digest },
        What::AccessAnswered { person: Some(person), records },
        What::RetentionRun { activity, day, keys, records },
        What::KeyMinted { activity, day, person },
        What::KeyDestroyed { activity, because: "erasure", day, person },
        What::KeysRotated { keys, secrets: 3 },
        What::ReIdentified {
            activity,
            caller,
            decision,
            person,
            reason: "support-case",
            record,
            text: Some(digest),
        },
        What::Exported { activity, caller, decision, records },
        What::PolicyLoaded { digest, warnings: 1 },
        What::Started { aborted: 1, version: "0.1.0" },
        What::Stopped { version: "0.1.0" },
        What::Administered { command: "consent withdraw", role: "privacy-officer" },
    ]
}

fn encoded(what: What<'_>) -> String {
    String::from_utf8(Event { at: Timestamp::from_millis(1_795_421_350_123), what }.encoded()).unwrap()
}

/// The obvious way to write canonical JSON, whatever order serde_json's maps have.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[test]
fn every_kind_has_a_sample() {
    let words: Vec<_> = samples().iter().map(What::kind).collect();
    assert_eq!(words, What::KINDS);
}

#[test]
fn the_bytes_of_every_kind_never_drift() {
    let lines: Vec<_> = samples().into_iter().map(encoded).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_encoding_is_canonical_json_of_flat_values() {
    let bare = [
        What::ExchangeEnded {
            decision: DECISION,
            outcome: Outcome::Answered,
            problem: None,
            records: &[],
            sealed: None,
            upstream_status: None,
        },
        What::Erased { activities: &[], kept: &[], keys: u64::MAX, person: None, tombstones: 0 },
        What::Administered { command: "\u{0}\u{1f}\u{7f}\t\n\r\u{8}\u{c}\"\\/é\u{2028}😀", role: "" },
    ];
    for what in samples().into_iter().chain(bare) {
        let text = encoded(what);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text, canonical(&value));
        let flat = |value: &Value| value.is_string() || value.is_u64() || value.is_boolean();
        for value in value.as_object().unwrap().values() {
            assert!(flat(value) || value.as_array().is_some_and(|items| items.iter().all(flat)), "{value}");
        }
    }
}

#[test]
fn reads_back_what_recovery_needs() {
    for what in samples() {
        let reading = Reading::new(encoded(what).as_bytes()).unwrap();
        assert_eq!((reading.at.millis(), reading.kind.as_str()), (1_795_421_350_123, what.kind()));
    }
    let intent = Reading::new(encoded(samples()[0]).as_bytes()).unwrap();
    assert_eq!(intent.decision(), Some(DECISION));
    assert_eq!(intent.persons(), [PERSON, Reference::from_bytes([0x23; 16])]);
    assert_eq!(intent.integer("notice_version"), Some(1));
    let set = Reading::new(encoded(What::RestrictionSet { person: PERSON }).as_bytes()).unwrap();
    assert_eq!(set.persons(), [PERSON]);
    for wrong in
        ["", "[]", "{}", r#"{"at":1,"kind":"x","v":2}"#, r#"{"at":1,"v":1}"#, r#"{"kind":"x","v":1}"#]
    {
        assert!(Reading::new(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

/// A chain of `contents`, as it is kept.
fn kept(contents: &[Vec<u8>]) -> Vec<StoredEntry> {
    let mut chain = Chain::genesis();
    let entry = |encoded: &Vec<u8>| {
        let Link { seq, hash } = chain.append(encoded);
        StoredEntry { seq, encoded: encoded.clone(), hash }
    };
    contents.iter().map(entry).collect()
}

fn at(entries: &[StoredEntry], count: usize) -> Chain {
    match count.checked_sub(1) {
        Some(index) => Chain { count: count as u64, head: entries[index].hash },
        None => Chain::genesis(),
    }
}

fn run(
    entries: &[StoredEntry],
    checkpoints: &[Checkpoint],
    anchor: Option<Chain>,
    against: impl IntoIterator<Item = Checkpoint>,
    key: &VerifyingKey,
) -> Result<Report, Broken<Infallible>> {
    let checkpoints = checkpoints.iter().copied().map(Ok);
    let against = against.into_iter().collect();
    let witnesses = Witnesses { from: Chain::genesis(), checkpoints, anchor, against, key };
    verify(entries.iter().cloned().map(Ok), witnesses)
}

fn contents(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("event {n}").into_bytes()).collect()
}

fn signed(chain: Chain, key: &SigningKey) -> Checkpoint {
    Checkpoint::sign(chain, Timestamp::from_millis(0), key)
}

#[test]
fn an_untouched_chain_verifies_and_says_how_far_it_is_vouched_for() {
    let key = SigningKey::generate().unwrap();
    let entries = kept(&contents(9));
    let checkpoints = [3, 6].map(|count| signed(at(&entries, count), &key));
    let report =
        run(&entries, &checkpoints, Some(at(&entries, 7)), Some(checkpoints[0]), &key.public()).unwrap();
    assert_eq!(report, Report { chain: at(&entries, 9), checkpoints: 2, vouched: 7 });
    let empty = run(&[], &[], Some(Chain::genesis()), None, &key.public()).unwrap();
    assert_eq!(empty.chain, Chain::genesis());
}

#[test]
fn a_verification_goes_on_from_where_another_ended() {
    let key = SigningKey::generate().unwrap();
    let entries = kept(&contents(9));
    let checkpoints = [3, 6].map(|count| Ok::<_, Infallible>(signed(at(&entries, count), &key)));
    let tail = |from: Chain, tail: &[StoredEntry]| {
        let (key, anchor, checkpoints) = (&key.public(), Some(at(&entries, 9)), checkpoints);
        verify(
            tail.iter().cloned().map(Ok),
            Witnesses { from, checkpoints, anchor, against: Vec::new(), key },
        )
    };
    assert_eq!(tail(at(&entries, 4), &entries[4..]).unwrap().checkpoints, 1);
    let wrong = Chain { head: [1; 32], ..at(&entries, 4) };
    assert!(matches!(tail(wrong, &entries[4..]), Err(Broken::Altered { seq: 5 })));
}

#[test]
fn a_cut_tail_is_told_by_whoever_knows_more() {
    let key = SigningKey::generate().unwrap();
    let entries = kept(&contents(9));
    let public = key.public();
    let cut = &entries[..5];
    let said = |broken: Result<Report, Broken<Infallible>>| broken.unwrap_err().to_string();
    assert_eq!(
        said(run(cut, &[], Some(at(&entries, 9)), None, &public)),
        "the keyring says that there were 9 entries, the file ends at 5"
    );
    let elsewhere = signed(at(&entries, 8), &key);
    let found = run(cut, &[], Some(at(&entries, 5)), Some(elsewhere), &public);
    assert!(matches!(found, Err(Broken::Cut { witness: Witness::Elsewhere, expected: 8, found: 5 })));
    let found = run(cut, &[elsewhere], None, None, &public);
    assert!(matches!(found, Err(Broken::Cut { witness: Witness::Checkpoint, expected: 8, found: 5 })));
    assert!(run(&[], &[], Some(at(&entries, 9)), None, &public).is_err());
    // Of several each is held against the entries, in whatever order they were kept.
    let several = [4, 9, 5].map(|count| signed(at(&entries, count), &key));
    let found = run(cut, &[], None, several, &public);
    assert!(matches!(found, Err(Broken::Cut { witness: Witness::Elsewhere, expected: 9, found: 5 })));
    assert_eq!(run(&entries[..9], &[], None, several, &public).unwrap().vouched, 9);
    let other = Checkpoint::sign(Chain { head: [1; 32], ..at(&entries, 4) }, Timestamp::from_millis(0), &key);
    let found = run(&entries, &[], None, [several[1], other], &public);
    assert!(matches!(found, Err(Broken::Rewritten { witness: Witness::Elsewhere, after: 0, upto: 4 })));
}

#[test]
fn a_chain_written_anew_is_told_by_its_witnesses() {
    let key = SigningKey::generate().unwrap();
    let entries = kept(&contents(9));
    let mut other = contents(9);
    other[4] = b"nothing happened".to_vec();
    let forged = kept(&other);
    let checkpoints = [3, 6].map(|count| signed(at(&entries, count), &key));
    let found = run(&forged, &checkpoints, None, None, &key.public());
    assert!(matches!(found, Err(Broken::Rewritten { witness: Witness::Checkpoint, after: 3, upto: 6 })));
    let found = run(&forged, &[], Some(at(&entries, 9)), None, &key.public());
    assert!(matches!(found, Err(Broken::Rewritten { witness: Witness::Keyring, after: 0, upto: 9 })));
    let found = run(&forged, &[], Some(at(&forged, 9)), Some(checkpoints[1]), &key.public());
    assert!(matches!(found, Err(Broken::Rewritten { witness: Witness::Elsewhere, after: 0, upto: 6 })));
}

#[test]
fn checkpoints_of_another_hand_or_out_of_order_are_refused() {
    let key = SigningKey::generate().unwrap();
    let thief = SigningKey::generate().unwrap();
    let entries = kept(&contents(9));
    let forged = signed(at(&entries, 3), &thief);
    let public = key.public();
    assert!(matches!(run(&entries, &[forged], None, None, &public), Err(Broken::Forged { count: 3, .. })));
    assert!(matches!(
        run(&entries, &[], None, Some(forged), &public),
        Err(Broken::Forged { witness: Witness::Elsewhere, count: 3 })
    ));
    let checkpoints = [6, 3].map(|count| signed(at(&entries, count), &key));
    assert!(matches!(run(&entries, &checkpoints, None, None, &public), Err(Broken::Disordered { count: 3 })));
}

#[test]
fn what_cannot_be_read_is_not_in_order() {
    let key = SigningKey::generate().unwrap();
    let entries = kept(&contents(2));
    let (checkpoints, public) = (std::iter::empty(), key.public());
    let witnesses =
        Witnesses { from: Chain::genesis(), checkpoints, anchor: None, against: Vec::new(), key: &public };
    let failing = entries.into_iter().map(Ok).chain([Err(std::io::Error::other("torn page"))]);
    assert!(matches!(verify(failing, witnesses), Err(Broken::Read { after: 2, .. })));
}

#[derive(Clone, Debug)]
enum Mutation {
    Edit(usize, usize),
    EditHash(usize),
    Delete(usize),
    Swap(usize, usize),
    Repeat(usize),
    Insert(usize),
    InsertRenumbered(usize),
    Cut(usize),
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let n = || any::<usize>();
    prop_oneof![
        (n(), n()).prop_map(|(at, byte)| Mutation::Edit(at, byte)),
        n().prop_map(Mutation::EditHash),
        n().prop_map(Mutation::Delete),
        (n(), n()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        n().prop_map(Mutation::Repeat),
        n().prop_map(Mutation::Insert),
        n().prop_map(Mutation::InsertRenumbered),
        n().prop_map(Mutation::Cut),
    ]
}

/// Mutates, and says which entry is the first bad one.
fn mutate(entries: &mut Vec<StoredEntry>, mutation: Mutation) -> u64 {
    let count = entries.len();
    match mutation {
        Mutation::Edit(at, byte) => {
            let entry = &mut entries[at % count];
            let byte = byte % entry.encoded.len();
            entry.encoded[byte] ^= 1;
            entry.seq
        }
        Mutation::EditHash(at) => {
            let entry = &mut entries[at % count];
            entry.hash[31] ^= 1;
            entry.seq
        }
        Mutation::Delete(at) => entries.remove(at % count).seq,
        Mutation::Swap(one, other) => {
            let (one, other) = (one % count, other % count);
            let other = if one == other { (one + 1) % count } else { other };
            entries.swap(one, other);
            1 + one.min(other) as u64
        }
        Mutation::Repeat(at) => {
            let copy = entries[at % count].clone();
            entries.insert(at % count, copy);
            (at % count) as u64 + 1
        }
        Mutation::Insert(at) => {
            // Not at the very end: an entry that follows all others is what an append is.
            let at = at % count;
            let before = if at == 0 {
                Chain::genesis()
            } else {
                Chain { count: at as u64, head: entries[at - 1].hash }
            };
            let Link { seq, hash } = { before }.append(b"forged");
            entries.insert(at, StoredEntry { seq, encoded: b"forged".to_vec(), hash });
            seq
        }
        Mutation::InsertRenumbered(at) => {
            let at = at % count;
            let seq = mutate(entries, Mutation::Insert(at));
            entries.iter_mut().skip(at + 1).for_each(|entry| entry.seq += 1);
            // The stranger itself follows; its successor is the first that does not.
            seq + 1
        }
        Mutation::Cut(at) => {
            entries.truncate(at % count);
            (at % count) as u64 + 1
        }
    }
}

/// The entry that the verification calls the first bad one.
fn first_bad(broken: Broken<Infallible>) -> std::ops::RangeInclusive<u64> {
    match broken {
        Broken::Altered { seq } | Broken::Missing { seq, .. } => seq..=seq,
        // A stranger that follows is told by its successor, which carries the same number.
        Broken::Misplaced { after, .. } => after..=after + 1,
        Broken::Cut { found, .. } => found + 1..=found + 1,
        Broken::Rewritten { after, upto, .. } => after + 1..=upto + 1,
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_mutation_is_found_at_the_first_bad_entry(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 2..12),
        every in 1usize..5,
        mutation in mutations(),
    ) {
        let key = SigningKey::generate().unwrap();
        let mut entries = kept(&contents);
        let anchor = Some(at(&entries, entries.len()));
        let checkpoints: Vec<_> =
            (every..=entries.len()).step_by(every).map(|count| signed(at(&entries, count), &key)).collect();
        prop_assert!(run(&entries, &checkpoints, anchor, None, &key.public()).is_ok());
        let bad = mutate(&mut entries, mutation);
        let found = run(&entries, &checkpoints, anchor, None, &key.public());
        let named = first_bad(found.unwrap_err());
        prop_assert!(named.contains(&bad), "{bad} is not in {named:?}");
    }
}
