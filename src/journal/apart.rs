//! How far the audit's newest entry lies from the clock when the gateway starts: the clock may be wrong, or the files older than they
//! should be. Nothing is refused for it: a gateway that stood still looks the same.

use std::fmt;
use std::time::Duration;

use crate::audit::Reading;
use crate::clock::Timestamp;

use super::{Journal, JournalError};

/// How far is far. A gateway that serves notes its stop, so that one that is started again at once is not.
const FAR: Duration = Duration::from_secs(3600);

/// The newest entry and the clock are far apart, and what that may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart {
    newest: Timestamp,
    now: Timestamp,
}

impl Apart {
    fn of(newest: Timestamp, now: Timestamp) -> Option<Self> {
        (newest.plus(FAR) < now || now.plus(FAR) < newest).then_some(Self { newest, now })
    }
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { newest, now } = self;
        if now < newest {
            return write!(
                f,
                "the clock says {now}, and the newest entry of the audit is of {newest}, which is yet to come: one of the two was noted by a \
                 clock that is wrong. Terms and consents end by the clock: see to it that it is set (NTP), and restart"
            );
        }
        write!(
            f,
            "the newest entry of the audit is of {newest}, and the clock says {now}. If the gateway stood still in between, or had \
             nothing to note before it was killed or the power failed, so that it noted no stop, all is well. If it noted more, older copies \
             of its files were put back: objections, restrictions, withdrawals and erasures since then are not in them and do not bind \
             (\"Backup and restore\" in docs/guide/deploying.md). If the clock runs ahead, stop, and set it"
        )
    }
}

impl Journal {
    /// Whether the newest entry lies far from the clock. Ask before anything is noted.
    ///
    /// # Errors
    /// Where the audit cannot be read.
    pub async fn apart(&self) -> Result<Option<Apart>, JournalError> {
        let newest = self.store.audit_entries(self.store.chain().count, 1).await?;
        // One of a newer gateway's tells nothing.
        let newest = newest.first().and_then(|entry| Reading::new(&entry.encoded).ok());
        Ok(newest.and_then(|newest| Apart::of(newest.at, self.clock.now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_before_or_behind_the_clock_is_told_with_both_times() {
        let (hour, newest) = (3_600_000, 1_795_421_350_123);
        let of = |later: i64| {
            let now = Timestamp::from_millis(newest + later);
            Apart::of(Timestamp::from_millis(newest), now).map(|apart| apart.to_string())
        };
        for near in [0, hour, -hour, 5_000] {
            assert_eq!(of(near), None);
        }
        let older = of(8 * hour).unwrap();
        assert!(older.contains("2026-11-23T08:09:10.123Z, and the clock says 2026-11-23T16:09:10.123Z"));
        assert!(older.contains("older copies of its files") && older.contains("noted no stop"), "{older}");
        let behind = of(-20 * 24 * hour).unwrap();
        assert!(behind.contains("the clock says 2026-11-03T08:09:10.123Z"), "{behind}");
        assert!(behind.contains("NTP") && !behind.contains("older copies"), "{behind}");
    }
}
