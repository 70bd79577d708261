//! Authorize: may these persons' data be processed now, for this purpose, on this basis. Nothing else makes a [`Permit`].

use futures_util::future::try_join_all;
use smallvec::{SmallVec, smallvec};

use super::Gateway;
use super::account::Account;
use super::admit::{Admitted, limit};
use super::batch::Batch;
use super::finish;
use super::person::Persons;
use crate::audit::What;
use crate::crypto::Digest;
use crate::drift::RouteDrift;
use crate::limits::Who;
use crate::payload::Caps;
use crate::personal::{Person, Reference};
use crate::plan::{Activity, DeniedRow, Per};
use crate::problem::Rejection;
use crate::standing::{Ask, Stand, Transfer};

/// How many persons of a batch are looked up at once.
const AT_ONCE: usize = 64;

/// Leave to process the data of one person, or of those of a batch, in one exchange. It is good until the epoch of one of
/// them moves.
#[derive(Debug)]
pub(super) struct Permit {
    pub(super) admitted: Admitted,
    /// Who permits it: one person, or all whose rows are processed.
    pub(super) parties: SmallVec<[Party; 1]>,
    /// Whose each row is, where each is somebody's.
    pub(super) batch: Option<Batch>,
}

/// A person who permits an exchange.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub(super) lookup: Digest,
    pub(super) stand: Stand,
}

impl Permit {
    pub(super) fn activity(&self) -> &Activity {
        &self.admitted.routed.route.activity
    }

    /// Where this exchange is counted.
    pub(super) fn drift(&self) -> Option<&RouteDrift> {
        let routed = &self.admitted.routed;
        routed.live.drift_of(&routed.route)
    }

    /// A keyed tag of the person, to tell two from one; of a batch, its first.
    pub(super) fn tag(&self) -> u64 {
        let head = self.parties.first().and_then(|party| party.lookup.first_chunk());
        head.map_or(0, |head| u64::from_be_bytes(*head))
    }

    pub(super) fn caps(&self) -> Caps {
        self.admitted.caps()
    }

    pub(super) fn stands(&self) -> impl Iterator<Item = &Stand> {
        self.parties.iter().map(|party| &party.stand)
    }

    /// Under which references the parties are known.
    pub(super) fn references(&self) -> SmallVec<[Option<Reference>; 1]> {
        self.stands().map(Stand::reference).collect()
    }

    /// Asks again, where somebody's standing may have changed since. It is also said to have where only that of a
    /// neighbour did, and then the exchange may go on.
    pub(super) async fn renew(&mut self, gateway: &Gateway) -> Result<(), Rejection> {
        let activity = &self.admitted.routed.route.activity;
        for party in &mut self.parties {
            gateway.standing().forget(&party.lookup);
            let stand = gateway.standing().look(&party.lookup).await.map_err(Rejection::unavailable)?;
            stand.permits(ask(gateway, activity)).map_err(Rejection::new)?;
            party.stand = stand;
        }
        Ok(())
    }
}

/// Asks for leave.
pub(super) async fn permit(
    gateway: &Gateway,
    admitted: Admitted,
    persons: Persons,
    account: &mut Account,
) -> Result<Permit, Rejection> {
    match persons {
        // What is rare is boxed, here and below: an exchange is moved, and waits, with room for the largest thing that it may do.
        Persons::One(person) => one(gateway, admitted, person, account).await,
        Persons::Rows { persons, rows } => Box::pin(many(gateway, admitted, persons, rows, account)).await,
    }
}

async fn one(
    gateway: &Gateway,
    admitted: Admitted,
    person: Person,
    account: &mut Account,
) -> Result<Permit, Rejection> {
    if admitted.caller.subject.as_ref() != Some(&person) {
        // Somebody acts for the person: the journal says who, as a keyed tag.
        account.caller = Some(admitted.caller.tag());
    }
    let party = look(gateway, &person).await?;
    account.person = party.stand.reference();
    party.stand.permits(ask(gateway, &admitted.routed.route.activity)).map_err(Rejection::new)?;
    // The person's own limit comes last: nobody but the person, or who may act for them, can use it up.
    limit(&admitted.routed, Per::DataSubject, Who::Person(&person), account)?;
    Ok(Permit { admitted, parties: smallvec![party], batch: None })
}

/// A verdict for each row: whether one that is denied refuses the batch, or is left out of it, the route says.
async fn many(
    gateway: &Gateway,
    admitted: Admitted,
    persons: Vec<Person>,
    rows: Vec<u32>,
    account: &mut Account,
) -> Result<Permit, Rejection> {
    if persons.iter().any(|person| admitted.caller.subject.as_ref() != Some(person)) {
        account.caller = Some(admitted.caller.tag());
    }
    let mut parties = Vec::with_capacity(persons.len());
    for some in persons.chunks(AT_ONCE) {
        parties.extend(try_join_all(some.iter().map(|person| look(gateway, person))).await?);
    }
    let asks = ask(gateway, &admitted.routed.route.activity);
    let verdicts: Vec<_> = parties.iter().map(|party| party.stand.permits(asks)).collect();
    let batch = Batch::new(&rows, |person| verdicts.get(person).is_some_and(Result::is_ok));
    let mut refused =
        parties.iter().zip(&verdicts).filter_map(|(party, verdict)| Some((party, verdict.err()?)));
    if let Some((first, problem)) = refused.next() {
        account.person = first.stand.reference();
        let refusal = || {
            Rejection::new(problem)
                .detail(format!("Counted from 0, these rows may not be processed: {}.", batch.some_denied()))
        };
        if admitted.payload()?.on_denied_row == DeniedRow::Refuse || batch.is_empty() {
            return Err(refusal());
        }
        let others = refused.filter_map(|(party, _)| party.stand.reference());
        let persons: Vec<Reference> = account.person.into_iter().chain(others).collect();
        let activity = Some(&*admitted.routed.route.activity.name);
        let (caller, decision) = (account.caller, account.decision);
        let what = What::Refused { activity, caller, decision, persons: &persons, problem };
        finish::write(gateway, what).await?;
        account.person = None;
    }
    for (person, verdict) in persons.iter().zip(&verdicts) {
        if verdict.is_ok() {
            limit(&admitted.routed, Per::DataSubject, Who::Person(person), account)?;
        }
    }
    let permitted = parties.into_iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok());
    let parties = permitted.map(|(party, _)| party).collect();
    Ok(Permit { admitted, parties, batch: Some(batch) })
}

async fn look(gateway: &Gateway, person: &Person) -> Result<Party, Rejection> {
    let lookup = gateway.custody().lookup(person);
    let stand = gateway.standing().look(&lookup).await.map_err(Rejection::unavailable)?;
    Ok(Party { lookup, stand })
}

/// Whether leave would be given for an activity that is not in force. Nothing comes of it, and nothing is counted.
pub(super) async fn on_paper(
    gateway: &Gateway,
    activity: &Activity,
    person: &Person,
) -> Result<(), Rejection> {
    look(gateway, person).await?.stand.permits(ask(gateway, activity)).map_err(Rejection::new)
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
