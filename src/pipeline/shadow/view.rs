//! What a policy makes of a witnessed exchange, on paper.

use std::hash::RandomState;
use std::sync::Arc;

use super::compare::{self, Paper, Seen};
use super::{Trace, Witness};
use crate::action::Pseudonyms;
use crate::crypto::Mac;
use crate::pipeline::admit::Admitted;
use crate::pipeline::authorize;
use crate::pipeline::materials::Materials;
use crate::pipeline::person::Persons;
use crate::pipeline::{Gateway, admit, minimise, person, route};
use crate::plan::Mode;
use crate::problem::{Problem, Rejection};

/// Looks at an exchange as each shadow of its route would have seen it, and counts.
pub(super) async fn look(gateway: &Gateway, witness: &Witness, problem: Option<Problem>) {
    let routed = &witness.admitted.routed;
    let live = &routed.live;
    let key = RandomState::new();
    let in_force = Paper { problem, field: None, seen: walked(gateway, &witness.admitted, witness, &key).0 };
    for (shadow, beside) in live.plan.beside(routed.route.index) {
        let (Some(shadow), Some(drift)) = (live.plan.shadows.get(*shadow), live.drift().shadow(*shadow))
        else {
            continue;
        };
        let mut admitted = witness.admitted.beside(Arc::clone(beside));
        let Some(paper) = paper(gateway, &mut admitted, witness, problem, &key).await else {
            drift.dropped();
            gateway.metrics().shadow_dropped(&shadow.activity.name);
            continue;
        };
        let verdict = compare::verdict((&routed.route.activity, &in_force), (&shadow.activity, &paper));
        gateway.metrics().shadow(&shadow.activity.name, verdict.outcome);
        drift.count(verdict);
    }
}

/// How the shadow would have ended the exchange; none where that cannot be known.
async fn paper(
    gateway: &Gateway,
    admitted: &mut Admitted,
    witness: &Witness,
    in_force: Option<Problem>,
    key: &RandomState,
) -> Option<Paper> {
    let refused = |rejection: Rejection| Paper {
        problem: Some(rejection.problem),
        field: rejection.field,
        seen: Seen::default(),
    };
    match asked(gateway, admitted, witness).await {
        Err(rejection) if unknown(rejection.problem) => return None,
        Err(rejection) => return Some(refused(rejection)),
        Ok(()) => {}
    }
    let (seen, ended) = walked(gateway, admitted, witness, key);
    match ended {
        Err(rejection) if unknown(rejection.problem) => None,
        Err(rejection) => Some(Paper { seen, ..refused(rejection) }),
        Ok(()) => {
            // What went wrong at the upstream itself would have gone wrong for the shadow too.
            let theirs = |problem: &Problem| {
                matches!(problem, Problem::UpstreamUnavailable | Problem::UpstreamAnswerRefused)
                    && witness.answer.get().is_none()
            };
            Some(Paper { problem: in_force.filter(theirs), field: None, seen })
        }
    }
}

fn unknown(problem: Problem) -> bool {
    matches!(problem, Problem::DependencyUnavailable | Problem::InternalError)
}

/// The shadow's questions before the walk, in the order of the exchange.
async fn asked(gateway: &Gateway, admitted: &mut Admitted, witness: &Witness) -> Result<(), Rejection> {
    let route = Arc::clone(&admitted.routed.route);
    let activity = &route.activity;
    if activity.mode == Mode::Closed {
        return Err(Problem::ActivityClosed.into());
    }
    route::parameters(&admitted.routed)?;
    admit::again(gateway, admitted, &witness.admitted.routed.route.activity)?;
    if witness.body.bytes.len() > admitted.caps().bytes {
        return Err(Problem::PayloadTooLarge.into());
    }
    match person::of(admitted, &witness.body)? {
        Persons::One(person) => authorize::on_paper(gateway, activity, &person).await,
        // No shadow of a batch is loaded: its rows would each have a verdict.
        Persons::Rows { .. } => Err(Problem::InternalError.into()),
    }
}

/// Walks both bodies as an activity does; what was seen of them, and where it stopped.
fn walked(
    gateway: &Gateway,
    admitted: &Admitted,
    witness: &Witness,
    key: &RandomState,
) -> (Seen, Result<(), Rejection>) {
    let activity = &admitted.routed.route.activity;
    // Two pseudonyms are equal here exactly where they are in the domain's own.
    let secret = gateway.shadows().mac.tag(&[activity.pseudonymization_domain.as_bytes()]);
    let pseudonyms = Arc::new(Pseudonyms { version: 1, mac: Mac::new(&secret) });
    let materials =
        Materials::on_paper(pseudonyms, Arc::clone(&admitted.routed.live.keys), gateway.clock().now());
    let mut request = Trace::new(activity.request.fields.len(), key);
    let ended = minimise::request_on_paper(admitted, &materials, &witness.body, &mut request);
    let request = ended.is_ok().then_some(request);
    let mut seen = Seen { request, response: None, opened: admitted.opened.clone() };
    let (Ok(()), Some(answer)) = (&ended, witness.answer.get()) else { return (seen, ended) };
    let mut response = Trace::new(activity.response.fields.len(), key);
    let ended = minimise::response_on_paper(admitted, &materials, answer, &mut response);
    seen.response = ended.is_ok().then_some(response);
    (seen, ended)
}
