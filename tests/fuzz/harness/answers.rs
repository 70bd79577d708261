//! An upstream's answer: whatever the pieces in which it comes, it is read as hyper reads it, or refused. What hyper takes
//! and is refused here is a closed list.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use consentry::net::chunks::{ChunkFault, Piece};
use consentry::net::dial::HeadCaps;
use consentry::upstream::{Fault, Reader, Wanted};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;

use super::wire::{Wire, fields, parts, told};

const CAPS: HeadCaps = HeadCaps { fields: 20, bytes: 8 * 1024 };

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// The first line says whether the request was HEAD, and how long the pieces are, one after the other and again; the rest is
/// what the upstream sends, and then it closes.
pub(super) fn answer(input: &[u8]) {
    let (told, pieces, rest) = told(input);
    compare(told.starts_with("HEAD"), rest, &pieces);
}

/// Reads `bytes` at once, byte by byte, in `pieces`, and as hyper does; says whether they are read at all.
pub(crate) fn compare(head: bool, bytes: &[u8], pieces: &[usize]) -> bool {
    let ours = read(head, bytes, &[]);
    let same = |other: Result<Answer, Fault>| match (&ours, &other) {
        (Ok(one), Ok(other)) => assert_eq!(one, other, "the pieces do not matter"),
        (one, other) => assert_eq!(one.is_ok(), other.is_ok(), "{one:?} and in pieces {other:?}"),
    };
    same(read(head, bytes, &[1]));
    same(read(head, bytes, pieces));
    for pieces in [pieces, &[]] {
        match (&ours, hyper(head, bytes, pieces)) {
            (Ok(ours), Some(theirs)) => assert_eq!(*ours, theirs, "hyper reads the same"),
            (Ok(ours), None) => panic!("hyper refuses {ours:?}"),
            (Err(fault), Some(theirs)) => {
                assert!(is_stricter(*fault, &theirs, bytes), "{fault:?}, and hyper reads {theirs:?}");
            }
            (Err(_), None) => {}
        }
    }
    ours.is_ok()
}

/// Whether this reader is meant to refuse what hyper took.
fn is_stricter(fault: Fault, theirs: &Answer, bytes: &[u8]) -> bool {
    let values = |name: &str| -> Vec<&[u8]> {
        theirs.fields.iter().filter(|(has, _)| has == name).map(|(_, value)| &**value).collect()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    match fault {
        // Nobody asked for another protocol.
        Fault::Switches => theirs.status == 101,
        // hyper waits for the answer itself as long as there are interim ones.
        Fault::Interim => bytes.windows(2).filter(|two| two == b" 1").count() > 8,
        // hyper prefers a coding to a length, takes a length that stands twice and any number of noughts, and asks for none where
        // there is no body.
        Fault::Length => {
            let plain =
                |value: &&[u8]| (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
            lengths.len() > 1 || !codings.is_empty() || !lengths.iter().all(plain)
        }
        // hyper takes any coding, where `chunked` is the last of several or there is none.
        Fault::Coding => !codings.is_empty(),
        // hyper bounds extensions in all, not a line; and neither noughts before a length nor spaces behind it.
        Fault::Chunks(ChunkFault::Line | ChunkFault::Beside) => {
            codings == [b"chunked"] || codings[0].eq_ignore_ascii_case(b"chunked")
        }
        // hyper bounds trailers by the size of a head, and lets a line end within one.
        Fault::Chunks(ChunkFault::Trailers) => codings[0].eq_ignore_ascii_case(b"chunked"),
        Fault::Chunks(ChunkFault::End) => false,
        // Of a request that is under way still, which is none of a reader's.
        Fault::Early => false,
        Fault::Head(_) | Fault::Value | Fault::HeadTooLarge | Fault::Ended => false,
    }
}

fn read(head: bool, bytes: &[u8], pieces: &[usize]) -> Result<Answer, Fault> {
    let mut reader = Reader::new();
    assert!(reader.can_begin());
    reader.begin(head);
    let mut answer = None;
    let mut body = Vec::new();
    let mut unread = false;
    for part in parts(bytes, pieces) {
        if answer.is_some() && reader.is_over() {
            unread = true;
            break;
        }
        reader.bytes().extend_from_slice(part);
        if answer.is_none() {
            answer = reader.head(CAPS, Wanted::All)?;
        }
        while answer.is_some() {
            match reader.piece()? {
                Piece::Data(data) => {
                    assert!(!data.is_empty(), "a piece has something in it");
                    body.extend_from_slice(&data);
                }
                Piece::More => break,
                Piece::End => {
                    assert!(reader.is_over());
                    break;
                }
            }
        }
    }
    if !reader.is_over() {
        assert!(!reader.can_begin(), "what is not over begins nothing");
        reader.ended()?;
    }
    unread |= !reader.bytes().is_empty();
    assert!(!(unread && reader.can_begin() && !reader.bytes().is_empty()), "unread bytes are no next answer");
    let head = answer.ok_or(Fault::Ended)?;
    Ok(Answer { status: head.status.as_u16(), fields: fields(&head.headers), body })
}

/// What hyper's client makes of it; nothing where it refuses. Nothing here ever waits for anything but hyper itself.
fn hyper(head: bool, bytes: &[u8], pieces: &[usize]) -> Option<Answer> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut builder = http1::Builder::new();
    builder.max_headers(CAPS.fields).max_header_size(CAPS.bytes);
    let Poll::Ready(Ok((mut sender, mut connection))) =
        pin!(builder.handshake(Wire::server(bytes, pieces))).poll(&mut cx)
    else {
        panic!("a handshake waits for nothing");
    };
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = if head { Method::HEAD } else { Method::GET };
    let mut over = false;
    let mut exchange = pin!(async {
        let mut response = sender.send_request(request).await.ok()?;
        let mut body = Vec::new();
        while let Some(frame) = response.frame().await {
            if let Ok(data) = frame.ok()?.into_data() {
                body.extend_from_slice(&data);
            }
        }
        Some(Answer { status: response.status().as_u16(), fields: fields(response.headers()), body })
    });
    for _ in 0..16 * (bytes.len() + 64) {
        if !over {
            over = Pin::new(&mut connection).poll(&mut cx).is_ready();
        }
        if let Poll::Ready(answer) = exchange.as_mut().poll(&mut cx) {
            return answer;
        }
    }
    panic!("hyper waits for something");
}
