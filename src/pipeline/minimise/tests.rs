use http::HeaderValue;

use super::*;
use crate::check::{Check, RuleKind, Rules};
use crate::payload::{Cap, Kind, Malformed};
use crate::plan::Param;
use crate::telemetry::Causes;

fn param(name: &str, required: bool, one_of: &[&str]) -> Param {
    let one_of = one_of.iter().map(|value| (*value).to_owned()).collect();
    let rules = Rules { kind: Some(RuleKind::String), one_of, ..Rules::default() };
    Param {
        name: name.into(),
        required,
        check: Check::compile(&rules).unwrap(),
        kind: Kind::String,
        field: None,
    }
}

#[test]
fn of_an_answers_headers_only_declared_ones_pass_and_only_as_declared() {
    let came = |values: &[(&'static str, &'static str)]| -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in values {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    };
    let declared = [param("x-model", true, &["a", "b"]), param("x-note", false, &[])];
    let passed = headers(&declared, &came(&[("x-model", "a"), ("server", "uvicorn"), ("set-cookie", "a=b")]));
    assert_eq!(passed.unwrap(), came(&[("x-model", "a")]));
    for refused in [
        &[("x-model", "c")][..],
        &[("x-note", "a")],
        &[("x-model", "a"), ("x-model", "b")],
        &[("x-model", "a"), ("x-note", "\u{e9}")],
    ] {
        let mut map = HeaderMap::new();
        for (name, value) in refused {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        assert!(headers(&declared, &map).is_err(), "{refused:?}");
    }
}

#[test]
fn the_log_says_of_an_answer_what_a_request_would_be_told_and_its_caller_nothing() {
    let malformed = Malformed { offset: 17, reason: "a key stands twice in one object" };
    let undeclared = Rejection::new(Problem::FieldNotPermitted)
        .detail("The body has a field that the policy does not declare.");
    let caps = Caps { bytes: 1, depth: 1, members: 1, rows: 5 };
    let invalid = Rejection::new(Problem::FieldInvalid).field("score").detail("It must be at most 1.");
    for (rejection, field, cause) in [
        (
            refusal(Format::Json, &caps, Stop::Malformed(malformed)),
            None,
            "request-malformed: The body is not JSON: a key stands twice in one object at byte 17",
        ),
        (
            undeclared.because("the cause of it"),
            None,
            "field-not-permitted: The body has a field that the policy does not declare: the cause of it",
        ),
        (
            refusal(Format::Csv, &caps, Stop::TooLarge(Cap::Rows)),
            None,
            "payload-too-large: The body has more than 5 rows",
        ),
        (invalid, Some("score"), "field-invalid at `score`: It must be at most 1"),
    ] {
        let told = refused(rejection);
        assert_eq!((told.problem, told.detail), (Problem::UpstreamAnswerRefused, None));
        assert_eq!(told.field.as_deref(), field);
        assert_eq!(Causes(&*told.cause.unwrap()).to_string(), cause);
    }
}
