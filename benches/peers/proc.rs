//! What the kernel says of a process and its children: CPU time, memory, threads.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// The CPU time of a process tree, user and system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    threads: BTreeMap<u32, Thread>,
    /// That of each process, with the threads and children of it that have ended.
    processes: BTreeMap<u32, Duration>,
}

/// In what steps the kernel tells the time of a process, of user and of system each.
pub(crate) const STEP: Duration = Duration::from_millis(10);

#[derive(Clone, Debug)]
struct Thread {
    name: String,
    nanos: u64,
}

impl Times {
    /// Of the process and all that it started.
    pub(crate) fn of(process: u32) -> anyhow::Result<Self> {
        let mut times = Self::default();
        for member in tree(process)? {
            // One may end while it is looked at.
            if let Ok(whole) = cpu(member) {
                times.processes.insert(member, whole);
            }
            let Ok(tasks) = fs::read_dir(format!("/proc/{member}/task")) else { continue };
            for task in tasks.flatten() {
                let Ok(spent) = fs::read_to_string(task.path().join("schedstat")) else { continue };
                let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default().trim().to_owned();
                let id = task.file_name().to_string_lossy().parse()?;
                times.threads.insert(id, Thread { name, nanos: on_cpu(&spent)? });
            }
        }
        ensure!(!times.threads.is_empty(), "process {process} has ended");
        Ok(times)
    }

    /// What was used since an earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        self.by_name(earlier).into_values().sum()
    }

    /// The same, by the names of threads.
    pub(crate) fn by_name(&self, earlier: &Self) -> BTreeMap<String, Duration> {
        let mut used = BTreeMap::new();
        for (id, Thread { name, nanos }) in &self.threads {
            let before = earlier.threads.get(id).map_or(0, |thread| thread.nanos);
            *used.entry(name.clone()).or_default() += Duration::from_nanos(nanos.saturating_sub(before));
        }
        used
    }

    /// At least so much was used by threads and processes that have ended since an earlier look, of which nothing else tells.
    pub(crate) fn lost(&self, earlier: &Self) -> Duration {
        let whole = self.processes.iter().map(|(process, now)| {
            now.saturating_sub(earlier.processes.get(process).copied().unwrap_or_default())
        });
        let within_steps = STEP * 2 * u32::try_from(self.processes.len()).unwrap_or(u32::MAX);
        whole.sum::<Duration>().saturating_sub(self.since(earlier) + within_steps)
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }
}

/// The resident memory of a process tree. What its members share is counted for each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resident {
    pub(crate) now_kib: u64,
    /// The most that each member ever had.
    pub(crate) peak_kib: u64,
}

/// What is resident of a process tree.
pub(crate) fn resident(process: u32) -> anyhow::Result<Resident> {
    let mut sum = Resident::default();
    for member in tree(process)? {
        let Ok(status) = fs::read_to_string(format!("/proc/{member}/status")) else { continue };
        sum.now_kib += kib(&status, "VmRSS:").unwrap_or(0);
        sum.peak_kib += kib(&status, "VmHWM:").unwrap_or(0);
    }
    ensure!(sum.now_kib > 0, "process {process} has ended");
    Ok(sum)
}

/// The CPU time of a process, user and system, as the kernel counts it for whoever waits for a process: in steps of ten
/// milliseconds, and with the threads and children that have ended.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = ticks(&stat).context("the kernel's account")?;
    Ok(STEP * u32::try_from(ticks)?)
}

fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    // Its own, user and system, and that of children that it has waited for.
    (0..4).try_fold(0, |sum, _| Some(sum + fields.next()?.parse::<u64>().ok()?))
}

fn on_cpu(schedstat: &str) -> anyhow::Result<u64> {
    let first = schedstat.split(' ').next().context("the scheduler's account")?;
    first.trim().parse().context("the scheduler's account")
}

fn kib(status: &str, what: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A process and all that it started, and those in turn.
pub(crate) fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
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
    ensure!(ticks("17 (a b) S 4 17 17 0 -1 4194304 1 2 3 4 25 17 5 6 20 0 1") == Some(53));
    ensure!(kib("Name:\tx\nVmHWM:\t 5678 kB\nVmRSS:\t  1234 kB\n", "VmRSS:") == Some(1234));
    ensure!(on_cpu("815 53 1\n")? == 815);
    ensure!(on_cpu("").is_err());
    let own = std::process::id();
    let before = Times::of(own)?;
    let mut sum = 0_u64;
    while Times::of(own)?.since(&before) < Duration::from_millis(2) {
        sum = std::hint::black_box(sum + 1);
    }
    let Resident { now_kib, peak_kib } = resident(own)?;
    ensure!(before.threads() >= 1 && now_kib > 100 && peak_kib > 100);
    let times = |all: &[(u32, &str, u64)], whole| {
        let thread =
            |(id, name, nanos): &(u32, &str, u64)| (*id, Thread { name: (*name).into(), nanos: *nanos });
        Times {
            threads: all.iter().map(thread).collect(),
            processes: [(1, Duration::from_millis(whole))].into(),
        }
    };
    let earlier = times(&[(1, "a", 10), (2, "b", 20)], 40);
    let later = times(&[(1, "a", 15), (3, "b", 7), (4, "b", 1)], 60);
    ensure!(later.lost(&earlier).is_zero(), "within the steps of the kernel's account");
    let without = times(&[(1, "a", 15)], 90);
    ensure!(without.lost(&earlier) == Duration::from_millis(30) - Duration::from_nanos(5));
    ensure!(later.since(&earlier) == Duration::from_nanos(13));
    ensure!(later.by_name(&earlier).get("b") == Some(&Duration::from_nanos(8)));
    Ok(())
}
