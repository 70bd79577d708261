//! Materials: everything an exchange needs that may have to be waited for, fetched here and nowhere else, so that the
//! walk over the body waits for nothing.

use std::sync::Arc;

use super::Gateway;
use super::admit::Received;
use super::authorize::Permit;
use super::minimise;
use crate::action::{self, Needs, Pseudonyms};
use crate::clock::Timestamp;
use crate::crypto::InterchangeKey;
use crate::custody::{CustodyError, RecordDraft, SubjectKey};
use crate::personal::Reference;
use crate::plan::{Activity, Field};
use crate::problem::{Problem, Rejection};

/// What the actions of one exchange use.
#[derive(Debug)]
pub(super) struct Materials {
    pseudonyms: Option<Arc<Pseudonyms>>,
    keys: Arc<[InterchangeKey]>,
    key: Option<Arc<SubjectKey>>,
    at: Timestamp,
}

impl Materials {
    pub(super) fn actions(&self) -> action::Materials<'_> {
        action::Materials { pseudonyms: self.pseudonyms.as_deref(), keys: &self.keys }
    }

    /// Whose record it is going to be, where the activity keeps one.
    pub(super) fn reference(&self) -> Option<Reference> {
        self.key.as_ref().map(|key| key.reference)
    }

    /// The beginning of the record, where the activity keeps one.
    pub(super) fn draft(&self) -> Option<RecordDraft> {
        self.key.as_ref().map(|key| RecordDraft::new(Arc::clone(key), self.at))
    }
}

/// Fetches them: the domain's secret, where something is pseudonymised; the interchange keys; the person's key of the
/// day, where something is kept.
pub(super) async fn collect(
    gateway: &Gateway,
    permit: &mut Permit,
    body: &Received,
) -> Result<Materials, Rejection> {
    let at = gateway.clock().now();
    let activity = permit.activity();
    let domain = &activity.pseudonymization_domain;
    let pseudonyms = match pseudonymizes(activity) {
        false => None,
        true => Some(gateway.custody().pseudonyms(domain).await.map_err(unavailable)?),
    };
    let keys = Arc::clone(&permit.admitted.routed.live.keys);
    let mut materials = Materials { pseudonyms, keys, key: None, at };
    if keeps(activity) {
        materials.key = Some(key(gateway, permit, &materials, body).await?);
    }
    Ok(materials)
}

async fn key(
    gateway: &Gateway,
    permit: &mut Permit,
    materials: &Materials,
    body: &Received,
) -> Result<Arc<SubjectKey>, Rejection> {
    let (at, name) = (materials.at, &permit.activity().name);
    let cached = gateway.custody().cached_key(&permit.lookup, permit.stand.reference(), name, at.day());
    let key = match cached {
        Some(key) => key,
        None => {
            // A refusal mints nothing: a body that will be refused must not give anybody a key, or a reference.
            minimise::rehearse(permit, materials, body)?;
            let minted = match mint(gateway, permit, at).await {
                // The person was erased after their standing was looked up. What is known of them now decides.
                Err(CustodyError::Forgotten) => {
                    permit.renew(gateway).await?;
                    mint(gateway, permit, at).await
                }
                minted => minted,
            };
            minted.map_err(unavailable)?
        }
    };
    if permit.stand.reference().is_none() {
        // The person has a reference now, which the remembered standing does not know.
        gateway.standing().forget(&permit.lookup);
    }
    Ok(key)
}

async fn mint(gateway: &Gateway, permit: &Permit, at: Timestamp) -> Result<Arc<SubjectKey>, CustodyError> {
    let (name, reference) = (&permit.activity().name, permit.stand.reference());
    gateway.custody().key(&permit.lookup, reference, name, at.day()).await
}

/// Without its keys the gateway processes nothing.
pub(super) fn unavailable(error: CustodyError) -> Rejection {
    Rejection::new(Problem::DependencyUnavailable).because(error)
}

fn keeps(activity: &Activity) -> bool {
    fields(activity).any(|field| field.stored.is_some())
}

fn pseudonymizes(activity: &Activity) -> bool {
    fields(activity)
        .flat_map(|field| [Some(&field.outward), field.stored.as_ref()])
        .flatten()
        .any(|action| action.needs() == Needs::Pseudonyms)
}

fn fields(activity: &Activity) -> impl Iterator<Item = &Field> {
    activity.request.fields.iter().chain(&activity.response.fields)
}
