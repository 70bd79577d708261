//! The words that the bench is started with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::measure::Effort;
use crate::steady;
use crate::targets::consentry::{BESIDE, GATEWAY};
use crate::workload::Workload;
use crate::workloads::ALL;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// The command, for the report.
    pub(crate) command: String,
    /// How long and how often.
    pub(crate) effort: Effort,
    /// Whether the run goes into the documentation.
    pub(crate) publish: bool,
    /// What an earlier run wrote, to compare with.
    pub(crate) before: Option<PathBuf>,
    /// Whether nothing is to be installed.
    pub(crate) offline: bool,
    /// Another build of the gateway than this one's.
    pub(crate) gateway: Option<PathBuf>,
    /// One more build of it, as a target beside the first.
    pub(crate) beside: Option<PathBuf>,
    names: Vec<String>,
    only: Vec<String>,
    /// Whether everything is checked and hardly anything measured.
    pub(crate) smoke: bool,
    /// How many persons a store is to have, where that is asked. They may take hours to make.
    pub(crate) persons: Option<usize>,
}

const FULL: Effort = Effort {
    rounds: 5,
    time: Duration::from_millis(2_000),
    warm: Duration::from_millis(300),
    counted: Duration::from_millis(500),
    idle: 2_000,
    new_tokens: 10_000,
    cycles: 2,
};
const SMOKE: Effort = Effort {
    rounds: 1,
    time: Duration::from_millis(200),
    warm: Duration::from_millis(50),
    counted: Duration::from_millis(100),
    idle: 256,
    new_tokens: 500,
    cycles: 0,
};

/// The fewest rounds of what is published.
const PUBLISHED: usize = 3;

/// The words for what is measured from the library alone, and of starts and reloads.
pub(crate) const GROWTH: &str = "growth";
/// The same.
pub(crate) const START: &str = "start";
/// The same.
pub(crate) const RELOAD: &str = "reload";
/// The same, of the walk.
pub(crate) const WALK: &str = "walk";

/// What a smoke test looks at: every target and every kind of work and load once.
const SMOKED: [&str; 10] = ["A", "A h2", "B RS256", "B ES256 new", "C", "C h2", "D 2 KB", "E", "F 2000", "G"];

impl Words {
    /// Reads them. None where there are none: then the bench is not asked to measure.
    ///
    /// # Errors
    /// A word that means nothing.
    pub(crate) fn read(words: &[&str]) -> anyhow::Result<Option<Self>> {
        // What cargo says of its own.
        let words: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
        let mut read = Self {
            command: format!("cargo peers {}", words.join(" ")),
            effort: FULL,
            publish: false,
            before: None,
            offline: false,
            gateway: None,
            beside: None,
            names: Vec::new(),
            only: Vec::new(),
            smoke: false,
            persons: None,
        };
        let mut asked = false;
        if words.contains(&"smoke") {
            (read.smoke, read.effort) = (true, SMOKE);
        }
        for word in words {
            match word.split_once('=') {
                Some(("rounds", count)) => read.effort.rounds = count.parse().context("rounds=NUMBER")?,
                Some(("seconds", time)) => {
                    let seconds = time.parse().context("seconds=NUMBER")?;
                    read.effort.time = Duration::try_from_secs_f64(seconds).context("seconds=NUMBER")?;
                }
                Some(("persons", count)) => read.persons = Some(count.parse().context("persons=NUMBER")?),
                Some(("only", names)) => read.only = names.split(',').map(str::to_owned).collect(),
                Some(("gateway", path)) => read.gateway = Some(program(path)?),
                Some(("beside", path)) => read.beside = Some(program(path)?),
                Some(("before", path)) => read.before = Some(path.into()),
                Some(_) => bail!("{word} means nothing here"),
                None if word == "publish" => read.publish = true,
                None if word == "offline" => read.offline = true,
                None if word == "full" || word == "smoke" => asked = true,
                None => {
                    let known = [GROWTH, START, RELOAD, WALK].contains(&word)
                        || ALL.iter().any(|workload| named(workload, word));
                    ensure!(known, "there is no workload {word}");
                    read.names.push(word.to_owned());
                    asked = true;
                }
            }
        }
        ensure!(read.effort.rounds > 0, "no rounds, no figures");
        ensure!(
            !read.publish || (read.names.is_empty() && read.only.is_empty() && !read.smoke),
            "what is published is a full run: everything, with every target"
        );
        ensure!(
            !read.publish || read.effort.rounds >= PUBLISHED,
            "what is published has {PUBLISHED} rounds or more: from fewer nobody sees how far they lie apart"
        );
        ensure!(
            !read.publish || read.gateway.is_none(),
            "what is published is this build, and perhaps one beside it"
        );
        ensure!(
            !read.publish || read.before.is_none(),
            "what is published is compared with what is on the page"
        );
        for name in &read.only {
            ensure!(*name != BESIDE, "{BESIDE} is named by beside=PATH, and wanted wherever {GATEWAY} is");
            ensure!(
                ALL.iter().any(|workload| workload.peers.contains(&name.as_str())),
                "there is no target {name}"
            );
        }
        ensure!(
            read.persons.is_none_or(|persons| persons > 0 && read.also(GROWTH)),
            "persons=NUMBER belongs to growth"
        );
        Ok(asked.then_some(read))
    }

    /// The workloads that are wanted.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        let wanted = |workload: &&Workload| match self.names.as_slice() {
            [] if self.smoke => SMOKED.contains(&workload.name),
            [] => true,
            names => names.iter().any(|name| named(workload, name)),
        };
        ALL.iter().filter(wanted).copied().collect()
    }

    /// Whether what has a word of its own is to be measured too: where everything is, and where all of `H` is.
    pub(crate) fn also(&self, word: &str) -> bool {
        (self.names.is_empty() && self.only.is_empty())
            || self.names.iter().any(|name| name == "H" || name == word)
    }

    /// Whether a target is wanted. Another build is wanted where one is named, wherever the gateway is.
    pub(crate) fn wants(&self, target: &str) -> bool {
        let named = if target == BESIDE { GATEWAY } else { target };
        (target != BESIDE || self.beside.is_some())
            && (self.only.is_empty() || self.only.iter().any(|name| name == named))
    }
}

fn program(path: &str) -> anyhow::Result<PathBuf> {
    ensure!(Path::new(path).is_file(), "there is no program {path}");
    Ok(path.into())
}

/// `C` is every workload whose name begins with the word; `C-two-cores` is that one.
fn named(workload: &Workload, word: &str) -> bool {
    let dashed = workload.name.replace(' ', "-");
    dashed == word || workload.name.split(' ').next() == Some(word)
}

/// That words mean what they say.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    ensure!(Words::read(&[])?.is_none() && Words::read(&["--bench"])?.is_none());
    ensure!(Words::read(&["no-such"]).is_err() && Words::read(&["full", "rounds=0"]).is_err());
    let read = Words::read(&["--bench", "A", "rounds=3", "seconds=0.5", "only=nginx"])?.context("words")?;
    steady::proves_itself(&FULL)?;
    ensure!(read.effort.rounds == 3 && read.effort.time == Duration::from_millis(500));
    ensure!(read.workloads().len() == 2 && read.wants("nginx") && !read.wants("haproxy"));
    let gateway = Words::read(&["A", "only=consentry"])?.context("words")?;
    ensure!(gateway.wants(GATEWAY) && !gateway.wants(BESIDE) && !read.wants(BESIDE));
    let beside = format!("beside={}", std::env::current_exe()?.display());
    let both = Words::read(&["A", "only=consentry", &beside])?.context("words")?;
    ensure!(both.wants(GATEWAY) && both.wants(BESIDE) && !both.wants("nginx"));
    for wrong in ["only=ngnix", "only=consentry-beside", "beside=/nowhere", "gateway=/nowhere"] {
        ensure!(Words::read(&["A", wrong]).is_err(), "{wrong} is taken");
    }
    let smoke = Words::read(&["smoke"])?.context("words")?;
    ensure!(smoke.smoke && smoke.effort.rounds == 1 && smoke.workloads().len() == SMOKED.len());
    let reload = Words::read(&["reload"])?.context("words")?;
    ensure!(reload.also(RELOAD) && !reload.also(START) && reload.workloads().is_empty());
    let many = Words::read(&["growth", "persons=70"])?.context("words")?;
    ensure!(
        many.also(GROWTH) && many.persons == Some(70) && Words::read(&["growth", "persons=some"]).is_err()
    );
    for wrong in [["A", "publish"], ["smoke", "publish"]] {
        ensure!(Words::read(&wrong).is_err(), "{wrong:?} is published");
    }
    ensure!(Words::read(&["full", "only=nginx", "publish"]).is_err());
    ensure!(Words::read(&["full", "gateway=/bin/true", "publish"]).is_err());
    ensure!(Words::read(&["full", "gateway=/bin/true"]).is_ok());
    ensure!(Words::read(&["full", "rounds=2", "publish"]).is_err());
    ensure!(Words::read(&["full", "before=report.json", "publish"]).is_err());
    ensure!(Words::read(&["full", "rounds=3", "publish"])?.is_some_and(|words| words.publish));
    ensure!(Words::read(&["A", "persons=70"]).is_err() && Words::read(&["growth", "persons=0"]).is_err());
    let mut names: Vec<_> = ALL.iter().map(|workload| workload.name).collect();
    names.sort_unstable();
    names.dedup();
    ensure!(names.len() == ALL.len(), "two workloads of one name");
    Ok(())
}
