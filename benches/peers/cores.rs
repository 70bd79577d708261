//! Who runs where: targets on one core, load and backend on the other.

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_setaffinity};

/// Where threads and the children that they start may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// The target's.
    Target,
    /// That of the load and the backend.
    Load,
    /// Any.
    All,
}

/// Binds the thread that calls, and whatever it starts from now on. On a machine with one core nothing can be kept apart.
pub(crate) fn pin(cores: Cores) -> anyhow::Result<()> {
    let there = std::thread::available_parallelism()?.get().max(2);
    let mut set = CpuSet::new();
    match cores {
        Cores::Target => set.set(0),
        Cores::Load => set.set(1),
        Cores::All => (0..there).for_each(|core| set.set(core)),
    }
    sched_setaffinity(None, &set).context("this bench needs two cores")
}

/// Runs something on a thread that is bound, and waits for it.
pub(crate) fn on<T: Send>(
    cores: Cores,
    name: &str,
    run: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    std::thread::scope(|scope| {
        let bound = move || {
            pin(cores)?;
            run()
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, bound)?;
        thread.join().map_err(|_| anyhow::anyhow!("the thread {name} panicked"))?
    })
}
