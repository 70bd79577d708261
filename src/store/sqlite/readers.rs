//! The threads that read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

use crate::store::{Result, StoreError};
use crate::telemetry::Causes;

use super::Shared;
use super::files::{self, Files};
use super::prepared::Prepared;
use super::reader::Reader;

/// How many threads read.
const THREADS: usize = 2;
/// How many questions may wait for each.
const QUEUE: usize = 4096;

/// A question with its answer's address; tells whether the connection is still good.
type Job = Box<dyn FnOnce(&Reader<'_>) -> bool + Send>;

/// The threads' inboxes.
pub(super) struct Readers {
    inboxes: Vec<SyncSender<Job>>,
    next: AtomicUsize,
}

impl Readers {
    pub(super) fn start(files: &Files, shared: &Arc<Shared>) -> Result<Self> {
        let mut inboxes = Vec::with_capacity(THREADS);
        for number in 0..THREADS {
            let (inbox, jobs) = sync_channel(QUEUE);
            let (files, shared) = (files.clone(), shared.clone());
            let path = files.data.clone();
            std::thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || run(&files, &shared, &jobs))
                .map_err(|error| files::unopened(&path, error))?;
            inboxes.push(inbox);
        }
        Ok(Self { inboxes, next: AtomicUsize::new(0) })
    }

    /// Asks one of the threads.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |reader| {
            let said = question(reader);
            let good = said.is_ok();
            let _ = answer.send(said);
            good
        });
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % THREADS;
        let inbox = self.inboxes.get(turn).ok_or(StoreError::Unavailable(None))?;
        inbox.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Unavailable(None),
        })?;
        Ok(answered.await.map_err(|_| StoreError::Unavailable(None))??)
    }
}

/// Answers until nobody can ask any more. Where the files cannot be opened, questions are dropped, which their askers
/// see as `Unavailable`.
fn run(files: &Files, shared: &Shared, jobs: &Receiver<Job>) {
    let mut waiting = None;
    loop {
        let Some(job) = waiting.take().or_else(|| jobs.recv().ok()) else {
            return;
        };
        let generation = shared.generation.load(Ordering::Acquire);
        let [data, keyring] = match files.connect_reader() {
            Ok(connections) => connections,
            Err(error) => {
                tracing::error!(cause = %Causes(&error), "the store cannot be read");
                continue;
            }
        };
        let (data, keyring) = (Prepared::new(&data), Prepared::new(&keyring));
        let reader = Reader { data, keyring, fresh: &shared.fresh, files };
        let mut good = job(&reader);
        while good {
            let Ok(job) = jobs.recv() else {
                return;
            };
            if shared.generation.load(Ordering::Acquire) != generation {
                waiting = Some(job);
                break;
            }
            good = job(&reader);
        }
    }
}
