//! What is kept of activities that no policy names: nothing says when it must go, so whoever runs the gateway is told until it is
//! gone, or has a policy again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::office::Office;
use crate::clock::Timestamp;
use crate::crypto::Digest;
use crate::custody::retention;
use crate::rights::Facts;

/// How often it is looked for while there is some: what was erased is soon told no more.
const AGAIN: Duration = Duration::from_secs(60);

/// What was found at the last look.
#[derive(Debug, Default)]
pub(super) struct Unnamed(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The policies that were in force then, and when it was; none before the first look.
    last: Option<(Digest, Timestamp)>,
    names: Vec<String>,
}

impl Unnamed {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to look again: other policies are in force, or it may be gone.
    fn is_due(&self, policies: Digest, now: Timestamp) -> bool {
        let seen = self.seen();
        let Some((read, at)) = seen.last else { return true };
        // A clock that was set back must not stop the looking.
        read != policies || !seen.names.is_empty() && (now < at || now >= at.plus(AGAIN))
    }

    /// Puts what was found, and answers what was not found before.
    pub(super) fn put(&self, policies: Digest, now: Timestamp, names: Vec<String>) -> Vec<String> {
        let mut seen = self.seen();
        let fresh = names.iter().filter(|name| !seen.names.contains(name)).cloned().collect();
        *seen = Seen { last: Some((policies, now)), names };
        fresh
    }

    /// How many activities there are.
    pub(super) fn count(&self) -> usize {
        self.seen().names.len()
    }

    /// In a line, if there are any: to whoever may operate the gateway with their names, to others without.
    pub(super) fn says(&self, names: bool) -> Option<String> {
        let seen = self.seen();
        let of = match seen.names.as_slice() {
            [] => return None,
            some if names => {
                let some: Vec<_> = some.iter().map(|name| format!("`{name}`")).collect();
                format!("{}, which no policy names", some.join(", "))
            }
            [_] => "an activity that no policy names".to_owned(),
            some => format!("{} activities that no policy names", some.len()),
        };
        let next = if names {
            "give them a policy again until they come to their term, or erase them with `consentry erase`"
        } else {
            "the log says which"
        };
        Some(format!("records are kept of {of}, so nothing says when they must go: {next}"))
    }
}

/// In the log.
pub(super) fn warn(activity: &str) {
    tracing::warn!(
        activity,
        "records are kept of an activity that no policy names: nothing says when they must go"
    );
}

impl Office {
    /// Looks for what is kept of activities that no policy names, where other policies are in force than at the last look, and
    /// each minute while there is some. The composition root asks for it often: mostly there is nothing to do. Where the store
    /// does not answer, the next look is as this one.
    pub async fn look_for_unnamed(&self) {
        let (live, now) = (self.gateway.live(), self.gateway.clock().now());
        let policies = live.plan.digest;
        if !self.unnamed.is_due(policies, now) {
            return;
        }
        let Ok(kept) = self.store().activities().await else { return };
        let unnamed = retention::unnamed(kept, &Facts::from(&live.plan).terms());
        self.unnamed.put(policies, now, unnamed).iter().for_each(|activity| warn(activity));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_when_policies_change_and_while_there_is_some() {
        let unnamed = Unnamed::default();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let (one, two) = ([1; 32], [2; 32]);
        assert!(unnamed.is_due(one, at(0)));
        assert!(unnamed.put(one, at(0), Vec::new()).is_empty());
        assert!(!unnamed.is_due(one, at(3600)) && unnamed.is_due(two, at(1)));
        assert_eq!(unnamed.put(two, at(1), vec!["a".to_owned()]), ["a"]);
        assert!(!unnamed.is_due(two, at(60)) && unnamed.is_due(two, at(61)) && unnamed.is_due(two, at(0)));
        assert_eq!(unnamed.put(two, at(61), vec!["a".to_owned(), "b".to_owned()]), ["b"]);
        let (all, stranger) = (unnamed.says(true).unwrap(), unnamed.says(false).unwrap());
        assert!(all.starts_with("records are kept of `a`, `b`, which no policy names"), "{all}");
        assert!(
            stranger.starts_with("records are kept of 2 activities") && !stranger.contains('`'),
            "{stranger}"
        );
        assert!(unnamed.put(one, at(62), Vec::new()).is_empty());
        assert_eq!((unnamed.count(), unnamed.says(true)), (0, None));
    }
}
