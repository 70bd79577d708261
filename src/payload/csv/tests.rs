//! The walk over tables beside crate `csv` and a table that is kept cell by cell, then the attacks.

use proptest::prelude::*;

use super::super::acting::{Act, Acting, CAPS, Halt, Told, named, paths, reason, replace, text, walk};
use crate::payload::{
    Cap, Caps, Clash, Declared, Direction, Envelope, Format, Kind, Path, Stop, Undeclared, Walker,
};

fn run(body: &str, fields: &[&str], acting: &mut Acting) -> Result<String, Stop<Halt>> {
    text(Format::Csv, body, &paths(fields), acting)
}

fn kept(body: &str, fields: &[&str]) -> Result<String, Stop<Halt>> {
    run(body, fields, &mut Acting::keeping(fields.len()))
}

/// What crate `csv` reads, which is lenient: lines of any length, quotes anywhere.
fn read(body: &[u8]) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn an_untouched_table_is_the_same_bytes() {
    for body in [
        "a,b\n1,2\n",
        "a,b\r\n1,2",
        "a,b",
        "\"a\",\"b\"\n\"1\",\"2\"\n",
        "b,a\n\"x, \"\"y\"\"\r\nz\", 1 \n,\n",
        "a,b\n\"\",\n",
    ] {
        assert_eq!(kept(body, &["a", "b"]).unwrap(), body, "{body:?}");
    }
}

#[test]
fn columns_are_found_by_their_names() {
    let fields = ["customer.age", "['first name']", "['q\"x']"];
    let body = "first name,\"q\"\"x\",customer.age\nAda,\"a \"\"b\"\"\",36\n";
    let mut acting = Acting::keeping(3);
    assert_eq!(run(body, &fields, &mut acting).unwrap(), body);
    let value = |field, text: &str| Told::Value(field, vec![0], Kind::Untyped, text.into());
    assert_eq!(acting.told, [value(1, "Ada"), value(2, "a \"b\""), value(0, "36"), Told::Rows(1)]);
    let clash = |path: &str| super::super::acting::compile(Format::Csv, &paths(&[path]), Undeclared::Refuse);
    assert!(matches!(clash("tags[*]"), Err(Clash::NoPlace { .. })));
}

#[test]
fn what_is_not_declared_and_what_is_left_out_goes_from_every_line() {
    let body = "a,x,b,y,c\n1,2,3,4,5\n\"6\",,8,,10\n";
    let mut acting = Acting::keeping(3);
    assert_eq!(run(body, &["a", "b", "c"], &mut acting).unwrap(), "a,b,c\n1,3,5\n\"6\",8,10\n");
    assert_eq!(acting.undeclared_keys(), 2);
    let mut acting = Acting::keeping(3);
    acting.dropped = vec![0];
    assert_eq!(run(body, &["a", "b", "c"], &mut acting).unwrap(), "b,c\n3,5\n8,10\n");
    assert_eq!(acting.values(), ["1", "3", "5", "6", "8", "10"], "what goes is looked at all the same");
    let mut acting = Acting::keeping(3);
    acting.undeclared = Undeclared::Refuse;
    assert_eq!(run(body, &["a", "b", "c"], &mut acting), Err(Stop::Visitor(Halt::Undeclared)));
    let mut acting = Acting::keeping(4);
    run(body, &["a", "b", "c", "d"], &mut acting).unwrap();
    assert!(acting.told.contains(&Told::Missing(3)));
}

#[test]
fn of_one_column_an_empty_cell_is_written_in_quotes() {
    let mut acting = Acting::new(vec![vec![Act::Keep], vec![Act::Keep]], Undeclared::LeaveOut);
    acting.dropped = vec![0];
    assert_eq!(run("a,b\n1,\n2,3\n", &["a", "b"], &mut acting).unwrap(), "b\n\"\"\n3\n");
    let mut acting = Acting::new(vec![vec![Act::Leave, Act::Keep]], Undeclared::LeaveOut);
    assert_eq!(run("a\n1\n2\n", &["a"], &mut acting).unwrap(), "a\n\"\"\n2\n");
    let mut acting = Acting::keeping(1);
    assert_eq!(run(",x\n1,2\n", &["['']"], &mut acting).unwrap(), "\"\"\n1\n");
}

#[test]
fn a_table_of_which_no_column_is_left_is_refused_and_of_an_answer_an_empty_text() {
    let empty = Some("no column is left of it");
    for (body, dropped) in [("x,y\n1,2\n", vec![]), ("x", vec![]), ("a,x\n1,2\n", vec![0]), ("a", vec![0])] {
        let mut acting = Acting::keeping(2);
        acting.dropped.clone_from(&dropped);
        assert_eq!(reason(run(body, &["a", "b"], &mut acting)), empty, "{body:?}");
        let missing = acting.told.contains(&Told::Missing(1));
        assert!(missing, "what is required is asked for first: {body:?}");

        // Who may see none of its columns gets nothing of an answer; one without a declared column is none.
        let declared = Declared { paths: &paths(&["a", "b"]), undeclared: Undeclared::LeaveOut, rows: None };
        let walker = Walker::compile(Format::Csv, Direction::Response, declared).unwrap();
        let mut acting = Acting::keeping(2);
        acting.dropped = dropped;
        acting.behind = 2;
        let mut out = Vec::new();
        let walked = walker.walk(body.as_bytes(), &Envelope::default(), &CAPS, &mut acting, &mut out);
        assert_eq!(reason(walked), empty.filter(|_| acting.dropped.is_empty()), "{body:?}");
        assert_eq!(out, b"");
    }
    let mut acting = Acting::keeping(1);
    acting.undeclared = Undeclared::Refuse;
    assert_eq!(run("x\n1\n", &["a"], &mut acting), Err(Stop::Visitor(Halt::Undeclared)));
}

#[test]
fn an_empty_cell_without_quotes_is_a_value_that_is_not_there_where_one_may_lack() {
    let body = "a,b\n,\n\"\",\"\"\n";
    let mut acting = Acting::new(vec![vec![replace("x")], vec![replace("y")]], Undeclared::Refuse);
    acting.may_lack = vec![0];
    assert_eq!(run(body, &["a", "b"], &mut acting).unwrap(), "a,b\n,y\nx,y\n");
    assert_eq!(acting.told.first(), Some(&Told::Missing(0)));
}

#[test]
fn replacements_are_quoted_where_they_need_it() {
    for (text, cell) in [
        ("x", "x"),
        ("", "\"\""),
        ("a,b", "\"a,b\""),
        ("a\"b", "\"a\"\"b\""),
        ("a\r\nb", "\"a\r\nb\""),
        (" a", "\" a\""),
        ("a\t", "\"a\t\""),
        ("=1+1", "=1+1"),
        ("é•", "é•"),
    ] {
        let mut acting = Acting::new(vec![vec![replace(text)], vec![Act::Keep]], Undeclared::Refuse);
        let out = run("a,b\n1,2\n", &["a", "b"], &mut acting).unwrap();
        assert_eq!(out, format!("a,b\n{cell},2\n"));
        assert_eq!(read(out.as_bytes())[1][0], text);
    }
    let mut acting = Acting::new(vec![vec![replace("\u{0}")]], Undeclared::Refuse);
    assert!(matches!(run("a\n1\n", &["a"], &mut acting), Err(Stop::Unfit(_))));
    let null = Act::Replace(Kind::Null, "null".into());
    let mut acting = Acting::new(vec![vec![null], vec![Act::Keep]], Undeclared::Refuse);
    assert_eq!(run("a,b\n1,2\n", &["a", "b"], &mut acting).unwrap(), "a,b\n,2\n");
}

#[test]
fn rows_go_with_their_lines_and_keep_their_numbers() {
    for (body, end) in
        [("a,b\r\n0,x\r\n1,\"y\r\ny\"\r\n2,z\r\n", "\r\n"), ("a,b\r\n0,x\r\n1,\"y\r\ny\"\r\n2,z", "")]
    {
        for (out_of, expected) in [
            (vec![], "a,b\r\n0,x\r\n1,\"y\r\ny\"\r\n2,z"),
            (vec![0], "a,b\r\n1,\"y\r\ny\"\r\n2,z"),
            (vec![1], "a,b\r\n0,x\r\n2,z"),
            (vec![2], "a,b\r\n0,x\r\n1,\"y\r\ny\""),
            (vec![0, 1, 2], "a,b"),
        ] {
            let mut acting = Acting::keeping(2);
            acting.rows_out.clone_from(&out_of);
            assert_eq!(run(body, &["a", "b"], &mut acting).unwrap(), format!("{expected}{end}"));
            let numbers: Vec<u32> = (0..3).filter(|row| !out_of.contains(row)).collect();
            let seen = acting.told.iter().filter_map(|told| match told {
                Told::Value(0, at, ..) => Some(at[0]),
                _ => None,
            });
            assert_eq!(seen.collect::<Vec<_>>(), numbers);
            assert_eq!(acting.told.last(), Some(&Told::Rows(3)));
        }
    }
    let mut acting = Acting::keeping(1);
    acting.rows_out = vec![0];
    assert_eq!(reason(run("a\n\"x\n", &["a"], &mut acting)), Some("a quote is not closed"));
}

#[test]
fn empty_rows_are_lines_of_empty_cells() {
    for (body, expected) in
        [("a,b\n0,x\n1,y\n", "a,b\n,\n,\n0,x\n,\n1,y\n,\n"), ("a,b\n0,x\n1,y", "a,b\n,\n,\n0,x\n,\n1,y\n,")]
    {
        let mut acting = Acting::keeping(2);
        acting.before.extend([(0, 2), (1, 1)]);
        acting.behind = 1;
        assert_eq!(run(body, &["a", "b"], &mut acting).unwrap(), expected);
    }
    for (body, expected) in [("a,b", "a,b\r\n,"), ("a,b\n", "a,b\n,\n"), ("a", "a\r\n\"\"")] {
        let mut acting = Acting::keeping(2);
        acting.behind = 1;
        assert_eq!(run(body, &["a", "b"], &mut acting).unwrap(), expected);
    }
}

#[test]
fn what_readers_take_differently_is_refused() {
    for (body, why) in [
        ("", "the header line is missing"),
        ("\u{feff}a,b\n1,2\n", "the body begins with a byte order mark"),
        ("\n", "a line is blank"),
        ("a,b\n\n1,2\n", "a line is blank"),
        ("a\n1\n\n", "a line is blank"),
        ("a\n\n1\n", "a line is blank"),
        ("a,b\n1\n", "a line has another number of cells than the header"),
        ("a,b\n1,2,3\n", "a line has another number of cells than the header"),
        ("a,b\n1,2,\n", "a line has another number of cells than the header"),
        ("a,a\n1,2\n", "two columns have one name"),
        ("x,\"x\"\n1,2\n", "two columns have one name"),
        (",\n1,2\n", "two columns have one name"),
        ("a,b\n1\"2,3\n", "a quote in a cell that is not quoted"),
        ("a,b\n \"1\",3\n", "a quote in a cell that is not quoted"),
        ("a,b\n\"1\"2,3\n", "text behind a closed quote"),
        ("a,b\n\"1\" ,3\n", "text behind a closed quote"),
        ("a,b\n\"1,3\n", "a quote is not closed"),
        ("a,b\n1,\"", "a quote is not closed"),
        ("a,b\n1,2\r\n", "lines end in two ways"),
        ("a,b\r\n1,2\n", "lines end in two ways"),
        ("a,b\r1,2\r", "a carriage return that ends no line"),
        ("a,b\n1,2\r", "a carriage return that ends no line"),
        ("a,b\n1,\u{0}\n", "a control character"),
        ("a,b\n1,\"\u{0}\"\n", "a control character"),
        ("a,b\n1,\u{1c}\n", "a control character"),
        ("a,b\n1,\u{b}\n", "a control character"),
    ] {
        assert_eq!(reason(kept(body, &["a", "b"])), Some(why), "{body:?}");
    }
    let latin =
        walk(Format::Csv, b"a\n\xe9\n", &Envelope::default(), &paths(&["a"]), &CAPS, &mut Acting::keeping(1));
    assert_eq!(reason(latin), Some("the body is not valid UTF-8"));
}

#[test]
fn caps_hold_at_their_edge() {
    let run = |body: &str, caps: Caps| {
        let envelope = Envelope::default();
        walk(Format::Csv, body.as_bytes(), &envelope, &paths(&["a"]), &caps, &mut Acting::keeping(1))
            .map(drop)
    };
    let body = "a,b\n1,2\n3,4\n";
    assert!(run(body, Caps { bytes: body.len(), members: 2, rows: 2, ..CAPS }).is_ok());
    for (caps, cap) in [
        (Caps { bytes: body.len() - 1, ..CAPS }, Cap::Bytes),
        (Caps { members: 1, ..CAPS }, Cap::Members),
        (Caps { rows: 1, ..CAPS }, Cap::Rows),
    ] {
        assert_eq!(run(body, caps), Err(Stop::TooLarge(cap)));
    }
}

/// A cell as it stands and as it is meant.
fn cell() -> impl Strategy<Value = (String, String)> {
    let plain = "[a-z0-9é=•;\t '.-]{1,6}".prop_map(|text: String| (text.clone(), text));
    let quoted = proptest::collection::vec(
        prop_oneof![
            Just("\"\""),
            Just("\r\n"),
            Just("\n"),
            Just("\r"),
            Just(","),
            Just("x"),
            Just(" "),
            Just("é")
        ],
        0..5,
    )
    .prop_map(|pieces| {
        let inner = pieces.concat();
        (format!("\"{inner}\""), inner.replace("\"\"", "\""))
    });
    prop_oneof![4 => plain, 3 => quoted, 1 => Just((String::new(), String::new()))]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Keep),
        1 => Just(Act::Leave),
        1 => "[a,\" \r\n]{0,4}".prop_map(|text| replace(&text)),
    ]
}

proptest! {
    #[test]
    fn the_walk_does_what_is_done_cell_by_cell(
        width in 1usize..6,
        cells in proptest::collection::vec(cell(), 0..60),
        declared in proptest::collection::vec(any::<bool>(), 6),
        dropped in proptest::collection::vec(proptest::bool::weighted(0.2), 6),
        quoted_names in proptest::collection::vec(any::<bool>(), 6),
        acts in proptest::collection::vec(proptest::collection::vec(act(), 1..4), 6),
        rows_out in proptest::collection::vec(0u32..8, 0..4),
        before in proptest::collection::hash_map(0u32..8, 1u32..3, 0..3),
        behind in 0u32..3,
        crlf in any::<bool>(),
        closed in any::<bool>(),
    ) {
        let mut end = if crlf { "\r\n" } else { "\n" };
        let names: Vec<String> = (0..width).map(|n| format!("c{n}")).collect();
        let titles: Vec<String> =
            names.iter().zip(&quoted_names).map(|(name, quoted)| if *quoted { format!("\"{name}\"") } else { name.clone() }).collect();
        // A blank line is no row.
        let mut rows: Vec<Vec<(String, String)>> = cells.chunks_exact(width).map(<[_]>::to_vec).collect();
        if width == 1 {
            rows.retain(|row| !row[0].0.is_empty());
        }
        let line = |row: &[(String, String)]| row.iter().map(|(raw, _)| raw.as_str()).collect::<Vec<_>>().join(",");
        let mut body = titles.join(",");
        for row in &rows {
            body.push_str(end);
            body.push_str(&line(row));
        }
        if closed {
            body.push_str(end);
        }
        if !body.contains(end) {
            // A table of one line does not say how lines end.
            end = "\r\n";
        }
        let fields: Vec<usize> = (0..width).filter(|n| declared[*n]).collect();
        let paths: Vec<Path> = fields.iter().map(|n| named(&names[*n])).collect();
        let mut acting =
            Acting::new(fields.iter().map(|n| acts[*n].clone()).collect(), Undeclared::LeaveOut);
        acting.dropped = (0..).zip(&fields).filter(|(_, n)| dropped[**n]).map(|(field, _)| field).collect();
        acting.rows_out = rows_out;
        acting.before = before;
        acting.behind = behind;
        let mut oracle = acting.clone();
        let out = text(Format::Csv, &body, &paths, &mut acting);

        // Cell by cell: as it stands where it is kept, by what it means where it is another.
        let left: Vec<u16> = (0..).zip(&fields).map(|(field, _)| field).filter(|field| !oracle.dropped.contains(field)).collect();
        if left.is_empty() {
            prop_assert_eq!(reason(out), Some("no column is left of it"));
            return Ok(());
        }
        let out = out.unwrap();
        let title = |field: &u16| titles[fields[usize::from(*field)]].clone();
        let mut lines: Vec<Vec<Option<String>>> = vec![left.iter().map(|field| Some(title(field))).collect()];
        let mut meant: Vec<Vec<String>> = vec![left.iter().map(|field| names[fields[usize::from(*field)]].clone()).collect()];
        let nothing = || (vec![Some(String::new()); left.len()], vec![String::new(); left.len()]);
        let mut told = Vec::new();
        for (number, row) in (0..).zip(&rows) {
            if oracle.rows_out.contains(&number) {
                continue;
            }
            for _ in 0..oracle.before.get(&number).copied().unwrap_or(0) {
                let (raw, text) = nothing();
                lines.push(raw);
                meant.push(text);
            }
            let (mut raws, mut texts) = (Vec::new(), Vec::new());
            for (field, n) in (0..).zip(&fields) {
                let (raw, text) = &row[*n];
                told.push(text.clone());
                let (raw, text) = match oracle.next(field) {
                    Act::Keep => (Some(raw.clone()), text.clone()),
                    Act::Leave => (Some(String::new()), String::new()),
                    Act::Replace(_, text) => (None, text),
                };
                if left.contains(&field) {
                    raws.push(raw);
                    texts.push(text);
                }
            }
            lines.push(raws);
            meant.push(texts);
        }
        for _ in 0..behind {
            let (raw, text) = nothing();
            lines.push(raw);
            meant.push(text);
        }
        prop_assert_eq!(acting.values(), told.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(read(out.as_bytes()), meant);
        if lines.iter().flatten().all(Option::is_some) {
            let lines: Vec<String> = lines
                .into_iter()
                .map(|cells| cells.into_iter().flatten().collect::<Vec<_>>().join(","))
                .map(|line| if line.is_empty() { "\"\"".to_owned() } else { line })
                .collect();
            prop_assert_eq!(out, format!("{}{}", lines.join(end), if closed { end } else { "" }));
        }
    }

    /// Whatever is let through, crate `csv` reads the same cells from it.
    #[test]
    fn another_reader_sees_the_same_cells(body in "[ab,\"\r\n \u{0}\t\u{feff}é]{0,40}") {
        let names = ["a", "b", "ab", "ba", ""].map(named);
        let mut acting = Acting::keeping(5);
        let Ok(out) = text(Format::Csv, &body, &names, &mut acting) else { return Ok(()) };
        let cells = read(body.as_bytes());
        let known: Vec<bool> = cells[0].iter().map(|name| names.contains(&named(name))).collect();
        let seen = |line: &Vec<String>| -> Vec<String> {
            line.iter().zip(&known).filter(|(_, known)| **known).map(|(cell, _)| cell.clone()).collect()
        };
        let expected: Vec<Vec<String>> = cells.iter().map(seen).collect();
        prop_assert!(cells.iter().all(|line| line.len() == known.len()));
        prop_assert_eq!(acting.values(), expected[1..].iter().flatten().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(known.contains(&true), "a table without a declared column is refused");
        prop_assert_eq!(read(out.as_bytes()), expected);
        if !known.contains(&false) {
            prop_assert_eq!(out, body);
        }
    }

    #[test]
    fn a_table_cut_anywhere_is_refused_or_read_as_it_stands(cut in 0usize..40) {
        let body = "a,b\r\n1,\"x \"\"y\"\" é\r\n\"\r\n,\"\"\r\n";
        let body = body.get(..body.floor_char_boundary(cut)).unwrap();
        let mut acting = Acting::keeping(3);
        if let Ok(out) = run(body, &["a", "b", "['']"], &mut acting) {
            prop_assert_eq!(out, body);
        }
    }
}
