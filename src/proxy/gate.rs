//! A strict look at the bytes of HTTP/1.1 requests before hyper reads them.
//!
//! hyper is lenient where RFC 9112 lets it be: it takes a bare LF for a line's end, drops `Content-Length` when
//! `Transfer-Encoding` is there too, folds doubled lengths into one, and cuts a fragment off a target. A proxy before
//! this one may read the same bytes otherwise, and two readers who differ are a smuggled request (RFC 9112 section
//! 11.2). So the gate follows the framing itself and lets through only what has one reading.
//!
//! INVARIANT: what the gate takes for the end of a head or a body is where hyper sees it too, because every request that
//! the gate lets through has exactly one length, spelled in the one way that both understand.

use std::mem;

use super::meter::{Awaits, Meter};

/// What hyper is given in the place of a violation. NUL is allowed nowhere in a head, a chunk's length or a trailer, and
/// the empty line makes hyper look at once: it answers 400 and closes.
pub(super) const POISON: &[u8] = b"\0\r\n\r\n";

/// Digits of a `Content-Length`: more than any body here, fewer than overflow.
const LENGTH_DIGITS: usize = 15;

/// Follows the framing of one connection's requests.
#[derive(Debug)]
pub(super) struct Gate {
    state: State,
    /// The part of a line that came in an earlier read.
    line: Vec<u8>,
    head: Head,
    head_bytes: usize,
    most: usize,
}

/// Bytes that have more than one reading; nothing after them can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous {
    /// How many bytes before the violation may be passed on.
    pub(super) clean: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RequestLine,
    Field,
    /// This many bytes of a body are to come.
    Body(u64),
    ChunkSize,
    /// This many bytes of a chunk are to come, then CR LF.
    Chunk(u64),
    ChunkEnd,
    Trailer,
    /// The head is larger than hyper takes: it answers 431 by itself, and nothing behind it is read.
    TooLarge,
}

/// What a head has said so far on the length of the body.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    http_1_0: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Gate {
    /// A gate for heads of up to `most` bytes, which is what hyper's limit must be too.
    pub(super) fn new(most: usize) -> Self {
        Self { state: State::RequestLine, line: Vec::new(), head: Head::default(), head_bytes: 0, most }
    }

    /// True between two requests: no byte of a next one has come, and none of the last is missing.
    pub(super) fn is_between(&self) -> bool {
        self.state == State::RequestLine && self.head_bytes == 0
    }

    /// Looks at the bytes that came, and tells `meter` what is awaited after them.
    pub(super) fn look(&mut self, bytes: &[u8], meter: &Meter) -> Result<(), Ambiguous> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let clean = bytes.len() - rest.len();
            rest = match self.state {
                State::TooLarge => return Ok(()),
                State::Body(left) => {
                    let (behind, left) = skip(rest, left);
                    if left == 0 {
                        self.next_request()
                    } else {
                        self.state = State::Body(left)
                    }
                    behind
                }
                State::Chunk(left) => {
                    let (behind, left) = skip(rest, left);
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    behind
                }
                _ => self.take_line(rest, clean)?,
            };
        }
        meter.awaits(match self.state {
            State::RequestLine if self.head_bytes == 0 => Awaits::Next,
            State::RequestLine | State::Field | State::TooLarge => Awaits::Head,
            _ => Awaits::Body,
        });
        Ok(())
    }

    /// Takes a line, or what there is of it, and returns what stands behind it.
    fn take_line<'a>(&mut self, rest: &'a [u8], clean: usize) -> Result<&'a [u8], Ambiguous> {
        let end = memchr::memchr(b'\n', rest);
        if matches!(self.state, State::RequestLine | State::Field) || self.state == State::Trailer {
            let room = self.most.saturating_sub(self.head_bytes);
            if rest.len() > room && end.is_none_or(|end| end >= room) {
                self.state = State::TooLarge;
                return Ok(&[]);
            }
        }
        let Some(end) = end else {
            // A chunk's length never needs so long a line; a head's is bounded above.
            if self.state.is_chunk_framing() && self.line.len() + rest.len() > LENGTH_DIGITS + 1 {
                return Err(Ambiguous { clean });
            }
            self.head_bytes += rest.len();
            self.line.extend_from_slice(rest);
            return Ok(&[]);
        };
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let behind = behind.get(1..).unwrap_or_default();
        self.head_bytes += end + 1;
        let mut line = mem::take(&mut self.line);
        let whole = if line.is_empty() {
            part
        } else {
            line.extend_from_slice(part);
            &line
        };
        // The line's end is held back, so that hyper never sees a line that is refused as a whole one.
        let judged = match whole.strip_suffix(b"\r") {
            Some(text) if all(text, is_text) => self.judge(text),
            _ => None,
        };
        line.clear();
        self.line = line;
        judged.map(|()| behind).ok_or(Ambiguous { clean: clean + end })
    }

    /// Judges a whole line without its end; `None` is a refusal.
    fn judge(&mut self, line: &[u8]) -> Option<()> {
        match self.state {
            State::RequestLine => self.request_line(line),
            State::Field if line.is_empty() => self.head_ends(),
            State::Field => self.field(line),
            State::ChunkSize => {
                self.state = match chunk_size(line)? {
                    0 => State::Trailer,
                    size => State::Chunk(size),
                };
                self.head_bytes = 0;
                Some(())
            }
            State::ChunkEnd => {
                self.state = State::ChunkSize;
                line.is_empty().then_some(())
            }
            State::Trailer if line.is_empty() => {
                self.next_request();
                Some(())
            }
            State::Trailer => split(line).map(|_| ()),
            State::Body(_) | State::Chunk(_) | State::TooLarge => None,
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|byte| *byte == b' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        // A fragment is the caller's own business (RFC 9110 section 7.1); bytes beyond ASCII have no one meaning here.
        let plain = all(target, |byte| byte.is_ascii_graphic() && byte != b'#');
        let whole = words.next().is_none() && !method.is_empty() && !target.is_empty() && plain;
        self.head = Head { http_1_0: version == b"HTTP/1.0", ..Head::default() };
        self.state = State::Field;
        (whole && (self.head.http_1_0 || version == b"HTTP/1.1")).then_some(())
    }

    fn field(&mut self, line: &[u8]) -> Option<()> {
        let (name, value) = split(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let once = self.head.length.is_none() && !self.head.chunked;
            self.head.length = Some(length(value)?);
            once.then_some(())
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let once = self.head.length.is_none() && !self.head.chunked && !self.head.http_1_0;
            self.head.chunked = true;
            (once && value.eq_ignore_ascii_case(b"chunked")).then_some(())
        } else {
            Some(())
        }
    }

    fn head_ends(&mut self) -> Option<()> {
        match (self.head.chunked, self.head.length) {
            (true, _) => self.state = State::ChunkSize,
            (false, Some(length)) if length > 0 => self.state = State::Body(length),
            _ => self.next_request(),
        }
        // From here on counts what a chunk's length or the next request takes.
        self.head_bytes = 0;
        Some(())
    }

    fn next_request(&mut self) {
        self.state = State::RequestLine;
        self.head_bytes = 0;
    }
}

impl State {
    fn is_chunk_framing(self) -> bool {
        matches!(self, Self::ChunkSize | Self::ChunkEnd)
    }
}

/// Skips up to `left` bytes; returns what is behind them, and how many are still to come.
fn skip(bytes: &[u8], left: u64) -> (&[u8], u64) {
    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (bytes.get(here..).unwrap_or_default(), left - here as u64)
}

/// Whether every byte is such. All are looked at, several at once: most lines are good to their end.
fn all(bytes: &[u8], such: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |so_far, byte| so_far & such(*byte))
}

/// RFC 9110 section 5.5: visible characters, space, tab and what lies beyond ASCII.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Name and trimmed value of a field; `None` for a folded line, and for a name that is empty or ends in white space.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let named = !name.is_empty() && all(name, |byte| byte.is_ascii_graphic());
    named.then_some((name, value.strip_prefix(b":")?.trim_ascii()))
}

/// A length in decimal digits, and nothing but digits.
fn length(value: &[u8]) -> Option<u64> {
    let digits = (1..=LENGTH_DIGITS).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// A chunk's length in hexadecimal digits; extensions have no use here and have hidden many a second reading.
fn chunk_size(line: &[u8]) -> Option<u64> {
    if !(1..=LENGTH_DIGITS).contains(&line.len()) {
        return None;
    }
    line.iter()
        .try_fold(0, |sum, digit| char::from(*digit).to_digit(16).map(|digit| sum * 16 + u64::from(digit)))
}
