//! `consent`, `access`, `restrict`, `object`, `erase`: what is done for one person.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::{Deployment, Exit, connect, output};
use crate::admin::{Command, PersonId};
use crate::policy::DATA_SUBJECT_REQUEST;

/// Who it is about.
#[derive(Debug, Args)]
struct Who {
    /// The person's identifier, as tokens spell it; `-` reads it from standard input, so that it stays out of the
    /// shell's history.
    #[arg(long, value_name = "ID")]
    person: String,
    /// The namespace of the issuer of their tokens.
    #[arg(long, default_value = "customers")]
    namespace: String,
}

impl Who {
    fn id(self) -> anyhow::Result<PersonId> {
        let identifier = if self.person == "-" {
            let mut text = Zeroizing::new(String::new());
            std::io::stdin()
                .lock()
                .take(4096)
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            Zeroizing::new(text.trim().to_owned())
        } else {
            Zeroizing::new(self.person)
        };
        if identifier.is_empty() {
            bail!("the person's identifier is empty");
        }
        Ok(PersonId { namespace: self.namespace, identifier })
    }
}

#[derive(Debug, Args)]
pub(super) struct ConsentArgs {
    #[command(subcommand)]
    act: ConsentAct,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Debug, Subcommand)]
enum ConsentAct {
    /// Record that the person agreed to a purpose.
    Grant(Word),
    /// Record that the person was asked and said no.
    Refuse(Word),
    /// Withdraw the person's consent: it binds when the command returns.
    Withdraw {
        #[command(flatten)]
        who: Who,
        /// The purpose, as organisation.yaml names it.
        #[arg(long)]
        purpose: String,
        /// How it was said.
        #[arg(long, default_value = "api")]
        method: String,
    },
    /// Show what the person permits.
    Show {
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Debug, Args)]
struct Word {
    #[command(flatten)]
    who: Who,
    /// The purpose, as organisation.yaml names it.
    #[arg(long)]
    purpose: String,
    /// The language of the notice that the person read.
    #[arg(long, default_value = "en")]
    language: String,
    /// How it was said: on a page, on paper.
    #[arg(long, default_value = "api")]
    method: String,
}

#[derive(Debug, Args)]
pub(super) struct RestrictArgs {
    #[command(flatten)]
    who: Who,
    /// Lift the restriction.
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Debug, Args)]
pub(super) struct ObjectArgs {
    #[command(flatten)]
    who: Who,
    /// The purpose objected to.
    #[arg(long)]
    purpose: String,
    /// Lift the objection.
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Debug, Args)]
pub(super) struct AccessArgs {
    #[command(flatten)]
    who: Who,
    /// Why: a code of organisation.yaml.
    #[arg(long, default_value = DATA_SUBJECT_REQUEST)]
    reason: String,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Debug, Args)]
pub(super) struct EraseArgs {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn consent(args: ConsentArgs) -> anyhow::Result<Exit> {
    let command = match args.act {
        ConsentAct::Grant(Word { who, purpose, language, method }) => {
            Command::ConsentGrant { person: who.id()?, purpose, language, method }
        }
        ConsentAct::Refuse(Word { who, purpose, language, method }) => {
            Command::ConsentRefuse { person: who.id()?, purpose, language, method }
        }
        ConsentAct::Withdraw { who, purpose, method } => {
            Command::ConsentWithdraw { person: who.id()?, purpose, method }
        }
        ConsentAct::Show { who } => Command::ConsentShow { person: who.id()? },
    };
    connect::carry_out(&args.deployment, command)
}

pub(super) fn restrict(args: RestrictArgs) -> anyhow::Result<Exit> {
    let command = Command::Restrict { person: args.who.id()?, lift: args.lift };
    connect::carry_out(&args.deployment, command)
}

pub(super) fn object(args: ObjectArgs) -> anyhow::Result<Exit> {
    let command = Command::Object { person: args.who.id()?, purpose: args.purpose, lift: args.lift };
    connect::carry_out(&args.deployment, command)
}

pub(super) fn access(args: AccessArgs) -> anyhow::Result<Exit> {
    /// What is read of the answer.
    #[derive(serde::Deserialize)]
    struct Shown {
        known: bool,
    }
    let command = Command::Access { person: args.who.id()?, reason: args.reason };
    let Some(reply) = connect::ask(&args.deployment, command)? else { return Ok(Exit::InvalidPolicy) };
    output::line(&reply.says);
    if reply.read().is_ok_and(|Shown { known }| !known) {
        output::note(
            "Nobody is known here under this identifier in this namespace: check the spelling and `--namespace`.",
        );
    }
    Ok(if reply.done { Exit::Fine } else { Exit::Failed })
}

pub(super) fn erase(args: EraseArgs) -> anyhow::Result<Exit> {
    connect::carry_out(&args.deployment, Command::Erase { person: args.who.id()? })
}
