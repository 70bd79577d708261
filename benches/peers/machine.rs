//! The machine of a run.

use std::fs;

use serde::Serialize;

/// What figures depend on besides the programs.
#[derive(Clone, Debug, Serialize)]
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
    /// How busy the machine was when the run began: the load average of a minute.
    pub(crate) load: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> anyhow::Result<Self> {
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
            load: fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned(),
        })
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
    Machine::here().map(drop)
}
