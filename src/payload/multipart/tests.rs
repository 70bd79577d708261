//! Bodies built part by part, and what becomes of each; then the attacks.

use proptest::prelude::*;

use super::super::acting::{Act, Acting, CAPS, Halt, Told, compile, named, paths, reason, replace, walk};
use crate::payload::{Cap, Caps, Clash, Envelope, Format, Kind, Path, Stop, Undeclared};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\xff\r\n--";

fn envelope(boundary: &str) -> Envelope {
    Envelope { boundary: Some(boundary.into()), ..Envelope::default() }
}

fn run(body: &[u8], fields: &[&str], acting: &mut Acting) -> Result<String, Stop<Halt>> {
    let (out, envelope) = walk(Format::Multipart, body, &envelope("b"), &paths(fields), &CAPS, acting)?;
    let boundary = envelope.boundary.unwrap();
    assert!(boundary.len() == 32 && !body.windows(32).any(|part| part == boundary.as_bytes()));
    Ok(String::from_utf8_lossy(&out).replace(&*boundary, "B"))
}

fn kept(body: &[u8], fields: &[&str]) -> Result<String, Stop<Halt>> {
    run(body, fields, &mut Acting::keeping(fields.len()))
}

/// A body of heads and contents.
fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(b"--b\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

fn text(name: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"")
}

fn file(name: &str, media: &str) -> String {
    format!(
        "Content-Disposition: form-data; name=\"{name}\"; filename=\"Ada King.exe\"\r\nContent-Type: {media}"
    )
}

#[test]
fn contents_are_copied_and_heads_are_written_anew() {
    let odd = "content-type: text/plain; charset=UTF-8\r\nX-Who: Ada\r\nContent-Transfer-Encoding: 8BIT\r\ncontent-disposition:form-data ;name=b ";
    let mut whole = b"a preamble\r\n".to_vec();
    whole.extend(body(&[(&text("a"), " é\r\n-- ".as_bytes()), (odd, b"--b"), (&text("c"), b"")]));
    whole.extend_from_slice(b"an epilogue\r\n--b\r\n");
    let mut acting = Acting::keeping(3);
    let out = run(&whole, &["a", "b", "c"], &mut acting).unwrap();
    let head = |name: &str| format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    assert_eq!(out, format!("{} é\r\n-- \r\n{}--b\r\n{}\r\n--B--\r\n", head("a"), head("b"), head("c")));
    assert_eq!(acting.values(), [" é\r\n-- ", "--b", ""]);
}

#[test]
fn a_file_is_told_as_its_data_url_and_named_by_its_field() {
    let whole = body(&[(&file("scan.front", "Image/PNG; x=y"), PNG), (&text("a"), b"1")]);
    let mut acting = Acting::keeping(2);
    let (out, _) =
        walk(Format::Multipart, &whole, &envelope("b"), &paths(&["scan.front", "a"]), &CAPS, &mut acting)
            .unwrap();
    let url = "data:image/png;base64,iVBORw0KGgoA/w0KLS0=";
    assert_eq!(acting.told[0], Told::Value(0, vec![], Kind::File, url.into()));
    let head = "name=\"scan.front\"; filename=\"scan.front.png\"\r\nContent-Type: image/png\r\n\r\n";
    let part = [head.as_bytes(), PNG, b"\r\n--"].concat();
    assert!(out.windows(part.len()).any(|window| window == part));
    assert!(!String::from_utf8_lossy(&out).contains("Ada"));
    // A part that says another media type than text is a file, whether or not it has a name.
    let blob = format!("{}\r\nContent-Type: application/json", text("a"));
    let mut acting = Acting::keeping(1);
    let out = run(&body(&[(&blob, b"{}")]), &["a"], &mut acting).unwrap();
    assert!(
        matches!(&acting.told[0], Told::Value(0, _, Kind::File, url) if url == "data:application/json;base64,e30=")
    );
    assert!(out.contains("filename=\"a.json\""), "{out}");
    let out = kept(&body(&[(&file("..ä", "x/y"), b"1")]), &["['..ä']"]).unwrap();
    assert!(out.contains("name=\"..ä\"; filename=\"_.bin\""), "{out}");
}

#[test]
fn parts_go_or_are_others() {
    let whole =
        body(&[(&text("a"), b"1"), (&file("x", "x/y"), b"2"), (&text("b"), b"3"), (&file("f", "x/y"), b"4")]);
    let fields = ["a", "b", "f"];
    let part = |name: &str, text: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let act = |a, b| {
        let mut acting = Acting::new(vec![vec![a], vec![b], vec![Act::Leave]], Undeclared::LeaveOut);
        run(&whole, &fields, &mut acting)
    };
    assert_eq!(act(Act::Leave, replace("x\r\n--b")).unwrap(), part("b", "x\r\n--b") + "--B--\r\n");
    assert_eq!(act(Act::Leave, Act::Leave).unwrap(), "--B--\r\n");
    let null = Act::Replace(Kind::Null, "null".into());
    assert_eq!(act(null, Act::Keep).unwrap(), part("a", "") + &part("b", "3") + "--B--\r\n");
    let mut acting =
        Acting::new(vec![vec![Act::Keep], vec![Act::Keep], vec![replace("x")]], Undeclared::LeaveOut);
    assert!(matches!(run(&whole, &fields, &mut acting), Err(Stop::Unfit(_))), "a text is no file");
    let mut acting = Acting::keeping(3);
    acting.undeclared = Undeclared::Refuse;
    assert_eq!(run(&whole, &fields, &mut acting), Err(Stop::Visitor(Halt::Undeclared)));
}

#[test]
fn a_name_comes_again_only_where_the_path_says_so() {
    let whole = body(&[(&text("t"), b"1"), (&text("n"), b"2"), (&text("t"), b"3")]);
    let mut acting = Acting::keeping(3);
    run(&whole, &["t[*]", "n", "m"], &mut acting).unwrap();
    let value = |field, at: &[u32], text: &str| Told::Value(field, at.to_vec(), Kind::Untyped, text.into());
    assert_eq!(acting.told, [value(0, &[0], "1"), value(1, &[], "2"), value(0, &[1], "3"), Told::Missing(2)]);
    for fields in [&["t", "n"][..], &["n"]] {
        assert_eq!(reason(kept(&whole, fields)), Some("a name stands twice"));
    }
    for path in ["a[*].b", "['a\"']", "['a\\\\']", "['a%22']", "['a\\n']"] {
        let clash = compile(Format::Multipart, &paths(&[path]), Undeclared::Refuse);
        assert!(matches!(clash, Err(Clash::NoPlace { .. })), "{path}");
    }
}

#[test]
fn what_nobody_chose_is_not_there_where_it_may_lack() {
    let unchosen =
        "Content-Disposition: form-data; name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream";
    let whole = body(&[(unchosen, b""), (&text("a"), b"")]);
    let mut acting = Acting::keeping(2);
    acting.may_lack = vec![0, 1];
    let out = run(&whole, &["f", "a"], &mut acting).unwrap();
    assert_eq!(out, "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--B--\r\n");
    assert_eq!(acting.told, [Told::Missing(0), Told::Missing(1)]);
    // Where it must be there it is what is missing, and no empty file: whoever decides is told so.
    let mut acting = Acting::keeping(2);
    run(&whole, &["f", "a"], &mut acting).unwrap();
    assert_eq!(acting.told.first(), Some(&Told::Missing(0)));
    assert_eq!(acting.values(), [""]);
    let mut acting = Acting::keeping(1);
    run(&body(&[(unchosen, b"")]), &["f[*]"], &mut acting).unwrap();
    assert_eq!(acting.values(), ["data:application/octet-stream;base64,"]);
}

#[test]
fn what_readers_take_differently_is_refused() {
    let part = |head: &str| body(&[(head, b"1")]);
    for (head, why) in [
        ("X-A: b", "a part has no Content-Disposition"),
        ("Content-Disposition: form-data", "a part has no name"),
        ("Content-Disposition: form-data; filename=x", "a part has no name"),
        ("Content-Disposition: attachment; name=a", "a part is not of a form"),
        ("Content-Disposition: form-data; name=a; name=b", "a part's Content-Disposition cannot be read"),
        ("Content-Disposition: form-data; name*=utf-8''a", "a part's Content-Disposition cannot be read"),
        ("Content-Disposition: form-data; name=\"a\\\"b\"", "a part's Content-Disposition cannot be read"),
        (
            "Content-Disposition: form-data; name=a; filename=\"x\\\"; name=\"b\"",
            "a part's Content-Disposition cannot be read",
        ),
        ("Content-Disposition: form-data; name=\"a\" b", "a part's Content-Disposition cannot be read"),
        ("Content-Disposition: form-data; name=\"a", "a part's Content-Disposition cannot be read"),
        ("Content-Disposition: form-data; name=a b", "a part's Content-Disposition cannot be read"),
        (
            "Content-Disposition: form-data; name=\"a%22\"",
            "a part's name has quotes, backslashes, percent signs or control characters",
        ),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
            "a part's head says one thing twice",
        ),
        ("Content-Disposition: form-data;\r\n name=a", "a line of a part's head has no colon"),
        ("Content-Disposition : form-data; name=a", "a line of a part's head has no name"),
        (
            "Content-Disposition: form-data; name=a\nX: y",
            "a part's head is not valid UTF-8, or has a control character",
        ),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
            "a part's content is encoded",
        ),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; boundary=c",
            "a part has parts of its own",
        ),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=utf-16",
            "a text is in another charset than UTF-8",
        ),
        ("Content-Disposition: form-data; name=a\r\nContent-Type: x", "a part's Content-Type cannot be read"),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Type: x/y\"",
            "a part's Content-Type cannot be read",
        ),
    ] {
        assert_eq!(reason(kept(&part(head), &["a"])), Some(why), "{head}");
    }
    let a = "--b\r\nContent-Disposition: form-data; name=a";
    for (whole, why) in [
        ("".to_owned(), "there is no boundary"),
        ("--c--\r\n".to_owned(), "there is no boundary"),
        ("x--b\r\n".to_owned(), "there is no boundary"),
        (format!("{a}\r\n\r\n1"), "the last boundary is missing"),
        (format!("{a}\r\n\r\n1\n--b--"), "the last boundary is missing"),
        (format!("{a}\r\n\r\n--b--"), "the last boundary is missing"),
        (format!("{a}\r\n\r\n1\r\n--b--x"), "a boundary has something behind it"),
        (format!("{a}\r\n\r\n1\r\n--bc\r\n\r\n--b--"), "a boundary has something behind it"),
        (format!("{a}\r\n\r\n1\r\n--b \r\n"), "a boundary has something behind it"),
        (format!("{a}\r\n\r\n1\r\n--b\n"), "a boundary has something behind it"),
        (format!("{a}\r\n--b--"), "a part's head is too long, or does not end"),
        (format!("{a}\r\n--b--\r\n"), "a line of a part's head has no colon"),
        (format!("{a}{}\r\n\r\n1\r\n--b--", "\r\nX: y".repeat(16)), "a part's head has too many lines"),
        (
            format!("{a}\r\nX: {}\r\n\r\n1\r\n--b--", "y".repeat(9000)),
            "a part's head is too long, or does not end",
        ),
        (format!("{a}\r\n\r\n\0\r\n--b--"), "a text is not valid UTF-8, or has a NUL"),
    ] {
        assert_eq!(reason(kept(whole.as_bytes(), &["a"])), Some(why), "{whole}");
    }
    assert!(kept(format!("{a}{}\r\n\r\n1\r\n--b--", "\r\nX: y".repeat(15)).as_bytes(), &["a"]).is_ok());
    assert_eq!(
        reason(kept(&body(&[(&text("a"), b"\xff")]), &["a"])),
        Some("a text is not valid UTF-8, or has a NUL")
    );
    let without =
        walk(Format::Multipart, b"", &Envelope::default(), &paths(&["a"]), &CAPS, &mut Acting::keeping(1));
    assert_eq!(reason(without), Some("the boundary is not said"));
    assert_eq!(kept(b"--b--", &["a"]).unwrap(), "--B--\r\n");
}

#[test]
fn caps_hold_at_their_edge() {
    let whole = body(&[(&text("t"), b"1"), (&text("t"), b"2"), (&text("x"), b"3")]);
    let run = |caps: Caps| {
        walk(Format::Multipart, &whole, &envelope("b"), &paths(&["t[*]"]), &caps, &mut Acting::keeping(1))
            .map(drop)
    };
    assert!(run(Caps { bytes: whole.len(), members: 3, rows: 2, ..CAPS }).is_ok());
    for (caps, cap) in [
        (Caps { bytes: whole.len() - 1, ..CAPS }, Cap::Bytes),
        (Caps { members: 2, ..CAPS }, Cap::Members),
        (Caps { rows: 1, ..CAPS }, Cap::Rows),
    ] {
        assert_eq!(run(caps), Err(Stop::TooLarge(cap)));
    }
}

#[test]
fn a_body_cut_anywhere_is_refused() {
    let whole = body(&[(&text("a"), b"1"), (&file("f", "image/png"), PNG)]);
    for cut in 0..whole.len() - 2 {
        assert!(reason(kept(&whole[..cut], &["a", "f"])).is_some(), "{cut}");
    }
}

proptest! {
    /// What is written is read as it was told, part by part, also where contents look like boundaries.
    #[test]
    fn what_is_written_is_read_again(
        contents in proptest::collection::vec("(\r\n|--|b|-|\n|é|[ -~]){0,8}", 0..6),
        files in proptest::collection::vec(any::<bool>(), 6),
        acts in proptest::collection::vec(prop_oneof![3 => Just(Act::Keep), 1 => Just(Act::Leave)], 6),
    ) {
        prop_assume!(contents.iter().all(|content| !format!("\r\n{content}\r\n").contains("\r\n--b")));
        let names: Vec<String> = (0..contents.len()).map(|n| format!("n{n}")).collect();
        let heads: Vec<String> =
            names.iter().zip(&files).map(|(name, is_file)| if *is_file { file(name, "x/y") } else { text(name) }).collect();
        let parts: Vec<(&str, &[u8])> =
            heads.iter().zip(&contents).map(|(head, content)| (head.as_str(), content.as_bytes())).collect();
        let fields: Vec<Path> = names.iter().map(|name| named(name)).collect();
        let mut first = Acting::new(acts.iter().take(names.len()).map(|act| vec![act.clone()]).collect(), Undeclared::Refuse);
        let (out, envelope) = walk(Format::Multipart, &body(&parts), &envelope("b"), &fields, &CAPS, &mut first).unwrap();
        prop_assert_eq!(first.told.len(), names.len());
        let mut again = Acting::keeping(names.len());
        walk(Format::Multipart, &out, &envelope, &fields, &CAPS, &mut again).unwrap();
        let mut expected: Vec<Told> = Vec::new();
        let mut lacking: Vec<Told> = Vec::new();
        for (number, told) in first.told.iter().enumerate() {
            if acts[number] == Act::Keep { expected.push(told.clone()); } else { lacking.push(Told::Missing(number as u16)); }
        }
        expected.extend(lacking);
        prop_assert_eq!(again.told, expected);
    }
}
