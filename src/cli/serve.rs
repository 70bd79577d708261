//! `serve`: the gateway, until it is told to stop.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Deployment, Exit, deployment, outlive_full_files};
use crate::admin::Command;
use crate::app::{self, AppError, Core};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::crypto::random;
use crate::policy::{Diagnostic, Diagnostics, Severity};
use crate::store::StoreError;
use crate::telemetry::{self, Causes, Log};

/// How long the end waits for what still runs beside exchanges that are over.
const LEFT: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An older data file was put back on purpose, beside today's keyring, or the one of before in the place of what
    /// `--data-lost` began: accept that the audit's newest entries are gone, for this one start. What was erased since stays unreadable.
    #[arg(long)]
    restored: bool,
    /// The data file is lost, and no copy of it is left: begin a new one beside today's keyring, for this one start. Records,
    /// consents and the audit are gone; restrictions, objections and pseudonyms stay as they are.
    #[arg(long, conflicts_with = "restored")]
    data_lost: bool,
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    harden().context("the process cannot be closed to debuggers and core dumps")?;
    random::gather();
    let (mut config, warnings) = match config::load(&args.deployment.config) {
        Ok(found) => found,
        Err(diagnostics) => {
            deployment::show(&diagnostics);
            return Ok(Exit::InvalidPolicy);
        }
    };
    (config.store.restored, config.store.lost) = (args.restored, args.data_lost);
    let log = telemetry::start_log(&config.log.filter, config.log.format);
    show(&warnings, log.is_for_people());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(serve(config, &log));
    // What is read from a disk that hangs must not keep a gateway that has stopped; all that is written is written by now.
    runtime.shutdown_timeout(LEFT);
    match ended {
        // Where nothing is to be logged, why it does not serve is said all the same.
        Err(error) if !log.is_for_people() && tracing::enabled!(tracing::Level::ERROR) => {
            tracing::error!("{error:#}");
            Ok(Exit::Failed)
        }
        ended => ended,
    }
}

async fn serve(config: Config, log: &Log) -> anyhow::Result<Exit> {
    // Heard from here on: a SIGHUP that comes while the gateway starts must not end it.
    let signals = Signals::new()?;
    outlive_full_files()?;
    app::warn_of_host(&config);
    let core = match Core::open(config, Clock::system()).await {
        Ok(core) => core,
        Err(AppError::Policies(diagnostics)) => {
            show(&diagnostics, log.is_for_people());
            return Ok(Exit::InvalidPolicy);
        }
        // The second where a new data file was begun meanwhile, and is given up for the one of before.
        Err(error @ AppError::Store(StoreError::Cut { .. } | StoreError::Altered(_))) => {
            bail!(
                "{}. If you put an older copy of the data back on purpose, or the data of before in the place of what --data-lost \
                 began, start once with --restored",
                Causes(&error)
            );
        }
        Err(error) => return Err(error.into()),
    };
    if core.gateway.store().is_new() {
        tracing::warn!(
            "nothing was kept here yet, so a new store was made; if this deployment had one, its volume is not there: stop, and put \
             it back"
        );
    }
    let warnings = core.warnings.clone();
    let running = app::serve(core).await;
    // Many warnings take long to be written, and whoever reads them may stall: neither calls nor the stop wait for that.
    let to_people = log.is_for_people();
    std::thread::spawn(move || show(&warnings, to_people));
    let running = running?;
    for address in &running.addresses {
        tracing::info!("Consentry serves https://{address}");
    }
    signals.until_stopped(&running).await;
    tracing::info!("Stopping: exchanges that are under way end first.");
    running.stop().await;
    Ok(Exit::Fine)
}

/// Findings as people read them, with the lines that they are about; for programs an event each. What keeps the gateway from
/// serving is said where nothing is to be logged, too.
fn show(findings: &Diagnostics, to_people: bool) {
    let unheard = findings.errors() > 0 && !tracing::enabled!(tracing::Level::ERROR);
    if to_people || unheard {
        return deployment::show(findings);
    }
    for Diagnostic { code, span, message, help } in findings.iter() {
        let place = span.and_then(|span| findings.sources().place(span));
        let at = place.map(|(file, line, column)| format!("{file}:{line}:{column}"));
        match code.severity() {
            Severity::Error => tracing::error!(code = code.code(), at, help, "{message}"),
            Severity::Warning => tracing::warn!(code = code.code(), at, help, "{message}"),
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or Ctrl-C; SIGHUP reloads. A stop is heard at once: a reload that has not ended is left, and what was
    /// in force stays so until the end.
    async fn until_stopped(self, running: &app::Running) {
        let Self { mut terminate, mut interrupt, mut hang_up } = self;
        let reloads = async {
            while hang_up.recv().await.is_some() {
                match running.office().carry_out(Command::Reload {}).await {
                    Ok(reply) if reply.done => tracing::info!("{}", reply.says),
                    Ok(reply) => tracing::error!("{}", reply.says),
                    Err(error) => tracing::error!("{}", Causes(&error)),
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = reloads => {}
        }
    }
}

/// No core dump, no other process of this user reads the memory, nobody else reads a file: all hold keys or personal
/// data.
fn harden() -> std::io::Result<()> {
    use rustix::fs::Mode;
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Every file that is made from here on is its owner's alone, from its first moment.
    umask(Mode::RWXG | Mode::RWXO);
    Ok(())
}
