//! A deployment in a folder of its own, which goes when it is dropped.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use consentry::clock::Clock;
use consentry::config::{self, Config};
use consentry::crypto::{hex, random};
use consentry::identity::{self, DevelopmentToken};
use consentry::keys::write_new;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::gateway::{Gateway, Said, program};

const ISSUER: &str = "https://issuer.faults.invalid";
const AUDIENCE: &str = "consentry";

/// The activities: what decides, and when the journal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// A contract, so that nobody need be asked; the journal first.
    Counted,
    /// The same, with the journal written meanwhile.
    Overlapped,
    /// Rests on consent; the journal first.
    Asked,
}

impl Activity {
    pub(crate) const ALL: [Self; 3] = [Self::Counted, Self::Overlapped, Self::Asked];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Overlapped => "overlapped",
            Self::Asked => "asked",
        }
    }

    pub(crate) fn path(self) -> String {
        format!("/{}/", self.name())
    }

    /// `version` stands in what the upstream is sent and in what the caller gets.
    fn policy(self, version: &str) -> String {
        let (basis, purpose, journal) = match self {
            Self::Counted => ("contract", "service", "before_forward"),
            Self::Overlapped => ("contract", "service", "overlapped"),
            Self::Asked => ("consent", "advice", "before_forward"),
        };
        let name = self.name();
        format!(
            "activity: {name}\n\
             title: Counting what is sent\n\
             purpose: {purpose}\n\
             legal_basis: {basis}\n\
             data_subject_categories: [customers]\n\
             data_subject: token.sub\n\
             retention: 30d after exchange\n\
             upstream: model\n\
             journal: {journal}\n\
             routes:\n  - match: POST /{name}/\n    payload: json\n    access: {{ all_scopes: [predict] }}\n\
             request:\n  fields:\n\
             \x20   number: {{ category: pd:Age, type: integer, range: 0.., upstream: unchanged, stored: encrypted }}\n\
             \x20   name: {{ category: pd:Name, type: string, length: 1..100, required: false, upstream: leave_out, stored: encrypted }}\n\
             \x20   mark: {{ type: string, length: 0..10, required: false, upstream: {{ redact: {version} }} }}\n\
             response:\n  fields:\n\
             \x20   echo: {{ type: integer, caller: unchanged }}\n\
             \x20   seen: {{ type: string, required: false, caller: unchanged }}\n\
             \x20   mine: {{ type: string, required: false, caller: {{ redact: {version} }} }}\n"
        )
    }
}

const ORGANISATION: &str = "\
controller: { name: Example SA, address: \"1 rue de l'Exemple, Paris\", contact: privacy@example.org }
dpo: { contact: dpo@example.org }
supervisory_authority: CNIL
purposes:
  service: { says: \"to do what you ordered\", notice_version: 1 }
  advice: { says: \"to advise you\", notice_version: 1 }
consent: { expires: 365d }
recipients:
  model-host: { name: Model Host GmbH, role: processor, agreement: DPA-2026-01, country: DE }
";

/// Everything that `consentry serve` needs.
pub(crate) struct Deployment {
    folder: TempDir,
    secret: String,
    upstream: SocketAddr,
}

impl Deployment {
    /// In front of the API at `upstream`.
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = hex(&random::bytes::<32>());
        let made = Self { folder, secret, upstream };
        made.certificates();
        write_new(&made.path("issuer.secret"), &made.secret).unwrap();
        fs::create_dir(made.path("policies")).unwrap();
        fs::write(made.path("policies/organisation.yaml"), ORGANISATION).unwrap();
        made.policies("A");
        made.configure("127.0.0.1:0", "info");
        made
    }

    /// Writes every policy anew, in this version.
    pub(crate) fn policies(&self, version: &str) {
        for activity in Activity::ALL {
            let (path, staged) =
                (self.path(&format!("policies/{}.yaml", activity.name())), self.path("staged"));
            // A reload must not read half a file.
            fs::write(&staged, activity.policy(version)).unwrap();
            fs::rename(staged, path).unwrap();
        }
    }

    /// Writes the deployment's file.
    pub(crate) fn configure(&self, listen: &str, log: &str) {
        let text = format!(
            "listeners:\n  - {{ https: \"{listen}\", certificate: server.pem, key: server.key }}\n\
             admin: {{ socket: admin.sock }}\n\
             upstreams:\n  model: {{ url: \"http://{}\", recipient: model-host }}\n\
             issuers:\n  - {{ issuer: \"{ISSUER}\", secret_file: issuer.secret, audience: {AUDIENCE}, algorithms: [HS256], namespace: customers }}\n\
             keys: {{ file: master.key }}\n\
             store: {{ sqlite: data/data.db, keyring: keys/keys.db }}\n\
             log: {{ filter: \"{log}\", format: json }}\n\
             policies: policies\n",
            self.upstream,
        );
        fs::write(self.file(), text).unwrap();
    }

    /// The deployment's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.path("consentry.yaml")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the metrics say of this one.
    pub(crate) fn figure(&self, name: &str) -> u64 {
        let mut socket = UnixStream::connect(self.path("admin.sock")).unwrap();
        socket.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        let figure = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        figure.expect("the figure").parse().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data/data.db")
    }

    pub(crate) fn keyring(&self) -> PathBuf {
        self.path("keys/keys.db")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// As the program reads it.
    pub(crate) fn config(&self) -> Config {
        config::load(&self.file()).unwrap_or_else(|found| panic!("{}", found.render(false))).0
    }

    /// A token for a person.
    pub(crate) fn token(&self, sub: &str) -> String {
        let token = DevelopmentToken {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            sub: sub.to_owned(),
            scopes: vec!["predict".to_owned()],
            ttl: Duration::from_secs(3600),
            ..DevelopmentToken::default()
        };
        identity::issue(&token, self.secret.as_bytes(), Clock::system().now()).unwrap()
    }

    /// Runs a command of the program on this deployment, to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        Said::from(program().args(words).arg("--config").arg(self.file()).output().unwrap())
    }

    /// Starts the gateway once, where it has not been yet, so that there is a store. The audit begins with three entries then.
    pub(crate) fn begin(&self) {
        if !self.keyring().exists() {
            let (code, log) = Gateway::start(self).stop();
            assert_eq!(code, Some(0), "{log}");
        }
    }

    /// Records a consent, with the command for it.
    pub(crate) fn grant(&self, person: &str) {
        self.begin();
        let said = self.run(&["consent", "grant", "--person", person, "--purpose", "advice"]);
        assert_eq!(said.code, Some(0), "{said:?}");
    }

    /// `audit verify`, which must find everything in order.
    pub(crate) fn verify(&self) {
        let said = self.run(&["audit", "verify"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains("in order"), "{said:?}");
    }

    fn certificates(&self) {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        fs::write(self.authority(), authority.self_signed(&key).unwrap().pem()).unwrap();
        let authority = Issuer::new(authority, key);
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        fs::write(self.path("server.pem"), certificate.pem()).unwrap();
        write_new(&self.path("server.key"), &key.serialize_pem()).unwrap();
    }
}
