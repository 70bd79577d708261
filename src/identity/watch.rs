//! The file of API keys, looked at every few seconds, so that a revocation binds soon.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::ending::Told;
use super::{ApiKeyEntry, BoxError, Identity};
use crate::telemetry::Causes;

/// What tells one state of a file from another.
type Stamp = (i64, i64, u64, u64);

/// What is known of the file between two looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// The state whose keys are in force; `None` where the file is to be loaded however it is.
    in_force: Option<Stamp>,
    /// Why the keys could not be loaded, as it was last logged.
    told: Option<String>,
    /// What the log has heard of keys that end.
    pub(super) ending: Told,
}

/// Looks at the file of API keys every `every` (at most 5 seconds: a revocation binds within that), and puts what
/// `load` makes of it in force when it has changed. A file that is bad or gone leaves the keys as they are, loudly: the log
/// says it once, and [`Identity::api_keys_refused`] for as long as it is so. Of keys that end soon the log hears once a day.
/// Runs for as long as it is polled.
pub async fn watch_api_keys<L>(identity: Arc<Identity>, path: PathBuf, load: L, every: Duration)
where
    L: Fn(&Path) -> Result<Vec<ApiKeyEntry>, BoxError> + Send + Sync + 'static,
{
    let every = every.min(Duration::from_secs(5));
    let load = Arc::new(load);
    // The file may have changed between the start and now: the first look always loads.
    let mut watch = Watch::default();
    loop {
        let (identity, path, load) = (identity.clone(), path.clone(), load.clone());
        let mut before = watch.clone();
        let look = move || {
            before.look(&identity, &path, &*load);
            before.ending.tell(&identity, identity.now());
            before
        };
        watch = tokio::task::spawn_blocking(look).await.unwrap_or(watch);
        tokio::time::sleep(every).await;
    }
}

impl Watch {
    /// Loads the file, if it is not as it was when its keys came into force. One that is bad is loaded at every look: a mode is
    /// mended without a change of the file, and a disk that failed may not fail again.
    pub(super) fn look(
        &mut self,
        identity: &Identity,
        path: &Path,
        load: &dyn Fn(&Path) -> Result<Vec<ApiKeyEntry>, BoxError>,
    ) {
        // The stamp is taken before the file is read: a change between the two is seen at the next look.
        let found = std::fs::metadata(path).ok().map(|metadata| stamp(&metadata));
        // A reload reads the file as well, and may have found it bad for a moment.
        if self.in_force.is_some() && self.in_force == found && identity.api_keys_refused().is_none() {
            return;
        }
        match identity.renew_api_keys(|| load(path)) {
            Ok(()) => {
                tracing::info!("the API keys were loaded");
                (self.in_force, self.told) = (found, None);
            }
            Err(error) => {
                let cause = Causes(&*error).to_string();
                if self.told.as_ref() != Some(&cause) {
                    tracing::error!(cause, "the API keys could not be loaded; those before stay in force");
                }
                (self.in_force, self.told) = (None, Some(cause));
            }
        }
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.mtime(), metadata.mtime_nsec(), metadata.ino(), metadata.size())
}
