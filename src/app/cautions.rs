//! What a gateway serves with and should not, of what this host says: modes of files, and how many may be open.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use crate::config::Config;
use crate::policy::looks_like_policy;

/// What says who may do what, and may be written by everybody on this host. A sentence each, without its end.
pub(super) fn writable_by_all(config: &Config) -> Vec<String> {
    let listed = config.policies.read_dir().into_iter().flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_name().to_str().is_some_and(looks_like_policy).then(|| entry.path())
    });
    let mut policies: Vec<PathBuf> = listed.collect();
    policies.sort_unstable();
    let named = [&config.file].into_iter().chain(&config.api_keys).chain([&config.policies]);
    let all = named.map(PathBuf::as_path).chain(policies.iter().map(PathBuf::as_path));
    all.filter_map(open_to_all).collect()
}

fn open_to_all(path: &Path) -> Option<String> {
    let mode = path.metadata().ok()?.mode() & 0o777;
    let shown = path.display();
    (mode & 0o002 != 0).then(|| {
        format!(
            "everybody on this host may write {shown} (mode {mode:03o}), and so say who may do what: run `chmod o-w {shown}`, and see \
             whether what it says is yours"
        )
    })
}

/// That fewer files may be open than callers may have connections. Whoever checks a deployment has another limit than the gateway,
/// so the start alone says it.
fn few_files(config: &Config) -> Option<String> {
    too_few(
        getrlimit(Resource::Nofile).current?,
        config.connections.limits.connections,
        config.listeners.len(),
    )
}

fn too_few(limit: u64, connections: usize, listeners: usize) -> Option<String> {
    let wanted = u64::try_from(connections.saturating_mul(listeners)).unwrap_or(u64::MAX);
    (limit < wanted).then(|| {
        format!(
            "this process may have {limit} files open, and `connections.max` lets callers have {wanted} connections, each of which is \
             one, as is each connection to an upstream: raise the limit (`LimitNOFILE=` in a unit, `ulimit -n` in a shell), or lower \
             `connections.max`"
        )
    })
}

/// Says to the log at the start what a gateway serves with and should not. Of certificates it is said where they are watched.
pub fn warn_of_host(config: &Config) {
    for caution in writable_by_all(config).into_iter().chain(few_files(config)) {
        tracing::warn!("{caution}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_files_than_connections_are_told() {
        assert_eq!(too_few(10_000, 10_000, 1), None);
        assert_eq!(too_few(u64::MAX, usize::MAX, 3), None);
        let says = too_few(1024, 10_000, 2).unwrap();
        assert!(says.contains("1024 files") && says.contains("20000 connections"), "{says}");
    }
}
