//! What a pattern shows of what is done to a value.

use std::fs;

use super::*;

#[tokio::test]
async fn a_pattern_that_fits_what_was_sent_shows_nothing_of_a_parameter() {
    let folder = folder();
    let policies = folder.path().join("policies");
    for (path, born, covered) in [
        ("{ matches: \"^/standing/p1_\" }", "^1990-01-01$", true),
        ("{ matches: \"^/standing/[^/]+$\" }", "^1990-01-01$", false),
        ("any", "^1990-01-01$", false),
        ("{ matches: \"^/standing/p1_\" }", "^[0-9-]+$", false),
    ] {
        let case = format!(
            "- case: a case\n  given: {{ token: {{ sub: robot, client_id: robot, scopes: [predict, behalf] }} }}\n  \
             send: {{ method: GET, path: \"/standing/ada?born=1990-12-10\" }}\n  upstream_asked: {{ path: {path}, query: \
             {{ born: {{ matches: \"{born}\" }} }} }}\n  caller_gets: {{ status: 200 }}\n"
        );
        fs::write(policies.join("standing.cases.yaml"), case).unwrap();
        let (config, plan, set) = read(folder.path());
        let (verdicts, coverage) = run(&config, &plan, &set, |_| {}).await.unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.faults.is_empty()), "{verdicts:?}");
        let asked = |item: &&plan::Item| {
            item.what.contains("{customer}: ")
                && item.what.contains("to the upstream")
                && !item.what.contains("x-agent")
        };
        let asked: Vec<_> = coverage.items().iter().filter(asked).map(|item| item.covered).collect();
        assert_eq!((asked.len(), asked.iter().all(|covered| *covered)), (2, covered), "{path} {born}");
    }
}
