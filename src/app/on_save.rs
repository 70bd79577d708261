//! Reload on save: whoever saves a policy sees it in force a moment later, or reads in the log why it is not.
//!
//! What the system says of changed files is a hint and no more: folders are swapped whole, links are moved, network
//! file systems say nothing. A hint leads to a look, a look is taken now and then without one, and only what is found
//! to be different is loaded.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::control::Reload;
use super::saved::Saved;
use crate::telemetry::Causes;

/// How long nothing may have happened before files are read: one act of saving is several changes.
const QUIET: Duration = Duration::from_millis(250);
/// How long changes that follow upon each other are waited out.
const RESTLESS: Duration = Duration::from_secs(5);
/// How long a file that somebody has begun to write and not closed is waited for, from their last write on.
const UNFINISHED: Duration = Duration::from_secs(60);
/// How often files are looked at when nothing was said of them; and where nothing can be said.
const LOOK: Duration = Duration::from_secs(10);
const LOOK_UNTOLD: Duration = Duration::from_secs(2);

/// Reloads whenever what is saved is not what was read, for as long as it is polled.
pub(super) async fn run(reload: Arc<Reload>) {
    let hints = Arc::new(Hints::default());
    let mut watcher = match hints.watcher(reload.saved()) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(
                cause = %Causes(&error),
                "the system does not tell of saved files; they are looked at every two seconds instead"
            );
            None
        }
    };
    loop {
        if let Some(watcher) = &mut watcher {
            watch(watcher, reload.saved());
        }
        let _ = tokio::time::timeout(if watcher.is_some() { LOOK } else { LOOK_UNTOLD }, hints.one()).await;
        hints.settled().await;
        reload.if_saved().await;
    }
}

/// Watches every folder and file, also those that have come to stand in the place of others. One that is not there is seen when
/// it comes, by the folder around it or by the next look.
fn watch(watcher: &mut RecommendedWatcher, saved: &Saved) {
    let beside = saved.beside().into_iter().map(|path| (path, RecursiveMode::NonRecursive));
    for (path, mode) in beside.chain([(saved.policies(), RecursiveMode::Recursive)]) {
        if let Err(error) = watcher.watch(path, mode) {
            tracing::debug!(path = %path.display(), cause = %Causes(&error), "not watched");
        }
    }
}

/// What was heard since files were last read.
#[derive(Debug, Default)]
struct Hints {
    heard: Notify,
    /// Files that somebody writes, and when they last did.
    written: Mutex<HashMap<PathBuf, Instant>>,
}

impl Hints {
    fn watcher(self: &Arc<Self>, saved: &Saved) -> notify::Result<RecommendedWatcher> {
        let (hints, saved) = (Arc::clone(self), saved.clone());
        notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) => hints.hear(&event, &saved),
            // What was missed is not known: everything is looked at.
            Err(_) => hints.heard.notify_one(),
        })
    }

    fn hear(&self, event: &Event, saved: &Saved) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if event.need_rescan() {
            written.clear();
            self.heard.notify_one();
            return;
        }
        for path in event.paths.iter().filter(|path| saved.holds(path)) {
            match event.kind {
                // Elsewhere the end of writing is not told, so it is not waited for.
                EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(CreateKind::File)
                    if cfg!(target_os = "linux") =>
                {
                    written.insert(path.clone(), Instant::now());
                }
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                    written.remove(path);
                }
                // Whoever reads, this gateway for one, changes nothing.
                EventKind::Access(_) => continue,
                EventKind::Modify(ModifyKind::Metadata(_)) => {}
                _ => {
                    written.remove(path);
                }
            }
            self.heard.notify_one();
        }
    }

    /// Whether there was a hint since this was asked last.
    #[cfg(test)]
    fn heard(&self) -> bool {
        use futures_util::FutureExt as _;
        self.one().now_or_never().is_some()
    }

    async fn one(&self) {
        self.heard.notified().await;
    }

    /// Waits until nothing happens any more and nobody is in the middle of a file. Half a policy may be a valid one, and
    /// a laxer one: it is not read while it is written.
    async fn settled(&self) {
        let began = Instant::now();
        let mut told = false;
        loop {
            let quiet = tokio::time::timeout(QUIET, self.one()).await.is_err();
            if let Some(path) = self.unfinished() {
                if !told && began.elapsed() > RESTLESS {
                    told = true;
                    tracing::warn!(file = %path.display(), "somebody is still writing; it is read when they have ended");
                }
            } else if quiet || began.elapsed() > RESTLESS {
                return;
            }
        }
    }

    /// A file that somebody has begun to write.
    fn unfinished(&self) -> Option<PathBuf> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.retain(|_, last| last.elapsed() < UNFINISHED);
        written.keys().next().cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_store_beside_the_policies_wakes_nobody_and_what_is_saved_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("policies")).unwrap();
        for (name, text) in [("policies/a.yaml", "one"), ("partner.key", "key"), ("consentry.db-wal", "")] {
            fs::write(at(name), text).unwrap();
        }
        let saved = Saved::new(at("policies"), vec![at("partner.key")], vec![folder.path().to_owned(); 2]);
        // Room for all that is told while somebody changes files: nothing takes it meanwhile.
        let (heard, events) = mpsc::sync_channel(4_096);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<Event>| drop(heard.send(event.unwrap())))
                .unwrap();
        // What is told comes in the order in which it happened: nothing comes before what is waited for but what is due.
        let mut hears = |what: &str, change: &dyn Fn()| {
            watch(&mut watcher, &saved);
            for number in 0..20 {
                fs::write(at("consentry.db-wal"), number.to_string()).unwrap();
                fs::write(at(&format!("consentry.db-{number}")), "new").unwrap();
            }
            change();
            let hints = Hints::default();
            while !hints.heard() {
                let event = events.recv_timeout(Duration::from_secs(30)).expect(what);
                let of_store = |path: &PathBuf| path.to_string_lossy().contains("consentry.db");
                assert!(!event.paths.iter().any(of_store), "{what}: {event:?}");
                hints.hear(&event, &saved);
            }
        };
        hears("a policy", &|| fs::write(at("policies/a.yaml"), "two").unwrap());
        hears("a new policy", &|| fs::write(at("policies/b.yaml"), "new").unwrap());
        hears("a key", &|| fs::write(at("partner.key"), "other").unwrap());
        for round in ["a key in another's place", "and once more"] {
            hears(round, &|| {
                fs::write(at("new.key"), round).unwrap();
                fs::rename(at("new.key"), at("partner.key")).unwrap();
            });
        }
        hears("a folder in another's place", &|| {
            fs::rename(at("policies"), at("old")).unwrap();
            fs::create_dir(at("policies")).unwrap();
        });
    }
}
