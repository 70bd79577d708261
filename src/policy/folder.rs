//! Reads a policies folder.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sha2::{Digest, Sha256};

use crate::files;

use super::cases::CaseFile;
use super::codes::{Code, Severity};
use super::diagnostics::{Diagnostic, Sources};
use super::listing::{ACTIVITY, CASES, Listed, ORGANISATION, list};
use super::model::{Activity, Organisation, PolicySet};
use super::reader::Reader;
use super::{cases, checks, law, read_activity, read_organisation, schemas, transfers, yaml};

const ORGANISATION_STEM: &str = "organisation";
/// How many files make a thread worth its while, and how many it takes at a time.
const FOR_A_THREAD: usize = 8;
const PORTION: usize = 4;

/// What a folder says, and what is wrong with it; the set may have holes where something is.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As far as it could be read.
    pub set: PolicySet,
    /// All findings.
    pub found: Vec<Diagnostic>,
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
        files: Vec::new(),
    };
    let mut digest = Sha256::new();
    let Listed { names, misnamed } = list(folder, &mut reader);
    let mut files: Vec<_> = names.iter().map(|name| File::new(folder, name)).collect();
    on_all_cores(&mut files, File::open);
    for file in &mut files {
        file.count(&mut digest, &mut sources);
    }
    on_all_cores(&mut files, File::interpret);
    files.into_iter().for_each(|file| file.add_to(&mut set, &mut reader));
    let organisation_there = names.iter().any(|name| name == ORGANISATION);
    if !names.is_empty() && !organisation_there && !misnamed {
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

/// A file, from its name to what it says.
struct File<'a> {
    path: PathBuf,
    name: &'a str,
    /// Its name without the ending.
    stem: &'a str,
    kind: Kind,
    bytes: Option<Vec<u8>>,
    digest: [u8; 32],
    /// Its number among the sources, and its text, if it can be read.
    text: Option<(u32, Arc<str>)>,
    says: Option<Says>,
    /// What is wrong with it.
    reader: Reader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Organisation,
    Activity,
    Cases,
}

/// What a file says, as far as it can be understood.
enum Says {
    Organisation(Box<Organisation>),
    Activity(Box<Activity>),
    Cases(CaseFile),
}

impl<'a> File<'a> {
    fn new(folder: &Path, name: &'a str) -> Self {
        let is_case = name.ends_with(CASES);
        let stem = name.strip_suffix(if is_case { CASES } else { ACTIVITY }).unwrap_or(name);
        let kind = match stem {
            _ if is_case => Kind::Cases,
            ORGANISATION_STEM => Kind::Organisation,
            _ => Kind::Activity,
        };
        Self {
            path: folder.join(name),
            name,
            stem,
            kind,
            bytes: None,
            digest: [0; 32],
            text: None,
            says: None,
            reader: Reader::default(),
        }
    }

    fn open(&mut self) {
        self.bytes = read_file(&self.path, &mut self.reader.found);
        if let Some(bytes) = &self.bytes {
            self.digest = Sha256::digest(bytes).into();
        }
    }

    /// Counts it into the digest of the set and among the sources: both go by the order of names.
    fn count(&mut self, set: &mut Sha256, sources: &mut Sources) {
        let Some(bytes) = self.bytes.take() else { return };
        if self.kind != Kind::Cases {
            for part in [self.name.as_bytes(), &bytes] {
                set.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                set.update(part);
            }
        }
        self.text = utf8(&self.path, bytes, &mut self.reader.found).map(|text| {
            let text: Arc<str> = text.into();
            (sources.add(self.path.display().to_string(), Arc::clone(&text)), text)
        });
    }

    fn interpret(&mut self) {
        let Some((source, text)) = self.text.take() else { return };
        let reader = &mut self.reader;
        let Some(tree) = yaml::parse(source, &text, &mut reader.found) else { return };
        self.says = match self.kind {
            Kind::Cases => cases::read(self.stem, &tree, reader).map(Says::Cases),
            Kind::Organisation => {
                read_organisation::organisation(&tree, reader).map(Box::new).map(Says::Organisation)
            }
            Kind::Activity => {
                reader.check_name(self.stem, tree.span);
                let activity = read_activity::activity(self.stem, self.digest, &tree, reader);
                activity.map(Box::new).map(Says::Activity)
            }
        };
    }

    fn add_to(self, set: &mut PolicySet, reader: &mut Reader) {
        reader.found.extend(self.reader.found);
        reader.misread.extend(self.reader.misread);
        match self.says {
            Some(Says::Cases(cases)) => set.cases.push(cases),
            Some(Says::Organisation(organisation)) => set.organisation = Some(*organisation),
            Some(Says::Activity(activity)) if activity.shadows.is_some() => set.shadows.push(*activity),
            Some(Says::Activity(activity)) => set.activities.push(*activity),
            None if self.kind == Kind::Activity => set.unread.push(self.stem.to_owned()),
            None => {}
        }
        set.files.push((self.name.to_owned(), self.digest));
    }
}

/// Does something to each file, on several cores where there are many: reading them takes most of a start.
fn on_all_cores<'a>(files: &mut [File<'a>], work: impl Fn(&mut File<'a>) + Sync) {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(files.len() / FOR_A_THREAD).max(1);
    // In small portions: a core that has something else to do takes fewer.
    let portions = Mutex::new(files.chunks_mut(PORTION));
    let some = || {
        loop {
            let Some(portion) = portions.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                return;
            };
            portion.iter_mut().for_each(&work);
        }
    };
    thread::scope(|scope| {
        (1..cores).for_each(|_| drop(scope.spawn(some)));
        some();
    });
}

/// The bytes of a file of bounded size.
pub(crate) fn read_file(path: &Path, found: &mut Vec<Diagnostic>) -> Option<Vec<u8>> {
    let cap = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = files::open(path).and_then(|file| {
        // With room for all of it, it comes with one call and not with eight.
        let long = file.metadata()?.len().min(cap) + 1;
        bytes.reserve_exact(usize::try_from(long).unwrap_or(0));
        file.take(cap + 1).read_to_end(&mut bytes)
    });
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
