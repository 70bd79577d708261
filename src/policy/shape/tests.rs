//! The schemas of policies against their readers, over every policy and case file of this repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::schema::{Outermost, of_file};
use super::trial::Trial;
use super::{ACTIVITY, CASE, ORGANISATION};
use crate::action::Spec;
use crate::policy::model::{Organisation, PolicySet};
use crate::policy::reader::Reader;
use crate::policy::yaml::{self, Node};
use crate::policy::{Code, Diagnostic, cases, law, read_activity, read_organisation};

/// Every file of policies and cases: shipped, and those of the tests.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "policies",
        "policies/examples",
        "tests/it/policies",
        "tests/clients/policies",
        "tests/schema/policies",
    ];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap().display().to_string();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// What a reader finds in a text, with what the law says of single words: those lists are in the schema as well.
fn found(text: &str, read: impl Fn(&Node, &mut Reader, &mut PolicySet)) -> Vec<Diagnostic> {
    let mut reader = Reader::default();
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
    if let Some(node) = yaml::parse(0, text, &mut reader.found) {
        read(&node, &mut reader, &mut set);
        let mut of_law = Reader::default();
        law::run(&set, &mut of_law);
        of_law.found.retain(|one| matches!(one.code, Code::UnknownCategory | Code::WrongValue));
        reader.found.extend(of_law.found);
    }
    reader.found
}

fn trial(
    kind: &str,
    shape: &'static super::Shape,
    outermost: Outermost,
    read: impl Fn(&Node, &mut Reader, &mut PolicySet),
) {
    let schema = of_file("", outermost, shape).to_string();
    let read = |text: &str| found(text, &read);
    let files = files();
    let of_kind = |name: &str| {
        let cases = name.ends_with(".cases.yaml");
        let organisation = name.ends_with("organisation.yaml");
        match kind {
            "cases" => cases,
            "organisation" => organisation,
            _ => !cases && !organisation,
        }
    };
    let texts: Vec<_> = files
        .iter()
        .filter(|(name, _)| of_kind(name))
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert!(texts.len() > 2, "{texts:?}");
    let (refused, accepted) = Trial { shape, schema: &schema, read: &read }.run(&texts);
    assert!(refused > 100 && accepted > 10, "{kind}: {refused} refused, {accepted} accepted by both");
}

#[test]
fn activities_are_read_as_their_schema_says() {
    trial("activity", &ACTIVITY, Outermost::Map, |node, reader, set| {
        // The name is that of the file, which a schema does not see.
        set.organisation = Some(Organisation::default());
        set.activities.extend(read_activity::activity("name", [0; 32], node, reader));
        reader.found.retain(|one| one.code != Code::FileName);
    });
}

#[test]
fn organisations_are_read_as_their_schema_says() {
    trial("organisation", &ORGANISATION, Outermost::Map, |node, reader, set| {
        set.organisation = read_organisation::organisation(node, reader);
    });
}

#[test]
fn cases_are_read_as_their_schema_says() {
    trial("cases", &CASE, Outermost::List, |node, reader, set| {
        set.cases.extend(cases::read("name", node, reader));
    });
}

#[test]
fn every_action_can_be_written_where_it_is_known() {
    let words = |shape: &super::Shape| shape.keys.iter().map(|key| key.name).collect::<Vec<_>>();
    assert_eq!(words(&super::action::UPSTREAM), Spec::WORDS);
    assert_eq!(words(&super::action::CALLER), Spec::WORDS);
}
