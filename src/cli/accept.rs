//! `accept`: shows what is only proposed in drafted policies, and removes the marks of what a person accepts.

use std::fs;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{Exit, output};
use crate::draft::{self, Proposed};
use crate::policy::{self, LegalBasis};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
At a terminal each proposal is shown and asked for: y accepts it, n leaves its mark, a accepts it and all that follow, q
ends. What is empty in a draft cannot be accepted: fill it in.")]
pub(super) struct Args {
    /// Drafted files: policies/NAME.yaml, policies/organisation.yaml.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Accept everything that is shown.
    #[arg(long)]
    all: bool,
    /// Accept this place only, `request.fields.email` for example; may be given several times.
    #[arg(long = "place", value_name = "PLACE", conflicts_with = "all")]
    places: Vec<String>,
}

/// What to do with what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    All,
    Quit,
}

/// Which proposals are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All that are shown.
    All,
    /// These places.
    Places(Vec<String>),
    /// Those that a person at the terminal says yes to.
    Asked,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let which = match (args.all, args.places.is_empty()) {
        (true, _) => Which::All,
        (false, false) => Which::Places(args.places),
        (false, true) => Which::Asked,
    };
    if which == Which::Asked && !std::io::stdin().is_terminal() {
        show(&args.files)?;
        bail!("nothing was accepted: answer at a terminal, or say --all or --place");
    }
    if files(&args.files, &which)? == 0 && is_wrong(&args.files) {
        output::note("Something is still empty or wrong: `consentry check` shows it.");
    }
    Ok(Exit::Fine)
}

/// Shows all that is proposed in drafts.
pub(super) fn show(files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        let text = read(file)?;
        draft::proposed(&text)?.iter().for_each(|proposed| output::line(shown(file, proposed)));
    }
    Ok(())
}

/// Shows and accepts; gives how many proposals are left.
pub(super) fn files(files: &[PathBuf], which: &Which) -> anyhow::Result<usize> {
    let mut left = 0;
    let mut all = *which == Which::All;
    if let Which::Places(places) = which {
        are_proposed(places, files)?;
    }
    for file in files {
        let text = read(file)?;
        let proposals =
            draft::proposed(&text).with_context(|| format!("{} is left as it was", file.display()))?;
        let mut accepted: Vec<&str> = Vec::new();
        for proposed in &proposals {
            output::line(shown(file, proposed));
            let answer = match which {
                _ if all => Answer::Yes,
                Which::Asked => ask()?,
                Which::Places(places) if places.contains(&proposed.place) => Answer::Yes,
                Which::All | Which::Places(_) => Answer::No,
            };
            match answer {
                Answer::Yes => accepted.push(&proposed.place),
                Answer::All => {
                    all = true;
                    accepted.push(&proposed.place);
                }
                Answer::No => {}
                Answer::Quit => break,
            }
        }
        let after = draft::accept(&text, |place| accepted.contains(&place));
        let after = after.with_context(|| format!("{} is left as it was", file.display()))?;
        if after != text {
            replace(file, &after)?;
        }
        left += proposals.len() - accepted.len();
        output::note(format_args!(
            "{}: {} accepted, {} still proposed",
            file.display(),
            accepted.len(),
            proposals.len() - accepted.len()
        ));
    }
    for file in files {
        consent_in_cases(file)?;
    }
    Ok(left)
}

/// Refuses a place that no file proposes, before anything is accepted: what was mistyped would pass for accepted.
fn are_proposed(places: &[String], files: &[PathBuf]) -> anyhow::Result<()> {
    let mut there = Vec::new();
    for file in files {
        let text = read(file)?;
        let proposals =
            draft::proposed(&text).with_context(|| format!("{} is left as it was", file.display()))?;
        there.extend(proposals.into_iter().map(|proposed| proposed.place));
    }
    let unknown: Vec<&str> =
        places.iter().filter(|place| !there.contains(place)).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    bail!("nothing was accepted: nothing is proposed at {}; the places are: {there}", unknown.join(", "))
}

/// Whether something is empty or wrong in the folder of these files.
pub(super) fn is_wrong(files: &[PathBuf]) -> bool {
    let folder = files.first().and_then(|file| file.parent());
    folder.is_some_and(|folder| policy::has_errors(&policy::read(folder).found))
}

fn shown(file: &Path, proposed: &Proposed) -> String {
    let (number, line) = &proposed.line;
    format!("{}:{number}: {line}", file.display())
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn ask() -> anyhow::Result<Answer> {
    let mut input = std::io::stdin().lock();
    loop {
        output::prompt("  accept? [y/n/a/q] ");
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(Answer::Quit);
        }
        match line.trim() {
            "y" | "Y" => return Ok(Answer::Yes),
            "n" | "N" => return Ok(Answer::No),
            "a" | "A" => return Ok(Answer::All),
            "q" | "Q" => return Ok(Answer::Quit),
            _ => {}
        }
    }
}

/// Cases were drafted before anybody had said what the activity rests on: where it is consent, they need one.
fn consent_in_cases(file: &Path) -> anyhow::Result<()> {
    let (Some(folder), Some(stem)) = (file.parent(), file.file_stem().and_then(|stem| stem.to_str())) else {
        return Ok(());
    };
    let cases = folder.join(format!("{stem}.cases.yaml"));
    let set = policy::read(folder).set;
    let Some(activity) = set.activities.iter().find(|activity| activity.name == stem) else { return Ok(()) };
    let consent = activity.legal_basis.as_ref().is_some_and(|basis| basis.value == LegalBasis::Consent);
    let Some(purpose) = activity.purpose.as_ref().filter(|_| consent && cases.exists()) else {
        return Ok(());
    };
    let before = read(&cases)?;
    let after = draft::consent(&before, &purpose.value);
    if after != before { replace(&cases, &after) } else { Ok(()) }
}

/// Whole or not at all, with the mode that the file had.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("policy");
    let beside = folder.join(format!(".{name}.accepted"));
    let written = || -> std::io::Result<()> {
        let mut new = fs::File::create(&beside)?;
        new.set_permissions(fs::metadata(file)?.permissions())?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, file)
    };
    written().with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_proposed_is_refused_and_nothing_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("score.yaml");
        let text = "activity: score\ntitle: a\nproposed:\n  - title\n  - data_subject\n";
        fs::write(&file, text).unwrap();
        let accept = |places: &[&str]| {
            let places = places.iter().map(|place| (*place).to_owned()).collect();
            super::files(std::slice::from_ref(&file), &Which::Places(places))
        };
        let error = accept(&["title", "NOPE"]).unwrap_err().to_string();
        assert!(error.contains("at NOPE;") && error.contains("title, data_subject"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert_eq!(accept(&["title"]).unwrap(), 1);
    }
}
