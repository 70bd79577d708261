//! What goes on beside the exchanges, on a runtime of its own: retention, limits, key sets, changed certificates.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::aside::aside;
use super::renewal::Renewal;
use crate::admin::Office;
use crate::config::{self, Config};
use crate::identity::{self, ApiKeyEntry, BoxError};
use crate::pipeline::{self, Gateway};
use crate::telemetry::Causes;

/// How often what has come to its term is erased. A term is a matter of days; an hour late is late by little.
const RETENTION: Duration = Duration::from_secs(3600);
/// How often it is looked whether other policies are in force, which may not name all of which something is kept.
const UNNAMED: Duration = Duration::from_secs(2);
/// How often limits forget who need not be counted any more.
const SWEEP: Duration = Duration::from_secs(1);
/// How often API keys are looked at: a revocation binds within five seconds.
const API_KEYS: Duration = Duration::from_secs(2);
/// How often certificates are looked at.
const CERTIFICATES: Duration = Duration::from_secs(10);

/// Starts all of it; it ends when `stop` changes or the set is dropped.
pub(super) fn start(
    gateway: &Arc<Gateway>,
    office: &Arc<Office>,
    config: &Config,
    renewal: Arc<Renewal>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(until(stop.clone(), retention(Arc::clone(office))));
    tasks.spawn(until(stop.clone(), pipeline::look_at_shadows(Arc::clone(gateway))));
    tasks.spawn(until(stop.clone(), sweep(Arc::clone(gateway))));
    tasks.spawn(until(stop.clone(), renew(renewal)));
    tasks.spawn(until(stop.clone(), Arc::clone(gateway.identity()).keep_fresh()));
    if let Some(path) = &config.api_keys {
        let identity = Arc::clone(gateway.identity());
        let watch = identity::watch_api_keys(identity, path.clone(), load_api_keys, API_KEYS);
        tasks.spawn(until(stop.clone(), watch));
    }
    tasks
}

/// The API keys that the file lists now.
pub(super) fn load_api_keys(path: &Path) -> Result<Vec<ApiKeyEntry>, BoxError> {
    config::api_keys(path).map_err(|found| found.to_string().into())
}

/// Keeps the figure of open connections fresh.
pub(super) async fn count_connections(gateway: Arc<Gateway>, counters: Vec<impl Fn() -> usize>) {
    loop {
        let open: usize = counters.iter().map(|count| count()).sum();
        gateway.metrics().connections().set(i64::try_from(open).unwrap_or(i64::MAX));
        tokio::time::sleep(SWEEP).await;
    }
}

pub(super) async fn until(mut stop: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stop.changed() => {}
    }
}

async fn retention(office: Arc<Office>) {
    loop {
        match office.retention().await {
            Ok(reply) => tracing::info!("{}", reply.says),
            Err(error) => {
                tracing::error!(cause = %Causes(&error), "what has come to its term is not erased yet")
            }
        }
        let looking = async {
            loop {
                tokio::time::sleep(UNNAMED).await;
                office.look_for_unnamed().await;
            }
        };
        let _ = tokio::time::timeout(RETENTION, looking).await;
    }
}

async fn sweep(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let over = gateway.sweep();
        if !over.is_empty() {
            // Hundreds of policies take milliseconds to drop.
            aside(move || drop(over)).await;
        }
    }
}

async fn renew(renewal: Arc<Renewal>) {
    loop {
        tokio::time::sleep(CERTIFICATES).await;
        Renewal::look_in_turn(&renewal).await;
    }
}
