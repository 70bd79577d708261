//! Certificates and secrets for one host, marked so that no listener but one on loopback takes them.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::MARKER;
pub(in crate::cli) use super::certificates::in_folder as certificates;
use crate::files;

/// Writes a secret that its owner alone can read; one that is there is left.
pub(in crate::cli) fn write_secret(path: &Path, secret: &str) -> anyhow::Result<()> {
    let mut file = files::create(path, 0o600)?;
    write!(file, "# {MARKER}: for loopback listeners only\n{secret}\n")
        .with_context(|| format!("cannot write {}", path.display()))
}
