//! The schemas of `consentry.yaml` and the file of API keys against their readers.

use std::fs;
use std::path::Path;

use super::*;
use crate::config::schema::FileKind;
use crate::policy::Diagnostic;
use crate::policy::shape::trial::Trial;

fn trial(kind: FileKind, files: &[&str], read: impl Fn(&Path) -> Result<Diagnostics, Diagnostics>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts: Vec<_> = files.iter().map(|name| fs::read_to_string(root.join(name)).unwrap()).collect();
    let texts: Vec<_> = files.iter().zip(&texts).map(|(name, text)| (*name, text.as_str())).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.yaml");
    let read = |text: &str| -> Vec<Diagnostic> {
        fs::write(&path, text).unwrap();
        let (Ok(found) | Err(found)) = read(&path);
        found.iter().cloned().collect()
    };
    let schema = kind.schema();
    let (refused, accepted) = Trial { shape: kind.shape().0, schema: &schema, read: &read }.run(&texts);
    assert!(refused > 100 && accepted > 10, "{refused} refused, {accepted} accepted by both");
}

#[test]
fn configurations_are_read_as_their_schema_says() {
    let files = ["consentry.example.yaml", "tests/deployment/consentry.yaml", "tests/schema/consentry.yaml"];
    trial(FileKind::Consentry, &files, |path| load(path).map(|(_, warnings)| warnings));
}

#[test]
fn api_keys_are_read_as_their_schema_says() {
    let nothing = || Diagnostics::new(std::sync::Arc::default(), Vec::new());
    trial(FileKind::ApiKeys, &["tests/schema/api-keys.yaml"], |path| api_keys(path).map(|_| nothing()));
}
