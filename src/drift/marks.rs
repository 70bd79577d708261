//! When something declared last occurred.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Missing;

/// One mark for each thing that is declared in one place, in the order of the declaration.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: Box<[Mark]>,
    /// How far a mark may lie behind before it is written again.
    stride: u64,
}

#[derive(Debug, Default)]
struct Mark {
    /// One more than the number of the exchange in which it last occurred; 0 where it never did.
    last: AtomicU64,
    /// How many exchanges there had been when it was declared.
    since: u64,
}

impl Marks {
    pub(super) fn new(count: usize, window: u64) -> Self {
        let marks = std::iter::repeat_with(Mark::default).take(count).collect();
        Self { marks, stride: stride(window) }
    }

    /// Notes that what is declared at this place occurred in the exchange with this number.
    #[inline]
    pub(super) fn mark(&self, place: usize, exchange: u64) {
        let Some(mark) = self.marks.get(place) else { return };
        let (last, now) = (mark.last.load(Relaxed), exchange.saturating_add(1));
        if last == 0 || now >= last.saturating_add(self.stride) {
            mark.last.store(now, Relaxed);
        }
    }

    /// The same for another declaration: what has the name that it had goes on, what is new begins after `exchanges`.
    pub(super) fn renamed(&self, before: &[Arc<str>], now: &[Arc<str>], exchanges: u64, window: u64) -> Self {
        let mark = |name: &Arc<str>| {
            let counted =
                before.iter().position(|other| other == name).and_then(|place| self.marks.get(place));
            match counted {
                Some(mark) => Mark { last: AtomicU64::new(mark.last.load(Relaxed)), since: mark.since },
                None => Mark { last: AtomicU64::new(0), since: exchanges },
            }
        };
        Self { marks: now.iter().map(mark).collect(), stride: stride(window) }
    }

    /// What did not occur in the last `window` of `exchanges`. A mark may lie a stride behind, so a stride more is asked
    /// for: what is said to be missing is.
    pub(super) fn missing(
        &self,
        exchanges: u64,
        window: u64,
        name: impl Fn(usize) -> Option<Arc<str>>,
    ) -> Vec<Missing> {
        let missing = |(place, mark): (usize, &Mark)| {
            let last = mark.last.load(Relaxed);
            let quiet = exchanges.saturating_sub(last.max(mark.since));
            let name = name(place).filter(|_| quiet >= window.saturating_add(self.stride - 1))?;
            Some(Missing { name: name.to_string(), exchanges: quiet, ever: last > 0 })
        };
        self.marks.iter().enumerate().filter_map(missing).collect()
    }
}

fn stride(window: u64) -> u64 {
    (window / 16).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(marks: &Marks, exchanges: u64, window: u64) -> Vec<u64> {
        let name = |place: usize| Some(place.to_string().into());
        marks.missing(exchanges, window, name).iter().map(|missing| missing.name.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_said_to_be_missing_did_not_occur_in_the_window() {
        for window in [1, 2, 10, 100, 1000] {
            let marks = Marks::new(2, window);
            // One occurs now and then; the slow truth stands beside it.
            let mut last = None;
            for exchange in 0..5 * window + 40 {
                if exchange % 7 == 0 && exchange < 3 * window {
                    marks.mark(0, exchange);
                    last = Some(exchange);
                }
                let quiet = exchange + 1 - last.map_or(0, |last| last + 1);
                let told = missing(&marks, exchange + 1, window).contains(&0);
                assert!(!told || quiet >= window, "{window}: told after {quiet}");
                assert!(told || quiet < window + 2 * stride(window), "{window}: not told after {quiet}");
            }
            assert!(missing(&marks, window * 2 + 1, window).contains(&1));
        }
    }

    #[test]
    fn a_name_that_stays_goes_on_and_a_new_one_begins() {
        let name = |text: &str| Arc::<str>::from(text);
        let marks = Marks::new(2, 10);
        marks.mark(0, 99);
        let marks = marks.renamed(&[name("a"), name("b")], &[name("c"), name("b"), name("a")], 100, 10);
        assert_eq!(missing(&marks, 100, 10), [1], "b never occurred, a just did, c is new");
        assert_eq!(missing(&marks, 110, 10), [0, 1, 2]);
    }
}
