//! The gateway as it is after a long time. Its records go into two indices only once many have come together, then two with
//! each one that is kept ([ADR 0021](../../docs/adr/0021-indices-that-follow.md)): of all groups half carry that work, and of
//! those of a new store none at first. So what keeps records is loaded over whole cycles.

use std::time::Duration;

use crate::load::{Order, Until};
use crate::measure::Effort;
use crate::targets::consentry::GATEWAY;
use crate::workload::{Work, Workload};

/// Records that come together before they go into the indices: from one time to the next is a cycle.
pub(crate) const CYCLE: u64 = 32_768;
/// In so many, the first of a cycle, those of the cycle before go there.
const WRITING: u64 = CYCLE / 2;
/// Bodies of so many bytes take too long for a cycle, and so much each that its work is hardly seen in them.
const LARGE: usize = 32 << 10;

/// Whether a target is loaded over whole cycles.
pub(crate) fn wanted(effort: &Effort, workload: &Workload, target: &str) -> bool {
    effort.cycles > 0
        && workload.work == Work::Governed
        && target.starts_with(GATEWAY)
        && workload.shape.body(0).len() < LARGE
}

/// What is sent to it before anything is counted, and until when it is counted, where so many records are kept already.
pub(crate) fn stretches(effort: &Effort, order: Order, kept: u64) -> (Vec<Until>, Until) {
    let Effort { time, warm, cycles, .. } = *effort;
    let Order::Paced(rate) = order else {
        let counted = Until::Count { count: cycles * CYCLE, step: CYCLE, least: time };
        return (vec![Until::count(CYCLE.saturating_sub(kept))], counted);
    };
    let sent = |time: Duration| (rate * time.as_secs_f64()) as u64;
    // Half of what is more than whole cycles lies before the end of writing, half behind it.
    let before = CYCLE + WRITING - sent(time) % CYCLE / 2;
    (vec![Until::count(before.saturating_sub(kept + sent(warm))), Until::time(warm)], Until::time(time))
}

/// That a cycle is that of the store, and that half of each stretch lies within writing.
pub(crate) fn proves_itself(effort: &Effort) -> anyhow::Result<()> {
    let store = include_str!("../../src/store/sqlite/records/fresh.rs");
    anyhow::ensure!(store.contains("{ 32_768 };") && CYCLE == 32_768, "the store has another cycle");
    let effort = Effort { time: Duration::from_secs(1), warm: Duration::from_millis(300), ..*effort };
    let (warm, until) = stretches(&effort, Order::Closed, 8);
    let whole = Until::Count { count: effort.cycles * CYCLE, step: CYCLE, least: effort.time };
    anyhow::ensure!(warm == [Until::count(CYCLE - 8)] && until == whole);
    for (rate, before) in [(10_000.0, 49_152 - 5_000 - 3_000 - 8), (40_000.0, 49_152 - 3_616 - 12_000 - 8)] {
        let (warm, until) = stretches(&effort, Order::Paced(rate), 8);
        anyhow::ensure!(warm == [Until::count(before), Until::time(effort.warm)], "{warm:?}");
        anyhow::ensure!(until == Until::time(effort.time));
    }
    Ok(())
}
