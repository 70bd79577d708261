//! An answer's bytes, read strictly: from the status line to the last byte of the body. Knows no socket: bytes are put in,
//! and what they come to is taken out.
//!
//! INVARIANT: an answer has one reading. Where RFC 9112 section 6.3 lets a recipient choose, it is refused, for on a
//! connection that is used again a second reading is how one caller comes to see another's answer.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httparse::{Header, Status};
use smallvec::SmallVec;

use super::fault::Fault;
use crate::net::chunks::{Chunks, Piece, take};
use crate::net::dial::HeadCaps;
use crate::net::framing::{ends_in, length, with_room};

/// Interim answers before the answer: one `100`, or a few `103`.
const INTERIM: usize = 8;

/// Reads one answer after the other.
#[derive(Debug)]
pub struct Reader {
    bytes: BytesMut,
    state: State,
    /// Of the bytes of a head that is not whole, those in which no end was found.
    seen: usize,
    interim: usize,
    /// The request was HEAD, whose answer has no body.
    headless: bool,
    /// The connection can be used again after this answer, as far as its head says.
    keeps: bool,
}

#[derive(Debug)]
enum State {
    Head,
    /// This many bytes of the body are to come.
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Over,
}

/// Which fields of a head are wanted. The others are checked, and not kept.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// All of them.
    All,
    /// Those of these names.
    Named(&'static [HeaderName]),
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    /// Its status, never an interim one.
    pub status: StatusCode,
    /// The fields that are wanted.
    pub headers: HeaderMap,
}

/// What a head says of the connection and of the body.
#[derive(Clone, Copy, Debug, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    closes: bool,
}

/// Name, and where the value stands.
type Kept = SmallVec<[(HeaderName, Range<usize>); 8]>;

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// Nothing has been asked yet, so nothing is to come.
    pub fn new() -> Self {
        Self { bytes: BytesMut::new(), state: State::Over, seen: 0, interim: 0, headless: false, keeps: true }
    }

    /// Awaits the answer to a request; `head` says that its method is HEAD.
    pub fn begin(&mut self, head: bool) {
        self.state = State::Head;
        (self.seen, self.interim) = (0, 0);
        self.headless = head;
    }

    /// Where bytes that come are to be put.
    pub fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// The head of the answer, once it is whole.
    ///
    /// # Errors
    /// If the bytes are no answer.
    pub fn head(&mut self, caps: HeadCaps, wanted: Wanted) -> Result<Option<Head>, Fault> {
        loop {
            let has_end = self.seen == 0 || ends_in(&self.bytes, self.seen);
            let mut kept = Kept::new();
            let found = if has_end {
                with_room(caps.fields, |room| self.parse(room, caps, wanted, &mut kept))?
            } else {
                None
            };
            let Some((length, status, framing)) = found else {
                if self.bytes.len() >= caps.bytes {
                    return Err(Fault::HeadTooLarge);
                }
                self.seen = self.bytes.len();
                return Ok(None);
            };
            let head = self.bytes.split_to(length).freeze();
            self.seen = 0;
            if status.is_informational() {
                self.interim += 1;
                if self.interim > INTERIM {
                    return Err(Fault::Interim);
                }
                continue;
            }
            self.body(status, framing, caps);
            let mut headers = HeaderMap::with_capacity(kept.len() + 4);
            for (name, value) in kept.drain(..) {
                let value = HeaderValue::from_maybe_shared(head.slice(value)).map_err(|_| Fault::Value)?;
                headers.try_append(name, value).map_err(|_| Fault::HeadTooLarge)?;
            }
            return Ok(Some(Head { status, headers }));
        }
    }

    /// Length, status and framing of the head that begins the bytes; its wanted fields are put into `kept`.
    fn parse<'b>(
        &'b self,
        room: &mut [MaybeUninit<Header<'b>>],
        caps: HeadCaps,
        wanted: Wanted,
        kept: &mut Kept,
    ) -> Result<Option<(usize, StatusCode, Framing)>, Fault> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let mut answer = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut answer,
            &self.bytes,
            room,
        );
        let length = match parsed {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Fault::HeadTooLarge),
            Err(error) => return Err(Fault::Head(error)),
        };
        if length > caps.bytes {
            return Err(Fault::HeadTooLarge);
        }
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Fault::Value)?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Fault::Switches);
        }
        let mut framing = Framing::default();
        if status.is_informational() {
            return Ok(Some((length, status, framing)));
        }
        let start = self.bytes.as_ptr().addr();
        for Header { name, value } in &*answer.headers {
            framing.hear(name, value)?;
            let kept_name = match wanted {
                Wanted::All => Some(HeaderName::from_bytes(name.as_bytes()).map_err(|_| Fault::Value)?),
                Wanted::Named(names) => {
                    names.iter().find(|wanted| wanted.as_str().eq_ignore_ascii_case(name)).cloned()
                }
            };
            if let Some(name) = kept_name {
                let at = value.as_ptr().addr() - start;
                kept.push((name, at..at + value.len()));
            }
        }
        let is_old = answer.version != Some(1);
        if is_old && framing.chunked {
            return Err(Fault::Coding);
        }
        framing.closes |= is_old;
        Ok(Some((length, status, framing)))
    }

    /// What is to come after a head (RFC 9112 section 6.3).
    fn body(&mut self, status: StatusCode, framing: Framing, caps: HeadCaps) {
        let Framing { length, chunked, closes } = framing;
        let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // A server that announces a body where there is none may send it. A 204 may not announce one (RFC 9110 section 8.6); a
        // 304 may, but nobody here asks with conditions, so who sends one is not to be relied upon. The answer to HEAD
        // announces what GET would have got, in chunks too (RFC 9112 section 6.1), and servers do so day by day.
        let stray = bodiless && (chunked || length.is_some_and(|length| length > 0));
        self.keeps = !closes && !stray;
        let none = self.headless || bodiless;
        self.state = match length {
            _ if none => State::Over,
            _ if chunked => State::Chunked(Chunks::new(caps)),
            Some(0) => State::Over,
            Some(length) => State::Length(length),
            None => {
                self.keeps = false;
                State::UntilClose
            }
        };
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// If the bytes are no body; after that, nothing more is to be asked of it.
    pub fn piece(&mut self) -> Result<Piece, Fault> {
        match &mut self.state {
            State::Over => Ok(Piece::End),
            State::Chunked(chunks) => {
                let piece = chunks.next(&mut self.bytes)?;
                if piece == Piece::End {
                    self.state = State::Over;
                }
                Ok(piece)
            }
            State::Head => Ok(Piece::More),
            _ if self.bytes.is_empty() => Ok(Piece::More),
            State::UntilClose => Ok(Piece::Data(self.bytes.split().freeze())),
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

    /// The connection has ended: so has a body that goes on until then. To be called when no piece is left.
    ///
    /// # Errors
    /// If more was to come.
    pub fn ended(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Over => Ok(()),
            State::UntilClose if self.bytes.is_empty() => {
                self.state = State::Over;
                Ok(())
            }
            _ => Err(Fault::Ended),
        }
    }

    /// How many bytes of the body are still to be taken; `None` where that is not known before its end.
    pub fn left(&self) -> Option<u64> {
        match self.state {
            State::Over => Some(0),
            State::Length(left) => Some(left),
            State::Head | State::Chunked(_) | State::UntilClose => None,
        }
    }

    /// True once the whole answer has been taken.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// True if a next answer may come on the same connection: this one is over, says nothing else, and nothing is unread.
    pub fn can_begin(&self) -> bool {
        self.is_over() && self.keeps && self.bytes.is_empty()
    }
}

impl Framing {
    /// Hears a field, where it is one that says where an answer ends.
    fn hear(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        // By length first: most fields are none of them.
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => {
                if self.length.is_some() || self.chunked {
                    return Err(Fault::Length);
                }
                self.length = Some(length(value).ok_or(Fault::Length)?);
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                if self.length.is_some() {
                    return Err(Fault::Length);
                }
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Fault::Coding);
                }
                self.chunked = true;
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                let mut options = value.split(|byte| *byte == b',');
                self.closes |= options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
