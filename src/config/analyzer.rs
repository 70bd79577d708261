//! Reads `analyzers`: who is asked about free text.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::address::{self, Query};
use super::file::File;
use super::shape;
use crate::policy::Code;
use crate::policy::yaml::Node;

/// How long the texts of one exchange may take, where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How many texts are asked about at a time, where nothing is said.
const AT_ONCE: u32 = 8;

/// A server with the interface of Presidio's analyzer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyzerEntry {
    /// `url`: where texts are posted.
    pub url: Uri,
    /// `recipient`: who runs it, by the name that `organisation.yaml` declares.
    pub recipient: Arc<str>,
    /// `timeout`: how long the texts of one exchange may take together. Default: `2s`.
    pub timeout: Duration,
    /// `language`: of the texts, as the analyser names it. Has no default.
    pub language: String,
    /// `at_once`: how many texts are asked about at a time, 1 to 256. Default: 8.
    pub at_once: usize,
    /// What it finds, entity and text, where cases say so; then nobody is asked.
    pub finds: Option<Vec<(String, String)>>,
}

pub(super) fn analyzers(node: &Node, file: &mut File<'_>) -> Option<BTreeMap<Arc<str>, AnalyzerEntry>> {
    let entries = file.reader.names(node, "analysers")?;
    let mut analyzers = Vec::new();
    for entry in entries {
        let named = file.reader.check_name(&entry.key, entry.at);
        let analyzer = analyzer(&entry.value, file);
        analyzers.push(analyzer.filter(|_| named).map(|analyzer| (Arc::from(entry.key.as_str()), analyzer)));
    }
    analyzers.into_iter().collect()
}

fn analyzer(node: &Node, file: &mut File<'_>) -> Option<AnalyzerEntry> {
    let mut map = file.reader.map(node, &shape::ANALYZER)?;
    let url = map.must("url", "Write `url: \"http://127.0.0.1:5002/analyze\"`.");
    let url = url.and_then(|node| {
        let (_, url) = address::url(node, Query::Refused, file)?;
        if !address::is_protected(&url) {
            let message = "Texts go to this analyser without encryption.";
            let help = "Run it on the gateway's own host, or write `https://`, unless the network between the two is yours alone.";
            file.reader.report(Code::UpstreamInTheClear, node.span, message, help);
        }
        Some(url)
    });
    let help = "Write who runs it: `recipient: NAME`, as organisation.yaml declares it.";
    let recipient = map.must("recipient", help).and_then(|node| file.reader.name(node));
    let language =
        map.must("language", "Write the texts' language as the analyser names it: `language: en`.");
    let language = language.and_then(|node| file.reader.name(node));
    let timeout = map.take("timeout").map_or(Some(TIMEOUT), |node| {
        let timeout = file.reader.duration(node)?;
        if timeout.is_zero() || timeout > Duration::from_secs(60) {
            let help = "Write a time from 1ms to 60s.";
            file.reader.report(
                Code::WrongValue,
                node.span,
                "An analyser is waited for neither not at all nor for long.",
                help,
            );
            return None;
        }
        Some(timeout)
    });
    let at_once = map.take("at_once").map_or(Some(AT_ONCE), |node| file.reader.integer(node, 1, 256));
    map.finish(&mut file.reader);
    Some(AnalyzerEntry {
        url: url?,
        recipient: recipient?.value.into(),
        timeout: timeout?,
        language: language?.value,
        at_once: usize::try_from(at_once?).ok()?,
        finds: None,
    })
}
