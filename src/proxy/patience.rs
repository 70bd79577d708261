//! How long a caller may leave untaken what is there for them.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

/// What a caller is to take of an answer in each second, on average over the time that they may take nothing. The bodies of
/// requests come at this rate, too.
const BYTES_PER_SECOND: u64 = 1024;

/// How long something has not been taken, less what was taken meanwhile: who takes a little now and then is as slow as who
/// takes nothing. On one thread.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// What is used up of it.
    used: Cell<Duration>,
    /// Since when something waits, if it does.
    since: Cell<Option<Instant>>,
    /// When it ends however much is taken.
    until: Cell<Option<Instant>>,
}

impl Patience {
    /// Something is there, and is not taken.
    pub(super) fn waits(&self) {
        if self.since.get().is_none() {
            self.since.set(Some(Instant::now()));
        }
    }

    /// So many bytes were taken. Where none had to wait, no clock is read.
    pub(super) fn took(&self, bytes: usize) {
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.spend(waited, bytes);
    }

    fn spend(&self, waited: Duration, bytes: usize) {
        let used = self.used.get() + waited;
        if !used.is_zero() {
            let earned = (bytes as u64).saturating_mul(1000) / BYTES_PER_SECOND;
            self.used.set(used.saturating_sub(Duration::from_millis(earned)));
        }
    }

    /// What waits is to be taken by then, whoever takes it how fast.
    pub(super) fn bound(&self, until: Option<Instant>) {
        self.until.set(until);
    }

    /// When a patience of `stalled` ends, if nothing more is taken.
    pub(super) fn end(&self, stalled: Duration) -> Option<Instant> {
        let end = self.since.get()? + self.left(stalled);
        Some(self.until.get().map_or(end, |until| until.min(end)))
    }

    fn left(&self, stalled: Duration) -> Duration {
        stalled.saturating_sub(self.used.get())
    }
}

/// A timer that is set only when it must be: where its time is put off, it moves when it fires.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// The timer knows whom to wake. INVARIANT: one task polls an alarm, from its beginning to its end.
    armed: bool,
}

impl Alarm {
    pub(super) fn new(at: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(at)), armed: false }
    }

    /// Ready at the time that `deadline` says then. Where it says none, it is asked again after `again`, in case the next
    /// wake-up is this one.
    pub(super) fn poll(
        &mut self,
        deadline: Option<Instant>,
        again: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if let Some(at) = deadline.filter(|at| *at < self.sleep.deadline()) {
            self.rearm(at);
        }
        loop {
            if self.armed && !self.sleep.is_elapsed() {
                return Poll::Pending;
            }
            // A task that has used up its turn is woken at once, and the timer hears of it then.
            let hears = has_budget_remaining();
            if self.sleep.as_mut().poll(cx).is_pending() {
                self.armed = hears;
                return Poll::Pending;
            }
            let now = Instant::now();
            match deadline {
                Some(at) if at <= now => return Poll::Ready(()),
                Some(at) => self.rearm(at),
                None => self.rearm(now + again),
            }
        }
    }

    fn rearm(&mut self, at: Instant) {
        self.sleep.as_mut().reset(at);
        self.armed = false;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use tokio::task::consume_budget;
    use tokio::time::timeout;

    use super::*;

    const STALLED: Duration = Duration::from_secs(30);

    const HOUR: Duration = Duration::from_secs(3600);

    /// How long a caller is borne with who takes `bytes` every `pause` seconds; up to an hour of it.
    fn borne(bytes: usize, pause: u64) -> Duration {
        let pause = Duration::from_secs(pause);
        let patience = Patience::default();
        let mut borne = Duration::ZERO;
        while borne < HOUR {
            let left = patience.left(STALLED);
            if left <= pause {
                return borne + left;
            }
            borne += pause;
            patience.spend(pause, bytes);
        }
        borne
    }

    #[test]
    fn who_takes_a_little_now_and_then_is_as_slow_as_who_takes_nothing() {
        assert_eq!(borne(1024, 31), STALLED);
        assert_eq!(borne(1024, 29), STALLED + Duration::from_secs(1));
        assert_eq!(borne(1, 1).as_secs(), 30);
        assert_eq!(borne(512, 1).as_secs(), 59);
        for (bytes, pause) in [(1024, 1), (16 * 1024, 16), (29 * 1024, 29), (64 * 1024, 29)] {
            assert!(borne(bytes, pause) >= HOUR, "{bytes} every {pause} s");
        }
    }

    #[test]
    fn what_was_taken_before_is_no_leave_to_stop() {
        let patience = Patience::default();
        patience.spend(STALLED / 2, 1 << 30);
        patience.spend(Duration::ZERO, 1 << 30);
        assert_eq!(patience.left(STALLED), STALLED);
    }

    #[test]
    fn time_counts_while_something_waits() {
        let patience = Patience::default();
        assert_eq!(patience.end(STALLED), None);
        patience.waits();
        let first = patience.end(STALLED);
        patience.waits();
        assert_eq!(patience.end(STALLED), first);
        assert!(first.unwrap() <= Instant::now() + STALLED);
        patience.took(1);
        assert_eq!(patience.end(STALLED), None);
    }

    #[test]
    fn a_bound_holds_while_something_waits() {
        let patience = Patience::default();
        let soon = Instant::now() + STALLED / 2;
        patience.bound(Some(soon));
        assert_eq!(patience.end(STALLED), None);
        patience.waits();
        assert_eq!(patience.end(STALLED), Some(soon));
        assert!(patience.end(Duration::ZERO).unwrap() < soon);
        patience.bound(None);
        assert!(patience.end(STALLED).unwrap() > soon);
    }

    #[tokio::test]
    async fn a_task_that_has_used_up_its_turn_is_woken_all_the_same() {
        let at = Instant::now() + Duration::from_millis(20);
        let mut alarm = Alarm::new(at);
        let mut polls = 0;
        let rings = poll_fn(|cx| {
            polls += 1;
            while polls == 1 && has_budget_remaining() {
                let _ = pin!(consume_budget()).poll(cx);
            }
            alarm.poll(Some(at), HOUR, cx)
        });
        timeout(STALLED / 3, rings).await.unwrap();
    }
}
