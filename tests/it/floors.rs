//! The house stands as `src/lib.rs` says: a room uses rooms on lower floors, and none above it or beside it. Files are
//! small.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors from the ground up. What stands on the ground may be used by all, its neighbours included.
const FLOORS: [&[&str]; 12] = [
    &["clock", "files", "lock", "newest", "personal", "problem", "telemetry"],
    &["crypto", "detect", "net", "payload"],
    &["action", "audit", "check", "condition"],
    &["policy"],
    &["draft", "plan"],
    &["analyzer", "drift", "identity", "keys", "limits", "store", "upstream"],
    &["custody", "journal", "standing"],
    &["pipeline", "rights"],
    &["admin", "notice", "proxy"],
    &["config"],
    &["app"],
    &["cli"],
];

/// How many lines a file of the house has at most.
const LONGEST: usize = 500;

/// Imports that run up, each with the reason. Only tests are excused: what is built stands by the rule.
const EXCUSED: [(&str, &str, &str); 1] = [(
    "policy/tests/support.rs",
    "plan",
    "all that is found in a folder is found by compiling it for a deployment",
)];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Why a room may not use another, if it may not.
fn fault(room: &str, used: &str) -> Option<String> {
    let (Some(here), Some(there)) = (floor(room), floor(used)) else {
        return Some(format!("`{room}` uses `{used}`, and one of them stands on no floor"));
    };
    match here.cmp(&there) {
        _ if room == used || here == 0 && there == 0 => None,
        std::cmp::Ordering::Greater => None,
        std::cmp::Ordering::Equal => Some(format!("`{room}` uses `{used}`, its neighbour on the same floor")),
        std::cmp::Ordering::Less => Some(format!("`{room}` uses `{used}`, which stands above it")),
    }
}

/// The rooms that a source text names by `crate::`, grouped imports included. Comments do not count.
fn rooms_used(text: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let name = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` of a macro is the same; a longer word that ends so is none.
        if code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => rooms.extend([name(rest)]),
            Some(group) => {
                // The names at the group's own depth.
                let mut depth = 1;
                let mut start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 1 => start = true,
                        c if start && depth == 1 && !c.is_whitespace() => {
                            start = false;
                            rooms.extend([name(&group[at..])]);
                        }
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files.sort_unstable();
    files
}

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room in which a file of `src` lies; none for `lib.rs` and `main.rs`.
fn room(file: &Path) -> Option<String> {
    let first = file.strip_prefix(house()).unwrap().components().next().unwrap();
    let name = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
    (name != "lib" && name != "main").then_some(name)
}

#[test]
fn rooms_use_only_what_stands_below_them() {
    let mut faults = BTreeSet::new();
    for file in sources(&house()) {
        let Some(room) = room(&file) else { continue };
        let name = file.strip_prefix(house()).unwrap().display().to_string();
        for used in rooms_used(&fs::read_to_string(&file).unwrap()) {
            let excused = EXCUSED.iter().any(|(file, room, _)| *file == name && *room == used);
            match fault(&room, &used) {
                Some(fault) if !excused => {
                    faults.insert(format!("{fault}: {name}"));
                }
                None if excused => {
                    faults.insert(format!("{name} uses `{used}` and needs no excuse any more"));
                }
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", Vec::from_iter(faults).join("\n"));
}

#[test]
fn every_room_of_the_house_stands_on_one_floor() {
    let lib = fs::read_to_string(house().join("lib.rs")).unwrap();
    let rooms: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let floors: Vec<&str> = FLOORS.into_iter().flatten().copied().collect();
    assert_eq!(rooms, floors.iter().copied().collect());
    assert_eq!(rooms.len(), floors.len());
}

#[test]
fn an_import_that_runs_up_or_sideways_is_said_in_a_sentence() {
    let text = "use crate::store::{Store, Row};\nuse crate::{clock::Clock, net::{self, tls}, plan};\n// crate::app\nlet x = crate::rights::erase;";
    assert_eq!(Vec::from_iter(rooms_used(text)), ["clock", "net", "plan", "rights", "store"]);
    assert_eq!(fault("action", "store").unwrap(), "`action` uses `store`, which stands above it");
    assert_eq!(
        fault("payload", "crypto").unwrap(),
        "`payload` uses `crypto`, its neighbour on the same floor"
    );
    assert!(fault("action", "cellar").is_some());
    assert_eq!(
        (fault("app", "proxy"), fault("store", "store"), fault("personal", "clock")),
        (None, None, None)
    );
}

#[test]
fn files_are_small() {
    let mut faults = Vec::new();
    for file in sources(&house()) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let name = file.strip_prefix(house()).unwrap().display().to_string();
        if lines > LONGEST {
            faults.push(format!("{name} has {lines} lines: part it"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
