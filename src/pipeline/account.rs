//! An exchange's account: opened with the request, closed on every way out, counted and logged without personal data.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderName, HeaderValue, Response, header};

use super::Gateway;
use super::shadow::Witness;
use crate::audit::DecisionId;
use crate::limits;
use crate::net::Content;
use crate::personal::Reference;
use crate::problem::Problem;
use crate::telemetry::Outcome;

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
        let refused = response.status().is_client_error() || response.status().is_server_error();
        self.count(if refused { Outcome::Refused } else { Outcome::Answered });
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

    fn count(&mut self, outcome: Outcome) {
        self.closed = true;
        let took = self.started.elapsed();
        let activity = self.activity.take().unwrap_or_else(|| self.gateway.no_activity());
        self.gateway.metrics().exchange(&activity, outcome, took);
        tracing::debug!(
            decision = %self.decision,
            %activity,
            ?outcome,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "exchange"
        );
    }
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
