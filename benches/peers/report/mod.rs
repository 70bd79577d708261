//! A run, written down: JSON with every round, a Markdown table, an SVG plot.

mod alone;
mod before;
mod goals;
mod markdown;
mod plot;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::growth::Growth;
use crate::living::{Reloads, Starts};
use crate::machine::Machine;
use crate::measure::{Cell, Effort, Measured};
use crate::walk::Walked;

pub(crate) use before::Before;

/// Where the last full run stands in the documentation.
const PAGE: &str = "docs/performance.md";
const PAGE_PLOT: &str = "docs/performance.svg";
const PAGE_DATA: &str = "docs/performance.json";
const PAGE_DATA_BEFORE: &str = "docs/performance-before.json";
const BEGINS: &str = "<!-- The last full run begins here: `cargo peers full publish` writes it. -->";
const ENDS: &str = "<!-- The last full run ends here. -->";

/// A run from beginning to end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// When it began.
    pub(crate) at: String,
    /// The words it was started with.
    pub(crate) command: String,
    /// The commit that the bench stands on, and whether anything has changed since.
    pub(crate) commit: String,
    /// Where.
    pub(crate) machine: Machine,
    /// Rounds and times.
    pub(crate) effort: Effort,
    /// Whether it only checked: its times say nothing.
    pub(crate) smoke: bool,
    /// What was compared, in its own words.
    pub(crate) versions: BTreeMap<&'static str, String>,
    /// Workload by workload.
    pub(crate) measured: Vec<Measured>,
    /// How long starts take.
    pub(crate) starts: Vec<Starts>,
    /// What calls notice of reloads.
    pub(crate) reloads: Option<Reloads>,
    /// What look-ups cost as there are more callers and persons.
    pub(crate) growth: Option<Growth>,
    /// What the walk of bodies takes.
    pub(crate) walked: Vec<Walked>,
    /// A run that it is compared with.
    #[serde(skip)]
    pub(crate) before: Option<Before>,
}

impl Run {
    /// Writes `report.json`, `report.md` and `report.svg` into a folder, and says the Markdown.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<String> {
        fs::create_dir_all(folder)?;
        let text = markdown::page(self, "report.svg")?;
        fs::write(folder.join("report.json"), serde_json::to_vec_pretty(self)?)?;
        fs::write(folder.join("report.md"), &text)?;
        fs::write(folder.join("report.svg"), plot::svg(&self.measured))?;
        Ok(text)
    }

    /// Puts the run into the documentation, in the place of the one before it, with every round of both beside the page.
    ///
    /// # Errors
    /// Where the page or the place in it is not there.
    pub(crate) fn publish(&self, root: &Path) -> anyhow::Result<()> {
        let page = root.join(PAGE);
        let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        let between = markdown::page(self, "performance.svg")?;
        fs::write(page, placed(&text, &between)?)?;
        fs::rename(published(root), root.join(PAGE_DATA_BEFORE))?;
        fs::write(published(root), serde_json::to_string(self)? + "\n")?;
        Ok(fs::write(root.join(PAGE_PLOT), plot::svg(&self.measured))?)
    }
}

/// Where the run lies that the documentation has.
pub(crate) fn published(root: &Path) -> PathBuf {
    root.join(PAGE_DATA)
}

/// What was measured in a workload.
fn workload<'a>(measured: &'a [Measured], name: &str) -> Option<&'a Measured> {
    measured.iter().find(|measured| measured.name == name)
}

/// What was measured of a target in a workload.
fn cell<'a>(measured: &'a [Measured], name: &str, target: &str) -> Option<&'a Cell> {
    workload(measured, name)?.cells.iter().find(|cell| cell.target == target)
}

fn placed(text: &str, between: &str) -> anyhow::Result<String> {
    let (before, rest) = text.split_once(BEGINS).context("the page has no place for a run")?;
    let (_, after) = rest.split_once(ENDS).context("the page has no end of a run")?;
    Ok(format!("{before}{BEGINS}\n\n{}\n{ENDS}{after}", between.trim_end().to_owned() + "\n"))
}

/// That a page keeps what is around the run, and that goals and plots can be made.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let page = format!("a\n{BEGINS}\nold\n{ENDS}\nb\n");
    let once = placed(&page, "new")?;
    anyhow::ensure!(once == format!("a\n{BEGINS}\n\nnew\n\n{ENDS}\nb\n"), "{once}");
    anyhow::ensure!(placed(&once, "new")? == once);
    anyhow::ensure!(placed("a", "new").is_err());
    alone::proves_itself()?;
    before::proves_itself()?;
    goals::proves_itself()?;
    plot::proves_itself()
}
