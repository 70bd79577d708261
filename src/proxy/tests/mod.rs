//! Through sockets: a listener on port 0, callers that say what they like, and a handler that tells what reached it.

mod answers;
mod drain;
mod forward;
mod framing;
mod http2;
mod rest;
mod slow;
mod support;
mod tls;
