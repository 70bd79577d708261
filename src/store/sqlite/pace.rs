//! When a group begins. A sync costs the same for one exchange as for many, so where exchanges follow each other closely the
//! writer lets a few come together, as long as it is not slower to wait than to write.

use std::time::{Duration, Instant};

use crate::store::{Change, DataChange};

/// How long after the begin of a group the next one begins at the latest.
const MOST: Duration = Duration::from_micros(500);

/// Less than this is not slept: falling asleep and waking takes as long, and much longer where the CPU is wanted by others.
const LEAST: Duration = Duration::from_micros(100);

/// When the last group began, and who is on their way.
#[derive(Default)]
pub(super) struct Pace {
    /// How many exchanges have an intent and no outcome yet, as far as was heard.
    under_way: u64,
    /// How many of these are not sent on before the group that comes is written.
    waiting: u64,
    began: Option<Instant>,
    /// When the next group begins, if others are on their way that will wait for it.
    next: Option<Instant>,
}

impl Pace {
    /// How long to let others come to a group: none come where every exchange that is under way waits for this very group.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let left = self.next?.saturating_duration_since(now);
        (self.under_way > self.waiting && left >= LEAST).then_some(left)
    }

    /// Takes note of exchanges that begin or end with a change, which is `patient` where nobody waits for it alone.
    pub(super) fn hear(&mut self, change: &Change, patient: bool) {
        for data in &change.data {
            match data {
                DataChange::OpenIntent(_) => {
                    self.under_way += 1;
                    self.waiting += u64::from(!patient);
                }
                DataChange::CloseIntent { .. } => self.under_way = self.under_way.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// A group begins.
    pub(super) const fn begin(&mut self, now: Instant) {
        self.began = Some(now);
        self.waiting = 0;
    }

    /// It has been answered. The next one begins after as long again, so that a fast disk lets nobody wait for long.
    pub(super) fn end(&mut self, now: Instant) {
        self.next = self.began.map(|began| began + (now.saturating_duration_since(began) * 2).min(MOST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::DecisionId;
    use crate::clock::Timestamp;
    use crate::store::OpenIntent;

    const fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    fn change(data: DataChange) -> Change {
        Change { data: vec![data], ..Change::default() }
    }

    fn intent(number: u8) -> Change {
        let decision = DecisionId::from_bytes([number; 16]);
        change(DataChange::OpenIntent(OpenIntent { decision, at: Timestamp::from_millis(0) }))
    }

    fn outcome(number: u8) -> Change {
        change(DataChange::CloseIntent { decision: DecisionId::from_bytes([number; 16]) })
    }

    /// Writes what was heard in so many µs, and hears these.
    fn written(pace: &mut Pace, took: u64, heard: &[(Change, bool)]) -> Instant {
        let began = Instant::now();
        pace.begin(began);
        let ended = began + micros(took);
        pace.end(ended);
        heard.iter().for_each(|(change, patient)| pace.hear(change, *patient));
        ended
    }

    #[test]
    fn who_is_alone_waits_for_nobody() {
        let mut pace = Pace::default();
        pace.hear(&intent(1), true);
        assert_eq!(pace.pause(Instant::now()), None, "nothing was written yet");
        let ended = written(&mut pace, 200, &[(outcome(1), false)]);
        assert_eq!(pace.pause(ended), None, "its own intent is nobody else's");
        let ended = written(&mut pace, 200, &[(intent(2), true), (outcome(2), false)]);
        assert_eq!(pace.pause(ended), None);
        let ended = written(&mut pace, 200, &[(intent(3), false)]);
        assert_eq!(pace.pause(ended), None, "nothing is forwarded before this intent is written");
        let ended = written(&mut pace, 200, &[(outcome(3), false)]);
        assert_eq!(pace.pause(ended), None);
    }

    #[test]
    fn who_is_not_alone_waits_as_long_as_a_group_takes_and_not_for_ever() {
        let mut pace = Pace::default();
        pace.hear(&intent(1), true);
        for (took, pause) in [(200, Some(200)), (350, Some(150)), (450, None), (50, None), (4_000, None)] {
            for first in [intent(2), Change::default()] {
                let ended = written(&mut pace, took, &[(first, false)]);
                assert_eq!(pace.pause(ended), pause.map(micros), "{took}");
                assert_eq!(pace.pause(ended + micros(took)), None, "{took}");
                pace.hear(&outcome(2), false);
                pace.under_way = 1;
            }
        }
    }

    #[test]
    fn outcomes_of_the_run_before_do_not_count() {
        let mut pace = Pace::default();
        let heard = [(outcome(1), false), (outcome(2), false), (intent(3), true), (outcome(3), false)];
        let ended = written(&mut pace, 200, &heard);
        assert_eq!(pace.pause(ended), None);
    }
}
