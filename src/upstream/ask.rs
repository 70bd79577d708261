//! A request as it goes over the wire.

use std::io::IoSlice;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::reader::Wanted;

/// A body of up to this many bytes goes out in one piece with its head.
const SMALL: usize = 4 * 1024;
/// Room for a line of a head.
const LINE: usize = 64;

/// A request: what an upstream is asked, and what of the answer's head is wanted. Host and framing are not the caller's to
/// say: they are set here, whatever `fields` holds.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and perhaps query, put behind the upstream's own path.
    pub target: &'a PathAndQuery,
    /// The fields of the head.
    pub fields: Fields<'a>,
    /// The body, whole.
    pub body: Bytes,
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
    /// The head, and a small body behind it.
    first: Vec<u8>,
    /// A larger body.
    second: Bytes,
    written: usize,
}

impl Outgoing {
    /// Writes it down, so that nothing of what it was made from is held while it is on its way.
    pub(super) fn new(ask: Ask<'_>, host: &HeaderValue, prefix: &str) -> Self {
        let Ask { method, target, fields, body, wanted: _ } = ask;
        let (small, second) = if body.len() <= SMALL { (body, Bytes::new()) } else { (Bytes::new(), body) };
        let length = small.len() + second.len();
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
        // RFC 9110 section 8.6: said also of no body, where the method is one with which a server expects some.
        if length > 0 || matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            field(&mut first, &CONTENT_LENGTH, itoa::Buffer::new().format(length).as_bytes());
        }
        first.extend_from_slice(b"\r\n");
        first.extend_from_slice(&small);
        Self { first, second, written: 0 }
    }

    /// True before the first byte has been written.
    pub(super) const fn is_unwritten(&self) -> bool {
        self.written == 0
    }

    /// True once every byte has been written.
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
        let ask = Ask { method: &method, target: &target, fields, body: body.into(), wanted: Wanted::All };
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
