//! The demo's deployment: a real one, in a folder of its own, with material that serves loopback listeners only.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use zeroize::Zeroizing;

use super::Args;
use super::certificates::{self, Certificates};
use super::client::Client;
use super::material::write_secret;
use crate::app::{self, Core, Running};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::crypto::InterchangeKey;
use crate::custody::Custody;
use crate::identity::{self, DevelopmentToken};
use crate::lock::{Lock, LockError};
use crate::store::Store;

/// What the shipped policies are for.
pub(super) const PURPOSE: &str = "product-recommendation";
pub(super) const RESEARCH: &str = "research";

const ISSUER: &str = "https://issuer.demo.invalid";
const AUDIENCE: &str = "consentry";

/// The demo, served.
pub(super) struct Demo {
    running: Running,
    folder: PathBuf,
    certificates: Certificates,
    secret: Zeroizing<String>,
    socket: PathBuf,
    /// Held as long as the demo runs.
    _folder_is_ours: Lock,
}

impl Demo {
    /// Makes the deployment anew and serves it in front of the API at `model`.
    pub(super) async fn start(args: &Args, model: SocketAddr) -> anyhow::Result<Self> {
        let clock = Clock::system();
        refuse_taken_port(args.port)?;
        let certificates = certificates::in_folder(&args.certs, &clock)?;
        let folder = std::path::absolute(args.folder.join(format!("demo-{}", args.port)))?;
        let ours = hold(&folder)?;
        let (config, secret) = write(&folder, args, model, &certificates)?;
        let socket = config.admin.socket.clone().context("the demo has an administration socket")?;
        let core = Core::open(config, clock).await?;
        let running = app::serve(core).await?;
        Ok(Self { running, folder, certificates, secret, socket, _folder_is_ours: ours })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.running.addresses.first().copied().context("the demo has a listener")
    }

    pub(super) fn client(&self) -> anyhow::Result<Client> {
        Client::new(self.address()?, &self.certificates.authority)
    }

    pub(super) fn authority(&self) -> &Path {
        &self.certificates.authority
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.folder.join("consentry.yaml")
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn store(&self) -> &Store {
        self.running.core.gateway.store()
    }

    pub(super) fn custody(&self) -> &Custody {
        self.running.core.gateway.custody()
    }

    /// A token of the demo's issuer.
    pub(super) fn token(&self, sub: &str, scopes: &[&str], reason: Option<&str>) -> anyhow::Result<String> {
        let token = DevelopmentToken {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            sub: sub.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            reason: reason.map(str::to_owned),
            ttl: Duration::from_secs(8 * 3600),
            ..DevelopmentToken::default()
        };
        Ok(identity::issue(&token, self.secret.as_bytes(), Clock::system().now())?)
    }

    pub(super) async fn stop(self) {
        self.running.stop().await;
    }
}

/// A clear word, before anything is made or wiped: a demo that runs already keeps its folder.
fn refuse_taken_port(port: u16) -> anyhow::Result<()> {
    match std::net::TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!(
                "port {port} is taken, perhaps by another demo: choose one with --port, for instance --port {}",
                port.wrapping_add(1)
            )
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on 127.0.0.1:{port}")),
    }
}

/// Takes the folder for this demo, before it is emptied: of `--port 0` there may be another, whose port is not known.
fn hold(folder: &Path) -> anyhow::Result<Lock> {
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above).with_context(|| format!("cannot make {}", above.display()))?;
    }
    Lock::take(folder).map_err(|error| match error {
        LockError::Held(folder) => anyhow!(
            "another demo runs in {}: stop it, or give this one a folder of its own with --folder",
            folder.display()
        ),
        error => error.into(),
    })
}

/// Writes the deployment into an empty folder: the demo starts from nothing each time.
fn write(
    folder: &Path,
    args: &Args,
    model: SocketAddr,
    certificates: &Certificates,
) -> anyhow::Result<(Config, Zeroizing<String>)> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;

    let secret = InterchangeKey::generate();
    write_secret(&folder.join("issuer.secret"), &secret)?;
    write_secret(&folder.join("master.key"), &InterchangeKey::generate())?;
    let path = |path: &Path| -> anyhow::Result<String> {
        let path = std::path::absolute(path)?;
        Ok(serde_json::to_string(path.to_str().context("a path is not UTF-8")?)?)
    };
    let text = format!(
        "# Written by `consentry demo`: its issuer and its keys serve loopback listeners only.\n\
         listeners:\n  - {{ https: \"127.0.0.1:{port}\", certificate: {certificate}, key: {key} }}\n\
         admin: {{ socket: admin.sock }}\n\
         upstreams:\n  favourites-model: {{ url: \"http://{model}\", recipient: model-host }}\n\
         issuers:\n  - {{ issuer: \"{ISSUER}\", secret_file: issuer.secret, audience: {AUDIENCE}, algorithms: [HS256], namespace: customers }}\n\
         keys: {{ file: master.key }}\n\
         store: {{ sqlite: consentry.db, keyring: keys.db }}\n\
         policies: {policies}\n",
        port = args.port,
        certificate = path(&certificates.certificate)?,
        key = path(&certificates.key)?,
        policies = path(&args.policies)?,
    );
    let file = folder.join("consentry.yaml");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    match config::load(&file) {
        Ok((config, _)) => Ok((config, secret)),
        Err(diagnostics) => bail!("the demo's own deployment is not valid:\n{}", diagnostics.render(false)),
    }
}
