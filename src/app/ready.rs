//! Older data is accepted for today's, and new data begun for what is lost, only by a start that can serve: neither can be taken back,
//! and who sees a start fail takes it for not done.

use super::{AppError, Needs, needs, open, serve};
use crate::admin;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::telemetry::Causes;

/// Looks for what the start would end with, and tries every listener and the socket: each is made, and let go of again.
///
/// # Errors
/// [`AppError::NotReady`], with all that was found.
pub(super) async fn ready(config: &Config, now: Timestamp) -> Result<(), AppError> {
    // Whoever has the store open may have the listeners too, and would share its callers with those made here. The start says so.
    if config.store.is_held() {
        return Ok(());
    }
    let Needs { needs, .. } = needs(config, now).await;
    if !needs.is_empty() {
        return Err(AppError::NotReady(needs.join("; ")));
    }
    tried(config).await.map_err(|error| AppError::NotReady(Causes(&error).to_string()))
}

async fn tried(config: &Config) -> Result<(), AppError> {
    open::outward(config)?;
    let _listeners = serve::bind(config)?;
    let _admin = match &config.admin.tls {
        Some(entry) => Some(serve::listen(entry).await?),
        None => None,
    };
    match &config.admin.socket {
        Some(path) => admin::may_serve(path).map_err(|source| AppError::Admin { path: path.clone(), source }),
        None => Ok(()),
    }
}
