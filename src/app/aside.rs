//! Work that takes long and that no exchange waits for, out of the exchanges' way.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long work may wait for a core that nobody else wants.
const PATIENCE: Duration = Duration::from_secs(2);

/// Does it on a thread of its own that runs only where a core has nothing else to do, and ends with it: who has given way
/// once may not take that back. Where the system has no thread for it, it is done here and now. `None` where it panicked.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = oneshot::channel();
    let work = move || drop(done.send(work()));
    let work = Arc::new(Mutex::new(Some(work)));
    let theirs = Arc::clone(&work);
    let run = move || {
        give_way();
        once(&theirs);
    };
    if let Err(error) = thread::Builder::new().name("aside".to_owned()).spawn(run) {
        tracing::warn!(cause = %error, "there is no thread for what is done beside exchanges");
        once(&work);
    }
    result.await.ok()
}

/// The same for what must come to its end also where every core is busy: after two seconds it is begun once more, on a thread
/// that does not give way, and what is done first is taken. The work must only read.
pub(super) async fn aside_for_a_while<T: Send + 'static>(
    work: impl FnOnce() -> T + Clone + Send + 'static,
) -> Option<T> {
    aside_for(PATIENCE, work).await
}

async fn aside_for<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Clone + Send + 'static,
) -> Option<T> {
    let again = work.clone();
    tokio::select! {
        done = aside(work) => done,
        done = async {
            tokio::time::sleep(patience).await;
            tokio::task::spawn_blocking(again).await.ok()
        } => done,
    }
}

fn once(work: &Mutex<Option<impl FnOnce()>>) {
    let taken = work.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(work) = taken {
        work();
    }
}

/// Threads that this one starts give way as well. By `nice` alone it would keep a core for up to three milliseconds at each
/// of an exchange's four wake-ups; whoever has nothing but idle time is put off at once.
#[cfg(target_os = "linux")]
fn give_way() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    // Where it is forbidden, exchanges wait a little longer.
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle) {
        tracing::debug!(cause = ?error, "no thread may give way");
    }
}

/// Elsewhere there is nothing like it that binds one thread alone.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SCHED_IDLE`, the 41st field of `stat` (proc(5)).
    #[cfg(target_os = "linux")]
    fn gives_way() -> bool {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(38) == Some("5")
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn what_is_done_aside_gives_way_and_nothing_else_does() {
        let there = aside(|| (gives_way(), thread::spawn(gives_way).join().unwrap())).await;
        assert_eq!(there, Some((true, true)));
        assert!(!gives_way());
        assert!(!tokio::task::spawn_blocking(gives_way).await.unwrap());
    }

    #[tokio::test]
    async fn what_panics_has_no_result() {
        assert_eq!(aside(|| assert!(std::hint::black_box(false), "meant")).await, None);
    }

    #[tokio::test]
    async fn what_finds_no_core_is_begun_once_more() {
        let turns = Arc::new(Mutex::new(0));
        let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
        let held = Arc::new(Mutex::new(held));
        let work = move || {
            let turn = {
                let mut turns = turns.lock().unwrap();
                *turns += 1;
                *turns
            };
            if turn == 1 {
                let _ = held.lock().unwrap().recv();
            }
            turn
        };
        assert_eq!(aside_for(Duration::from_millis(10), work).await, Some(2));
        drop(release);
    }
}
