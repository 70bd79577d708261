//! The demo's keys are known to everybody who can run the demo's script: they serve this host alone.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::files;

use super::setting::Config;

/// What the demo writes into every file of keys that it makes: into a comment, or before the first line of PEM.
pub const DEMO_MARKER: &str = "consentry-demo";

/// How much of a file is looked at, in bytes.
const LOOKED_AT: usize = 64 << 10;

/// Material of the demo, and a listener that other hosts can reach.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} was made for the demo, and may serve listeners on 127.0.0.1 and [::1] only: make keys of your own", .path.display())]
pub struct DemoExposed {
    /// The first such file.
    pub path: PathBuf,
}

/// Whether the text of a key, certificate or secret was made for the demo.
pub fn demo_only(text: &str) -> bool {
    text.contains(DEMO_MARKER)
}

/// Refuses material of the demo where other hosts can connect.
///
/// # Errors
/// The first of [`demo_exposed`].
pub fn refuse_demo(config: &Config) -> Result<(), DemoExposed> {
    demo_exposed(config).into_iter().next().map_or(Ok(()), Err)
}

/// Material of the demo where other hosts can connect. Looks into every file of [`Config::material`]; one that cannot be read is
/// left to whoever opens it. Blocks on the disk.
pub fn demo_exposed(config: &Config) -> Vec<DemoExposed> {
    let material = config.material().filter(|_| !config.all_loopback());
    material.filter(|path| is_demo(path)).map(|path| DemoExposed { path: path.to_owned() }).collect()
}

fn is_demo(path: &Path) -> bool {
    // As much room at once as there may be: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LOOKED_AT + 64));
    let cap = u64::try_from(LOOKED_AT).unwrap_or(u64::MAX);
    let read = files::open(path).and_then(|file| file.take(cap).read_to_end(&mut bytes));
    read.is_ok() && bytes.windows(DEMO_MARKER.len()).any(|window| window == DEMO_MARKER.as_bytes())
}
