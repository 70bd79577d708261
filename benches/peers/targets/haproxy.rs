//! HAProxy: plain, and with its own verification of tokens and a stick table for the limit.

use std::process::Command;

use super::{Peer, Site};
use crate::install::Tools;
use crate::material::Algorithm;
use crate::process::Process;
use crate::workload::{Work, Workload};

/// HAProxy.
pub(crate) struct HaProxy {
    pub(crate) guarded: bool,
}

impl Peer for HaProxy {
    fn name(&self) -> &'static str {
        if self.guarded { "haproxy-jwt" } else { "haproxy" }
    }

    fn work(&self, _: &Workload) -> Work {
        if self.guarded { Work::Guarded } else { Work::Plain }
    }

    fn version(&self, tools: &Tools) -> anyhow::Result<String> {
        let said = Tools::says(Command::new(tools.program("haproxy")?).arg("-v"))?;
        Ok(said.lines().next().unwrap_or_default().replace(" - https://haproxy.org/", ""))
    }

    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process> {
        let template = if self.guarded {
            include_str!("../configurations/haproxy-jwt.cfg")
        } else {
            include_str!("../configurations/haproxy.cfg")
        };
        let key = match site.algorithm {
            Algorithm::Hs256 => site.material.secret().into(),
            Algorithm::Rs256 => site.material.file("rs256.pem"),
            Algorithm::Es256 => site.material.file("es256.pem"),
        };
        let words = [("KEY", &*key.display().to_string())];
        let configuration = site.write("haproxy.cfg", template, &words)?;
        let mut command = Command::new(site.tools.program("haproxy")?);
        command.arg("-db").arg("-f").arg(configuration);
        Process::start(self.name(), command, &site.log(), site.address, site.cores)
    }
}
