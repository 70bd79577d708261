//! A pace: when a caller's requests are due, whether the last one is answered or not.
//!
//! A caller that is behind sends at once, and its latency counts from the moment when the request was due. Waiting is by a
//! timer of the kernel's (`timerfd`): the runtime's own is only good to a millisecond.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::ensure;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// One caller's share of a rate.
pub(crate) struct Pace {
    timer: AsyncFd<OwnedFd>,
    schedule: Schedule,
}

struct Schedule {
    begun: Instant,
    first: Duration,
    between: Duration,
    sent: u32,
}

impl Schedule {
    /// Of all callers together `rate` a second, evenly: each begins a little after the one before it.
    fn new(rate: f64, number: usize, callers: usize, begun: Instant) -> Self {
        let one = 1.0 / rate;
        let first = Duration::from_secs_f64(one * number as f64);
        let between = Duration::from_secs_f64(one * callers as f64);
        Self { begun, first, between, sent: 0 }
    }

    fn due(&mut self) -> Instant {
        let due = self.begun + self.first + self.between * self.sent;
        self.sent += 1;
        due
    }
}

impl Pace {
    /// For one of so many callers.
    pub(crate) fn new(rate: f64, number: usize, callers: usize, begun: Instant) -> anyhow::Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(deprecated, reason = "an `OwnedFd` is the same open descriptor for as long as it is there")]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self { timer, schedule: Schedule::new(rate, number, callers, begun) })
    }

    /// Waits until the next request is due and says when that was, or none if it would be after `ends`.
    pub(crate) async fn next(&mut self, ends: Instant) -> anyhow::Result<Option<Instant>> {
        let due = self.schedule.due();
        if due >= ends {
            return Ok(None);
        }
        let wait = due.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            // What has come meanwhile has its turn all the same.
            tokio::task::yield_now().await;
            return Ok(Some(due));
        }
        let value = Timespec { tv_sec: wait.as_secs().try_into()?, tv_nsec: i64::from(wait.subsec_nanos()) };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        loop {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?)) {
                Ok(read) => {
                    ensure!(read? == expirations.len(), "a timer that tells nothing");
                    return Ok(Some(due));
                }
                Err(_) => continue,
            }
        }
    }
}

/// That callers together keep the rate, and that a late one is told when it was due.
pub(crate) async fn proves_itself() -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut due: Vec<Duration> = Vec::new();
    for number in 0..4 {
        let mut schedule = Schedule::new(1_000.0, number, 4, begun);
        due.extend((0..3).map(|_| schedule.due() - begun));
    }
    due.sort();
    let evenly: Vec<Duration> = (0..12).map(Duration::from_millis).collect();
    ensure!(due == evenly, "{due:?}");

    let mut pace = Pace::new(100.0, 0, 1, begun)?;
    let ends = begun + Duration::from_millis(25);
    std::thread::sleep(Duration::from_millis(12));
    ensure!(pace.next(ends).await? == Some(begun));
    ensure!(pace.next(ends).await? == Some(begun + Duration::from_millis(10)));
    ensure!(pace.next(ends).await? == Some(begun + Duration::from_millis(20)));
    ensure!(begun.elapsed() >= Duration::from_millis(20), "it was told before it was due");
    ensure!(pace.next(ends).await?.is_none());
    Ok(())
}
