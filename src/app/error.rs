//! Why a deployment does not start.

use std::path::PathBuf;

use crate::config::{DemoExposed, SecretError};
use crate::crypto::InterchangeError;
use crate::custody::CustodyError;
use crate::identity::SetupError;
use crate::journal::JournalError;
use crate::keys::LocalKeyError;
use crate::lock::LockError;
use crate::net::dial::TargetError;
use crate::net::tls::TlsError;
use crate::notice::NoticeError;
use crate::policy::Diagnostics;
use crate::proxy::{BindError, ServeError};
use crate::store::StoreError;

/// Why a deployment does not start, in the operator's words.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The deployment's file is not valid.
    #[error("{} is not valid", .file.display())]
    Configuration {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        found: Diagnostics,
    },
    /// The policies are not valid.
    #[error("the policies are not valid")]
    Policies(Diagnostics),
    /// Policies could not be read beside what is served.
    #[error("the thread that was to read the policies ended before its time")]
    Aside,
    /// The store does not open.
    #[error("the store does not open")]
    Store(#[from] StoreError),
    /// What `--restored` and `--data-lost` do cannot be taken back, so it is not done by a start that would end.
    #[error(
        "the start with `--restored` or `--data-lost` would end before it serves, so nothing was accepted or begun by it: {0}. Mend that, \
         and start so again"
    )]
    NotReady(String),
    /// A command is given where nothing was kept yet, or where the volume of what was kept is not there.
    #[error(
        "there is no store at {}: is its volume there? Nothing was done, and none was made: the first `consentry serve` makes one", .0.display()
    )]
    NoStore(PathBuf),
    /// The master key is not there, or not the one that the data was kept under.
    #[error("the master key cannot be used")]
    MasterKey(#[from] LocalKeyError),
    /// It cannot be looked at whether the master key is there.
    #[error(transparent)]
    MasterKeyUnseen(#[from] LockError),
    /// The master key is missing beside data that was kept under one.
    #[error(
        "there is no master key at {0}, but there is data that was kept under one: put the key back; without it the \
         data cannot be opened, and a new key would not open it either"
    )]
    MasterKeyMissing(PathBuf),
    /// The master key that is to take another's place is missing.
    #[error(
        "there is no master key at {}, which `keys` of {} names: nothing was exchanged. Where it was never in use, make it with \
         `consentry key master`; where it was, put it back", .path.display(), .file.display()
    )]
    NextMasterKeyMissing {
        /// Where it was to be.
        path: PathBuf,
        /// The deployment's file.
        file: PathBuf,
    },
    /// A rotation was asked for with another configuration file, which names another master key.
    #[error(
        "the command is meant for another master key than the one {current}, which {file} names, and that file is what this gateway \
         reads. Name the new master key there, or give the command with `--config` and that file. Where the file is bind-mounted by \
         itself, restart the gateway: it sees the one from before the edit"
    )]
    OtherMasterKey {
        /// The file that the gateway reads.
        file: String,
        /// Where the master key is that it names.
        current: String,
    },
    /// A master key of before cannot be used.
    #[error(
        "the previous master key {place} cannot be used: it is needed there until `consentry key rotate` says that it opens nothing any \
         more"
    )]
    PreviousKey {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Keys and secrets do not open.
    #[error("what the keyring holds does not open")]
    Custody(#[from] CustodyError),
    /// The journal cannot be kept or signed.
    #[error("the journal does not open")]
    Journal(#[from] JournalError),
    /// A secret file cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An interchange key is none.
    #[error("the interchange key `{name}` cannot be used")]
    Interchange {
        /// Its name in the deployment.
        name: String,
        /// Why.
        #[source]
        source: InterchangeError,
    },
    /// An issuer or an API key cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Identity(Vec<SetupError>),
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An upstream's address is none.
    #[error("the upstream `{name}` cannot be used")]
    Upstream {
        /// Its name in the deployment.
        name: String,
        /// Why.
        #[source]
        source: TargetError,
    },
    /// An analyser's address.
    #[error("the analyser `{name}` cannot be asked")]
    Analyzer {
        /// Its name in the deployment.
        name: String,
        /// Why.
        #[source]
        source: TargetError,
    },
    /// Certificates cannot be used.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// A listener does not bind.
    #[error("a listener cannot be opened")]
    Bind(#[from] BindError),
    /// The threads do not start.
    #[error("the listeners cannot be served")]
    Serve(#[from] ServeError),
    /// The administration's socket cannot be made.
    #[error("the administration cannot listen on {}", .path.display())]
    Admin {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The notice cannot be written.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// Material that was made for the demo would serve others.
    #[error(transparent)]
    DemoExposed(#[from] DemoExposed),
}
