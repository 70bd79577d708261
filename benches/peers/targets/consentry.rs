//! The gateway itself, as it is served: its own process, its own files, its own journal on the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use consentry::admin::{Command as Order, Office, PersonId};
use consentry::app::Core;
use consentry::clock::Clock;
use consentry::config::{self, Config};
use consentry::keys::LocalKey;
use futures_util::future::try_join_all;

use super::{Peer, Site};
use crate::evidence::NAMES;
use crate::install::Tools;
use crate::material::{HASTY, LIMIT, WINDOW, caller};
use crate::process::Process;
use crate::workload::{Work, Workload};

const DEPLOYMENT: &str = include_str!("../configurations/consentry/consentry.yaml");
const RECORD: &str = include_str!("../configurations/consentry/record.yaml");
const POLICIES: [(&str, &str); 4] = [
    ("policies/organisation.yaml", include_str!("../configurations/consentry/organisation.yaml")),
    ("policies/record.yaml", RECORD),
    ("policies/batch.yaml", include_str!("../configurations/consentry/batch.yaml")),
    ("policies/open.yaml", include_str!("../configurations/consentry/open.yaml")),
];

/// The gateway as a target.
pub(crate) const GATEWAY: &str = "consentry";
/// Another build of it, with the same layout of its files.
pub(crate) const BESIDE: &str = "consentry-beside";
/// How many agree before it is served: everybody but the silent one.
const AGREED: u64 = HASTY as u64 + 1;

/// The gateway with one of its two journals, and so many activities.
pub(crate) struct Consentry {
    pub(crate) name: &'static str,
    pub(crate) journal: &'static str,
    /// Activities like that of records beside it, each with a route of its own.
    pub(crate) others: usize,
}

impl Consentry {
    /// As it is mostly measured.
    pub(crate) const USUAL: Self = Self { name: GATEWAY, journal: "overlapped", others: 0 };

    fn program<'t>(&self, tools: &'t Tools) -> anyhow::Result<&'t Path> {
        match &tools.beside {
            Some(beside) if self.name == BESIDE => Ok(beside),
            None if self.name == BESIDE => bail!("no other build is named"),
            _ => Ok(&tools.gateway),
        }
    }

    /// Writes a deployment of its own, with policies and a master key.
    pub(crate) fn write(&self, site: &Site<'_>) -> anyhow::Result<PathBuf> {
        let deployment = site.write("consentry.yaml", DEPLOYMENT, &[])?;
        let (rate, burst) = ((LIMIT / WINDOW * 60).to_string(), LIMIT.to_string());
        let words = [("JOURNAL", self.journal), ("RATE", rate.as_str()), ("BURST", burst.as_str())];
        for (name, template) in POLICIES {
            site.write(name, template, &words)?;
        }
        for number in 0..self.others {
            let other = RECORD
                .replace("activity: record", &format!("activity: record-{number}"))
                .replace("POST /predict", &format!("POST /predict-{number}"));
            site.write(&format!("policies/record-{number}.yaml"), &other, &words)?;
        }
        LocalKey::create(&site.folder.join("master.key"))?;
        fs::create_dir_all(site.folder.join("run"))?;
        Ok(deployment)
    }
}

impl Peer for Consentry {
    fn name(&self) -> &'static str {
        self.name
    }

    fn work(&self, workload: &Workload) -> Work {
        workload.work
    }

    fn version(&self, tools: &Tools) -> anyhow::Result<String> {
        let program = self.program(tools)?;
        let said = Tools::says(Command::new(program).arg("--version"))?;
        Ok(format!("{said} (profile {}, journal {})", Tools::profile(program), self.journal))
    }

    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process> {
        let deployment = self.write(site)?;
        agree(&deployment)?;
        let mut command = Command::new(self.program(site.tools)?);
        command.args(["serve", "--config"]).arg(&deployment);
        Process::start(self.name, command, &site.log(), site.address, site.cores)
    }

    fn evidence(&self, site: &Site<'_>, workload: &Workload, passed: u64) -> anyhow::Result<()> {
        let deployment = site.folder.join("consentry.yaml");
        let asked = |words: &[&str]| {
            let mut command = Command::new(self.program(site.tools)?);
            Tools::says(command.args(words).arg("--config").arg(&deployment))
        };
        let said = asked(&["audit", "verify"])?;
        let entries = said.split(' ').find_map(|word| word.parse::<u64>().ok());
        let entries = entries.with_context(|| said.clone())?;
        // Each who agreed, and of each exchange what was meant and what became of it.
        let due = if workload.work == Work::Governed { AGREED + 2 * passed } else { AGREED };
        ensure!(entries >= due, "{passed} requests passed, and the audit has {entries} entries");
        if workload.work == Work::Governed {
            let kept = asked(&["access", "--person", &caller(1)])?;
            ensure!(NAMES.iter().all(|name| kept.contains(name)), "what is kept of a person has other names");
        }
        Ok(())
    }
}

/// A deployment that is opened here and not served.
pub(crate) fn deployment(file: &Path) -> anyhow::Result<Config> {
    match config::load(file) {
        Ok((mut config, _)) => {
            config.listeners.clear();
            config.admin.socket = None;
            Ok(config)
        }
        Err(wrong) => bail!("{}", wrong.render(false)),
    }
}

/// Everybody agrees but the silent one, before the gateway is served.
pub(crate) fn agree(deployment: &Path) -> anyhow::Result<()> {
    let config = self::deployment(deployment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let core = Core::open(config, Clock::system()).await?;
        let office = core.office(None);
        try_join_all((0..AGREED as usize).map(|number| grant(&office, caller(number)))).await?;
        core.gateway.store().close().await;
        Ok(())
    })
}

/// Somebody agrees.
pub(crate) async fn grant(office: &Office, identifier: String) -> anyhow::Result<()> {
    let order = Order::ConsentGrant {
        person: PersonId { namespace: "customers".to_owned(), identifier: identifier.into() },
        purpose: "product-recommendation".to_owned(),
        language: "en".to_owned(),
        method: "api".to_owned(),
    };
    let reply = office.carry_out(order).await?;
    ensure!(reply.done, "{}", reply.says);
    Ok(())
}
