//! What no body may do, and what becomes of a body to the byte.

use super::*;
use crate::payload::acting::{Act, Acting, Halt, paths, walk_by};
use crate::payload::caps::{Cap, Caps};
use crate::payload::{Declared, Envelope, Kind, Stop, Walker};

pub(super) const CAPS: Caps = Caps { bytes: 1 << 20, depth: 8, members: 300, rows: 50 };
pub(super) const PATHS: [&str; 8] =
    ["age", "name", "wide[*]", "x[*]", "parameters.p", "parameters.q", "request.id", "['e mail']"];
const ANSWERS: [&str; 2] = ["score", "label[*]"];

pub(super) fn walker(direction: Direction, fields: &[&str], undeclared: Undeclared) -> Walker {
    let declared = Declared { paths: &paths(fields), undeclared, rows: None };
    Walker::compile(Format::KserveV2, direction, declared).unwrap().answered_by(&paths(&ANSWERS))
}

pub(super) type Walked = Result<(Vec<u8>, Option<usize>), Stop<Halt>>;

pub(super) fn run(walker: &Walker, body: &[u8], json_length: Option<usize>, visitor: &mut Acting) -> Walked {
    let envelope = Envelope { json_length, ..Envelope::default() };
    walk_by(walker, body, &envelope, &CAPS, visitor).map(|(out, envelope)| (out, envelope.json_length))
}

pub(super) fn keep(count: usize) -> Vec<Act> {
    vec![Act::Keep; count]
}

/// Walks a request of the fields `age`, `name`, `wide[*]`, all kept.
fn walked(body: &str) -> Result<String, Stop<Halt>> {
    let walker = walker(Direction::Request, &PATHS[..3], Undeclared::Refuse);
    let mut visitor = Acting::of(&keep(3), Undeclared::Refuse);
    run(&walker, body.as_bytes(), None, &mut visitor).map(|(out, _)| String::from_utf8(out).unwrap())
}

fn why(walked: Result<String, Stop<Halt>>) -> &'static str {
    match walked {
        Err(Stop::Malformed(malformed)) => malformed.reason,
        other => panic!("{other:?}"),
    }
}

const AGE: &str = r#"{"name":"age","shape":[2],"datatype":"INT64","data":[36,41]}"#;

#[test]
fn values_are_copied_and_what_is_about_them_is_written_anew() {
    let body = r#" {"id": "call of Ada", "inputs" : [ {"data":[[ 36 ],[4.10e1] ], "shape": [2, 1],
        "datatype":"FP64", "name":"age"}, {"name":"name", "datatype":"BYTES","shape":[2], "data":["Ad\u0061", null]}]}"#;
    assert_eq!(
        walked(body).unwrap(),
        r#"{"inputs":[{"name":"age","shape":[2,1],"datatype":"FP64","data":[[36],[4.10e1]]},{"name":"name","shape":[2],"datatype":"BYTES","data":["Ad\u0061",null]}]}"#
    );
    assert_eq!(walked(r#"{"inputs":[]}"#).unwrap(), r#"{"inputs":[]}"#);
}

#[test]
fn what_two_readers_could_understand_differently_is_refused() {
    let age = |from: &str, to: &str| {
        assert!(AGE.contains(from));
        format!(r#"{{"inputs":[{}]}}"#, AGE.replacen(from, to, 1))
    };
    for (body, reason) in [
        (age("[2]", "[3]"), "another number of elements"),
        (age("[2]", "[2,2]"), "another number of elements"),
        (age("[2]", "[-2]"), "no whole number"),
        (age("[2]", "[2.0]"), "no whole number"),
        (age("[2]", "[]"), "no dimension"),
        (age("[2]", "[4294967296,4294967296]"), "too large"),
        (age("[2]", "[99999999999999999999]"), "no whole number"),
        (age("[2]", &format!("[2{}]", ",1".repeat(64))), "too many dimensions"),
        (age("[36,41]", "[[36],[41]]"), "another number of elements"),
        (age("[2]", "[2,1]").replace("[36,41]", "[[36,41]]"), "another shape"),
        (age("[2]", "[2,1]").replace("[36,41]", "[36,[41]]"), "another shape"),
        (age("[2]", "[2,1]").replace("[36,41]", "[[36],41]"), "another shape"),
        (age("[2]", "[2,1,1]").replace("[36,41]", "[[36],[41]]"), "another shape"),
        (age("[36,41]", "36"), "an array is expected"),
        (age("36", "36.0"), "datatype"),
        (age("36", "\"36\""), "datatype"),
        (age("36", "true"), "datatype"),
        (age("36", "9223372036854775808"), "datatype"),
        (age("36", "{}"), "a value is expected"),
        (age("INT64", "INT65"), "no such datatype"),
        (age("INT64", "int64"), "no such datatype"),
        (age("INT64", "UINT8").replace("36", "256"), "datatype"),
        (age("INT64", "BOOL"), "datatype"),
        (age("INT64", "BYTES"), "datatype"),
        (age(r#""name":"age","#, ""), "no name"),
        (age(r#""shape":[2],"#, ""), "no shape"),
        (age(r#""datatype":"INT64","#, ""), "no datatype"),
        (age(r#","data":[36,41]"#, ""), "no data"),
        (age(r#""data""#, r#""data":[1,2],"data""#), "stands twice"),
        (age(r#""data""#, r#""d\u0061ta":[1,2],"data""#), "stands twice"),
        (age(r#""name""#, r#""name":"name","name""#), "stands twice"),
        (age(r#""data""#, r#""parameters":{"binary_data_size":16},"data""#), "in JSON and in binary"),
        (age(r#""data":[36,41]"#, r#""parameters":{"binary_data_size":16}"#), "no head says"),
        (age(r#""data":[36,41]"#, r#""parameters":{"binary_data_size":15}"#), "another number"),
        (format!(r#"{{"inputs":[{AGE},{AGE}]}}"#), "two tensors have one name"),
        (format!(r#"{{"inputs":[{AGE}],"inputs":[]}}"#), "stands twice"),
        (format!(r#"{{"inputs":[{AGE},]}}"#), "an object is expected"),
        (format!(r#"{{"inputs":[{AGE} {AGE}]}}"#), "a comma"),
        (format!(r#"{{"inputs":[{AGE}]}} {{}}"#), "follows the end"),
        (format!(r#"{{"inputs":{AGE}}}"#), "an array is expected"),
        (r#"{"inputs":null}"#.into(), "an array is expected"),
        (r#"{"id":7,"inputs":[]}"#.into(), "the id is no string"),
        (r#"{"id":"a"}"#.into(), "no `inputs`"),
        ("[]".into(), "an object is expected"),
        (r#"{"inputs":[],"outputs":[{"name":"score"},{"name":"score"}]}"#.into(), "two tensors"),
        (r#"{"inputs":[],"outputs":[{}]}"#.into(), "no name"),
        (r#"{"inputs":[],"parameters":{"binary_data_output":"yes"}}"#.into(), "true or false"),
    ] {
        let told = why(walked(&body));
        assert!(told.contains(reason), "{body}: {told}");
    }
}

#[test]
fn what_is_not_declared_is_no_way_to_the_upstream() {
    for body in [
        r#"{"inputs":[],"model_name":"Ada"}"#,
        r#"{"inputs":[],"note":"Ada"}"#,
        r#"{"inputs":[],"parameters":{"note":"Ada"}}"#,
        r#"{"inputs":[],"parameters":{"content_type":"Ada"}}"#,
        r#"{"inputs":[],"parameters":{"content_type":"base64"}}"#,
        r#"{"inputs":[],"parameters":{"content_type":7}}"#,
        r#"{"inputs":[],"parameters":{"binary_data_size":7}}"#,
        r#"{"inputs":[],"outputs":[{"name":"Ada"}]}"#,
        r#"{"inputs":[],"outputs":[{"name":"age"}]}"#,
        r#"{"inputs":[],"outputs":[{"name":"score","parameters":{"classification":3}}]}"#,
        r#"{"inputs":[],"outputs":[{"name":"score","shape":[1]}]}"#,
        r#"{"inputs":[{"name":"ada","shape":[1],"datatype":"BOOL","data":[true]}]}"#,
        r#"{"inputs":[{"name":"age","shape":[1],"datatype":"INT8","data":[1],"note":"Ada"}]}"#,
        r#"{"inputs":[{"name":"age","shape":[1],"datatype":"INT8","data":[1],"parameters":{"shared_memory_region":"a"}}]}"#,
    ] {
        assert_eq!(walked(body), Err(Stop::Visitor(Halt::Undeclared)), "{body}");
    }
    let asks = r#"{"inputs":[],"parameters":{"content_type":"pd","binary_data_output":false},"outputs":[{"name":"label","parameters":{"binary_data":true}},{"name":"score"}]}"#;
    assert_eq!(
        walked(asks).unwrap(),
        r#"{"parameters":{"content_type":"pd","binary_data_output":false},"inputs":[],"outputs":[{"name":"label","parameters":{"binary_data":true}},{"name":"score"}]}"#
    );
    assert_eq!(
        walked(r#"{"inputs":[],"outputs":null,"parameters":null,"id":null}"#).unwrap(),
        r#"{"inputs":[]}"#
    );
}

#[test]
fn several_values_a_row_are_no_single_one() {
    let body = r#"{"inputs":[{"name":"age","shape":[1,2],"datatype":"INT64","data":[36,41]}]}"#;
    assert_eq!(walked(body), Err(Stop::Visitor(Halt::Misshapen(0))));
}

#[test]
fn caps_hold_at_their_edge() {
    let rows = |count: usize| {
        let data = vec!["1"; count].join(",");
        format!(r#"{{"inputs":[{{"name":"age","shape":[{count}],"datatype":"INT8","data":[{data}]}}]}}"#)
    };
    assert!(walked(&rows(CAPS.rows)).is_ok());
    assert_eq!(walked(&rows(CAPS.rows + 1)), Err(Stop::TooLarge(Cap::Rows)));
    let wide = |count: usize| {
        rows(count).replace("age", "wide").replace(&format!("[{count}]"), &format!("[1,{count}]"))
    };
    assert!(walked(&wide(CAPS.rows * 20)).is_ok(), "elements of a row are no rows");
    let deep = |depth: usize| {
        let (shape, open, close) = (vec!["1"; depth].join(","), "[".repeat(depth), "]".repeat(depth));
        format!(
            r#"{{"inputs":[{{"name":"age","shape":[{shape}],"datatype":"INT8","data":{open}1{close}}}]}}"#
        )
    };
    assert!(walked(&deep(CAPS.depth - 3)).is_ok());
    assert_eq!(walked(&deep(CAPS.depth - 2)), Err(Stop::TooLarge(Cap::Depth)));
    let many = format!(r#"{{"inputs":[{}]}}"#, vec!["{}"; CAPS.members + 1].join(","));
    assert_eq!(why(walked(&many)), "a tensor has no name");
    let flood = format!(
        r#"{{"inputs":[],"parameters":{{{}}}}}"#,
        vec![r#""binary_data_output":true"#; CAPS.members].join(",")
    );
    assert_eq!(walked(&flood), Err(Stop::TooLarge(Cap::Members)));
    let long = format!("{}{}", rows(1), " ".repeat(CAPS.bytes));
    assert_eq!(walked(&long), Err(Stop::TooLarge(Cap::Bytes)));
}

#[test]
fn a_small_answer_does_not_become_a_large_one() {
    let walker = walker(Direction::Response, &["label[*]"], Undeclared::Refuse);
    let answer = |shape: &str, data: &str| {
        format!(r#"{{"outputs":[{{"name":"label","shape":[{shape}],"datatype":"INT8","data":{data}}}]}}"#)
    };
    for (shape, data) in [("0,1000000000", "[]"), ("0,1000000000,0", "[]"), ("0,4294967296,0", "[]")] {
        let mut visitor = Acting::of(&keep(1), Undeclared::Refuse);
        visitor.behind = 40;
        let walked = run(&walker, answer(shape, data).as_bytes(), None, &mut visitor);
        let empty = shape.ends_with(",0");
        assert_eq!(walked.is_ok(), empty, "{shape}: {walked:?}");
    }
    let elements = vec!["1"; 10_000].join(",");
    let mut visitor = Acting::of(&keep(1), Undeclared::Refuse);
    visitor.before.insert(0, 40);
    let walked = run(&walker, answer("1,10000", &format!("[{elements}]")).as_bytes(), None, &mut visitor);
    assert_eq!(walked, Err(Stop::TooLarge(Cap::Bytes)));
    let inner = vec!["[]"; 10_000].join(",");
    let mut visitor = Acting::of(&keep(1), Undeclared::Refuse);
    visitor.behind = 49;
    let walked = run(&walker, answer("1,10000,0", &format!("[[{inner}]]")).as_bytes(), None, &mut visitor);
    assert!(walked.unwrap().0.len() < 3 * CAPS.bytes);
}

#[test]
fn rows_come_and_go_only_where_all_tensors_have_them() {
    let two =
        format!(r#"{{"inputs":[{AGE},{{"name":"name","shape":[1],"datatype":"BYTES","data":["a"]}}]}}"#);
    assert!(walked(&two).is_ok());
    let paths = paths(&PATHS[..3]);
    let declared = Declared { paths: &paths, undeclared: Undeclared::Refuse, rows: Some(&paths[0]) };
    let level = Walker::compile(Format::KserveV2, Direction::Request, declared).unwrap();
    let loose = walker(Direction::Request, &PATHS[..3], Undeclared::Refuse);
    let cases: [(_, fn(&mut Acting)); 4] = [
        (&level, |_| ()),
        (&loose, |visitor| visitor.rows_out = vec![0]),
        (&loose, |visitor| visitor.before = [(0, 1)].into()),
        (&loose, |visitor| visitor.behind = 1),
    ];
    for (walker, alter) in cases {
        let mut visitor = Acting::of(&keep(3), Undeclared::Refuse);
        alter(&mut visitor);
        let walked = run(walker, two.as_bytes(), None, &mut visitor);
        assert!(
            matches!(walked, Err(Stop::Malformed(m)) if m.reason.contains("numbers of rows")),
            "{walked:?}"
        );
    }
}

#[test]
fn binary_data_is_read_to_the_byte() {
    let walker = walker(Direction::Request, &["age", "name"], Undeclared::Refuse);
    let body = |age: &[u8], names: &[u8]| {
        let json = format!(
            r#"{{"inputs":[{{"name":"age","shape":[2],"datatype":"FP32","parameters":{{"binary_data_size":{}}}}},{{"name":"name","shape":[2],"datatype":"BYTES","parameters":{{"binary_data_size":{}}}}}]}}"#,
            age.len(),
            names.len()
        );
        let length = json.len();
        ([json.as_bytes(), age, names].concat(), Some(length))
    };
    let ages = [36.5_f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat();
    let names = b"\x03\0\0\0Ada\0\0\0\0";
    let (good, length) = body(&ages, names);
    let mut visitor = Acting::of(&keep(2), Undeclared::Refuse);
    let (out, new_length) = run(&walker, &good, length, &mut visitor).unwrap();
    assert_eq!((&out, new_length), (&good, length));
    assert!(format!("{:?}", visitor.told).contains("Number, \"36.5\""), "{:?}", visitor.told);
    for acts in [
        [Act::Replace(Kind::String, "p1_x".into()), Act::Keep],
        [Act::Keep, Act::Replace(Kind::Integer, "7".into())],
        [Act::Leave, Act::Leave],
    ] {
        let mut visitor = Acting::of(&acts, Undeclared::Refuse);
        let (out, new) = run(&walker, &good, length, &mut visitor).unwrap();
        let shown = String::from_utf8_lossy(&out).into_owned();
        match (&acts[0], &acts[1]) {
            (Act::Leave, _) => assert_eq!((shown.as_str(), new), (r#"{"inputs":[]}"#, None)),
            (Act::Keep, _) => {
                assert!(shown.contains(r#""shape":[2],"datatype":"INT64","data":[7,7]"#), "{shown}");
                assert!(out.ends_with(&ages) && new == Some(out.len() - 8));
            }
            _ => {
                assert!(shown.contains(r#""datatype":"BYTES","data":["p1_x","p1_x"]"#), "{shown}");
                assert!(out.ends_with(names) && new == Some(out.len() - names.len()));
            }
        }
    }
    let refused = |(body, length): (Vec<u8>, Option<usize>)| {
        let mut visitor = Acting::of(&keep(2), Undeclared::Refuse);
        match run(&walker, &body, length, &mut visitor) {
            Err(Stop::Malformed(malformed)) => malformed.reason,
            other => panic!("{other:?}"),
        }
    };
    let infinite = [f32::INFINITY.to_le_bytes(), [0; 4]].concat();
    assert!(refused(body(&infinite, names)).contains("none of the tensor's datatype"));
    assert!(refused(body(&ages, b"\x03\0\0\0Ada\x01\0\0\0")).contains("no end"));
    assert!(refused(body(&ages, b"\xff\xff\xff\xffAda\0\0\0\0")).contains("no end"));
    assert!(refused(body(&ages, b"\x03\0\0\0Ada\0\0\0\0\0\0\0\0")).contains("another number of elements"));
    assert!(refused(body(&ages, b"\x03\0\0\0\xc3Aa\0\0\0\0")).contains("UTF-8"));
    assert!(refused(body(&ages[..7], names)).contains("another number of elements"));
    assert!(refused(([good.as_slice(), b" "].concat(), length)).contains("more binary data"));
    assert!(refused((good.clone(), None)).contains("UTF-8"));
    assert!(refused((good.clone(), Some(good.len() + 1))).contains("before its JSON"));
    assert!(refused((good.clone(), length.map(|length| length + 1))).contains("follows the end"));
    assert!(refused((good.clone(), length.map(|length| length - 1))).contains("too early"));
    assert!(refused((good, Some(0))).contains("too early"));
}

#[test]
fn only_what_the_protocol_has_is_a_field() {
    for field in [
        "customer.age",
        "rows[*].age",
        "wide[*][*]",
        "parameters.a.b",
        "request.name",
        "parameters.binary_data_size",
    ] {
        let paths = paths(&[field]);
        let declared = Declared { paths: &paths, undeclared: Undeclared::Refuse, rows: None };
        let clash = Walker::compile(Format::KserveV2, Direction::Request, declared).unwrap_err();
        assert!(matches!(clash, Clash::NoPlace { .. }), "{field}: {clash}");
    }
    let walker = walker(Direction::Request, &PATHS, Undeclared::Refuse);
    let rows = (0..8).map(|field| walker.row(FieldId(field), &[3, 4]).0.is_some()).collect::<Vec<_>>();
    assert_eq!(rows, [true, true, true, true, false, false, false, true]);
    assert_eq!(walker.row(FieldId(2), &[3, 4]), (Some(3), &[4][..]));
}
