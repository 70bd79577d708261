//! Bodies that are not JSON: what the upstream sees of tables, lines, forms, parts and texts, and what it never sees.

use consentry::problem::Problem::{FieldInvalid, FieldNotPermitted, PayloadNotInspectable, PayloadTooLarge};
use http::Method;

use crate::support::{Call, Gateway, Options, Reply, canary};

/// An activity whose data is its caller's own.
fn activity(name: &str, payload: &str, unknown: &str, request: &str, response: &str) -> String {
    format!(
        "activity: {name}\ntitle: Bodies as {name}\npurpose: credit-decision\nlegal_basis: contract\n\
         data_subject_categories: [holders]\ndata_subject: token.sub\nretention: 5d after exchange\nupstream: scorer\n\
         routes:\n  - match: POST /{name}\n    payload: {payload}\n    access: {{ all_scopes: [score] }}\n\
         \x20   limits: {{ body: 4KiB, rows: 5 }}\n\
         request:\n  unknown_fields: {unknown}\n  fields:\n{request}response:\n  unknown_fields: leave_out\n  fields:\n{response}"
    )
}

const TABLE: &str = "\
\x20   email:   { category: pd:EmailAddress, type: string, format: email, upstream: pseudonymize, stored: encrypted }
\x20   \"['first name']\": { category: pd:Name, type: string, upstream: leave_out, stored: leave_out }
\x20   age:     { category: pd:Age, type: integer, range: 0..130, upstream: { generalize: { bands_of: 10 } }, stored: leave_out }
\x20   note:    { category: pd:Opinion, type: string, required: false, pattern: \"(?s)[^=+@-].*\", upstream: unchanged, stored: leave_out }
\x20   visits:  { category: pd:Purchase, type: integer, required: false, upstream: unchanged, stored: leave_out }
\x20   card:    { category: pd:PaymentCardNumber, type: string, required: false, upstream: refuse_if_present, stored: leave_out }
";
const SCORE: &str = "\x20   score: { type: number, range: 0..1, caller: unchanged, stored: leave_out }\n";

const FORM: &str = "\
\x20   email:     { category: pd:EmailAddress, type: string, format: email, upstream: { redact: \"a & b\" }, stored: encrypted }
\x20   name:      { category: pd:Name, type: string, upstream: leave_out, stored: leave_out }
\x20   \"tags[*]\": { category: pd:Preference, type: string, one_of: [red, green], required: false, upstream: unchanged, stored: leave_out }
\x20   age:       { category: pd:Age, type: integer, required: false, upstream: unchanged, stored: leave_out }
";

const PARTS: &str = "\
\x20   patient: { category: pd:Identifier, type: string, length: 1..64, upstream: pseudonymize, stored: leave_out }
\x20   note:    { category: pd:Opinion, type: string, required: false, upstream: unchanged, stored: leave_out }
\x20   scan:    { category: pd:Picture, type: file, length: 1..2KiB, media: [image/png, image/jpeg], upstream: unchanged, justification: the model looks at it, stored: encrypted }
\x20   consent: { category: pd:Credit, type: file, required: false, media: [application/pdf], upstream: leave_out, stored: leave_out }
";

const TEXT: &str = "\x20   text: { category: pd:Opinion, type: string, length: 1..200, sanitize: text, upstream: unchanged, stored: leave_out }\n";

async fn gateway(name: &'static str, policy: String) -> Gateway {
    let gateway = Gateway::with(Options { files: vec![(name, policy)], ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway
}

fn call(gateway: &Gateway, path: &str, content_type: &str, body: impl Into<bytes::Bytes>) -> Call {
    let token = gateway.token(canary::HOLDER, &["score"]);
    Call::new(Method::POST, path.to_owned()).header("content-type", content_type).body(body).bearer(&token)
}

#[tokio::test]
async fn a_table_is_realigned_and_its_other_cells_are_as_they_came() {
    let policy = activity("table", "csv", "leave_out", TABLE, SCORE);
    let gateway = gateway("policies/table.yaml", policy).await;
    let send =
        |body: &str| call(&gateway, "/table", "text/csv; charset=utf-8; header=present", body.to_owned());
    let body = format!(
        "first name,email,basket,age,\"note\",visits\r\n{},{},\"9, 1\",36,\"so, \"\"so\"\"\r\n\",\r\nBob,bob@fleuve.example,,41,,7\r\n",
        canary::NAME,
        canary::EMAIL
    );
    gateway.upstream.answer(Reply::of(200, "text/csv", "row,score\n0,0.5\n1,0.25\n"));
    let answer = gateway.send(send(&body)).await.ok();
    assert_eq!((answer.text(), answer.header("content-type")), ("score\n0.5\n0.25\n", Some("text/csv")));
    let seen = gateway.upstream.one();
    let pseudonyms: Vec<&str> =
        seen.text().split([',', '\n']).filter(|cell| cell.starts_with("p1_")).collect();
    let [ada, bob] = pseudonyms[..] else { panic!("two pseudonyms: {}", seen.text()) };
    assert_eq!(
        seen.text(),
        format!("email,age,\"note\",visits\r\n{ada},30,\"so, \"\"so\"\"\r\n\",\r\n{bob},40,,7\r\n")
    );
    assert_eq!(seen.headers["content-type"], "text/csv");
    assert_eq!(seen.headers["accept"], "text/csv");
    assert!(gateway.kept("table").await.unwrap().to_string().contains(canary::EMAIL));

    let row = |cells: &str| format!("first name,email,age,note,visits\n{cells}\n");
    let good = |note: &str, visits: &str| row(&format!("A,a@b.example,36,{note},{visits}"));
    for (body, field) in [
        (row("A,a@b.example,,x,1"), "age"),
        (row("A,nobody,36,x,1"), "email"),
        (good("=cmd()", "1"), "note"),
        (good("x", "one"), "visits"),
        (good("x", "\"\""), "visits"),
        ("first name,age\nA,36\n".to_owned(), "email"),
    ] {
        gateway.refuses(send(&body), FieldInvalid).await.at(field);
    }
    let card = "first name,email,age,card\nA,a@b.example,36,4111111111111111\n";
    gateway.refuses(send(card), FieldNotPermitted).await.at("card");
    for body in [
        "\u{feff}".to_owned() + &good("x", "1"),
        good("x", "1,2"),
        good("x\"y\"", "1"),
        good("x", "1\r"),
        good("x", "1\n"),
        row("A,a@b.example,36,x,1").replace("note", "age"),
        String::new(),
    ] {
        gateway.refuses(send(&body), PayloadNotInspectable).await;
    }
    for content_type in
        ["application/json", "text/csv; header=absent", "text/csv; charset=latin1", "text/plain"]
    {
        gateway.refuses(call(&gateway, "/table", content_type, good("x", "1")), PayloadNotInspectable).await;
    }
    let many = good("x", "1") + &"A,a@b.example,36,x,1\n".repeat(5);
    gateway.refuses(send(&many), PayloadTooLarge).await.says("more than 5 rows");
    let old = good("x", "1") + "A,a@b.example,200,x,1\n";
    gateway
        .refuses(send(&old), FieldInvalid)
        .await
        .at("age")
        .says("Row 1, counted from 0: It must be between");
    gateway.send(send("first name,email,age,card\nA,a@b.example,36,\n")).await.ok();
    assert!(gateway.upstream.one().text().starts_with("email,age,card\np1_"));
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn lines_are_treated_one_by_one() {
    let fields = "\
\x20   email:     { category: pd:EmailAddress, type: string, upstream: pseudonymize, stored: leave_out }
\x20   \"tags[*]\": { category: pd:Preference, type: string, required: false, upstream: unchanged, stored: leave_out }
";
    let policy = activity("lines", "ndjson", "leave_out", fields, SCORE);
    let gateway = gateway("policies/lines.yaml", policy).await;
    let send = |body: &str| call(&gateway, "/lines", "application/jsonl", body.to_owned());
    gateway.upstream.answer(Reply::of(
        200,
        "application/x-ndjson",
        "{\"score\":0.5,\"why\":1}\n{\"score\": 1}\n",
    ));
    let body =
        format!("{{\"email\":\"{}\",\"x\":{{}}}}\n{{\"tags\":[ \"a\" ],\"email\":\"b@c\"}}\n", canary::EMAIL);
    let answer = gateway.send(send(&body)).await.ok();
    assert_eq!(answer.text(), "{\"score\":0.5}\n{\"score\": 1}\n");
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let seen = gateway.upstream.one();
    let lines: Vec<&str> = seen.text().lines().collect();
    assert!(lines[0].starts_with("{\"email\":\"p1_") && !seen.text().contains(canary::EMAIL));
    assert!(lines[1].starts_with("{\"tags\":[ \"a\" ],\"email\":\"p1_") && lines.len() == 2);
    for body in
        ["{\"email\":\"a\"}\n\n", "{\"email\":\"a\"} {}", "{\"email\":\"a\",\"email\":\"b\"}", "email", "\n"]
    {
        gateway.refuses(send(body), PayloadNotInspectable).await;
    }
    for body in ["[]\n", "{\"email\":1}\n", "{\"email\":\"a\"}\n{}\n", "null\n"] {
        gateway.refuses(send(body), FieldInvalid).await;
    }
    gateway.send(send("{\"email\":\"a\"}")).await.ok();
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn pairs_of_a_form_are_treated_and_answered_in_json() {
    let gateway = gateway("policies/form.yaml", activity("form", "form", "refuse", FORM, SCORE)).await;
    let send = |body: &str| call(&gateway, "/form", "application/x-www-form-urlencoded", body.to_owned());
    gateway.upstream.answer(Reply::json(r#"{"score": 0.5}"#));
    let body = format!(
        "tags=red&name={}&%65mail={}&age=&tags=%67reen",
        canary::NAME.replace(' ', "+"),
        canary::EMAIL
    );
    assert_eq!(gateway.send(send(&body)).await.ok().text(), r#"{"score": 0.5}"#);
    let seen = gateway.upstream.one();
    assert_eq!(seen.text(), "tags=red&%65mail=a+%26+b&age=&tags=%67reen");
    assert_eq!(seen.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(seen.headers["accept"], "application/json");
    assert!(gateway.kept("form").await.unwrap().to_string().contains(canary::EMAIL));
    for body in [
        "name=a&email=a@b.example;age=1",
        "name=a&name=b&email=a@b.example",
        "name=%zz&email=a@b.example",
        "name",
    ] {
        gateway.refuses(send(body), PayloadNotInspectable).await;
    }
    gateway.refuses(send("name=a&email=a@b.example&more=1"), FieldNotPermitted).await;
    gateway.refuses(send("name=a&email=a@b.example&tags=blue"), FieldInvalid).await.at("tags[*]");
    gateway.refuses(send("name=a"), FieldInvalid).await.at("email");
    gateway.send(send("email=a@b.example&name=a")).await.ok();
    assert_eq!(gateway.upstream.one().text(), "email=a+%26+b");
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn of_parts_only_declared_contents_travel() {
    let gateway =
        gateway("policies/parts.yaml", activity("parts", "multipart", "leave_out", PARTS, SCORE)).await;
    let send = |body: Vec<u8>| call(&gateway, "/parts", "multipart/form-data; boundary=XX", body);
    let text = |name: &str, value: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
    };
    let file = |name: &str, media: &str, content: &[u8]| {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{}.png\"\r\nContent-Type: {media}\r\nX-Who: {}\r\n\r\n",
            canary::NAME,
            canary::NAME
        );
        [head.as_bytes(), content, b"\r\n"].concat()
    };
    let end = || b"--XX--\r\n".to_vec();
    let png = b"\x89PNG\r\n\x1a\n\0\0\r\n--X".as_slice();
    let clean = || vec![text("patient", canary::HOLDER), file("scan", "image/png", png), end()];
    gateway.upstream.answer(Reply::json(r#"{"score": 0.5}"#));
    let more = [
        canary::NAME.as_bytes().to_vec(),
        b"\r\n".to_vec(),
        text("unheard", canary::NAME),
        file("of", "image/png", png),
        file("consent", "application/pdf", b"%PDF-1.7"),
    ];
    let body = [&more[..], &clean()].concat().concat();
    gateway.send(send(body)).await.ok();
    let seen = gateway.upstream.one();
    let content_type = seen.headers["content-type"].to_str().unwrap();
    let boundary =
        content_type.strip_prefix("multipart/form-data; boundary=\"").unwrap().trim_end_matches('"');
    assert!(boundary != "XX" && boundary.len() == 32);
    let shown = String::from_utf8_lossy(&seen.body).replace(boundary, "B");
    let (patient, scan) =
        shown.split_at(shown.find("--B\r\nContent-Disposition: form-data; name=\"scan\"").unwrap());
    assert!(
        patient.starts_with("--B\r\nContent-Disposition: form-data; name=\"patient\"\r\n\r\np1_"),
        "{shown}"
    );
    let head = "--B\r\nContent-Disposition: form-data; name=\"scan\"; filename=\"scan.png\"\r\nContent-Type: image/png\r\n\r\n";
    assert!(scan.starts_with(head) && scan.ends_with("\r\n--X\r\n--B--\r\n"), "{shown}");
    assert!(seen.body.windows(png.len()).any(|bytes| bytes == png));
    let kept = gateway.kept("parts").await.unwrap();
    assert!(kept["scan"].as_str().unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"), "{kept}");

    let scans = |scan: Vec<u8>| [text("patient", "p"), scan, end()].concat();
    // What a browser sends for a file that nobody chose.
    let unchosen = b"--XX\r\nContent-Disposition: form-data; name=\"scan\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n";
    let answer = gateway.refuses(send(scans(unchosen.to_vec())), FieldInvalid).await;
    assert_eq!(answer.at("scan").json()["detail"], "The field is missing.");
    for (body, field) in [
        (scans(file("scan", "image/gif", b"GIF89a")), "scan"),
        (scans(file("scan", "image/png", b"<svg onload=x>")), "scan"),
        (scans(file("scan", "image/png", b"")), "scan"),
        (scans(file("scan", "image/png", &[png, &[0; 2048]].concat())), "scan"),
        (scans(text("scan", "no file")), "scan"),
        ([text("patient", "p"), end()].concat(), "scan"),
        ([file("patient", "image/png", png), file("scan", "image/png", png), end()].concat(), "patient"),
    ] {
        gateway.refuses(send(body), FieldInvalid).await.at(field);
    }
    for body in [
        [text("patient", "p"), file("scan", "image/png", png)].concat(),
        [text("patient", "p"), text("patient", "q"), end()].concat(),
        [text("patient", "p"), file("x", "multipart/mixed; boundary=y", b""), end()].concat(),
        [text("patient", "p\0"), end()].concat(),
        b"{}".to_vec(),
    ] {
        gateway.refuses(send(body), PayloadNotInspectable).await;
    }
    for content_type in ["multipart/form-data", "multipart/mixed; boundary=XX", "application/json"] {
        gateway
            .refuses(call(&gateway, "/parts", content_type, clean().concat()), PayloadNotInspectable)
            .await
            .says("boundary");
    }
    gateway.send(send(clean().concat())).await.ok();
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_text_is_one_field_both_ways() {
    let answer = "\x20   text: { type: string, length: ..20, caller: { mask: { keep_last: 2 } }, stored: leave_out }\n";
    let gateway = gateway("policies/plain.yaml", activity("plain", "text", "refuse", TEXT, answer)).await;
    let send = |body: &str| call(&gateway, "/plain", "text/plain; charset=utf-8", body.to_owned());
    gateway.upstream.answer(Reply::of(200, "text/plain; charset=utf-8", "quite well"));
    let answer = gateway.send(send("How <b>am</b> I?")).await.ok();
    assert_eq!((answer.text(), answer.header("content-type")), ("••••ll", Some("text/plain; charset=utf-8")));
    let seen = gateway.upstream.one();
    assert_eq!(seen.text(), "How am I?");
    assert_eq!(seen.headers["content-type"], "text/plain; charset=utf-8");
    gateway.refuses(send(&"x".repeat(201)), FieldInvalid).await.at("text");
    gateway.refuses(send(""), FieldInvalid).await.at("text");
    gateway.refuses(send("\u{feff}x"), PayloadNotInspectable).await;
    gateway.refuses(call(&gateway, "/plain", "text/html", "x"), PayloadNotInspectable).await;
    gateway
        .refuses(
            call(&gateway, "/plain", "text/plain; charset=utf-8", b"\xff".to_vec()),
            PayloadNotInspectable,
        )
        .await;
    gateway.healthy().await;
    gateway.close().await;
}
