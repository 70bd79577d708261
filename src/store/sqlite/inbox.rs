//! What waits for the writer. Falling asleep and waking costs as much as writing a change, so who brings one that can wait for
//! others wakes nobody who is asleep for more than that.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many messages may wait.
const ROOM: usize = 8192;

/// An inbox, and its two ends.
pub(super) fn inbox<M: Hurries>() -> (Inbox<M>, Messages<M>) {
    let waiting = Waiting { messages: VecDeque::new(), hurried: false, asleep: None, ended: false };
    let shared = Arc::new(Shared { waiting: Mutex::new(waiting), come: Condvar::new() });
    (Inbox(Arc::clone(&shared)), Messages { shared, taken: VecDeque::new() })
}

/// Tells a message that somebody waits for from one that can wait.
pub(super) trait Hurries {
    fn hurries(&self) -> bool;
}

/// Where messages are put. The inbox ends with it.
pub(super) struct Inbox<M>(Arc<Shared<M>>);

/// Where they are taken. Whoever still waits when it is dropped is dropped with it.
pub(super) struct Messages<M> {
    shared: Arc<Shared<M>>,
    taken: VecDeque<M>,
}

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
    Ended,
}

/// Nothing is there, and nothing will come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended;

struct Shared<M> {
    waiting: Mutex<Waiting<M>>,
    come: Condvar,
}

struct Waiting<M> {
    messages: VecDeque<M>,
    /// Whether one of them hurries.
    hurried: bool,
    /// What the one who takes sleeps for; none where it is awake, or has been woken.
    asleep: Option<For>,
    ended: bool,
}

impl<M> Shared<M> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<M>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> Waiting<M> {
    fn has(&self, wanted: For) -> bool {
        match wanted {
            For::Anything => !self.messages.is_empty(),
            For::Hurried => self.hurried,
        }
    }
}

impl<M: Hurries> Inbox<M> {
    pub(super) fn put(&self, message: M) -> Result<(), Refused<M>> {
        let mut waiting = self.0.waiting();
        if waiting.ended {
            return Err(Refused::Ended);
        }
        if waiting.messages.len() >= ROOM {
            return Err(Refused::Full(message));
        }
        waiting.hurried |= message.hurries();
        waiting.messages.push_back(message);
        let wakes = waiting.asleep.is_some_and(|wanted| waiting.has(wanted));
        if wakes {
            waiting.asleep = None;
        }
        drop(waiting);
        if wakes {
            self.0.come.notify_one();
        }
        Ok(())
    }
}

impl<M> Drop for Inbox<M> {
    fn drop(&mut self) {
        self.0.waiting().ended = true;
        self.0.come.notify_one();
    }
}

impl<M> Messages<M> {
    /// The next message that is there.
    pub(super) fn take(&mut self) -> Option<M> {
        if self.taken.is_empty() {
            let mut waiting = self.shared.waiting();
            mem::swap(&mut waiting.messages, &mut self.taken);
            waiting.hurried = false;
        }
        self.taken.pop_front()
    }

    /// Sleeps until what is wanted has come, or until then.
    pub(super) fn sleep(&self, wanted: For, until: Option<Instant>) -> Result<(), Ended> {
        let mut waiting = self.shared.waiting();
        while !waiting.has(wanted) && !waiting.ended {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            waiting.asleep = Some(wanted);
            waiting = match left {
                Some(left) => {
                    self.shared.come.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.come.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
        waiting.asleep = None;
        if waiting.ended && waiting.messages.is_empty() { Err(Ended) } else { Ok(()) }
    }
}

impl<M> Drop for Messages<M> {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting();
        waiting.ended = true;
        let left = mem::take(&mut waiting.messages);
        drop(waiting);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Message {
        Patient(u32),
        Hurried(u32),
    }

    impl Hurries for Message {
        fn hurries(&self) -> bool {
            matches!(self, Self::Hurried(_))
        }
    }

    use Message::{Hurried, Patient};

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    fn all(messages: &mut Messages<Message>) -> Vec<Message> {
        std::iter::from_fn(|| messages.take()).collect()
    }

    fn in_some_time(time: Duration) -> Option<Instant> {
        Some(Instant::now() + time)
    }

    #[test]
    fn they_are_taken_in_their_order() {
        let (inbox, mut messages) = inbox();
        assert_eq!(messages.take(), None);
        for number in 0..3 {
            inbox.put(Patient(number)).unwrap();
        }
        assert_eq!(messages.take(), Some(Patient(0)));
        inbox.put(Hurried(3)).unwrap();
        assert_eq!(all(&mut messages), [Patient(1), Patient(2), Hurried(3)]);
    }

    #[test]
    fn what_can_wait_wakes_nobody_who_waits_for_more() {
        let (inbox, messages) = inbox();
        let sleeper = thread::spawn(move || {
            let mut messages = messages;
            messages.sleep(For::Hurried, in_some_time(LONG)).unwrap();
            all(&mut messages)
        });
        inbox.put(Patient(1)).unwrap();
        inbox.put(Patient(2)).unwrap();
        thread::sleep(SHORT);
        assert!(!sleeper.is_finished());
        inbox.put(Hurried(3)).unwrap();
        assert_eq!(sleeper.join().unwrap(), [Patient(1), Patient(2), Hurried(3)]);
    }

    #[test]
    fn anything_wakes_who_waits_for_anything() {
        for message in [Patient(1), Hurried(1)] {
            let (inbox, messages) = inbox();
            let sleeper = thread::spawn(move || {
                let mut messages = messages;
                messages.sleep(For::Anything, None).unwrap();
                messages.take()
            });
            thread::sleep(SHORT);
            inbox.put(message).unwrap();
            assert!(sleeper.join().unwrap().is_some());
        }
    }

    #[test]
    fn what_has_come_before_the_sleep_is_not_slept_through() {
        let (inbox, mut messages) = inbox();
        inbox.put(Patient(1)).unwrap();
        messages.sleep(For::Anything, None).unwrap();
        inbox.put(Hurried(2)).unwrap();
        messages.sleep(For::Hurried, None).unwrap();
        assert_eq!(all(&mut messages), [Patient(1), Hurried(2)]);
    }

    #[test]
    fn time_runs_out() {
        let (inbox, mut messages) = inbox();
        let until = in_some_time(SHORT);
        inbox.put(Patient(1)).unwrap();
        messages.sleep(For::Hurried, until).unwrap();
        assert!(until <= Some(Instant::now()));
        assert_eq!(messages.take(), Some(Patient(1)));
        assert_eq!(messages.sleep(For::Anything, in_some_time(Duration::ZERO)), Ok(()));
    }

    #[test]
    fn a_full_inbox_gives_the_message_back() {
        let (inbox, mut messages) = inbox();
        for number in 0..u32::try_from(ROOM).unwrap() {
            inbox.put(Patient(number)).unwrap();
        }
        assert!(matches!(inbox.put(Hurried(7)), Err(Refused::Full(Hurried(7)))));
        messages.take().unwrap();
        inbox.put(Hurried(7)).unwrap();
    }

    #[test]
    fn the_end_of_either_end_is_heard_at_the_other() {
        let (first, mut messages) = inbox();
        first.put(Patient(1)).unwrap();
        drop(first);
        assert_eq!(messages.sleep(For::Anything, None), Ok(()), "what was put is taken first");
        assert_eq!(all(&mut messages), [Patient(1)]);
        assert_eq!(messages.sleep(For::Anything, None), Err(Ended));

        let (second, messages) = inbox();
        second.put(Patient(1)).unwrap();
        drop(messages);
        assert!(matches!(second.put(Patient(2)), Err(Refused::Ended)));

        let (third, messages) = inbox::<Message>();
        let sleeper = thread::spawn(move || messages.sleep(For::Hurried, None));
        thread::sleep(SHORT);
        drop(third);
        assert_eq!(sleeper.join().unwrap(), Err(Ended));
    }
}
