//! Shadows: policies that are not in force, held against live traffic to see whom they would treat otherwise.
//!
//! An exchange of a route that has a shadow is witnessed: who called, the body, the upstream's answer, how it ended. Once
//! its caller has the answer, the witness goes to a queue, and one task in the background does with it what the shadow
//! would, on paper: checks, the person's standing, the walk over both bodies. What is left of it are counts.
//!
//! INVARIANT: nothing of a shadow is waited for, answered, forwarded, sealed, minted or written. It takes no [`Permit`]
//! and makes no [`Cleared`], so nothing could be.
//! INVARIANT: what is witnessed is in memory once, shared with the exchange, for [`STALE`] after its end at most, and
//! [`HELD`] bytes at most; what does not fit is dropped and counted.
//!
//! [`Permit`]: super::authorize::Permit
//! [`Cleared`]: super::minimise::Cleared

mod compare;
mod trace;
mod view;

pub(super) use trace::Trace;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use zeroize::Zeroize as _;

use super::Gateway;
use super::admit::{Admitted, Received};
use super::forward::Answer;
use super::gateway::Live;
use crate::crypto::{Mac, random};
use crate::problem::Problem;

/// How many exchanges wait at most.
const WAITING: usize = 256;
/// How many bytes of bodies and answers wait at most, and how many one exchange may have.
const HELD: usize = 16 * 1024 * 1024;
const LARGEST: usize = 1024 * 1024;
/// How long one waits at most: whoever is late is dropped, so that no body is held for long.
const STALE: Duration = Duration::from_secs(5);
/// Work is paid back with as much rest, so that shadows take half a core at most; in pieces that a timer can measure.
const REST: Duration = Duration::from_millis(2);

/// Where witnesses wait.
pub(super) struct Desk {
    queue: mpsc::Sender<Job>,
    waiting: Mutex<Option<mpsc::Receiver<Job>>>,
    /// Whether anybody looks at what is brought.
    open: AtomicBool,
    held: Arc<AtomicUsize>,
    /// Under which pseudonyms are compared. No domain's own secret is asked for: it might have to be minted.
    mac: Mac,
}

impl Desk {
    pub(super) fn new() -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let mac = Mac::new(&random::bytes::<32>());
        let waiting = Mutex::new(Some(waiting));
        Self { queue, waiting, open: AtomicBool::new(false), held: Arc::default(), mac }
    }
}

/// What is seen of an exchange whose route has a shadow.
pub(super) struct Witness {
    /// The call as it was admitted.
    admitted: Admitted,
    body: Received,
    answer: OnceLock<Answer>,
}

impl Witness {
    /// For an exchange that goes on beside it; none where its route has no shadow.
    pub(super) fn of(gateway: &Gateway, admitted: &Admitted, body: &Received) -> Option<Arc<Self>> {
        let route = &admitted.routed.route;
        if admitted.routed.live.plan.beside(route.index).is_empty() || !gateway.shadows().open.load(Relaxed) {
            return None;
        }
        let admitted = admitted.beside(Arc::clone(route));
        Some(Arc::new(Self { admitted, body: body.clone(), answer: OnceLock::new() }))
    }

    /// Sees what the upstream answered.
    pub(super) fn sees(&self, answer: &Answer) {
        let Answer { status, headers, body, caps } = answer;
        let (status, caps) = (*status, *caps);
        drop(self.answer.set(Answer { status, headers: headers.clone(), body: body.clone(), caps }));
    }

    /// The exchange has ended, and its caller gets the answer. Never waits.
    pub(super) fn ended(self: Arc<Self>, gateway: &Gateway, problem: Option<Problem>) {
        // What lies in the gateway's parts, or in how often somebody calls, lies in no policy's treatment.
        if matches!(
            problem,
            Some(Problem::DependencyUnavailable | Problem::InternalError | Problem::RateLimited)
        ) {
            return;
        }
        let desk = gateway.shadows();
        let size = self.body.bytes.len() + self.answer.get().map_or(0, |answer| answer.body.bytes.len());
        let held = Held { size, of: Arc::clone(&desk.held) };
        let before = desk.held.fetch_add(size, Relaxed);
        let job = Job { witness: self, problem, since: Instant::now(), held };
        if size > LARGEST || before + size > HELD {
            job.dropped(gateway);
        } else if let Err(full) = desk.queue.try_send(job) {
            match full {
                mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job) => {
                    job.dropped(gateway);
                }
            }
        }
    }
}

/// A witness that waits.
struct Job {
    witness: Arc<Witness>,
    problem: Option<Problem>,
    since: Instant,
    /// Given back when the job is gone.
    held: Held,
}

struct Held {
    size: usize,
    of: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.fetch_sub(self.size, Relaxed);
    }
}

impl Job {
    fn live(&self) -> &Live {
        &self.witness.admitted.routed.live
    }

    /// Counts it as not looked at.
    fn dropped(self, gateway: &Gateway) {
        let live = self.live();
        for (shadow, _) in live.plan.beside(self.witness.admitted.routed.route.index) {
            if let (Some(shadow), Some(drift)) =
                (live.plan.shadows.get(*shadow), live.drift().shadow(*shadow))
            {
                drift.dropped();
                gateway.metrics().shadow_dropped(&shadow.activity.name);
            }
        }
        self.forgotten();
    }

    /// Overwrites the bodies, where nobody else holds them any more.
    fn forgotten(self) {
        let Self { witness, held, .. } = self;
        if let Ok(Witness { body, answer, .. }) = Arc::try_unwrap(witness) {
            for body in std::iter::once(body).chain(answer.into_inner().map(|answer| answer.body)) {
                if let Ok(mut own) = body.bytes.try_into_mut() {
                    own.as_mut().zeroize();
                }
            }
        }
        drop(held);
    }
}

/// Looks at what is witnessed, for as long as it is polled. Once; a second call ends at once.
pub async fn look(gateway: Arc<Gateway>) {
    let desk = gateway.shadows();
    let waiting = desk.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut waiting) = waiting else { return };
    desk.open.store(true, Relaxed);
    let mut tired = Duration::ZERO;
    while let Some(job) = waiting.recv().await {
        let began = Instant::now();
        if job.since.elapsed() > STALE {
            job.dropped(&gateway);
        } else {
            let theirs = Arc::clone(&gateway);
            // A task of its own: whatever becomes of one look, the next one is taken.
            let looked = tokio::spawn(async move {
                view::look(&theirs, &job.witness, job.problem).await;
                job.forgotten();
            });
            if looked.await.is_err() {
                tracing::error!("a shadow could not be looked at");
            }
        }
        tired += began.elapsed();
        if tired >= REST {
            tokio::time::sleep(tired).await;
            tired = Duration::ZERO;
        }
    }
}
