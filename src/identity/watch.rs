//! The file of API keys, looked at every few seconds, so that a revocation binds soon.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{ApiKeyEntry, FetchError, Identity};

/// What tells one state of a file from another.
type Stamp = (i64, i64, u64, u64);

/// Looks at the file of API keys every `every` (at most 5 seconds: a revocation binds within that), and puts what
/// `load` makes of it in force when it has changed. A file that is bad or gone leaves the keys as they are, loudly.
/// Runs for as long as it is polled.
pub async fn watch_api_keys<L>(identity: Arc<Identity>, path: PathBuf, load: L, every: Duration)
where
    L: Fn(&Path) -> Result<Vec<ApiKeyEntry>, FetchError> + Send + Sync + 'static,
{
    let every = every.min(Duration::from_secs(5));
    let load = Arc::new(load);
    // The file may have changed between the start and now: the first look always loads.
    let mut seen = None;
    loop {
        let (identity, path, load) = (identity.clone(), path.clone(), load.clone());
        let look = move || look(&identity, &path, &*load, seen);
        seen = tokio::task::spawn_blocking(look).await.unwrap_or(seen);
        tokio::time::sleep(every).await;
    }
}

/// Loads the file if it is not as it was `seen`, and says how it is now. A bad file is not looked at again before it
/// changes.
pub(super) fn look(
    identity: &Identity,
    path: &Path,
    load: &dyn Fn(&Path) -> Result<Vec<ApiKeyEntry>, FetchError>,
    seen: Option<Stamp>,
) -> Option<Stamp> {
    // The stamp is taken before the file is read: a change between the two is seen at the next look.
    let found = std::fs::metadata(path).ok().map(|metadata| stamp(&metadata));
    if found == seen {
        return seen;
    }
    let reading = identity.reading_api_keys();
    let loaded = load(path).and_then(|entries| {
        identity.check_api_keys(reading, entries).map_err(|errors| {
            let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
            texts.join("; ").into()
        })
    });
    match loaded {
        Ok(keys) => {
            identity.put_api_keys(keys);
            tracing::info!("the API keys were loaded");
        }
        Err(error) => tracing::error!(%error, "the API keys could not be loaded; those before stay in force"),
    }
    found
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.mtime(), metadata.mtime_nsec(), metadata.ino(), metadata.size())
}
