//! The kinds of files that people write, and the JSON Schema of each.

use super::shape::{API_KEYS, CONFIGURATION};
use crate::policy::shape::schema::{Outermost, of_file};
use crate::policy::shape::{ACTIVITY, CASE, ORGANISATION, Shape};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `consentry.yaml`
    Consentry,
    /// The file of API keys.
    ApiKeys,
    /// `policies/organisation.yaml`
    Organisation,
    /// `policies/NAME.yaml`
    Activity,
    /// `policies/NAME.cases.yaml`
    Cases,
}

impl FileKind {
    /// Every kind there is.
    pub const ALL: &'static [Self] =
        &[Self::Consentry, Self::ApiKeys, Self::Organisation, Self::Activity, Self::Cases];

    /// How a command names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Consentry => "consentry",
            Self::ApiKeys => "api-keys",
            Self::Organisation => "organisation",
            Self::Activity => "activity",
            Self::Cases => "cases",
        }
    }

    /// The name of its schema's file.
    pub fn file_name(self) -> String {
        format!("{}.schema.json", self.word())
    }

    /// What its outermost map is, and whether the file is a list of them.
    pub(super) const fn shape(self) -> (&'static Shape, Outermost) {
        match self {
            Self::Consentry => (&CONFIGURATION, Outermost::Map),
            Self::ApiKeys => (&API_KEYS, Outermost::Map),
            Self::Organisation => (&ORGANISATION, Outermost::Map),
            Self::Activity => (&ACTIVITY, Outermost::Map),
            Self::Cases => (&CASE, Outermost::List),
        }
    }

    /// Its JSON Schema (2020-12), as text.
    pub fn schema(self) -> String {
        let title = match self {
            Self::Consentry => "consentry.yaml",
            Self::ApiKeys => "Consentry: API keys",
            Self::Organisation => "Consentry: organisation.yaml",
            Self::Activity => "Consentry: an activity",
            Self::Cases => "Consentry: cases of an activity",
        };
        let (shape, outermost) = self.shape();
        format!("{:#}\n", of_file(title, outermost, shape))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_schemas_in_the_documents_are_those_of_this_version() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
        for kind in FileKind::ALL {
            let text = fs::read_to_string(folder.join(kind.file_name())).unwrap_or_default();
            let same = text == kind.schema();
            assert!(same, "{}: run `consentry schema --output docs/schema`", kind.file_name());
        }
    }

    #[test]
    fn every_shipped_file_names_the_schema_of_its_kind() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = vec![root.join("consentry.example.yaml")];
        for folder in ["policies", "policies/examples"] {
            files.extend(fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
        }
        files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        assert!(files.len() > 3, "{files:?}");
        for path in files {
            let name = path.file_name().unwrap().to_str().unwrap();
            let kind = match name {
                "consentry.example.yaml" => FileKind::Consentry,
                "organisation.yaml" => FileKind::Organisation,
                _ if name.ends_with(".cases.yaml") => FileKind::Cases,
                _ => FileKind::Activity,
            };
            let text = fs::read_to_string(&path).unwrap();
            let named = text.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=");
            let schema =
                path.parent().unwrap().join(named.unwrap_or_else(|| panic!("{name} names no schema")));
            assert!(schema.ends_with(kind.file_name()), "{name} names {}", schema.display());
            let same = fs::read_to_string(schema).unwrap() == kind.schema();
            assert!(same, "{name}: run `consentry schema --output docs/schema`");
        }
    }
}
