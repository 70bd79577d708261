//! The deployment that a command speaks of, and its policies: read, and everything that is wrong with them shown.

use std::path::Path;

use super::{Deployment, output};
use crate::config::{self, Config};
use crate::plan::{self, Loaded, Plan};
use crate::policy::{Diagnostics, PolicySet};

/// The deployment's file. Where it is not valid, all findings are shown and there is none.
pub(super) fn read(deployment: &Deployment) -> Option<Config> {
    at(&deployment.config)
}

/// The same for a path.
pub(super) fn at(path: &Path) -> Option<Config> {
    match config::load(path) {
        Ok((config, warnings)) => {
            show(&warnings);
            Some(config)
        }
        Err(diagnostics) => {
            show(&diagnostics);
            None
        }
    }
}

/// The deployment's policies. Where they are not valid, all findings are shown and there are none.
pub(super) fn policies(config: &Config) -> Option<(Plan, PolicySet)> {
    match plan::load(&config.policies, &config.deployment()) {
        Ok(Loaded { plan, set, warnings }) => {
            show(&warnings);
            Some((plan, set))
        }
        Err(diagnostics) => {
            show(&diagnostics);
            None
        }
    }
}

/// Shows findings to the person at the terminal, and counts them.
pub(super) fn show(diagnostics: &Diagnostics) {
    show_all(&[diagnostics]);
}

/// The same of several files, counted together.
pub(super) fn show_all(all: &[&Diagnostics]) {
    if all.iter().all(|one| one.is_empty()) {
        return;
    }
    output::note(Diagnostics::render_all(all, output::colours(&std::io::stderr())));
}
