//! The walk and the search by hand, on the cases that matter.

use super::oracle::Tree;
use super::{Unfound, find, walk};
use crate::payload::acting::{Act, Acting, CAPS, Halt, paths};
use crate::payload::{Cap, Caps, FieldId, Kind, Layout, Path, Stop, Undeclared};

/// The output, and the visitor behind it.
pub(super) fn run(
    body: &[u8],
    paths: &[Path],
    mut acting: Acting,
    caps: &Caps,
) -> (Result<String, Stop<Halt>>, Acting) {
    let layout = Layout::compile(paths, acting.undeclared).unwrap();
    let mut out = b"before".to_vec();
    let result = walk(body, &layout, caps, &mut acting, &mut out);
    if result.is_err() {
        assert_eq!(out, b"before", "a refused body leaves nothing behind");
    }
    let text = String::from_utf8(out[6..].to_vec()).unwrap();
    (result.map(|()| text), acting)
}

/// Treats fields in the order given, undeclared keys left out.
fn treated(body: &str, fields: &[(&str, Act)]) -> Result<String, Stop<Halt>> {
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let acts: Vec<_> = fields.iter().map(|(_, act)| act.clone()).collect();
    run(body.as_bytes(), &paths(&names), Acting::of(&acts, Undeclared::LeaveOut), &CAPS).0
}

fn kept(body: &str, names: &[&str]) -> Result<String, Stop<Halt>> {
    treated(body, &names.iter().map(|name| (*name, Act::Keep)).collect::<Vec<_>>())
}

#[test]
fn an_untouched_body_is_the_same_bytes() {
    let body =
        "\n{\t\"a\" :1.0e+0 ,\r\n \"\\u0062\":\"\\/\\u00e9é\", \"c\":{ } , \"d\" : [ [-0 ,0.10] , [ ] ]\n}\n";
    assert_eq!(kept(body, &["a", "b", "c.x", "d[*][*]"]).unwrap(), body);
}

#[test]
fn every_combination_of_left_out_members_keeps_the_commas_right() {
    for (open, close) in [("{", "}"), (" {\n  ", "\n} ")] {
        for left in 0..16_u32 {
            for undeclared in [false, true] {
                let names = ["a", "b", "c", "d"];
                let body: Vec<_> = names.iter().map(|name| format!("\"{name}\" : \"{name}!\"")).collect();
                let body = format!("{open}{}{close}", body.join(" ,\n  "));
                let gone = |index: usize| left & (1 << index) != 0;
                let fields: Vec<_> = (0..4)
                    .filter(|&index| !(undeclared && gone(index)))
                    .map(|index| (names[index], if gone(index) { Act::Leave } else { Act::Keep }))
                    .collect();
                let out = treated(&body, &fields).unwrap();
                let Tree::Object(members) = Tree::read(out.as_bytes()).unwrap() else { panic!("{out}") };
                let keys: Vec<_> = members.iter().map(|(key, _)| key.as_str()).collect();
                let expected: Vec<_> =
                    (0..4).filter(|&index| !gone(index)).map(|index| names[index]).collect();
                assert_eq!(keys, expected, "{body} -> {out}");
            }
        }
    }
    let list = |acts: &[Act]| {
        let acting = Acting::new(vec![acts.to_vec()], Undeclared::Refuse);
        run(br#"{"l":[ 1 , 2 , 3 ]}"#, &paths(&["l[*]"]), acting, &CAPS).0.unwrap()
    };
    use Act::{Keep, Leave};
    assert_eq!(list(&[Leave]), r#"{"l":[  ]}"#);
    assert_eq!(list(&[Leave, Keep, Keep]), r#"{"l":[ 2 , 3 ]}"#);
    assert_eq!(list(&[Keep, Leave, Keep]), r#"{"l":[ 1  , 3 ]}"#);
    assert_eq!(list(&[Keep, Keep, Leave]), r#"{"l":[ 1 , 2  ]}"#);
    assert_eq!(list(&[Leave, Leave, Keep]), r#"{"l":[ 3 ]}"#);
}

#[test]
fn replacements_are_encoded_and_fit_their_kind() {
    let replace = |kind, text: &str| Act::Replace(kind, text.into());
    let body = r#"{"a": 1, "b": "x", "c": null}"#;
    let out = treated(
        body,
        &[
            ("a", replace(Kind::String, "p1_\"\\\u{1}\n")),
            ("b", replace(Kind::Integer, "30")),
            ("c", Act::Keep),
        ],
    );
    assert_eq!(out.unwrap(), r#"{"a": "p1_\"\\\u0001\n", "b": 30, "c": null}"#);
    let unfit = treated(body, &[("a", replace(Kind::Number, "NaN"))]);
    assert_eq!(unfit, Err(Stop::Unfit(FieldId(0))));
}

#[test]
fn keys_are_compared_after_unescaping() {
    let fields = [("email", Act::Leave), ("age", Act::Keep)];
    assert_eq!(treated(r#"{"\u0065mail":"x","age":1}"#, &fields).unwrap(), r#"{"age":1}"#);
    for body in [
        r#"{"email":1,"\u0065mail":2}"#,
        r#"{"\u0065mail":1,"e\u006dail":2}"#,
        r#"{"x":1,"\u0078":2}"#,
        r#"{"x":{"y":[{"z":1,"\u007a":2}]}}"#,
        r#"{"age":1,"age":1}"#,
        r#"{"x":1,"age":1,"x":1}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"x":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"\u0061":1}}"#,
    ] {
        let Err(Stop::Malformed(fault)) = treated(body, &fields) else { panic!("{body}") };
        assert!(fault.reason.contains("twice"), "{body}: {fault}");
        assert!(Tree::read(body.as_bytes()).is_err());
    }
    // The same key in different objects is no duplicate.
    assert!(treated(r#"{"x":{"x":1,"y":{"x":1}},"y":[{"x":1},{"x":1}]}"#, &fields).is_ok());
}

#[test]
fn more_members_than_bits_of_a_word() {
    let names: Vec<_> = (0..200).map(|n| format!("f{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let member = |name: &&str| format!("\"{name}\":0");
    let all = format!("{{{}}}", names.iter().map(member).collect::<Vec<_>>().join(","));
    assert_eq!(kept(&all, &names).unwrap(), all);
    for missing in [0, 63, 64, 127, 128, 199] {
        let some: Vec<_> = names.iter().filter(|name| **name != names[missing]).map(member).collect();
        let body = format!("{{{}}}", some.join(","));
        let acting = Acting::of(&vec![Act::Keep; 200], Undeclared::Refuse);
        let (out, acting) = run(body.as_bytes(), &paths(&names), acting, &CAPS);
        assert_eq!(out.unwrap(), body);
        assert_eq!(acting.missing(), [missing as u16]);
        let twice = format!("{},{}}}", all.trim_end_matches('}'), member(&names[missing]));
        assert!(matches!(kept(&twice, &names), Err(Stop::Malformed(_))), "{missing}");
    }
}

#[test]
fn what_is_not_json_is_refused_wherever_it_stands() {
    let bad = [
        "",
        " ",
        "nul",
        "tru",
        "True",
        "NaN",
        "Infinity",
        "-Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.e1",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "1 2",
        "'a'",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800x\"",
        "\"\\udc00\\ud800\"",
        "\"\t\"",
        "\"\n\"",
        "\"\u{0}\"",
        "\"\u{1f}\"",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{1:1}",
        "[1}",
        "{\"a\":1]",
        "]",
        "}",
        "//x\n1",
        "/*x*/1",
        "\u{a0}1",
        "\u{2028}1",
        "\u{feff}1",
        "\u{b}1",
        "\u{c}1",
        "{\"\t\":1}",
        "{\"\\ud800\":1}",
        "undefined",
        "1,",
        "\u{7f}",
    ];
    for bad in bad {
        assert!(Tree::read(bad.as_bytes()).is_err(), "the oracle reads {bad:?}");
        for body in [
            format!("{{\"declared\":{bad}}}"),
            format!("{{\"skipped\":{bad}}}"),
            format!("{{\"skipped\":[{{\"deep\":{bad}}}]}}"),
            format!("{{\"o\":{{\"x\":1,\"y\":{bad}}}}}"),
            format!("{{\"l\":[1,{bad}]}}"),
        ] {
            assert!(Tree::read(body.as_bytes()).is_err(), "{body:?}");
            let result = kept(&body, &["declared", "o.x", "o.y", "l[*]"]);
            let misshapen =
                matches!(result, Err(Stop::Visitor(Halt::Misshapen(_)))) && bad.starts_with(['{', '[']);
            assert!(misshapen || matches!(result, Err(Stop::Malformed(_))), "{body:?}: {result:?}");
            let found = find(body.as_bytes(), &Path::parse("else").unwrap(), &CAPS);
            assert!(matches!(found, Err(Stop::Malformed(_))), "{body:?}: {found:?}");
        }
    }
    for body in ["", " ", "{} {}", "{}x", "{},", "\u{feff}{}", "{}\u{0}", "x", "{\"a\":1}}", "nul"] {
        assert!(matches!(kept(body, &[]), Err(Stop::Malformed(_))), "{body:?}");
        let found = find(body.as_bytes(), &Path::parse("a").unwrap(), &CAPS);
        assert!(matches!(found, Err(Stop::Malformed(_) | Stop::Visitor(_))), "{body:?}");
    }
    for bytes in [
        &b"{\"a\":\"\xff\"}"[..],
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{\"\xe9\":1}",
        b"\xff{}",
    ] {
        let acting = Acting::of(&[Act::Keep], Undeclared::LeaveOut);
        assert!(matches!(run(bytes, &paths(&["a"]), acting, &CAPS).0, Err(Stop::Malformed(_))));
    }
}

#[test]
fn a_fault_is_told_by_its_place_and_never_by_content() {
    let fault = kept(r#"{"a": "ada@example.org", "b": "\x"}"#, &["a", "b"]).unwrap_err();
    assert_eq!(told(fault), "there is no such escape at byte 31");
    let fault = kept(r#"{"a": 1, "b": [1"#, &["a", "b[*]"]).unwrap_err();
    assert_eq!(told(fault), "the body ends too early at byte 16");
}

fn told(stop: Stop<Halt>) -> String {
    match stop {
        Stop::Malformed(fault) => fault.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn another_shape_than_declared_is_never_passed() {
    let names = ["a", "o.p.x", "o.p.y", "l[*].z"];
    for (body, field) in [
        (r#"{"a":{}}"#, 0),
        (r#"{"a":[]}"#, 0),
        (r#"{"o":false}"#, 1),
        (r#"{"o":"null"}"#, 1),
        (r#"{"o":[]}"#, 1),
        (r#"{"o":{"p":"x"}}"#, 1),
        (r#"{"o":{"p":{"y":{}}}}"#, 2),
        (r#"{"l":{}}"#, 3),
        (r#"{"l":[0]}"#, 3),
        (r#"{"l":[{"z":1},[]]}"#, 3),
        ("[]", 0),
        ("null", 0),
        ("\"x\"", 0),
        ("12", 0),
    ] {
        assert_eq!(kept(body, &names), Err(Stop::Visitor(Halt::Misshapen(field))), "{body}");
    }
    assert!(matches!(kept("[]", &[]), Err(Stop::Malformed(_))));
    // What only begins like a value is none, and is not told as a value of the wrong kind.
    for body in
        ["first_name=Ada", "name=Ada", "-", "\"x", r#"{"o":nothing}"#, r#"{"o":nul}"#, r#"{"o":null1}"#]
    {
        assert!(matches!(kept(body, &names), Err(Stop::Malformed(_))), "{body}");
    }
    // A layout may have an array as its root.
    assert_eq!(kept(r#"[{"z":1}]"#, &["[*].z"]).unwrap(), r#"[{"z":1}]"#);
}

#[test]
fn what_is_missing_is_told_at_the_end_of_each_object() {
    let names = ["a", "o.x", "o.p.y", "l[*].z", "l[*].q.r"];
    let missing = |body: &str| {
        let acting = Acting::of(&vec![Act::Keep; 5], Undeclared::Refuse);
        let (out, acting) = run(body.as_bytes(), &paths(&names), acting, &CAPS);
        assert_eq!(out.unwrap(), body);
        acting.missing()
    };
    assert_eq!(missing("{}"), [0, 1, 2, 3, 4]);
    assert_eq!(missing(r#"{"a":null,"o":{},"l":[]}"#), [1, 2]);
    assert_eq!(missing(r#"{"l":[{},{"z":1},{"q":{}}]}"#), [3, 4, 4, 4, 3, 0, 1, 2]);
}

#[test]
fn null_for_an_object_or_array_is_its_absence_and_stays_as_it_came() {
    let names = ["a", "o.x", "o.p.y", "l[*].z", "l[*].q.r", "m[*][*]"];
    let missing = |body: &str, act: Act| {
        let acting = Acting::of(&vec![act; names.len()], Undeclared::LeaveOut);
        let (out, acting) = run(body.as_bytes(), &paths(&names), acting, &CAPS);
        (out, acting.missing())
    };
    for (body, told) in [
        (r#"{"o": null ,"l":null,"m" :null}"#, vec![1, 2, 3, 4, 5, 0]),
        (r#"{"o":{"p":null}, "l":[null , {"q":null}], "m":[null,[]]}"#, vec![2, 1, 3, 4, 4, 3, 5, 0]),
        (r#"{"l":[null],"\u006f":null}"#, vec![3, 4, 1, 2, 0, 5]),
    ] {
        for act in [Act::Keep, Act::Leave, Act::Replace(Kind::String, "x".into())] {
            assert_eq!(missing(body, act), (Ok(body.into()), told.clone()), "{body}");
        }
    }
    // What is left out about it takes nothing of it along, and it hides no second one.
    let fields = [("a", Act::Leave), ("o.x", Act::Keep), ("b", Act::Leave)];
    let out = treated(r#"{"a":1,"o":null,"u":{"o":null},"b":2}"#, &fields);
    assert_eq!(out.unwrap(), r#"{"o":null}"#);
    for body in [r#"{"o":null,"o":null}"#, r#"{"o":{"x":1},"\u006f":null}"#, r#"{"o":{"p":null,"p":{}}}"#] {
        assert!(matches!(kept(body, &names), Err(Stop::Malformed(fault)) if fault.reason.contains("twice")));
    }
    // It counts as a key, and opens nothing.
    let caps = Caps { depth: 1, members: 1, ..CAPS };
    let counted = |body: &str| {
        run(body.as_bytes(), &paths(&["o.x"]), Acting::of(&[Act::Keep], Undeclared::LeaveOut), &caps).0
    };
    assert!(counted(r#"{"o":null}"#).is_ok());
    assert_eq!(counted(r#"{"o":null,"p":null}"#), Err(Stop::TooLarge(Cap::Members)));
}

#[test]
fn undeclared_keys_go_with_all_they_hold_or_stop_the_walk() {
    let body =
        r#"{"x":{"email":"canary","y":[1,{"z":"canary"}]},"a":1,"o":{"x":"canary","b":2},"w":"canary"}"#;
    assert_eq!(kept(body, &["a", "o.b"]).unwrap(), r#"{"a":1,"o":{"b":2}}"#);
    let refused = run(body.as_bytes(), &paths(&["a"]), Acting::of(&[Act::Keep], Undeclared::Refuse), &CAPS).0;
    assert_eq!(refused, Err(Stop::Visitor(Halt::Undeclared)));
    // A visitor that forgets to refuse does not open the door.
    let layout = Layout::compile(&paths(&["a"]), Undeclared::Refuse).unwrap();
    let mut acting = Acting::of(&[Act::Keep], Undeclared::LeaveOut);
    let result = walk(body.as_bytes(), &layout, &CAPS, &mut acting, &mut Vec::new());
    assert_eq!(result, Err(Stop::Undeclared));
}

#[test]
fn caps_hold_at_their_edge() {
    let nested = |depth: usize| format!("{{\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let declared = format!("l{}", "[*]".repeat(9));
    let cases: [(String, Caps, Cap, Vec<Path>); 7] = [
        ("{\"x\":1}".into(), Caps { bytes: 7, ..CAPS }, Cap::Bytes, paths(&["x"])),
        (nested(10), Caps { depth: 10, ..CAPS }, Cap::Depth, vec![]),
        (nested(10).replace('x', "l"), Caps { depth: 10, ..CAPS }, Cap::Depth, paths(&[&declared])),
        (r#"{"a":{"b":1,"c":[{"d":1}]}}"#.into(), Caps { members: 4, ..CAPS }, Cap::Members, vec![]),
        (
            r#"{"a":{"b":1},"c":[{"d":1}]}"#.into(),
            Caps { members: 4, ..CAPS },
            Cap::Members,
            paths(&["a.b", "c[*].d"]),
        ),
        (r#"{"l":[1,2,3],"m":[1,2,3]}"#.into(), Caps { rows: 3, ..CAPS }, Cap::Rows, vec![]),
        (r#"{"l":[[1,2,3],[1]]}"#.into(), Caps { rows: 3, ..CAPS }, Cap::Rows, paths(&["l[*][*]"])),
    ];
    for (body, caps, cap, paths) in cases {
        let acting = || Acting::of(&vec![Act::Keep; paths.len()], Undeclared::LeaveOut);
        let less = Caps {
            bytes: caps.bytes - usize::from(cap == Cap::Bytes),
            depth: caps.depth - usize::from(cap == Cap::Depth),
            members: caps.members - usize::from(cap == Cap::Members),
            rows: caps.rows - usize::from(cap == Cap::Rows),
        };
        let run_with = |caps: &Caps| run(body.as_bytes(), &paths, acting(), caps).0;
        assert!(run_with(&caps).is_ok(), "{body} {:?}", run_with(&caps));
        assert_eq!(run_with(&less), Err(Stop::TooLarge(cap)), "{body}");
        let path = Path::parse("none").unwrap();
        assert_eq!(find(body.as_bytes(), &path, &caps), Ok(None), "{body}");
        assert_eq!(find(body.as_bytes(), &path, &less), Err(Stop::TooLarge(cap)), "{body}");
    }
}

#[test]
fn depth_costs_neither_the_stack_nor_much_memory() {
    let deep = "[".repeat(1 << 20);
    for body in
        [deep.clone(), format!("{{\"x\":{deep}"), "{\"x\":".repeat(200_000), format!("{{\"l\":{deep}")]
    {
        let names = paths(&["l[*][*]"]);
        let acting = || Acting::of(&[Act::Keep], Undeclared::LeaveOut);
        let caps = Caps { bytes: 1 << 24, ..CAPS };
        let result = run(body.as_bytes(), &names, acting(), &caps).0;
        assert!(matches!(result, Err(Stop::TooLarge(Cap::Depth) | Stop::Visitor(_))), "{result:?}");
        let boundless = Caps { bytes: usize::MAX, depth: usize::MAX, members: usize::MAX, rows: usize::MAX };
        assert!(run(body.as_bytes(), &names, acting(), &boundless).0.is_err());
    }
}

#[test]
fn many_undeclared_keys_take_no_more_than_sorting() {
    let keys: Vec<_> = (0..50_000).map(|n| format!("\"{}{n}\":0", "x".repeat(100))).collect();
    let body = format!("{{{}}}", keys.join(","));
    let caps = Caps { bytes: usize::MAX, depth: 2, members: 50_000, rows: 1 };
    let result = run(body.as_bytes(), &[], Acting::of(&[], Undeclared::LeaveOut), &caps).0;
    assert_eq!(result.as_deref(), Ok("{}"));
}

#[test]
fn find_sees_what_the_walk_sees() {
    let found = |body: &str, path: &str| {
        find(body.as_bytes(), &Path::parse(path).unwrap(), &CAPS)
            .map(|found| found.map(|found| (found.kind, found.text.into_owned())))
    };
    let is = |kind, text: &str| Ok(Some((kind, text.into())));
    assert_eq!(found(r#"{"x":[{"id":1}],"id":"u1"}"#, "id"), is(Kind::String, "u1"));
    assert_eq!(found(r#"{"c":{"\u0069d":"\u00e9"},"id":2}"#, "c.id"), is(Kind::String, "é"));
    assert_eq!(found(r#"{"c":{},"id":2}"#, "c.id"), Ok(None));
    assert_eq!(found(r#"{"c":{"c":{"id":7}}}"#, "c.id"), Ok(None));
    assert_eq!(found(r#"{"id":null}"#, "id"), is(Kind::Null, "null"));
    assert_eq!(found(r#"{"c":{"d":null},"id":2}"#, "c.d.id"), Ok(None));
    assert_eq!(found(r#"{"c" : null}"#, "c.d.id"), Ok(None));
    for body in [
        r#"{"id":1,"\u0069d":2}"#,
        r#"{"id":1,"x":{"a":1,"a":2}}"#,
        r#"{"id":1"#,
        r#"{"id":1} x"#,
        "id=1&first=2",
        "first=2",
    ] {
        assert!(matches!(found(body, "id"), Err(Stop::Malformed(_))), "{body}");
    }
    assert!(matches!(found(r#"{"c":{"id":1},"c":{"id":2}}"#, "c.id"), Err(Stop::Malformed(_))));
    assert!(matches!(found(r#"{"c":null,"c":{"id":2}}"#, "c.id"), Err(Stop::Malformed(_))));
    for (body, path) in [
        (r#"{"id":{}}"#, "id"),
        (r#"{"id":[1]}"#, "id"),
        (r#"{"c":1}"#, "c.id"),
        (r#"{"c":[]}"#, "c.id"),
        ("[]", "id"),
        ("null", "id"),
    ] {
        assert_eq!(found(body, path), Err(Stop::Visitor(Unfound::Misshapen)), "{body}");
    }
    assert_eq!(found("{}", "l[*].id"), Err(Stop::Visitor(Unfound::Many)));
    let shown = format!("{:?}", find(br#"{"id":"ada"}"#, &Path::parse("id").unwrap(), &CAPS));
    assert!(!shown.contains("ada"));
}
