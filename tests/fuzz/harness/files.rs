//! Files that the gateway's keeper writes: whatever is wrong with them is said, and every place that is named is one.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use consentry::policy::{Code, Diagnostics};
use consentry::{config, plan};
use tempfile::TempDir;

const POLICIES: [(&str, &str); 2] = [
    ("organisation.yaml", include_str!("../../../policies/organisation.yaml")),
    ("favourites.yaml", include_str!("../../../policies/favourites.yaml")),
];

thread_local! {
    /// Each thread has a folder of its own for as long as it lives.
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

fn folder() -> PathBuf {
    FOLDER.with(|folder| folder.get_or_init(|| tempfile::tempdir().expect("a folder")).path().to_owned())
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a file in a folder of our own");
}

/// The deployment that policies are compiled for.
fn deployment() -> plan::Deployment {
    let upstreams = [("favourites-model".to_owned(), "model-host".to_owned())].into();
    plan::Deployment { upstreams, interchange_keys: vec!["lab".to_owned()], ..plan::Deployment::default() }
}

/// The shipped policies, one file of them being the input.
pub(super) fn policies(name: &str, input: &[u8]) {
    let folder = folder();
    for (shipped, text) in POLICIES {
        write(&folder.join(shipped), text.as_bytes());
    }
    write(&folder.join(name), input);
    let found = match plan::load(&folder, &deployment()) {
        Ok(plan::Loaded { plan, warnings, .. }) => {
            assert_eq!(warnings.errors(), 0, "a plan is made of files without errors alone");
            assert!(!plan.routes.is_empty(), "a plan serves something");
            warnings
        }
        Err(found) => found,
    };
    has_places(&found);
    let lost = found.iter().any(|found| found.code == Code::NotCompiled);
    assert!(!lost, "what is wrong is said: {found}");
}

/// A plan of one activity with these routes.
pub(super) fn plan_of(activity: &str) -> plan::Plan {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("organisation.yaml"), POLICIES[0].1.as_bytes());
    write(&folder.path().join("favourites.yaml"), activity.as_bytes());
    match plan::load(folder.path(), &deployment()) {
        Ok(loaded) => loaded.plan,
        Err(found) => panic!("{}", found.render(false)),
    }
}

/// The text of the shipped activity.
pub(super) fn activity() -> &'static str {
    POLICIES[1].1
}

/// The configuration of a deployment.
pub(super) fn config(input: &[u8]) {
    let path = folder().join("consentry.yaml");
    write(&path, input);
    match config::load(&path) {
        Ok((config, warnings)) => {
            assert_eq!(warnings.errors(), 0, "a configuration is made of a file without errors alone");
            assert!(!config.listeners.is_empty(), "a deployment listens somewhere");
            has_places(&warnings);
        }
        Err(found) => has_places(&found),
    }
}

/// The file of API keys.
pub(super) fn api_keys(input: &[u8]) {
    let path = folder().join("api-keys.yaml");
    write(&path, input);
    if let Err(found) = config::api_keys(&path) {
        has_places(&found);
    }
}

/// Every finding is within the text that it is about, and can be shown.
fn has_places(found: &Diagnostics) {
    for diagnostic in found {
        let Some(span) = diagnostic.span else { continue };
        let source = found.sources().source(span.source).expect("a finding names a file that was read");
        let within = span.start <= span.end && source.text.get(span.start..span.end).is_some();
        assert!(within, "{} is at {span:?} of {} bytes", diagnostic.code.code(), source.text.len());
        let place = found.sources().range(span).expect("a finding has a line and a column");
        assert!(place.start <= place.end, "{place:?}");
    }
    let shown = found.render(false);
    assert!(shown.lines().count() > found.iter().count(), "each finding is shown");
    assert!(found.to_string().lines().count() >= found.iter().count(), "each finding has its line");
}
