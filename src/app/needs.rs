//! What a deployment wants on this host before it serves: asked of the same functions that the start asks, so that `check` says what
//! `serve` would.

use std::path::Path;
use std::sync::Arc;

use super::{live, master_key, open};
use crate::clock::Timestamp;
use crate::config::{self, Config, Listener, MasterKeySource};
use crate::crypto::InterchangeKey;
use crate::identity::Identity;
use crate::keys::LocalKey;
use crate::lock::LockError;
use crate::net::Certificates;
use crate::net::tls::{self, Authorities};
use crate::telemetry::Causes;

/// What is wanting, and what is there and should not be as it is. A sentence each, without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What keeps the gateway from serving. What policies say is not among it.
    pub needs: Vec<String>,
    /// What it serves with all the same.
    pub cautions: Vec<String>,
}

/// Looks at every file and variable that the deployment names. Blocks on the disk; makes nothing, and reaches no other host.
pub fn needs(config: &Config, now: Timestamp) -> Needs {
    let mut found = Needs::default();
    let store = [&config.store.sqlite, &config.store.keyring];
    let stored = store.into_iter().any(|file| !matches!(file.try_exists(), Ok(false)));
    // Where nothing was kept yet, the start makes the master key.
    let made = |file: &Path| matches!(&config.keys, MasterKeySource::File(key) if key == file) && !stored;
    for file in config.named_files() {
        let wanting = match file.try_exists() {
            Ok(true) => continue,
            Ok(false) if made(file) => continue,
            Ok(false) => format!("{} is missing", file.display()),
            Err(error) => LockError::opening(file, error).to_string(),
        };
        // Two listeners may share a certificate.
        if !found.needs.contains(&wanting) {
            found.needs.push(wanting);
        }
    }
    found.needs.extend(config::demo_exposed(config).iter().map(ToString::to_string));
    found.of_certificates(config, now);
    let mut need = |error: Option<&(dyn std::error::Error + 'static)>| {
        found.needs.extend(error.map(|error| Causes(error).to_string()));
    };
    for path in config.upstreams.values().filter_map(|upstream| upstream.ca.as_ref()).filter(|ca| ca.exists())
    {
        need(tls::client(&Authorities::File(path.clone())).err().as_ref().map(|error| error as _));
    }
    need(tls::client(&Authorities::System).err().as_ref().map(|error| error as _));
    for issuer in config.issuers.iter().filter(|issuer| issuer.key.file().is_none_or(Path::exists)) {
        match issuer.open() {
            Ok(issuer) => {
                for error in Identity::check_issuer_keys(vec![issuer]).err().into_iter().flatten() {
                    need(Some(&error));
                }
            }
            Err(error) => need(Some(&error)),
        }
    }
    for (name, path) in config.interchange_keys.iter().filter(|(_, path)| path.exists()) {
        need(live::interchange_key(name, path).err().as_ref().map(|error| error as _));
    }
    let there = |keys: &&MasterKeySource| !matches!(keys, MasterKeySource::File(path) if !path.exists());
    let current = match Some(&config.keys).filter(there).map(master_key::given) {
        Some(Ok(key)) => Some(key),
        Some(Err(error)) => {
            need(Some(&error));
            None
        }
        None => None,
    };
    // Those before it are held against each other also where it is not there, or is yet to be made.
    if let Some(mut known) = current.or_else(|| LocalKey::from_text(&InterchangeKey::generate()).ok()) {
        for keys in config.previous_keys.iter().filter(there) {
            need(master_key::add_previous(&mut known, keys).err().as_ref().map(|error| error as _));
        }
    }
    need(open::files(config).both_there().err().as_ref().map(|error| error as _));
    found
}

impl Needs {
    fn of_certificates(&mut self, config: &Config, now: Timestamp) {
        let admin = config.admin.tls.iter().map(|tls| &tls.listener);
        let mut seen: Vec<[&Path; 2]> = Vec::new();
        for Listener { certificate, key, .. } in config.listeners.iter().chain(admin) {
            if seen.contains(&[certificate, key]) || !certificate.exists() || !key.exists() {
                continue;
            }
            seen.push([certificate, key]);
            match Certificates::load(certificate, key) {
                Ok(certificates) => self.cautions.extend(cautions(&certificates, now)),
                Err(error) => self.needs.push(Causes(&error).to_string()),
            }
        }
    }
}

fn cautions(certificates: &Arc<Certificates>, now: Timestamp) -> impl Iterator<Item = String> {
    let [file, key] = certificates.files().map(|path| path.display().to_string());
    let says = certificates.validity().and_then(|validity| validity.says(now));
    let mode = certificates.exposed().map(|mode| {
        format!(
            "others than its owner have access to the private key {key} (mode {mode:03o}): `chmod 600 {key}`, unless what mounts it \
             gives no other"
        )
    });
    says.map(|says| format!("the certificate {file} {says}")).into_iter().chain(mode)
}
