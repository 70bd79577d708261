//! The audit, verified, and what is said of it.

use serde_json::json;

use super::{OfficeError, Reply};
use crate::audit::{Checkpoint, Report};
use crate::journal::{Journal, JournalError, Kept};

/// Verifies an audit, also one over a store that is only read.
///
/// # Errors
/// Where `against` holds no checkpoint, or anything else, or the audit cannot be read.
pub async fn verify_audit(journal: &Journal, against: Option<&str>) -> Result<Reply, OfficeError> {
    let against = against
        .map(|text| Checkpoint::parse_all(text).map_err(|error| OfficeError::Asked(error.to_string())))
        .transpose()?
        .unwrap_or_default();
    match journal.verify(against).await {
        Ok((Report { chain, checkpoints, vouched }, kept)) => {
            let Kept { as_told, gone, beside_gone, unread } = kept;
            let mut says = format!(
                "The audit is in order: {} entries, vouched for up to entry {vouched}, {checkpoints} signed checkpoints agree.",
                chain.count
            );
            let told = as_told + gone + beside_gone;
            if told > 0 {
                says += &format!(" It tells of {told} records: {as_told} kept as sealed, {gone} gone");
                if beside_gone > 0 {
                    says += &format!(
                        ", {beside_gone} kept and not comparable, as one hash covers them and some that are gone"
                    );
                }
                says.push('.');
            }
            if unread > 0 {
                says += &format!(
                    " {unread} entries cannot be read here, as those of a newer gateway: what they tell of was not looked at."
                );
            }
            let records =
                json!({ "as_told": as_told, "gone": gone, "beside_gone": beside_gone, "unread": unread });
            let found = json!({ "entries": chain.count, "vouched": vouched, "records": records });
            Ok(Reply::done(says).with(&found))
        }
        Err(JournalError::Broken(broken)) => {
            Ok(Reply::not_done(format!("The audit is NOT in order: {broken}.")))
        }
        Err(JournalError::Unlike(unlike)) => Ok(Reply::not_done(format!(
            "The entries of the audit are in order, but what is kept is NOT what they tell of: {unlike}."
        ))),
        Err(error) => Err(error.into()),
    }
}
