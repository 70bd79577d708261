use proptest::prelude::*;
use serde_json::json;

use super::*;

fn vocabulary() -> Vocabulary {
    Vocabulary {
        path: vec![("model".into(), Kind::String)],
        query: vec![
            ("depth".into(), Kind::Integer),
            ("share".into(), Kind::Number),
            ("all".into(), Kind::Boolean),
        ],
        header: vec![("x-plan".into(), Kind::String)],
    }
}

fn caller() -> CallerFacts {
    let claims = json!({ "department": "care", "level": 3, "groups": ["a", "b"], "place": { "city": "Nantes" }, "intern": false });
    let claims = claims.as_object().unwrap();
    let claims = claims.iter().map(|(name, value)| (name.as_str(), value));
    CallerFacts::new("person", "staff", ["detail", "score"].into_iter(), claims)
}

fn judged(text: &str) -> Result<bool, Undecided> {
    judged_of("12", text)
}

fn judged_of(depth: &str, text: &str) -> Result<bool, Undecided> {
    let condition = Condition::compile(text, &vocabulary()).unwrap_or_else(|error| panic!("{text}: {error}"));
    condition.holds(&Facts {
        caller: Some(&caller()),
        method: "POST",
        route: "POST /models/{model}",
        path: &[("model", Kind::String, "churn")],
        query: &[("depth", Kind::Integer, depth), ("share", Kind::Number, "0.5")],
        header: &[("x-plan", Kind::String, "gold")],
        now: Timestamp::from_millis(1_772_445_600_000),
    })
}

#[test]
fn conditions_hold_or_do_not() {
    for (text, expected) in [
        ("caller.claims.department == 'care' && request.method == 'POST'", true),
        ("caller.claims.department == 'sales'", false),
        ("caller.scopes.exists(s, s == 'detail')", true),
        ("'detail' in caller.scopes", true),
        ("caller.scopes.all(s, s.startsWith('d'))", false),
        ("caller.scopes.exists_one(s, s.contains('score'))", true),
        ("caller.kind == 'person' && caller.namespace != 'customers'", true),
        ("caller.claims.level >= 3 && !caller.claims.intern", true),
        ("'b' in caller.claims.groups && size(caller.claims.groups) == 2", true),
        ("caller.claims.place.city == 'Nantes' || caller.claims.nothing == 1", true),
        ("has(caller.claims.nothing) && caller.claims.nothing == 1", false),
        ("'nothing' in caller.claims", false),
        ("has(query.all) ? query.all : query.depth > 10", true),
        ("query.share == 0.5 && query.depth > -3", true),
        ("path.model in ['churn', 'upsell'] && header['x-plan'] == 'gold'", true),
        ("now.hour == 10 && now.weekday == 1 && now.date == '2026-03-02'", true),
        ("request.route == 'POST /models/{model}'", true),
        ("caller.claims['department'] == 'care'", true),
    ] {
        assert_eq!(judged(text), Ok(expected), "{text}");
    }
}

/// What came is there, however large it is: a limit on what may be left out is no way around itself.
#[test]
fn a_whole_number_beyond_64_bits_is_held_against_limits() {
    let beyond = "9".repeat(400);
    for depth in ["11", "9223372036854775808", "99999999999999999999", &beyond] {
        assert_eq!(judged_of(depth, "!has(query.depth) || query.depth <= 10"), Ok(false), "{depth}");
        assert_eq!(judged_of(depth, "has(query.depth) && query.depth > 10"), Ok(true), "{depth}");
        assert_eq!(judged_of(depth, "query.depth == 10"), Ok(false), "{depth}");
    }
    for depth in ["-11", "-99999999999999999999"] {
        assert_eq!(judged_of(depth, "query.depth >= -10"), Ok(false), "{depth}");
    }
    // What is no number cannot come so far; if it did, nothing would be decided by it.
    assert_eq!(judged_of("ten", "has(query.depth)"), Ok(true));
    assert_eq!(judged_of("ten", "!has(query.depth) || query.depth <= 10"), Err(Undecided));
}

#[test]
fn what_cannot_be_decided_is_not_decided() {
    for text in [
        "caller.claims.nothing == 'care'",
        "caller.claims.nothing != 'care'",
        "!(caller.claims.nothing == 'care')",
        "caller.claims.level.startsWith('a')",
        "caller.claims.level && true",
        "query.all",
        "!query.all",
        "int(caller.claims.department) == 1",
        "caller.claims.groups[7] == 'a'",
        "caller.claims.level == 3 ? caller.claims.nothing == 1 : true",
    ] {
        assert_eq!(judged(text), Err(Undecided), "{text}");
    }
    let condition = Condition::compile("caller.kind == 'person'", &vocabulary()).unwrap();
    let nobody = Facts {
        caller: None,
        method: "GET",
        route: "",
        path: &[],
        query: &[],
        header: &[],
        now: Timestamp::from_millis(0),
    };
    assert_eq!(condition.holds(&nobody), Err(Undecided));
}

#[test]
fn what_could_never_be_decided_does_not_load() {
    for (text, underlined, says) in [
        ("caler.kind == 'a'", "caler", "there is no `caler`"),
        ("caller.kid == 'a'", "caller.kid", "there is no `kid` here"),
        ("caller.kind == 3", "caller.kind == 3", "`==` cannot be said of a text and a whole number"),
        ("query.dept > 3", "query.dept", "there is no `dept` here"),
        ("query.depth == '3'", "query.depth == '3'", "`==` cannot be said of a whole number and a text"),
        ("caller.claims.level", "", "a condition is true or false, and this is a claim"),
        ("request.method", "", "a condition is true or false, and this is a text"),
        ("body.age > 3", "body", "there is no `body`"),
        ("caller.scopes.map(s, s).size() == 1", "", "a condition makes no lists"),
        ("caller.scopes.filter(s, s == 'a') == ['a']", "", "a condition makes no lists"),
        ("caller.scopes.exists(s, caller.scopes.exists(t, s == t))", "", "a loop stands within a loop"),
        ("caller.kind.matches('a+')", "", "there is no function `matches`"),
        (
            "timestamp('2026-01-01T00:00:00Z') < timestamp('2027-01-01T00:00:00Z')",
            "",
            "there is no function `timestamp`",
        ),
        ("size(caller) > 1", "", "`size` cannot be said of `caller`"),
        ("caller == request", "caller == request", "`==` cannot be said of `caller` and `request`"),
        ("'é' == 'é' && nobody", "nobody", "there is no `nobody`"),
        ("'a' in caller.kind", "'a' in caller.kind", "a text is never in a text"),
        ("caller.kind ==", "", "the condition cannot be read"),
        ("caller.kind = 'a'", "=", "the condition cannot be read"),
        ("", "", "the condition cannot be read"),
        ("query.depth + 1 > 3", "query.depth + 1", "a condition does not calculate"),
        ("{'a': 1}.a == 1", "", "a condition makes no maps"),
    ] {
        let error = Condition::compile(text, &vocabulary()).unwrap_err();
        assert!(error.what.starts_with(says), "{text}: {error}");
        assert!(!error.mend.is_empty());
        if !underlined.is_empty() {
            assert_eq!(error.at.and_then(|at| text.get(at)), Some(underlined), "{text}: {}", error.what);
        }
    }
    let long = format!("caller.kind == '{}'", "a".repeat(LONGEST));
    assert!(Condition::compile(&long, &vocabulary()).is_err());
    let deep = format!("{}true{}", "(".repeat(400), ")".repeat(400));
    assert!(Condition::compile(&deep, &vocabulary()).unwrap_err().what.contains("too many"));
}

/// Reloads run on threads of two mebibytes.
#[test]
fn what_is_long_and_flat_leaves_room_on_the_stack() {
    let long = [
        format!("{}true", "!".repeat(SIGNS)),
        format!("{}1 == 1", "-".repeat(SIGNS - 2)),
        format!("{}true{}", "(".repeat(DEEPEST), ")".repeat(DEEPEST)),
        format!("{}true", "true ? true : ".repeat(DEEPEST)),
        format!("caller.claims.a{} == 1", ".a".repeat(DOTS - 2)),
        format!("caller.claims.a{} == 1", "[0]".repeat(BRACKETS)),
        format!("true{}", "&&true".repeat(SIGNS / 2)),
        format!("true{}", "||true".repeat(SIGNS / 2)),
        format!("1{}==1", "+1".repeat(SIGNS - 2)),
        format!("true{}", "==true".repeat(SIGNS / 2)),
        format!("1{}", "==1".repeat(SIGNS / 2)),
        format!("1{}", " in 1".repeat(SIGNS / 4)),
        format!("[{}1]==[]", "1,".repeat(DOTS)),
        "(".repeat(DEEPEST),
    ];
    for text in long {
        assert!(is_shallow(&text), "{text}");
        let worker = std::thread::Builder::new().name(text.clone()).stack_size(2 << 20).spawn(move || {
            let condition = Condition::compile(&text, &vocabulary());
            let facts = Facts {
                caller: Some(&caller()),
                method: "GET",
                route: "",
                path: &[],
                query: &[],
                header: &[],
                now: Timestamp::from_millis(0),
            };
            condition.map(|condition| condition.holds(&facts).is_ok()).is_ok()
        });
        worker.unwrap().join().unwrap();
    }
}

#[test]
fn the_claims_that_are_named_are_known() {
    let text = "caller.claims.a == 1 || has(caller.claims.b.c) || 'd' in caller.claims || caller.claims['e-f'] == 2 || caller.claims.a == 2";
    let condition = Condition::compile(text, &vocabulary()).unwrap();
    assert_eq!(condition.claims().collect::<Vec<_>>(), ["a", "b", "d", "e-f"]);
}

#[test]
fn a_large_token_is_looked_through_in_no_time() {
    let scopes: Vec<String> = (0..4000).map(|n| format!("s{n}")).collect();
    let caller = CallerFacts::new("person", "staff", scopes.iter().map(String::as_str), std::iter::empty());
    let condition =
        Condition::compile("caller.scopes.all(s, s.startsWith('s') && s != 'x')", &vocabulary()).unwrap();
    let facts = Facts {
        caller: Some(&caller),
        method: "GET",
        route: "",
        path: &[],
        query: &[],
        header: &[],
        now: Timestamp::from_millis(0),
    };
    assert_eq!(condition.holds(&facts), Ok(true));
}

proptest! {
    /// Whatever stands there, the reader answers.
    #[test]
    fn no_text_brings_the_reader_down(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "caller", ".", "scopes", "exists", "(", ")", "s", ",", "==", "'a'", "&&", "!", "[", "]", "1", "1.5", "{", "}",
                ":", "?", "has", "in", "claims", "-", "+", "'", "\"", "\\", "é", " ", "\n", "true", "null", "0x", "b'a'", "//",
            ]),
            0..24,
        ),
    ) {
        let text = words.concat();
        if let Err(error) = Condition::compile(&text, &vocabulary())
            && let Some(at) = error.at
        {
            prop_assert!(text.get(at).is_some(), "{}", text);
        }
    }
}
