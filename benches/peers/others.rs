//! Who else used the cores meanwhile: other programs, and other machines on the same hardware.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::proc::{STEP, cpu, tree};

/// Shares of the time of all cores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Others {
    /// Other programs, and threads of the kernel: those that write to the disk for us, too.
    pub(crate) programs: f64,
    /// What the hypervisor gave to others while we wanted it.
    pub(crate) stolen: f64,
}

/// What the kernel had counted at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    at: Instant,
    all: Account,
    own: Duration,
}

/// Of all cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    /// What programs and threads of the kernel took; interrupts are nobody's.
    used: Duration,
    stolen: Duration,
}

impl Look {
    pub(crate) fn now() -> anyhow::Result<Self> {
        // One that ends while it is looked at is counted for whoever waited for it.
        let members = tree(std::process::id())?;
        let own = members.into_iter().filter_map(|member| cpu(member).ok()).sum();
        let all =
            Account::of(&fs::read_to_string("/proc/stat")?).context("the kernel's account of all cores")?;
        Ok(Self { at: Instant::now(), all, own })
    }

    /// Who used the cores since then.
    pub(crate) fn others(self) -> anyhow::Result<Others> {
        let now = Self::now()?;
        let cores = u32::try_from(std::thread::available_parallelism()?.get())?;
        let time = (cores * now.at.duration_since(self.at)).as_secs_f64().max(f64::MIN_POSITIVE);
        let ours = now.own.saturating_sub(self.own);
        let programs = now.all.used.saturating_sub(self.all.used).saturating_sub(ours);
        let stolen = now.all.stolen.saturating_sub(self.all.stolen);
        Ok(Others { programs: programs.as_secs_f64() / time, stolen: stolen.as_secs_f64() / time })
    }
}

impl Account {
    /// From `/proc/stat`: user, nice, system, idle, waiting, interrupts, soft interrupts, stolen.
    fn of(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u32> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        let [user, nice, system, _, _, _, _, stolen, ..] = ticks.as_slice() else { return None };
        Some(Self { used: STEP * (user + nice + system), stolen: STEP * *stolen })
    }
}

/// That the kernel's account is read as it is meant, and that our own work is not others'.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let account = Account::of("cpu  10 2 30 400 50 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
    ensure!(account == Some(Account { used: STEP * 42, stolen: STEP * 8 }), "{account:?}");
    ensure!(Account::of("cpu0 1 2 3").is_none() && Account::of("cpu  1 2 3").is_none());
    let at = Instant::now().checked_sub(Duration::from_secs(10)).context("a moment")?;
    let now = Look::now()?;
    let others = Look { at, all: now.all, own: now.own }.others()?;
    ensure!(others.programs < 0.5 && others.stolen < 0.5, "{others:?}");
    Ok(())
}
