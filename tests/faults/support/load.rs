//! Many callers at once. Every request is numbered, and is about a person of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::caller::Unsent;
use super::{Activity, Answer, Caller, Deployment};

/// What numbers are taken from; a person's name is theirs.
#[derive(Clone, Default)]
pub(crate) struct Load {
    numbers: Arc<AtomicU64>,
}

/// A load under way.
pub(crate) struct Underway {
    callers: JoinSet<Outcome>,
    answered: watch::Sender<usize>,
    over: watch::Sender<bool>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Answered with 200.
    pub(crate) answered: Vec<(u64, Activity, Answer)>,
    /// Answered with anything else.
    pub(crate) refused: Vec<(u64, StatusCode, String)>,
    /// Sent, perhaps in part, and not answered.
    pub(crate) lost: Vec<u64>,
}

impl Load {
    /// The person whom a numbered request is about.
    pub(crate) fn person(number: u64) -> String {
        format!("p{number}")
    }

    /// Calls from `callers` places until nobody listens any more.
    pub(crate) fn begin(
        &self,
        deployment: &Arc<Deployment>,
        address: SocketAddr,
        activities: &'static [Activity],
        callers: usize,
    ) -> Underway {
        let (answered, over) = (watch::Sender::new(0), watch::Sender::new(false));
        let mut set = JoinSet::new();
        for _ in 0..callers {
            let caller = Caller::new(deployment, address);
            let (deployment, numbers) = (Arc::clone(deployment), Arc::clone(&self.numbers));
            let (count, over) = (answered.clone(), over.subscribe());
            set.spawn(async move {
                let mut outcome = Outcome::default();
                while !*over.borrow()
                    && let Ok(mut line) = caller.connect().await
                {
                    loop {
                        let number = numbers.fetch_add(1, Ordering::Relaxed);
                        let activity = activities[number as usize % activities.len()];
                        let token = deployment.token(&Self::person(number));
                        let body = json!({ "number": number, "mark": "m" });
                        let answer = match line.post(&activity.path(), &token, &body).await {
                            Ok(answer) => answer,
                            Err(error) if error.is::<Unsent>() => break,
                            Err(_) => {
                                outcome.lost.push(number);
                                break;
                            }
                        };
                        let closes = answer.closes;
                        if answer.status == StatusCode::OK {
                            assert_eq!(answer.body["echo"], number, "somebody else's answer");
                            outcome.answered.push((number, activity, answer));
                            count.send_modify(|answered| *answered += 1);
                        } else {
                            let problem = answer.problem().unwrap_or_default().to_owned();
                            outcome.refused.push((number, answer.status, problem));
                        }
                        if closes || *over.borrow() {
                            break;
                        }
                    }
                }
                outcome
            });
        }
        Underway { callers: set, answered, over }
    }
}

impl Underway {
    /// When so many have been answered.
    pub(crate) async fn answered(&self, count: usize) {
        self.answered.subscribe().wait_for(|answered| *answered >= count).await.unwrap();
    }

    /// Lets every caller finish, and waits for the end.
    pub(crate) async fn stop(self) -> Outcome {
        self.over.send_replace(true);
        self.end().await
    }

    /// Waits for the end, which comes when nobody listens.
    pub(crate) async fn end(self) -> Outcome {
        let mut all = Outcome::default();
        for Outcome { answered, refused, lost } in self.callers.join_all().await {
            all.answered.extend(answered);
            all.refused.extend(refused);
            all.lost.extend(lost);
        }
        all
    }
}
