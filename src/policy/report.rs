//! Findings for programs: JSON of our own, and SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change.
//!
//! The JSON is an interface: a member never changes its meaning, and new ones may come. Neither holds the text of a file.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::codes::{Code, Severity};
use super::diagnostics::{Diagnostic, Diagnostics, Place};

/// What may not stand as it is in the path of a URI (RFC 3986 section 3.3), and `:`, which would begin another scheme.
const URI_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The schema that a SARIF file names: the one that the standard was published with.
const SARIF_SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// All findings as one JSON object.
///
/// `version` is 1; `valid` says whether there are no errors; `errors` and `warnings` count; `diagnostics` holds for each finding
/// `code`, `severity` (`error` or `warning`), `title` (what the code is about), `article` of the GDPR (or null), `message`,
/// `help`, and its place: `file`, and `line`, `column`, `end_line`, `end_column`, counted from one and in characters,
/// the end not included. A finding without a place has null there. `page` is the address of the code's page below `pages`,
/// where the pages are published, or null.
///
/// `more` are members besides, of whoever reports.
pub fn json(found: &[&Diagnostics], pages: Option<&str>, more: Map<String, Value>) -> String {
    let errors: usize = found.iter().map(|found| found.errors()).sum();
    let warnings: usize = found.iter().map(|found| found.warnings()).sum();
    let diagnostics: Vec<Value> =
        found.iter().flat_map(|all| all.iter().map(|one| finding(one, place(all, one), pages))).collect();
    let mut report = json!({
        "version": 1,
        "valid": errors == 0,
        "errors": errors,
        "warnings": warnings,
        "diagnostics": diagnostics,
    });
    if let Some(members) = report.as_object_mut() {
        members.extend(more);
    }
    format!("{report:#}\n")
}

/// All findings as a SARIF 2.1.0 log of one run; every code that there is stands among its rules, with its page as help
/// and, where the pages are published, the page's address.
pub fn sarif(found: &[&Diagnostics], pages: Option<&str>) -> String {
    let results: Vec<Value> =
        found.iter().flat_map(|all| all.iter().map(|one| result(one, place(all, one)))).collect();
    let rules: Vec<Value> = Code::ALL.iter().map(|code| rule(*code, pages)).collect();
    let log = json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "consentry",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn place<'d>(all: &'d Diagnostics, one: &Diagnostic) -> Option<Place<'d>> {
    all.sources().range(one.span?)
}

fn finding(one: &Diagnostic, place: Option<Place<'_>>, pages: Option<&str>) -> Value {
    let place = place.as_ref();
    json!({
        "code": one.code.code(),
        "severity": level(one.code),
        "title": one.code.title(),
        "article": one.code.article(),
        "message": one.message,
        "help": one.help,
        "page": pages.map(|pages| page(one.code, pages)),
        "file": place.map(|place| place.file),
        "line": place.map(|place| place.start.0),
        "column": place.map(|place| place.start.1),
        "end_line": place.map(|place| place.end.0),
        "end_column": place.map(|place| place.end.1),
    })
}

fn result(one: &Diagnostic, place: Option<Place<'_>>) -> Value {
    let index = Code::ALL.iter().position(|code| *code == one.code);
    let mut result = Map::new();
    result.insert("ruleId".into(), one.code.code().into());
    result.insert("ruleIndex".into(), index.into());
    result.insert("level".into(), level(one.code).into());
    result.insert("message".into(), json!({ "text": format!("{} {}", one.message, one.help) }));
    if let Some(place) = place {
        let location = json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(place.file) },
            "region": {
                "startLine": place.start.0,
                "startColumn": place.start.1,
                "endLine": place.end.0,
                "endColumn": place.end.1,
            },
        } });
        result.insert("locations".into(), json!([location]));
    }
    Value::Object(result)
}

fn page(code: Code, pages: &str) -> String {
    format!("{}/{}.md", pages.trim_end_matches('/'), code.code())
}

fn rule(code: Code, pages: Option<&str>) -> Value {
    let about = match code.article() {
        Some(article) => format!("GDPR {article}: {}", code.title()),
        None => code.title().to_owned(),
    };
    let mut rule = Map::new();
    rule.insert("id".into(), code.code().into());
    rule.insert("shortDescription".into(), json!({ "text": about }));
    rule.insert("help".into(), json!({ "text": code.page(), "markdown": code.page() }));
    if let Some(pages) = pages {
        rule.insert("helpUri".into(), page(code, pages).into());
    }
    rule.insert("defaultConfiguration".into(), json!({ "level": level(code) }));
    Value::Object(rule)
}

const fn level(code: Code) -> &'static str {
    match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A file's name as a reference: relative to where the command was run, as long as the name is.
fn uri(name: &str) -> String {
    let path = utf8_percent_encode(name.strip_prefix("./").unwrap_or(name), URI_PATH);
    if name.starts_with('/') { format!("file://{path}") } else { path.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::{Sources, Span};

    fn two_files() -> [Diagnostics; 2] {
        let mut sources = Sources::default();
        let text = "title: Prédire\nüber: 1\n";
        let source = sources.add("./policies/a file.yaml", text);
        let start = text.find("über").unwrap();
        let span = Span { source, start, end: start + "über".len() };
        let found = vec![
            Diagnostic::new(Code::UnknownKey, span, "The activity has no key `über`.", "Check it."),
            Diagnostic::nowhere(Code::FolderEmpty, "policies holds no activity.", "Write one."),
        ];
        let mut other = Sources::default();
        let source = other.add("/etc/consentry.yaml", "http: x\n");
        let span = Span { source, start: 0, end: 4 };
        let clear = Diagnostic::new(Code::UpstreamInTheClear, span, "In the clear.", "Write https.");
        [Diagnostics::new(Arc::new(other), vec![clear]), Diagnostics::new(Arc::new(sources), found)]
    }

    #[test]
    fn the_findings_of_all_files_are_one_object() {
        let [one, other] = two_files();
        insta::assert_snapshot!("json", json(&[&one, &other], None, Map::new()));
    }

    #[test]
    fn a_warning_alone_is_valid_and_so_is_nothing() {
        let [warning, _] = two_files();
        let pages = json(&[&warning], Some("https://example.org/codes"), Map::new());
        assert!(pages.contains("\"page\": \"https://example.org/codes/CP0604.md\""), "{pages}");
        for found in [&[&warning][..], &[]] {
            let report: Value = serde_json::from_str(&json(found, None, Map::new())).unwrap();
            assert_eq!(report["valid"], true);
            assert_eq!(report["errors"], 0);
            assert_eq!(report["warnings"], found.len());
        }
    }

    #[test]
    fn a_sarif_log_names_rules_levels_and_places() {
        let [one, other] = two_files();
        let mut log: Value =
            serde_json::from_str(&sarif(&[&one, &other], Some("https://example.org/codes/"))).unwrap();
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
        assert_eq!(rules.len(), Code::ALL.len());
        for (rule, code) in rules.iter_mut().zip(Code::ALL) {
            assert_eq!(rule["helpUri"], format!("https://example.org/codes/{}.md", code.code()));
            // Pages have golden files of their own: themselves.
            let help = rule.as_object_mut().unwrap().remove("help").unwrap();
            assert_eq!(
                (help["text"].as_str(), help["markdown"].as_str()),
                (Some(code.page()), Some(code.page()))
            );
        }
        let of_results: Vec<_> = [Code::UpstreamInTheClear, Code::FolderEmpty, Code::UnknownKey]
            .map(|code| rules[Code::ALL.iter().position(|other| *other == code).unwrap()].clone())
            .to_vec();
        *rules = of_results;
        // Which place a code has in the list changes with every code that comes: it must lead to the rule, whatever it is.
        for result in log["runs"][0]["results"].as_array_mut().unwrap() {
            let result = result.as_object_mut().unwrap();
            let place = usize::try_from(result.remove("ruleIndex").unwrap().as_u64().unwrap()).unwrap();
            assert_eq!(result["ruleId"], Code::ALL[place].code());
        }
        insta::assert_snapshot!("sarif", format!("{log:#}"));
    }
}
