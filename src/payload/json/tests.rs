//! The walk beside its oracle on generated documents, and by hand on the cases that matter.

use proptest::prelude::*;

use super::oracle::{Act, Halt, Table, Told, Tree, meaning, treat};
use super::{Unfound, find, walk};
use crate::payload::{Cap, Caps, FieldId, Kind, Layout, Path, Step, Stop, Undeclared};

const CAPS: Caps = Caps { bytes: 1 << 20, depth: 64, members: 10_000, rows: 10_000 };

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().map(|text| Path::parse(text).unwrap()).collect()
}

/// The output, and what the visitor was told.
fn run(
    body: &[u8],
    paths: &[Path],
    mut table: Table,
    caps: &Caps,
) -> (Result<String, Stop<Halt>>, Vec<Told>) {
    let layout = Layout::compile(paths, table.undeclared).unwrap();
    let mut out = b"before".to_vec();
    let result = walk(body, &layout, caps, &mut table, &mut out);
    if result.is_err() {
        assert_eq!(out, b"before", "a refused body leaves nothing behind");
    }
    let text = String::from_utf8(out[6..].to_vec()).unwrap();
    (result.map(|()| text), table.told)
}

/// Treats fields in the order given, undeclared keys left out.
fn treated(body: &str, fields: &[(&str, Act)]) -> Result<String, Stop<Halt>> {
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let acts: Vec<_> = fields.iter().map(|(_, act)| act.clone()).collect();
    run(body.as_bytes(), &paths(&names), Table::of(&acts, Undeclared::LeaveOut), &CAPS).0
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
        let table = Table::new(vec![acts.to_vec()], Undeclared::Refuse);
        run(br#"{"l":[ 1 , 2 , 3 ]}"#, &paths(&["l[*]"]), table, &CAPS).0.unwrap()
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
        let table = Table::of(&vec![Act::Keep; 200], Undeclared::Refuse);
        let (out, told) = run(body.as_bytes(), &paths(&names), table, &CAPS);
        assert_eq!(out.unwrap(), body);
        let told: Vec<_> = told.into_iter().filter(|told| matches!(told, Told::Missing(_))).collect();
        assert_eq!(told, [Told::Missing(FieldId(missing as u16))]);
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
        let table = Table::of(&[Act::Keep], Undeclared::LeaveOut);
        assert!(matches!(run(bytes, &paths(&["a"]), table, &CAPS).0, Err(Stop::Malformed(_))));
    }
}

#[test]
fn a_fault_is_told_by_its_place_and_never_by_content() {
    let fault = kept(r#"{"a": "ada@example.org", "b": "\x"}"#, &["a", "b"]).unwrap_err();
    assert_eq!(fault.to_string_of(), "there is no such escape at byte 31");
    let fault = kept(r#"{"a": 1, "b": [1"#, &["a", "b[*]"]).unwrap_err();
    assert_eq!(fault.to_string_of(), "the body ends too early at byte 16");
}

impl Stop<Halt> {
    fn to_string_of(&self) -> String {
        match self {
            Self::Malformed(fault) => fault.to_string(),
            other => format!("{other:?}"),
        }
    }
}

#[test]
fn another_shape_than_declared_is_never_passed() {
    let names = ["a", "o.p.x", "o.p.y", "l[*].z"];
    for (body, field) in [
        (r#"{"a":{}}"#, 0),
        (r#"{"a":[]}"#, 0),
        (r#"{"o":null}"#, 1),
        (r#"{"o":[]}"#, 1),
        (r#"{"o":{"p":"x"}}"#, 1),
        (r#"{"o":{"p":{"y":{}}}}"#, 2),
        (r#"{"l":null}"#, 3),
        (r#"{"l":{}}"#, 3),
        (r#"{"l":[null]}"#, 3),
        (r#"{"l":[{"z":1},[]]}"#, 3),
        ("[]", 0),
        ("null", 0),
        ("\"x\"", 0),
        ("12", 0),
    ] {
        assert_eq!(kept(body, &names), Err(Stop::Visitor(Halt::Misshapen(FieldId(field)))), "{body}");
    }
    assert!(matches!(kept("[]", &[]), Err(Stop::Malformed(_))));
    // A layout may have an array as its root.
    assert_eq!(kept(r#"[{"z":1}]"#, &["[*].z"]).unwrap(), r#"[{"z":1}]"#);
}

#[test]
fn what_is_missing_is_told_at_the_end_of_each_object() {
    let names = ["a", "o.x", "o.p.y", "l[*].z", "l[*].q.r"];
    let missing = |body: &str| {
        let table = Table::of(&vec![Act::Keep; 5], Undeclared::Refuse);
        let (out, told) = run(body.as_bytes(), &paths(&names), table, &CAPS);
        assert_eq!(out.unwrap(), body);
        told.into_iter()
            .filter_map(|told| if let Told::Missing(field) = told { Some(field.0) } else { None })
            .collect::<Vec<_>>()
    };
    assert_eq!(missing("{}"), [0, 1, 2, 3, 4]);
    assert_eq!(missing(r#"{"a":null,"o":{},"l":[]}"#), [1, 2]);
    assert_eq!(missing(r#"{"l":[{},{"z":1},{"q":{}}]}"#), [3, 4, 4, 4, 3, 0, 1, 2]);
}

#[test]
fn undeclared_keys_go_with_all_they_hold_or_stop_the_walk() {
    let body =
        r#"{"x":{"email":"canary","y":[1,{"z":"canary"}]},"a":1,"o":{"x":"canary","b":2},"w":"canary"}"#;
    assert_eq!(kept(body, &["a", "o.b"]).unwrap(), r#"{"a":1,"o":{"b":2}}"#);
    let refused = run(body.as_bytes(), &paths(&["a"]), Table::of(&[Act::Keep], Undeclared::Refuse), &CAPS).0;
    assert_eq!(refused, Err(Stop::Visitor(Halt::Undeclared)));
    // A visitor that forgets to refuse does not open the door.
    let layout = Layout::compile(&paths(&["a"]), Undeclared::Refuse).unwrap();
    let mut table = Table::of(&[Act::Keep], Undeclared::LeaveOut);
    let result = walk(body.as_bytes(), &layout, &CAPS, &mut table, &mut Vec::new());
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
        let table = || Table::of(&vec![Act::Keep; paths.len()], Undeclared::LeaveOut);
        let less = Caps {
            bytes: caps.bytes - usize::from(cap == Cap::Bytes),
            depth: caps.depth - usize::from(cap == Cap::Depth),
            members: caps.members - usize::from(cap == Cap::Members),
            rows: caps.rows - usize::from(cap == Cap::Rows),
        };
        let run_with = |caps: &Caps| run(body.as_bytes(), &paths, table(), caps).0;
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
        let table = || Table::of(&[Act::Keep], Undeclared::LeaveOut);
        let caps = Caps { bytes: 1 << 24, ..CAPS };
        let result = run(body.as_bytes(), &names, table(), &caps).0;
        assert!(matches!(result, Err(Stop::TooLarge(Cap::Depth) | Stop::Visitor(_))), "{result:?}");
        let boundless = Caps { bytes: usize::MAX, depth: usize::MAX, members: usize::MAX, rows: usize::MAX };
        assert!(run(body.as_bytes(), &names, table(), &boundless).0.is_err());
    }
}

#[test]
fn many_undeclared_keys_take_no_more_than_sorting() {
    let keys: Vec<_> = (0..50_000).map(|n| format!("\"{}{n}\":0", "x".repeat(100))).collect();
    let body = format!("{{{}}}", keys.join(","));
    let caps = Caps { bytes: usize::MAX, depth: 2, members: 50_000, rows: 1 };
    let result = run(body.as_bytes(), &[], Table::of(&[], Undeclared::LeaveOut), &caps).0;
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
    for body in [r#"{"id":1,"\u0069d":2}"#, r#"{"id":1,"x":{"a":1,"a":2}}"#, r#"{"id":1"#, r#"{"id":1} x"#] {
        assert!(matches!(found(body, "id"), Err(Stop::Malformed(_))), "{body}");
    }
    assert!(matches!(found(r#"{"c":{"id":1},"c":{"id":2}}"#, "c.id"), Err(Stop::Malformed(_))));
    for (body, path) in
        [(r#"{"id":{}}"#, "id"), (r#"{"id":[1]}"#, "id"), (r#"{"c":1}"#, "c.id"), ("[]", "id")]
    {
        assert_eq!(found(body, path), Err(Stop::Visitor(Unfound::Misshapen)), "{body}");
    }
    assert_eq!(found("{}", "l[*].id"), Err(Stop::Visitor(Unfound::Many)));
    let shown = format!("{:?}", find(br#"{"id":"ada"}"#, &Path::parse("id").unwrap(), &CAPS));
    assert!(!shown.contains("ada"));
}

/// Bytes from which a document is made: a choice takes one, and zero when none is left, so that failures shrink.
struct Tape<'a> {
    bytes: std::slice::Iter<'a, u8>,
    canaries: u32,
}

impl Tape<'_> {
    fn pick(&mut self, of: usize) -> usize {
        usize::from(*self.bytes.next().unwrap_or(&0)) % of
    }

    fn canary(&mut self) -> String {
        self.canaries += 1;
        format!("canary{}z", self.canaries)
    }

    fn space(&mut self, out: &mut String) {
        out.push_str(["", "", "", " ", "\n\t", "\r ", "  "][self.pick(7)]);
    }

    fn scalar(&mut self, out: &mut String) {
        let canary = self.canary();
        let number = 1_000_000 + self.canaries;
        out.push_str(&match self.pick(12) {
            0 | 1 => format!("\"{canary}\""),
            2 => format!("\"é\\u00e9\\n😀\\ud83d\\ude00{canary}\\\\\\\"\""),
            3 => format!("\"\\/ \\u0022,}}]{canary}\""),
            4 => format!("{number}"),
            5 => format!("-{number}.50e-07"),
            6 => format!("{number}E400"),
            7 => "-0".into(),
            8 => "true".into(),
            9 => "false".into(),
            10 => "null".into(),
            _ => "\"\"".into(),
        });
    }

    fn anything(&mut self, depth: usize, out: &mut String) {
        match self.pick(if depth > 3 { 2 } else { 5 }) {
            3 => {
                let count = self.pick(4);
                self.list(out, '[', ']', count, |tape, _, out| tape.anything(depth + 1, out));
            }
            4 => {
                let count = self.pick(12);
                self.list(out, '{', '}', count, |tape, index, out| {
                    tape.key(["k", "email", "a", ""][tape.canaries as usize % 4], Some(index), out);
                    tape.anything(depth + 1, out);
                });
            }
            _ => self.scalar(out),
        }
    }

    fn key(&mut self, name: &str, suffix: Option<usize>, out: &mut String) {
        let name = format!("{name}{}", suffix.map_or(String::new(), |n| n.to_string()));
        out.push('"');
        for c in name.chars() {
            if self.pick(5) == 4 {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                out.push(c);
            }
        }
        out.push('"');
        self.space(out);
        out.push(':');
        self.space(out);
    }

    fn list(
        &mut self,
        out: &mut String,
        open: char,
        close: char,
        count: usize,
        mut item: impl FnMut(&mut Self, usize, &mut String),
    ) {
        out.push(open);
        self.space(out);
        for index in 0..count {
            if index > 0 {
                out.push(',');
                self.space(out);
            }
            item(self, index, out);
            self.space(out);
        }
        out.push(close);
    }

    /// A value for the place `here` of a layout, now and then of another shape.
    fn document(&mut self, here: &[Step], paths: &[Path], out: &mut String) {
        let under: Vec<_> = paths.iter().filter(|path| path.steps().starts_with(here)).collect();
        if self.pick(40) == 39 {
            return self.anything(0, out);
        }
        let next = |path: &&Path| path.steps().get(here.len()).cloned();
        match under.first().map(next) {
            Some(None) => self.scalar(out),
            Some(Some(Step::Every)) => {
                let count = self.pick(4);
                let inner = [here, &[Step::Every]].concat();
                self.list(out, '[', ']', count, |tape, _, out| tape.document(&inner, paths, out));
            }
            _ => {
                let mut members: Vec<_> = under.iter().filter_map(next).collect();
                members.dedup();
                members.sort();
                members.dedup();
                members.retain(|_| self.pick(6) != 5);
                let extra = [0, 0, 0, 1, 2, 9][self.pick(6)];
                let mut items: Vec<_> = members.into_iter().map(Ok).chain((0..extra).map(Err)).collect();
                for last in (1..items.len()).rev() {
                    items.swap(last, self.pick(last + 1));
                }
                self.list(out, '{', '}', items.len(), |tape, index, out| match &items[index] {
                    Ok(Step::Member(name)) => {
                        tape.key(name, None, out);
                        tape.document(&[here, &[Step::Member(name.clone())]].concat(), paths, out);
                    }
                    _ => {
                        tape.key("undeclared", Some(index), out);
                        tape.anything(0, out);
                    }
                });
            }
        }
    }
}

fn a_path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        5 => prop::sample::select(&[".a", ".b", ".email", ".é", "['x y']", "['0']"][..]),
        1 => Just("[*]")
    ];
    prop::collection::vec(step, 1..4).prop_map(|steps| {
        let text = steps.concat();
        let text = text.trim_start_matches("[*]").trim_start_matches('.');
        Path::parse(if text.is_empty() { "a" } else { text }).unwrap()
    })
}

/// Paths that go together.
fn some_paths() -> impl Strategy<Value = Vec<Path>> {
    prop::collection::vec(a_path(), 0..14).prop_map(|all| {
        let mut paths: Vec<Path> = Vec::new();
        for path in all {
            paths.push(path);
            if Layout::compile(&paths, Undeclared::Refuse).is_err() {
                paths.pop();
            }
        }
        paths
    })
}

fn an_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Keep),
        2 => Just(Act::Leave),
        1 => "(?s).{0,8}".prop_map(|text| Act::Replace(Kind::String, text)),
        1 => (-99..99_i32).prop_map(|n| Act::Replace(Kind::Integer, n.to_string())),
        1 => Just(Act::Replace(Kind::Null, "null".into())),
    ]
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    let rank = |told: &Told| if let Told::Missing(field) = told { u32::from(field.0) + 1 } else { 0 };
    told.sort_by_key(rank);
    told
}

fn is_subsequence(short: &str, long: &str) -> bool {
    let mut long = long.bytes();
    short.bytes().all(|byte| long.any(|other| other == byte))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_does_what_the_oracle_does(
        paths in some_paths(),
        acts in prop::collection::vec(prop::collection::vec(an_act(), 1..3), 14),
        undeclared in prop::sample::select(&[Undeclared::LeaveOut, Undeclared::LeaveOut, Undeclared::Refuse][..]),
        tape in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut tape = Tape { bytes: tape.iter(), canaries: 0 };
        let mut body = String::new();
        tape.space(&mut body);
        tape.document(&[], &paths, &mut body);
        tape.space(&mut body);

        let tree = Tree::read(body.as_bytes()).unwrap();
        let mut obvious = Table::new(acts.clone(), undeclared);
        let expected = treat(&tree, &[], &[], &paths, &mut obvious).map(Option::unwrap);
        let (result, told) = run(body.as_bytes(), &paths, Table::new(acts.clone(), undeclared), &CAPS);
        match (expected, result) {
            (Ok(expected), Ok(out)) => {
                // Scalars are compared as they are spelled, members and elements in order.
                prop_assert_eq!(&Tree::read(out.as_bytes()).unwrap(), &expected, "{} -> {}", body, out);
                prop_assert_eq!(sorted(told), sorted(obvious.told));
                let expected = format!("{expected:?}");
                for canary in 1..=tape.canaries {
                    for mark in [format!("canary{canary}z"), (1_000_000 + canary).to_string()] {
                        prop_assert_eq!(out.contains(&mark), expected.contains(&mark), "{} -> {}", body, out);
                    }
                }
                let replaced = acts.iter().flatten().any(|act| matches!(act, Act::Replace(..)));
                prop_assert!(replaced || is_subsequence(&out, &body), "{body} -> {out}");
            }
            (Err(expected), Err(Stop::Visitor(halt))) => match (expected, halt) {
                // Which of the fields under a place stands for it is the layout's choice.
                (Halt::Misshapen(_), Halt::Misshapen(_)) => {}
                (expected, halt) => prop_assert_eq!(expected, halt),
            },
            // Only an empty layout has nobody to tell of a misshapen root.
            (Err(Halt::Misshapen(_)), Err(Stop::Malformed(_))) if paths.is_empty() => {}
            (expected, result) => prop_assert!(false, "{body}: {expected:?} but {result:?}"),
        }
    }

    #[test]
    fn all_kept_is_all_the_same(paths in some_paths(), tape in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut body = String::new();
        Tape { bytes: tape.iter(), canaries: 0 }.document(&[], &paths, &mut body);
        let acts = vec![Act::Keep; paths.len()];
        let result = run(body.as_bytes(), &paths, Table::of(&acts, Undeclared::Refuse), &CAPS).0;
        if let Ok(out) = result {
            prop_assert_eq!(out, body);
        }
    }

    #[test]
    fn what_the_strict_oracle_refuses_the_walk_refuses_and_nothing_else(
        paths in some_paths(),
        tape in prop::collection::vec(any::<u8>(), 0..200),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6, any::<u8>()), 0..4),
    ) {
        let mut body = String::new();
        Tape { bytes: tape.iter(), canaries: 0 }.document(&[], &paths, &mut body);
        let mut body = body.into_bytes();
        for (from, to, how, byte) in mutations {
            let at = from.index(body.len() + 1);
            match how {
                0 if at < body.len() => body[at] = byte,
                1 => body.insert(at, byte),
                2 if at < body.len() => drop(body.remove(at)),
                3 => body.insert(at, b"{}[]\",:\\0e-.u \t"[usize::from(byte) % 15]),
                4 => body.truncate(at),
                _ => {
                    let other = to.index(body.len() + 1);
                    let piece = body[at.min(other)..at.max(other)].to_vec();
                    body.splice(at..at, piece);
                }
            }
        }
        let tree = Tree::read(&body);
        let strict = tree.as_ref().is_ok_and(|tree| matches!(tree, Tree::Object(_)));

        // Every key skipped.
        let skipped = run(&body, &[], Table::of(&[], Undeclared::LeaveOut), &CAPS).0;
        prop_assert_eq!(skipped.is_ok(), strict, "{:?}: {:?}", String::from_utf8_lossy(&body), skipped);

        // Some keys declared: a visitor may stop it before the fault.
        let acts = vec![Act::Keep; paths.len()];
        match run(&body, &paths, Table::of(&acts, Undeclared::LeaveOut), &CAPS).0 {
            Ok(_) => prop_assert!(tree.is_ok()),
            Err(Stop::Malformed(_)) => prop_assert!(!strict),
            Err(Stop::Visitor(Halt::Misshapen(_))) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }

        // The search for one value.
        for path in paths.iter().filter(|path| !path.is_many()) {
            let names: Vec<_> = path.steps().iter().filter_map(|step| match step {
                Step::Member(name) => Some(&**name),
                Step::Every => None,
            }).collect();
            match find(&body, path, &CAPS) {
                Ok(found) => {
                    prop_assert!(strict);
                    let expected = match tree.as_ref().unwrap().at(&names) {
                        Some(Tree::Scalar(raw)) => Some(meaning(raw)),
                        _ => None,
                    };
                    prop_assert_eq!(found.map(|found| (found.kind, found.text.into_owned())), expected);
                }
                Err(Stop::Malformed(_)) => prop_assert!(!strict),
                Err(Stop::Visitor(Unfound::Misshapen)) => {}
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
