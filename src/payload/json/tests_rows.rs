//! Rows that are left out, empty ones in their place, and columns that go with their key.

use super::walk;
use crate::payload::acting::{Act, Acting, CAPS, Halt, Told, paths};
use crate::payload::layout::{Place, Rows};
use crate::payload::{FieldId, Kind, Layout, Path, Stop, Undeclared};

fn batch(body: &str, fields: &[(&str, Act)], rows: Rows, alter: impl Fn(&mut Acting)) -> (String, Acting) {
    let (walked, acting) = walked(body, fields, rows, alter);
    let text = walked.unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    (text, acting)
}

fn walked(
    body: &str,
    fields: &[(&str, Act)],
    rows: Rows,
    alter: impl Fn(&mut Acting),
) -> (Result<String, Stop<Halt>>, Acting) {
    let paths = paths(&fields.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let every = |path: &Path| path.steps().iter().position(|step| *step == crate::payload::Step::Every);
    let places: Vec<_> = (0..)
        .zip(&paths)
        .map(|(field, path)| {
            let mut place = Place::of(FieldId(field), path);
            place.rows = every(path).map(|every| (every, rows));
            place
        })
        .collect();
    let layout = Layout::place(&paths, &places, &[], Undeclared::LeaveOut).unwrap();
    let acts: Vec<_> = fields.iter().map(|(_, act)| act.clone()).collect();
    let mut acting = Acting::of(&acts, Undeclared::LeaveOut);
    alter(&mut acting);
    let mut out = Vec::new();
    let result = walk(body.as_bytes(), &layout, &CAPS, &mut acting, &mut out);
    (result.map(|()| String::from_utf8(out).unwrap()), acting)
}

#[test]
fn rows_are_left_out_and_keep_their_numbers() {
    let fields = [("r[*].a", Act::Keep)];
    let body = r#"{"r": [ {"a":1}, {"a":[{}],"b":2}, {"a":3} ]}"#;
    for (left_out, expected) in [
        (vec![], r#"{"r": [ {"a":1}, {"a":2}, {"a":3} ]}"#),
        (vec![1], r#"{"r": [ {"a":1}, {"a":3} ]}"#),
        (vec![0, 1], r#"{"r": [ {"a":3} ]}"#),
        (vec![1, 2], r#"{"r": [ {"a":1} ]}"#),
        (vec![0, 1, 2], r#"{"r": [  ]}"#),
    ] {
        let body = if left_out.contains(&1) { body.to_owned() } else { body.replace(r#"[{}],"b":2"#, "2") };
        let (out, acting) = batch(&body, &fields, Rows::Each, |acting| acting.rows_out.clone_from(&left_out));
        assert_eq!((out.as_str(), acting.counted()), (expected, vec![3]), "{left_out:?}");
        let seen: Vec<u32> = acting
            .told
            .iter()
            .filter_map(|told| if let Told::Value(_, at, ..) = told { Some(at[0]) } else { None })
            .collect();
        assert_eq!(seen, (0..3).filter(|row| !left_out.contains(row)).collect::<Vec<_>>());
    }
}

#[test]
fn empty_rows_stand_where_rows_were_left_out() {
    for act in [Act::Keep, Act::Leave, Act::Replace(Kind::Integer, "9".into())] {
        for (before, behind) in [(vec![], 2), (vec![(0, 2)], 0), (vec![(1, 1)], 1), (vec![(0, 1), (1, 2)], 1)]
        {
            for body in ["{\"p\":[1 , 2]}", "{\"p\": [ ] }"] {
                let (out, ..) = batch(body, &[("p[*]", act.clone())], Rows::Each, |acting| {
                    acting.before.extend(before.iter().copied());
                    acting.behind = behind;
                });
                let read: serde_json::Value = serde_json::from_str(&out).unwrap();
                let nulls = read["p"].as_array().unwrap().iter().filter(|row| row.is_null()).count();
                let before: u32 =
                    if body.contains('1') { before.iter().map(|(_, count)| count).sum() } else { 0 };
                // A row whose only value is left out is `null` as well: the others keep their places.
                let left_out = if body.contains('1') && matches!(act, Act::Leave) { 2 } else { 0 };
                assert_eq!(nulls, (before + behind + left_out) as usize, "{out}");
            }
        }
    }
}

#[test]
fn a_column_that_is_left_out_goes_with_its_key() {
    let fields = [("c.a[*]", Act::Leave), ("c.b[*]", Act::Leave), ("x", Act::Keep)];
    for (body, expected) in [
        (r#"{"c": {"a":[1,2], "b":[3,4]}, "x":1}"#, r#"{"c": {}, "x":1}"#),
        (r#"{"c":{"a":[],"b":[]},"x":1}"#, r#"{"c":{},"x":1}"#),
        (r#"{"x":1,"c":{"z":[],"a":[7],"y":0}}"#, r#"{"x":1,"c":{}}"#),
    ] {
        let (out, ..) = batch(body, &fields, Rows::Column, |acting| acting.dropped = vec![0, 1]);
        assert_eq!(out, expected);
    }
}

#[test]
fn null_is_neither_a_row_nor_a_column_nor_their_list() {
    let fields = [("d.r[*].a", Act::Keep), ("d.r[*].o.b[*]", Act::Keep)];
    let refused = |body: &str, fields: &[(&str, Act)], rows| {
        let (result, _) = walked(body, fields, rows, |_| ());
        assert!(matches!(result, Err(Stop::Visitor(Halt::Misshapen(_)))), "{body}: {result:?}");
    };
    refused(r#"{"d":{"r":null}}"#, &fields, Rows::Each);
    refused(r#"{"d":{"r":[null]}}"#, &fields, Rows::Each);
    refused(r#"{"d":{"r":[{"a":1},null]}}"#, &fields, Rows::Each);
    refused(r#"{"d":{"r":[[],null]}}"#, &[("d.r[*][*].a", Act::Keep)], Rows::Each);
    refused(r#"{"c":{"a":null}}"#, &[("c.a[*]", Act::Keep)], Rows::Column);
    refused(r#"{"c":{"a":[null]}}"#, &[("c.a[*].b", Act::Keep)], Rows::Column);
    // Within a row it is as elsewhere, and about the list there are no rows to be counted.
    let body = r#"{"d":{"r":[{"a":1,"o":null},{"o":{"b":null}}]}}"#;
    let (out, acting) = batch(body, &fields, Rows::Each, |_| ());
    assert_eq!((out.as_str(), acting.counted()), (body, vec![2]));
    assert_eq!(acting.missing(), [1, 1, 0]);
    let (out, acting) = batch(r#"{"d":null}"#, &fields, Rows::Each, |_| ());
    assert_eq!(out, r#"{"d":null}"#);
    assert_eq!(acting.told, [Told::Missing(0), Told::Missing(1)]);
}
