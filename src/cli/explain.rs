//! `explain`: route by route, what becomes of every field.

use anyhow::bail;

use super::{Deployment, Exit, deployment, output};
use crate::{app, plan};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this activity.
    #[arg(long, value_name = "NAME")]
    activity: Option<String>,
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    let (plan, warnings) = match app::compile(&config) {
        Ok(compiled) => compiled,
        Err(diagnostics) => {
            deployment::show(&diagnostics);
            return Ok(Exit::InvalidPolicy);
        }
    };
    deployment::show(&warnings);
    let wanted = |name: &str| args.activity.as_deref().is_none_or(|only| only == name);
    let mut shown = false;
    for route in plan.routes.iter().filter(|route| wanted(&route.activity.name)) {
        output::line(plan::explain(&plan, route));
        shown = true;
    }
    if !shown {
        let names: Vec<&str> = plan.activities.iter().map(|activity| &*activity.name).collect();
        bail!("there is no such activity; there are: {}", names.join(", "));
    }
    Ok(Exit::Fine)
}
