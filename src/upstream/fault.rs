//! What can be wrong with an answer's bytes.

use thiserror::Error;

use crate::net::chunks::ChunkFault;

/// Why bytes are no answer. Says nothing of what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The status line or a field is not one.
    #[error("the answer's head is not well formed")]
    Head(#[source] httparse::Error),
    /// A status, name or value that has no meaning in HTTP.
    #[error("the answer's head holds what no head may hold")]
    Value,
    /// More bytes or fields than [`crate::net::dial::HeadCaps`] says.
    #[error("the answer's head is too large")]
    HeadTooLarge,
    /// More of them than anybody needs before the answer itself.
    #[error("there are too many interim answers")]
    Interim,
    /// Status 101, which nobody asked for.
    #[error("the answer switches protocols")]
    Switches,
    /// A length that is no number, or two of them, or one beside a transfer coding.
    #[error("the answer's length has two readings, or none")]
    Length,
    /// Any transfer coding but `chunked` alone, or one in HTTP/1.0.
    #[error("the answer's transfer coding is not the one that is read here")]
    Coding,
    /// Chunks that are none.
    #[error(transparent)]
    Chunks(#[from] ChunkFault),
    /// It began while the request was still on its way, and both would have gone on.
    #[error("the answer began before the request had ended, and did not come whole")]
    Early,
    /// The connection ended first.
    #[error("the connection ended before the answer did")]
    Ended,
}
