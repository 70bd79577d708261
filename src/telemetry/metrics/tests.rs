//! What is counted is scraped, and is what the documents say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;

#[test]
fn every_exchange_is_counted_where_it_belongs() {
    let (one, other) = (Metrics::new(), Metrics::new());
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    for (metrics, activity, outcome) in [
        (&one, &a, Outcome::Answered),
        (&one, &a, Outcome::Answered),
        (&one, &b, Outcome::Answered),
        (&one, &b, Outcome::Refused),
        (&other, &b, Outcome::Refused),
        (&one, &b, Outcome::Refused),
        (&one, &"a".into(), Outcome::Answered),
    ] {
        metrics.exchange(activity, outcome, Duration::from_millis(1));
    }
    let count = |metrics: &Metrics, activity, outcome| {
        let text = metrics.encode().unwrap();
        let line = format!("consentry_exchanges_total{{activity=\"{activity}\",outcome=\"{outcome}\"}} ");
        text.lines().find_map(|text| text.strip_prefix(&line)).map(|count| count.parse::<u64>().unwrap())
    };
    assert_eq!(count(&one, "a", "Answered"), Some(3));
    assert_eq!(count(&one, "b", "Answered"), Some(1));
    assert_eq!(count(&one, "b", "Refused"), Some(2));
    assert_eq!(count(&other, "b", "Refused"), Some(1));
    assert_eq!(count(&other, "a", "Answered"), None);
}

#[test]
fn what_is_counted_is_scraped() {
    let metrics = Metrics::new();
    metrics.exchange(&"favourites".into(), Outcome::Answered, Duration::from_millis(3));
    metrics.problem(Problem::TokenInvalid);
    let text = metrics.encode().unwrap();
    assert!(
        text.contains(r#"consentry_exchanges_total{activity="favourites",outcome="Answered"} 1"#),
        "{text}"
    );
    assert!(text.contains(r#"consentry_problems_total{problem="token-invalid"} 1"#), "{text}");
    assert!(text.contains("consentry_unauthenticated_total 1"), "{text}");
}

#[test]
fn an_api_key_that_is_gone_has_no_figure_any_more() {
    let metrics = Metrics::new();
    let scraped = |ends: &[(&str, i64)]| {
        metrics.api_keys_end(ends.iter().map(|(id, seconds)| ((*id).to_owned(), *seconds)));
        let text = metrics.encode().unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("consentry_api_key_expires_seconds"));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(scraped(&[("a", 1), ("b", 2)]), [r#"{api_key="a"} 1"#, r#"{api_key="b"} 2"#]);
    assert_eq!(scraped(&[("b", 3), ("c", 4)]), [r#"{api_key="b"} 3"#, r#"{api_key="c"} 4"#]);
    assert!(scraped(&[]).is_empty());
}

/// With every figure that there can be.
fn all() -> Metrics {
    let (metrics, activity): (_, Arc<str>) = (Metrics::new(), "favourites".into());
    for outcome in [Outcome::Answered, Outcome::Refused, Outcome::Abandoned, Outcome::Broken] {
        metrics.exchange(&activity, outcome, Duration::ZERO);
    }
    for shadowed in [Shadowed::Same, Shadowed::Stricter, Shadowed::Looser, Shadowed::Otherwise] {
        metrics.shadow(&activity, shadowed);
    }
    metrics.shadow_dropped(&activity);
    drop(metrics.upstream(&"model".into()));
    metrics.key_set_unfetched(&"https://id.example".into(), true);
    metrics.api_keys_end([("02386f713b695e73".to_owned(), 0)].into_iter());
    for result in ["unauthenticated", "forbidden"] {
        metrics.command("erase", result);
    }
    metrics.certificate("tls.crt", 0, 0);
    let missing = [("field", 1), ("parameter", 1), ("route", 1)];
    metrics.drift([(activity, missing, [("request", 1), ("response", 1)])].into_iter());
    metrics
}

/// The names by which the figures of this text are asked for, and what they are.
fn figures(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .map(|(name, is)| {
            let ending = match is {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            (format!("{name}{ending}"), is.to_owned())
        })
        .collect()
}

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

#[test]
fn the_page_has_every_figure_and_no_other() {
    let page = page("reference/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `consentry_")?.split_once("` | "));
    let said: BTreeMap<_, _> = rows
        .filter_map(|(name, rest)| {
            let (is, _) = rest.split_once(" | ")?;
            ["counter", "gauge", "histogram", "info"]
                .contains(&is)
                .then(|| (format!("consentry_{name}"), is.to_owned()))
        })
        .collect();
    assert_eq!(said, figures(&all().encode().unwrap()));
}

/// What a text asks for: a name, and what is in braces behind it.
fn asked(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("consentry_").map(|(at, _)| {
        let (_, rest) = text.split_at(at);
        let end = rest.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '_')).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        (name, rest.strip_prefix('{').and_then(|rest| Some(rest.split_once('}')?.0)).unwrap_or_default())
    })
}

#[test]
fn what_the_pages_and_the_rules_ask_for_is_there() {
    let text = all().encode().unwrap();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (name, is) in figures(&text) {
        if is == "histogram" {
            known.extend(["_bucket", "_count", "_sum"].map(|ending| format!("{name}{ending}")));
        }
        known.insert(name);
    }
    let mut rules = 0;
    for file in ["reference/metrics.md", "reference/prometheus-rules.yaml", "guide/living-policies.md"] {
        let page = page(file);
        // The page shows what is scraped, with its comments.
        let page: String = page.lines().filter(|line| !line.starts_with("# ")).collect::<Vec<_>>().join("\n");
        for (name, labels) in asked(&page) {
            assert!(known.contains(name), "{file}: {name}");
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (label, values) = label.split_once('=').unwrap();
                // In a table a bar is written with a backslash.
                let values = values.trim_start_matches('~').trim_matches('"').replace('\\', "");
                for value in values.split('|') {
                    let sample = |line: &str| {
                        line.starts_with(&format!("{name}{{"))
                            && line.contains(&format!("{label}=\"{value}\""))
                    };
                    assert!(text.lines().any(sample), "{file}: {name} with {label}={value}");
                }
            }
            rules += usize::from(file.ends_with(".yaml"));
        }
    }
    assert!(rules > 15);
}

#[test]
fn closed_lists_are_counted_from_zero_on() {
    let text = Metrics::new().encode().unwrap();
    for problem in Problem::ALL {
        let line = format!("consentry_problems_total{{problem=\"{}\"}} 0\n", problem.slug());
        assert!(text.contains(&line), "{line}");
    }
    for result in RELOADS {
        assert!(text.contains(&format!("consentry_reloads_total{{result=\"{result}\"}} 0\n")), "{text}");
    }
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("consentry_build_info{{version=\"{version}\"}} 1\n")), "{text}");
    assert!(text.contains("consentry_store_unavailable 0\n"), "{text}");
}
