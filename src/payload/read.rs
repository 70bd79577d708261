//! The one way to read a body: within a cap, at a minimum rate, in a total time.

use std::error::Error;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

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

/// Memory is set aside for what a body announces up to this many bytes; beyond it, up to twice what has come.
const BELIEVED: usize = 64 * 1024;

/// Reads a body to its end: at most `cap` bytes, at a pace. A body that announces more is refused unread; one that
/// exceeds the cap is refused with no more than one frame beyond it in memory. A body of one frame is not copied;
/// trailers are ignored.
///
/// # Errors
/// See [`ReadError`]; what had come is dropped.
pub async fn capped<B>(body: B, cap: usize, pace: &Pace) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    Paced::new(body, cap, *pace)?.join(usize::MAX).await
}

/// A body that is read piece by piece: it fails where it exceeds its cap or falls behind its pace.
pub struct Paced<B> {
    body: B,
    cap: usize,
    pace: Pace,
    received: usize,
    over: bool,
    /// What was read, and is given once more.
    held: Bytes,
    /// When the last piece was handed over; who takes long to ask for the next is not the sender.
    handed: Option<Instant>,
    /// From the first moment in which there is something to wait for: a body that has come whole asks for no clock.
    begun: Option<Instant>,
    /// It moves only when it fires: the bytes that come put the deadline off.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<B> Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Reads nothing yet.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] where more than `cap` bytes are announced.
    pub fn new(body: B, cap: usize, pace: Pace) -> Result<Self, ReadError> {
        if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > cap) {
            return Err(ReadError::TooLarge);
        }
        Ok(Self {
            body,
            cap,
            pace,
            received: 0,
            over: false,
            held: Bytes::new(),
            handed: None,
            begun: None,
            alarm: None,
        })
    }

    /// The body, where it has no more than `few` bytes; else it comes back, and nothing of it is lost.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn if_within(mut self, few: usize) -> Result<Result<Bytes, Self>, ReadError> {
        if usize::try_from(self.body.size_hint().lower()).is_ok_and(|announced| announced <= few) {
            let bytes = self.join(few).await?;
            if self.over {
                return Ok(Ok(bytes));
            }
            self.held = bytes;
        }
        Ok(Err(self))
    }

    /// What comes until the end, or until it is more than `few` bytes.
    async fn join(&mut self, few: usize) -> Result<Bytes, ReadError> {
        // Not more than the cap.
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(self.cap);
        let (mut first, mut rest) = (Bytes::new(), Vec::new());
        while self.received <= few {
            let Some(data) = poll_fn(|cx| self.poll_piece(cx)).await.transpose()? else { break };
            if first.is_empty() && rest.is_empty() {
                first = data;
                continue;
            }
            make_room(&mut rest, self.received, announced);
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&data);
        }
        Ok(if rest.is_empty() { first } else { rest.into() })
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        while !self.over {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                return self.poll_slow(cx).map(|()| Some(Err(ReadError::TooSlow)));
            };
            let frame = match frame {
                None => break,
                Some(Err(source)) => return Poll::Ready(Some(Err(ReadError::Broken(source.into())))),
                Some(Ok(frame)) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            match self.received.checked_add(data.len()).filter(|&sum| sum <= self.cap) {
                Some(received) => self.received = received,
                None => return Poll::Ready(Some(Err(ReadError::TooLarge))),
            }
            self.over = self.body.is_end_stream();
            if !self.over {
                // A body that is always ready never lets the timer run: small or empty frames count against the pace as well.
                let now = Instant::now();
                if now > self.due(now) {
                    return Poll::Ready(Some(Err(ReadError::TooSlow)));
                }
            }
            return Poll::Ready(Some(Ok(data)));
        }
        self.over = true;
        Poll::Ready(None)
    }

    /// By when the next bytes must have come.
    fn due(&mut self, now: Instant) -> Instant {
        *self.begun.get_or_insert(now) + self.pace.allowance(self.received)
    }

    /// Ready once the sender is behind.
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.due(Instant::now());
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        let this = self.get_mut();
        if !this.held.is_empty() {
            this.handed = Some(Instant::now());
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.held)))));
        }
        if let (Some(begun), Some(handed)) = (&mut this.begun, this.handed.take()) {
            *begun += handed.elapsed();
        }
        let piece = this.poll_piece(cx);
        if matches!(&piece, Poll::Ready(Some(Ok(data))) if !data.is_empty()) {
            this.handed = Some(Instant::now());
        }
        piece.map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.over
    }

    fn size_hint(&self) -> SizeHint {
        let (left, held) = (self.body.size_hint(), self.held.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(left.lower().saturating_add(held));
        if let Some(most) = left.upper() {
            hint.set_upper(most.saturating_add(held));
        }
        hint
    }
}

/// Room for the bytes received: at once for all that were announced, as far as that is believed. A body that announces nothing,
/// or less than it sends, has its room doubled.
fn make_room(rest: &mut Vec<u8>, received: usize, announced: usize) {
    if received <= rest.capacity() {
        return;
    }
    let believed = announced.min(BELIEVED.max(received.saturating_mul(2)));
    if believed >= received {
        rest.reserve_exact(believed - rest.len());
    } else {
        rest.reserve(received - rest.len());
    }
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

    use http::HeaderMap;

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

    /// How much room there is while a body comes in pieces, each time that there is more.
    fn rooms(announced: usize, whole: usize, piece: usize) -> Vec<usize> {
        let mut rest = Vec::new();
        let mut rooms = Vec::new();
        for received in (2 * piece..whole).step_by(piece).chain([whole]) {
            make_room(&mut rest, received, announced);
            rest.resize(received, 0);
            let most = announced.min(BELIEVED.max(2 * received)).max(2 * received);
            assert!((received..=most).contains(&rest.capacity()), "{} for {received}", rest.capacity());
            rooms.push(rest.capacity());
        }
        rooms.dedup();
        rooms
    }

    #[test]
    fn there_is_room_for_what_is_announced_and_no_more() {
        assert_eq!(rooms(67_380, 67_380, 65_000), [67_380]);
        assert_eq!(rooms(40_000, 40_000, 100), [40_000]);
        assert_eq!(rooms(200_000, 200_000, 16_384), [65_536, 2 * 81_920, 200_000]);
        let large = rooms(8_496_218, 8_496_218, 65_536);
        assert_eq!((large.len(), large.last()), (6, Some(&8_496_218)));
    }

    #[test]
    fn a_body_that_announces_nothing_or_lies_takes_no_more_than_twice_what_it_is() {
        for announced in [0, 3000, 1_000_000, usize::MAX] {
            let rooms = rooms(announced, 1_048_576, 1024);
            assert!(rooms.len() <= 12, "{rooms:?}");
        }
    }

    #[test]
    fn an_announced_length_that_lies_changes_nothing_of_what_is_read() {
        for announced in [0, 1, 3, 6, 7, 1000] {
            let mut body = Script::new(&["ab", "", "cd", "ef"], Then::End);
            body.announced = announced;
            assert_eq!(read(body, 1000, PACE).unwrap(), "abcdef", "{announced}");
        }
    }

    #[test]
    fn a_broken_body_is_none() {
        let error = read(Script::new(&["{}"], Then::Fail), 100, PACE).unwrap_err();
        assert!(matches!(&error, ReadError::Broken(_)) && error.source().is_some());
    }

    #[test]
    fn a_body_of_few_bytes_comes_whole_and_another_is_read_on() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let within = |body, few| runtime.block_on(Paced::new(body, 10, PACE).unwrap().if_within(few));
        for few in [4, 9] {
            let body = Script::new(&["ab", "", "cd"], Then::End);
            assert_eq!(within(body, few).unwrap().ok().unwrap(), "abcd");
        }
        for (few, announced) in [(3, 0), (2, 0), (1, 0), (0, 0), (3, 4)] {
            let body = Script { announced, ..Script::new(&["ab", "", "cd"], Then::End) };
            let rest = within(body, few).unwrap().err().unwrap();
            let all = runtime.block_on(capped(rest, 4, &PACE)).unwrap();
            assert_eq!(all, "abcd", "{few}");
        }
        // It is held to its bounds, read on or not.
        for (body, few) in
            [(Script::new(&["abcde", "fghijk"], Then::End), 4), (Script::new(&["a"], Then::Fail), 0)]
        {
            let rest = within(body, few).unwrap().err().unwrap();
            assert!(runtime.block_on(capped(rest, 100, &PACE)).is_err());
        }
        assert!(within(Script::new(&["a"], Then::Fail), 4).is_err());
    }

    #[test]
    fn who_takes_long_to_ask_for_more_is_not_the_sender() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let pace =
            Pace { grace: Duration::from_millis(50), bytes_per_second: 0, total: Duration::from_millis(50) };
        runtime.block_on(async {
            let mut body = Paced::new(Script::new(&["a", "b", "c"], Then::Silence), 10, pace).unwrap();
            for piece in ["a", "b", "c"] {
                let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), piece);
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
            let begun = Instant::now();
            let late = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.unwrap();
            assert!(matches!(late, Err(ReadError::TooSlow)) && begun.elapsed() > Duration::from_millis(20));
        });
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
        fn accepts<B: Body<Data = Bytes, Error = Infallible> + Unpin>(
            body: B,
        ) -> impl Future<Output = Result<Bytes, ReadError>> {
            capped(body, 10, &PACE)
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let body = http_body_util::Full::new(Bytes::from_static(b"x"));
        assert_eq!(runtime.block_on(accepts(body)).unwrap(), "x");
    }
}
