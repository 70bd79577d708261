//! `reload`: tells a running gateway to read policies, certificates and keys anew.

use super::{Deployment, Exit, connect};
use crate::admin::Command;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    connect::carry_out(&args.deployment, Command::Reload {})
}
