//! Leftover: what a caller is still sending of a body when the answer is there already, for most refusals come before a
//! body is read. A connection that is closed over it may take the answer along, and one that stays open must not.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::{HeaderValue, Response, Version, header};
use http_body::Body as _;
use tokio::time::timeout;

use crate::net::Content;

/// So much is let go by; whoever sends more has to connect anew.
const MOST: usize = 64 * 1024;
/// So long is waited for it.
const WAIT: Duration = Duration::from_millis(500);

/// Lets the rest of a body go by, unlooked at; else says that the connection ends with this answer.
pub(super) async fn settle<B>(
    body: Option<Content>,
    waits: bool,
    version: Version,
    response: &mut Response<B>,
) {
    let Some(body) = body else { return };
    let gone = body.is_end_stream() || !waits && timeout(WAIT, gone(body)).await == Ok(true);
    // A stream of HTTP/2 ends alone.
    if !gone && version <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether a body came to its end within bounds.
async fn gone(mut body: Content) -> bool {
    let mut left = MOST;
    loop {
        match poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => match left.checked_sub(frame.data_ref().map_or(0, |data| data.len())) {
                Some(rest) => left = rest,
                None => return false,
            },
        }
    }
}
