//! Bytes on their way to a program of hyper's, in pieces.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderMap;
use hyper::rt::ReadBufCursor;

/// An input's first line, the lengths of pieces that it tells, and what stands behind it.
pub(super) fn told(input: &[u8]) -> (String, Vec<usize>, &[u8]) {
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (told, rest) = input.split_at(line);
    let told = String::from_utf8_lossy(told).into_owned();
    let pieces = told.split(' ').filter_map(|word| word.parse().ok()).collect();
    (told, pieces, rest.get(1..).unwrap_or_default())
}

/// `bytes` in pieces of these lengths, one after the other and again; without any, in one piece.
pub(super) fn parts<'a>(bytes: &'a [u8], pieces: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = pieces.iter().map(|length| (*length).max(1)).cycle();
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = lengths.next().unwrap_or(usize::MAX).min(rest.len());
        let (part, behind) = rest.split_at(length);
        rest = behind;
        (!part.is_empty()).then_some(part)
    })
}

/// Names and values in their order.
pub(super) fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// The other end: sends its parts, then ends. Takes whatever it is told.
pub(super) struct Wire {
    parts: VecDeque<Vec<u8>>,
    /// Whether it may send.
    asked: bool,
    /// How often it is still waited for before it ends.
    patience: u8,
}

impl Wire {
    /// A server, which sends when it has been asked.
    pub(super) fn server(bytes: &[u8], pieces: &[usize]) -> Self {
        Self { parts: parts(bytes, pieces).map(<[u8]>::to_vec).collect(), asked: false, patience: 0 }
    }

    /// A caller, who does not end at once: hyper drops what it works on when they do.
    pub(super) fn caller(bytes: &[u8], pieces: &[usize]) -> Self {
        Self { asked: true, patience: 16, ..Self::server(bytes, pieces) }
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            return Poll::Pending;
        }
        let Some(mut part) = self.parts.pop_front() else {
            self.patience = self.patience.saturating_sub(1);
            return if self.patience > 0 { Poll::Pending } else { Poll::Ready(Ok(())) };
        };
        let rest = part.split_off(part.len().min(buf.remaining()));
        if !rest.is_empty() {
            self.parts.push_front(rest);
        }
        buf.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.asked = true;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
