//! What all threads share, and what a reload swaps.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};

use super::shadow::Desk;
use super::well_known::Pages;
use crate::analyzer::Analyzer;
use crate::clock::Clock;
use crate::crypto::InterchangeKey;
use crate::custody::Custody;
use crate::drift::{Drift, RouteDrift};
use crate::identity::Identity;
use crate::journal::Journal;
use crate::limits::{Limiter, Rate};
use crate::net::{ConnectionInfo, TrustedProxies};
use crate::plan::{Per, Plan, RateLimit, Route};
use crate::problem::Problem;
use crate::standing::Standing;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::upstream::Upstream;

/// How many callers, addresses or persons one limit tells apart; more of them share buckets with their neighbours.
const COUNTED: usize = 1_000_000;

/// One set of policies in force, whole: an exchange sees one from its start to its end.
pub struct Live {
    /// The compiled policies.
    pub plan: Plan,
    /// Interchange keys, in the order in which the plan's actions count them.
    pub keys: Arc<[InterchangeKey]>,
    /// The notice, and the pages of the problems.
    pub pages: Pages,
    /// What is declared and not met, and what comes undeclared.
    drift: Drift,
    /// One bucket set per limited route, by the route's index.
    limiters: Vec<Option<Arc<Limiter>>>,
}

impl Live {
    /// Puts a set of policies together with what it needs. `window` is how many exchanges what is declared may be missing
    /// in before that is told.
    pub fn new(plan: Plan, keys: Arc<[InterchangeKey]>, pages: Pages, window: u32) -> Self {
        let limiters = plan.routes.iter().map(|route| route.rate_limit.and_then(limiter)).collect();
        let drift = Drift::new(&plan, window);
        Self { plan, keys, pages, drift, limiters }
    }

    /// Takes over what `before` has counted, for every limit that is the same as it was: a reload resets no attacker.
    fn inherit(&mut self, before: &Self) {
        self.drift.inherit(&self.plan, &before.drift, &before.plan);
        let known = before.plan.routes_by_name();
        for (route, limiter) in self.plan.routes.iter().zip(&mut self.limiters) {
            let counted = known.get(&route.name()).filter(|other| other.rate_limit == route.rate_limit);
            if let Some(counted) = counted.and_then(|other| before.limiters.get(other.index)?.as_ref()) {
                *limiter = Some(Arc::clone(counted));
            }
        }
    }

    /// What has drifted.
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// Where an exchange of a route is counted.
    pub(super) fn drift_of(&self, route: &Route) -> Option<&RouteDrift> {
        self.drift.route(route.index)
    }

    fn sweep(&self) {
        self.limiters.iter().flatten().for_each(|limiter| limiter.sweep());
        self.drift.sweep();
    }

    /// The limiter of a route, where it counts `per` this.
    pub(super) fn limiter(&self, route: &Route, per: Per) -> Option<&Limiter> {
        route.rate_limit.filter(|limit| limit.per == per)?;
        self.limiters.get(route.index)?.as_deref()
    }
}

fn limiter(limit: RateLimit) -> Option<Arc<Limiter>> {
    let rate = Rate::new(limit.calls.get(), limit.period, limit.burst.get())?;
    Some(Arc::new(Limiter::new(rate, COUNTED)))
}

/// What every exchange needs, made once by the composition root.
pub struct Parts {
    /// Where the present comes from.
    pub clock: Clock,
    /// Who callers are.
    pub identity: Arc<Identity>,
    /// Persons' keys and kept records.
    pub custody: Custody,
    /// What persons permit.
    pub standing: Standing,
    /// What is kept.
    pub store: Store,
    /// What is written before and after.
    pub journal: Journal,
    /// What is counted.
    pub metrics: Metrics,
    /// The APIs behind the gateway, by name.
    pub upstreams: HashMap<Arc<str>, Upstream>,
    /// Who is asked about free text, by name.
    pub analyzers: HashMap<Arc<str>, Analyzer>,
    /// Whose word on forwarding is believed.
    pub trusted_proxies: TrustedProxies,
    /// The base of problem types; `None` for the gateway's own pages.
    pub problems: Option<String>,
}

/// The gateway behind its listeners.
pub struct Gateway {
    parts: Parts,
    live: ArcSwap<Live>,
    /// Sets of policies that are not in force any more, and that exchanges may still hold.
    retired: Mutex<Vec<Arc<Live>>>,
    notice_link: HeaderValue,
    no_activity: Arc<str>,
    shadows: Desk,
}

impl Gateway {
    /// With the policies that it starts with.
    pub fn new(parts: Parts, live: Live) -> Self {
        Self {
            parts,
            live: ArcSwap::from_pointee(live),
            retired: Mutex::default(),
            notice_link: HeaderValue::from_static("</.well-known/consentry/notice>; rel=\"privacy-policy\""),
            no_activity: "none".into(),
            shadows: Desk::new(),
        }
    }

    /// Swaps the policies: exchanges that began before end under the old ones.
    pub fn replace(&self, mut live: Live) {
        live.inherit(&self.live.load());
        let before = self.live.swap(Arc::new(live));
        // Hundreds of policies take milliseconds to drop. The last exchange under them must not pay for that, with all others of
        // its thread.
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).push(before);
    }

    /// Forgets whom the limits need not count any more, and gives up the policies that no exchange holds: whoever asks drops
    /// them. To be called every second or so, off the threads that serve.
    pub fn sweep(&self) -> Vec<Arc<Live>> {
        self.live().sweep();
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody comes by a set that was swapped, so one that nobody else holds stays so.
        retired.extract_if(.., |live| Arc::strong_count(live) == 1).collect()
    }

    /// The policies in force.
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    /// Who callers are.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.parts.identity
    }

    /// Who is asked about free text, by name.
    pub(super) fn analyzer(&self, name: &str) -> Option<&Analyzer> {
        self.parts.analyzers.get(name)
    }

    /// Persons' keys and kept records.
    pub fn custody(&self) -> &Custody {
        &self.parts.custody
    }

    /// What persons permit.
    pub fn standing(&self) -> &Standing {
        &self.parts.standing
    }

    /// What is kept.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// What is written before and after.
    pub fn journal(&self) -> &Journal {
        &self.parts.journal
    }

    /// Where the present comes from.
    pub fn clock(&self) -> &Clock {
        &self.parts.clock
    }

    pub(super) fn upstreams(&self) -> &HashMap<Arc<str>, Upstream> {
        &self.parts.upstreams
    }

    pub(super) fn notice_link(&self) -> HeaderValue {
        self.notice_link.clone()
    }

    /// Where exchanges wait to be looked at by shadows.
    pub(super) fn shadows(&self) -> &Desk {
        &self.shadows
    }

    pub(super) fn no_activity(&self) -> Arc<str> {
        Arc::clone(&self.no_activity)
    }

    /// A problem's `type`.
    pub(super) fn problem_uri(&self, problem: Problem) -> String {
        match &self.parts.problems {
            Some(base) => format!("{}/{}", base.trim_end_matches('/'), problem.slug()),
            None => format!("{}problems/{}", Pages::BASE, problem.slug()),
        }
    }

    /// The address of the caller, and not of a proxy that is trusted.
    pub(super) fn client_address(&self, connection: &ConnectionInfo, headers: &HeaderMap) -> IpAddr {
        self.parts.trusted_proxies.client(connection.peer.ip(), headers)
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({} routes)", self.plan.routes.len())
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}
