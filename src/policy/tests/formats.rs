//! Fields that a format has no place for, and files.

use insta::assert_snapshot;

use super::support::Folder;
use crate::policy::Code;

const ACTIVITY: &str = "favourites.yaml";

/// The shipped activity with one more field in its request, sent in a format.
fn with_field(payload: &str, field: &str) -> Folder {
    Folder::shipped().change(ACTIVITY, "payload: json ", &format!("payload: {payload} ")).change(
        ACTIVITY,
        "    first_name:",
        &format!("    {field}\n    first_name:"),
    )
}

#[test]
fn what_a_format_has_no_place_for_is_told_where_it_stands() {
    let file =
        |rules: &str| format!("scan: {{ category: pd:Picture, type: file, {rules}stored: encrypted }}");
    let leave = "upstream: leave_out, ";
    let text = "{ category: pd:Preference, type: string, upstream: unchanged }";
    let mut lines = String::new();
    for (name, payload, field) in [
        ("a column of lists", "csv", format!("\"tags[*]\": {text}")),
        ("a column of two names", "csv", format!("\"['first_name']\": {text}")),
        ("pairs within pairs", "form", format!("\"tags[*].name\": {text}")),
        ("a part whose name needs escapes", "multipart", format!("\"['a\\\"b']\": {text}")),
        ("more than one text", "text", format!("note: {text}")),
        ("a file in JSON", "json", file(leave)),
        ("a file in a form", "form", file(leave)),
        ("a pattern of a file", "multipart", file(&format!("{leave}pattern: x, "))),
        ("a pseudonym of a file", "multipart", file("upstream: pseudonymize, ")),
        ("no media type", "multipart", file(&format!("{leave}media: [Image/PNG], "))),
        ("no size", "multipart", file(&format!("{leave}length: 1..5MB, "))),
        (
            "a media type of a text",
            "multipart",
            "note: { category: pd:Opinion, type: string, media: [text/plain], upstream: unchanged }"
                .to_owned(),
        ),
    ] {
        lines.push_str(&format!("# {name}\n{}\n", with_field(payload, &field).lines()));
    }
    let query = "    query: { scan: { type: file } }\n    payload: json ";
    let folder = Folder::shipped().change(ACTIVITY, "    payload: json ", query);
    lines.push_str(&format!("# a file in a query\n{}\n", folder.lines()));
    let folder = Folder::shipped().change(ACTIVITY, "prediction: { type: string", "prediction: { type: file");
    lines.push_str(&format!("# a file in an answer\n{}\n", folder.lines()));
    assert_snapshot!("formats", lines);
}

#[test]
fn no_call_may_ask_for_an_answer_that_is_streamed() {
    let found = |payload: &str, rules: &str| {
        let stream = format!("stream: {{ category: pd:Preference, required: false, {rules} }}");
        with_field(payload, &stream).codes()
    };
    let chat = "{ request: openai-chat, response: json }";
    for rules in [
        "type: boolean, upstream: unchanged",
        "type: boolean, nullable: true, upstream: unchanged",
        "type: boolean, one_of: [\"true\", \"false\"], upstream: unchanged",
        "type: string, upstream: unchanged",
        "type: integer, range: 0..1, upstream: unchanged",
    ] {
        assert_eq!(found(chat, rules), [Code::StreamAsked], "{rules}");
        assert_eq!(found("json", rules), [], "{rules}");
    }
    for rules in [
        "type: boolean, one_of: [\"false\"], upstream: unchanged",
        "type: boolean, one_of: [\"false\"], nullable: true, upstream: unchanged",
        "type: boolean, upstream: leave_out",
        "type: boolean, upstream: refuse_if_present",
        "type: boolean",
    ] {
        assert_eq!(found(chat, rules), [], "{rules}");
    }
}

#[test]
fn each_format_loads() {
    for payload in ["json", "ndjson", "csv", "form", "multipart", "{ request: csv, response: json }"] {
        let folder = Folder::shipped().change(ACTIVITY, "payload: json ", &format!("payload: {payload} "));
        assert_eq!(folder.codes(), [], "{payload}: {}", folder.found());
    }
    let file = "scan: { category: pd:Picture, type: file, length: 1..5MiB, media: [image/png], upstream: leave_out, stored: encrypted }";
    assert_eq!(with_field("multipart", file).codes(), []);
    let folder =
        Folder::shipped().change(ACTIVITY, "payload: json ", "payload: { request: form, response: csv } ");
    assert_eq!(folder.codes(), []);
    let folder = Folder::shipped().change(ACTIVITY, "payload: json ", "payload: text ");
    assert_eq!(folder.codes().first(), Some(&Code::FieldClash));
}
