//! The content of a message, a request's or an answer's (RFC 9110 section 6.4).

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// Bytes handed over at once: content that is larger goes out as the caller takes it, so that the meter sees a caller who
/// does not.
const PIECE: usize = 256 * 1024;

/// What ends a streamed body before its time: who reads it sees a broken one, never a whole one.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// What a message carries: bytes that are there, or a stream of them.
pub struct Content(Kind);

enum Kind {
    Full(Bytes),
    Stream(Pin<Box<dyn Body<Data = Bytes, Error = BodyError>>>, Option<Instant>),
}

impl Content {
    /// No bytes.
    pub const fn empty() -> Self {
        Self(Kind::Full(Bytes::new()))
    }

    /// These bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Full(bytes.into()))
    }

    /// What `body` yields.
    pub fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + 'static,
        B::Error: Into<BodyError>,
    {
        Self(Kind::Stream(Box::pin(http_body_util::BodyExt::map_err(body, Into::into)), None))
    }

    /// The same, whose rest may be waited for until `at` and no longer. Its source may not be asked by then, where whoever takes
    /// the content is slow: who writes it sees to that.
    pub fn stream_until<B>(body: B, at: Instant) -> Self
    where
        B: Body<Data = Bytes> + 'static,
        B::Error: Into<BodyError>,
    {
        let mut content = Self::stream(body);
        if let Kind::Stream(_, until) = &mut content.0 {
            *until = Some(at);
        }
        content
    }

    /// Until when the rest of it may be waited for; nothing where there is no rest, or no such time.
    pub fn until(&self) -> Option<Instant> {
        match &self.0 {
            Kind::Stream(body, Some(until)) if !body.is_end_stream() => Some(*until),
            _ => None,
        }
    }

    /// Whether all its bytes are there.
    pub const fn is_full(&self) -> bool {
        matches!(self.0, Kind::Full(_))
    }

    /// The bytes, where they are all there; else the content comes back.
    ///
    /// # Errors
    /// If it is a stream.
    pub fn into_full(self) -> Result<Bytes, Self> {
        match self.0 {
            Kind::Full(bytes) => Ok(bytes),
            stream @ Kind::Stream(..) => Err(Self(stream)),
        }
    }

    /// The next bytes, which are not none; nothing at the end. Trailers reach nobody.
    ///
    /// # Errors
    /// If the content breaks off.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            let frame = ready!(Pin::new(&mut *self).poll_frame(cx)).transpose()?;
            match frame.map(Frame::into_data) {
                None => return Poll::Ready(Ok(None)),
                Some(Ok(data)) if !data.is_empty() => return Poll::Ready(Ok(Some(data))),
                Some(_) => {}
            }
        }
    }

    /// The length that an answer to HEAD tells of it (RFC 9110 section 9.3.2). Content that is not there tells nothing.
    pub fn told_length(&self) -> Option<u64> {
        self.size_hint().exact().filter(|length| *length > 0)
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().0 {
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes.split_to(bytes.len().min(PIECE)))))),
            Kind::Stream(body, _) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Stream(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(body, _) => body.size_hint(),
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

/// Shows the length: what a message says is somebody's.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Full(bytes) => write!(f, "Content({} bytes)", bytes.len()),
            Kind::Stream(..) => f.write_str("Content(stream)"),
        }
    }
}
