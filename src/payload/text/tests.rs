use super::super::acting::{Act, Acting, CAPS, Halt, Told, compile, paths, reason, replace, text, walk};
use crate::payload::{Cap, Caps, Clash, Envelope, Format, Kind, Stop, Undeclared};

fn run(body: &str, act: Act) -> Result<String, Stop<Halt>> {
    text(Format::Text, body, &paths(&["text"]), &mut Acting::new(vec![vec![act]], Undeclared::Refuse))
}

#[test]
fn the_whole_body_is_the_field() {
    for body in ["", "My IBAN is FR76…\r\n", "42", "{\"a\":1}"] {
        let mut acting = Acting::keeping(1);
        assert_eq!(text(Format::Text, body, &paths(&["text"]), &mut acting).unwrap(), body);
        assert_eq!(acting.told, [Told::Value(0, vec![], Kind::Untyped, body.into())]);
        assert_eq!(run(body, Act::Leave).unwrap(), "");
        assert_eq!(run(body, replace("[redacted]")).unwrap(), "[redacted]");
        assert_eq!(run(body, Act::Replace(Kind::Null, "null".into())).unwrap(), "");
    }
    let mut acting = Acting::keeping(1);
    acting.may_lack = vec![0];
    assert_eq!(text(Format::Text, "", &paths(&["text"]), &mut acting).unwrap(), "");
    assert_eq!(acting.told, [Told::Missing(0)]);
}

#[test]
fn there_is_no_other_field() {
    for path in ["a", "text.a", "text[*]", "[*]"] {
        let clash = compile(Format::Text, &paths(&[path]), Undeclared::Refuse);
        assert!(matches!(clash, Err(Clash::NoPlace { .. })), "{path}");
    }
    let twice = compile(Format::Text, &paths(&["text", "['text']"]), Undeclared::Refuse);
    assert!(matches!(twice, Err(Clash::Twice { .. })));
    let undeclared = |undeclared, body| {
        let mut acting = Acting::keeping(0);
        acting.undeclared = undeclared;
        text(Format::Text, body, &[], &mut acting)
    };
    assert_eq!(undeclared(Undeclared::LeaveOut, "x"), Ok(String::new()));
    assert_eq!(undeclared(Undeclared::Refuse, ""), Ok(String::new()));
    assert_eq!(undeclared(Undeclared::Refuse, "x"), Err(Stop::Visitor(Halt::Undeclared)));
}

#[test]
fn it_is_utf_8_without_a_mark() {
    assert_eq!(reason(run("\u{feff}x", Act::Keep)), Some("the body begins with a byte order mark"));
    let bytes = |body: &[u8], caps: &Caps| {
        walk(Format::Text, body, &Envelope::default(), &paths(&["text"]), caps, &mut Acting::keeping(1))
            .map(drop)
    };
    assert_eq!(reason(bytes(b"\xff", &CAPS)), Some("the body is not valid UTF-8"));
    assert_eq!(bytes(b"abc", &Caps { bytes: 3, ..CAPS }), Ok(()));
    assert_eq!(bytes(b"abcd", &Caps { bytes: 3, ..CAPS }), Err(Stop::TooLarge(Cap::Bytes)));
}
