//! `check`: read deployment and policies as the gateway does, and report everything at once.

use super::{Deployment, Exit, deployment, output};
use crate::app;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    match app::compile(&config) {
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
