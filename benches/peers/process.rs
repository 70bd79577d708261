//! A target as a process: started on its core, waited for, stopped by its id.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cores::{Cores, on};
use crate::proc::{Resident, Times, cpu, resident, tree};

/// How long a target may take until it listens, and until it has ended.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(20);

/// A process of ours.
pub(crate) struct Process {
    name: String,
    child: Child,
    stopped: bool,
}

impl Process {
    /// Starts a command on these cores, with what it says in `log`, and waits until it listens at `address`.
    pub(crate) fn start(
        name: &str,
        command: Command,
        log: &Path,
        address: SocketAddr,
        cores: Cores,
    ) -> anyhow::Result<Self> {
        let mut process = Self::spawn(name, command, log, cores)?;
        let begun = Instant::now();
        while TcpStream::connect_timeout(&address, PATIENCE).is_err() {
            let ended = process.child.try_wait()?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("{name} does not listen ({ended:?}); it said:\n{said}");
            }
            std::thread::sleep(BETWEEN);
        }
        Ok(process)
    }

    /// The same without waiting.
    pub(crate) fn spawn(name: &str, mut command: Command, log: &Path, cores: Cores) -> anyhow::Result<Self> {
        let out = File::create(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = on(cores, "starter", || command.spawn().with_context(|| format!("cannot start {name}")))?;
        Ok(Self { name: name.to_owned(), child, stopped: false })
    }

    /// The CPU time of it until now, with that of threads that have ended, in steps of ten milliseconds.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu(self.child.id()).with_context(|| self.name.clone())
    }

    /// Sends it SIGHUP.
    pub(crate) fn hang_up(&self) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::HUP)?)
    }

    /// The CPU time of its threads until now.
    pub(crate) fn times(&self) -> anyhow::Result<Times> {
        Times::of(self.child.id()).with_context(|| self.name.clone())
    }

    /// It and what it started.
    pub(crate) fn members(&self) -> anyhow::Result<Vec<u32>> {
        tree(self.child.id()).with_context(|| self.name.clone())
    }

    /// Its resident memory.
    pub(crate) fn resident(&self) -> anyhow::Result<Resident> {
        resident(self.child.id()).with_context(|| self.name.clone())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if std::mem::replace(&mut self.stopped, true) {
            return Ok(());
        }
        let process = Pid::from_child(&self.child);
        kill_process(process, Signal::TERM)?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > PATIENCE {
                self.child.kill()?;
                self.child.wait()?;
                bail!("{} did not end when it was asked to", self.name);
            }
            std::thread::sleep(BETWEEN);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whoever cares about how it ends calls `stop`; here something else went wrong already.
        let _ = self.end();
    }
}

/// A port of loopback that is free now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
