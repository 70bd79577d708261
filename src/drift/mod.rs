//! Drift: what policies declare and never meets, and what comes and is not declared. Counted beside every exchange,
//! asked for now and then.
//!
//! - A field or a parameter has drifted where it did not occur in the last N exchanges of its route; a route, where none
//!   of the last N exchanges of the gateway was its own. N is the deployment's.
//! - What is not declared is counted. Its name is the sender's own text: [`names`] says when it is kept all the same.
//!
//! INVARIANT: nothing here says who sent what, and no value is ever held.
//!
//! An exchange allocates nothing and writes little: a mark is looked at first, and written again only after a sixteenth of
//! the window, so that threads do not take each other's cache lines.

mod findings;
mod marks;
mod names;
mod report;
mod shadow;
mod side;

pub use findings::findings;
pub use report::{Missing, Report, RouteReport, SideReport, Summary};
pub use shadow::{Place, ShadowDrift, ShadowReport, Verdict};
pub use side::{Seen, SideDrift};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::plan::{Param, Plan, Route, Shadow};
use marks::Marks;

/// What was counted for one set of policies in force.
#[derive(Debug)]
pub struct Drift {
    window: u64,
    routes: Vec<RouteDrift>,
    shadows: Vec<Arc<ShadowDrift>>,
}

/// What was counted for one route.
#[derive(Debug)]
pub struct RouteDrift {
    /// Calls that found it.
    matched: AtomicU64,
    /// How many calls the gateway had answered when one of them was last this route's, and how many when it was declared.
    last_of_all: AtomicU64,
    since: u64,
    /// Calls that found it, when that was last looked at.
    looked: AtomicU64,
    query: Marks,
    headers: Marks,
    request: SideDrift,
    response: SideDrift,
}

impl Drift {
    /// Nothing counted yet.
    pub fn new(plan: &Plan, window: u32) -> Self {
        let window = u64::from(window).max(1);
        let shadows = plan.shadows.iter().map(|_| Arc::default()).collect();
        let routes = plan.routes.iter().map(|route| RouteDrift::new(route, window)).collect();
        Self { window, routes, shadows }
    }

    /// Takes over what `before` has counted for every route, field and parameter that has the name that it had; what is
    /// new begins with the next exchange.
    pub fn inherit(&mut self, plan: &Plan, before: &Self, planned: &Plan) {
        let all = before.all();
        let window = self.window;
        let known = planned.routes_by_name();
        for (route, drift) in plan.routes.iter().zip(&mut self.routes) {
            let counted =
                known.get(&route.name()).and_then(|other| Some((other, before.routes.get(other.index)?)));
            match counted {
                None => drift.since = all,
                Some((other, counted)) => drift.inherit(route, counted, other, window),
            }
        }
        for (shadow, drift) in plan.shadows.iter().zip(&mut self.shadows) {
            // Two policies of which one is another now are compared anew.
            let same = |other: &&Shadow| {
                other.activity.digest == shadow.activity.digest && other.of.digest == shadow.of.digest
            };
            let counted = planned.shadows.iter().zip(&before.shadows).find(|(other, _)| same(other));
            if let Some((_, counted)) = counted {
                *drift = Arc::clone(counted);
            }
        }
        // A route that went took its calls along; the others' must not seem to lie further back, or ahead, for it.
        let now = self.all();
        for drift in &mut self.routes {
            let moved = |at: u64| at.saturating_sub(all.saturating_sub(now));
            drift.since = moved(drift.since);
            let last = drift.last_of_all.get_mut();
            *last = moved(*last);
        }
    }

    /// What is counted for the route with this index.
    pub fn route(&self, index: usize) -> Option<&RouteDrift> {
        self.routes.get(index)
    }

    /// What is counted for the shadow with this index.
    pub fn shadow(&self, index: usize) -> Option<&ShadowDrift> {
        self.shadows.get(index).map(|drift| &**drift)
    }

    /// Notes which routes were called since. To be called every second or so, off the threads that serve.
    pub fn sweep(&self) {
        let all = self.all();
        for drift in &self.routes {
            let matched = drift.matched.load(Relaxed);
            if drift.looked.swap(matched, Relaxed) != matched {
                drift.last_of_all.store(all, Relaxed);
            }
        }
    }

    /// What has drifted.
    pub fn report(&self, plan: &Plan) -> Report {
        self.sweep();
        let all = self.all();
        let routes = plan.routes.iter().zip(&self.routes);
        let routes = routes.map(|(route, drift)| drift.report(route, all, self.window)).collect();
        let shadows = plan.shadows.iter().zip(&self.shadows);
        let shadows = shadows.map(|(shadow, drift)| drift.report(&shadow.activity.name, &shadow.of.name));
        Report { window: self.window, exchanges: all, routes, shadows: shadows.collect() }
    }

    /// The same in figures, by activity.
    pub fn summary(&self, plan: &Plan) -> BTreeMap<Arc<str>, Summary> {
        let mut all: BTreeMap<Arc<str>, Summary> = BTreeMap::new();
        for (route, report) in plan.routes.iter().zip(self.report(plan).routes) {
            let summary = all.entry(Arc::clone(&route.activity.name)).or_default();
            summary.add(&report);
        }
        all
    }

    fn all(&self) -> u64 {
        self.routes.iter().map(|drift| drift.matched.load(Relaxed)).sum()
    }
}

impl RouteDrift {
    fn new(route: &Route, window: u64) -> Self {
        Self {
            matched: AtomicU64::new(0),
            last_of_all: AtomicU64::new(0),
            since: 0,
            looked: AtomicU64::new(0),
            query: Marks::new(route.query.len(), window),
            headers: Marks::new(route.headers.len(), window),
            request: SideDrift::new(&route.activity.request, window),
            response: SideDrift::new(&route.activity.response, window),
        }
    }

    fn inherit(&mut self, route: &Route, before: &Self, planned: &Route, window: u64) {
        let matched = before.matched.load(Relaxed);
        self.matched = AtomicU64::new(matched);
        self.looked = AtomicU64::new(before.looked.load(Relaxed));
        self.last_of_all = AtomicU64::new(before.last_of_all.load(Relaxed));
        self.since = before.since;
        let named = |params: &[Param]| params.iter().map(|param| Arc::clone(&param.name)).collect::<Vec<_>>();
        for (marks, ours, counted, theirs) in [
            (&mut self.query, &route.query, &before.query, &planned.query),
            (&mut self.headers, &route.headers, &before.headers, &planned.headers),
        ] {
            *marks = counted.renamed(&named(theirs), &named(ours), matched, window);
        }
        self.request = before.request.renamed(&planned.activity.request, &route.activity.request, window);
        self.response = before.response.renamed(&planned.activity.response, &route.activity.response, window);
    }

    /// Counts a call that found this route. The number is for [`Self::query`] and [`Self::header`].
    pub fn called(&self) -> u64 {
        self.matched.fetch_add(1, Relaxed)
    }

    /// The declared query parameter with this place occurred in the call with this number.
    pub fn query(&self, place: usize, call: u64) {
        self.query.mark(place, call);
    }

    /// The declared header with this place occurred.
    pub fn header(&self, place: usize) {
        self.headers.mark(place, self.matched.load(Relaxed).saturating_sub(1));
    }

    /// What is counted of what goes to the upstream.
    pub fn request(&self) -> &SideDrift {
        &self.request
    }

    /// What is counted of what comes back.
    pub fn response(&self) -> &SideDrift {
        &self.response
    }

    fn report(&self, route: &Route, all: u64, window: u64) -> RouteReport {
        let matched = self.matched.load(Relaxed);
        let quiet = all.saturating_sub(self.last_of_all.load(Relaxed).max(self.since));
        let params = |marks: &Marks, params: &[Param]| {
            marks.missing(matched, window, |place| params.get(place).map(|param| Arc::clone(&param.name)))
        };
        RouteReport {
            activity: route.activity.name.to_string(),
            route: route.text.to_string(),
            exchanges: matched,
            uncalled_for: (quiet >= window).then_some(quiet),
            query: params(&self.query, &route.query),
            headers: params(&self.headers, &route.headers),
            request: self.request.report(&route.activity.request, window),
            response: self.response.report(&route.activity.response, window),
        }
    }
}
