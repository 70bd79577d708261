//! The walk over forms beside crate `form_urlencoded`, then the attacks.

use form_urlencoded::Serializer;
use proptest::prelude::*;

use super::super::acting::{Act, Acting, CAPS, Halt, Told, named, paths, reason, replace, text, walk};
use crate::payload::{Cap, Caps, Envelope, Format, Kind, Path, Step, Stop, Undeclared};

fn run(body: &str, fields: &[&str], acting: &mut Acting) -> Result<String, Stop<Halt>> {
    text(Format::Form, body, &paths(fields), acting)
}

fn kept(body: &str, fields: &[&str]) -> Result<String, Stop<Halt>> {
    run(body, fields, &mut Acting::keeping(fields.len()))
}

fn read(body: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[test]
fn an_untouched_form_is_the_same_bytes() {
    for body in ["", "a=1", "a=%41+b%2b&b=", "b=x=y&%61=1", "a=*-._~!'()&b=%c3%a9"] {
        assert_eq!(kept(body, &["a", "b"]).unwrap(), body);
    }
}

#[test]
fn names_and_values_mean_what_they_are_unescaped() {
    let mut acting = Acting::keeping(2);
    let body = "first+name=Ada+%26+%3bco&customer%2Eage=36";
    assert_eq!(run(body, &["['first name']", "customer.age"], &mut acting).unwrap(), body);
    let value = |field, text: &str| Told::Value(field, vec![], Kind::Untyped, text.into());
    assert_eq!(acting.told, [value(0, "Ada & ;co"), value(1, "36")]);
}

#[test]
fn pairs_go_with_one_ampersand_and_others_are_encoded() {
    let body = "a=1&x=2&b=3&c=4";
    assert_eq!(kept(body, &["a", "b", "c"]).unwrap(), "a=1&b=3&c=4");
    for (acts, expected) in [
        ([Act::Leave, Act::Keep, Act::Keep], "b=3&c=4"),
        ([Act::Keep, Act::Leave, Act::Keep], "a=1&c=4"),
        ([Act::Keep, Act::Keep, Act::Leave], "a=1&b=3"),
        ([Act::Leave, Act::Leave, Act::Leave], ""),
        (
            [replace("é &=+;%"), replace(""), Act::Replace(Kind::Null, "null".into())],
            "a=%C3%A9+%26%3D%2B%3B%25&b=&c=",
        ),
    ] {
        let mut acting = Acting::new(acts.map(|act| vec![act]).into(), Undeclared::LeaveOut);
        assert_eq!(run(body, &["a", "b", "c"], &mut acting).unwrap(), expected);
    }
    let mut acting = Acting::keeping(1);
    acting.undeclared = Undeclared::Refuse;
    assert_eq!(run(body, &["a"], &mut acting), Err(Stop::Visitor(Halt::Undeclared)));
}

#[test]
fn a_name_comes_again_only_where_the_path_says_so() {
    let mut acting = Acting::keeping(2);
    assert_eq!(run("t=a&n=1&t=b", &["t[*]", "n"], &mut acting).unwrap(), "t=a&n=1&t=b");
    let value = |field, at: &[u32], text: &str| Told::Value(field, at.to_vec(), Kind::Untyped, text.into());
    assert_eq!(acting.told, [value(0, &[0], "a"), value(1, &[], "1"), value(0, &[1], "b")]);
    for body in ["n=1&n=2", "n=1&%6e=2", "x=1&x=2", "x=1&%78=1&n=1", "+=1&%20=2"] {
        assert_eq!(reason(kept(body, &["t[*]", "n"])), Some("a name stands twice"), "{body}");
    }
    let mut acting = Acting::keeping(2);
    assert_eq!(run("", &["t[*]", "n"], &mut acting).unwrap(), "");
    assert_eq!(acting.told, [Told::Missing(0), Told::Missing(1)]);
}

#[test]
fn an_empty_value_is_not_there_where_one_may_lack() {
    let mut acting = Acting::new(vec![vec![replace("x")], vec![replace("y")]], Undeclared::Refuse);
    acting.may_lack = vec![0];
    assert_eq!(run("a=&b=", &["a", "b"], &mut acting).unwrap(), "a=&b=y");
    assert_eq!(acting.told[0], Told::Missing(0));
}

#[test]
fn what_readers_take_differently_is_refused() {
    for (body, why) in [
        ("a", "a name has no `=` behind it"),
        ("a=1&b", "a name has no `=` behind it"),
        ("&", "a pair is empty"),
        ("&a=1", "a pair is empty"),
        ("a=1&", "a pair is empty"),
        ("a=1&&b=2", "a pair is empty"),
        ("a=1;b=2", "a semicolon is not escaped, and some readers take it for the end of a pair"),
        ("a=%", "an escape is not two hexadecimal digits"),
        ("a=%4", "an escape is not two hexadecimal digits"),
        ("a=%4g", "an escape is not two hexadecimal digits"),
        ("a=%+1", "an escape is not two hexadecimal digits"),
        ("%zz=1", "an escape is not two hexadecimal digits"),
        ("a=%u0041", "an escape is not two hexadecimal digits"),
        ("a=%00", "an escaped NUL"),
        ("a%00=1", "an escaped NUL"),
        ("a=%ff", "an escaped text is not valid UTF-8"),
        ("a=%ed%a0%80", "an escaped text is not valid UTF-8"),
        ("%c3=1", "an escaped text is not valid UTF-8"),
        ("a=%c0%80", "an escaped text is not valid UTF-8"),
        ("a=b c", "a byte that must be escaped is not"),
        ("a=é", "a byte that must be escaped is not"),
        ("a=1\r\n", "a byte that must be escaped is not"),
        ("\u{feff}a=1", "a byte that must be escaped is not"),
    ] {
        assert_eq!(reason(kept(body, &["a", "b"])), Some(why), "{body}");
    }
}

#[test]
fn caps_hold_at_their_edge() {
    let run = |caps: Caps| {
        let fields = paths(&["t[*]"]);
        walk(Format::Form, b"t=1&t=2&x=3", &Envelope::default(), &fields, &caps, &mut Acting::keeping(1))
            .map(drop)
    };
    assert!(run(Caps { bytes: 11, members: 3, rows: 2, ..CAPS }).is_ok());
    for (caps, cap) in [
        (Caps { bytes: 10, ..CAPS }, Cap::Bytes),
        (Caps { members: 2, ..CAPS }, Cap::Members),
        (Caps { rows: 1, ..CAPS }, Cap::Rows),
    ] {
        assert_eq!(run(caps), Err(Stop::TooLarge(cap)));
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![2 => Just(Act::Keep), 1 => Just(Act::Leave), 1 => "(?s).{0,4}".prop_map(|text| replace(&text))]
}

proptest! {
    #[test]
    fn the_walk_does_what_is_done_pair_by_pair(
        pairs in proptest::collection::vec(("[ab é&=]{1,2}", "[^\u{0}]{0,5}"), 0..8),
        acts in proptest::collection::vec(act(), 9),
        left in any::<bool>(),
    ) {
        let mut pairs = pairs;
        let mut names: Vec<String> = Vec::new();
        pairs.retain(|(name, _)| {
            let new = !names.contains(name);
            if new { names.push(name.clone()); }
            new
        });
        let body = Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let known: Vec<String> = names.iter().skip(usize::from(left)).cloned().collect();
        let fields: Vec<Path> = known.iter().map(|name| named(name)).collect();
        let mut acting = Acting::new((0..known.len()).map(|n| vec![acts[n].clone()]).collect(), Undeclared::LeaveOut);
        let out = text(Format::Form, &body, &fields, &mut acting).unwrap();
        let mut expected = Vec::new();
        for (name, value) in &pairs {
            let Some(place) = known.iter().position(|known| known == name) else { continue };
            match &acts[place] {
                Act::Keep => expected.push((name.clone(), value.clone())),
                Act::Leave => {}
                Act::Replace(_, text) => expected.push((name.clone(), text.clone())),
            }
        }
        prop_assert_eq!(read(&out), expected.clone());
        // Both write what the URL standard's serialiser writes.
        prop_assert_eq!(out, Serializer::new(String::new()).extend_pairs(expected).finish());
    }

    /// Whatever is let through, another reader takes it as the visitor was told.
    #[test]
    fn another_reader_sees_the_same_pairs(body in "([ab=&;%+]|%4[1-3g]|%C3%A9|%FF|%00){0,12}") {
        let fields: Vec<Path> = ["a", "b", "A", "é", ""].map(named).into();
        let mut acting = Acting::keeping(5);
        let Ok(out) = text(Format::Form, &body, &fields, &mut acting) else { return Ok(()) };
        let known = |name: &str| fields.iter().any(|path| path.steps() == [Step::Member(name.into())]);
        let expected: Vec<_> = read(&body).into_iter().filter(|(name, _)| known(name)).collect();
        prop_assert_eq!(acting.values(), expected.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>());
        prop_assert_eq!(read(&out), expected);
    }
}
