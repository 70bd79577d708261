//! Callers who go on calling while something else happens to the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use super::clean_body;
use super::gateway::{Gateway, RISK};

/// Each on a connection of its own; a call that is not answered as it should be fails the test.
pub(crate) struct Callers {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    all: Vec<JoinHandle<()>>,
}

impl Callers {
    /// So many of them.
    pub(crate) async fn begin(gateway: &Gateway, count: usize) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut all = Vec::new();
        for _ in 0..count {
            let mut connection = gateway.client.http1().await;
            let (stop, done, call) = (Arc::clone(&stop), Arc::clone(&done), gateway.score(clean_body()));
            all.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(connection.send(call.clone()).await.unwrap().ok().text(), RISK);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        Self { stop, done, all }
    }

    /// How many calls were answered until now.
    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits until so many were.
    pub(crate) async fn reach(&self, calls: usize) {
        while self.done() < calls {
            tokio::task::yield_now().await;
            assert!(self.all.iter().all(|caller| !caller.is_finished()), "a call failed");
        }
    }

    /// Lets them end, and says how many calls were answered in all.
    pub(crate) async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.all {
            caller.await.unwrap();
        }
        self.done.load(Ordering::Relaxed)
    }
}
