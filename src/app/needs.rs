//! What a deployment wants on this host before it serves: asked of the same functions that the start asks, so that `check` says what
//! `serve` would.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::{AppError, cautions, live, master_key};
use crate::admin;
use crate::clock::Timestamp;
use crate::config::{self, Config, Listener, MasterKeySource};
use crate::crypto::InterchangeKey;
use crate::identity::Identity;
use crate::journal;
use crate::keys::LocalKey;
use crate::lock::LockError;
use crate::net::tls::{self, Authorities};
use crate::net::{Certificates, Validity};
use crate::telemetry::Causes;

/// What is wanting, and what is there and should not be as it is. A sentence each, without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What keeps the gateway from serving. What policies say is not among it.
    pub needs: Vec<String>,
    /// What it serves with all the same.
    pub cautions: Vec<String>,
}

/// Looks at every file and variable that the deployment names. Blocks on the disk; makes nothing, writes to nothing, binds nothing, and
/// reaches no other host.
pub async fn needs(config: &Config, now: Timestamp) -> Needs {
    let mut found = Needs::default();
    let files = &config.store;
    let store = [&files.sqlite, &files.keyring];
    let both = files.both_there_untouched();
    let kept = match both {
        // Neither is, or one holds nothing: then there are no secrets yet.
        Ok(()) if matches!(files.keyring.try_exists(), Ok(true)) => files.secrets(),
        _ => Ok(None),
    };
    let stored = match &kept {
        Ok(Some(secrets)) => !secrets.is_empty(),
        _ => store.into_iter().any(|file| !matches!(file.try_exists(), Ok(false))),
    };
    // Where nothing was kept yet, the start makes the master key.
    let made = |file: &Path| matches!(&config.keys, MasterKeySource::File(key) if key == file) && !stored;
    // Of those nothing more is to be said: what is not there, and what cannot be looked at.
    let mut absent: Vec<&Path> = Vec::new();
    for file in config.named_files() {
        let wanting = match file.try_exists() {
            Ok(true) => continue,
            Ok(false) if made(file) => None,
            Ok(false) => Some(format!("{} is missing", file.display())),
            Err(error) => Some(Causes(&LockError::opening(file, error)).to_string()),
        };
        absent.push(file);
        // Two listeners may share a certificate.
        found.needs.extend(wanting.filter(|wanting| !found.needs.contains(wanting)));
    }
    let there = |file: &Path| !absent.contains(&file);
    found.needs.extend(config::demo_exposed(config).iter().map(ToString::to_string));
    found.of_addresses(config);
    found.of_certificates(config, there, now);
    found.cautions.extend(cautions::writable_by_all(config));
    for path in config.upstreams.values().filter_map(|upstream| upstream.ca.as_ref()).filter(|ca| there(ca)) {
        found.unless(tls::client(&Authorities::File(path.clone())));
    }
    found.unless(tls::client(&Authorities::System));
    for issuer in config.issuers.iter().filter(|issuer| issuer.key.file().is_none_or(there)) {
        if let Some(issuer) = found.unless(issuer.open()) {
            for error in Identity::check_issuer_keys(vec![issuer]).err().into_iter().flatten() {
                found.need(&error);
            }
        }
    }
    for (name, path) in config.interchange_keys.iter().filter(|(_, path)| there(path)) {
        found.unless(live::interchange_key(name, path));
    }
    found.unless(both);
    let kept = found.unless(kept).flatten().filter(|secrets| !secrets.is_empty());
    if let Some(key) = found.of_master_keys(config, there)
        && let Some(secrets) = kept
    {
        found.unless(journal::fits(secrets, &key).await.map_err(AppError::from));
    }
    found
}

impl Needs {
    fn need(&mut self, error: &(dyn std::error::Error + 'static)) {
        self.needs.push(Causes(error).to_string());
    }

    /// What was to be had, or that it is wanting.
    fn unless<T>(&mut self, had: Result<T, impl std::error::Error + 'static>) -> Option<T> {
        had.map_err(|error| self.need(&error)).ok()
    }

    /// The master key with those before it, where nothing of it is wanting.
    fn of_master_keys(&mut self, config: &Config, there: impl Fn(&Path) -> bool) -> Option<LocalKey> {
        let there = |keys: &&MasterKeySource| !matches!(keys, MasterKeySource::File(path) if !there(path));
        let current = Some(&config.keys).filter(there).and_then(|keys| self.unless(master_key::given(keys)));
        let mut whole = current.is_some() && config.previous_keys.iter().all(|keys| there(&keys));
        // Those before it are held against each other also where it is not there, or is yet to be made.
        let mut known = current.or_else(|| LocalKey::from_text(&InterchangeKey::generate()).ok())?;
        for keys in config.previous_keys.iter().filter(there) {
            whole &= self.unless(master_key::add_previous(&mut known, keys)).is_some();
        }
        whole.then_some(known)
    }

    /// What can be known of addresses without listening there.
    fn of_addresses(&mut self, config: &Config) {
        let admin = config.admin.tls.iter().map(|tls| tls.listener.https);
        let all: Vec<SocketAddr> =
            config.listeners.iter().map(|listener| listener.https).chain(admin).collect();
        for (at, address) in all.iter().enumerate() {
            if let SocketAddr::V6(v6) = address
                && v6.ip().is_unicast_link_local()
                && v6.scope_id() == 0
            {
                self.needs.push(format!(
                    "cannot listen on {address}: an address of one link needs its interface's number, as in `[{}%2]:{}`, which `ip link` tells",
                    v6.ip(),
                    v6.port()
                ));
            }
            let earlier = all.iter().take(at);
            let beside = earlier.chain(all.iter().skip(at + 1)).find(|other| takes(other, address));
            if let Some(other) = beside {
                self.needs.push(format!(
                    "cannot listen on {address}: the listener at {other} takes this port of every address; give one of them another port"
                ));
            }
        }
        if let Some(path) = &config.admin.socket {
            let may = admin::may_stand(path);
            self.unless(may.map_err(|source| AppError::Admin { path: path.clone(), source }));
        }
    }

    fn of_certificates(&mut self, config: &Config, there: impl Fn(&Path) -> bool, now: Timestamp) {
        let admin = config.admin.tls.iter().map(|tls| &tls.listener);
        let mut seen: Vec<[&Path; 2]> = Vec::new();
        for Listener { certificate, key, .. } in config.listeners.iter().chain(admin) {
            if seen.contains(&[certificate, key]) || !there(certificate) || !there(key) {
                continue;
            }
            seen.push([certificate, key]);
            if let Some(certificates) = self.unless(Certificates::load(certificate, key)) {
                self.cautions.extend(of_certificate(&certificates, now));
            }
        }
    }
}

/// Whether a listener at `all` leaves none at `one`: its address is that of every interface, and the port is the same. Whether one of
/// IPv6 stands for those of IPv4 is for the system to say.
fn takes(all: &SocketAddr, one: &SocketAddr) -> bool {
    let elsewhere = !cfg!(target_os = "linux") || all.port() == 0 || all.port() != one.port();
    !elsewhere && all.ip().is_unspecified() && all.is_ipv4() == one.is_ipv4() && all.ip() != one.ip()
}

fn of_certificate(certificates: &Arc<Certificates>, now: Timestamp) -> impl Iterator<Item = String> {
    let [file, key] = certificates.files().map(|path| path.display().to_string());
    let says = Validity::says_of(certificates.validity(), now);
    let mode = certificates.exposed().map(|mode| {
        format!(
            "others than its owner have access to the private key {key} (mode {mode:03o}): `chmod 600 {key}`, unless what mounts it \
             gives no other"
        )
    });
    says.map(|says| format!("the certificate {file} {says}")).into_iter().chain(mode)
}
