//! The walk over lines beside a walk over each line alone, then the attacks.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::acting::{Act, Acting, CAPS, Halt, Told, paths, reason, replace, text, walk};
use crate::payload::{Cap, Caps, Envelope, Format, Kind, Stop, Undeclared};

fn run(body: &str, fields: &[&str], acting: &mut Acting) -> Result<String, Stop<Halt>> {
    text(Format::Ndjson, body, &paths(fields), acting)
}

fn kept(body: &str, fields: &[&str]) -> Result<String, Stop<Halt>> {
    run(body, fields, &mut Acting::keeping(fields.len()))
}

#[test]
fn untouched_lines_are_the_same_bytes() {
    for body in [
        "",
        "{\"a\":1}",
        " {\"a\" : 1.0}\t\n{}\n",
        "{\"a\":1}\r\n{ }\r\n",
        "{\"b\":[{\"c\":1},{}]}\n{\"a\":0}",
    ] {
        assert_eq!(kept(body, &["a", "b[*].c"]).unwrap(), body);
    }
}

#[test]
fn the_row_is_the_first_index() {
    let mut acting = Acting::keeping(2);
    run("{\"t\":[1,2]}\n{\"a\":3}\n{\"t\":[4]}\n", &["a", "t[*]"], &mut acting).unwrap();
    let value = |field, at: &[u32], text: &str| Told::Value(field, at.to_vec(), Kind::Integer, text.into());
    assert_eq!(
        acting.told,
        [
            value(1, &[0, 0], "1"),
            value(1, &[0, 1], "2"),
            Told::Missing(0),
            value(0, &[1], "3"),
            Told::Missing(1),
            value(1, &[2, 0], "4"),
            Told::Missing(0),
            Told::Rows(3)
        ]
    );
}

#[test]
fn rows_go_with_their_lines_and_empty_ones_are_null() {
    for end in ["\n", ""] {
        let body = format!("{{\"a\":0}}\n{{\"a\":1}}\n{{\"a\":2}}{end}");
        for (out, expected) in [
            (vec![0], "{\"a\":1}\n{\"a\":2}"),
            (vec![1], "{\"a\":0}\n{\"a\":2}"),
            (vec![2], "{\"a\":0}\n{\"a\":1}"),
        ] {
            let mut acting = Acting::keeping(1);
            acting.rows_out = out;
            assert_eq!(run(&body, &["a"], &mut acting).unwrap(), format!("{expected}{end}"));
        }
        let mut acting = Acting::keeping(1);
        acting.rows_out = vec![0, 1, 2];
        assert_eq!(run(&body, &["a"], &mut acting).unwrap(), "");
        let mut acting = Acting::keeping(1);
        acting.before.extend([(0, 1), (2, 2)]);
        acting.behind = 1;
        let expected = format!("null\n{{\"a\":0}}\n{{\"a\":1}}\nnull\nnull\n{{\"a\":2}}\nnull{end}");
        assert_eq!(run(&body, &["a"], &mut acting).unwrap(), expected);
    }
    let mut acting = Acting::keeping(1);
    acting.behind = 2;
    assert_eq!(run("", &["a"], &mut acting).unwrap(), "null\nnull");
    // What is left out is read as strictly as the rest.
    for line in ["{\"a\":1,\"a\":2}", "{\"a\":}", "{} {}", "nul"] {
        let mut acting = Acting::keeping(1);
        acting.rows_out = vec![0];
        let fault = run(&format!("{{\"a\":0}}\n{line}"), &["a"], &mut { acting.clone() });
        assert!(matches!(fault, Err(Stop::Malformed(fault)) if fault.offset >= 8), "{line}");
        let fault = run(line, &["a"], &mut acting);
        assert!(matches!(fault, Err(Stop::Malformed(_))), "{line}");
    }
}

#[test]
fn a_row_of_which_nothing_is_left_is_an_empty_object() {
    let mut acting = Acting::new(vec![vec![Act::Leave]], Undeclared::LeaveOut);
    let body = "{\"x\":1}\n{\"a\":1}\n{\"x\":{},\"a\":2,\"y\":[]}\n";
    assert_eq!(run(body, &["a"], &mut acting).unwrap(), "{}\n{}\n{}\n");
}

#[test]
fn what_readers_take_differently_is_refused() {
    for body in [
        "\n",
        "{}\n\n",
        "{}\n\n{}",
        "\n{}",
        "{}\n \n{}",
        "{}\r\n\r\n",
        "{}{}",
        "{} {}\n",
        "{\n}\n",
        "{}\r{}\n",
        "{}\r",
        "{}\n{}\r\n",
        "{}\r\n{}\n",
        "\u{feff}{}\n",
        "{}\n\u{feff}{}\n",
        "{\"a\":1,\"a\":1}\n",
    ] {
        assert!(reason(kept(body, &["a"])).is_some(), "{body:?}");
    }
    for body in ["1\n", "{}\nnull\n", "[]\n"] {
        assert_eq!(kept(body, &["a"]), Err(Stop::Visitor(Halt::Misshapen(0))));
    }
    let latin = walk(
        Format::Ndjson,
        b"{}\n\"\xe9\"",
        &Envelope::default(),
        &paths(&["a"]),
        &CAPS,
        &mut Acting::keeping(1),
    );
    assert!(matches!(latin, Err(Stop::Malformed(fault)) if fault.offset == 4));
}

#[test]
fn caps_hold_for_all_lines_together() {
    let run = |caps: Caps, out: Vec<u32>| {
        let mut acting = Acting::keeping(1);
        acting.rows_out = out;
        let body = b"{\"a\":1}\n{\"a\":2,\"b\":3}\n";
        walk(Format::Ndjson, body, &Envelope::default(), &paths(&["a"]), &caps, &mut acting).map(drop)
    };
    for out in [vec![], vec![0], vec![1]] {
        assert!(run(Caps { bytes: 22, members: 3, rows: 2, depth: 1 }, out.clone()).is_ok());
        for (caps, cap) in [
            (Caps { bytes: 21, ..CAPS }, Cap::Bytes),
            (Caps { members: 2, ..CAPS }, Cap::Members),
            (Caps { rows: 1, ..CAPS }, Cap::Rows),
            (Caps { depth: 0, ..CAPS }, Cap::Depth),
        ] {
            assert_eq!(run(caps, out.clone()), Err(Stop::TooLarge(cap)));
        }
    }
}

fn document() -> impl Strategy<Value = Value> {
    let scalar =
        || prop_oneof![any::<i32>().prop_map(|n| json!(n)), "[ab\n\r\"é\u{2028}]{0,4}".prop_map(Value::from)];
    (
        proptest::option::of(scalar()),
        proptest::collection::vec(scalar(), 0..3),
        proptest::option::of(scalar()),
    )
        .prop_map(|(a, tags, other)| {
            let mut object = serde_json::Map::new();
            object.extend(a.map(|a| ("a".to_owned(), a)));
            object.extend(other.map(|other| ("x".to_owned(), other)));
            object.insert("tags".into(), tags.into());
            object.into()
        })
}

proptest! {
    #[test]
    fn each_line_is_walked_as_a_body_of_its_own(
        documents in proptest::collection::vec(document(), 0..6),
        leave in any::<bool>(),
        rows_out in proptest::collection::vec(0u32..6, 0..3),
        crlf in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let fields = ["a", "tags[*]"];
        let acts = vec![vec![if leave { Act::Leave } else { replace("y") }], vec![Act::Keep, Act::Leave]];
        let mut acting = Acting::new(acts, Undeclared::LeaveOut);
        acting.rows_out = rows_out.clone();
        let mut alone = acting.clone();
        let body: String = documents.iter().map(|document| format!("{document}{end}")).collect();
        let out = run(&body, &fields, &mut acting).unwrap();
        let mut expected = String::new();
        for (row, document) in (0..).zip(&documents) {
            if !rows_out.contains(&row) {
                expected.push_str(&text(Format::Json, &document.to_string(), &paths(&fields), &mut alone).unwrap());
                expected.push_str(end);
            }
        }
        prop_assert_eq!(&out, &expected);
        prop_assert_eq!(acting.values(), alone.values());
        let read = serde_json::Deserializer::from_str(&out).into_iter::<Value>().count();
        prop_assert_eq!(read, out.lines().count());
    }
}
