//! Authorize: may this person's data be processed now, for this purpose, on this basis. Nothing else makes a [`Permit`].

use super::Gateway;
use super::account::Account;
use super::admit::{Admitted, limit};
use crate::crypto::Digest;
use crate::limits::Who;
use crate::payload::Caps;
use crate::personal::Person;
use crate::plan::{Activity, Per};
use crate::problem::{Problem, Rejection};
use crate::standing::{Ask, Stand, StandingError, Transfer};

/// Leave to process one person's data in one exchange. It is good until the person's epoch moves.
#[derive(Debug)]
pub(super) struct Permit {
    pub(super) admitted: Admitted,
    pub(super) lookup: Digest,
    pub(super) stand: Stand,
}

impl Permit {
    pub(super) fn activity(&self) -> &Activity {
        &self.admitted.routed.route.activity
    }

    pub(super) fn caps(&self) -> Caps {
        self.admitted.caps()
    }

    /// Asks again, where the person's standing may have changed since. It is also said to have where only that of a
    /// neighbour did, and then the exchange may go on.
    pub(super) async fn renew(&mut self, gateway: &Gateway) -> Result<(), Rejection> {
        gateway.standing().forget(&self.lookup);
        let stand = gateway.standing().look(&self.lookup).await.map_err(unknown)?;
        stand.permits(ask(gateway, self.activity())).map_err(Rejection::new)?;
        self.stand = stand;
        Ok(())
    }
}

/// Asks for leave.
pub(super) async fn permit(
    gateway: &Gateway,
    admitted: Admitted,
    person: Person,
    account: &mut Account,
) -> Result<Permit, Rejection> {
    if admitted.caller.subject.as_ref() != Some(&person) {
        // Somebody acts for the person: the journal says who, as a keyed tag.
        account.caller = Some(admitted.caller.tag());
    }
    let lookup = gateway.custody().lookup(&person);
    let stand = gateway.standing().look(&lookup).await.map_err(unknown)?;
    account.person = stand.reference();
    stand.permits(ask(gateway, &admitted.routed.route.activity)).map_err(Rejection::new)?;
    // The person's own limit comes last: nobody but the person, or who may act for them, can use it up.
    limit(&admitted.routed, Per::DataSubject, Who::Person(&person), account)?;
    Ok(Permit { admitted, lookup, stand })
}

/// What cannot be looked up permits nothing.
fn unknown(error: StandingError) -> Rejection {
    Rejection::new(Problem::DependencyUnavailable).because(error)
}

/// What an activity asks of a person's standing.
pub(super) fn ask<'a>(gateway: &Gateway, activity: &'a Activity) -> Ask<'a> {
    Ask {
        purpose: &activity.purpose.name,
        notice_version: activity.purpose.notice_version,
        basis: activity.legal_basis,
        direct_marketing: activity.purpose.direct_marketing,
        now: gateway.clock().now(),
        transfer: activity.recipient.as_ref().map(|recipient| Transfer {
            ends: recipient.transfer_ends,
            consent: recipient
                .transfer_consent
                .as_ref()
                .map(|purpose| (&*purpose.name, purpose.notice_version)),
        }),
    }
}
