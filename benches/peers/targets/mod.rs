//! The targets, by name: what each does, how it is started, what it leaves behind.

mod caddy;
pub(crate) mod consentry;
mod envoy;
mod fastapi;
pub(crate) mod floor;
mod haproxy;
mod nginx;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::cores::Cores;
use crate::install::Tools;
use crate::material::{Algorithm, LIMIT, Material, WINDOW};
use crate::process::Process;
use crate::workload::{Shape, Work, Workload};
use consentry::{BESIDE, Consentry};

/// A target that can be started.
pub(crate) trait Peer {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// What it does in a workload: the workload's own work, or plain proxying as a measure beside it.
    fn work(&self, workload: &Workload) -> Work;

    /// Whether it looks at the scopes of a token, where it looks at tokens.
    fn looks_at_scopes(&self) -> bool {
        true
    }

    /// Which version is installed, in its own words.
    ///
    /// # Errors
    /// Why it cannot be used on this machine.
    fn version(&self, tools: &Tools) -> anyhow::Result<String>;

    /// Connections under a closed load, at most. A target that answers a few hundred in a second only queues what is beyond.
    fn most_connections(&self) -> Option<usize> {
        None
    }

    /// Writes its configuration, starts it and waits until it listens.
    ///
    /// # Errors
    /// Where it does not come to listen, with what it said.
    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process>;

    /// Looks, when it has stopped, for what it must have left behind of so many requests that it passed on.
    ///
    /// # Errors
    /// What is missing.
    fn evidence(&self, _site: &Site<'_>, _workload: &Workload, _passed: u64) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Where and with what a target runs.
pub(crate) struct Site<'a> {
    /// Its own folder.
    pub(crate) folder: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The model behind it.
    pub(crate) backend: SocketAddr,
    /// Certificates, keys, secrets.
    pub(crate) material: &'a Material,
    /// Where programs are.
    pub(crate) tools: &'a Tools,
    /// How many workers it has.
    pub(crate) workers: usize,
    /// Where they run.
    pub(crate) cores: Cores,
    /// What will be sent.
    pub(crate) shape: Shape,
    /// How the tokens are signed that come with it, for those that have one issuer.
    pub(crate) algorithm: Algorithm,
}

impl Site<'_> {
    /// Writes a configuration into the folder, with names between `@` replaced by what they stand for.
    pub(crate) fn write(
        &self,
        name: &str,
        template: &str,
        more: &[(&'static str, &str)],
    ) -> anyhow::Result<PathBuf> {
        let material = self.material.file("");
        let known = [
            ("ADDRESS", self.address.to_string()),
            ("PORT", self.address.port().to_string()),
            ("BACKEND", self.backend.to_string()),
            ("BACKEND_PORT", self.backend.port().to_string()),
            ("FOLDER", self.folder.display().to_string()),
            ("MATERIAL", material.display().to_string().trim_end_matches('/').to_owned()),
            ("WORKERS", self.workers.to_string()),
            ("ALGORITHM", self.algorithm.name().to_owned()),
            ("ISSUER", self.algorithm.issuer()),
            ("SECRET", self.material.secret().to_owned()),
            ("LIMIT", LIMIT.to_string()),
            ("WINDOW", WINDOW.to_string()),
        ];
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let text = fill(template, known.into_iter().chain(more))?;
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Where a target's own words go.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    /// The last that it said.
    pub(crate) fn last_words(&self) -> String {
        let said = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = said.trim_end().lines().collect();
        lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join("; ")
    }

    /// A file that the target wrote.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.folder.join(name)).with_context(|| format!("no {name}"))
    }
}

fn fill(template: &str, words: impl Iterator<Item = (&'static str, String)>) -> anyhow::Result<String> {
    let mut text = template.to_owned();
    for (name, value) in words {
        text = text.replace(&format!("@{name}@"), &value);
    }
    let left =
        text.split('@').skip(1).step_by(2).find(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        });
    ensure!(left.is_none(), "a template has a name that stands for nothing: {left:?}");
    Ok(text)
}

/// Activities that the gateway has in any case.
const THREE: usize = 3;

/// All of them, in the order of reports.
pub(crate) fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(Consentry::USUAL),
        Box::new(Consentry { name: BESIDE, ..Consentry::USUAL }),
        Box::new(Consentry { name: "consentry-durable", journal: "before_forward", ..Consentry::USUAL }),
        Box::new(Consentry { name: "consentry-10", others: 10 - THREE, ..Consentry::USUAL }),
        Box::new(Consentry { name: "consentry-100", others: 100 - THREE, ..Consentry::USUAL }),
        Box::new(Consentry { name: "consentry-500", others: 500 - THREE, ..Consentry::USUAL }),
        Box::new(haproxy::HaProxy { guarded: false }),
        Box::new(haproxy::HaProxy { guarded: true }),
        Box::new(nginx::Nginx { flavour: nginx::Flavour::Plain }),
        Box::new(nginx::Nginx { flavour: nginx::Flavour::Lua }),
        Box::new(nginx::Nginx { flavour: nginx::Flavour::Njs }),
        Box::new(fastapi::FastApi),
        Box::new(envoy::Envoy { guarded: false }),
        Box::new(envoy::Envoy { guarded: true }),
        Box::new(caddy::Caddy),
        Box::new(floor::Floor { journal: false }),
        Box::new(floor::Floor { journal: true }),
    ]
}

/// That templates are filled, and nothing in them is forgotten.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let words = || [("A", "1".to_owned())].into_iter();
    ensure!(fill("x @A@ me@example.org", words())? == "x 1 me@example.org");
    ensure!(fill("x @A@ @B@", words()).is_err());
    Ok(())
}
