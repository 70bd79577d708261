//! `check`: read deployment and policies as the gateway does, and report everything at once.

use super::{Deployment, Exit, deployment, output};
use crate::{app, config};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    let api_keys = config.api_keys.as_deref().map_or(Ok(Vec::new()), config::api_keys);
    if let Err(diagnostics) = &api_keys {
        deployment::show(diagnostics);
    }
    match app::compile(&config) {
        Ok(_) if api_keys.is_err() => Ok(Exit::InvalidPolicy),
        Ok((plan, warnings)) => {
            deployment::show(&warnings);
            let (activities, routes) = (plan.activities.len(), plan.routes.len());
            output::line(format_args!("{activities} activities, {routes} routes: valid."));
            Ok(Exit::Fine)
        }
        Err(diagnostics) => {
            deployment::show(&diagnostics);
            Ok(Exit::InvalidPolicy)
        }
    }
}
