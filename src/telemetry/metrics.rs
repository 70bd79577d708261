//! Counters and times, in the form that Prometheus scrapes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::log::lost_lines;
use super::upstream::{UpstreamFigures, UpstreamResult};
use crate::problem::Problem;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// The caller got the answer of the upstream, or of the gateway's records.
    Answered,
    /// The caller got a problem.
    Refused,
    /// The caller went away.
    Abandoned,
    /// The caller had the head of an answer, and the upstream did not bring it to its end.
    Broken,
}

/// How a shadow would have treated an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shadowed {
    /// As it was treated.
    Same,
    /// It would have refused it, or shown or kept less.
    Stricter,
    /// It would have let it through, or shown or kept more.
    Looser,
    /// Both, or in another way.
    Otherwise,
}

impl Shadowed {
    /// The label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Stricter => "stricter",
            Self::Looser => "looser",
            Self::Otherwise => "otherwise",
        }
    }
}

/// All that is counted. Cheap to clone; every clone counts into the same figures.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Figures>);

thread_local! {
    /// The counter of the thread's last exchange, which is mostly that of the next: it is found without the family's lock and hash.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last {
    figures: Arc<Figures>,
    activity: Arc<str>,
    outcome: Outcome,
    counter: Counter,
}

#[derive(Debug)]
struct Figures {
    registry: Registry,
    exchanges: Family<ExchangeLabels, Counter>,
    problems: Family<ProblemLabels, Counter>,
    unauthenticated: Counter,
    duration: Histogram,
    upstream_requests: Family<UpstreamResultLabels, Counter>,
    upstream_duration: Family<UpstreamLabel, Histogram, fn() -> Histogram>,
    journal: Histogram,
    reloads: Family<ReloadLabels, Counter>,
    commands: Family<CommandLabels, Counter>,
    policies_refused: Gauge,
    api_keys_refused: Gauge,
    api_key_ends: Family<ApiKeyLabel, Gauge>,
    /// Those that have a figure.
    api_keys: Mutex<Vec<ApiKeyLabel>>,
    key_set_unfetched: Family<IssuerLabel, Gauge>,
    certificates_refused: Gauge,
    certificates_unseen: Gauge,
    certificate_begins: Family<CertificateLabel, Gauge>,
    certificate_ends: Family<CertificateLabel, Gauge>,
    store_unavailable: Gauge,
    activities_unnamed: Gauge,
    drift_missing: Family<DriftLabels, Gauge>,
    drift_undeclared: Family<DriftLabels, Counter>,
    shadow_exchanges: Family<ShadowLabels, Counter>,
    shadow_dropped: Family<ActivityLabel, Counter>,
    connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExchangeLabels {
    activity: Arc<str>,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    problem: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamResultLabels {
    upstream: Arc<str>,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabel {
    upstream: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DriftLabels {
    activity: Arc<str>,
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiKeyLabel {
    api_key: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IssuerLabel {
    issuer: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    certificate: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShadowLabels {
    activity: Arc<str>,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActivityLabel {
    activity: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabels {
    command: &'static str,
    result: &'static str,
}

/// How a reload may end: its set is in force, or not.
const RELOADS: [&str; 2] = ["accepted", "refused"];

/// The lines of the log that nobody can read, as they stand when somebody asks.
#[derive(Debug)]
struct LostLines;

impl Collector for LostLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let lost = ConstCounter::new(lost_lines());
        let help = "Lines of the log for which there was no room, or that could not be written";
        lost.encode(encoder.encode_descriptor("log_lines_lost", help, None, lost.metric_type())?)
    }
}

/// A figure at zero, which the registry has too.
fn kept<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let figure = M::default();
    registry.register(name, help, figure.clone());
    figure
}

/// When certificates begin, or end.
fn moment(registry: &mut Registry, name: &str, help: &str) -> Family<CertificateLabel, Gauge> {
    let figure = Family::<CertificateLabel, Gauge>::default();
    registry.register_with_unit(name, help, Unit::Seconds, figure.clone());
    figure
}

/// When API keys end.
fn expires(registry: &mut Registry) -> Family<ApiKeyLabel, Gauge> {
    let figure = Family::<ApiKeyLabel, Gauge>::default();
    let help = "The second from which on an API key is refused, counted from 1970";
    registry.register_with_unit("api_key_expires", help, Unit::Seconds, figure.clone());
    figure
}

/// Of times, from 50 µs to 52 s, which is more than an upstream has where nothing is said.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 21))
}

/// A figure of times at zero, which the registry has too.
fn seconds<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, times: M) -> M {
    registry.register_with_unit(name, help, Unit::Seconds, times.clone());
    times
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// With every figure at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("consentry");
        let all = &mut registry;
        // They are scraped in the order in which they stand here.
        let mut figures = Figures {
            exchanges: kept(all, "exchanges", "Exchanges by activity and outcome"),
            problems: kept(all, "problems", "Refusals by problem type"),
            unauthenticated: kept(all, "unauthenticated", "Requests without a valid credential"),
            duration: seconds(all, "exchange_duration", "From the request's head to the answer's", times()),
            upstream_requests: kept(
                all,
                "upstream_requests",
                "Requests to upstreams by upstream and by how they ended",
            ),
            upstream_duration: seconds(
                all,
                "upstream_duration",
                "From the call of the upstream to its whole answer, or to its failure",
                Family::new_with_constructor(times as fn() -> Histogram),
            ),
            journal: seconds(all, "journal_duration", "Waiting for a journal entry to be durable", times()),
            reloads: kept(all, "reloads", "Reloads of the policies by result"),
            commands: kept(all, "commands", "Commands of the administration by result"),
            policies_refused: kept(
                all,
                "policies_refused",
                "Whether what is saved was refused, so that an older set is in force",
            ),
            api_keys_refused: kept(
                all,
                "api_keys_refused",
                "Whether the file of API keys is bad or gone, so that older keys are in force",
            ),
            api_key_ends: expires(all),
            api_keys: Mutex::default(),
            key_set_unfetched: kept(
                all,
                "key_set_unfetched",
                "Whether no usable key of an issuer was had when its key set was last fetched",
            ),
            certificates_refused: kept(
                all,
                "certificates_refused",
                "Certificates whose files hold what cannot be put in force, so that an older one is",
            ),
            certificates_unseen: kept(
                all,
                "certificates_unseen",
                "Whether the disk of certificates does not answer, so that none is renewed",
            ),
            certificate_begins: moment(
                all,
                "certificate_not_before",
                "The first second at which a certificate in force is valid, counted from 1970",
            ),
            certificate_ends: moment(
                all,
                "certificate_not_after",
                "The last second at which a certificate in force is valid, counted from 1970",
            ),
            store_unavailable: kept(
                all,
                "store_unavailable",
                "Whether the store takes no changes, so that nothing is forwarded",
            ),
            activities_unnamed: kept(
                all,
                "activities_unnamed",
                "Activities of which something is kept and which no policy names, so that it has no term",
            ),
            drift_missing: kept(
                all,
                "drift_missing",
                "What policies declare and did not occur in a window of exchanges",
            ),
            drift_undeclared: kept(all, "drift_undeclared", "Members of bodies that no policy declares"),
            shadow_exchanges: kept(
                all,
                "shadow_exchanges",
                "Exchanges by how a shadow would have treated them",
            ),
            shadow_dropped: kept(
                all,
                "shadow_dropped",
                "Exchanges that no shadow was held against, for want of room or time",
            ),
            connections: kept(all, "connections", "Open connections of callers"),
            registry,
        };
        figures.registry.register_collector(Box::new(LostLines));
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        figures.registry.register("build", "The program that runs", version);
        // What counts from nothing on is seen to rise the first time, too.
        for problem in Problem::ALL {
            drop(figures.problems.get_or_create(&ProblemLabels { problem: problem.slug() }));
        }
        for result in RELOADS {
            drop(figures.reloads.get_or_create(&ReloadLabels { result }));
        }
        Self(Arc::new(figures))
    }

    /// Counts an exchange that ended, and how long it took.
    pub fn exchange(&self, activity: &Arc<str>, outcome: Outcome, took: Duration) {
        LAST.with_borrow_mut(|last| {
            let same = |last: &&mut Last| {
                last.outcome == outcome
                    && Arc::ptr_eq(&last.activity, activity)
                    && Arc::ptr_eq(&last.figures, &self.0)
            };
            if let Some(last) = last.as_mut().filter(same) {
                last.counter.inc();
                return;
            }
            let labels = ExchangeLabels { activity: Arc::clone(activity), outcome };
            let counter = self.0.exchanges.get_or_create(&labels).clone();
            counter.inc();
            let figures = Arc::clone(&self.0);
            *last = Some(Last { figures, activity: labels.activity, outcome, counter });
        });
        self.0.duration.observe(took.as_secs_f64());
    }

    /// Counts a refusal.
    pub fn problem(&self, problem: Problem) {
        self.0.problems.get_or_create(&ProblemLabels { problem: problem.slug() }).inc();
        if matches!(problem, Problem::AuthenticationRequired | Problem::TokenInvalid) {
            self.0.unauthenticated.inc();
        }
    }

    /// Counts a reload of the policies.
    pub fn reload(&self, accepted: bool) {
        let [yes, no] = RELOADS;
        let result = if accepted { yes } else { no };
        self.0.reloads.get_or_create(&ReloadLabels { result }).inc();
    }

    /// Has such commands of the administration counted from zero on.
    pub fn command_begins(&self, command: &'static str, result: &'static str) {
        drop(self.0.commands.get_or_create(&CommandLabels { command, result }));
    }

    /// Counts a command of the administration.
    pub fn command(&self, command: &'static str, result: &'static str) {
        self.0.commands.get_or_create(&CommandLabels { command, result }).inc();
    }

    /// How many certificates lie in their files and cannot be put in force, so that an older one is.
    pub fn certificates_refused(&self) -> &Gauge {
        &self.0.certificates_refused
    }

    /// Whether the disk of certificates does not answer (1), so that none is renewed.
    pub fn certificates_unseen(&self) -> &Gauge {
        &self.0.certificates_unseen
    }

    /// Of how many activities something is kept though no policy names them.
    pub fn activities_unnamed(&self) -> &Gauge {
        &self.0.activities_unnamed
    }

    /// The certificate in force, by its file, is valid from the first of these seconds after 1970 up to the second.
    pub fn certificate(&self, file: &str, begins: i64, ends: i64) {
        let label = CertificateLabel { certificate: file.into() };
        self.0.certificate_begins.get_or_create(&label).set(begins);
        self.0.certificate_ends.get_or_create(&label).set(ends);
    }

    /// Whether the store takes no changes (1), so that nothing is forwarded.
    pub fn store_unavailable(&self) -> &Gauge {
        &self.0.store_unavailable
    }

    /// Whether what is saved was refused (1), so that an older set is in force.
    pub fn policies_refused(&self) -> &Gauge {
        &self.0.policies_refused
    }

    /// Whether the file of API keys is bad or gone (1), so that older keys are in force.
    pub fn api_keys_refused(&self) -> &Gauge {
        &self.0.api_keys_refused
    }

    /// From which second after 1970 on each API key is refused, by its id. One that is not among them has no figure any more.
    pub fn api_keys_end(&self, ends: impl Iterator<Item = (String, i64)>) {
        let ends: HashMap<_, _> = ends.map(|(api_key, seconds)| (ApiKeyLabel { api_key }, seconds)).collect();
        let mut before = self.0.api_keys.lock().unwrap_or_else(PoisonError::into_inner);
        // One that stays has its figure all the time: somebody else may scrape just then.
        for gone in before.iter().filter(|label| !ends.contains_key(*label)) {
            self.0.api_key_ends.remove(gone);
        }
        for (label, seconds) in &ends {
            self.0.api_key_ends.get_or_create(label).set(*seconds);
        }
        *before = ends.into_keys().collect();
    }

    /// Whether no usable key of an issuer was had when its key set was last fetched.
    pub fn key_set_unfetched(&self, issuer: &Arc<str>, unfetched: bool) {
        let label = IssuerLabel { issuer: Arc::clone(issuer) };
        self.0.key_set_unfetched.get_or_create(&label).set(i64::from(unfetched));
    }

    /// What has drifted, by activity: what is missing now, and how much occurred undeclared since the start. An activity that
    /// is not among them has no figures of what is missing any more.
    pub fn drift(
        &self,
        drifted: impl Iterator<Item = (Arc<str>, [(&'static str, u64); 3], [(&'static str, u64); 2])>,
    ) {
        self.0.drift_missing.clear();
        for (activity, missing, undeclared) in drifted {
            let labels = |what| DriftLabels { activity: Arc::clone(&activity), what };
            for (what, count) in missing {
                let gauge = self.0.drift_missing.get_or_create(&labels(what));
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
            for (what, count) in undeclared {
                let counter = self.0.drift_undeclared.get_or_create(&labels(what));
                counter.inc_by(count.saturating_sub(counter.get()));
            }
        }
    }

    /// Counts how a shadow would have treated an exchange.
    pub fn shadow(&self, shadow: &Arc<str>, outcome: Shadowed) {
        let labels = ShadowLabels { activity: Arc::clone(shadow), outcome: outcome.word() };
        self.0.shadow_exchanges.get_or_create(&labels).inc();
    }

    /// Counts an exchange that a shadow was not held against.
    pub fn shadow_dropped(&self, shadow: &Arc<str>) {
        self.0.shadow_dropped.get_or_create(&ActivityLabel { activity: Arc::clone(shadow) }).inc();
    }

    /// The figures of an upstream, for whoever asks it; from then on they are scraped.
    pub fn upstream(&self, name: &Arc<str>) -> Arc<UpstreamFigures> {
        let ended = UpstreamResult::ALL.map(|result| {
            let labels = UpstreamResultLabels { upstream: Arc::clone(name), result: result.word() };
            self.0.upstream_requests.get_or_create(&labels).clone()
        });
        let label = UpstreamLabel { upstream: Arc::clone(name) };
        let duration = self.0.upstream_duration.get_or_create(&label).clone();
        Arc::new(UpstreamFigures { ended, duration })
    }

    /// Notes how long an exchange waited for the journal.
    pub fn journal(&self, took: Duration) {
        self.0.journal.observe(took.as_secs_f64());
    }

    /// How many connections of callers are open.
    pub fn connections(&self) -> &Gauge {
        &self.0.connections
    }

    /// All figures in the OpenMetrics text format.
    ///
    /// # Errors
    /// Where a figure cannot be written as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
