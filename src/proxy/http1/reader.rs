//! A caller's bytes, read strictly: heads, and bodies up to their last byte. Knows no socket: bytes are put in, and what
//! they come to is taken out.
//!
//! INVARIANT: a request has one reading. A proxy before this one may read the same bytes otherwise where RFC 9112 lets it,
//! and two readers who differ are a smuggled request (RFC 9112 section 11.2). So a line ends with CR LF, a head has one
//! length or one coding, spelled in the one way that everybody understands, and a target has no fragment.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use httparse::{Header, Status};
use smallvec::SmallVec;
use thiserror::Error;

use crate::net::chunks::{ChunkFault, Chunks, Piece, take};
use crate::net::dial::HeadCaps;
use crate::net::framing::{ends_in, length, with_room};

/// Reads one request after the other.
#[derive(Debug)]
pub struct Reader {
    bytes: BytesMut,
    state: State,
    /// Of the bytes of a head that is not whole, those in which no end was found.
    seen: usize,
    caps: HeadCaps,
}

#[derive(Debug)]
enum State {
    /// This many bytes of a body are to come.
    Length(u64),
    Chunked(Chunks),
    /// Nothing of a request is missing: what comes next is the head of another.
    Over,
}

/// The head of a request, and what it says of the connection.
#[derive(Debug)]
pub struct Head {
    /// What is asked for.
    pub request: Request<()>,
    /// Whether another request may come on the connection.
    pub keeps: bool,
    /// Whether the body comes only when it is asked for (`Expect: 100-continue`).
    pub waits: bool,
}

/// Why bytes are no request. Says nothing of what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The request line or a field is not one.
    #[error("The head of the request is not well formed.")]
    Head,
    /// A line that does not end with CR LF, which some take for a line's end and others do not.
    #[error("A line of the head does not end with CR LF.")]
    LineEnd,
    /// A target with a fragment, or with bytes that must be percent-encoded.
    #[error("The request target is not well formed.")]
    Target,
    /// A length that is no number, or two of them, or one beside a transfer coding.
    #[error("The length of the body has two readings, or none.")]
    Length,
    /// Any transfer coding but `chunked` alone, or one in HTTP/1.0.
    #[error("The transfer coding is not the one that is read here: send chunked alone, or a Content-Length.")]
    Coding,
    /// More bytes or fields than there may be.
    #[error("The head of the request is too large.")]
    TooLarge,
}

/// What a head says of the connection and of the body.
#[derive(Clone, Copy, Debug, Default)]
struct Framing {
    /// The request speaks HTTP/1.0.
    is_old: bool,
    length: Option<u64>,
    chunked: bool,
    says_close: bool,
    says_keep: bool,
    waits: bool,
}

/// The first line of a head, and the length of the head.
struct Line {
    length: usize,
    method: Method,
    target: Range<usize>,
    version: Version,
}

/// Name, and where the value stands.
type Fields = SmallVec<[(HeaderName, Range<usize>); 16]>;

impl Reader {
    /// For heads of up to `caps`.
    pub fn new(caps: HeadCaps) -> Self {
        Self { bytes: BytesMut::new(), state: State::Over, seen: 0, caps }
    }

    /// Puts in what came.
    pub fn put(&mut self, bytes: &[u8]) {
        if self.bytes.is_empty() {
            // Exactly as much room as is needed, and none that an earlier request still holds.
            self.bytes = BytesMut::from(bytes);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The next head, once it is whole. To be asked for only when the request before is over.
    ///
    /// # Errors
    /// If the bytes are no request; nothing behind them can be believed.
    pub fn head(&mut self) -> Result<Option<Head>, Fault> {
        // The first bytes are looked at in any case: who speaks something else hears of it at once.
        let worth_it = self.seen == 0 || ends_in(&self.bytes, self.seen);
        let mut fields = Fields::new();
        let line = match worth_it {
            true => with_room(self.caps.fields, |room| self.parse(room, &mut fields))?,
            false => None,
        };
        let Some(line) = line else {
            self.seen = self.bytes.len();
            if self.seen == 0 {
                // Who rests holds nothing of the request before.
                self.bytes = BytesMut::new();
            }
            return if self.seen < self.caps.bytes { Ok(None) } else { Err(Fault::TooLarge) };
        };
        let head = self.bytes.split_to(line.length).freeze();
        self.seen = 0;
        let mut framing = Framing::new(line.version);
        let mut headers = HeaderMap::with_capacity(fields.len());
        for (name, value) in fields {
            let value = HeaderValue::from_maybe_shared(head.slice(value)).map_err(|_| Fault::Head)?;
            framing.hear(&name, value.as_bytes())?;
            headers.try_append(name, value).map_err(|_| Fault::TooLarge)?;
        }
        let mut request = Request::new(());
        *request.method_mut() = line.method;
        *request.uri_mut() = Uri::from_maybe_shared(head.slice(line.target)).map_err(|_| Fault::Target)?;
        *request.version_mut() = line.version;
        *request.headers_mut() = headers;
        self.state = match framing.length {
            _ if framing.chunked => State::Chunked(Chunks::bare(self.caps)),
            None | Some(0) => State::Over,
            Some(length) => State::Length(length),
        };
        Ok(Some(Head { request, keeps: framing.keeps(), waits: framing.waits && !self.is_over() }))
    }

    /// The line that begins the bytes, and where the fields behind it stand; nothing where they are not whole.
    fn parse<'b>(
        &'b self,
        room: &mut [MaybeUninit<Header<'b>>],
        fields: &mut Fields,
    ) -> Result<Option<Line>, Fault> {
        match self.bytes.first() {
            None => return Ok(None),
            // httparse passes over empty lines, however many, and each time anew.
            Some(b'\r' | b'\n') => return Err(Fault::LineEnd),
            Some(_) => {}
        }
        let mut parsed = httparse::Request::new(&mut []);
        let length = match parsed.parse_with_uninit_headers(&self.bytes, room) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Fault::TooLarge),
            Err(_) => return Err(Fault::Head),
        };
        if length > self.caps.bytes {
            return Err(Fault::TooLarge);
        }
        self.bytes.get(..length).filter(|head| has_one_reading(head)).ok_or(Fault::LineEnd)?;
        let start = self.bytes.as_ptr().addr();
        let range = |part: &[u8]| {
            let at = part.as_ptr().addr() - start;
            at..at + part.len()
        };
        let target = parsed.path.ok_or(Fault::Head)?.as_bytes();
        // A fragment is the caller's own business (RFC 9110 section 7.1); bytes beyond ASCII have no one meaning here.
        if !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
            return Err(Fault::Target);
        }
        for Header { name, value } in &*parsed.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Fault::Head)?;
            fields.push((name, range(value)));
        }
        let method = parsed.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
        let target = range(target);
        Ok(Some(Line { length, method: method.ok_or(Fault::Head)?, target, version }))
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// If the bytes are no body; nothing behind them can be believed.
    pub fn piece(&mut self) -> Result<Piece, ChunkFault> {
        match &mut self.state {
            State::Over => Ok(Piece::End),
            State::Chunked(chunks) => {
                let piece = chunks.next(&mut self.bytes)?;
                if piece == Piece::End {
                    self.state = State::Over;
                }
                Ok(piece)
            }
            State::Length(_) if self.bytes.is_empty() => Ok(Piece::More),
            State::Length(left) => {
                let data = take(&mut self.bytes, *left);
                *left = left.saturating_sub(data.len() as u64);
                if *left == 0 {
                    self.state = State::Over;
                }
                Ok(Piece::Data(data))
            }
        }
    }

    /// The whole body, where all of it has come and its length was said.
    pub fn whole(&mut self) -> Option<Bytes> {
        match self.state {
            State::Over => Some(Bytes::new()),
            State::Length(left) if left <= self.bytes.len() as u64 => {
                self.state = State::Over;
                Some(take(&mut self.bytes, left))
            }
            State::Length(_) | State::Chunked(_) => None,
        }
    }

    /// How many bytes of the body are still to be taken; `None` where that is not known before its end.
    pub const fn left(&self) -> Option<u64> {
        match self.state {
            State::Over => Some(0),
            State::Length(left) => Some(left),
            State::Chunked(_) => None,
        }
    }

    /// True where nothing of a request is missing.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// True where something has come that was not taken.
    pub fn has_more(&self) -> bool {
        !self.bytes.is_empty()
    }
}

impl Framing {
    fn new(version: Version) -> Self {
        Self { is_old: version == Version::HTTP_10, ..Self::default() }
    }

    /// Hears a field, where it is one that says where a request ends, or the connection.
    fn hear(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), Fault> {
        if name == CONTENT_LENGTH {
            if self.length.is_some() || self.chunked {
                return Err(Fault::Length);
            }
            self.length = Some(length(value).ok_or(Fault::Length)?);
        } else if name == TRANSFER_ENCODING {
            if self.length.is_some() {
                return Err(Fault::Length);
            }
            if self.chunked || self.is_old || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::Coding);
            }
            self.chunked = true;
        } else if name == CONNECTION {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.says_close |= option.eq_ignore_ascii_case(b"close");
                self.says_keep |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if name == EXPECT {
            self.waits |= !self.is_old && value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }

    /// RFC 9112 section 9.3.
    const fn keeps(&self) -> bool {
        !self.says_close && (!self.is_old || self.says_keep)
    }
}

/// Whether every line ends with CR LF. What else a line may hold, httparse sees to.
fn has_one_reading(head: &[u8]) -> bool {
    let ends = memchr::memchr_iter(b'\n', head);
    let mut whole = ends.map(|at| at.checked_sub(1).and_then(|before| head.get(before)) == Some(&b'\r'));
    whole.all(|whole| whole)
}

#[cfg(test)]
mod tests;
