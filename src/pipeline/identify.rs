//! Identify: who calls. One answer for every credential that does not hold.

use std::sync::Arc;

use http::request::Parts;

use super::Gateway;
use super::account::Account;
use crate::identity::Caller;
use crate::problem::Rejection;

/// The caller whose credential the request carries.
pub(super) async fn caller(
    gateway: &Gateway,
    head: &Parts,
    account: &mut Account,
) -> Result<Arc<Caller>, Rejection> {
    let caller = gateway.identity().authenticate_or_wait(&head.headers, head.uri.query()).await?;
    account.authenticated = true;
    // A person who calls for themself is in the journal under their reference alone, which an erasure forgets.
    account.caller = caller.is_program().then(|| caller.tag());
    Ok(caller)
}
