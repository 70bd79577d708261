//! A command without a gateway: the deployment is opened, the command carried out, the deployment closed. The store's
//! lock keeps a gateway from starting meanwhile, and this from running beside one.

use super::{AppError, Core, master_key};
use crate::admin::{self, Command, OfficeError, Reply};
use crate::clock::Clock;
use crate::config::Config;
use crate::journal::Journal;
use crate::store::Store;

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AloneError {
    /// The deployment does not open.
    #[error(transparent)]
    Open(#[from] AppError),
    /// The command was not carried out.
    #[error(transparent)]
    Office(#[from] OfficeError),
}

/// Carries one command out.
///
/// # Errors
/// Where the deployment does not open, or the command is not carried out.
pub async fn alone(config: Config, command: Command) -> Result<Reply, AloneError> {
    if let Command::AuditVerify { against } = &command {
        return verify(&config, against.as_deref()).await;
    }
    let core = Core::for_command(config, Clock::system()).await?;
    let reply = core.office(None).carry_out(command).await;
    core.gateway.store().close().await;
    Ok(reply?)
}

/// Verifies the audit as it lies there, and writes nothing: where it was tampered with the store does not open, and that is
/// when somebody asks what is wrong with it.
async fn verify(config: &Config, against: Option<&str>) -> Result<Reply, AloneError> {
    let files = [&config.store.sqlite, &config.store.keyring];
    if files.iter().all(|file| matches!(file.try_exists(), Ok(false))) {
        let [data, _] = files;
        return Ok(Reply::not_done(format!(
            "Nothing was kept yet, so there is no audit: {} is not there.",
            data.display()
        )));
    }
    let provider = master_key::open(config, false)?;
    let store = Store::inspect(&config.store).map_err(AppError::from)?;
    let journal = Journal::read_only(store, &*provider, Clock::system()).await.map_err(AppError::from)?;
    Ok(admin::verify_audit(&journal, against).await?)
}
