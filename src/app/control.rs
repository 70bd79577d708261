//! Reload: policies, certificates, API keys. A set that is not valid leaves the one in force as it is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{AppError, live, open};
use crate::admin::Control;
use crate::audit::What;
use crate::config::Config;
use crate::net::Certificates;
use crate::pipeline::Gateway;
use crate::policy::Diagnostics;

/// What a reload needs.
pub(super) struct Reload {
    pub(super) config: Arc<Config>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) certificates: Vec<Arc<Certificates>>,
}

impl Reload {
    /// Everything is read before anything is swapped, so that a mistake in one file changes nothing.
    async fn reload(&self) -> Result<Diagnostics, AppError> {
        let (live, warnings) = live::load(&self.config, self.gateway.clock().now())?;
        let api_keys = open::api_keys(&self.config)?;
        let pairs: Vec<_> = self.certificates.iter().map(|one| one.read()).collect::<Result<_, _>>()?;
        // These are watched besides, and would be in force within seconds whatever becomes of the rest.
        self.gateway.identity().set_api_keys(api_keys).map_err(AppError::Identity)?;
        // Whoever reloads may have revoked something: every token is verified anew.
        self.gateway.identity().forget();
        let loaded = What::PolicyLoaded { digest: live.plan.digest, warnings: warnings.warnings() as u64 };
        self.gateway.journal().record(loaded)?.await?;
        for (certificates, pair) in self.certificates.iter().zip(pairs) {
            certificates.replace(pair);
        }
        self.gateway.replace(live);
        Ok(warnings)
    }
}

impl Control for Reload {
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>> {
        Box::pin(async move {
            let reloaded = self.reload().await;
            self.gateway.metrics().reload(reloaded.is_ok());
            match reloaded {
                Ok(warnings) => {
                    let live = self.gateway.live();
                    let (activities, routes) = (live.plan.activities.len(), live.plan.routes.len());
                    tracing::info!(activities, routes, "reloaded");
                    Ok(format!("In force: {activities} activities, {routes} routes.{}", listed(&warnings)))
                }
                Err(error) => {
                    tracing::error!(cause = %error, "not reloaded: what was in force stays in force");
                    let details = match &error {
                        AppError::Policies(diagnostics) => listed(diagnostics),
                        error => error_chain(error),
                    };
                    Err(format!("Not reloaded, what was in force stays in force: {error}.{details}"))
                }
            }
        })
    }
}

fn listed(diagnostics: &Diagnostics) -> String {
    if diagnostics.is_empty() { String::new() } else { format!("\n{diagnostics}") }
}

fn error_chain(error: &AppError) -> String {
    let mut text = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(" {error}."));
        source = error.source();
    }
    text
}
