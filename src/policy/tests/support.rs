//! Folders that differ from the shipped one in a few words.

use std::fs;
use std::path::Path;

use crate::plan::{self, Deployment};
use crate::policy::{Code, Diagnostics};

pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    /// The shipped policies without their cases.
    pub(super) fn shipped() -> Self {
        let folder = Self::empty();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        for name in ["organisation", "favourites", "favourites-research", "favourites-access"] {
            let name = format!("{name}.yaml");
            fs::copy(shipped.join(&name), folder.0.path().join(&name)).unwrap();
        }
        folder
    }

    pub(super) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Changes a text that must be there.
    pub(super) fn change(self, name: &str, from: &str, to: &str) -> Self {
        let path = self.0.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
        self
    }

    /// Everything that is found, with the shipped deployment.
    pub(super) fn found(&self) -> Diagnostics {
        let deployment = Deployment {
            file: None,
            upstreams: [
                ("favourites-model".into(), "model-host".into()),
                ("us-model".into(), "us-llm".into()),
            ]
            .into(),
            interchange_keys: vec!["model-host-2026".into()],
            analyzers: [("local".to_owned(), "model-host".to_owned())].into(),
        };
        match plan::load(self.0.path(), &deployment) {
            Ok(loaded) => loaded.warnings,
            Err(found) => found,
        }
    }

    /// Code, place, underlined text, message and help of each finding.
    pub(super) fn lines(&self) -> String {
        let found = self.found();
        let lines: Vec<String> = found
            .iter()
            .map(|one| {
                let place = one.span.and_then(|span| {
                    let (file, line, column) = found.sources().place(span)?;
                    let file = Path::new(file).file_name()?.to_str()?;
                    Some(format!("{file}:{line}:{column} [{}]", found.sources().text(span)))
                });
                let place = place.unwrap_or_default();
                format!(
                    "{} {place}\n  {}\n  {}\n",
                    one.code,
                    self.nameless(&one.message),
                    self.nameless(&one.help)
                )
            })
            .collect();
        lines.concat()
    }

    pub(super) fn codes(&self) -> Vec<Code> {
        self.found().iter().map(|one| one.code).collect()
    }

    /// A text without the folder's name.
    pub(super) fn nameless(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "policies/")
            .replace(&self.0.path().display().to_string(), "policies")
    }
}
