//! Examples of the documents that say what a command prints or what a shipped file holds: tried, so that they stay true.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The shipped policies that are in force, without their cases.
fn policies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let policy =
        |name: &str| name.ends_with(".yaml") && !name.ends_with(".cases.yaml") && name != "organisation.yaml";
    files.filter(|path| policy(&name(path))).collect()
}

#[test]
fn the_text_that_detectors_are_shown_with_is_found_as_it_says() {
    let page = file("docs/reference/detectors.md");
    let (_, example) = page.split_once("$ echo '").unwrap();
    let (text, rest) = example.split_once("' | consentry detect text --region DE\n").unwrap();
    let (said, _) = rest.split_once("```").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentry"));
    command.args(["detect", "text", "--region", "DE"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{text}").unwrap();
    let printed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    fs::write(&file, format!("{text}\n")).unwrap();
    let run = |file: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consentry"));
        command.args(["detect", "text", "--region", "DE"]).arg(file).stdin(Stdio::null()).output().unwrap()
    };
    assert_eq!(String::from_utf8(run(&file).stdout).unwrap(), printed, "a file is read as standard input is");
    let missing = run(&folder.path().join("none"));
    assert!(!missing.status.success() && missing.stdout.is_empty());
    assert!(String::from_utf8(missing.stderr).unwrap().contains("cannot read"));
    let trimmed = |text: &str| text.lines().map(str::trim_end).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(trimmed(said), trimmed(&printed));
}

#[test]
fn the_rule_that_explain_is_shown_with_stands_in_the_line_that_it_says() {
    let page = file("docs/reference/policy-tools.md");
    let (_, rest) = page.split_once("  policies/favourites.yaml:").unwrap();
    let line: usize = rest.lines().next().unwrap().parse().unwrap();
    let policy = file("policies/favourites.yaml");
    let rule = policy.lines().nth(line - 1).unwrap();
    assert!(rule.trim().starts_with("age:") && rule.contains("generalize: { bands_of: 10 }"), "{rule}");
}

#[test]
fn a_reload_of_the_shipped_policies_counts_as_many_as_there_are() {
    let files = policies();
    let texts = files.iter().map(|path| fs::read_to_string(path).unwrap());
    let routes: usize =
        texts.map(|text| text.lines().filter(|line| line.starts_with("  - match: ")).count()).sum();
    let page = file("docs/guide/living-policies.md");
    for (begins, said) in [
        ("INFO reloaded ", format!("INFO reloaded activities={} routes={routes}", files.len())),
        ("In force: ", format!("In force: {} activities, {routes} routes.", files.len())),
    ] {
        let shown: Vec<&str> = page.lines().filter(|line| line.starts_with(begins)).collect();
        assert_eq!(shown, [said]);
    }
}

/// The excerpt has the shipped file's lines, without its remarks and what aligns them.
#[test]
fn what_the_readme_shows_of_a_policy_stands_in_it() {
    let plain = |text: &str| -> Vec<String> {
        let words = text.lines().map(|line| line.split(" #").next().unwrap_or_default());
        words
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty())
            .collect()
    };
    let readme = file("README.md");
    let (_, excerpt) = readme.split_once("```yaml\nactivity: favourites").unwrap();
    let (excerpt, _) = excerpt.split_once("```").unwrap();
    let policy = plain(&file("policies/favourites.yaml"));
    let mut behind = policy.iter();
    for line in plain(excerpt).iter().filter(|line| *line != "…") {
        assert!(behind.any(|other| other == line), "{line}");
    }
}
