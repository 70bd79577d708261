//! `audit`: verify the chain, or take a checkpoint to keep elsewhere.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;

use super::{Deployment, Exit, connect};
use crate::admin::Command;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Verify every entry, the signed checkpoints and the keyring's count; names the first bad entry.
    Verify {
        /// Checkpoints that were kept elsewhere (the output of `audit checkpoint`), one a line; each is held against the
        /// entries. Shows a tail that was cut together with the checkpoints on this machine.
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Print the public key (Ed25519) that verifies the signatures of checkpoints.
    Key,
    /// Print entries, one JSON object a line behind its number.
    Show {
        /// The number of the first, from 1.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// How many at most.
        #[arg(long, default_value_t = 1000)]
        count: u32,
    },
    /// Print a signed checkpoint. Keep it where nobody who can change this machine can change it.
    Checkpoint,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let command = match args.act {
        Act::Verify { against } => {
            let against = against
                .map(|path| {
                    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
                })
                .transpose()?;
            Command::AuditVerify { against }
        }
        Act::Key => Command::AuditKey {},
        Act::Show { from, count } => Command::AuditShow { from, count },
        Act::Checkpoint => Command::AuditCheckpoint {},
    };
    connect::carry_out(&args.deployment, command)
}
