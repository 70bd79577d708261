//! Policy as run: one immutable [`Plan`], compiled once per load, swapped whole on reload. Names are resolved to
//! indices and shared pointers here, so that an exchange looks nothing up.

mod activity;
mod compile;
mod compile_route;
mod coverage;
mod deployment;
pub mod diff;
pub mod explain;
mod gates;
mod matcher;
mod organisation;
mod prose;
mod route;
mod sent;
mod transfer;

pub use activity::{Activity, DataSubject, Field, Gate, Side, Specs};
pub use compile::{Loaded, load, load_on, load_promoted};
pub use coverage::{Coverage, Covers, Item, Outcome};
pub use deployment::Deployment;
pub use diff::{Change, Class, Whom, changes};
pub use organisation::{Organisation, Purpose, Recipient};
pub(crate) use sent::{Noted, Sent};

pub use route::{Match, NoRoute, Param, Payload, Route};

pub use crate::policy::{
    Access, Answer, Art9Condition, DecisionGround, DeniedRow, FurtherProcessing, HeadPart, JournalMode,
    LegalBasis, Limits, Mode, Per, RateLimit, Role, RouteKind, TransferInstrument,
};

use std::collections::HashMap;
use std::sync::Arc;

/// All that the gateway enforces. Only [`load`] and its like make one.
#[derive(Debug)]
pub struct Plan {
    /// SHA-256 of the policy files: `organisation.yaml` and every activity, each with its name, in the order of names.
    pub digest: [u8; 32],
    /// The processing activities, in the order of their names. [`Activity::records_of`] is an index of this list.
    pub activities: Vec<Arc<Activity>>,
    /// Every route of every activity.
    pub routes: Vec<Arc<Route>>,
    /// Activities that are not in force, in the order of their names. Nothing that asks what is processed looks here.
    pub shadows: Vec<Shadow>,
    /// For each route its shadows, as their index in [`Plan::shadows`], and the route as they have it.
    beside: Vec<Vec<(usize, Arc<Route>)>>,
    /// Controller, purposes, recipients.
    pub organisation: Arc<Organisation>,
    /// Names of interchange keys, in the order in which compiled actions count them: that of `Deployment`.
    pub interchange_keys: Vec<Arc<str>>,
    /// The claims that some condition names: nothing else of a token is kept for conditions. `None` where there is no
    /// condition.
    pub claims: Option<Vec<Box<str>>>,
    matcher: matcher::Matcher,
}

/// An activity that is held against another's exchanges and not in force.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// As it would be in force.
    pub activity: Arc<Activity>,
    /// The activity that is.
    pub of: Arc<Activity>,
}

impl Plan {
    /// The shadows of the route with this index: their place in [`Plan::shadows`], and the route as each has it. Such a
    /// route's index is that of the route beside which it stands.
    pub fn beside(&self, route: usize) -> &[(usize, Arc<Route>)] {
        self.beside.get(route).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every route of every shadow, in the order of the routes in force.
    pub fn shadow_routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.beside.iter().flatten().map(|(_, route)| route)
    }

    /// Every route by its name, which is none other's.
    pub(crate) fn routes_by_name(&self) -> HashMap<(&str, &str), &Arc<Route>> {
        self.routes.iter().map(|route| (route.name(), route)).collect()
    }

    /// The route for a method and a canonical path.
    ///
    /// # Errors
    /// [`NoRoute::Unknown`] where no route has this path, [`NoRoute::Method`] where only other methods have it.
    pub fn route(&self, method: &http::Method, path: &str) -> Result<Match<'_>, NoRoute> {
        self.matcher.find(&self.routes, method, path)
    }
}

#[cfg(test)]
mod tests;
