//! Materials: everything an exchange needs that may have to be waited for, fetched here and nowhere else, so that the
//! walk over the body waits for nothing.

use std::sync::Arc;

use futures_util::future::try_join_all;
use smallvec::SmallVec;

use super::admit::Received;
use super::authorize::{Party, Permit};
use super::drafts::Drafts;
use super::minimise;
use super::{Gateway, analysis};
use crate::action::{self, Analyses, Pseudonyms};
use crate::clock::Timestamp;
use crate::crypto::InterchangeKey;
use crate::custody::{CustodyError, SubjectKey};
use crate::personal::Reference;
use crate::problem::Rejection;

/// What the actions of one exchange use.
#[derive(Debug)]
pub(super) struct Materials {
    pseudonyms: Option<Arc<Pseudonyms>>,
    keys: Arc<[InterchangeKey]>,
    /// The parties' keys of the day, in their order; none where the activity keeps nothing.
    subjects: SmallVec<[Arc<SubjectKey>; 1]>,
    /// What outside analysers found in the body's texts, and later in the answer's.
    pub(super) analyses: Analyses,
    at: Timestamp,
}

/// How many keys are minted at once: so many share a commit.
const AT_ONCE: usize = 256;

impl Materials {
    /// For a walk that nothing comes of: no person's key, pseudonyms of nobody's domain, and no analyser asked.
    pub(super) fn on_paper(pseudonyms: Arc<Pseudonyms>, keys: Arc<[InterchangeKey]>, at: Timestamp) -> Self {
        Self {
            pseudonyms: Some(pseudonyms),
            keys,
            subjects: SmallVec::new(),
            analyses: Analyses::on_paper(),
            at,
        }
    }

    pub(super) fn actions(&self) -> action::Materials<'_> {
        action::Materials {
            pseudonyms: self.pseudonyms.as_deref(),
            keys: &self.keys,
            analyses: Some(&self.analyses),
        }
    }

    /// Whose data it is, in the order of the rows where each is somebody's. Whoever has something kept has a reference by
    /// now; others have one if they ever said anything.
    pub(super) fn references(&self, permit: &Permit) -> SmallVec<[Reference; 1]> {
        let of = |party: usize| {
            let kept = self.subjects.get(party).map(|key| key.reference);
            kept.or_else(|| permit.parties.get(party)?.stand.reference())
        };
        match &permit.batch {
            None => of(0).into_iter().collect(),
            Some(batch) => batch.parties().iter().filter_map(|party| of((*party)? as usize)).collect(),
        }
    }

    /// The beginning of the records, where the activity keeps any.
    pub(super) fn drafts(&self, permit: &Permit) -> Drafts {
        Drafts::new(permit, &self.subjects, self.at)
    }
}

/// Fetches them: the domain's secret, where something is pseudonymised; the interchange keys; what analysers find in the body;
/// the person's key of the day, where something is kept.
pub(super) async fn collect(
    gateway: &Gateway,
    permit: &mut Permit,
    body: &Received,
) -> Result<Materials, Rejection> {
    let at = gateway.clock().now();
    let activity = permit.activity();
    let domain = &activity.pseudonymization_domain;
    let pseudonyms = match permit.admitted.routed.route.pseudonymizes() {
        false => None,
        true => Some(match gateway.custody().cached_pseudonyms(domain) {
            Some(known) => known,
            None => Box::pin(gateway.custody().pseudonyms(domain)).await.map_err(Rejection::unavailable)?,
        }),
    };
    let keys = Arc::clone(&permit.admitted.routed.live.keys);
    let mut materials =
        Materials { pseudonyms, keys, subjects: SmallVec::new(), analyses: Analyses::default(), at };
    analysis::of_request(gateway, permit, &mut materials, body).await?;
    if permit.admitted.routed.route.keeps() {
        materials.subjects = subjects(gateway, permit, &materials, body).await?;
    }
    Ok(materials)
}

/// The parties' keys of the day, in their order.
async fn subjects(
    gateway: &Gateway,
    permit: &mut Permit,
    materials: &Materials,
    body: &Received,
) -> Result<SmallVec<[Arc<SubjectKey>; 1]>, Rejection> {
    let (at, name) = (materials.at, &permit.activity().name);
    let cached =
        |party: &Party| gateway.custody().cached_key(&party.lookup, party.stand.reference(), name, at.day());
    let cached: SmallVec<[_; 1]> = permit.parties.iter().map(cached).collect();
    let keys = if cached.iter().all(Option::is_some) {
        cached.into_iter().flatten().collect()
    } else {
        // A refusal mints nothing: a body that will be refused must not give anybody a key, or a reference.
        minimise::rehearse(permit, materials, body)?;
        let minted = match Box::pin(mint(gateway, permit, at)).await {
            // Somebody was erased after their standing was looked up. What is known of them now decides.
            Err(CustodyError::Forgotten) => {
                Box::pin(permit.renew(gateway)).await?;
                Box::pin(mint(gateway, permit, at)).await
            }
            minted => minted,
        };
        minted.map_err(Rejection::unavailable)?
    };
    for party in permit.parties.iter().filter(|party| party.stand.reference().is_none()) {
        // They have a reference now, which the remembered standing does not know.
        gateway.standing().forget(&party.lookup);
    }
    Ok(keys)
}

/// Every party's key, made where there is none. Those who wait together are written together.
async fn mint(
    gateway: &Gateway,
    permit: &Permit,
    at: Timestamp,
) -> Result<SmallVec<[Arc<SubjectKey>; 1]>, CustodyError> {
    let name = &permit.activity().name;
    let key = |party: &Party| {
        let (lookup, reference) = (party.lookup, party.stand.reference());
        async move { gateway.custody().key(&lookup, reference, name, at.day()).await }
    };
    let mut keys = SmallVec::with_capacity(permit.parties.len());
    for some in permit.parties.chunks(AT_ONCE) {
        keys.extend(try_join_all(some.iter().map(key)).await?);
    }
    Ok(keys)
}
