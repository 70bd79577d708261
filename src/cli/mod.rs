//! The commands, one file each. What they print goes through [`output`]; what they do is done by the rooms below.

mod accept;
mod audit;
mod call;
mod check;
mod connect;
mod demo;
mod deployment;
mod detect;
mod diff;
mod drafting;
mod drift;
mod explain;
mod import;
mod key;
mod learn;
mod output;
mod person;
mod reload;
mod schema;
mod serve;
mod test;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// How a command ended; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// It did what it says.
    Fine = 0,
    /// It failed.
    Failed = 1,
    /// A policy's case failed.
    CaseFailed = 2,
    /// A policy or the configuration is not valid.
    InvalidPolicy = 3,
    /// After a change of policies somebody may see, keep or do more.
    More = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A GDPR gateway for prediction APIs: it stands in front of your API and enforces one policy file per processing
/// activity.
#[derive(Debug, Parser)]
#[command(name = "consentry", version, max_term_width = 110)]
#[command(after_help = "\
First steps:
  consentry demo           see it work: a gateway, a small API behind it, commands to paste
  consentry import         draft a policy from the description of your API
  consentry check          read the policies as the gateway does, and say what is wrong
  consentry explain        show what the upstream sees of every field, what is kept, what comes back
  consentry serve          stand in front of your API")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where a command finds the deployment.
#[derive(Clone, Debug, clap::Args)]
struct Deployment {
    /// The deployment's file.
    #[arg(long, short, default_value = "consentry.yaml", value_name = "FILE", global = true)]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway and serve until SIGTERM or Ctrl-C; SIGHUP reloads.
    Serve(serve::Args),
    /// Read deployment and policies, and report everything that is wrong with them.
    Check(check::Args),
    /// Show, route by route, what becomes of every field.
    Explain(explain::Args),
    /// Say what changes for whom between two sets of policies; 4 where somebody may see, keep or do more.
    Diff(diff::Args),
    /// Run the policies' cases (NAME.cases.yaml) through the real pipeline.
    Test(test::Args),
    /// Draft a policy from the description of an API; nothing of it is enforced before a person accepts it.
    Import(import::Args),
    /// Draft a policy from traffic: a recording, or what a plain pass-through on loopback sees for a while.
    Learn(learn::Args),
    /// Show what is only proposed in drafted policies, and remove the marks of what you accept.
    Accept(accept::Args),
    /// Show what the detectors for free text find, in a text or in figures.
    Detect(detect::Args),
    /// Write JSON Schemas of the files that people write, so that editors complete and underline.
    Schema(schema::Args),
    /// See it work: a gateway, a small API behind it, and commands to paste.
    Demo(demo::Args),
    /// Issue a token for development, signed with a secret file of the deployment.
    Token(token::Args),
    /// Give, refuse, withdraw or show a person's consent (GDPR Art. 7).
    Consent(person::ConsentArgs),
    /// Restrict the processing of a person's data, or lift the restriction (GDPR Art. 18).
    Restrict(person::RestrictArgs),
    /// Record a person's objection to a purpose, or lift it (GDPR Art. 21).
    Object(person::ObjectArgs),
    /// Show what is kept of a person, opened, for them to have (GDPR Art. 15).
    Access(person::AccessArgs),
    /// Erase a person's data by destroying their keys (GDPR Art. 17).
    Erase(person::EraseArgs),
    /// Verify the audit, or write a checkpoint to keep elsewhere.
    Audit(audit::Args),
    /// Make keys: the master key, an interchange key, an API key, an admin token.
    Key(key::Args),
    /// Show what the policies declare and callers never send, what they send undeclared, and what shadows would do otherwise.
    Drift(drift::Args),
    /// Tell a running gateway to read policies, certificates, interchange keys, API keys and the key files of issuers anew.
    /// What else consentry.yaml says is read at the start only.
    Reload(reload::Args),
}

/// A file that may not grow any further (`ulimit -f`) is for whoever writes it what a full disk is: the write fails. Without
/// somebody who hears the signal for it, the system would end the process. To be called within a runtime.
fn outlive_full_files() -> std::io::Result<()> {
    // Heard until the process ends, though nobody listens.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // A process in which nothing of TLS is set up yet; a second provider cannot be there.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            // Help and version come this way too. A word that clap does not know would be a 2, which says that a case failed.
            let failed = said.use_stderr();
            output::note_lost(said.print());
            return ended(Ok(if failed { Exit::Failed } else { Exit::Fine }));
        }
    };
    let done = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Test(args) => test::run(args),
        Command::Import(args) => import::run(args),
        Command::Learn(args) => learn::run(args),
        Command::Accept(args) => accept::run(args),
        Command::Detect(args) => detect::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Token(args) => token::run(args),
        Command::Consent(args) => person::consent(args),
        Command::Restrict(args) => person::restrict(args),
        Command::Object(args) => person::object(args),
        Command::Access(args) => person::access(args),
        Command::Erase(args) => person::erase(args),
        Command::Audit(args) => audit::run(args),
        Command::Key(args) => key::run(args),
        Command::Drift(args) => drift::run(args),
        Command::Reload(args) => reload::run(args),
    };
    ended(done)
}

/// How the process ends: what a command printed and nobody could take was not done.
fn ended(done: anyhow::Result<Exit>) -> ExitCode {
    let taken = output::taken();
    for error in [done.as_ref().err(), taken.as_ref().err()].into_iter().flatten() {
        output::error(error);
    }
    match (done, taken) {
        (Ok(exit), Ok(())) => exit.into(),
        _ => Exit::Failed.into(),
    }
}
