//! What a deployment sets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;
use ipnet::IpNet;

use super::analyzer::AnalyzerEntry;
use super::issuer::{Issuer, KeyFrom};
use crate::admin::Grant;
use crate::plan::Deployment;
use crate::proxy::{Limits, Timers};
use crate::store::StoreConfig;
use crate::telemetry::LogFormat;
use crate::upstream::UpstreamTimeouts;

/// A deployment. Paths are relative to the working directory or absolute: the file's folder stands before them already.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file itself.
    pub file: PathBuf,
    /// The folder of the file; paths in the file start from it.
    pub folder: PathBuf,
    /// `listeners`: where callers connect. At least one, and no address twice.
    pub listeners: Vec<Listener>,
    /// `admin`: where operators connect. Default: the socket alone.
    pub admin: Admin,
    /// `upstreams`: the APIs behind the gateway, by name. At least one.
    pub upstreams: BTreeMap<Arc<str>, UpstreamEntry>,
    /// `issuers`: who issues tokens, in the order of the file. No two have one `issuer`.
    pub issuers: Vec<Issuer>,
    /// `api_keys`: the file that [`api_keys`](super::api_keys()) reads. Default: none; without it there is an issuer.
    pub api_keys: Option<PathBuf>,
    /// `keys`: where the master key is. Has no default.
    pub keys: MasterKeySource,
    /// `keys.previous`: where those before it are, which only open. No two places of `keys` are one. Default: none.
    pub previous_keys: Vec<MasterKeySource>,
    /// `interchange_keys`: files of Fernet keys that are shared with the other side, by name, in the order of the file.
    /// Default: none.
    pub interchange_keys: Vec<(Arc<str>, PathBuf)>,
    /// `analyzers`: who is asked about free text, by name. Default: none.
    pub analyzers: BTreeMap<Arc<str>, AnalyzerEntry>,
    /// `problems`: what stands before a problem's name in its `type` (RFC 9457), without a slash at its end. Default:
    /// the gateway's own pages.
    pub problems: Option<String>,
    /// `store`: where data and keys are kept. Default: `data/consentry.db` with `data/keys.db`. That the data is restored or lost is
    /// never from the file: `serve --restored` and `serve --data-lost` say it for one start.
    pub store: StoreConfig,
    /// `policies`: the folder of policies. Default: `policies`.
    pub policies: PathBuf,
    /// `drift`: when something that is declared counts as missing.
    pub drift: Drift,
    /// A shadow that is put in the place of what it shadows. Never from the file: its cases are run so.
    pub promoted: Option<String>,
    /// `reload`: what puts a changed policy in force. Default: `on_save`.
    pub reload: ReloadOn,
    /// `trusted_proxies`: networks of proxies whose word on a caller's address is taken. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// `log`: what is logged, and how.
    pub log: Log,
    /// `threads`: how many threads serve, 1 to 1024. Default: one per core.
    pub threads: Option<usize>,
    /// `connections`: what a listener takes on, and how long it waits.
    pub connections: Connections,
}

impl Config {
    /// What a plan must know of the deployment. Interchange keys are counted in the order of
    /// [`interchange_keys`](Self::interchange_keys).
    pub fn deployment(&self) -> Deployment {
        let upstreams = self.upstreams.iter();
        Deployment {
            file: self.file.file_name().map(|name| name.to_string_lossy().into_owned()),
            upstreams: upstreams
                .map(|(name, entry)| (name.to_string(), entry.recipient.to_string()))
                .collect(),
            interchange_keys: self.interchange_keys.iter().map(|(name, _)| name.to_string()).collect(),
            analyzers: self
                .analyzers
                .iter()
                .map(|(name, entry)| (name.to_string(), entry.recipient.to_string()))
                .collect(),
        }
    }

    /// The files that it names and that must be there before the gateway serves: certificates and keys.
    pub fn named_files(&self) -> Vec<&Path> {
        let admin = self.admin.tls.iter().map(|tls| &tls.listener);
        let listeners = self.listeners.iter().chain(admin);
        let mut files: Vec<&Path> =
            listeners.flat_map(|listener| [&*listener.certificate, &*listener.key]).collect();
        files.extend(self.upstreams.values().filter_map(|upstream| upstream.ca.as_deref()));
        files.extend(self.issuers.iter().filter_map(|issuer| match &issuer.key {
            KeyFrom::Jwks(_) => None,
            KeyFrom::PublicKey(path) | KeyFrom::SecretFile(path) => Some(&**path),
        }));
        files.extend(self.master_key_files());
        files.extend(self.interchange_keys.iter().map(|(_, path)| &**path));
        files
    }

    /// Whether only programs of this host can connect: every listener, that of administration too, has a loopback
    /// address.
    pub fn all_loopback(&self) -> bool {
        let admin = self.admin.tls.iter().map(|tls| tls.listener.https);
        self.listeners
            .iter()
            .map(|listener| listener.https)
            .chain(admin)
            .all(|address| address.ip().to_canonical().is_loopback())
    }

    /// Every file of keys, certificates, secrets and hashed keys that the deployment names.
    pub fn material(&self) -> impl Iterator<Item = &Path> {
        let listeners = self.listeners.iter().chain(self.admin.tls.iter().map(|tls| &tls.listener));
        let listeners = listeners.flat_map(|listener| [&listener.certificate, &listener.key]);
        let issuers = self.issuers.iter().filter_map(|issuer| match &issuer.key {
            KeyFrom::Jwks(_) => None,
            KeyFrom::PublicKey(path) | KeyFrom::SecretFile(path) => Some(path),
        });
        listeners
            .chain(self.upstreams.values().filter_map(|upstream| upstream.ca.as_ref()))
            .chain(issuers)
            .chain(&self.api_keys)
            .map(PathBuf::as_path)
            .chain(self.master_key_files())
            .chain(self.interchange_keys.iter().map(|(_, path)| &**path))
    }

    /// The files of master keys, that of the one in use first.
    fn master_key_files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.keys).chain(&self.previous_keys).filter_map(|key| match key {
            MasterKeySource::File(path) => Some(&**path),
            MasterKeySource::Env(_) => None,
        })
    }
}

/// An address with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `https`: address and port; port 0 takes a free one.
    pub https: SocketAddr,
    /// `certificate`: the file of the certificate chain, PEM.
    pub certificate: PathBuf,
    /// `key`: the file of its private key, PEM.
    pub key: PathBuf,
}

/// Where operators connect: a socket, TLS, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// `socket`: a Unix socket that its owner alone may use. Default: `run/admin.sock`; the word `none` is no socket,
    /// and stands only beside `https`.
    pub socket: Option<PathBuf>,
    /// `https`, `certificate`, `key`, `tokens`: the same over TCP. Default: none.
    pub tls: Option<AdminTls>,
}

/// Administration over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminTls {
    /// `https`, `certificate` and `key`.
    pub listener: Listener,
    /// `tokens`: who may. At least one, and no name or hash twice.
    pub tokens: Vec<Grant>,
}

/// An API behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamEntry {
    /// `url`: `http://` or `https://`, a host, perhaps a port and a path.
    pub url: Uri,
    /// `socket`: the unix socket that it listens at, instead of the host of `url`. Default: none.
    pub socket: Option<PathBuf>,
    /// `recipient`: who runs it, by the name that `organisation.yaml` declares.
    pub recipient: Arc<str>,
    /// `ca`: the file of certificates that are believed instead of the system's, PEM. Default: none.
    pub ca: Option<PathBuf>,
    /// `timeouts`: `connect` (default 5s), `total` (30s) and `idle` (1500ms).
    pub timeouts: UpstreamTimeouts,
}

/// When something that is declared counts as missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// `window`: in how many exchanges of its route it must not occur, 10 to 1000000000. Default: 10000.
    pub window: u32,
}

impl Default for Drift {
    fn default() -> Self {
        Self { window: 10_000 }
    }
}

/// What puts changed policies, interchange keys and key files of issuers in force. Certificates and API keys come into force by
/// themselves either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReloadOn {
    /// `on_save`: that they are saved. `consentry reload` does so too.
    #[default]
    Save,
    /// `by_command`: `consentry reload` or SIGHUP.
    Command,
}

/// Where a master key is. A missing or wrong one beside existing data is an error of whoever opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKeySource {
    /// `file`: in a file that its owner alone may read.
    File(PathBuf),
    /// `env`: in the environment, under this name.
    Env(String),
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `filter`: levels and targets, such as `info` or `warn,consentry::store=debug`. Default: `info`.
    pub filter: String,
    /// `format`: `auto` (for people on a terminal, else JSON), `human` or `json`. Default: `auto`.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Auto }
    }
}

/// What every listener takes on, and how long it waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// `max` (default 10000 connections), `per_address` (200 per IPv4 address or IPv6 /64), `head_size` (32KiB),
    /// `head_fields` (100), `streams` (100 per HTTP/2 connection), `resets` (20).
    pub limits: Limits,
    /// `timeouts`: `handshake` (default 5s), `head` (10s), `idle` (60s), `stalled` (30s), `linger` (500ms), `drain`
    /// (30s).
    pub timers: Timers,
}
