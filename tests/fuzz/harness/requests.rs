//! A caller's bytes: whatever the pieces in which they come, the requests in them are those that hyper reads, or are
//! refused. What hyper takes and is refused here is a closed list.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use bytes::Bytes;
use consentry::net::chunks::{ChunkFault, Piece};
use consentry::net::dial::HeadCaps;
use consentry::proxy::{Fault, Head, Reader};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;

use super::wire::{Wire, fields, parts, told};

const CAPS: HeadCaps = HeadCaps { fields: 20, bytes: 8 * 1024 };

/// A request that has come whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Whole {
    line: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// What became of a caller's bytes behind the last whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing is left that could be read.
    Over,
    /// What there is begins a request and does not end it.
    Unfinished,
    Refused(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Head(Fault),
    Body(ChunkFault),
}

/// The first line says how long the pieces are, one after the other and again; the rest is what a caller sends.
pub(super) fn requests(input: &[u8]) {
    let (_, pieces, rest) = told(input);
    compare(rest, &pieces);
}

/// Reads `bytes` at once, byte by byte, in `pieces`, and as hyper does; says how many requests are in it, and whether all of
/// it is.
pub(crate) fn compare(bytes: &[u8], pieces: &[usize]) -> (usize, bool) {
    let (ours, end) = read(bytes, &[]);
    for pieces in [&[1][..], pieces] {
        let (other, other_end) = read(bytes, pieces);
        assert_eq!(ours, other, "the pieces do not matter");
        // Of a head that does not end, the first bytes are looked at as they come, and the others when it ends.
        let refused = |end| matches!(end, End::Refused(_));
        let open = end == End::Unfinished || other_end == End::Unfinished;
        assert!(open || refused(end) == refused(other_end), "{end:?} and in pieces {other_end:?}");
    }
    for pieces in [pieces, &[]] {
        let theirs = hyper(bytes, pieces);
        assert!(theirs.len() >= ours.len(), "hyper refuses {:?}", ours.get(theirs.len()));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "hyper reads the same");
        }
        if let Some(theirs) = theirs.get(ours.len())
            && !ours.last().is_some_and(is_unheard)
        {
            let End::Refused(why) = end else { panic!("{end:?}, and hyper reads {theirs:?}") };
            assert!(is_stricter(why, theirs, bytes), "{why:?}, and hyper reads {theirs:?}");
        }
    }
    (ours.len(), end == End::Over)
}

/// Whether hyper passes over a `Connection` of this request, as it is not all text: a `close` in it ends the connection here.
fn is_unheard(request: &Whole) -> bool {
    request.fields.iter().any(|(name, value)| name == "connection" && !value.is_ascii())
}

/// Whether this reader is meant to refuse what hyper took.
fn is_stricter(why: Why, theirs: &Whole, bytes: &[u8]) -> bool {
    // What hyper folds or drops is still in the bytes.
    let text = bytes.to_ascii_lowercase();
    let told = |name: &[u8]| text.windows(name.len()).filter(|here| *here == name).count();
    let (lengths, codings) = (told(b"content-length"), told(b"transfer-encoding"));
    match why {
        // hyper takes a bare LF for a line's end, and passes over empty lines before a request.
        Why::Head(Fault::LineEnd) => {
            let bare = bytes.windows(2).any(|two| two[1] == b'\n' && two[0] != b'\r');
            bare || bytes.starts_with(b"\n") || bytes.starts_with(b"\r\n") || contains(bytes, b"\n\r\n")
        }
        // hyper cuts a fragment off, and takes bytes beyond ASCII.
        Why::Head(Fault::Target) => bytes.contains(&b'#') || !bytes.is_ascii(),
        // hyper prefers a coding to a length, and takes a length that stands twice and any number of noughts.
        Why::Head(Fault::Length) => {
            let length = theirs.fields.iter().find(|(name, _)| name == "content-length");
            lengths + codings > 1 || length.is_some_and(|(_, value)| value.len() > 19)
        }
        // hyper takes any coding that ends in `chunked`.
        Why::Head(Fault::Coding) => codings > 0,
        // hyper takes extensions, white space, and any number of noughts; it bounds trailers by the size of a head, and lets a line
        // end within one.
        Why::Body(ChunkFault::Line | ChunkFault::Beside | ChunkFault::Trailers) => codings > 0,
        Why::Head(Fault::Head | Fault::TooLarge) | Why::Body(ChunkFault::End) => false,
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|here| here == what)
}

fn whole<B>(request: &Request<B>, body: Vec<u8>) -> Whole {
    Whole {
        line: format!("{} {} {:?}", request.method(), request.uri(), request.version()),
        fields: fields(request.headers()),
        body,
    }
}

fn read(bytes: &[u8], pieces: &[usize]) -> (Vec<Whole>, End) {
    let mut reader = Reader::new(CAPS);
    let mut requests = Vec::new();
    let mut underway: Option<(Head, Vec<u8>)> = None;
    for part in parts(bytes, pieces) {
        reader.put(part);
        loop {
            let Some((head, body)) = &mut underway else {
                assert!(reader.is_over(), "a head is read only behind a whole request");
                match reader.head() {
                    Ok(Some(head)) => underway = Some((head, Vec::new())),
                    Ok(None) => break,
                    Err(fault) => return (requests, End::Refused(Why::Head(fault))),
                }
                continue;
            };
            match reader.piece() {
                Ok(Piece::Data(data)) => {
                    assert!(!data.is_empty(), "a piece has something in it");
                    body.extend_from_slice(&data);
                }
                Ok(Piece::More) => break,
                Ok(Piece::End) => {
                    assert!(reader.is_over() && reader.left() == Some(0));
                    requests.push(whole(&head.request, std::mem::take(body)));
                    if !head.keeps {
                        return (requests, End::Over);
                    }
                    underway = None;
                }
                Err(fault) => {
                    assert!(!reader.is_over(), "what is broken is not over");
                    return (requests, End::Refused(Why::Body(fault)));
                }
            }
        }
    }
    let end = if underway.is_some() || reader.has_more() { End::Unfinished } else { End::Over };
    (requests, end)
}

/// The whole requests that hyper's server finds. Nothing here ever waits for anything but hyper itself.
fn hyper(bytes: &[u8], pieces: &[usize]) -> Vec<Whole> {
    let found = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let found = Rc::clone(&found);
        async move {
            let (head, mut incoming) = request.into_parts();
            let mut body = Vec::new();
            let mut broken = false;
            while let Some(frame) = incoming.frame().await {
                match frame.map(|frame| frame.into_data()) {
                    Ok(Ok(data)) => body.extend_from_slice(&data),
                    Ok(Err(_)) => {}
                    Err(_) => broken = true,
                }
            }
            if !broken {
                found.borrow_mut().push(whole(&Request::from_parts(head, ()), body));
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_headers(CAPS.fields).max_header_size(CAPS.bytes).header_read_timeout(None);
    let mut connection = pin!(builder.serve_connection(Wire::caller(bytes, pieces), service));
    let mut cx = Context::from_waker(Waker::noop());
    let over = (0..16 * (bytes.len() + 64)).any(|_| connection.as_mut().poll(&mut cx).is_ready());
    assert!(over, "hyper waits for something");
    found.take()
}
