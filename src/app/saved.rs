//! What is saved: the files that a reload reads anew because somebody saved them, and how one state of them is told from
//! another.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::{Config, KeyFrom};
use crate::crypto::{Digest, digest};
use crate::files;
use crate::policy::looks_like_policy;

/// As much of a file as its state is told by: no policy and no key that is read is larger.
const READ: u64 = 2 * 1024 * 1024;
/// How deep below the folder of policies files are looked for, and how many of them: schemas may have folders of their own.
const DEPTH: usize = 8;
const FILES: usize = 20_000;

/// The folder of policies, and the files of keys that nothing else looks at: interchange keys and those of issuers. The
/// files of certificates and of API keys are looked at by themselves, whatever the policies are like.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    policies: PathBuf,
    keys: Vec<PathBuf>,
    /// The folders in which the store writes.
    busy: Vec<PathBuf>,
}

impl Saved {
    /// A folder of policies, these key files, and a store in these folders.
    #[cfg(test)]
    pub(super) fn new(policies: PathBuf, keys: Vec<PathBuf>, busy: Vec<PathBuf>) -> Self {
        Self { policies, keys, busy }
    }

    /// Those of a deployment, by their full paths.
    pub(super) fn of(config: &Config) -> Self {
        let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let issuers = config.issuers.iter().filter_map(|issuer| match &issuer.key {
            KeyFrom::Jwks(_) => None,
            KeyFrom::PublicKey(path) | KeyFrom::SecretFile(path) => Some(path),
        });
        let keys = config.interchange_keys.iter().map(|(_, path)| path).chain(issuers);
        let store = [&config.store.sqlite, &config.store.keyring];
        let busy = store.iter().filter_map(|path| Some(full(path).parent()?.to_owned()));
        Self {
            policies: full(&config.policies),
            keys: keys.map(|path| full(path)).collect(),
            busy: busy.collect(),
        }
    }

    /// The folder of policies; in the folders below it a change can be seen too.
    pub(super) fn policies(&self) -> &Path {
        &self.policies
    }

    /// The folders and files beside it in which a change can be seen. The folder around the policies is among them: mounted
    /// configurations and deployments swap a folder, or the link to it, whole. But one in which the store writes wakes
    /// whoever watches it with each exchange: there a key is watched itself, and a swap is seen by the next look.
    pub(super) fn beside(&self) -> Vec<&Path> {
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let busy: Vec<_> = self.busy.iter().map(|folder| real(folder)).collect();
        let quiet = |path: &'_ Path| path.parent().is_some_and(|folder| !busy.contains(&real(folder)));
        let around = self.policies.parent().filter(|_| quiet(&self.policies));
        let keys = self.keys.iter().filter_map(|key| if quiet(key) { key.parent() } else { Some(key) });
        let mut beside: Vec<&Path> = around.into_iter().chain(keys).collect();
        beside.sort_unstable();
        beside.dedup();
        beside
    }

    /// Whether something at this path can be one of these files, or a link on the way to one. What editors put beside a
    /// file while they save it is none.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        // `..data` of a mounted configuration is the link that is swapped.
        *path == *self.policies
            || self.keys.iter().any(|key| path == key)
            || name.starts_with("..")
            || path.starts_with(&self.policies) && is_policy(&name)
    }

    /// A digest of all that a reload would read. Blocks on the disk. A file that cannot be read has a state too, so that
    /// it is a change when it can.
    pub(super) fn digest(&self) -> Digest {
        self.look(|path| Some(state(path))).digest(&self.policies, &[])
    }

    /// The same for policies that are about to be read: what their reader read of them is their state, and needs not be read
    /// twice. All else is read here and now, so that what is saved in between is seen at the first look.
    pub(super) fn before_reading(&self) -> Look {
        self.look(|path| (path.parent() != Some(&*self.policies)).then(|| state(path)))
    }

    fn look(&self, state: impl Fn(&Path) -> Option<Digest>) -> Look {
        let mut paths = Vec::new();
        collect(&self.policies, DEPTH, &mut paths);
        paths.sort_unstable();
        paths.extend(self.keys.iter().cloned());
        Look(paths.into_iter().map(|path| (state(&path), path)).collect())
    }
}

/// The files that there were at a moment, with the states of those that were read.
#[derive(Debug)]
pub(super) struct Look(Vec<(Option<Digest>, PathBuf)>);

impl Look {
    /// The digest of all, where these files of the folder of policies were read since. What was neither read then nor
    /// since has a state that no file ever has: it is a change at the next look.
    pub(super) fn digest(self, policies: &Path, read: &[(String, Digest)]) -> Digest {
        let read: HashMap<PathBuf, Digest> =
            read.iter().map(|(name, digest)| (policies.join(name), *digest)).collect();
        let mut states = Vec::with_capacity(self.0.len() * 64);
        for (state, path) in &self.0 {
            states.extend(digest(path.as_os_str().as_encoded_bytes()));
            states.extend(state.or_else(|| read.get(path).copied()).unwrap_or_default());
        }
        digest(&states)
    }
}

/// The files below a folder that policies are made of.
fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if paths.len() >= FILES || name.starts_with('.') {
            continue;
        }
        if is_policy(&name) {
            paths.push(path);
        } else if depth > 0 && path.is_dir() {
            collect(&path, depth - 1, paths);
        }
    }
}

/// Whether a file of this name may be read with the policies, or is reported by their reader: an activity, its cases, a schema.
fn is_policy(name: &str) -> bool {
    looks_like_policy(name) || !name.starts_with('.') && name.ends_with(".json")
}

fn state(path: &Path) -> Digest {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = files::open(path).and_then(|file| {
        // With room for all of it, it comes with one call and not with eight, and leaves no copies behind.
        bytes.reserve_exact(usize::try_from(file.metadata()?.len().min(READ) + 1).unwrap_or(0));
        file.take(READ).read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => digest(&bytes),
        Err(error) => digest(error.kind().to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Saved) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::write(folder.path().join("policies/a.yaml"), "one").unwrap();
        fs::write(folder.path().join("partner.key"), "key").unwrap();
        let at = |name: &str| folder.path().join(name);
        let saved = Saved { policies: at("policies"), keys: vec![at("partner.key")], busy: vec![at("data")] };
        (folder, saved)
    }

    #[test]
    fn every_change_that_a_reload_would_read_is_one_and_no_other() {
        let (folder, saved) = folder();
        let at = |name: &str| folder.path().join(name);
        let mut before = saved.digest();
        let mut changed = |expected: bool, what: &str| {
            let now = saved.digest();
            assert_eq!(now != before, expected, "{what}");
            before = now;
        };
        fs::write(at("policies/a.yaml"), "one").unwrap();
        changed(false, "saved as it was");
        fs::write(at("policies/a.yaml"), "two").unwrap();
        changed(true, "as long, and another");
        fs::write(at("policies/.a.yaml.swp"), "half").unwrap();
        fs::write(at("policies/a.yaml~"), "old").unwrap();
        changed(false, "what an editor leaves");
        fs::create_dir(at("policies/schemas")).unwrap();
        changed(false, "an empty folder");
        fs::write(at("policies/schemas/whole.json"), "{}").unwrap();
        changed(true, "a schema");
        fs::rename(at("policies/a.yaml"), at("policies/b.yaml")).unwrap();
        changed(true, "another name");
        fs::write(at("partner.key"), "new").unwrap();
        changed(true, "a key");
        fs::remove_file(at("partner.key")).unwrap();
        changed(true, "no key");
        fs::rename(at("policies"), at("old")).unwrap();
        changed(true, "no folder");
        symlink(at("old"), at("policies")).unwrap();
        changed(true, "a link to it");
    }

    #[test]
    fn what_the_reader_of_policies_read_is_not_read_again_and_what_it_did_not_read_is_a_change() {
        let (folder, saved) = folder();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("policies/schemas")).unwrap();
        fs::write(at("policies/schemas/whole.json"), "{}").unwrap();
        let read = [("a.yaml".to_owned(), digest(b"one"))];
        let state = |read: &[_]| saved.before_reading().digest(saved.policies(), read);
        assert_eq!(state(&read), saved.digest());
        assert_ne!(state(&[]), saved.digest(), "a file that was there and was not read");

        for since in ["policies/a.yaml", "policies/b.yaml", "policies/schemas/whole.json", "partner.key"] {
            let look = saved.before_reading();
            let before = fs::read(at(since)).ok();
            fs::write(at(since), "saved since").unwrap();
            assert_ne!(look.digest(saved.policies(), &read), saved.digest(), "{since}");
            match before {
                Some(before) => fs::write(at(since), before).unwrap(),
                None => fs::remove_file(at(since)).unwrap(),
            }
        }
        assert_eq!(state(&read), saved.digest());
    }

    #[test]
    fn only_what_may_be_read_is_looked_at() {
        let (folder, saved) = folder();
        for (name, expected) in [
            ("policies", true),
            ("policies/a.yaml", true),
            ("policies/new.yml", true),
            ("policies/new.YAML", true),
            ("policies/new.yaml ", true),
            ("policies/new.yaml.bak", false),
            ("policies/..data", true),
            ("policies/schemas/whole.json", true),
            ("policies/.a.yaml.swp", false),
            ("policies/4913", false),
            ("partner.key", true),
            ("consentry.db-wal", false),
        ] {
            assert_eq!(saved.holds(&folder.path().join(name)), expected, "{name}");
        }
        assert_eq!(saved.beside(), [folder.path()]);
        let beside = Saved { busy: vec![folder.path().to_owned()], ..saved.clone() };
        assert_eq!(beside.beside(), [folder.path().join("partner.key")]);
        let linked = folder.path().join("policies/linked");
        symlink(folder.path(), &linked).unwrap();
        assert_eq!(Saved { busy: vec![linked], ..saved }.beside(), beside.beside());
    }
}
