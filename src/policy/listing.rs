//! Which files of a folder are policies, and which somebody may believe to be some.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::codes::Code;
use super::diagnostics::Diagnostic;
use super::reader::Reader;

/// The file on who is responsible.
pub(super) const ORGANISATION: &str = "organisation.yaml";
/// How a file of cases ends.
pub(super) const CASES: &str = ".cases.yaml";
/// How an activity ends, and every other file that is read.
pub(super) const ACTIVITY: &str = ".yaml";
/// How deep below the folder, and among how many files, policies are looked for that nobody reads.
const DEPTH: usize = 8;
const LOOKED_AT: usize = 2_000;

/// The files of a folder.
pub(super) struct Listed {
    /// The names of those that are read, sorted.
    pub(super) names: Vec<String>,
    /// Whether the one on who is responsible is there under another name, which was reported.
    pub(super) misnamed: bool,
}

/// Whether a file of this name is a policy, or looks as if it were one: it may end in `.yml`, in capitals, or in a blank. What
/// editors and systems leave, beginning with a dot or ending in `~` or `.bak`, looks like none.
pub fn looks_like_policy(name: &str) -> bool {
    let name = name.trim_end().to_ascii_lowercase();
    !name.starts_with('.') && [ACTIVITY, ".yml"].iter().any(|ending| name.ends_with(ending))
}

/// The folder's policy files.
pub(super) fn list(folder: &Path, reader: &mut Reader) -> Listed {
    let mut names = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            reader.found.push(unreadable(folder, &error));
            return Listed { names, misnamed: false };
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                reader.found.push(unreadable(folder, &error));
                continue;
            }
        };
        let (name, spelt) = match entry.file_name().into_string() {
            Ok(name) => (name, true),
            Err(name) => (name.to_string_lossy().into_owned(), false),
        };
        if name.starts_with('.') {
            continue;
        }
        if name.ends_with(ACTIVITY) && spelt {
            names.push(name);
        } else if looks_like_policy(&name) {
            // Passed over, it would be a policy that somebody believes to be in force.
            let message = format!("{} would not be read.", entry.path().display());
            let help = match spelt {
                true => "Let its name end in `.yaml`, in small letters and with nothing behind it.",
                false => "Its name is not UTF-8: rename it.",
            };
            reader.found.push(Diagnostic::nowhere(Code::FileName, message, help));
        } else if is_folder(&entry)
            && let Some(file) = below(&entry.path())
        {
            let message = format!("{} is not read: policies lie in the folder itself.", file.display());
            let help = format!("Move it to {}, or out of it.", folder.display());
            reader.found.push(Diagnostic::nowhere(Code::PolicyBelow, message, help));
        }
    }
    names.sort_unstable();
    let misnamed = misnamed(folder, &mut names, reader);
    if !names.iter().any(|name| name != ORGANISATION && !name.ends_with(CASES)) {
        let message = format!("{} holds no activity.", folder.display());
        let help = "Write at least one `NAME.yaml`: without a policy nothing is served.";
        reader.found.push(Diagnostic::nowhere(Code::FolderEmpty, message, help));
    }
    Listed { names, misnamed }
}

fn unreadable(folder: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("{} cannot be read: {error}.", folder.display());
    let help = "Name the folder under `policies` in consentry.yaml, and let the gateway read it.";
    Diagnostic::nowhere(Code::FolderUnreadable, message, help)
}

/// Takes out what was meant to be the file on who is responsible, where that is not there: read as an activity, it would be
/// wrong in every line.
fn misnamed(folder: &Path, names: &mut Vec<String>, reader: &mut Reader) -> bool {
    let near = |name: &String| {
        let name = name.to_ascii_lowercase();
        name == ORGANISATION || name == "organization.yaml"
    };
    if names.iter().any(|name| name == ORGANISATION) {
        return false;
    }
    let Some(at) = names.iter().position(near) else { return false };
    let name = names.remove(at);
    let message = format!("{} would be read as an activity.", folder.join(name).display());
    let help = format!("Did you mean `{ORGANISATION}`? Rename it.");
    reader.found.push(Diagnostic::nowhere(Code::FileName, message, help));
    true
}

/// Whether this is a folder, or a link to one: mounted configurations have such.
fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && entry.path().is_dir())
}

/// The first policy that lies in a folder or below it, where that is no set of its own.
fn below(folder: &Path) -> Option<PathBuf> {
    let mut folders = vec![(folder.to_owned(), DEPTH)];
    let mut looked_at = 0;
    let mut first: Option<PathBuf> = None;
    while let Some((folder, depth)) = folders.pop() {
        if folder.join(ORGANISATION).exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            looked_at += 1;
            if looked_at > LOOKED_AT {
                return first;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if name.starts_with('.') {
                continue;
            }
            // Links to folders are not followed from here on: they could lead round in circles.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if depth > 0 {
                    folders.push((path, depth - 1));
                }
            } else if looks_like_policy(&name)
                && path.is_file()
                && first.as_ref().is_none_or(|first| path < *first)
            {
                first = Some(path);
            }
        }
    }
    first
}
