//! Conditions of one call: whether it may be made at all, and which of its caller's gates stand open. All are decided
//! before anything is sent, from what the caller showed; one that cannot be decided refuses the call.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;

use super::Gateway;
use super::account::Account;
use super::parameters::text;
use super::route::{self, Routed};
use crate::condition::{Condition, Facts, Undecided};
use crate::identity::Caller;
use crate::payload::Kind;
use crate::plan::{Gate, Param};
use crate::problem::{Problem, Rejection};

/// Whether each gate of an activity's answers stands open for this call, in the plan's order.
pub(super) type Opened = Box<[bool]>;

/// Whether the route's condition is met.
pub(super) fn access(
    gateway: &Gateway,
    routed: &Routed,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<(), Rejection> {
    let Some(when) = &routed.route.when else { return Ok(()) };
    if holds(gateway, routed, caller, headers, when)? {
        Ok(())
    } else {
        Err(Problem::AccessNotPermitted.into())
    }
}

/// Which gates stand open.
pub(super) fn opened(
    gateway: &Gateway,
    routed: &Routed,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Opened, Rejection> {
    let open = |gate: &Gate| {
        let scoped = caller.scopes.meet(&gate.all_scopes, &gate.any_scope);
        match &gate.when {
            Some(when) if scoped => holds(gateway, routed, caller, headers, when),
            _ => Ok(scoped),
        }
    };
    routed.route.activity.response.gates.iter().map(open).collect()
}

impl Gateway {
    /// Which gates stand open for a call with this head, in the order of the activity's answers; `None` where the call would be
    /// refused before that. For whoever proves policies: an exchange decides for itself.
    pub fn gates(self: &Arc<Self>, head: &Parts) -> Option<Vec<bool>> {
        let routed = route::find(self.live(), head, &mut Account::open(Arc::clone(self))).ok()?;
        let caller = self.identity().authenticate(&head.headers, head.uri.query()).ok()?;
        opened(self, &routed, &caller, &head.headers).ok().map(Vec::from)
    }
}

fn holds(
    gateway: &Gateway,
    routed: &Routed,
    caller: &Caller,
    headers: &HeaderMap,
    when: &Condition,
) -> Result<bool, Rejection> {
    let route = &*routed.route;
    let path: Vec<_> = route.path.iter().zip(&routed.params).map(|(param, came)| fact(param, came)).collect();
    let came =
        |name: &str| routed.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let query: Vec<_> =
        route.query.iter().filter_map(|param| Some(fact(param, came(&param.name)?))).collect();
    let mut header = Vec::new();
    for param in &route.headers {
        header.extend(text(headers, &*param.name)?.map(|came| fact(param, came)));
    }
    let facts = Facts {
        caller: caller.facts.as_ref(),
        method: route.method.as_str(),
        route: &route.text,
        path: &path,
        query: &query,
        header: &header,
        now: gateway.clock().now(),
    };
    when.holds(&facts).map_err(|undecided: Undecided| {
        Rejection::new(Problem::AccessNotPermitted)
            .detail("A condition of the policy could not be decided from the credential and the call.")
            .because(undecided)
    })
}

fn fact<'a>(param: &'a Param, came: &'a str) -> (&'a str, Kind, &'a str) {
    (&param.name, param.kind, came)
}
