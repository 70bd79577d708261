//! Underway: an exchange that may have reached the upstream comes to its end, whether or not its caller waits for it. Who
//! hung up after the upstream's first byte would otherwise leave a prediction without a record.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::sync::Notify;

use crate::problem::{Problem, Rejection};

/// How many exchanges of a thread are seen to their end for callers who left. Who hangs up holds nothing of their own any
/// more, so what they hold of ours is bounded: beyond it an exchange is cut off, and sealed as aborted.
const LEFT: usize = 1024;

/// What is carried to its end. Boxed, since it may go on where it is not.
type Work<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>>>>;

/// What a thread has under way at its upstreams.
#[derive(Debug, Default)]
pub(super) struct Underway {
    tasks: Cell<usize>,
    left: Cell<usize>,
    ended: Notify,
}

impl Underway {
    /// Carries `work` to its end: with the caller as long as they wait for it, and on a task of its own where they leave.
    pub(super) fn to_its_end<T: 'static>(
        self: &Rc<Self>,
        work: Work<T>,
    ) -> impl Future<Output = Result<T, Rejection>> + use<T> {
        Awaited(Some((work, Counted::new(self))))
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
    has_left: bool,
}

impl Counted {
    fn new(underway: &Rc<Underway>) -> Self {
        underway.tasks.set(underway.tasks.get() + 1);
        Self { underway: Rc::clone(underway), has_left: false }
    }

    /// The caller has left; false where too many have.
    fn leaves(&mut self) -> bool {
        let left = &self.underway.left;
        self.has_left = left.get() < LEFT;
        left.set(left.get() + usize::from(self.has_left));
        self.has_left
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Underway { tasks, left, ended } = &*self.underway;
        tasks.set(tasks.get().saturating_sub(1));
        if self.has_left {
            left.set(left.get().saturating_sub(1));
        }
        ended.notify_one();
    }
}

/// Work that somebody waits for; dropped before its end, it goes on without them.
struct Awaited<T: 'static>(Option<(Work<T>, Counted)>);

impl<T> Future for Awaited<T> {
    type Output = Result<T, Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some((work, _)) = &mut this.0 else {
            return Poll::Ready(Err(Rejection::new(Problem::InternalError)));
        };
        // A defect takes its own exchange along, and not what else its thread has under way.
        let done = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(polled) => ready!(polled),
            Err(_) => Err(Rejection::new(Problem::InternalError)),
        };
        this.0 = None;
        Poll::Ready(done)
    }
}

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        if let Some((work, mut counted)) = self.0.take()
            && counted.leaves()
        {
            tokio::task::spawn_local(async move {
                // Nobody is left to hear how it ended.
                let _ = work.await;
                drop(counted);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

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
    fn a_defect_ends_its_own_exchange_and_no_other() {
        on_a_thread(async {
            let underway = Rc::new(Underway::default());
            let work: Work<()> = Box::pin(async { panic!("a defect") });
            let refused = underway.to_its_end(work).await;
            assert_eq!(refused.unwrap_err().problem, Problem::InternalError);
            assert_eq!((underway.tasks.get(), underway.left.get()), (0, 0));
        });
    }

    #[test]
    fn what_is_cut_off_with_its_thread_ends_with_it() {
        let underway = Rc::new(Underway::default());
        let (tell, ended) = oneshot::channel::<()>();
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            let underway = Rc::clone(&underway);
            tokio::task::spawn_local(async move {
                let work: Work<()> = Box::pin(async move {
                    let _held = tell;
                    std::future::pending().await
                });
                underway.to_its_end(work).await
            });
            tokio::task::yield_now().await;
        });
        assert_eq!(underway.tasks.get(), 1);
        drop(runtime);
        assert_eq!((underway.tasks.get(), underway.left.get()), (0, 0));
        assert!(ended.blocking_recv().is_err());
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
