//! From policy files to what is in force: the same way at start and at every reload.

use std::path::Path;
use std::sync::Arc;

use super::AppError;
use crate::clock::Timestamp;
use crate::config::{Config, secret_text};
use crate::crypto::{Digest, InterchangeKey};
use crate::notice;
use crate::pipeline::Live;
use crate::plan::{self, Loaded, Plan};
use crate::policy::{self, Diagnostics};

/// Reads and compiles the deployment's policies as somebody reads them who wants to know before they are served: what the
/// calendar has ended is an error. Warnings come beside the plan.
///
/// # Errors
/// All that is wrong with them, at once.
pub fn check(config: &Config, now: Timestamp) -> Result<(Plan, Diagnostics), Diagnostics> {
    let Loaded { plan, warnings, .. } = plan::load_on(&config.policies, &config.deployment(), now)?;
    Ok((plan, warnings))
}

/// Policies that are to be in force.
pub(super) struct InForce {
    /// They, with all that they need.
    pub(super) live: Live,
    /// What they were warned of.
    pub(super) warnings: Diagnostics,
    /// The files of their folder, with what was read of each.
    pub(super) files: Vec<(String, Digest)>,
}

/// The policies with all that they need to be in force.
pub(super) fn load(config: &Config, now: Timestamp) -> Result<InForce, AppError> {
    let (folder, deployment) = (&config.policies, config.deployment());
    let loaded = match &config.promoted {
        None => plan::load(folder, &deployment),
        Some(shadow) => plan::load_promoted(folder, &deployment, shadow),
    };
    let Loaded { plan, set, warnings } = loaded.map_err(AppError::Policies)?;
    for due in policy::due(&set, now) {
        tracing::warn!(code = due.code.code(), "{} Calls are refused past that day.", due.message);
    }
    let keys = interchange_keys(config)?;
    let pages = notice::pages(&plan)?;
    let live = Live::new(plan, keys, pages, config.drift.window);
    Ok(InForce { live, warnings, files: set.files })
}

/// The interchange keys, in the order of the deployment, by which the plan's actions count them.
fn interchange_keys(config: &Config) -> Result<Arc<[InterchangeKey]>, AppError> {
    config.interchange_keys.iter().map(|(name, path)| interchange_key(name, path)).collect()
}

pub(super) fn interchange_key(name: &str, path: &Path) -> Result<InterchangeKey, AppError> {
    let text = secret_text(path)?;
    InterchangeKey::parse(&text).map_err(|source| AppError::Interchange { name: name.to_owned(), source })
}
