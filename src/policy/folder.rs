//! Reads a policies folder.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use sha2::{Digest, Sha256};

use super::codes::{Code, Severity};
use super::diagnostics::{Diagnostic, Diagnostics, Sources};
use super::model::PolicySet;
use super::reader::Reader;
use super::{cases, checks, law, read_activity, read_organisation, schemas, transfers, yaml};

const ORGANISATION: &str = "organisation.yaml";
const ORGANISATION_STEM: &str = "organisation";
const CASES: &str = ".cases.yaml";
const ACTIVITY: &str = ".yaml";
/// How many files are held as trees at once, and how many make a thread worth its while.
const AT_ONCE: usize = 128;
const FOR_A_THREAD: usize = 8;

/// What a folder says, and what is wrong with it; the set may have holes where something is.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As far as it could be read.
    pub set: PolicySet,
    /// All findings.
    pub found: Vec<Diagnostic>,
}

/// Reads and checks every file of a policies folder.
///
/// # Errors
/// All that is wrong, with its places, if any of it is an error; else the warnings come beside the set.
pub fn load(folder: &Path) -> Result<(PolicySet, Diagnostics), Diagnostics> {
    let Draft { set, found } = read(folder);
    let diagnostics = Diagnostics::new(Arc::clone(&set.sources), found);
    if diagnostics.errors() > 0 { Err(diagnostics) } else { Ok((set, diagnostics)) }
}

/// Reads every file of a folder as far as it goes, so that what the deployment adds can be reported with it.
pub fn read(folder: &Path) -> Draft {
    let mut reader = Reader::default();
    let mut sources = Sources::default();
    let mut set = PolicySet {
        sources: Arc::default(),
        organisation: None,
        activities: Vec::new(),
        shadows: Vec::new(),
        unread: Vec::new(),
        cases: Vec::new(),
        digest: [0; 32],
    };
    let mut digest = Sha256::new();
    let names = list(folder, &mut reader);
    for some in names.chunks(AT_ONCE) {
        let mut files: Vec<_> =
            some.iter().map(|name| File::open(folder, name, &mut digest, &mut sources)).collect();
        parse(&mut files);
        files.into_iter().for_each(|file| file.add_to(&mut set, &mut reader));
    }
    let organisation_there = names.iter().any(|name| name == ORGANISATION);
    if !names.is_empty() && !organisation_there {
        let message = format!("{} has no {ORGANISATION}.", folder.display());
        let help = "Write it: it names the controller, the purposes and the recipients.";
        reader.found.push(Diagnostic::nowhere(Code::NoController, message, help));
    }
    schemas::load(folder, &mut set, &mut digest, &mut sources, &mut reader);
    set.digest = digest.finalize().into();
    set.sources = Arc::new(sources);
    checks::run(&set, &mut reader);
    law::run(&set, &mut reader);
    transfers::run(&set, &mut reader);
    Draft { set, found: reader.found }
}

/// A file, from its bytes to its tree.
struct File<'a> {
    /// Its name without the ending.
    stem: &'a str,
    is_case: bool,
    digest: [u8; 32],
    /// Its number among the sources, and its text, if it can be read.
    text: Option<(u32, String)>,
    tree: Option<yaml::Node>,
    found: Vec<Diagnostic>,
}

impl<'a> File<'a> {
    fn open(folder: &Path, name: &'a str, set: &mut Sha256, sources: &mut Sources) -> Self {
        let path = folder.join(name);
        let is_case = name.ends_with(CASES);
        let stem = name.strip_suffix(if is_case { CASES } else { ACTIVITY }).unwrap_or(name);
        let mut file = Self { stem, is_case, digest: [0; 32], text: None, tree: None, found: Vec::new() };
        if let Some(bytes) = read_file(&path, &mut file.found) {
            if !is_case {
                for part in [name.as_bytes(), &bytes] {
                    set.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                    set.update(part);
                }
            }
            file.digest = Sha256::digest(&bytes).into();
            file.text = utf8(&path, bytes, &mut file.found)
                .map(|text| (sources.add(path.display().to_string(), text.as_str()), text));
        }
        file
    }

    fn parse(&mut self) {
        if let Some((source, text)) = self.text.take() {
            self.tree = yaml::parse(source, &text, &mut self.found);
        }
    }

    /// What it says, and what is wrong with it.
    fn add_to(mut self, set: &mut PolicySet, reader: &mut Reader) {
        reader.found.append(&mut self.found);
        let is_activity = !self.is_case && self.stem != ORGANISATION_STEM;
        let known = set.all().count();
        if let Some(tree) = &self.tree {
            if self.is_case {
                set.cases.extend(cases::read(self.stem, tree, reader));
            } else if !is_activity {
                set.organisation = read_organisation::organisation(tree, reader);
            } else {
                reader.check_name(self.stem, tree.span);
                if let Some(activity) = read_activity::activity(self.stem, self.digest, tree, reader) {
                    let beside = activity.shadows.is_some();
                    if beside { &mut set.shadows } else { &mut set.activities }.push(activity);
                }
            }
        }
        if is_activity && set.all().count() == known {
            set.unread.push(self.stem.to_owned());
        }
    }
}

/// Parses files, on several cores where there are many: it takes most of a start.
fn parse(files: &mut [File<'_>]) {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(files.len() / FOR_A_THREAD).max(1);
    let each = files.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let mut chunks = files.chunks_mut(each);
        let own = chunks.next();
        chunks.for_each(|others| drop(scope.spawn(|| others.iter_mut().for_each(File::parse))));
        own.into_iter().flatten().for_each(File::parse);
    });
}

/// The names of the folder's policy files, sorted.
fn list(folder: &Path, reader: &mut Reader) -> Vec<String> {
    let unreadable = |error: &std::io::Error| {
        let message = format!("{} cannot be read: {error}.", folder.display());
        let help = "Name the folder under `policies` in consentry.yaml, and let the gateway read it.";
        Diagnostic::nowhere(Code::FolderUnreadable, message, help)
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            reader.found.push(unreadable(&error));
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                reader.found.push(unreadable(&error));
                continue;
            }
        };
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        if name.ends_with(".yml") {
            // Passed over, it would be a policy that somebody believes to be in force.
            let message = format!("{} would not be read.", entry.path().display());
            reader.found.push(Diagnostic::nowhere(Code::FileName, message, "Let its name end in `.yaml`."));
        } else if name.ends_with(ACTIVITY) {
            names.push(name);
        }
    }
    names.sort_unstable();
    if !names.iter().any(|name| name != ORGANISATION && !name.ends_with(CASES)) {
        let message = format!("{} holds no activity.", folder.display());
        let help = "Write at least one `NAME.yaml`: without a policy nothing is served.";
        reader.found.push(Diagnostic::nowhere(Code::FolderEmpty, message, help));
    }
    names
}

/// The bytes of a file of bounded size.
pub(crate) fn read_file(path: &Path, found: &mut Vec<Diagnostic>) -> Option<Vec<u8>> {
    let cap = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(cap + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let message = format!("{} cannot be read: {error}.", path.display());
        found.push(Diagnostic::nowhere(
            Code::FileUnreadable,
            message,
            "Let the gateway read it, or remove it.",
        ));
        return None;
    }
    if bytes.len() > yaml::MAX_BYTES {
        let message = format!("{} is larger than 1 MiB.", path.display());
        found.push(Diagnostic::nowhere(Code::FileTooLarge, message, "Split it into several activities."));
        return None;
    }
    Some(bytes)
}

/// The text of a file, without the mark that some editors put first.
pub(crate) fn utf8(path: &Path, bytes: Vec<u8>, found: &mut Vec<Diagnostic>) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("{} is not UTF-8 in line {line}.", path.display());
            found.push(Diagnostic::nowhere(Code::NotUtf8, message, "Save it as UTF-8."));
            None
        }
    }
}

/// Whether any of these keeps a set from being served.
pub fn has_errors(found: &[Diagnostic]) -> bool {
    found.iter().any(|found| found.code.severity() == Severity::Error)
}
