//! `drift`: what a running gateway's policies declare and callers never send, and what they send undeclared.

use super::{Deployment, Exit, connect, output};
use crate::admin::Command;

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
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(reply) = connect::ask(&args.deployment, Command::Drift {})? else {
        return Ok(Exit::InvalidPolicy);
    };
    match args.format {
        Format::Json if reply.done => output::line(serde_json::to_string_pretty(&reply.data)?),
        Format::Json | Format::Table => output::line(&reply.says),
    }
    Ok(if reply.done { Exit::Fine } else { Exit::Failed })
}
