//! Where callers and operators connect.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::api_key::key_hash;
use super::file::File;
use super::setting::{Admin, AdminTls, Connections, Listener};
use super::shape::{self, MOST_CONNECTIONS};
use crate::admin::{Grant, Role};
use crate::policy::reader::Map;
use crate::policy::yaml::{Content, Node};
use crate::policy::{Code, Diagnostics, Spanned};
use crate::proxy::{Limits, Timers};

/// The default of `admin.socket`.
pub(super) const ADMIN_SOCKET: &str = "run/admin.sock";

/// The addresses that were read, for finding two of one kind.
pub(super) type Taken = Vec<Spanned<String>>;

pub(super) fn listeners(node: &Node, taken: &mut Taken, file: &mut File<'_>) -> Option<Vec<Listener>> {
    let nodes = file.reader.list(node, "listeners")?;
    if nodes.is_empty() {
        let help = "Write `listeners: [ { https: \"0.0.0.0:8443\", certificate: FILE, key: FILE } ]`.";
        file.reader.report(Code::Missing, node.span, "Nothing would listen.", help);
        return None;
    }
    file.each(nodes, |node, file| {
        let mut map = file.reader.map(node, &shape::LISTENER)?;
        let listener = https(&mut map, "0.0.0.0:8443", taken, file);
        map.finish(&mut file.reader);
        listener
    })
}

/// An address with TLS; `usual` is the address that is advised where none stands.
fn https(map: &mut Map<'_>, usual: &str, taken: &mut Taken, file: &mut File<'_>) -> Option<Listener> {
    map.not_yet(&["client_certificates", "proxy_protocol", "http3"], &mut file.reader);
    let clear = map.has("http");
    if clear {
        let message = "Personal data would travel in the clear.";
        let help = "Write `https`, with `certificate` and `key`.";
        file.reader.report(Code::InsecureSetting, map.place_of("http"), message, help);
        map.set_aside("http");
    }
    let help = format!("Write `https: \"{usual}\"`.");
    let node = if clear { map.take("https") } else { map.must("https", &help) };
    let https = node.and_then(|node| {
        let help = format!("Write an address and a port: \"{usual}\", \"[::]:8443\".");
        let parse = |text: &str| text.parse::<SocketAddr>().ok();
        let address = file.reader.parsed(node, parse, "an address with a port", &help)?;
        if address.port() != 0 {
            taken.push(Spanned::new(address.to_string(), node.span));
        }
        Some(address)
    });
    let certificate = file.must_path(map, "certificate", "Write the file of the certificate chain, PEM.");
    let key = file.must_path(map, "key", "Write the file of the private key, PEM.");
    Some(Listener { https: https?, certificate: certificate?, key: key? })
}

pub(super) fn admin(node: &Node, taken: &mut Taken, file: &mut File<'_>) -> Option<Admin> {
    let mut map = file.reader.map(node, &shape::ADMIN)?;
    let tcp = ["http", "https", "certificate", "key", "tokens", "client_certificates"];
    let tls = tcp.iter().any(|key| map.has(key)).then(|| {
        // What administers is not for everybody's network.
        let listener = https(&mut map, "127.0.0.1:9443", taken, file);
        let help = "Write `tokens: [ { name: NAME, role: operator, hash: \"sha256:…\" } ]`: TLS alone does not say who calls.";
        let tokens = map.must("tokens", help).and_then(|node| tokens(node, file));
        Some(AdminTls { listener: listener?, tokens: tokens? })
    });
    let node = map.take("socket");
    let none = node.filter(|node| matches!(&node.content, Content::Scalar(scalar) if scalar.text == "none"));
    let socket = if none.is_some() { Some(None) } else { file.path_or(node, ADMIN_SOCKET).map(Some) };
    if tls.is_none() {
        // What may stand here is proposed to who mistyped it.
        for key in ["https", "certificate", "key", "tokens"] {
            map.take(key);
        }
        if let Some(node) = none {
            let help = "Leave `socket` out for `run/admin.sock`, or add `https` with `tokens`.";
            file.reader.report(Code::Missing, node.span, "Nobody could administer the gateway.", help);
        }
    }
    map.finish(&mut file.reader);
    let tls = match tls {
        None => None,
        Some(tls) => Some(tls?),
    };
    Some(Admin { socket: socket?, tls })
}

/// Reads entries as they would stand below `tokens:` of `admin:` in consentry.yaml.
///
/// # Errors
/// All that is wrong with them, with its places.
pub fn admin_tokens(text: &str) -> Result<Vec<Grant>, Diagnostics> {
    let text = format!("{text}\n");
    File::read_text(Path::new("consentry.yaml"), Some(text), Vec::new(), tokens).map(|(tokens, _)| tokens)
}

fn tokens(node: &Node, file: &mut File<'_>) -> Option<Vec<Grant>> {
    let nodes = file.reader.list(node, "tokens")?;
    if nodes.is_empty() {
        let help = "Add a token, or leave administration to the socket.";
        file.reader.report(Code::Missing, node.span, "Nobody could administer over TCP.", help);
        return None;
    }
    let mut names = Vec::new();
    let mut hashes: Vec<[u8; 32]> = Vec::new();
    let tokens = file.each(nodes, |node, file| {
        let mut map = file.reader.map(node, &shape::ADMIN_TOKEN)?;
        let name = map.must("name", "Write whose it is.").and_then(|node| file.reader.name(node));
        names.extend(name.clone());
        let help = "Write `role: operator`, `officer`, `auditor` or `monitor`.";
        let roles: Vec<_> = Role::ALL.iter().map(|role| (role.word(), *role)).collect();
        let role = map.must("role", help).and_then(|node| file.reader.word(node, &roles));
        let hash = map.must("hash", "Write the token's hash: `sha256:` and 64 hexadecimal digits.");
        let hash = hash.and_then(|node| {
            let hash = key_hash(node, "an administration token", file)?;
            if hashes.contains(&hash) {
                let message = "Another token has the same hash, so who calls could not be told.";
                file.reader.report(Code::NameTwice, node.span, message, "Make a token for each.");
            }
            hashes.push(hash);
            Some(hash)
        });
        map.finish(&mut file.reader);
        Some(Grant { name: name?.value, role: role?, hash: hash? })
    });
    file.once(&names, "a token of the name", "Give each token a name of its own: it says whose it is.");
    tokens
}

/// hyper reads at least this much at once.
const LEAST_HEAD: u64 = 8 << 10;
const MOST_HEAD: u64 = 1 << 20;

pub(super) fn connections(node: &Node, file: &mut File<'_>) -> Option<Connections> {
    let mut map = file.reader.map(node, &shape::CONNECTIONS)?;
    let mut limits = Limits::default();
    let mut count = |key, most, to: &mut usize, file: &mut File<'_>| {
        let number = map.take(key).and_then(|node| file.reader.integer(node, 1, most));
        *to = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(*to);
    };
    count("max", MOST_CONNECTIONS, &mut limits.connections, file);
    count("per_address", MOST_CONNECTIONS, &mut limits.connections_per_address, file);
    count("head_fields", 1_000, &mut limits.head_fields, file);
    count("resets", 10_000, &mut limits.resets, file);
    let streams = map.take("streams").and_then(|node| file.reader.integer(node, 1, 10_000));
    limits.streams = streams.unwrap_or(limits.streams);
    if let Some(node) = map.take("head_size")
        && let Some(size) = file.reader.size(node)
    {
        if (LEAST_HEAD..=MOST_HEAD).contains(&size) {
            limits.head_bytes = usize::try_from(size).unwrap_or(limits.head_bytes);
        } else {
            let help = "Write a size between them; 32KiB suit most.";
            file.reader.report(Code::WrongValue, node.span, "A head has from 8KiB to 1MiB.", help);
        }
    }
    let timers = map.take("timeouts").and_then(|node| timers(node, file)).unwrap_or_default();
    map.finish(&mut file.reader);
    Some(Connections { limits, timers })
}

fn timers(node: &Node, file: &mut File<'_>) -> Option<Timers> {
    let mut map = file.reader.map(node, &shape::TIMEOUTS)?;
    let default = Timers::default();
    let mut read = |key, default| timeout(&mut map, key, default, file);
    let timers = Timers {
        handshake: read("handshake", default.handshake),
        head: read("head", default.head),
        idle: read("idle", default.idle),
        stalled: read("stalled", default.stalled),
        linger: read("linger", default.linger),
        drain: read("drain", default.drain),
        ..default
    };
    map.finish(&mut file.reader);
    Some(timers)
}

/// What nothing should take longer than: a timeout of days is none.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// A timeout. Where it is wrong, that was reported, and the default stands in.
pub(super) fn timeout(
    map: &mut Map<'_>,
    key: &'static str,
    default: Duration,
    file: &mut File<'_>,
) -> Duration {
    let Some(node) = map.take(key) else { return default };
    let Some(duration) = file.reader.duration(node) else { return default };
    if duration > LONGEST {
        let message = "A time limit of more than a day is none.";
        file.reader.report(Code::WrongValue, node.span, message, "Write at most `24h`.");
        return default;
    }
    duration
}
