//! `diff`: what changes for whom between two sets of policies.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::{Deployment, Exit, deployment, output};
use crate::config::Config;
use crate::crypto::{hex, random};
use crate::files::Temporary;
use crate::plan::{self, Class, Plan, diff};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder of policies, or the consentry.yaml of another deployment.
    #[arg(value_name = "OLD", required_unless_present = "git")]
    old: Option<PathBuf>,
    /// The same, after the change.
    #[arg(value_name = "NEW", required_unless_present = "git")]
    new: Option<PathBuf>,
    /// Compare the deployment's policies with what they are in this revision of git: `main`, `HEAD~1`.
    #[arg(long, value_name = "REV", conflicts_with_all = ["old", "new"])]
    git: Option<String>,
    /// How changes are written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Human,
    /// One object with all changes.
    Json,
    /// For the comment under a change.
    Markdown,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some((old, new)) = sides(&args)? else { return Ok(Exit::InvalidPolicy) };
    let changes = plan::changes(&old, &new);
    output::text(match args.format {
        Format::Human => diff::human(&changes),
        Format::Json => diff::json(&changes),
        Format::Markdown => diff::markdown(&changes),
    });
    let more = changes.iter().any(|change| change.class == Class::More);
    Ok(if more { Exit::More } else { Exit::Fine })
}

/// Both plans; `None` where one is not valid, which has been shown then. Both are looked at, so that all is shown at once.
fn sides(args: &Args) -> anyhow::Result<Option<(Plan, Plan)>> {
    let (old, new) = match (&args.git, &args.old, &args.new) {
        (Some(revision), _, _) => {
            let Some(config) = deployment::read(&args.deployment) else { return Ok(None) };
            let copy = Copy::of(&config.policies, revision)?;
            let old = compiled(copy.0.path(), &config, &format!("of {revision}"));
            (old, compiled(&config.policies, &config, "as they are"))
        }
        (None, Some(old), Some(new)) => (side(args, old)?, side(args, new)?),
        (None, ..) => bail!("name two folders of policies, or a revision with --git"),
    };
    Ok(old.zip(new))
}

/// A folder of policies under the deployment that the command is told, or a deployment with its own.
fn side(args: &Args, path: &Path) -> anyhow::Result<Option<Plan>> {
    ensure!(path.exists(), "{} is not there", path.display());
    let shown = format!("of {}", path.display());
    if path.is_file() {
        return Ok(deployment::at(path).and_then(|config| compiled(&config.policies, &config, &shown)));
    }
    Ok(deployment::read(&args.deployment).and_then(|config| compiled(path, &config, &shown)))
}

fn compiled(folder: &Path, config: &Config, which: &str) -> Option<Plan> {
    match plan::load(folder, &config.deployment()) {
        // Warnings are what `check` is for; here they would stand twice.
        Ok(loaded) => Some(loaded.plan),
        Err(found) => {
            output::note(format_args!("consentry: the policies {which} are not valid"));
            deployment::show(&found);
            None
        }
    }
}

/// The policies of a revision, in a folder of their own that goes when it is dropped.
struct Copy(Temporary);

impl Copy {
    fn of(policies: &Path, revision: &str) -> anyhow::Result<Self> {
        let folder = Temporary::new(&hex(&random::bytes::<12>()));
        let copy = Self(folder.context("no folder for the revision's policies")?);
        // A revision that begins with a dash would be read as an option.
        let listed = git(policies, &["ls-tree", "-rz", "--name-only", "--end-of-options", revision, "./"])?;
        let listed = String::from_utf8(listed).context("a name in the revision is not UTF-8")?;
        let read = |name: &&str| name.ends_with(".yaml") || name.ends_with(".json");
        for name in listed.split('\0').filter(read) {
            let text = git(policies, &["show", "--end-of-options", &format!("{revision}:./{name}")])?;
            let to = copy.0.path().join(name);
            let written = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&to, text));
            written.context("the revision's policies cannot be written down")?;
        }
        Ok(copy)
    }
}

/// What git says in a folder.
fn git(folder: &Path, words: &[&str]) -> anyhow::Result<Vec<u8>> {
    let words = words.iter().map(OsString::from);
    let done = Command::new("git").arg("-C").arg(folder).args(words).output().context("git cannot be run")?;
    ensure!(done.status.success(), "git: {}", String::from_utf8_lossy(&done.stderr).trim());
    Ok(done.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    fn copy(to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(file("policies")).unwrap() {
            let entry = entry.unwrap();
            // Examples beside them are sets of their own.
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }

    fn edit(folder: &Path, from: &str, to: &str) {
        let path = folder.join("favourites.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    fn args(config: PathBuf) -> Args {
        let deployment = Deployment { config };
        Args { old: None, new: None, git: None, format: Format::Human, deployment }
    }

    #[test]
    fn the_exit_says_whether_somebody_may_more() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        copy(&old);
        copy(&new);
        let compare = |old: &Path, new: &Path| {
            let args =
                Args { old: Some(old.into()), new: Some(new.into()), ..args(file("consentry.example.yaml")) };
            run(args)
        };
        assert_eq!(compare(&old, &new).unwrap(), Exit::Fine);
        edit(&new, "30d after", "60d after");
        assert_eq!(compare(&old, &new).unwrap(), Exit::More);
        assert_eq!(compare(&new, &old).unwrap(), Exit::Fine);
        assert_eq!(compare(&file("consentry.example.yaml"), &new).unwrap(), Exit::More);
        edit(&new, "legal_basis: consent", "legal_basis: whim");
        assert_eq!(compare(&old, &new).unwrap(), Exit::InvalidPolicy);
        assert!(compare(&old, &folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn a_revision_of_git_is_what_was_before() {
        let folder = tempfile::tempdir().unwrap();
        copy(&folder.path().join("below/policies"));
        let config = folder.path().join("below/consentry.yaml");
        fs::copy(file("consentry.example.yaml"), &config).unwrap();
        let name = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        git(folder.path(), &["init", "-q"]).unwrap();
        git(folder.path(), &["add", "."]).unwrap();
        git(folder.path(), &[&name[..], &["commit", "-qm", "first"]].concat()).unwrap();

        let compare = |revision: &str| run(Args { git: Some(revision.into()), ..args(config.clone()) });
        assert_eq!(compare("HEAD").unwrap(), Exit::Fine);
        edit(&folder.path().join("below/policies"), "30d after", "60d after");
        assert_eq!(compare("HEAD").unwrap(), Exit::More);
        for revision in ["nowhere", "--help", ""] {
            assert!(compare(revision).is_err(), "{revision}");
        }
    }
}
