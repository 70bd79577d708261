//! The body of a request that has not come whole with its head.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::line::Line;
use crate::net::BodyError;

/// Reads from its connection as it is asked.
pub(super) struct Streamed {
    line: Rc<RefCell<Line>>,
    exchange: u64,
    /// Its end was told.
    ended: bool,
}

impl Streamed {
    /// That of the request whose head was the last.
    pub(super) fn new(line: &Rc<RefCell<Line>>) -> Self {
        Self { exchange: line.borrow().exchange(), line: Rc::clone(line), ended: false }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let mut line = this.line.borrow_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        // INVARIANT: who holds a body longer than its exchange is told that it broke, never that it ended.
        if line.exchange() != this.exchange {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())));
        }
        let piece = ready!(line.poll_body(cx))?;
        this.ended = piece.is_none() || line.reader.is_over();
        Poll::Ready(piece.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        let line = self.line.borrow();
        let left = if line.exchange() == self.exchange { line.reader.left() } else { None };
        left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
