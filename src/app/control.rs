//! Reload: policies with the interchange keys and issuers' key files that they need, all together or not at all; and certificates and
//! API keys, each for itself. What is not in order leaves what is in force as it is, and holds nothing else back: `mode: closed` is to
//! come into force whatever a certificate is like.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::aside::aside;
use super::live::InForce;
use super::renewal::Renewal;
use super::saved::Saved;
use super::{AppError, background, live, master_key};
use crate::admin::{Control, Lapsed, Named, Refusal, Reloaded, Unrenewed};
use crate::audit::What;
use crate::clock::Timestamp;
use crate::config::{Config, Issuer, SecretError};
use crate::crypto::Digest;
use crate::identity::Identity;
use crate::pipeline::Gateway;
use crate::plan::{self, Change};
use crate::policy::{Code, Diagnostics, Severity};
use crate::telemetry::Causes;

/// How many changes, and how many findings of a set that is refused, are logged, one a line. All of them are in the answer
/// to a command.
const LOGGED: usize = 100;
/// How long a reload waits for API keys and certificates. They come into force when they are read, also after it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a reload needs.
pub(super) struct Reload {
    config: Arc<Config>,
    gateway: Arc<Gateway>,
    renewal: Arc<Renewal>,
    saved: Saved,
    /// One at a time: of two that read one after the other, the later must not be swapped out by the earlier.
    turn: tokio::sync::Mutex<()>,
    seen: Mutex<Seen>,
}

/// What became of what was read last.
struct Seen {
    /// The state of the files that it was; `None` where they are to be read again however they are.
    digest: Option<Digest>,
    /// Why it is not in force, where it is not.
    refused: Option<Refusal>,
}

impl Reload {
    /// For a gateway whose policies were read in this state.
    pub(super) fn new(
        config: Arc<Config>,
        gateway: Arc<Gateway>,
        renewal: Arc<Renewal>,
        read_as: Digest,
    ) -> Self {
        let saved = Saved::of(&config);
        let seen = Mutex::new(Seen { digest: Some(read_as), refused: None });
        Self { config, gateway, renewal, saved, turn: tokio::sync::Mutex::default(), seen }
    }

    /// The files that are read when they were saved.
    pub(super) fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Reloads, if the files are not as they were when they were last read.
    pub(super) async fn if_saved(&self) {
        let _turn = self.turn.lock().await;
        let Some(now) = self.digest().await else { return };
        match self.seen().digest {
            Some(digest) if digest == now => return,
            Some(_) => tracing::info!("policies or keys were saved"),
            None => tracing::info!("policies and keys that could not come into force are tried again"),
        }
        // What came of it is in the log and in the figures; nobody waits for an answer.
        drop(self.told(Some(now)).await);
    }

    /// The policies and what they need: everything is read, found in order and written down before anything is swapped, so that a
    /// mistake in one file, or a journal that does not answer, changes nothing. With what the policies are warned of, and what changes,
    /// comes the first as text.
    async fn policies(&self) -> Result<(Diagnostics, Vec<Change>, String), Failed> {
        let (config, gateway) = (Arc::clone(&self.config), Arc::clone(&self.gateway));
        let read = move || {
            let loaded = live::load(&config, gateway.clock().now())?;
            let changes = plan::changes(&gateway.live().plan, &loaded.live.plan);
            let warned = listed(&loaded.warnings);
            let issuers = config.issuers.iter().map(Issuer::open).collect::<Result<Vec<_>, _>>()?;
            let issuers = Identity::check_issuer_keys(issuers).map_err(AppError::Identity)?;
            Ok::<_, AppError>((loaded, changes, warned, issuers))
        };
        let read = aside(read).await.ok_or(AppError::Aside)?;
        let (InForce { live, warnings, .. }, changes, warned, issuers) = read.map_err(Failed::in_saved)?;
        // This alone can still fail, so it comes before the first is swapped. A stop in between leaves an entry of a set that never
        // was in force, and that is what the next start would read; what is in force is never missing in the audit.
        let loaded = What::PolicyLoaded { digest: live.plan.digest, warnings: warnings.warnings() as u64 };
        let journal = self.gateway.journal();
        journal.record(loaded).map_err(AppError::from)?.await.map_err(AppError::from)?;
        let identity = self.gateway.identity();
        identity.put_issuer_keys(issuers);
        // Whoever reloads may have revoked something: every token is verified anew, and known as the conditions that were
        // in force and those that will be need it.
        let before = self.gateway.live();
        let wanted = before.plan.claims.iter().chain(&live.plan.claims).flatten().cloned().collect();
        let conditional = before.plan.claims.is_some() || live.plan.claims.is_some();
        identity.want(conditional.then_some(wanted));
        self.gateway.replace(live);
        Ok((warnings, changes, warned))
    }

    /// API keys and certificates, which are looked at by themselves too: those that are in order come into force. For each that is
    /// not, a line; the one before stays. Each has a thread of its own, and a disk that hangs keeps neither the other nor who asked
    /// waiting.
    async fn others(&self) -> Vec<String> {
        let (identity, path) = (Arc::clone(self.gateway.identity()), self.config.api_keys.clone());
        let renew = move || match path {
            Some(path) => identity.renew_api_keys(|| background::load_api_keys(&path)),
            None => Ok(()),
        };
        let keys = in_time("API keys", aside(renew));
        let (keys, certificates) = tokio::join!(keys, in_time("certificates", Renewal::look(&self.renewal)));
        let mut refused = match keys {
            Ok(Ok(())) => Vec::new(),
            Ok(Err(error)) => {
                let stay = "the API keys before stay, one that is revoked by now among them, since their file is bad";
                vec![format!("NOT in force, {stay}:\n{}", Causes(&*error))]
            }
            Err(unknown) => vec![unknown],
        };
        let stays = |one: Unrenewed| format!("NOT in force, the certificate before stays: {}.", one.cause);
        match certificates {
            Ok(unrenewed) => refused.extend(unrenewed.into_iter().map(stays)),
            Err(unknown) => refused.push(unknown),
        }
        refused
    }

    /// Reloads the policies, counts it, and says what came of it: in the log, to whoever asked, and to whoever asks later.
    async fn told(&self, digest: Option<Digest>) -> Result<String, String> {
        let reloaded = self.policies().await;
        self.gateway.metrics().reload(reloaded.is_ok());
        match reloaded {
            Ok((warnings, changes, warned)) => {
                self.note(digest, false, None);
                let live = self.gateway.live();
                let (activities, routes) = (live.plan.activities.len(), live.plan.routes.len());
                tracing::info!(activities, routes, "reloaded");
                let changes: Vec<String> = changes.iter().map(change).collect();
                changes.iter().take(LOGGED).for_each(|change| tracing::info!("{change}"));
                log(&warnings);
                let changes: String = changes.iter().map(|change| format!("\n{change}")).collect();
                Ok(format!("In force: {activities} activities, {routes} routes.{changes}{warned}"))
            }
            Err(Failed { error, again }) => {
                let causes = Causes(&error).to_string();
                tracing::error!(cause = %causes, "not reloaded: what was in force stays in force");
                let (says, errors, cause) = match &error {
                    AppError::Policies(diagnostics) => {
                        log(diagnostics);
                        (format!("{error}.{}", listed(diagnostics)), diagnostics.errors(), None)
                    }
                    _ => (format!("{causes}."), 1, Some(causes)),
                };
                let refusal = Refusal { at: self.gateway.clock().now(), errors, cause };
                self.note(digest, again, Some(refusal));
                Err(format!("Not reloaded, what was in force stays in force: {says}"))
            }
        }
    }

    fn note(&self, digest: Option<Digest>, again: bool, refused: Option<Refusal>) {
        self.gateway.metrics().policies_refused().set(i64::from(refused.is_some()));
        let mut seen = self.seen();
        seen.digest = if again { None } else { digest.or(seen.digest) };
        seen.refused = refused;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of the files, taken before they are read: what is saved in between is seen at the next look.
    async fn digest(&self) -> Option<Digest> {
        let saved = self.saved.clone();
        aside(move || saved.digest()).await
    }
}

/// Why what was read is not in force.
struct Failed {
    error: AppError,
    /// Whether the same files may come into force at the next look: what is amiss lies in none of those that are looked at
    /// here, or it passes.
    again: bool,
}

/// The journal, a defect of ours: nothing that a state of the saved files tells of.
impl From<AppError> for Failed {
    fn from(error: AppError) -> Self {
        Self { error, again: true }
    }
}

impl Failed {
    /// Of what is read from the saved files. They are read again when they are saved again, but where it is not what they say that
    /// is amiss: a mode is mended without a save, and a disk that fails may not fail again.
    fn in_saved(error: AppError) -> Self {
        let again = match &error {
            AppError::Policies(found) => {
                let unread = [Code::FolderUnreadable, Code::FileUnreadable];
                found.iter().any(|found| unread.contains(&found.code))
            }
            AppError::Secret(error) => {
                matches!(error, SecretError::Exposed { .. } | SecretError::Read { .. })
            }
            AppError::Interchange { .. } | AppError::Identity(_) | AppError::Notice(_) => false,
            _ => true,
        };
        Self { error, again }
    }
}

impl Control for Reload {
    fn reload(&self) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>> {
        Box::pin(async move {
            let told = {
                let _turn = self.turn.lock().await;
                let digest = self.digest().await;
                self.told(digest).await
            };
            // Out of turn: a certificate on a disk that hangs keeps no saved policy waiting.
            let refused = self.others().await;
            let policies = told.is_ok();
            let mut says = told.unwrap_or_else(|says| says);
            if !policies && refused.is_empty() {
                says.push_str("\nCertificates and API keys are in force as their files are.");
            }
            refused.iter().for_each(|line| says.push_str(&format!("\n{line}")));
            Reloaded { says, policies, all: policies && refused.is_empty() }
        })
    }

    fn master_key(
        &self,
        meant: Option<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Named, String>> + Send + '_>> {
        Box::pin(async move {
            let exchanged = master_key::exchange(&self.config, &self.gateway, meant.as_deref()).await;
            exchanged.map_err(|error| {
                let causes = Causes(&error).to_string();
                let file = self.config.file.display();
                tracing::error!(cause = %causes, "the master key of {file} is not in force: that of before stays");
                let listed = match &error {
                    AppError::Configuration { found, .. } => listed(found),
                    _ => String::new(),
                };
                format!("Nothing was wrapped anew, the master key of before stays in force: {causes}.{listed}")
            })
        })
    }

    fn refused(&self) -> Option<Refusal> {
        self.seen().refused.clone()
    }

    fn unrenewed(&self) -> Vec<Unrenewed> {
        self.renewal.refused()
    }

    fn lapsed(&self) -> Vec<Lapsed> {
        self.renewal.lapsed()
    }

    fn unseen(&self) -> Option<Timestamp> {
        self.renewal.hangs()
    }
}

/// What was read of these, or why that is not known. Whoever reads is not stopped: it goes on, and what it finds comes into force.
async fn in_time<T>(of: &str, read: impl Future<Output = Option<T>>) -> Result<T, String> {
    let why = match tokio::time::timeout(PATIENCE, read).await {
        Ok(Some(read)) => return Ok(read),
        Ok(None) => "the thread that was to read them ended before its time",
        Err(_) => "the disk did not answer for ten seconds",
    };
    Err(format!("Whether {of} are in force is not known: {why}."))
}

/// What is not as it was, in a sentence.
fn change(change: &Change) -> String {
    let Change { class, activity, about, says, .. } = change;
    let whose = activity.as_deref().unwrap_or("the organisation");
    format!("{}: {whose}, {about}: {says}.", class.heading())
}

/// One line for each finding, for those who read the log and not the terminal.
fn log(diagnostics: &Diagnostics) {
    for found in diagnostics.iter().take(LOGGED) {
        let place = found.span.and_then(|span| diagnostics.sources().place(span));
        let at = place.map(|(file, line, column)| format!("{file}:{line}:{column}")).unwrap_or_default();
        let (code, message, help) = (found.code.code(), &found.message, &found.help);
        match found.code.severity() {
            Severity::Error => tracing::error!(code, at, help, "{message}"),
            Severity::Warning => tracing::warn!(code, at, help, "{message}"),
        }
    }
    let more = diagnostics.iter().count().saturating_sub(LOGGED);
    if more > 0 {
        tracing::error!(more, "there is more that is not as it should be: `consentry check` shows all");
    }
}

fn listed(diagnostics: &Diagnostics) -> String {
    if diagnostics.is_empty() { String::new() } else { format!("\n{diagnostics}") }
}
