//! Opening a deployment: everything up to the listeners, in the order in which each part needs the one before it.

use std::collections::HashMap;
use std::sync::Arc;

use super::live::InForce;
use super::saved::Saved;
use super::{AppError, live, master_key, ready};
use crate::admin::{Control, Office};
use crate::analyzer::{Analyzer, AnalyzerConfig};
use crate::audit::What;
use crate::clock::Clock;
use crate::config::{self, AnalyzerEntry, Config, Issuer};
use crate::crypto::{Digest, Mac};
use crate::custody::Custody;
use crate::files;
use crate::identity::{ApiKeyEntry, Fetch, Identity, IdentityConfig};
use crate::journal::Journal;
use crate::lock::LockError;
use crate::net::tls::{self, Authorities};
use crate::net::{TrustedProxies, fetch};
use crate::pipeline::{Gateway, Parts};
use crate::policy::Diagnostics;
use crate::rights::Rights;
use crate::standing::{self, Standing};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::upstream::{Upstream, UpstreamConfig};

/// How much memory verified tokens may take, in bytes.
const REMEMBERED_TOKENS: u64 = 16 * 1024 * 1024;
/// What a key set may measure, and how long its fetch may take.
const JWKS_CAP: usize = 256 * 1024;
const JWKS_TIME: std::time::Duration = std::time::Duration::from_secs(10);

/// A deployment that is open and not yet served.
pub struct Core {
    /// What it was opened from.
    pub config: Arc<Config>,
    /// What exchanges need.
    pub gateway: Arc<Gateway>,
    /// What data subjects may ask.
    pub rights: Rights,
    /// What the policies were warned of.
    pub warnings: Diagnostics,
    /// The state of the files when they were read.
    pub(super) read_as: Digest,
}

impl Core {
    /// Opens store, keys and policies, ends what the run before left open, and writes that it started.
    ///
    /// # Errors
    /// The first part that does not open; nothing is served then.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, AppError> {
        if config.store.restored || config.store.lost {
            ready::ready(&config, clock.now()).await?;
        }
        let core = Self::opened(config, clock, true).await?;
        let journal = core.gateway.journal();
        if let Some(apart) = journal.apart().await? {
            tracing::warn!("{apart}");
        }
        journal.recover(env!("CARGO_PKG_VERSION")).await?;
        let digest = core.gateway.live().plan.digest;
        let loaded = What::PolicyLoaded { digest, warnings: core.warnings.warnings() as u64 };
        journal.record(loaded)?.await?;
        Ok(core)
    }

    /// The same for a command, which serves nobody: no gateway starts and no policies come into force, so the audit does not say so.
    /// What the run before left open is left to the next start. No store is made: where a volume is not there, what a person forbids
    /// would be acknowledged and forgotten, and the next start would not say that it finds nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`AppError::NoStore`].
    pub(super) async fn for_command(config: Config, clock: Clock) -> Result<Self, AppError> {
        Self::opened(config, clock, false).await
    }

    async fn opened(config: Config, clock: Clock, begin: bool) -> Result<Self, AppError> {
        config::refuse_demo(&config)?;
        // Before they are read: what is saved in between is seen at the first look.
        let saved = Saved::of(&config);
        let look = saved.before_reading();
        let InForce { live, warnings, files } = live::load(&config, clock.now())?;
        let read_as = look.digest(saved.policies(), &files);
        let store = open_store(&config, &clock, begin)?;
        if store.is_new() && !begin {
            // A first start did not come to its end.
            store.close().await;
            return Err(AppError::NoStore(config.store.sqlite));
        }
        let provider = master_key::open(&config, store.is_new())?;
        let journal = Journal::open(store.clone(), &*provider, clock.clone()).await?;
        master_key::tell(&journal, &*provider, &config).await?;
        let custody = Custody::open(store.clone(), provider, clock.clone()).await?;
        let standing = Standing::new(store.clone(), standing::REMEMBERED);
        let identity = Arc::new(identity(&config, &custody, &clock)?);
        let rights = Rights::new(store.clone(), custody.clone(), standing.clone(), clock.clone());

        identity.want(live.plan.claims.clone());
        let parts = Parts {
            clock,
            identity,
            custody,
            standing,
            store,
            journal,
            metrics: Metrics::new(),
            upstreams: upstreams(&config)?,
            analyzers: analyzers(&config)?,
            trusted_proxies: TrustedProxies::new(config.trusted_proxies.iter().copied()),
            problems: config.problems.clone(),
        };
        let gateway = Arc::new(Gateway::new(parts, live));
        Ok(Self { config: Arc::new(config), gateway, rights, warnings, read_as })
    }

    /// Whoever carries out commands here. Without `control` there is nothing to reload.
    pub fn office(&self, control: Option<Arc<dyn Control>>) -> Office {
        Office::new(Arc::clone(&self.gateway), self.rights.clone(), master_key::named(&self.config), control)
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Core")
    }
}

/// The store; a new one is made only where `begin` says so.
fn open_store(config: &Config, clock: &Clock, begin: bool) -> Result<Store, AppError> {
    let store = &config.store;
    store.both_there()?;
    if !begin && !store.is_begun()? {
        return Err(AppError::NoStore(store.sqlite.clone()));
    }
    for path in [&store.sqlite, &store.keyring] {
        files::private_folder(path).map_err(|error| StoreError::from(LockError::opening(path, error)))?;
    }
    Ok(Store::open(store, clock.clone())?)
}

/// Whether all that reaches beyond the deployment, and those whom it lets in, can be set up as the start does.
pub(super) fn outward(config: &Config) -> Result<(), AppError> {
    api_keys(config)?;
    upstreams(config)?;
    analyzers(config)?;
    Ok(())
}

fn identity(config: &Config, custody: &Custody, clock: &Clock) -> Result<Identity, AppError> {
    let issuers = config.issuers.iter().map(Issuer::open).collect::<Result<Vec<_>, _>>()?;
    let mac = Mac::new(&custody.derived("callers"));
    let api_keys = api_keys(config)?;
    let config = IdentityConfig { issuers, api_keys, fetch: jwks_fetch()?, mac, remember: REMEMBERED_TOKENS };
    Identity::new(config, clock.clone()).map_err(AppError::Identity)
}

/// The API keys of the deployment, as its file lists them now.
pub(super) fn api_keys(config: &Config) -> Result<Vec<ApiKeyEntry>, AppError> {
    match &config.api_keys {
        Some(path) => config::api_keys(path).map_err(AppError::Policies),
        None => Ok(Vec::new()),
    }
}

fn jwks_fetch() -> Result<Fetch, AppError> {
    let tls = tls::client(&Authorities::System)?;
    Ok(Arc::new(move |url| {
        let (url, tls) = (url.parse::<http::Uri>(), Arc::clone(&tls));
        Box::pin(async move { Ok(fetch::fetch(&url?, JWKS_CAP, JWKS_TIME, Some(tls)).await?) })
    }))
}

fn analyzers(config: &Config) -> Result<HashMap<Arc<str>, Analyzer>, AppError> {
    let mut analyzers = HashMap::new();
    for (name, entry) in &config.analyzers {
        let AnalyzerEntry { url, recipient: _, timeout, language, at_once, finds } = entry.clone();
        let analyzer = match finds {
            Some(finds) => Analyzer::given(finds),
            None => {
                let secure = url.scheme_str() == Some("https");
                let tls = secure.then(|| tls::client(&Authorities::System)).transpose()?;
                Analyzer::new(AnalyzerConfig { url, tls, timeout, language, at_once })
                    .map_err(|source| AppError::Analyzer { name: name.to_string(), source })?
            }
        };
        analyzers.insert(Arc::clone(name), analyzer);
    }
    Ok(analyzers)
}

fn upstreams(config: &Config) -> Result<HashMap<Arc<str>, Upstream>, AppError> {
    let mut upstreams = HashMap::new();
    for (name, entry) in &config.upstreams {
        let tls = match &entry.ca {
            _ if entry.url.scheme_str() != Some("https") => None,
            Some(path) => Some(tls::client(&Authorities::File(path.clone()))?),
            None => Some(tls::client(&Authorities::System)?),
        };
        let (url, socket) = (entry.url.clone(), entry.socket.clone());
        let settings = UpstreamConfig { socket, tls, timeouts: entry.timeouts, ..UpstreamConfig::new(url) };
        let upstream = Upstream::new(settings)
            .map_err(|source| AppError::Upstream { name: name.to_string(), source })?;
        upstreams.insert(Arc::clone(name), upstream);
    }
    Ok(upstreams)
}
