//! The one thread that writes: takes what waits, applies it as one group, commits the keyring, then the data, answers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::params;
use tokio::sync::oneshot;

use crate::audit::Chain;
use crate::clock::Clock;
use crate::lock::Lock;
use crate::store::post::{self, Waiting};
use crate::store::{Cause, Change, Done, Identity, KeyringChange, Result, Signer, StoreError};
use crate::telemetry::Causes;

use super::Shared;
use super::acts;
use super::anchor::Beside;
use super::apply::{Fault, State, touches_keyring};
use super::desk::{self, Desk, truncate};
use super::files::{self, Connections, Files};
use super::inbox::{self, For, Hurries, Messages};
use super::pace::Pace;
use super::prepared::Prepared;
use super::reader::signed;
use super::records::Records;
use super::tail::{self, Both};

/// How many changes a group holds at most.
pub(super) const GROUP: usize = 512;
/// How long a change that nobody waits for alone waits for others to share their sync.
const PATIENCE: Duration = Duration::from_millis(2);
/// After how many entries a checkpoint is signed.
const ENTRIES_PER_CHECKPOINT: u64 = 1000;
/// After what time a checkpoint is signed, if entries came.
const TIME_PER_CHECKPOINT: Duration = Duration::from_secs(60);
/// A keyring of at most so many pages, of 4 KiB each, is written anew with each group that destroys something.
const QUICKLY_WRITTEN: u32 = 256;
/// And one of at most so many at the end of a run that destroyed something: it takes as much memory.
const WRITTEN_AT_THE_END: u32 = 65_536;
/// The first pause before the files are opened again after a failure; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// What the writer is asked for.
pub(super) enum Message {
    Change { change: Change, waiting: Waiting, patient: bool },
    Signer(Signer),
    Close(oneshot::Sender<()>),
}

impl Hurries for Message {
    fn hurries(&self) -> bool {
        !matches!(self, Self::Change { patient: true, .. })
    }
}

/// The writer, between its connections.
pub(super) struct Writer {
    pub(super) files: Files,
    pub(super) inbox: Messages<Message>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) signer: Option<Signer>,
    /// What has been answered, and so must be on disk.
    pub(super) state: State,
    /// Where a group that could not be committed would have ended; the disk may hold it all the same.
    pub(super) unanswered: Option<Chain>,
    /// The entry of the last checkpoint, and when it was signed.
    pub(super) signed: (u64, Instant),
    pub(super) pace: Pace,
    pub(super) beside: Beside,
    /// Whether copies of what was destroyed may lie in unused parts of the keyring's pages.
    pub(super) copies: bool,
    /// Which files were opened at the start.
    pub(super) are: Identity,
    pub(super) lock: [Lock; 2],
}

/// What was taken from the inbox for the next group.
#[derive(Default)]
struct Gathered {
    changes: Vec<(Change, Waiting)>,
    /// Whether one of them is to be kept at once.
    hurried: bool,
    /// Who waits for the close, if the store is closed.
    closing: Option<Option<oneshot::Sender<()>>>,
}

impl Gathered {
    fn has_room(&self) -> bool {
        self.changes.len() < GROUP && self.closing.is_none()
    }
}

/// Says that nothing is kept any more when the thread ends, however it ends.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.able.store(false, Ordering::Release);
    }
}

/// Why a session ended.
enum End {
    /// Who waits for it, and whether the keyring's table vouches for all.
    Closed(Option<oneshot::Sender<()>>, bool),
    Failed(Cause),
}

impl Writer {
    /// Works until the store is closed.
    pub(super) fn run(mut self, first: Connections) {
        let ended = Ended(Arc::clone(&self.shared));
        let mut connections = first;
        let (waiting, complete) = loop {
            match self.session(&connections) {
                End::Closed(waiting, vouched) => {
                    let finished = self.finish(&connections);
                    drop(connections);
                    break (waiting, vouched && finished);
                }
                End::Failed(cause) => {
                    self.shared.able.store(false, Ordering::Release);
                    tracing::error!(
                        cause = %Causes(&*cause),
                        "the store failed: nothing is kept until it is sound again"
                    );
                    drop(connections);
                    match self.down(cause) {
                        ControlFlow::Continue(sound) => connections = sound,
                        ControlFlow::Break(waiting) => break (waiting, false),
                    }
                }
            }
        };
        if complete && let Err(error) = self.beside.remove() {
            tracing::warn!(
                cause = %Causes(&error),
                "the anchor beside the keyring was left"
            );
        }
        drop((ended, self.lock));
        if let Some(waiting) = waiting {
            let _ = waiting.send(());
        }
    }

    /// Works as long as the connections do.
    fn session(&mut self, connections: &Connections) -> End {
        let data = Prepared::new(&connections.data);
        let keyring = Prepared::new(&connections.keyring);
        let shared = Arc::clone(&self.shared);
        let mut desk = Desk::new(&data, &keyring, &shared.fresh);
        // Who was under way before the files failed is not known.
        self.pace = Pace::default();
        loop {
            let Some(Gathered { changes, closing, .. }) = self.gather() else {
                if let Err(cause) = self.sign_now(&mut desk) {
                    return End::Failed(cause);
                }
                continue;
            };
            if !changes.is_empty()
                && let Err(cause) = self.group(&mut desk, changes)
            {
                let Some(waiting) = closing else { return End::Failed(cause) };
                // Who closes does not wait for the files to be sound: the next start looks at them.
                tracing::error!(
                    cause = %Causes(&*cause),
                    "the last group could not be kept"
                );
                return End::Closed(waiting, false);
            }
            if let Some(waiting) = closing {
                // At the end there is nobody to tell but the log.
                let signed = self.sign_now(&mut desk);
                if let Err(cause) = &signed {
                    tracing::error!(
                        cause = %Causes(&**cause),
                        "the last checkpoint could not be kept"
                    );
                }
                if let Err(error) = Records::settle_all(&data, &shared.fresh) {
                    tracing::warn!(
                        cause = %Causes(&error),
                        "the indices of records are left for the next start"
                    );
                }
                return End::Closed(waiting, signed.is_ok());
            }
        }
    }

    /// Waits for work and gathers what is there; `None` where it is time for a checkpoint.
    fn gather(&mut self) -> Option<Gathered> {
        let mut gathered = Gathered::default();
        self.fill(&mut gathered);
        while gathered.changes.is_empty() && gathered.closing.is_none() {
            let due = self.checkpoint_due();
            if due.is_some_and(|due| due <= Instant::now()) {
                return None;
            }
            match self.inbox.sleep(For::Anything, due) {
                Ok(()) => self.fill(&mut gathered),
                Err(inbox::Over) => gathered.closing = Some(None),
            }
        }
        if gathered.has_room() && !gathered.hurried {
            // That no more will come is heard by the next who sleeps.
            let _ = self.inbox.sleep(For::Hurried, Some(Instant::now() + PATIENCE));
            self.fill(&mut gathered);
        }
        if gathered.has_room()
            && gathered.hurried
            && let Some(pause) = self.pace.pause(Instant::now())
        {
            // Asleep, not at the inbox: nobody who comes meanwhile need wake this thread.
            std::thread::sleep(pause);
            self.fill(&mut gathered);
        }
        Some(gathered)
    }

    /// Takes what is there, as far as a group has room.
    fn fill(&mut self, gathered: &mut Gathered) {
        while gathered.has_room()
            && let Some(message) = self.inbox.take()
        {
            match message {
                Message::Change { change, waiting, patient } => {
                    self.pace.hear(&change, patient);
                    gathered.changes.push((change, waiting));
                    gathered.hurried |= !patient;
                }
                Message::Signer(signer) => self.signer = Some(signer),
                Message::Close(waiting) => gathered.closing = Some(Some(waiting)),
            }
        }
    }

    /// When a checkpoint is to be signed though nobody comes.
    fn checkpoint_due(&self) -> Option<Instant> {
        let due = self.signer.is_some() && self.state.chain.count > self.signed.0;
        due.then(|| self.signed.1 + TIME_PER_CHECKPOINT)
    }

    /// Keeps a group and answers it. On an error the files are not to be believed any more, and everybody was told.
    fn group(
        &mut self,
        desk: &mut Desk<'_, '_>,
        group: Vec<(Change, Waiting)>,
    ) -> std::result::Result<(), Cause> {
        let (changes, waiting): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        self.pace.begin(Instant::now());
        match self.keep(desk, &changes) {
            Ok(answers) => {
                self.shared.stand(self.state.chain, changes.len());
                let gone = |(change, answer): (&Change, &Result<Done>)| {
                    answer.as_ref().is_ok_and(|done| !done.destroyed.is_empty() || acts::forgets(change))
                };
                let gone: Vec<bool> = changes.iter().zip(&answers).map(gone).collect();
                if gone.contains(&true) {
                    desk.truncate = true;
                    let asked = changes.iter().flat_map(|change| &change.keyring);
                    let asked = asked.into_iter().any(|change| matches!(change, KeyringChange::WriteAnew));
                    desk.anew |= asked || desk::pages(desk.keyring).map_err(cause)? <= QUICKLY_WRITTEN;
                    self.copies = !desk.anew;
                }
                // INVARIANT: what was destroyed is gone from the keyring's log before anybody is told so. Where a reader keeps it from
                // being emptied, the files are opened anew, which goes on until it is.
                let emptied = desk.forget_if_due().map_err(cause);
                let answers = answers.into_iter().zip(gone).map(|(answer, gone)| match &emptied {
                    Err(cause) if gone => unavailable(cause),
                    _ => answer,
                });
                post::deliver(waiting.into_iter().zip(answers));
                self.pace.end(Instant::now());
                emptied?;
                self.vouch(desk)
            }
            Err(cause) => {
                post::deliver(waiting.into_iter().map(|waiting| (waiting, unavailable(&cause))));
                Err(cause)
            }
        }
    }

    /// Says in the keyring where the chain stands: in the table with each checkpoint, and else beside it.
    fn vouch(&self, desk: &mut Desk<'_, '_>) -> std::result::Result<(), Cause> {
        if self.signed.0 == self.state.chain.count {
            desk.anchor(self.state.chain).map_err(cause)?;
        }
        self.beside.vouch(self.state.chain).map_err(|error| Arc::new(error) as Cause)
    }

    fn keep(
        &mut self,
        desk: &mut Desk<'_, '_>,
        changes: &[Change],
    ) -> std::result::Result<Vec<Result<Done>>, Cause> {
        if self.files.identity().map_err(|error| Arc::new(error) as Cause)? != self.are {
            return Err(Arc::new(Replaced));
        }
        #[cfg(test)]
        self.files.faults.limit(desk.data.connection()).map_err(cause)?;
        let both = changes.iter().any(touches_keyring);
        desk.begin(both).map_err(cause)?;
        let (answers, state, heard) = match desk.apply(self.state, changes, both) {
            Ok(applied) => applied,
            // One change is at fault: the group is done again, each change by itself.
            Err(Fault::Change(_)) => {
                desk.roll_back().map_err(cause)?;
                desk.begin(both).map_err(cause)?;
                desk.apply_each(self.state, changes, both).map_err(cause)?
            }
            Err(Fault::Files(error)) => return Err(cause(error)),
        };
        let signs = state.chain.count >= self.signed.0 + ENTRIES_PER_CHECKPOINT;
        if signs {
            self.sign(desk, state.chain).map_err(cause)?;
        }
        self.unanswered = Some(state.chain);
        // INVARIANT: the keyring first, so that a key is durable before the record it seals.
        desk.commit_keyring().map_err(cause)?;
        #[cfg(test)]
        self.files.faults.between().map_err(cause)?;
        desk.commit_data().map_err(cause)?;
        desk.fresh.hear(&heard);
        self.unanswered = None;
        self.state = state;
        if signs {
            self.signed = (self.state.chain.count, Instant::now());
        }
        Ok(answers)
    }

    /// Puts a signed checkpoint beside the entries, if there is somebody to sign it.
    fn sign(&self, desk: &Desk<'_, '_>, chain: Chain) -> rusqlite::Result<()> {
        let Some(signer) = &self.signer else {
            return Ok(());
        };
        let signed_now = signer(chain);
        let sql = "INSERT OR REPLACE INTO checkpoint (count, head, at, signature) VALUES (?1, ?2, ?3, ?4)";
        let (count, at) = (signed(signed_now.count), signed_now.at.millis());
        desk.data.execute(sql, params![count, signed_now.head, at, signed_now.signature]).map(drop)
    }

    /// Signs where the chain stands, if it stands further than the last checkpoint.
    fn sign_now(&mut self, desk: &mut Desk<'_, '_>) -> std::result::Result<(), Cause> {
        if self.signer.is_some() && self.state.chain.count > self.signed.0 {
            desk.begin(false).map_err(cause)?;
            self.sign(desk, self.state.chain).map_err(cause)?;
            desk.commit_keyring().map_err(cause)?;
            desk.commit_data().map_err(cause)?;
        }
        self.signed = (self.state.chain.count, Instant::now());
        desk.anchor(self.state.chain).map_err(cause)
    }

    /// Answers everybody `Unavailable` and opens the files again, until they are sound.
    fn down(&mut self, mut cause: Cause) -> ControlFlow<Option<oneshot::Sender<()>>, Connections> {
        let mut pause = FIRST_PAUSE;
        loop {
            let until = Instant::now() + pause;
            while Instant::now() < until {
                match self.inbox.take() {
                    Some(Message::Change { waiting, .. }) => {
                        post::deliver(std::iter::once((waiting, unavailable(&cause))));
                    }
                    Some(Message::Signer(signer)) => self.signer = Some(signer),
                    Some(Message::Close(waiting)) => return ControlFlow::Break(Some(waiting)),
                    None => match self.inbox.sleep(For::Anything, Some(until)) {
                        Ok(()) => {}
                        Err(inbox::Over) => return ControlFlow::Break(None),
                    },
                }
            }
            match self.resume() {
                Ok(connections) => {
                    tracing::warn!(entries = self.state.chain.count, "the store is sound again");
                    return ControlFlow::Continue(connections);
                }
                Err(error) => {
                    tracing::error!(cause = %Causes(&error), "the store is still down");
                    cause = Arc::new(error);
                }
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Opens the files, and believes them only if they hold what was answered, or exactly the group that was not.
    fn resume(&mut self) -> Result<Connections> {
        // INVARIANT: another file at the path is not even opened. Readers may still hold the old one, and SQLite would let
        // two files share one log. Only a restart takes it.
        if self.files.identity()? != self.are {
            return Err(files::unopened(&self.files.data, Replaced));
        }
        let connections = self.files.connect(false)?;
        let data = Prepared::new(&connections.data);
        let keyring = Prepared::new(&connections.keyring);
        let shared = Arc::clone(&self.shared);
        shared.fresh.load(&data)?;
        let both = Both { data: &data, keyring: &keyring, fresh: &shared.fresh, files: &self.files };
        both.pair(false)?;
        let found = both.chain(false, false)?;
        let answered = self.state.chain;
        if found != answered && Some(found) != self.unanswered {
            return Err(if found.count < answered.count {
                StoreError::Cut { count: found.count, anchored: answered.count }
            } else {
                StoreError::Altered(found.count)
            });
        }
        // After a failed sync the log may be in memory only: copying it into the file proper writes and syncs it anew.
        let mut desk = Desk::new(&data, &keyring, &shared.fresh);
        truncate(&data)?;
        truncate(&keyring)?;
        // Reading may work where writing does not.
        let probe = "INSERT OR REPLACE INTO meta (name, value) VALUES ('resumed', ?1)";
        for file in [&keyring, &data] {
            file.execute(probe, params![self.clock.now().millis()])?;
        }
        let chain = both.reconcile(found, &self.clock)?;
        self.state = State { chain, tombstones: tail::tombstones(&keyring)?, acts: acts::heard(&keyring)? };
        self.unanswered = None;
        desk.anchor(chain)?;
        self.beside.vouch(chain).map_err(|error| files::unopened(&self.files.keyring, error))?;
        drop((data, keyring));
        self.shared.stand(chain, 0);
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
        self.shared.able.store(true, Ordering::Release);
        Ok(connections)
    }

    /// Leaves the files without logs and copies, as far as readers let it; tells whether they did.
    fn finish(&self, connections: &Connections) -> bool {
        let keyring = Prepared::new(&connections.keyring);
        if self.copies {
            let pages = desk::pages(&keyring);
            let anew = pages.and_then(|pages| match pages {
                ..=WRITTEN_AT_THE_END => desk::write_anew(&keyring),
                _ => Ok(()),
            });
            if let Err(error) = anew {
                tracing::warn!(cause = %Causes(&error), "copies of destroyed keys may lie in the keyring: `consentry key rotate` writes it anew");
            }
        }
        drop(keyring);
        without_logs(connections)
    }
}

fn without_logs(connections: &Connections) -> bool {
    let emptied = [&connections.keyring, &connections.data].map(|file| {
        truncate(&Prepared::new(file)).inspect_err(|error| {
            tracing::warn!(cause = %Causes(error), "a log was left for the next start");
        })
    });
    emptied.iter().all(std::result::Result::is_ok)
}

fn unavailable(cause: &Cause) -> Result<Done> {
    Err(StoreError::Unavailable(Some(cause.clone())))
}

fn cause(error: rusqlite::Error) -> Cause {
    Arc::new(error)
}

/// Another file lies at the path.
#[derive(Debug, thiserror::Error)]
#[error("one of the files was replaced while it was in use: put it back, or start anew")]
struct Replaced;
