//! An upstream's answers, put together from parts that mean something and from those that nearly do, in pieces of any
//! lengths; and those of the corpus, parted at every place.

use proptest::collection::vec;
use proptest::prelude::*;

use super::corpus;
use super::harness::answers::compare;
use super::messages::message;

const STATUS: [&str; 12] = [
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200",
    "HTTP/1.1 200 ",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 100 Continue",
    "HTTP/1.1 101 Switching Protocols",
    "HTTP/1.1 099 Too Low",
    "HTTP/2 200 OK",
    "http/1.1 200 OK",
];

const FIELDS: [&str; 24] = [
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
    "connection: x, Close",
    "x: y",
    " folded",
    "x: a\rb",
    "x: a\0b",
    "x: caf\u{e9}",
    "no colon",
    ": no name",
];

const BODIES: [&str; 14] = [
    "",
    "hello",
    "hello world",
    "hell",
    "5\r\nhello\r\n0\r\n\r\n",
    "5;ext\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nx: y\r\n\r\n",
    "5\r\nhello\r\n0\r\nx: y\nz: a\r\n\r\n",
    "5\r\nhello\r\n0\r\nx y\r\n\r\n",
    "5\r\nhello\r\n0\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\nhello\n0\n\n",
    "000000000000000005\r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffff\r\nhello",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_of_any_parts_is_read_as_hyper_reads_it_or_refused(
        messages in vec(message(&STATUS, &FIELDS, &BODIES), 1..3),
        head: bool,
        pieces in vec(1_usize..40, 0..4),
    ) {
        compare(head, messages.concat().as_bytes(), &pieces);
    }
}

/// Those of the corpus that are answers; the others are refused. Who adds one says here which it is.
const READ: [&str; 13] = [
    "bare_lf",
    "behind",
    "chunked",
    "extensions",
    "head",
    "head_chunked",
    "interim",
    "length",
    "no_content",
    "not_modified",
    "old",
    "trailers",
    "until_close",
];

#[test]
fn an_answer_may_be_parted_anywhere() {
    for (path, bytes) in corpus("upstream_answer") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let line = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
        let (told, answer) = (&bytes[..line], &bytes[line + 1..]);
        for place in 1..answer.len() {
            let is_read = compare(told.starts_with(b"HEAD"), answer, &[place, answer.len()]);
            assert_eq!(is_read, READ.contains(&&*name), "{name}");
        }
    }
}
