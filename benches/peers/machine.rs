//! The machine of a run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// File systems on which nothing is ever durable, and syncing is free.
const IN_MEMORY: [&str; 2] = ["tmpfs", "ramfs"];

/// What figures depend on besides the programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor, as the kernel names it.
    pub(crate) processor: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// The kernel.
    pub(crate) kernel: String,
    /// The distribution.
    pub(crate) system: String,
    /// The file system on which the targets' files lie, the gateway's stores among them.
    pub(crate) files: FileSystem,
    /// How busy the machine was when the run began: the load average of a minute.
    pub(crate) load: String,
}

/// What a folder lies on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileSystem {
    /// Its type.
    pub(crate) kind: String,
    /// Where it is mounted.
    pub(crate) at: PathBuf,
}

impl Machine {
    /// This one, with what lies in this folder.
    pub(crate) fn here(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.canonicalize()?;
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let files = FileSystem::of(&folder, &mounts).context("no file system is mounted")?;
        let words = fs::read_to_string("/proc/cpuinfo")?;
        let memory = fs::read_to_string("/proc/meminfo")?;
        let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let total =
            value(&memory, "MemTotal", ':').and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Ok(Self {
            processor: processor(&words),
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: total.unwrap_or(0) / 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            system: value(&system, "PRETTY_NAME", '=').unwrap_or_default(),
            files,
            load: fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

impl FileSystem {
    /// The one with the longest mount point; of two at the same point the later hides the earlier.
    fn of(folder: &Path, mounts: &str) -> Option<Self> {
        let mounted = mounts.lines().filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            // What would end a word is written as an octal number (fstab(5)).
            let at = words.next()?.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
            Some(Self { at: at.into(), kind: words.next()?.to_owned() })
        });
        let holds = |mount: &Self| folder.starts_with(&mount.at);
        mounted.filter(holds).max_by_key(|mount| mount.at.components().count())
    }

    /// Whether it is memory: what waits for a disk anywhere else costs nothing on it.
    pub(crate) fn is_memory(&self) -> bool {
        IN_MEMORY.contains(&self.kind.as_str())
    }
}

/// The processor's name; where a machine hides it, its family and model.
fn processor(cpuinfo: &str) -> String {
    let said = |key| value(cpuinfo, key, ':').unwrap_or_default();
    let numbers = format!("{} family {} model {}", said("vendor_id"), said("cpu family"), said("model"));
    match value(cpuinfo, "model name", ':') {
        Some(name) if !name.is_empty() && name != "unknown" => format!("{name} ({numbers})"),
        _ => numbers,
    }
}

fn value(text: &str, key: &str, between: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(between)?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// That the kernel's words are read as they are written.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let known = "vendor_id\t: AMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: Zen\n";
    anyhow::ensure!(processor(known) == "Zen (AMD family 25 model 17)");
    anyhow::ensure!(value("PRETTY_NAME=\"Debian\"", "PRETTY_NAME", '=').as_deref() == Some("Debian"));
    let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/a\\040b xfs rw 0 0\n/dev/vdc /tmp/a\\040b btrfs rw 0 0\n";
    for (folder, kind, at) in [
        ("/var/tmp", "ext4", "/"),
        ("/tmp/peers", "tmpfs", "/tmp"),
        ("/tmp/a b/peers", "btrfs", "/tmp/a b"),
        ("/tmpfiles", "ext4", "/"),
    ] {
        let found = FileSystem::of(Path::new(folder), mounts).context(folder)?;
        anyhow::ensure!(found == FileSystem { kind: kind.to_owned(), at: at.into() }, "{folder}: {found:?}");
        anyhow::ensure!(found.is_memory() == (kind == "tmpfs"));
    }
    Machine::here(&std::env::temp_dir()).map(drop)
}
