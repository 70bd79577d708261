//! Route: which policy governs a request. The path is brought to its one form here; what is matched is what is
//! forwarded.

use std::sync::Arc;

use http::request::Parts;
use http::uri::{InvalidUri, PathAndQuery};

use super::account::Account;
use super::gateway::Live;
use super::parameters::{check, invalid};
use crate::drift::RouteDrift;
use crate::net::query::{self, QueryError};
use crate::net::{CanonicalPath, PathError, path};
use crate::plan::{Match, Mode, NoRoute, Param, Route};
use crate::problem::{Problem, Rejection};

/// Query parameters, decoded, in the order in which they came.
type Query = Vec<(String, String)>;

/// A request that a policy governs.
#[derive(Debug)]
pub(super) struct Routed {
    /// What was in force when the exchange began, and is until it ends.
    pub(super) live: Arc<Live>,
    pub(super) route: Arc<Route>,
    /// Path parameters, decoded, in the order of the path.
    pub(super) params: Vec<String>,
    /// Query parameters, decoded, as they came.
    pub(super) query: Query,
    /// The canonical path and the declared query: what the upstream is asked for.
    pub(super) target: PathAndQuery,
}

/// Finds the route and checks what stands in the request's target.
pub(super) fn find(live: Arc<Live>, head: &Parts, account: &mut Account) -> Result<Routed, Rejection> {
    let canonical = path::canonical(&head.uri).map_err(|error| {
        let problem = match error {
            PathError::TooLong => Problem::UriTooLong,
            _ => Problem::RequestMalformed,
        };
        Rejection::new(problem).detail(error.to_string())
    })?;
    let Match { route, params } =
        live.plan.route(&head.method, canonical.as_str()).map_err(|none| match none {
            NoRoute::Unknown => Rejection::new(Problem::RouteUnknown),
            NoRoute::Method { allow } => Rejection::new(Problem::MethodNotPermitted).allow(allow),
        })?;
    let route = Arc::clone(route);
    account.activity = Some(Arc::clone(&route.activity.name));
    let drift = live.drift_of(&route);
    let call = drift.map_or(0, RouteDrift::called);
    if route.activity.mode == Mode::Closed {
        return Err(Problem::ActivityClosed.into());
    }
    let malformed =
        |error: &dyn std::error::Error| Rejection::new(Problem::RequestMalformed).detail(error.to_string());
    let pairs = query::pairs(head.uri.query().unwrap_or_default()).map_err(|error| match error {
        QueryError::TooLong => Rejection::new(Problem::UriTooLong).detail(error.to_string()),
        error => malformed(&error),
    })?;
    let query: Query =
        pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    for (param, value) in route.path.iter().zip(&params) {
        check(param, value)?;
    }
    check_query(&route, &query, |place| drift.iter().for_each(|drift| drift.query(place, call)))?;
    let target = target(&canonical, &query).map_err(|error| malformed(&error))?;
    Ok(Routed { live, route, params, query, target })
}

/// Checks what stands in a target that was matched, as a route beside the one that it matched would have.
pub(super) fn parameters(routed: &Routed) -> Result<(), Rejection> {
    let Routed { route, params, query, .. } = routed;
    route.path.iter().zip(params).try_for_each(|(param, value)| check(param, value))?;
    check_query(route, query, |_| {})
}

/// What the upstream is asked for. The query is written anew from what was read: a `;`, which some servers take for a
/// separator, is then no second parameter behind a first one.
fn target(path: &CanonicalPath, pairs: &[(String, String)]) -> Result<PathAndQuery, InvalidUri> {
    let mut text = String::new();
    for (name, value) in pairs {
        query::write(&mut text, name, value);
    }
    path.target((!text.is_empty()).then_some(&*text))
}

/// Every parameter is declared, and every required one is there. `occurred` hears the places of those that came.
fn check_query(route: &Route, query: &[(String, String)], occurred: impl Fn(usize)) -> Result<(), Rejection> {
    for (name, value) in query {
        match route.query.iter().enumerate().find(|(_, param)| *param.name == **name) {
            Some((place, param)) => {
                occurred(place);
                check(param, value)?;
            }
            None => {
                return Err(Rejection::new(Problem::FieldNotPermitted)
                    .detail("The query has a parameter that the policy does not declare."));
            }
        }
    }
    let missing = |param: &&Param| param.required && !query.iter().any(|(name, _)| **name == *param.name);
    match route.query.iter().find(missing) {
        Some(param) => Err(invalid(param).detail("The query parameter is missing.")),
        None => Ok(()),
    }
}
