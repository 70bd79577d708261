//! A gateway in this process: the repository's policies, files in a temporary folder, a plaintext listener on loopback.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{bail, ensure};
use consentry::admin::{Command, PersonId};
use consentry::app::{Core, Exchanges};
use consentry::clock::Clock;
use consentry::config;
use consentry::identity::{self, DevelopmentToken};
use consentry::keys::{LocalKey, write_new};
use consentry::pipeline::Gateway;
use consentry::proxy::{ListenerConfig, Listeners, ServerHandle};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::upstream;

/// Rows of a batch.
pub(crate) const ROWS: usize = 20;
/// Rows of a large one.
const MANY_ROWS: usize = 560;

/// A second activity, for batches in MLflow's shapes.
const SPLIT: &str = include_str!("split.yaml");

const ISSUER: &str = "https://issuer.bench.invalid";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A gateway that serves.
pub(crate) struct Setting {
    runtime: Runtime,
    core: Core,
    server: ServerHandle,
    stop: watch::Sender<bool>,
    folder: TempDir,
}

impl Setting {
    /// With `journal` as the policy's mode, and as many persons who have agreed.
    pub(crate) fn new(journal: &str, persons: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = deployment(folder.path(), journal, upstream::start()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let core = runtime.block_on(Core::open(config, Clock::system()))?;
        let office = core.office(None);
        for number in 0..persons {
            let person =
                PersonId { namespace: "customers".to_owned(), identifier: identifier(number).into() };
            let agrees = Command::ConsentGrant {
                person,
                purpose: "product-recommendation".to_owned(),
                language: "en".to_owned(),
                method: "api".to_owned(),
            };
            let reply = runtime.block_on(office.carry_out(agrees))?;
            ensure!(reply.done, "{}", reply.says);
        }
        let (stop, stopped) = watch::channel(false);
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = ListenerConfig { threads: Some(1), ..ListenerConfig::new(loopback, None) };
        let gateway = Arc::clone(&core.gateway);
        let exchanges = move |_| Exchanges::new(&gateway);
        let server = Listeners::bind(&listener)?.serve(exchanges, stopped)?;
        Ok(Self { runtime, core, server, stop, folder })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub(crate) fn gateway(&self) -> &Arc<Gateway> {
        &self.core.gateway
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// One request for each of the first `count` persons.
    pub(crate) fn requests(&self, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
        (0..count).map(|number| self.request("/predict/", number, &body(number))).collect()
    }

    fn request(&self, path: &str, number: usize, body: &str) -> anyhow::Result<Vec<u8>> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.address(),
            token(number)?,
            body.len(),
        );
        Ok((head + body).into_bytes())
    }

    /// The same, each a batch of about 2 KB in the shape `dataframe_split`.
    pub(crate) fn split_requests(&self, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
        (0..count).map(|number| self.request("/invocations", number, &split(number, ROWS))).collect()
    }

    /// The same of about 62 KB.
    pub(crate) fn large_requests(&self, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
        (0..count).map(|number| self.request("/invocations", number, &split(number, MANY_ROWS))).collect()
    }

    /// Requests on the route without personal data.
    pub(crate) fn open_requests(&self, count: usize) -> Vec<Vec<u8>> {
        let request = format!("GET /health HTTP/1.1\r\nhost: {}\r\n\r\n", self.address());
        vec![request.into_bytes(); count]
    }

    pub(crate) fn close(self) -> anyhow::Result<()> {
        self.stop.send(true)?;
        self.server.join()?;
        self.runtime.block_on(self.core.gateway.store().close());
        Ok(self.folder.close()?)
    }
}

/// A token for a person.
pub(crate) fn token(number: usize) -> anyhow::Result<String> {
    let token = DevelopmentToken {
        issuer: ISSUER.to_owned(),
        audience: "consentry".to_owned(),
        sub: identifier(number),
        scopes: vec!["predict".to_owned()],
        ttl: Duration::from_secs(12 * 3600),
        ..DevelopmentToken::default()
    };
    Ok(identity::issue(&token, SECRET.as_bytes(), Clock::system().now())?)
}

/// A person's body of 204 bytes.
pub(crate) fn body(number: usize) -> String {
    let body = format!(
        r#"{{"first_name": "Augusta Ada Byron", "last_name": "King of Ockham Park", "email": "augusta.ada.king.byron.{number:06}@example.org", "age": 36, "sex": "Female", "favorite_color": "Red", "favorite_food": "Pizza"}}"#
    );
    debug_assert_eq!(body.len(), 204);
    body
}

/// A person's batch: the names once, then so many rows.
fn split(number: usize, rows: usize) -> String {
    let row = |row: usize| {
        format!(
            r#"["Augusta Ada", "King of Ockham Park", "ada.king.{number:06}@example.org", {}, "Female", "Red", "Pizza"]"#,
            20 + row % 100
        )
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    format!(
        r#"{{"dataframe_split": {{"columns": ["first_name", "last_name", "email", "age", "sex", "favorite_color", "favorite_food"], "data": [{}]}}}}"#,
        rows.join(", ")
    )
}

fn identifier(number: usize) -> String {
    format!("person-{number:05}")
}

fn deployment(folder: &Path, journal: &str, upstream: SocketAddr) -> anyhow::Result<config::Config> {
    let policies = folder.join("policies");
    fs::create_dir(&policies)?;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"))? {
        let entry = entry?;
        // Examples beside them are sets of their own.
        if !entry.file_type()?.is_file() {
            continue;
        }
        let text = fs::read_to_string(entry.path())?
            .replace("journal: before_forward", &format!("journal: {journal}"))
            .replace("rate: 60/min, burst: 20", "rate: 60000000/min, burst: 1000000");
        if !entry.path().to_string_lossy().contains(".cases.") {
            fs::write(policies.join(entry.file_name()), text)?;
        }
    }
    fs::write(
        policies.join("split.yaml"),
        SPLIT.replace("journal: before_forward", &format!("journal: {journal}")),
    )?;
    write_new(&folder.join("issuer.secret"), SECRET)?;
    LocalKey::create(&folder.join("master.key"))?;
    let file = folder.join("consentry.yaml");
    fs::write(
        &file,
        format!(
            "listeners:\n  - {{ https: \"127.0.0.1:8443\", certificate: none.pem, key: none.key }}\n\
             upstreams:\n  favourites-model: {{ url: \"http://{upstream}\", recipient: model-host }}\n\
             issuers:\n  - {{ issuer: \"{ISSUER}\", secret_file: issuer.secret, audience: consentry, algorithms: [HS256], namespace: customers }}\n\
             keys: {{ file: master.key }}\n\
             store: {{ sqlite: data.db, keyring: keys.db }}\n\
             policies: policies\n"
        ),
    )?;
    match config::load(&file) {
        Ok((mut config, _)) => {
            config.listeners.clear();
            config.admin.socket = None;
            Ok(config)
        }
        Err(diagnostics) => bail!("{}", diagnostics.render(false)),
    }
}
