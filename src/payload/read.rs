//! The one way to read a body: within a cap, at a minimum rate, in a total time.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use tokio::time::{Instant, timeout_at};

/// How slowly a body may come. A sender may be silent for `grace`; from then on the bytes received, in all, must keep up
/// with `bytes_per_second`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How far the sender may be behind the rate.
    pub grace: Duration,
    /// The least rate; 0 is none.
    pub bytes_per_second: u32,
    /// The whole body has come by then, whatever the rate.
    pub total: Duration,
}

/// Why a body is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More bytes than the cap, or announced to be.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// Behind the [`Pace`].
    #[error("the body came too slowly")]
    TooSlow,
    /// The sender or the connection failed before the end.
    #[error("the body ended before it was complete")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

/// Memory is set aside for what a body announces up to this many bytes; beyond it, for what has come.
const BELIEVED: u64 = 64 * 1024;

/// Reads a body to its end: at most `cap` bytes, at a pace. A body that announces more is refused unread; one that
/// exceeds the cap is refused with no more than one frame beyond it in memory. A body of one frame is not copied;
/// trailers are ignored.
///
/// # Errors
/// See [`ReadError`]; what had come is dropped.
pub async fn capped<B>(body: B, cap: usize, pace: &Pace) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > cap) {
        return Err(ReadError::TooLarge);
    }
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut received = 0;
    // From the first moment in which there is something to wait for: a body that has come whole asks for no clock.
    let mut begun = None;
    loop {
        let ready = poll_fn(|context| Poll::Ready(body.as_mut().poll_frame(context))).await;
        let frame = match ready {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let deadline = *begun.get_or_insert_with(Instant::now) + pace.allowance(received);
                timeout_at(deadline, poll_fn(|context| body.as_mut().poll_frame(context)))
                    .await
                    .map_err(|_| ReadError::TooSlow)?
            }
        };
        let data = match frame {
            None => break,
            Some(Err(source)) => return Err(ReadError::Broken(source.into())),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                Err(_trailers) => continue,
            },
        };
        received = received.checked_add(data.len()).filter(|&sum| sum <= cap).ok_or(ReadError::TooLarge)?;
        if received == data.len() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve(usize::try_from(announced.min(BELIEVED)).unwrap_or(0).max(received));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
        // A body that is always ready never lets the timer run: small or empty frames count against the pace as well.
        let now = Instant::now();
        if now > *begun.get_or_insert(now) + pace.allowance(received) {
            return Err(ReadError::TooSlow);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

impl Pace {
    /// How long a sender of `received` bytes may have taken until the next.
    fn allowance(&self, received: usize) -> Duration {
        if self.bytes_per_second == 0 {
            return self.total;
        }
        let received = u64::try_from(received).unwrap_or(u64::MAX);
        let earned = Duration::from_millis(received.saturating_mul(1000) / u64::from(self.bytes_per_second));
        self.grace.saturating_add(earned).min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http::HeaderMap;
    use http_body::{Frame, SizeHint};

    use super::*;

    const PACE: Pace =
        Pace { grace: Duration::from_secs(30), bytes_per_second: 100, total: Duration::from_secs(60) };

    /// Gives its frames, then ends, fails, falls silent, or sends empty frames for ever.
    struct Script {
        frames: VecDeque<Frame<Bytes>>,
        announced: u64,
        then: Then,
    }

    enum Then {
        End,
        Fail,
        Silence,
        Nothings,
    }

    impl Script {
        fn new(chunks: &[&'static str], then: Then) -> Self {
            let frames =
                chunks.iter().map(|chunk| Frame::data(Bytes::from_static(chunk.as_bytes()))).collect();
            Self { frames, announced: 0, then }
        }
    }

    impl Body for Script {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match (self.frames.pop_front(), &self.then) {
                (Some(frame), _) => Poll::Ready(Some(Ok(frame))),
                (None, Then::End) => Poll::Ready(None),
                (None, Then::Fail) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
                (None, Then::Silence) => Poll::Pending,
                (None, Then::Nothings) => Poll::Ready(Some(Ok(Frame::data(Bytes::new())))),
            }
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.announced);
            hint
        }
    }

    fn read(body: Script, cap: usize, pace: Pace) -> Result<Bytes, ReadError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(capped(body, cap, &pace))
    }

    #[test]
    fn frames_are_joined_and_trailers_ignored() {
        let mut body = Script::new(&["a", "", "bc", "d"], Then::End);
        body.frames.push_back(Frame::trailers(HeaderMap::new()));
        assert_eq!(read(body, 4, PACE).unwrap(), "abcd");
        assert_eq!(read(Script::new(&[], Then::End), 0, PACE).unwrap(), "");
    }

    #[test]
    fn one_frame_is_not_copied() {
        let frame = Bytes::from(vec![7; 100]);
        let mut body = Script::new(&[], Then::End);
        body.frames.push_back(Frame::data(frame.clone()));
        assert_eq!(read(body, 100, PACE).unwrap().as_ptr(), frame.as_ptr());
    }

    #[test]
    fn the_cap_holds_for_what_is_announced_and_for_what_comes() {
        let mut body = Script::new(&[], Then::Silence);
        body.announced = 5;
        assert!(matches!(read(body, 4, PACE), Err(ReadError::TooLarge)));
        let body = Script::new(&["abc", "de"], Then::Silence);
        assert!(matches!(read(body, 4, PACE), Err(ReadError::TooLarge)));
    }

    #[test]
    fn a_broken_body_is_none() {
        let error = read(Script::new(&["{}"], Then::Fail), 100, PACE).unwrap_err();
        assert!(matches!(&error, ReadError::Broken(_)) && error.source().is_some());
    }

    #[test]
    fn silence_is_too_slow() {
        let pace = Pace { grace: Duration::from_millis(10), ..PACE };
        assert!(matches!(read(Script::new(&["a"], Then::Silence), 100, pace), Err(ReadError::TooSlow)));
        let total = Pace { total: Duration::from_millis(10), bytes_per_second: 0, ..PACE };
        assert!(matches!(read(Script::new(&["a"], Then::Silence), 100, total), Err(ReadError::TooSlow)));
    }

    #[test]
    fn empty_frames_do_not_stop_the_time() {
        let pace = Pace { grace: Duration::from_millis(10), ..PACE };
        assert!(matches!(read(Script::new(&["a"], Then::Nothings), 100, pace), Err(ReadError::TooSlow)));
    }

    #[test]
    fn bytes_earn_time_up_to_the_total() {
        assert_eq!(PACE.allowance(0), Duration::from_secs(30));
        assert_eq!(PACE.allowance(1000), Duration::from_secs(40));
        assert_eq!(PACE.allowance(usize::MAX), Duration::from_secs(60));
    }

    #[test]
    fn a_body_that_cannot_fail_is_read_too() {
        fn accepts<B: Body<Data = Bytes, Error = Infallible>>(
            body: B,
        ) -> impl Future<Output = Result<Bytes, ReadError>> {
            capped(body, 10, &PACE)
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let body = http_body_util::Full::new(Bytes::from_static(b"x"));
        assert_eq!(runtime.block_on(accepts(body)).unwrap(), "x");
    }
}
