//! Callers' requests, put together from parts that mean something and from those that nearly do, in pieces of any lengths;
//! and those of the corpus, parted at every place.

use proptest::collection::vec;
use proptest::prelude::*;

use super::corpus;
use super::harness::requests::compare;
use super::messages::message;

const LINES: [&str; 16] = [
    "GET / HTTP/1.1",
    "POST /a?b=c HTTP/1.1",
    "POST /a%20b HTTP/1.1",
    "GET / HTTP/1.0",
    "GET http://a/b HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "HEAD / HTTP/1.1",
    "GET /a#b HTTP/1.1",
    "GET /caf\u{e9} HTTP/1.1",
    "GET  / HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET / HTTP/1.2",
    "GET / HTTP/2.0",
    "GET /",
    "G@T / HTTP/1.1",
    "",
];

const FIELDS: [&str; 26] = [
    "host: a",
    "host: a",
    "content-length: 5",
    "content-length: 5",
    "Content-Length:5 ",
    "content-length: 5, 5",
    "content-length: +5",
    "content-length: 05",
    "content-length:",
    "content-length: 00000000000000000005",
    "content-length: 99999999999999999999",
    "transfer-encoding: chunked",
    "transfer-encoding: chunked",
    "Transfer-Encoding: CHUNKED",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: identity",
    "transfer-encoding : chunked",
    "connection: close",
    "connection: x, Keep-Alive",
    "expect: 100-continue",
    " folded",
    "x: a\rb",
    "x: a\0b",
    "x: caf\u{e9}",
    "no colon",
    ": no name",
];

const BODIES: [&str; 15] = [
    "",
    "",
    "hello",
    "hello world",
    "hell",
    "5\r\nhello\r\n0\r\n\r\n",
    "5;ext\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nx: y\r\n\r\n",
    "5\r\nhello\r\n0\r\nx: y\nz: a\r\n\r\n",
    "5\r\nhello\r\n0\r\nx y\r\n\r\n",
    "5\r\nhello\r\n0\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\nhello\n0\n\n",
    "ffffffffffffffff\r\nhello",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_of_any_parts_are_read_as_hyper_reads_them_or_refused(
        messages in vec(message(&LINES, &FIELDS, &BODIES), 1..4),
        pieces in vec(1_usize..40, 0..4),
    ) {
        compare(messages.concat().as_bytes(), &pieces);
    }
}

/// Those of the corpus that are read to their end, and how many requests are in them. Who adds one says so here.
const READ: [(&str, usize); 10] = [
    ("absolute", 1),
    ("asterisk", 1),
    ("chunked", 1),
    ("connection_no_text", 1),
    ("expect", 1),
    ("length", 1),
    ("old", 2),
    ("pipelined", 3),
    ("trailers", 2),
    ("trailers_enough", 2),
];

#[test]
fn requests_may_be_parted_anywhere() {
    for (path, bytes) in corpus("caller_request") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let line = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
        let requests = &bytes[line + 1..];
        let expected = READ.iter().find(|(read, _)| *read == name).map(|(_, many)| *many);
        for place in 1..requests.len() {
            let (many, whole) = compare(requests, &[place, requests.len()]);
            assert_eq!(whole.then_some(many), expected, "{name}");
        }
    }
}
