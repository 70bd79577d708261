//! Reads `consentry.yaml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::address::{self, Query};
use super::analyzer::analyzers;
use super::file::{File, plain};
use super::issuer::issuers;
use super::listener::{ADMIN_SOCKET, admin, connections, listeners, timeout};
use super::setting::{Admin, Config, Drift, Log, MasterKeySource, ReloadOn, UpstreamEntry};
use super::shape;
use crate::net;
use crate::policy::reader::Map;
use crate::policy::shape::Shape;
use crate::policy::yaml::{Content, Node};
use crate::policy::{Code, Diagnostics, Span};
use crate::store::StoreConfig;
use crate::telemetry::LogFormat;
use crate::upstream::UpstreamTimeouts;

const SQLITE: &str = "data/consentry.db";
const KEYRING: &str = "data/keys.db";

/// Reads a deployment's configuration; warnings come beside it. Opens no other file. Blocks on the disk.
///
/// # Errors
/// All that is wrong with the file, with its places.
pub fn load(path: &Path) -> Result<(Config, Diagnostics), Diagnostics> {
    let where_absent = "Name the deployment's file with `--config FILE`. To begin, `consentry import` drafts one for an API that exists, and \
                        consentry.example.yaml shows all that can stand in it.";
    File::read(path, where_absent, |node, file| config(node, path, file))
}

fn config(node: &Node, path: &Path, file: &mut File<'_>) -> Option<Config> {
    let mut map = file.reader.map(node, &shape::CONFIGURATION)?;
    let mut taken = Vec::new();
    let help = "Write `listeners: [ { https: \"0.0.0.0:8443\", certificate: FILE, key: FILE } ]`.";
    let listeners = map.must("listeners", help).and_then(|node| listeners(node, &mut taken, file));
    let admin_at = map.place_of("admin");
    let admin = match map.take("admin") {
        None => Some(Admin { socket: Some(file.under(ADMIN_SOCKET)), tls: None }),
        Some(node) => admin(node, &mut taken, file),
    };
    file.once(&taken, "a listener at", "Give each listener an address or a port of its own.");
    let help = "Write `upstreams: { NAME: { url: \"http://127.0.0.1:8000\", recipient: NAME } }`.";
    let upstreams = map.must("upstreams", help).and_then(|node| upstreams(node, help, file));
    let issuers = match map.take("issuers") {
        None => Some(Vec::new()),
        Some(node) => issuers(node, file),
    };
    let api_keys = map.take("api_keys").map(|node| file.path(node));
    if api_keys.is_none() {
        let help = "Name an issuer of tokens under `issuers`, or a file of keys under `api_keys`: else nobody can call.";
        map.must("issuers", help);
        if map.has("issuers") && issuers.as_ref().is_some_and(Vec::is_empty) {
            file.reader.report(Code::Missing, map.place_of("issuers"), "Nobody could call.", help);
        }
    }
    let help = "Write `keys: { file: keys/master.key }` or `keys: { env: ENCRYPTION_KEY }`.";
    let keys = map.must("keys", help).and_then(|node| master_keys(node, file));
    let interchange_keys = match map.take("interchange_keys") {
        None => Some(Vec::new()),
        Some(node) => interchange_keys(node, file),
    };
    let analyzers = match map.take("analyzers") {
        None => Some(BTreeMap::new()),
        Some(node) => analyzers(node, file),
    };
    let problems = map.take("problems").map(|node| address::url(node, Query::Refused, file));
    let store = match map.take("store") {
        None => Some(StoreConfig {
            sqlite: file.under(SQLITE),
            keyring: file.under(KEYRING),
            restored: false,
            lost: false,
        }),
        Some(node) => store(node, file),
    };
    let policies = file.path_or(map.take("policies"), "policies");
    let drift = map.take("drift").map_or_else(|| Some(Drift::default()), |node| drift(node, file));
    let reload = map.take("reload").map_or(Some(ReloadOn::default()), |node| {
        file.reader.word(node, &[("on_save", ReloadOn::Save), ("by_command", ReloadOn::Command)])
    });
    let trusted_proxies = match map.take("trusted_proxies") {
        None => Some(Vec::new()),
        Some(node) => address::networks(node, file),
    };
    let log = map.take("log").map_or_else(|| Some(Log::default()), |node| log(node, file));
    let threads = map.take("threads").map(|node| file.reader.integer(node, 1, 1024));
    let connections =
        map.take("connections").map_or_else(|| Some(<_>::default()), |node| connections(node, file));
    map.not_yet(&["portal", "console", "oauth", "detectors", "cluster", "tracing"], &mut file.reader);
    map.finish(&mut file.reader);
    let (keys, previous_keys) = keys?;
    let config = Config {
        file: path.to_owned(),
        folder: file.folder().to_owned(),
        listeners: listeners?,
        admin: admin?,
        upstreams: upstreams?,
        issuers: issuers?,
        api_keys: optional(api_keys)?,
        keys,
        previous_keys,
        interchange_keys: interchange_keys?,
        analyzers: analyzers?,
        problems: optional(problems)?.map(|(url, _)| url.trim_end_matches('/').to_owned()),
        store: store?,
        policies: policies?,
        drift: drift?,
        promoted: None,
        reload: reload?,
        trusted_proxies: trusted_proxies?,
        log: log?,
        threads: optional(threads)?.and_then(|threads| usize::try_from(threads).ok()),
        connections: connections?,
    };
    socket_apart(&config, path, admin_at, file);
    Some(config)
}

/// What binds the administration's socket has no business where a file of the deployment is, or will be.
fn socket_apart(config: &Config, own: &Path, at: Span, file: &mut File<'_>) {
    let Some(socket) = &config.admin.socket else { return };
    let socket = plain(socket);
    let store = [&config.store.sqlite, &config.store.keyring];
    let named = store.map(PathBuf::as_path).into_iter().chain(config.material());
    // An upstream there would be the gateway's own administration, open to callers.
    let named = named.chain(config.upstreams.values().filter_map(|upstream| upstream.socket.as_deref()));
    let taken = named.chain([own, &config.policies]).any(|named| plain(named) == socket);
    // What SQLite and the store's lock keep beside each file is named after it.
    let beside = store.iter().any(|named| {
        let (named, socket) = (plain(named), socket.as_os_str().as_encoded_bytes());
        let rest = socket.strip_prefix(named.as_os_str().as_encoded_bytes());
        rest.is_some_and(|rest| [&b"-wal"[..], b"-shm", b"-journal", b"-anchor", b".lock"].contains(&rest))
    });
    let policy = socket.extension().is_some_and(|ending| ending == "yaml")
        && socket.parent().is_some_and(|folder| folder == plain(&config.policies));
    if taken || beside || policy {
        let message = "The administration's socket has the path of another file of this deployment.";
        let help = "Give it a path of its own: `admin: { socket: run/admin.sock }`.";
        file.reader.report(Code::SameFile, at, message, help);
    }
}

/// What may be left out, but must be right where it stands.
fn optional<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn upstreams(node: &Node, help: &str, file: &mut File<'_>) -> Option<BTreeMap<Arc<str>, UpstreamEntry>> {
    let entries = file.reader.names(node, "upstreams")?;
    if entries.is_empty() {
        file.reader.report(Code::Missing, node.span, "There is nothing behind the gateway.", help);
        return None;
    }
    let mut upstreams = Vec::new();
    for entry in entries {
        let named = file.reader.check_name(&entry.key, entry.at);
        let upstream = upstream(&entry.value, file);
        upstreams.push(upstream.filter(|_| named).map(|upstream| (Arc::from(entry.key.as_str()), upstream)));
    }
    upstreams.into_iter().collect()
}

fn upstream(node: &Node, file: &mut File<'_>) -> Option<UpstreamEntry> {
    let mut map = file.reader.map(node, &shape::UPSTREAM)?;
    map.not_yet(&["client_certificate", "balance", "retries", "urls"], &mut file.reader);
    let url = map.must("url", "Write `url: \"https://model.example.org\"`.");
    let socket = map.take("socket");
    let local = socket.is_some();
    let url = url.and_then(|node| {
        let (_, url) = address::url(node, Query::Refused, file)?;
        if !local && !address::is_protected(&url) {
            let message = "Personal data goes to this upstream without encryption.";
            let help = "Write `https://`, unless the network between the two is yours alone.";
            file.reader.report(Code::UpstreamInTheClear, node.span, message, help);
        }
        Some(url)
    });
    let socket = socket.map(|node| {
        if let Some(url) = &url
            && url.scheme_str() == Some("https")
        {
            let message = "There is no TLS at a unix socket, and none is needed: what is sent does not leave this host.";
            let help = "Write `http://` in `url`; its host is what the upstream gets as `Host`.";
            file.reader.report(Code::WrongValue, node.span, message, help);
        }
        let path = file.path(node)?;
        if !net::names_a_socket(&path) {
            let message =
                "The path of a unix socket has at most 107 bytes, and with this file's folder it has more.";
            let help = "Give the socket a shorter path, `/run/NAME.sock` for example.";
            file.reader.report(Code::WrongValue, node.span, message, help);
        }
        Some(path)
    });
    let help = "Write who runs it: `recipient: NAME`, as organisation.yaml declares it.";
    let recipient = map.must("recipient", help).and_then(|node| file.reader.name(node));
    let ca = map.take("ca").map(|node| {
        if let Some(url) = &url
            && url.scheme_str() == Some("http")
        {
            let help = "Write `https://` in `url`, or leave `ca` out.";
            file.reader.report(Code::WrongValue, node.span, "Without TLS no certificate is looked at.", help);
        }
        file.path(node)
    });
    let timeouts =
        map.take("timeouts").map_or_else(|| Some(<_>::default()), |node| upstream_timeouts(node, file));
    map.finish(&mut file.reader);
    Some(UpstreamEntry {
        url: url?,
        socket: optional(socket)?,
        recipient: recipient?.value.into(),
        ca: optional(ca)?,
        timeouts: timeouts?,
    })
}

fn upstream_timeouts(node: &Node, file: &mut File<'_>) -> Option<UpstreamTimeouts> {
    let mut map = file.reader.map(node, &shape::UPSTREAM_TIMEOUTS)?;
    let default = UpstreamTimeouts::default();
    let mut read = |key, default| timeout(&mut map, key, default, file);
    let timeouts = UpstreamTimeouts {
        connect: read("connect", default.connect),
        total: read("total", default.total),
        idle: read("idle", default.idle),
    };
    map.finish(&mut file.reader);
    Some(timeouts)
}

const KEY_HELP: &str = "Write `{ file: FILE }` or `{ env: NAME }`.";

/// The one in use, and those before it.
fn master_keys(node: &Node, file: &mut File<'_>) -> Option<(MasterKeySource, Vec<MasterKeySource>)> {
    let mut map = key_map(node, &shape::MASTER_KEY, KEY_HELP, file)?;
    let listed = map.take("previous");
    let current = place(map, file);
    let previous = listed.map_or(Some(Vec::new()), |node| {
        let nodes = file.reader.list(node, "previous master keys")?;
        let mut known: Vec<MasterKeySource> = current.iter().cloned().collect();
        file.each(nodes, |node, file| {
            let place = place(key_map(node, &shape::PREVIOUS_KEY, KEY_HELP, file)?, file)?;
            if known.iter().any(|known| is_one(known, &place)) {
                let message = "This master key is named already.";
                let help =
                    "Name each once: the one that wraps beside `previous`, those before it in the list.";
                file.reader.report(Code::NameTwice, node.span, message, help);
            }
            known.push(place.clone());
            Some(place)
        })
    });
    Some((current?, previous?))
}

/// Where a master key is, by the words that the map has left.
fn place(mut map: Map<'_>, file: &mut File<'_>) -> Option<MasterKeySource> {
    let elsewhere = ["vault", "openbao", "aws_kms", "gcp_kms", "azure_key_vault", "pkcs11"];
    let later = elsewhere.iter().any(|key| map.has(key));
    map.not_yet(&elsewhere, &mut file.reader);
    let source = match (map.take("file"), map.take("env")) {
        (Some(node), None) => file.path(node).map(MasterKeySource::File),
        (None, Some(node)) => variable(node, file).map(MasterKeySource::Env),
        (None, None) if later => None,
        (None, None) => {
            file.reader.report(Code::Missing, map.span, "The master key is nowhere.", KEY_HELP);
            None
        }
        (Some(_), Some(_)) => {
            let message = "The master key is in one place, and here are two.";
            file.reader.report(Code::WrongValue, map.span, message, "Keep one of `file` and `env`.");
            None
        }
    };
    map.finish(&mut file.reader);
    source
}

fn is_one(one: &MasterKeySource, other: &MasterKeySource) -> bool {
    match (one, other) {
        (MasterKeySource::File(one), MasterKeySource::File(other)) => plain(one) == plain(other),
        (one, other) => one == other,
    }
}

/// The map that says where a key is; the key itself may not stand in its place.
fn key_map<'n>(node: &'n Node, shape: &'static Shape, help: &str, file: &mut File<'_>) -> Option<Map<'n>> {
    if let Content::Scalar(scalar) = &node.content
        && !scalar.text.is_empty()
    {
        file.key_not_here(node.span, help);
        return None;
    }
    file.reader.map(node, shape)
}

/// A name of the environment. What is none may be the key itself, so it is not shown.
fn variable(node: &Node, file: &mut File<'_>) -> Option<String> {
    let text = file.reader.text(node)?;
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let good = text.value.len() <= 64
        && text.value.starts_with(first)
        && text.value.chars().all(|c| first(c) || c.is_ascii_digit());
    if good {
        return Some(text.value);
    }
    file.hide(text.span);
    let message = "This is not the name of an environment variable.";
    let help = "Write the name, `ENCRYPTION_KEY` for example: letters, digits and `_`, at most 64; never the key itself.";
    file.reader.report(Code::WrongValue, text.span, message, help);
    None
}

fn interchange_keys(node: &Node, file: &mut File<'_>) -> Option<Vec<(Arc<str>, PathBuf)>> {
    let entries = file.reader.names(node, "interchange keys")?;
    let mut keys = Vec::new();
    for entry in entries {
        let named = file.reader.check_name(&entry.key, entry.at);
        let path = interchange_key(&entry.value, file);
        keys.push(path.filter(|_| named).map(|path| (Arc::from(entry.key.as_str()), path)));
    }
    keys.into_iter().collect()
}

fn interchange_key(node: &Node, file: &mut File<'_>) -> Option<PathBuf> {
    let help = "Write the file of the Fernet key: `{ file: FILE }`.";
    let mut map = key_map(node, &shape::INTERCHANGE_KEY, help, file)?;
    map.not_yet(&["env", "vault"], &mut file.reader);
    let path = file.must_path(&mut map, "file", help);
    map.finish(&mut file.reader);
    path
}

fn store(node: &Node, file: &mut File<'_>) -> Option<StoreConfig> {
    let mut map = file.reader.map(node, &shape::STORE)?;
    map.not_yet(&["postgres", "postgresql", "redis"], &mut file.reader);
    let sqlite = file.path_or(map.take("sqlite"), SQLITE);
    let keyring = file.path_or(map.take("keyring"), KEYRING);
    let at = map.place_of("keyring");
    map.finish(&mut file.reader);
    let (sqlite, keyring) = (sqlite?, keyring?);
    if plain(&sqlite) == plain(&keyring) {
        let help = "Name two files: a backup of the data must hold no keys.";
        file.reader.report(Code::SameFile, at, "Data and keys would be kept in one file.", help);
        return None;
    }
    Some(StoreConfig { sqlite, keyring, restored: false, lost: false })
}

fn drift(node: &Node, file: &mut File<'_>) -> Option<Drift> {
    let mut map = file.reader.map(node, &shape::DRIFT)?;
    let Drift { window } = Drift::default();
    let window = map.take("window").map_or(Some(window), |node| file.reader.integer(node, 10, 1_000_000_000));
    map.finish(&mut file.reader);
    Some(Drift { window: window? })
}

fn log(node: &Node, file: &mut File<'_>) -> Option<Log> {
    let mut map = file.reader.map(node, &shape::LOG)?;
    let Log { filter, format } = Log::default();
    let filter = map.take("filter").map_or(Some(filter), |node| {
        let help = "Write a level, `off`, `error`, `warn`, `info`, `debug` or `trace`, or levels of targets: \
                    `warn,consentry::store=debug`.";
        let parse = |text: &str| is_filter(text).then(|| text.to_owned());
        file.reader.parsed(node, parse, "a filter of the log", help)
    });
    let formats = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];
    let format = map.take("format").map_or(Some(format), |node| file.reader.word(node, &formats));
    map.finish(&mut file.reader);
    Some(Log { filter: filter?, format: format? })
}

/// Whether this is a filter as somebody means it. To `EnvFilter` a word that is no level is the name of a target, so that a
/// slip of the pen would log nothing at all, not even errors.
fn is_filter(text: &str) -> bool {
    let mut directives = text.split(',').filter(|directive| !directive.is_empty()).peekable();
    directives.peek().is_some()
        && directives.all(|directive| {
            let names_a_target = directive.contains(['=', '[']) && directive.trim() == directive;
            names_a_target || directive.parse::<LevelFilter>().is_ok()
        })
        && EnvFilter::try_new(text).is_ok()
}
