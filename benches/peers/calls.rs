//! System calls of a target, as the kernel counts them for `perf stat`. They are counted apart from what is timed: each is dearer
//! where it is counted.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};

use crate::install::Tools;

/// One for each system call.
const EVENT: &str = "raw_syscalls:sys_enter";
/// How long `perf` may take for anything.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_millis(1);
/// What it says when it has done what it was told.
const DONE: &[u8] = b"ack\n";

/// System calls by the names of threads.
pub(crate) type Calls = BTreeMap<String, f64>;

/// Whether they can be counted here.
///
/// # Errors
/// Where not, and why.
pub(crate) fn can_be_counted(tools: &Tools) -> anyhow::Result<()> {
    let said = Tools::says(Command::new(tools.program("perf")?).args(["stat", "-x,", "-e", EVENT, "true"]))?;
    ensure!(said.lines().any(|line| read(line).is_some()), "{said}");
    Ok(())
}

/// A `perf` that counts when it is told to.
pub(crate) struct Counter {
    child: Child,
    orders: File,
    done: File,
    counted: PathBuf,
}

impl Counter {
    /// Looks at these processes and at what they start, and counts nothing yet.
    ///
    /// # Errors
    /// Where `perf` cannot.
    pub(crate) fn start(tools: &Tools, processes: &[u32], folder: &Path) -> anyhow::Result<Self> {
        let [orders, done, counted] =
            ["perf-orders", "perf-done", "perf-counted"].map(|name| folder.join(name));
        for pipe in [&orders, &done] {
            Tools::says(Command::new("mkfifo").arg(pipe))?;
        }
        let list: Vec<String> = processes.iter().map(u32::to_string).collect();
        let child = Command::new(tools.program("perf")?)
            .args(["stat", "-x,", "-e", EVENT, "--per-thread", "--delay=-1", "-p", &list.join(",")])
            .arg(format!("--control=fifo:{},{}", orders.display(), done.display()))
            .arg("-o")
            .arg(&counted)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // Both ways, so that neither is waited for until somebody has opened the other end.
        let open = |path: &Path| {
            let wait_never = i32::try_from(OFlags::NONBLOCK.bits())?;
            let open = OpenOptions::new().read(true).write(true).custom_flags(wait_never).open(path);
            open.with_context(|| path.display().to_string())
        };
        Ok(Self { child, orders: open(&orders)?, done: open(&done)?, counted })
    }

    /// From now on it counts, or no longer.
    ///
    /// # Errors
    /// Where it does not say that it does as it was told.
    pub(crate) fn tell(&self, counts: bool) -> anyhow::Result<()> {
        let Self { orders, done, .. } = self;
        (&*orders).write_all(if counts { b"enable\n" } else { b"disable\n" })?;
        let (mut said, begun) = (Vec::new(), Instant::now());
        while !said.starts_with(DONE) {
            let mut more = [0; 8];
            match (&*done).read(&mut more) {
                Ok(read) => said.extend(more.iter().take(read).filter(|byte| **byte != 0)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(BETWEEN),
                Err(error) => return Err(error.into()),
            }
            ensure!(begun.elapsed() < PATIENCE, "perf does not answer");
        }
        Ok(())
    }

    /// What it counted.
    ///
    /// # Errors
    /// Where it says nothing that can be read.
    pub(crate) fn counted(mut self) -> anyhow::Result<Calls> {
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > PATIENCE {
                bail!("perf does not end");
            }
            std::thread::sleep(BETWEEN);
        }
        let said = fs::read_to_string(&self.counted)?;
        let mut calls = Calls::new();
        for (thread, count) in said.lines().filter_map(read) {
            *calls.entry(thread.to_owned()).or_default() += count;
        }
        ensure!(!calls.is_empty(), "perf counted nothing: {said}");
        Ok(calls)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // It has ended where what it counted was read.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A thread's name and its calls: `name-ID,COUNT,unit,EVENT,…`, without a name where threads are not told apart.
fn read(line: &str) -> Option<(&str, f64)> {
    let (before, _) = line.split_once(&format!(",,{EVENT},"))?;
    let (thread, count) = before.rsplit_once(',').unwrap_or(("", before));
    let name = thread.rsplit_once('-').map_or("", |(name, _)| name);
    // A thread that did not run was `<not counted>`.
    let count = if count.starts_with("<not counted") { 0.0 } else { count.parse().ok()? };
    Some((name, count))
}

/// That lines are read as they are meant.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let line = |before: &str| format!("{before},,{EVENT},25003,100.00,,");
    let [one, none, all] = ["proxy-0-4711,815", "a,b-1,<not counted>", "144"].map(line);
    ensure!(read(&one) == Some(("proxy-0", 815.0)));
    ensure!(read(&none) == Some(("a,b", 0.0)));
    ensure!(read(&all) == Some(("", 144.0)));
    ensure!(read("# started on Fri Nov 27").is_none());
    ensure!(read(&line("a-1,<not supported>")).is_none());
    Ok(())
}
