//! The walk beside its oracle, on generated, broken and cut bodies.

use proptest::prelude::*;

use super::datatype::Datatype;
use super::oracle::{self, Body, told};
use super::tests::{PATHS, keep, run, walker};
use super::*;
use crate::payload::acting::{Act, Acting, paths};
use crate::payload::{Kind, Stop};

const NAMES: [&str; 5] = ["age", "name", "wide", "x", "e mail"];

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

    fn visitor(&mut self, undeclared: Undeclared, rows: usize) -> Acting {
        let acts: Vec<_> = PATHS.iter().map(|_| self.act()).collect();
        let mut visitor = Acting::of(&acts, undeclared);
        if self.pick(2) == 1 {
            for row in 0..rows as u32 {
                match self.pick(4) {
                    0 => visitor.rows_out.push(row),
                    1 => drop(visitor.before.insert(row, 1 + self.pick(2) as u32)),
                    _ => {}
                }
            }
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
fn agree(body: &[u8], json_length: Option<usize>, direction: Direction, new: impl Fn() -> Acting) {
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
    assert_eq!(fast.undeclared_keys(), read.undeclared, "{shown}");
    assert_eq!(told(&fast), told(&slow), "{shown}");
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
        let mut visitor = Acting::of(&keep(PATHS.len()), Undeclared::LeaveOut);
        if run(&walker, &body, json_length, &mut visitor).is_ok() {
            agree(&body, json_length, Direction::Request, || Acting::of(&keep(PATHS.len()), Undeclared::LeaveOut));
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
            let mut visitor = Acting::of(&keep(PATHS.len()), Undeclared::LeaveOut);
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
