//! Requests that are not as they should be: refused by their named problem, and never seen by the upstream.

use std::io::Write as _;

use bytes::Bytes;
use consentry::problem::Problem::{
    self, FieldInvalid, FieldNotPermitted, MethodNotPermitted, PayloadNotInspectable, PayloadTooLarge,
    RequestMalformed, RouteUnknown,
};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use http::Method;

use crate::support::{Call, Gateway, canary, changed, clean_body, gzip};

/// A clean body with one more member.
fn with(member: &str) -> String {
    changed("}]}", &format!("}}], {member}}}"))
}

#[tokio::test]
async fn what_is_not_as_declared_is_refused_at_its_field() {
    let gateway = Gateway::with_holder().await;
    let text = |name: &str, value: &str| with(&format!(r#""{name}": "{value}""#));
    let cases: Vec<(String, Problem, &str)> = vec![
        (changed("1987", "\"1987\""), FieldInvalid, "birth_year"),
        (changed("1987", "1987.5"), FieldInvalid, "birth_year"),
        (changed("1987", "2031"), FieldInvalid, "birth_year"),
        (changed("1987", "null"), FieldInvalid, "birth_year"),
        (changed("1987", "[1987]"), FieldInvalid, "birth_year"),
        (changed("1987", "{\"year\": 1987}"), FieldInvalid, "birth_year"),
        (changed("1987", "99999999999999999999999999"), FieldInvalid, "birth_year"),
        (changed("\"birth_year\": 1987, ", ""), FieldInvalid, "birth_year"),
        (changed("1e2", "true"), FieldInvalid, "visits[*].spent"),
        (changed(", \"spent\": 1e2", ""), FieldInvalid, "visits[*].spent"),
        (changed("1e2", "1e400"), FieldInvalid, "visits[*].spent"),
        (changed(canary::EMAIL, "quirina at orchid"), FieldInvalid, "contact.email"),
        (changed(canary::NAME, ""), FieldInvalid, "contact.name"),
        (changed(canary::NAME, &canary::NAME.repeat(8)), FieldInvalid, "contact.name"),
        (text("slogan", "<script>fetch('//evil')</script>"), FieldInvalid, "slogan"),
        (text("card", canary::CARD), FieldNotPermitted, "card"),
    ];
    for (body, problem, field) in cases {
        gateway.refuses(gateway.score(body), problem).await.at(field);
    }
    for body in [
        text("shoe_size", "38"),
        changed("\"name\"", &format!("\"{}\": 1, \"name\"", canary::SHOP)),
        changed("\"shop\"", "\"till\": 4, \"shop\""),
        changed("\"visits\"", "\"visit\": [], \"visits\""),
    ] {
        let answer = gateway.refuses(gateway.score(body), FieldNotPermitted).await;
        assert!(answer.json().get("field").is_none(), "the name of an undeclared field is the sender's text");
    }
    for body in ["[]".to_owned(), "3".to_owned(), "\"text\"".to_owned(), "null".to_owned(), "{}".to_owned()] {
        gateway.refuses(gateway.score(body), FieldInvalid).await;
    }
    assert_eq!(gateway.kept("churn").await, None, "what was refused is not kept");
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn what_is_not_json_as_everybody_reads_it_is_refused() {
    let gateway = Gateway::with_holder().await;
    let mut bodies: Vec<Bytes> = [
        changed("1987", "1987, \"birth_year\": 1986"),
        changed("1987", "1987, \"birth\\u005fyear\": 1986"),
        changed("\"email\"", "\"name\": \"Eve\", \"email\""),
        changed("\"spent\"", "\"spent\": 1, \"spent\""),
        changed("1987", "01987"),
        changed("1987", "NaN"),
        changed("1987", "+1987"),
        changed("1987,", "1987,,"),
        changed("}]}", "}],}"),
        changed("\"birth_year\"", "'birth_year'"),
        changed(canary::SHOP, "\\ud800"),
        changed(canary::SHOP, "\\x41"),
        changed(canary::SHOP, "a\u{0}b"),
        changed(canary::SHOP, "a\nb"),
        format!("\u{feff}{}", clean_body()),
        format!("{} {}", clean_body(), clean_body()),
        format!("{}x", clean_body()),
        format!("/* {} */ {}", canary::NAME, clean_body()),
        clean_body()[..40].to_owned(),
        String::new(),
        " ".to_owned(),
        format!("name={}", canary::NAME),
    ]
    .into_iter()
    .map(Bytes::from)
    .collect();
    bodies.push([clean_body().as_bytes(), b"\xff"].concat().into());
    bodies.push(
        clean_body().replace(canary::SHOP, "@").bytes().map(|b| if b == b'@' { 0xc3 } else { b }).collect(),
    );
    bodies.push(clean_body().encode_utf16().flat_map(u16::to_le_bytes).collect());
    for body in bodies {
        gateway.refuses(gateway.score(body), RequestMalformed).await;
    }
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused_before_it_is_held() {
    let gateway = Gateway::with_holder().await;
    let filler = with(&format!("\"remark\": \"{}\"", "m".repeat(17 * 1024)));
    let chunks = filler.as_bytes().chunks(1000).map(Bytes::copy_from_slice).collect();
    let visit = format!(r#"{{"shop": "{}", "spent": 1}}"#, canary::SHOP);
    let visits = vec![visit; 51].join(",");
    let deep = format!("{}1{}", "[".repeat(4000), "]".repeat(4000));
    // `loans` leaves out what is not declared, and so looks into it.
    let applicant =
        format!(r#""applicant": {{"id": "{}", "name": "{}"}}, "amount": 100"#, canary::HOLDER, canary::NAME);
    let token = gateway.token(canary::HOLDER, &["lend"]);
    let lend = |body: String| Call::json("/v1/loans/7/decide", body).bearer(&token);
    for call in [
        gateway.score(filler.clone()),
        gateway.score("").chunks(chunks),
        gateway.score(changed(r#"[{"shop""#, &format!(r#"[{visits}, {{"shop""#))),
        lend(format!(r#"{{"nest": {deep}, {applicant}}}"#)),
        lend(format!(r#"{{{applicant}, "nest": {deep}}}"#)),
        lend(format!(r#"{{{applicant}, "nest": {}1{}}}"#, "{\"a\":".repeat(8), "}".repeat(8))),
        gateway.score(gzip(&vec![b' '; 4 << 20])).header("content-encoding", "gzip"),
        gateway.score(zlib(&vec![b'7'; 4 << 20])).header("content-encoding", "deflate"),
        gateway.score(zstd(&vec![b'7'; 4 << 20])).header("content-encoding", "zstd"),
    ] {
        gateway.refuses(call, PayloadTooLarge).await;
    }
    // Within the route's cap, which is not what keeps it out.
    let tight = gateway.score(gzip(&vec![b' '; 15 << 10])).header("content-encoding", "gzip");
    let detail = gateway.refuses(tight, PayloadTooLarge).await.json()["detail"].to_string();
    assert!(detail.contains("100 times") && detail.contains("send it uncompressed"), "{detail}");
    // Announced and never sent: the answer does not wait for it.
    let token = gateway.token(canary::HOLDER, &["score"]);
    let head = format!(
        "POST /v1/churn/score HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
    );
    let answer = gateway.client.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload-too-large"), "{answer}");
    gateway.upstream.saw_nothing();
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn only_the_declared_media_type_and_charset_are_read() {
    let gateway = Gateway::with_holder().await;
    gateway.refuses(gateway.score(clean_body()).without("content-type"), PayloadNotInspectable).await;
    for media_type in [
        "text/plain",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "json",
    ] {
        let call = gateway.score(clean_body()).without("content-type").header("content-type", media_type);
        gateway.refuses(call, PayloadNotInspectable).await;
    }
    for media_type in
        ["application/json; charset=UTF-8", "APPLICATION/JSON", "application/json;charset=\"utf-8\""]
    {
        let call = gateway.score(clean_body()).without("content-type").header("content-type", media_type);
        gateway.send(call).await.ok();
        assert_eq!(gateway.upstream.one().headers["content-type"], "application/json");
    }
    gateway.close().await;
}

#[tokio::test]
async fn a_compressed_body_is_read_and_goes_on_as_it_is_or_is_refused() {
    let gateway = Gateway::with_holder().await;
    let clean = clean_body();
    let good: [(&str, Vec<u8>); 5] = [
        ("gzip", gzip(clean.as_bytes())),
        ("x-gzip", gzip(clean.as_bytes())),
        ("deflate", zlib(clean.as_bytes())),
        ("br", brotli(clean.as_bytes())),
        ("zstd", zstd(clean.as_bytes())),
    ];
    let plain = gateway.send(gateway.score(clean.clone())).await.ok();
    assert_eq!(plain.text(), crate::support::gateway::RISK);
    let as_plain = gateway.upstream.one().body;
    for (coding, body) in &good {
        let call = gateway.score(body.clone()).header("content-encoding", coding);
        gateway.send(call).await.ok();
        let seen = gateway.upstream.one();
        assert_eq!(seen.body, as_plain, "{coding}");
        assert!(!seen.headers.contains_key("content-encoding"));
    }
    for coding in ["gzip, gzip", "gzip, br", "compress", "identity, gzip", "exi", "*"] {
        let twice = gzip(&gzip(clean.as_bytes()));
        let call = gateway.score(twice).header("content-encoding", coding);
        gateway.refuses(call, PayloadNotInspectable).await;
    }
    for (coding, body) in &good {
        let mut cut = body.clone();
        cut.truncate(body.len() / 2);
        let call = gateway.score(cut).header("content-encoding", coding);
        gateway.refuses(call, RequestMalformed).await.says("The compressed body is broken");
        let call = gateway.score([body.as_slice(), b"more"].concat()).header("content-encoding", coding);
        gateway.refuses(call, RequestMalformed).await.says("The compressed body is broken");
        let call = gateway.score(clean.clone()).header("content-encoding", coding);
        gateway.refuses(call, RequestMalformed).await.says("The compressed body is broken");
    }
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn only_what_a_policy_names_is_served() {
    let gateway = Gateway::with_holder().await;
    let token = gateway.token(canary::HOLDER, &["score", "lend", "offers"]);
    let call = |method: Method, target: &str| {
        Call::new(method, target).bearer(&token).header("content-type", "application/json").body(clean_body())
    };
    for target in [
        "/",
        "/v1",
        "/v1/churn",
        "/v1/churn/scores",
        "/V1/churn/score",
        "/v1/churn/score/",
        "/v1/loans//decide",
        "/v1/kept/",
        "/.well-known/consentry",
        "/metrics",
        "/v1/commands",
        "/v1/holder-7f31-quirina",
    ] {
        let problem = if target.contains("//") { RequestMalformed } else { RouteUnknown };
        gateway.refuses(call(Method::POST, target), problem).await;
    }
    for target in [
        "/v1//churn/score",
        "//v1/churn/score",
        "/v1/./churn/score",
        "/v1/x/../churn/score",
        "/v1/%2e%2e/v1/churn/score",
        "/v1/churn%2Fscore",
        "/v1/churn%2fscore",
        "/v1/churn%5Cscore",
        "/v1/churn/score%00",
        "/v1/churn/score;v=1",
        "/v1/churn/sc%zzore",
        "/v1/churn/score%252f",
        "/v1/churn/%ff",
    ] {
        let answer = gateway.send(call(Method::POST, target)).await;
        // What has no one form is malformed; what has one, and is no route, is unknown. Neither is the route beside it.
        let problem = if answer.status == 404 { RouteUnknown } else { RequestMalformed };
        answer.problem(problem);
        gateway.upstream.saw_nothing();
    }
    // Another spelling of the same path is the same path, and what goes on is the one form.
    gateway.send(call(Method::POST, "/v1/%63hurn/score")).await.ok();
    assert_eq!(gateway.upstream.one().target, "/v1/churn/score");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = gateway.refuses(call(method, "/v1/churn/score"), MethodNotPermitted).await;
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    gateway.refuses(call(Method::POST, "/v1/callback"), Problem::ActivityClosed).await;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn only_declared_parameters_pass() {
    let gateway = Gateway::with_holder().await;
    let token = gateway.token(canary::HOLDER, &["score", "lend"]);
    let call = |target: &str| Call::json(target, clean_body()).bearer(&token);
    for target in [
        "/v1/churn/score?who=quirina.zampolle@orchid.example",
        "/v1/churn/score?variant=a&debug=1",
        "/v1/churn/score?VARIANT=a",
    ] {
        gateway.refuses(call(target), FieldNotPermitted).await;
    }
    gateway.refuses(call("/v1/churn/score?variant=c"), FieldInvalid).await.at("variant");
    gateway.refuses(call("/v1/churn/score?variant="), FieldInvalid).await.at("variant");
    gateway.refuses(call("/v1/loans/0/decide"), FieldInvalid).await.at("branch");
    gateway.refuses(call("/v1/loans/quirina/decide"), FieldInvalid).await.at("branch");
    for target in ["/v1/churn/score?variant=a&variant=b", "/v1/churn/score?variant=%zz"] {
        gateway.refuses(call(target), RequestMalformed).await;
    }
    gateway.send(call("/v1/churn/score?variant=b")).await.ok();
    assert_eq!(gateway.upstream.one().target, "/v1/churn/score?variant=b");
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn of_the_callers_headers_only_declared_ones_go_on() {
    let gateway = Gateway::with_holder().await;
    let mut call = gateway.score(clean_body()).header("x-campaign", "spring");
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "203.0.113.9"),
        ("x-user", canary::OTHER),
        ("x-remote-user", canary::OTHER),
        ("x-consent-state", "given"),
        ("x-subject", canary::OTHER),
        ("consentry-decision-id", "forged"),
        ("consentry-person", canary::OTHER),
        ("x_campaign", canary::HEADER),
        ("x-undeclared", canary::HEADER),
        ("cookie", "session=1"),
        ("referer", "https://fleuve.example/?who=quirina.zampolle@orchid.example"),
        ("origin", "https://evil.example"),
        ("user-agent", "evil"),
        ("accept", "text/html"),
        ("accept-encoding", "br"),
        ("range", "bytes=0-1"),
        ("if-none-match", "x"),
    ] {
        call = call.header(name, value);
    }
    let answer = gateway.send(call).await.ok();
    assert_ne!(answer.header("consentry-decision-id"), Some("forged"));
    let headers = gateway.upstream.one().headers;
    let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "content-length", "content-type", "host", "x-campaign"]);
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["accept-encoding"], "identity");
    assert_eq!(headers["x-campaign"], "spring");
    assert_eq!(headers["host"], gateway.upstream.address.to_string());

    for (name, value) in [
        ("x-http-method-override", "DELETE"),
        ("connection", "authorization"),
        ("connection", "content-type, close"),
        ("content-type", "application/json"),
        ("authorization", "Bearer other"),
        ("x-campaign", "autumn"),
    ] {
        let call = gateway.score(clean_body()).header("x-campaign", "spring").header(name, value);
        gateway.refuses(call, RequestMalformed).await;
    }
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_request_that_two_servers_could_read_differently_is_refused_and_the_connection_closed() {
    let gateway = Gateway::with_holder().await;
    let token = gateway.token(canary::HOLDER, &["score"]);
    let body = clean_body();
    let length = body.len();
    for framing in [
        format!("Content-Length: {length}\r\nContent-Length: {}\r\n", length - 1),
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Content-Length: +{length}\r\n"),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        format!("Content-Length: {length}\r\nX: a\r\n b\r\n"),
        format!("Content-Length: {length}\r\nContent-Length : {length}\r\n"),
    ] {
        let request = format!(
            "POST /v1/churn/score HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n{framing}\r\n{body}"
        );
        let answer = gateway.client.raw(request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{framing:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), answer.len().min(1), "{framing:?}: {answer}");
        gateway.upstream.saw_nothing();
    }
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn an_extension_of_a_chunk_is_refused_by_its_name() {
    let gateway = Gateway::with_holder().await;
    let token = gateway.token(canary::HOLDER, &["score"]);
    let request = format!(
        "POST /v1/churn/score HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{{}}\r\n0\r\n\r\n"
    );
    let answer = gateway.client.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("extensions"), "{answer}");
    gateway.upstream.saw_nothing();
    gateway.close().await;
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// One uncompressed meta-block and an empty last one (RFC 7932 section 9.2).
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 1).unwrap();
    assert!(length < 1 << 16);
    let head = (length << 4 | 1 << 20).to_le_bytes();
    [&head[..3], bytes, &[3]].concat()
}
