//! `token`: a token for development, signed with a secret file of the deployment.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Deployment, Exit, deployment, output};
use crate::clock::Clock;
use crate::config::{self, KeyFrom};
use crate::identity::{self, DevelopmentToken};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  TOKEN=$(consentry token --sub ada --scope predict)")]
pub(super) struct Args {
    /// Who the token is for.
    #[arg(long)]
    sub: String,
    /// The program that holds it; equal to --sub for a token of a program, which is nobody's own.
    #[arg(long)]
    client_id: Option<String>,
    /// A scope; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The purpose that the token names.
    #[arg(long)]
    purpose: Option<String>,
    /// The reason that the token gives: a code of organisation.yaml.
    #[arg(long)]
    reason: Option<String>,
    /// The issuer, where the deployment has several with a secret file.
    #[arg(long)]
    issuer: Option<String>,
    /// How many minutes it holds.
    #[arg(long, default_value_t = 60, value_name = "MINUTES")]
    minutes: u64,
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    let mut found = config.issuers.iter().filter_map(|issuer| match &issuer.key {
        KeyFrom::SecretFile(path) if args.issuer.as_ref().is_none_or(|wanted| *wanted == issuer.issuer) => {
            Some((issuer, path))
        }
        _ => None,
    });
    let Some((issuer, path)) = found.next() else {
        bail!(
            "the deployment has no such issuer with a `secret_file`: other issuers issue their tokens themselves"
        );
    };
    if found.next().is_some() {
        bail!("the deployment has several issuers with a `secret_file`: name one with --issuer");
    }
    let secret = config::secret_text(path)?;
    let token = DevelopmentToken {
        issuer: issuer.issuer.clone(),
        audience: issuer.audiences.first().cloned().unwrap_or_default(),
        sub: args.sub,
        client_id: args.client_id,
        scopes: args.scopes,
        purpose: args.purpose,
        reason: args.reason,
        claims: serde_json::Map::new(),
        ttl: Duration::from_secs(args.minutes.saturating_mul(60)),
    };
    let token = identity::issue(&token, secret.as_bytes(), Clock::system().now()).context("cannot sign")?;
    output::line(token);
    Ok(Exit::Fine)
}
