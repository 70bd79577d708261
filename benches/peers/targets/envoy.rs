//! Envoy: plain, and with its filters for tokens (which remember what they verified) and local limits.

use std::process::Command;

use super::{Peer, Site};
use crate::install::Tools;
use crate::process::Process;
use crate::workload::{Work, Workload};

/// Envoy.
pub(crate) struct Envoy {
    pub(crate) guarded: bool,
}

impl Peer for Envoy {
    fn name(&self) -> &'static str {
        if self.guarded { "envoy-jwt" } else { "envoy" }
    }

    fn work(&self, _: &Workload) -> Work {
        if self.guarded { Work::Guarded } else { Work::Plain }
    }

    /// Its filter for tokens knows issuer and audience.
    fn looks_at_scopes(&self) -> bool {
        false
    }

    fn version(&self, tools: &Tools) -> anyhow::Result<String> {
        let said = Tools::says(Command::new(tools.of_python("envoy")?).arg("--version"))?;
        let version = said.split("version: ").nth(1).and_then(|words| words.split('/').nth(1));
        Ok(version.unwrap_or(&said).to_owned())
    }

    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process> {
        let (mut route, mut filters) = (String::new(), String::new());
        if self.guarded {
            // One issuer: of several, each is asked in turn, and a token of the last is tried by the others first.
            site.write("keys.json", &site.material.key_set(site.algorithm)?.to_string(), &[])?;
            route.push_str(include_str!("../configurations/envoy-jwt-route.yaml"));
            filters.push_str(include_str!("../configurations/envoy-jwt-filters.yaml"));
        }
        let whole = include_str!("../configurations/envoy.yaml");
        let whole = whole.replace("@ROUTE@\n", &route).replace("@FILTERS@\n", &filters);
        let configuration = site.write("envoy.yaml", &whole, &[])?;
        let mut command = Command::new(site.tools.of_python("envoy")?);
        command.args(["--concurrency", &site.workers.to_string(), "--disable-hot-restart"]);
        command.args(["--log-level", "warning", "-c"]).arg(configuration);
        Process::start(self.name(), command, &site.log(), site.address, site.cores)
    }
}
