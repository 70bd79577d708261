//! Where one case plays: a deployment of its own in a temporary folder, which is gone when the case is over.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::answer;
use super::upstream::{Recorder, shown};
use crate::admin::{Command, Office, PersonId};
use crate::app::{Core, Exchanges};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Issuer, KeyFrom, MasterKeySource};
use crate::crypto::{InterchangeKey, hex, random};
use crate::custody::Reader;
use crate::files::Temporary;
use crate::identity::{self, Algorithm, DevelopmentToken};
use crate::keys::{LocalKey, write_new};
use crate::net::dial::{HeadCaps, Target};
use crate::payload::{Format, read};
use crate::plan::Sent;
use crate::policy::Spanned;
use crate::policy::cases::{Call, Case, Token, UpstreamAnswers};
use crate::proxy::{ListenerConfig, Listeners, ServerHandle};

const ISSUER: &str = "https://issuer.cases.invalid";
const AUDIENCE: &str = "consentry";
/// The moment of cases that name none: 2026-01-01T12:00:00Z.
const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);
const CAP: usize = 16 * 1024 * 1024;
const PACE: read::Pace =
    read::Pace { grace: Duration::from_secs(30), bytes_per_second: 0, total: Duration::from_secs(30) };

/// What came of a case's call.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    pub(super) upstream_saw: Option<Value>,
    /// How the upstream was asked: path, query, declared headers.
    pub(super) upstream_asked: Option<Value>,
    /// What the upstream replied, where it was asked.
    pub(super) answered: Option<Value>,
    /// Which gates of the answer stood open for the caller.
    pub(super) opened: Vec<bool>,
    /// The record that the call left, in clear.
    pub(super) stored: Option<Value>,
}

impl Got {
    /// The last segment of the problem's type.
    pub(super) fn problem(&self) -> Option<&str> {
        self.member("type")?.rsplit('/').next()
    }

    /// A member of the problem that is a text.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        self.body.as_ref()?.get(name)?.as_str()
    }
}

/// A gateway that plays one case.
pub(super) struct Setting {
    folder: Temporary,
    clock: Clock,
    core: Core,
    office: Office,
    namespace: Arc<str>,
    secret: String,
    recorder: Recorder,
    upstream: AbortHandle,
    server: ServerHandle,
    stop: watch::Sender<bool>,
}

impl Setting {
    /// Opens the deployment's policies over a store, keys and an issuer that are made for this case.
    pub(super) async fn new(config: &Config, case: &Case) -> anyhow::Result<Self> {
        let folder = Temporary::new(&hex(&random::bytes::<12>()))?;
        let recorder = Recorder::default();
        let (address, upstream) = recorder.serve().await?;
        let namespace =
            config.issuers.first().map_or_else(|| "customers".into(), |issuer| issuer.namespace.clone());
        let secret = hex(&random::bytes::<32>());
        let clock = Clock::fixed(case.given.clock.unwrap_or(NOON));
        let config = stage(config, folder.path(), address, &namespace, &secret, &case.given.analyzer_finds)?;
        let core = Core::open(config, clock.clone()).await?;
        let office = core.office(None);

        let (stop, stopped) = watch::channel(false);
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = ListenerConfig { threads: Some(1), ..ListenerConfig::new(loopback, None) };
        let gateway = Arc::clone(&core.gateway);
        let exchanges = move |_| Exchanges::new(&gateway);
        let server = Listeners::bind(&listener)?.serve(exchanges, stopped)?;
        Ok(Self { folder, clock, core, office, namespace, secret, recorder, upstream, server, stop })
    }

    /// Brings about what the case gives, then makes its call.
    pub(super) async fn act(&mut self, case: &Case) -> anyhow::Result<Got> {
        let given = &case.given;
        for exchange in &given.exchanges {
            let person = self.person(Some(&exchange.token));
            self.said(person.as_ref(), &exchange.consent, &[]).await?;
            self.recorder.prepare(200, answer::made_up(&self.core.gateway.live().plan, &exchange.send));
            let (status, ..) = self.call(Some(&exchange.token), &exchange.send).await?;
            ensure!(status == 200, "a call made before the case's own was answered with {status}");
            self.said(person.as_ref(), &[], &exchange.withdrawn).await?;
        }
        let person = self.person(given.token.as_ref());
        self.said(person.as_ref(), &given.consent, &given.withdrawn).await?;
        self.stopped(person.as_ref(), &given.objected, given.restricted).await?;
        let namespace = given.token.as_ref().and_then(|token| token.namespace.clone());
        for said in &given.persons {
            let namespace = namespace.clone().unwrap_or_else(|| self.namespace.to_string());
            let person = Some(PersonId { namespace, identifier: said.sub.clone().into() });
            self.said(person.as_ref(), &said.consent, &said.withdrawn).await?;
            self.stopped(person.as_ref(), &said.objected, said.restricted).await?;
        }
        if let Some(advance) = given.advance {
            self.clock.advance(advance);
            self.officer(Command::Retention {}).await?;
        }
        let (status, answer) = match &case.upstream_answers {
            Some(UpstreamAnswers { status, text: Some(text), .. }) => {
                (*status, Sent::text(text, self.formats(&case.send).1))
            }
            Some(UpstreamAnswers { status, json, .. }) => {
                (*status, Sent::text(&json.clone().unwrap_or_default().to_string(), Format::Json))
            }
            None => (200, answer::made_up(&self.core.gateway.live().plan, &case.send)),
        };
        self.recorder.prepare(status, answer.clone());
        let before = self.counts().await?;
        let (status, body, opened) = self.call(given.token.as_ref(), &case.send).await?;
        let grown = self.counts().await?.into_iter().zip(before).find(|(now, before)| now != before);
        let stored = match grown {
            Some(((activity, count), _)) => self.newest(&activity, count).await?,
            None => None,
        };
        let upstream_saw = self.recorder.saw();
        let upstream_asked = self.asked(&case.send);
        let answered = upstream_saw.is_some().then(|| shown(Some(&answer.content_type), &answer.bytes));
        Ok(Got { status, body, upstream_saw, upstream_asked, answered, opened, stored })
    }

    #[cfg(test)]
    pub(super) fn office(&self) -> &Office {
        &self.office
    }

    #[cfg(test)]
    pub(super) fn store(&self) -> &crate::store::Store {
        self.core.gateway.store()
    }

    pub(super) async fn close(self) {
        let _ = self.stop.send(true);
        let server = self.server;
        drop(tokio::task::spawn_blocking(move || server.join()).await);
        self.upstream.abort();
        self.core.gateway.store().close().await;
        drop(self.folder);
    }

    /// What the persons of the case have said.
    async fn said(
        &self,
        person: Option<&PersonId>,
        given: &[Spanned<String>],
        withdrawn: &[Spanned<String>],
    ) -> anyhow::Result<()> {
        let Some(person) = person else { return Ok(()) };
        for purpose in given.iter().chain(withdrawn) {
            let (language, method) = ("en".to_owned(), "api".to_owned());
            let (person, purpose) = (person.clone(), purpose.value.clone());
            self.officer(Command::ConsentGrant { person, purpose, language, method }).await?;
        }
        for purpose in withdrawn {
            let (person, purpose) = (person.clone(), purpose.value.clone());
            self.officer(Command::ConsentWithdraw { person, purpose, method: "api".to_owned() }).await?;
        }
        Ok(())
    }

    /// What further persons have agreed to.
    pub(super) async fn agreed(
        &self,
        persons: &[String],
        purposes: &[Spanned<String>],
    ) -> anyhow::Result<()> {
        for identifier in persons {
            let (namespace, identifier) = (self.namespace.to_string(), identifier.clone().into());
            self.said(Some(&PersonId { namespace, identifier }), purposes, &[]).await?;
        }
        Ok(())
    }

    /// What a person objects to, and whether their data is restricted.
    async fn stopped(
        &self,
        person: Option<&PersonId>,
        objected: &[Spanned<String>],
        restricted: bool,
    ) -> anyhow::Result<()> {
        let Some(person) = person else { return Ok(()) };
        for purpose in objected {
            let (person, purpose) = (person.clone(), purpose.value.clone());
            self.officer(Command::Object { person, purpose, lift: false }).await?;
        }
        if restricted {
            self.officer(Command::Restrict { person: person.clone(), lift: false }).await?;
        }
        Ok(())
    }

    async fn officer(&self, command: Command) -> anyhow::Result<()> {
        let name = command.name();
        let reply = self.office.carry_out(command).await.with_context(|| format!("{name} failed"))?;
        ensure!(reply.done, "{name} was not done: {}", reply.says);
        Ok(())
    }

    fn person(&self, token: Option<&Token>) -> Option<PersonId> {
        let token = token?;
        let namespace = token.namespace.clone().unwrap_or_else(|| self.namespace.to_string());
        Some(PersonId { namespace, identifier: token.sub.clone()?.into() })
    }

    fn token(&self, token: &Token) -> anyhow::Result<String> {
        let token = DevelopmentToken {
            issuer: issuer_of(token.namespace.as_deref().unwrap_or(&self.namespace)),
            audience: AUDIENCE.to_owned(),
            sub: token.sub.clone().unwrap_or_default(),
            client_id: token.client_id.clone(),
            scopes: token.scopes.clone(),
            claims: token.claims.clone(),
            ttl: Duration::from_secs(3600),
            ..DevelopmentToken::default()
        };
        Ok(identity::issue(&token, self.secret.as_bytes(), self.clock.now())?)
    }

    /// The caller's status and body, and which gates stood open.
    async fn call(
        &self,
        token: Option<&Token>,
        call: &Call,
    ) -> anyhow::Result<(u16, Option<Value>, Vec<bool>)> {
        let authority = self.server.local_addr().to_string();
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.path.value)
            .header(header::HOST, &authority);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token(token)?));
        }
        let sent = Sent::of(call, self.formats(call).0);
        let said = call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(sent) = sent.as_ref().filter(|_| !said) {
            request = request.header(header::CONTENT_TYPE, &sent.content_type);
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let body = sent.unwrap_or_default().bytes;
        let target = Target::new(&format!("http://{authority}").parse()?, None)?;
        let (mut sender, connection) = target.http(Duration::from_secs(5), HeadCaps::default()).await?;
        let connection = tokio::spawn(connection);
        let (head, body) = request.body(Full::new(Bytes::from(body)))?.into_parts();
        let opened = self.core.gateway.gates(&head).unwrap_or_default();
        let response = sender.send_request(Request::from_parts(head, body)).await?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let body = read::capped(response.into_body(), CAP, &PACE).await?;
        connection.abort();
        let body = (!body.is_empty()).then(|| shown(content_type.as_deref(), &body));
        Ok((status, body, opened))
    }

    /// How the upstream was asked, as far as the call's route declares it.
    fn asked(&self, call: &Call) -> Option<Value> {
        let live = self.core.gateway.live();
        let path = call.path.value.split('?').next().unwrap_or_default();
        let found = live.plan.route(&call.method, path).ok()?;
        let declared: Vec<&str> = found.route.headers.iter().map(|param| &*param.name).collect();
        self.recorder.asked(&declared)
    }

    /// What the route of a call reads, and what its upstream answers.
    fn formats(&self, call: &Call) -> (Format, Format) {
        let live = self.core.gateway.live();
        let path = call.path.value.split('?').next().unwrap_or_default();
        let found = live.plan.route(&call.method, path).ok();
        let payload = found.as_ref().and_then(|found| found.route.payload.as_ref());
        payload.map_or_else(Default::default, |payload| (payload.request.format(), payload.response.format()))
    }

    /// How many records of each activity are kept.
    async fn counts(&self) -> anyhow::Result<Vec<(Arc<str>, u64)>> {
        let live = self.core.gateway.live();
        let mut counts = Vec::new();
        for activity in &live.plan.activities {
            let count = self.core.gateway.store().records_count(&activity.name).await?;
            counts.push((Arc::clone(&activity.name), count));
        }
        Ok(counts)
    }

    /// The record with the highest number of an activity that keeps so many.
    async fn newest(&self, activity: &str, count: u64) -> anyhow::Result<Option<Value>> {
        let (store, custody) = (self.core.gateway.store(), self.core.gateway.custody());
        let rows = store.records(activity, None, 0, u32::try_from(count).unwrap_or(u32::MAX)).await?;
        let Some(row) = rows.into_iter().max_by_key(|row| row.number) else { return Ok(None) };
        let opened = custody.open_record(&row.record, Reader::Source).await?;
        Ok(Some(serde_json::from_slice(&opened.to_json())?))
    }
}

/// The deployment as the case has it: the policies are the operator's, everything that could reach out is not.
fn stage(
    config: &Config,
    folder: &Path,
    upstream: SocketAddr,
    namespace: &str,
    secret: &str,
    analyzer_finds: &[(String, String)],
) -> anyhow::Result<Config> {
    let mut staged = config.clone();
    for entry in staged.upstreams.values_mut() {
        entry.url = format!("http://{upstream}").parse()?;
        entry.socket = None;
    }
    for entry in staged.analyzers.values_mut() {
        entry.finds = Some(analyzer_finds.to_vec());
    }
    let secret_file = folder.join("issuer.secret");
    write_new(&secret_file, secret)?;
    let mut namespaces: Vec<Arc<str>> =
        config.issuers.iter().map(|issuer| issuer.namespace.clone()).collect();
    namespaces.push(namespace.into());
    namespaces.sort_unstable();
    namespaces.dedup();
    staged.issuers = namespaces
        .into_iter()
        .map(|namespace| Issuer {
            issuer: issuer_of(&namespace),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms: vec![Algorithm::HS256],
            types: vec!["at+jwt".to_owned()],
            namespace,
            key: KeyFrom::SecretFile(secret_file.clone()),
        })
        .collect();
    for (index, (_, path)) in staged.interchange_keys.iter_mut().enumerate() {
        *path = folder.join(format!("interchange-{index}.key"));
        write_new(path, &InterchangeKey::generate())?;
    }
    let master = folder.join("master.key");
    LocalKey::create(&master)?;
    staged.keys = MasterKeySource::File(master);
    staged.previous_keys.clear();
    staged.store.sqlite = folder.join("data.db");
    staged.store.keyring = folder.join("keys.db");
    staged.api_keys = None;
    staged.admin.socket = None;
    staged.admin.tls = None;
    staged.listeners.clear();
    staged.trusted_proxies.clear();
    Ok(staged)
}

/// One issuer for each namespace of the deployment.
fn issuer_of(namespace: &str) -> String {
    format!("{ISSUER}/{namespace}")
}
