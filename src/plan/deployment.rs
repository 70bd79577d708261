//! The deployment as far as policies name what is in it.

use std::collections::BTreeMap;

/// What a plan must know of the deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// The recipient of each upstream, by the upstream's name.
    pub upstreams: BTreeMap<String, String>,
    /// Names of interchange keys; compiled actions count them in this order.
    pub interchange_keys: Vec<String>,
    /// The recipient of each analyser, by the analyser's name.
    pub analyzers: BTreeMap<String, String>,
}
