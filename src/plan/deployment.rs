//! The deployment as far as policies name what is in it.

use std::collections::BTreeMap;

/// What a plan must know of the deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// What its file is called, for messages; `None` where there is none.
    pub file: Option<String>,
    /// The recipient of each upstream, by the upstream's name.
    pub upstreams: BTreeMap<String, String>,
    /// Names of interchange keys; compiled actions count them in this order.
    pub interchange_keys: Vec<String>,
    /// The recipient of each analyser, by the analyser's name.
    pub analyzers: BTreeMap<String, String>,
}

impl Deployment {
    /// What its file is called: consentry.yaml where nobody says otherwise.
    pub(super) fn called(&self) -> &str {
        self.file.as_deref().unwrap_or("consentry.yaml")
    }

    /// Where its names stand, as messages have it.
    pub(super) fn within(&self) -> String {
        format!(" in {}", self.called())
    }
}
