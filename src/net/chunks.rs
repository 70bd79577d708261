//! The `chunked` coding (RFC 9112 section 7.1), read strictly: what has a second reading is refused.

use bytes::{Buf as _, Bytes, BytesMut};
use thiserror::Error;

use super::dial::HeadCaps;

/// The longest line with a chunk's length, extensions included.
const LINE: usize = 256;
/// Hexadecimal digits of a length: as many as have a meaning.
const DIGITS: usize = 16;
/// What extensions and white space may take in all, in one body. They mean nothing here.
const BESIDE: usize = 16 * 1024;
/// The most that trailers may be, also where a head may be larger. They are read, and go no further.
const TRAILERS: HeadCaps = HeadCaps { fields: 100, bytes: 16 * 1024 };

/// Follows the chunks of one body.
#[derive(Debug)]
pub struct Chunks {
    state: State,
    /// How many bytes may still stand beside lengths.
    beside: usize,
    trailers: HeadCaps,
}

/// Why bytes are not chunks. Says nothing of what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChunkFault {
    /// A chunk's length that is none, or a line that is too long.
    #[error("the length of a chunk is not well formed")]
    Line,
    /// More beside lengths than is read.
    #[error("more stands beside the length of a chunk than is read: extensions, white space")]
    Beside,
    /// A chunk that is longer than it says.
    #[error("a chunk does not end where it should")]
    End,
    /// A trailer section that is too large or not well formed.
    #[error("the trailers are not well formed")]
    Trailers,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A line with a length.
    Length,
    /// This many bytes of a chunk.
    Data(u64),
    /// The line's end behind a chunk.
    DataEnd,
    Trailers,
    Over,
}

/// What the bytes so far come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A piece of the body, never empty.
    Data(Bytes),
    /// Nothing, until more bytes come.
    More,
    /// The end of the body.
    End,
}

impl Chunks {
    /// For a body that may have extensions, which mean nothing here. What holds for its head holds for its trailers.
    pub fn new(caps: HeadCaps) -> Self {
        let fields = caps.fields.min(TRAILERS.fields);
        let trailers = HeadCaps { fields, bytes: caps.bytes.min(TRAILERS.bytes) };
        Self { state: State::Length, beside: BESIDE, trailers }
    }

    /// For a body of nothing but chunks: extensions have hidden many a second reading.
    pub fn bare(caps: HeadCaps) -> Self {
        Self { beside: 0, ..Self::new(caps) }
    }

    /// Takes the next piece off the front of `bytes`.
    ///
    /// # Errors
    /// If the bytes are no chunks; after that, nothing more is to be asked of it.
    pub fn next(&mut self, bytes: &mut BytesMut) -> Result<Piece, ChunkFault> {
        loop {
            match self.state {
                State::Length => match line(bytes)? {
                    None => return Ok(Piece::More),
                    Some((text, whole)) => {
                        let (length, beside) = length(text).ok_or(ChunkFault::Line)?;
                        self.beside = self.beside.checked_sub(beside).ok_or(ChunkFault::Beside)?;
                        bytes.advance(whole);
                        self.state = if length == 0 { State::Trailers } else { State::Data(length) };
                    }
                },
                State::Data(_) if bytes.is_empty() => return Ok(Piece::More),
                State::Data(left) => {
                    let data = take(bytes, left);
                    let left = left.saturating_sub(data.len() as u64);
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(Piece::Data(data));
                }
                State::DataEnd => match ends_line(bytes) {
                    None => return Ok(Piece::More),
                    Some(false) => return Err(ChunkFault::End),
                    Some(true) => {
                        bytes.advance(2);
                        self.state = State::Length;
                    }
                },
                State::Trailers => {
                    let Some(whole) = trailers(bytes, self.trailers)? else { return Ok(Piece::More) };
                    bytes.advance(whole);
                    self.state = State::Over;
                }
                State::Over => return Ok(Piece::End),
            }
        }
    }
}

/// Takes up to `most` bytes off the front.
pub fn take(bytes: &mut BytesMut, most: u64) -> Bytes {
    let here = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_to(here).freeze()
}

/// A line without its end, and its length with it.
fn line(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, ChunkFault> {
    let seen = bytes.get(..LINE).unwrap_or(bytes);
    match memchr::memchr(b'\n', seen) {
        Some(end) => {
            let text = seen.get(..end).and_then(|text| text.strip_suffix(b"\r"));
            Ok(Some((text.ok_or(ChunkFault::Line)?, end + 1)))
        }
        None if bytes.len() >= LINE => Err(ChunkFault::Line),
        None => Ok(None),
    }
}

/// A chunk's length, and how many bytes stand beside its digits.
fn length(line: &[u8]) -> Option<(u64, usize)> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (number, beside) = line.split_at_checked(digits)?;
    // Blanks and tabs (RFC 9110 section 5.6.3), then nothing or extensions, which hold no line's end.
    let blanks = beside.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let behind = beside.get(blanks..)?;
    let fits = (1..=DIGITS).contains(&digits) && (behind.is_empty() || behind.starts_with(b";"));
    if !fits || memchr::memchr(b'\r', beside).is_some() {
        return None;
    }
    let number = std::str::from_utf8(number).ok()?;
    Some((u64::from_str_radix(number, 16).ok()?, beside.len()))
}

/// Whether CR LF stands at the front; `None` where that cannot be known yet.
fn ends_line(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [] | [b'\r'] => None,
        [b'\r', b'\n', ..] => Some(true),
        _ => Some(false),
    }
}

/// The length of the trailer section, its empty line included, once it is there and well formed.
fn trailers(bytes: &[u8], caps: HeadCaps) -> Result<Option<usize>, ChunkFault> {
    match ends_line(bytes) {
        None => return Ok(None),
        Some(true) => return Ok(Some(2)),
        Some(false) => {}
    }
    let seen = bytes.get(..caps.bytes).unwrap_or(bytes);
    let Some(end) = memchr::memmem::find(seen, b"\r\n\r\n") else {
        return if bytes.len() >= caps.bytes { Err(ChunkFault::Trailers) } else { Ok(None) };
    };
    let whole = end + 4;
    let section = seen.get(..whole).unwrap_or_default();
    let bare = memchr::memchr_iter(b'\n', section)
        .any(|at| at == 0 || section.get(at.wrapping_sub(1)) != Some(&b'\r'));
    let mut room = [httparse::EMPTY_HEADER; TRAILERS.fields];
    let room = room.get_mut(..caps.fields).ok_or(ChunkFault::Trailers)?;
    match httparse::parse_headers(section, room) {
        Ok(httparse::Status::Complete((length, _))) if length == whole && !bare => Ok(Some(whole)),
        _ => Err(ChunkFault::Trailers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head may have more than trailers.
    const CAPS: HeadCaps = HeadCaps { fields: 1_000, bytes: 64 * 1024 };

    /// Reads `text` in one piece, and byte by byte; both come to the same.
    fn read(text: &[u8]) -> Result<Option<(Vec<u8>, usize)>, ChunkFault> {
        let in_steps = |step: usize| {
            let (mut chunks, mut bytes, mut body) = (Chunks::new(CAPS), BytesMut::new(), Vec::new());
            for part in text.chunks(step) {
                bytes.extend_from_slice(part);
                loop {
                    match chunks.next(&mut bytes)? {
                        Piece::Data(data) => body.extend_from_slice(&data),
                        Piece::More => break,
                        Piece::End => return Ok(Some(body)),
                    }
                }
            }
            Ok(None)
        };
        let whole = in_steps(text.len().max(1))?;
        assert_eq!(in_steps(1).map_err(|fault| fault.to_string()), Ok(whole.clone()));
        let mut bytes = BytesMut::from(text);
        let mut chunks = Chunks::new(CAPS);
        while matches!(chunks.next(&mut bytes)?, Piece::Data(_)) {}
        Ok(whole.map(|body| (body, bytes.len())))
    }

    #[test]
    fn lengths_extensions_and_trailers_are_read_and_what_is_behind_is_left() {
        for (text, body, behind) in [
            ("2\r\nok\r\n0\r\n\r\n", "ok", 0),
            ("0\r\n\r\nHTTP", "", 4),
            ("1\r\na\r\n0A\r\n0123456789\r\n0\r\n\r\n", "a0123456789", 0),
            ("2;a=b;c=\"d\"\r\nok\r\n0 ;x\r\n\r\n", "ok", 0),
            ("2 \t\r\nok\r\n000\r\n\r\n", "ok", 0),
            ("2\r\nok\r\n0\r\ndigest: a\r\nx: y\r\n\r\nrest", "ok", 4),
        ] {
            let expected = Some((body.as_bytes().to_vec(), behind));
            assert_eq!(read(text.as_bytes()).expect(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bare_chunks_have_nothing_beside_their_lengths() {
        for (text, reads) in [
            ("2\r\nok\r\n0\r\nx: y\r\n\r\n", true),
            ("0A\r\n0123456789\r\n", true),
            ("2;a=b\r\nok\r\n", false),
            ("2 \r\nok\r\n", false),
            ("2\t\r\nok\r\n", false),
        ] {
            let mut bytes = BytesMut::from(text);
            assert_eq!(Chunks::bare(CAPS).next(&mut bytes).is_ok(), reads, "{text:?}");
        }
    }

    #[test]
    fn what_has_a_second_reading_is_refused() {
        for text in [
            "\r\nok\r\n0\r\n\r\n",
            "z\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x2\r\nok\r\n0\r\n\r\n",
            " 2\r\nok\r\n0\r\n\r\n",
            "2 3\r\nok\r\n0\r\n\r\n",
            "2\x0c\r\nok\r\n0\r\n\r\n",
            "2 \x0b;x\r\nok\r\n0\r\n\r\n",
            "2\nok\r\n0\r\n\r\n",
            "2\r\nok\n0\r\n\r\n",
            "2\r\nokay\r\n0\r\n\r\n",
            "2;a\rb\r\nok\r\n0\r\n\r\n",
            "12345678901234567\r\n",
            "0\r\n: a\r\n\r\n",
            "0\r\na b: c\r\n\r\n",
            "0\r\na: b\n\r\n\r\n",
            "0\r\na: b\r\n c: d\r\n\r\n",
            "0\r\na: \0\r\n\r\n",
            "0\r\n\n\r\n\r\n",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_part_is_bounded() {
        let with = |extension: usize| format!("2;{}\r\nok\r\n", "x".repeat(extension));
        assert!(read(format!("{}0\r\n\r\n", with(LINE - 4)).as_bytes()).is_ok());
        assert!(matches!(read(with(LINE - 3).as_bytes()), Err(ChunkFault::Line)));
        assert!(matches!(read("0".repeat(LINE).as_bytes()), Err(ChunkFault::Line)));
        let many = |count: usize| format!("{}0\r\n\r\n", with(99).repeat(count));
        assert!(read(many(BESIDE / 100).as_bytes()).is_ok());
        assert!(matches!(read(many(BESIDE / 100 + 1).as_bytes()), Err(ChunkFault::Beside)));
        let trailers = |length: usize| format!("0\r\nx: {}\r\n\r\n", "y".repeat(length));
        assert!(read(trailers(TRAILERS.bytes - 7).as_bytes()).is_ok());
        assert!(matches!(read(trailers(TRAILERS.bytes - 6).as_bytes()), Err(ChunkFault::Trailers)));
        let fields = |count: usize| format!("0\r\n{}\r\n", "x: y\r\n".repeat(count));
        assert!(read(fields(TRAILERS.fields).as_bytes()).is_ok());
        assert!(matches!(read(fields(TRAILERS.fields + 1).as_bytes()), Err(ChunkFault::Trailers)));
        // A head that may have less than that.
        let small = |text: String| {
            let caps = HeadCaps { fields: 3, bytes: 40 };
            Chunks::new(caps).next(&mut BytesMut::from(text.as_str())).is_ok()
        };
        assert!(small(fields(3)) && !small(fields(4)));
        assert!(small(trailers(33)) && !small(trailers(34)));
    }

    #[test]
    fn a_body_that_stops_is_not_at_its_end() {
        for text in
            ["", "2", "2\r", "2\r\n", "2\r\no", "2\r\nok", "2\r\nok\r", "2\r\nok\r\n0\r\n", "0\r\na: b\r\n"]
        {
            assert_eq!(read(text.as_bytes()), Ok(None), "{text:?}");
        }
    }
}
