//! Every code of a diagnostic, brought about by the example on its page, through the command that people use.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use consentry::policy::Code;
use serde_json::Value;

/// Codes that no text of a file can bring about, each with the reason.
const NO_TEXT: &[(&str, &str)] = &[
    ("CP0002", "the folder is empty"),
    ("CP0003", "the file cannot be opened"),
    ("CP0004", "the file is larger than a page could show"),
    ("CP0005", "the file is not UTF-8, and a page is"),
    ("CP0011", "a fault of the gateway"),
    ("CP0331", "depends on the day on which it is checked"),
    ("CP0701", "depends on what callers send"),
    ("CP0702", "depends on what callers send"),
];

const INDEX: &str = include_str!("../../docs/reference/diagnostics.md");

/// A file of an example.
struct Example {
    name: String,
    /// Whether it replaces the file, and not only keys of it.
    whole: bool,
    text: String,
}

/// The files that a Markdown text shows: YAML whose first line is a comment with the name, JSON with the name after the
/// language.
fn examples(markdown: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    for block in markdown.split("\n```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap();
        let (name, text) = match language.split_once(' ') {
            Some(("json", name)) => (name, text),
            _ if language == "yaml" => match text.strip_prefix("# ").and_then(|text| text.split_once('\n')) {
                Some(named) => named,
                None => continue,
            },
            _ => continue,
        };
        let bare = name.strip_suffix(" (the whole file)");
        let whole = bare.is_some() || name.ends_with(".json");
        examples.push(Example { name: bare.unwrap_or(name).to_owned(), whole, text: format!("{text}\n") });
    }
    examples
}

fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

/// The outermost keys of a text, each with all its lines.
fn keys(text: &str) -> Vec<(String, String)> {
    let mut keys: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let key = line.split(':').next().unwrap_or_default();
        let begins = line.starts_with(|c: char| c.is_ascii_alphabetic());
        // A key that an example has twice stays there twice.
        match keys.last_mut() {
            Some((last, lines)) if !begins || *last == key => writeln!(lines, "{line}").unwrap(),
            _ => keys.push((key.to_owned(), format!("{line}\n"))),
        }
    }
    keys
}

/// The text in which the example's keys stand instead of its own, at their places.
fn changed(text: &str, example: &str) -> String {
    let mut all = keys(text);
    for (key, lines) in keys(example) {
        match all.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = lines,
            None => all.push((key, lines)),
        }
    }
    all.into_iter().map(|(_, lines)| lines).collect()
}

/// Writes the minimal set with an example in it.
fn deployment(examples: Vec<Example>) -> tempfile::TempDir {
    let minimal = self::examples(INDEX).into_iter().map(|file| (file.name, file.text));
    let mut files: BTreeMap<String, String> = minimal.collect();
    assert_eq!(files.len(), 3, "{:?}", files.keys());
    for example in examples {
        let text = match files.get(&example.name) {
            Some(text) if !example.whole => changed(text, &example.text),
            _ => example.text,
        };
        files.insert(example.name, text);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentry"));
    command.args(["check", "--config", "consentry.yaml"]).args(arguments).current_dir(folder);
    command.env_remove("NO_COLOR").stdin(Stdio::null()).output().unwrap()
}

fn findings(folder: &Path) -> Vec<Value> {
    let output = check(folder, &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.success(), report["valid"] == true);
    report["diagnostics"].as_array().unwrap().clone()
}

/// The text that a finding underlines.
fn underlined(folder: &Path, finding: &Value) -> Option<String> {
    let number = |member: &str| finding[member].as_u64().and_then(|number| usize::try_from(number).ok());
    let text = fs::read_to_string(folder.join(finding["file"].as_str()?)).ok()?;
    let line = text.lines().nth(number("line")? - 1)?;
    let (from, to) = (number("column")? - 1, number("end_column")? - 1);
    Some(line.chars().skip(from).take(to - from).collect())
}

fn shown(folder: &Path, finding: &Value) -> String {
    let text = |member: &str| finding[member].as_str().unwrap_or_default();
    let article = finding["article"].as_str().map(|article| format!(" (GDPR {article})")).unwrap_or_default();
    let place = match underlined(folder, finding) {
        Some(text) => format!(
            " {}:{}:{} [{text}]",
            finding["file"].as_str().unwrap(),
            finding["line"],
            finding["column"]
        ),
        None => String::new(),
    };
    format!("{}{article}{place}\n  {}\n  {}\n", text("code"), text("message"), text("help"))
}

#[test]
fn every_code_has_an_example_that_brings_it_about_and_one_that_does_not() {
    let mut golden = String::new();
    let mut without = Vec::new();
    let mut faults = Vec::new();
    for code in Code::ALL {
        let wrong = examples(section(code.page(), "Wrong"));
        let right = examples(section(code.page(), "Right"));
        if wrong.is_empty() || NO_TEXT.iter().any(|(other, _)| *other == code.code()) {
            without.push(code.code());
            continue;
        }
        let folder = deployment(wrong);
        let found = findings(folder.path());
        let of_code: Vec<_> = found.iter().filter(|one| one["code"] == code.code()).collect();
        if of_code.is_empty() {
            faults.push(format!("{code}: the wrong example gives {found:#?}"));
        }
        of_code.iter().for_each(|one| golden.push_str(&shown(folder.path(), one)));
        let folder = deployment(right);
        let found = findings(folder.path());
        if !found.is_empty() {
            faults.push(format!("{code}: the right example gives {found:#?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let excused: Vec<_> = NO_TEXT.iter().map(|(code, _)| *code).collect();
    assert_eq!(without, excused, "codes without an example, and those that are excused");
    insta::assert_snapshot!("every_code", golden);
}

#[test]
fn the_index_names_every_code_and_its_page() {
    for code in Code::ALL {
        let row = format!("| [`{0}`](diagnostics/{0}.md) |", code.code());
        let lines: Vec<_> = INDEX.lines().filter(|line| line.starts_with(&row)).collect();
        assert_eq!(lines.len(), 1, "{code} in docs/reference/diagnostics.md");
        assert!(lines[0].contains(&format!(" | {} | ", code.title())), "{}", lines[0]);
    }
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/diagnostics");
    assert_eq!(fs::read_dir(pages).unwrap().count(), Code::ALL.len(), "a page of a code that is not there");
}

#[test]
fn a_page_is_printed_on_request() {
    let folder = deployment(Vec::new());
    for text in ["CP0303", "303"] {
        let output = check(folder.path(), &["--explain", text]);
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), Code::SpecialCategory.page());
    }
    let output = check(folder.path(), &["--explain", "CP9999"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is no code `CP9999`"));
}

#[test]
fn what_is_wrong_in_all_files_is_counted_once() {
    let folder = deployment(examples(section(Code::NoCategory.page(), "Wrong")));
    let file = folder.path().join("consentry.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}api_keys: nowhere.yaml\n")).unwrap();
    let output = check(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stderr).unwrap();
    let counted: Vec<_> =
        text.lines().filter(|line| line.contains(" error") && line.contains(" warning")).collect();
    assert_eq!(counted, ["1 error, 1 warning"], "{text}");
    let (_, behind) = text.split_once("1 error, 1 warning").unwrap();
    assert!(!behind.contains("CP0"), "nothing is told behind the count: {behind}");
    assert!(text.contains("`consentry key api NAME --scope SCOPE`"), "{text}");
}

#[test]
fn without_a_configuration_it_is_said_where_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    let output = check(folder.path(), &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let help = report["diagnostics"][0]["help"].as_str().unwrap();
    for told in ["`--config FILE`", "`consentry import`", "consentry.example.yaml"] {
        assert!(help.contains(told), "{help}");
    }
    // One that is there and cannot be read is no beginning.
    fs::create_dir(folder.path().join("consentry.yaml")).unwrap();
    let output = check(folder.path(), &["--format", "json"]);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("consentry.example.yaml"));
}

fn one_error() -> tempfile::TempDir {
    deployment(examples(section(Code::IdentifierUnchanged.page(), "Wrong")))
}

#[test]
fn what_is_no_terminal_gets_no_colours() {
    let folder = one_error();
    let output = check(folder.path(), &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
    insta::assert_snapshot!("human", text);
    assert_eq!(output.status.code(), Some(3));
}

/// What the command writes to a terminal.
fn on_terminal(folder: &Path, no_color: Option<&str>) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let end = fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentry"));
    command.args(["check", "--config", "consentry.yaml"]).current_dir(folder).env_remove("NO_COLOR");
    command.envs(no_color.map(|value| ("NO_COLOR", value))).env("TERM", "xterm-256color");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(end);
    let mut child = command.spawn().unwrap();
    // The other end of the terminal is the child's alone from here on, so that reading ends with it.
    drop(command);
    let mut text = Vec::new();
    // Linux says EIO where the last writer has gone.
    drop(fs::File::from(terminal).read_to_end(&mut text));
    child.wait().unwrap();
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_terminal_gets_colours_and_underlines_unless_somebody_asks_for_none() {
    let folder = one_error();
    let coloured = on_terminal(folder.path(), None);
    insta::assert_snapshot!("coloured", coloured.replace('\u{1b}', "ESC"));
    let plain = String::from_utf8(check(folder.path(), &[]).stderr).unwrap();
    assert_eq!(on_terminal(folder.path(), Some("1")), plain);
    assert_eq!(on_terminal(folder.path(), Some("")), coloured, "an empty NO_COLOR asks for nothing");
}
