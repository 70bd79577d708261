//! nginx: plain, and with the governed exchange as a program in Lua or njs.

use std::process::Command;

use super::{Peer, Site};
use crate::evidence;
use crate::install::Tools;
use crate::material::{HASTY, LIMIT, PSEUDONYM_KEY, RECORD_KEY, WINDOW, caller};
use crate::process::Process;
use crate::workload::{Work, Workload};

/// What nginx is extended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Nothing.
    Plain,
    /// Lua.
    Lua,
    /// njs.
    Njs,
}

/// nginx.
pub(crate) struct Nginx {
    pub(crate) flavour: Flavour,
}

impl Peer for Nginx {
    fn name(&self) -> &'static str {
        match self.flavour {
            Flavour::Plain => "nginx",
            Flavour::Lua => "nginx-lua",
            Flavour::Njs => "nginx-njs",
        }
    }

    fn work(&self, workload: &Workload) -> Work {
        match self.flavour {
            Flavour::Plain => Work::Plain,
            Flavour::Lua | Flavour::Njs => workload.work,
        }
    }

    fn version(&self, tools: &Tools) -> anyhow::Result<String> {
        let said = Tools::says(Command::new(tools.program("nginx")?).arg("-v"))?;
        let version = said.rsplit(' ').next().unwrap_or_default().to_owned();
        let module = match self.flavour {
            Flavour::Plain => return Ok(version),
            Flavour::Lua => ("ngx_http_lua_module.so", "libnginx-mod-http-lua"),
            Flavour::Njs => ("ngx_http_js_module.so", "libnginx-mod-http-js"),
        };
        tools.module(module.0)?;
        Ok(format!("{version}, {} {}", module.1, Tools::package(module.1)?))
    }

    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process> {
        let template = match self.flavour {
            Flavour::Plain => include_str!("../configurations/nginx.conf"),
            Flavour::Lua => {
                site.write("work.lua", include_str!("../configurations/work.lua"), &[])?;
                include_str!("../configurations/nginx-lua.conf")
            }
            Flavour::Njs => {
                let keys = [("PSEUDONYM_KEY", PSEUDONYM_KEY), ("RECORD_KEY", RECORD_KEY)];
                site.write("work.js", include_str!("../configurations/work.js"), &keys)?;
                let agreed: String = (0..=HASTY).map(|number| format!("{} 1;\n", caller(number))).collect();
                site.write("agreed.map", &agreed, &[])?;
                include_str!("../configurations/nginx-njs.conf")
            }
        };
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let modules = site.tools.modules.display().to_string();
        let rate = (LIMIT / WINDOW).to_string();
        let words = [("USER", user), ("MODULES", modules.as_str()), ("RATE", rate.as_str())];
        let configuration = site.write("nginx.conf", template, &words)?;
        let mut command = Command::new(site.tools.program("nginx")?);
        command.arg("-e").arg("stderr").arg("-p").arg(&site.folder).arg("-c").arg(configuration);
        Process::start(self.name(), command, &site.log(), site.address, site.cores)
    }

    fn evidence(&self, site: &Site<'_>, workload: &Workload, passed: u64) -> anyhow::Result<()> {
        if self.work(workload) != Work::Governed {
            return Ok(());
        }
        evidence::sealed(&site.read("audit.log")?, workload.shape, passed)
    }
}
