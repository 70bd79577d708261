//! Outside analysers.

use std::time::Duration;

use super::{LEAST, codes, found, good};
use crate::policy::Code;

fn with(analyzer: &str) -> String {
    format!("{LEAST}analyzers: {{ local: {analyzer} }}\n")
}

#[test]
fn what_is_not_said_has_a_default() {
    let config = good(&with("{ url: \"http://127.0.0.1:5002/analyze\", recipient: own-it, language: en }"));
    let entry = &config.analyzers["local"];
    assert_eq!((entry.timeout, entry.language.as_str(), entry.at_once), (Duration::from_secs(2), "en", 8));
    assert!(entry.finds.is_none());
    assert_eq!(config.deployment().analyzers["local"], "own-it");
    assert!(good(LEAST).analyzers.is_empty());
}

#[test]
fn what_cannot_be_is_told() {
    for (analyzer, expected) in [
        ("{ recipient: own-it, language: en }", Code::Missing),
        ("{ url: \"http://127.0.0.1:5002/analyze\", recipient: own-it }", Code::Missing),
        ("{ url: \"http://127.0.0.1:5002/analyze\", language: en }", Code::Missing),
        ("{ url: \"ftp://127.0.0.1/\", recipient: own-it, language: en }", Code::WrongValue),
        (
            "{ url: \"http://127.0.0.1:5002/analyze\", recipient: own-it, language: en, timeout: 2m }",
            Code::WrongValue,
        ),
        (
            "{ url: \"http://127.0.0.1:5002/analyze\", recipient: own-it, language: en, timeout: 0s }",
            Code::WrongValue,
        ),
        (
            "{ url: \"http://127.0.0.1:5002/analyze\", recipient: own-it, language: en, at_once: 0 }",
            Code::WrongValue,
        ),
        (
            "{ url: \"http://127.0.0.1:5002/analyze\", recipient: own-it, language: en, retries: 3 }",
            Code::UnknownKey,
        ),
        // Texts go to another host in clear: served, and warned of.
        (
            "{ url: \"http://198.51.100.7/analyze\", recipient: own-it, language: en }",
            Code::UpstreamInTheClear,
        ),
    ] {
        let codes: Vec<_> = codes(&found(&with(analyzer))).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [expected], "{analyzer}");
    }
}
