use super::*;

const CAPS: HeadCaps = HeadCaps { fields: 100, bytes: 8 * 1024 };

fn reader(text: &str) -> Reader {
    let mut reader = Reader::new(CAPS);
    reader.put(text.as_bytes());
    reader
}

fn fault(head: &str) -> Option<Fault> {
    reader(&format!("{head}\r\n\r\n")).head().err()
}

#[test]
fn a_head_says_what_is_asked_for_and_how_long_it_is() {
    let mut reader = reader(
        "POST /a?b=c HTTP/1.1\r\nHost: a\r\nX:\t caf\u{e9} \r\nx: 2\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
    );
    let Head { request, keeps, waits } = reader.head().unwrap().unwrap();
    assert_eq!((request.method().as_str(), request.uri().to_string()), ("POST", "/a?b=c".to_owned()));
    assert_eq!((request.version(), keeps, waits), (Version::HTTP_11, true, false));
    let xs: Vec<_> = request.headers().get_all("x").iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(xs, ["caf\u{e9}".as_bytes(), b"2"]);
    assert_eq!((reader.left(), reader.whole()), (Some(3), Some(Bytes::from_static(b"abc"))));
    let Head { request, keeps, .. } = reader.head().unwrap().unwrap();
    assert_eq!((request.version(), keeps), (Version::HTTP_10, false));
    assert!(reader.is_over() && !reader.has_more() && reader.head().unwrap().is_none());
    assert_eq!(reader.bytes.capacity(), 0, "who rests holds nothing");
}

#[test]
fn whether_a_connection_goes_on_is_said_by_version_and_connection() {
    for (line, connection, goes_on) in [
        ("GET / HTTP/1.1", "", true),
        ("GET / HTTP/1.1", "keep-alive", true),
        ("GET / HTTP/1.1", "x ,CLOSE", false),
        ("GET / HTTP/1.1", "close, keep-alive", false),
        ("GET / HTTP/1.0", "", false),
        ("GET / HTTP/1.0", "x, Keep-Alive", true),
        ("GET / HTTP/1.0", "keep-alive, close", false),
    ] {
        let head = format!("{line}\r\nconnection: {connection}\r\n\r\n");
        let Head { keeps, .. } = reader(&head).head().unwrap().unwrap();
        assert_eq!(keeps, goes_on, "{head}");
    }
}

#[test]
fn a_body_waits_for_leave_where_that_is_asked_for_and_there_is_one() {
    for (fields, expected) in [
        ("expect: 100-Continue\r\ncontent-length: 1", true),
        ("expect: 100-continue\r\ntransfer-encoding: chunked", true),
        ("expect: 100-continue\r\ncontent-length: 0", false),
        ("expect: 100-continue", false),
        ("expect: something\r\ncontent-length: 1", false),
    ] {
        let head = format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n");
        assert_eq!(reader(&head).head().unwrap().unwrap().waits, expected, "{fields}");
    }
    let old = "POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n";
    assert!(!reader(old).head().unwrap().unwrap().waits);
}

#[test]
fn each_fault_has_its_name() {
    for (head, expected) in [
        ("GET / HTTP/1.1", None),
        ("GET / HTTP/1.2", Some(Fault::Head)),
        ("GET / HTTP/1.1\r\n: a", Some(Fault::Head)),
        ("GET / HTTP/1.1\nx: y", Some(Fault::LineEnd)),
        ("\r\nGET / HTTP/1.1", Some(Fault::LineEnd)),
        ("\nGET / HTTP/1.1", Some(Fault::LineEnd)),
        ("GET /#a HTTP/1.1", Some(Fault::Target)),
        ("GET /\u{e9} HTTP/1.1", Some(Fault::Target)),
        ("POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1", Some(Fault::Length)),
        ("POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked", Some(Fault::Length)),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 1", Some(Fault::Length)),
        ("POST / HTTP/1.1\r\ncontent-length: 1,1", Some(Fault::Length)),
        ("POST / HTTP/1.1\r\ntransfer-encoding: gzip", Some(Fault::Coding)),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked", Some(Fault::Coding)),
    ] {
        assert_eq!(fault(head), expected, "{head:?}");
    }
}

#[test]
fn heads_are_bounded_in_bytes_and_in_fields() {
    let of = |length: usize| format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(length - 23));
    assert!(reader(&of(CAPS.bytes)).head().unwrap().is_some());
    assert_eq!(reader(&of(CAPS.bytes + 1)).head().err(), Some(Fault::TooLarge));
    // Also where its end is still to come.
    let mut endless = Reader::new(CAPS);
    endless.put(b"GET / HTTP/1.1\r\nx: ");
    for _ in 0..CAPS.bytes / 64 - 1 {
        endless.put(&[b'y'; 64]);
        assert!(endless.head().unwrap().is_none());
    }
    endless.put(&[b'y'; 64]);
    assert_eq!(endless.head().err(), Some(Fault::TooLarge));

    for fields in [20, 100, 130] {
        let caps = HeadCaps { fields, ..CAPS };
        for (many, fits) in [(fields, true), (fields + 1, false)] {
            let mut reader = Reader::new(caps);
            reader.put(format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(many)).as_bytes());
            assert_eq!(reader.head().err(), (!fits).then_some(Fault::TooLarge), "{many} of {fields}");
        }
    }
}

#[test]
fn who_speaks_something_else_hears_of_it_at_once() {
    assert_eq!(reader("\x16\x03\x01\x02\0\x01\0\x01").head().err(), Some(Fault::Head));
    assert_eq!(reader("EHLO").head().unwrap().map(drop), None);
    for empty in ["\r", "\n", "\r\n"] {
        assert_eq!(reader(empty).head().err(), Some(Fault::LineEnd), "{empty:?}");
    }
}

#[test]
fn a_body_is_whole_only_with_its_last_byte() {
    let mut reader = reader("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhel");
    reader.head().unwrap().unwrap();
    assert_eq!((reader.whole(), reader.is_over()), (None, false));
    assert_eq!(reader.piece(), Ok(Piece::Data(Bytes::from_static(b"hel"))));
    assert_eq!((reader.piece(), reader.left()), (Ok(Piece::More), Some(2)));
    reader.put(b"loGET");
    assert_eq!(reader.piece(), Ok(Piece::Data(Bytes::from_static(b"lo"))));
    assert_eq!((reader.piece(), reader.has_more()), (Ok(Piece::End), true));
}
