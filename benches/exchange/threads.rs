//! The CPU time of each thread of this process, as the kernel tells it (`/proc/self/task/*/schedstat`, in nanoseconds).

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Name and time of each thread, by its id.
pub(crate) type Times = BTreeMap<u32, (String, Duration)>;

/// What each thread has used so far.
pub(crate) fn now() -> anyhow::Result<Times> {
    let mut times = Times::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy().parse()?;
        let name = fs::read_to_string(entry.path().join("comm"))?.trim().to_owned();
        let spent = fs::read_to_string(entry.path().join("schedstat"))?;
        let nanos = spent.split(' ').next().unwrap_or_default().parse()?;
        times.insert(id, (name, Duration::from_nanos(nanos)));
    }
    Ok(times)
}

/// What each thread that was there `before` has used since.
pub(crate) fn since(before: &Times) -> anyhow::Result<Vec<(String, u32, Duration)>> {
    let after = now()?;
    let used = before.iter().filter_map(|(id, (name, then))| {
        let spent = after.get(id)?.1.saturating_sub(*then);
        Some((name.clone(), *id, spent))
    });
    Ok(used.collect())
}
