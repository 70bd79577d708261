//! `demo`: the whole of it on one machine, from nothing, in one command. A gateway, a small API behind it that knows
//! nothing of privacy, and commands to paste; with `--tour`, the commands are done and checked.

mod certificates;
mod client;
mod deployment;
pub(super) mod material;
mod model;
mod tour;

use std::path::PathBuf;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, connect, output};
use crate::app::AppError;
use crate::telemetry::{self, LogFormat};
use deployment::Demo;
use model::Seen;

/// What marks the demo's keys and certificates, so that no other deployment takes them for its own.
const MARKER: &str = crate::config::DEMO_MARKER;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The port of the gateway, on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Do every step of the tour, check what comes of it, and stop.
    #[arg(long)]
    tour: bool,
    /// The policies.
    #[arg(long, default_value = "policies", value_name = "FOLDER")]
    policies: PathBuf,
    /// Where the development CA and certificate are made.
    #[arg(long, default_value = "certs", value_name = "FOLDER")]
    certs: PathBuf,
    /// Where the demo keeps its data; it starts from nothing each time.
    #[arg(long, default_value = "data", value_name = "FOLDER")]
    folder: PathBuf,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let _log = telemetry::start_log(if args.tour { "error" } else { "warn" }, LogFormat::Human);
    if !args.policies.is_dir() {
        bail!(
            "there is no folder {}: run the demo where the policies are, or name them with --policies",
            args.policies.display()
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(start(&args))
}

async fn start(args: &Args) -> anyhow::Result<Exit> {
    let seen = Seen::default();
    output::note("Starting the API that stands for yours: plain HTTP, no login, no notion of privacy …");
    let model = model::start(seen.clone()).await?;
    output::note("Making keys and certificates, reading the policies, opening the gateway …");
    let demo = match Demo::start(args, model).await {
        Ok(demo) => demo,
        Err(error) => {
            if let Some(AppError::Policies(diagnostics)) = error.downcast_ref() {
                output::note(diagnostics.render(false));
                return Ok(Exit::InvalidPolicy);
            }
            return Err(error);
        }
    };
    for consent in tour::first_consents() {
        let reply = connect::send(demo.socket(), &consent).await?;
        if !reply.done {
            bail!("the demo's people cannot be asked: {}", reply.says);
        }
    }
    let port = demo.address()?.port();
    output::note(format_args!("Consentry serves https://localhost:{port} before http://{model}."));
    let toured = if args.tour {
        tour::run(&demo, &seen).await
    } else {
        paste(&demo, port)?;
        until_stopped().await
    };
    demo.stop().await;
    toured.map(|()| Exit::Fine)
}

/// Commands to paste, for the three calls of the API that the policies govern.
fn paste(demo: &Demo, port: u16) -> anyhow::Result<()> {
    let ca = demo.authority().display();
    let config = demo.config_file();
    let config = config.display();
    let ada = demo.token("ada", &["predict"], None)?;
    let carol = demo.token("carol", &["predict"], None)?;
    let analyst = demo.token("analyst", &["research"], None)?;
    let support = demo.token("support", &["re-identify"], Some("support-case"))?;
    output::line(format_args!(
        r#"
Ada has agreed to recommendations and to research, Bob to recommendations, Carol to nothing.
Paste these into another terminal, in this folder.

# A prediction for Ada: the model sees no name, a pseudonym for her e-mail address, and only her decade.
curl --cacert {ca} https://localhost:{port}/predict/ -H "Authorization: Bearer {ada}" \
  -H "Content-Type: application/json" \
  -d '{{"first_name": "Ada", "last_name": "King", "email": "ada@example.org", "age": 36, "sex": "Female", "favorite_color": "Red", "favorite_food": "Pizza"}}'

# The same for Carol, who has not agreed: 403, and the model sees nothing.
curl --cacert {ca} https://localhost:{port}/predict/ -H "Authorization: Bearer {carol}" \
  -H "Content-Type: application/json" \
  -d '{{"first_name": "Carol", "last_name": "Day", "email": "carol@example.org", "age": 41, "sex": "Female", "favorite_color": "Blue", "favorite_food": "Salad"}}'

# What researchers get: the kept records without names.
curl --cacert {ca} https://localhost:{port}/pseudonymize/ -H "Authorization: Bearer {analyst}"

# One person, for a support case; the reason is in the token, and the act is in the audit.
curl --cacert {ca} https://localhost:{port}/decrypt/0 -H "Authorization: Bearer {support}"

# Ada changes her mind; then she is forgotten; then the evidence is verified.
consentry consent withdraw --person ada --purpose product-recommendation --config {config}
consentry erase --person ada --config {config}
consentry audit verify --config {config}

The privacy notice: https://localhost:{port}/.well-known/consentry/notice
(`consentry` is target/release/consentry where you built it with cargo.) Stop with Ctrl-C."#
    ));
    Ok(())
}

async fn until_stopped() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
