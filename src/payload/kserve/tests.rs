//! The walk beside its oracle on generated and on broken bodies, and what no body may do.

use proptest::prelude::*;

use super::datatype::Datatype;
use super::oracle::{self, Body, Rowed, told};
use super::*;
use crate::payload::caps::{Cap, Caps};
use crate::payload::json::oracle::{Act, Halt};
use crate::payload::{Declared, Envelope, Kind, Path, Row, Stop, Walker};

pub(super) const CAPS: Caps = Caps { bytes: 1 << 20, depth: 8, members: 300, rows: 50 };
const PATHS: [&str; 8] =
    ["age", "name", "wide[*]", "x[*]", "parameters.p", "parameters.q", "request.id", "['e mail']"];
const NAMES: [&str; 5] = ["age", "name", "wide", "x", "e mail"];
const ANSWERS: [&str; 2] = ["score", "label[*]"];

fn paths(paths: &[&str]) -> Vec<Path> {
    paths.iter().map(|path| Path::parse(path).unwrap()).collect()
}

fn walker(direction: Direction, fields: &[&str], undeclared: Undeclared) -> Walker {
    let paths = self::paths(fields);
    let declared = Declared { paths: &paths, undeclared, rows: None };
    Walker::compile(Format::KserveV2, direction, declared).unwrap().answered_by(&self::paths(&ANSWERS))
}

type Walked = Result<(Vec<u8>, Option<usize>), Stop<Halt>>;

fn run(walker: &Walker, body: &[u8], json_length: Option<usize>, visitor: &mut Rowed) -> Walked {
    let mut out = b"before".to_vec();
    let envelope = Envelope { json_length, ..Envelope::default() };
    let walked = walker.walk(body, &envelope, &CAPS, visitor, &mut out);
    assert!(out.starts_with(b"before"));
    if walked.is_err() {
        assert_eq!(out.len(), 6, "nothing stays of a body that is refused");
    }
    walked.map(|envelope| (out.split_off(6), envelope.json_length))
}

fn keep(count: usize) -> Vec<Act> {
    vec![Act::Keep; count]
}

/// Bytes from which a body is made: a choice takes one, and zero when none is left, so that failures shrink.
struct Tape<'a>(std::slice::Iter<'a, u8>);

impl Tape<'_> {
    fn pick(&mut self, of: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % of
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.pick(of.len())]
    }

    fn space(&mut self) -> &'static str {
        self.one(&["", "", "", " ", "\n\t", "\r "])
    }

    /// Members in an order of their own, with spaces.
    fn object(&mut self, mut members: Vec<(String, String)>) -> String {
        let mut out = format!("{{{}", self.space());
        for number in 0..members.len() {
            let place = number + self.pick(members.len() - number);
            members.swap(number, place);
            let (key, value) = &members[number];
            let key = if self.pick(6) == 5 { key.replacen('a', "\\u0061", 1) } else { key.clone() };
            let comma = if number > 0 { "," } else { "" };
            let (a, b, c, d) = (self.space(), self.space(), self.space(), self.space());
            out.push_str(&format!("{comma}{a}\"{key}\"{b}:{c}{value}{d}"));
        }
        out + "}"
    }

    fn list(&mut self, elements: Vec<String>) -> String {
        let (a, b, c) = (self.space(), self.space(), self.space());
        format!("[{a}{}{c}]", elements.join(&format!("{b},{a}")))
    }

    fn parameters(&mut self, own: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut members: Vec<_> = own.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        for (key, value) in [
            ("p", "\"a\\u0062\""),
            ("q", "1.50"),
            ("content_type", "\"str\""),
            ("other", "{\"deep\":[1,{}]}"),
            ("binary", "null"),
        ] {
            if self.pick(4) == 3 {
                members.push((key.into(), value.into()));
            }
        }
        if self.pick(8) == 7 {
            members.retain(|(key, _)| key != "content_type");
            members.push(("content_type".into(), "\"base64\"".into()));
        }
        members
    }

    fn element(&mut self, datatype: Datatype) -> String {
        let token = match datatype {
            Datatype::Bool => self.one(&["true", "false"]),
            Datatype::Bytes => self.one(&["\"\"", "\"Ada\"", "\"\\u00e9]\\\"[,\"", "\"[\"", "\"😀\""]),
            Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64 => {
                self.one(&["0", "1.50", "-2.5e0", "7", "-0", "100"])
            }
            Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 | Datatype::Uint64 => {
                self.one(&["0", "7", "255"])
            }
            _ => self.one(&["0", "-1", "36", "127"]),
        };
        if self.pick(9) == 8 { "null".into() } else { token.into() }
    }

    fn binary(&mut self, datatype: Datatype, out: &mut Vec<u8>) {
        let (kind, text) = match datatype {
            Datatype::Bool => (Kind::Boolean, self.one(&["true", "false"])),
            Datatype::Bytes => (Kind::String, self.one(&["", "Ada", "é\"\n", "["])),
            Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64 => match self.pick(4) {
                3 => (Kind::Null, ""),
                _ => (Kind::Number, self.one(&["1.5", "-2", "0"])),
            },
            _ => (Kind::Integer, self.one(&["0", "7", "100"])),
        };
        datatype.write(kind, text, out).unwrap();
    }

    /// A body of up to five tensors of `rows` rows.
    fn body(&mut self, direction: Direction, rows: usize) -> (Vec<u8>, Option<usize>) {
        let mut binary = Vec::new();
        let mut tensors = Vec::new();
        let mut any = false;
        for name in ["name", "age", "wide", "y", "e mail", "x"] {
            if self.pick(4) == 0 {
                continue;
            }
            let many = matches!(name, "wide" | "x" | "y");
            let mut shape = vec![rows];
            for _ in 0..self.pick(4) {
                shape.push(if many { self.pick(4) } else { 1 });
            }
            let (word, datatype) = self.one(&Datatype::ALL);
            let sizes = shape.iter().map(ToString::to_string).collect();
            let mut members = vec![
                ("name".into(), format!("\"{name}\"")),
                ("shape".into(), self.list(sizes)),
                ("datatype".into(), format!("\"{word}\"")),
            ];
            let mut own = Vec::new();
            if self.pick(3) == 2 {
                any = true;
                let from = binary.len();
                for _ in 0..shape.iter().product::<usize>() {
                    self.binary(datatype, &mut binary);
                }
                own.push(("binary_data_size", (binary.len() - from).to_string()));
            } else {
                let data = if self.pick(2) == 1 {
                    self.nested(&shape, datatype)
                } else {
                    let elements = (0..shape.iter().product()).map(|_| self.element(datatype)).collect();
                    self.list(elements)
                };
                members.push(("data".into(), data));
            }
            let own: Vec<_> = own.iter().map(|(key, value)| (*key, value.as_str())).collect();
            if !own.is_empty() || self.pick(3) == 2 {
                let own = self.parameters(&own);
                members.push(("parameters".into(), self.object(own)));
            }
            if self.pick(9) == 8 {
                members.push(("extra".into(), "[{\"data\":[]}]".into()));
            }
            tensors.push(self.object(members));
        }
        let list = if direction == Direction::Request { "inputs" } else { "outputs" };
        let mut members = vec![(list.to_owned(), self.list(tensors))];
        for (key, value) in [
            ("id", "\"call \\u0034711\""),
            ("model_name", "\"churn-7\""),
            ("model_version", "\"of ada@example.org\""),
            ("extra", "\"ada@example.org\""),
        ] {
            if self.pick(3) == 2 {
                members.push((key.into(), value.into()));
            }
        }
        if self.pick(3) == 2 {
            let own: &[_] =
                if direction == Direction::Request { &[("binary_data_output", "true")] } else { &[] };
            let own = self.parameters(own);
            members.push(("parameters".into(), self.object(own)));
        }
        if direction == Direction::Request && self.pick(3) == 2 {
            let mut outputs = Vec::new();
            for name in ["label", "ada@example.org", "score"] {
                let own = self.parameters(&[("binary_data", "false")]);
                let own = ("parameters".into(), self.object(own));
                let named = ("name".into(), format!("\"{name}\""));
                outputs.push(self.object(vec![named, own]));
            }
            members.push(("outputs".into(), self.list(outputs)));
        }
        let (a, b) = (self.space(), self.space());
        let mut body = format!("{a}{}{b}", self.object(members)).into_bytes();
        let json_length = (any || self.pick(5) == 4).then_some(body.len());
        body.extend_from_slice(&binary);
        (body, json_length)
    }

    fn nested(&mut self, shape: &[usize], datatype: Datatype) -> String {
        let Some((size, rest)) = shape.split_first() else { return self.element(datatype) };
        let elements = (0..*size).map(|_| self.nested(rest, datatype)).collect();
        self.list(elements)
    }

    fn act(&mut self) -> Act {
        let replace = |kind, text: &str| Act::Replace(kind, text.into());
        match self.pick(10) {
            0..=3 => Act::Keep,
            4 => Act::Leave,
            5 => replace(Kind::String, "p1_\"[\n"),
            6 => replace(Kind::Integer, "30"),
            7 => replace(Kind::Integer, "9007199254740991"),
            8 => replace(Kind::Number, "2.5"),
            _ => replace(Kind::Null, "null"),
        }
    }

    fn visitor(&mut self, undeclared: Undeclared, rows: usize) -> Rowed {
        let acts: Vec<_> = PATHS.iter().map(|_| self.act()).collect();
        let mut visitor = Rowed::new(&acts, undeclared);
        if self.pick(2) == 1 {
            let row = |tape: &mut Self| match tape.pick(4) {
                0 => Row::LeftOut,
                1 => Row::After(1 + tape.pick(2) as u32),
                _ => Row::Visited,
            };
            visitor.rows = (0..rows).map(|_| row(self)).collect();
            visitor.behind = self.pick(3) as u32;
        }
        visitor
    }
}

const PARAMETERS: [&str; 2] = ["p", "q"];
const ASKED: [&str; 2] = ["score", "label"];

fn read(body: &[u8], json_length: Option<usize>, direction: Direction) -> Result<Body, String> {
    let list = if direction == Direction::Request { "inputs" } else { "outputs" };
    oracle::read(body, json_length, list, &NAMES, &PARAMETERS, &ASKED)
}

/// Walks, and does the same slowly.
fn agree(body: &[u8], json_length: Option<usize>, direction: Direction, new: impl Fn() -> Rowed) {
    let walker = walker(direction, &PATHS, Undeclared::LeaveOut);
    let (mut fast, mut slow) = (new(), new());
    let walked = run(&walker, body, json_length, &mut fast);
    let shown = String::from_utf8_lossy(body).into_owned();
    let read = self::read(body, json_length, direction);
    let (out, length) = match walked {
        Ok(walked) => walked,
        Err(Stop::Unfit(_)) => {
            let read = read.unwrap();
            assert!(oracle::treat(&read, &paths(&PATHS), &mut slow).is_none(), "{shown}");
            return;
        }
        Err(stop) => panic!("{stop:?} of {shown}"),
    };
    let read = read.unwrap_or_else(|error| panic!("{error}: {shown}"));
    let expected = oracle::treat(&read, &paths(&PATHS), &mut slow);
    let expected = expected.unwrap_or_else(|| panic!("should not fit: {shown}"));
    let undeclared = fast.table.told.len() - told(&fast.table).len();
    assert_eq!(undeclared, read.undeclared, "{shown}");
    assert_eq!(told(&fast.table), told(&slow.table), "{shown}");
    let written = self::read(&out, length, direction);
    let text = String::from_utf8_lossy(&out);
    assert_eq!(written, Ok(expected), "{shown}\n{text}");
    assert!(!text.contains("example.org"), "undeclared: {text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn it_does_what_the_oracle_does(tape in prop::collection::vec(any::<u8>(), 0..500), answer in any::<bool>()) {
        let direction = if answer { Direction::Response } else { Direction::Request };
        let mut tape = Tape(tape.iter());
        let rows = tape.pick(4);
        let (body, json_length) = tape.body(direction, rows);
        let rest = tape.0.clone();
        agree(&body, json_length, direction, || Tape(rest.clone()).visitor(Undeclared::LeaveOut, rows));
    }

    #[test]
    fn a_broken_body_is_refused_or_understood_as_the_oracle_does(
        tape in prop::collection::vec(any::<u8>(), 50..400), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut tape = Tape(tape.iter());
        let (mut body, json_length) = tape.body(Direction::Request, 2);
        let at = at.index(body.len());
        body[at] = if byte % 2 == 0 { byte } else { b"0[]{},:\"9-en"[usize::from(byte / 2) % 12] };
        let walker = walker(Direction::Request, &PATHS, Undeclared::LeaveOut);
        let mut visitor = Rowed::new(&keep(PATHS.len()), Undeclared::LeaveOut);
        if run(&walker, &body, json_length, &mut visitor).is_ok() {
            agree(&body, json_length, Direction::Request, || Rowed::new(&keep(PATHS.len()), Undeclared::LeaveOut));
        }
    }
}

proptest! {
    // Each is walked as often as it is long.
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn a_body_that_is_cut_is_refused(tape in prop::collection::vec(any::<u8>(), 50..300)) {
        let (body, json_length) = Tape(tape.iter()).body(Direction::Request, 2);
        let walker = walker(Direction::Request, &PATHS, Undeclared::LeaveOut);
        let whole = body.trim_ascii_end().len();
        for cut in 0..whole {
            let mut visitor = Rowed::new(&keep(PATHS.len()), Undeclared::LeaveOut);
            let cut_json = json_length.map(|length| length.min(cut));
            for length in [json_length, cut_json] {
                let done = run(&walker, &body[..cut], length, &mut visitor);
                // White space behind the JSON may go.
                let space = json_length.is_some() && length == cut_json && body[cut..].trim_ascii().is_empty();
                prop_assert!(done.is_err() || space, "{}", cut);
            }
        }
    }
}

/// Walks a request of the fields `age`, `name`, `wide[*]`, all kept.
fn walked(body: &str) -> Result<String, Stop<Halt>> {
    let walker = walker(Direction::Request, &PATHS[..3], Undeclared::Refuse);
    let mut visitor = Rowed::new(&keep(3), Undeclared::Refuse);
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
    assert_eq!(walked(body), Err(Stop::Visitor(Halt::Misshapen(FieldId(0)))));
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
        let mut visitor = Rowed::new(&keep(1), Undeclared::Refuse);
        visitor.behind = 40;
        let walked = run(&walker, answer(shape, data).as_bytes(), None, &mut visitor);
        let empty = shape.ends_with(",0");
        assert_eq!(walked.is_ok(), empty, "{shape}: {walked:?}");
    }
    let elements = vec!["1"; 10_000].join(",");
    let mut visitor = Rowed::new(&keep(1), Undeclared::Refuse);
    visitor.rows = vec![Row::After(40)];
    let walked = run(&walker, answer("1,10000", &format!("[{elements}]")).as_bytes(), None, &mut visitor);
    assert_eq!(walked, Err(Stop::TooLarge(Cap::Bytes)));
    let inner = vec!["[]"; 10_000].join(",");
    let mut visitor = Rowed::new(&keep(1), Undeclared::Refuse);
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
    for (walker, row, behind) in [
        (&level, Row::Visited, 0),
        (&loose, Row::LeftOut, 0),
        (&loose, Row::After(1), 0),
        (&loose, Row::Visited, 1),
    ] {
        let mut visitor = Rowed::new(&keep(3), Undeclared::Refuse);
        (visitor.rows, visitor.behind) = (vec![row], behind);
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
    let mut visitor = Rowed::new(&keep(2), Undeclared::Refuse);
    let (out, new_length) = run(&walker, &good, length, &mut visitor).unwrap();
    assert_eq!((&out, new_length), (&good, length));
    assert!(format!("{:?}", visitor.table.told).contains("Number, \"36.5\""), "{:?}", visitor.table.told);
    for acts in [
        [Act::Replace(Kind::String, "p1_x".into()), Act::Keep],
        [Act::Keep, Act::Replace(Kind::Integer, "7".into())],
        [Act::Leave, Act::Leave],
    ] {
        let mut visitor = Rowed::new(&acts, Undeclared::Refuse);
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
        let mut visitor = Rowed::new(&keep(2), Undeclared::Refuse);
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
