//! Answers on their way to who waits for them. Whoever is woken from another thread costs that thread a system call, so the
//! answers of a group go to a carrier on each thread that waits for some, which is woken once and hands them out there.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, oneshot};

use super::{Done, Receipt, Result};

type Sender = oneshot::Sender<Result<Done>>;
type Answers = Vec<(Sender, Result<Done>)>;

thread_local! {
    /// The carrier of this thread, and the runtime that it runs in.
    static HERE: RefCell<Option<(Id, Arc<Post>)>> = const { RefCell::new(None) };
}

/// Who waits for a change.
#[derive(Debug)]
pub(super) struct Waiting {
    sender: Sender,
    /// The carrier of the thread that asked; none where it has no runtime.
    post: Option<Arc<Post>>,
}

/// Who waits, and what they wait with.
pub(super) fn waiting() -> (Waiting, Receipt) {
    let (sender, receipt) = oneshot::channel();
    (Waiting { sender, post: here() }, Receipt(receipt))
}

/// Gives everybody their answer.
pub(super) fn deliver(answers: impl Iterator<Item = (Waiting, Result<Done>)>) {
    let mut posts: Vec<Arc<Post>> = Vec::new();
    for (Waiting { sender, post }, answer) in answers {
        match post {
            None => hand(sender, answer),
            Some(post) => {
                post.put(sender, answer);
                if !posts.iter().any(|other| Arc::ptr_eq(other, &post)) {
                    posts.push(post);
                }
            }
        }
    }
    for post in posts {
        post.come.notify_one();
    }
}

/// What one thread's carrier has to hand out.
#[derive(Debug)]
struct Post {
    come: Notify,
    /// None once the carrier is gone.
    answers: Mutex<Option<Answers>>,
}

impl Post {
    fn answers(&self) -> MutexGuard<'_, Option<Answers>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, sender: Sender, answer: Result<Done>) {
        match &mut *self.answers() {
            Some(answers) => answers.push((sender, answer)),
            // The runtime ended; who waits elsewhere still gets the answer.
            None => hand(sender, answer),
        }
    }
}

/// Hands out what comes, as long as its runtime lives.
struct Carrier(Arc<Post>);

impl Carrier {
    async fn run(self) {
        loop {
            self.0.come.notified().await;
            let come = self.0.answers().as_mut().map(std::mem::take).unwrap_or_default();
            come.into_iter().for_each(|(sender, answer)| hand(sender, answer));
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        let left = self.0.answers().take().unwrap_or_default();
        left.into_iter().for_each(|(sender, answer)| hand(sender, answer));
    }
}

/// Who does not wait any more needs no answer.
fn hand(sender: Sender, answer: Result<Done>) {
    let _ = sender.send(answer);
}

/// This thread's carrier, in the runtime that is entered here.
fn here() -> Option<Arc<Post>> {
    let runtime = Handle::try_current().ok()?;
    HERE.with_borrow_mut(|here| {
        if let Some((id, post)) = here
            && *id == runtime.id()
            && post.answers().is_some()
        {
            return Some(Arc::clone(post));
        }
        let post = Arc::new(Post { come: Notify::new(), answers: Mutex::new(Some(Vec::new())) });
        runtime.spawn(Carrier(Arc::clone(&post)).run());
        *here = Some((runtime.id(), Arc::clone(&post)));
        Some(post)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn done(entry: u64) -> Result<Done> {
        Ok(Done { entry, ..Done::default() })
    }

    #[test]
    fn everybody_gets_their_own_answer_whichever_runtime_they_wait_in() {
        for _ in 0..3 {
            let (first, second) = (runtime(), runtime());
            let (mut waiting_all, mut receipts) = (Vec::new(), Vec::new());
            for number in 0..40 {
                let (waiting, receipt) = match number % 3 {
                    0 => first.block_on(async { waiting() }),
                    1 => second.block_on(async { waiting() }),
                    _ => super::waiting(),
                };
                waiting_all.push(waiting);
                receipts.push((number, receipt));
            }
            std::thread::spawn(|| deliver(waiting_all.into_iter().zip((0..).map(done)))).join().unwrap();
            for (number, receipt) in receipts {
                let runtime = if number % 3 == 1 { &second } else { &first };
                assert_eq!(runtime.block_on(receipt).unwrap().entry, number);
            }
        }
    }

    #[test]
    fn an_answer_comes_also_where_the_runtime_that_asked_has_ended() {
        for late in [false, true] {
            let asked = runtime();
            let (waiting, receipt) = asked.block_on(async { waiting() });
            let answer = move || deliver(std::iter::once((waiting, done(7))));
            if late {
                drop(asked);
                answer();
            } else {
                answer();
                drop(asked);
            }
            assert_eq!(runtime().block_on(receipt).unwrap().entry, 7);
        }
    }

    #[test]
    fn who_is_dropped_unanswered_says_unavailable() {
        let (waiting, receipt) = waiting();
        drop(waiting);
        assert!(matches!(runtime().block_on(receipt), Err(StoreError::Unavailable(None))));
    }
}
