//! Work that takes long and that no exchange waits for, out of the exchanges' way.

use std::thread;

use tokio::sync::oneshot;

/// The least a thread can ask for of a core that others want as well.
#[cfg(target_os = "linux")]
const LAST: i32 = 19;

/// Does it on a thread of its own that lets others go first, and ends with it: who has given way once may not take that back.
/// `None` where it panicked, or where the system has no thread for it.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = oneshot::channel();
    let run = move || {
        give_way();
        drop(done.send(work()));
    };
    if let Err(error) = thread::Builder::new().name("aside".to_owned()).spawn(run) {
        tracing::warn!(cause = %error, "there is no thread for what is done beside exchanges");
    }
    result.await.ok()
}

/// Threads that this one starts give way as well.
#[cfg(target_os = "linux")]
fn give_way() {
    // On Linux a nice value belongs to a thread (sched(7)). Where it is forbidden, exchanges wait a little longer.
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LAST) {
        tracing::debug!(cause = %error, "no thread may give way");
    }
}

/// Elsewhere there is nothing like it that binds one thread alone.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn what_is_done_aside_gives_way_and_nothing_else_does() {
        // The 19th field of `stat` (proc(5)).
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let mut fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
            fields.nth(16).unwrap().parse::<i32>().unwrap()
        };
        let own = nice();
        let there = aside(move || (nice(), thread::spawn(nice).join().unwrap())).await;
        assert_eq!(there, Some((LAST, LAST)));
        assert_eq!((nice(), tokio::task::spawn_blocking(nice).await.unwrap()), (own, own));
    }

    #[tokio::test]
    async fn what_panics_has_no_result() {
        assert_eq!(aside(|| assert!(std::hint::black_box(false), "meant")).await, None);
    }
}
