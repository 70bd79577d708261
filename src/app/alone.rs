//! A command without a gateway: the deployment is opened, the command carried out, the deployment closed. The store's
//! lock keeps a gateway from starting meanwhile, and this from running beside one.

use std::sync::Arc;

use super::{AppError, Core};
use crate::admin::{Command, Office, OfficeError, Reply};
use crate::clock::Clock;
use crate::config::Config;

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
    let core = Core::open(config, Clock::system()).await?;
    let office = Office::new(Arc::clone(&core.gateway), core.rights.clone(), None);
    let reply = office.carry_out(command).await;
    core.gateway.store().close().await;
    Ok(reply?)
}
