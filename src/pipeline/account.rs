//! An exchange's account: opened with the request, closed on every way out, counted and logged without personal data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::Gateway;
use super::shadow::Witness;
use crate::audit::DecisionId;
use crate::limits;
use crate::net::Content;
use crate::personal::Reference;
use crate::problem::Problem;
use crate::telemetry::{Causes, Outcome};

/// The header that names an exchange in every answer, in the journal and in the log.
const DECISION_ID: HeaderName = HeaderName::from_static("consentry-decision-id");

/// draft-ietf-httpapi-ratelimit-headers.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What is known of an exchange so far. Dropped without being closed, it counts as abandoned: the caller went away.
pub(super) struct Account {
    gateway: Arc<Gateway>,
    pub(super) decision: DecisionId,
    started: Instant,
    /// When the answer was there, where somebody has read the clock then.
    pub(super) answered: Option<Instant>,
    /// The activity's name, once a route was found.
    pub(super) activity: Option<Arc<str>>,
    /// Whether a caller was identified: only then is a refusal journalled.
    pub(super) authenticated: bool,
    /// The caller's keyed tag, where the caller is not the person themself.
    pub(super) caller: Option<[u8; 16]>,
    /// The person's reference, where they have one.
    pub(super) person: Option<Reference>,
    /// What the answer says of the caller's rate limit.
    pub(super) rate_limit: Option<limits::Allowance>,
    /// Whether the intent was written, so that its outcome closes the matter.
    pub(super) intended: bool,
    /// What shadows look at, where the route has some.
    pub(super) witness: Option<Arc<Witness>>,
    /// Why the exchange was refused.
    pub(super) problem: Option<Problem>,
    closed: bool,
}

impl Account {
    pub(super) fn open(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            decision: DecisionId::random(),
            started: Instant::now(),
            answered: None,
            activity: None,
            authenticated: false,
            caller: None,
            person: None,
            rate_limit: None,
            intended: false,
            witness: None,
            problem: None,
            closed: false,
        }
    }

    /// Closes the account with the answer that the caller gets.
    pub(super) fn close(mut self, mut response: Response<Content>) -> Response<Content> {
        if !self.closed {
            self.count(outcome(response.status()));
        }
        if let Some(witness) = self.witness.take() {
            witness.ended(&self.gateway, self.problem);
        }
        let headers = response.headers_mut();
        // At once for what this adds, and for what is there already.
        headers.reserve(4);
        headers.extend(decision_header(self.decision));
        headers.insert(header::LINK, self.gateway.notice_link());
        if let Some(allowance) = self.rate_limit {
            let fields =
                [(RATE_LIMIT_POLICY, allowance.policy("route")), (RATE_LIMIT, allowance.field("route"))];
            for (name, text) in fields {
                // Copied, since a text with room to spare takes two allocations.
                if let Ok(value) = HeaderValue::from_str(&text) {
                    headers.insert(name, value);
                }
            }
        }
        response
    }

    /// Leaves it to the answer's body to count the exchange: how one ends whose answer streams is known only with the last byte.
    pub(super) fn streams(&mut self) -> Ending {
        let took = self.started.elapsed();
        let activity = self.activity();
        self.closed = true;
        Ending { gateway: Arc::clone(&self.gateway), decision: self.decision, activity, took }
    }

    fn count(&mut self, outcome: Outcome) {
        self.closed = true;
        let took = self.answered.unwrap_or_else(Instant::now) - self.started;
        let activity = self.activity();
        count(&self.gateway, self.decision, &activity, outcome, took);
    }

    fn activity(&mut self) -> Arc<str> {
        self.activity.take().unwrap_or_else(|| self.gateway.no_activity())
    }
}

/// What is left of an account while its answer streams.
pub(super) struct Ending {
    gateway: Arc<Gateway>,
    decision: DecisionId,
    activity: Arc<str>,
    /// Until the head of the answer.
    took: Duration,
}

impl Ending {
    /// It ended so.
    pub(super) fn count(&self, outcome: Outcome) {
        count(&self.gateway, self.decision, &self.activity, outcome, self.took);
    }

    /// The upstream broke its answer off, and the caller saw the connection end: nothing else tells of it.
    pub(super) fn broken(&self, cause: &dyn std::error::Error) {
        self.count(Outcome::Broken);
        let (activity, cause) = (&*self.activity, Causes(cause));
        tracing::warn!(decision = %self.decision, activity, %cause, "an answer was cut off on its way to the caller");
    }
}

fn count(gateway: &Gateway, decision: DecisionId, activity: &Arc<str>, outcome: Outcome, took: Duration) {
    gateway.metrics().exchange(activity, outcome, took);
    tracing::debug!(
        %decision,
        %activity,
        ?outcome,
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "exchange"
    );
}

/// How an exchange ended whose answer reached its end.
pub(super) fn outcome(status: StatusCode) -> Outcome {
    if status.is_client_error() || status.is_server_error() { Outcome::Refused } else { Outcome::Answered }
}

/// The header that names a decision.
pub(super) fn decision_header(decision: DecisionId) -> Option<(HeaderName, HeaderValue)> {
    HeaderValue::from_bytes(&decision.text()).ok().map(|id| (DECISION_ID, id))
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.closed {
            self.count(Outcome::Abandoned);
        }
    }
}
