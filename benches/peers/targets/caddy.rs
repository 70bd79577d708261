//! Caddy, plain.

use std::process::Command;

use super::{Peer, Site};
use crate::install::Tools;
use crate::process::Process;
use crate::workload::{Work, Workload};

/// Caddy.
pub(crate) struct Caddy;

impl Peer for Caddy {
    fn name(&self) -> &'static str {
        "caddy"
    }

    fn work(&self, _: &Workload) -> Work {
        Work::Plain
    }

    fn version(&self, tools: &Tools) -> anyhow::Result<String> {
        let said = Tools::says(Command::new(tools.program("caddy")?).arg("version"))?;
        Ok(said.split(' ').next().unwrap_or_default().to_owned())
    }

    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process> {
        let configuration = site.write("Caddyfile", include_str!("../configurations/Caddyfile"), &[])?;
        let mut command = Command::new(site.tools.program("caddy")?);
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(configuration);
        // It keeps its state below the home; its runtime would take the machine's cores for its own.
        command
            .env("HOME", &site.folder)
            .env("XDG_DATA_HOME", &site.folder)
            .env("XDG_CONFIG_HOME", &site.folder);
        command.env("GOMAXPROCS", site.workers.to_string());
        Process::start(self.name(), command, &site.log(), site.address, site.cores)
    }
}
