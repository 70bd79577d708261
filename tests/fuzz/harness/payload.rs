//! Bodies of every format.

use consentry::payload::json::{Unfound, find};
use consentry::payload::{Caps, Declared, Direction, Envelope, Format, Kind, Path, Stop, Undeclared, Walker};

use super::acts::{Acting, Done, Halt, Line, MARK, first_line};

/// Small ones, so that short inputs reach them.
const CAPS: Caps = Caps { bytes: 4096, depth: 12, members: 200, rows: 40 };
/// What an input's boundary is.
const BOUNDARY: &str = "b";
/// What was written before, and stays.
const BEFORE: &[u8] = b"before";

/// The declared fields of a format, and the path that has the rows.
fn declared(format: Format) -> (&'static [&'static str], Option<&'static str>) {
    match format {
        Format::Json => (&["a", "b.c", "rows[*].x", "rows[*].y.z", "['k d']", "list[*]"], Some("rows[*].x")),
        Format::Ndjson => (&["a", "b.c", "['k d']", "list[*]"], None),
        Format::Csv => (&["a", "b", "['k d']", "c.d"], None),
        Format::Form => (&["a", "b.c", "['k d']", "list[*]"], None),
        Format::Multipart => (&["a", "file", "list[*]", "['k d']"], None),
        Format::Mlflow => (&["a", "b", "['k d']", "instances", "predictions", "params.t"], None),
        Format::KserveV2 => (&["patient", "age", "image[*]", "parameters.ward", "id"], None),
        Format::TfServing => (&["a", "b", "instances[*]", "predictions", "signature_name"], None),
        Format::OpenaiChat => (
            &[
                "model",
                "messages[*].role",
                "messages[*].content",
                "choices[*].message.content",
                "choices[*].message.tool_calls[*].function.arguments.a",
            ],
            None,
        ),
        Format::Text => (&["text"], None),
    }
}

fn paths(names: &[&str]) -> Vec<Path> {
    names.iter().map(|name| Path::parse(name).expect("a path")).collect()
}

fn walker(format: Format, direction: Direction, undeclared: Undeclared) -> Walker {
    let (names, rows) = declared(format);
    let (paths, rows) = (paths(names), rows.map(|rows| Path::parse(rows).expect("a path")));
    let declared = Declared { paths: &paths, undeclared, rows: rows.as_ref() };
    let walker = Walker::compile(format, direction, declared).expect("fields that fit the format");
    walker.answered_by(&paths)
}

/// One format, and what it is part of.
struct Harness {
    format: Format,
    walker: Walker,
}

/// A body behind a line that says what is done with it.
pub(crate) fn run(format: Format, input: &[u8]) {
    let (line, body) = Line::split(input);
    let boundary = (format == Format::Multipart).then(|| BOUNDARY.into());
    walk(format, &line, body, &Envelope { boundary, json_length: None });
    if format == Format::Json {
        found(body);
    }
}

/// A body of tensors in binary: its JSON is one line, which goes without its end.
pub(crate) fn binary(input: &[u8]) {
    let (line, body) = Line::split(input);
    let (json, tail) = first_line(body);
    let envelope = Envelope { boundary: None, json_length: Some(json.len()) };
    walk(Format::KserveV2, &line, &[json, tail].concat(), &envelope);
}

fn walk(format: Format, line: &Line<'_>, body: &[u8], envelope: &Envelope) {
    let undeclared = if line.says(b'r') { Undeclared::Refuse } else { Undeclared::LeaveOut };
    let direction = if line.says(b'a') { Direction::Response } else { Direction::Request };
    let harness = Harness { format, walker: walker(format, direction, undeclared) };
    let drops = format.has_rows();
    let mut acting = Acting::new(line.clone(), drops);
    let Ok((written, written_as)) = harness.walk(body, envelope, &CAPS, &mut acting) else { return };
    assert!(acting.undeclared == 0 || undeclared == Undeclared::LeaveOut, "an undeclared key is refused");
    // Labels of rows never go on, whoever counts them.
    let labels = format == Format::Mlflow && show(body).contains("index");
    let anew = labels || matches!(format, Format::KserveV2 | Format::Multipart);
    if acting.did_nothing() && !anew {
        assert_eq!(show(&written), show(body), "a body to which nothing was done is as it came");
    }
    // The names of models are the format's own, and travel as they are.
    let own = format == Format::KserveV2 && direction == Direction::Response;
    if !acting.keeps_mark() && !own {
        assert!(!show(&written).contains(MARK), "what is left out or not declared is not written");
    }
    // Of an answer's table of which all columns are left out nothing is left, not even a header.
    let nothing = format == Format::Csv && written.is_empty() && drops && line.says(b'd');
    // An empty row is `null`, or cells that are no value of their field.
    if acting.rows_added == 0 && !nothing {
        harness.again(line, &acting, &written, &written_as);
    }
}

impl Harness {
    fn walk(
        &self,
        body: &[u8],
        envelope: &Envelope,
        caps: &Caps,
        acting: &mut Acting<'_>,
    ) -> Result<(Vec<u8>, Envelope), Stop<Halt>> {
        let mut out = BEFORE.to_vec();
        let walked = self.walker.walk(body, envelope, caps, acting, &mut out);
        let written = out.split_off(BEFORE.len());
        assert_eq!(out, BEFORE, "what was written before stays");
        if walked.is_err() {
            assert_eq!(written, b"", "a refused body leaves nothing behind");
        }
        walked.map(|envelope| (written, envelope))
    }

    /// What was written is a body of its format, and has the values that it should have, in their order.
    fn again(&self, line: &Line<'_>, first: &Acting<'_>, written: &[u8], envelope: &Envelope) {
        let mut acting = Acting::new(line.keeping(), false);
        let more = Caps { bytes: 1 << 20, ..CAPS };
        let walked = self.walk(written, envelope, &more, &mut acting);
        let (twice, _) = walked.unwrap_or_else(|stop| panic!("{stop:?} of {}", show(written)));
        assert_eq!(acting.undeclared, 0, "nothing undeclared is written: {}", show(written));
        // Where its place counts, `null` stands for what was left out.
        let none = Some("null".to_owned());
        let left_out = |shown: &(_, String)| self.format.has_rows() && Some(&shown.1) == none.as_ref();
        let seen: Vec<_> = acting.done.iter().filter_map(|done| self.shown(done, &done.came)).collect();
        let seen: Vec<_> = seen.into_iter().filter(|shown| !left_out(shown)).collect();
        let expected = first.done.iter().filter_map(|done| self.expected(done));
        let expected: Vec<_> = expected.filter(|shown| !left_out(shown)).collect();
        assert_eq!(seen, expected, "{}", show(written));
        if self.format != Format::Multipart {
            assert_eq!(show(&twice), show(written), "what was written stays as it is");
        }
    }

    /// What a value must be when it is read again.
    fn expected(&self, done: &Done) -> Option<(u16, String)> {
        self.shown(done, done.became.as_ref()?)
    }

    /// A value as it is compared. Formats without types write `null` as an empty text, and of tables an empty cell is what is
    /// left of a value.
    fn shown(&self, done: &Done, (kind, text): &(Kind, String)) -> Option<(u16, String)> {
        let typeless = matches!(self.format, Format::Csv | Format::Form | Format::Multipart | Format::Text);
        let text = if typeless && *kind == Kind::Null { "" } else { text };
        if typeless && text.is_empty() {
            return None;
        }
        Some((done.field, text.to_owned()))
    }
}

/// A value that is asked for before the walk is the one that the walk sees.
fn found(body: &[u8]) {
    for name in ["a", "b.c", "['k d']"] {
        let path = [Path::parse(name).expect("a path")];
        let declared = Declared { paths: &path, undeclared: Undeclared::LeaveOut, rows: None };
        let walker = Walker::compile(Format::Json, Direction::Request, declared).expect("one field");
        let (line, _) = Line::split(b"k");
        let mut acting = Acting::new(line, false);
        let walked = walker.walk(body, &Envelope::default(), &CAPS, &mut acting, &mut Vec::new());
        let found = find(body, &path[0], &CAPS);
        match (walked, found) {
            (Ok(_), Ok(found)) => {
                let found = found.map(|found| (found.kind, found.text.into_owned()));
                assert_eq!(acting.done.pop().map(|done| done.came), found);
                assert!(acting.done.is_empty(), "one path is one value");
            }
            (Err(Stop::Malformed(_)), Err(Stop::Malformed(_)))
            | (Err(Stop::TooLarge(_)), Err(Stop::TooLarge(_)))
            | (Err(Stop::Visitor(Halt::Misshapen)), Err(Stop::Visitor(Unfound::Misshapen))) => {}
            // Both refuse; a body with two faults is told by the one that is met first.
            (Err(_), Err(_)) => {}
            (walked, found) => panic!("a walk says {walked:?}, a search {found:?}"),
        }
    }
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
