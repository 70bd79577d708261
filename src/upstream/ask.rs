//! A request as it goes over the wire.

use std::io::{self, IoSlice, Write as _};
use std::mem;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Body as _;

use super::reader::Wanted;
use crate::net::{BodyError, Content};

/// A body of up to this many bytes goes out in one piece with its head.
const SMALL: usize = 4 * 1024;
/// Room for a line of a head.
const LINE: usize = 64;

/// A request: what an upstream is asked, and what of the answer's head is wanted. Host and framing are not the caller's to
/// say: they are set here, whatever `fields` holds.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and perhaps query, put behind the upstream's own path.
    pub target: &'a PathAndQuery,
    /// The fields of the head.
    pub fields: Fields<'a>,
    /// The body. One that is still to come is sent as it comes, by its length where that is known, else in chunks.
    pub body: Content,
    /// Which fields of the answer are wanted.
    pub wanted: Wanted,
}

/// The fields of a head, in either of two forms.
#[derive(Clone, Copy, Debug)]
pub enum Fields<'a> {
    /// As a map.
    Map(&'a HeaderMap),
    /// As a list.
    List(&'a [(HeaderName, HeaderValue)]),
}

/// What is to be written of a request, and how much of it has been.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// The head, and a small body behind it; later the length of a chunk.
    first: Vec<u8>,
    /// A larger body, or what has come of it.
    second: Bytes,
    written: usize,
    /// What is still to come of the body, in its own room: few have it.
    rest: Option<Box<Coming>>,
    /// Some of what was written is not held any more.
    begun: bool,
}

/// A body that is still to come.
#[derive(Debug)]
struct Coming {
    content: Content,
    framed: Framed,
}

/// How the other end knows where a body ends.
#[derive(Debug)]
enum Framed {
    /// After so many bytes more.
    Length(u64),
    /// `true` once there was a chunk.
    Chunks(bool),
}

impl Outgoing {
    /// Writes it down, so that nothing of what it was made from is held while it is on its way.
    pub(super) fn new(ask: Ask<'_>, host: &HeaderValue, prefix: &str) -> Self {
        let Ask { method, target, fields, body, wanted: _ } = ask;
        let (body, rest) = match body.into_full() {
            Ok(body) => (body, None),
            Err(content) => {
                let framed = content.size_hint().exact().map_or(Framed::Chunks(false), Framed::Length);
                (Bytes::new(), Some(Box::new(Coming { content, framed })))
            }
        };
        let (small, second) = if body.len() <= SMALL { (body, Bytes::new()) } else { (Bytes::new(), body) };
        let count = match fields {
            Fields::Map(map) => map.len(),
            Fields::List(list) => list.len(),
        };
        let mut first = Vec::with_capacity(target.as_str().len() + (count + 4) * LINE + small.len());
        for part in [method.as_str(), " ", prefix, target.as_str(), " HTTP/1.1\r\n"] {
            first.extend_from_slice(part.as_bytes());
        }
        field(&mut first, &HOST, host.as_bytes());
        match fields {
            Fields::Map(map) => map.iter().for_each(|(name, value)| theirs(&mut first, name, value)),
            Fields::List(list) => list.iter().for_each(|(name, value)| theirs(&mut first, name, value)),
        }
        let length = match rest.as_deref() {
            None => Some((small.len() + second.len()) as u64),
            Some(Coming { framed: Framed::Length(length), .. }) => Some(*length),
            Some(Coming { framed: Framed::Chunks(_), .. }) => None,
        };
        match length {
            // RFC 9110 section 8.6: said also of no body, where the method is one with which a server expects some.
            Some(0) if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) => {}
            Some(length) => {
                field(&mut first, &CONTENT_LENGTH, itoa::Buffer::new().format(length).as_bytes());
            }
            None => field(&mut first, &TRANSFER_ENCODING, b"chunked"),
        }
        first.extend_from_slice(b"\r\n");
        first.extend_from_slice(&small);
        Self { first, second, written: 0, rest, begun: false }
    }

    /// True before the first byte has been written.
    pub(super) const fn is_unwritten(&self) -> bool {
        self.written == 0 && !self.begun
    }

    /// True once every byte has been written that is there.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.first.len() + self.second.len()
    }

    /// What is still to be written.
    pub(super) fn rest(&self) -> [IoSlice<'_>; 2] {
        let first = self.first.get(self.written..).unwrap_or_default();
        let second = self.second.get(self.written.saturating_sub(self.first.len())..);
        [IoSlice::new(first), IoSlice::new(second.unwrap_or_default())]
    }

    /// So many more bytes have been written.
    pub(super) const fn advance(&mut self, count: usize) {
        self.written += count;
    }

    /// True where more of the body is to come.
    pub(super) const fn is_coming(&self) -> bool {
        self.rest.is_some()
    }

    /// Takes the next of a body that is still to come, in place of what has been written.
    ///
    /// # Errors
    /// If the body breaks off, or is not as long as it said.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let Some(coming) = &mut self.rest else { return Poll::Ready(Ok(())) };
        let data = match coming.framed {
            // Its end is not awaited: all that was announced has been written.
            Framed::Length(0) => None,
            _ => ready!(coming.content.poll_bytes(cx))?,
        };
        self.first.clear();
        match (&mut coming.framed, &data) {
            (Framed::Length(left), _) => {
                let came = data.as_ref().map_or(0, Bytes::len) as u64;
                let rest = left.checked_sub(came).filter(|rest| *rest == 0 || data.is_some());
                *left = rest.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
            }
            (Framed::Chunks(begun), data) => {
                let before: &[u8] = if mem::replace(begun, true) { b"\r\n" } else { b"" };
                self.first.extend_from_slice(before);
                // A chunk of no length is the last.
                write!(self.first, "{:x}\r\n", data.as_ref().map_or(0, Bytes::len))?;
                if data.is_none() {
                    self.first.extend_from_slice(b"\r\n");
                }
            }
        }
        (self.written, self.begun) = (0, true);
        if data.is_none() || matches!(coming.framed, Framed::Length(0)) {
            self.rest = None;
        }
        self.second = data.unwrap_or_default();
        Poll::Ready(Ok(()))
    }
}

/// A field that somebody else has a say on, but for those that are set here.
fn theirs(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    if ![HOST, CONTENT_LENGTH, CONNECTION, TRANSFER_ENCODING].contains(name) {
        field(out, name, value.as_bytes());
    }
}

fn field(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(method: Method, fields: Fields<'_>, body: impl Into<Bytes>) -> (Outgoing, String) {
        let target = PathAndQuery::from_static("/p?q=1");
        let ask =
            Ask { method: &method, target: &target, fields, body: Content::full(body), wanted: Wanted::All };
        let out = Outgoing::new(ask, &HeaderValue::from_static("api.example:81"), "/base");
        let text = out.rest().iter().map(|part| String::from_utf8(part.to_vec()).unwrap()).collect();
        (out, text)
    }

    #[test]
    fn host_and_framing_are_set_here_and_nothing_else_is_added() {
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("host", "evil"),
            ("content-length", "9"),
            ("transfer-encoding", "chunked"),
            ("connection", "close"),
            ("accept", "a"),
            ("accept", "b"),
        ] {
            map.append(name, HeaderValue::from_static(value));
        }
        let list: Vec<_> = map.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        for fields in [Fields::Map(&map), Fields::List(&list)] {
            let (_, text) = written(Method::POST, fields, "body");
            assert_eq!(
                text,
                "POST /base/p?q=1 HTTP/1.1\r\nhost: api.example:81\r\naccept: a\r\naccept: b\r\ncontent-length: 4\r\n\r\nbody"
            );
        }
        let none = Fields::List(&[]);
        assert_eq!(
            written(Method::GET, none, "").1,
            "GET /base/p?q=1 HTTP/1.1\r\nhost: api.example:81\r\n\r\n"
        );
        assert!(written(Method::PUT, none, "").1.ends_with("\r\ncontent-length: 0\r\n\r\n"));
    }

    #[test]
    fn a_small_body_goes_with_its_head_and_a_large_one_is_not_copied() {
        let body = Bytes::from(vec![b'x'; SMALL + 1]);
        let (mut large, text) = written(Method::POST, Fields::List(&[]), body.clone());
        let [head, rest] = large.rest();
        assert_eq!((rest.as_ptr(), rest.len()), (body.as_ptr(), SMALL + 1));
        let head = head.len();
        assert_eq!(text.len(), head + SMALL + 1);
        assert!(large.is_unwritten() && !large.is_written());
        large.advance(head - 1);
        assert_eq!(large.rest().map(|part| part.len()), [1, SMALL + 1]);
        large.advance(3);
        assert_eq!(large.rest().map(|part| part.len()), [0, SMALL - 1]);
        large.advance(SMALL - 1);
        assert!(large.is_written());
        let (small, _) = written(Method::POST, Fields::List(&[]), body.slice(..SMALL));
        assert_eq!(small.rest()[1].len(), 0);
    }
}
