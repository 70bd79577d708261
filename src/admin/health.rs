//! What health and metrics tell beside the counts: what is saved and not in force, what is in force and not valid.

use super::Refusal;
use super::office::Office;
use super::refusal::Unseen;
use crate::clock::Timestamp;
use crate::drift::Summary;
use crate::identity::{Amiss, Ending};
use crate::telemetry::Metrics;

/// How many API keys are told of, a line each.
const SHOWN: usize = 20;

impl Office {
    pub(super) fn healthy(&self) -> bool {
        self.store().health().able
    }

    /// Why what is saved is not in force, where it is not.
    pub(super) fn refused(&self) -> Option<Refusal> {
        self.control.as_ref()?.refused()
    }

    /// What is saved and not in force, and what is in force and not valid, a line each: to whoever watches the gateway with
    /// its causes, to others without.
    pub(super) fn not_in_force(&self, causes: bool) -> String {
        let unrenewed = self.control.iter().flat_map(|control| control.unrenewed());
        let unrenewed = unrenewed.map(|one| if causes { one.to_string() } else { one.without_cause() });
        let refused = self.refused().map(|one| if causes { one.to_string() } else { one.without_cause() });
        let lapsed = self.control.iter().flat_map(|control| control.lapsed());
        let lapsed = lapsed.map(|one| if causes { one.to_string() } else { one.without_file() });
        let unseen = self.unseen().map(|since| Unseen(since).to_string());
        let lines = refused.into_iter().chain(unrenewed).chain(unseen).chain(lapsed);
        let lines = lines.chain(self.refused_api_keys(causes)).chain(self.unfetched_keys(causes));
        let lines = lines.chain(self.unnamed.says(causes)).chain(self.ending_api_keys(causes));
        lines.map(|line| format!("{line}\n")).collect()
    }

    fn unseen(&self) -> Option<Timestamp> {
        self.control.as_ref()?.unseen()
    }

    /// Why the file of API keys is not in force, where it is not. Says nothing of what it holds.
    fn refused_api_keys(&self, causes: bool) -> Option<String> {
        let since = self.gateway.identity().api_keys_refused()?;
        let more = if causes {
            ", and those before are accepted still, one that is revoked by now among them; `consentry check` shows what is wrong"
        } else {
            "; the log says why"
        };
        Some(format!("the file of API keys is NOT in force: it cannot be used since {since}{more}"))
    }

    /// The API keys that end soon, or have ended.
    fn ending_api_keys(&self, causes: bool) -> Vec<String> {
        let now = self.gateway.clock().now();
        let ending = self.gateway.identity().api_keys_ending();
        let line = |key: &Ending| {
            let which = if causes { format!("the API key {}", key.id) } else { "an API key".to_owned() };
            format!("{which} {}, and its holder has no other that lasts", key.says(now))
        };
        let mut lines: Vec<_> = ending.iter().take(SHOWN).map(line).collect();
        let more = ending.len().saturating_sub(SHOWN);
        if more > 0 {
            lines.push(format!("{more} more API keys end soon or have ended"));
        }
        lines
    }

    /// The issuers whose keys cannot be fetched, or that have none.
    fn unfetched_keys(&self, causes: bool) -> Vec<String> {
        let failing = self.gateway.identity().key_sets().filter_map(|(name, failing)| Some((name, failing?)));
        let mut lines: Vec<_> = failing
            .map(|(name, (since, amiss))| {
                let whose = if causes { format!("the issuer `{name}`") } else { "an issuer".to_owned() };
                let (amiss, so) = match amiss {
                    Amiss::Stale => ("cannot be fetched", "those before are believed for a day"),
                    Amiss::Missing => ("cannot be fetched", "its tokens are refused"),
                    Amiss::Empty => {
                        ("are none that may be used with its algorithms", "its tokens are refused")
                    }
                };
                format!("the keys of {whose} {amiss} since {since}, and {so}; the log says why")
            })
            .collect();
        lines.sort_unstable();
        lines
    }

    /// What is counted.
    pub(super) fn counts(&self) -> &Metrics {
        self.gateway.metrics()
    }

    pub(super) fn metrics(&self) -> Result<String, std::fmt::Error> {
        let metrics = self.counts();
        for (issuer, failing) in self.gateway.identity().key_sets() {
            metrics.key_set_unfetched(&issuer, failing.is_some());
        }
        metrics.api_keys_refused().set(i64::from(self.gateway.identity().api_keys_refused().is_some()));
        metrics.store_unavailable().set(i64::from(!self.healthy()));
        let ends = self.gateway.identity().api_key_ends().into_iter();
        metrics.api_keys_end(ends.map(|key| (key.id.to_string(), key.expires.seconds())));
        metrics.activities_unnamed().set(i64::try_from(self.unnamed.count()).unwrap_or(i64::MAX));
        metrics.certificates_unseen().set(i64::from(self.unseen().is_some()));
        let live = self.gateway.live();
        metrics.drift(live.drift().summary(&live.plan).into_iter().map(|(activity, drifted)| {
            let Summary { fields, parameters, routes, undeclared_in_requests, undeclared_in_answers } =
                drifted;
            let missing = [("field", fields), ("parameter", parameters), ("route", routes)];
            let undeclared = [("request", undeclared_in_requests), ("response", undeclared_in_answers)];
            (activity, missing, undeclared)
        }));
        metrics.encode()
    }
}
