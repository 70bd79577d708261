use http::HeaderValue;

use super::*;
use crate::check::{Check, RuleKind, Rules};
use crate::payload::Kind;
use crate::plan::Param;

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
