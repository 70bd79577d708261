//! What the kernel says of a process and its children: CPU time, memory, threads.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// The CPU time of each thread of a process tree, user and system, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(BTreeMap<u32, u64>);

impl Times {
    /// Of the process and all that it started.
    pub(crate) fn of(process: u32) -> anyhow::Result<Self> {
        let mut times = BTreeMap::new();
        for member in tree(process)? {
            // One may end while it is looked at.
            let Ok(tasks) = fs::read_dir(format!("/proc/{member}/task")) else { continue };
            for task in tasks.flatten() {
                let Ok(spent) = fs::read_to_string(task.path().join("schedstat")) else { continue };
                let id = task.file_name().to_string_lossy().parse()?;
                times.insert(id, on_cpu(&spent)?);
            }
        }
        ensure!(!times.is_empty(), "process {process} has ended");
        Ok(Self(times))
    }

    /// What was used since an earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = |(id, now): (&u32, &u64)| now.saturating_sub(earlier.0.get(id).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(used).sum())
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.0.len()
    }
}

/// The resident memory of a process tree, in KiB. What its members share is counted for each.
pub(crate) fn resident(process: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for member in tree(process)? {
        let Ok(status) = fs::read_to_string(format!("/proc/{member}/status")) else { continue };
        sum += kib(&status).unwrap_or(0);
    }
    ensure!(sum > 0, "process {process} has ended");
    Ok(sum)
}

fn on_cpu(schedstat: &str) -> anyhow::Result<u64> {
    let first = schedstat.split(' ').next().context("the scheduler's account")?;
    first.trim().parse().context("the scheduler's account")
}

fn kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(parent) = parent(&stat) {
            parents.push((process, parent));
        }
    }
    let mut members = vec![root];
    loop {
        let before = members.len();
        for (process, parent) in &parents {
            if members.contains(parent) && !members.contains(process) {
                members.push(*process);
            }
        }
        if members.len() == before {
            return Ok(members);
        }
    }
}

/// The parent, from `/proc/PID/stat`: the name before it stands in brackets and may hold any, blanks too.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// That the kernel's words are read as it means them.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    ensure!(parent("17 (a (b) c) S 4 17 17 0") == Some(4));
    ensure!(kib("Name:\tx\nVmRSS:\t  1234 kB\n") == Some(1234));
    ensure!(on_cpu("815 53 1\n")? == 815);
    ensure!(on_cpu("").is_err());
    let own = std::process::id();
    let before = Times::of(own)?;
    let mut sum = 0_u64;
    while Times::of(own)?.since(&before) < Duration::from_millis(2) {
        sum = std::hint::black_box(sum + 1);
    }
    ensure!(before.threads() >= 1 && resident(own)? > 100);
    let earlier = Times(BTreeMap::from([(1, 10), (2, 20)]));
    let later = Times(BTreeMap::from([(1, 15), (3, 7)]));
    ensure!(later.since(&earlier) == Duration::from_nanos(12));
    Ok(())
}
