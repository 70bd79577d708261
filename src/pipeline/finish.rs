//! Finish: what is written down before the upstream sees anything, and before the caller gets anything.

use std::time::Instant;

use http::Response;

use super::Gateway;
use super::account::Account;
use super::answer;
use super::authorize::Permit;
use super::materials::Materials;
use super::minimise::Minimised;
use crate::audit::What;
use crate::journal::{Ended, Intended};
use crate::net::Content;
use crate::plan::JournalMode;
use crate::problem::{Problem, Rejection};

/// Writes the intent. Under `before_forward` it is durable when this returns; under `overlapped` it is queued, and
/// durable before any answer is released.
pub(super) async fn intend(
    gateway: &Gateway,
    permit: &Permit,
    materials: &Materials,
    account: &mut Account,
) -> Result<Intended, Rejection> {
    let activity = permit.activity();
    let overlapped = activity.journal == JournalMode::Overlapped;
    let persons = materials.references(permit);
    let consented = permit.stands().filter_map(|stand| stand.consented_version(&activity.purpose.name)).min();
    let what = What::ExchangeIntended {
        decision: account.decision,
        activity: &activity.name,
        caller: account.caller,
        journal: activity.journal.word(),
        legal_basis: activity.legal_basis.word(),
        notice_version: consented.map(u64::from),
        persons: &persons,
        policy: activity.digest,
        purpose: &activity.purpose.name,
        recipient: activity.recipient.as_ref().map(|recipient| &*recipient.id),
        route: &permit.admitted.routed.route.text,
    };
    let journal = gateway.journal();
    let intent = if overlapped { journal.intent_beside(what) } else { journal.intent(what) };
    let mut intent = intent.map_err(Rejection::unavailable)?;
    if !overlapped {
        let began = Instant::now();
        intent.durable().await.map_err(Rejection::unavailable)?;
        gateway.metrics().journal(began.elapsed());
    }
    account.intended = true;
    Ok(intent)
}

/// Writes how the exchange ended, with the record, and only then lets the caller have the answer.
pub(super) async fn close(
    gateway: &Gateway,
    intent: Intended,
    answered: Result<Minimised, Rejection>,
) -> Result<Response<Content>, Rejection> {
    let began = Instant::now();
    let result = match answered {
        Ok(Minimised { body, headers, drafts, status }) => {
            let records = drafts.finish().map_err(Rejection::unavailable)?;
            let ended = Ended::Answered { upstream_status: status.as_u16() };
            intent.outcome(ended, records).await.map_err(Rejection::unavailable)?;
            Ok(answer::of_upstream(status, headers, body))
        }
        Err(rejection) => {
            let ended = match rejection.problem {
                problem @ (Problem::UpstreamUnavailable | Problem::UpstreamAnswerRefused) => {
                    Ended::UpstreamFailed(problem)
                }
                problem => Ended::Refused(problem),
            };
            intent.outcome(ended, []).await.map_err(Rejection::unavailable)?;
            Err(rejection)
        }
    };
    gateway.metrics().journal(began.elapsed());
    result
}

/// Writes down that an identified caller was refused. Where that cannot be written, the caller learns no more than that.
pub(super) async fn refused(gateway: &Gateway, account: &Account, rejection: Rejection) -> Rejection {
    // A closed intent has said it already; strangers are counted, and a flood of calls past a limit is, too.
    if account.intended || !account.authenticated || !evidence(rejection.problem) {
        return rejection;
    }
    let what = What::Refused {
        activity: account.activity.as_deref(),
        caller: account.caller,
        decision: account.decision,
        persons: account.person.as_slice(),
        problem: rejection.problem,
    };
    match write(gateway, what).await {
        Ok(()) => rejection,
        Err(unwritten) => unwritten,
    }
}

/// Whether a refusal says something about a person's rights, which somebody may later ask about.
const fn evidence(problem: Problem) -> bool {
    matches!(
        problem,
        Problem::ScopeMissing
            | Problem::AccessNotPermitted
            | Problem::PurposeNotPermitted
            | Problem::ConsentMissing
            | Problem::ConsentWithdrawn
            | Problem::ProcessingRestricted
            | Problem::ObjectionRaised
            | Problem::SubjectMismatch
            | Problem::TransferNotPermitted
            | Problem::ReasonRequired
            | Problem::FieldNotPermitted
    )
}

/// Writes a piece of evidence; durable when this returns.
pub(super) async fn write(gateway: &Gateway, what: What<'_>) -> Result<(), Rejection> {
    let receipt = gateway.journal().record(what).map_err(Rejection::unavailable)?;
    receipt.await.map(drop).map_err(Rejection::unavailable)
}
