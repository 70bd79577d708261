//! A gateway of a test's own, booted as `consentry serve` boots it: from a written `consentry.yaml`, through
//! `Core::open` and `serve`, on free ports of loopback, in a folder that goes with the test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use consentry::admin::{Command, Control, Office};
use consentry::app::{self, Core, Running};
use consentry::clock::{Clock, Timestamp};
use consentry::config;
use consentry::crypto::{InterchangeKey, random};
use consentry::custody::Reader;
use consentry::identity::{self, DevelopmentToken};
use consentry::problem::Problem;
use consentry::store::RecordRow;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::admin::Admin;
use super::client::{Answer, Call, Client};
use super::issuer::Signer;
use super::upstream::{Reply, Upstream};
use super::{canary, clean_body};

pub(crate) const ISSUER: &str = "https://id.fleuve.example";
pub(crate) const AUDIENCE: &str = "fleuve-gateway";
/// 2026-03-02T10:00:00Z, where every gateway's clock starts.
const START: Timestamp = Timestamp::from_millis(1_772_445_600_000);
/// An answer that fits `churn`.
pub(crate) const RISK: &str = r#"{"risk": 0.25}"#;

const POLICIES: [(&str, &str); 7] = [
    ("organisation.yaml", include_str!("../policies/organisation.yaml")),
    ("churn.yaml", include_str!("../policies/churn.yaml")),
    ("churn-study.yaml", include_str!("../policies/churn-study.yaml")),
    ("churn-answers.yaml", include_str!("../policies/churn-answers.yaml")),
    ("loans.yaml", include_str!("../policies/loans.yaml")),
    ("offers.yaml", include_str!("../policies/offers.yaml")),
    ("callback.yaml", include_str!("../policies/callback.yaml")),
];

/// What a deployment has beyond the usual.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Further entries under `issuers`.
    pub(crate) issuers: String,
    /// Further lines at the top of `consentry.yaml`.
    pub(crate) more: String,
    /// Further lines under `admin`.
    pub(crate) admin: String,
    /// The upstream's time limit.
    pub(crate) patience: Option<&'static str>,
    /// Files to be written into the folder first.
    pub(crate) files: Vec<(&'static str, String)>,
}

/// A gateway that serves, the API behind it, and who calls.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    pub(crate) upstream: Upstream,
    pub(crate) admin: Admin,
    pub(crate) clock: Clock,
    pub(crate) interchange: InterchangeKey,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Authority,
    pub(crate) secret: String,
    running: Running,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        canary::watch_the_log();
        let folder = tempfile::tempdir().unwrap();
        let upstream = Upstream::start(Reply::json(RISK)).await;
        let authority = Authority::new(folder.path());
        authority.sign(folder.path());
        let secret: String = random::bytes::<24>().iter().map(|byte| format!("{byte:02x}")).collect();
        let interchange = InterchangeKey::generate();
        write(folder.path(), "issuer.secret", &secret);
        write(folder.path(), "partner.fernet", &interchange);
        for (name, text) in POLICIES {
            write(folder.path(), &format!("policies/{name}"), text);
        }
        for (name, text) in &options.files {
            write(folder.path(), name, text);
        }
        write(folder.path(), "consentry.yaml", &deployment(&options, &upstream));
        let (config, _) = config::load(&folder.path().join("consentry.yaml"))
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let clock = Clock::fixed(START);
        let core = Core::open(config, clock.clone()).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        let running = app::serve(core).await.unwrap();
        let client = Client::new(running.addresses[0], &folder.path().join("ca.pem"));
        let admin = Admin::new(&folder.path().join("admin.sock"));
        let interchange = InterchangeKey::parse(&interchange).unwrap();
        Self { client, upstream, admin, clock, interchange, folder, authority, secret, running }
    }

    /// With a person whose consents to the forecast and to the study are given.
    pub(crate) async fn with_holder() -> Self {
        let gateway = Self::start().await;
        gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
        gateway
    }

    /// Whoever carries out commands over what is open here, with a control of the test's own.
    pub(crate) fn office(&self, control: impl Control + 'static) -> Office {
        self.running.core.office(Some(Arc::new(control)))
    }

    /// What is in force.
    pub(crate) fn live(&self) -> Arc<consentry::pipeline::Live> {
        self.running.core.gateway.live()
    }

    pub(crate) fn sweep(&self) {
        self.running.core.gateway.sweep();
    }

    pub(crate) fn store(&self) -> &consentry::store::Store {
        self.running.core.gateway.store()
    }

    /// Where the administration listens over TLS, if it does.
    pub(crate) fn admin_address(&self) -> Option<std::net::SocketAddr> {
        self.running.admin
    }

    /// Changes a policy's file; it comes into force with the next reload.
    pub(crate) fn edit_policy(&self, name: &str, change: impl FnOnce(String) -> String) {
        let path = self.folder.path().join("policies").join(name);
        let text = fs::read_to_string(&path).unwrap();
        let new = change(text.clone());
        assert_ne!(text, new, "nothing was changed");
        fs::write(path, new).unwrap();
    }

    /// Gives a policy another name in the folder of policies.
    pub(crate) fn rename_policy(&self, name: &str, to: &str) {
        let policies = self.folder.path().join("policies");
        fs::rename(policies.join(name), policies.join(to)).unwrap();
    }

    /// A token of the deployment's issuer.
    pub(crate) fn token(&self, sub: &str, scopes: &[&str]) -> String {
        self.token_of(DevelopmentToken {
            sub: sub.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..DevelopmentToken::default()
        })
    }

    /// A token that says this, of the deployment's issuer, for an hour.
    pub(crate) fn token_of(&self, token: DevelopmentToken) -> String {
        let (issuer, audience) = (ISSUER.to_owned(), AUDIENCE.to_owned());
        let token = DevelopmentToken { issuer, audience, ttl: Duration::from_secs(3600), ..token };
        identity::issue(&token, self.secret.as_bytes(), self.clock.now()).unwrap()
    }

    /// The claims of a token that is accepted, for tests that spoil one of them.
    pub(crate) fn claims(&self) -> Value {
        let now = self.clock.now().seconds();
        json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": canary::HOLDER, "iat": now, "exp": now + 600, "scope": "score" })
    }

    /// Who signs the deployment's tokens.
    pub(crate) fn signer(&self) -> Signer {
        Signer::Secret(self.secret.as_bytes().to_vec())
    }

    /// A call of `churn` by the holder.
    pub(crate) fn score(&self, body: impl Into<bytes::Bytes>) -> Call {
        Call::json("/v1/churn/score", body).bearer(&self.token(canary::HOLDER, &["score"]))
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        self.client.send(call).await
    }

    /// The call is refused with this problem, and the upstream sees nothing of it.
    pub(crate) async fn refuses(&self, call: Call, problem: Problem) -> Answer {
        let answer = self.send(call).await.problem(problem);
        self.upstream.saw_nothing();
        answer
    }

    /// Makes a call again and again until it is answered with this status; until then it is this problem.
    pub(crate) async fn until(&self, call: &Call, status: u16, problem: Problem) {
        for _ in 0..400 {
            let answer = self.send(call.clone()).await;
            if answer.status == status {
                return;
            }
            answer.problem(problem);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("still {problem} after ten seconds");
    }

    /// A clean call goes through, to the upstream and back.
    pub(crate) async fn healthy(&self) {
        self.upstream.answer(Reply::json(RISK));
        drop(self.upstream.take());
        let answer = self.send(self.score(clean_body())).await.ok();
        assert_eq!(answer.text(), RISK);
        assert!(self.upstream.one().text().contains(canary::SHOP));
    }

    /// The newest record of an activity, in clear.
    pub(crate) async fn kept(&self, activity: &str) -> Option<Value> {
        let count = self.store().records_count(activity).await.unwrap();
        let rows = self.store().records(activity, None, 0, u32::try_from(count).unwrap()).await.unwrap();
        let newest = rows.into_iter().max_by_key(|row| row.number)?;
        Some(self.opened(&newest).await.unwrap())
    }

    /// A record in clear, if it can be opened.
    pub(crate) async fn opened(&self, row: &RecordRow) -> Option<Value> {
        let custody = self.running.core.gateway.custody();
        let opened = custody.open_record(&row.record, Reader::Source).await.ok()?;
        Some(serde_json::from_slice(&opened.to_json()).unwrap())
    }

    /// Stops, and sees to it that what must hold after every test holds: the audit is in order, and no canary is in
    /// clear in metrics, in the log or in any file.
    pub(crate) async fn close(self) {
        self.admin.done(Command::AuditVerify { against: None }).await;
        canary::none_in("the metrics", self.admin.metrics().await.as_bytes());
        // While it runs, with what is not yet folded into the store's files; and afterwards.
        assert!(canary::none_below(self.folder.path()) > 10, "the folder was looked at");
        self.running.stop().await;
        canary::none_below(self.folder.path());
        canary::none_in_the_log();
    }
}

fn deployment(options: &Options, upstream: &Upstream) -> String {
    let Options { issuers, more, admin, patience, .. } = options;
    let patience = patience.unwrap_or("30s");
    let address = upstream.address;
    format!(
        "listeners:\n  - {{ https: \"127.0.0.1:0\", certificate: server.pem, key: server.key }}\n\
         threads: 2\n\
         admin:\n  socket: admin.sock\n{admin}\
         upstreams:\n  scorer: {{ url: \"http://{address}\", recipient: score-host, timeouts: {{ total: {patience} }} }}\n\
         issuers:\n  - {{ issuer: \"{ISSUER}\", secret_file: issuer.secret, audience: {AUDIENCE}, algorithms: [HS256], namespace: holders }}\n{issuers}\
         keys: {{ file: master.key }}\n\
         interchange_keys:\n  partner-2026: {{ file: partner.fernet }}\n\
         {more}"
    )
}

/// Writes a file that its owner alone can read.
pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// A certificate authority that signs for this host as often as it is asked.
pub(crate) struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new(folder: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        write(folder, "ca.pem", &params.self_signed(&key).unwrap().pem());
        Self(Issuer::new(params, key))
    }

    /// Puts a new certificate of the server in the place of the old one.
    pub(crate) fn sign(&self, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        write(folder, "server.pem", &certificate.pem());
        write(folder, "server.key", &key.serialize_pem());
    }
}
