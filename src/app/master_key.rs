//! The master key: opened with those before it, named in answers, and exchanged while the gateway serves.

use std::path::Path;
use std::sync::Arc;

use super::AppError;
use super::aside::aside;
use crate::admin::{KEY_ROTATE, Named};
use crate::config::{self, Config, MasterKeySource};
use crate::journal::{Journal, JournalError};
use crate::keys::{self, KeyProvider, LocalKey};
use crate::lock::LockError;
use crate::pipeline::Gateway;

/// The master key. One is made only beside a store that was just made: beside existing data a missing key is an error.
pub(super) fn open(config: &Config, new: bool) -> Result<Arc<dyn KeyProvider>, AppError> {
    let missing = match &config.keys {
        // One that may only not be looked at is not taken for missing.
        MasterKeySource::File(path) => {
            let there = path.try_exists().map_err(|error| LockError::opening(path, error))?;
            (!there).then_some(path)
        }
        _ => None,
    };
    let mut key = match (missing, &config.keys) {
        (Some(path), _) if new => {
            tracing::warn!(file = %path.display(), "made a new master key: back it up apart from the data");
            LocalKey::create(path)?
        }
        (Some(path), _) if !config.previous_keys.is_empty() => {
            return Err(AppError::NextMasterKeyMissing { path: path.clone(), file: config.file.clone() });
        }
        (Some(path), _) => return Err(AppError::MasterKeyMissing(path.clone())),
        (None, source) => given(source)?,
    };
    config.previous_keys.iter().try_for_each(|source| add_previous(&mut key, source))?;
    Ok(Arc::new(key))
}

/// A check value of the master key that this file names, by which a gateway tells whether the file that it reads names the same: paths
/// do not tell, since the two may see one file under two, and two files under one. `None` where the key is in the environment, which is
/// the gateway's own. Blocks on the disk.
///
/// # Errors
/// Where the master key cannot be read from here.
pub async fn master_check(config: &Config) -> Result<Option<Vec<u8>>, AppError> {
    match &config.keys {
        source @ MasterKeySource::File(_) => {
            let check = keys::check_value(&given(source)?).await;
            Ok(Some(check.map_err(JournalError::Key)?))
        }
        MasterKeySource::Env(_) => Ok(None),
    }
}

/// Puts the master key in force that the deployment's file names now, and says what was read: `meant` is a check value of the one that it
/// is to be. With an error that of before stays.
pub(super) async fn exchange(
    serving: &Arc<Config>,
    gateway: &Gateway,
    meant: Option<&[u8]>,
) -> Result<Named, AppError> {
    let serving = Arc::clone(serving);
    let read = move || {
        let (Config { keys, previous_keys, .. }, _) = config::load(&serving.file)
            .map_err(|found| AppError::Configuration { file: serving.file.clone(), found })?;
        // With all else as it is in force, whatever the file says of it by now.
        let config = Config { keys, previous_keys, ..Config::clone(&serving) };
        config::refuse_demo(&config)?;
        let provider = open(&config, false).map_err(|error| match error {
            AppError::MasterKeyMissing(path) => {
                AppError::NextMasterKeyMissing { path, file: config.file.clone() }
            }
            error => error,
        })?;
        Ok::<_, AppError>((provider, named(&config)))
    };
    let (provider, named) = aside(read).await.ok_or(AppError::Aside)??;
    if meant.is_some_and(|meant| !provider.is_current(meant)) {
        return Err(AppError::OtherMasterKey { file: named.file, current: named.current });
    }
    // INVARIANT: the keyring knows it before anything is wrapped under it.
    let journal = gateway.journal();
    journal.admit(&*provider).await?;
    // So does the audit.
    journal.record(KEY_ROTATE)?.await?;
    gateway.custody().exchange(provider).await;
    Ok(named)
}

/// What a rotation tells of the master keys: nobody is to take for read what another file says.
pub(super) fn named(config: &Config) -> Named {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let file = config.file.canonicalize().unwrap_or_else(|_| whole(&config.file));
    let current = match &config.keys {
        MasterKeySource::File(path) => MasterKeySource::File(whole(path)),
        source @ MasterKeySource::Env(_) => source.clone(),
    };
    Named {
        file: file.display().to_string(),
        current: current.to_string(),
        previous: !config.previous_keys.is_empty(),
    }
}

/// The master key that is there.
pub(super) fn given(source: &MasterKeySource) -> Result<LocalKey, AppError> {
    Ok(LocalKey::from_text(&source.text()?)?)
}

/// Adds one of before to those that are known.
pub(super) fn add_previous(key: &mut LocalKey, source: &MasterKeySource) -> Result<(), AppError> {
    let mut add = || Ok(key.add_previous(LocalKey::from_text(&source.text()?)?)?);
    add().map_err(|cause| AppError::PreviousKey { place: source.to_string(), source: cause })
}

/// Says in the log whether master keys of before are still needed.
pub(super) async fn tell(
    journal: &Journal,
    provider: &dyn KeyProvider,
    config: &Config,
) -> Result<(), AppError> {
    if !journal.is_rotated(provider).await? {
        tracing::warn!("keys are wrapped under a previous master key still: run `consentry key rotate`");
    } else if !config.previous_keys.is_empty() {
        tracing::info!(
            "the master keys under `previous` open nothing in the keyring any more: take them out of {}, and keep them as long as copies \
             of the keyring from before",
            config.file.display()
        );
    }
    Ok(())
}
