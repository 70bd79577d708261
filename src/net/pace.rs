//! A body that must keep a pace: a caller who sends a byte now and then holds a connection and the memory behind it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

/// How fast a body must come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long nothing need come.
    pub grace: Duration,
    /// After that, bytes per second on the average of the time that was spent waiting.
    pub bytes_per_second: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { grace: Duration::from_secs(5), bytes_per_second: 1024 }
    }
}

/// Why a body ended before its time.
#[derive(Debug, Error)]
pub enum PaceError<E> {
    /// Too slow.
    #[error("the body came too slowly")]
    TooSlow,
    /// The body's own fault.
    #[error(transparent)]
    Body(#[from] E),
}

/// `body`, as long as it keeps its pace. Only time in which somebody waits for it counts. A body that is there at once
/// costs no timer.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    pace: Pace,
    /// How long may still be waited.
    credit: Duration,
    waiting: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> Paced<B> {
    /// Takes `body` to keep `pace`.
    pub fn new(body: B, pace: Pace) -> Self {
        Self { body, pace, credit: pace.grace, waiting: None, sleep: None }
    }

    fn came(&mut self, bytes: usize) {
        if let Some(since) = self.waiting.take() {
            self.credit = self.credit.saturating_sub(since.elapsed());
        }
        let earned = bytes as f64 / f64::from(self.pace.bytes_per_second.max(1));
        self.credit = self.credit.saturating_add(Duration::try_from_secs_f64(earned).unwrap_or_default());
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        let until = since + self.credit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = PaceError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                this.came(bytes.map_or(0, Buf::remaining));
                Poll::Ready(frame.map(|frame| frame.map_err(PaceError::Body)))
            }
            Poll::Pending => this.wait(cx).map(|()| Some(Err(PaceError::TooSlow))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const PACE: Pace = Pace { grace: Duration::from_millis(40), bytes_per_second: 1_000 };

    /// One byte, and then nothing for ever.
    struct Drip(Option<Bytes>);

    impl Body for Drip {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match self.0.take() {
                Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                None => Poll::Pending,
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_drips_is_ended_and_one_that_flows_is_not() {
        let mut body = Paced::new(Drip(Some(Bytes::from_static(b"1"))), PACE);
        assert!(body.frame().await.unwrap().is_ok());
        let begun = Instant::now();
        assert!(matches!(body.frame().await, Some(Err(PaceError::TooSlow))));
        assert!(begun.elapsed() >= Duration::from_millis(30));

        let mut body = Paced::new(http_body_util::Full::new(Bytes::from_static(b"whole")), PACE);
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.is_none());
    }

    #[test]
    fn bytes_earn_time() {
        let mut body = Paced::new((), PACE);
        body.came(500);
        assert_eq!(body.credit, Duration::from_millis(540));
    }
}
