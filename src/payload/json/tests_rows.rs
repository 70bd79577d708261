//! Rows that are left out, empty ones in their place, and columns that go with their key.

use super::oracle::{Act, Halt, Table, Told};
use super::tests::{CAPS, paths};
use super::walk;
use crate::payload::layout::{Place, Rows};
use crate::payload::{FieldId, Kind, Layout, Path, Row, Stop, Treated, Undeclared, Value, Visitor};

/// Rows by number: those that are left out, and how many empty ones stand before each.
struct Batch {
    table: Table,
    left_out: Vec<u32>,
    before: Vec<(u32, u32)>,
    behind: u32,
    dropped: bool,
    counted: Vec<u32>,
}

impl Visitor for Batch {
    type Error = Halt;

    fn value(
        &mut self,
        field: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Halt> {
        self.table.value(field, at, value, out)
    }

    fn missing(&mut self, field: FieldId) -> Result<(), Halt> {
        self.table.missing(field)
    }

    fn undeclared(&mut self) -> Result<(), Halt> {
        self.table.undeclared()
    }

    fn misshapen(&mut self, field: FieldId) -> Halt {
        self.table.misshapen(field)
    }

    fn row(&mut self, row: u32) -> Row {
        if self.left_out.contains(&row) {
            return Row::LeftOut;
        }
        self.before.iter().find(|(at, _)| *at == row).map_or(Row::Visited, |(_, count)| Row::After(*count))
    }

    fn rows(&mut self, count: u32) -> Result<u32, Halt> {
        self.counted.push(count);
        Ok(self.behind)
    }

    fn leaves_out(&self, _field: FieldId) -> bool {
        self.dropped
    }
}

fn batch(
    body: &str,
    fields: &[(&str, Act)],
    rows: Rows,
    alter: impl Fn(&mut Batch),
) -> (String, Vec<u32>, Vec<Told>) {
    let (walked, batch) = walked(body, fields, rows, alter);
    let text = walked.unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    (text, batch.counted, batch.table.told)
}

fn walked(
    body: &str,
    fields: &[(&str, Act)],
    rows: Rows,
    alter: impl Fn(&mut Batch),
) -> (Result<String, Stop<Halt>>, Batch) {
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
    let acts = fields.iter().map(|(_, act)| vec![act.clone()]).collect();
    let table = Table::new(acts, Undeclared::LeaveOut);
    let mut batch = Batch {
        table,
        left_out: Vec::new(),
        before: Vec::new(),
        behind: 0,
        dropped: false,
        counted: Vec::new(),
    };
    alter(&mut batch);
    let mut out = Vec::new();
    let result = walk(body.as_bytes(), &layout, &CAPS, &mut batch, &mut out);
    (result.map(|()| String::from_utf8(out).unwrap()), batch)
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
        let (out, counted, told) =
            batch(&body, &fields, Rows::Each, |batch| batch.left_out.clone_from(&left_out));
        assert_eq!((out.as_str(), counted), (expected, vec![3]), "{left_out:?}");
        let seen: Vec<u32> = told
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
                let (out, ..) = batch(body, &[("p[*]", act.clone())], Rows::Each, |batch| {
                    batch.before.clone_from(&before);
                    batch.behind = behind;
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
        let (out, ..) = batch(body, &fields, Rows::Column, |batch| batch.dropped = true);
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
    let (out, counted, told) = batch(body, &fields, Rows::Each, |_| ());
    assert_eq!((out.as_str(), counted), (body, vec![2]));
    let missing = |told: &Told| if let Told::Missing(field) = told { Some(field.0) } else { None };
    assert_eq!(told.iter().filter_map(missing).collect::<Vec<_>>(), [1, 1, 0]);
    let (out, counted, told) = batch(r#"{"d":null}"#, &fields, Rows::Each, |_| ());
    assert_eq!((out.as_str(), counted), (r#"{"d":null}"#, vec![]));
    assert_eq!(told, [Told::Missing(FieldId(0)), Told::Missing(FieldId(1))]);
}
