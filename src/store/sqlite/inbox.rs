//! What waits for the writer. Falling asleep and waking costs as much as writing a change, so a message that can wait wakes the
//! writer only where it sleeps for anything.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many messages may wait.
const ROOM: usize = 8192;

/// An inbox, and its two ends. As many messages as are `enough` hurry, even if each can wait.
pub(super) fn inbox<M: Hurries>(enough: usize) -> (Inbox<M>, Messages<M>) {
    let queue = Queue { messages: VecDeque::new(), hurried: 0, enough, asleep: None, is_over: false };
    let shared = Arc::new(Shared { queue: Mutex::new(queue), come: Condvar::new() });
    (Inbox(Arc::clone(&shared)), Messages(shared))
}

/// Tells a message that is to be taken at once from one that can wait.
pub(super) trait Hurries {
    fn hurries(&self) -> bool;
}

/// Where messages are put. Dropped, it is said that no more will come.
pub(super) struct Inbox<M: Hurries>(Arc<Shared<M>>);

/// Where they are taken. What still waits when it is dropped is dropped with it.
pub(super) struct Messages<M: Hurries>(Arc<Shared<M>>);

/// What the one who takes sleeps for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Anything,
    /// Something that hurries.
    Hurried,
}

/// Why a message was not put.
#[derive(Debug)]
pub(super) enum Refused<M> {
    Full(M),
    /// Nobody takes any more.
    Over,
}

/// Nothing is there, and nothing will come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over;

struct Shared<M> {
    queue: Mutex<Queue<M>>,
    come: Condvar,
}

struct Queue<M> {
    messages: VecDeque<M>,
    /// How many of them hurry.
    hurried: usize,
    enough: usize,
    /// What the one who takes sleeps for; none where it is awake, or has been woken.
    asleep: Option<For>,
    is_over: bool,
}

impl<M> Shared<M> {
    fn queue(&self) -> MutexGuard<'_, Queue<M>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> Queue<M> {
    fn has(&self, wanted: For) -> bool {
        match wanted {
            For::Anything => !self.messages.is_empty(),
            For::Hurried => self.hurried > 0 || self.messages.len() >= self.enough,
        }
    }
}

impl<M: Hurries> Inbox<M> {
    pub(super) fn put(&self, message: M) -> Result<(), Refused<M>> {
        let mut queue = self.0.queue();
        if queue.is_over {
            return Err(Refused::Over);
        }
        if queue.messages.len() >= ROOM {
            return Err(Refused::Full(message));
        }
        queue.hurried += usize::from(message.hurries());
        queue.messages.push_back(message);
        let wakes = queue.asleep.is_some_and(|wanted| queue.has(wanted));
        if wakes {
            queue.asleep = None;
        }
        drop(queue);
        if wakes {
            self.0.come.notify_one();
        }
        Ok(())
    }
}

impl<M: Hurries> Drop for Inbox<M> {
    fn drop(&mut self) {
        self.0.queue().is_over = true;
        self.0.come.notify_one();
    }
}

impl<M: Hurries> Messages<M> {
    /// The next message that is there.
    pub(super) fn take(&self) -> Option<M> {
        let mut queue = self.0.queue();
        let message = queue.messages.pop_front()?;
        queue.hurried -= usize::from(message.hurries());
        Some(message)
    }

    /// Sleeps until what is wanted has come, or until then.
    pub(super) fn sleep(&self, wanted: For, until: Option<Instant>) -> Result<(), Over> {
        let mut queue = self.0.queue();
        while !queue.has(wanted) && !queue.is_over {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            queue.asleep = Some(wanted);
            queue = match left {
                Some(left) => self.0.come.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.0.come.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
        queue.asleep = None;
        if queue.is_over && queue.messages.is_empty() { Err(Over) } else { Ok(()) }
    }
}

impl<M: Hurries> Drop for Messages<M> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_over = true;
        let left = mem::take(&mut queue.messages);
        drop(queue);
        // Who waits for one of these hears that it was dropped.
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{self, JoinHandle};

    use super::*;

    #[derive(Debug, Clone)]
    enum Message {
        Patient(Arc<u32>),
        Hurried(Arc<u32>),
    }

    impl Hurries for Message {
        fn hurries(&self) -> bool {
            matches!(self, Self::Hurried(_))
        }
    }

    fn patient(number: u32) -> Message {
        Message::Patient(Arc::new(number))
    }

    fn hurried(number: u32) -> Message {
        Message::Hurried(Arc::new(number))
    }

    const ENOUGH: usize = 100;
    const LONG: Duration = Duration::from_secs(20);

    fn all(messages: &Messages<Message>) -> Vec<u32> {
        let number = |message| match message {
            Message::Patient(number) | Message::Hurried(number) => *number,
        };
        std::iter::from_fn(|| messages.take()).map(number).collect()
    }

    fn in_some_time(time: Duration) -> Option<Instant> {
        Some(Instant::now() + time)
    }

    /// Somebody who sleeps, and what they find: all that is there, and whether it took too long.
    struct Sleeper {
        shared: Arc<Shared<Message>>,
        thread: JoinHandle<(Result<(), Over>, Vec<u32>, bool)>,
    }

    impl Sleeper {
        fn lies_down(messages: Messages<Message>, wanted: For) -> Self {
            let shared = Arc::clone(&messages.0);
            let thread = thread::spawn(move || {
                let until = in_some_time(LONG);
                let slept = messages.sleep(wanted, until);
                (slept, all(&messages), Some(Instant::now()) >= until)
            });
            let sleeper = Self { shared, thread };
            while sleeper.is_for() != Some(wanted) {
                assert!(!sleeper.thread.is_finished());
                thread::yield_now();
            }
            sleeper
        }

        /// What they sleep for, as long as nobody has woken them.
        fn is_for(&self) -> Option<For> {
            self.shared.queue().asleep
        }

        fn finds(self, slept: Result<(), Over>, found: &[u32]) {
            assert_eq!(self.thread.join().unwrap(), (slept, found.to_vec(), false));
        }
    }

    #[test]
    fn they_are_taken_in_their_order() {
        let (inbox, messages) = inbox(ENOUGH);
        assert!(messages.take().is_none());
        for number in 0..3 {
            inbox.put(patient(number)).unwrap();
        }
        assert!(messages.take().is_some());
        inbox.put(hurried(3)).unwrap();
        assert_eq!(all(&messages), [1, 2, 3]);
    }

    #[test]
    fn what_can_wait_wakes_nobody_who_waits_for_more() {
        let (inbox, messages) = inbox(ENOUGH);
        let sleeper = Sleeper::lies_down(messages, For::Hurried);
        for number in 1..3 {
            inbox.put(patient(number)).unwrap();
            assert_eq!(sleeper.is_for(), Some(For::Hurried), "nobody is woken");
        }
        inbox.put(hurried(3)).unwrap();
        sleeper.finds(Ok(()), &[1, 2, 3]);
    }

    #[test]
    fn enough_of_what_can_wait_cannot() {
        let (inbox, messages) = inbox(3);
        let sleeper = Sleeper::lies_down(messages, For::Hurried);
        (1..=3).for_each(|number| inbox.put(patient(number)).unwrap());
        sleeper.finds(Ok(()), &[1, 2, 3]);
    }

    #[test]
    fn anything_wakes_who_waits_for_anything() {
        for message in [patient(1), hurried(1)] {
            let (inbox, messages) = inbox(ENOUGH);
            let sleeper = Sleeper::lies_down(messages, For::Anything);
            inbox.put(message).unwrap();
            sleeper.finds(Ok(()), &[1]);
        }
    }

    #[test]
    fn what_has_come_before_the_sleep_is_not_slept_through() {
        let (inbox, messages) = inbox(ENOUGH);
        inbox.put(patient(1)).unwrap();
        messages.sleep(For::Anything, None).unwrap();
        inbox.put(hurried(2)).unwrap();
        messages.sleep(For::Hurried, None).unwrap();
        assert_eq!(all(&messages), [1, 2]);
    }

    #[test]
    fn what_was_taken_hurries_no_more_and_time_runs_out() {
        let (inbox, messages) = inbox(ENOUGH);
        inbox.put(hurried(1)).unwrap();
        inbox.put(patient(2)).unwrap();
        assert!(messages.take().is_some());
        let until = in_some_time(Duration::from_millis(20));
        messages.sleep(For::Hurried, until).unwrap();
        assert!(until <= Some(Instant::now()));
        assert_eq!(all(&messages), [2]);
        assert_eq!(messages.sleep(For::Anything, in_some_time(Duration::ZERO)), Ok(()));
    }

    #[test]
    fn a_full_inbox_gives_the_message_back() {
        let (inbox, messages) = inbox(ENOUGH);
        for number in 0..u32::try_from(ROOM).unwrap() {
            inbox.put(patient(number)).unwrap();
        }
        assert!(
            matches!(inbox.put(hurried(7)), Err(Refused::Full(Message::Hurried(number))) if *number == 7)
        );
        messages.take().unwrap();
        inbox.put(hurried(7)).unwrap();
        assert!(matches!(inbox.put(hurried(8)), Err(Refused::Full(_))));
    }

    #[test]
    fn who_takes_hears_that_no_more_will_come() {
        let (first, messages) = inbox(ENOUGH);
        first.put(patient(1)).unwrap();
        drop(first);
        assert_eq!(messages.sleep(For::Anything, None), Ok(()), "what was put is taken first");
        assert_eq!(all(&messages), [1]);
        assert_eq!(messages.sleep(For::Anything, None), Err(Over));

        let (second, messages) = inbox(ENOUGH);
        let sleeper = Sleeper::lies_down(messages, For::Hurried);
        drop(second);
        sleeper.finds(Err(Over), &[]);
    }

    #[test]
    fn what_nobody_will_take_is_dropped() {
        let (inbox, messages) = inbox(ENOUGH);
        let message = patient(1);
        let Message::Patient(held) = message.clone() else { unreachable!() };
        inbox.put(message).unwrap();
        assert_eq!(Arc::strong_count(&held), 2);
        drop(messages);
        assert_eq!(Arc::strong_count(&held), 1, "who waits for it hears so");
        assert!(matches!(inbox.put(patient(2)), Err(Refused::Over)));
    }
}
