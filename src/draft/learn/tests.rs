use serde_json::json;

use super::*;
use crate::check::Format;

fn seen(calls: &[(&str, &str, Value, Value)]) -> Api {
    let mut seen = Seen::default();
    for (method, target, request, response) in calls {
        let request = Some(request).filter(|body| !body.is_null());
        seen.add(&Exchange { method, target, request, other: false, status: 200, response: Some(response) });
    }
    seen.api()
}

#[test]
fn bodies_become_fields_with_how_often_they_were_seen() {
    let calls: Vec<_> = (0..60)
        .map(|number| {
            let mut body = json!({
                "customer": { "id": format!("c-{number}"), "email": format!("p{number}@example.org") },
                "plan": if number % 2 == 0 { "basic" } else { "plus" },
                "age": 20 + number,
                "usage": [{ "hours": 1.5 }, { "hours": 2 }],
            });
            if number % 10 == 0 {
                body["note"] = json!("hello");
            }
            body["home"] = if number % 3 == 0 { Value::Null } else { json!({ "floor": 2 }) };
            ("POST", "/v1/churn", body, json!({ "score": 0.25 }))
        })
        .collect();
    let api = seen(&calls);
    let [operation] = api.operations.as_slice() else { panic!("{:?}", api.notes) };
    assert_eq!(
        (operation.route().as_str(), operation.payload, operation.tenths),
        ("POST /v1/churn", Some(Body::Of(crate::payload::Format::Json)), 8)
    );
    let field = |path: &str| operation.request.iter().find(|field| field.path.to_string() == path).unwrap();
    assert_eq!(field("plan").rules.one_of, ["basic", "plus"]);
    assert_eq!(field("plan").because, ["60 of 60 have it; 2 values"]);
    assert_eq!(field("customer.email").rules.format, Some(Format::Email));
    assert!(field("customer.id").required && field("customer.id").seen);
    assert_eq!(field("usage[*].hours").rules.kind, Some(RuleKind::Number));
    assert!(!field("note").required);
    assert!(!field("home.floor").required);
    let home = "`home`: it was null as a whole at times; null passes, and nothing below it has to be there";
    assert!(operation.notes.iter().any(|note| note.ends_with(home)), "{:?}", operation.notes);
    assert_eq!(field("note").because, ["6 of 60 have it; 1 value"]);
    assert!(field("note").rules.one_of.is_empty(), "seen six times: too seldom");
}

#[test]
fn nothing_that_was_sent_is_in_what_comes_of_it() {
    const CANARIES: [&str; 7] =
        ["Canary", "canary@", "4711471147", "+3312345", "1990-12-10", "987654", "Lovelace"];
    let mut calls = Vec::new();
    for number in 0..40 {
        let body = json!({
            "first_name": if number % 2 == 0 { "CanaryAda" } else { "CanaryBob" },
            "religion": if number % 2 == 0 { "CanaryA" } else { "CanaryB" },
            "phone": "+33123456789", "born": "1990-12-10", "income": 987_654, "ref": "4711471147",
            "scores": { "canary@example.org": 1, "4711471147": 2 },
        });
        calls.push(("POST", "/people/Lovelace/score?email=canary@example.org", body, json!({ "ok": true })));
    }
    calls.push(("GET", "/people/4711471147", Value::Null, json!({})));
    let api = seen(&calls);
    let mut text = format!("{:?}", api.notes);
    for group in crate::draft::groups(&api, None, &[]) {
        let drafted = crate::draft::activity(&group, "traffic", "api", &crate::draft::Said::default());
        text.push_str(&format!("{}{}", drafted.policy, drafted.cases.unwrap()));
    }
    for canary in CANARIES {
        // The made-up cases have a date of birth and a number of their own.
        let own = matches!(canary, "1990-12-10" | "+3312345");
        assert!(own || !text.contains(canary), "{canary}:\n{text}");
    }
    assert!(text.contains("POST /people/{id}/score") && text.contains("GET /people/{id}"), "{text}");
    // The number that stands there is a person's.
    assert_eq!(text.matches("id: { category: pd:Identifier, type: string").count(), 2, "{text}");
    assert!(text.contains("look like values"), "{text}");
}

#[test]
fn names_that_are_data_are_not_written_down_and_such_as_may_be_are_marked() {
    let of = |bodies: Vec<Value>| {
        let calls: Vec<_> =
            bodies.into_iter().map(|body| ("POST", "/score", body, json!({ "ok": true }))).collect();
        let api = seen(&calls);
        let [operation] = api.operations.as_slice() else { panic!("{:?}", api.notes) };
        operation.clone()
    };
    let named = |operation: &Operation, path: &str| {
        operation.request.iter().find(|field| field.path.to_string() == path).cloned()
    };
    // Many names by turns, all of which hold the same.
    let name = |number: usize| NAMES[number % NAMES.len()];
    let by_turns = |value: fn(usize) -> Value| -> Operation {
        let body = |number: usize| {
            let scores = json!({ name(number): value(number), name(number + 5): value(number) });
            json!({ "scores": scores, "plan": "basic" })
        };
        of((0..60).map(body).collect())
    };
    let values: [fn(usize) -> Value; 2] = [|number| json!(number), |number| json!({ "points": number })];
    for operation in values.map(by_turns) {
        let text = format!("{operation:?}");
        assert!(NAMES.iter().all(|name| !text.contains(&format!("\"{name}\""))), "{text}");
        assert_eq!(operation.request.len(), 1, "{text}");
        assert!(operation.notes.iter().any(|note| note.starts_with("`scores`: its names differ")), "{text}");
        // No call is without them, so the API may not do without.
        assert_eq!(operation.blocked.len(), 1, "{text}");
    }
    // Below a word for persons two objects alike are two of them, however often they came.
    let operation = of(vec![json!({ "v": 1, "patients": { "ada": { "age": 3 }, "bob": { "age": 5 } } }); 20]);
    assert_eq!((operation.request.len(), operation.blocked.len()), (1, 1));

    // Few of them may be fields: they are drafted, and marked.
    let few = |number: usize| json!({ "scores": { name(number % 2): 3 }, "v": 1 });
    let operation = of((0..60).map(few).collect());
    for path in ["scores.ada", "scores.bob"] {
        let field = named(&operation, path).unwrap();
        assert_eq!((field.tenths, field.required), (2, false));
        assert!(field.because.iter().any(|because| because.contains("take all of them out")));
    }
    assert_eq!(named(&operation, "v").unwrap().tenths, 8);
    let operation = of(vec![json!({ "customers": { "new": 1, "lost": 2 } }); 60]);
    assert_eq!(named(&operation, "customers.new").unwrap().tenths, 2);
    // Fields are always there, or hold one thing and another.
    let fields = |number: usize| {
        let mut body = json!({ "measures": { "width": 1, "height": 2 }, "v": { "a": 1 } });
        body["v"][["b", "c"][number % 2]] = json!("x");
        body
    };
    let operation = of((0..60).map(fields).collect());
    assert_eq!(operation.request.len(), 5);
    assert!(operation.request.iter().all(|field| field.tenths > 2), "{:?}", operation.request);
}

#[test]
fn recordings_are_read_and_bad_ones_refused() {
    let mut seen = Seen::default();
    let har_file = json!({ "log": { "entries": [
        { "request": { "method": "POST", "url": "http://127.0.0.1:8000/a?x=1", "postData": { "text": "{\"v\":1}" } },
          "response": { "status": 200, "content": { "text": "{\"s\":1}" } } },
        { "request": { "method": "POST", "url": "http://127.0.0.1:8000/a", "postData": { "text": "v=1" } },
          "response": { "status": 422, "content": {} } },
    ] } });
    assert_eq!(har(har_file.to_string().as_bytes(), &mut seen), Ok(Some("http://127.0.0.1:8000".into())));
    line(r#"{"method":"POST","path":"/a","request":{"v":2},"response":{"s":2}}"#, &mut seen).unwrap();
    assert_eq!(seen.exchanges(), 3);
    let api = seen.api();
    assert_eq!(api.operations[0].request[0].because, ["2 of 2 have it; 2 values"]);
    assert_eq!(api.operations[0].parameters[0].name, "x");
    let mut seen = Seen::default();
    assert_eq!(har(b"{}", &mut seen), Err(RecordError::NotHar));
    assert_eq!(har(b"x", &mut seen), Err(RecordError::NotJson));
    for (text, error) in [
        ("x", RecordError::NotJson),
        ("[]", RecordError::NotALine),
        (r#"{"method":"GET","path":"/","status":-1}"#, RecordError::NotALine),
    ] {
        assert_eq!(line(text, &mut seen), Err(error), "{text}");
    }
}

const NAMES: [&str; 12] =
    ["ada", "bob", "cleo", "dora", "emil", "finn", "greta", "hugo", "ida", "jan", "karl", "lena"];

fn routes(paths: &[String]) -> Vec<String> {
    let calls: Vec<_> =
        paths.iter().map(|path| ("POST", path.as_str(), json!({ "v": 1 }), json!({ "s": 1 }))).collect();
    let api = seen(&calls);
    let mut routes: Vec<String> = api.operations.iter().map(Operation::route).collect();
    routes.sort();
    routes
}

#[test]
fn names_at_the_head_of_a_path_are_values_as_elsewhere() {
    let mut paths: Vec<String> =
        (0..5).flat_map(|_| NAMES.iter().map(|name| format!("/{name}/score"))).collect();
    // Nor is a name written for a route that few called.
    paths.extend(["/ada/plan".into(), "/bob/plan".into(), "/score".into(), "/v1/train".into()]);
    assert_eq!(routes(&paths), ["POST /score", "POST /v1/train", "POST /{id}/plan", "POST /{id}/score"]);
    // Different calls are no values.
    let calls = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let paths: Vec<String> = calls.iter().map(|call| format!("/{call}")).collect();
    assert_eq!(routes(&paths).len(), calls.len());
    let paths: Vec<String> = calls.iter().map(|call| format!("/{call}/{call}x")).collect();
    assert_eq!(routes(&paths).len(), calls.len());
}

#[test]
fn what_stands_below_a_word_for_persons_is_a_value() {
    let paths =
        ["/people/ada-king/score", "/v1/users/bob", "/patients/score", "/users/me", "/models/churn/score"];
    assert_eq!(
        routes(&paths.map(str::to_owned)),
        [
            "POST /models/churn/score",
            "POST /patients/score",
            "POST /people/{id}/score",
            "POST /users/me",
            "POST /v1/users/{id}"
        ]
    );
}

#[test]
fn an_origin_is_a_host_and_a_port() {
    for (url, origin) in [
        ("https://ada:s3cretpw@api.example.org/score", "https://api.example.org"),
        ("https://ada@api.example.org:8443/score?x=1", "https://api.example.org:8443"),
        ("http://ada:s3cretpw@[::1]:8000/", "http://[::1]:8000"),
    ] {
        let file = json!({ "log": { "entries": [{ "request": { "method": "GET", "url": url } }] } });
        let found = har(file.to_string().as_bytes(), &mut Seen::default());
        assert_eq!(found, Ok(Some(origin.to_owned())), "{url}");
    }
}

#[test]
fn memory_is_bounded_by_places_and_not_by_calls() {
    let wide: serde_json::Map<String, Value> =
        (0..3000).map(|number| (format!("f{number}x"), json!(number))).collect();
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "a": deep });
    }
    let api = seen(&[("POST", "/wide", Value::Object(wide), json!({})), ("POST", "/deep", deep, json!({}))]);
    assert!(api.operations.iter().all(|operation| operation.request.len() <= 500));
    let mut seen = Seen::default();
    for number in 0..5000 {
        let path: String = format!(
            "/x/{}",
            "abcdefghij".chars().cycle().skip(number % 10).take(1 + number / 10 % 30).collect::<String>()
        );
        seen.add(&Exchange {
            method: "POST",
            target: &path,
            request: Some(&json!({ "v": 1 })),
            other: false,
            status: 200,
            response: None,
        });
    }
    let api = seen.api();
    assert_eq!(api.operations.iter().map(Operation::route).collect::<Vec<_>>(), ["POST /x/{id}"]);
}
