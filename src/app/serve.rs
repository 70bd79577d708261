//! Serving: bind everything, then serve, then drain.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::control::Reload;
use super::renewal::Renewal;
use super::{AppError, Core, Exchanges, background, on_save};
use crate::admin::{self, Access, Control, Office};
use crate::config::{AdminTls, Config, ReloadOn};
use crate::net::tls::{self, Protocols};
use crate::net::{Certificates, TrustedProxies};
use crate::proxy::{Bound, ListenerConfig, Listeners, ServerHandle};
use crate::telemetry::Causes;

/// A gateway that serves.
pub struct Running {
    /// Where it listens, in the order of the deployment.
    pub addresses: Vec<SocketAddr>,
    /// Where its administration listens over TLS, if it does.
    pub admin: Option<SocketAddr>,
    /// The deployment.
    pub core: Core,
    office: Arc<Office>,
    servers: Vec<ServerHandle>,
    socket: Option<admin::Served>,
    stop: watch::Sender<bool>,
    background: JoinSet<()>,
}

/// Binds the listeners of an open deployment, and serves. Nothing is served where one of them does not bind.
///
/// # Errors
/// The first listener that does not bind, with what to do about it.
pub async fn serve(core: Core) -> Result<Running, AppError> {
    let config = Arc::clone(&core.config);
    let (bound, mut certificates) = bind(&config)?;
    let addresses = bound.iter().map(Bound::local_addr).collect();
    let (stop, stopped) = watch::channel(false);
    let admin = match &config.admin.tls {
        Some(entry) => {
            let theirs = Certificates::load(&entry.listener.certificate, &entry.listener.key)?;
            certificates.push(Arc::clone(&theirs));
            Some((
                listen(entry).await?,
                tls::server(theirs, Protocols::Http1Only)?,
                Access::Tokens(entry.tokens.clone()),
            ))
        }
        None => None,
    };

    let gateway = Arc::clone(&core.gateway);
    let (clock, metrics) = (gateway.clock().clone(), gateway.metrics().clone());
    let renewal = Arc::new(Renewal::new(certificates, clock, metrics));
    renewal.begin();
    let reload = Reload::new(Arc::clone(&config), gateway, Arc::clone(&renewal), core.read_as);
    let reload = Arc::new(reload);
    let control: Arc<dyn Control> = Arc::<Reload>::clone(&reload);
    let office = Arc::new(core.office(Some(control)));
    let socket = match &config.admin.socket {
        Some(path) => {
            let served = admin::serve_socket(path, Arc::clone(&office), stopped.clone());
            Some(served.map_err(|source| AppError::Admin { path: path.clone(), source })?)
        }
        None => None,
    };
    let admin_address = admin.as_ref().and_then(|(listener, ..)| listener.local_addr().ok());
    if let Some((listener, tls, access)) = admin {
        admin::serve_tls(listener, tls, access, Arc::clone(&office), stopped.clone());
    }
    let mut background = background::start(&core.gateway, &office, &config, renewal, &stopped);
    if config.reload == ReloadOn::Save {
        background.spawn(background::until(stopped.clone(), on_save::run(reload)));
    }

    let mut servers = Vec::new();
    for listener in bound {
        let gateway = Arc::clone(&core.gateway);
        let worker = move |_| Exchanges::new(&gateway);
        servers.push(listener.serve(worker, stopped.clone())?);
    }
    let counters: Vec<_> = servers.iter().map(ServerHandle::counter).collect();
    let counting = background::count_connections(Arc::clone(&core.gateway), counters);
    background.spawn(background::until(stopped.clone(), counting));
    Ok(Running { addresses, admin: admin_address, core, office, servers, socket, stop, background })
}

impl Running {
    /// Where commands are carried out.
    pub fn office(&self) -> &Arc<Office> {
        &self.office
    }

    /// Stops accepting, lets every exchange end, writes that it stopped, and closes the store.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        for server in self.servers {
            drop(tokio::task::spawn_blocking(move || server.join()).await);
        }
        while self.background.join_next().await.is_some() {}
        drop(self.socket);
        if let Err(error) = self.core.gateway.journal().stop(env!("CARGO_PKG_VERSION")).await {
            tracing::error!(cause = %Causes(&error), "the stop is not in the audit");
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({:?})", self.addresses)
    }
}

/// Binds every listener before any of them serves.
pub(super) fn bind(config: &Config) -> Result<(Vec<Bound>, Vec<Arc<Certificates>>), AppError> {
    let mut bound = Vec::new();
    let mut all = Vec::new();
    for listener in &config.listeners {
        let certificates = Certificates::load(&listener.certificate, &listener.key)?;
        let tls = tls::server(Arc::clone(&certificates), Protocols::Http2AndHttp1)?;
        let settings = ListenerConfig {
            threads: config.threads,
            timers: config.connections.timers,
            limits: config.connections.limits,
            trusted: TrustedProxies::new(config.trusted_proxies.iter().copied()),
            ..ListenerConfig::new(listener.https, Some(tls))
        };
        bound.push(Listeners::bind(&settings)?);
        all.push(certificates);
    }
    Ok((bound, all))
}

pub(super) async fn listen(entry: &AdminTls) -> Result<TcpListener, AppError> {
    TcpListener::bind(entry.listener.https)
        .await
        .map_err(|source| AppError::Admin { path: entry.listener.https.to_string().into(), source })
}
