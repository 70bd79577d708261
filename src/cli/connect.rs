//! How a command reaches the deployment: through the administration's socket where a gateway runs, else by opening the
//! store itself, which the store's lock allows to one at a time.
//!
//! INVARIANT: a command is carried out on the store that the deployment names, or not at all. Whoever answers at the socket is told
//! which that is.

use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{Deployment, Exit, deployment, outlive_full_files, output};
use crate::admin::{self, Command, Reply};
use crate::app::{self, AloneError, AppError};
use crate::config::Config;
use crate::lock::LockError;
use crate::payload::read;
use crate::store::{Identity, StoreConfig, StoreError};
use crate::telemetry::Causes;

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
        outlive_full_files()?;
        match config.admin.socket.clone().as_deref() {
            Some(socket) => match UnixStream::connect(socket).await {
                Ok(stream) => to_own(stream, &config, socket, &command).await,
                // A gateway that was killed leaves its socket behind, and nobody answers there.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
                {
                    alone(config, command, socket, &error).await
                }
                Err(error) => Err(LockError::opening(socket, error))
                    .with_context(|| format!("cannot reach the gateway at {}", socket.display())),
            },
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

/// Where nobody answers at the socket the store's lock says whether a gateway runs all the same.
async fn alone(config: Config, command: Command, socket: &Path, error: &io::Error) -> anyhow::Result<Reply> {
    let store = &config.store;
    let there = match error.kind() {
        io::ErrorKind::NotFound => "is not there",
        _ => "is there, and nobody answers",
    };
    let held = format!(
        "a gateway runs for this deployment, or another command is at work: it holds {}. But the gateway's socket {} {there}: it is \
         starting or stopping, or somebody removed the socket. Nothing was done; ask again, and where that goes on, restart the \
         gateway",
        store.sqlite.display(),
        socket.display()
    );
    match command {
        Command::Reload {} | Command::Drift {} if store.is_held() => bail!(held),
        Command::Reload {} => bail!("no gateway runs for this deployment: there is nothing to reload"),
        Command::Drift {} => bail!("no gateway runs for this deployment: nothing was counted"),
        command => match app::alone(config, command).await {
            Err(AloneError::Open(AppError::Store(StoreError::Locked(_)))) => bail!(held),
            done => Ok(done?),
        },
    }
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

/// Gives a command to whoever answers at the socket, if they hold the store of this deployment.
async fn to_own(
    stream: UnixStream,
    config: &Config,
    socket: &Path,
    command: &Command,
) -> anyhow::Result<Reply> {
    let own = own(&config.store, socket)?;
    match command {
        Command::KeyRotate { .. } => speak(stream, Some(&own), &compared(config).await).await,
        command => speak(stream, Some(&own), command).await,
    }
}

/// `key-rotate` for a gateway, which reads the file that it was started with: with that by which it tells whether it reads the master
/// key that this file names. Where there is none, that is said, and nothing is refused.
async fn compared(config: &Config) -> Command {
    let uncompared = |why: &dyn std::fmt::Display| {
        output::note(format_args!(
            "It was not compared whether the gateway reads the master key that {} names: {why}.",
            config.file.display()
        ));
        None
    };
    let check = match app::master_check(config).await {
        Ok(Some(check)) => Some(STANDARD.encode(check)),
        Ok(None) => uncompared(&"that is in the environment, which is the gateway's own"),
        Err(error) => uncompared(&Causes(&error)),
    };
    Command::KeyRotate { check }
}

/// The store of a deployment at whose socket somebody answers.
struct Own {
    identity: Identity,
    /// What is to be said where they hold another.
    otherwise: String,
}

fn own(files: &StoreConfig, socket: &Path) -> anyhow::Result<Own> {
    let StoreConfig { sqlite, keyring, .. } = files;
    let otherwise = format!(
        "the gateway that answers at {} holds other files than {} and {}. Nothing was done. Where it serves another deployment, give \
         each an `admin.socket` of its own; where these files were replaced, removed or named anew since it started, restart it; where \
         they lie on another machine or volume, ask there",
        socket.display(),
        sqlite.display(),
        keyring.display()
    );
    match Identity::of(files) {
        Ok(identity) => Ok(Own { identity, otherwise }),
        // Whoever serves this deployment has made them before it answers.
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(otherwise),
        Err(error) => Err(error).with_context(|| {
            format!(
                "it cannot be seen whether the gateway that answers at {} serves this deployment: {} and {} cannot be looked at",
                socket.display(),
                sqlite.display(),
                keyring.display()
            )
        }),
    }
}

/// Sends a command to the gateway behind `socket`, whichever store it holds.
pub(super) async fn send(socket: &Path, command: &Command) -> anyhow::Result<Reply> {
    speak(UnixStream::connect(socket).await?, None, command).await
}

async fn speak(stream: UnixStream, own: Option<&Own>, command: &Command) -> anyhow::Result<Reply> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::post("/v1/commands")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(own) = own {
        request = request.header(admin::STORE, own.identity.to_string());
    }
    let request = request.body(Full::new(Bytes::from(serde_json::to_vec(command)?)))?;
    let response = sender.send_request(request).await.context("the gateway did not answer")?;
    let status = response.status();
    // Without a cap: what is kept of a person may be large, they have a right to all of it (Art. 15), and whoever answers at the
    // deployment's socket has it in memory already.
    let body = read::capped(response.into_body(), usize::MAX, &PACE).await;
    connection.abort();
    let body =
        body.context("the gateway's answer broke off; whether it did what was asked is in the audit")?;
    if let (StatusCode::MISDIRECTED_REQUEST, Some(own)) = (status, own) {
        bail!(own.otherwise.clone());
    }
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        bail!("the gateway does not let this command in ({status})");
    }
    serde_json::from_slice(&body).context("the gateway's answer is not one of this version")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_reply_may_be_as_large_as_what_is_kept_of_a_person() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let says = "x".repeat(64 << 20);
        let reply = serde_json::to_vec(&Reply::done(&*says)).unwrap();
        let gateway = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&reply).await.unwrap();
            stream
        });
        let reply = send(&socket, &Command::AuditKey {}).await.unwrap();
        assert!(reply.done && reply.says == says);
        drop(gateway.await.unwrap());
    }
}
