//! The body of a request that has not come whole with its head.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::line::Line;
use crate::net::BodyError;

/// Reads from its connection as it is asked.
pub(super) struct Streamed {
    line: Rc<RefCell<Line>>,
    exchange: u64,
}

impl Streamed {
    /// That of the request whose head was the last.
    pub(super) fn new(line: &Rc<RefCell<Line>>) -> Self {
        Self { exchange: line.borrow().exchange(), line: Rc::clone(line) }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut line = self.line.borrow_mut();
        // INVARIANT: another request is read only when this one is over, so all of it was taken or let go.
        if line.exchange() != self.exchange {
            return Poll::Ready(None);
        }
        line.poll_body(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        let line = self.line.borrow();
        line.exchange() != self.exchange || line.reader.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        let line = self.line.borrow();
        let left = if line.exchange() == self.exchange { line.reader.left() } else { Some(0) };
        left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
