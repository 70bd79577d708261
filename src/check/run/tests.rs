use proptest::prelude::*;

use super::*;
use crate::check::{Range, RefuseKind, Rules, RulesError};

fn string(text: &str) -> Value<'_> {
    Value { kind: Kind::String, text }
}

fn integer(text: &str) -> Value<'_> {
    Value { kind: Kind::Integer, text }
}

fn number(text: &str) -> Value<'_> {
    Value { kind: Kind::Number, text }
}

const TRUE: Value<'static> = Value { kind: Kind::Boolean, text: "true" };
const NULL: Value<'static> = Value { kind: Kind::Null, text: "null" };

fn compile(rules: Rules) -> Check {
    Check::compile(&rules).unwrap()
}

fn typed(kind: RuleKind) -> Rules {
    Rules { kind: Some(kind), ..Rules::default() }
}

fn range(min: Option<&str>, max: Option<&str>) -> Option<Range> {
    Some(Range { min: min.map(str::to_owned), max: max.map(str::to_owned) })
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// The word that refuses the value, or "" where none does.
fn word(check: &Check, value: Value<'_>) -> &'static str {
    check.run(value).map_or_else(|invalid| invalid.word, |_| "")
}

#[test]
fn each_type_takes_its_kinds() {
    let values = [string("1"), integer("1"), number("1.0"), TRUE, NULL];
    for (kind, taken) in [
        (RuleKind::String, [true, false, false, false, false]),
        (RuleKind::Integer, [false, true, false, false, false]),
        (RuleKind::Number, [false, true, true, false, false]),
        (RuleKind::Boolean, [false, false, false, true, false]),
    ] {
        let check = compile(typed(kind));
        assert_eq!(values.map(|value| check.run(value).is_ok()), taken, "{kind:?}");
        let nullable = compile(Rules { nullable: true, ..typed(kind) });
        assert_eq!(word(&nullable, NULL), "");
        assert_eq!(RuleKind::parse(kind.word()), Some(kind));
    }
    let any = compile(Rules::default());
    assert_eq!(values.map(|value| word(&any, value)), ["", "", "", "", "nullable"]);
}

#[test]
fn length_counts_characters() {
    let check = compile(Rules { length: Some(Length { min: 2, max: Some(4) }), ..Rules::default() });
    for (text, expected) in [
        ("", "length"),
        ("a", "length"),
        ("é", "length"),
        ("李小", ""),
        ("李小龍李", ""),
        ("李小龍李小", "length"),
        ("😀", "length"),
        ("😀😀😀😀", ""),
        ("abcd", ""),
        ("abcde", "length"),
    ] {
        assert_eq!(word(&check, string(text)), expected, "{text}");
    }
    assert_eq!(word(&check, integer("12")), "type", "length means a string");
    assert_eq!(check.run(string("")).unwrap_err().detail, "must have 2 to 4 characters");
}

#[test]
fn ranges_are_exact_and_include_their_ends() {
    let age = compile(Rules { range: range(Some("0"), Some("130")), ..typed(RuleKind::Integer) });
    for (text, expected) in [("0", ""), ("130", ""), ("131", "range"), ("-1", "range"), ("-0", "")] {
        assert_eq!(word(&age, integer(text)), expected, "{text}");
    }
    assert_eq!(word(&age, number("1e2")), "type");
    let big = "170141183460469231731687303715884105727";
    let check = compile(Rules { range: range(None, Some(big)), ..typed(RuleKind::Integer) });
    assert_eq!(word(&check, integer(big)), "");
    assert_eq!(word(&check, integer("170141183460469231731687303715884105728")), "range");
    let fine = compile(Rules { range: range(Some("-0.5"), Some("0.30")), ..Rules::default() });
    for (text, expected) in
        [("0.3", ""), ("3e-1", ""), ("0.30000000000000004", "range"), ("-5E-1", ""), ("1e999999", "range")]
    {
        assert_eq!(word(&fine, number(text)), expected, "{text}");
    }
    assert_eq!(word(&fine, number("1e99999999999")), "type", "what cannot be compared does not pass");
    assert_eq!(fine.run(integer("1")).unwrap_err().detail, "must be between -0.5 and 0.30");
}

#[test]
fn one_of_compares_texts_as_texts_and_numbers_as_numbers() {
    let colours = compile(Rules { one_of: strings(&["Red", "Green"]), ..Rules::default() });
    let given = ["Red", "red", "Red ", "", "Redé"].map(|text| word(&colours, string(text)));
    assert_eq!(given, ["", "one_of", "one_of", "one_of", "one_of"]);
    assert_eq!(word(&colours, TRUE), "type");
    let numbers = compile(Rules { one_of: strings(&["1", "2.50"]), ..typed(RuleKind::Number) });
    let given =
        [number("1.0"), number("25e-1"), integer("1"), integer("3")].map(|value| word(&numbers, value));
    assert_eq!(given, ["", "", "", "one_of"]);
    let yes = compile(Rules { one_of: strings(&["true"]), ..typed(RuleKind::Boolean) });
    assert_eq!(word(&yes, TRUE), "");
    assert_eq!(word(&yes, Value { kind: Kind::Boolean, text: "false" }), "one_of");
    let many: Vec<String> = (0..100).map(|n| format!("v{n}")).collect();
    let many = compile(Rules { one_of: many, ..Rules::default() });
    assert_eq!(["v0", "v99", "v100"].map(|text| word(&many, string(text))), ["", "", "one_of"]);
}

#[test]
fn a_pattern_must_match_the_whole_value() {
    for pattern in ["[0-9]{5}", "^[0-9]{5}$", "12345|[0-9]{5}"] {
        let check = compile(Rules { pattern: Some(pattern.into()), ..Rules::default() });
        let given = ["75001", "x75001", "75001x", "75001\n", "\n75001", "75001\n75001"]
            .map(|text| word(&check, string(text)));
        assert_eq!(given, ["", "pattern", "pattern", "pattern", "pattern", "pattern"], "{pattern}");
    }
    // Alternatives and flags do not escape from the anchors.
    let check = compile(Rules { pattern: Some("a|b".into()), ..Rules::default() });
    assert_eq!(["a", "b", "ax", "xb"].map(|text| word(&check, string(text))), ["", "", "pattern", "pattern"]);
    let check = compile(Rules { pattern: Some("(?m)^a$".into()), ..Rules::default() });
    assert_eq!(["a", "a\nb", "b\na"].map(|text| word(&check, string(text))), ["", "pattern", "pattern"]);
    // Linear: backtracking engines never come back from this.
    let check = compile(Rules { pattern: Some("(a+)+b".into()), ..Rules::default() });
    assert_eq!(word(&check, string(&"a".repeat(100_000))), "pattern");
}

#[test]
fn formats_are_asked_last() {
    let check = compile(Rules { format: Some(Format::Email), ..Rules::default() });
    assert_eq!(word(&check, string("ada@example.org")), "");
    assert_eq!(word(&check, string("ada")), "format");
    assert_eq!(word(&check, integer("1")), "type");
}

#[test]
fn what_is_sanitised_is_what_is_checked() {
    let check = compile(Rules {
        sanitize: Some(Sanitize::Text),
        length: Some(Length { min: 1, max: Some(3) }),
        ..Rules::default()
    });
    let checked = check.run(string("<b>Ada</b>")).unwrap();
    assert!(checked.is_changed());
    assert_eq!(checked.value().text, "Ada");
    assert_eq!(word(&check, string("<b></b>")), "length", "nothing is left of it");
    assert_eq!(word(&check, string("<<b>b>")), "length");
    let plain = check.run(string("Zoë")).unwrap();
    assert!(!plain.is_changed() && matches!(plain.text, Cow::Borrowed("Zoë")));
}

#[test]
fn a_changed_value_is_never_copied_from_the_body() {
    let check = compile(Rules { sanitize: Some(Sanitize::Text), ..Rules::default() });
    let mut out = String::new();
    let changed = check.run(string("<b>Ada</b>")).unwrap();
    assert_eq!(changed.settle(Treated::Kept, &mut out), Treated::Replaced(Kind::String));
    assert_eq!(out, "Ada");
    out = "p1_x".into();
    assert_eq!(changed.settle(Treated::Replaced(Kind::String), &mut out), Treated::Replaced(Kind::String));
    assert_eq!((changed.settle(Treated::LeftOut, &mut out), out.as_str()), (Treated::LeftOut, "p1_x"));
    let same = check.run(string("Ada")).unwrap();
    assert_eq!(same.settle(Treated::Kept, &mut out), Treated::Kept);
}

#[test]
fn refusals_look_at_the_value_before_and_after_sanitising() {
    let html = compile(Rules { refuse: vec![RefuseKind::Html], ..Rules::default() });
    assert_eq!(["a < b", "<b>", "&lt;b&gt;"].map(|text| word(&html, string(text))), ["", "refuse", "refuse"]);
    let both =
        compile(Rules { refuse: vec![RefuseKind::Html], sanitize: Some(Sanitize::Text), ..Rules::default() });
    assert_eq!(word(&both, string("<b>a</b>")), "refuse");
    let sql = compile(Rules {
        refuse: vec![RefuseKind::SqlInjection],
        sanitize: Some(Sanitize::Text),
        ..Rules::default()
    });
    assert_eq!(word(&sql, string("1' OR '1'='1")), "refuse");
    assert_eq!(
        word(&sql, string("1<b>&#39; OR &#39;1&#39;=</b>&#39;1")),
        "refuse",
        "it comes out of the sanitiser"
    );
    assert_eq!(word(&sql, string("O'Neil")), "");
    assert_eq!(word(&sql, string(&"a.".repeat(4096))), "refuse");
}

#[test]
fn texts_without_a_kind_are_read_as_declared() {
    let page = compile(Rules { range: range(Some("1"), None), ..typed(RuleKind::Integer) });
    assert_eq!(page.run_text("2").unwrap().kind, Kind::Integer);
    for (text, expected) in [
        ("0", "range"),
        ("", "type"),
        ("1.0", "type"),
        ("1e2", "type"),
        ("+1", "type"),
        ("01", "type"),
        (" 1", "type"),
    ] {
        assert_eq!(page.run_text(text).unwrap_err().word, expected, "{text}");
    }
    let rate = compile(Rules { nullable: true, ..typed(RuleKind::Number) });
    let kinds = ["1", "1.5", ""].map(|text| rate.run_text(text).unwrap().kind);
    assert_eq!(kinds, [Kind::Integer, Kind::Number, Kind::Null]);
    assert_eq!(rate.run_text("NaN").unwrap_err().word, "type");
    let flag = compile(typed(RuleKind::Boolean));
    assert_eq!(["true", "1", "True"].map(|text| flag.run_text(text).is_ok()), [true, false, false]);
    assert_eq!(compile(Rules::default()).run_text("1").unwrap().kind, Kind::String);
}

#[test]
fn rules_that_make_no_sense_name_the_word() {
    let some = |text: &str| Some(text.to_owned());
    let length = Some(Length { min: 1, max: Some(2) });
    let cases = [
        ("range", Rules { range: range(Some("1"), None), ..typed(RuleKind::String) }),
        ("range", Rules { range: range(Some("1"), None), ..typed(RuleKind::Boolean) }),
        ("range", Rules { range: range(Some("1"), None), pattern: some("a"), ..Rules::default() }),
        ("length", Rules { length, ..typed(RuleKind::Integer) }),
        ("pattern", Rules { pattern: some("a"), ..typed(RuleKind::Number) }),
        ("format", Rules { format: Some(Format::Date), ..typed(RuleKind::Boolean) }),
        ("sanitize", Rules { sanitize: Some(Sanitize::Text), ..typed(RuleKind::Integer) }),
        ("refuse", Rules { refuse: vec![RefuseKind::Html], ..typed(RuleKind::Integer) }),
        (
            "refuse",
            Rules { refuse: vec![RefuseKind::Html], sanitize: Some(Sanitize::Html), ..Rules::default() },
        ),
        ("length", Rules { length: Some(Length { min: 2, max: Some(1) }), ..Rules::default() }),
        ("range", Rules { range: range(Some("2"), Some("1.9")), ..Rules::default() }),
        ("range", Rules { range: range(Some("one"), None), ..Rules::default() }),
        ("range", Rules { range: range(None, Some("1_000")), ..Rules::default() }),
        ("one_of", Rules { one_of: strings(&["1.0"]), ..typed(RuleKind::Integer) }),
        ("one_of", Rules { one_of: strings(&["a"]), ..typed(RuleKind::Number) }),
        ("one_of", Rules { one_of: strings(&["yes"]), ..typed(RuleKind::Boolean) }),
        ("one_of", Rules { one_of: strings(&["a", "1"]), ..Rules::default() }),
        ("one_of", Rules { one_of: strings(&["a", "a"]), ..Rules::default() }),
        ("one_of", Rules { one_of: strings(&["abc"]), length, ..Rules::default() }),
        ("one_of", Rules { one_of: strings(&["<b>"]), sanitize: Some(Sanitize::Text), ..Rules::default() }),
        ("pattern", Rules { pattern: some("("), ..Rules::default() }),
        ("pattern", Rules { pattern: some("a)|(b"), ..Rules::default() }),
        ("pattern", Rules { pattern: some("(?=a)"), ..Rules::default() }),
        ("pattern", Rules { pattern: some(r"\pL{1000}{1000}"), ..Rules::default() }),
        ("pattern", Rules { pattern: Some("a".repeat(5000)), ..Rules::default() }),
    ];
    for (word, rules) in cases {
        let error = Check::compile(&rules).expect_err(word);
        assert_eq!(error.word(), word, "{rules:?}: {error}");
        assert!(error.to_string().contains(&format!("`{word}")), "{error}");
        assert!(error.mend().ends_with('.'));
    }
    let nulls = Check::compile(&Rules { one_of: strings(&["1"]), ..typed(RuleKind::String) });
    assert!(nulls.is_ok());
    assert!(matches!(
        Check::compile(&Rules { one_of: strings(&["a", "1"]), ..Rules::default() }),
        Err(RulesError::ChoiceNeedsType(RuleKind::Integer))
    ));
}

proptest! {
    #[test]
    fn nothing_that_is_told_holds_the_value(secret in "canary[a-z0-9<>&]{8}") {
        for rules in [
            typed(RuleKind::Integer),
            Rules { length: Some(Length { min: 0, max: Some(2) }), ..Rules::default() },
            Rules { one_of: strings(&["x"]), ..Rules::default() },
            Rules { format: Some(Format::Uuid), ..Rules::default() },
            Rules { pattern: Some("x".into()), ..Rules::default() },
        ] {
            let invalid = compile(rules).run(string(&secret)).unwrap_err();
            let told = format!("{invalid:?} {invalid}");
            prop_assert!(!told.contains("canary"));
        }
        let checked = Check::default().run(string(&secret)).map(|checked| format!("{checked:?}"));
        prop_assert!(!checked.unwrap().contains("canary"));
    }

    #[test]
    fn length_agrees_with_counting(text in "\\PC{0,12}", min in 0u64..8, more in 0u64..8) {
        let check = compile(Rules { length: Some(Length { min, max: Some(min + more) }), ..Rules::default() });
        let count = text.chars().count() as u64;
        prop_assert_eq!(check.run(string(&text)).is_ok(), (min..=min + more).contains(&count));
    }

    #[test]
    fn what_is_seen_at_once_to_be_within_is_within(
        ends in prop::array::uniform2(prop::option::of("-?[0-9]([.][0-9]{1,2})?|1e2|99999999999999999999")),
        text in "-?[0-9]([.][0-9]{1,2})?",
    ) {
        let [min, max] = ends.each_ref().map(Option::as_deref);
        let limit = Limit::new(min, max);
        let small = |end: Option<&str>| end.is_none_or(|end| end.len() < 18 && !end.contains('e'));
        let within = limit.holds(&Decimal::parse(&text).unwrap());
        prop_assert_eq!(limit.holds_at_once(&text), within && small(min) && small(max));
    }
}

#[test]
fn a_file_is_held_against_its_bytes_and_what_it_says_it_is() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let url = |media: &str, bytes: &[u8]| format!("data:{media};base64,{}", STANDARD.encode(bytes));
    let word = |check: &Check, url: &str| {
        check.run(Value { kind: Kind::File, text: url }).err().map(|invalid| invalid.word)
    };
    let rules = Rules {
        length: Some(Length { min: 8, max: Some(10) }),
        media: strings(&["image/png", "text/csv"]),
        ..typed(RuleKind::File)
    };
    let check = compile(rules);
    let png = b"\x89PNG\r\n\x1a\n";
    assert_eq!(word(&check, &url("image/png", png)), None);
    for more in 0..5 {
        let bytes = [&png[..], &[0; 5][..more]].concat();
        assert_eq!(word(&check, &url("image/png", &bytes)), (more > 2).then_some("length"), "{more}");
    }
    assert_eq!(word(&check, &url("text/csv", b"a,b,c\n1,")), None);
    assert_eq!(word(&check, &url("text/csv", b"a,b")), Some("length"));
    assert_eq!(word(&check, &url("image/png", b"<svg/>....")), Some("media"));
    assert_eq!(word(&check, &url("image/gif", b"GIF89a....")), Some("media"));
    assert_eq!(word(&check, "data:image/png"), Some("type"));
    // A text is no file, a file no text, also where a field asks nothing.
    for (kind, text) in [(Kind::String, "x"), (Kind::Untyped, "x"), (Kind::Null, "null")] {
        assert!(check.run(Value { kind, text }).is_err());
    }
    for check in [Check::default(), compile(typed(RuleKind::String))] {
        assert_eq!(word(&check, &url("image/png", png)), Some("type"));
    }
    let refused = |rules: Rules| Check::compile(&rules).unwrap_err().word();
    assert_eq!(refused(Rules { nullable: true, ..typed(RuleKind::File) }), "nullable");
    assert_eq!(refused(Rules { pattern: Some("x".into()), ..typed(RuleKind::File) }), "pattern");
    assert_eq!(refused(Rules { media: strings(&["x/y"]), ..typed(RuleKind::String) }), "media");
}
