use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::*;

static BOTH: [HeaderName; 2] = [CONTENT_TYPE, CACHE_CONTROL];

const CAPS: HeadCaps = HeadCaps { fields: 100, bytes: 64 * 1024 };

/// Status, body, and whether another answer may come: read in one piece.
fn read(text: &str, head: bool) -> Result<(u16, String, bool), Fault> {
    let mut reader = Reader::new();
    reader.begin(head);
    reader.bytes().extend_from_slice(text.as_bytes());
    let Head { status, .. } = reader.head(CAPS, Wanted::All)?.ok_or(Fault::Ended)?;
    let mut body = Vec::new();
    loop {
        match reader.piece()? {
            Piece::Data(data) => body.extend_from_slice(&data),
            Piece::More => {
                reader.ended()?;
                break;
            }
            Piece::End => break,
        }
    }
    Ok((status.as_u16(), String::from_utf8(body).unwrap(), reader.can_begin()))
}

#[test]
fn an_answer_ends_where_its_head_says() {
    for (text, body, again) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok", true),
        ("HTTP/1.1 200\r\nContent-Length:2 \r\n\r\nok", "ok", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive, Close\r\n\r\nok", "ok", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK", "ok", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n\r\n", "", true),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", false),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok", "ok", false),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok", true),
        (
            "HTTP/1.1 103 x\r\ncontent-length: 9\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "ok",
            true,
        ),
    ] {
        assert_eq!(read(text, false), Ok((200, body.to_owned(), again)), "{text:?}");
    }
    // These have no body, whatever their heads say.
    for (status, head) in [(204, false), (304, false), (200, true)] {
        for field in ["", "content-length: 9\r\n", "transfer-encoding: chunked\r\n"] {
            let text = format!("HTTP/1.1 {status} x\r\n{field}\r\n");
            // Of a 204 or 304 that announces a body, the body may be on its way.
            let again = status == 200 || field.is_empty();
            assert_eq!(read(&text, head), Ok((status, String::new(), again)), "{text:?}");
            let none = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
            assert_eq!(read(&none, head), Ok((status, String::new(), true)), "{none:?}");
            let (_, body, again) = read(&format!("{text}bytes"), head).unwrap();
            assert_eq!((body.as_str(), again), ("", false), "{text:?}: unread bytes");
        }
    }
}

#[test]
fn what_has_two_readings_or_none_is_refused() {
    use Fault::{Coding, Ended, Length, Switches, Value};
    for (fields, fault) in [
        ("content-length: 2\r\ncontent-length: 2", Length),
        ("content-length: 1\r\ncontent-length: 2", Length),
        ("content-length: 2, 2", Length),
        ("content-length: +2", Length),
        ("content-length: -2", Length),
        ("content-length: 0x2", Length),
        ("content-length:", Length),
        ("content-length: 18446744073709551616", Length),
        ("content-length: 2\r\ntransfer-encoding: chunked", Length),
        ("transfer-encoding: chunked\r\ncontent-length: 2", Length),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", Coding),
        ("transfer-encoding: gzip, chunked", Coding),
        ("transfer-encoding: chunked, gzip", Coding),
        ("transfer-encoding: identity", Coding),
        ("transfer-encoding:", Coding),
        ("content-length: 3", Ended),
    ] {
        for status in ["200 OK", "204 No Content"] {
            let text = format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\nok");
            if fault != Ended || status == "200 OK" {
                assert_eq!(read(&text, false), Err(fault), "{text:?}");
            }
        }
    }
    for (text, fault) in [
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Coding),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", Switches),
        ("HTTP/1.1 099 x\r\n\r\n", Value),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok", Ended),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", Ended),
        ("", Ended),
    ] {
        assert_eq!(read(text, false), Err(fault), "{text:?}");
    }
    for text in [
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx y: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : a\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "SSH-2.0-x\r\n",
    ] {
        assert!(matches!(read(text, false), Err(Fault::Head(_))), "{text:?}");
    }
}

#[test]
fn a_head_is_as_large_as_its_caps_and_no_larger() {
    let with = |fields: usize, value: usize| {
        format!("HTTP/1.1 204 x\r\n{}y: {}\r\n\r\n", "x: y\r\n".repeat(fields), "z".repeat(value))
    };
    let rest = with(0, 0).len();
    assert!(read(&with(99, 0), false).is_ok());
    assert_eq!(read(&with(100, 0), false), Err(Fault::HeadTooLarge));
    assert!(read(&with(0, CAPS.bytes - rest), false).is_ok());
    assert_eq!(read(&with(0, CAPS.bytes - rest + 1), false), Err(Fault::HeadTooLarge));
    // Nor is more waited for.
    let mut reader = Reader::new();
    reader.begin(false);
    let head = with(0, CAPS.bytes);
    for byte in head.as_bytes().iter().take(CAPS.bytes - 1) {
        reader.bytes().extend_from_slice(&[*byte]);
        assert!(reader.head(CAPS, Wanted::All).unwrap().is_none());
    }
    reader.bytes().extend_from_slice(b"z");
    assert!(matches!(reader.head(CAPS, Wanted::All), Err(Fault::HeadTooLarge)));
    // Caps above the room that is set aside are caps as well.
    let wide = HeadCaps { fields: 150, bytes: CAPS.bytes };
    for (fields, fits) in [(149, true), (150, false)] {
        let mut reader = Reader::new();
        reader.begin(false);
        reader.bytes().extend_from_slice(with(fields, 0).as_bytes());
        assert_eq!(reader.head(wide, Wanted::All).is_ok(), fits, "{fields}");
    }
}

#[test]
fn interim_answers_are_so_many_and_no_more() {
    let with = |count| format!("{}HTTP/1.1 204 x\r\n\r\n", "HTTP/1.1 102 x\r\nx: y\r\n\r\n".repeat(count));
    assert!(read(&with(INTERIM), false).is_ok());
    assert_eq!(read(&with(INTERIM + 1), false), Err(Fault::Interim));
}

#[test]
fn only_fields_that_are_wanted_are_kept() {
    let text = "HTTP/1.1 200 OK\r\nserver: x\r\nCache-Control: no-store\r\ncontent-type: a/b\r\n\
                content-length: 0\r\ncache-control: public\r\n\r\n";
    let fields = |wanted: Wanted| {
        let mut reader = Reader::new();
        reader.begin(false);
        reader.bytes().extend_from_slice(text.as_bytes());
        let head = reader.head(CAPS, wanted).unwrap().unwrap();
        let field =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        head.headers.iter().map(field).collect::<Vec<_>>()
    };
    let mut named = fields(Wanted::Named(&BOTH));
    named.sort_unstable();
    assert_eq!(named, ["cache-control: no-store", "cache-control: public", "content-type: a/b"]);
    let mut all = fields(Wanted::All);
    all.sort_unstable();
    assert_eq!(
        all,
        [
            "cache-control: no-store",
            "cache-control: public",
            "content-length: 0",
            "content-type: a/b",
            "server: x"
        ]
    );
}

#[test]
fn one_answer_is_read_after_the_other() {
    let mut reader = Reader::new();
    assert!(reader.can_begin() && reader.is_over());
    for body in ["one", "another"] {
        reader.begin(false);
        assert!(!reader.can_begin());
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let (early, late) = text.split_at(text.len() - 2);
        reader.bytes().extend_from_slice(early.as_bytes());
        assert!(reader.head(CAPS, Wanted::All).unwrap().is_some());
        assert_eq!(reader.left(), Some(body.len() as u64));
        assert!(matches!(reader.piece(), Ok(Piece::Data(data)) if data.len() == body.len() - 2));
        assert_eq!((reader.piece(), reader.left()), (Ok(Piece::More), Some(2)));
        reader.bytes().extend_from_slice(late.as_bytes());
        assert!(matches!(reader.piece(), Ok(Piece::Data(data)) if data.len() == 2));
        assert_eq!(reader.piece(), Ok(Piece::End));
        assert!(reader.can_begin());
    }
}
