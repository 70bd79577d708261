//! `drift`: what a running gateway's policies declare and callers never send, and what they send undeclared.

use anyhow::Context as _;
use serde::Deserialize;

use super::{Deployment, Exit, connect, deployment, output};
use crate::admin::Command;
use crate::drift::{self, RouteReport};
use crate::policy::{self, report};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How it is written: for people, or for programs.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table.
    Table,
    /// One object, with every route.
    Json,
    /// As `check` tells what it finds, with the lines of the policies, underlined.
    Human,
    /// SARIF 2.1.0, as code hosts show it beside a change.
    Sarif,
}

#[derive(Deserialize)]
struct Report {
    routes: Vec<RouteReport>,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(reply) = connect::ask(&args.deployment, Command::Drift {})? else {
        return Ok(Exit::InvalidPolicy);
    };
    match args.format {
        Format::Json if reply.done => {
            output::line(serde_json::to_string_pretty(&reply.read::<serde_json::Value>()?)?)
        }
        Format::Human | Format::Sarif if reply.done => {
            let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
            let Report { routes } = reply.read().context("the gateway is of another version")?;
            let found = drift::findings(&routes, &policy::read(&config.policies).set);
            match args.format {
                Format::Sarif => output::text(report::sarif(&[&found], None)),
                _ if found.is_empty() => output::line(&reply.says),
                _ => output::text(found.render(output::colours(&std::io::stdout()))),
            }
        }
        _ => output::line(&reply.says),
    }
    Ok(if reply.done { Exit::Fine } else { Exit::Failed })
}
