//! `schema`: JSON Schema of the files that people write, for editors.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::{Exit, output};
use crate::config::FileKind;

#[derive(Debug, clap::Args)]
#[command(override_usage = "consentry schema <KIND>\n       consentry schema --output <FOLDER> [KIND]")]
pub(super) struct Args {
    /// Which kind of file; with --output it may be left out for every kind.
    #[arg(value_parser = kinds())]
    kind: Option<String>,
    /// Write each to a file of this folder, `activity.schema.json` for example, instead of printing it.
    #[arg(long, value_name = "FOLDER", required_unless_present = "kind")]
    output: Option<PathBuf>,
}

fn kinds() -> clap::builder::PossibleValuesParser {
    FileKind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>().into()
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let asked = |kind: &&FileKind| args.kind.as_ref().is_none_or(|word| word == kind.word());
    for kind in FileKind::ALL.iter().filter(asked) {
        let Some(folder) = &args.output else {
            output::text(kind.schema());
            continue;
        };
        let path = folder.join(kind.file_name());
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(&path, kind.schema()).with_context(|| format!("cannot write {}", path.display()))?;
        output::line(path.display());
    }
    Ok(Exit::Fine)
}
