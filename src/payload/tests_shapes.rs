//! Bodies of model servers against what a tree says that they should become.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::acting::{Act, Acting, CAPS, Halt, Told, paths, walk_by};
use super::*;

/// Does these acts to the first fields, each the same whenever it occurs, and keeps the others.
fn doing(acts: &[Act]) -> Acting {
    let mut acting = Acting::keeping(CHAT.len());
    for (field, act) in acts.iter().enumerate() {
        acting.acts[field] = vec![act.clone()];
    }
    acting.dropped = (0..).zip(acts).filter(|(_, act)| **act == Act::Leave).map(|(field, _)| field).collect();
    acting
}

fn nine() -> Act {
    Act::Replace(Kind::Integer, "9".into())
}

fn walker(format: Format, direction: Direction, names: &[&str], undeclared: Undeclared) -> Walker {
    Walker::compile(format, direction, Declared { paths: &paths(names), undeclared, rows: None }).unwrap()
}

fn walked(walker: &Walker, body: &str, acting: &mut Acting) -> Result<String, Stop<Halt>> {
    walk_by(walker, body.as_bytes(), &Envelope::default(), &CAPS, acting)
        .map(|(out, _)| String::from_utf8(out).unwrap())
}

const NAMES: [&str; 3] = ["a", "b", "['c d']"];
const COLUMNS: [&str; 4] = ["a", "b", "c d", "x"];

/// Rows of cells for some of [`COLUMNS`].
fn rows() -> impl Strategy<Value = (Vec<usize>, Vec<Vec<i32>>)> {
    (Just((0..4).collect::<Vec<usize>>()).prop_shuffle(), 1..=4_usize).prop_flat_map(
        |(mut columns, count)| {
            columns.truncate(count);
            let row = proptest::collection::vec(-99..99, columns.len());
            (Just(columns), proptest::collection::vec(row, 0..5))
        },
    )
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    proptest::collection::vec(prop_oneof![Just(Act::Keep), Just(Act::Leave), Just(nine())], 3)
}

/// The cells that stay of a row, as (column, value).
fn stays(columns: &[usize], row: &[i32], acts: &[Act]) -> Vec<(usize, i32)> {
    let cells = columns.iter().zip(row).filter_map(|(column, cell)| match acts.get(*column)? {
        Act::Keep => Some((*column, *cell)),
        Act::Leave => None,
        Act::Replace(..) => Some((*column, 9)),
    });
    cells.collect()
}

fn object(cells: &[(usize, i32)]) -> Json {
    Json::Object(cells.iter().map(|(column, cell)| (COLUMNS[*column].to_owned(), json!(cell))).collect())
}

proptest! {
    #[test]
    fn a_table_is_realigned_whatever_comes_first(
        (columns, rows) in rows(),
        acts in acts(),
        left_out in proptest::collection::vec(0..5_u32, 0..3),
        order in Just(vec!["columns", "data", "index"]).prop_shuffle(),
        pretty in any::<bool>(),
    ) {
        let names: Vec<_> = columns.iter().map(|column| COLUMNS[*column]).collect();
        let counted: Vec<_> = (0..rows.len()).collect();
        let parts: Map<String, Json> =
            [("columns", json!(names)), ("data", json!(rows)), ("index", json!(counted))]
                .map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        // serde_json sorts keys, so the order is made by hand.
        let text = |value: &Json| if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() };
        let members: Vec<_> = order.iter().map(|key| format!("\"{key}\":{}", text(&parts[*key]))).collect();
        let body = format!("{{\"dataframe_split\": {{{}}}, \"params\": {{\"t\": 0.50}}}}", members.join(" , "));
        let names = [&NAMES[..], &["params.t"]].concat();
        let walker = walker(Format::Mlflow, Direction::Request, &names, Undeclared::LeaveOut);
        let mut acting = doing(&acts);
        acting.rows_out = left_out.clone();
        let out = walked(&walker, &body, &mut acting).unwrap();
        let kept: Vec<usize> = columns.iter().copied().filter(|column| acts.get(*column).is_some_and(|act| *act != Act::Leave)).collect();
        let staying = (0..).zip(&rows).filter(|(row, _)| !left_out.contains(row));
        let data: Vec<Vec<i32>> = staying.map(|(_, row)| stays(&columns, row, &acts).into_iter().map(|(_, cell)| cell).collect()).collect();
        let expected = json!({
            "dataframe_split": {"columns": kept.iter().map(|column| COLUMNS[*column]).collect::<Vec<_>>(), "data": data},
            "params": {"t": 0.5},
        });
        prop_assert_eq!(serde_json::from_str::<Json>(&out).unwrap(), expected, "{}", out);
        prop_assert!(out.contains("0.50"));
        let mut missing: Vec<u16> = (0..3).filter(|field| !columns.contains(&usize::from(*field))).collect();
        missing.sort_unstable();
        let mut told = acting.missing();
        told.sort_unstable();
        prop_assert_eq!(told, missing);
        prop_assert_eq!(acting.counted(), [rows.len() as u32]);
        // Every declared cell of a row that is not left out was shown, with its row.
        let shown = rows.len() - left_out.iter().collect::<std::collections::HashSet<_>>().iter().filter(|row| (***row as usize) < rows.len()).count();
        let declared = columns.iter().filter(|column| **column < 3).count();
        prop_assert_eq!(acting.told.iter().filter(|told| matches!(told, Told::Value(0..3, ..))).count(), shown * declared);
    }

    #[test]
    fn records_and_columns_are_the_same_rows(
        (columns, rows) in rows(),
        acts in acts(),
        left_out in proptest::collection::vec(0..5_u32, 0..3),
    ) {
        let records: Vec<_> = rows.iter().map(|row| {
            object(&columns.iter().copied().zip(row.iter().copied()).collect::<Vec<_>>())
        }).collect();
        let staying: Vec<_> = (0..).zip(&rows).filter(|(row, _)| !left_out.contains(row)).map(|(_, row)| row).collect();
        let expected: Vec<_> = staying.iter().map(|row| object(&stays(&columns, row, &acts))).collect();
        for (format, key) in [(Format::Mlflow, "dataframe_records"), (Format::Mlflow, "instances"), (Format::TfServing, "instances")] {
            if rows.is_empty() {
                continue;
            }
            let walker = walker(format, Direction::Request, &NAMES, Undeclared::LeaveOut);
            let mut acting = doing(&acts);
            acting.rows_out = left_out.clone();
            let out = walked(&walker, &json!({ key: records }).to_string(), &mut acting).unwrap();
            prop_assert_eq!(serde_json::from_str::<Json>(&out).unwrap(), json!({ key: expected }));
            prop_assert_eq!(acting.counted(), [rows.len() as u32]);
        }
        let by_column: Map<String, Json> = columns.iter().enumerate().map(|(place, column)| {
            (COLUMNS[*column].to_owned(), json!(rows.iter().map(|row| row[place]).collect::<Vec<_>>()))
        }).collect();
        let kept: Map<String, Json> = columns.iter().enumerate().filter_map(|(place, column)| {
            let act = acts.get(*column)?;
            let cell = |row: &&Vec<i32>| if *act == nine() { 9 } else { row[place] };
            (*act != Act::Leave).then(|| (COLUMNS[*column].to_owned(), json!(staying.iter().map(cell).collect::<Vec<_>>())))
        }).collect();
        for format in [Format::Mlflow, Format::TfServing] {
            let walker = walker(format, Direction::Request, &NAMES, Undeclared::LeaveOut);
            let mut acting = doing(&acts);
            acting.rows_out = left_out.clone();
            let out = walked(&walker, &json!({ "inputs": by_column }).to_string(), &mut acting).unwrap();
            prop_assert_eq!(serde_json::from_str::<Json>(&out).unwrap(), json!({ "inputs": kept }));
        }
    }
}

#[test]
fn untouched_bytes_are_the_same_in_every_shape() {
    let bodies = [
        (
            Format::Mlflow,
            r#"{ "dataframe_split":{"columns" : ["a" ,"b"], "data":[[1.50, "\u00e9"],[ 2e0,null ] ]} }"#,
        ),
        (Format::Mlflow, r#"{"dataframe_records": [ {"a":1.0,"b":"x"} , {"b":"\/","a":-0} ]}"#),
        (Format::Mlflow, r#"{"inputs": {"a" :[1, 2.0 ], "b": [true,"\n"]}}"#),
        (Format::TfServing, r#"{"instances":[{"a":1,"b":2} ] , "signature_name": "s"}"#),
    ];
    for (format, body) in bodies {
        let names = if format == Format::TfServing { &["a", "b", "signature_name"][..] } else { &["a", "b"] };
        let walker = walker(format, Direction::Request, names, Undeclared::Refuse);
        assert_eq!(walked(&walker, body, &mut doing(&[])).unwrap(), body);
        // Cut anywhere, it is refused.
        for end in 0..body.len() - 1 {
            assert!(walked(&walker, body.get(..end).unwrap_or(""), &mut doing(&[])).is_err(), "{end}");
        }
    }
}

#[test]
fn rows_without_names_bear_that_of_their_key() {
    let walker = walker(Format::TfServing, Direction::Request, &["instances[*]"], Undeclared::Refuse);
    let mut acting = Acting::keeping(1);
    acting.rows_out = vec![0];
    assert_eq!(
        walked(&walker, r#"{"instances": [[1,2],[3,4]]}"#, &mut acting).unwrap(),
        r#"{"instances": [[3,4]]}"#
    );
    let value = |at: &[u32], text: &str| Told::Value(0, at.into(), Kind::Integer, text.into());
    assert_eq!(acting.told, [value(&[1, 0], "3"), value(&[1, 1], "4"), Told::Rows(2)]);
    assert_eq!(walker.row(FieldId(0), &[1, 0]), (Some(1), &[0][..]));
}

#[test]
fn answers_get_empty_rows_where_rows_were_left_out() {
    for (format, key) in
        [(Format::Mlflow, "predictions"), (Format::TfServing, "predictions"), (Format::TfServing, "outputs")]
    {
        let walker =
            walker(format, Direction::Response, &["predictions", "outputs", "score"], Undeclared::Refuse);
        let mut acting = Acting::keeping(3);
        acting.before = [(0, 1), (1, 2)].into();
        acting.behind = 1;
        let out = walked(&walker, &format!(r#"{{"{key}": [0.5,0.25]}}"#), &mut acting).unwrap();
        assert_eq!(
            serde_json::from_str::<Json>(&out).unwrap(),
            json!({ key: [null, 0.5, null, null, 0.25, null] })
        );
    }
    let walker = walker(Format::Mlflow, Direction::Response, &["score"], Undeclared::Refuse);
    let mut acting = Acting::keeping(1);
    acting.before = [(1, 1)].into();
    let out = walked(&walker, r#"{"predictions":[{"score":1},{"score":2}]}"#, &mut acting).unwrap();
    assert_eq!(out, r#"{"predictions":[{"score":1},null,{"score":2}]}"#);
}

#[test]
fn what_is_no_body_of_the_format_is_refused() {
    let mlflow = walker(Format::Mlflow, Direction::Request, &["a", "b"], Undeclared::LeaveOut);
    for body in [
        "[]",
        "{}",
        r#"{"columns":["a"],"data":[[1]]}"#,
        r#"{"dataframe_split":[]}"#,
        r#"{"dataframe_split":{"columns":["a"]}}"#,
        r#"{"dataframe_split":{"data":[[1]]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1,2]]}}"#,
        r#"{"dataframe_split":{"columns":["a","b"],"data":[[1]]}}"#,
        r#"{"dataframe_split":{"columns":["a","a"],"data":[[1,2]]}}"#,
        r#"{"dataframe_split":{"columns":["a","\u0061"],"data":[[1,2]]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"columns":["b"],"data":[[1]]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]],"data":[[1]]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]],"x":1,"x":2}}"#,
        r#"{"dataframe_split":{"columns":[1],"data":[[1]]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[1]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":{"0":1}}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]]}} x"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]]},"instances":[]}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]]},"dataframe_records":[{"a":1}]}"#,
        r#"{"params":{},"instances":[{"a":1}],"x":1,"\u0069nputs":null}"#,
        r#"{"dataframe_records":{"a":1}}"#,
        r#"{"dataframe_records":[1]}"#,
    ] {
        let stopped = walked(&mlflow, body, &mut doing(&[]));
        assert!(matches!(stopped, Err(Stop::Malformed(_))), "{body}: {stopped:?}");
    }
    // A cell, or what stands in the place of a declared one, is a single value.
    let nested = walked(&mlflow, r#"{"dataframe_split":{"columns":["a"],"data":[[[1]]]}}"#, &mut doing(&[]));
    assert_eq!(nested, Err(Stop::Visitor(Halt::Misshapen(0))));
    let refusing = walker(Format::Mlflow, Direction::Request, &["a"], Undeclared::Refuse);
    for body in [
        r#"{"dataframe_split":{"columns":["a","x"],"data":[[1,2]]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]],"index":["ada@example.org"]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]],"index":[1]}}"#,
        r#"{"dataframe_split":{"columns":["a"],"data":[[1]]},"x":1}"#,
        r#"{"dataframe_records":[{"a":1,"x":2}]}"#,
        r#"{"inputs":{"a":[1],"x":[2]}}"#,
    ] {
        let mut acting = doing(&[]);
        assert_eq!(walked(&refusing, body, &mut acting), Err(Stop::Undeclared), "{body}");
        assert_eq!(acting.undeclared_keys(), 1);
    }
}

#[test]
fn a_table_of_which_no_column_is_left_has_its_rows() {
    let walker = walker(Format::Mlflow, Direction::Request, &["a", "b"], Undeclared::LeaveOut);
    for (body, expected, missing) in [
        (r#"{"columns":["x","y"],"data":[[1,2],[3,4]]}"#, r#"{"columns":[],"data":[[],[]]}"#, vec![0, 1]),
        (r#"{"data":[[1,2],[3,4]],"columns":["x","a"]}"#, r#"{"data":[[],[]],"columns":[]}"#, vec![1]),
    ] {
        let mut acting = doing(&[Act::Leave]);
        let out = walked(&walker, &format!(r#"{{"dataframe_split":{body}}}"#), &mut acting).unwrap();
        assert_eq!(out, format!(r#"{{"dataframe_split":{expected}}}"#));
        assert_eq!((acting.missing(), acting.counted()), (missing, vec![2]));
    }
}

#[test]
fn labels_of_rows_never_go_on() {
    let walker = walker(Format::Mlflow, Direction::Request, &["a"], Undeclared::LeaveOut);
    for index in ["[0,1]", r#"["ada","bob"]"#, "[]", r#"{"ada":1}"#] {
        let body = format!(r#"{{"dataframe_split":{{"index":{index},"columns":["a"],"data":[[1],[2]]}}}}"#);
        let out = walked(&walker, &body, &mut doing(&[])).unwrap();
        assert_eq!(out, r#"{"dataframe_split":{"columns":["a"],"data":[[1],[2]]}}"#);
    }
}

#[test]
fn caps_hold_in_tables() {
    let walker = walker(Format::Mlflow, Direction::Request, &["a"], Undeclared::Refuse);
    let body = r#"{"dataframe_split":{"columns":["a"],"data":[[1],[2],[3]]}}"#;
    let at = |caps: Caps| {
        walker.walk(body.as_bytes(), &Envelope::default(), &caps, &mut doing(&[]), &mut Vec::new()).is_ok()
    };
    assert!(at(Caps { rows: 3, depth: 4, bytes: body.len(), members: 4 }));
    assert!(!at(Caps { rows: 2, ..CAPS }));
    assert!(!at(Caps { depth: 3, ..CAPS }));
    assert!(!at(Caps { bytes: body.len() - 1, ..CAPS }));
    assert!(!at(Caps { members: 3, ..CAPS }));
}

const CHAT: [&str; 6] = [
    "model",
    "messages[*].role",
    "messages[*].content",
    "messages[*].tool_calls[*].function.name",
    "messages[*].tool_calls[*].function.arguments.email",
    "messages[*].tool_calls[*].function.arguments.filters[*]",
];

#[test]
fn a_content_is_found_as_text_and_in_parts() {
    let walker = walker(Format::OpenaiChat, Direction::Request, &CHAT, Undeclared::LeaveOut);
    let body = r#"{"model":"m","messages":[{"role":"user","content":"one"},{"role":"user","content":[{"type":"text","text":"two"},{"text":"three","type":"text"}]}]}"#;
    let mut acting = doing(&[]);
    assert_eq!(walked(&walker, body, &mut acting).unwrap(), body);
    let contents: Vec<_> = acting.told.iter().filter(|told| matches!(told, Told::Value(2, ..))).collect();
    assert_eq!(contents.len(), 3);
    assert_eq!(contents[2], &Told::Value(2, vec![1, 1], Kind::String, "three".into()));
    let mut acting = doing(&[Act::Keep, Act::Keep, nine()]);
    let out = walked(&walker, body, &mut acting).unwrap();
    assert!(!out.contains("one") && !out.contains("two") && !out.contains("three"), "{out}");
    // What is no text has to be declared to go on.
    let image = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#;
    assert_eq!(walked(&walker, image, &mut doing(&[])), Err(Stop::Undeclared));
    // The body is an object; a part of the content is none.
    let bare = r#"{"model":"m","messages":[{"role":"user","content":["one"]}]}"#;
    let Err(Stop::Malformed(malformed)) = walked(&walker, bare, &mut doing(&[])) else {
        panic!("a part that is no object is read")
    };
    assert_eq!(malformed.reason, "an object is expected");
}

#[test]
fn a_content_without_a_text_is_missing() {
    let fields =
        ["messages[*].content", "messages[*].content[*].image_url.url", "messages[*].content[*].content"];
    let walker = walker(Format::OpenaiChat, Direction::Request, &fields, Undeclared::LeaveOut);
    let lacks = |messages: &[&str], field: u16| {
        let body = format!(r#"{{"messages":[{}]}}"#, messages.join(", "));
        let mut acting = doing(&[]);
        assert_eq!(walked(&walker, &body, &mut acting).unwrap(), body);
        acting.missing().iter().filter(|missing| **missing == field).count()
    };
    const TEXT: &str = r#"{"type":"text","text":"t"}"#;
    const IMAGE: &str = r#"{"type":"image_url","image_url":{"url":"x"}}"#;
    const NEITHER: &str = r#"{"type":"text"}"#;
    for (content, missing) in [
        ("\"\"", 0),
        ("null", 0),
        ("[]", 1),
        ("[ ]", 1),
        (&*format!("[{TEXT}]"), 0),
        (&*format!("[{NEITHER}]"), 1),
        (&*format!("[{IMAGE}]"), 1),
        (&*format!("[{TEXT},{IMAGE}]"), 0),
        (&*format!("[{IMAGE},{NEITHER},{TEXT},{IMAGE}]"), 0),
    ] {
        // Each message has its own: what one has, the others may lack.
        let (full, message) = (r#"{"content":"c"}"#, format!(r#"{{"content":{content}}}"#));
        assert_eq!(lacks(&[full, &message, full, &message], 0), 2 * missing, "{content}");
        assert_eq!(lacks(&["{}", &message], 0), 1 + missing, "{content}");
    }
    // A list within a list says nothing about the one around it, nor that about what is within.
    for (parts, around, within) in [
        (r#"{"content":[]}"#, 1, 1),
        (r#"{"text":"t","content":[]}"#, 0, 1),
        (r#"{"content":[],"text":"t"}"#, 0, 1),
        (r#"{"content":[{"text":"t"}]}"#, 1, 0),
        (r#"{"text":"t","content":[{"text":"t"}]}"#, 0, 0),
        (r#"{"text":"t","content":[{"type":"text"}]}, {"text":"t"}"#, 0, 2),
    ] {
        let message = format!(r#"{{"content":[{parts}]}}"#);
        assert_eq!((lacks(&[&message], 0), lacks(&[&message], 2)), (around, within), "{parts}");
    }
}

#[test]
fn arguments_of_tools_are_walked_within_their_string() {
    let walker = walker(Format::OpenaiChat, Direction::Request, &CHAT, Undeclared::LeaveOut);
    let call = |arguments: &str| {
        let arguments = serde_json::to_string(arguments).unwrap();
        format!(
            r#"{{"model":"m","messages":[{{"role":"assistant","content":null,"tool_calls":[{{"function":{{"name":"find","arguments":{arguments}}}}}]}}]}}"#
        )
    };
    let body = call(r#"{"email": "ada@example.org", "filters":["a","b"]}"#);
    let mut acting = doing(&[]);
    assert_eq!(walked(&walker, &body, &mut acting).unwrap(), body);
    let second = Told::Value(5, vec![0, 0, 1], Kind::String, "b".into());
    assert!(acting.told.contains(&second), "{:?}", acting.told);
    let mut acting = doing(&[Act::Keep, Act::Keep, Act::Keep, Act::Keep, Act::Leave]);
    let out = walked(&walker, &call(r#"{"email": "ada@example.org", "ssn":"1"}"#), &mut acting).unwrap();
    assert_eq!(out, call("{}"));
    assert_eq!(acting.undeclared_keys(), 1);
    for arguments in ["", "no", "[]", r#"{"email":"a","email":"b"}"#, r#"{"email":{}}"#] {
        assert!(walked(&walker, &call(arguments), &mut doing(&[])).is_err(), "{arguments}");
    }
}

#[test]
fn a_path_that_has_no_place_is_told() {
    let compile = |format, names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|name| Path::parse(name).unwrap()).collect();
        let declared = Declared { paths: &paths, undeclared: Undeclared::Refuse, rows: None };
        Walker::compile(format, Direction::Request, declared).map(drop)
    };
    assert!(matches!(compile(Format::Mlflow, &["[*].a"]), Err(Clash::NoPlace { field: FieldId(0), .. })));
    assert!(matches!(
        compile(Format::Mlflow, &["a", "tags[*]"]),
        Err(Clash::NoPlace { field: FieldId(1), .. })
    ));
    assert!(matches!(compile(Format::Mlflow, &["a.b", "['a.b']"]), Err(Clash::Twice { .. })));
    assert!(compile(Format::TfServing, &["a", "tags[*]", "image[*][*][*]"]).is_ok());
    let both = ["messages[*].tool_calls[*].function.arguments", CHAT[4]];
    assert!(matches!(compile(Format::OpenaiChat, &both), Err(Clash::Within { .. })));
}
