//! FastAPI under uvicorn: the governed exchange as one would write it by hand.

use std::process::Command;

use super::{Peer, Site};
use crate::evidence;
use crate::install::Tools;
use crate::process::Process;
use crate::workload::{Work, Workload};

/// The application of `configurations/app.py`.
pub(crate) struct FastApi;

impl Peer for FastApi {
    fn name(&self) -> &'static str {
        "fastapi"
    }

    fn work(&self, workload: &Workload) -> Work {
        workload.work
    }

    fn most_connections(&self) -> Option<usize> {
        Some(8)
    }

    fn version(&self, tools: &Tools) -> anyhow::Result<String> {
        let words = "import importlib.metadata as m, sys; \
                     print(', '.join(f'{n} {m.version(n)}' for n in ('fastapi', 'uvicorn', 'httpx', 'pydantic', 'PyJWT', 'cryptography')), \
                     'on Python', sys.version.split()[0])";
        Tools::says(Command::new(tools.of_python("python")?).args(["-c", words]))
    }

    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process> {
        site.write("app.py", include_str!("../configurations/app.py"), &[])?;
        let mut command = Command::new(site.tools.of_python("uvicorn")?);
        command.args(["app:app", "--host", "127.0.0.1", "--port", &site.address.port().to_string()]);
        command.args([
            "--loop",
            "uvloop",
            "--http",
            "httptools",
            "--no-access-log",
            "--no-proxy-headers",
            "--log-level",
            "warning",
        ]);
        command.args(["--timeout-keep-alive", "600", "--workers", &site.workers.to_string()]);
        command.arg("--ssl-certfile").arg(site.material.file("server.pem"));
        command.arg("--ssl-keyfile").arg(site.material.file("server.key"));
        command.current_dir(&site.folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("BENCH_WORK", site.material.file("work.json"));
        command.env("BENCH_AUDIT", site.folder.join("audit.log"));
        command.env("BENCH_BACKEND", format!("http://{}", site.backend));
        Process::start(self.name(), command, &site.log(), site.address, site.cores)
    }

    fn evidence(&self, site: &Site<'_>, workload: &Workload, passed: u64) -> anyhow::Result<()> {
        evidence::sealed(&site.read("audit.log")?, workload.shape, passed)
    }
}
