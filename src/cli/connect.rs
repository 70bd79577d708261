//! How a command reaches the deployment: through the administration's socket where a gateway runs, else by opening the
//! store itself, which the store's lock allows to one at a time.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{Deployment, Exit, deployment, output};
use crate::admin::{Command, Reply};
use crate::app::{self, AloneError, AppError};
use crate::config::Config;
use crate::payload::read;
use crate::store::StoreError;

/// What a reply may measure.
const REPLY_CAP: usize = 1024 * 1024;

const PACE: read::Pace =
    read::Pace { grace: Duration::from_secs(600), bytes_per_second: 0, total: Duration::from_secs(600) };

/// Gives a command to the deployment and prints what came of it.
pub(super) fn carry_out(deployment: &Deployment, command: Command) -> anyhow::Result<Exit> {
    let Some(reply) = ask(deployment, command)? else { return Ok(Exit::InvalidPolicy) };
    output::line(&reply.says);
    Ok(if reply.done { Exit::Fine } else { Exit::Failed })
}

/// Gives a command to the deployment. Where the deployment or its policies are not valid, what is wrong with them is shown
/// and there is no reply.
pub(super) fn ask(deployment: &Deployment, command: Command) -> anyhow::Result<Option<Reply>> {
    let Some(config) = deployment::read(deployment) else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let carried = runtime.block_on(async {
        match &config.admin.socket {
            Some(socket) if socket.exists() => match send(socket, &command).await {
                // A gateway that was killed leaves its socket behind, and nobody answers there.
                Err(error) if refused(&error) => alone(config, command).await,
                answered => answered,
            },
            Some(_) => alone(config, command).await,
            None => without_socket(config, command).await,
        }
    });
    match carried {
        Ok(reply) => Ok(Some(reply)),
        Err(error) => match error.downcast::<AloneError>()? {
            AloneError::Open(AppError::Policies(diagnostics)) => {
                deployment::show(&diagnostics);
                Ok(None)
            }
            error => Err(error.into()),
        },
    }
}

async fn alone(config: Config, command: Command) -> anyhow::Result<Reply> {
    if matches!(command, Command::Reload {}) {
        bail!("no gateway runs for this deployment: there is nothing to reload");
    }
    if matches!(command, Command::Drift {}) {
        bail!("no gateway runs for this deployment: nothing was counted");
    }
    Ok(app::alone(config, command).await?)
}

/// Where the deployment has no socket, only the store's lock says whether a gateway runs, and a command cannot reach it.
async fn without_socket(config: Config, command: Command) -> anyhow::Result<Reply> {
    let over = match &config.admin.tls {
        Some(tls) => format!("POST https://{}/v1/commands, with a token", tls.listener.https),
        None => "the administration over https, with a token".to_owned(),
    };
    let name = command.name();
    match command {
        Command::Reload {} => bail!(
            "this deployment has no socket to reach a gateway by (`admin.socket: none`): give `reload` to it by {over}, or \
             send it SIGHUP"
        ),
        Command::Drift {} => bail!(
            "this deployment has no socket to reach a gateway by (`admin.socket: none`): give `drift` to it by {over}"
        ),
        command => match app::alone(config, command).await {
            Err(AloneError::Open(AppError::Store(StoreError::Locked(_)))) => bail!(
                "a gateway runs, and this deployment has no socket to reach it by (`admin.socket: none`): give `{name}` to it \
                 by {over}"
            ),
            done => Ok(done?),
        },
    }
}

fn refused(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Sends a command to the gateway behind `socket`.
pub(crate) async fn send(socket: &Path, command: &Command) -> anyhow::Result<Reply> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::post("/v1/commands")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(serde_json::to_vec(command)?)))?;
    let response = sender.send_request(request).await.context("the gateway did not answer")?;
    let status = response.status();
    let body = read::capped(response.into_body(), REPLY_CAP, &PACE).await?;
    connection.abort();
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        bail!("the gateway does not let this command in ({status})");
    }
    serde_json::from_slice(&body).context("the gateway's answer is not one of this version")
}
