//! Where drafts go: the folder, the deployment in it, and what is there already.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::cli::demo::material;
use crate::cli::output;
use crate::clock::Clock;
use crate::config::{self, FileKind};
use crate::crypto::InterchangeKey;
use crate::draft::{self, Api, Deployment};
use crate::files;
use crate::keys::LocalKey;
use crate::policy::{self, PolicySet};

/// Where the upstream stands, or will stand, in consentry.yaml.
pub(super) struct Place {
    pub(super) upstream: String,
    pub(super) recipient: String,
    /// Whether the API runs on this host.
    pub(super) own: bool,
    /// Whether there is no consentry.yaml yet.
    pub(super) new: bool,
    /// Whether there is one, and it does not name the API.
    pub(super) unknown: bool,
}

impl Place {
    pub(super) fn find(folder: &Path, url: &http::Uri) -> anyhow::Result<Self> {
        let host = url.host().context("an address names a host")?;
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        let own = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        let recipient = if own { "own-it" } else { "api-host" }.to_owned();
        let file = folder.join("consentry.yaml");
        let drafted = Self { upstream: "api".into(), recipient, own, new: !file.exists(), unknown: false };
        if drafted.new {
            return Ok(drafted);
        }
        let Ok((config, _)) = config::load(&file) else {
            return Ok(Self { unknown: true, ..drafted });
        };
        // What stands before the routes' paths is a part of where an upstream is.
        let path = |url: &http::Uri| url.path().trim_end_matches('/').to_owned();
        let same = |other: &http::Uri| {
            other.authority() == url.authority() && other.scheme() == url.scheme() && path(other) == path(url)
        };
        match config.upstreams.iter().find(|(_, entry)| same(&entry.url)) {
            Some((name, entry)) => {
                Ok(Self { upstream: name.to_string(), recipient: entry.recipient.to_string(), ..drafted })
            }
            None => {
                let taken = |name: &String| config.upstreams.contains_key(name.as_str());
                let mut names = ["api".to_owned()].into_iter().chain((2..).map(|n: u32| format!("api-{n}")));
                let upstream = names.find(|name| !taken(name)).unwrap_or_default();
                Ok(Self { upstream, unknown: true, ..drafted })
            }
        }
    }
}

/// The policies that are there; `None` where there is no folder.
pub(super) fn there(policies: &Path) -> Option<PolicySet> {
    policies.exists().then(|| policy::read(policies).set)
}

/// Names of the files that are there.
pub(super) fn names(policies: &Path) -> anyhow::Result<Vec<String>> {
    if !policies.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(policies).with_context(|| format!("cannot read {}", policies.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".cases.yaml").or_else(|| name.strip_suffix(".yaml"));
        names.extend(stem.map(str::to_owned));
    }
    Ok(names)
}

/// The API without calls that a policy has already, and these, each with where it is. Such calls that hold no personal data
/// stay behind at once; others only if that is wanted.
pub(super) fn new_calls(api: &Api, set: &PolicySet, only_new: bool) -> anyhow::Result<(Api, Vec<String>)> {
    // Whatever its parameters are called, it is the same call.
    let form = |route: &str| -> String {
        let pieces = route.split('/').map(|piece| if piece.starts_with('{') { "{}" } else { piece });
        pieces.collect::<Vec<_>>().join("/")
    };
    let mut known: Vec<(String, String)> = Vec::new();
    for activity in &set.activities {
        known.extend(activity.routes.iter().map(|route| (form(&route.text.value), activity.name.clone())));
    }
    let owner = |operation: &draft::Operation| {
        let route = form(&operation.route());
        known.iter().find(|(other, _)| *other == route).map(|(_, name)| name.clone())
    };
    let governed = api.operations.iter().filter(|operation| operation.payload.is_some());
    let twice: Vec<String> = governed
        .filter_map(|operation| Some(format!("{} is in {}.yaml", operation.route(), owner(operation)?)))
        .collect();
    if !twice.is_empty() && !only_new {
        bail!(
            "there is a policy for what this API does already, and nothing was written: {}. Say --only-new to draft the calls that no policy has yet",
            twice.join(", ")
        );
    }
    let mut new = api.clone();
    let mut left_out = Vec::new();
    new.operations.retain(|operation| match owner(operation) {
        Some(name) => {
            left_out.push(format!("{} ({name}.yaml)", operation.route()));
            false
        }
        None => true,
    });
    Ok((new, left_out))
}

/// Writes a file that is not there yet.
pub(super) fn create(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = files::create(file, 0o644).and_then(|mut made| made.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// The schemas that the first lines of drafts name, where they are not there yet.
pub(super) fn schemas(policies: &Path) -> anyhow::Result<()> {
    let folder = policies.join("schema");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for kind in FileKind::ALL {
        let file = folder.join(kind.file_name());
        if !file.exists() {
            create(&file, &kind.schema())?;
        }
    }
    Ok(())
}

/// consentry.yaml with development material beside it.
pub(super) fn deployment(folder: &Path, place: &Place, url: &http::Uri, port: u16) -> anyhow::Result<()> {
    let certificates = material::certificates(&folder.join("certs"), &Clock::system())?;
    let keys = folder.join("keys");
    // Its owner's alone; one that is there stays as it is.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys);
    made.with_context(|| format!("cannot make {}", keys.display()))?;
    let (secret, master) = (keys.join("development-issuer.secret"), keys.join("master.key"));
    if !secret.exists() {
        material::write_secret(&secret, &InterchangeKey::generate())?;
    }
    if !master.exists() {
        LocalKey::create(&master).with_context(|| format!("no key was made in {}", master.display()))?;
    }
    let within = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let text = draft::deployment(&Deployment {
        upstream: &place.upstream,
        url: url.to_string().trim_end_matches('/'),
        recipient: &place.recipient,
        port,
        certificate: &within(&certificates.certificate),
        key: &within(&certificates.key),
        secret: &within(&secret),
        master: &within(&master),
    });
    let file = folder.join("consentry.yaml");
    create(&file, &text)?;
    let file = file.strip_prefix(".").unwrap_or(&file).display();
    output::note(format_args!("wrote {file}, with development certificates and keys beside it"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::draft::openapi;

    #[test]
    fn calls_that_a_policy_has_are_left_out_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let policy = "activity: score\ntitle: Scoring\nupstream: api\nroutes:\n  - match: GET /health\n    personal_data: none\n";
        fs::write(folder.path().join("score.yaml"), policy).unwrap();
        let document = serde_json::json!({ "openapi": "3.1.0", "paths": {
            "/health": { "get": {} },
            "/patients/{id}": { "get": {} },
        } });
        let api = openapi::api(&document).unwrap();
        let (new, left_out) = new_calls(&api, &policy::read(folder.path()).set, false).unwrap();
        assert_eq!(left_out, ["GET /health (score.yaml)"]);
        assert_eq!((api.operations.len(), new.operations.len()), (2, 1));
    }

    #[test]
    fn the_folder_of_keys_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let url = "http://127.0.0.1:8000".parse().unwrap();
        let place = Place::find(folder.path(), &url).unwrap();
        deployment(folder.path(), &place, &url, 8443).unwrap();
        let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("keys"), mode("keys/master.key")), (0o700, 0o600));
    }
}
