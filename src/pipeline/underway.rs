//! Underway: an exchange that may have reached the upstream comes to its end, whether or not its caller waits for it. Who
//! hung up after the upstream's first byte would otherwise leave a prediction without a record.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::problem::{Problem, Rejection};

/// How many exchanges of a thread are seen to their end for callers who left. Who hangs up holds nothing of their own any
/// more, so what they hold of ours is bounded: beyond it an exchange is cut off, and sealed as aborted.
const LEFT: usize = 1024;

/// What a thread has under way at its upstreams.
#[derive(Debug, Default)]
pub(super) struct Underway {
    tasks: Cell<usize>,
    left: Cell<usize>,
    ended: Notify,
}

impl Underway {
    /// Carries `work` to its end on a task of its own, and waits for it as long as the caller does. It comes boxed, since a
    /// task is moved several times before it is where it stays.
    pub(super) async fn to_its_end<T: 'static>(
        self: &Rc<Self>,
        work: Pin<Box<impl Future<Output = Result<T, Rejection>> + 'static>>,
    ) -> Result<T, Rejection> {
        let counted = Counted::new(self);
        let has_left = Rc::clone(&counted.has_left);
        let task = tokio::task::spawn_local(async move {
            let done = work.await;
            drop(counted);
            done
        });
        let mut awaited = Awaited { task, has_left, underway: Rc::clone(self) };
        let done = (&mut awaited.task).await;
        done.unwrap_or_else(|died| Err(Rejection::new(Problem::InternalError).because(died)))
    }

    /// When nothing is under way any more.
    pub(super) async fn settled(&self) {
        while self.tasks.get() > 0 {
            self.ended.notified().await;
        }
    }
}

/// One more, until it is dropped.
struct Counted {
    underway: Rc<Underway>,
    has_left: Rc<Cell<bool>>,
}

impl Counted {
    fn new(underway: &Rc<Underway>) -> Self {
        underway.tasks.set(underway.tasks.get() + 1);
        Self { underway: Rc::clone(underway), has_left: Rc::default() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Underway { tasks, left, ended } = &*self.underway;
        tasks.set(tasks.get().saturating_sub(1));
        if self.has_left.get() {
            left.set(left.get().saturating_sub(1));
        }
        ended.notify_one();
    }
}

/// Work that somebody waits for; dropped before its end, the work goes on without them.
struct Awaited<T> {
    task: JoinHandle<T>,
    has_left: Rc<Cell<bool>>,
    underway: Rc<Underway>,
}

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        if self.task.is_finished() {
            return;
        }
        let left = &self.underway.left;
        if left.get() >= LEFT {
            self.task.abort();
        } else {
            left.set(left.get() + 1);
            self.has_left.set(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use tokio::runtime::{Builder, LocalOptions};
    use tokio::sync::oneshot;

    use super::*;

    fn on_a_thread<T>(test: impl Future<Output = T>) -> T {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(test)
    }

    /// Begins work that waits for a word, and leaves. What tells how it ended, and the word, come back.
    fn begun_and_left(underway: &Rc<Underway>) -> (oneshot::Sender<()>, oneshot::Receiver<bool>) {
        let (word, waits) = oneshot::channel::<()>();
        let (tell, ended) = oneshot::channel();
        let work = async move {
            tell.send(waits.await.is_ok()).unwrap();
            Ok(())
        };
        let mut exchange = Box::pin(underway.to_its_end(Box::pin(work)));
        let polled = exchange.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        (word, ended)
    }

    #[test]
    fn what_somebody_waits_for_is_theirs() {
        on_a_thread(async {
            let underway = Rc::new(Underway::default());
            assert_eq!(underway.to_its_end(Box::pin(async { Ok(7) })).await.unwrap(), 7);
            let refused =
                underway.to_its_end(Box::pin(async { Err::<(), _>(Problem::FieldInvalid.into()) })).await;
            assert_eq!(refused.unwrap_err().problem, Problem::FieldInvalid);
            underway.settled().await;
        });
    }

    #[test]
    fn work_goes_on_when_the_caller_leaves_and_is_waited_for() {
        on_a_thread(async {
            let underway = Rc::new(Underway::default());
            let (word, ended) = begun_and_left(&underway);
            assert_eq!((underway.tasks.get(), underway.left.get()), (1, 1));
            let mut settled = Box::pin(underway.settled());
            assert!(settled.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            word.send(()).unwrap();
            settled.await;
            assert!(ended.await.unwrap());
            assert_eq!((underway.tasks.get(), underway.left.get()), (0, 0));
        });
    }

    #[test]
    fn those_who_leave_hold_so_much_and_no_more() {
        on_a_thread(async {
            let underway = Rc::new(Underway::default());
            let first: Vec<_> = (0..LEFT).map(|_| begun_and_left(&underway)).collect();
            let (_word, beyond) = begun_and_left(&underway);
            assert!(beyond.await.is_err(), "cut off");
            for (word, ended) in first {
                word.send(()).unwrap();
                assert!(ended.await.unwrap());
            }
            underway.settled().await;
            assert_eq!(underway.left.get(), 0);
        });
    }
}
