//! What is counted of one upstream. Whoever asks it holds these figures, so that nothing is looked up for an exchange.

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

/// How a request to an upstream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamResult {
    /// An answer came, whatever was made of it; where its body was wanted, the whole of it.
    Answered,
    /// One came with a status of 500 or more.
    ServerError,
    /// The time for the whole of it was over first.
    TimedOut,
    /// There was no connection, so nothing was sent.
    Unreachable,
    /// The connection or the answer broke.
    Broken,
    /// Nobody waited for the answer any more: the caller went away, or the gateway stopped; or a body that came piece by piece broke
    /// off, or exceeded its bounds.
    Abandoned,
}

impl UpstreamResult {
    /// All of them, each at its place.
    pub(super) const ALL: [Self; 6] =
        [Self::Answered, Self::ServerError, Self::TimedOut, Self::Unreachable, Self::Broken, Self::Abandoned];

    /// The label.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::ServerError => "server_error",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether the time until then says how long the upstream takes. Who was not reached has taken none, and who is waited for
    /// no longer might have taken more.
    const fn tells_the_time(self) -> bool {
        !matches!(self, Self::Unreachable | Self::Abandoned)
    }
}

/// The figures of one upstream.
#[derive(Debug)]
pub struct UpstreamFigures {
    /// In the order of [`UpstreamResult::ALL`].
    pub(super) ended: [Counter; UpstreamResult::ALL.len()],
    pub(super) duration: Histogram,
}

impl UpstreamFigures {
    /// A request to it begins.
    pub fn asked(self: &Arc<Self>) -> Asked {
        Asked { figures: Arc::clone(self), began: Instant::now(), timed: true, open: true }
    }
}

/// A request to an upstream that has not ended. Dropped before that, it is counted as abandoned.
#[derive(Debug)]
#[must_use = "dropping it counts the request as abandoned"]
pub struct Asked {
    figures: Arc<UpstreamFigures>,
    began: Instant,
    timed: bool,
    open: bool,
}

impl Asked {
    /// Its time will tell nothing of the upstream: the body goes on as its caller sends it.
    pub fn untimed(mut self) -> Self {
        self.timed = false;
        self
    }

    /// It ended so. Answers when that was, for whoever would read the clock for it.
    pub fn ended(mut self, result: UpstreamResult) -> Instant {
        self.count(result)
    }

    /// It was held back, so there was none.
    pub fn unsent(mut self) {
        self.open = false;
    }

    fn count(&mut self, result: UpstreamResult) -> Instant {
        self.open = false;
        if let Some(counter) = self.figures.ended.get(result as usize) {
            counter.inc();
        }
        let now = Instant::now();
        if self.timed && result.tells_the_time() {
            self.figures.duration.observe((now - self.began).as_secs_f64());
        }
        now
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.open {
            self.count(UpstreamResult::Abandoned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    #[test]
    fn every_request_is_counted_once_and_its_time_where_that_tells_something() {
        let metrics = Metrics::new();
        let figures = metrics.upstream(&"model".into());
        let said = |what: &str| metrics.encode().unwrap().lines().any(|line| line == what);
        let count = |result: UpstreamResult, count: u64| {
            let word = result.word();
            said(&format!(
                "consentry_upstream_requests_total{{upstream=\"model\",result=\"{word}\"}} {count}"
            ))
        };
        let times = |count: u64| {
            said(&format!("consentry_upstream_duration_seconds_count{{upstream=\"model\"}} {count}"))
        };
        assert!(UpstreamResult::ALL.into_iter().all(|result| count(result, 0)), "they begin at zero");
        assert!(times(0));
        let mut timed = 0;
        for result in UpstreamResult::ALL {
            match result {
                UpstreamResult::Abandoned => drop(figures.asked()),
                result => drop(figures.asked().ended(result)),
            }
            timed += u64::from(!matches!(result, UpstreamResult::Unreachable | UpstreamResult::Abandoned));
            assert!(count(result, 1), "{result:?}");
            assert!(times(timed), "{result:?}");
        }
        figures.asked().unsent();
        drop(figures.asked().untimed());
        assert!(count(UpstreamResult::Abandoned, 2) && times(timed));
        figures.asked().untimed().ended(UpstreamResult::Answered);
        assert!(count(UpstreamResult::Answered, 2) && times(timed));
        // Another thread's are the same.
        metrics.upstream(&"model".into()).asked().ended(UpstreamResult::Broken);
        assert!(count(UpstreamResult::Broken, 2));
    }
}
